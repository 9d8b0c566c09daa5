"""What the headers of a FITS file claim, judged before anything is made of it."""

from __future__ import annotations

import math
import os
import re
from typing import Protocol

from active_cnn.errors import SpectrumError

CARD, BLOCK = 80, 2880  # bytes
FITS_MAGIC = b"SIMPLE  ="

# FITS standard 4.0, sections 4.4.1 and 7.3.1.
MOST_AXES = MOST_FIELDS = 999
_BITS = (8, 16, 32, 64, -32, -64)

# Beyond what any spectrum has: the longest headers known have some thousands of cards.
MOST_HEADER = 1000 * BLOCK  # bytes: 36 000 cards
MOST_HDUS = 1000
MOST_CLAIMED = 2**40  # bytes of one HDU

_KEYWORD = re.compile(
    rb" *(?:HIERARCH +)?(BITPIX|[PG]COUNT|GROUPS|TFIELDS|Z?NAXIS\d*|ZTILE\d+) *= *([^/]*)", re.I
)
_WHOLE = re.compile(rb"[-+]?\d{1,19}")


class UnsoundError(SpectrumError):
    """A header that cannot be true."""


class Source(Protocol):
    """What a file is read from, forwards only."""

    def read(self, n: int, /) -> bytes:
        """Give the next n bytes, fewer at the end."""

    def seek(self, n: int, whence: int, /) -> int:
        """Skip n bytes, from where it is."""


def sound_size(source: Source) -> tuple[int, str]:
    """Go through the headers of a file and tell how much of it can be trusted.

    Parameters
    ----------
    source : file object
        At its beginning. Its data are passed over.

    Returns
    -------
    int
        Bytes, up to the end of the last HDU whose header is sound; more than there are if the file
        ends within its data.
    str
        What is wrong with the HDU after that; '' if there is none.

    Raises
    ------
    SpectrumError
        If it is empty, not a FITS file, or the first header is not sound.
    """
    size = number = 0
    block = source.read(BLOCK)
    if not block:
        raise SpectrumError("is empty")
    if not block.startswith(FITS_MAGIC):
        raise SpectrumError(f"is not a FITS file: it begins with {block[: len(FITS_MAGIC)]!r}")
    try:
        while block[:8].rstrip() in (b"SIMPLE", b"XTENSION"):
            if number == MOST_HDUS:
                raise UnsoundError(f"expected at most {MOST_HDUS} HDUs")
            cards, n_header = _read_cards(source, block)
            n_data = _claimed(cards)
            source.seek(n_data, os.SEEK_CUR)
            size += n_header + n_data
            number += 1
            block = source.read(BLOCK)
    except UnsoundError as error:
        trouble = f"is a damaged FITS file: HDU {number}, {error}"
        if not number:
            raise SpectrumError(trouble) from error
        return size, trouble
    return size, ""


def _read_cards(source: Source, block: bytes) -> tuple[dict[str, bytes], int]:
    """Give the texts of the structural cards of a header, and its size in bytes."""
    cards: dict[str, bytes] = {}
    size = 0
    while block:
        for at in range(0, len(block), CARD):
            if block[at : at + 8].rstrip() == b"END":
                return cards, size + BLOCK
            if card := _KEYWORD.match(block, at, at + CARD):
                name, text = card[1].decode().upper(), card[2].strip()
                # Of cards that contradict each other, one reader takes the first, another the last.
                if cards.setdefault(name, text) != text:
                    raise UnsoundError(f"{name} is {_said(cards[name])} and {_said(text)}")
        size += BLOCK
        if size >= MOST_HEADER:
            raise UnsoundError(f"its header has more than {MOST_HEADER // CARD} cards")
        block = source.read(BLOCK)
    raise UnsoundError("its header has no END")


def _claimed(cards: dict[str, bytes]) -> int:
    """Size of the data of an HDU by its header, in bytes with padding."""
    bits = _whole(cards, "BITPIX", 8)
    if bits not in _BITS:
        raise UnsoundError(f"BITPIX is {bits}, expected one of {', '.join(map(str, _BITS))}")
    axes = _axes(cards, "NAXIS")
    if axes and axes[0] == 0 and cards.get("GROUPS") == b"T":
        del axes[0]
    _whole(cards, "TFIELDS", 0, 0, MOST_FIELDS)
    _axes(cards, "ZNAXIS")
    for name in cards:
        if name.startswith("ZTILE"):
            _whole(cards, name, 1, 1)
    n = math.prod(axes) if axes else 0
    parameters, groups = _whole(cards, "PCOUNT", 0, 0), _whole(cards, "GCOUNT", 1, 0)
    size = abs(bits) // 8 * groups * (parameters + n) if axes else 0
    if size > MOST_CLAIMED:
        raise UnsoundError(f"its data would be {size:.3g} bytes, expected at most {MOST_CLAIMED}")
    return padded(size)


def _axes(cards: dict[str, bytes], name: str) -> list[int]:
    n = _whole(cards, name, 0, 0, MOST_AXES)
    return [_whole(cards, f"{name}{axis}", 0, 0) for axis in range(1, n + 1)]


def _whole(
    cards: dict[str, bytes], name: str, default: int, low: int = -(2**63), high: int = 2**63
) -> int:
    text = cards.get(name)
    if text is None:
        return default
    if not _WHOLE.fullmatch(text):
        raise UnsoundError(f"{name} is {_said(text)}, expected a whole number")
    value = int(text)
    if not low <= value <= high:
        limits = f"from {low} to {high}" if high < 2**63 else f"from {low} on"
        raise UnsoundError(f"{name} is {value}, expected a number {limits}")
    return value


def _said(text: bytes) -> str:
    return repr(text.decode("ascii", "backslashreplace"))[:40]


def padded(size: int) -> int:
    """Give the size with what fills the last block."""
    return -(-size // BLOCK) * BLOCK
