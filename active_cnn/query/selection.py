"""Taking the highest of millions of scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import AcquisitionError
from active_cnn.wording import one_or_many

OPEN = "spectra that have not been answered"


def select(scores: NDArray[np.floating], size: int, rng: np.random.Generator) -> NDArray[np.int64]:
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
    refuse_size(size, len(scores))
    # Only what reaches the lowest accepted score has to be sorted.
    threshold = np.partition(scores, len(scores) - size)[len(scores) - size]
    reached = np.flatnonzero(scores >= threshold)
    tie_break = rng.permutation(len(reached))
    return reached[np.lexsort((tie_break, -scores[reached]))[:size]]


def refuse_size(size: int, n: int, what: str = OPEN) -> None:
    """Refuse to ask about more spectra than there are, or about none.

    Raises
    ------
    AcquisitionError
        If `size` is not from 1 to `n`.
    """
    if not 0 < size <= n:
        raise AcquisitionError(
            f"Cannot ask about {size} {one_or_many(size, 'spectrum', 'spectra')}: "
            f"{one_or_many(n, 'there is', 'there are')} {n} {what}. "
            "Ask for fewer, or choose another strategy."
        )
