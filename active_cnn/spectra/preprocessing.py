"""From a spectrum as it was observed to the window that the network sees; pure functions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.records import Grid, Medium, Spectrum
from active_cnn.spectra.degrading import degrade
from active_cnn.spectra.gaps import bridge, bridgeable, find_gap, has_value, keep_lines, refuse_gap
from active_cnn.spectra.resolving_power import believe
from active_cnn.spectra.wavelength import AIR_RANGE, air_to_vacuum

# Angstrom beside the window that are kept, so that its edges are within the kernel's data; for
# bridging twice as much.
MARGIN = 20.0

DEFECTS = {
    1: "is not finite (NaN or infinite) in the window",
    2: "is zero everywhere in the window",
    3: "is flat in the window: every flux is the same",
    4: "is marked as corrupted in its pool",
}


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
    # Whatever the resolving power of the pool, what is without a gap by its steps alone has none.
    has_gap = _find_gap_of_axis(wavelength[near], grid, element=0)
    return None if has_gap else slice(int(near[0]), int(near[-1]) + 1)


def _around(wavelength: NDArray[np.float64], grid: Grid) -> tuple[float, float]:
    """Give the last wavelength before the window's middle, and the first one after it."""
    place = int(np.searchsorted(wavelength, (grid.start + grid.end) / 2))
    place = min(max(place, 1), len(wavelength) - 1)
    return float(wavelength[place - 1]), float(wavelength[place])


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
    spectrum: Spectrum, grid: Grid, resolving_power: float | None = None
) -> NDArray[np.float64]:
    """Bring one spectrum to the pool's terms; `prepare_and_count` without its count."""
    return prepare_and_count(spectrum, grid, resolving_power)[0]


def prepare_and_count(
    spectrum: Spectrum, grid: Grid, resolving_power: float | None = None
) -> tuple[NDArray[np.float64], int]:
    """Bring one spectrum to the pool's terms: vacuum, resolving power, grid; not rescaled.

    Parameters
    ----------
    spectrum : Spectrum
        As a reader gives it.
    grid : Grid
        The campaign's grid.
    resolving_power : float, optional
        Of the pool; a sharper spectrum is degraded to it. None = as-is: none is.

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
        before, after = _around(to_vacuum(spectrum.wavelength.clip(*AIR_RANGE)), grid)
        if after - before > bridgeable(spectrum.wavelength, 0.0):
            raise SpectrumError(
                f"has a gap in the window: none of its pixels is between {before:.1f} and "
                f"{after:.1f} Å"
            )
        raise SpectrumError(f"is too coarse: {close.sum()} of its pixels are near the window")
    ends = wavelength[close][[0, -1]]
    _refuse_uncovered(ends[0], ends[1], grid)
    own = find_resolving_power(spectrum) or sampled_resolving_power(wavelength[close])
    element = grid.start / (resolving_power or own)
    if gap := _find_gap_of_axis(wavelength, grid, element):
        raise refuse_gap(wavelength, gap, element)
    ivar = _weights(spectrum)
    ivar = None if ivar is None else ivar[near]
    flux, n_bridged = bridge_pixels(wavelength, flux, ivar, grid, own, element)
    window = to_grid(wavelength, flux, grid, own, resolving_power)
    defect = int(find_defects(window[None, :])[0])
    if defect:
        raise SpectrumError(DEFECTS[defect])
    return window, n_bridged


def to_grid(
    wavelength: NDArray[np.float64],
    flux: NDArray[np.float64],
    grid: Grid,
    resolving_power_from: float,
    resolving_power_to: float | None,
) -> NDArray[np.float64]:
    """Degrade a spectrum if it is sharper than it should be, and resample it.

    Parameters
    ----------
    wavelength, flux : ndarray, shape (n_pixels,)
        What `bridge_pixels` gave.
    grid : Grid
        The window.
    resolving_power_from : float
        Of the spectrum.
    resolving_power_to : float or None
        Of the pool; None = as-is.

    Returns
    -------
    ndarray, shape (grid.n,)
    """
    close = _select(wavelength, grid, MARGIN) & np.isfinite(flux)
    wavelength, flux = wavelength[close], flux[close]
    if resolving_power_to is not None and resolving_power_from > resolving_power_to:
        flux = degrade(wavelength, flux, resolving_power_from, resolving_power_to)
    return resample(wavelength, flux, grid)


def bridge_pixels(
    wavelength: NDArray[np.float64],
    flux: NDArray[np.float64],
    ivar: NDArray[np.floating[Any]] | None,
    grid: Grid,
    resolving_power: float,
    element: float,
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
    element : float
        Resolution element in angstrom: the pool's, or of a pool as-is the spectrum's own.

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
    return bridge(wavelength, flux, valued, grid, resolving_power, element)


def find_resolving_power(spectrum: Spectrum) -> float | None:
    """Give the resolving power of a spectrum; None where it is not stated, or cannot be true."""
    return believe(spectrum.resolving_power)


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
    own = find_resolving_power(spectrum) or sampled_resolving_power(axis)
    return keep_lines(axis, flux.astype(np.float64), valued, own)


def sampled_resolving_power(wavelength: NDArray[np.float64]) -> float:
    """Give the highest R that the sampling of an axis can carry: two pixels a FWHM."""
    return float(wavelength.mean() / (2 * np.median(np.diff(wavelength))))


def _weights(spectrum: Spectrum) -> NDArray[np.float64] | None:
    # Weights of which none is known say nothing of any pixel.
    ivar = spectrum.ivar
    return None if ivar is None or not has_value(ivar, ivar).any() else ivar


def _find_gap_of_axis(
    wavelength: NDArray[np.float64], grid: Grid, element: float
) -> tuple[float, float] | None:
    return find_gap(wavelength, np.ones(wavelength.size, bool), grid, element)


def _select(wavelength: NDArray[np.float64], grid: Grid, margin: float) -> NDArray[np.bool_]:
    return (wavelength >= grid.start - margin) & (wavelength <= grid.end + margin)
