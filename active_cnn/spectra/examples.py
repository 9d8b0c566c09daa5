"""A handful of examples, named by a table or one by one, as the training set of a campaign."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from active_cnn.engine import open_engine
from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.spectra.label_matching import RADIUS, Matcher
from active_cnn.spectra.label_table import LabelTable, Way, degrees, read_label_table
from active_cnn.spectra.labelled import (
    LOOKING,
    LabellingReport,
    refused_beside,
    write_labelled,
)
from active_cnn.spectra.labelled_sources import Found, Sources, find_labelled
from active_cnn.spectra.naming import NAME, read_naming
from active_cnn.spectra.resolving_power import PoolResolution
from active_cnn.spectra.sky import is_place
from active_cnn.spectra.sources import take_census

# What stands for the path of a table that was typed.
TYPED = Path("the examples named")
MOST_TYPED = 10_000


@dataclass(frozen=True)
class Examples:
    """What examples were named, and where their spectra are looked for besides the pool.

    Parameters
    ----------
    typed : tuple of str
        Each an identifier of the pool, a position ``RA DEC``, or a file in `files`.
    files : dict of str to Path
        The file that one of `typed` names.
    table : Path, optional
        See `read_label_table`.
    sources : tuple of Path
        Files, folders and pools where the table's spectra, and what was typed, are looked for too.
    columns : dict of str to str
        See `read_label_table`.
    radius : float
        Within which a position means a spectrum, arcsec.
    identifier : str
        What spectra of files are called by; see `ingest`.
    """

    typed: tuple[str, ...] = ()
    files: Mapping[str, Path] = field(default_factory=dict)
    table: Path | None = None
    sources: tuple[Path, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    radius: float = RADIUS
    identifier: str = NAME

    def __post_init__(self) -> None:
        if not self.typed and self.table is None:
            raise SpectrumError("No example is named: give identifiers, positions, or a table.")
        if len(self.typed) > MOST_TYPED:
            raise SpectrumError(
                f"{len(self.typed)} examples are named one by one: give a table of them."
            )


def read_place(text: str) -> tuple[float, float] | None:
    """Read right ascension and declination in degrees; None if the text is something else.

    Both are numbers of degrees or sexagesimal (hours and degrees), parted by a blank or a comma.
    """
    parts = re.split(r"[\s,]+", text.strip())
    if len(parts) == 6:
        parts = [":".join(parts[:3]), ":".join(parts[3:])]
    if len(parts) != 2:
        return None
    place = degrees(parts[0], None, 15.0), degrees(parts[1], None, 1.0)
    return place if is_place(*place) else None


def build_examples_csv(
    examples: Examples,
    pool: Path,
    out: Path,
    *,
    grid: Grid,
    resolution: PoolResolution,
    label: str,
    known_labels: Collection[str] | None = None,
    may_read: Callable[[str], bool] | None = None,
    processes: int = 1,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> LabellingReport:
    """Write the CSV that `read_training_csv` reads, from examples; see `build_training_csv`.

    Parameters
    ----------
    examples : Examples
    pool : Path
        Where they are looked for first.
    out : Path
        The training set (``.csv``); what was refused is listed beside it.
    grid, resolution
        Of the pool.
    label : str
        Of what was typed, and of a table that has no column of labels.
    known_labels : collection of str, optional
        The labels that may occur in a table; by default any.
    may_read, processes, progress
        See `build_training_csv`.

    Returns
    -------
    LabellingReport

    Raises
    ------
    SpectrumError
        If the table or a source cannot be read, or no example can be used. No file is written.
    StoreError
        If a file cannot be written.
    """
    naming = read_naming(examples.identifier)
    everywhere = (pool, *examples.sources)
    tables = [(one, everywhere) for one in _typed_tables(examples, label)]
    if files := tuple(dict.fromkeys(examples.files.values())):
        tables.append((_table(Way.PATH, [str(one.resolve()) for one in files], label), files))
    if examples.table:
        table = read_label_table(examples.table, examples.columns, known_labels, label)
        tables.append((table, everywhere))
    census = take_census((*everywhere, *files), grid, may_read)
    with open_engine(None, processes) as engine:
        parts = []
        done = 0
        for table, given in tables:
            sources = Sources(given, grid, naming.within(given), may_read)
            matcher = Matcher(table, examples.radius)
            begun = done

            def show(n: int, begun: int = begun) -> None:
                nonlocal done
                done = begun + n
                progress(LOOKING, done, census.n * len(tables))

            parts.append((table, find_labelled(engine, table, matcher, sources, show)))
        table, found = _join(parts)
        report = write_labelled(
            engine,
            table,
            found,
            Sources(everywhere, grid, naming.within(everywhere), may_read),
            census,
            resolution,
            out,
            refused_beside(out),
            progress,
        )
    return replace(report, table=" ".join(one.describe() for one, _ in parts))


def _typed_tables(examples: Examples, label: str) -> list[LabelTable]:
    names, positions, places = [], [], []
    for text in examples.typed:
        if text in examples.files:
            continue
        if place := read_place(text):
            positions.append(text)
            places.append(place)
        else:
            names.append(text.strip())
    tables = []
    if names:
        tables.append(_table(Way.IDENTIFIER, names, label))
    if positions:
        tables.append(replace(_table(Way.POSITION, positions, label), places=places))
    return tables


def _table(way: Way, names: list[str], label: str) -> LabelTable:
    problems = {row: f"has no {way}" for row, name in enumerate(names) if not name}
    return LabelTable(TYPED, way, {}, [label] * len(names), names, problems=problems)


def _join(parts: Sequence[tuple[LabelTable, Found]]) -> tuple[LabelTable, Found]:
    """Make one table of several and of what their rows name: rows are numbered on and on."""
    if len(parts) == 1:
        table, found = parts[0]
        found.n_unnamed = 0  # the rest of the pool, which nobody meant
        return table, found
    first = parts[0][1]
    joined = Found(first=first.first)
    labels: list[str] = []
    names: list[str] = []
    problems: dict[int, str] = {}
    for table, found in parts:
        start = len(labels)
        labels += table.labels
        names += table.names
        problems |= {start + row: why for row, why in table.problems.items()}
        joined.refused += [(start + row, spot, why) for row, spot, why in found.refused]
        joined.unknown += found.unknown
        for spot, rows in found.spots.items():
            joined.spots.setdefault(spot, []).extend(start + row for row in rows)
    for spot, rows in list(joined.spots.items()):
        said = dict.fromkeys(labels[row] for row in rows)
        if len(said) > 1:
            reason = f"names a spectrum that has several labels: {' and '.join(map(repr, said))}"
            joined.refused += [(row, str(spot), reason) for row in rows]
            del joined.spots[spot]
    table = LabelTable(TYPED, Way.IDENTIFIER, {}, labels, names, problems=problems)
    return table, joined
