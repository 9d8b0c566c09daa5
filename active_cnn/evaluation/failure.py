"""Whether a training has failed: its network knows no more than chance does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from active_cnn.evaluation.calibration import log_odds
from active_cnn.wording import one_or_many

# Of targets and of others: with 5 of each, a network that parts them reaches a p-value of 0.004.
FEWEST_OF_EACH = 5

# A network that ranks targets only as well as chance does so one time in twenty.
SIGNIFICANCE = 0.05

# Probabilities that differ by less are those of a network that does not look at its input.
_SPREAD = 1e-3


def can_be_judged(labels: NDArray[np.integer], is_target: NDArray[np.bool_]) -> bool:
    """Tell whether there are enough targets and enough others to judge a training by."""
    n_targets = int(is_target[labels].sum())
    return min(n_targets, len(labels) - n_targets) >= FEWEST_OF_EACH


def find_failure(
    probabilities: NDArray[np.floating],
    labels: NDArray[np.integer],
    classes: Sequence[str],
    is_target: NDArray[np.bool_],
) -> str | None:
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

    Returns
    -------
    str or None
        What it does instead, to follow "the network"; None where it has learned something.

    Notes
    -----
    What counts is the order in which it puts targets and others, by the test of Mann and Whitney:
    a loss can lie above that of the class shares where a network knows much and is too sure of it.

    References
    ----------
    Mann & Whitney (1947), Ann. Math. Stat. 18, 50; Hanley & McNeil (1982), Radiology 143, 29 (that
    it is a test of the area under the ROC curve against 1/2).
    """
    n, truth = len(labels), is_target[labels]
    if np.ptp(probabilities, axis=0).max() < _SPREAD:
        return f"gives all {n:,} the same probabilities"
    said = np.unique(probabilities.argmax(axis=1))
    if len(said) == 1:
        are_targets = one_or_many(truth.sum(), "is a target", "are targets")
        return f"calls all {n:,} {classes[said[0]]!r}, of which {truth.sum():,} {are_targets}"
    odds = log_odds(probabilities, tuple(np.flatnonzero(is_target).tolist()))
    found = mannwhitneyu(odds[truth], odds[~truth], alternative="greater")
    if found.pvalue > SIGNIFICANCE:
        area = found.statistic / (truth.sum() * (~truth).sum())
        targets = one_or_many(truth.sum(), "only target", f"{truth.sum():,} targets")
        return (
            f"ranks the {targets} among {n:,} no better than chance would (area under the ROC "
            f"curve {area:.2f}, chance 0.50)"
        )
    return None
