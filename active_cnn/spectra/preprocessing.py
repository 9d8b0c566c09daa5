"""From a spectrum as it was observed to the window that the network sees; pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.grid import WHOLE, Grid, Window
from active_cnn.records import Medium, Spectrum
from active_cnn.spectra.degrading import degrade
from active_cnn.spectra.gaps import (
    bridge,
    bridgeable,
    find_covered,
    find_gap,
    has_value,
    keep_lines,
    refuse_gap,
)
from active_cnn.spectra.limits import LEAST_GAP, LIMITS, Limits
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
    wavelength: NDArray[np.float64],
    flux: NDArray[np.float64],
    window: Window,
    *,
    is_filled: bool = False,
) -> NDArray[np.float64]:
    """Interpolate the flux of any number of spectra linearly to a window.

    Parameters
    ----------
    wavelength : ndarray, shape (n_pixels,)
        Increasing vacuum wavelengths in angstrom.
    flux : ndarray, shape (..., n_pixels)
        Flux at these wavelengths.
    window : Window
        Where the flux is wanted.
    is_filled : bool
        Whether what lies outside of the spectrum gets its first or last value.

    Returns
    -------
    ndarray, shape (..., window.n)
        The same, bit for bit, for a spectrum alone as among others.

    Raises
    ------
    SpectrumError
        If the spectrum does not cover the window, unless what lies outside is filled.
    """
    wanted = window.wavelength
    if is_filled:
        wanted = wanted.clip(wavelength[0], wavelength[-1])
    else:
        _refuse_uncovered(wavelength[0], wavelength[-1], window)
    right = np.searchsorted(wavelength, wanted, side="right").clip(1, wavelength.size - 1)
    left = right - 1
    before, after = flux[..., left], flux[..., right]
    with np.errstate(over="ignore", invalid="ignore"):
        slope = (after - before) / (wavelength[right] - wavelength[left])
        found = slope * (wanted - wavelength[left]) + before
    # Where pixel and grid meet, no rounding error and no overflow of the slope comes in.
    found = np.where(wanted == wavelength[left], before, found)
    return np.where(wanted == wavelength[right], after, found)


def near_window(wavelength: NDArray[np.float64], grid: Grid) -> slice | None:
    """Tell which pixels of an axis `prepare` looks at, if they are plain to see.

    Parameters
    ----------
    wavelength : ndarray, shape (n_pixels,)
        Vacuum wavelengths in angstrom.
    grid : Grid
        Its windows.

    Returns
    -------
    slice or None
        From what is near the first window to what is near the last; None if the axis does not
        increase, covers more than can be converted to air, or does not cover each window without
        a gap.
    """
    with np.errstate(invalid="ignore"):  # of infinite wavelengths
        increases = wavelength.size > 1 and (np.diff(wavelength) > 0).all()
    if not increases:
        return None
    if not AIR_RANGE[0] <= wavelength[0] < wavelength[-1] <= AIR_RANGE[1]:
        return None
    runs = [_near_window(wavelength, one) for one in grid.windows]
    if None in runs:
        return None
    found = [run for run in runs if run is not None]
    return slice(found[0].start, found[-1].stop)


def _near_window(wavelength: NDArray[np.float64], window: Window) -> slice | None:
    close, near = (np.flatnonzero(window.near(wavelength, n * MARGIN)) for n in (1, 2))
    if not close.size:
        return None
    if not wavelength[close[0]] <= window.start < window.end <= wavelength[close[-1]]:
        return None
    # Whatever the resolving power and the limits of the pool, what is without a gap by its steps
    # alone has none.
    has_gap = _find_gap_of_axis(wavelength[near], window, 0, Limits(LEAST_GAP))
    return None if has_gap else slice(int(near[0]), int(near[-1]) + 1)


def _around(wavelength: NDArray[np.float64], window: Window) -> tuple[float, float]:
    """Give the last wavelength before the window's middle, and the first one after it."""
    place = int(np.searchsorted(wavelength, (window.start + window.end) / 2))
    place = min(max(place, 1), len(wavelength) - 1)
    return float(wavelength[place - 1]), float(wavelength[place])


def _refuse_uncovered(start: float, end: float, window: Window) -> None:
    if not (start <= window.start and window.end <= end):
        raise SpectrumError(
            f"covers {start:.1f}-{end:.1f} Å (vacuum), "
            f"not the whole window {window.start:g}-{window.end:g} Å"
        )


def find_defects(
    flux: NDArray[np.floating[Any]], parts: Sequence[slice] = WHOLE
) -> NDArray[np.uint8]:
    """Tell which spectra cannot be used.

    Parameters
    ----------
    flux : ndarray, shape (n_spectra, n_wavelengths)
        Flux of windows, not rescaled.
    parts : sequence of slice
        Where each window stands, see `Grid.parts`; by default there is one.

    Returns
    -------
    ndarray of uint8, shape (n_spectra,)
        0 = usable, otherwise a key of `DEFECTS`: that of the first window that has a defect.
    """
    found = np.zeros(len(flux), dtype=np.uint8)
    for part in parts:
        found = np.where(found, found, _find_defects(flux[:, part]))
    return found


def _find_defects(flux: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
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


def refuse_defects(flux: NDArray[np.floating[Any]], parts: Sequence[slice] = WHOLE) -> None:
    """Refuse spectra of which one cannot be used, see `find_defects`.

    Raises
    ------
    SpectrumError
        Which names the first one.
    """
    defects = find_defects(flux, parts)
    if defects.any():
        row = int(np.argmax(defects > 0))
        raise SpectrumError(
            f"Cannot rescale the spectrum in row {row}: it {DEFECTS[defects[row]]}."
        )


def rescale(flux: NDArray[np.floating[Any]], parts: Sequence[slice] = WHOLE) -> NDArray[np.float32]:
    """Rescale each window to [−1, 1] by its own minimum and maximum.

    Parameters
    ----------
    flux : ndarray, shape (n_spectra, n_wavelengths)
        Flux of windows without defects.
    parts : sequence of slice
        Where each window stands, see `Grid.parts`; by default there is one.

    Returns
    -------
    ndarray of float32, shape (n_spectra, n_wavelengths)
        x' = 2 (x − min x) / (max x − min x) − 1. The argument is left unchanged.

    Raises
    ------
    SpectrumError
        If a window is flat or not finite.
    """
    refuse_defects(flux, parts)
    if len(parts) == 1:
        return _rescale(flux)
    return np.concatenate([_rescale(flux[:, part]) for part in parts], axis=1)


def _rescale(flux: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    low = flux.min(axis=1, keepdims=True)
    high = flux.max(axis=1, keepdims=True)
    # Dividing first keeps the range of fluxes near the largest float from overflowing.
    scale = high / 2 - low / 2
    return ((flux / 2 - low / 2) / scale * 2 - 1).astype(np.float32)


def prepare(
    spectrum: Spectrum,
    grid: Grid,
    resolving_power: float | None = None,
    limits: Limits = LIMITS,
) -> NDArray[np.float64]:
    """Bring one spectrum to the pool's terms; `prepare_and_count` without its count."""
    return prepare_and_count(spectrum, grid, resolving_power, limits)[0]


def prepare_and_count(
    spectrum: Spectrum,
    grid: Grid,
    resolving_power: float | None = None,
    limits: Limits = LIMITS,
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
    limits : Limits
        Of the pool: how much may be missing.

    Returns
    -------
    window : ndarray, shape (grid.n,)
        Flux in the spectrum's own unit.
    n_bridged : int
        How many of its pixels in the window have no value and are bridged, see `gaps`, and how
        many wavelengths of the grid it does not reach.

    Raises
    ------
    SpectrumError
        If it does not cover one of the windows, has a gap or too many pixels without a value in
        it, or is not finite, zero or flat in it.
    """
    prepared = [_prepare(spectrum, one, resolving_power, limits) for one in grid.windows]
    return np.concatenate([flux for flux, _ in prepared]), sum(n for _, n in prepared)


def _prepare(
    spectrum: Spectrum, window: Window, resolving_power: float | None, limits: Limits
) -> tuple[NDArray[np.float64], int]:
    to_vacuum = air_to_vacuum if spectrum.medium is Medium.AIR else np.array
    ends = to_vacuum(spectrum.wavelength[[0, -1]].clip(*AIR_RANGE))
    is_filled = limits.coverage < 1
    if not is_filled or ends[1] <= window.start or window.end <= ends[0]:
        _refuse_uncovered(ends[0], ends[1], window)
    # A wide cut by either medium's wavelength first, so that only what is near is converted.
    near = window.near(spectrum.wavelength, 2 * MARGIN)
    wavelength, flux = to_vacuum(spectrum.wavelength[near]), spectrum.flux[near].astype(np.float64)
    close = window.near(wavelength, MARGIN)
    if close.sum() < 2:
        before, after = _around(to_vacuum(spectrum.wavelength.clip(*AIR_RANGE)), window)
        if after - before > bridgeable(spectrum.wavelength, 0.0, limits):
            raise SpectrumError(
                f"has a gap in the window: none of its pixels is between {before:.1f} and "
                f"{after:.1f} Å"
            )
        raise SpectrumError(f"is too coarse: {close.sum()} of its pixels are near the window")
    if not is_filled:
        ends = wavelength[close][[0, -1]]
        _refuse_uncovered(ends[0], ends[1], window)
    own = find_resolving_power(spectrum) or sampled_resolving_power(wavelength[close])
    element = window.start / (resolving_power or own)
    ivar = _weights(spectrum)
    ivar = None if ivar is None else ivar[near]
    part, n_outside = find_covered(wavelength, flux, has_value(flux, ivar), window, own, limits)
    if gap := _find_gap_of_axis(wavelength, part, element, limits):
        raise refuse_gap(wavelength, gap, element, limits)
    flux, n_bridged = bridge_pixels(wavelength, flux, ivar, part, own, element, limits)
    prepared = to_window(wavelength, flux, window, own, resolving_power, is_filled=n_outside > 0)
    defect = int(find_defects(prepared[None, :])[0])
    if defect:
        raise SpectrumError(DEFECTS[defect])
    return prepared, n_bridged + n_outside


def to_window(
    wavelength: NDArray[np.float64],
    flux: NDArray[np.float64],
    window: Window,
    resolving_power_from: float,
    resolving_power_to: float | None,
    *,
    is_filled: bool = False,
) -> NDArray[np.float64]:
    """Degrade a spectrum if it is sharper than it should be, and resample it.

    Parameters
    ----------
    wavelength, flux : ndarray, shape (n_pixels,)
        What `bridge_pixels` gave.
    window : Window
        Where it is wanted.
    resolving_power_from : float
        Of the spectrum.
    resolving_power_to : float or None
        Of the pool; None = as-is.
    is_filled : bool
        See `resample`.

    Returns
    -------
    ndarray, shape (window.n,)
    """
    close = window.near(wavelength, MARGIN) & np.isfinite(flux)
    wavelength, flux = wavelength[close], flux[close]
    if resolving_power_to is not None and resolving_power_from > resolving_power_to:
        flux = degrade(wavelength, flux, resolving_power_from, resolving_power_to)
    return resample(wavelength, flux, window, is_filled=is_filled)


def bridge_pixels(
    wavelength: NDArray[np.float64],
    flux: NDArray[np.float64],
    ivar: NDArray[np.floating[Any]] | None,
    window: Window,
    resolving_power: float,
    element: float,
    limits: Limits = LIMITS,
) -> tuple[NDArray[np.float64], int]:
    """Bridge the pixels that have no value, if they are few; see `gaps.bridge`.

    Parameters
    ----------
    wavelength, flux, ivar : ndarray, shape (n_pixels,)
        A spectrum up to twice `MARGIN` beside the window; without `ivar` only what is not finite
        has no value.
    window : Window
    resolving_power : float
        Of the spectrum.
    element : float
        Resolution element in angstrom: the pool's, or of a pool as-is the spectrum's own.
    limits : Limits
        How many pixels are too many.

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
    inside = flux[window.near(wavelength, 0)]
    if inside.size and not np.isfinite(inside).any():
        raise SpectrumError(DEFECTS[1])
    if inside.size and not inside.any():
        raise SpectrumError(DEFECTS[2])
    return bridge(wavelength, flux, valued, window, resolving_power, element, limits)


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
    wavelength: NDArray[np.float64], window: Window, element: float, limits: Limits
) -> tuple[float, float] | None:
    return find_gap(wavelength, np.ones(wavelength.size, bool), window, element, limits)
