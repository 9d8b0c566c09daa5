"""Kinds of sources that shine in lines: nebulae, galaxies, quasars, discs, active dwarfs.

Each function draws n sources of one kind, without S/N, from a random generator.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from active_cnn.spectra.simulation.cases.absorbers import Random, Sources, star
from active_cnn.spectra.simulation.cases.opacity import BALMER, COLUMN
from active_cnn.spectra.simulation.cases.sources import add_line, draw_stars
from active_cnn.spectra.simulation.others import log_uniform
from active_cnn.spectra.wavelength import SPEED_OF_LIGHT

# Vacuum wavelengths (Å) with strengths: of nebulae and star-forming galaxies against Hβ
# (Osterbrock & Ferland 2006), of quasars (equivalent widths in Å, Vanden Berk et al. 2001, AJ, 122,
# 549), of discs against Hβ (Warner 1995, "Cataclysmic Variable Stars").
NEBULA = (
    (6564.61, 2.9), (4862.69, 1.0), (4341.69, 0.45), (4960.30, 0.33), (5008.24, 1.0),
    (6549.86, 0.3), (6585.27, 0.9), (6718.29, 0.4), (6732.67, 0.35), (3728.8, 1.5),
)  # fmt: skip
QUASAR = (
    (1215.67, 90.0), (1549.06, 24.0), (1908.73, 21.0), (2798.75, 32.0), (4341.69, 13.0),
    (4862.69, 46.0), (5008.24, 13.0), (6564.61, 195.0),
)  # fmt: skip
DISC = (
    (6564.61, 1.4), (4862.69, 1.0), (4341.69, 0.75), (4102.90, 0.55), (3971.20, 0.4),
    (5877.25, 0.28), (6680.00, 0.16), (4472.73, 0.18), (5017.08, 0.1), (4923.30, 0.08),
)  # fmt: skip
HELIUM_II, BOWEN = 4687.02, 4645.0
# How weak and how strong Hβ of a cataclysmic variable may be; by it that case is as hard as it is.
DISC_WIDTHS = (0.6, 45.0)  # Å


def galaxy(n: int, rng: Random) -> Sources:
    """Galaxies at redshift 0.01-0.1: old stars, and in half of them gas."""
    sources = draw_stars(n, rng, rng.uniform(4400, 6200, n), rng.uniform(2, 4.5, n))
    sources["vsini"] = rng.uniform(200, 500, n)
    sources["rv"] = SPEED_OF_LIGHT * rng.uniform(0.01, 0.1, n)
    gas = log_uniform(rng, 0.5, 30, n) * (rng.random(n) < 0.5)
    add_nebula(sources, gas, rng.uniform(60, 160, n), rng)
    return sources


def nebula(n: int, rng: Random) -> Sources:
    """Stars in front of nebulae, whose narrow lines the sky fibres did not remove."""
    sources = star(n, rng)
    add_nebula(sources, log_uniform(rng, 0.5, 40, n), np.full(n, 30.0), rng)
    return sources


def add_nebula(sources: Sources, beta: NDArray, sigma: NDArray, rng: Random) -> None:
    """Add the lines of `NEBULA`; `beta` is Hβ's equivalent width (Å), `sigma` in km/s."""
    n = len(sources)
    oxygen, metals = log_uniform(rng, 0.2, 5, n), log_uniform(rng, 0.2, 1.2, n)
    for slot, (centre, share) in enumerate(NEBULA):
        own = oxygen if 4900 < centre < 5100 else metals if centre > 6500 and slot else 1.0
        add_line(sources, slot, centre, sigma, 0, beta * share * own)


def quasar(n: int, rng: Random) -> Sources:
    """Quasars: broad lines wherever redshift takes them."""
    sources = draw_stars(n, rng, np.full(n, 40_000.0), metallicity=np.zeros(n))
    sources["strength"] = 0
    sources["rv"] = 0
    sources["vsini"] = 0
    sources["slope"] = rng.normal(2.3, 0.5, n)  # against the black body's −4
    sources["extinction"] *= 0.3
    stretch = 1 + rng.uniform(0.1, 3.0, n)
    sigma = rng.uniform(900, 2600, n)
    for slot, (rest, width) in enumerate(QUASAR):
        one = 300.0 if rest == 5008.24 else sigma
        strength = width * stretch * np.exp(rng.normal(0, 0.4, n))
        add_line(sources, slot, rest * stretch, one, 0, strength)
    return sources


def add_balmer(
    sources: Sources, beta: NDArray, sigma: NDArray, separation: NDArray, decrement: NDArray
) -> None:
    """Emission in the Balmer lines; `beta` is Hβ's equivalent width, `decrement` Hα's over it."""
    for slot, (centre, _) in enumerate(BALMER[:6]):
        add_line(sources, slot, centre, sigma, separation, beta * decrement ** (1 - slot))


def be_star(n: int, rng: Random) -> Sources:
    """Be stars: discs of some 100-300 km/s, with little emission beyond Hα and Hβ."""
    sources = draw_stars(n, rng, log_uniform(rng, 9500, 30_000, n))
    speed = rng.uniform(60, 300, n)
    beta = log_uniform(rng, 0.2, 8, n)
    add_balmer(sources, beta, rng.uniform(50, 130, n), speed, rng.uniform(3, 7, n))
    return sources


def active_m_dwarf(n: int, rng: Random) -> Sources:
    """M dwarfs with narrow Balmer emission, weak against the red continuum, strong in the blue."""
    sources = draw_stars(n, rng, rng.uniform(2600, 3950, n), rng.normal(4.9, 0.1, n))
    beta = log_uniform(rng, 0.8, 20, n)
    add_balmer(sources, beta, np.full(n, 35.0), np.zeros(n), rng.uniform(0.75, 1.2, n))
    return sources


def cataclysmic_variable(n: int, rng: Random) -> Sources:
    """Cataclysmic variables in quiescence and outburst, magnetic ones too, of any inclination."""
    sources = draw_stars(n, rng, log_uniform(rng, 7000, 25_000, n), metallicity=np.zeros(n))
    strength = sources["strength"]
    strength[:] = 0
    # In outburst the disc is thick: broad absorption around the emission.
    thick = rng.uniform(0.05, 0.35, n) * (rng.random(n) < 0.25)
    strength[:, COLUMN["balmer_30"]] = thick
    # In some the donor's bands are seen, filled in by the disc.
    donor = rng.uniform(0.03, 0.2, n) * (rng.random(n) < 0.2)
    strength[:, COLUMN["titanium_oxide"]] = donor
    strength[:, COLUMN["haze_0"] :] = donor[:, None]
    fwhm = log_uniform(rng, 500, 2500, n)
    inclined = rng.random(n) < 0.45
    separation = np.where(inclined, rng.uniform(0.5, 0.7, n) * fwhm, 0)
    sigma = np.where(inclined, 0.25, 1 / 2.355) * fwhm
    beta = log_uniform(rng, *DISC_WIDTHS, n)
    is_magnetic = rng.random(n) < 0.2
    flat = rng.normal(0, 0.25, n)  # how much flatter the decrement is
    for slot, (centre, share) in enumerate(DISC):
        own = np.exp(rng.normal(0, 0.15, n)) * (centre / 4862.69) ** flat
        add_line(sources, slot, centre, sigma, separation, beta * share * own)
    high = np.where(is_magnetic, rng.uniform(0.3, 1.1, n), rng.uniform(0, 0.25, n))
    add_line(sources, len(DISC), HELIUM_II, sigma, separation, beta * high)
    add_line(sources, len(DISC) + 1, BOWEN, 1.3 * sigma, 0, beta * high * rng.uniform(0, 0.5, n))
    sources["rv"] = rng.normal(0, 120, n)
    return sources
