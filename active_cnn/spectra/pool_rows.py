"""Rows of a pool on their way into another one, or to a network: brought to its resolving power."""

from __future__ import annotations

from dataclasses import dataclass

import h5py
import numpy as np
from numpy.typing import NDArray

from active_cnn.grid import Grid
from active_cnn.spectra.degrading import degrade_windows
from active_cnn.spectra.pool_file import find_unusable
from active_cnn.spectra.preprocessing import DEFECTS, find_defects, sampled_resolving_power
from active_cnn.spectra.resolving_power import PoolResolution, read_powers


@dataclass(frozen=True, eq=False)
class Rows:
    """Contiguous rows of a pool, as another pool wants them.

    Parameters
    ----------
    flux : ndarray, shape (n_rows, grid.n)
        As wide as it was stored, or float64 where it had to be degraded; not rescaled.
    refusals : list of str
        Why each cannot be used; '' = it can.
    known, taken : ndarray, shape (n_rows,)
        R that each had before, see `read_powers`.
    """

    flux: NDArray[np.floating]
    refusals: list[str]
    known: NDArray[np.float64]
    taken: NDArray[np.float64]

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Which rows can be used, shape (n_rows,)."""
        return np.array([not reason for reason in self.refusals], dtype=bool)


def read_rows(group: h5py.Group, rows: slice, grid: Grid, resolution: PoolResolution) -> Rows:
    """Read rows of a pool and bring them to another resolving power.

    Parameters
    ----------
    group : h5py.Group
        Of the pool, from `open_pool`.
    rows : slice
        Which ones.
    grid : Grid
        Of both pools.
    resolution : PoolResolution
        What is wanted. Rows that are sharper are degraded; what a pool does not know of a row is
        taken to be its own resolving power, or in a pool as-is what the grid can carry.

    Raises
    ------
    SpectrumError
        If the pool says of its resolving power what cannot be, or it is so much higher than the
        one that is wanted that nothing would be left.
    """
    flux = group["spectra"][rows]
    defects = find_unusable(group, rows, flux, grid)
    axes = [one.wavelength for one in grid.windows]
    known, taken = read_powers(group, rows, max(map(sampled_resolving_power, axes)))
    refusals = [
        DEFECTS[defect]
        if defect
        else resolution.describe_blurrier(power)
        if resolution.refuses(power)
        else ""
        for defect, power in zip(defects.tolist(), taken.tolist(), strict=True)
    ]
    usable = np.array([not reason for reason in refusals], dtype=bool)
    degraded = degrade_windows(flux[usable], grid, taken[usable], resolution.power)
    flux = flux.astype(degraded.dtype, copy=False)
    flux[usable] = degraded
    for row, defect in zip(np.flatnonzero(usable), find_defects(degraded, grid.parts), strict=True):
        if defect:  # a wide kernel may leave nothing of what was there
            refusals[row] = DEFECTS[int(defect)]
    return Rows(flux, refusals, known, taken)
