"""The file of a pool's index: columns in the order of identifiers' hashes and of declination.

A question reads the few blocks that answer it; the file as a whole is never in memory.
"""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import DTypeLike, NDArray

from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.spectra.place_doubts import PlaceDoubts
from active_cnn.spectra.pool_file import open_hdf5, publish, read_points, read_texts
from active_cnn.spectra.shards import Shard, Stamp
from active_cnn.spectra.sky import ARCSEC_A_DEGREE, is_place, separation

INDEX_VERSION = 4
MARGIN = 2**20  # bytes: more than all that HDF5 writes of itself
# Rows of a block, which is found by its first key; part of the format.
FENCE = 1024


@dataclass(frozen=True)
class IndexedShard:
    """A file of the pool as it was when it was indexed.

    Parameters
    ----------
    name : str
        What the manifest calls it; '' = the pool is this file alone.
    n : int
        Number of its rows.
    group : str
        The group that holds them.
    stamp : Stamp
        Its state.
    """

    name: str
    n: int
    group: str
    stamp: Stamp

    def is_of(self, shard: Shard) -> bool:
        """Whether this is what the pool still lists; its stamp may have changed."""
        return self.name == shard.name and shard.n in (None, self.n)


class PoolIndex:
    """Reads an index; whether the pool is still the same is for the reader of that to ask.

    Parameters
    ----------
    path : Path
        The index, made by `index_pool`.

    Attributes
    ----------
    n : int
        Number of rows of the pool.
    grid : Grid
        The wavelengths of its spectra.
    fingerprint : str
        SHA-256 of all identifiers and fluxes in their order.
    shards : tuple of IndexedShard
        The pool's files in the order of its rows.
    doubts : PlaceDoubts
        Which positions of its usable rows are none.

    Raises
    ------
    SpectrumError
        If there is no index of this version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with open_hdf5(path) as index:
            version = index.attrs.get("version")
            if version != INDEX_VERSION:
                raise SpectrumError(
                    f"{path} is not a pool's index of version {INDEX_VERSION} "
                    f"(found: {version}). Index the pool again."
                )
            self.fingerprint = str(index.attrs["fingerprint"])
            self.grid = Grid.from_numbers(index.attrs["grid"])
            self.n = len(index["defects"])
            self.shards = _read_shards(index["shards"])
            self.doubts = _read_doubts(index["doubts"])

    @cached_property
    def defects(self) -> NDArray[np.uint8]:
        """Why each row cannot be used, a key of `DEFECTS`; 0 = usable. Shape (n,), read-only."""
        with open_hdf5(self.path) as index:
            defects = index["defects"][:]
        defects.setflags(write=False)
        return defects

    def rows_with(self, hashes: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Find the rows whose identifiers have some hashes.

        Parameters
        ----------
        hashes : ndarray of uint64, shape (n_hashes,)
            Of `hash_texts`.

        Returns
        -------
        rows : ndarray of int, shape (n_found,)
            Rows in no particular order.
        which : ndarray of int, shape (n_found,)
            Whose hash, as a position in `hashes`.
        """
        with open_hdf5(self.path) as index:
            first, last = _ranges(index, "hash", hashes, hashes)
            n_alike = last - first
            which = np.repeat(np.arange(len(hashes)), n_alike)
            # The first position of each hash, the next one, …
            within = np.arange(len(which)) - np.repeat(np.cumsum(n_alike) - n_alike, n_alike)
            positions, back = np.unique(first[which] + within, return_inverse=True)
            return read_points(index["row"], positions)[back], which

    def rows_near(
        self, ra: NDArray[np.float64], dec: NDArray[np.float64], radius: float
    ) -> list[NDArray[np.int64]]:
        """Find the usable rows near some places.

        Parameters
        ----------
        ra, dec : ndarray, shape (n_places,)
            Places in degrees; none is found near one that is not on the sky.
        radius : float
            The greatest distance in arcsec.

        Returns
        -------
        list of ndarray of int
            For each place the rows, the nearest first; as far away, in their order in the pool.
        """
        # A trifle wider than the radius, for the rounding of what the exact distance decides.
        reach = radius / ARCSEC_A_DEGREE * (1 + 1e-9) + 1e-12
        found = []
        with open_hdf5(self.path) as index:
            first, last = _ranges(index, "dec", dec - reach, dec + reach)
            for place, is_known in enumerate(is_place(ra, dec)):
                band = slice(first[place], last[place] if is_known else first[place])
                distance = separation(ra[place], dec[place], index["ra"][band], index["dec"][band])
                rows, within = index["place_row"][band], distance <= radius
                order = np.lexsort((rows[within], distance[within]))
                found.append(rows[within][order])
        return found


def read_shards(path: Path) -> tuple[IndexedShard, ...] | None:
    """Tell which files an index was made of; None = there is no readable index of this version."""
    try:
        return PoolIndex(path).shards
    except SpectrumError:
        return None


@contextmanager
def new_index(
    path: Path,
    fingerprint: str,
    grid: Grid,
    shards: Iterable[IndexedShard],
    doubts: PlaceDoubts,
    columns: Mapping[str, tuple[DTypeLike, int]],
) -> Iterator[IndexWriter]:
    """Make an index, which appears whole or not at all.

    Parameters
    ----------
    path : Path
        Where.
    fingerprint, grid, shards, doubts
        As `PoolIndex` gives them back.
    columns : mapping of str to (dtype, int)
        Type and number of values of each column, which are to be written with the yielded writer.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    # Its own name each time: two sessions may find at once that the index has to be made anew.
    unfinished = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
    needed = sum(np.dtype(dtype).itemsize * n for dtype, n in columns.values()) + MARGIN
    if shutil.disk_usage(path.parent).free < needed:
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}: {needed / 1e6:.0f} MB needed")
    try:
        header = {
            "version": INDEX_VERSION,
            "fingerprint": fingerprint,
            "grid": grid.numbers,
        }
        with h5py.File(unfinished, "w") as index:
            index.attrs.update(header)
            _write_shards(index.create_group("shards"), shards)
            _write_doubts(index.create_group("doubts"), doubts)
            offsets = {
                name: _lay_out(index, name, dtype, n) for name, (dtype, n) in columns.items()
            }
        with unfinished.open("r+b") as file:
            yield IndexWriter(file, offsets)
        publish(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


class IndexWriter:
    """Appends to the columns of an index, each of which has its place in the file already.

    HDF5 itself brings the process down when a disk fills up under an open file; written by Python,
    a full disk is an OSError like any other.
    """

    def __init__(self, file: Any, offsets: dict[str, int | None]) -> None:
        self._file, self._offsets = file, offsets

    def append(self, **columns: NDArray[Any]) -> None:
        """Write the next values of some columns, in the types that were announced."""
        for name, values in columns.items():
            if len(values):
                self._file.seek(self._offsets[name])
                self._file.write(np.ascontiguousarray(values).view(np.uint8))
                self._offsets[name] = self._file.tell()


def _lay_out(index: h5py.File, name: str, dtype: DTypeLike, n: int) -> int | None:
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_layout(h5py.h5d.CONTIGUOUS)
    properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    dataset = h5py.h5d.create(
        index.id,
        name.encode(),
        h5py.h5t.py_create(np.dtype(dtype), logical=True),
        h5py.h5s.create_simple((n,)),
        properties,
    )
    return dataset.get_offset()


def _write_shards(group: h5py.Group, shards: Iterable[IndexedShard]) -> None:
    shards = list(shards)
    text = h5py.string_dtype()
    group.create_dataset("name", data=[shard.name for shard in shards], dtype=text)
    group.create_dataset("group", data=[shard.group for shard in shards], dtype=text)
    group["n"] = [shard.n for shard in shards]
    group["size"] = [shard.stamp.size for shard in shards]
    group["mtime_ns"] = [shard.stamp.mtime_ns for shard in shards]


def _read_shards(group: h5py.Group) -> tuple[IndexedShard, ...]:
    every = slice(0, len(group["n"]))
    return tuple(
        IndexedShard(name, n, where, Stamp(size, mtime_ns))
        for name, n, where, size, mtime_ns in zip(
            read_texts(group["name"], every),
            group["n"][:].tolist(),
            read_texts(group["group"], every),
            group["size"][:].tolist(),
            group["mtime_ns"][:].tolist(),
            strict=True,
        )
    )


def _write_doubts(group: h5py.Group, doubts: PlaceDoubts) -> None:
    group.create_dataset("reason", data=list(doubts.unknown), dtype=h5py.string_dtype())
    group["n"] = np.array(list(doubts.unknown.values()), dtype=np.int64)
    group["shared"] = doubts.shared


def _read_doubts(group: h5py.Group) -> PlaceDoubts:
    reasons = read_texts(group["reason"], slice(0, len(group["n"])))
    return PlaceDoubts(
        group["shared"][:], dict(zip(reasons.tolist(), group["n"][:].tolist(), strict=True))
    )


def _ranges(
    index: h5py.File, name: str, low: NDArray[Any], high: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find where a sorted column is from `low` up to `high`, reading but a few blocks of it."""
    column, fences = index[name], index[f"{name}_fences"][:]
    n = len(low)
    # −1: before the first key.
    blocks = np.append(np.searchsorted(fences, low), np.searchsorted(fences, high, "right")) - 1
    positions = np.zeros(2 * n, dtype=np.int64)
    order = np.argsort(blocks, kind="stable")
    order = order[blocks[order] >= 0]
    for same in np.split(order, np.flatnonzero(np.diff(blocks[order])) + 1):
        if len(same):
            start = int(blocks[same[0]]) * FENCE
            block = column[start : start + FENCE]
            ends = np.searchsorted(same, n)
            lows, highs = same[:ends], same[ends:]
            positions[lows] = start + np.searchsorted(block, low[lows])
            positions[highs] = start + np.searchsorted(block, high[highs - n], "right")
    return positions[:n], positions[n:]
