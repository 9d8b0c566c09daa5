"""Write the candidate table in the formats that astronomers' tools read."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from astropy.io.fits import table_to_hdu
from astropy.table import Column, Table
from numpy.typing import NDArray

from active_cnn.errors import StoreError
from active_cnn.spreadsheet import disarm
from active_cnn.whole_file import write_whole

FORMATS = {".csv": "ascii.csv", ".ecsv": "ascii.ecsv", ".fits": "fits", ".vot": "votable"}

# Unit, UCD1+ and description of each column; probabilities are named after the classes.
_MEANING = {
    "identifier": ("", "meta.id;meta.main", "Spectrum"),
    "ra": ("deg", "pos.eq.ra;meta.main", "Right ascension (ICRS)"),
    "dec": ("deg", "pos.eq.dec;meta.main", "Declination (ICRS)"),
    "label": ("", "meta.code.class", "Class of the candidate"),
    "source": ("", "meta.code", "Who says so: oracle or network"),
    "answer": ("", "meta.code", "What the oracle answered, if anything"),
    "p_calibrated": ("", "stat.probability", "Probability of being a target, by the answers"),
    "entropy": ("", "stat.value", "Entropy of the probabilities (nats)"),
    "rule_sigma": ("", "stat.snr", "Peak at the line above the continuum, in units of the noise"),
    "iteration": ("", "meta.number", "Iteration that the label comes from"),
    "snr_r": ("", "stat.snr", "Signal-to-noise ratio in r"),
    "designation": ("", "meta.id.assoc", "Name of the object"),
    "pipeline_class": ("", "src.class", "Class given by the survey's pipeline"),
    "oracle": ("", "meta.id", "Who answered"),
    "note": ("", "meta.note", "The oracle's note"),
    "path": ("", "meta.id;meta.file", "File of the spectrum"),
}
_PROBABILITY = ("", "stat.probability", "Probability given by the newest network")


def to_table(candidates: pd.DataFrame) -> Table:
    """Turn the candidates into an astropy table with units, UCDs and descriptions."""
    return _to_table(candidates, lambda texts: np.array(texts, dtype=str))


def _to_table(candidates: pd.DataFrame, pack: Callable[[list[str]], NDArray[Any]]) -> Table:
    table = Table()
    for name, values in candidates.items():
        unit, ucd, description = _MEANING.get(str(name), _PROBABILITY)
        data = values.to_numpy()
        if data.dtype == object or not np.issubdtype(data.dtype, np.number):
            data = pack([str(value) for value in values])
        table[str(name)] = Column(
            data, unit=unit or None, description=description, meta={"ucd": ucd}
        )
    return table


def write_candidates(candidates: pd.DataFrame, path: Path) -> None:
    """Write the candidates to a file whose ending gives the format.

    Raises
    ------
    StoreError
        If the ending is not one of `FORMATS`, or the file cannot be written.
    """
    write_whole(path, format_candidates(candidates, path.suffix.lower()))


def format_candidates(candidates: pd.DataFrame, ending: str) -> bytes:
    """Give the bytes of a file of candidates.

    Parameters
    ----------
    candidates : pandas.DataFrame
        From `find_candidates`.
    ending : str
        One of `FORMATS`. In a CSV file, texts that a spreadsheet could take for formulas are as
        `disarm` gives them.

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
        return _votable(candidates)
    if ending == ".fits":
        return _fits(candidates)
    text = io.StringIO()
    to_table(candidates).write(text, format=FORMATS[ending])
    return text.getvalue().encode()


def _csv(candidates: pd.DataFrame) -> bytes:
    safe = candidates.map(lambda value: disarm(value) if isinstance(value, str) else value)
    return safe.rename(columns=disarm).to_csv(index=False).encode()


def _fits(candidates: pd.DataFrame) -> bytes:
    # FITS tables hold ASCII; anything else is written as an escape sequence.
    table = _to_table(
        candidates,
        lambda texts: np.array([one.encode("ascii", "backslashreplace") for one in texts], "S"),
    )
    hdu = table_to_hdu(table)
    for number, column in enumerate(table.itercols(), 1):
        hdu.header[f"TUCD{number}"] = column.meta["ucd"]
        hdu.header[f"TCOMM{number}"] = column.description
    buffer = io.BytesIO()
    hdu.writeto(buffer)
    return buffer.getvalue()


def _votable(candidates: pd.DataFrame) -> bytes:
    from astropy.io.votable import from_table

    # Of any length: among a hundred thousand texts one long note would make all others as long.
    table = _to_table(candidates, lambda texts: np.array(texts, dtype=object if texts else str))
    votable = from_table(table)
    for field in votable.get_first_table().fields:
        field.ucd = table[field.name].meta["ucd"]
    buffer = io.BytesIO()
    votable.to_xml(buffer)
    return buffer.getvalue()
