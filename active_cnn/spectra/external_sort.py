"""Sorting more rows than should be in memory: sorted runs on the disk, merged piece by piece."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

KEY = "key"
RUN = 2**20  # rows that are sorted in memory
STEP = 2**12  # rows of a run between two of the keys that are remembered of it


class ExternalSort:
    """Sorts records by their field `KEY`; those with equal keys stay in the order of adding.

    Parameters
    ----------
    folder : Path
        Where the runs lie, in a file without a name that vanishes with this object.
    dtype : dtype
        Of the records, with the field `KEY`.

    Attributes
    ----------
    n : int
        How many records have been added.

    Raises
    ------
    OSError
        If there is no room, here and when adding.
    """

    def __init__(self, folder: Path, dtype: DTypeLike) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed on leaving
        self._run = np.empty(RUN, dtype)
        self._runs: list[slice] = []
        self._steps: list[NDArray[Any]] = []
        self.n = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, **columns: NDArray[Any]) -> None:
        """Add records, given by their fields."""
        n = len(columns[KEY])
        done = 0
        while done < n:
            at = self.n % RUN
            some = min(n - done, RUN - at)
            for name, values in columns.items():
                self._run[name][at : at + some] = values[done : done + some]
            self.n, done = self.n + some, done + some
            if self.n % RUN == 0:
                self._write_run(RUN)

    def pieces(self) -> Iterator[NDArray[Any]]:
        """Go through all records in order; equal keys are never divided between two pieces.

        They may be gone through again, but none may be added any more.
        """
        if self.n % RUN and len(self._runs) <= self.n // RUN:
            self._write_run(self.n % RUN)
        self._file.flush()
        if not self.n:
            return
        # The remembered keys divide the records evenly, however their values are spread.
        steps = np.sort(np.concatenate(self._steps))
        at = [run.start for run in self._runs]
        for border in [*np.unique(steps[RUN // STEP :: RUN // STEP]), None]:
            until = [self._find(number, border) for number in range(len(self._runs))]
            piece = np.concatenate(
                [self._read(start, stop) for start, stop in zip(at, until, strict=True)]
            )
            if len(piece):
                yield piece[np.argsort(piece[KEY], kind="stable")]
            at = until

    def _find(self, number: int, border: Any) -> int:
        """Find where a run reaches a key (None: beyond all)."""
        run = self._runs[number]
        if border is None:
            return run.stop
        block = max(int(np.searchsorted(self._steps[number], border)) - 1, 0)
        start = run.start + block * STEP
        keys = self._read(start, min(start + STEP, run.stop))[KEY]
        return start + int(np.searchsorted(keys, border))

    def _read(self, start: int, stop: int) -> NDArray[Any]:
        self._file.seek(start * self._run.dtype.itemsize)
        return np.fromfile(self._file, self._run.dtype, stop - start)

    def _write_run(self, n: int) -> None:
        records = self._run[:n]
        records[:] = records[np.argsort(records[KEY], kind="stable")]
        self._file.write(records.data.cast("B"))
        self._runs.append(slice(self.n - n, self.n))
        self._steps.append(records[KEY][::STEP].copy())
