"""Names and labels as they come from files and forms: what stands around them is no part of them.

A name is trimmed once, where it enters; from there on it is compared sign by sign. Capitals, blanks
within it and the form of its letters (NFC, NFD) are its own.
"""

from __future__ import annotations

import os

# What the programs that compress files add to their names.
PACKED_SUFFIXES = (".gz", ".bz2", ".fz")

# Fixed-length strings are padded with NUL or blanks; U+FEFF is a byte order mark that was left.
_PADDING = "\0\ufeff"


def trim(text: str) -> str:
    """Take blanks, line ends, NUL and byte order marks off both ends of a text."""
    trimmed = text.strip()
    while trimmed and (trimmed[0] in _PADDING or trimmed[-1] in _PADDING):
        trimmed = trimmed.strip(_PADDING).strip()
    return trimmed


def unpacked(path: str) -> str:
    """Give a file's name or path, trimmed and without the suffix of its compression."""
    stem, suffix = os.path.splitext(path)  # noqa: PTH122 - ten times as fast
    return trim(stem if suffix.lower() in PACKED_SUFFIXES else path)
