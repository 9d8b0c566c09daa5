"""The light of stars and other sources around Hα, before any instrument.

`draw` gives sources as rows of a structured array, `render` their flux in units of the continuum.
The profiles are parametric: good for teaching a classifier, not for measuring a star.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from active_cnn.spectra.simulation.lines import (
    HALPHA,
    HELIUM,
    SPECIES,
    opacities,
)
from active_cnn.spectra.wavelength import SPEED_OF_LIGHT

N_FEATURES = 6

# Half width of the range of radial velocities that the opacities are tabulated for (km/s).
FASTEST = 900.0


class Kind(IntEnum):
    """What a source is; the truth tells it in words (`Kind.name`)."""

    STAR = 0
    WHITE_DWARF = 1
    GALAXY = 2
    QUASAR = 3
    SUPERNOVA = 4
    FEATURELESS = 5
    BE = 6
    SHELL = 7
    DME = 8
    T_TAURI = 9
    NEBULA = 10
    P_CYGNI = 11
    WOLF_RAYET = 12
    SYMBIOTIC = 13
    BINARY = 14
    BAND_STAR = 15


SOURCE = np.dtype(
    [
        ("kind", "i1"),
        ("snr", "f4"),  # in the pool's terms, see instruments.SCATTER
        ("temperature", "f4"),  # K
        ("rv", "f4"),  # km/s, of the star
        ("vsini", "f4"),  # km/s
        ("slope", "f4"),  # d ln flux / d ln wavelength
        ("curvature", "f4"),  # at the ends of the window, of the continuum
        ("ripple", "f4", 3),  # amplitude, cycles per 200 Å, phase
        ("balmer_core", "f4", 2),  # depth and sigma in Å
        ("balmer_wing", "f4", 2),  # depth and half width in Å
        ("balmer_limit", "f4"),  # depth that a saturated or rotating core flattens to
        ("helium", "f4"),  # equivalent width of He I 6678 in Å
        ("opacity", "f4", len(SPECIES)),  # strength of each species
        ("strength", "f4"),  # equivalent width of the Hα emission in Å
        ("line_velocity", "f4"),  # km/s, of the emission against the star
        ("disc", "f4"),  # share of the disc profile in the emission, the rest is a Gaussian
        ("disc_table", "i1"),
        ("disc_velocity", "f4"),  # km/s, projected, at the outer edge
        ("asymmetry", "f4"),  # V/R: positive = red peak higher
        ("sigma", "f4"),  # km/s, of the Gaussian
        ("wings", "f4", 2),  # share and sigma in km/s of the electron-scattering wings
        ("shell", "f4", 3),  # depth, velocity and sigma in km/s of the absorption in front
        ("helium_emission", "f4"),  # share of the Hα emission
        ("feature", "f4", (N_FEATURES, 3)),  # wavelength, sigma (Å), height in continua
    ]
)


class Light(NamedTuple):
    """Rendered sources, each array of shape (n_sources, n_pixels).

    `flux` is in units of the flux at Hα; `quiet` is the same without Hα's emission.
    """

    flux: NDArray[np.floating]
    quiet: NDArray[np.floating]


@cache
def disc_profiles() -> tuple[NDArray[np.float32], float, int]:
    """Line profiles of Keplerian discs, table over (inner radius × emissivity).

    Returns
    -------
    profiles : ndarray of float32, shape (n_profiles, n_velocities)
        Unit area over the velocity in units of the projected velocity of the outer edge.
    step, centre
        Step of that velocity, and the index of velocity zero.

    References
    ----------
    Smak (1981), Acta Astronomica, 31, 395, eq. 8.
    """
    step, reach = 0.05, 9.0
    centre = round(reach / step)
    velocity = step * np.arange(-centre, centre + 1)
    turbulence = np.exp(-0.5 * (velocity / 0.18) ** 2)
    turbulence /= turbulence.sum()
    profiles = []
    for inner in (0.03, 0.08, 0.16, 0.3):
        for index in (1.5, 2.0, 2.5):
            radius = np.linspace(inner, 1, 400)
            # The integrand diverges where the ring turns over: keep off it by a small constant.
            ring = 1 - (velocity[:, None] ** 2) * radius
            integrand = np.where(ring > 0, radius ** (1.5 - index) / np.sqrt(abs(ring) + 1e-2), 0)
            profile = np.convolve(integrand.mean(axis=1), turbulence, mode="same")
            profiles.append(profile / (profile.sum() * step))
    return np.array(profiles, dtype=np.float32), step, centre


N_DISC_TABLES = 12


def _gaussian(
    x: NDArray[np.float32], centre: NDArray[np.float32], sigma: NDArray[np.float32]
) -> NDArray[np.float32]:
    z = (x - centre[:, None]) * (np.float32(1) / sigma)[:, None]
    z *= z
    z *= np.float32(-0.5)
    return np.exp(z, out=z)


def _rotation(
    x: NDArray[np.float32], centre: NDArray[np.float32], width: NDArray[np.float32]
) -> NDArray[np.float32]:
    # Gray (2005), eq. 18.14, limb darkening 0.6; unit area over x.
    z = np.clip(1 - ((x - centre[:, None]) / width[:, None]) ** 2, 0, None)
    return (2 * 0.4 * np.sqrt(z) + 0.5 * np.pi * 0.6 * z) / (np.pi * width[:, None] * (1 - 0.6 / 3))


def _opacity(sources: NDArray[np.void], wavelength: NDArray[np.float64]) -> NDArray[np.float32]:
    # Tabulated four times finer than the wavelengths, so that a shift is a choice of columns.
    log_wavelength = np.log(wavelength)
    step = (log_wavelength[-1] - log_wavelength[0]) / (len(wavelength) - 1) / 4
    margin = int(np.ceil(FASTEST / SPEED_OF_LIGHT / step))
    start = log_wavelength[0] - margin * step
    n = 4 * (len(wavelength) - 1) + 1 + 2 * margin
    table = sources["opacity"] @ opacities(float(start), float(step), n)
    pixel = np.round((log_wavelength - start) / step).astype(np.int64)
    shift = np.round(np.log1p(sources["rv"].astype(np.float64) / SPEED_OF_LIGHT) / step)
    columns = np.clip(pixel - shift[:, None].astype(np.int64), 0, n - 1)
    return np.take_along_axis(table, columns, axis=1)


def _photosphere(sources: NDArray[np.void], wavelength: NDArray[np.float64]) -> NDArray[np.float32]:
    x = (wavelength - HALPHA).astype(np.float32)
    redshift = 1 + sources["rv"] / np.float32(SPEED_OF_LIGHT)
    flux = _opacity(sources, wavelength)
    np.negative(flux, out=flux)
    np.exp(flux, out=flux)
    lined = np.flatnonzero(sources["balmer_core"][:, 0] + sources["balmer_wing"][:, 0] > 0)
    if len(lined):
        some = sources[lined]
        centre = (HALPHA * (redshift[lined] - 1)).astype(np.float32)
        depth = _gaussian(x, centre, some["balmer_core"][:, 1])
        depth *= some["balmer_core"][:, :1]
        wing = (x - centre[:, None]) / some["balmer_wing"][:, 1:]
        wing *= wing
        wing += 1
        # The Stark profile falls as |Δλ|^−2.5; z^−1.25 by square roots is faster than a power.
        wing *= np.sqrt(np.sqrt(wing))
        depth += some["balmer_wing"][:, :1] / wing
        flat = depth / some["balmer_limit"][:, None]
        flat *= flat
        flat *= flat
        flat += 1
        depth /= np.sqrt(np.sqrt(flat))
        flux[lined] *= 1 - np.minimum(depth, 0.97)
    hot = np.flatnonzero(sources["helium"] > 0)
    if len(hot):
        some = sources[hot]
        centre = (HELIUM * redshift[hot] - HALPHA).astype(np.float32)
        width = np.hypot(HELIUM * some["vsini"] / np.float32(SPEED_OF_LIGHT), 1.2)
        depth = some["helium"][:, None] * _rotation(x, centre, width.astype(np.float32))
        flux[hot] *= 1 - np.minimum(depth, 0.7)
    return flux


def _emission(
    sources: NDArray[np.void], wavelength: NDArray[np.float64], rest: float
) -> NDArray[np.float32]:
    """Profile of unit equivalent width in Å."""
    velocity = _doppler(wavelength, rest) - (sources["rv"] + sources["line_velocity"])[:, None]
    zero = np.zeros(len(sources), dtype=np.float32)

    def gaussian(sigma: NDArray[np.float32]) -> NDArray[np.float32]:
        return _gaussian(velocity, zero, sigma) / (sigma * np.float32(np.sqrt(2 * np.pi)))[:, None]

    profiles, step, centre = disc_profiles()
    outer = sources["disc_velocity"][:, None]
    scaled = velocity / outer
    index = np.clip(scaled / step + centre, 0, profiles.shape[1] - 1.001)
    low = index.astype(np.int64)
    table = sources["disc_table"].astype(np.int64)[:, None]
    part = index - low
    disc = (1 - part) * profiles[table, low] + part * profiles[table, low + 1]
    disc *= (1 + sources["asymmetry"][:, None] * np.tanh(2 * scaled)) / outer
    profile = sources["disc"][:, None] * disc
    profile += (1 - sources["disc"])[:, None] * gaussian(sources["sigma"])
    wings = sources["wings"]
    profile = (1 - wings[:, :1]) * profile + wings[:, :1] * gaussian(wings[:, 1])
    return (profile * np.float32(SPEED_OF_LIGHT / rest)).astype(np.float32)


def _doppler(wavelength: NDArray[np.float64], rest: float) -> NDArray[np.float32]:
    return ((wavelength / rest - 1) * SPEED_OF_LIGHT).astype(np.float32)


def _continuum(sources: NDArray[np.void], wavelength: NDArray[np.float64]) -> NDArray[np.float32]:
    t = ((wavelength - HALPHA) / 100).astype(np.float32)
    flux = np.outer(sources["slope"] * np.float32(100 / HALPHA), t)
    flux += np.outer(sources["curvature"], t * t)
    ripple = sources["ripple"]
    flux += ripple[:, :1] * np.sin(np.pi * ripple[:, 1:2] * t + ripple[:, 2:])
    return np.exp(flux, out=flux)


def render(sources: NDArray[np.void], wavelength: NDArray[np.float64]) -> Light:
    """Render sources at perfect resolution.

    Parameters
    ----------
    sources : structured ndarray of dtype `SOURCE`, shape (n_sources,)
        What `draw` gave.
    wavelength : ndarray, shape (n_pixels,)
        Vacuum wavelengths in angstrom, evenly spaced in the logarithm or nearly so.

    Returns
    -------
    Light
        Flux with and without the Hα emission, shape (n_sources, n_pixels).
    """
    quiet = _photosphere(sources, wavelength)
    for slot in range(N_FEATURES):
        wide = np.flatnonzero(sources["feature"][:, slot, 2])
        if len(wide):
            centre, sigma, height = sources["feature"][wide, slot].T
            x = wavelength.astype(np.float32)
            quiet[wide] += height[:, None] * _gaussian(x, centre, sigma)
    flux = quiet
    lit = np.flatnonzero(sources["strength"] > 0)
    if len(lit):
        some = sources[lit]
        emission = _emission(some, wavelength, HALPHA)
        helium = np.flatnonzero(some["helium_emission"] > 0)
        emission *= some["strength"][:, None]
        bright = quiet[lit] + emission
        if len(helium):
            extra = _emission(some[helium], wavelength, HELIUM)
            extra *= (some["strength"] * some["helium_emission"])[helium][:, None]
            bright[helium] += extra
        shell = some["shell"]
        velocity = _doppler(wavelength, HALPHA)
        veil = _gaussian(velocity, some["rv"] + shell[:, 1], np.maximum(shell[:, 2], 1))
        bright *= 1 - shell[:, :1] * veil
        flux = quiet.copy()
        flux[lit] = bright
    continuum = _continuum(sources, wavelength)
    # Only an absorption line that is deeper than the continuum could be negative.
    quiet = np.maximum(quiet, 0.01) * continuum
    flux = quiet if not len(lit) else np.maximum(flux, 0.01) * continuum
    return Light(flux, quiet)


def no_sources(n: int) -> NDArray[np.void]:
    """Rows of `SOURCE` without any feature, with widths that divide safely."""
    sources = np.zeros(n, dtype=SOURCE)
    sources["balmer_core"][:, 1] = 1
    sources["balmer_wing"][:, 1] = 5
    sources["balmer_limit"] = 1
    sources["disc_velocity"] = 100
    sources["sigma"] = 80
    sources["wings"][:, 1] = 500
    sources["feature"][:, :, 1] = 1
    return sources
