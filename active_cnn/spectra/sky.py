"""Places on the sky: which are known, and how far apart they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

ARCSEC_A_DEGREE = 3600.0


def is_place(ra: Any, dec: Any) -> Any:
    """Tell which coordinates are a place on the sky; NaN and fill values are none.

    Parameters
    ----------
    ra, dec : float or ndarray of float
        In degrees. Zero for both is what is written where nothing is known; one of them may be 0.

    Returns
    -------
    bool or ndarray of bool
        Numbers alone, which a reader asks about file by file, stay numbers: that is fast.
    """
    return (ra >= 0) & (ra <= 360) & (abs(dec) <= 90) & ((ra != 0) | (dec != 0))


def separation(
    ra: ArrayLike, dec: ArrayLike, other_ra: ArrayLike, other_dec: ArrayLike
) -> NDArray[np.float64]:
    """Great-circle distance between places.

    Parameters
    ----------
    ra, dec, other_ra, other_dec : array_like
        Right ascensions and declinations in degrees, of shapes that fit together.

    Returns
    -------
    ndarray
        In arcsec, exact for small distances too.

    References
    ----------
    The haversine formula: Sinnott (1984), Sky & Telescope, 68, 159.
    """
    one, other = np.radians(dec), np.radians(other_dec)
    half_ra = np.radians(np.subtract(other_ra, ra)) / 2
    half_dec = (other - one) / 2
    haversine = np.sin(half_dec) ** 2 + np.cos(one) * np.cos(other) * np.sin(half_ra) ** 2
    # Rounding can carry it a trifle beyond 1, where the places are opposite.
    return np.degrees(2 * np.arcsin(np.sqrt(np.minimum(haversine, 1)))) * ARCSEC_A_DEGREE
