"""The noiseless light of sources at a telescope's pixels."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from active_cnn.spectra.degrading import FWHM_PER_SIGMA
from active_cnn.spectra.readers.lamost_lrs import RESOLVING_POWER
from active_cnn.spectra.simulation.cases.opacity import LINE_SIGMA, tabulate
from active_cnn.spectra.simulation.cases.sources import N_FEATURES
from active_cnn.spectra.simulation.instruments import COEFF1, Lamost
from active_cnn.spectra.wavelength import SPEED_OF_LIGHT

OVERSAMPLING = 2
# km/s in a fine pixel.
FINE = SPEED_OF_LIGHT * np.log(10) * COEFF1 / OVERSAMPLING
FARTHEST_BLUE = 0.9  # the light is known down to this share of the first wavelength
# Fine pixels before the first of the telescope.
BEFORE = OVERSAMPLING * round(-np.log10(FARTHEST_BLUE) / COEFF1)
MARGIN = 64  # fine pixels beyond the last wavelength, which velocities carry in


@cache
def _fine_axis(telescope: Lamost) -> tuple[float, float, int]:
    # log10 of the first wavelength, step and number of pixels; every second from some on is one of
    # the telescope's.
    step = COEFF1 / OVERSAMPLING
    first = float(np.log10(telescope.wavelength[0])) - BEFORE * step
    n = BEFORE + OVERSAMPLING * len(telescope.pixels) + MARGIN
    return first, step, fft.next_fast_len(n, real=True)


def _features(sources: NDArray[np.void], log_wavelength: NDArray) -> NDArray[np.float32]:
    # Area: the equivalent width in Å, so its height is that over the width of the line in Å.
    light = np.zeros((len(sources), len(log_wavelength)), dtype=np.float32)
    velocity = (np.log(10) * SPEED_OF_LIGHT * log_wavelength).astype(np.float64)
    for slot in range(N_FEATURES):
        rows = np.flatnonzero(sources["feature"][:, slot, 3])
        if not len(rows):
            continue
        centre, sigma, separation, width = sources["feature"][rows, slot].astype(np.float64).T
        height = width * SPEED_OF_LIGHT / (centre * sigma * np.sqrt(2 * np.pi))
        for side in (-0.5, 0.5):
            middle = SPEED_OF_LIGHT * np.log(centre) + side * separation
            z = ((velocity - middle[:, None]) / sigma[:, None]).astype(np.float32)
            light[rows] += (0.5 * height)[:, None].astype(np.float32) * np.exp(-0.5 * z * z)
    return light


def render(sources: NDArray[np.void], telescope: Lamost) -> NDArray[np.float32]:
    """Noiseless light of sources at a telescope's pixels, in units of the flux at 6500 Å.

    Parameters
    ----------
    sources : structured ndarray of dtype `SOURCE`, shape (n_sources,)
        What was drawn.
    telescope : Lamost
        Its pixels.

    Returns
    -------
    ndarray of float32, shape (n_sources, n_pixels)
    """
    lines = render_lines(sources, telescope)
    return lines * _continuum(sources, telescope.wavelength)


def render_lines(sources: NDArray[np.void], telescope: Lamost) -> NDArray[np.float32]:
    """Noiseless lines and bands of sources, one in the continuum, shape (n_sources, n_pixels)."""
    first, step, n = _fine_axis(telescope)
    lines = np.exp(-(sources["strength"] @ tabulate(first, step, n))) - np.float32(1)
    lines += _features(sources, first + step * np.arange(n))
    # Velocity and line-spread function are a phase and a Gaussian of the frequency.
    own = (SPEED_OF_LIGHT / RESOLVING_POWER / FWHM_PER_SIGMA) ** 2 - LINE_SIGMA**2
    sigma = np.sqrt(own + (sources["vsini"] / 2) ** 2) / FINE
    shift = np.log1p(sources["rv"] / SPEED_OF_LIGHT) * SPEED_OF_LIGHT / FINE
    frequency = 2 * np.pi * fft.rfftfreq(n).astype(np.float32)
    kernel = -0.5 * (sigma[:, None] * frequency) ** 2 - 1j * shift[:, None] * frequency
    lines = fft.irfft(fft.rfft(lines) * np.exp(kernel).astype(np.complex64), n)
    shown = slice(BEFORE, BEFORE + OVERSAMPLING * len(telescope.pixels), OVERSAMPLING)
    # Only emission and deep bands together could take away more than there is.
    return np.maximum(1 + lines[:, shown], np.float32(0.005))


def _continuum(sources: NDArray[np.void], wavelength: NDArray) -> NDArray[np.float32]:
    x = 143_877_700.0 / sources["temperature"][:, None].astype(np.float64)
    planck = (6500 / wavelength) ** 5 * np.expm1(x / 6500) / np.expm1(x / wavelength)
    # The Paschen jump of hot stars.
    jump = np.interp(sources["temperature"], [6500, 9500, 15_000, 40_000], [0, 0.12, 0.08, 0.03])
    planck *= 1 + jump[:, None] / (1 + np.exp((wavelength - 8350) / 60)) - jump[:, None]
    planck *= (wavelength / 6500) ** sources["slope"][:, None]
    # The mean extinction curve of Cardelli, Clayton & Mathis (1989), ApJ, 345, 245, is a power law
    # to within 10 % between 4000 and 9000 Å.
    curve = (wavelength / 5500) ** -1.3 - (6500 / 5500) ** -1.3
    return (planck * 10 ** (-0.4 * sources["extinction"][:, None] * curve)).astype(np.float32)
