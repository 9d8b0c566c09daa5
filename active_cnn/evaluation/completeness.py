"""How many of the objects are found: an audit of the ranks below the predictions.

The pool is ordered by score, the predicted spectra first. Positives are what the network looks
for; those below the predictions are missed. Labels are drawn at random within strata of ranks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from active_cnn.errors import EvaluationError
from active_cnn.evaluation.proportions import (
    CONFIDENCE,
    LARGE_SHARE,
    hypergeometric_interval,
    interval,
    labels_needed,
    upper_bound,
)

NARROW, WIDE = 1.5, 2.2
"""Growth of the strata: up to NARROW_TO times the predictions, and from there to the floor."""

NARROW_TO = 4

SHARE_OF_PREDICTED = 0.25
"""Share of the labels that the predicted spectra get."""

FEWEST_LABELS = 2
"""Of a stratum; fewer have no variance."""

N_DRAWS = 10_000

# Counts that are added to what was found, which is what gives the limits their coverage; the
# figures are in the notes of `estimate_completeness`.
_LEAST, _MOST, _SHARED = 0.25, 0.5, 0.5


@dataclass(frozen=True)
class Stratum:
    """Ranks that are sampled alike.

    Parameters
    ----------
    start, stop : int
        First rank, and the one after the last; the best spectrum has rank 0.
    """

    start: int
    stop: int

    @property
    def size(self) -> int:
        """Number of spectra."""
        return self.stop - self.start


@dataclass(frozen=True)
class Completeness:
    """Recall above the audit floor, and what it is made of.

    Parameters
    ----------
    recall, low, high : float
        Share of the positives above the floor that were predicted; NaN, 0 and 1 where no
        positive was found at all.
    standard_error : float
        Of the recall by linearisation. It is 0, which is no certainty, where nothing was missed.
    n_true, n_true_low, n_true_high : float
        Positives among the predicted spectra.
    n_missed, n_missed_low, n_missed_high : float
        Positives between the predicted spectra and the floor.
    confidence : float
        Of each interval, two-sided.
    """

    recall: float
    low: float
    high: float
    standard_error: float
    n_true: float
    n_true_low: float
    n_true_high: float
    n_missed: float
    n_missed_low: float
    n_missed_high: float
    confidence: float


@dataclass(frozen=True)
class AuditedClassifier:
    """Precision and recall above the floor of a classifier that did not shape the audit.

    Parameters
    ----------
    precision, precision_low, precision_high : float
        NaN, 0 and 1 where nothing that it calls was drawn.
    recall, recall_low, recall_high : float
        NaN, 0 and 1 where no positive was found.
    n_right, n_right_low, n_right_high : float
        Positives that it calls: its calls above the floor times the precision.
    """

    precision: float
    precision_low: float
    precision_high: float
    recall: float
    recall_low: float
    recall_high: float
    n_right: float
    n_right_low: float
    n_right_high: float


def design_strata(n_predicted: int, audit_floor: int, n_pool: int) -> tuple[Stratum, ...]:
    """Cut the ranks above the audit floor into strata.

    Parameters
    ----------
    n_predicted : int
        Spectra that are predicted positive; they are the first stratum.
    audit_floor : int
        How many of the best spectra the recall is to be claimed of.
    n_pool : int
        Spectra of the pool.

    Returns
    -------
    tuple of Stratum
        Each ends at 1.5 times the ranks of the one before up to four times the predictions, and
        then at 2.2 times. A last one that would be short is joined to the one before it.

    Raises
    ------
    EvaluationError
        If 0 < n_predicted < audit_floor <= n_pool does not hold.

    References
    ----------
    Geometric strata: Gunning & Horgan (2004), Survey Methodology, 30, 159.
    """
    if not 0 < n_predicted < audit_floor <= n_pool:
        raise EvaluationError(
            f"No audit down to rank {audit_floor} with {n_predicted} predicted spectra in a pool "
            f"of {n_pool}: the floor must lie below the predictions and within the pool."
        )
    edges = [0, n_predicted]
    while edges[-1] < audit_floor:
        growth = NARROW if edges[-1] < NARROW_TO * n_predicted else WIDE
        edge = max(round(edges[-1] * growth), edges[-1] + 1)
        edges.append(audit_floor if edge * sqrt(growth) > audit_floor else edge)
    return tuple(Stratum(start, stop) for start, stop in zip(edges, edges[1:], strict=False))


def allocate(n_labels: int, strata: Sequence[Stratum]) -> tuple[int, ...]:
    """Share labels out: a quarter to the predicted spectra, and the rest equally.

    Parameters
    ----------
    n_labels : int
        How many spectra people will label.
    strata : sequence of Stratum
        As of `design_strata`.

    Returns
    -------
    tuple of int
        Labels of each stratum, n_labels in all, two at least (one where there is but one
        spectrum). What a small stratum cannot hold goes to the others.

    Raises
    ------
    EvaluationError
        If there are too few labels for that, or more than spectra.
    """
    sizes = np.array([stratum.size for stratum in strata])
    allocation = np.minimum(sizes, FEWEST_LABELS)
    if not allocation.sum() <= n_labels <= sizes.sum():
        raise EvaluationError(
            f"{n_labels} labels cannot be shared out to {len(strata)} strata of {sizes.sum()} "
            f"spectra: give {allocation.sum()} to {sizes.sum()} labels, or move the floor."
        )
    first = min(round(SHARE_OF_PREDICTED * n_labels), n_labels - int(allocation[1:].sum()))
    allocation[0] = max(allocation[0], min(first, sizes[0]))
    # One by one, so that the numbers differ by one at most where the sizes allow it.
    while (left := n_labels - allocation.sum()) > 0:
        is_open = allocation < sizes
        if is_open[1:].any():
            is_open[0] = False
        smallest = np.flatnonzero(is_open & (allocation == allocation[is_open].min()))
        allocation[smallest[:left]] += 1
    return tuple(int(n) for n in allocation)


def estimate_completeness(
    sizes: ArrayLike,
    n_judged: ArrayLike,
    n_positive: ArrayLike,
    rng: np.random.Generator,
    confidence: float = CONFIDENCE,
    n_draws: int = N_DRAWS,
) -> Completeness:
    """Estimate the recall above the floor from the labels of an audit.

    Parameters
    ----------
    sizes, n_judged, n_positive : array_like of int, shape (n_strata,)
        Of each stratum its spectra, how many of them were drawn and judged, and how many of those
        are positive. The predicted spectra come first. Count the spectra that the oracle is unsure
        of as negative, leave them out of n_judged or count them as positive: three calls, three
        figures.
    rng : numpy.random.Generator
        Of the draws that the limits of the recall and of n_missed are taken from.
    confidence : float
        Two-sided.
    n_draws : int
        Of each posterior.

    Returns
    -------
    Completeness

    Raises
    ------
    EvaluationError
        If a stratum has no two labels, or if more are positive than judged or judged than there.

    Notes
    -----
    With p_h = k_h / n_h, T = N_0 p_0 and F = sum_{h>0} N_h p_h, the recall is R = T / (T + F) and

        se = sqrt(F^2 V_0 + T^2 sum_{h>0} V_h) / (T + F)^2,
        V_h = N_h^2 (1 - n_h/N_h) p_h (1 - p_h) / (n_h - 1).

    A limit from se on logit R fails where few missed ones are found, however many strata there
    are: of simulated surveys it covered from 5 to 96 %. The limits are quantiles of T / (T + F)
    over posterior draws of the positives of each stratum: the found ones, and a binomial number
    of the other N_h - n_h with a probability from Beta(k_h + a, n_h - k_h + 1 - a). As
    Clopper & Pearson take a = 0 for their lower limit and 1 for the upper, a depends on the limit:

    * where a count is to be small, a = 1/4, and 0 in a stratum in which none was found;
    * where it is to be large, a = 1/2 as by Jeffreys, but the strata in which none was found
      share one half, by the inverse root of their sizes: with a half for each, a dozen strata
      that hold nothing add up to many positives.

    The recall may be 1 where no missed one was found, and 0 where no predicted one is right.
    Measured on surveys of 4.1 million with 0.1 % positives, A = 50 000, and 300 to 1000 labels:
    93 to 98 % of intervals hold the truth for networks from poor to near perfect, and for such
    that hardly know a tenth to a half of the positives. Shares by the inverse size suppose that
    positives grow rare with the rank, and hold the truth in 88 % there; equal shares hold it as
    often, and their intervals are up to two fifths wider.

    References
    ----------
    Cochran (1977), Sampling Techniques, 3rd edition, sections 5.4 and 6.5 (T, F and se); Ericson
    (1969), JRSS B, 31, 195 (finite populations); Brown, Cai & DasGupta (2001), Statistical
    Science, 16, 101 (Jeffreys' limits); Berger, Bernardo & Sun (2015), Bayesian Analysis, 10, 189
    (counts shared out).
    """
    n_all, n, k = _counts(sizes, n_judged, n_positive)
    true_p = k / n
    true, missed = _totals(n_all, n, k)
    variance = n_all**2 * (1 - n / n_all) * true_p * (1 - true_p) / np.maximum(n - 1, 1)
    lower, upper = _draw(n_all, n, k, rng, n_draws)
    tail = (1 - confidence) / 2
    recall = standard_error = nan
    if total := true + missed:
        recall = true / total
        standard_error = sqrt(missed**2 * variance[0] + true**2 * variance[1:].sum()) / total**2
    low, high = _ratio_limits(lower, upper, true, missed, tail)
    p_low, p_high = interval(int(k[0]), int(n[0]), int(n_all[0]), confidence)
    return Completeness(
        recall=recall,
        low=low,
        high=high,
        standard_error=standard_error,
        n_true=true,
        n_true_low=float(n_all[0] * p_low),
        n_true_high=float(n_all[0] * p_high),
        n_missed=missed,
        n_missed_low=float(np.quantile(upper[1], tail)),
        n_missed_high=float(np.quantile(lower[1], 1 - tail)),
        confidence=confidence,
    )


def _totals(
    n_all: NDArray[np.int64], n: NDArray[np.int64], k: NDArray[np.int64]
) -> tuple[float, float]:
    """Estimate the positives that are predicted and those that are missed."""
    true_p = k / n
    return float(n_all[0] * true_p[0]), float((n_all * true_p)[1:].sum())


def _draw(
    n_all: NDArray[np.int64],
    n: NDArray[np.int64],
    k: NDArray[np.int64],
    rng: np.random.Generator,
    n_draws: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw both totals, shape (2, n_draws), for the lower limit of the recall and the upper one."""
    is_predicted = np.arange(len(n)) == 0
    found = np.where(is_predicted, [k, 0 * k], [0 * k, k])  # (2, n_strata)
    weight = np.where([is_predicted, ~is_predicted], _rarer(n_all), 0.0)
    lower, upper = (
        _draw_totals(n_all, n, found, weight, is_up, rng, n_draws) for is_up in (False, True)
    )
    return lower, upper


def _counts(
    sizes: ArrayLike, n_judged: ArrayLike, n_positive: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Check the counts of the strata."""
    n_all, n, k = (np.asarray(one, np.int64) for one in (sizes, n_judged, n_positive))
    if not (n_all.ndim == 1 and n_all.shape == n.shape == k.shape and len(n_all) > 1):
        raise EvaluationError(
            f"Sizes, judged and positive have the shapes {n_all.shape}, {n.shape} and {k.shape}: "
            "give one of each for every stratum, the predicted spectra first, and two at least."
        )
    wrong = np.flatnonzero(
        (n < np.minimum(FEWEST_LABELS, n_all)) | (n > n_all) | (k < 0) | (k > n) | (n_all < 1)
    )
    if len(wrong):
        h = wrong[0]
        raise EvaluationError(
            f"Stratum {h} has {k[h]} positive of {n[h]} judged of {n_all[h]} spectra. Judge "
            f"{FEWEST_LABELS} at least of each, and count no more positive than judged."
        )
    return n_all, n, k


def _rarer(sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    # Positives grow rare with the rank, but not of a kind that the network does not know.
    return 1 / np.sqrt(sizes)


def _draw_totals(
    sizes: NDArray[np.int64],
    n: NDArray[np.int64],
    found: NDArray[np.int64],
    weight: NDArray[np.float64],
    is_up: bool,
    rng: np.random.Generator,
    n_draws: int,
) -> NDArray[np.float64]:
    """Draw totals of two kinds of spectra, of which the first is to be large (is_up) or small.

    `found` and `weight` have the shape (2, n_strata), the totals (2, n_draws). By `weight` the
    strata in which none was found share the half count; it is 0 where there can be none.
    """
    # Two kinds out of n and the rest: Dirichlet in place of Beta, as a ratio of gamma variates.
    added = np.zeros((2, len(n)))
    for kind in (0, 1):
        is_found = found[kind] > 0
        if (kind == 0) == is_up:
            part = weight[kind] * ~is_found
            added[kind] = _MOST * is_found + _SHARED * part / max(part.sum(), 1e-9)
        else:
            added[kind] = _LEAST * is_found
    shape = np.vstack([found + added, n - found.sum(axis=0) + 1 - added.sum(axis=0)])
    gamma = rng.standard_gamma(shape.T, size=(n_draws, len(n), 3))
    share = gamma / gamma.sum(axis=2, keepdims=True)
    drawn = rng.multinomial(sizes - n, share)  # (n_draws, n_strata, 3)
    return found.sum(axis=1)[:, None] + drawn[..., :2].sum(axis=1).T


def _ratio_limits(
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
    first: float,
    second: float,
    tail: float,
) -> tuple[float, float]:
    """Give the limits of first / (first + second) from the draws of both for each limit."""
    if not first + second:
        return 0.0, 1.0
    low = 0.0 if not first else float(np.quantile(_ratio(lower), tail))
    high = 1.0 if not second else float(np.quantile(_ratio(upper), 1 - tail))
    return low, high


def _ratio(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    # Where neither was drawn, the ratio may be anything; the limits are drawn apart.
    return totals[0] / np.maximum(totals.sum(axis=0), 1)


def expected_width(
    strata: Sequence[Stratum],
    allocation: Sequence[int],
    guess: ArrayLike,
    rng: np.random.Generator,
    n_surveys: int = 200,
    n_draws: int = 1000,
) -> float:
    """Tell how wide the interval of the recall will be on average, before anything is labelled.

    Parameters
    ----------
    strata, allocation : sequence
        As of `design_strata` and `allocate`.
    guess : array_like of float, shape (n_strata,)
        Positives that are expected in each stratum, such as the sum of calibrated probabilities.
    rng : numpy.random.Generator
        Of the simulated audits.
    n_surveys, n_draws : int
        How many audits are simulated, and the draws behind each interval.

    Returns
    -------
    float
        Mean of high - low of `estimate_completeness` if the guess is right.

    Raises
    ------
    EvaluationError
        If a guess is negative, exceeds its stratum or is missing.
    """
    sizes = np.array([stratum.size for stratum in strata])
    expected = np.asarray(guess, float)
    if expected.shape != sizes.shape or not ((expected >= 0) & (expected <= sizes)).all():
        raise EvaluationError(
            f"Positives of {expected.tolist()} cannot be expected in strata of {sizes.tolist()}: "
            "give a number from 0 to its size for each stratum."
        )
    # Rounded at random, so that strata with a fraction of a positive are not taken for empty.
    n_positive = np.floor(expected + rng.random((n_surveys, len(sizes)))).astype(np.int64)
    n_positive = np.minimum(n_positive, sizes)
    found = rng.hypergeometric(n_positive, sizes - n_positive, allocation)
    # The limits of the recall alone: the others of `estimate_completeness` take as long again.
    widths = []
    for one in found:
        n_all, n, k = _counts(sizes, allocation, one)
        limits = _ratio_limits(
            *_draw(n_all, n, k, rng, n_draws), *_totals(n_all, n, k), (1 - CONFIDENCE) / 2
        )
        widths.append(limits[1] - limits[0])
    return float(np.mean(widths))


def elusion_bound(n: int, n_found: int, n_rest: int, confidence: float = CONFIDENCE) -> float:
    """Bound the positives below the floor by a simple random sample from there.

    Parameters
    ----------
    n, n_found : int
        Spectra drawn below the floor and judged, one at least, and the positives among them.
    n_rest : int
        Spectra below the floor, the drawn ones included.
    confidence : float
        One-sided.

    Returns
    -------
    float
        Upper bound of their number: n_rest (1 - (1 - confidence)^(1/n)) where none was found, and
        Clopper-Pearson's in general; exact for the finite number where more than 5 % are drawn.

    Raises
    ------
    EvaluationError
        If n_found of n cannot have been drawn from n_rest.

    References
    ----------
    Roitblat (2007), Sedona Conference Journal, 8, 217 (elusion); Clopper & Pearson (1934),
    Biometrika, 26, 404.
    """
    if not (0 <= n_found <= n <= n_rest and n > 0):
        raise EvaluationError(
            f"{n_found} positives among {n} spectra cannot have been drawn from {n_rest} below "
            "the floor: give 0 <= found <= drawn <= rest, with at least one drawn."
        )
    if n > LARGE_SHARE * n_rest:
        return float(hypergeometric_interval(n_found, n, n_rest, 2 * confidence - 1)[1])
    return n_rest * upper_bound(n_found, n, confidence)


def labels_to_certify(
    n_missed: int, n_rest: int, n_found: int = 0, confidence: float = CONFIDENCE
) -> int:
    """Tell how many labels below the floor prove that at most n_missed are missed there.

    Parameters
    ----------
    n_missed, n_rest : int
        What is to be proved, of how many spectra below the floor.
    n_found : int
        Positives that may turn up among the labels.
    confidence : float
        One-sided.

    Returns
    -------
    int
        As if drawn with replacement: a little more than is needed where n_rest is small.

    Raises
    ------
    EvaluationError
        If n_missed is not between 0 and n_rest, or needs more than 10^9 labels.
    """
    if not 0 < n_missed < n_rest:
        raise EvaluationError(
            f"At most {n_missed} missed of {n_rest} is nothing to certify by a sample: "
            "give a number between 0 and that of the spectra, both excluded."
        )
    return labels_needed(n_found, n_missed / n_rest, confidence)


def describe_completeness(
    found: Completeness,
    audit_floor: int,
    n_pool: int,
    n_elusion: int = 0,
    n_elusion_found: int = 0,
) -> str:
    """Say in words how complete the predictions are, and of which part of the pool.

    Parameters
    ----------
    found : Completeness
        Of the ranks above the floor.
    audit_floor, n_pool : int
        Spectra above the floor, and in the pool.
    n_elusion, n_elusion_found : int
        Spectra that were drawn at random below the floor and judged, and the positives among them.

    Returns
    -------
    str
        Two sentences: one for either side of the floor.

    Raises
    ------
    EvaluationError
        If the sample below the floor is impossible.
    """
    percent = f"{100 * found.confidence:g} %"
    place = f"among the {audit_floor:,} spectra with the highest scores (of {n_pool:,})"
    if found.recall != found.recall:
        above = f"No positive was found {place}, so that no recall can be given."
    else:
        above = (
            f"Recall {place} is {found.recall:.3f} "
            f"({percent} interval {found.low:.3f}–{found.high:.3f})."
        )
    n_rest = n_pool - audit_floor
    if not n_rest:
        return f"{above} These are all spectra of the pool."
    if not n_elusion:
        below = f"Nothing is claimed about the {n_rest:,} spectra below: none of them was sampled."
    else:
        bound = elusion_bound(n_elusion, n_elusion_found, n_rest, found.confidence)
        below = (
            f"Of the {n_rest:,} spectra below, {n_elusion:,} drawn at random held "
            f"{n_elusion_found:,} positives: at most {np.ceil(bound):,.0f} are missed there "
            f"(one-sided {percent} bound)."
        )
    return f"{above} {below}"


def estimate_other(
    sizes: ArrayLike,
    stratum: NDArray[np.integer],
    is_true: NDArray[np.bool_],
    is_called: NDArray[np.bool_],
    n_called: ArrayLike,
    rng: np.random.Generator,
    confidence: float = CONFIDENCE,
    n_draws: int = N_DRAWS,
    n_known: int = 0,
) -> AuditedClassifier:
    """Estimate precision and recall above the floor of another classifier from the same audit.

    Parameters
    ----------
    sizes : array_like of int, shape (n_strata,)
        Spectra of each stratum.
    stratum, is_true, is_called : ndarray, shape (n_judged,)
        Of each judged spectrum the position of its stratum, whether it is positive, and whether
        the other classifier calls it positive.
    n_called : array_like of int, shape (n_strata,)
        All spectra of each stratum that the other classifier calls positive.
    rng : numpy.random.Generator
        Of the draws that the limits are taken from.
    confidence, n_draws : float, int
        As for `estimate_completeness`.
    n_known : int
        Positives beside the audited spectra that are known, all of them called.

    Returns
    -------
    AuditedClassifier

    Raises
    ------
    EvaluationError
        If a stratum has no two labels, or if more calls were drawn than there are.

    Notes
    -----
    Each judged spectrum stands for N_h / n_h. Precision and recall are ratios of such totals, and
    n_called comes in where a number is given: n_right = n_called * precision. The limits are found
    as in `estimate_completeness`, with both parts of a ratio in every stratum; for the precision
    the strata with calls in which none was found share their half by size.

    References
    ----------
    Horvitz & Thompson (1952), JASA, 47, 663; ratio: Hájek (1971), in Foundations of Statistical
    Inference, 236.
    """
    n_strata = len(np.asarray(sizes))
    calls = np.asarray(n_called)
    judged_calls = np.bincount(stratum[is_called], minlength=n_strata)
    if calls.shape != (n_strata,) or (judged_calls > calls).any():
        raise EvaluationError(
            f"Of the judged spectra of each stratum {judged_calls.tolist()} are called positive, "
            f"of {calls.tolist()} called there: give the number of all its calls in each stratum."
        )
    counts = {
        name: np.bincount(stratum[chosen], minlength=n_strata)
        for name, chosen in {
            "judged": np.ones(len(stratum), bool),
            "right": is_true & is_called,
            "false": ~is_true & is_called,
            "missed": is_true & ~is_called,
        }.items()
    }
    n_all, n, _ = _counts(sizes, counts["judged"], counts["right"])
    tail = (1 - confidence) / 2

    def estimate(other: str, weight: NDArray[np.float64]) -> tuple[float, float, float]:
        found = np.array([counts["right"], counts[other]])
        first, second = (float(total) for total in (n_all / n * found).sum(axis=1))
        first += n_known
        lower, upper = (
            _draw_totals(n_all, n, found, np.stack([weight, weight]), is_up, rng, n_draws)
            for is_up in (False, True)
        )
        lower[0] += n_known
        upper[0] += n_known
        value = first / (first + second) if first + second else nan
        return value, *_ratio_limits(lower, upper, first, second, tail)

    # False alarms are as likely in each stratum with calls: most of them are where the spectra are.
    precision = estimate("false", np.where(calls > 0, n_all, 0.0))
    recall = estimate("missed", _rarer(n_all))
    return AuditedClassifier(
        *precision, *recall, *((calls.sum() + n_known) * one for one in precision)
    )
