"""Leaving out of a batch what would be judged twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from active_cnn.grid import WHOLE
from active_cnn.spectra.continuum import without_slopes
from active_cnn.spectra.sky import is_place, separation

# Two windows with a higher correlation differ by less than their noise of some percent.
ALIKE = 0.995
SAME_PLACE = 3.0  # arcsec: LAMOST's fibres see 3.3 arcsec of the sky

# Where the pool is full of spectra that are more alike than that, these are not the same, but of
# one type: of its pairs, so few are taken for one another.
SAMPLE = 400  # spectra, 79 800 pairs
SHARE = 1e-4

# The continuum, which has nothing to do with likeness, is a polynomial of this degree. With it,
# stars of one temperature have correlations above 0.99 in a window of thousands of angstrom; of
# simulated cataclysmic variables a tenth were left out as look-alikes of others, and none without.
DEGREE = 3


def first_of_a_kind(
    windows: NDArray[np.floating],
    ra: NDArray[np.floating],
    dec: NDArray[np.floating],
    n_kept: int = 0,
    alike: float = ALIKE,
    parts: Sequence[slice] = WHOLE,
) -> NDArray[np.bool_]:
    """Tell which spectra are unlike all those before them.

    Parameters
    ----------
    windows : ndarray, shape (n, n_wavelengths)
        In any scale.
    ra, dec : ndarray, shape (n,)
        Places in degrees; NaN where not known.
    n_kept : int
        So many at the beginning stay, whatever they are like.
    alike : float
        Correlation, without the continuum, above which two spectra are nearly the same.
    parts : sequence of slice
        Where each window stands, see `Grid.parts`; by default there is one.

    Returns
    -------
    ndarray of bool, shape (n,)
        False for another spectrum of the same star, and for nearly the same window.
    """
    is_alike = _correlation(windows, parts) > alike
    known = is_place(ra, dec)
    both = known[:, None] & known[None, :]
    here, there = np.nan_to_num(ra), np.nan_to_num(dec).clip(-90, 90)
    distance = separation(here[:, None], there[:, None], here[None, :], there[None, :])
    is_alike |= both & (distance <= SAME_PLACE)
    kept = np.zeros(len(windows), dtype=bool)
    for row in range(len(windows)):
        kept[row] = row < n_kept or not is_alike[row, :row][kept[:row]].any()
    return kept


def find_alike(windows: NDArray[np.floating], parts: Sequence[slice] = WHOLE) -> float:
    """Find above which correlation two windows of a pool are nearly the same.

    Parameters
    ----------
    windows : ndarray, shape (n, n_wavelengths)
        Drawn from the pool at random.
    parts : sequence of slice
        Where each window stands, see `Grid.parts`; by default there is one.

    Returns
    -------
    float
        `ALIKE`, or where more than `SHARE` of the pairs reach that, what so many reach.
    """
    if len(windows) < 2:
        return ALIKE
    pairs = _correlation(windows, parts)[np.triu_indices(len(windows), 1)]
    return max(ALIKE, float(np.quantile(pairs, 1 - SHARE)))


def _correlation(windows: NDArray[np.floating], parts: Sequence[slice]) -> NDArray[np.float64]:
    rest = without_slopes(windows, DEGREE, parts)
    unit = rest / np.maximum(np.linalg.norm(rest, axis=1, keepdims=True), 1e-12)
    correlation: NDArray[np.float64] = unit @ unit.T
    return correlation
