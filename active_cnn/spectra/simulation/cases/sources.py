"""Sources of full-range spectra: what they are, and the strength of their lines that follows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from active_cnn.spectra.simulation.cases.opacity import (
    COLUMN,
    HALF_WIDTHS,
    N_HAZES,
    SPECIES,
)
from active_cnn.spectra.simulation.population import (
    HELIUM_KNOTS,
    KNOTS,
    POOL_TYPES,
    TYPES,
    WING_AREA,
)

N_FEATURES = 12
SOURCE = np.dtype(
    [
        ("temperature", "f4"),  # K
        ("gravity", "f4"),  # log10 of cm/s²
        ("metallicity", "f4"),  # [Fe/H]
        ("vsini", "f4"),  # km/s
        ("rv", "f4"),  # km/s; for galaxies too
        ("slope", "f4"),  # d ln flux / d ln wavelength, which the black body is multiplied by
        ("strength", "f4", len(SPECIES)),
        # Lines of their own: vacuum wavelength (Å), sigma and separation of two peaks (km/s),
        # equivalent width (Å, emission is positive).
        ("feature", "f4", (N_FEATURES, 4)),
        ("extinction", "f4"),  # A_V in magnitudes
        ("distortion", "f4"),  # what the flux calibration is wrong by, as a share
        ("snr", "f4"),  # in r, see instruments.SCATTER
    ]
)
# Knots of temperature (K), and there the strength of bands and strong lines in a dwarf of solar
# metallicity (those of CN: in a giant), the exponent of the metals, and the ratio giant / dwarf.
STRENGTHS = {
    "magnesium": ((3200, 2.5), (4300, 2.6), (5000, 1.7), (5800, 1.0), (6500, 0.6), (9000, 0.1)),
    "sodium": ((3000, 9.0), (3800, 5.0), (4500, 2.4), (5800, 1.0), (6800, 0.5), (9500, 0.1)),
    "calcium_hk": ((3000, 1.3), (5000, 1.2), (6500, 0.75), (7500, 0.4), (9500, 0.1), (15e3, 0.02)),
    "calcium_triplet": ((2800, 0.5), (4000, 1.1), (6000, 0.9), (7500, 0.5), (10_000, 0.1)),
    "carbon_hydride": ((3500, 0.3), (4500, 1.0), (5300, 0.9), (5900, 0.5), (6600, 0.15), (7300, 0)),
    "cyanogen_blue": ((3600, 0.4), (4600, 0.8), (5200, 0.4), (5800, 0.15), (6500, 0)),
    "cyanogen_red": ((3600, 0.10), (4600, 0.12), (5200, 0.06), (5800, 0)),
    "hydrides": ((2800, 1.1), (3500, 0.9), (4300, 0.6), (4900, 0.2), (5600, 0)),
    "vanadium_oxide": ((2400, 1.6), (2800, 0.8), (3200, 0.2), (3500, 0)),
    "paschen": ((6000, 0), (7000, 1.2), (9500, 5.0), (15_000, 3.0), (30_000, 1.5)),
}
METALS_EXPONENT = {"carbon_hydride": 0.5, "cyanogen_blue": 0.9, "cyanogen_red": 0.9}
GIANT_RATIO = {
    "magnesium": 0.6, "sodium": 0.7, "calcium_triplet": 1.5, "hydrides": 0.15,
    "carbon_hydride": 1.2,
}  # fmt: skip
DWARF_RATIO = {"cyanogen_blue": 0.2, "cyanogen_red": 0.2}
SCATTER = 0.15  # of the logarithm of an element's abundance from star to star


def draw_temperatures(n: int, rng: np.random.Generator, types: str = "OBAFGKM") -> NDArray:
    """Draw effective temperatures (K) of spectral types as a survey meets them, shape (n,)."""
    shares = np.array([POOL_TYPES[name] for name in types])
    limits = np.array([TYPES[name] for name in types])
    limits = limits[rng.choice(len(types), n, p=shares / shares.sum())]
    return limits[:, 1] + (limits[:, 0] - limits[:, 1]) * rng.random(n)


def draw_stars(
    n: int,
    rng: np.random.Generator,
    temperature: NDArray | None = None,
    gravity: NDArray | None = None,
    metallicity: NDArray | None = None,
) -> NDArray[np.void]:
    """Draw stars whose lines follow from what they are.

    Parameters
    ----------
    n : int
        How many.
    rng : numpy.random.Generator
        Where every number comes from.
    temperature, gravity, metallicity : ndarray, shape (n,), optional
        K, log10 of cm/s², [Fe/H]; by default as the disc and the halo of the Galaxy have them.

    Returns
    -------
    structured ndarray of dtype `SOURCE`, shape (n,)
        Without S/N, which is a matter of the survey.
    """
    sources = np.zeros(n, dtype=SOURCE)
    if temperature is None:
        temperature = draw_temperatures(n, rng)
    is_halo = rng.random(n) < 0.08
    if metallicity is None:
        disc = np.minimum(rng.normal(-0.15, 0.25, n), 0.45)
        metallicity = np.where(is_halo, rng.uniform(-2.5, -0.6, n), disc)
    if gravity is None:
        evolved = rng.random(n) < np.where(temperature < 5300, 0.5, 0.15)
        giant = np.clip(1.0 + (temperature - 3800) / 700 + rng.normal(0, 0.4, n), 0.2, 3.6)
        dwarf = np.interp(temperature, [3000, 5000, 6500, 10_000], [4.9, 4.6, 4.2, 4.0])
        gravity = np.where(evolved, giant, dwarf + rng.normal(0, 0.12, n))
    sources["temperature"], sources["gravity"] = temperature, gravity
    sources["metallicity"] = metallicity
    sources["rv"] = np.clip(rng.normal(0, np.where(is_halo, 150, 32), n), -500, 500)
    fastest = np.interp(temperature, [5000, 6200, 7500, 30_000], [8, 25, 220, 300])
    sources["vsini"] = fastest * np.sqrt(rng.random(n))
    sources["extinction"] = rng.exponential(0.25, n)
    sources["distortion"] = 0.05
    sources["strength"] = _strengths(sources, rng)
    return sources


def _strengths(sources: NDArray[np.void], rng: np.random.Generator) -> NDArray[np.float32]:
    n = len(sources)
    temperature = sources["temperature"].astype(np.float64)
    metals = 10 ** sources["metallicity"].astype(np.float64)
    # From 0 in a dwarf to 1 in a giant.
    giant = np.clip((4.2 - sources["gravity"]) / 2.0, 0, 1) * (temperature < 7000)
    strength = np.zeros((n, len(SPECIES)), dtype=np.float32)
    width, share, half, iron, low, titanium = (
        np.interp(temperature, KNOTS[0], knot) for knot in KNOTS[1:]
    )

    def scatter(spread: float = SCATTER) -> NDArray[np.float64]:
        return np.exp(rng.normal(0, spread, n))

    width = width * scatter(0.1)
    strength[:, COLUMN["balmer_core"]] = width * (1 - share)
    # Mixture of the tabulated wings that has the mean half width.
    half = half * np.where(temperature > 7500, 10 ** (0.15 * (sources["gravity"] - 4)), 1)
    wide = np.clip((half - HALF_WIDTHS[0]) / (HALF_WIDTHS[1] - HALF_WIDTHS[0]), 0, 1.3)
    height = width * share / (WING_AREA * half)
    strength[:, COLUMN["balmer_3"]] = height * np.maximum(1 - wide, 0)
    strength[:, COLUMN["balmer_8"]] = height * wide
    strength[:, COLUMN["helium_i"]] = np.interp(temperature, *HELIUM_KNOTS) * scatter(0.3)
    hot = np.interp(temperature, [27_000, 33_000, 45_000], [0, 0.3, 0.8])
    strength[:, COLUMN["helium_ii"]] = hot * scatter(0.3)
    strength[:, COLUMN["metals"]] = iron * metals**0.6
    strength[:, COLUMN["cool_metals"]] = low * metals**0.6 * (1 + 0.3 * giant)
    strength[:, COLUMN["titanium_oxide"]] = titanium * metals**0.3 * scatter() * (1 + 0.2 * giant)
    for name, knots in STRENGTHS.items():
        ratio = 1 + giant * (GIANT_RATIO.get(name, 1) - 1)
        ratio *= 1 + (1 - giant) * (DWARF_RATIO.get(name, 1) - 1)
        exponent = 0.0 if name == "paschen" else METALS_EXPONENT.get(name, 0.6)
        value = np.interp(temperature, *np.array(knots, dtype=float).T)
        strength[:, COLUMN[name]] = value * ratio * metals**exponent * scatter()
    mixture = rng.gamma(6, 1 / 6, (n, N_HAZES))
    blanketing = (0.75 * iron + 0.25 * np.minimum(low, 5)) * metals**0.6
    strength[:, COLUMN["haze_0"] :] = blanketing[:, None] * mixture
    return strength


def add_line(sources: NDArray[np.void], slot: int, *line: NDArray[np.floating] | float) -> None:
    """Give each source a line: the four numbers of `feature` in `SOURCE`, each one or many."""
    for column, value in enumerate(line):
        sources["feature"][:, slot, column] = value
