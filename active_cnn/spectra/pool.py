"""The pool of prepared spectra: read by identifier, by row and in chunks; never copied.

What one pass over the file can tell (defects, lookup, fingerprint) is kept in an index.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.records import Grid
from active_cnn.spectra.pool_file import (
    METADATA,
    NUMBERS,
    REFUSED,
    categorise,
    find_unusable,
    hash_texts,
    new_hdf5,
    open_hdf5,
    open_pool,
    read_column,
    read_flux,
    read_texts,
    take_rows,
)
from active_cnn.spectra.preprocessing import DEFECTS, rescale

INDEX_VERSION = 1
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
    stamp = _stamp(Path(path))
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
    if _stamp(Path(path)) != stamp:
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
    _write_index(Path(index_path), header, defects=np.concatenate(defects), hash=hashed, row=order)


def is_indexed(path: Path, index_path: Path) -> bool:
    """Tell whether the index can be read and was made of the pool's file as it is now.

    Raises
    ------
    SpectrumError
        If the pool cannot be read.
    """
    stamp = _stamp(Path(path))
    try:
        with open_hdf5(Path(index_path)) as index:
            found = [index.attrs.get(name) for name in ("version", "size", "mtime_ns")]
    except SpectrumError:  # missing or damaged: it can be made anew
        return False
    return found == [INDEX_VERSION, *stamp]


class Pool:
    """Reads an indexed pool; every call opens the file for itself, so many may read at once.

    Parameters
    ----------
    path : Path
        The pool.
    index_path : Path
        Its index, made by `index_pool`.

    Attributes
    ----------
    n : int
        Number of rows, the unusable ones too.
    grid : Grid
        The wavelengths of its spectra.
    fingerprint : str
        SHA-256 of all identifiers and fluxes in their order.

    Raises
    ------
    SpectrumError
        If the pool is not the file that was indexed.
    """

    def __init__(self, path: Path, index_path: Path) -> None:
        self.path = Path(path)
        self.index_path = Path(index_path)
        with open_hdf5(self.index_path) as index:
            version = index.attrs.get("version")
            if version != INDEX_VERSION:
                raise SpectrumError(
                    f"{self.index_path} is not a pool's index of version {INDEX_VERSION} "
                    f"(found: {version}). Index the pool again."
                )
            self._stamp = (int(index.attrs["size"]), int(index.attrs["mtime_ns"]))
            self._group_name = str(index.attrs["group"])
            self.fingerprint = str(index.attrs["fingerprint"])
            start, end, n_wavelengths = index.attrs["grid"]
            self.grid = Grid(float(start), float(end), int(n_wavelengths))
            self.n = len(index["defects"])
        self._refuse_changed()

    @cached_property
    def defects(self) -> NDArray[np.uint8]:
        """Why each row cannot be used, a key of `DEFECTS`; 0 = usable. Shape (n,), read-only."""
        return self._read_index("defects")

    @cached_property
    def usable(self) -> NDArray[np.bool_]:
        """Which rows can be used, shape (n,), read-only."""
        usable = self.defects == 0
        usable.setflags(write=False)
        return usable

    def find(self, identifiers: Sequence[str]) -> NDArray[np.int64]:
        """Find the rows of identifiers, in their order; −1 for those that are not in the pool."""
        asked = np.array(identifiers, dtype=object)
        wanted = hash_texts(asked)
        position = np.searchsorted(self._hashes, wanted)
        found = np.full(len(wanted), -1)
        pending = np.arange(len(wanted))
        # Different identifiers may share a hash: go on to the next row with it until names agree.
        while pending.size:
            pending = pending[position[pending] < self.n]
            pending = pending[self._hashes[position[pending]] == wanted[pending]]
            rows = self._hashed_rows[position[pending]]
            agree = np.array(self.identifiers(rows), dtype=object) == asked[pending]
            found[pending[agree]] = rows[agree]
            pending = pending[~agree]
            position[pending] += 1
        return found

    def rows(self, identifiers: Sequence[str]) -> NDArray[np.int64]:
        """Find the rows of identifiers, in their order.

        Raises
        ------
        SpectrumError
            If an identifier is not in the pool.
        """
        found = self.find(identifiers)
        missing = [name for name, row in zip(identifiers, found, strict=True) if row < 0]
        if missing:
            others = f" (nor {len(missing) - 1} more of those asked)" if len(missing) > 1 else ""
            raise SpectrumError(
                f"There is no spectrum '{missing[0]}'{others} in the pool {self.path}. "
                "Check the spelling (capitals count) and the choice of the pool."
            )
        return found

    def identifiers(self, rows: NDArray[np.int64]) -> list[str]:
        """Name some rows, in the order asked."""
        rows = self._check(rows)
        with self._open() as group:
            return list(take_rows(group["filenames"], rows, read_texts))

    def flux(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Read some rows as they are stored, shape (n_rows, grid.n), in the order asked."""
        rows = self._check(rows)
        with self._open() as group:
            return take_rows(group["spectra"], rows, read_flux)

    def windows(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Read some rows rescaled to [−1, 1], shape (n_rows, grid.n), in the order asked.

        Raises
        ------
        SpectrumError
            If one of them cannot be used.
        """
        rows = self._check(rows)
        unusable = rows[~self.usable[rows]]
        if unusable.size:
            raise SpectrumError(
                f"The spectrum '{self.identifiers(unusable[:1])[0]}' of the pool {self.path} "
                f"{self._defect(unusable[0])}. Leave it out."
            )
        return rescale(self.flux(rows))

    def chunks(self, size: int) -> Iterator[tuple[slice, NDArray[np.bool_], NDArray[np.float32]]]:
        """Stream through the pool.

        Parameters
        ----------
        size : int
            Rows a chunk (the last one may be shorter).

        Yields
        ------
        rows : slice
            The rows of the chunk.
        usable : ndarray of bool, shape (n_rows,)
            Which of them can be used.
        windows : ndarray of float32, shape (n_usable, grid.n)
            These, rescaled to [−1, 1].
        """
        with self._open() as group:
            for start in range(0, self.n, size):
                rows = slice(start, min(start + size, self.n))
                usable = self.usable[rows]
                yield rows, usable, rescale(read_flux(group["spectra"], rows)[usable])

    def metadata(self, rows: NDArray[np.int64]) -> pd.DataFrame:
        """Tell what is known about some rows, in the order asked.

        Returns
        -------
        DataFrame
            identifier, ra and dec (degrees), snr_r, designation, pipeline_class, path (absolute);
            NaN or '' where the pool does not say.
        """
        rows = self._check(rows)
        with self._open() as group:
            columns = {"identifier": take_rows(group["filenames"], rows, read_texts)}
            for name in METADATA:
                columns[name] = take_rows(group, rows, partial(read_column, name))
        columns["path"] = np.array(self._absolute(columns["path"]), dtype=object)
        return pd.DataFrame(columns)

    def column(self, name: str) -> NDArray[np.float64]:
        """Read a whole numeric column ('ra', 'dec' or 'snr_r'), shape (n,); NaN where not known."""
        if name not in NUMBERS:
            raise SpectrumError(
                f"A pool has no numeric column '{name}', only {', '.join(NUMBERS)}."
            )
        with self._open() as group:
            return read_column(name, group, slice(0, self.n))

    def refused(self) -> pd.DataFrame:
        """Count what cannot be used by reason: unusable rows and what ingest refused.

        Returns
        -------
        DataFrame
            reason, n; the most frequent first.
        """
        codes, n = np.unique(self.defects[~self.usable], return_counts=True)
        counts = pd.Series(n, index=[categorise(DEFECTS[code]) for code in codes], dtype=np.int64)
        with self._open() as group:
            if REFUSED in group.file:
                reasons = group.file[REFUSED]["reason"]
                exact = pd.Series(read_texts(reasons, slice(0, len(reasons)))).value_counts()
                counts = pd.concat([counts, exact.rename(categorise)])
        counts = counts.groupby(level=0).sum().sort_values(ascending=False, kind="stable")
        return pd.DataFrame({"reason": list(counts.index), "n": counts.to_numpy(np.int64)})

    def refused_files(self, limit: int) -> pd.DataFrame:
        """List at most `limit` of what cannot be used, with the exact reason.

        Returns
        -------
        DataFrame
            path (of an unusable row without a file: its identifier), reason.
        """
        paths, reasons = [], []
        with self._open() as group:
            if REFUSED in group.file:
                listed = group.file[REFUSED]
                some = slice(0, min(limit, len(listed["path"])))
                paths = self._absolute(read_texts(listed["path"], some))
                reasons = list(read_texts(listed["reason"], some))
        rows = np.flatnonzero(~self.usable)[: limit - len(paths)]
        unusable = self.metadata(rows)
        paths += list(unusable["path"].where(unusable["path"] != "", unusable["identifier"]))
        reasons += [self._defect(row) for row in rows]
        return pd.DataFrame({"path": paths, "reason": reasons}, dtype=object)

    @contextmanager
    def _open(self) -> Iterator[h5py.Group]:
        self._refuse_changed()
        with open_hdf5(self.path) as file:
            yield file[self._group_name]

    def _refuse_changed(self) -> None:
        stamp = _stamp(self.path)
        if stamp != self._stamp:
            raise SpectrumError(
                f"The pool {self.path} has changed since it was indexed: {_describe(stamp)} now, "
                f"{_describe(self._stamp)} then. "
                "Index it again."
            )

    def _read_index(self, name: str) -> NDArray[Any]:
        with open_hdf5(self.index_path) as index:
            values = index[name][:]
        values.setflags(write=False)
        return values

    @cached_property
    def _hashes(self) -> NDArray[np.uint64]:
        return self._read_index("hash")

    @cached_property
    def _hashed_rows(self) -> NDArray[np.int64]:
        return self._read_index("row")

    def _check(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        rows = np.asarray(rows, dtype=np.int64)
        outside = rows[(rows < 0) | (rows >= self.n)]
        if outside.size:
            raise SpectrumError(
                f"There is no row {outside[0]} in the pool {self.path}: it has {self.n} rows, "
                "counted from 0. Ask for one of these."
            )
        return rows

    def _defect(self, row: int) -> str:
        return DEFECTS[int(self.defects[row])]

    def _absolute(self, paths: Iterable[str]) -> list[str]:
        folder = self.path.absolute().parent
        return [str(folder / path) if path else "" for path in paths]


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


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise SpectrumError(
            f"The pool {path} cannot be read: {error.strerror}. Check its path and permissions."
        ) from error
    return status.st_size, status.st_mtime_ns


def _describe(stamp: tuple[int, int]) -> str:
    written = datetime.fromtimestamp(stamp[1] / 1e9, tz=UTC)
    return f"{stamp[0]} bytes of {written:%Y-%m-%d %H:%M:%S} UTC"
