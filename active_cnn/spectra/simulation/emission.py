"""Hα emission as discs, winds, active dwarfs, nebulae and interacting binaries have it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from active_cnn.spectra.simulation import lines
from active_cnn.spectra.simulation.others import log_uniform, remove_lines
from active_cnn.spectra.simulation.stars import N_DISC_TABLES, Kind
from active_cnn.spectra.wavelength import SPEED_OF_LIGHT


def _veil(sources: NDArray[np.void], rows: NDArray[np.intp], share: NDArray[np.float64]) -> None:
    for name in ("balmer_core", "balmer_wing"):
        sources[name][rows, 0] *= share
    sources["opacity"][rows] *= share[:, None]


def _add_nebular_lines(
    sources: NDArray[np.void], rows: NDArray[np.intp], rng: np.random.Generator
) -> None:
    n = len(rows)
    sigma = np.full(n, 0.7)
    height = sources["strength"][rows] / (np.sqrt(2 * np.pi) * sigma)
    stretch = 1 + (sources["rv"] + sources["line_velocity"])[rows] / SPEED_OF_LIGHT
    nitrogen = height * log_uniform(rng, 0.02, 1.6, n)
    sulphur = height * log_uniform(rng, 0.02, 0.6, n)
    density = rng.uniform(0.5, 1.4, n)
    for slot, (rest, flux) in enumerate(
        zip(
            (*lines.NII, *lines.SII),
            (nitrogen / 3.05, nitrogen, sulphur * density, sulphur),
            strict=True,
        )
    ):
        sources["feature"][rows, slot] = np.column_stack([rest * stretch, sigma, flux])


def add_emission(sources: NDArray[np.void], rng: np.random.Generator, *, is_double: bool) -> None:
    """Give every row an Hα emission line as its kind has them."""
    n = len(sources)
    kinds = sources["kind"]

    def rows_of(*some: Kind) -> NDArray[np.intp]:
        return np.flatnonzero(np.isin(kinds, some))

    sources["disc_table"] = rng.integers(0, N_DISC_TABLES, n)
    sources["line_velocity"] = rng.normal(0, 12, n)
    sources["asymmetry"] = np.clip(rng.normal(0, 0.16, n), -0.6, 0.6)
    sources["strength"] = log_uniform(rng, 0.6, 60, n)
    sources["disc"] = rng.uniform(0.5, 1.0, n)
    sources["sigma"] = rng.uniform(50, 120, n)
    sources["disc_velocity"] = rng.uniform(30, 105, n)
    winged = rng.random(n) < 0.4
    sources["wings"] = np.column_stack([winged * rng.uniform(0, 0.35, n), rng.uniform(250, 700, n)])
    if is_double:
        sources["disc_velocity"] = rng.uniform(95, 300, n)
        sources["disc"] = rng.uniform(0.85, 1.0, n)
        sources["strength"] = log_uniform(rng, 1.5, 45, n)

    rows = rows_of(Kind.BE, Kind.SHELL)
    sources["helium_emission"][rows] = rng.uniform(0, 0.12, len(rows)) * (
        rng.random(len(rows)) < 0.6
    )
    # Emission weaker than the photospheric line sits inside it.
    faint = rows[rng.random(len(rows)) < 0.3]
    sources["strength"][faint] = log_uniform(rng, 0.5, 5, len(faint))
    rows = rows_of(Kind.SHELL)
    sources["shell"][rows] = np.column_stack(
        [
            rng.uniform(0.3, 0.95, len(rows)),
            rng.normal(0, 15, len(rows)),
            rng.uniform(25, 75, len(rows)),
        ]
    )
    rows = rows_of(Kind.DME)
    sources["strength"][rows] = log_uniform(rng, 0.8, 14, len(rows))
    rows = rows_of(Kind.DME, Kind.NEBULA)
    sources["disc"][rows] = 0
    sources["wings"][rows, 0] = 0
    sources["sigma"][rows] = rng.uniform(15, 40, len(rows))
    rows = rows_of(Kind.NEBULA)
    sources["strength"][rows] = log_uniform(rng, 0.8, 200, len(rows))
    sources["line_velocity"][rows] = rng.normal(0, 45, len(rows))
    _add_nebular_lines(sources, rows, rng)
    rows = rows_of(Kind.T_TAURI)
    sources["strength"][rows] = log_uniform(rng, 1.0, 90, len(rows))
    sources["sigma"][rows] = rng.uniform(45, 170, len(rows))
    _veil(sources, rows, rng.uniform(0.2, 1.0, len(rows)))
    rows = rows_of(Kind.SYMBIOTIC)
    sources["sigma"][rows] = rng.uniform(40, 130, len(rows))
    sources["strength"][rows] = log_uniform(rng, 1.0, 60, len(rows))
    _veil(sources, rows, rng.uniform(0.2, 1.2, len(rows)))
    rows = rows_of(Kind.P_CYGNI)
    sources["disc"][rows] = 0
    sources["sigma"][rows] = rng.uniform(50, 200, len(rows))
    sources["strength"][rows] = log_uniform(rng, 1.0, 40, len(rows))
    sources["shell"][rows] = np.column_stack(
        [
            rng.uniform(0.05, 0.8, len(rows)),
            -rng.uniform(90, 400, len(rows)),
            rng.uniform(35, 120, len(rows)),
        ]
    )
    rows = rows_of(Kind.WOLF_RAYET)
    remove_lines(sources, rows)
    sources["disc"][rows] = 0
    sources["sigma"][rows] = rng.uniform(220, 950, len(rows))
    sources["line_velocity"][rows] = rng.normal(-40, 120, len(rows))
    sources["strength"][rows] = log_uniform(rng, 8, 250, len(rows))
    sources["helium_emission"][rows] = rng.uniform(0, 0.4, len(rows))
    sources["feature"][rows, 4] = np.column_stack(
        [
            rng.uniform(6575, 6600, len(rows)),
            rng.uniform(3, 12, len(rows)),
            rng.normal(0, 0.05, len(rows)),
        ]
    )
    rows = rows_of(Kind.BINARY)
    fast = rng.uniform(220, 600, len(rows)) if is_double else rng.uniform(60, 130, len(rows))
    sources["disc_velocity"][rows] = fast
    sources["strength"][rows] = log_uniform(rng, 4, 80, len(rows))
    _veil(sources, rows, rng.uniform(0.0, 0.9, len(rows)))
