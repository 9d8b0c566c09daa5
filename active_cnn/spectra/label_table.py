"""The table that says what spectra are: which spectrum each row names, and its label."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path

from active_cnn.errors import SpectrumError
from active_cnn.excerpt import shorten
from active_cnn.names import trim
from active_cnn.plain_text import MOST_TEXT, plain
from active_cnn.spectra.confined import Confinement
from active_cnn.spectra.readers.position import sexagesimal
from active_cnn.spectra.sky import is_place
from active_cnn.spectra.table_texts import Texts, read_texts

# How columns are usually called, in small letters and without underscores before them.
LABEL, RA, DEC = "label", "ra", "dec"


class Way(StrEnum):
    """By what a row names its spectrum; where a table has several, the first of these is taken."""

    PATH = "path"
    IDENTIFIER = "identifier"
    POSITION = "position"


USUAL = {
    LABEL: ("label", "class"),
    Way.PATH.value: ("path", "file", "filename", "file_name", "filepath", "file_path"),
    Way.IDENTIFIER.value: ("identifier", "id", "name", "obsid", "obs_id"),
    RA: ("ra", "raj2000", "ra_icrs", "ra_deg", "radeg"),
    DEC: ("dec", "dej2000", "decj2000", "de_icrs", "dec_icrs", "dec_deg", "decdeg", "dedeg"),
}
_NEEDED = {Way.PATH: ("path",), Way.IDENTIFIER: ("identifier",), Way.POSITION: (RA, DEC)}

_DEGREES = {
    **dict.fromkeys(("deg", "degree", "degrees", "°"), 1.0),
    **dict.fromkeys(("h", "hr", "hour", "hours", "hourangle"), 15.0),
    **dict.fromkeys(("rad", "radian", "radians"), math.degrees(1)),
}
_SIGNS = str.maketrans("hmsd°'\"′″−", ":::::::::-")  # 12h34m56s, −5°26′37″

SECONDS = 120.0  # of computing, for a table as long as may be
MOST_NAMES = 30  # columns that an error names


@dataclass(frozen=True)
class LabelTable:
    """What a table says.

    Parameters
    ----------
    path : Path
        Of its file.
    way : Way
        By what its rows name spectra.
    columns : dict of str to str
        The column that was taken for each part: the label, if one says it, and what `way` needs.
        Empty where there is no file.
    labels : list of str, length n_rows
        What the spectra are.
    names : list of str, length n_rows
        Path or identifier, or the position as the table writes it.
    places : list of (float, float), length n_rows
        Right ascension and declination in degrees, if `way` is the position; else empty.
    problems : dict of int to str
        Why rows (counted from 0) cannot be used.
    """

    path: Path
    way: Way
    columns: dict[str, str]
    labels: list[str]
    names: list[str]
    places: list[tuple[float, float]] = field(default_factory=list)
    problems: dict[int, str] = field(default_factory=dict)

    def describe(self) -> str:
        """Say which columns were taken."""
        if not self.columns:  # no file: each was named by itself
            return f"{len(self.labels)} named one by one, by their {self.way}."
        by = " and ".join(f"'{self.columns[one]}'" for one in _NEEDED[self.way])
        n = len(self.labels)
        labels = f"labels from the column '{self.columns.get(LABEL)}'"
        if LABEL not in self.columns:
            labels = f"no column of labels, so that all are '{plain(self.labels[0], MOST_TEXT)}'"
        return (
            f"{self.path}: {n} row{'s' * (n != 1)}; {labels}, spectra by their {self.way} from "
            f"{by}."
        )


def read_label_table(
    path: Path,
    columns: Mapping[str, str] | None = None,
    labels: Collection[str] | None = None,
    label_of_all: str | None = None,
) -> LabelTable:
    """Read a table of labels in CSV, FITS, VOTable or ECSV.

    Parameters
    ----------
    path : Path
        A regular file, gzipped or not.
    columns : mapping of str to str, optional
        Names of columns by what they hold (a key of `USUAL`), where they are not called as usual,
        or where several are. A way that is named here is taken before others.
    labels : collection of str, optional
        The labels that may occur; by default any.
    label_of_all : str, optional
        What all rows are where no column says it; by default such a table is refused.

    Returns
    -------
    LabelTable

    Raises
    ------
    SpectrumError
        If the file cannot be read, has no rows, or lacks a column or has several for it.
    """
    chosen = dict(columns or {})
    for part in chosen:
        if part not in USUAL:
            raise SpectrumError(
                f"A table of labels has no part {part!r}: name a column for {', '.join(USUAL)}."
            )
    try:
        found = _read(path, frozenset(chosen.values()))
    except SpectrumError as error:
        raise SpectrumError(
            f"The table of labels {path} {error}. Give a table in CSV, FITS, VOTable or ECSV."
        ) from error
    way, numbers = _recognise(found, chosen, path, needs_label=label_of_all is None)
    cells = {part: found.cells[number] for part, number in numbers.items()}
    cells.setdefault(LABEL, [label_of_all or ""] * len(next(iter(cells.values()))))
    if not cells[LABEL]:
        raise SpectrumError(f"The table of labels {path} has no rows. Give one with labels.")
    taken = {part: plain(found.names[number], MOST_TEXT) for part, number in numbers.items()}
    problems: dict[int, str] = {}
    places: list[tuple[float, float]] = []
    if way is Way.POSITION:
        units = {part: _unit(found.units[numbers[part]], taken[part], path) for part in (RA, DEC)}
        for ra, dec in zip(cells[RA], cells[DEC], strict=True):
            places.append((degrees(ra, units[RA], 15.0), degrees(dec, units[DEC], 1.0)))
        names = [f"{ra} {dec}" for ra, dec in zip(cells[RA], cells[DEC], strict=True)]
    else:
        names = cells[way.value]
    known = None if labels is None else {trim(label): label for label in labels}
    for row, (label, name) in enumerate(zip(cells[LABEL], names, strict=True)):
        place = places[row] if places else None
        if problem := _problem(label, name, place, known, way):
            problems[row] = problem
    written = [(known or {}).get(label, label) for label in cells[LABEL]]
    return LabelTable(path, way, taken, written, names, places, problems)


def _read(path: Path, chosen: frozenset[str]) -> Texts:
    # A process for this table alone: it may take minutes and much memory, and others who read
    # spectra meanwhile shall not wait for it.
    with closing(Confinement()) as process:
        found: Texts = process.call(SECONDS, read_texts, path, partial(_may_be, chosen))
    return found


def read_columns(texts: Iterable[str]) -> dict[str, str]:
    """Read which columns were named, each as ``PART=NAME``, for `read_label_table`.

    Raises
    ------
    SpectrumError
        If one is not of that form.
    """
    columns = {}
    for text in texts:
        part, _, name = text.partition("=")
        if part not in USUAL or not name:
            raise SpectrumError(
                f"{text!r} names no column: give PART=NAME, where PART is one of "
                f"{', '.join(USUAL)}."
            )
        columns[part] = name
    return columns


def _may_be(chosen: frozenset[str], name: str) -> bool:
    return name in chosen or any(_plain(name) in usual for usual in USUAL.values())


def _plain(name: str) -> str:
    return trim(name).lower().lstrip("_")


def _recognise(
    found: Texts, chosen: Mapping[str, str], path: Path, *, needs_label: bool
) -> tuple[Way, dict[str, int]]:
    there = {part: _find(found, part, chosen.get(part), path) for part in USUAL}
    possible = [way for way in Way if all(there[part] for part in _NEEDED[way])]
    way = next((one for one in possible if any(part in chosen for part in _NEEDED[one])), None)
    if way is None:
        if not possible:
            wanted = "a path, an identifier, or RA and Dec"
            raise _lack(found, path, f"no column that names the spectra ({wanted})", "path")
        way = possible[0]
    numbers = {}
    for part in (LABEL, *_NEEDED[way]):
        if part == LABEL and not there[part] and not needs_label:
            continue
        if not there[part]:
            usual = " or ".join(USUAL[part])
            raise _lack(found, path, f"no column for the {part} ({usual})", part)
        if len(there[part]) > 1:
            several = ", ".join(shorten(found.names[number]) for number in there[part])
            raise _lack(found, path, f"several columns for the {part} ({several})", part)
        (numbers[part],) = there[part]
    return way, numbers


def _find(found: Texts, part: str, name: str | None, path: Path) -> list[int]:
    if name is None:
        return [number for number, one in enumerate(found.names) if _plain(one) in USUAL[part]]
    numbers = [number for number, one in enumerate(found.names) if one == name]
    if not numbers:
        raise _lack(found, path, f"no column {shorten(name)}", part)
    return numbers


def _lack(found: Texts, path: Path, what: str, part: str) -> SpectrumError:
    names = ", ".join(plain(name, 40) for name in found.names[:MOST_NAMES])
    more = ", …" if len(found.names) > MOST_NAMES else ""
    return SpectrumError(
        f"The table of labels {path} has {what}: its columns are {names}{more}. Say which one it "
        f"is (--column {part}=NAME), or rename one."
    )


def _problem(
    label: str,
    name: str,
    place: tuple[float, float] | None,
    known: Mapping[str, str] | None,
    way: Way,
) -> str:
    if not label:
        return "has no label"
    if not name.strip():
        return f"has no {way}"
    if place is not None and not is_place(*place):
        return f"has a position that is none: {plain(name, MOST_TEXT)}"
    if known is not None and label not in known:
        return f"has a label that is none of {', '.join(known)}: {plain(label, MOST_TEXT)}"
    return ""


def _unit(written: str, name: str, path: Path) -> float | None:
    """Give degrees a unit; None where nothing is said, or something like "h:m:s"."""
    if not written or ":" in written:
        return None
    factor = _DEGREES.get(trim(written).lower())
    if factor is None:
        raise SpectrumError(
            f"The table of labels {path} has the column '{name}' in the unit {shorten(written)}. "
            "Give it in deg or hourangle."
        )
    return factor


def degrees(written: str, unit: float | None, of_sexagesimal: float) -> float:
    """Read an angle: numbers are degrees unless a unit says otherwise; NaN if it is none."""
    try:
        return float(written) * (unit or 1.0)
    except ValueError:
        parts = written.lower().translate(_SIGNS).strip(": ")
        return sexagesimal(parts) * (unit or of_sexagesimal)
