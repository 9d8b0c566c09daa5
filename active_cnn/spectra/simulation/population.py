"""Which sources a survey meets: their kinds, temperatures, velocities, lines and strengths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_cnn.spectra.simulation import lines
from active_cnn.spectra.simulation.stars import (
    N_DISC_TABLES,
    Kind,
    no_sources,
)

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
        Kind.STAR: 0.77,
        Kind.WHITE_DWARF: 0.02,
        Kind.GALAXY: 0.05,
        Kind.QUASAR: 0.03,
        Kind.SUPERNOVA: 0.02,
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
_POOL_TYPES = {"O": 0.002, "B": 0.02, "A": 0.10, "F": 0.27, "G": 0.31, "K": 0.21, "M": 0.088}
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
    """

    kinds: Mapping[str, Mapping[Kind, float]]
    types: Mapping[str, float]
    median_snr: float
    snr_spread: float

    def choose_kinds(self, label: str, n: int, rng: np.random.Generator) -> NDArray[np.int8]:
        """Draw kinds of sources with this label, shape (n,)."""
        shares = self.kinds[label]
        weights = np.array(list(shares.values()))
        return rng.choice(np.array(list(shares), dtype=np.int8), n, p=weights / weights.sum())


POOL = Population(_POOL_KINDS, _POOL_TYPES, median_snr=28, snr_spread=0.95)
TRAINING = Population(_TRAINING_KINDS, _TRAINING_TYPES, median_snr=32, snr_spread=1.05)

# Knots of temperature (K): Hα's equivalent width (Å), the share of it in the wings and their half
# width (Å); strength of iron-like and low-excitation lines, and of TiO, against the Sun's.
_KNOTS = np.array(
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
_HELIUM_KNOTS = np.array(
    [(10_500, 0.0), (13_000, 0.15), (20_000, 0.75), (30_000, 0.8), (45_000, 0.3)]
).T
SNR_RANGE = (2.0, 200.0)
_WING_AREA = 2.396  # ∫ (1 + x²)^−1.25 dx


def _log_uniform(
    rng: np.random.Generator, low: float, high: float, n: int
) -> NDArray[np.float64]:
    return np.exp(rng.uniform(np.log(low), np.log(high), n))


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
        temperature[rows] = _log_uniform(rng, low, high, int(rows.sum()))
    return temperature


def _photospheres(sources: NDArray[np.void], rng: np.random.Generator) -> None:
    n = len(sources)
    temperature = sources["temperature"].astype(np.float64)
    width, share, half, iron, low, titanium = (
        np.interp(temperature, _KNOTS[0], knot) for knot in _KNOTS[1:]
    )
    evolved = rng.random(n) < np.where(temperature < 5300, 0.5, 0.2)
    metals = 10 ** np.minimum(rng.normal(-0.12, 0.22, n), 0.35)
    # Fast rotation is a privilege of stars hotter than the Sun.
    fastest = np.interp(temperature, [5000, 6200, 7500, 30_000], [8, 25, 220, 300])
    vsini = fastest * np.sqrt(rng.random(n))
    sources["vsini"] = vsini

    width = width * np.exp(rng.normal(0, 0.14, n)) * np.where(evolved, 0.85, 1.0)
    half = half * np.exp(rng.normal(0, 0.12, n)) * np.where(evolved, 0.65, 1.0)
    broadening = lines.HALPHA * vsini / lines.SPEED_OF_LIGHT / 2
    sources["balmer_wing"][:, 1] = np.hypot(half, broadening)
    sources["balmer_wing"][:, 0] = np.minimum(
        width * share / (_WING_AREA * sources["balmer_wing"][:, 1]), 0.6
    )
    sigma = np.hypot(rng.uniform(0.5, 0.85, n), broadening)
    sources["balmer_core"][:, 1] = sigma
    sources["balmer_core"][:, 0] = np.minimum(
        width * (1 - share) / (np.sqrt(2 * np.pi) * sigma), 0.75
    )
    sources["helium"] = np.interp(temperature, *_HELIUM_KNOTS) * rng.uniform(0.5, 1.4, n)

    opacity = sources["opacity"]
    opacity[:, 0] = iron * metals**0.6
    opacity[:, 1] = low * metals**0.6 * np.where(evolved, 1.3, 1.0) * rng.uniform(0.6, 1.3, n)
    opacity[:, 2] = titanium * rng.uniform(0.6, 1.4, n)
    opacity[:, 3] = np.where(evolved, 0.2, 0.8) * titanium * rng.uniform(0.4, 1.6, n)
    mixture = rng.exponential(1.0, (n, lines.N_HAZES))
    opacity[:, 4:] = 0.12 * (iron + 0.6 * low)[:, None] * mixture

    x = 14_388e4 / (6620.0 * temperature)
    planck = x / -np.expm1(-x) - 5
    sources["slope"] = planck + rng.normal(0, 1.6, n)


def _velocities(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Disc stars, and a tenth of halo stars that move by hundreds of km/s."""
    halo = rng.random(n) < 0.08
    return np.clip(rng.normal(0, np.where(halo, 150, 32), n), -500, 500)


def _bare(sources: NDArray[np.void], rows: NDArray[np.intp]) -> None:
    for name in ("balmer_core", "balmer_wing"):
        sources[name][rows, 0] = 0
    sources["helium"][rows] = 0
    sources["opacity"][rows] = 0


def _veil_photosphere(
    sources: NDArray[np.void], rows: NDArray[np.intp], share: NDArray[np.float64]
) -> None:
    for name in ("balmer_core", "balmer_wing"):
        sources[name][rows, 0] *= share
    sources["opacity"][rows] *= share[:, None]


def _elsewhere(n: int, rng: np.random.Generator, gap: float) -> NDArray[np.float64]:
    """Wavelengths in and about the window that keep `gap` Å off Hα."""
    red = rng.random(n) < 0.72
    return np.where(
        red,
        rng.uniform(lines.HALPHA + gap, 6760, n),
        rng.uniform(6490, lines.HALPHA - gap, n),
    )


def _galaxies(sources: NDArray[np.void], rows: NDArray[np.intp], rng: np.random.Generator) -> None:
    n = len(rows)
    _bare(sources, rows)
    # Stars of all types, smeared by their motions, leave a bumpy continuum.
    sources["opacity"][rows, 4:] = rng.exponential(0.15, (n, lines.N_HAZES))
    sources["curvature"][rows] += rng.normal(0, 0.05, n)
    emitting = rng.random(n) < 0.6
    rest = np.where(
        emitting,
        rng.choice(lines.GALAXY_EMISSION, n),
        rng.choice(lines.GALAXY_ABSORPTION, n),
    )
    observed = _elsewhere(n, rng, 9.0)
    # Hα itself is never blueshifted by expansion, and no galaxy of the survey is nearer than this.
    near = rest > 6500
    observed[near] = rest[near] * (1 + rng.uniform(0.0025, 0.03, int(near.sum())))
    stretch = observed / rest
    height = np.where(emitting, _log_uniform(rng, 0.15, 12, n), -rng.uniform(0.1, 0.45, n))
    sigma = np.where(emitting, rng.uniform(0.8, 3.5, n), rng.uniform(3, 10, n))
    sources["feature"][rows, 0] = np.column_stack([observed, sigma, height])
    companions = np.array(lines.GALAXY_EMISSION)
    for slot, offset in ((1, 1), (2, 2), (3, -1), (4, -2)):
        # The neighbours in the list share the redshift; what falls outside the window is harmless.
        index = np.searchsorted(companions, rest - 1) + offset
        valid = emitting & (index >= 0) & (index < len(companions))
        other = companions[np.clip(index, 0, len(companions) - 1)] * stretch
        strength = np.where(valid, height * _log_uniform(rng, 0.1, 1.0, n), 0)
        sources["feature"][rows, slot] = np.column_stack([other, sigma, strength])


def _quasars(sources: NDArray[np.void], rows: NDArray[np.intp], rng: np.random.Generator) -> None:
    n = len(rows)
    _bare(sources, rows)
    observed = rng.uniform(6380, 6880, n)
    broad = rng.uniform(18, 90, n)
    height = _log_uniform(rng, 0.08, 2.0, n)
    sources["feature"][rows, 0] = np.column_stack([observed, broad, height])
    narrow = rng.random(n) < 0.3
    sources["feature"][rows, 1] = np.column_stack(
        [_elsewhere(n, rng, 10.0), rng.uniform(2, 7, n), narrow * _log_uniform(rng, 0.1, 3, n)]
    )
    trough = rng.random(n) < 0.2
    sources["feature"][rows, 2] = np.column_stack(
        [observed - rng.uniform(15, 90, n), rng.uniform(3, 25, n), trough * rng.uniform(-0.5, 0, n)]
    )


def _supernovae(
    sources: NDArray[np.void], rows: NDArray[np.intp], rng: np.random.Generator
) -> None:
    n = len(rows)
    _bare(sources, rows)
    width = rng.uniform(10, 45, n)
    peak = lines.HALPHA + rng.uniform(8, 60, n)
    height = _log_uniform(rng, 0.2, 3, n)
    sources["feature"][rows, 0] = np.column_stack([peak, width, height])
    sources["feature"][rows, 1] = np.column_stack(
        [peak - rng.uniform(1.8, 2.8, n) * width, 0.7 * width, -rng.uniform(0.1, 0.45, n)]
    )
    for slot in (2, 3):
        sources["feature"][rows, slot] = np.column_stack(
            [rng.uniform(6600, 6740, n), rng.uniform(6, 18, n), height * rng.normal(0, 0.12, n)]
        )


def _nebular_lines(
    sources: NDArray[np.void], rows: NDArray[np.intp], rng: np.random.Generator
) -> None:
    n = len(rows)
    sigma = np.full(n, 0.7)
    height = sources["strength"][rows] / (np.sqrt(2 * np.pi) * sigma)
    stretch = 1 + (sources["rv"] + sources["line_velocity"])[rows] / lines.SPEED_OF_LIGHT
    nitrogen = height * _log_uniform(rng, 0.02, 1.6, n)
    sulphur = height * _log_uniform(rng, 0.02, 0.6, n)
    density = rng.uniform(0.5, 1.4, n)
    for slot, (rest, flux) in enumerate(
        zip(
            (*lines.NII, *lines.SII),
            (nitrogen / 3.05, nitrogen, sulphur * density, sulphur),
            strict=True,
        )
    ):
        sources["feature"][rows, slot] = np.column_stack([rest * stretch, sigma, flux])


def _emission_lines(
    sources: NDArray[np.void], rng: np.random.Generator, *, is_double: bool
) -> None:
    """Give every row an Hα emission line as its kind has them."""
    n = len(sources)
    kinds = sources["kind"]

    def rows_of(*some: Kind) -> NDArray[np.intp]:
        return np.flatnonzero(np.isin(kinds, some))

    sources["disc_table"] = rng.integers(0, N_DISC_TABLES, n)
    sources["line_velocity"] = rng.normal(0, 12, n)
    sources["asymmetry"] = np.clip(rng.normal(0, 0.16, n), -0.6, 0.6)
    sources["strength"] = _log_uniform(rng, 0.6, 60, n)
    sources["disc"] = rng.uniform(0.5, 1.0, n)
    sources["sigma"] = rng.uniform(50, 120, n)
    sources["disc_velocity"] = rng.uniform(30, 105, n)
    winged = rng.random(n) < 0.4
    sources["wings"] = np.column_stack(
        [winged * rng.uniform(0, 0.35, n), rng.uniform(250, 700, n)]
    )
    if is_double:
        sources["disc_velocity"] = rng.uniform(95, 300, n)
        sources["disc"] = rng.uniform(0.85, 1.0, n)
        sources["strength"] = _log_uniform(rng, 1.5, 45, n)

    rows = rows_of(Kind.BE, Kind.SHELL)
    sources["helium_emission"][rows] = rng.uniform(0, 0.12, len(rows)) * (
        rng.random(len(rows)) < 0.6
    )
    # Emission weaker than the photospheric line sits inside it.
    faint = rows[rng.random(len(rows)) < 0.3]
    sources["strength"][faint] = _log_uniform(rng, 0.5, 5, len(faint))
    rows = rows_of(Kind.SHELL)
    sources["shell"][rows] = np.column_stack(
        [
            rng.uniform(0.3, 0.95, len(rows)),
            rng.normal(0, 15, len(rows)),
            rng.uniform(25, 75, len(rows)),
        ]
    )
    rows = rows_of(Kind.DME)
    sources["strength"][rows] = _log_uniform(rng, 0.8, 14, len(rows))
    rows = rows_of(Kind.DME, Kind.NEBULA)
    sources["disc"][rows] = 0
    sources["wings"][rows, 0] = 0
    sources["sigma"][rows] = rng.uniform(15, 40, len(rows))
    rows = rows_of(Kind.NEBULA)
    sources["strength"][rows] = _log_uniform(rng, 0.8, 200, len(rows))
    sources["line_velocity"][rows] = rng.normal(0, 45, len(rows))
    _nebular_lines(sources, rows, rng)
    rows = rows_of(Kind.T_TAURI)
    sources["strength"][rows] = _log_uniform(rng, 1.0, 90, len(rows))
    sources["sigma"][rows] = rng.uniform(45, 170, len(rows))
    _veil_photosphere(sources, rows, rng.uniform(0.2, 1.0, len(rows)))
    rows = rows_of(Kind.SYMBIOTIC)
    sources["sigma"][rows] = rng.uniform(40, 130, len(rows))
    sources["strength"][rows] = _log_uniform(rng, 1.0, 60, len(rows))
    _veil_photosphere(sources, rows, rng.uniform(0.2, 1.2, len(rows)))
    rows = rows_of(Kind.P_CYGNI)
    sources["disc"][rows] = 0
    sources["sigma"][rows] = rng.uniform(50, 200, len(rows))
    sources["strength"][rows] = _log_uniform(rng, 1.0, 40, len(rows))
    sources["shell"][rows] = np.column_stack(
        [
            rng.uniform(0.05, 0.8, len(rows)),
            -rng.uniform(90, 400, len(rows)),
            rng.uniform(35, 120, len(rows)),
        ]
    )
    rows = rows_of(Kind.WOLF_RAYET)
    _bare(sources, rows)
    sources["disc"][rows] = 0
    sources["sigma"][rows] = rng.uniform(220, 950, len(rows))
    sources["line_velocity"][rows] = rng.normal(-40, 120, len(rows))
    sources["strength"][rows] = _log_uniform(rng, 8, 250, len(rows))
    sources["helium_emission"][rows] = rng.uniform(0, 0.4, len(rows))
    sources["feature"][rows, 4] = np.column_stack(
        [rng.uniform(6575, 6600, len(rows)), rng.uniform(3, 12, len(rows)), rng.normal(0, 0.05, len(rows))]
    )
    rows = rows_of(Kind.BINARY)
    fast = rng.uniform(220, 600, len(rows)) if is_double else rng.uniform(60, 130, len(rows))
    sources["disc_velocity"][rows] = fast
    sources["strength"][rows] = _log_uniform(rng, 4, 80, len(rows))
    _veil_photosphere(sources, rows, rng.uniform(0.0, 0.9, len(rows)))


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
    sources["rv"] = _velocities(n, rng)
    _photospheres(sources, rng)
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
    _galaxies(sources, rows_of(Kind.GALAXY), rng)
    _quasars(sources, rows_of(Kind.QUASAR), rng)
    _supernovae(sources, rows_of(Kind.SUPERNOVA), rng)
    _bare(sources, rows_of(Kind.FEATURELESS))
    rows = rows_of(Kind.BAND_STAR)
    # Carbon stars, brown dwarfs and hot carbon-rich stars: broad bands with no Hα among them.
    sources["balmer_core"][rows, 0] = 0
    for slot in range(3):
        sources["feature"][rows, slot] = np.column_stack(
            [
                rng.uniform(6490, 6760, len(rows)),
                rng.uniform(8, 40, len(rows)),
                rng.normal(0, 0.25, len(rows)),
            ]
        )
    if label != "absorption":
        _emission_lines(sources, rng, is_double=label == "double-peak")
    return sources
