"""How well targets are ranked before others, and whether one ranking is worse than another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from active_cnn.verdicts import Ranking

N_RESAMPLES = 2000
# Of differences that are noise, one in forty is called a difference.
_BEYOND_NOISE = 0.975


def average_precision(
    score: NDArray[np.floating],
    is_target: NDArray[np.bool_],
    weights: NDArray[np.floating] | None = None,
) -> NDArray[np.float64]:
    """Give the mean, over the targets, of the precision down to each of them.

    Parameters
    ----------
    score : ndarray, shape (n_spectra,)
        Larger for what looks more like a target; equal scores share a rank.
    is_target : ndarray of bool, shape (n_spectra,)
        The truth, with one target at least.
    weights : ndarray, shape (..., n_spectra), optional
        How often each counts; once by default.

    Returns
    -------
    ndarray, shape (...)
    """
    order = np.argsort(-score, kind="stable")
    if weights is None:
        weights = np.ones(len(score))
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    n = np.cumsum(weights[..., order], axis=-1)[..., ends]
    found = np.cumsum((weights * is_target)[..., order], axis=-1)[..., ends]
    more = np.diff(found, axis=-1, prepend=0)
    return (more * found / np.maximum(n, 1e-300)).sum(axis=-1) / found[..., -1]


def rank(
    network: NDArray[np.floating], baseline: NDArray[np.floating], is_target: NDArray[np.bool_]
) -> Ranking:
    """Say how well network and baseline rank the same spectra.

    Parameters
    ----------
    network, baseline : ndarray, shape (n_spectra,)
        Their log odds of being a target.
    is_target : ndarray of bool, shape (n_spectra,)
        The truth, with one target at least.

    Returns
    -------
    Ranking
    """
    figures = [float(average_precision(one, is_target)) for one in (network, baseline)]
    return Ranking(figures[0], figures[1], len(is_target), int(is_target.sum()))


def is_ranked_worse(
    score: NDArray[np.floating],
    other: NDArray[np.floating],
    is_target: NDArray[np.bool_],
    rng: np.random.Generator,
) -> bool:
    """Tell whether a score ranks targets worse than another one does, beyond noise.

    Parameters
    ----------
    score, other : ndarray, shape (n_spectra,)
        Of the same spectra.
    is_target : ndarray of bool, shape (n_spectra,)
        With one target and one other at least.
    rng : numpy.random.Generator

    Returns
    -------
    bool
        Whether its average precision is lower in 97.5 % of `N_RESAMPLES` resamples of the spectra
        (targets and others apart, both scores on the same ones).

    References
    ----------
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapter 13 (percentile interval).
    """
    weights = np.empty((N_RESAMPLES, len(score)))
    for rows in (np.flatnonzero(is_target), np.flatnonzero(~is_target)):
        weights[:, rows] = rng.multinomial(
            len(rows), np.full(len(rows), 1 / len(rows)), N_RESAMPLES
        )
    first, second = (average_precision(one, is_target, weights) for one in (score, other))
    return bool((first < second).mean() >= _BEYOND_NOISE)
