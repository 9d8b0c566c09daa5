"""A training set from spectra and a table that says what they are."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from active_cnn.engine import Engine, open_engine
from active_cnn.errors import SpectrumError, StoreError
from active_cnn.excerpt import shorten
from active_cnn.grid import Grid
from active_cnn.plain_text import MOST_TEXT, plain
from active_cnn.spectra.batches import Files, Outcome, PoolRows, read_batch
from active_cnn.spectra.label_matching import RADIUS, Matcher
from active_cnn.spectra.label_table import LabelTable, Way, read_label_table
from active_cnn.spectra.labelled_sources import (
    BATCH,
    Found,
    Sources,
    Spot,
    find_labelled,
)
from active_cnn.spectra.naming import NAME, read_naming
from active_cnn.spectra.pool_file import categorise
from active_cnn.spectra.resolving_power import AS_IS, NOT_STATED, PoolResolution
from active_cnn.spectra.sources import Census, describe_passed_over, take_census
from active_cnn.spreadsheet import disarm
from active_cnn.whole_file import check_place, new_file
from active_cnn.wording import one_or_many

MOST_LABELS = 40  # that are told one by one

LOOKING, READING = "Looking for the labelled spectra", "Reading the labelled spectra"
NOT_FOUND = "names no spectrum of the sources"
TAKEN = "has the identifier of another spectrum"


@dataclass(frozen=True)
class LabellingReport:
    """What became of a table of labels.

    Parameters
    ----------
    table : str
        Which columns were taken, in a sentence.
    labels : dict of str to int
        Spectra of the training set by label, the most frequent first.
    n_rows, n_used : int
        Rows of the table, and those that labelled a spectrum of the training set.
    reasons : dict of str to int
        How much was refused for each reason, the most frequent first: rows, and of rows that name
        several spectra each of these.
    n_unnamed : int
        Spectra of the sources that no usable row names.
    n_unknown : int
        Files that could not be read, so that it is not known whether a row names them.
    n_bridged, n_blurrier : int
        Spectra of the training set with pixels without a value, and those blurrier than the pool.
    census : Census
        What there is to be said of the sources.
    """

    table: str
    labels: dict[str, int]
    n_rows: int
    n_used: int
    reasons: dict[str, int]
    n_unnamed: int
    n_unknown: int
    n_bridged: int
    n_blurrier: int
    census: Census

    def describe(self) -> list[str]:
        """Say it in lines."""
        n = sum(self.labels.values())
        told = list(self.labels.items())[:MOST_LABELS]
        counts = ", ".join(f"{plain(label, MOST_TEXT)} {count}" for label, count in told)
        if len(self.labels) > MOST_LABELS:
            counts += f", and {len(self.labels) - MOST_LABELS} other labels"
        said = [
            self.table,
            f"{n} {one_or_many(n, 'spectrum is', 'spectra are')} labelled by {self.n_used} of "
            f"{self.n_rows} {one_or_many(self.n_rows, 'row', 'rows')}: {counts}.",
        ]
        if self.n_bridged:
            said.append(
                f"In {self.n_bridged} of them straight lines bridge pixels without a value."
            )
        if self.n_blurrier:
            are = one_or_many(self.n_blurrier, "is", "are")
            said.append(f"{self.n_blurrier} of them {are} blurrier than the pool.")
        if self.reasons:
            refused = sum(self.reasons.values())
            said.append(f"{refused} {one_or_many(refused, 'was', 'were')} refused:")
            said += [f"{count:8d}  {reason}" for reason, count in self.reasons.items()]
        if self.n_unnamed:
            are = one_or_many(
                self.n_unnamed, "spectrum of the sources is", "spectra of the sources are"
            )
            said.append(f"{self.n_unnamed} {are} named by no usable row.")
        if self.n_unknown:
            said.append(
                f"{self.n_unknown} {one_or_many(self.n_unknown, 'file', 'files')} could not be "
                "read, so that it is not known whether a row names what is there."
            )
        if n := self.census.n_out_of_reach:
            said.append(
                f"{n} {one_or_many(n, 'file was', 'files were')} not read: outside the folders "
                "that may be."
            )
        if self.census.passed_over:
            said.append(describe_passed_over(self.census.passed_over))
        if self.census.not_stated:
            first, *others = self.census.not_stated
            more = f" (and {len(others)} more)" if others else ""
            said.append(
                f"{first}{more} does not state its resolving power: R = {NOT_STATED.power:g} was "
                "taken."
            )
        return said


def refused_beside(out: Path) -> Path:
    """Give the file that lists what was refused, if none is named."""
    return out.with_name(f"{out.stem}-refused.csv")


def build_training_csv(
    labels: Path,
    sources: Sequence[str | Path],
    out: Path,
    *,
    grid: Grid,
    resolution: PoolResolution = AS_IS,
    identifier: str = NAME,
    columns: Mapping[str, str] | None = None,
    known_labels: Collection[str] | None = None,
    radius: float = RADIUS,
    refused: Path | None = None,
    may_read: Callable[[str], bool] | None = None,
    processes: int = 1,
    scheduler: str | None = None,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> LabellingReport:
    """Write the CSV that `read_training_csv` reads, from spectra and a table of their labels.

    The spectra are prepared as `ingest` prepares those of a pool. A row that cannot be used is
    listed with its reason. A position labels all spectra within the radius: visits of one star; a
    spectrum that rows of several labels name is refused, and so are these rows.

    Parameters
    ----------
    labels : Path
        The table, see `read_label_table`.
    sources : sequence of str or Path
        Files, folders, lists and pools, see `find_files`.
    out : Path
        The training set (``.csv``).
    grid, resolution
        Of the pool that it is for.
    identifier : str
        What spectra of files are called by; see `ingest`.
    columns, known_labels
        See `read_label_table`.
    radius : float
        Within which a position means a spectrum, arcsec.
    refused : Path, optional
        CSV of what was refused; by default `refused_beside`. Texts that a spreadsheet could take
        for formulas are written as `disarm` gives them.
    may_read : callable, optional
        Tells of the absolute path of a file whether it may be read.
    processes, scheduler
        Who reads; see `engine.open_engine`.
    progress : callable
        Told what is being done (`LOOKING`, `READING`), how much of it is done, and of how much.

    Returns
    -------
    LabellingReport

    Raises
    ------
    SpectrumError
        If the table or a source cannot be read, or no spectrum can be used. No file is written.
    StoreError
        If a file cannot be written.
    EngineError
        If the processes or the scheduler cannot be used.
    """
    refused = refused or refused_beside(out)
    _check_places(labels, out, refused)
    naming = read_naming(identifier).within(sources)
    table = read_label_table(labels, columns, known_labels)
    matcher = Matcher(table, radius)
    given = Sources(tuple(sources), grid, naming, may_read)
    census = take_census(given.given, grid, may_read)
    processes = max(1, min(processes, -(-census.n // BATCH)))
    with open_engine(scheduler, processes) as engine:
        found = find_labelled(
            engine, table, matcher, given, lambda done: progress(LOOKING, done, census.n)
        )
        return write_labelled(
            engine, table, found, given, census, resolution, out, refused, progress
        )


def write_labelled(
    engine: Engine,
    table: LabelTable,
    found: Found,
    sources: Sources,
    census: Census,
    resolution: PoolResolution,
    out: Path,
    refused: Path,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> LabellingReport:
    """Read the spectra that were found for a table, and write training set and what was refused.

    Parameters and errors are those of `build_training_csv`; `found` is what the rows of the table
    name, of `sources` only the grid and the naming are used.
    """
    _refuse_overwriting(out, found)
    made = _Made(table, found, resolution)
    with new_file(out, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "label", *(f"{one:.4f}" for one in sources.grid.wavelength)])
        for done, outcome in _read(engine, found, sources, resolution, out):
            rows.writerows(made.rows(outcome))
            progress(READING, done, len(found.spots))
        report = made.report(census)
        if not made.labels:
            raise _no_use(table, report, found, out)
        file.flush()  # so that the list does not appear when the disk is too full for this one
        _write_refused(refused, made)
    return report


def _check_places(labels: Path, out: Path, refused: Path) -> None:
    for path in (out, refused):
        if path.suffix.lower() != ".csv":
            raise StoreError(
                f"Cannot write {path}: its name ends in {path.suffix!r}, the table is CSV. "
                "Give a name that ends in .csv."
            )
    places = [os.path.realpath(labels), check_place(out), check_place(refused)]
    if len(set(map(str, places))) < len(places):
        raise StoreError(
            f"The table of labels, the training set and the list of what was refused cannot be one "
            f"file: {labels}, {out} and {refused}. Give three names."
        )


def _refuse_overwriting(out: Path, found: Found) -> None:
    with suppress(OSError):
        written = out.stat()
        for file in {spot.file for spot in found.spots}:
            if os.path.samestat(os.stat(file), written):  # noqa: PTH116
                raise StoreError(
                    f"Cannot write {out}: it is among the sources (as {file}) and would be "
                    "overwritten. Give another file."
                )


def _read(
    engine: Engine, found: Found, sources: Sources, resolution: PoolResolution, out: Path
) -> Iterator[tuple[int, Outcome]]:
    folder = str(out.resolve().parent)
    done = 0
    tasks = _tasks(found.spots, sources, resolution, folder)
    for task, outcome in engine.run(read_batch, tasks):
        done += len(task.paths) if isinstance(task, Files) else int(task.wanted.sum())
        yield done, outcome


def _tasks(
    spots: Iterable[Spot], sources: Sources, resolution: PoolResolution, folder: str
) -> Iterator[Files | PoolRows]:
    grid, naming = sources.grid, sources.naming
    # Spectra of files together; rows of a pool by the stretch in which they lie.
    for (pool, stretch), some in groupby(
        spots, lambda spot: ("", -1) if spot.row < 0 else (spot.file, spot.row // BATCH)
    ):
        alike = list(some)
        if not pool:
            for start in range(0, len(alike), BATCH):
                paths = tuple(spot.file for spot in alike[start : start + BATCH])
                yield Files(paths, grid, folder, naming, resolution)
            continue
        first = stretch * BATCH
        wanted = np.zeros(max(spot.row for spot in alike) - first + 1, dtype=bool)
        wanted[[spot.row - first for spot in alike]] = True
        yield PoolRows(pool, first, wanted, grid, folder, resolution)


class _Made:
    """What has become of the rows so far."""

    def __init__(self, table: LabelTable, found: Found, resolution: PoolResolution) -> None:
        self._table, self._found, self._resolution = table, found, resolution
        self._rows = {str(spot): rows for spot, rows in found.spots.items()}
        self._taken: dict[str, str] = {}
        self._used: set[int] = set()
        self._refused = [(row, "", why) for row, why in table.problems.items()]
        self._refused += found.refused
        named = {row for rows in found.spots.values() for row in rows}
        named.update(row for row, _, _ in self._refused)
        why = _not_found(found)
        self._refused += [(row, "", why) for row in range(len(table.labels)) if row not in named]
        self._n_bridged = self._n_blurrier = 0
        self.labels: Counter[str] = Counter()

    def rows(self, outcome: Outcome) -> Iterator[list[str]]:
        """Give the rows of the training set that come of a batch."""
        for source, _, reason in outcome.refused:
            self._refuse(source, reason)
        for window, (source, name, n_bridged, power, *_) in zip(
            outcome.spectra, outcome.rows, strict=True
        ):
            if name in self._taken:
                self._refuse(source, f"{TAKEN}: '{name}' is taken by {self._taken[name]}")
                continue
            self._taken[name] = source
            label = self._table.labels[self._rows[source][0]]
            self.labels[label] += 1
            self._used.update(self._rows[source])
            self._n_bridged += n_bridged > 0
            self._n_blurrier += self._resolution.is_blurrier(power)
            # Nine digits tell every float32 from the next, and a pool has no more.
            yield [name, label, *(f"{flux:.9g}" for flux in window.tolist())]

    def _refuse(self, source: str, reason: str) -> None:
        self._refused += [(row, source, reason) for row in self._rows[source]]

    @property
    def refused(self) -> list[tuple[int, str, str]]:
        """Rows (from 0) that are not used, or not for this spectrum, each with its reason."""
        return sorted(self._refused)

    @property
    def unknown(self) -> list[tuple[str, str]]:
        """Files that could not be held against the table, with the reason."""
        return self._found.unknown

    @property
    def table(self) -> LabelTable:
        """What the rows say."""
        return self._table

    def report(self, census: Census) -> LabellingReport:
        """Sum up."""
        reasons = Counter(categorise(reason) for _, _, reason in self._refused)
        return LabellingReport(
            self._table.describe(),
            dict(self.labels.most_common()),
            len(self._table.labels),
            len(self._used),
            dict(reasons.most_common()),
            self._found.n_unnamed,
            len(self._found.unknown),
            self._n_bridged,
            self._n_blurrier,
            census,
        )


def _write_refused(path: Path, made: _Made) -> None:
    table = made.table
    # Names of files are bytes, which need not be UTF-8.
    with new_file(path, "w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        rows = csv.writer(file)
        rows.writerow(["row", "label", table.way.value, "spectrum", "reason"])
        rows.writerows(
            [row + 1, *map(disarm, (table.labels[row], table.names[row], spectrum, reason))]
            for row, spectrum, reason in made.refused
        )
        rows.writerows(["", "", "", disarm(path), disarm(reason)] for path, reason in made.unknown)


def _no_use(table: LabelTable, report: LabellingReport, found: Found, out: Path) -> SpectrumError:
    listed = "; ".join(f"{reason} ({n})" for reason, n in report.reasons.items())
    none = one_or_many(
        report.n_rows,
        f"The only row of {table.path} cannot be used",
        f"None of the {report.n_rows} rows of {table.path} can be used",
    )
    compared = ""
    if table.way is not Way.POSITION and report.reasons.get(_not_found(found)):
        said = "the table" if table.columns else str(table.path)
        of_spectrum = found.first.path if table.way is Way.PATH else found.first.identifier
        compared = (
            f" The first {table.way} of {said} is {shorten(table.names[0])}, that of the "
            f"sources is {shorten(of_spectrum)}."
        )
    return SpectrumError(
        f"{none}, so {out} was not written. "
        f"Why, and how many: {listed}.{compared} Check the sources, the columns that were taken "
        "and the grid."
    )


def _not_found(found: Found) -> str:
    return f"{NOT_FOUND} that could be read" if found.unknown else NOT_FOUND
