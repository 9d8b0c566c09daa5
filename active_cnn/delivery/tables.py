"""Write the candidate table in the formats that astronomers' tools read."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from astropy.io.fits import table_to_hdu
from astropy.table import Column, Table
from numpy.typing import NDArray

from active_cnn.delivery.columns import Meaning, meanings
from active_cnn.delivery.origin import Origin
from active_cnn.delivery.votable import to_votable
from active_cnn.errors import StoreError
from active_cnn.spreadsheet import disarm
from active_cnn.whole_file import write_whole

FORMATS = {".csv": "ascii.csv", ".ecsv": "ascii.ecsv", ".fits": "fits", ".vot": "votable"}

_CREATOR = "Active CNN"
_UNPRINTABLE = re.compile(r"[^ -~]")
# What XML cannot hold, not even escaped, and what some readers of CSV take for the end of a line:
# a note with one such sign would spoil the whole file.
_SPOILING = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def to_table(candidates: pd.DataFrame, origin: Origin | None = None) -> Table:
    """Turn the candidates into an astropy table with units, UCDs and descriptions.

    Parameters
    ----------
    candidates : pandas.DataFrame
        From `find_candidates`.
    origin : Origin, optional
        What they came from: it names the classes, and goes along as the table's `meta`.

    Returns
    -------
    astropy.table.Table
        Its texts are Unicode; what is infinite, such as the S/N of a spectrum without noise, is
        NaN, since nothing that is infinite has been measured.
    """
    return _to_table(candidates, origin, lambda texts: np.array(texts, dtype=str))


def _to_table(
    candidates: pd.DataFrame, origin: Origin | None, pack: Callable[[list[str]], NDArray[Any]]
) -> Table:
    table = Table(meta=_facts(origin))
    known = meanings(origin.classes if origin else ())
    for name, values in _fit_for_files(candidates).items():
        meaning = known.get(str(name)) or Meaning(
            "stat.probability", "Probability by the newest network"
        )
        data = values.to_numpy()
        if data.dtype == object or not np.issubdtype(data.dtype, np.number):
            data = pack([str(value) for value in values])
        table[str(name)] = Column(
            data,
            unit=meaning.unit or None,
            description=meaning.description,
            meta={"ucd": meaning.ucd},
        )
    return table


def _facts(origin: Origin | None) -> dict[str, object]:
    if origin is None:
        return {}
    said = {fact.name: fact.value for fact in origin.facts}
    return {"creator": _CREATOR, "description": origin.title, **said}


def _fit_for_files(candidates: pd.DataFrame) -> pd.DataFrame:
    # There is no word for an infinite number that all programs read.
    return candidates.apply(
        lambda column: (
            column.where(np.isfinite(column))
            if pd.api.types.is_float_dtype(column)
            else column.map(
                lambda value: (
                    _SPOILING.sub(_REPLACEMENT, value) if isinstance(value, str) else value
                )
            )
        )
    )


def write_candidates(candidates: pd.DataFrame, path: Path, origin: Origin | None = None) -> None:
    """Write the candidates to a file whose ending gives the format.

    Parameters
    ----------
    candidates, origin
        As for `format_candidates`.
    path : Path
        Of the file.

    Raises
    ------
    StoreError
        If the ending is not one of `FORMATS`, or the file cannot be written.
    """
    write_whole(path, format_candidates(candidates, path.suffix.lower(), origin))


def format_candidates(candidates: pd.DataFrame, ending: str, origin: Origin | None = None) -> bytes:
    """Give the bytes of a file of candidates.

    Parameters
    ----------
    candidates : pandas.DataFrame
        From `find_candidates`.
    ending : str
        One of `FORMATS`. In a CSV file, texts that a spreadsheet could take for formulas are as
        `disarm` gives them, and columns without a single value are left out: no program can tell
        whether they hold numbers.
    origin : Origin, optional
        What they came from, for the formats that have room for it: all but CSV.

    Raises
    ------
    StoreError
        If there is no such format.
    """
    if ending not in FORMATS:
        raise StoreError(f"Cannot write candidates as {ending!r}: use one of {', '.join(FORMATS)}.")
    if ending == ".csv":
        return _csv(candidates)
    if ending == ".vot":
        return _votable(candidates, origin)
    if ending == ".fits":
        return _fits(candidates, origin)
    text = io.StringIO()
    to_table(candidates, origin).write(text, format=FORMATS[ending])
    return text.getvalue().encode()


def _csv(candidates: pd.DataFrame) -> bytes:
    known = _fit_for_files(candidates)
    is_blank = (known.isna() | (known == "")).all()
    shown = known.loc[:, ~is_blank] if len(known) else known
    safe = shown.map(lambda value: disarm(value) if isinstance(value, str) else value)
    return safe.to_csv(index=False).encode()


def _fits(candidates: pd.DataFrame, origin: Origin | None) -> bytes:
    table = _to_table(
        candidates, origin, lambda texts: np.array([_printable(one) for one in texts], "S")
    )
    table.meta.clear()
    hdu = table_to_hdu(table)
    for number, column in enumerate(table.itercols(), 1):
        hdu.header[f"TUCD{number}"] = column.meta["ucd"]
        hdu.header[f"TCOMM{number}"] = _printable(column.description)
    hdu.header["RADESYS"] = ("ICRS", "Of ra and dec")
    if origin:
        hdu.header["CREATOR"] = _CREATOR
        hdu.header["COMMENT"] = _printable(origin.title)
        for fact in origin.facts:
            is_text = isinstance(fact.value, str)
            hdu.header[fact.keyword] = _printable(str(fact.value)) if is_text else fact.value
            hdu.header["COMMENT"] = f"{fact.keyword}: {fact.description}"
    buffer = io.BytesIO()
    hdu.writeto(buffer)
    return buffer.getvalue()


def _printable(text: str) -> str:
    # FITS holds printable ASCII; anything else is written as an escape sequence.
    return _UNPRINTABLE.sub(lambda sign: sign[0].encode("unicode_escape").decode(), text)


def _votable(candidates: pd.DataFrame, origin: Origin | None) -> bytes:
    # Of any length: among a hundred thousand texts one long note would make all others as long.
    table = _to_table(
        candidates, origin, lambda texts: np.array(texts, dtype=object if texts else str)
    )
    return to_votable(table, _CREATOR, origin)
