"""Words and numbers as a page shows them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

# What Markdown would read as more than text. Names, notes and headers of files are only data.
_SIGNS = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_[]<>#$:~|&"})

# What makes the beginning of a line a list, a rule or the underline of a heading.
_LEADING = re.compile(r"^([-+=]|\d{1,9}(?=[.)](?!\S)))")

# Streamlit and its Markdown extensions replace these when the escapes are already gone: addresses
# by links, names between colons by icons and emoji, arrows by signs. Within each stands what shall
# not be followed by the rest.
_REPLACED = re.compile(
    r"""
    https?:(?=//[-.\w]*\.) | \bwww(?=\.) | @(?=[-\w]+\.)      # links
    | :(?=material/|(?!\d\d:)[-+\w]+:)                         # icons, emoji; 12:34:56 is none
    | (?<!\S)[-<>~](?=(?:->|[-=>])(?!\S))                      # arrows and the like
    """,
    re.VERBOSE | re.IGNORECASE,
)
# How a column shows what `percentage` gives: with no digit more.
PERCENT = "%g %%"

_WORD_JOINER = "\N{WORD JOINER}"  # is not seen, takes no room and breaks no line


def plain(text: object) -> str:
    """Escape a text so that Markdown shows it as it is, in one line.

    Whatever looks like markup, an address, an icon, an emoji or a formula is shown letter by
    letter, also at the beginning of a line. Blanks and line ends become single spaces.
    """
    # Names of files are bytes, which need not be UTF-8, and a page is.
    readable = str(text).encode("utf-8", "backslashreplace").decode()
    line = _REPLACED.sub(rf"\g<0>{_WORD_JOINER}", " ".join(readable.split()))
    escaped = line.translate(_SIGNS)
    return _LEADING.sub(lambda found: _escape_leading(found[0]), escaped)


def _escape_leading(sign: str) -> str:
    return f"{sign}\\" if sign.isdecimal() else f"\\{sign}"


def moments(times: Sequence[datetime | None]) -> pd.Series[Any]:
    """Put times into a column of a table; None leaves its cell empty."""
    return pd.Series(pd.to_datetime(np.array(times, dtype=object), utc=True))


def duration(seconds: float) -> str:
    """Say how long something takes."""
    if not math.isfinite(seconds) or seconds < 0:
        return "unknown"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
