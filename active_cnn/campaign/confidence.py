"""How likely what the network calls a target is one, told by answers it had not been taught."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_cnn.campaign.store import Store
from active_cnn.evaluation.calibration import Logistic, fit_logistic, log_odds
from active_cnn.records import Campaign, Iteration, Purpose, Query

# With fewer answers, or fewer of either kind, a curve follows chance.
FEWEST = 30
FEWEST_OF_EACH = 5

# What was asked about for another reason than the network's prediction, such as its likeness to a
# target, is more often one, or more rarely, than others of that prediction.
_TELLTALE = ("similar", "by hand", "disagreement")


@dataclass(frozen=True)
class Confidence:
    """Turns an iteration's probabilities into that of being a target.

    Parameters
    ----------
    curve : Logistic
        Of the network's log odds.
    targets : tuple of int
        Positions of the network's classes that are sought.
    iteration : int
        By whose predictions the answered spectra were chosen.
    n, n_targets : int
        Answers on predicted targets that it was fitted to, and targets among them.
    """

    curve: Logistic
    targets: tuple[int, ...]
    iteration: int
    n: int
    n_targets: int

    def p_target(self, probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
        """Give the probability of being a target, shape (n_spectra,).

        Parameters
        ----------
        probabilities : ndarray, shape (n_spectra, n_classes)
            What the network says; NaN gives NaN.
        """
        return self.curve.probability(log_odds(probabilities, self.targets))

    def __str__(self) -> str:
        return (
            f"logistic curve fitted to {self.n} answers of iteration {self.iteration}, "
            f"{self.n_targets} of them targets"
        )


def find_confidence(
    store: Store, campaign: Campaign, iteration: Iteration, before: bool = False
) -> Confidence | None:
    """Fit what an iteration's probabilities mean to the newest answers that can tell.

    Parameters
    ----------
    store : Store
        Read only.
    campaign : Campaign
        Whose iteration.
    iteration : Iteration
        Its own queries come first; as long as they have too few answers, those of the iteration
        before it stand in, whose network was trained alike.
    before : bool
        Leave its own queries out: what was known when it had just been trained.

    Returns
    -------
    Confidence or None
        None where no iteration has enough answers.

    Notes
    -----
    The network had not been taught the answers to the queries that were drawn by its predictions.
    They were chosen by strategies that look at the predictions, which makes no difference to the
    share of targets at a given prediction. Only predicted targets count, which it is applied to:
    elsewhere targets are so rare that a person's slips of the hand outnumber them. What was named
    by hand or for its likeness to a target, blind repeats and answers that teach nothing are left
    out.
    """
    answers = store.current_answers(campaign.name, iteration if before else None)
    told = {name: one.answer for name, one in answers.items()}
    known = store.iterations(campaign.name)[: iteration.number + 1 - before]
    for one in reversed(known):
        queries = [query for purpose in Purpose for query in store.queries(one, purpose)]
        found = _fit(campaign, one.number, queries, told)
        if found:
            return found
    return None


def _fit(
    campaign: Campaign, number: int, queries: list[Query], told: dict[str, str | None]
) -> Confidence | None:
    known = {
        item.identifier: item.probabilities
        for query in queries
        for item in query.items
        if item.predicted in campaign.targets
        and not item.is_repeat
        and not item.chosen_by.startswith(_TELLTALE)
        and told.get(item.identifier) in campaign.trains
    }
    is_target = np.array(
        [campaign.trains[told[name] or ""] in campaign.targets for name in known], dtype=bool
    )
    n, n_targets = len(is_target), int(is_target.sum())
    if n < FEWEST or min(n_targets, n - n_targets) < FEWEST_OF_EACH:
        return None
    targets = tuple(campaign.network_classes.index(target) for target in campaign.targets)
    curve = fit_logistic(log_odds(np.array(list(known.values())), targets), is_target)
    # A falling curve says that the network is no guide; nothing is made of it.
    return Confidence(curve, targets, number, n, n_targets) if curve.slope > 0 else None
