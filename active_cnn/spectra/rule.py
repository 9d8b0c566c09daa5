"""The rule that a network has to beat: an extreme at a line that stands out of the continuum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.grid import WHOLE
from active_cnn.search import Sign, TargetLine

# The side bands end this far from the range, or where the window ends, and begin at this share of
# the way, which keeps them off the wings of Hα and, in a window of full width, off [N II].
REACH = 45.0  # Å
NEAREST_REACH = 10.0  # Å
BEGIN = 4 / 9
LEAST = 4  # wavelengths in each side band

# What a peak over side bands without any scatter, as no telescope records them, comes to.
MOST = 1e4

# The scatter of normal noise over its median absolute deviation.
_MAD_TO_SIGMA = 1.482602

# Rows at a time, so that all that is made of them stays in the processor's cache.
_CACHED = 1024


@dataclass(frozen=True)
class Bands:
    """Which wavelengths of a grid the rule looks at.

    Parameters
    ----------
    line : slice
        Where the extreme may be.
    left, right : slice
        Where the continuum and its scatter are measured.
    """

    line: slice
    left: slice
    right: slice


def place_bands(
    wavelength: NDArray[np.float64],
    line: tuple[float, float],
    parts: Sequence[slice] = WHOLE,
) -> Bands:
    """Place the range of the line and its side bands on a grid.

    Parameters
    ----------
    wavelength : ndarray, shape (n_wavelengths,)
        Increasing vacuum wavelengths in angstrom.
    line : tuple of float
        From where to where the extreme may be, in angstrom (vacuum), both inclusive.
    parts : sequence of slice
        Where each window stands, see `Grid.parts`; by default there is one. All that belongs to a
        line is within one window.

    Returns
    -------
    Bands

    Raises
    ------
    SpectrumError
        If the range is none, or no window holds it with continuum on both sides.
    """
    low, high = line
    if not 0 < low < high < np.inf:
        raise SpectrumError(
            f"A line from {low:g} to {high:g} Å is none: give a positive start and a larger end."
        )
    whole = wavelength
    for part in parts:
        own = whole[part]
        if own[0] <= (low + high) / 2 <= own[-1]:
            found = _place_bands(own, low, high)
            at = part.start or 0
            if found is not None:
                return Bands(*(slice(one.start + at, one.stop + at) for one in found))
    raise _refuse(whole, line)


def _place_bands(
    wavelength: NDArray[np.float64], low: float, high: float
) -> tuple[slice, slice, slice] | None:
    here = _between(wavelength, low, high)
    reach_left = min(REACH, low - float(wavelength[0]))
    reach_right = min(REACH, float(wavelength[-1]) - high)
    if here.stop == here.start or min(reach_left, reach_right) < NEAREST_REACH:
        return None
    left = _between(wavelength, low - reach_left, low - BEGIN * reach_left)
    right = _between(wavelength, high + BEGIN * reach_right, high + reach_right)
    is_enough = min(side.stop - side.start for side in (left, right)) >= LEAST
    return (here, left, right) if is_enough else None


def line_significance(
    windows: NDArray[np.floating[Any]],
    wavelength: NDArray[np.float64],
    *lines: TargetLine,
    parts: Sequence[slice] = WHOLE,
) -> NDArray[np.float32]:
    """Tell how far the extreme pixel at a line stands out of the local continuum.

    That is the highest one above it in emission, the lowest one below it in absorption, and the
    more significant of the two where a line can be either. Of several lines the most significant
    one counts.

    The continuum is the straight line through the medians of the two side bands, the noise the
    scatter of the side bands about it (1.4826 times the median absolute deviation). Neither a
    cosmic ray nor a narrow line in a side band moves them much. Of few pixels the deviation comes
    out small: with the 32 of the default grid, lines seem 8 % more significant than they are.

    A positive factor or a constant applied to the flux changes nothing, so that rescaled windows
    give what the flux itself gives.

    Parameters
    ----------
    windows : ndarray, shape (n_spectra, n_wavelengths)
        Flux of windows without defects, rescaled or not.
    wavelength : ndarray, shape (n_wavelengths,)
        Their increasing vacuum wavelengths in angstrom.
    *lines : TargetLine
        At least one; the extreme is looked for in the range of each.
    parts : sequence of slice
        Where each window stands, see `place_bands`.

    Returns
    -------
    ndarray of float32, shape (n_spectra,)
        In units of the noise, from −`MOST` to `MOST`; negative where an emission line is looked
        for and absorption is found, or the other way round. Side bands without any scatter make
        it one of these two, or 0 where nothing stands out of them.

    Raises
    ------
    SpectrumError
        If the wavelengths are not those of the windows, or the grid does not hold a line with
        continuum on both sides.

    References
    ----------
    Shridharan et al. (2021), arXiv:2108.08025: of 5437 spectra of hot stars with a
    peak within 6561-6568 Å, 4138 (76 %) were good emission-line spectra. How the height of the
    peak is measured is chosen here.
    """
    if windows.ndim != 2 or windows.shape[1:] != wavelength.shape:
        raise SpectrumError(
            f"Windows of the shape {windows.shape} do not have {wavelength.size} wavelengths each. "
            "Give the grid that they were made on."
        )
    places = [(place_bands(wavelength, line.range, parts), line.sign) for line in lines]
    found = np.empty(len(windows), dtype=np.float32)
    for start in range(0, len(windows), _CACHED):
        rows = slice(start, start + _CACHED)
        found[rows] = np.max(
            [_significance(windows[rows], wavelength, bands, sign) for bands, sign in places],
            axis=0,
        )
    return found


def _significance(
    windows: NDArray[np.floating[Any]],
    wavelength: NDArray[np.float64],
    bands: Bands,
    sign: Sign,
) -> NDArray[np.floating[Any]]:
    left, right = windows[:, bands.left], windows[:, bands.right]
    level, rise = _median(left), _median(right)
    rise -= level
    origin = wavelength[bands.left].mean()
    distance = wavelength[bands.right].mean() - origin

    def above(flux: NDArray[np.floating[Any]], band: slice) -> NDArray[np.floating[Any]]:
        share = ((wavelength[band] - origin) / distance).astype(flux.dtype)
        return flux - (level[:, None] + rise[:, None] * share)

    sides = np.concatenate([above(left, bands.left), above(right, bands.right)], axis=1)
    noise = _median(np.abs(sides, out=sides)) * sides.dtype.type(_MAD_TO_SIGMA)
    height = _extreme(above(windows[:, bands.line], bands.line), sign)
    found = np.sign(height) * height.dtype.type(MOST)
    with np.errstate(over="ignore"):
        np.divide(height, noise, out=found, where=noise != 0)
    return found.clip(-MOST, MOST)


def _extreme(heights: NDArray[np.floating[Any]], sign: Sign) -> NDArray[np.floating[Any]]:
    if sign is Sign.EMISSION:
        return heights.max(axis=1)
    if sign is Sign.ABSORPTION:
        return -heights.min(axis=1)
    return np.abs(heights).max(axis=1)


def _median(values: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    # Of short rows; numpy's own median takes five times as long, and so does a partition.
    ordered, half = np.sort(values, axis=1), values.shape[1] // 2
    if values.shape[1] % 2:
        return ordered[:, half].copy()
    return (ordered[:, half - 1] + ordered[:, half]) / 2


def _between(wavelength: NDArray[np.float64], low: float, high: float) -> slice:
    start = int(np.searchsorted(wavelength, low, side="left"))
    return slice(start, int(np.searchsorted(wavelength, high, side="right")))


def _refuse(wavelength: NDArray[np.float64], line: tuple[float, float]) -> SpectrumError:
    return SpectrumError(
        f"The {wavelength.size} wavelengths from {wavelength[0]:g} to {wavelength[-1]:g} Å do not "
        f"hold the line at {line[0]:g}-{line[1]:g} Å with at least {NEAREST_REACH:g} Å and "
        f"{LEAST} wavelengths of continuum on both sides. The rule needs a grid that does."
    )
