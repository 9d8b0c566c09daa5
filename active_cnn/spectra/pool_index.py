"""What one pass over a pool can tell, kept in a file beside the campaign.

It holds why rows cannot be used, where an identifier is, which rows lie at a place on the sky, and
the fingerprint of the contents.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.records import Grid
from active_cnn.spectra.pool_file import (
    find_unusable,
    hash_texts,
    new_hdf5,
    open_hdf5,
    open_pool,
    read_column,
    read_texts,
    take_rows,
)
from active_cnn.spectra.sky import ARCSEC_A_DEGREE, is_place, separation

INDEX_VERSION = 2
BLOCK = 8192  # rows: some 9 MB of flux


def index_pool(
    path: Path,
    index_path: Path,
    grid: Grid,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Check a pool in one pass and write down what later reading needs.

    Parameters
    ----------
    path : Path
        The pool, which is only read.
    index_path : Path
        Where the index goes; it appears whole or not at all.
    grid : Grid
        The wavelengths that the campaign wants.
    progress : callable, optional
        Called with the rows done and the rows in all.

    Raises
    ------
    SpectrumError
        If the layout is not that of a pool on this grid, or an identifier is empty or comes twice.
    """
    stamp = stamp_of(Path(path))
    hashes, defects = [], []
    names_digest, flux_digest = hashlib.sha256(), hashlib.sha256()
    with open_pool(path, grid) as group:
        group_name = group.name
        n = len(group["filenames"])
        for start in range(0, n, BLOCK):
            rows = slice(start, min(start + BLOCK, n))
            names = read_texts(group["filenames"], rows)
            _refuse_empty(names, start, path)
            stored = group["spectra"][rows]
            hashes.append(hash_texts(names))
            defects.append(find_unusable(group, rows, stored))
            names_digest.update("".join(f"{len(name)}:{name}" for name in names).encode())
            flux_digest.update(stored.astype("<f8", copy=False).tobytes())
            if progress:
                progress(rows.stop, n)
        hashed = np.concatenate(hashes)
        order = np.argsort(hashed, kind="stable")
        hashed = hashed[order]
        _refuse_duplicates(group["filenames"], hashed, order, path)
        defect = np.concatenate(defects)
        places = _sort_places(group, defect == 0)
    if stamp_of(Path(path)) != stamp:
        raise SpectrumError(
            f"The pool {path} changed while it was being indexed. "
            "Wait until it is complete, then try again."
        )
    header = {
        "version": INDEX_VERSION,
        "size": stamp[0],
        "mtime_ns": stamp[1],
        "group": group_name,
        "fingerprint": hashlib.sha256(names_digest.digest() + flux_digest.digest()).hexdigest(),
        "grid": [grid.start, grid.end, grid.n],
    }
    _write_index(Path(index_path), header, defects=defect, hash=hashed, row=order, **places)


def is_indexed(path: Path, index_path: Path) -> bool:
    """Tell whether the index can be read and was made of the pool's file as it is now.

    Raises
    ------
    SpectrumError
        If the pool cannot be read.
    """
    stamp = stamp_of(Path(path))
    try:
        with open_hdf5(Path(index_path)) as index:
            found = [index.attrs.get(name) for name in ("version", "size", "mtime_ns")]
    except SpectrumError:  # missing or damaged: it can be made anew
        return False
    return found == [INDEX_VERSION, *stamp]


class PoolIndex:
    """Reads an index; whether the pool is still the same file is for the reader of that to ask.

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
    group_name : str
        The group of the pool's file that holds them.
    fingerprint : str
        SHA-256 of all identifiers and fluxes in their order.
    stamp : tuple of int
        Size and time of the pool's file when it was indexed, as `stamp_of` gives them.

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
            self.stamp = (int(index.attrs["size"]), int(index.attrs["mtime_ns"]))
            self.group_name = str(index.attrs["group"])
            self.fingerprint = str(index.attrs["fingerprint"])
            start, end, n_wavelengths = index.attrs["grid"]
            self.grid = Grid(float(start), float(end), int(n_wavelengths))
            self.n = len(index["defects"])

    @cached_property
    def defects(self) -> NDArray[np.uint8]:
        """Why each row cannot be used, a key of `DEFECTS`; 0 = usable. Shape (n,), read-only."""
        return self._read("defects")

    @cached_property
    def hashes(self) -> NDArray[np.uint64]:
        """Hashes of the identifiers, increasing. Shape (n,), read-only."""
        return self._read("hash")

    @cached_property
    def hashed_rows(self) -> NDArray[np.int64]:
        """The rows with these hashes. Shape (n,), read-only."""
        return self._read("row")

    @cached_property
    def declinations(self) -> NDArray[np.float64]:
        """Declinations of the usable rows of known place in degrees, increasing, read-only."""
        return self._read("dec")

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
        first = np.searchsorted(self.declinations, dec - reach, side="left")
        last = np.searchsorted(self.declinations, dec + reach, side="right")
        found = []
        with open_hdf5(self.path) as index:
            for place, is_known in enumerate(is_place(ra, dec)):
                band = slice(first[place], last[place] if is_known else first[place])
                distance = separation(
                    ra[place], dec[place], index["ra"][band], self.declinations[band]
                )
                rows, within = index["place_row"][band], distance <= radius
                order = np.lexsort((rows[within], distance[within]))
                found.append(rows[within][order])
        return found

    def _read(self, name: str) -> NDArray[Any]:
        with open_hdf5(self.path) as index:
            values = index[name][:]
        values.setflags(write=False)
        return values


def stamp_of(path: Path) -> tuple[int, int]:
    """Give size (bytes) and time of modification (ns) of a pool's file, which tell a change.

    Raises
    ------
    SpectrumError
        If the pool cannot be read.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise SpectrumError(
            f"The pool {path} cannot be read: {error.strerror}. Check its path and permissions."
        ) from error
    return status.st_size, status.st_mtime_ns


def describe_stamp(stamp: tuple[int, int]) -> str:
    """Put a stamp into words."""
    written = datetime.fromtimestamp(stamp[1] / 1e9, tz=UTC)
    return f"{stamp[0]} bytes of {written:%Y-%m-%d %H:%M:%S} UTC"


def _sort_places(group: h5py.Group, usable: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    every_row = slice(0, len(usable))
    ra, dec = (read_column(name, group, every_row) for name in ("ra", "dec"))
    rows = np.flatnonzero(usable & is_place(ra, dec))
    rows = rows[np.argsort(dec[rows], kind="stable")]
    return {"dec": dec[rows], "ra": ra[rows], "place_row": rows}


def _refuse_empty(names: Iterable[str], start: int, path: Path) -> None:
    empty = [row for row, name in enumerate(names, start) if not name]
    if empty:
        raise SpectrumError(
            f"{path}: the spectrum in row {empty[0]} (counted from 0) has no identifier. "
            "Give every row a unique one in 'filenames'."
        )


def _refuse_duplicates(
    filenames: h5py.Dataset, hashed: NDArray[np.uint64], order: NDArray[np.int64], path: Path
) -> None:
    again = hashed[1:] == hashed[:-1]
    suspects = order[np.append(again, False) | np.append(False, again)]
    first: dict[str, int] = {}
    for start in range(0, len(suspects), BLOCK):
        rows = suspects[start : start + BLOCK]
        for row, name in zip(rows, take_rows(filenames, rows, read_texts), strict=True):
            other = first.setdefault(name, row)
            if other != row:
                raise SpectrumError(
                    f"{path}: the identifier '{name}' comes twice, in the rows {other} and {row} "
                    "(counted from 0). Give every row a unique one in 'filenames'."
                )


def _write_index(path: Path, header: dict[str, Any], **arrays: NDArray[Any]) -> None:
    try:
        with new_hdf5(path) as index:
            index.attrs.update(header)
            for name, values in arrays.items():
                index[name] = values
    except OSError as error:
        raise SpectrumError(
            f"The index {path} cannot be written: {error}. "
            "Check that its folder exists, is writable and has room."
        ) from error
