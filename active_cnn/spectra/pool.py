"""The pool of prepared spectra: read by identifier, by row, by place and in chunks; never copied.

What one pass over the file can tell (defects, lookup, places, fingerprint) is kept in an index.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, partial
from itertools import islice
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.names import trim
from active_cnn.search import ScalingMethod
from active_cnn.spectra.index_file import PoolIndex
from active_cnn.spectra.pool_file import (
    METADATA,
    NUMBERS,
    RESOLVING_POWER,
    categorise,
    find_refused,
    hash_texts,
    pick_column,
    pick_names,
    pick_spectra,
    read_column,
    read_texts,
    widen,
)
from active_cnn.spectra.pool_index import find_resolution, index_pool, is_indexed
from active_cnn.spectra.pool_reader import Pick, PoolReader
from active_cnn.spectra.preprocessing import DEFECTS
from active_cnn.spectra.resolving_power import (
    PoolResolution,
    PowerCounts,
    count_powers,
    is_believable,
)
from active_cnn.spectra.scaling import Scaling

__all__ = ["Pool", "index_pool", "is_indexed"]

# Rows that are scaled at a time: all that this needs fits a processor's cache.
CACHED = 512
PLACE = ("ra", "dec")
# Rows of identifiers that have been looked up, by the fingerprint of the pool, which is its
# content: a campaign asks for those of its answers again and again.
_known_rows: dict[str, dict[str, int]] = {}
MOST_KNOWN = 500_000
SAME_PLACE = 3.0  # arcsec: LAMOST's fibres see 3.3 arcsec of the sky


class Pool:
    """Reads an indexed pool; many may read at once.

    Parameters
    ----------
    path : Path
        The pool: an HDF5 file, or a manifest of several (`shards`).
    index_path : Path
        Its index, made by `index_pool`.
    is_held_open : bool
        Whether files stay open between the calls, for a server that reads a spectrum at a
        time; otherwise every call opens what it needs for itself.
    method : ScalingMethod
        How its windows are scaled.

    Attributes
    ----------
    n : int
        Number of rows, the unusable ones too.
    grid : Grid
        The wavelengths of its spectra.
    scaling : Scaling
        What `windows` and `chunks` scale by.
    fingerprint : str
        SHA-256 of all identifiers and fluxes in their order.

    Raises
    ------
    SpectrumError
        If the pool is not the one that was indexed.
    """

    def __init__(
        self,
        path: Path,
        index_path: Path,
        *,
        is_held_open: bool = False,
        method: ScalingMethod = ScalingMethod.MINMAX,
    ) -> None:
        self.path = Path(path)
        self.index_path = Path(index_path)
        self._index = PoolIndex(self.index_path)
        self.grid, self.n = self._index.grid, self._index.n
        self.scaling = Scaling(self.grid, method)
        self.fingerprint = self._index.fingerprint
        self._reader = PoolReader(self.path, self._index, is_held_open=is_held_open)

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

    @cached_property
    def resolution(self) -> PoolResolution:
        """The resolving power that its spectra were brought to."""
        return find_resolution(self.path, self.grid)

    def count_powers(self) -> PowerCounts:
        """Count what resolving powers its usable spectra had."""
        return count_powers(self.resolution, self._numbers(RESOLVING_POWER)[self.usable])

    def find(self, identifiers: Sequence[str]) -> NDArray[np.int64]:
        """Find the rows of identifiers, in their order; −1 for those that are not in the pool."""
        known = _known_rows.setdefault(self.fingerprint, {})
        missing = [name for name in dict.fromkeys(identifiers) if name not in known]
        if missing:
            rows = self._look_up([trim(name) for name in missing]).tolist()
            if sum(map(len, list(_known_rows.values()))) + len(missing) > MOST_KNOWN:
                _known_rows.clear()
                known = dict(known)
            known.update(zip(missing, rows, strict=True))
        return np.array([known[name] for name in identifiers], dtype=np.int64)

    def _look_up(self, identifiers: Sequence[str]) -> NDArray[np.int64]:
        found = np.full(len(identifiers), -1)
        rows, which = self._index.rows_with(hash_texts(identifiers))
        # Different identifiers may share a hash.
        for row, asked, name in zip(rows, which, self.identifiers(rows), strict=True):
            if name == identifiers[asked]:
                found[asked] = row
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
        ra, dec = self.places(rows)
        found = self._index.rows_near(ra, dec, radius)
        others = [near[near != row] for near, row in zip(found, rows, strict=True)]
        names = iter(self.identifiers(np.concatenate([*others, np.empty(0, dtype=np.int64)])))
        return [list(islice(names, len(near))) for near in others]

    def places(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give right ascension and declination (degrees) of some rows, in the order asked.

        NaN where the pool says nothing, or what is no position (see `unknown_places`).
        """
        ra, dec = self._reader.take(
            self._check(rows), partial(pick_column, "ra"), partial(pick_column, "dec")
        )
        return self._index.doubts.known(ra, dec)

    @property
    def unknown_places(self) -> dict[str, int]:
        """How many usable rows have no known position, by reason, the most frequent first."""
        return self._index.doubts.unknown

    def identifiers(self, rows: NDArray[np.int64]) -> list[str]:
        """Name some rows, in the order asked."""
        (names,) = self._reader.take(self._check(rows), pick_names)
        return list(names)

    def flux(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Read some rows as they are stored, shape (n_rows, grid.n), in the order asked."""
        return widen(self._stored(self._check(rows)))

    def windows(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Read some rows scaled, shape (n_rows, grid.n), in the order asked.

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
        return self._scaled(self._stored(rows))

    def chunks(
        self, size: int, rows: slice | None = None
    ) -> Iterator[tuple[slice, NDArray[np.bool_], NDArray[np.float32]]]:
        """Stream through the pool, or through a run of its rows.

        Parameters
        ----------
        size : int
            Rows a chunk (the last one may be shorter).
        rows : slice, optional
            From which row on and up to which one; by default all.

        Yields
        ------
        rows : slice
            The rows of the chunk.
        usable : ndarray of bool, shape (n_rows,)
            Which of them can be used.
        windows : ndarray of float32, shape (n_usable, grid.n)
            These, scaled.

        Raises
        ------
        SpectrumError
            If the pool does not have these rows, or a file of it has vanished or changed.
        """
        whole = self._check_run(rows)
        for start in range(whole.start, whole.stop, size):
            chunk = slice(start, min(start + size, whole.stop))
            usable = self.usable[chunk]
            stored = []
            for number, here in self._reader.stretches(chunk):
                with self._reader.open(number) as group:
                    stored.append(group["spectra"][here])
            flux = stored[0] if len(stored) == 1 else np.concatenate(stored)
            yield chunk, usable, self._scaled(flux if usable.all() else flux[usable])

    def metadata(self, rows: NDArray[np.int64]) -> pd.DataFrame:
        """Tell what is known about some rows, in the order asked.

        Returns
        -------
        DataFrame
            identifier, ra and dec (degrees), snr_r, designation, pipeline_class, path (absolute);
            NaN or '' where the pool does not say.
        """
        picks: dict[str, Pick] = {"identifier": pick_names}
        picks |= {name: partial(pick_column, name) for name in METADATA}
        picks["path"] = _pick_paths
        taken = self._reader.take(self._check(rows), *picks.values())
        columns = dict(zip(picks, taken, strict=True))
        known = self._index.doubts.known(*(columns[name] for name in PLACE))
        columns |= zip(PLACE, known, strict=True)
        return pd.DataFrame(columns)

    def powers(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Give the resolving power that some rows have now, shape (n_rows,); NaN if not known."""
        (own,) = self._reader.take(self._check(rows), partial(pick_column, RESOLVING_POWER))
        own = np.where(is_believable(own), own, np.nan)
        power = self.resolution.power
        return own if power is None else np.fmin(own, power)

    def column(self, name: str) -> NDArray[np.float64]:
        """Read a whole numeric column ('ra', 'dec' or 'snr_r'), shape (n,); NaN where not known."""
        if name not in NUMBERS:
            raise SpectrumError(
                f"A pool has no numeric column '{name}', only {', '.join(NUMBERS)}."
            )
        if name in PLACE:
            return self.places(np.arange(self.n))[PLACE.index(name)]
        return self._numbers(name)

    def _numbers(self, name: str) -> NDArray[np.float64]:
        column, done = np.empty(self.n), 0
        for number, rows in self._reader.stretches(slice(0, self.n)):
            with self._reader.open(number) as group:
                column[done : done + rows.stop] = read_column(name, group, rows)
            done += rows.stop
        return column

    def refused(self) -> pd.DataFrame:
        """Count what cannot be used by reason: unusable rows and what ingest refused.

        Returns
        -------
        DataFrame
            reason, n; the most frequent first.
        """
        codes, n = np.unique(self.defects[~self.usable], return_counts=True)
        counts = pd.Series(n, index=[categorise(DEFECTS[code]) for code in codes], dtype=np.int64)
        for number, _ in self._reader.stretches(slice(0, self.n)):
            with self._reader.open(number) as group:
                if (listed := find_refused(group.file)) is not None:
                    reasons = listed["reason"]
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
        paths: list[str] = []
        reasons: list[str] = []
        for number, _ in self._reader.stretches(slice(0, self.n)):
            with self._reader.open(number) as group:
                listed = find_refused(group.file)
                if listed is not None and len(paths) < limit:
                    some = slice(0, min(limit - len(paths), len(listed["path"])))
                    paths += _absolute(group, read_texts(listed["path"], some))
                    reasons += list(read_texts(listed["reason"], some))
        rows = np.flatnonzero(~self.usable)[: limit - len(paths)]
        unusable = self.metadata(rows)
        paths += list(unusable["path"].where(unusable["path"] != "", unusable["identifier"]))
        reasons += [self._defect(row) for row in rows]
        return pd.DataFrame({"path": paths, "reason": reasons}, dtype=object)

    def _stored(self, rows: NDArray[np.int64]) -> NDArray[np.floating]:
        (flux,) = self._reader.take(rows, lambda group, here: pick_spectra(group["spectra"], here))
        return flux

    def _scaled(self, flux: NDArray[np.floating]) -> NDArray[np.float32]:
        # In float64, whatever its width in the file.
        windows = np.empty(flux.shape, dtype=np.float32)
        for start in range(0, len(flux), CACHED):
            few = slice(start, start + CACHED)
            windows[few] = self.scaling(widen(flux[few]))
        return windows

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

    def _check_run(self, rows: slice | None) -> slice:
        if rows is None:
            return slice(0, self.n)
        start, stop = rows.start or 0, self.n if rows.stop is None else rows.stop
        if not (0 <= start <= stop <= self.n and rows.step in (None, 1)):
            raise SpectrumError(
                f"There is no run of rows {rows.start}:{rows.stop}:{rows.step} in the pool "
                f"{self.path}: it has {self.n} rows, numbered from 0."
            )
        return slice(start, stop)


def _pick_paths(group: h5py.Group, rows: NDArray[np.int64]) -> NDArray[np.object_]:
    return np.array(_absolute(group, pick_column("path", group, rows)), dtype=object)


def _absolute(group: h5py.Group, paths: Iterable[str]) -> list[str]:
    folder = Path(group.file.filename).absolute().parent
    return [str(folder / path) if path else "" for path in paths]
