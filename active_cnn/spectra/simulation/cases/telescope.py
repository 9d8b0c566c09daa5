"""What LAMOST makes of the whole range: air, flux calibration, noise, sky and defects."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from active_cnn.spectra.degrading import FWHM_PER_SIGMA
from active_cnn.spectra.readers.lamost_lrs import RESOLVING_POWER
from active_cnn.spectra.simulation import lines
from active_cnn.spectra.simulation.instruments import (
    FLOOR,
    SCATTER,
    Lamost,
    add_defects,
    draw_grain,
)
from active_cnn.spectra.wavelength import air_to_vacuum

# Throughput against that at 6500 Å: two arms that meet at 5850 Å (Cui et al. 2012, RAA, 12, 1197).
THROUGHPUT = (
    (3700, 0.10), (4000, 0.35), (4500, 0.75), (5200, 0.95), (5650, 0.75), (5850, 0.40),
    (6050, 0.70), (6500, 1.0), (7500, 1.0), (8300, 0.8), (9100, 0.35),
)  # fmt: skip
MEETING = 5850.0  # Å
# Air (Å): airglow of Osterbrock et al. (1996), PASP, 108, 277, with its brightness.
AIRGLOW = (
    (4358.3, 1.5), (5460.7, 1.5), (5577.3, 12.0), (5890.0, 2.0), (5895.9, 1.5), (6300.3, 5.0),
    (6363.8, 2.0), (6863.9, 1.0), (6923.2, 1.0), (7276.4, 2.0), (7284.4, 1.5), (7316.3, 2.5),
    (7340.9, 2.5), (7369.3, 1.5), (7401.7, 1.5), (7524.1, 1.0), (7712.0, 1.5), (7750.6, 3.0),
    (7794.1, 3.5), (7821.5, 2.5), (7853.3, 2.0), (7913.7, 4.0), (7949.2, 2.5), (7964.6, 4.0),
    (7993.3, 4.0), (8025.8, 2.5), (8344.6, 4.0), (8382.4, 2.5), (8399.2, 5.0), (8415.2, 2.0),
    (8430.2, 5.0), (8452.2, 3.5), (8465.4, 4.0), (8493.4, 3.0), (8504.6, 2.5), (8767.9, 3.5),
    (8778.3, 4.0), (8827.1, 5.5), (8836.0, 2.5), (8850.3, 3.0), (8867.6, 3.0), (8885.9, 7.0),
    (8903.1, 3.0), (8919.6, 6.0), (8943.4, 4.0), (8958.1, 4.5),
    *((air, 0.8) for air in lines.SKY),
)  # fmt: skip
# The air's oxygen and water: centre (Å, vacuum), optical depth, sigma.
AIR = (
    (6870.0, 0.14, 7.0), (6890.0, 0.08, 14.0), (7600.0, 0.55, 7.0), (7625.0, 0.40, 18.0),
    (7200.0, 0.10, 22.0), (7290.0, 0.07, 25.0), (8180.0, 0.10, 25.0), (8260.0, 0.07, 30.0),
    (8990.0, 0.2, 30.0),
)  # fmt: skip


@cache
def _sky(telescope: Lamost) -> NDArray[np.float32]:
    # Bumps, and after them the pairs that a wrong wavelength leaves; shape (2 n_lines, n_pixels).
    wavelength = telescope.wavelength
    centre, brightness = np.array(AIRGLOW).T
    centre = air_to_vacuum(centre)[:, None]
    sigma = centre / RESOLVING_POWER / FWHM_PER_SIGMA
    z = (wavelength - centre) / sigma
    bump = brightness[:, None] * np.exp(-0.5 * z**2)
    return np.concatenate([bump, 1.65 * z * bump]).astype(np.float32)


def _calibrate(
    wavelength: NDArray, distortion: NDArray, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Wrong by smooth curves, and by a step where the arms meet; shape (n, n_pixels)."""
    t = (wavelength - 6400) / 2700
    curves = np.array([t, 1.5 * t**2 - 0.5, np.sin(3 * np.pi * t), np.cos(4 * np.pi * t)])
    curves = np.concatenate([curves, [0.5 * np.tanh((wavelength - MEETING) / 40)]])
    weight = rng.normal(0, 1, (len(distortion), 5)) * np.array([1, 0.8, 0.4, 0.25, 0.6])
    return np.exp((distortion[:, None] * weight) @ curves).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Exposure:
    """Spectra at a telescope's pixels, in counts, each of shape (n_spectra, n_pixels).

    Parameters
    ----------
    flux : ndarray of float32
        With all that lies between a star and LAMOST's product.
    sigma : ndarray of float32
        Standard deviation of the noise, as a pipeline knows it: without what sky and cosmic rays
        have left.
    """

    flux: NDArray[np.float32]
    sigma: NDArray[np.float32]


def expose(
    light: NDArray[np.float32],
    telescope: Lamost,
    snr: NDArray,
    distortion: NDArray,
    struck: float,
    rng: np.random.Generator,
) -> Exposure:
    """Take the spectra of sources at the telescope's own pixels.

    Parameters
    ----------
    light : ndarray of float32, shape (n_spectra, n_pixels)
        In units of the flux at 6500 Å.
    telescope : Lamost
        Its pixels and its window.
    snr, distortion : ndarray, shape (n_spectra,)
        Signal-to-noise ratio in r; what the flux calibration is wrong by, as a share.
    struck : float
        Share of spectra with a cosmic ray that reduction left.
    rng : numpy.random.Generator
        Where every number comes from.

    Returns
    -------
    Exposure
    """
    n = len(light)
    wavelength = telescope.wavelength
    air = np.zeros_like(wavelength)
    for centre, depth, width in AIR:
        air += depth * np.exp(-0.5 * ((wavelength - centre) / width) ** 2)
    # Reduction corrects for it, not always well.
    amount = rng.normal(0.1, 0.2, (n, 1)).astype(np.float32)
    flux = light * np.exp(-amount * air.astype(np.float32))
    throughput = np.interp(wavelength, *np.array(THROUGHPUT).T).astype(np.float32)
    # The fainter the star, the more of the noise is the sky's.
    sky = (0.1 + 8 / snr)[:, None].astype(np.float32)
    glow = (1 + 0.15 * _sky(telescope)[: len(AIRGLOW)].sum(axis=0)).astype(np.float32)
    scatter = (SCATTER / snr)[:, None].astype(np.float32)
    sigma = scatter * np.sqrt((np.maximum(flux, 0) + sky * glow) / throughput / (1 + sky))
    sigma = np.hypot(sigma, FLOOR * flux)
    flux += sigma * draw_grain(flux.shape, rng)
    amplitude = scatter * rng.exponential(0.4, (n, 1)).astype(np.float32)
    residual = rng.standard_normal((n, 2 * len(AIRGLOW)), dtype=np.float32)
    flux += (amplitude * residual) @ _sky(telescope)
    add_defects(flux, struck, rng)
    scale = _calibrate(wavelength, distortion, rng)
    flux *= scale
    counts = np.exp(rng.normal(np.log(800), 1.2, (n, 1))).astype(np.float32)
    flux *= counts
    scale *= counts
    return Exposure(flux, sigma * scale)
