"""Words and numbers as a page shows them."""

from __future__ import annotations

import math

# What Markdown would read as more than text. Names, notes and headers of files are only data.
_SIGNS = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_[]<>#$:~|"})


def plain(text: object) -> str:
    """Escape a text so that Markdown shows it as it is."""
    return str(text).translate(_SIGNS)


def duration(seconds: float) -> str:
    """Say how long something takes."""
    if not math.isfinite(seconds) or seconds < 0:
        return "unknown"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
