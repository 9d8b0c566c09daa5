"""Kinds of sources that are known by what they absorb: stars, and those that are sought.

Each function draws n sources of one kind, without S/N, from a random generator.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from active_cnn.spectra.simulation.cases.opacity import COLUMN, HALF_WIDTHS, LITHIUM
from active_cnn.spectra.simulation.cases.sources import (
    N_FEATURES,
    add_line,
    draw_stars,
    draw_temperatures,
)
from active_cnn.spectra.simulation.others import log_uniform

Sources = NDArray[np.void]
Random = np.random.Generator

# How weak and how strong what is sought may be; by it the cases are as hard as they are.
SWAN_DEPTHS = (0.12, 1.6)  # optical depth of C2 5165
LITHIUM_WIDTHS = (0.27, 0.8)  # Å


def star(n: int, rng: Random) -> Sources:
    """Any star of the Galaxy; its carbon and lithium vary below what is sought."""
    sources = draw_stars(n, rng)
    _add_lithium(sources, rng.exponential(0.015, n), rng)
    return sources


def m_star(n: int, rng: Random) -> Sources:
    """M dwarfs and giants: bands of TiO, where carbon stars have those of C2."""
    return draw_stars(n, rng, draw_temperatures(n, rng, "M"))


def metal_rich_star(n: int, rng: Random) -> Sources:
    """G and K stars rich in metals: Mg b, CH and CN as strong as they get without C2."""
    sources = draw_stars(
        n, rng, rng.uniform(3900, 5300, n), metallicity=np.clip(rng.normal(0.3, 0.12, n), 0, 0.6)
    )
    for name in ("carbon_hydride", "cyanogen_blue", "cyanogen_red"):
        sources["strength"][:, COLUMN[name]] *= rng.uniform(1.0, 2.2, n)
    # Fe I 6707.4 is blended with what little lithium there is.
    _add_lithium(sources, rng.exponential(0.02, n), rng)
    return sources


def giant(n: int, rng: Random) -> Sources:
    """K giants with the lithium that most have: next to none, and Fe I 6707.4 beside it."""
    sources = draw_stars(n, rng, rng.uniform(3900, 5200, n), rng.uniform(0.8, 3.0, n))
    _add_lithium(sources, np.minimum(rng.exponential(0.02, n), 0.06), rng)
    return sources


def badly_calibrated_star(n: int, rng: Random) -> Sources:
    """Stars whose flux calibration failed: arms that do not meet, waves, wrong slopes."""
    sources = star(n, rng)
    sources["distortion"] = rng.uniform(0.15, 0.5, n)
    return sources


def reddened_star(n: int, rng: Random) -> Sources:
    """Stars behind much dust, red as carbon stars are."""
    sources = star(n, rng)
    sources["extinction"] = rng.uniform(2, 6, n)
    return sources


def white_dwarf(n: int, rng: Random) -> Sources:
    """White dwarfs: very broad Balmer absorption on a blue continuum; some show helium alone."""
    temperature = log_uniform(rng, 7000, 35_000, n)
    sources = draw_stars(n, rng, temperature, np.full(n, 8.0), np.zeros(n))
    sources["strength"] = 0
    depth = np.interp(temperature, [7000, 12_000, 35_000], [0.15, 0.6, 0.25])
    is_hydrogen = rng.random(n) < 0.85
    depth = depth * rng.uniform(0.7, 1.1, n) * is_hydrogen
    sources["strength"][:, COLUMN[f"balmer_{HALF_WIDTHS[2]:g}"]] = depth
    helium = np.where(is_hydrogen, 0, rng.uniform(0, 6, n))
    sources["strength"][:, COLUMN["helium_i"]] = helium
    sources["vsini"] = np.where(is_hydrogen, 100, 800)
    sources["extinction"] *= 0.2
    return sources


def _add_lithium(sources: Sources, width: NDArray, rng: Random) -> None:
    add_line(sources, N_FEATURES - 1, LITHIUM, rng.uniform(28, 34, len(sources)), 0, -width)


def lithium_giant(n: int, rng: Random) -> Sources:
    """G and K giants with Li I 6708 of `LITHIUM_WIDTHS`."""
    sources = draw_stars(n, rng, rng.uniform(3950, 5300, n), rng.uniform(0.8, 3.2, n))
    _add_lithium(sources, log_uniform(rng, *LITHIUM_WIDTHS, n), rng)
    return sources


def carbon_star(n: int, rng: Random) -> Sources:
    """Carbon stars of types R, N and CH: C2 from hardly visible to black, little or no TiO."""
    is_cool = rng.random(n) < 0.45
    temperature = np.where(is_cool, rng.uniform(2700, 3900, n), rng.uniform(3900, 5300, n))
    is_dwarf = rng.random(n) < 0.1
    gravity = np.where(is_dwarf, rng.normal(4.7, 0.1, n), rng.uniform(0.0, 2.8, n))
    metallicity = np.where(is_cool, rng.normal(-0.2, 0.2, n), rng.uniform(-1.8, 0.0, n))
    sources = draw_stars(n, rng, temperature, gravity, metallicity)
    strength = sources["strength"]
    swan = log_uniform(rng, *SWAN_DEPTHS, n)
    strength[:, COLUMN["swan"]] = swan
    nitrogen = np.exp(rng.normal(0, 0.5, n))
    strength[:, COLUMN["cyanogen_red"]] += 0.45 * swan * nitrogen
    strength[:, COLUMN["cyanogen_blue"]] += 1.2 * swan * nitrogen
    strength[:, COLUMN["carbon_hydride"]] += 1.5 * swan * rng.uniform(0.3, 1.2, n)
    # What oxygen there is is bound in CO.
    for name in ("titanium_oxide", "vanadium_oxide"):
        strength[:, COLUMN[name]] *= np.exp(-swan / 0.05)
    sources["extinction"] = rng.exponential(0.7, n)
    return sources
