"""Columns of a table that a user names, as texts: CSV, FITS, VOTable or ECSV, told by the content.

What is here is done in a process of its own, see `confined`: such a file may come from anywhere.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.parsers import expat

import numpy as np

from active_cnn.errors import SpectrumError
from active_cnn.lines import LONGEST_LINE, read_bounded
from active_cnn.names import trim
from active_cnn.spectra.readers.structure import sound_size

MOST_BYTES = 128 * 2**20  # of the file, and of what it unpacks to
MOST_ROWS = 1_000_000  # each may become a row of the training set, which is read as a whole
MOST_COLUMNS = 2000

_GZIP = b"\x1f\x8b"
_XML = re.compile(rb"\s*<(\?xml|!--|!DOCTYPE|([\w.-]+:)?VOTABLE)\b")
_ENCODING = re.compile(rb"<\?xml[^>]*\bencoding\s*=\s*[\"']([^\"']*)")
_LATIN = (b"utf-8", b"us-ascii", b"ascii", b"iso-8859-1", b"latin-1")
_DELIMITERS = ",\t;|"
_EXACT = 2.0**53  # up to here every whole number is a float


@dataclass(frozen=True)
class Texts:
    """Some columns of a table.

    Parameters
    ----------
    names : tuple of str
        Of all columns, in their order.
    units : dict of int to str
        As the table writes them, by the number of the column; '' where it gives none.
    cells : dict of int to list of str
        Of the columns that were wanted; '' where nothing is given.
    """

    names: tuple[str, ...]
    units: dict[int, str]
    cells: dict[int, list[str]]


def read_texts(path: Path, is_wanted: Callable[[str], bool]) -> Texts:
    """Read the columns of a table whose names are wanted.

    Parameters
    ----------
    path : Path
        A regular file, gzipped or not. Of FITS and VOTables with several tables the first is read.
        In CSV the delimiter is that of ``, tab ; |`` which the header has most of.
    is_wanted : callable
        Tells of a name whether the column is.

    Returns
    -------
    Texts

    Raises
    ------
    SpectrumError
        If it cannot be read, with what follows "the table" in a sentence.
    Exception
        Whatever a damaged file makes astropy raise.
    """
    try:
        content = _unpacked(read_bounded(path, MOST_BYTES))
    except OSError as error:
        raise SpectrumError(f"cannot be read: {error.strerror}") from error
    if content.startswith(b"SIMPLE  ="):
        return _of_table(_read_fits(content), is_wanted)
    if _XML.match(content):
        return _of_table(_read_votable(content), is_wanted)
    if b"\0" in content:
        raise SpectrumError("is neither text nor FITS")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpectrumError(
            f"is not text in UTF-8: {error.reason} at byte {error.start}"
        ) from error
    if text.startswith("# %ECSV"):
        return _of_table(_read_ecsv(text), is_wanted)
    return _read_csv(text, is_wanted)


def _unpacked(content: bytes) -> bytes:
    if not content.startswith(_GZIP):
        return content
    unpacking = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        unpacked = unpacking.decompress(content, MOST_BYTES + 1)
    except zlib.error as error:
        raise SpectrumError(f"is a damaged gzip file: {error}") from error
    if len(unpacked) > MOST_BYTES:
        raise SpectrumError(f"unpacks to more than {MOST_BYTES} bytes")
    if not unpacking.eof:
        raise SpectrumError("is a truncated gzip file")
    return unpacked


def _read_fits(content: bytes) -> Any:
    from astropy.io import fits
    from astropy.table import Table

    size, trouble = sound_size(io.BytesIO(content))
    if size > len(content):
        raise SpectrumError(f"is truncated: its data need {size} bytes, it has {len(content)}")
    # The library must not see what follows, of which it would believe everything.
    with warnings.catch_warnings(), fits.open(io.BytesIO(content[:size])) as hdus:
        warnings.simplefilter("ignore")
        for number, hdu in enumerate(hdus):
            if isinstance(hdu, fits.BinTableHDU | fits.TableHDU) and not isinstance(
                hdu, fits.CompImageHDU
            ):
                _refuse_rows(len(hdu.data))
                return Table.read(hdus, hdu=number)
    raise SpectrumError(trouble or "has no table among its HDUs")


def _read_votable(content: bytes) -> Any:
    from astropy.io import votable

    _refuse_elsewhere(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for table in votable.parse(io.BytesIO(content)).iter_tables():
            _refuse_rows(len(table.array))
            return table.to_table(use_names_over_ids=True)
    raise SpectrumError("has no TABLE in it")


def _refuse_elsewhere(content: bytes) -> None:
    """Refuse a VOTable whose data lie elsewhere: astropy would open any file or address for it."""
    said = _ENCODING.match(content[:1000])
    if said and said[1].lower() not in _LATIN:
        raise SpectrumError(f"is XML in {said[1].decode('ascii', 'replace')!r}, not in UTF-8")
    # In these encodings names stand in the file as they are.
    if b"STREAM" not in content or b"href" not in content:
        return

    def look(name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(":")[2] == "STREAM" and "href" in attributes:
            raise SpectrumError("keeps its data elsewhere: a STREAM of it has an href")

    parser = expat.ParserCreate()
    parser.StartElementHandler = look
    parser.Parse(content, True)


def _read_ecsv(text: str) -> Any:
    from astropy.table import Table

    _refuse_rows(text.count("\n") - 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Table.read(text, format="ascii.ecsv")


def _of_table(table: Any, is_wanted: Callable[[str], bool]) -> Texts:
    names = tuple(table.colnames)
    wanted = [number for number, name in enumerate(names) if is_wanted(name)]
    columns = {number: table[names[number]] for number in wanted}
    return Texts(
        names,
        {number: str(getattr(one, "unit", None) or "") for number, one in columns.items()},
        {number: _texts(names[number], one) for number, one in columns.items()},
    )


def _texts(name: str, column: Any) -> list[str]:
    if getattr(column, "ndim", 0) != 1 or not hasattr(column, "dtype"):
        raise SpectrumError(f"has more than one value a row in its column {name[:60]!r}")
    values = np.ma.getdata(column).tolist()
    missing = np.ma.getmaskarray(column).tolist()
    return [
        "" if is_missing else _text(value)
        for value, is_missing in zip(values, missing, strict=True)
    ]


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, float):
        if value != value:
            return ""
        # A number of an observation may be stored as a float.
        return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)
    return trim(str(value))


def _read_csv(text: str, is_wanted: Callable[[str], bool]) -> Texts:
    lines = io.StringIO(text, newline="")
    header = lines.readline(LONGEST_LINE)
    lines.seek(0)
    delimiter = max(_DELIMITERS, key=header.count)
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        names = tuple(trim(name) for name in next(rows, []))
        if not any(names):
            raise SpectrumError("is empty")
        if len(names) > MOST_COLUMNS:
            raise SpectrumError(f"has {len(names)} columns, more than {MOST_COLUMNS}")
        wanted = [number for number, name in enumerate(names) if is_wanted(name)]
        cells: dict[int, list[str]] = {number: [] for number in wanted}
        for n, row in enumerate(_whole(rows, len(names)), 1):
            _refuse_rows(n)
            for number in wanted:
                cells[number].append(trim(row[number]))
    except csv.Error as error:
        raise SpectrumError(f"is not CSV: {error} in line {rows.line_num}") from error
    return Texts(names, dict.fromkeys(wanted, ""), cells)


def _whole(rows: Any, n: int) -> Iterator[list[str]]:
    for row in rows:
        if not row:
            continue
        if len(row) != n:
            raise SpectrumError(
                f"has {len(row)} fields in line {rows.line_num}, but {n} in its header"
            )
        yield row


def _refuse_rows(n: int) -> None:
    if n > MOST_ROWS:
        raise SpectrumError(f"has more than {MOST_ROWS} rows")
