"""How likely a spectrum is a target, told by answers that the networks had not been taught."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from active_cnn.campaign.committee import mean_log_odds
from active_cnn.campaign.files import open_pool
from active_cnn.campaign.store import Store
from active_cnn.evaluation.calibration import AS_SAID, Logistic, choose_logistic
from active_cnn.records import Campaign, Iteration, Purpose, Query, QueryItem

# Probability from which on a spectrum is listed as a candidate unless somebody wants it otherwise.
THRESHOLD = 0.02

# With fewer answers, or fewer of either kind, a curve follows chance.
FEWEST = 30
FEWEST_OF_EACH = 5

# What was asked about for another reason than the network's prediction, such as its likeness to a
# target, is more often one, or more rarely, than others of that prediction.
_TELLTALE = ("similar", "by hand", "disagreement")


@dataclass(frozen=True)
class Confidence:
    """Turns what an iteration's networks say into the probability of being a target.

    Parameters
    ----------
    curve : Logistic
        Of the log odds of `mean_log_odds`.
    iteration : int
        By whose predictions the answered spectra were chosen.
    n, n_targets : int
        Answers that it was fitted to, and targets among them.
    """

    curve: Logistic
    iteration: int
    n: int
    n_targets: int

    def p_target(self, odds: NDArray[np.floating]) -> NDArray[np.float64]:
        """Give the probability of being a target, shape (n_spectra,).

        Parameters
        ----------
        odds : ndarray, shape (n_spectra,)
            Of `mean_log_odds`; NaN gives NaN.
        """
        return self.curve.probability(odds)

    def border(self, p_target: float) -> float:
        """Give the log odds from which on a spectrum is a candidate.

        Parameters
        ----------
        p_target : float
            Probability of being a target that it has to have. However low that is, the networks
            together have to call it a target rather than not: below, a curve that was fitted to
            few answers is no guide, and there are too many spectra for its errors.
        """
        return max(0.0, (float(logit(p_target)) - self.curve.intercept) / self.curve.slope)

    @property
    def is_fitted(self) -> bool:
        """Whether the answers changed what the networks say."""
        return self.curve != AS_SAID

    def __str__(self) -> str:
        if not self.is_fitted:
            return (
                f"the networks' own word, which {self.n} answers of iteration {self.iteration}, "
                f"{self.n_targets} of them targets, bear out better than a curve fitted to them"
            )
        return (
            f"by a logistic curve fitted to {self.n} answers of iteration {self.iteration}, "
            f"{self.n_targets} of them targets"
        )


def describe_confidence(confidence: Confidence | None) -> str:
    """Say where the probabilities of being a target come from."""
    if confidence is None:
        return (
            "not calibrated, the newest network's own: a curve takes "
            f"{FEWEST} answers on what the networks call targets, {FEWEST_OF_EACH} of either kind "
            "at least, and networks that these do not contradict"
        )
    return f"calibrated {confidence}" if confidence.is_fitted else f"not calibrated: {confidence}"


def find_confidence(
    store: Store, campaign: Campaign, iteration: Iteration, before: bool = False
) -> Confidence | None:
    """Fit what an iteration's networks mean to the newest answers that can tell.

    Parameters
    ----------
    store : Store
        Read only.
    campaign : Campaign
        Whose iteration.
    iteration : Iteration
        Its own queries come first; as long as they have too few answers, those of the iteration
        before it stand in, whose networks were trained alike.
    before : bool
        Leave its own queries out: what was known when it had just been trained.

    Returns
    -------
    Confidence or None
        None where no iteration has enough answers.

    Notes
    -----
    The networks had not been taught the answers to the queries that were drawn by the predictions.
    They were chosen by strategies that look at the predictions, which makes no difference to the
    share of targets at given log odds but for what the newest network knows beyond the mean. Only
    what the networks together call targets counts, which are the candidates: elsewhere targets are
    so rare that a person's slips of the hand outnumber them. What was named by hand or for its
    likeness to a target, blind repeats and answers that teach nothing are left out.
    """
    answers = store.current_answers(campaign.name, iteration if before else None)
    told = {name: one.answer for name, one in answers.items()}
    known = store.iterations(campaign.name)[: iteration.number + 1 - before]
    for one in reversed(known):
        if _is_ranking(one) != _is_ranking(iteration):
            continue  # their log odds mean something else
        queries = [query for purpose in Purpose for query in store.queries(one, purpose)]
        found = _fit(store, campaign, one, queries, told)
        if found:
            return found
    return None


def _is_ranking(iteration: Iteration) -> bool:
    return iteration.result is not None and iteration.result.is_ranking


def _fit(
    store: Store,
    campaign: Campaign,
    iteration: Iteration,
    queries: list[Query],
    told: Mapping[str, str | None],
) -> Confidence | None:
    names = list(telling(campaign, queries, told))
    if len(names) < FEWEST:
        return None
    odds = mean_log_odds(store, campaign, iteration, open_pool(store, campaign).rows(names))
    is_target = targets_among(campaign, [told[name] for name in names])
    curve = fit_curve(odds, is_target)
    if curve is None:
        return None
    called = odds > 0
    return Confidence(curve, iteration.number, int(called.sum()), int(is_target[called].sum()))


def telling(
    campaign: Campaign,
    queries: Sequence[Query],
    told: Mapping[str, str | None],
) -> dict[str, QueryItem]:
    """Choose from queries what tells how far a network's predictions are right.

    Parameters
    ----------
    campaign : Campaign
        Whose queries.
    queries : sequence of Query
        All drawn by the predictions of one network.
    told : mapping of str to str or None
        What counts on each spectrum.

    Returns
    -------
    dict of str to QueryItem
        By identifier.
    """
    return {
        item.identifier: item
        for query in queries
        for item in query.items
        if not item.is_repeat
        and not item.chosen_by.startswith(_TELLTALE)
        and told.get(item.identifier) in campaign.trains
    }


def targets_among(campaign: Campaign, answers: Sequence[str | None]) -> NDArray[np.bool_]:
    """Tell which of some answers, all classes that are trained, are targets."""
    return np.array([campaign.trains[one or ""] in campaign.targets for one in answers], dtype=bool)


def fit_curve(odds: NDArray[np.floating], is_target: NDArray[np.bool_]) -> Logistic | None:
    """Fit the probability that what is called a target is one, where there are answers enough.

    Where a curve would make the probabilities worse, they stay what the networks say.

    Parameters
    ----------
    odds : ndarray, shape (n,)
        Log odds of spectra that tell something; those that are positive count.
    is_target : ndarray of bool, shape (n,)
        What was said of them.
    """
    odds, is_target = odds[odds > 0], is_target[odds > 0]
    n, n_targets = len(is_target), int(is_target.sum())
    if n < FEWEST or min(n_targets, n - n_targets) < FEWEST_OF_EACH:
        return None
    curve = choose_logistic(odds, is_target)
    # A falling curve says that the network is no guide; nothing is made of it.
    return curve if curve.slope > 0 else None
