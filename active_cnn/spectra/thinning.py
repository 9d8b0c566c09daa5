"""As much of a spectrum as a screen can show, and where it is interrupted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# A screen shows no more pixels than this; beyond it each step keeps its lowest and highest flux.
MOST_POINTS = 1800
# So many usual steps from one pixel to the next are a jump. Within an arm steps differ by less.
_JUMP = 5.0


def find_jumps(wavelength: NDArray[np.float64]) -> NDArray[np.intp]:
    """Find where wavelengths are missing, as between two arms of an instrument.

    Parameters
    ----------
    wavelength : ndarray, shape (n_pixels,)
        Ascending, in any unit.

    Returns
    -------
    ndarray of int
        The first pixel after each jump.
    """
    steps = np.diff(wavelength)
    if not steps.size:
        return np.empty(0, dtype=np.intp)
    return np.flatnonzero(steps > _JUMP * float(np.median(steps))) + 1


def thin_out(
    wavelength: NDArray[np.float64], flux: NDArray[np.float64], most: int = MOST_POINTS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Leave out what a screen cannot show; no peak is lost, and no gap is closed.

    Parameters
    ----------
    wavelength, flux : ndarray, shape (n_pixels,)
        A spectrum, in the order of its wavelengths.
    most : int
        Number of points to keep at most, and as many gaps as lie between them.

    Returns
    -------
    wavelength, flux : ndarray
        The lowest and the highest flux of each of `most` / 2 stretches, in order; in each gap that
        can be seen, of jumps or of values that are not finite, one point whose flux is NaN.
    """
    position = np.arange(len(wavelength))
    position += np.searchsorted(find_jumps(wavelength), position, side="right")
    finite = np.isfinite(flux)
    wavelength, flux = wavelength[finite], flux[finite]
    is_gap = np.diff(position[finite]) > 1
    if len(flux) > most:  # a narrower one would be nothing on the screen
        is_gap &= np.diff(wavelength) > 2 * np.ptp(wavelength) / most
    after = np.flatnonzero(is_gap) + 1
    middles = (wavelength[after - 1] + wavelength[after]) / 2
    kept = _find_extremes(flux, most) if len(flux) > most else np.arange(len(flux))
    wavelength, flux = wavelength[kept], flux[kept]
    places = np.searchsorted(wavelength, middles)
    return np.insert(wavelength, places, middles), np.insert(flux, places, np.nan)


def _find_extremes(flux: NDArray[np.float64], most: int) -> NDArray[np.intp]:
    starts = np.linspace(0, len(flux), most // 2, endpoint=False).astype(int)
    # The extremes of each stretch, found without a loop over the stretches.
    stretch = np.searchsorted(starts, np.arange(len(flux)), side="right")
    order = np.lexsort((flux, stretch))
    ends = np.append(starts[1:], len(flux)) - 1
    return np.unique(np.append(order[starts], order[ends]))
