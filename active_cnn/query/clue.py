"""CLUE: spectra that are uncertain and unlike each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr, softmax
from sklearn.cluster import KMeans

from active_cnn.query.scored import Choice, Scored
from active_cnn.query.selection import refuse_size, select
from active_cnn.query.uncertainty import entropy

NAME = "clue"
PREFILTERED = 20_000
TEMPERATURE = 0.3
_SMALLEST = 1e-7  # as a float32 softmax has it


def clue(scored: Scored, rows: NDArray[np.int64], size: int, rng: np.random.Generator) -> Choice:
    """Uncertain spectra of every kind: one from each cluster of the network's features.

    The most uncertain spectra are parted by k-means, weighted by their uncertainty; of each
    cluster the spectrum next to its centre is asked about.

    References
    ----------
    Prabhu, Chandrasekaran, Saenko & Hoffman (2021), ICCV, arXiv:2010.08666, section 3.2.
    """
    refuse_size(size, len(rows))
    features = scored.need_features(NAME)
    uncertainty = entropy(scored, rows)
    some = select(uncertainty, max(size, min(PREFILTERED, len(rows))), rng)
    some = rng.permutation(some)
    logits = np.log(scored.probabilities[rows[some]].clip(_SMALLEST))
    weights = entr(softmax(logits / TEMPERATURE, axis=1)).sum(axis=1) + _SMALLEST
    vectors = features.take(rows[some])
    found = KMeans(size, n_init=1, max_iter=50, random_state=int(rng.integers(2**31)), tol=1e-3)
    distance = found.fit_transform(vectors, sample_weight=weights)
    nearest = _next_to_centres(distance)
    nearest = nearest[np.argsort(-uncertainty[some[nearest]], kind="stable")]
    return Choice.by(NAME, rows[some[nearest]], uncertainty[some[nearest]])


def _next_to_centres(distance: NDArray[np.floating]) -> NDArray[np.int64]:
    # A spectrum that is next to two centres is taken for the first one.
    is_free = np.ones(len(distance), dtype=bool)
    chosen = []
    for column in distance.T:
        place = int(np.where(is_free, column, np.inf).argmin())
        is_free[place] = False
        chosen.append(place)
    return np.array(chosen, dtype=np.int64)
