"""Joining the parts of an ingest into one pool, in which every identifier is unique."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from active_cnn.spectra.parts import (
    POOL,
    SOURCE,
    Parts,
    all_texts,
    create_pool,
    create_refused,
    digest,
)
from active_cnn.spectra.pool_file import REFUSED, categorise, open_hdf5


@dataclass(frozen=True)
class IngestReport:
    """What an ingest came to.

    Parameters
    ----------
    accepted, refused : int
        How many spectra.
    reasons : dict of str to int
        How many were refused for each reason, the most frequent first.
    """

    accepted: int
    refused: int
    reasons: dict[str, int]


def join_parts(parts: Parts, path: Path) -> IngestReport:
    """Write a pool from its parts.

    Of spectra with the same identifier the first is kept and the others are refused; what was
    named twice is there once.

    Raises
    ------
    OSError
        If the disk is too full or the file cannot be written.
    """
    plan = _Plan(parts.files)
    _refuse_full_disk(plan.files, parts.folder)
    try:
        return _join(parts, plan, path)
    except RuntimeError as error:  # so HDF5 calls a write that failed when it closes the file
        raise OSError(" ".join(str(error).split())) from error


def _join(parts: Parts, plan: _Plan, path: Path) -> IngestReport:
    n_refused = int(plan.refused.sum() + plan.duplicate.sum())
    reasons: Counter[str] = Counter()
    with h5py.File(path, "w") as file:
        pool = create_pool(file, int(plan.kept.sum()), parts.grid)
        refused = create_refused(file, n_refused)
        at_pool = at_refused = 0
        for number, source in enumerate(plan.files):
            with open_hdf5(source) as part:
                kept = plan.kept[plan.rows(number)]
                into = slice(at_pool, at_pool := at_pool + int(kept.sum()))
                for name in pool:
                    pool[name][into] = part[POOL][name][:][kept]
                paths, why = plan.refusals(number, part)
            into = slice(at_refused, at_refused := at_refused + len(paths))
            refused["path"][into] = paths
            refused["reason"][into] = why
            reasons.update(map(categorise, why))
        pool["wavelengths"] = parts.grid.wavelength
    return IngestReport(at_pool, n_refused, dict(reasons.most_common()))


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
    with open_hdf5(path) as file:
        reasons = Counter(map(categorise, all_texts(file[REFUSED]["reason"])))
        return IngestReport(
            len(file[POOL]["spectra"]), reasons.total(), dict(reasons.most_common())
        )


class _Plan:
    """Which rows of which part go where; holds some tens of bytes a spectrum."""

    def __init__(self, files: list[Path]) -> None:
        self.files = files
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
                for name, other in zip(names, taken, strict=True)
            ]
        return paths, reasons

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
