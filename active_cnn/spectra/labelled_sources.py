"""Going through sources for the spectra that the rows of a table of labels name."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from active_cnn.engine import Engine
from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.spectra.batches import printable
from active_cnn.spectra.confined import SECONDS, confined
from active_cnn.spectra.label_matching import Known, Match, Matcher
from active_cnn.spectra.label_table import LabelTable, Way
from active_cnn.spectra.naming import Naming
from active_cnn.spectra.place_doubts import find_shared
from active_cnn.spectra.pool_file import open_pool, read_column, read_names
from active_cnn.spectra.readers import read
from active_cnn.spectra.readers.lamost_fast import read_stretch
from active_cnn.spectra.sky import is_place
from active_cnn.spectra.sources import (
    find_files,
    is_pool,
)

BATCH = 1024  # spectra at a time
MOST_ROWS_TOLD = 6

_TELL_APART = {
    Way.PATH: "give longer paths",
    Way.IDENTIFIER: "tell files apart by --identifier path or header:CARD",
}


@dataclass(frozen=True)
class _Looks:
    """A batch of files of which more has to be known than their paths."""

    paths: tuple[str, ...]
    grid: Grid
    card: str


class Spot(NamedTuple):
    """Where a spectrum is: a file, or a row (from 0) of a pool; -1 = no pool."""

    file: str
    row: int = -1

    def __str__(self) -> str:
        return printable(self.file if self.row < 0 else f"{self.file}#{self.row}")


@dataclass(frozen=True, eq=False)
class Sources:
    """What may be labelled.

    Parameters
    ----------
    given : tuple of str or Path
        See `find_files`.
    grid : Grid
        That pools must have.
    naming : Naming
        How spectra of files are called.
    may_read : callable, optional
        Tells of a file whether it may be read; by default any may.
    """

    given: tuple[str | Path, ...]
    grid: Grid
    naming: Naming
    may_read: Callable[[str], bool] | None = None

    def files(self, passed_over: Counter[str] | None = None) -> Iterator[str]:
        """Give the files that may be read, see `find_files`."""
        return filter(self.may_read or bool, find_files(self.given, passed_over))


@dataclass(eq=False)
class Found:
    """What the rows of a table name in the sources.

    Parameters
    ----------
    spots : dict of Spot to list of int
        The spectra that rows name, in the order of the sources, each with these rows.
    n_unnamed : int
        How many spectra of the sources no row names.
    refused : list of (int, str, str)
        Rows that cannot be meant, with the spectrum ('' = none) and the reason.
    unknown : list of (str, str)
        Files that could not be held against the table, with the reason.
    first : Known
        What the first spectrum was held against the table by.
    """

    spots: dict[Spot, list[int]] = field(default_factory=dict)
    n_unnamed: int = 0
    refused: list[tuple[int, str, str]] = field(default_factory=list)
    unknown: list[tuple[str, str]] = field(default_factory=list)
    first: Known = Known()


def find_labelled(
    engine: Engine,
    table: LabelTable,
    matcher: Matcher,
    sources: Sources,
    progress: Callable[[int], None] = lambda _: None,
) -> Found:
    """Find the spectra that a table names; of the sources only these are kept in memory.

    A path or an identifier that stands for several spectra is refused; a position means each
    spectrum near it, but none at a place that many objects share (see `place_doubts`).

    Parameters
    ----------
    engine : Engine
        Reads the files of which more has to be known than their paths.
    table, matcher : LabelTable, Matcher
        The rows, and what finds them.
    sources : Sources
        Where spectra are looked for.
    progress : callable
        Told how many have been looked at.

    Raises
    ------
    SpectrumError
        If a source is missing or a pool cannot be read.
    """
    found = Found()
    hits: dict[str, _Hit] = {}
    n = n_named = n_places = 0
    for batch in _batches(engine, sources, table.way, found):
        if not n and batch:
            found.first = batch[0][1]
        for (spot, known), matches in zip(
            batch, matcher.match([known for _, known in batch]), strict=True
        ):
            n_places += bool(is_place(known.ra, known.dec))
            if matches:
                n_named += 1
                # A row of a pool and the file that it was made of are one spectrum; two rows of
                # one pool are not, even if they were made of one file.
                origin = known.path or str(spot)
                other = hits.get(origin)
                if other and other.spot != spot and other.spot.file == spot.file:
                    origin = str(spot)
                hits.setdefault(origin, _Hit(spot, known, matches))
        n += len(batch)
        progress(n)
    found.n_unnamed = n - n_named
    if table.way is Way.POSITION:
        hits = _without_shared(hits, n_places, found)
    else:
        hits = _without_ambiguous(hits, table.way, found)
    for hit in hits.values():
        rows = [match.row for match in hit.matches]
        labels = dict.fromkeys(table.labels[row] for row in rows)
        if len(labels) > 1:
            said = " and ".join(f"'{one}'" for one in labels)
            of = ", ".join(str(row + 1) for row in rows[:MOST_ROWS_TOLD])
            reason = f"names a spectrum that has several labels: {said} (rows {of})"
            found.refused += [(row, str(hit.spot), reason) for row in rows]
        else:
            found.spots[hit.spot] = rows
    return found


class _Hit(NamedTuple):
    spot: Spot
    known: Known
    matches: list[Match]


def _without_shared(hits: dict[str, _Hit], n_places: int, found: Found) -> dict[str, _Hit]:
    each = list(hits.values())
    ra, dec = np.array([(hit.known.ra, hit.known.dec) for hit in each], np.float64).reshape(-1, 2).T
    names = np.array([hit.known.designation for hit in each], dtype=object)
    shared, _ = find_shared(
        [(ra, dec, np.arange(len(each)))] if each else [], n_places, lambda rows: names[rows]
    )
    doubted = set(map(tuple, shared.tolist()))
    reason = "is at the position of many objects: perhaps the centre of a plate"
    kept = {}
    for origin, hit in hits.items():
        if (hit.known.ra, hit.known.dec) in doubted:
            found.refused += [(match.row, str(hit.spot), reason) for match in hit.matches]
        else:
            kept[origin] = hit
    return kept


def _without_ambiguous(hits: dict[str, _Hit], way: Way, found: Found) -> dict[str, _Hit]:
    ranks: defaultdict[int, int] = defaultdict(int)
    meant: defaultdict[int, list[str]] = defaultdict(list)
    for hit in hits.values():
        for match in hit.matches:
            ranks[match.row] = max(ranks[match.row], match.rank)
    for hit in hits.values():
        for match in hit.matches:
            if match.rank == ranks[match.row]:
                meant[match.row].append(str(hit.spot))
    for row, spots in meant.items():
        if len(spots) > 1:
            reason = f"names {len(spots)} spectra by one {way}: {spots[0]}, {spots[1]}"
            more = ", …" if len(spots) > 2 else ""
            found.refused.append((row, "", f"{reason}{more}; {_TELL_APART[way]}"))
    kept = {}
    for origin, hit in hits.items():
        matches = [
            match
            for match in hit.matches
            if match.rank == ranks[match.row] and len(meant[match.row]) == 1
        ]
        if matches:
            kept[origin] = hit._replace(matches=matches)
    return kept


def _batches(
    engine: Engine, sources: Sources, way: Way, found: Found
) -> Iterator[list[tuple[Spot, Known]]]:
    naming = sources.naming
    must_look = way is Way.POSITION or (way is Way.IDENTIFIER and bool(naming.card))
    for are_pools, paths in groupby(sources.files(), is_pool):
        if are_pools:
            for path in paths:
                yield from _batches_of_pool(path, sources.grid, way)
        elif must_look:
            looks = (
                _Looks(batch, sources.grid, naming.card)
                for batch in iter(lambda: tuple(islice(paths, BATCH)), ())  # noqa: B023
            )
            for look, told in engine.run(look_at, looks):
                some = zip(look.paths, told, strict=True)
                batch = []
                for path, known in some:
                    if isinstance(known, str):
                        found.unknown.append((path, known))
                    else:
                        batch.append((Spot(path), known))
                yield batch
        else:
            while batch := [
                (Spot(path), Known(path, naming.of(path))) for path in islice(paths, BATCH)
            ]:
                yield batch


def _batches_of_pool(path: str, grid: Grid, way: Way) -> Iterator[list[tuple[Spot, Known]]]:
    folder = os.path.dirname(path)  # noqa: PTH120 - of a text
    with open_pool(Path(path), grid) as group:
        n = len(group["spectra"])
        for start in range(0, n, BATCH):
            rows = slice(start, min(start + BATCH, n))
            files = [
                os.path.normpath(os.path.join(folder, file)) if file else ""  # noqa: PTH118
                for file in read_column("path", group, rows)
            ]
            if way is Way.POSITION:
                names = [""] * len(files)
                columns = [read_column(name, group, rows) for name in ("ra", "dec", "designation")]
            else:
                names = read_names(group, rows).tolist()
                columns = []
            told = zip(files, names, *columns, strict=True)
            yield [(Spot(path, start + i), Known(*one)) for i, one in enumerate(told)]


def look_at(batch: _Looks) -> list[Known | str]:
    """Tell what is known of files, or why nothing can be known."""
    return [_look_at(path, batch.grid, batch.card) for path in batch.paths]


def _look_at(path: str, grid: Grid, card: str) -> Known | str:
    stretch = read_stretch(path, grid, card)
    if stretch is not None:
        told = stretch.metadata
        return Known(path, told.get("identifier", ""), told["ra"], told["dec"], told["designation"])
    try:
        return confined(SECONDS, _read_known, path, card)
    except SpectrumError as error:
        return str(error)


def _read_known(path: str, card: str) -> Known:
    one = read(path, card)
    return Known(path, one.identifier, one.ra, one.dec, one.designation)
