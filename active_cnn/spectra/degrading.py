"""Lowering the resolving power of spectra, by convolution with a Gaussian; pure functions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid

FWHM_PER_SIGMA = 2 * np.sqrt(2 * np.log(2))

# Width in pixels of the Gaussian that brings the Ondřejov CCD700 grid to LAMOST's resolution
# (chosen by Škoda, Podsztavek & Tvrdík 2020 from 22 objects observed by both).
ONDREJOV_SIGMA = 7.0

# The even steps of a convolution: so many within the kernel's sigma at most, and so many for each
# pixel. Wavelengths next to each other, as where two orders overlap, ask for no finer ones.
MOST_A_SIGMA = 200
MOST_A_PIXEL = 8

# The widest kernel, in lengths of the spectrum: beyond, all that is left is a straight line.
WIDEST_KERNEL = 10


def degrade_pixels(
    flux: NDArray[np.floating[Any]], sigma: float = ONDREJOV_SIGMA
) -> NDArray[np.float64]:
    """Convolve flux with a Gaussian of `sigma` pixels; the edges are extended.

    Parameters
    ----------
    flux : ndarray, shape (..., n_pixels)
        Flux on an equally spaced grid.
    sigma : float
        Standard deviation in pixels.

    Returns
    -------
    ndarray, shape (..., n_pixels)

    Raises
    ------
    SpectrumError
        If sigma is not positive or more than `WIDEST_KERNEL` times the number of pixels.
    """
    if not sigma > 0:
        raise SpectrumError(f"Cannot degrade with sigma = {sigma} pixels: give a positive width.")
    n = np.shape(flux)[-1]
    if sigma > WIDEST_KERNEL * n:
        raise SpectrumError(
            f"Cannot degrade {n} pixels with sigma = {sigma:g} pixels: "
            f"give a width of at most {WIDEST_KERNEL * n}."
        )
    from scipy.ndimage import gaussian_filter1d  # slow to load, and most commands need it not

    return gaussian_filter1d(np.asarray(flux, dtype=np.float64), sigma, axis=-1, mode="nearest")


def degrade(
    wavelength: NDArray[np.float64],
    flux: NDArray[np.float64],
    resolving_power_from: float,
    resolving_power_to: float,
) -> NDArray[np.float64]:
    """Lower the resolving power of a spectrum.

    Both line-spread functions are taken as Gaussians of FWHM = wavelength / R, so the kernel has
    FWHM² = (wavelength/R_to)² − (wavelength/R_from)². It is constant in ln(wavelength), where the
    convolution is done, on even steps: the smallest of the axis, but at most `MOST_A_SIGMA` within
    the kernel's sigma and `MOST_A_PIXEL` times as many as there are pixels, so that time and memory
    grow with the number of pixels alone.

    Parameters
    ----------
    wavelength : ndarray, shape (n_pixels,)
        Increasing wavelengths in angstrom.
    flux : ndarray, shape (n_pixels,)
        Flux at these wavelengths.
    resolving_power_from, resolving_power_to : float
        R = wavelength / FWHM before and after; the second is the smaller one.

    Returns
    -------
    ndarray, shape (n_pixels,)
        Flux at the same wavelengths.

    Raises
    ------
    SpectrumError
        If the resolving power would rise, or fall so far that the kernel is more than
        `WIDEST_KERNEL` times as wide as the spectrum.
    """
    if not 0 < resolving_power_to <= resolving_power_from:
        raise SpectrumError(
            f"Cannot bring a spectrum from R = {resolving_power_from:g} to "
            f"R = {resolving_power_to:g}: resolution can only be lowered."
        )
    if resolving_power_to == resolving_power_from:
        return np.array(flux, dtype=np.float64)
    log_wavelength = np.log(wavelength)
    steps = np.diff(log_wavelength)
    length = log_wavelength[-1] - log_wavelength[0]
    with np.errstate(over="ignore"):
        squares = np.float64(resolving_power_to) ** -2 - np.float64(resolving_power_from) ** -2
    sigma = np.sqrt(squares) / FWHM_PER_SIGMA
    if sigma > WIDEST_KERNEL * length:
        raise SpectrumError(
            f"Cannot bring {wavelength[0]:.1f}-{wavelength[-1]:.1f} Å to "
            f"R = {resolving_power_to:g}: the kernel is wider than the spectrum."
        )
    step = max(steps.min(), sigma / MOST_A_SIGMA, steps.mean() / MOST_A_PIXEL)
    even = np.linspace(log_wavelength[0], log_wavelength[-1], int(np.ceil(length / step)) + 1)
    smooth = degrade_pixels(np.interp(even, log_wavelength, flux), sigma / (even[1] - even[0]))
    return np.interp(log_wavelength, even, smooth)


def degrade_windows(
    windows: NDArray[np.floating[Any]],
    grid: Grid,
    resolving_powers: NDArray[np.float64],
    resolving_power_to: float | None,
) -> NDArray[np.floating[Any]]:
    """Lower the resolving power of prepared windows; beyond their ends the flux is taken as even.

    Parameters
    ----------
    windows : ndarray, shape (n_spectra, grid.n)
        Finite flux, not rescaled.
    grid : Grid
        Where it is.
    resolving_powers : ndarray, shape (n_spectra,)
        R of each.
    resolving_power_to : float or None
        What sharper ones are brought to; None = as-is.

    Returns
    -------
    ndarray, shape (n_spectra, grid.n)
        The argument itself where none is sharper.

    Raises
    ------
    SpectrumError
        If the kernel is more than `WIDEST_KERNEL` times as wide as the window.
    """
    is_sharper = resolving_powers > (np.inf if resolving_power_to is None else resolving_power_to)
    if resolving_power_to is None or not is_sharper.any():
        return windows
    degraded = windows.astype(np.float64)
    for row in np.flatnonzero(is_sharper):
        own = float(resolving_powers[row])
        for window, part in zip(grid.windows, grid.parts, strict=True):
            degraded[row, part] = degrade(
                window.wavelength, degraded[row, part], own, resolving_power_to
            )
    return degraded
