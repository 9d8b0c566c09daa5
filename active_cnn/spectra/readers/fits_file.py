"""What the readers ask of a FITS file; every error of its library ends here as a SpectrumError."""

from __future__ import annotations

import bz2
import gzip
import io
import math
import os
import re
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.plain_text import plain
from active_cnn.regular_file import FOLDER, NO_FILE, open_regular
from active_cnn.spectra.readers.structure import sound_size

GZIP_MAGIC, BZIP2_MAGIC = b"\x1f\x8b", b"BZh"

# All that the header of a primary without data says.
_OF_NO_DATA = {
    "SIMPLE",
    "BITPIX",
    "NAXIS",
    "EXTEND",
    "CHECKSUM",
    "DATASUM",
    "COMMENT",
    "HISTORY",
    "",
}

# What a spectrum may take in memory; a file of 0.5 MB can unpack to as much.
MOST_CONTENT = 512 * 2**20  # bytes
MOST_VALUES = 2**23  # of an array: the longest spectra known have some 10^6 pixels
_PIECE = 2**20  # bytes that are unpacked at a time

# What surveys and telescopes write where they know nothing.
FILL_NUMBERS = {-9999.0, -999.0, -99.0}
FILL_TEXTS = {"", "-", "-9999", "-9999.0", "-999", "INDEF", "N/A", "NAN", "NON", "NONE", "NULL"}

_SINGLE = (str, bool, int, float)  # a card's value, if it is one and not a comment or a pair

# Bytes of an element, by the letter of its format.
WIDTHS = {"L": 1, "X": 1, "B": 1, "I": 2, "J": 4, "K": 8, "A": 1, "E": 4, "D": 8, "C": 8}


@contextmanager
def opened(path: Path) -> Iterator[fits.HDUList]:
    """Open a FITS file, compressed or not; what goes wrong inside is a SpectrumError.

    Where a header is not sound (see `structure`), only the HDUs before it are there.

    Raises
    ------
    SpectrumError
        If the file is missing, empty, damaged or not a FITS file.
    """
    with warnings.catch_warnings():
        # Headers that break the standard in ways that do not touch the spectrum are common.
        warnings.simplefilter("ignore", AstropyWarning)
        source, trouble = _source(path)
        with source:
            with _translated():
                hdus = fits.open(source, memmap=False, lazy_load_hdus=True)
            with hdus:
                try:
                    yield _as_before_packing(hdus)
                except SpectrumError as error:
                    # What was looked for may lie in the part that is not there.
                    raise SpectrumError(plain(trouble or str(error))) from error


def _as_before_packing(hdus: fits.HDUList) -> fits.HDUList:
    # Programs like fpack (.fz) leave an empty primary behind and put what it was into the first
    # extension.
    first = None if image_shape(hdus[0]) else extension(hdus, 1)
    if not isinstance(first, fits.CompImageHDU) or set(hdus[0].header) - _OF_NO_DATA:
        return hdus
    with _translated():
        return fits.HDUList([first, *hdus[2:]])


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except SpectrumError:
        raise
    except MemoryError as error:
        raise SpectrumError("needs too much memory to be read: more than there is") from error
    except Exception as error:  # a damaged file can make the library raise anything, at any access
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise SpectrumError(f"is a damaged FITS file: {reason}") from error


def _source(path: Path) -> tuple[IO[bytes], str]:
    """Open the part of a file whose headers are sound, and tell what is wrong with the next one."""
    packing = ""
    try:
        file = open_regular(path)
        try:
            packing = _packing(file)
            source, trouble = _judged(file, packing)
        except BaseException:
            file.close()
            raise
    except FileNotFoundError as error:
        raise SpectrumError("does not exist") from error
    except EOFError as error:
        raise SpectrumError(f"is truncated: the {packing} stream ends too early") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise SpectrumError(f"is a damaged gzip file: {error}") from error
    except OSError as error:
        if packing and error.errno is None:  # so the library of bzip2 tells of a damaged stream
            raise SpectrumError(f"is a damaged {packing} file: {error}") from error
        reason = error.strerror or str(error)
        if reason in (FOLDER, NO_FILE):
            raise SpectrumError(reason.removeprefix("it ")) from error
        raise SpectrumError(f"cannot be opened: {reason}") from error
    if source is not file:
        file.close()
    source.seek(0)
    return source, trouble


def _packing(file: IO[bytes]) -> str:
    """Name what a file is compressed with; '' if it is not."""
    start = file.read(len(BZIP2_MAGIC))
    file.seek(0)
    if start.startswith(GZIP_MAGIC):
        return "gzip"
    return "bzip2" if start == BZIP2_MAGIC else ""


def _judged(file: IO[bytes], packing: str) -> tuple[IO[bytes], str]:
    if packing:
        unpacked = _Unpacked(
            bz2.BZ2File(file) if packing == "bzip2" else gzip.GzipFile(fileobj=file)
        )
        size, trouble = sound_size(unpacked)
        unpacked.skip_rest()
        unpacked.content.truncate(size)
        return unpacked.content, trouble
    size, trouble = sound_size(file)
    whole = file.seek(0, os.SEEK_END)
    if size >= whole:
        return file, trouble
    if size > MOST_CONTENT:
        raise SpectrumError(
            f"is a damaged FITS file: {trouble or 'something else'} after {size} bytes"
        )
    # The library must not see what follows, of which it would believe everything.
    file.seek(0)
    return io.BytesIO(file.read(size)), trouble


class _Unpacked:
    """A compressed stream, kept as it is read: seeking inside one starts over each time."""

    def __init__(self, stream: gzip.GzipFile | bz2.BZ2File) -> None:
        self.content = io.BytesIO()
        self._stream = stream

    def read(self, n: int, /) -> bytes:
        piece = self._stream.read(n)
        if self.content.tell() + len(piece) > MOST_CONTENT:
            raise SpectrumError(f"unpacks to more than the {MOST_CONTENT} bytes of a spectrum")
        self.content.write(piece)
        return piece

    def seek(self, n: int, _: int, /) -> int:
        while n > 0 and (piece := self.read(min(n, _PIECE))):
            n -= len(piece)
        return self.content.tell()

    def skip_rest(self) -> None:
        """Read to the end, where the checksum is."""
        while self.read(_PIECE):
            pass


def extension(hdus: fits.HDUList, key: int | str) -> Any:
    """Give the HDU of that number or name, or None."""
    with _translated():
        try:
            return hdus[key]
        except (IndexError, KeyError):
            return None


def image_shape(hdu: Any) -> tuple[int, ...]:
    """Shape of the image of an HDU, (…, n_pixels); () for a table, no image and no HDU.

    Raises
    ------
    SpectrumError
        If it claims more pixels than any spectrum has.
    """
    with _translated():
        if not isinstance(hdu, fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU):
            return ()
        shape = tuple(hdu.shape) if math.prod(hdu.shape) else ()
        if shape and shape[-1] > MOST_VALUES:  # an axis is made of it before its data are read
            _refuse_truncated(hdu)
            _refuse_excess(shape[-1])
        return shape


def array(hdu: Any) -> NDArray[np.float64]:
    """Give the image of an HDU, shape (…, n_pixels).

    Raises
    ------
    SpectrumError
        If the file ends before the image does, or the image is damaged.
    """
    return _as_floats(_data(hdu))


def column_names(hdu: Any) -> list[str]:
    """Names of the columns of a table in lower case; an image has none."""
    if not isinstance(hdu, fits.BinTableHDU | fits.TableHDU):
        return []
    with _translated():
        return [name.lower() for name in hdu.columns.names]


def column(hdu: Any, name: str) -> NDArray[np.float64]:
    """Give one column of a table that holds one spectrum, shape (n_pixels,).

    The pixels may be the rows of the table or the elements of its only row.

    Raises
    ------
    SpectrumError
        If the column is missing or holds more than one spectrum.
    """
    if name not in column_names(hdu):
        raise SpectrumError(f"has no column {name!r}: its columns are {_listed(hdu)}")
    data = _data(hdu)
    with _translated():
        values = _cells(hdu, data, name)
    if values.ndim == 1:
        return values
    if len(values) != 1:
        raise SpectrumError(f"holds {len(values)} spectra: expected one a file")
    return values.ravel()


def _cells(hdu: Any, data: Any, name: str) -> NDArray[np.float64]:
    i = column_names(hdu).index(name)
    code = re.fullmatch(r"\d*[PQ]([A-Z]).*", str(hdu.columns.formats[i]))
    if code is None:
        return _as_floats(data.field(i))
    # A column of variable length has descriptors, which can claim more than the heap holds.
    claimed = np.asarray(np.recarray.field(data.view(np.recarray), i))[:, 0].astype(np.float64)
    size = WIDTHS.get(code[1], 16)
    if (claimed < 0).any() or claimed.sum() * size > hdu.fileinfo()["file"].size:
        raise SpectrumError(f"is a damaged FITS file: the elements of {name!r} lie outside of it")
    rows = [_as_floats(row) for row in data.field(i)]
    # One row of a spectrum, or one row for each pixel.
    is_pixel_a_row = len(rows) > 1 and all(row.size == 1 for row in rows)
    if len(rows) == 1 or is_pixel_a_row:
        return np.concatenate(rows)
    raise SpectrumError(f"holds {len(rows)} spectra: expected one a file")


def column_unit(hdu: Any, name: str) -> str:
    """Unit of a column as TUNITn has it; empty without one."""
    return column_card(hdu, name, "TUNIT")


def column_card(hdu: Any, name: str, key: str) -> str:
    """What a card such as TUCDn says of a column; empty without the card or the column."""
    names = column_names(hdu)
    return text(hdu.header, f"{key}{names.index(name) + 1}") if name in names else ""


def n_rows(hdu: Any) -> int:
    """How many rows a table has."""
    return integer(hdu.header, "NAXIS2") or 0


def cell(hdu: Any, *names: str) -> Any:
    """Give the value in the first row of the first of these columns that exists."""
    known = column_names(hdu)
    found = next((name for name in names if name in known), None)
    if found is None:
        return None
    with _translated():
        rows = _data(hdu)
        if not len(rows):
            return None
        stored = rows.view(np.ndarray)[0][known.index(found)]
        if isinstance(stored, bytes):  # which the library decodes or fails
            return stored.decode("utf-8", "replace")
        return rows[found][0]


def n_distinct(hdu: Any, name: str) -> int:
    """How many different values a column has; 0 without the column."""
    if name not in column_names(hdu):
        return 0
    with _translated():
        return len(np.unique(_data(hdu)[name]))


def _listed(hdu: Any) -> str:
    return ", ".join(column_names(hdu)[:12]) or "none"


def _data(hdu: Any) -> Any:
    with _translated():
        _refuse_truncated(hdu)
        is_table = isinstance(hdu, fits.BinTableHDU | fits.TableHDU)
        if is_table and (width := hdu.columns.dtype.itemsize) > hdu.header["NAXIS1"]:
            raise SpectrumError(
                f"is a damaged FITS file: its columns take {width} bytes a row, "
                f"NAXIS1 is {hdu.header['NAXIS1']}"
            )
        if hdu.size > MOST_CONTENT:
            raise SpectrumError(
                f"holds {hdu.size} bytes of data, more than the {MOST_CONTENT} of a spectrum"
            )
        if not is_table:
            _refuse_excess(math.prod(hdu.shape))
        return hdu.data


def _refuse_truncated(hdu: Any) -> None:
    info = hdu.fileinfo()
    # Of a compressed image, the size is that of what it unpacks to.
    stored = info["datSpan"] if isinstance(hdu, fits.CompImageHDU) else hdu.size
    end, size = info["datLoc"] + stored, info["file"].size
    if end > size:
        raise SpectrumError(f"is truncated: its data need {end} bytes, it has {size}")


def _refuse_excess(n_values: int) -> None:
    if n_values > MOST_VALUES:
        raise SpectrumError(f"holds {n_values} values, more than the {MOST_VALUES} of a spectrum")


def _as_floats(values: Any) -> NDArray[np.float64]:
    _refuse_excess(np.size(values))
    with _translated(), np.errstate(invalid="ignore"):  # the cast of a signalling NaN warns
        return np.asarray(values, dtype=np.float64)


def _value(header: fits.Header, key: str) -> Any | None:
    try:
        value = header.get(key)
    except fits.VerifyError:
        return _readable_text(header, key)
    return value if isinstance(value, _SINGLE) else None


def _readable_text(header: fits.Header, key: str) -> str | None:
    # A text is of use without its control characters; a number would become another one. The
    # library gives what it cannot parse by no public way.
    try:
        value = fits.Card.fromstring(plain(header.cards[key]._image)).value
    except fits.VerifyError:
        return None
    return value if isinstance(value, str) else None


def text(header: fits.Header, *keys: str) -> str:
    """Give the first of these cards that says something, or an empty string."""
    for key in keys:
        value = _value(header, key)
        if value is not None and (said := _said(value)):
            return said
    return ""


@lru_cache(maxsize=4096, typed=True)  # many cards are the same in many files
def _said(value: str | bool | int | float) -> str:
    said = str(value).strip()
    return "" if said.upper() in FILL_TEXTS else plain(said).strip()


def comment(header: fits.Header, key: str) -> str:
    """Give the comment of a card, or an empty string."""
    return "" if _value(header, key) is None else str(header.comments[key])


def number(header: fits.Header, *keys: str) -> float:
    """Give the first of these cards that holds a number other than a fill value, or NaN."""
    for key in keys:
        value = as_number(_value(header, key))
        if math.isfinite(value) and value not in FILL_NUMBERS:
            return value
    return math.nan


def integer(header: fits.Header, key: str) -> int | None:
    """Give the whole number of a card, or None."""
    value = number(header, key)
    return int(value) if value.is_integer() else None


def axis_number(header: fits.Header, key: str, default: float = math.nan) -> float:
    """Give the number of a card that defines an axis, `default` without such a card.

    Raises
    ------
    SpectrumError
        If there is a card without a number.
    """
    if key not in header:
        return default
    value = as_number(_value(header, key))
    if math.isnan(value):
        raise SpectrumError(f"has no usable axis: {key} is not a number")
    return value


def as_number(value: Any) -> float:
    """Read a finite number from what a header or a table gives; NaN for anything else."""
    if value is None or isinstance(value, bool):
        return math.nan
    try:
        result = float(value)
    except (TypeError, ValueError):
        return math.nan
    return result if math.isfinite(result) else math.nan
