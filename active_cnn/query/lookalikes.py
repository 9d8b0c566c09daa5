"""Leaving out of a batch what would be judged twice, or what no star has made."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from active_cnn.spectra.noise import pixel_noise
from active_cnn.spectra.sky import is_place, separation
from active_cnn.spectra.wavelength import air_to_vacuum

# Two windows with a higher correlation differ by less than their noise of some percent.
ALIKE = 0.995
SAME_PLACE = 3.0  # arcsec: LAMOST's fibres see 3.3 arcsec of the sky
SPIKE = 15.0  # of the noise
SHARED = 0.4  # of a pixel's height that its neighbours have at least where a slit was imaged
FLAT = 4  # pixels in a row of exactly the same flux: filled in, not measured
# OH lines of the night sky near Hα, in air: Osterbrock et al. (1996), PASP, 108, 277.
AIRGLOW = (
    6498.7, 6522.4, 6533.0, 6544.0, 6553.6, 6568.8, 6577.2, 6596.6, 6604.1, 6627.6, 6661.8, 6700.0,
    6748.0,
)  # fmt: skip
AT_SKY = 1.6  # Å: a pixel of the grid
NEAR_LINE = 12.0  # Å: 550 km/s


def first_of_a_kind(
    windows: NDArray[np.floating],
    ra: NDArray[np.floating],
    dec: NDArray[np.floating],
    n_kept: int = 0,
) -> NDArray[np.bool_]:
    """Tell which spectra are unlike all those before them.

    Parameters
    ----------
    windows : ndarray, shape (n, n_wavelengths)
        In any scale.
    ra, dec : ndarray, shape (n,)
        Places in degrees; NaN where not known.
    n_kept : int
        So many at the beginning stay, whatever they are like.

    Returns
    -------
    ndarray of bool, shape (n,)
        False for another spectrum of the same star, and for nearly the same window.
    """
    centred = windows - windows.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = centred / np.maximum(length, 1e-12)
    is_alike = unit @ unit.T > ALIKE
    known = is_place(ra, dec)
    both = known[:, None] & known[None, :]
    here, there = np.nan_to_num(ra), np.nan_to_num(dec).clip(-90, 90)
    distance = separation(here[:, None], there[:, None], here[None, :], there[None, :])
    is_alike |= both & (distance <= SAME_PLACE)
    kept = np.zeros(len(windows), dtype=bool)
    for row in range(len(windows)):
        kept[row] = row < n_kept or not is_alike[row, :row][kept[:row]].any()
    return kept


def is_instrumental(
    windows: NDArray[np.floating],
    wavelength: NDArray[np.floating],
    lines: Sequence[float] = (),
) -> NDArray[np.bool_]:
    """Tell which windows are remarkable for what the instrument or the night sky did.

    Parameters
    ----------
    windows : ndarray, shape (n, n_wavelengths)
        In any scale.
    wavelength : ndarray, shape (n_wavelengths,)
        In angstrom (vacuum).
    lines : sequence of float
        Vacuum wavelengths of the lines that the campaign looks at: what is within `NEAR_LINE` of
        them is never taken for the sky's.

    Returns
    -------
    ndarray of bool, shape (n,)
        True where a pixel differs by `SPIKE` times the noise from its surroundings and neither
        neighbour shares in it (a cosmic ray, a dead column: no spectrograph makes lines so
        narrow), where `FLAT` neighbours are exactly equal, or where the strongest feature is as
        strong and lies at a line of the night sky.
    """
    flux = np.asarray(windows, dtype=np.float64)
    # The noise from differences of second order, which see little of a line.
    noise = pixel_noise(flux)
    noise = np.maximum(noise, 1e-9)[:, None]
    n = flux.shape[1]
    padded = np.pad(flux, ((0, 0), (2, 2)), mode="edge")
    around = (padded[:, :n] + padded[:, 4:]) / 2
    height = flux - around
    sides = np.stack([padded[:, 1 : n + 1] - around, padded[:, 3 : n + 3] - around])
    shared = np.where(height > 0, sides.max(axis=0), -sides.min(axis=0))
    is_spike = (np.abs(height) > SPIKE * noise) & (shared < SHARED * np.abs(height))
    is_same = np.diff(flux, axis=1) == 0
    runs = np.lib.stride_tricks.sliding_window_view(is_same, FLAT - 1, axis=1)
    is_run = np.asarray(runs.all(axis=2))
    residual = np.abs(flux - np.median(flux, axis=1, keepdims=True))
    strongest = residual.argmax(axis=1)
    is_strong = residual[np.arange(len(flux)), strongest] > SPIKE * noise[:, 0]
    is_sky = _is_near(wavelength, air_to_vacuum(np.array(AIRGLOW)), AT_SKY)
    is_sky &= ~_is_near(wavelength, np.array(lines), NEAR_LINE)
    found: NDArray[np.bool_] = is_strong & is_sky[strongest]
    return found | is_spike.any(axis=1) | is_run.any(axis=1)


def _is_near(
    wavelength: NDArray[np.floating], places: NDArray[np.floating], distance: float
) -> NDArray[np.bool_]:
    near = np.abs(wavelength[:, None] - places[None, :]) < distance
    return np.asarray(near.any(axis=1))
