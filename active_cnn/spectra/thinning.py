"""As much of a spectrum as a screen can show."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# A screen shows no more pixels than this; beyond it each step keeps its lowest and highest flux.
MOST_POINTS = 1800


def thin_out(
    wavelength: NDArray[np.float64], flux: NDArray[np.float64], most: int = MOST_POINTS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Leave out what a screen cannot show; no peak is lost.

    Parameters
    ----------
    wavelength, flux : ndarray, shape (n_pixels,)
        A spectrum.
    most : int
        Number of points to keep at most.

    Returns
    -------
    wavelength, flux : ndarray
        The lowest and the highest flux of each of `most` / 2 stretches, in order.
    """
    finite = np.isfinite(flux)
    wavelength, flux = wavelength[finite], flux[finite]
    if len(flux) <= most:
        return wavelength, flux
    starts = np.linspace(0, len(flux), most // 2, endpoint=False).astype(int)
    # The extremes of each stretch, found without a loop over the stretches.
    stretch = np.searchsorted(starts, np.arange(len(flux)), side="right")
    order = np.lexsort((flux, stretch))
    ends = np.append(starts[1:], len(flux)) - 1
    kept = np.unique(np.append(order[starts], order[ends]))
    return wavelength[kept], flux[kept]
