"""Power sampling: a draw in proportion to the score, instead of the highest scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from active_cnn.query.selection import select

# Those that nobody would ask about outweigh the others by their number: drawn is among the highest
# scores only, 20 000 in a survey of four million, and ten times the batch at least.
PREFILTERED = 0.005
FEWEST_BATCHES = 10
POWER = 1.0  # β: 0 draws uniformly, ∞ takes the highest scores


def power_sample(
    scores: NDArray[np.floating], size: int, rng: np.random.Generator, power: float = POWER
) -> NDArray[np.int64]:
    """Draw without replacement among the highest scores, in proportion to their power β.

    The top `size` of ln s + G / β with G from Gumbel(0, 1) are such a draw.

    Parameters
    ----------
    scores : ndarray, shape (n_spectra,)
        Not negative.
    size : int
        How many to draw.
    rng : numpy.random.Generator
        Draws.
    power : float
        β, above 0.

    Returns
    -------
    ndarray of int, shape (size,)
        Positions, in the order in which they were drawn.

    References
    ----------
    Kirsch et al. (2023), TMLR, arXiv:2106.12059, sections 4 and 5; Kool, van Hoof & Welling
    (2019), ICML, PMLR 97, 3499, for the Gumbel top-k trick.
    """
    n = max(FEWEST_BATCHES * size, round(PREFILTERED * len(scores)))
    some = select(scores, min(n, len(scores)), rng)
    with np.errstate(divide="ignore"):
        logs = np.log(scores[some].astype(float))
    # Scores of 0 come after all others, in an order drawn too.
    logs = np.maximum(logs, -700.0)
    return some[select(logs + rng.gumbel(size=len(some)) / power, size, rng)]
