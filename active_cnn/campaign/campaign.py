"""The verbs of a campaign: record an answer, measure, go on."""

from __future__ import annotations

import uuid

from active_cnn.campaign.files import open_pool
from active_cnn.campaign.rule import rule_significance
from active_cnn.campaign.store import Store
from active_cnn.errors import CampaignError
from active_cnn.evaluation.precision import Judgement, Precision, estimate_precision
from active_cnn.names import trim
from active_cnn.records import (
    AnswerEvent,
    Campaign,
    Iteration,
    Purpose,
    Query,
)


def record_answer(
    store: Store,
    query: Query,
    identifier: str,
    answer: str | None,
    *,
    oracle: str,
    note: str = "",
    event: str | None = None,
) -> None:
    """Store what the oracle says of one spectrum; None takes an earlier answer back.

    Parameters
    ----------
    store : Store
        Where it is kept; it is on the disk when this returns.
    query : Query
        The query that asked.
    identifier : str
        Which of its spectra.
    answer : str or None
        Name of one of the campaign's classes.
    oracle : str
        Who says it.
    note : str
        Anything else worth keeping.
    event : str, optional
        Unique name of this act; the same one twice is stored once.

    Raises
    ------
    CampaignError
        If the query does not ask about that spectrum, or there is no such class.
    """
    name = event or uuid.uuid4().hex
    act = AnswerEvent(name, query.number, trim(identifier), answer, note.strip())
    refused = store.add_answers(query.campaign, [act], oracle)
    if refused:
        raise CampaignError(refused[act.event])


def judge(campaign: Campaign, predicted: str, answer: str | None) -> Judgement:
    """Tell whether an answer agrees with a prediction."""
    if answer is None:
        return Judgement.OPEN
    if answer not in campaign.trains:
        return Judgement.UNSURE
    return Judgement.RIGHT if campaign.trains[answer] == predicted else Judgement.WRONG


def measure_precision(
    store: Store, campaign: Campaign, iteration: Iteration
) -> dict[str, Precision]:
    """Estimate the precision of an iteration's predicted targets, class by class."""
    answers = store.current_answers(campaign.name)
    queries = store.queries(iteration, Purpose.PERFORMANCE)
    items = [item for query in queries for item in query.items]
    # Queries of versions before this one did not say what they were drawn from.
    population = queries[0].design.get("population", {}) if queries else {}
    judged: dict[str, list[Judgement]] = {target: [] for target in campaign.targets}
    for item in items:
        answer = answers.get(item.identifier)
        judged[item.predicted].append(
            judge(campaign, item.predicted, answer.answer if answer else None)
        )
    return {
        target: estimate_precision(judgements, population.get(target))
        for target, judgements in judged.items()
    }


def rule_in_sample(
    store: Store, campaign: Campaign, iteration: Iteration
) -> dict[str, tuple[int, int]] | None:
    """Count what the simple rule calls of an iteration's judged sample.

    Returns
    -------
    dict of str to tuple of int, or None
        By predicted target how many of its right ones the rule calls, and how many of its wrong
        ones; None where the rule has not been applied to the pool.
    """
    significance = rule_significance(store, campaign)
    if significance is None:
        return None
    answers = store.current_answers(campaign.name)
    items = [
        item
        for query in store.queries(iteration, Purpose.PERFORMANCE)
        for item in query.items
        if item.identifier in answers
    ]
    rows = open_pool(store, campaign).rows([item.identifier for item in items])
    counts = {target: {Judgement.RIGHT: 0, Judgement.WRONG: 0} for target in campaign.targets}
    for item, row in zip(items, rows.tolist(), strict=True):
        said = judge(campaign, item.predicted, answers[item.identifier].answer)
        if said in counts[item.predicted]:
            counts[item.predicted][said] += bool(significance[row] >= campaign.search.sigma)
    return {name: (n[Judgement.RIGHT], n[Judgement.WRONG]) for name, n in counts.items()}


def close_iteration(store: Store, campaign: Campaign, number: int | None = None) -> Iteration:
    """Close the open iteration; the next one's training set knows all answers given until now.

    Raises
    ------
    CampaignError
        If `number` is not the open iteration, it has not been scored, or it is being trained.
    """
    if number is None:
        number = store.iteration(campaign.name).number
    return store.close_iteration(campaign.name, number, campaign.seed + number + 1)
