"""What any simulated survey says of its spectra, whatever is sought in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from active_cnn.grid import Grid


@dataclass(frozen=True, eq=False)
class Labelled:
    """Windows of a training archive; every part has n_spectra values.

    Parameters
    ----------
    labels : list of str
        Names of the campaign's answers.
    windows : ndarray, shape (n_spectra, grid.n)
        On the grid, in counts.
    is_target : ndarray of bool
        Whether a spectrum is what is sought.
    """

    labels: list[str]
    windows: NDArray[np.floating]
    is_target: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Observed:
    """Spectra of a pool; every part has n_spectra values.

    Parameters
    ----------
    sources : structured ndarray
        What was drawn, in the terms of the survey's own simulator.
    first_visit : ndarray of int
        Row of the first spectrum of the same star: its own but for further visits.
    pixels : ndarray of int, shape (n_pixels,)
        Which of LAMOST's pixels were simulated.
    flux : ndarray, shape (n_spectra, n_pixels)
        There, in counts.
    windows : ndarray, shape (n_spectra, grid.n)
        On the grid, in counts.
    snr : ndarray
        Signal-to-noise ratio in r.
    is_target : ndarray of bool
        Whether a spectrum is what is sought.
    truth : mapping of str to (str, sequence)
        Columns of the truth: how a value is formatted, and the values.
    """

    sources: NDArray[np.void]
    first_visit: NDArray[np.intp]
    pixels: NDArray[np.int64]
    flux: NDArray[np.floating]
    windows: NDArray[np.floating]
    snr: NDArray[np.floating]
    is_target: NDArray[np.bool_]
    truth: Mapping[str, tuple[str, Sequence[Any]]]


class Sky(Protocol):
    """A simulator of spectra whose kinds are given as codes of its own."""

    @property
    def grid(self) -> Grid:
        """The window."""

    @property
    def truth_columns(self) -> tuple[str, ...]:
        """Names of what `Observed.truth` tells."""

    def simulate_training(self, code: NDArray[np.integer], rng: np.random.Generator) -> Labelled:
        """Simulate labelled spectra of these kinds."""

    def simulate_pool(
        self,
        code: NDArray[np.integer],
        first_visit: NDArray[np.intp],
        rng: np.random.Generator,
    ) -> Observed:
        """Simulate spectra of the pool; those of a star are of one kind."""

    def classify(self, observed: Observed, rng: np.random.Generator) -> NDArray[np.intp]:
        """Say what the survey's pipeline would of each source, as indices into `CLASSES`."""

    def continue_beyond(
        self, observed: Observed, rows: NDArray[np.intp], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Give whole spectra of some rows, and their noise, each (n_rows, whole.N_PIXELS)."""
