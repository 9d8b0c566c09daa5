"""Which sources a survey meets: their kinds, temperatures, velocities, lines and strengths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_cnn.spectra.simulation import lines, others
from active_cnn.spectra.simulation.emission import add_emission
from active_cnn.spectra.simulation.stars import (
    Kind,
    no_sources,
)
from active_cnn.spectra.wavelength import SPEED_OF_LIGHT

# Shares of the kinds within a label, and of the spectral types among ordinary stars. The pool is
# what LAMOST observes; the training archive holds more of what is rare there, as an archive of
# labelled examples should.
_POOL_KINDS: dict[str, dict[Kind, float]] = {
    "absorption": {
        Kind.STAR: 0.915,
        Kind.WHITE_DWARF: 0.005,
        Kind.GALAXY: 0.014,
        Kind.QUASAR: 0.006,
        Kind.SUPERNOVA: 0.0005,
        Kind.FEATURELESS: 0.05,
        Kind.BAND_STAR: 0.0095,
    },
    "emission": {
        Kind.BE: 0.36,
        Kind.SHELL: 0.03,
        Kind.DME: 0.22,
        Kind.T_TAURI: 0.14,
        Kind.NEBULA: 0.13,
        Kind.P_CYGNI: 0.03,
        Kind.WOLF_RAYET: 0.02,
        Kind.SYMBIOTIC: 0.05,
        Kind.BINARY: 0.02,
    },
    "double-peak": {Kind.BE: 0.6, Kind.SHELL: 0.25, Kind.BINARY: 0.1, Kind.T_TAURI: 0.05},
}
_TRAINING_KINDS: dict[str, dict[Kind, float]] = {
    "absorption": {
        Kind.STAR: 0.76,
        Kind.WHITE_DWARF: 0.02,
        Kind.GALAXY: 0.05,
        Kind.QUASAR: 0.03,
        Kind.SUPERNOVA: 0.03,
        Kind.FEATURELESS: 0.07,
        Kind.BAND_STAR: 0.04,
    },
    "emission": {
        Kind.BE: 0.34,
        Kind.SHELL: 0.03,
        Kind.DME: 0.16,
        Kind.T_TAURI: 0.14,
        Kind.NEBULA: 0.12,
        Kind.P_CYGNI: 0.07,
        Kind.WOLF_RAYET: 0.05,
        Kind.SYMBIOTIC: 0.07,
        Kind.BINARY: 0.02,
    },
    "double-peak": {Kind.BE: 0.58, Kind.SHELL: 0.26, Kind.BINARY: 0.1, Kind.T_TAURI: 0.06},
}
# Spectral type: (hottest, coolest) effective temperature in K.
TYPES = {
    "O": (45_000, 30_000),
    "B": (30_000, 10_000),
    "A": (10_000, 7400),
    "F": (7400, 6000),
    "G": (6000, 5250),
    "K": (5250, 3900),
    "M": (3900, 2600),
}
POOL_TYPES = {"O": 0.002, "B": 0.02, "A": 0.10, "F": 0.27, "G": 0.31, "K": 0.21, "M": 0.088}
_TRAINING_TYPES = {"O": 0.03, "B": 0.15, "A": 0.17, "F": 0.16, "G": 0.16, "K": 0.18, "M": 0.15}


@dataclass(frozen=True)
class Population:
    """The mixture of sources that a survey meets.

    Parameters
    ----------
    kinds : mapping
        For each label the shares of the kinds.
    types : mapping
        Shares of the spectral types among ordinary stars.
    median_snr, snr_spread : float
        Of the log-normal distribution of the S/N in r, cut to 2-200.
    halo : float
        Share of halo stars: fast, and poor in metals.
    """

    kinds: Mapping[str, Mapping[Kind, float]]
    types: Mapping[str, float]
    median_snr: float
    snr_spread: float
    halo: float

    def choose_kinds(self, label: str, n: int, rng: np.random.Generator) -> NDArray[np.int8]:
        """Draw kinds of sources with this label, shape (n,)."""
        shares = self.kinds[label]
        weights = np.array(list(shares.values()))
        return rng.choice(np.array(list(shares), dtype=np.int8), n, p=weights / weights.sum())


POOL = Population(_POOL_KINDS, POOL_TYPES, median_snr=28, snr_spread=0.95, halo=0.08)
TRAINING = Population(_TRAINING_KINDS, _TRAINING_TYPES, median_snr=32, snr_spread=1.05, halo=0.2)

# Knots of temperature (K): Hα's equivalent width (Å), the share of it in the wings and their half
# width (Å); strength of iron-like and low-excitation lines, and of TiO, against the Sun's.
KNOTS = np.array(
    [
        (2400, 0.02, 0.0, 3.0, 1.5, 6.0, 2.4),
        (3000, 0.08, 0.0, 3.0, 2.0, 8.0, 1.2),
        (3400, 0.20, 0.0, 3.0, 2.3, 9.0, 0.60),
        (3700, 0.45, 0.0, 3.0, 2.5, 8.5, 0.32),
        (3900, 0.65, 0.0, 3.0, 2.5, 8.0, 0.17),
        (4200, 0.85, 0.05, 3.0, 2.3, 6.5, 0.06),
        (4600, 1.05, 0.15, 3.0, 2.0, 4.5, 0.01),
        (5000, 1.40, 0.30, 3.0, 1.6, 2.8, 0.0),
        (5500, 2.10, 0.48, 3.5, 1.2, 1.4, 0.0),
        (5800, 2.80, 0.55, 4.0, 1.0, 1.0, 0.0),
        (6500, 4.00, 0.66, 4.5, 0.65, 0.4, 0.0),
        (7200, 5.80, 0.75, 5.5, 0.40, 0.15, 0.0),
        (8500, 9.50, 0.86, 8.0, 0.15, 0.02, 0.0),
        (9700, 10.5, 0.88, 8.5, 0.06, 0.0, 0.0),
        (12_000, 8.0, 0.86, 7.0, 0.02, 0.0, 0.0),
        (16_000, 5.5, 0.80, 5.5, 0.0, 0.0, 0.0),
        (22_000, 4.0, 0.70, 4.5, 0.0, 0.0, 0.0),
        (32_000, 2.8, 0.50, 4.0, 0.0, 0.0, 0.0),
        (45_000, 2.2, 0.40, 4.0, 0.0, 0.0, 0.0),
    ]
).T
HELIUM_KNOTS = np.array(
    [(10_500, 0.0), (13_000, 0.15), (20_000, 0.75), (30_000, 0.8), (45_000, 0.3)]
).T
SNR_RANGE = (2.0, 200.0)
WING_AREA = 2.396  # ∫ (1 + x²)^−1.25 dx


def _temperatures(
    kinds: NDArray[np.int8], types: Mapping[str, float], rng: np.random.Generator
) -> NDArray[np.float64]:
    weights = np.array(list(types.values()))
    chosen = rng.choice(len(types), len(kinds), p=weights / weights.sum())
    ranges = np.array([TYPES[name] for name in types])[chosen]
    temperature = ranges[:, 1] + (ranges[:, 0] - ranges[:, 1]) * rng.random(len(kinds))
    for kind, low, high in (
        (Kind.BE, 8500, 30_000),
        (Kind.SHELL, 8500, 24_000),
        (Kind.DME, 2500, 3950),
        (Kind.T_TAURI, 3400, 6500),
        (Kind.NEBULA, 3500, 35_000),
        (Kind.P_CYGNI, 9000, 32_000),
        (Kind.WOLF_RAYET, 25_000, 45_000),
        (Kind.SYMBIOTIC, 2900, 4500),
        (Kind.BINARY, 3500, 30_000),
        (Kind.WHITE_DWARF, 8000, 30_000),
        (Kind.BAND_STAR, 2400, 3400),
    ):
        rows = kinds == kind
        temperature[rows] = others.log_uniform(rng, low, high, int(rows.sum()))
    return temperature


def _photospheres(
    sources: NDArray[np.void], is_halo: NDArray[np.bool_], rng: np.random.Generator
) -> None:
    n = len(sources)
    temperature = sources["temperature"].astype(np.float64)
    width, share, half, iron, low, titanium = (
        np.interp(temperature, KNOTS[0], knot) for knot in KNOTS[1:]
    )
    evolved = rng.random(n) < np.where(temperature < 5300, 0.5, 0.2)
    metals = 10 ** np.where(
        is_halo, rng.uniform(-2.5, -0.5, n), np.minimum(rng.normal(-0.12, 0.22, n), 0.35)
    )
    # Fast rotation is a privilege of stars hotter than the Sun.
    fastest = np.interp(temperature, [5000, 6200, 7500, 30_000], [8, 25, 220, 300])
    vsini = fastest * np.sqrt(rng.random(n))
    sources["vsini"] = vsini

    width = width * np.exp(rng.normal(0, 0.14, n)) * np.where(evolved, 0.85, 1.0)
    half = half * np.exp(rng.normal(0, 0.12, n)) * np.where(evolved, 0.65, 1.0)
    broadening = lines.HALPHA * vsini / SPEED_OF_LIGHT / 2
    sources["balmer_wing"][:, 1] = np.hypot(half, broadening)
    sources["balmer_wing"][:, 0] = np.minimum(
        width * share / (WING_AREA * sources["balmer_wing"][:, 1]), 0.6
    )
    sigma = np.hypot(rng.uniform(0.5, 0.85, n), broadening)
    sources["balmer_core"][:, 1] = sigma
    sources["balmer_core"][:, 0] = np.minimum(
        width * (1 - share) / (np.sqrt(2 * np.pi) * sigma), 0.75
    )
    flattened = temperature > 7000
    sources["balmer_limit"] = np.where(flattened, rng.uniform(0.45, 1.0, n), 1.0)
    sources["helium"] = np.interp(temperature, *HELIUM_KNOTS) * np.exp(rng.normal(0, 0.5, n))

    opacity = sources["opacity"]
    opacity[:, 0] = iron * metals**0.6
    opacity[:, 1] = low * metals**0.6 * np.where(evolved, 1.3, 1.0) * rng.uniform(0.6, 1.3, n)
    opacity[:, 2] = titanium * rng.uniform(0.6, 1.4, n)
    opacity[:, 3] = np.where(evolved, 0.2, 0.8) * titanium * rng.uniform(0.4, 1.6, n)
    mixture = rng.exponential(1.0, (n, lines.N_HAZES))
    opacity[:, 4:] = 0.12 * ((iron + 0.6 * low) * metals**0.6)[:, None] * mixture

    x = 14_388e4 / (6620.0 * temperature)
    planck = x / -np.expm1(-x) - 5
    sources["slope"] = planck + rng.normal(0, 1.6, n)


def draw(
    kinds: NDArray[np.int8],
    population: Population,
    rng: np.random.Generator,
    label: str,
) -> NDArray[np.void]:
    """Draw sources of given kinds.

    Parameters
    ----------
    kinds : ndarray of int8, shape (n_sources,)
        Values of `Kind`.
    population : Population
        Where their temperatures and S/N come from.
    rng : numpy.random.Generator
        Where every number comes from.
    label : str
        `absorption`, `emission` or `double-peak`: what lines the sources are to have.

    Returns
    -------
    structured ndarray of dtype `SOURCE`, shape (n_sources,)
    """
    n = len(kinds)
    sources = no_sources(n)
    sources["kind"] = kinds
    sources["temperature"] = _temperatures(kinds, population.types, rng)
    snr = np.exp(rng.normal(np.log(population.median_snr), population.snr_spread, n))
    snr[kinds == Kind.FEATURELESS] *= 0.35
    sources["snr"] = np.clip(snr, *SNR_RANGE)
    is_halo = rng.random(n) < population.halo
    sources["rv"] = np.clip(rng.normal(0, np.where(is_halo, 150, 32), n), -500, 500)
    _photospheres(sources, is_halo, rng)
    sources["curvature"] = rng.normal(0, 0.012, n)
    sources["ripple"] = np.column_stack(
        [rng.exponential(0.006, n), rng.uniform(1, 4, n), rng.uniform(0, 2 * np.pi, n)]
    )

    def rows_of(kind: Kind) -> NDArray[np.intp]:
        return np.flatnonzero(kinds == kind)

    rows = rows_of(Kind.WHITE_DWARF)
    sources["balmer_wing"][rows, 0] = rng.uniform(0.2, 0.5, len(rows))
    sources["balmer_wing"][rows, 1] = rng.uniform(14, 40, len(rows))
    sources["opacity"][rows] = 0
    others.add_galaxies(sources, rows_of(Kind.GALAXY), rng)
    others.add_quasars(sources, rows_of(Kind.QUASAR), rng)
    others.add_supernovae(sources, rows_of(Kind.SUPERNOVA), rng)
    others.remove_lines(sources, rows_of(Kind.FEATURELESS))
    others.add_bands(sources, rows_of(Kind.BAND_STAR), rng)
    if label != "absorption":
        add_emission(sources, rng, is_double=label == "double-peak")
    return sources
