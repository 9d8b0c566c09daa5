"""LAMOST low resolution at the speed of a survey: what a window needs, straight from the bytes.

Only files that are in every detail as the survey writes them are read here. All others are left to
`readers.read`, which says what they are or lack; from it come the rules for what is read here, too.

On one core astropy takes 1100 µs to open such a file and to give its header and its data, fitsio
2400 µs (2200 µs of it for the header), this module 50 µs (astropy's `Header` alone: 300 µs). Of the
125 cards about 15 are needed; those in another than the fixed format are read by astropy's `Card`,
which takes 20 µs for each.
"""

from __future__ import annotations

import os
import re
import stat
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from isal import isal_zlib
from numpy.typing import NDArray

from active_cnn.grid import Grid
from active_cnn.names import trim
from active_cnn.records import Medium
from active_cnn.spectra.preprocessing import near_window
from active_cnn.spectra.readers import fits_file, surveys
from active_cnn.spectra.readers.axis import agree, coefficient_axis
from active_cnn.spectra.readers.lamost_lrs import N_ROWS, metadata
from active_cnn.spectra.readers.position import EQUINOX_CARDS, SYSTEM_CARDS
from active_cnn.spectra.readers.structure import BLOCK, CARD, MOST_FIELDS, padded

_END = b"END".ljust(CARD)
_BLANK = b" " * BLOCK
_KEYWORD = 9  # bytes of a card: its keyword and the sign of equality
_FIRST_PRINTABLE, _N_PRINTABLE = np.uint8(32), 95

# Holds the header and the flux of most files.
_BEGIN = 32 * 1024  # bytes
_MOST_CONTENT = 2**21  # bytes, ten times those of the largest kind

# Those that make a file unreadable when they are damaged, even if they do not matter.
_STRUCTURE = ("SIMPLE", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "EXTEND", "PCOUNT", "GCOUNT",
              "EXTNAME", "EXTVER", "EXTLEVEL")  # fmt: skip
_WHOLE = ("BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "PCOUNT", "GCOUNT", "TFIELDS")
_SAID = ("TELESCOP", "CTYPE1", "VACUUM", "AIRORVAC", "SNRR", "SN_R", "DESIG", "OBJNAME", "RA",
         "DEC", "CLASS", "SUBCLASS",
         *SYSTEM_CARDS, *EQUINOX_CARDS, "EPOCH")  # fmt: skip
_METADATA = ("EXTEN0", "COEFF0", "COEFF1", *_SAID)
_PRIMARY = frozenset((*_STRUCTURE, *_METADATA))
_TABLE = re.compile(
    r"XTENSION|BITPIX|NAXIS[12]?|[PG]COUNT|TFIELDS|T(TYPE|FORM)\d+|EXT[A-Z]+|INHERIT|"
    + "|".join(_SAID)
)

# What would change the meaning of the data or of other cards.
_UNUSUAL = re.compile(
    r"CONTINUE|HIERARCH|BSCALE|BZERO|BLANK|GROUPS|ZIMAGE|ZTABLE|(TSCAL|TZERO|TNULL|TDIM)\d+|THEAP"
)
_PLAIN_KEYWORD = re.compile(r"[A-Z0-9_-]+")
_COMMENTARY = ("", "COMMENT", "HISTORY")

_VALUE = re.compile(
    rb" *(?:'(?P<text>[ -&(-~]*)'|(?P<flag>[TF])|(?P<integer>[-+]?\d{1,15})"
    rb"|(?P<real>[-+]?\d+\.\d*(?:E[-+]?\d{1,3})?)) *(?:/[ -~]*)?"
)
_FORM = re.compile(r"(\d+)([A-Z])")
_WIDTHS = {"L": 1, "B": 1, "I": 2, "J": 4, "K": 8, "A": 1, "E": 4, "D": 8}
_FLOATS: dict[Any, np.dtype[Any]] = {"E": np.dtype(">f4"), "D": np.dtype(">f8")}
_FLOATS_BY_BITPIX = {-32: _FLOATS["E"], -64: _FLOATS["D"]}

Header = dict[str, Any]
Take = Callable[[int, int], bytes]


@dataclass(frozen=True, eq=False)
class Axis:
    """The wavelengths of many files.

    Parameters
    ----------
    wavelength : ndarray, shape (n_near,)
        Those near the window [angstrom, vacuum].
    near : slice
        Which pixels those are.
    whole : ndarray, shape (n_pixels,)
        All of them.
    """

    wavelength: NDArray[np.float64]
    near: slice
    whole: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Stretch:
    """A spectrum near a window, and its metadata by the names of `Spectrum`."""

    axis: Axis
    flux: NDArray[np.floating]  # shape (n_near,), in the byte order of FITS
    ivar: NDArray[np.floating]  # the same
    metadata: dict[str, Any]


def read_stretch(path: str, grid: Grid, card: str = "") -> Stretch | None:
    """Read what a window needs of a file, gzipped or not.

    Parameters
    ----------
    path : str
        The file.
    grid : Grid
        The window.
    card : str
        Keyword of a card whose value the metadata give as `identifier`.

    Returns
    -------
    Stretch or None
        None if the file is not exactly of a known layout or does not cover the window; what is
        wrong with it, if anything, `readers.read` and `prepare` say.
    """
    try:
        # To open a pipe would wait for ever for somebody who writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            return _read_open(descriptor, grid, card)
        finally:
            os.close(descriptor)
    except Exception:  # whatever it is, the general reader says it
        return None


def _read_open(descriptor: int, grid: Grid, card: str) -> Stretch | None:
    state = os.fstat(descriptor)
    if not stat.S_ISREG(state.st_mode):
        return None
    size, begin = state.st_size, os.read(descriptor, _BEGIN)
    if size > _MOST_CONTENT:
        return None
    if not begin.startswith(fits_file.GZIP_MAGIC):
        return _read(begin, size, lambda start, n: os.pread(descriptor, n, start), grid, card)
    # Unpacking is most of the work: 290 µs with Python's zlib, 150 µs with ISA-L.
    unpacking = isal_zlib.decompressobj(wbits=16 + isal_zlib.MAX_WBITS)
    packed = begin + os.read(descriptor, max(0, size - len(begin)))
    content = unpacking.decompress(packed, _MOST_CONTENT)
    if not unpacking.eof or unpacking.unused_data:
        return None
    return _read(content, len(content), lambda start, n: content[start : start + n], grid, card)


def _read(begin: bytes, size: int, take: Take, grid: Grid, card: str) -> Stretch | None:
    found = _header(begin, 0, _wanted(card).__contains__)
    if found is None:
        return None
    header, start = found
    if header["SIMPLE"] is not True or not isinstance(header.get("EXTEND", True), bool):
        return None
    if not {"PCOUNT", "GCOUNT"}.isdisjoint(header):
        return None
    headers: Any = (header,)
    if not surveys.is_lamost(headers):
        return None
    if surveys.medium(headers, Medium.VACUUM) is not Medium.VACUUM:
        return None
    # The size says that the file is complete and that nothing follows.
    if header["NAXIS"] == 2:
        read = _image(header, start, size, take, grid)
    elif header["NAXIS"] == 0:
        read = _table(begin, start, size, take, grid)
    else:
        return None
    if read is None:
        return None
    told = metadata(headers)
    if card:
        told["identifier"] = trim(fits_file.text(header, card))
        if not told["identifier"]:  # the second header may tell
            return None
    return Stretch(*read, told)


@lru_cache
def _wanted(card: str) -> frozenset[str]:
    return _PRIMARY | {card} if card else _PRIMARY


def _image(
    header: Header, start: int, size: int, take: Take, grid: Grid
) -> tuple[Axis, NDArray[np.floating], NDArray[np.floating]] | None:
    n, dtype = header["NAXIS1"], _FLOATS_BY_BITPIX.get(header["BITPIX"])
    if dtype is None or header["NAXIS2"] != N_ROWS:
        return None
    row = n * dtype.itemsize
    if size != start + padded(N_ROWS * row):
        return None
    axis = _even_axis(header["COEFF0"], header["COEFF1"], n, grid)
    if axis is None:
        return None
    says_wavelength = "wavelength" in fits_file.text(header, "EXTEN0").lower()
    if says_wavelength and not _agree(axis, take(start + 2 * row, row), dtype):
        return None
    return axis, _near(take, start, axis, dtype), _near(take, start + row, axis, dtype)


@lru_cache(maxsize=256)  # files of one axis say it in the same bytes
def _agree(axis: Axis, row: bytes, dtype: np.dtype[Any]) -> bool:
    return agree(axis.whole, np.frombuffer(row, dtype))


def _table(
    begin: bytes, start: int, size: int, take: Take, grid: Grid
) -> tuple[Axis, NDArray[np.floating], NDArray[np.floating]] | None:
    found = _header(begin, start, _TABLE.fullmatch)
    if found is None:
        return None
    header, data = found
    expected = {"XTENSION": "BINTABLE", "BITPIX": 8, "NAXIS": 2, "NAXIS2": 1, "PCOUNT": 0,
                "GCOUNT": 1, "EXTNAME": "COADD"}  # fmt: skip
    if any(header.get(key) != value for key, value in expected.items()):
        return None
    # Its own word on the object would go before that of the primary header.
    if not {"INHERIT", *_SAID}.isdisjoint(header):
        return None
    if not 0 < header["TFIELDS"] <= MOST_FIELDS:
        return None
    if size != data + padded(header["NAXIS1"]):
        return None
    columns = _columns(header)
    try:
        (offset, n, dtype), (at, n_waves, kind) = columns["flux"], columns["wavelength"]
        weights, n_weights, width = columns["ivar"]
        lengths = {n, n_waves, n_weights, columns["andmask"][1]}
    except KeyError:
        return None
    if len(lengths) != 1:
        return None
    axis = _table_axis(take(data + at, n * kind.itemsize), kind, grid)
    if axis is None:
        return None
    flux = _near(take, data + offset, axis, dtype)
    return axis, flux, _near(take, data + weights, axis, width)


def _near(take: Take, start: int, axis: Axis, dtype: np.dtype[Any]) -> NDArray[np.floating]:
    n = axis.near.stop - axis.near.start
    content = take(start + axis.near.start * dtype.itemsize, n * dtype.itemsize)
    return np.frombuffer(content, dtype, count=n)


def _header(
    content: bytes, start: int, is_wanted: Callable[[str], Any]
) -> tuple[Header, int] | None:
    """Give the wanted values of the header that begins at `start`, and where it ends."""
    end = content.find(_END, start, start + _BEGIN)
    if end < 0 or (end - start) % CARD:
        return None
    data = start + padded(end + CARD - start)
    cards = np.frombuffer(content, np.uint8, end - start, start).reshape(-1, CARD)
    # The standard allows printable ASCII alone, and blanks after the end.
    if (cards - _FIRST_PRINTABLE).max() >= _N_PRINTABLE:
        return None
    if content[end + CARD : data] != _BLANK[: data - end - CARD]:
        return None
    places = _places(cards[:, :_KEYWORD].tobytes(), is_wanted)
    if places is None:
        return None
    header = {
        name: (_whole if name in _WHOLE else _value)(content[start + at : start + at + CARD])
        for name, at in places
    }
    return header, data


@lru_cache(maxsize=4096)  # few headers differ in their keywords
def _places(keywords: bytes, is_wanted: Callable[[str], Any]) -> tuple[tuple[str, int], ...] | None:
    """Tell where the cards of the wanted keywords are; None if a card is not as usual."""
    places: dict[str, int] = {}
    for number in range(len(keywords) // _KEYWORD):
        card = keywords[_KEYWORD * number : _KEYWORD * (number + 1)].decode()
        name = card[:-1].rstrip()
        if name in _COMMENTARY:
            continue
        if card[-1] != "=" or not _PLAIN_KEYWORD.fullmatch(name) or _UNUSUAL.fullmatch(name):
            return None
        if name in _WHOLE and name in places:  # which may contradict each other
            return None
        if is_wanted(name):
            places.setdefault(name, CARD * number)
    # In another order they would not be where they have to be.
    first = list(places)[:3]
    if first not in (["SIMPLE", "BITPIX", "NAXIS"], ["XTENSION", "BITPIX", "NAXIS"]):
        return None
    return tuple(places.items())


@lru_cache(maxsize=4096)  # many cards are the same in many files
def _value(card: bytes) -> Any:
    match = _VALUE.fullmatch(card, 10) if card[8:10] == b"= " else None
    if not match:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            return fits.Card.fromstring(card).value
    content = match[match.lastgroup or 0]
    if match.lastgroup == "text":
        return content.decode().rstrip()
    if match.lastgroup == "flag":
        return content == b"T"
    return int(content) if match.lastgroup == "integer" else float(content)


@lru_cache(maxsize=4096)
def _whole(card: bytes) -> int:
    # Where it is written in another way than usual, `structure` decides what it says.
    match = _VALUE.fullmatch(card, 10) if card[8:10] == b"= " else None
    if not match or match.lastgroup != "integer":
        raise ValueError(f"no whole number in {card!r}")
    return int(match["integer"])


def _columns(header: Header) -> dict[str, tuple[int, int, np.dtype[Any]]]:
    return _columns_of(
        header["NAXIS1"],
        tuple((header.get(f"TTYPE{i}"), header.get(f"TFORM{i}"))
              for i in range(1, header["TFIELDS"] + 1)),
    )  # fmt: skip


@lru_cache(maxsize=256)
def _columns_of(
    width: int, columns: tuple[tuple[Any, Any], ...]
) -> dict[str, tuple[int, int, np.dtype[Any]]]:
    """Tell of each column of floats where it begins, its length and type; {} if in doubt."""
    found: dict[str, tuple[int, int, np.dtype[Any]]] = {}
    offset = 0
    for name, form in columns:
        match = _FORM.fullmatch(str(form))
        if not match or match[2] not in _WIDTHS:
            return {}
        if match[2] in _FLOATS:
            found[str(name).lower()] = (offset, int(match[1]), _FLOATS[match[2]])
        offset += int(match[1]) * _WIDTHS[match[2]]
    is_unique = len({str(name).lower() for name, _ in columns}) == len(columns)
    return found if offset == width and is_unique else {}


@lru_cache(maxsize=256)
def _even_axis(first: float, step: float, n: int, grid: Grid) -> Axis | None:
    return _axis(coefficient_axis({"COEFF0": first, "COEFF1": step}, n), grid)


@lru_cache(maxsize=256)
def _table_axis(content: bytes, dtype: np.dtype[Any], grid: Grid) -> Axis | None:
    return _axis(np.frombuffer(content, dtype).astype(np.float64), grid)


def _axis(wavelength: NDArray[np.float64], grid: Grid) -> Axis | None:
    near = near_window(wavelength, grid)
    return None if near is None else Axis(wavelength[near], near, wavelength)
