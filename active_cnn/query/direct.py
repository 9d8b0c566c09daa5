"""DIRECT: find where each rare class ends, then ask on both sides of that border."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from active_cnn.query.scored import Choice, Scored
from active_cnn.query.selection import refuse_size

NAME = "direct"


def direct(scored: Scored, rows: NDArray[np.int64], size: int, rng: np.random.Generator) -> Choice:
    """Both sides of the border of each rare class, where half of the answers will be finds.

    For each target class, the rarest first, spectra are sorted by how far its probability is above
    that of all others. The answers so far leave a stretch in which the border between the class
    and the rest may lie: half of the class's share is spread over that stretch, half goes
    alternately to both sides of the best border.

    References
    ----------
    Nuggehalli, Zhang, Jain & Nowak (2023), arXiv:2312.09196, algorithms 1 and 2, for batches.
    """
    refuse_size(size, len(rows))
    counts = np.bincount(
        scored.probabilities[rows].argmax(axis=1), minlength=scored.probabilities.shape[1]
    )
    classes = sorted(scored.targets, key=lambda one: (counts[one], one))
    is_free = np.zeros(len(scored.probabilities), dtype=bool)
    is_free[rows] = True
    chosen: list[Choice] = []
    for place, one in enumerate(classes):
        left = size - sum(map(len, chosen))
        share = left // (len(classes) - place)
        if share:
            found = _border_of(scored, one, np.flatnonzero(is_free), share, rng)
            is_free[found.rows] = False
            chosen.append(found)
    return Choice.of_all(chosen)


def _border_of(
    scored: Scored, one: int, rows: NDArray[np.int64], size: int, rng: np.random.Generator
) -> Choice:
    scores = one_against_rest(scored.probabilities[rows], one)
    # Shuffled first, so that chance decides between equal scores: a third of a lexsort's time.
    shuffled = rng.permutation(len(rows))
    order = shuffled[np.argsort(scores[shuffled])]
    rows, scores = rows[order], scores[order]
    known = one_against_rest(scored.probabilities[scored.answered], one)
    low, best, high = find_border(known, scored.answers == one)
    taken = np.zeros(len(rows), dtype=bool)
    start, stop = (int(np.searchsorted(scores, end, side="right")) for end in (low, high))
    _spread(taken, start, stop, size // 2)
    border = int(np.searchsorted(scores, best, side="right"))
    _alternate(taken, border, size - int(taken.sum()))
    places = np.flatnonzero(taken)
    nearness = -np.abs(scores[places] - best)
    first = np.argsort(-nearness, kind="stable")
    return Choice.by(NAME, rows[places][first], nearness[first])


def one_against_rest(probabilities: NDArray[np.float32], one: int) -> NDArray[np.float32]:
    """Give how far a class's probability is above the highest other one, shape (n,)."""
    others = np.delete(probabilities, one, axis=1).max(axis=1)
    return probabilities[:, one] - others


def find_border(
    scores: NDArray[np.floating], is_one: NDArray[np.bool_]
) -> tuple[float, float, float]:
    """Find the threshold that parts answers best.

    Parameters
    ----------
    scores : ndarray, shape (n_answered,)
        From −1 to 1.
    is_one : ndarray of bool, shape (n_answered,)
        Whether each belongs above the border.

    Returns
    -------
    low, best, high : float
        The lowest and the highest threshold with which most answers agree, and one between; where
        the answers are all of one side, the network's own border 0 is the other end.
    """
    if not len(scores) or is_one.all() or not is_one.any():
        low = max(scores[~is_one].max(initial=-1), -1.0) if len(scores) else -1.0
        high = min(scores[is_one].min(initial=1), 1.0) if len(scores) else 1.0
        low, high = min(float(low), 0.0), max(float(high), 0.0)
        return low, 0.0, high
    order = np.argsort(scores, kind="stable")
    ordered, right = scores[order], is_one[order]
    # Threshold k puts the k lowest below: agreement = others among them + ones among the rest.
    agreement = np.concatenate([[0], np.cumsum(~right)]) + right.sum()
    agreement -= np.concatenate([[0], np.cumsum(right)])
    edges = np.concatenate([[-1.0], ordered, [1.0]])
    best = np.flatnonzero(agreement == agreement.max())
    low, high = float(edges[best[0]]), float(edges[best[-1] + 1])
    middle = best[len(best) // 2]
    return low, float(edges[middle] + edges[middle + 1]) / 2, high


def _spread(taken: NDArray[np.bool_], start: int, stop: int, size: int) -> None:
    # Equal steps in the logarithm of the rank: of millions, what is sought is among the first.
    if stop > start and size:
        ranks = np.geomspace(len(taken) - stop + 1, len(taken) - start, size)
        taken[len(taken) - np.unique(ranks.round().astype(np.int64))] = True


def _alternate(taken: NDArray[np.bool_], border: int, size: int) -> None:
    below = np.flatnonzero(~taken[:border])[::-1]
    above = np.flatnonzero(~taken[border:]) + border
    n_above = min(max(size - size // 2, size - len(below)), len(above))
    taken[above[:n_above]] = True
    taken[below[: size - n_above]] = True
