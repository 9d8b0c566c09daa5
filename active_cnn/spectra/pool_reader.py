"""Reading rows by their numbers in the whole pool, whichever of its files they are in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.spectra.index_file import PoolIndex
from active_cnn.spectra.pool_file import open_hdf5, readable
from active_cnn.spectra.shards import shards_of, stamp_of

MOST_HELD = 32  # files that stay open between the calls

# Gives a column's values for increasing numbers of rows in one file.
Pick = Callable[[h5py.Group, NDArray[np.int64]], NDArray[Any]]


class PoolReader:
    """Opens the files of a pool as they are asked for.

    Parameters
    ----------
    path : Path
        The pool.
    index : PoolIndex
        Its index.
    is_held_open : bool
        Whether the files stay open between the calls.

    Raises
    ------
    SpectrumError
        If the pool is not the one that was indexed.
    """

    def __init__(self, path: Path, index: PoolIndex, *, is_held_open: bool) -> None:
        self.shards = shards_of(path)
        self._indexed = index.shards
        self._is_held_open = is_held_open
        self._held: dict[int, tuple[AbstractContextManager[h5py.File], h5py.File]] = {}
        if len(self.shards) != len(self._indexed) or not all(
            one.is_of(shard) for one, shard in zip(self._indexed, self.shards, strict=True)
        ):
            raise SpectrumError(
                f"The pool {path} has changed since it was indexed: it is not made of the same "
                f"{len(self._indexed)} files. Index it again."
            )
        self._starts = np.cumsum([0, *(one.n for one in self._indexed)])
        for number in range(len(self.shards)):
            self._refuse_changed(number)

    @contextmanager
    def open(self, number: int) -> Iterator[h5py.Group]:
        """Open one of the files."""
        self._refuse_changed(number)
        path, group = self.shards[number].path, self._indexed[number].group
        if self._is_held_open:
            file = self._hold(number)
            with readable(path):
                yield file[group]
            return
        with open_hdf5(path) as file:
            yield file[group]

    def stretches(self, rows: slice) -> Iterator[tuple[int, slice]]:
        """Divide a run of rows: the numbers of the files, and the rows within each."""
        first, last = np.searchsorted(self._starts, [rows.start, rows.stop - 1], "right") - 1
        for number in range(first, last + 1):
            start, stop = self._starts[number : number + 2]
            yield number, slice(max(rows.start, start) - start, min(rows.stop, stop) - start)

    def take(self, rows: NDArray[np.int64], *picks: Pick) -> list[NDArray[Any]]:
        """Read some columns of any rows, in the order asked, repeated or not."""
        unique, inverse = np.unique(rows, return_inverse=True)
        borders = np.searchsorted(unique, self._starts)
        parts: list[list[NDArray[Any]]] = [[] for _ in picks]
        # Of no rows the first file tells what kind of values they would be.
        for number in np.flatnonzero(np.diff(borders)) if len(unique) else [0]:
            here = unique[borders[number] : borders[number + 1]] - self._starts[number]
            with self.open(int(number)) as group:
                for part, pick in zip(parts, picks, strict=True):
                    part.append(pick(group, here))
        return [np.concatenate(part)[inverse] for part in parts]

    def _hold(self, number: int) -> h5py.File:
        if number not in self._held:
            if len(self._held) >= MOST_HELD:
                oldest, _ = self._held.pop(next(iter(self._held)))
                oldest.__exit__(None, None, None)
            opening = open_hdf5(self.shards[number].path)
            self._held[number] = opening, opening.__enter__()
        return self._held[number][1]

    def _refuse_changed(self, number: int) -> None:
        shard, indexed = self.shards[number], self._indexed[number].stamp
        stamp = stamp_of(shard)
        if stamp != indexed:
            raise SpectrumError(
                f"The {shard} has changed since it was indexed: {stamp} now, {indexed} then. "
                "Index it again."
            )
