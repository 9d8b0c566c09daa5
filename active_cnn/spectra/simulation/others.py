"""Sources that are not the stars the survey is after: galaxies, quasars, supernovae, band stars."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from active_cnn.spectra.simulation import lines
from active_cnn.spectra.wavelength import SPEED_OF_LIGHT


def log_uniform(rng: np.random.Generator, low: float, high: float, n: int) -> NDArray[np.float64]:
    """Numbers between two limits, evenly spread in the logarithm, shape (n,)."""
    return np.exp(rng.uniform(np.log(low), np.log(high), n))


def remove_lines(sources: NDArray[np.void], rows: NDArray[np.intp]) -> None:
    """Leave nothing but the continuum of these rows."""
    for name in ("balmer_core", "balmer_wing"):
        sources[name][rows, 0] = 0
    sources["helium"][rows] = 0
    sources["opacity"][rows] = 0


def _elsewhere(n: int, rng: np.random.Generator, gap: float) -> NDArray[np.float64]:
    """Wavelengths in and about the window that keep `gap` Å off Hα."""
    red = rng.random(n) < 0.72
    return np.where(
        red,
        rng.uniform(lines.HALPHA + gap, 6760, n),
        rng.uniform(6490, lines.HALPHA - gap, n),
    )


def add_galaxies(
    sources: NDArray[np.void], rows: NDArray[np.intp], rng: np.random.Generator
) -> None:
    """Redshifted emission or absorption lines on the bumpy light of many stars."""
    n = len(rows)
    remove_lines(sources, rows)
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
    height = np.where(emitting, log_uniform(rng, 0.15, 12, n), -rng.uniform(0.1, 0.45, n))
    sigma = np.where(emitting, rng.uniform(0.8, 3.5, n), rng.uniform(3, 10, n))
    sources["feature"][rows, 0] = np.column_stack([observed, sigma, height])
    companions = np.array(lines.GALAXY_EMISSION)
    for slot, offset in ((1, 1), (2, 2), (3, -1), (4, -2)):
        # The neighbours in the list share the redshift; what falls outside the window is harmless.
        index = np.searchsorted(companions, rest - 1) + offset
        valid = emitting & (index >= 0) & (index < len(companions))
        other = companions[np.clip(index, 0, len(companions) - 1)] * stretch
        strength = np.where(valid, height * log_uniform(rng, 0.1, 1.0, n), 0)
        sources["feature"][rows, slot] = np.column_stack([other, sigma, strength])


def add_quasars(
    sources: NDArray[np.void], rows: NDArray[np.intp], rng: np.random.Generator
) -> None:
    """A broad line that redshift has brought about the window, often with narrow ones."""
    n = len(rows)
    remove_lines(sources, rows)
    observed = rng.uniform(6380, 6880, n)
    broad = rng.uniform(18, 90, n)
    height = log_uniform(rng, 0.08, 2.0, n)
    sources["feature"][rows, 0] = np.column_stack([observed, broad, height])
    narrow = rng.random(n) < 0.3
    sources["feature"][rows, 1] = np.column_stack(
        [_elsewhere(n, rng, 10.0), rng.uniform(2, 7, n), narrow * log_uniform(rng, 0.1, 3, n)]
    )
    trough = rng.random(n) < 0.2
    sources["feature"][rows, 2] = np.column_stack(
        [observed - rng.uniform(15, 90, n), rng.uniform(3, 25, n), trough * rng.uniform(-0.5, 0, n)]
    )


def add_supernovae(
    sources: NDArray[np.void], rows: NDArray[np.intp], rng: np.random.Generator
) -> None:
    """P Cygni profiles of gas at thousands of km/s: Hα, but of no star that is sought."""
    n = len(rows)
    remove_lines(sources, rows)
    # Of those nearby, so that Hα is still in the window.
    velocity = log_uniform(rng, 1200, 9000, n)
    width = lines.HALPHA * velocity / SPEED_OF_LIGHT / 2.2
    peak = lines.HALPHA * (1 + rng.uniform(0.001, 0.012, n)) + rng.uniform(-0.3, 0.6, n) * width
    height = log_uniform(rng, 0.2, 3, n)
    sources["feature"][rows, 0] = np.column_stack([peak, width, height])
    sources["feature"][rows, 1] = np.column_stack(
        [peak - rng.uniform(1.6, 2.8, n) * width, 0.7 * width, -rng.uniform(0.0, 0.45, n)]
    )
    for slot in (2, 3):
        sources["feature"][rows, slot] = np.column_stack(
            [rng.uniform(6600, 6740, n), rng.uniform(6, 18, n), height * rng.normal(0, 0.12, n)]
        )


def add_bands(sources: NDArray[np.void], rows: NDArray[np.intp], rng: np.random.Generator) -> None:
    """Carbon stars, brown dwarfs, hot carbon-rich stars: broad bands with no Hα among them."""
    sources["balmer_core"][rows, 0] = 0
    for slot in range(3):
        sources["feature"][rows, slot] = np.column_stack(
            [
                rng.uniform(6490, 6760, len(rows)),
                rng.uniform(8, 40, len(rows)),
                rng.normal(0, 0.25, len(rows)),
            ]
        )
