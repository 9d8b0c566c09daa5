"""Lines of known strength and shape, planted into spectra of the pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from active_cnn.errors import SpectrumError
from active_cnn.grid import WHOLE
from active_cnn.search import Sign, TargetLine
from active_cnn.spectra.noise import pixel_noise
from active_cnn.spectra.rule import place_bands
from active_cnn.spectra.wavelength import SPEED_OF_LIGHT

FWHM_TO_SIGMA = 1 / np.sqrt(8 * np.log(2))

SINGLE, DOUBLE, DIP, MIXED = "emission", "double-peak", "absorption", "both"

BLUE_SHARE = (0.35, 0.65)
VELOCITY = 60.0  # km/s, standard deviation

DEEPEST = 0.9  # of the continuum: no absorption line goes further down at such resolving powers

# No line can be observed narrower than the spectrograph sees it, two pixels at best.
NARROWEST = 2.0

HALF_BAND = 4.0  # Å on either side of the line, which the continuum is measured outside of
LOWEST_DIP = -0.5  # of the continuum: spectra that fall below have lost their zero


@dataclass(frozen=True, eq=False)
class Profiles:
    """Lines, each an array of shape (n_profiles,); every line of a search gets the same.

    Parameters
    ----------
    is_double : ndarray of bool
        Two Gaussians instead of one.
    is_emission : ndarray of bool
        What a line does that can be either.
    equivalent_width : ndarray
        Of all that is added or taken away, in angstrom; positive for both.
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
    is_emission: NDArray[np.bool_]
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


def draw_profiles(n: int, step: float, rng: np.random.Generator, line: TargetLine) -> Profiles:
    """Draw lines; of what can be double or not, and emission or not, every other one is.

    Parameters
    ----------
    n : int
        How many.
    step : float
        Width of a pixel in km/s: nothing narrower than two of them is drawn.
    rng : numpy.random.Generator
    line : TargetLine
        With the ranges that are drawn from.

    Returns
    -------
    Profiles
        Equivalent widths, widths and separations are uniform in their logarithms. Of a double
        line each Gaussian is narrower than the separation, so that there are two peaks; no
        absorption line is deeper than `DEEPEST`.
    """
    is_odd = np.arange(n) % 2 == 1
    is_double = is_odd & (line.separation is not None)
    is_emission = (line.sign is Sign.EMISSION) | ((line.sign is Sign.EITHER) & is_odd)
    is_emission = np.broadcast_to(is_emission, n)
    narrowest = max(line.fwhm[0], NARROWEST * step)
    apart = line.separation or line.fwhm
    separation = np.where(
        is_double,
        _log_uniform(max(apart[0], 1.2 * narrowest), max(apart[1], 1.2 * narrowest), n, rng),
        0.0,
    )
    widest = np.where(is_double, np.minimum(separation / 1.1, line.fwhm[1]), line.fwhm[1])
    strength = rng.random(n)
    fwhm = _log_uniform(narrowest, np.maximum(widest, narrowest), n, rng)
    low, high = line.widths
    area = np.sqrt(2 * np.pi) * FWHM_TO_SIGMA * fwhm / SPEED_OF_LIGHT * line.wavelength
    highest = np.where(is_emission, high, np.clip(DEEPEST * area, low, high))
    return Profiles(
        is_double=is_double,
        is_emission=is_emission,
        equivalent_width=low * (highest / low) ** strength,
        fwhm=fwhm,
        separation=separation,
        blue_share=np.where(is_double, rng.uniform(*BLUE_SHARE, n), 1.0),
        velocity=rng.normal(0, VELOCITY, n),
    )


def _log_uniform(
    low: float, high: float | NDArray[np.float64], n: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    return low * (high / low) ** rng.random(n)


def measure_hosts(
    flux: NDArray[np.floating],
    wavelength: NDArray[np.float64],
    line: float,
    parts: Sequence[slice] = WHOLE,
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
    parts : sequence of slice
        Where each window stands, see `Grid.parts`; by default there is one.

    Raises
    ------
    SpectrumError
        If the grid does not hold the line with continuum on both sides.
    """
    bands = place_bands(wavelength, (line - HALF_BAND, line + HALF_BAND), parts)
    beside = np.concatenate([flux[:, bands.left], flux[:, bands.right]], axis=1)
    continuum = np.median(beside, axis=1).astype(float)
    noise = pixel_noise(flux[:, bands.left], flux[:, bands.right]).astype(float)
    lowest = flux.min(axis=1)
    can_host = (noise > 0) & (continuum > noise) & (lowest > LOWEST_DIP * continuum)
    return Hosts(continuum, noise, can_host)


def plant(
    flux: NDArray[np.floating],
    wavelength: NDArray[np.float64],
    lines: Sequence[TargetLine],
    profiles: Profiles,
    rng: np.random.Generator,
    parts: Sequence[slice] = WHOLE,
) -> NDArray[np.float64]:
    """Plant the lines of a search into each spectrum, with the photon noise that goes with them.

    Parameters
    ----------
    flux : ndarray, shape (n_spectra, n_wavelengths)
        Of spectra that can host a line, not rescaled; it stays as it is.
    wavelength : ndarray, shape (n_wavelengths,)
        Their increasing vacuum wavelengths in angstrom.
    lines : sequence of TargetLine
        Each gets the profile of its spectrum.
    profiles : Profiles
        One for each spectrum.
    rng : numpy.random.Generator
        Of the noise.
    parts : sequence of slice
        Where each window stands, see `Grid.parts`; by default there is one.

    Returns
    -------
    ndarray, shape (n_spectra, n_wavelengths)

    Raises
    ------
    SpectrumError
        If there is not one profile for each spectrum, or one of them cannot host a line.

    Notes
    -----
    Gaussians are integrated over the pixels, which keeps the equivalent width. The noise of the
    continuum is taken for that of its photons: light that doubles the flux adds noise of the same
    variance, and of a share (1 − a) of the photons √(1 − a) of the noise is left.
    """
    for line in lines:
        flux = _plant(flux, wavelength, line, profiles, rng, parts)
    return np.asarray(flux, dtype=np.float64)


def _plant(
    flux: NDArray[np.floating],
    wavelength: NDArray[np.float64],
    line: TargetLine,
    profiles: Profiles,
    rng: np.random.Generator,
    parts: Sequence[slice],
) -> NDArray[np.float64]:
    hosts = measure_hosts(flux, wavelength, line.wavelength, parts)
    if len(flux) != len(profiles) or not hosts.can_host.all():
        n_bad = int((~hosts.can_host).sum())
        raise SpectrumError(
            f"{len(profiles)} lines cannot be planted into {len(flux)} spectra, of which {n_bad} "
            "have no continuum: give one line for each spectrum that can host one."
        )
    half = profiles.separation / 2
    windows = [
        sum(
            share[:, None]
            * _gaussians(
                wavelength[part], line.wavelength, profiles.velocity + shift, profiles.fwhm
            )
            for share, shift in (
                (profiles.blue_share, -half),
                (1 - profiles.blue_share, half),
            )
        )
        for part in parts
    ]
    added = np.concatenate(windows, axis=1)
    added = added * profiles.equivalent_width[:, None]  # in units of the continuum
    # What is left of the noise itself where light is taken away is less than it would be.
    is_emission = profiles.is_emission if line.sign is Sign.EITHER else line.sign is Sign.EMISSION
    rises = np.broadcast_to(is_emission, len(flux))[:, None]
    taken = np.where(rises, 0.0, added.clip(max=1.0))
    variance = np.where(rises, added, taken * (1 - taken))
    noise = hosts.noise[:, None] * np.sqrt(variance) * rng.standard_normal(flux.shape)
    return flux * (1 - taken) + np.where(rises, hosts.continuum[:, None] * added, 0.0) + noise


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
