"""Whether a campaign may stop: its own figures against its goals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from active_cnn.campaign.audit import Audit, measure_audit
from active_cnn.campaign.campaign import measure_precision
from active_cnn.campaign.comparison import DISAGREEMENT
from active_cnn.campaign.files import last_scored, open_pool, open_predictions
from active_cnn.campaign.sampling import predicted_targets
from active_cnn.campaign.store import Store
from active_cnn.campaign.training_data import trained_answers
from active_cnn.evaluation.comparison import migration, stability
from active_cnn.evaluation.precision import Precision, Unsure
from active_cnn.evaluation.proportions import upper_bound
from active_cnn.evaluation.stopping import ROUNDS, Goals, Stopping, judge_stopping
from active_cnn.records import Campaign, Iteration, Purpose

# Fewer answers make no rate.
FEWEST_ANSWERS = 10


def read_goals(store: Store, campaign: Campaign) -> Goals:
    """Give the goals of a campaign."""
    return Goals(**store.goals(campaign.name))


def set_goals(store: Store, campaign: Campaign, goals: Goals) -> None:
    """Keep other goals."""
    store.set_goals(campaign.name, asdict(goals))


def kappas(store: Store, campaign: Campaign) -> list[float]:
    """Give Cohen's kappa between successive networks on the whole pool, of the last rounds."""
    scored = [one for one in store.iterations(campaign.name) if one.result][-(ROUNDS + 1) :]
    labels = [open_predictions(store, one).labels() for one in scored]
    found = [
        stability(migration(before, after, len(campaign.network_classes)))
        for before, after in zip(labels, labels[1:], strict=False)
    ]
    # Where all is of one and the same class in both, nothing has changed.
    return [1.0 if math.isnan(value) else value for value in found]


def finds_per_100(store: Store, campaign: Campaign) -> list[float]:
    """Give the targets among the answers to each iteration's relabelling, per 100 answers.

    Disagreements of two networks do not count: they were asked about to compare these.
    """
    answers = store.current_answers(campaign.name)
    targets = campaign.target_answers
    found: dict[int, list[bool]] = {}
    for query in store.all_queries(campaign.name):
        if query.purpose is Purpose.RELABEL:
            for item in query.items:
                given = answers.get(item.identifier)
                is_of_round = not item.is_repeat and item.chosen_by != DISAGREEMENT
                if given and given.answer and is_of_round:
                    found.setdefault(query.iteration, []).append(given.answer in targets)
    return [100 * float(np.mean(said)) for said in found.values() if len(said) >= FEWEST_ANSWERS]


def _audited_recall(audit: Audit | None) -> float | None:
    if audit is None:
        return None
    # The list is what is handed on, with what has been confirmed; of the predictions alone, a
    # network that has learned most targets can show little.
    if audit.listed:
        return audit.listed.recall_low
    found = audit.completeness[Unsure.EXCLUDED]
    return found.low if found else None


def _least_precisions(
    store: Store, campaign: Campaign, iteration: Iteration
) -> dict[str, float | None]:
    """Bound the precision of each class that is handed on: predicted, or learned and confirmed.

    The sample is of the predictions that the network has not learned from. The more of the targets
    have been found, the fewer of these are right, however pure the whole is.
    """
    answers = store.current_answers(campaign.name)
    learned = [
        answers[one] for one in trained_answers(store, campaign, iteration) if one in answers
    ]
    confirmed = Counter(campaign.trains.get(one.answer or "") for one in learned)
    samples = measure_precision(store, campaign, iteration)
    left = {name: one.population for name, one in samples.items()}
    if not any(one.n_drawn for one in samples.values()):
        # There may be nothing that a sample could be drawn from.
        predicted = predicted_targets(store, campaign, iteration, open_pool(store, campaign))
        left = {name: int(rows.sum()) for name, rows in predicted.items()}
    return {
        name: _least_precision(one, left[name], confirmed[name]) for name, one in samples.items()
    }


def _least_precision(sample: Precision, n_left: int | None, n_confirmed: int) -> float | None:
    if n_left == 0:
        return 1.0 if n_confirmed else None
    if not sample.n_judged:
        return None
    low = 1 - upper_bound(sample.n_judged - sample.n_right, sample.n_judged)
    if n_left is None:  # not known to an earlier version
        return low
    return (n_confirmed + max(low * n_left, sample.n_right)) / (n_confirmed + n_left)


def advise_stopping(
    store: Store, campaign: Campaign, agreement: Sequence[float] | None = None
) -> Stopping | None:
    """Judge whether a campaign may stop; None where nothing has been predicted yet.

    Parameters
    ----------
    store, campaign
        Read only.
    agreement : sequence of float, optional
        `kappas`, where they are known already.
    """
    iteration = last_scored(store, campaign.name)
    if iteration is None:
        return None
    return judge_stopping(
        read_goals(store, campaign),
        _least_precisions(store, campaign, iteration),
        kappas(store, campaign) if agreement is None else agreement,
        _audited_recall(measure_audit(store, campaign, iteration)),
        finds_per_100(store, campaign),
    )
