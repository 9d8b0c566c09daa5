"""The noise of a pixel, measured on the spectrum itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def pixel_noise(*flux: NDArray[np.floating]) -> NDArray[np.floating]:
    """Measure the scatter from pixel to pixel, which slopes leave alone.

    Parameters
    ----------
    *flux : ndarray, shape (n_spectra, n_wavelengths)
        One run of pixels, or several of the same spectra.

    Returns
    -------
    ndarray, shape (n_spectra,)
        1.4826 MAD of the second differences / √6, in the unit of the flux.

    References
    ----------
    Stoehr et al. (2008), ASP Conf. Ser., 394, 505, with differences of second order.
    """
    differences = np.concatenate([np.diff(one, 2, axis=1) for one in flux], axis=1)
    return 1.4826 * np.median(np.abs(differences), axis=1) / np.sqrt(6)
