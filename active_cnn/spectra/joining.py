"""Joining the parts of an ingest into one pool, in which every identifier is unique."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from active_cnn.spectra.naming import HEADER, NAME, PATH, Naming
from active_cnn.spectra.parts import (
    POOL,
    SOURCE,
    Parts,
    all_texts,
    create_pool,
    create_refused,
    digest,
)
from active_cnn.spectra.pool_file import (
    BRIDGED,
    REFUSED,
    RESOLVING_POWER,
    categorise,
    open_hdf5,
)
from active_cnn.spectra.resolving_power import (
    PoolResolution,
    PowerCounts,
    agree,
    count_powers,
    read_resolution,
)
from active_cnn.spectra.shards import shards_of


@dataclass(frozen=True)
class IngestReport:
    """What an ingest came to.

    Parameters
    ----------
    accepted, refused : int
        How many spectra.
    reasons : dict of str to int
        How many were refused for each reason, the most frequent first.
    bridged, most_bridged : int
        How many of the accepted ones had pixels without a value, and how many of these at most.
    powers : PowerCounts
        Resolving powers, and what became of them.
    passed_over : dict of str to int
        How many files in folders were not looked at, by suffix.
    not_stated : tuple of str
        Pools among the sources that do not state their resolving power. As with `passed_over`, none
        are named where nothing was left to do but to remove the parts.
    """

    accepted: int
    refused: int
    reasons: dict[str, int]
    bridged: int
    most_bridged: int
    powers: PowerCounts
    passed_over: dict[str, int] = field(default_factory=dict)
    not_stated: tuple[str, ...] = ()


@dataclass(frozen=True)
class Joined:
    """A finished file of a pool that has not got its name yet: where it is, and its rows."""

    path: Path
    n: int


def join_parts(parts: Parts, shard_size: int | None = None) -> tuple[list[Joined], IngestReport]:
    """Write a pool from its parts.

    Of spectra with the same identifier the first is kept and the others are refused; what was
    named twice is there once. The first file lists what was refused.

    Parameters
    ----------
    parts : Parts
        What has been read.
    shard_size : int, optional
        Most spectra of a file; without it there is one file.

    Returns
    -------
    list of Joined
        The files in the order of the pool's rows, among the parts.
    IngestReport

    Raises
    ------
    OSError
        If the disk is too full or a file cannot be written.
    """
    plan = _Plan(parts.files, parts.naming)
    _refuse_full_disk(plan.files, parts.folder)
    try:
        return _join(parts, plan, shard_size)
    except RuntimeError as error:  # so HDF5 calls a write that failed when it closes the file
        raise OSError(" ".join(str(error).split())) from error


def _join(parts: Parts, plan: _Plan, shard_size: int | None) -> tuple[list[Joined], IngestReport]:
    kept = np.flatnonzero(plan.kept)
    joined: list[Joined] = []
    reasons: Counter[str] = Counter()
    told = _Told()
    for start in range(0, max(1, len(kept)), shard_size or max(1, len(kept))):
        rows = kept[start:][:shard_size]
        path = parts.folder / f"joined-{len(joined)}.tmp"
        with h5py.File(path, "w") as file:
            pool = create_pool(file, len(rows), parts.grid, parts.resolution)
            _write_rows(pool, plan, rows)
            told.add(pool)
            pool["wavelengths"] = parts.grid.wavelength
            if not joined:
                reasons = _write_refused(file, plan)
        joined.append(Joined(path, len(rows)))
    return joined, told.report(parts.resolution, reasons)


class _Told:
    """What the columns of a pool's files tell of an ingest; holds some bytes a spectrum."""

    def __init__(self) -> None:
        self._bridged: list[NDArray[np.int32]] = []
        self._powers: list[NDArray[np.float32]] = []

    def add(self, pool: h5py.Group) -> None:
        """Read one more file."""
        n = len(pool["spectra"])
        # A pool of an earlier version has neither.
        self._bridged.append(pool[BRIDGED][:] if BRIDGED in pool else np.zeros(n, np.int32))
        self._powers.append(
            pool[RESOLVING_POWER][:] if RESOLVING_POWER in pool else np.full(n, np.nan, np.float32)
        )

    def report(self, resolution: PoolResolution, reasons: Counter[str]) -> IngestReport:
        """Sum up."""
        bridged = np.concatenate(self._bridged)
        return IngestReport(
            len(bridged),
            reasons.total(),
            dict(reasons.most_common()),
            int((bridged > 0).sum()),
            int(bridged.max(initial=0)),
            count_powers(resolution, np.concatenate(self._powers)),
        )


def _write_rows(pool: h5py.Group, plan: _Plan, rows: NDArray[np.int64]) -> None:
    written = 0
    numbers = np.searchsorted(plan.starts, rows, side="right") - 1
    for number in np.unique(numbers):
        here = rows[numbers == number] - plan.starts[number]
        into = slice(written, written := written + len(here))
        with open_hdf5(plan.files[number]) as part:
            # An ingest that an older version began has parts without counts of what it bridged.
            for name in pool.keys() & part[POOL].keys():
                pool[name][into] = part[POOL][name][:][here]


def _write_refused(file: h5py.File, plan: _Plan) -> Counter[str]:
    reasons: Counter[str] = Counter()
    listed = create_refused(file, int(plan.refused.sum() + plan.duplicate.sum()))
    written = 0
    for number, source in enumerate(plan.files):
        with open_hdf5(source) as part:
            paths, why = plan.refusals(number, part)
        into = slice(written, written := written + len(paths))
        listed["path"][into] = paths
        listed["reason"][into] = why
        reasons.update(map(categorise, why))
    return reasons


def _refuse_full_disk(files: list[Path], folder: Path) -> None:
    # The pool is a little smaller than its parts together.
    needed = sum(file.stat().st_size for file in files)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(
            f"joining the parts needs {needed / 1e6:.0f} MB, {free / 1e6:.0f} MB are free"
        )


def read_report(path: Path) -> IngestReport:
    """Tell from a pool that ingest wrote what that ingest came to."""
    reasons: Counter[str] = Counter()
    told, stated = _Told(), []
    for shard in shards_of(path):
        with open_hdf5(shard.path) as file:
            told.add(file[POOL])
            stated.append((shard.path, read_resolution(file[POOL])))
            if REFUSED in file:
                reasons.update(map(categorise, all_texts(file[REFUSED]["reason"])))
    return told.report(agree(stated), reasons)


class _Plan:
    """Which rows of which part go where; holds some tens of bytes a spectrum."""

    def __init__(self, files: list[Path], naming: Naming) -> None:
        self.files = files
        self.naming = naming
        identifiers, sources, refused = [digest([])], [digest([])], [digest([])]
        for path in files:
            with open_hdf5(path) as part:
                identifiers.append(digest(all_texts(part[POOL]["filenames"])))
                sources.append(digest(all_texts(part[POOL][SOURCE])))
                refused.append(digest(all_texts(part[REFUSED][SOURCE])))
        self.starts = np.cumsum([len(digests) for digests in identifiers])
        self.refused_starts = np.cumsum([len(digests) for digests in refused])
        self.first = _first_alike(np.concatenate(identifiers))
        is_first = self.first == np.arange(len(self.first))
        named_again = _is_again(np.concatenate(sources))
        self.kept = is_first & ~named_again
        self.duplicate = ~is_first & ~named_again
        self.refused = ~_is_again(np.concatenate(refused))

    def rows(self, number: int) -> slice:
        """Which rows of all parts the accepted ones of a part are."""
        return slice(self.starts[number], self.starts[number + 1])

    def refusals(self, number: int, part: h5py.File) -> tuple[list[str], list[str]]:
        """List what is refused of a part: the paths and the reasons."""
        rows = slice(self.refused_starts[number], self.refused_starts[number + 1])
        listed = self.refused[rows]
        paths = list(all_texts(part[REFUSED]["path"])[listed])
        reasons = list(all_texts(part[REFUSED]["reason"])[listed])
        duplicate = self.duplicate[self.rows(number)]
        if duplicate.any():
            pool = part[POOL]
            path, source = all_texts(pool["path"])[duplicate], all_texts(pool[SOURCE])[duplicate]
            paths += list(np.where(path == "", source, path))
            names = all_texts(pool["filenames"])[duplicate]
            taken = self._sources(self.first[self.rows(number)][duplicate])
            reasons += [
                f"has the identifier of another spectrum: '{name}' is taken by {other}"
                f"{self._advise(one)}"
                for name, other, one in zip(names, taken, source, strict=True)
            ]
        return paths, reasons

    def _advise(self, source: str) -> str:
        # Rows of a pool have their names from there.
        if self.naming.way != NAME or not Path(source).is_file():
            return ""
        return f"; with --identifier {PATH}, or {HEADER}:CARD, files of one name are told apart"

    def _sources(self, rows: NDArray[np.int64]) -> NDArray[np.object_]:
        sources = np.empty(len(rows), dtype=object)
        numbers = np.searchsorted(self.starts, rows, side="right") - 1
        for number in np.unique(numbers):
            here = numbers == number
            with open_hdf5(self.files[number]) as part:
                sources[here] = all_texts(part[POOL][SOURCE])[rows[here] - self.starts[number]]
        return sources


def _first_alike(digests: NDArray[np.bytes_]) -> NDArray[np.int64]:
    _, first, group = np.unique(digests, return_index=True, return_inverse=True)
    return first[group]


def _is_again(digests: NDArray[np.bytes_]) -> NDArray[np.bool_]:
    return _first_alike(digests) != np.arange(len(digests))
