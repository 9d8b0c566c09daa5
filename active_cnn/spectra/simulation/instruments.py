"""What two instruments make of the light: resolution, pixels, noise, sky and defects.

`Lamost` records the pool (R ≈ 1800, vacuum, logarithmic); `Ondrejov` the training archive (R ≈
13 000, air, 0.25 Å), from where `to_pool_terms` takes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from active_cnn.grid import Grid
from active_cnn.spectra.degrading import FWHM_PER_SIGMA, degrade_pixels
from active_cnn.spectra.readers.lamost_lrs import RESOLVING_POWER
from active_cnn.spectra.simulation import lines
from active_cnn.spectra.simulation.stars import Light, render
from active_cnn.spectra.wavelength import air_to_vacuum, vacuum_to_air

# LAMOST's published signal-to-noise ratio is pessimistic: its pixels scatter by this fraction of
# 1 / SNRR. (In windows of A and F stars 0.45 is measured, after the interpolation to the grid.)
SCATTER = 0.55
# What no exposure time takes away: flat field, sky model, interpolation between pixels.
FLOOR = 0.004
# Rebinning makes neighbouring pixels share noise: weight of each neighbour, from 0 to this.
NEIGHBOUR = 0.45
# Water bands and crowded sky lines make the noise about a wavelength (Å) larger by up to this.
CROWDED = (1.8, 6540.0, 20.0)

LSF_SIGMA = lines.HALPHA / RESOLVING_POWER / FWHM_PER_SIGMA  # Å, of LAMOST at Hα

COEFF0, COEFF1 = 3.5682, 1e-4  # log10 of LAMOST's first wavelength (Å) and its step
OVERSAMPLING = 2


@dataclass(frozen=True)
class Lamost:
    """LAMOST's low-resolution red arm, restricted to the pixels around a window."""

    grid: Grid
    margin: float = 25.0  # Å kept on both sides of the window

    @cached_property
    def pixels(self) -> NDArray[np.int64]:
        """Indices of the pixels in the whole spectrum, shape (n_pixels,)."""
        ends = np.log10([self.grid.start - self.margin, self.grid.end + self.margin])
        first, last = np.round((ends - COEFF0) / COEFF1).astype(int)
        return np.arange(first, last + 1)

    @cached_property
    def wavelength(self) -> NDArray[np.float64]:
        """Vacuum wavelength of these pixels in angstrom, shape (n_pixels,)."""
        return np.power(10.0, COEFF0 + COEFF1 * self.pixels)

    @cached_property
    def _fine(self) -> NDArray[np.float64]:
        edge = 12 * OVERSAMPLING
        n = OVERSAMPLING * (len(self.pixels) - 1) + 1 + 2 * edge
        first = COEFF0 + COEFF1 * self.pixels[0] - edge * COEFF1 / OVERSAMPLING
        return 10 ** (first + COEFF1 / OVERSAMPLING * np.arange(n))

    @cached_property
    def _blur(self) -> NDArray[np.float32]:
        # (n_fine, n_pixels): the Gaussian line-spread function, sampled at the pixels.
        sigma = 1 / RESOLVING_POWER / FWHM_PER_SIGMA
        distance = np.log(self._fine[:, None] / self.wavelength[None, :]) / sigma
        blur = np.exp(-0.5 * distance**2)
        return (blur / blur.sum(axis=0)).astype(np.float32)

    def expose(self, sources: NDArray[np.void]) -> Light:
        """Noiseless flux at the pixels, with and without Hα emission."""
        light = render(sources, self._fine)
        flux = light.flux @ self._blur
        return Light(flux, flux if light.quiet is light.flux else light.quiet @ self._blur)

    @cached_property
    def _resampling(self) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        right = np.searchsorted(self.wavelength, self.grid.wavelength)
        left = right - 1
        step = self.wavelength[right] - self.wavelength[left]
        return left, (self.grid.wavelength - self.wavelength[left]) / step

    def to_window(self, flux: NDArray[np.floating]) -> NDArray[np.float64]:
        """Interpolate linearly to the grid, as `preprocessing.resample` does."""
        left, part = self._resampling
        counts = flux.astype(np.float64)
        low = counts[:, left]
        return low + part * (counts[:, left + 1] - low)


@dataclass(frozen=True)
class Ondrejov:
    """The CCD700 camera of the 2 m telescope's coudé spectrograph, around a window."""

    grid: Grid
    step: float = 0.25  # Å
    resolving_power: float = 13_000.0

    @cached_property
    def wavelength_air(self) -> NDArray[np.float64]:
        """Air wavelength of the pixels in angstrom, shape (n_pixels,)."""
        start, end = vacuum_to_air(np.array([self.grid.start - 20, self.grid.end + 20]))
        return np.arange(start, end, self.step)

    @cached_property
    def wavelength(self) -> NDArray[np.float64]:
        """Vacuum wavelength of the pixels in angstrom, shape (n_pixels,)."""
        return air_to_vacuum(self.wavelength_air)

    def expose(self, sources: NDArray[np.void]) -> Light:
        """Noiseless flux at the pixels, with and without Hα emission."""
        sigma = lines.HALPHA / self.resolving_power / FWHM_PER_SIGMA / self.step
        light = render(sources, self.wavelength)
        flux, quiet = (gaussian_filter1d(x, sigma, axis=1, mode="nearest") for x in light)
        return Light(flux, quiet)

    def to_window(self, flux: NDArray[np.floating]) -> NDArray[np.float64]:
        """Vacuum, the pool's resolution, the campaign's grid: the product's own steps."""
        return self.degrade_to(self.grid.wavelength, flux)

    def degrade_to(
        self, wavelength: NDArray[np.float64], flux: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """Degrade to the pool's resolution and interpolate linearly to other wavelengths."""
        smooth = degrade_pixels(flux)
        return np.array([np.interp(wavelength, self.wavelength, row) for row in smooth])


def draw_grain(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw noise of variance one that neighbouring pixels share, shape (n_spectra, n_pixels)."""
    n, n_pixels = shape
    white = rng.standard_normal((n, n_pixels + 2), dtype=np.float32)
    side = NEIGHBOUR * rng.random((n, 1), dtype=np.float32)
    grain = white[:, :-2] + white[:, 2:]
    grain *= side
    grain += white[:, 1:-1]
    grain /= np.sqrt(1 + 2 * side * side)
    return grain


def noise(
    wavelength: NDArray[np.float64],
    flux: NDArray[np.floating],
    snr: NDArray[np.floating],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Draw LAMOST's noise for spectra in units of their continuum.

    Parameters
    ----------
    wavelength : ndarray, shape (n_pixels,)
        Vacuum wavelengths in angstrom.
    flux : ndarray, shape (n_spectra, n_pixels)
        Noiseless flux; about one in the continuum.
    snr : ndarray, shape (n_spectra,)
        Signal-to-noise ratio in r as LAMOST's pipeline would state it.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float32, shape (n_spectra, n_pixels)
        To be added. It scatters by hypot(SCATTER / snr, FLOOR) where flux is one, more at the
        wavelengths of `CROWDED`, and neighbouring pixels are correlated.
    """
    grain = draw_grain(flux.shape, rng)
    # Where the star is faint, most of the photons are the sky's, and bright lines add little.
    sky = (20 / snr)[:, None].astype(np.float32)
    photons = (np.maximum(flux, 0).astype(np.float32) + sky) / (1 + sky)
    sigma = np.hypot(SCATTER / snr, FLOOR).astype(np.float32)[:, None]
    grain *= sigma
    grain *= np.sqrt(photons)
    most, centre, width = CROWDED
    crowd = np.exp(-0.5 * ((wavelength - centre) / width) ** 2).astype(np.float32)
    grain *= 1 + most * rng.random((len(flux), 1), dtype=np.float32) * crowd
    return grain


def sky_residuals(
    wavelength: NDArray[np.float64], snr: NDArray[np.floating], rng: np.random.Generator
) -> NDArray[np.float32]:
    """What sky subtraction leaves: bumps, and dip-and-peak pairs where a line was displaced.

    Parameters
    ----------
    wavelength : ndarray, shape (n_pixels,)
        Vacuum wavelengths in angstrom.
    snr : ndarray, shape (n_spectra,)
        Signal-to-noise ratio; the residuals grow as it falls.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float32, shape (n_spectra, n_pixels)
        To be added to flux in units of the continuum.
    """
    n = len(snr)
    bumps = lines.sky_lines(wavelength, LSF_SIGMA)
    pairs = -np.gradient(bumps, wavelength, axis=1).astype(np.float32) * np.float32(
        1.65 * LSF_SIGMA
    )
    amplitude = (SCATTER / snr * rng.exponential(0.6, n)).astype(np.float32)[:, None]
    bump = rng.standard_normal((n, len(bumps)), dtype=np.float32)
    pair = rng.standard_normal((n, len(bumps)), dtype=np.float32)
    # The nebula on which the sky fibres lie is not quite the one on which the star lies.
    nebular = (rng.random(n) < 0.3) * rng.uniform(0, 5, n)
    for block in (bump, pair):
        block[:, -lines.N_NEBULAR_SKY :] *= (1 + nebular[:, None]).astype(np.float32)
    bump[:, -lines.N_NEBULAR_SKY :] *= 0.5
    residuals = (amplitude * bump) @ bumps + (amplitude * pair) @ pairs
    return residuals.astype(np.float32, copy=False)


def water(wavelength: NDArray[np.float64], n: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Transmission of water vapour that reduction left uncorrected, shape (n, n_pixels)."""
    table = lines.telluric(wavelength, LSF_SIGMA)
    amount = rng.normal(0.15, 0.35, n).astype(np.float32)
    return np.exp(-amount[:, None] * table)


def disturb(
    wavelength: NDArray[np.float64],
    flux: NDArray[np.floating],
    snr: NDArray[np.floating],
    struck: float,
    rng: np.random.Generator,
) -> None:
    """Add in place what comes between a star and LAMOST's product: air, noise, sky and defects.

    Parameters
    ----------
    wavelength : ndarray, shape (n_pixels,)
        Vacuum wavelengths of LAMOST's pixels in angstrom.
    flux : ndarray, shape (n_spectra, n_pixels)
        In units of the continuum.
    snr : ndarray, shape (n_spectra,)
        Signal-to-noise ratio in r.
    struck : float
        Share of spectra with a cosmic ray.
    rng : numpy.random.Generator
    """
    flux *= water(wavelength, len(flux), rng)
    flux += noise(wavelength, flux, snr, rng)
    flux += sky_residuals(wavelength, snr, rng)
    add_defects(flux, struck, rng)


def add_defects(flux: NDArray[np.floating], struck: float, rng: np.random.Generator) -> None:
    """Strike some spectra in place with cosmic rays, and a quarter as many with dead pixels.

    Parameters
    ----------
    flux : ndarray, shape (n_spectra, n_pixels)
        In units of the continuum.
    struck : float
        Share of spectra with a cosmic ray.
    rng : numpy.random.Generator
    """
    n, n_pixels = flux.shape
    for row in np.flatnonzero(rng.random(n) < struck):
        for pixel in rng.integers(0, n_pixels, rng.integers(1, 3)):
            height = np.exp(rng.uniform(np.log(0.1), np.log(8)))
            flux[row, pixel] += height
            flux[row, min(pixel + 1, n_pixels - 1)] += height * rng.random() ** 2
    for row in np.flatnonzero(rng.random(n) < struck / 4):
        for pixel in rng.integers(0, n_pixels, rng.integers(1, 3)):
            flux[row, pixel : pixel + rng.integers(1, 5)] *= rng.random() ** 3
