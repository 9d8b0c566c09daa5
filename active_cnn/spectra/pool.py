"""The pool of prepared spectra: read by identifier, by row, by place and in chunks; never copied.

What one pass over the file can tell (defects, lookup, places, fingerprint) is kept in an index.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from itertools import islice
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.spectra.pool_file import (
    METADATA,
    NUMBERS,
    REFUSED,
    categorise,
    hash_texts,
    open_hdf5,
    read_column,
    read_flux,
    read_texts,
    take_rows,
)
from active_cnn.spectra.pool_index import (
    PoolIndex,
    describe_stamp,
    index_pool,
    is_indexed,
    stamp_of,
)
from active_cnn.spectra.preprocessing import DEFECTS, rescale

__all__ = ["Pool", "index_pool", "is_indexed"]

SAME_PLACE = 3.0  # arcsec: LAMOST's fibres see 3.3 arcsec of the sky


class Pool:
    """Reads an indexed pool; many may read at once.

    Parameters
    ----------
    path : Path
        The pool.
    index_path : Path
        Its index, made by `index_pool`.
    is_held_open : bool
        Whether the file stays open between the calls, for a server that reads a spectrum at a
        time; otherwise every call opens it for itself.

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

    def __init__(self, path: Path, index_path: Path, *, is_held_open: bool = False) -> None:
        self._held = open_hdf5(Path(path)) if is_held_open else None
        self._file = self._held.__enter__() if self._held else None
        self.path = Path(path)
        self.index_path = Path(index_path)
        self._index = PoolIndex(self.index_path)
        self.grid, self.n = self._index.grid, self._index.n
        self.fingerprint = self._index.fingerprint
        self._refuse_changed()

    @property
    def defects(self) -> NDArray[np.uint8]:
        """Why each row cannot be used, a key of `DEFECTS`; 0 = usable. Shape (n,), read-only."""
        return self._index.defects

    @cached_property
    def usable(self) -> NDArray[np.bool_]:
        """Which rows can be used, shape (n,), read-only."""
        usable = self.defects == 0
        usable.setflags(write=False)
        return usable

    def find(self, identifiers: Sequence[str]) -> NDArray[np.int64]:
        """Find the rows of identifiers, in their order; −1 for those that are not in the pool."""
        asked = np.array(identifiers, dtype=object)
        wanted, hashes = hash_texts(asked), self._index.hashes
        position = np.searchsorted(hashes, wanted)
        found = np.full(len(wanted), -1)
        pending = np.arange(len(wanted))
        # Different identifiers may share a hash: go on to the next row with it until names agree.
        while pending.size:
            pending = pending[position[pending] < self.n]
            pending = pending[hashes[position[pending]] == wanted[pending]]
            rows = self._index.hashed_rows[position[pending]]
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

    def visits(self, identifiers: Sequence[str], radius: float = SAME_PLACE) -> list[list[str]]:
        """Name the other spectra at the places of some.

        Parameters
        ----------
        identifiers : sequence of str
            Spectra of the pool, usable or not.
        radius : float
            The greatest distance in arcsec.

        Returns
        -------
        list of list of str
            For each of them the other usable spectra that near, the nearest first; none where
            the pool does not say where on the sky it is.

        Raises
        ------
        SpectrumError
            If an identifier is not in the pool, or the radius is none.
        """
        if not (math.isfinite(radius) and radius >= 0):
            raise SpectrumError(
                f"A radius of {radius} arcsec is none. Give a finite one of 0 or more."
            )
        rows = self.rows(identifiers)
        with self._open() as group:
            ra, dec = (take_rows(group, rows, partial(read_column, key)) for key in ("ra", "dec"))
        found = self._index.rows_near(ra, dec, radius)
        others = [near[near != row] for near, row in zip(found, rows, strict=True)]
        names = iter(self.identifiers(np.concatenate([*others, np.empty(0, dtype=np.int64)])))
        return [list(islice(names, len(near))) for near in others]

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
        if self._file is not None:
            yield self._file[self._index.group_name]
            return
        with open_hdf5(self.path) as file:
            yield file[self._index.group_name]

    def _refuse_changed(self) -> None:
        stamp, indexed = stamp_of(self.path), self._index.stamp
        if stamp != indexed:
            raise SpectrumError(
                f"The pool {self.path} has changed since it was indexed: {describe_stamp(stamp)} "
                f"now, {describe_stamp(indexed)} then. Index it again."
            )

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
