"""From a spectrum as it was observed to the window that the network sees; pure functions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.records import Grid, Medium, Spectrum
from active_cnn.spectra.gaps import bridge, find_gap, has_value, keep_lines, refuse_gap
from active_cnn.spectra.wavelength import AIR_RANGE, air_to_vacuum

FWHM_PER_SIGMA = 2 * np.sqrt(2 * np.log(2))

# LAMOST's low-resolution spectrographs near Hα: the terms that the pool is in.
POOL_RESOLVING_POWER = 1800.0

# Width in pixels of the Gaussian that brings the Ondřejov CCD700 grid to LAMOST's resolution
# (chosen by Škoda, Podsztavek & Tvrdík 2020 from 22 objects observed by both).
ONDREJOV_SIGMA = 7.0

# The even steps of a convolution: so many within the kernel's sigma at most, and so many for each
# pixel. Wavelengths next to each other, as where two orders overlap, ask for no finer ones.
MOST_A_SIGMA = 200
MOST_A_PIXEL = 8

# The widest kernel, in lengths of the spectrum: beyond, all that is left is a straight line.
WIDEST_KERNEL = 10

# What a header may say of R; other numbers are slips, and tell no more than none.
RESOLVING_POWERS = (10.0, 1e6)

# Angstrom beside the window that are kept, so that its edges are within the kernel's data; for
# bridging twice as much.
MARGIN = 20.0

DEFECTS = {
    1: "is not finite (NaN or infinite) in the window",
    2: "is zero everywhere in the window",
    3: "is flat in the window: every flux is the same",
    4: "is marked as corrupted in its pool",
}


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


def resample(
    wavelength: NDArray[np.float64], flux: NDArray[np.float64], grid: Grid
) -> NDArray[np.float64]:
    """Interpolate the flux of any number of spectra linearly to the grid.

    Parameters
    ----------
    wavelength : ndarray, shape (n_pixels,)
        Increasing vacuum wavelengths in angstrom.
    flux : ndarray, shape (..., n_pixels)
        Flux at these wavelengths.
    grid : Grid
        Where the flux is wanted.

    Returns
    -------
    ndarray, shape (..., grid.n)
        The same, bit for bit, for a spectrum alone as among others.

    Raises
    ------
    SpectrumError
        If the spectrum does not cover the grid; nothing is extrapolated.
    """
    _refuse_uncovered(wavelength[0], wavelength[-1], grid)
    right = np.searchsorted(wavelength, grid.wavelength, side="right").clip(1, wavelength.size - 1)
    left = right - 1
    before, after = flux[..., left], flux[..., right]
    with np.errstate(over="ignore", invalid="ignore"):
        slope = (after - before) / (wavelength[right] - wavelength[left])
        window = slope * (grid.wavelength - wavelength[left]) + before
    # Where pixel and grid meet, no rounding error and no overflow of the slope comes in.
    window = np.where(grid.wavelength == wavelength[left], before, window)
    return np.where(grid.wavelength == wavelength[right], after, window)


def near_window(wavelength: NDArray[np.float64], grid: Grid) -> slice | None:
    """Tell which pixels of an axis `prepare` looks at, if they are plain to see.

    Parameters
    ----------
    wavelength : ndarray, shape (n_pixels,)
        Vacuum wavelengths in angstrom.
    grid : Grid
        The window.

    Returns
    -------
    slice or None
        None if the axis does not increase, covers more than can be converted to air, or does not
        cover the window without a gap.
    """
    with np.errstate(invalid="ignore"):  # of infinite wavelengths
        increases = wavelength.size > 1 and (np.diff(wavelength) > 0).all()
    if not increases:
        return None
    if not AIR_RANGE[0] <= wavelength[0] < wavelength[-1] <= AIR_RANGE[1]:
        return None
    close, near = (np.flatnonzero(_select(wavelength, grid, n * MARGIN)) for n in (1, 2))
    if not close.size or not wavelength[close[0]] <= grid.start < grid.end <= wavelength[close[-1]]:
        return None
    return (
        None
        if _find_gap_of_axis(wavelength[near], grid)
        else slice(int(near[0]), int(near[-1]) + 1)
    )


def _refuse_uncovered(start: float, end: float, grid: Grid) -> None:
    if not (start <= grid.start and grid.end <= end):
        raise SpectrumError(
            f"covers {start:.1f}-{end:.1f} Å (vacuum), "
            f"not the whole window {grid.start:g}-{grid.end:g} Å"
        )


def find_defects(flux: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Tell which windows cannot be used.

    Parameters
    ----------
    flux : ndarray, shape (n_spectra, n_wavelengths)
        Flux of windows, not rescaled.

    Returns
    -------
    ndarray of uint8, shape (n_spectra,)
        0 = usable, otherwise a key of `DEFECTS`.
    """
    low, high = flux.min(axis=1), flux.max(axis=1)  # NaN spreads through min and max
    with np.errstate(invalid="ignore", over="ignore"):
        # A span that is rounding error of the flux itself, or below the smallest normal number,
        # holds no line either.
        precision = np.finfo(flux.dtype)
        rounding = 4 * precision.eps * np.maximum(abs(low), abs(high))
        span = (high - low) <= np.maximum(rounding, precision.tiny)
    defects = np.zeros(len(flux), dtype=np.uint8)
    defects[span] = 3
    defects[(low == 0) & (high == 0)] = 2
    defects[~(np.isfinite(low) & np.isfinite(high))] = 1
    return defects


def rescale(flux: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Rescale each window to [−1, 1] by its own minimum and maximum.

    Parameters
    ----------
    flux : ndarray, shape (n_spectra, n_wavelengths)
        Flux of windows without defects.

    Returns
    -------
    ndarray of float32, shape (n_spectra, n_wavelengths)
        x' = 2 (x − min x) / (max x − min x) − 1. The argument is left unchanged.

    Raises
    ------
    SpectrumError
        If a window is flat or not finite.
    """
    defects = find_defects(flux)
    if defects.any():
        row = int(np.argmax(defects > 0))
        raise SpectrumError(
            f"Cannot rescale the spectrum in row {row}: it {DEFECTS[defects[row]]}."
        )
    low = flux.min(axis=1, keepdims=True)
    high = flux.max(axis=1, keepdims=True)
    # Dividing first keeps the range of fluxes near the largest float from overflowing.
    scale = high / 2 - low / 2
    return ((flux / 2 - low / 2) / scale * 2 - 1).astype(np.float32)


def prepare(
    spectrum: Spectrum, grid: Grid, resolving_power: float = POOL_RESOLVING_POWER
) -> NDArray[np.float64]:
    """Bring one spectrum to the pool's terms; `prepare_and_count` without its count."""
    return prepare_and_count(spectrum, grid, resolving_power)[0]


def prepare_and_count(
    spectrum: Spectrum, grid: Grid, resolving_power: float = POOL_RESOLVING_POWER
) -> tuple[NDArray[np.float64], int]:
    """Bring one spectrum to the pool's terms: vacuum, resolving power, grid; not rescaled.

    Parameters
    ----------
    spectrum : Spectrum
        As a reader gives it.
    grid : Grid
        The campaign's grid.
    resolving_power : float
        Resolving power of the pool; a sharper spectrum is degraded to it.

    Returns
    -------
    window : ndarray, shape (grid.n,)
        Flux in the spectrum's own unit.
    n_bridged : int
        How many of its pixels in the window have no value and are bridged, see `gaps`.

    Raises
    ------
    SpectrumError
        If it does not cover the grid, has a gap or too many pixels without a value in it, or is
        not finite, zero or flat in it.
    """
    to_vacuum = air_to_vacuum if spectrum.medium is Medium.AIR else np.array
    ends = to_vacuum(spectrum.wavelength[[0, -1]].clip(*AIR_RANGE))
    _refuse_uncovered(ends[0], ends[1], grid)
    # A wide cut by either medium's wavelength first, so that only what is near is converted.
    near = _select(spectrum.wavelength, grid, 2 * MARGIN)
    wavelength, flux = to_vacuum(spectrum.wavelength[near]), spectrum.flux[near].astype(np.float64)
    close = _select(wavelength, grid, MARGIN)
    if close.sum() < 2:
        raise SpectrumError(f"is too coarse: {close.sum()} of its pixels are near the window")
    ends = wavelength[close][[0, -1]]
    _refuse_uncovered(ends[0], ends[1], grid)
    if gap := _find_gap_of_axis(wavelength, grid):
        raise refuse_gap(wavelength, gap, _element(grid))
    ivar = _weights(spectrum)
    ivar = None if ivar is None else ivar[near]
    source = find_resolving_power(spectrum) or _resolving_power_of_sampling(wavelength[close])
    flux, n_bridged = bridge_pixels(wavelength, flux, ivar, grid, source)
    close &= np.isfinite(flux)
    wavelength, flux = wavelength[close], flux[close]
    if source > resolving_power:
        flux = degrade(wavelength, flux, source, resolving_power)
    window = resample(wavelength, flux, grid)
    defect = int(find_defects(window[None, :])[0])
    if defect:
        raise SpectrumError(DEFECTS[defect])
    return window, n_bridged


def bridge_pixels(
    wavelength: NDArray[np.float64],
    flux: NDArray[np.float64],
    ivar: NDArray[np.floating[Any]] | None,
    grid: Grid,
    resolving_power: float,
) -> tuple[NDArray[np.float64], int]:
    """Bridge the pixels that have no value, if they are few; see `gaps.bridge`.

    Parameters
    ----------
    wavelength, flux, ivar : ndarray, shape (n_pixels,)
        A spectrum up to twice `MARGIN` beside the window; without `ivar` only what is not finite
        has no value.
    grid : Grid
        The window.
    resolving_power : float
        Of the spectrum.

    Returns
    -------
    flux : ndarray, shape (n_pixels,)
        Finite from the first to the last pixel that has a value.
    n_bridged : int
        How many pixels in the window had none.

    Raises
    ------
    SpectrumError
        If they are too many, or nothing is there but zeros.
    """
    valued = has_value(flux, ivar)
    if valued.all():
        return flux, 0
    inside = flux[_select(wavelength, grid, 0)]
    if inside.size and not np.isfinite(inside).any():
        raise SpectrumError(DEFECTS[1])
    if inside.size and not inside.any():
        raise SpectrumError(DEFECTS[2])
    return bridge(wavelength, flux, valued, grid, resolving_power, _element(grid))


def find_resolving_power(spectrum: Spectrum) -> float | None:
    """Give the resolving power of a spectrum; None where it is not stated, or cannot be true."""
    said = spectrum.resolving_power
    if said is None or not RESOLVING_POWERS[0] <= said <= RESOLVING_POWERS[1]:
        return None
    return said


def find_valued(
    spectrum: Spectrum, wavelength: NDArray[np.float64], near: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Tell which pixels of a stretch of a spectrum have a value, as `prepare` takes them.

    Parameters
    ----------
    spectrum : Spectrum
        As a reader gives it.
    wavelength : ndarray, shape (n_pixels,)
        Its wavelengths in angstrom.
    near : ndarray of bool, shape (n_pixels,)
        Which pixels are meant.

    Returns
    -------
    ndarray of bool, shape (n_near,)
    """
    ivar, flux, axis = _weights(spectrum), spectrum.flux[near], wavelength[near]
    valued = has_value(flux, None if ivar is None else ivar[near])
    if valued.all() or axis.size < 2:
        return valued
    source = find_resolving_power(spectrum) or _resolving_power_of_sampling(axis)
    return keep_lines(axis, flux.astype(np.float64), valued, source)


def _weights(spectrum: Spectrum) -> NDArray[np.float64] | None:
    # Weights of which none is known say nothing of any pixel.
    ivar = spectrum.ivar
    return None if ivar is None or not has_value(ivar, ivar).any() else ivar


def _element(grid: Grid) -> float:
    return grid.start / POOL_RESOLVING_POWER


def _find_gap_of_axis(wavelength: NDArray[np.float64], grid: Grid) -> tuple[float, float] | None:
    return find_gap(wavelength, np.ones(wavelength.size, bool), grid, _element(grid))


def _select(wavelength: NDArray[np.float64], grid: Grid, margin: float) -> NDArray[np.bool_]:
    return (wavelength >= grid.start - margin) & (wavelength <= grid.end + margin)


def _resolving_power_of_sampling(wavelength: NDArray[np.float64]) -> float:
    # Two pixels per FWHM is the sharpest that the sampling can carry.
    return float(wavelength.mean() / (2 * np.median(np.diff(wavelength))))
