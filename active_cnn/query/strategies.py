"""Which spectra the oracle is asked about: a registry of strategies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import AcquisitionError


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a strategy may look at, row by row of the pool.

    Parameters
    ----------
    labels : ndarray of uint8, shape (n_spectra,)
        Position of the predicted class.
    entropy : ndarray of float32, shape (n_spectra,)
        Entropy of the prediction in nats.
    targets : tuple of int
        Positions of the classes that are looked for.
    """

    labels: NDArray[np.uint8]
    entropy: NDArray[np.float32]
    targets: tuple[int, ...]

    @property
    def is_target(self) -> NDArray[np.bool_]:
        """Whether each spectrum is predicted to be what is looked for."""
        return np.isin(self.labels, self.targets)


Strategy = Callable[[Predictions, NDArray[np.int64], int, np.random.Generator], NDArray[np.int64]]


def random_target(
    predictions: Predictions, rows: NDArray[np.int64], size: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw uniformly among the predicted targets.

    References
    ----------
    Škoda, Podsztavek & Tvrdík (2020), A&A, 643, A122, section 4.
    """
    targets = rows[predictions.is_target[rows]]
    _refuse_size(size, len(targets), "predicted targets that have not been answered")
    return rng.choice(targets, size, replace=False)


def highest_entropy(
    predictions: Predictions, rows: NDArray[np.int64], size: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Take the spectra that the network is least certain of; ties are broken at random.

    References
    ----------
    Settles (2009), Active Learning Literature Survey, section 3.1; the code of Škoda,
    Podsztavek & Tvrdík (2020), A&A, 643, A122.
    """
    _refuse_size(size, len(rows), "spectra that have not been answered")
    return rows[select(predictions.entropy[rows], size, rng)]


STRATEGIES: dict[str, Strategy] = {"entropy": highest_entropy, "random-target": random_target}


def select(scores: NDArray[np.float32], size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Give the positions of the `size` highest scores, the highest first.

    Parameters
    ----------
    scores : ndarray, shape (n_spectra,)
        Finite; left unchanged.
    size : int
        How many to take.
    rng : numpy.random.Generator
        Breaks ties.

    Returns
    -------
    ndarray of int, shape (size,)

    Raises
    ------
    AcquisitionError
        If there are fewer scores than asked for.
    """
    _refuse_size(size, len(scores), "spectra that have not been answered")
    # Only what reaches the lowest accepted score has to be sorted.
    threshold = np.partition(scores, len(scores) - size)[len(scores) - size]
    reached = np.flatnonzero(scores >= threshold)
    tie_break = rng.permutation(len(reached))
    return reached[np.lexsort((tie_break, -scores[reached]))[:size]]


def _refuse_size(size: int, n: int, what: str) -> None:
    if not 0 < size <= n:
        raise AcquisitionError(
            f"Cannot ask about {size} spectra: there are {n} {what}. "
            "Ask for fewer, or choose another strategy."
        )
