"""What an astronomer would say on seeing a noiseless line at the pool's resolution and S/N."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from active_cnn.spectra.simulation.instruments import SCATTER
from active_cnn.spectra.simulation.lines import HALPHA
from active_cnn.spectra.simulation.stars import Light
from active_cnn.spectra.wavelength import SPEED_OF_LIGHT

# A line counts as seen when its matched-filter signal-to-noise ratio and its height above the
# profile's sides, in units of the noise of a pixel, reach these.
DETECTION = 8.0
PROMINENCE = 4.0
LEAST_PROMINENCE = 0.03  # of the continuum
# Two peaks are told apart when the dip between them is this much of the weaker one, and when the
# dip and the outer sides of both stand out of the noise of a pixel by this much.
DIP = 0.12
DOUBLE_PROMINENCE = 3.5


class Look(NamedTuple):
    """What is measured on each spectrum; arrays of shape (n_spectra,)."""

    is_visible: NDArray[np.bool_]
    is_double: NDArray[np.bool_]
    equivalent_width: NDArray[np.float64]  # Å, of the emission alone
    fwhm: NDArray[np.float64]  # Å
    separation: NDArray[np.float64]  # km/s between the peaks, 0 for a single one

    @classmethod
    def nothing(cls, n: int) -> Look:
        """No emission in any of n spectra."""
        return cls(*(np.zeros(n, dtype=kind) for kind in (bool, bool, float, float, float)))

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Look:
        """Give what is measured on some of the spectra, in the order asked."""
        return Look._make(values[rows] for values in self)

    def assign(self, rows: NDArray[np.intp], other: Look) -> None:
        """Overwrite some rows by those of another, in their order."""
        for mine, theirs in zip(self, other, strict=True):
            mine[rows] = theirs


def look(wavelength: NDArray[np.float64], light: Light, snr: NDArray[np.floating]) -> Look:
    """Judge Hα of noiseless spectra at the pool's resolution.

    Parameters
    ----------
    wavelength : ndarray, shape (n_pixels,)
        Vacuum wavelengths in angstrom.
    light : Light
        Flux with and without Hα's emission, shape (n_spectra, n_pixels).
    snr : ndarray, shape (n_spectra,)
        Signal-to-noise ratio in r.

    Returns
    -------
    Look
    """
    near = np.abs(wavelength - HALPHA) < 60
    x = wavelength[near]
    flux = light.flux[:, near].astype(np.float64)
    excess = flux - light.quiet[:, near]
    sigma = SCATTER / np.asarray(snr, dtype=np.float64)
    rows = np.arange(len(flux))

    peak = excess.argmax(axis=1)
    height = excess[rows, peak]
    core = excess > 0.5 * height[:, None]
    first, last = core.argmax(axis=1), core.shape[1] - 1 - core[:, ::-1].argmax(axis=1)
    step = float(np.diff(x).mean())
    fwhm = (last - first + 1) * step
    detection = np.sqrt((np.maximum(excess, 0) ** 2).sum(axis=1)) / sigma

    # The sides: one and a half widths of the line away from its half-maximum points.
    reach = np.clip(1.5 * fwhm / step, 4, 25).astype(int)
    sides = _Sides(first, last, reach)
    inside = sides.between(first, last, len(x))
    top = np.where(inside, flux, -np.inf).max(axis=1)
    left, right = sides.lowest(flux)
    prominence = top - np.maximum(left, right)
    needed = np.maximum(PROMINENCE * sigma, LEAST_PROMINENCE)
    is_visible = (detection > DETECTION) & (prominence > needed)
    separation = _separation(x, flux, sides, sigma)
    is_double = (separation > 0) & is_visible
    return Look(is_visible, is_double, excess.sum(axis=1) * step, fwhm, separation * is_double)


class _Sides(NamedTuple):
    """Columns of the line's half-maximum points, and how far its sides reach."""

    first: NDArray[np.intp]
    last: NDArray[np.intp]
    reach: NDArray[np.intp]

    @staticmethod
    def between(start: NDArray[np.intp], stop: NDArray[np.intp], n: int) -> NDArray[np.bool_]:
        column = np.arange(n)[None, :]
        return (column >= start[:, None]) & (column <= stop[:, None])

    def lowest(self, flux: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        left = self.between(self.first - self.reach, self.first - 1, flux.shape[1])
        right = self.between(self.last + 1, self.last + self.reach, flux.shape[1])
        # A line that leaves the picture has no side there (infinity), and so no prominence.
        return (
            np.where(left, flux, np.inf).min(axis=1),
            np.where(right, flux, np.inf).min(axis=1),
        )


def _separation(
    x: NDArray[np.float64],
    flux: NDArray[np.float64],
    sides: _Sides,
    sigma: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Separation in km/s of the two highest peaks of each line; 0 where there are not two."""
    is_peak = np.zeros(flux.shape, dtype=bool)
    is_peak[:, 1:-1] = (flux[:, 1:-1] > flux[:, :-2]) & (flux[:, 1:-1] >= flux[:, 2:])
    inside = sides.between(sides.first - 2, sides.last + 2, len(x))
    heights = np.where(is_peak & inside, flux, -np.inf)
    rows = np.arange(len(flux))
    one = heights.argmax(axis=1)
    heights[rows, one] = -np.inf
    two = heights.argmax(axis=1)
    has_two = np.isfinite(heights[rows, two])
    low, high = np.minimum(one, two), np.maximum(one, two)
    weaker = flux[rows, two]
    dip = np.where(sides.between(low, high, len(x)), flux, np.inf).min(axis=1)
    left, right = sides.lowest(flux)
    outer = np.minimum(flux[rows, low] - left, flux[rows, high] - right)
    needed = np.maximum(DOUBLE_PROMINENCE * sigma, LEAST_PROMINENCE)
    above = weaker - np.maximum(left, right)
    has_two &= (outer > needed) & (weaker - dip > np.maximum(needed, DIP * above))
    return np.where(has_two, (x[high] - x[low]) / HALPHA * SPEED_OF_LIGHT, 0)
