"""What an astronomer would say on seeing a noiseless line at the pool's resolution and S/N."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from active_cnn.spectra.simulation.instruments import SCATTER
from active_cnn.spectra.simulation.lines import HALPHA, SPEED_OF_LIGHT
from active_cnn.spectra.simulation.stars import Light

# A line counts as seen when its matched-filter signal-to-noise ratio and its height above the
# profile's sides, in units of the noise of a pixel, reach these.
DETECTION = 8.0
PROMINENCE = 4.0
LEAST_PROMINENCE = 0.03  # of the continuum
# Two peaks are told apart when the dip between them is this much of the weaker one.
DIP = 0.12


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

    def assign(self, rows: NDArray[np.intp], other: Look) -> None:
        """Overwrite some rows by those of another, in their order."""
        for mine, theirs in zip(self, other, strict=True):
            mine[rows] = theirs


def look(
    wavelength: NDArray[np.float64], light: Light, snr: NDArray[np.floating]
) -> Look:
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
    column = np.arange(len(x))[None, :]
    inside = (column >= first[:, None]) & (column <= last[:, None])
    top = np.where(inside, flux, -np.inf).max(axis=1)
    left = (column < first[:, None]) & (column >= (first - reach)[:, None])
    right = (column > last[:, None]) & (column <= (last + reach)[:, None])
    level = np.maximum(
        np.where(left, flux, np.inf).min(axis=1), np.where(right, flux, np.inf).min(axis=1)
    )
    prominence = np.where(np.isfinite(level), top - level, 0)
    needed = np.maximum(PROMINENCE * sigma, LEAST_PROMINENCE)
    is_visible = (detection > DETECTION) & (prominence > needed)

    is_double, separation = _two_peaks(x, flux, first, last, level, sigma)
    return Look(is_visible, is_double & is_visible, excess.sum(axis=1) * step, fwhm, separation)


def _two_peaks(
    x: NDArray[np.float64],
    flux: NDArray[np.float64],
    first: NDArray[np.intp],
    last: NDArray[np.intp],
    level: NDArray[np.float64],
    sigma: NDArray[np.float64],
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    column = np.arange(len(x))[None, :]
    inside = (column >= (first - 2)[:, None]) & (column <= (last + 2)[:, None])
    middle = flux[:, 1:-1]
    is_peak = np.zeros(flux.shape, dtype=bool)
    is_peak[:, 1:-1] = (middle > flux[:, :-2]) & (middle >= flux[:, 2:])
    heights = np.where(is_peak & inside, flux, -np.inf)
    rows = np.arange(len(flux))
    one = heights.argmax(axis=1)
    heights_left = heights.copy()
    heights_left[rows, one] = -np.inf
    two = heights_left.argmax(axis=1)
    weaker = heights_left[rows, two]
    low, high = np.minimum(one, two), np.maximum(one, two)
    between = (column >= low[:, None]) & (column <= high[:, None])
    dip = np.where(between, flux, np.inf).min(axis=1)
    finite = np.isfinite(weaker)
    depth = np.where(finite, weaker, 0) - dip
    above = np.where(finite, weaker - np.where(np.isfinite(level), level, 0), 0)
    is_double = finite & (above > 0) & (depth > DIP * above) & (depth > 2.5 * sigma)
    separation = np.where(is_double, np.abs(x[one] - x[two]) / HALPHA * SPEED_OF_LIGHT, 0)
    return is_double, separation
