"""Emission lines of known strength and shape, planted into spectra of the pool."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from active_cnn.errors import SpectrumError
from active_cnn.spectra.noise import pixel_noise
from active_cnn.spectra.rule import place_bands
from active_cnn.spectra.wavelength import SPEED_OF_LIGHT

FWHM_TO_SIGMA = 1 / np.sqrt(8 * np.log(2))

SINGLE, DOUBLE = "emission", "double-peak"

# Å, km/s: from what nobody would see to what nobody would miss, and as Be stars have them
# (Porter & Rivinius 2003, PASP, 115, 1153).
EQUIVALENT_WIDTH = (0.3, 30.0)
FWHM = (100.0, 700.0)
SEPARATION = (100.0, 600.0)
BLUE_SHARE = (0.35, 0.65)
VELOCITY = 60.0

# No line can be observed narrower than the spectrograph sees it, two pixels at best.
NARROWEST = 2.0

HALF_BAND = 4.0  # Å on either side of the line, which the continuum is measured outside of
LOWEST_DIP = -0.5  # of the continuum: spectra that fall below have lost their zero


@dataclass(frozen=True, eq=False)
class Profiles:
    """Emission lines, each an array of shape (n_profiles,).

    Parameters
    ----------
    is_double : ndarray of bool
        Two Gaussians instead of one.
    equivalent_width : ndarray
        Of all that is added, in angstrom; positive, as for emission.
    fwhm : ndarray
        Of each Gaussian as it is observed, the instrument's width included, in km/s.
    separation : ndarray
        Of the two peaks in km/s; 0 where there is one.
    blue_share : ndarray
        Share of the light that is in the blue one of two.
    velocity : ndarray
        Of the middle, in km/s.
    """

    is_double: NDArray[np.bool_]
    equivalent_width: NDArray[np.float64]
    fwhm: NDArray[np.float64]
    separation: NDArray[np.float64]
    blue_share: NDArray[np.float64]
    velocity: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.fwhm)


@dataclass(frozen=True, eq=False)
class Hosts:
    """What spectra offer to a line, each an array of shape (n_spectra,).

    Parameters
    ----------
    continuum, noise : ndarray
        Beside the line, in the unit of the flux; the noise of a pixel.
    can_host : ndarray of bool
        Whether there is a continuum that an equivalent width can be a multiple of.
    """

    continuum: NDArray[np.float64]
    noise: NDArray[np.float64]
    can_host: NDArray[np.bool_]

    @property
    def snr(self) -> NDArray[np.float64]:
        """Signal-to-noise ratio of a pixel of the continuum."""
        return self.continuum / self.noise


def draw_profiles(n: int, step: float, rng: np.random.Generator) -> Profiles:
    """Draw lines, every other one double.

    Parameters
    ----------
    n : int
        How many.
    step : float
        Width of a pixel in km/s: nothing narrower than two of them is drawn.
    rng : numpy.random.Generator

    Returns
    -------
    Profiles
        Equivalent widths, widths and separations are uniform in their logarithms; of a double
        line each Gaussian is narrower than the separation, so that there are two peaks.
    """
    is_double = np.arange(n) % 2 == 1
    narrowest = max(FWHM[0], NARROWEST * step)
    separation = np.where(
        is_double, _log_uniform(max(SEPARATION[0], 1.2 * narrowest), SEPARATION[1], n, rng), 0.0
    )
    widest = np.where(is_double, np.minimum(separation / 1.1, FWHM[1]), FWHM[1])
    return Profiles(
        is_double=is_double,
        equivalent_width=_log_uniform(*EQUIVALENT_WIDTH, n, rng),
        fwhm=_log_uniform(narrowest, np.maximum(widest, narrowest), n, rng),
        separation=separation,
        blue_share=np.where(is_double, rng.uniform(*BLUE_SHARE, n), 1.0),
        velocity=rng.normal(0, VELOCITY, n),
    )


def _log_uniform(
    low: float, high: float | NDArray[np.float64], n: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    return low * (high / low) ** rng.random(n)


def measure_hosts(
    flux: NDArray[np.floating], wavelength: NDArray[np.float64], line: float
) -> Hosts:
    """Measure the continuum beside a line, and its noise.

    Parameters
    ----------
    flux : ndarray, shape (n_spectra, n_wavelengths)
        Of windows without defects, not rescaled.
    wavelength : ndarray, shape (n_wavelengths,)
        Their increasing vacuum wavelengths in angstrom.
    line : float
        Vacuum wavelength of the line at rest.

    Raises
    ------
    SpectrumError
        If the grid does not hold the line with continuum on both sides.
    """
    bands = place_bands(wavelength, (line - HALF_BAND, line + HALF_BAND))
    beside = np.concatenate([flux[:, bands.left], flux[:, bands.right]], axis=1)
    continuum = np.median(beside, axis=1).astype(float)
    noise = pixel_noise(flux[:, bands.left], flux[:, bands.right]).astype(float)
    lowest = flux.min(axis=1)
    can_host = (noise > 0) & (continuum > noise) & (lowest > LOWEST_DIP * continuum)
    return Hosts(continuum, noise, can_host)


def plant(
    flux: NDArray[np.floating],
    wavelength: NDArray[np.float64],
    line: float,
    profiles: Profiles,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Add a line to each spectrum, with the photon noise of its light.

    Parameters
    ----------
    flux : ndarray, shape (n_spectra, n_wavelengths)
        Of spectra that can host a line, not rescaled; it stays as it is.
    wavelength : ndarray, shape (n_wavelengths,)
        Their increasing vacuum wavelengths in angstrom.
    line : float
        Vacuum wavelength of the line at rest.
    profiles : Profiles
        One for each spectrum.
    rng : numpy.random.Generator
        Of the noise.

    Returns
    -------
    ndarray, shape (n_spectra, n_wavelengths)

    Raises
    ------
    SpectrumError
        If there is not one line for each spectrum, or one of them cannot host any.

    Notes
    -----
    Gaussians are integrated over the pixels, which keeps the equivalent width. The noise of the
    continuum is taken for that of its photons: light that doubles the flux adds noise of the same
    variance.
    """
    hosts = measure_hosts(flux, wavelength, line)
    if len(flux) != len(profiles) or not hosts.can_host.all():
        n_bad = int((~hosts.can_host).sum())
        raise SpectrumError(
            f"{len(profiles)} lines cannot be planted into {len(flux)} spectra, of which {n_bad} "
            "have no continuum: give one line for each spectrum that can host one."
        )
    half = profiles.separation / 2
    added = sum(
        share[:, None] * _gaussians(wavelength, line, profiles.velocity + shift, profiles.fwhm)
        for share, shift in (
            (profiles.blue_share, -half),
            (1 - profiles.blue_share, half),
        )
    )
    added = added * profiles.equivalent_width[:, None]  # in units of the continuum
    noise = hosts.noise[:, None] * np.sqrt(added) * rng.standard_normal(flux.shape)
    return flux + hosts.continuum[:, None] * added + noise


def _gaussians(
    wavelength: NDArray[np.float64],
    line: float,
    velocity: NDArray[np.float64],
    fwhm: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Give the mean over each pixel of Gaussians of area 1 Å, shape (n, n_wavelengths)."""
    centre = line * (1 + velocity / SPEED_OF_LIGHT)
    sigma = line * fwhm / SPEED_OF_LIGHT * FWHM_TO_SIGMA
    middle = (wavelength[1:] + wavelength[:-1]) / 2
    first, last = 2 * wavelength[0] - middle[0], 2 * wavelength[-1] - middle[-1]
    edges = np.concatenate([[first], middle, [last]])
    below = ndtr((edges[None] - centre[:, None]) / sigma[:, None])
    return np.diff(below, axis=1) / np.diff(edges)
