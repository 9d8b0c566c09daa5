"""More like these: the spectra nearest to some others, by what the network sees in them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import AcquisitionError
from active_cnn.query.scored import Choice, Features, Scored
from active_cnn.query.selection import refuse_size, select

NAME = "similar"
BLOCK = 65_536  # rows of the pool at a time
# Confirmed spectra that the others are compared with; more of them add little and cost time.
MOST_EXAMPLES = 200


def similarity(
    features: Features, examples: NDArray[np.float32], n_pool: int
) -> NDArray[np.float32]:
    """Give how near each spectrum of the pool is to the nearest example.

    Every spectrum is compared with every example; nothing is approximated.

    Parameters
    ----------
    features : Features
        Of the pool.
    examples : ndarray of float32, shape (n_examples, n_features)
        Vectors of length 1.
    n_pool : int
        Rows of the pool.

    Returns
    -------
    ndarray of float32, shape (n_pool,)
        The cosine of the angle, from −1 to 1.
    """
    nearest = np.empty(n_pool, dtype=np.float32)
    for rows, block in features.chunks(BLOCK):
        nearest[rows] = (block @ examples.T).max(axis=1)
    return nearest


def similar(scored: Scored, rows: NDArray[np.int64], size: int, rng: np.random.Generator) -> Choice:
    """Nearest to the confirmed targets, whatever the network predicts them to be.

    References
    ----------
    Coleman et al. (2022), AAAI, 36, 6402, arXiv:2007.00077 (similarity search for rare classes).
    """
    refuse_size(size, len(rows))
    features = scored.need_features(NAME)
    examples = scored.confirmed
    if not len(examples):
        raise AcquisitionError(
            f"The strategy {NAME!r} looks for spectra like the confirmed targets, and none has "
            "been confirmed in the pool yet. Choose another strategy for the first round."
        )
    if len(examples) > MOST_EXAMPLES:
        examples = np.sort(rng.choice(examples, MOST_EXAMPLES, replace=False))
    scores = similarity(features, features.take(examples), len(scored.probabilities))[rows]
    chosen = select(scores, size, rng)
    return Choice.by(NAME, rows[chosen], scores[chosen])
