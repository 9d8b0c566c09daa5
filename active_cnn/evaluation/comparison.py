"""Two classifications of the same spectra against each other."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, nan, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from statsmodels.stats.contingency_tables import mcnemar as _mcnemar
from statsmodels.stats.inter_rater import cohens_kappa

from active_cnn.errors import EvaluationError
from active_cnn.evaluation.proportions import CONFIDENCE

NOT_PREDICTED = 255
"""Label of a spectrum without a prediction."""

_CHUNK = 1 << 20


@dataclass(frozen=True)
class McNemar:
    """Which of two classifications is right more often where they differ.

    Parameters
    ----------
    n_first_only, n_second_only : int
        Judged spectra that only the first has right, and only the second.
    p_value : float
        Of the exact two-sided test that neither is better; 1 where they never differ.
    """

    n_first_only: int
    n_second_only: int
    p_value: float


@dataclass(frozen=True)
class CaptureRecapture:
    """Number of objects that exist, from how many two searches have in common.

    Parameters
    ----------
    n_total, standard_error : float
        Estimated number of all, and its error.
    low, high : float
        95 % log-normal interval; never below the number that was seen.
    n_seen : int
        Objects that either search found.
    """

    n_total: float
    standard_error: float
    low: float
    high: float
    n_seen: int


def mcnemar(n_first_only: int, n_second_only: int) -> McNemar:
    """Test whether one of two classifications is right more often than the other.

    Parameters
    ----------
    n_first_only, n_second_only : int
        Spectra of a random sample of the disagreements that only the first has right, and only
        the second. Those that both have right or wrong do not matter.

    Returns
    -------
    McNemar

    Raises
    ------
    EvaluationError
        If a number is negative.

    References
    ----------
    McNemar (1947), Psychometrika, 12, 153; exact: Agresti (2013), Categorical Data Analysis, 3rd
    edition, section 11.1.
    """
    if min(n_first_only, n_second_only) < 0:
        raise EvaluationError(
            f"{n_first_only} and {n_second_only} spectra cannot be right in one of the two only: "
            "give numbers from 0."
        )
    table = [[0, n_first_only], [n_second_only, 0]]
    p_value = min(1.0, float(_mcnemar(table, exact=True).pvalue))
    return McNemar(n_first_only, n_second_only, p_value)


def capture_recapture(
    n_first: int, n_second: int, n_both: int, confidence: float = CONFIDENCE
) -> CaptureRecapture:
    """Estimate how many objects exist from two searches that do not depend on each other.

    Parameters
    ----------
    n_first, n_second, n_both : int
        Objects that the first search found, the second, and both.
    confidence : float
        Two-sided.

    Returns
    -------
    CaptureRecapture

    Raises
    ------
    EvaluationError
        If both found more than one of them did.

    Notes
    -----
    N = (n1 + 1)(n2 + 1)/(m + 1) - 1, and
    var N = (n1 + 1)(n2 + 1)(n1 - m)(n2 - m) / [(m + 1)^2 (m + 2)]. The interval is log-normal in
    the number of the unseen, N - (n1 + n2 - m). Two networks that were trained alike find the same
    easy objects: N is then too small, a lower bound at best.

    References
    ----------
    Chapman (1951), University of California Publications in Statistics, 1, 131; variance: Seber
    (1970), Biometrics, 26, 13; interval: Burnham et al. (1987), American Fisheries Society
    Monograph, 5, 212.
    """
    if not 0 <= n_both <= min(n_first, n_second):
        raise EvaluationError(
            f"Searches that found {n_first} and {n_second} cannot have {n_both} in common: "
            "give 0 to the smaller of the two."
        )
    product = (n_first + 1) * (n_second + 1)
    n_total = product / (n_both + 1) - 1
    variance = float(product * (n_first - n_both) * (n_second - n_both))
    variance /= (n_both + 1) ** 2 * (n_both + 2)
    n_seen = n_first + n_second - n_both
    unseen = n_total - n_seen
    low = high = float(n_seen)
    if unseen > 0:
        spread = sqrt(log(1 + variance / unseen**2))
        factor = exp(norm.isf((1 - confidence) / 2) * spread)
        low, high = n_seen + unseen / factor, n_seen + unseen * factor
    return CaptureRecapture(n_total, sqrt(variance), low, high, n_seen)


def migration(
    before: NDArray[np.integer], after: NDArray[np.integer], n_classes: int
) -> NDArray[np.int64]:
    """Count how spectra moved from class to class.

    Parameters
    ----------
    before, after : ndarray of int, shape (n_spectra,)
        Position of the class of each spectrum, or NOT_PREDICTED; the same spectra in both.
    n_classes : int
        How many classes there are.

    Returns
    -------
    ndarray of int, shape (n_classes, n_classes)
        Spectra by their class before (row) and after (column); those without a prediction in
        either are left out.

    Raises
    ------
    EvaluationError
        If the two differ in length, or a label is no class.
    """
    if before.shape != after.shape or before.ndim != 1:
        raise EvaluationError(
            f"Labels of the shapes {before.shape} and {after.shape} cannot be compared: "
            "give those of the same spectra, in the same order."
        )
    table = np.zeros(n_classes * n_classes, np.int64)
    # In pieces, because labels come as bytes and their pairs take eight times as much memory.
    for start in range(0, len(before), _CHUNK):
        first, second = before[start : start + _CHUNK], after[start : start + _CHUNK]
        is_both = (first != NOT_PREDICTED) & (second != NOT_PREDICTED)
        rows, columns = first[is_both].astype(np.intp), second[is_both].astype(np.intp)
        for labels in (rows, columns):
            if len(labels) and not 0 <= labels.min() <= labels.max() < n_classes:
                outside = labels[(labels < 0) | (labels >= n_classes)][0]
                raise EvaluationError(
                    f"Label {outside} is none of {n_classes} classes: "
                    f"give 0 to {n_classes - 1}, or {NOT_PREDICTED} without a prediction."
                )
        table += np.bincount(rows * n_classes + columns, minlength=len(table))
    return table.reshape(n_classes, n_classes)


def stability(table: NDArray[np.int64]) -> float:
    """Give Cohen's kappa of a migration table: 1 where no spectrum changed its class.

    Parameters
    ----------
    table : ndarray of int, shape (n_classes, n_classes)
        As of `migration`.

    Returns
    -------
    float
        NaN where there are no spectra, or all are in one and the same class.

    References
    ----------
    Cohen (1960), Educational and Psychological Measurement, 20, 37.
    """
    if table.diagonal().max() == table.sum():
        return nan
    # In floats, because the squares of millions of spectra overflow integers.
    return float(cohens_kappa(table.astype(float), return_results=False))


def most_change_of_f(kappa: float) -> float:
    """Bound the change of the F measure between two classifications by their agreement.

    Parameters
    ----------
    kappa : float
        Cohen's kappa of the two on the whole pool, positive.

    Returns
    -------
    float
        4 (1 - kappa) / kappa, which the difference of their F does not exceed; of use only where
        kappa is above 0.8, as no F is above 1.

    Raises
    ------
    EvaluationError
        If kappa is not above 0 and at most 1.

    References
    ----------
    Bloodgood & Vijay-Shanker (2009), CoNLL, 39 (stopping by agreement); Bloodgood & Grothendieck
    (2013), CoNLL, 10 (the bound; arXiv:1504.06329).
    """
    if not 0 < kappa <= 1:
        raise EvaluationError(
            f"An agreement of kappa = {kappa} bounds no change: give a kappa above 0, to 1."
        )
    return 4 * (1 - kappa) / kappa
