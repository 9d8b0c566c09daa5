"""Pixels without a value: bridged where they are few, a reason to refuse a spectrum where many.

A pixel has no value where its flux is not finite, or where its inverse variance is 0 or not finite.
The pipelines' masks are not asked: LAMOST's ANDMASK flags pixels by the hundred that are fine.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.grid import Window
from active_cnn.spectra.limits import LIMITS, Limits
from active_cnn.spectra.noise import pixel_noise
from active_cnn.spectra.wavelength import SPEED_OF_LIGHT
from active_cnn.wording import percent

# LAMOST's first releases give weight 0 to the whole of Hα in some bright Be stars, whose flux is
# right; strong lines may pass for cosmic rays there. Such a run keeps its flux. It rises above
# noise and no steeper than a Gaussian does that the instrument has resolved, which within one FWHM
# changes by 2√(2 ln 2) e^(−1/2) of its height; and it is no wider than such lines are.
_LINE_HEIGHT = 10.0  # times the noise of a pixel
_STEEPEST = 1.4282  # of the height within one FWHM
_NOISE_OF_A_STEP = 3.0  # times the noise of a pixel
_WIDEST_LINE = 1500.0  # km/s
_FEWEST = 10  # pixels with a value from which noise can be measured


def has_value(flux: NDArray[np.floating], ivar: NDArray[np.floating] | None) -> NDArray[np.bool_]:
    """Tell which pixels have a finite flux and, where weights are known, a weight; same shape."""
    valued = np.isfinite(flux)
    return valued if ivar is None else valued & (ivar > 0) & (ivar < np.inf)


def find_gap(
    wavelength: NDArray[np.float64],
    valued: NDArray[np.bool_],
    window: Window,
    element: float,
    limits: Limits = LIMITS,
) -> tuple[float, float] | None:
    """Find the widest part of a window that lies between two pixels and is too wide to bridge.

    Parameters
    ----------
    wavelength : ndarray, shape (n_pixels,)
        Increasing wavelengths in angstrom from one side of the window to the other.
    valued : ndarray of bool, shape (n_pixels,)
        Which pixels have a value; at least one on each side of the window.
    window : Window
    element : float
        Resolution element in angstrom, see `preprocessing.bridge_pixels`.
    limits : Limits
        What is too wide.

    Returns
    -------
    tuple of float or None
        The wavelengths of these two pixels.
    """
    known = wavelength[valued]
    widths = np.diff(known.clip(window.start, window.end))
    widest = int(np.argmax(widths))
    if widths[widest] <= bridgeable(wavelength, element, limits):
        return None
    return float(known[widest]), float(known[widest + 1])


def bridgeable(wavelength: NDArray[np.float64], element: float, limits: Limits = LIMITS) -> float:
    """Give the width in angstrom of the widest gap that is bridged."""
    # Not the median: where two orders overlap, half of the steps are next to nothing.
    steps = np.sort(np.diff(wavelength))
    return float(max(limits.largest_gap * steps[3 * (steps.size - 1) // 4], element))


def bridge(
    wavelength: NDArray[np.float64],
    flux: NDArray[np.float64],
    valued: NDArray[np.bool_],
    window: Window,
    resolving_power: float,
    element: float,
    limits: Limits = LIMITS,
) -> tuple[NDArray[np.float64], int]:
    """Put straight lines where pixels have no value.

    Parameters
    ----------
    wavelength, flux : ndarray, shape (n_pixels,)
        A spectrum around the window; wavelengths increase, in angstrom.
    valued : ndarray of bool, shape (n_pixels,)
        Which pixels have a value, see `has_value`.
    window : Window
    resolving_power : float
        Of the spectrum.
    element : float
        Resolution element in angstrom, see `preprocessing.bridge_pixels`.
    limits : Limits
        How many pixels are too many.

    Returns
    -------
    flux : ndarray, shape (n_pixels,)
        NaN only before the first and after the last pixel with a value, outside the window.
    n_bridged : int
        How many pixels in the window had none.

    Raises
    ------
    SpectrumError
        If too many pixels have no value, or too many in a row.
    """
    valued = keep_lines(wavelength, flux, valued, resolving_power)
    if not _brackets(wavelength[valued], window):
        valued |= _plausible_ends(flux, valued)
    known = wavelength[valued]
    if not _brackets(known, window):
        raise SpectrumError(
            "has too many pixels without a value: none on one side of the window "
            f"{window.start:g}-{window.end:g} Å (not finite, or without weight)"
        )
    inside = window.near(wavelength)
    n_bridged = int((inside & ~valued).sum())
    if gap := find_gap(wavelength, valued, window, element, limits):
        raise refuse_gap(wavelength, gap, element, limits)
    if n_bridged > limits.most_bridged * inside.sum():
        raise SpectrumError(
            f"has too many pixels without a value: {n_bridged} of {inside.sum()} in the window "
            f"(not finite, or without weight); at most {percent(limits.most_bridged)} are bridged"
        )
    filled = flux.copy()
    filled[~valued] = np.interp(wavelength[~valued], known, flux[valued], left=np.nan, right=np.nan)
    return filled, n_bridged


def find_covered(
    wavelength: NDArray[np.float64],
    flux: NDArray[np.float64],
    valued: NDArray[np.bool_],
    window: Window,
    resolving_power: float,
    limits: Limits,
) -> tuple[Window, int]:
    """Give the part of a window that a spectrum covers, if what is outside may be filled.

    Parameters
    ----------
    wavelength, flux : ndarray, shape (n_pixels,)
        A spectrum around the window; wavelengths increase, in angstrom.
    valued : ndarray of bool, shape (n_pixels,)
        Which pixels have a value, see `has_value`.
    window : Window
    resolving_power : float
        Of the spectrum.
    limits : Limits
        How much may be outside.

    Returns
    -------
    part : Window
        The window itself where nothing of it is outside, or nothing may be.
    n_outside : int
        How many of its wavelengths are.

    Raises
    ------
    SpectrumError
        If these are too many.
    """
    if limits.coverage == 1 or _brackets(wavelength[valued], window):
        return window, 0
    valued = keep_lines(wavelength, flux, valued, resolving_power)
    valued |= _plausible_ends(flux, valued)
    known = wavelength[valued]
    if not known.size:
        return window, 0
    wanted, (first, last) = window.wavelength, (known[0], known[-1])
    n_outside = int(((wanted < first) | (wanted > last)).sum())
    if not n_outside:
        return window, 0
    if n_outside > (1 - limits.coverage) * window.n or not first < last:
        raise SpectrumError(
            f"covers {first:.1f}-{last:.1f} Å (vacuum): {window.n - n_outside} of the {window.n} "
            f"wavelengths of the window {window.start:g}-{window.end:g} Å, at least "
            f"{percent(limits.coverage)} are asked for"
        )
    ends = max(window.start, float(first)), min(window.end, float(last))
    return Window(*ends, window.n, window.spacing), n_outside


def keep_lines(
    wavelength: NDArray[np.float64],
    flux: NDArray[np.float64],
    valued: NDArray[np.bool_],
    resolving_power: float,
) -> NDArray[np.bool_]:
    """Add to the pixels with a value those of runs without weight that are a resolved line."""
    with np.errstate(over="ignore", invalid="ignore"):  # of whatever a pipeline left there
        lines = [
            run
            for run in _runs(~valued)
            if _is_line(wavelength, flux, valued, run, resolving_power)
        ]
    valued = valued.copy()
    for run in lines:
        valued[run] = True
    return valued


def refuse_gap(
    wavelength: NDArray[np.float64],
    gap: tuple[float, float],
    element: float,
    limits: Limits = LIMITS,
) -> SpectrumError:
    """Say between which wavelengths too much is missing, and what."""
    n_missing = int(((wavelength > gap[0]) & (wavelength < gap[1])).sum())
    what = f"{n_missing} in a row" if n_missing else "none"
    kind = "too many pixels without a value" if n_missing else "a gap in the window"
    why = " (not finite, or without weight)" if n_missing else ""
    return SpectrumError(
        f"has {kind}: {what} between {gap[0]:.1f} and {gap[1]:.1f} Å{why}; "
        f"at most {bridgeable(wavelength, element, limits):.1f} Å are bridged"
    )


def _brackets(wavelength: NDArray[np.float64], window: Window) -> bool:
    return bool(wavelength.size and wavelength[0] <= window.start < window.end <= wavelength[-1])


def _plausible_ends(flux: NDArray[np.float64], valued: NDArray[np.bool_]) -> NDArray[np.bool_]:
    # Where nothing with a weight follows there is nothing to bridge to. What lies within the range
    # of the others can at least not set the scale.
    if not valued.any():
        return valued
    low, high = flux[valued].min(), flux[valued].max()
    places, known = np.arange(len(flux)), np.flatnonzero(valued)
    is_end = (places < known[0]) | (places > known[-1])
    return is_end & (flux >= low) & (flux <= high) & (flux != 0)


def _runs(chosen: NDArray[np.bool_]) -> Iterator[slice]:
    edges = np.flatnonzero(np.diff(chosen, prepend=False, append=False))
    return (slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True))


def _is_line(
    wavelength: NDArray[np.float64],
    flux: NDArray[np.float64],
    valued: NDArray[np.bool_],
    run: slice,
    resolving_power: float,
) -> bool:
    around = slice(run.start - 1, run.stop + 1)
    if around.start < 0 or around.stop > len(flux) or valued.sum() < _FEWEST:
        return False
    x, y = wavelength[around], flux[around]
    width = x[-1] - x[0]
    # Without data a pipeline writes 0.
    if not (np.isfinite(y).all() and y[1:-1].all()) or width > _WIDEST_LINE / SPEED_OF_LIGHT * x[0]:
        return False
    noise = float(pixel_noise(flux[valued][None, :])[0])
    height = y - np.interp(x, x[[0, -1]], y[[0, -1]])
    most = np.abs(height).max()
    # An element of two pixels is the least that can be told from a cosmic ray.
    step = width / (len(x) - 1)
    pixels = max(x[0] / resolving_power / step, 2.0)
    steepest = _STEEPEST / pixels * most + _NOISE_OF_A_STEP * noise
    return bool(most > _LINE_HEIGHT * noise and np.abs(np.diff(height)).max() <= steepest)
