"""How pure the predictions are: proportions of a random sample with honest limits."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from active_cnn.errors import EvaluationError
from active_cnn.evaluation.proportions import (
    CONFIDENCE,
    MOST_LABELS,
    Proportion,
    labels_needed,
    measure_proportion,
    upper_bound,
    wilson_interval,
)

__all__ = [
    "MOST_ERROR",
    "Certification",
    "Judgement",
    "Precision",
    "Unsure",
    "certify",
    "estimate_precision",
    "labels_needed",
    "wilson_interval",
]

MOST_ERROR = 0.065


class Judgement(StrEnum):
    """What the oracle's answer says of a prediction."""

    RIGHT = "right"
    WRONG = "wrong"
    UNSURE = "unsure"
    OPEN = "open"


class Unsure(StrEnum):
    """What spectra that the oracle is unsure of are counted as."""

    WRONG = "wrong"
    EXCLUDED = "excluded"
    RIGHT = "right"


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
        Proportion with its 95 % interval; NaN where nothing has been judged.
    population : int or None
        How many of the class were predicted; None where that is not known.
    """

    n_drawn: int
    n_unanswered: int
    n_unsure: int
    n_right: int
    n_judged: int
    value: float
    low: float
    high: float
    population: int | None = None

    def with_unsure(self, unsure: Unsure) -> Proportion:
        """Count the spectra that the oracle is unsure of as wrong, not at all, or as right.

        Parameters
        ----------
        unsure : Unsure
            What they are counted as.

        Returns
        -------
        Proportion
            With its 95 % interval.
        """
        if unsure == Unsure.EXCLUDED:
            # They leave the population as well; those among the undrawn are not known, and
            # leaving them in can only widen the interval.
            judgeable = None if self.population is None else self.population - self.n_unsure
            return measure_proportion(self.n_right, self.n_judged, judgeable)
        k = self.n_right + (self.n_unsure if unsure == Unsure.RIGHT else 0)
        return measure_proportion(k, self.n_judged + self.n_unsure, self.population)


def estimate_precision(judgements: Iterable[Judgement], population: int | None = None) -> Precision:
    """Estimate a precision from the oracle's judgements of a random sample.

    Parameters
    ----------
    judgements : iterable of Judgement
        One for each spectrum that was drawn.
    population : int, optional
        How many spectra of the class were predicted, which the sample was drawn from.

    Returns
    -------
    Precision
        Its main figure leaves out what the oracle is unsure of; see `Precision.with_unsure`.

    Raises
    ------
    EvaluationError
        If more were drawn than predicted.
    """
    counts = Counter(judgements)
    n_drawn, n_unsure = counts.total(), counts[Judgement.UNSURE]
    if population is not None and n_drawn > population:
        raise EvaluationError(
            f"{n_drawn} spectra were drawn from {population} predicted ones: "
            "give the number that was predicted when the sample was drawn."
        )
    n_right = counts[Judgement.RIGHT]
    n_judged = n_right + counts[Judgement.WRONG]
    judgeable = None if population is None else population - n_unsure
    main = measure_proportion(n_right, n_judged, judgeable)
    return Precision(
        n_drawn=n_drawn,
        n_unanswered=counts[Judgement.OPEN],
        n_unsure=n_unsure,
        n_right=n_right,
        n_judged=n_judged,
        value=main.value,
        low=main.low,
        high=main.high,
        population=population,
    )


@dataclass(frozen=True)
class Certification:
    """Whether a random sample proves that few predictions are wrong, and what it still lacks.

    Parameters
    ----------
    n_wrong, n : int
        The sample.
    most_error, confidence : float
        What is to be proved, and how surely (one-sided).
    bound : float
        Clopper-Pearson upper bound of the share that is wrong; 1 without a sample.
    is_certified : bool
        Whether the bound does not exceed most_error.
    more_if_right : int
        Further labels that are needed if all of them turn out right.
    more_at_this_rate : int or None
        Further labels that are needed if as many of them are wrong as so far; None where no
        number of labels suffices because the observed share is not below most_error, or none
        within reason because it is so close to it.
    """

    n_wrong: int
    n: int
    most_error: float
    confidence: float
    bound: float
    is_certified: bool
    more_if_right: int
    more_at_this_rate: int | None


def certify(
    n_wrong: int, n: int, most_error: float = MOST_ERROR, confidence: float = CONFIDENCE
) -> Certification:
    """Tell whether a random sample proves that at most a given share of predictions is wrong.

    Parameters
    ----------
    n_wrong, n : int
        n_wrong of n labels were wrong.
    most_error : float
        The share, between 0 and 1.
    confidence : float
        One-sided.

    Returns
    -------
    Certification

    Raises
    ------
    EvaluationError
        If more are wrong than there are, or the share is not between 0 and 1.

    Notes
    -----
    The binomial bound also holds for samples without replacement, where it is a little cautious.
    It holds for a sample whose size was fixed beforehand: adding labels until it is certified
    is certified too often.

    References
    ----------
    Clopper & Pearson (1934), Biometrika, 26, 404; the labels that are needed without an error:
    Hanley & Lippman-Hand (1983), JAMA, 249, 1743.
    """
    if not 0 <= n_wrong <= n:
        raise EvaluationError(
            f"{n_wrong} of {n} labels cannot be wrong: give 0 <= wrong ones <= labels."
        )
    needed = labels_needed(n_wrong, most_error, confidence)
    bound = upper_bound(n_wrong, n, confidence) if n else 1.0
    return Certification(
        n_wrong=n_wrong,
        n=n,
        most_error=most_error,
        confidence=confidence,
        bound=bound,
        is_certified=n >= needed,
        more_if_right=max(0, needed - n),
        more_at_this_rate=_more_at_this_rate(n_wrong, n, most_error, confidence),
    )


def _more_at_this_rate(n_wrong: int, n: int, most_error: float, confidence: float) -> int | None:
    """Look for the fewest labels that suffice, wrong ones (rounded up) in proportion."""
    if n_wrong == 0 or n == 0:
        return max(0, labels_needed(0, most_error, confidence) - n)
    if n_wrong / n >= most_error:
        return None
    # So many wrong ones come among `needed` labels at this rate, or fewer. The rate that a number
    # of wrong ones allows rises with it.
    possible = range(n_wrong, int(MOST_LABELS * most_error / 4))
    place = bisect_left(
        possible,
        True,
        key=lambda wrong: labels_needed(wrong, most_error, confidence) * n_wrong <= wrong * n,
    )
    if place == len(possible):
        return None
    return max(0, labels_needed(possible[place], most_error, confidence) - n)
