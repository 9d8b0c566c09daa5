"""What has gone wrong with a training: each alarm with a code of its own, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from active_cnn.evaluation.calibration import log_odds
from active_cnn.verdicts import Alarm, Ranking
from active_cnn.wording import one_or_many

CONSTANT = "constant-probabilities"
ONE_CLASS = "one-class"
CHANCE = "no-better-than-chance"
WHOLE_POOL = "whole-pool-is-targets"
LOSS = "loss-of-class-shares"
NEVER_PREDICTED = "class-never-predicted"
BELOW_BASELINE = "below-baseline"
SAME_FEATURES = "same-features"

# Of targets and of others: with 5 of each, a network that parts them reaches a p-value of 0.004.
FEWEST_OF_EACH = 5

# A network that ranks targets only as well as chance does so one time in twenty.
SIGNIFICANCE = 0.05

# Probabilities that differ by less are those of a network that does not look at its input, or that
# is as it was before the training: the weights that are drawn for it can rank lines, too.
_SPREAD = 0.1

# More spectra than this share have the very features of another one.
_MOST_ALIKE = 0.5

# A loss that is lower by less than this share is that of the class shares, but for rounding.
_LEAST_GAIN = 1e-3

_TINY = 1e-30  # what float32 has rounded to 0 has a logarithm all the same

_TRAIN_AGAIN = (
    "Train the iteration again, with another learning rate or seed; where that does not "
    "help, look at the labels and their spectra."
)


def can_be_judged(labels: NDArray[np.integer], is_target: NDArray[np.bool_]) -> bool:
    """Tell whether there are enough targets and enough others to judge a training by."""
    n_targets = int(is_target[labels].sum())
    return min(n_targets, len(labels) - n_targets) >= FEWEST_OF_EACH


def find_failure(
    probabilities: NDArray[np.floating],
    labels: NDArray[np.integer],
    classes: Sequence[str],
    is_target: NDArray[np.bool_],
    what: str,
) -> Alarm | None:
    """Find out whether a network has learned nothing.

    Parameters
    ----------
    probabilities : ndarray, shape (n_spectra, n_classes)
        What it says of spectra whose class is known.
    labels : ndarray of int, shape (n_spectra,)
        Position of each true class; see `can_be_judged`.
    classes : sequence of str
        Of the network, in its order.
    is_target : ndarray of bool, shape (n_classes,)
        Which of them are sought.
    what : str
        What these spectra are, such as "held-out spectra".

    Returns
    -------
    Alarm or None
        None where it has learned something.

    Notes
    -----
    What counts is the order in which it puts targets and others, by the test of Mann and Whitney:
    a loss can lie above that of the class shares where a network knows much and is too sure of it.

    References
    ----------
    Mann & Whitney (1947), Ann. Math. Stat. 18, 50; Hanley & McNeil (1982), Radiology 143, 29 (that
    it is a test of the area under the ROC curve against 1/2).
    """

    def failure(code: str, said: str) -> Alarm:
        return Alarm(code, f"Of {what}, the network {said}.", _TRAIN_AGAIN, is_failure=True)

    n, truth = len(labels), is_target[labels]
    if np.ptp(probabilities, axis=0).max() < _SPREAD:
        return failure(CONSTANT, f"gives all {n:,} nearly the same probabilities")
    said = np.unique(probabilities.argmax(axis=1))
    if len(said) == 1:
        are_targets = one_or_many(truth.sum(), "is a target", "are targets")
        return failure(
            ONE_CLASS,
            f"calls all {n:,} {classes[said[0]]!r}, of which {truth.sum():,} {are_targets}",
        )
    odds = log_odds(probabilities, tuple(np.flatnonzero(is_target).tolist()))
    found = mannwhitneyu(odds[truth], odds[~truth], alternative="greater")
    if found.pvalue > SIGNIFICANCE:
        area = found.statistic / (truth.sum() * (~truth).sum())
        targets = one_or_many(truth.sum(), "only target", f"{truth.sum():,} targets")
        return failure(
            CHANCE,
            f"ranks the {targets} among {n:,} no better than chance would (area under the ROC "
            f"curve {area:.2f}, chance 0.50)",
        )
    return None


def find_one_sided_pool(counts: Mapping[str, int], targets: Sequence[str]) -> Alarm | None:
    """Find out whether a network calls the whole pool one kind of target.

    Parameters
    ----------
    counts : mapping of str to int
        Spectra of the pool that are predicted as each class.
    targets : sequence of str
        Classes that are sought.

    Returns
    -------
    Alarm or None
    """
    # A pool may hold no target, but it does not consist of them: they are what is rare.
    predicted = [name for name, n in counts.items() if n]
    if len(predicted) != 1 or predicted[0] not in targets:
        return None
    text = f"The network calls every spectrum of the pool {predicted[0]!r}."
    return Alarm(WHOLE_POOL, text, _TRAIN_AGAIN, is_failure=True)


def find_high_loss(
    probabilities: NDArray[np.floating],
    allowed: NDArray[np.floating],
    weights: NDArray[np.floating],
) -> Alarm | None:
    """Find out whether a network's loss is that of one who has not looked at the spectra.

    Parameters
    ----------
    probabilities : ndarray, shape (n_spectra, n_classes)
        What it says of held-out spectra.
    allowed : ndarray, shape (n_spectra, n_classes)
        1 for each class that a spectrum may belong to.
    weights : ndarray, shape (n_spectra,)
        What each counts.

    Returns
    -------
    Alarm or None
        Where the loss is not below that of the class shares, the best for all spectra alike.
    """

    def loss(said: NDArray[np.floating]) -> float:
        right = np.maximum((allowed * said).sum(axis=1, dtype=float), _TINY)
        return float(np.average(-np.log(right), weights=weights))

    shares = np.full(allowed.shape[1], 1 / allowed.shape[1])
    for _ in range(50):  # expectation maximisation: where several are allowed, by their shares
        part = allowed * shares
        shares = np.average(part / part.sum(axis=1, keepdims=True), axis=0, weights=weights)
    own, blind = loss(probabilities), loss(shares)
    if own < (1 - _LEAST_GAIN) * blind:
        return None
    return Alarm(
        LOSS,
        f"The loss of held-out spectra is {own:.3g}, not below {blind:.3g}, that of the class "
        "shares alone: the network's probabilities are worse than none.",
        "Do not rely on its probabilities, even where it ranks well. Train again with another "
        "seed, a lower learning rate or more labels.",
    )


def find_missing_classes(
    predicted: NDArray[np.integer],
    labels: NDArray[np.integer],
    classes: Sequence[str],
    is_target: NDArray[np.bool_],
    what: str,
) -> list[Alarm]:
    """Find target classes that nothing is predicted to be, though there are examples.

    Parameters
    ----------
    predicted, labels : ndarray of int, shape (n_spectra,)
        Position of the predicted and of the true class of each.
    classes : sequence of str
        Of the network, in its order.
    is_target : ndarray of bool, shape (n_classes,)
        Which of them are sought.
    what : str
        What these spectra are, such as "held-out spectra".

    Returns
    -------
    list of Alarm
        One for each; of classes with fewer than `FEWEST_OF_EACH` spectra nothing is said.
    """
    said = np.bincount(predicted, minlength=len(classes))
    examples = np.bincount(labels, minlength=len(classes))
    return [
        Alarm(
            NEVER_PREDICTED,
            f"The network calls none of {len(labels):,} {what} {classes[i]!r}, though "
            f"{examples[i]:,} of them are.",
            f"Label more {classes[i]!r}, or balance the classes (class weights); if it looks like "
            "another class, let both be one.",
        )
        for i in np.flatnonzero(is_target & (said == 0) & (examples >= FEWEST_OF_EACH)).tolist()
    ]


def describe_below_baseline(ranking: Ranking) -> Alarm:
    """Say that the network ranks worse than the baseline; see `ranking.is_ranked_worse`."""
    return Alarm(
        BELOW_BASELINE,
        f"The network ranks {ranking.n:,} held-out spectra worse than the baseline does (average "
        f"precision {ranking.network:.3f}, principal components with logistic regression "
        f"{ranking.baseline:.3f}), by more than noise.",
        "Train again without augmentation, with a lower learning rate or another seed.",
    )


def find_same_features(
    features: NDArray[np.floating], windows: NDArray[np.floating]
) -> Alarm | None:
    """Find out whether different spectra have the same features.

    Parameters
    ----------
    features : ndarray, shape (n_spectra, n_features)
        As they are compared: vectors of length 1 (or 0), as exact as they are stored.
    windows : ndarray, shape (n_spectra, n_wavelengths)
        Of the same spectra.

    Returns
    -------
    Alarm or None
        Where most spectra have the features of another one.
    """
    _, rows = np.unique(windows, axis=0, return_index=True)
    n = len(rows)
    _, counts = np.unique(features[rows], axis=0, return_counts=True)
    n_alike = int(counts[counts > 1].sum())
    if n_alike <= _MOST_ALIKE * n:
        return None
    return Alarm(
        SAME_FEATURES,
        f"{n_alike:,} of {n:,} different spectra have the very features of another one.",
        "Similar spectra cannot be found by this network, and the strategies 'similar' and 'mixed' "
        "choose at random. Train again with a lower learning rate or another seed.",
    )
