"""How pure the predictions are: proportions of a random sample with honest limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from scipy.stats import binomtest


class Judgement(StrEnum):
    """What the oracle's answer says of a prediction."""

    RIGHT = "right"
    WRONG = "wrong"
    UNSURE = "unsure"
    OPEN = "open"


@dataclass(frozen=True)
class Precision:
    """Precision of one predicted class in a random sample.

    Parameters
    ----------
    n_drawn, n_unanswered, n_unsure : int
        Size of the sample, and what of it cannot be counted.
    n_right, n_judged : int
        The proportion; spectra that the oracle is unsure of are left out.
    value, low, high : float
        Proportion with its 95 % Wilson interval; NaN where nothing has been judged.
    """

    n_drawn: int
    n_unanswered: int
    n_unsure: int
    n_right: int
    n_judged: int
    value: float
    low: float
    high: float


def wilson_interval(n_right: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Give the Wilson score interval of a proportion.

    Parameters
    ----------
    n_right, n : int
        n_right of n; n is 1 at least.
    confidence : float
        Two-sided.

    Returns
    -------
    low, high : float

    References
    ----------
    Wilson (1927), JASA, 22, 209; Brown, Cai & DasGupta (2001), Statistical Science, 16, 101.
    """
    interval = binomtest(n_right, n).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def estimate_precision(judgements: Iterable[Judgement]) -> Precision:
    """Estimate a precision from the oracle's judgements of a random sample.

    Parameters
    ----------
    judgements : iterable of Judgement
        One for each spectrum that was drawn.

    Returns
    -------
    Precision
    """
    counts = Counter(judgements)
    n_right = counts[Judgement.RIGHT]
    n_judged = n_right + counts[Judgement.WRONG]
    nan = float("nan")
    low, high = wilson_interval(n_right, n_judged) if n_judged else (nan, nan)
    return Precision(
        n_drawn=counts.total(),
        n_unanswered=counts[Judgement.OPEN],
        n_unsure=counts[Judgement.UNSURE],
        n_right=n_right,
        n_judged=n_judged,
        value=n_right / n_judged if n_judged else nan,
        low=low,
        high=high,
    )
