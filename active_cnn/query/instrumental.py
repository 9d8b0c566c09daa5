"""Telling what the instrument or the night sky did from what a star has made."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from active_cnn.grid import WHOLE
from active_cnn.spectra.continuum import without_slopes
from active_cnn.spectra.noise import pixel_noise
from active_cnn.spectra.wavelength import SPEED_OF_LIGHT, air_to_vacuum

SPIKE = 15.0  # of the noise
SHARED = 0.4  # of a pixel's height that its neighbours have at least where a slit was imaged
FLAT = 4  # pixels in a row of exactly the same flux: filled in, not measured
DOMINANT = 0.1  # of the structure of a window that a defect makes up; less of it matters little
SLOPES = 3  # degree of the continuum that is no structure
SAMPLED = 2.0  # pixels a FWHM from which on a line is told from a spike by its neighbours
STRETCH = 140  # pixels that the noise is measured in: from end to end it changes tenfold

# Lines of the night sky in air. [O I] and OH: Osterbrock et al. (1996), PASP, 108, 277, and (1997),
# PASP, 109, 614, the stronger ones; Hg I of street lamps: NIST Atomic Spectra Database. Na I is
# missing, since stars have it too.
NIGHT_SKY = (
    4046.56, 4358.33, 5460.73, 5577.34, 5915.30, 5932.86, 5953.42, 6257.96, 6287.43, 6300.30,
    6306.87, 6363.78, 6498.7, 6522.4, 6533.0, 6544.0, 6553.6, 6568.8, 6577.2, 6596.6, 6604.1,
    6627.6, 6661.8, 6700.0, 6748.0, 6841.95, 6863.96, 6870.99, 6889.29, 6900.83, 6912.62, 6923.22,
    6939.52, 6969.93, 7003.86, 7244.91, 7276.41, 7284.44, 7316.28, 7329.15, 7340.89, 7358.66,
    7571.75, 7750.64, 7760.00, 7794.11, 7808.47, 7821.50, 7841.27, 7913.71, 7949.20, 7964.65,
    7993.33, 8014.06, 8310.72, 8344.60, 8382.39, 8399.17, 8415.23, 8430.17, 8452.25, 8493.39,
    8791.19, 8827.10, 8885.85, 8903.11, 8943.40, 8988.37,
)  # fmt: skip
AT_SKY = 1.6  # Å: a pixel of LAMOST's red arm
NARROW = 5.0  # Å: within so much a line of the sky has risen and fallen again
NEAR_LINE = 550.0  # km/s


def is_instrumental(
    windows: NDArray[np.floating],
    wavelength: NDArray[np.floating],
    lines: Sequence[float] = (),
    resolving_power: float | None = None,
    parts: Sequence[slice] = WHOLE,
    *,
    has_filled_ends: bool = False,
) -> NDArray[np.bool_]:
    """Tell which spectra are remarkable for what the instrument or the night sky did.

    Parameters
    ----------
    windows : ndarray, shape (n, n_wavelengths)
        In any scale.
    wavelength : ndarray, shape (n_wavelengths,)
        In angstrom (vacuum).
    lines : sequence of float
        Vacuum wavelengths of the lines that the campaign looks at: what is within `NEAR_LINE` of
        them is never taken for the sky's.
    resolving_power : float, optional
        Of the sharpest; if it is not known, their pixels are taken for fine enough.
    parts : sequence of slice
        Where each window stands, see `Grid.parts`; by default there is one.
    has_filled_ends : bool
        Whether flat ends of windows are what preparing filled in, and no defect.

    Returns
    -------
    ndarray of bool, shape (n,)
        True where a pixel differs by `SPIKE` times the noise from its surroundings and neither
        neighbour shares in it (a cosmic ray, a dead column: no spectrograph makes lines so narrow
        where the pixels are fine enough to tell), or where the strongest narrow feature is as
        strong and lies at a line of the night sky, if it makes up `DOMINANT` of the window's
        structure; and where `FLAT` neighbours are exactly equal. One such window is enough.
    """
    found = [
        _is_instrumental(
            windows[:, part], wavelength[part], lines, resolving_power, has_filled_ends
        )
        for part in parts
    ]
    return np.asarray(np.any(found, axis=0))


def _is_instrumental(
    windows: NDArray[np.floating],
    wavelength: NDArray[np.floating],
    lines: Sequence[float],
    resolving_power: float | None,
    has_filled_ends: bool,
) -> NDArray[np.bool_]:
    flux = np.asarray(windows, dtype=np.float64)
    noise = _local_noise(flux)
    height = _above(flux, 2)
    sides = _beside(flux, -1), _beside(flux, 1)
    around = flux - height
    shared = np.where(
        height > 0,
        np.maximum(*sides) - around,
        around - np.minimum(*sides),
    )
    is_spike = (np.abs(height) > SPIKE * noise) & (shared < SHARED * np.abs(height))
    weight = _weights(flux)
    is_spike &= _is_sampled(wavelength, resolving_power) & (weight >= DOMINANT)
    is_same = np.diff(flux, axis=1) == 0
    if has_filled_ends:
        is_end = np.logical_and.accumulate(is_same, axis=1)
        is_end |= np.logical_and.accumulate(is_same[:, ::-1], axis=1)[:, ::-1]
        is_same &= ~is_end
    runs = np.lib.stride_tricks.sliding_window_view(is_same, FLAT - 1, axis=1)
    is_sky = _is_of_sky(flux, noise, weight, wavelength, lines)
    is_run = np.asarray(runs.all(axis=2))
    return np.asarray(is_spike.any(axis=1) | is_run.any(axis=1) | is_sky)


def _is_sampled(
    wavelength: NDArray[np.floating], resolving_power: float | None
) -> NDArray[np.bool_]:
    pixel = np.gradient(wavelength)
    return np.asarray(pixel * SAMPLED <= wavelength / (resolving_power or 0.5))


def _weights(flux: NDArray[np.float64]) -> NDArray[np.float64]:
    """Tell how much of a window's structure each pixel and its neighbours make up."""
    square = without_slopes(flux, SLOPES) ** 2
    near = sum(_beside(square, step) for step in range(-2, 3))
    return np.asarray(near / np.maximum(square.sum(axis=1, keepdims=True), 1e-30))


def _is_of_sky(
    flux: NDArray[np.float64],
    noise: NDArray[np.float64],
    weight: NDArray[np.float64],
    wavelength: NDArray[np.floating],
    lines: Sequence[float],
) -> NDArray[np.bool_]:
    pixel = float(np.median(np.diff(wavelength)))
    feature = np.abs(_above(flux, max(3, round(NARROW / pixel))))
    strongest = feature.argmax(axis=1)
    rows = np.arange(len(flux))
    is_strong = feature[rows, strongest] > SPIKE * noise[rows, strongest]
    is_strong &= weight[rows, strongest] >= DOMINANT
    is_sky = _is_near(wavelength, air_to_vacuum(np.array(NIGHT_SKY)), max(AT_SKY, pixel / 2))
    own = np.array(lines, dtype=np.float64)
    is_sky &= ~_is_near(wavelength, own, NEAR_LINE / SPEED_OF_LIGHT * own)
    return np.asarray(is_strong & is_sky[strongest])


def _local_noise(flux: NDArray[np.float64]) -> NDArray[np.float64]:
    """Measure the noise of each pixel from those around it, shape of `flux`; nowhere 0."""
    n = flux.shape[1]
    # From differences of second order, which see little of a line.
    parts = np.array_split(np.arange(n), max(1, round(n / STRETCH)))
    noise = np.empty_like(flux)
    for part in parts:
        noise[:, part] = pixel_noise(flux[:, part])[:, None]
    return np.maximum(noise, 1e-9)


def _above(flux: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Give how far each pixel is above the mean of the two that are so many pixels away."""
    return flux - (_beside(flux, -reach) + _beside(flux, reach)) / 2


def _beside(flux: NDArray[np.float64], step: int) -> NDArray[np.float64]:
    places = np.arange(flux.shape[1]) + step
    return flux[:, places.clip(0, flux.shape[1] - 1)]


def _is_near(
    wavelength: NDArray[np.floating],
    places: NDArray[np.floating],
    distance: float | NDArray[np.floating],
) -> NDArray[np.bool_]:
    near = np.abs(wavelength[:, None] - places[None, :]) < distance
    return np.asarray(near.any(axis=1))
