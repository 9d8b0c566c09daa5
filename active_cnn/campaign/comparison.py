"""Two iterations of a campaign against each other, and one against its answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from active_cnn.campaign.files import open_pool, open_predictions
from active_cnn.campaign.questions import ask, newest_scored, open_rows, open_scored, query_seed
from active_cnn.campaign.store import Store
from active_cnn.errors import AcquisitionError
from active_cnn.evaluation.comparison import (
    NOT_PREDICTED,
    McNemar,
    mcnemar,
    migration,
    stability,
)
from active_cnn.query.scored import Choice
from active_cnn.records import Campaign, Iteration, Purpose, Query

DISAGREEMENT = "disagreement"
DISAGREEMENT_SIZE = 30
UNTAUGHT = "unsure"


@dataclass(frozen=True, eq=False)
class Comparison:
    """What changed from one network to a later one.

    Parameters
    ----------
    table : ndarray of int, shape (n_classes, n_classes)
        Spectra by their class before (row) and after (column).
    kappa : float
        Cohen's, on the whole pool; NaN where all is of one class in both.
    n_differ : int
        Spectra whose class changed.
    n_asked, n_judged : int
        Of these, drawn at random to be judged, and judged so far.
    n_neither : int
        Judged ones that both have wrong.
    test : McNemar
        Which of the two is right more often among the judged ones.
    """

    table: NDArray[np.int64]
    kappa: float
    n_differ: int
    n_asked: int
    n_judged: int
    n_neither: int
    test: McNemar


def migrate(
    store: Store, campaign: Campaign, first: Iteration, second: Iteration
) -> NDArray[np.int64]:
    """Count how spectra moved from class to class between two networks."""
    before, after = (open_predictions(store, one).labels() for one in (first, second))
    return migration(before, after, len(campaign.network_classes))


def compare_iterations(
    store: Store,
    campaign: Campaign,
    first: Iteration,
    second: Iteration,
    table: NDArray[np.int64] | None = None,
) -> Comparison:
    """Compare two networks on the whole pool, and by what was judged of their disagreements.

    Parameters
    ----------
    store, campaign
        Read only.
    first, second : Iteration
        Both scored.
    table : ndarray, optional
        Of `migrate`, where it is known already.

    Returns
    -------
    Comparison
        The test counts answers to `draw_disagreement_query` alone: what strategies chose was not
        drawn at random among the disagreements.
    """
    table = migrate(store, campaign, first, second) if table is None else table
    asked = [
        item.identifier
        for query in store.all_queries(campaign.name)
        if query.design.get("jobs") == [first.job, second.job]
        for item in query.items
    ]
    answers = store.current_answers(campaign.name)
    position = {name: i for i, name in enumerate(campaign.network_classes)}
    truth = {
        name: position[campaign.trains[answers[name].answer or ""]]
        for name in asked
        if name in answers and answers[name].answer in campaign.trains
    }
    n_first = n_second = 0
    if truth:
        rows = open_pool(store, campaign).rows(list(truth))
        right = [
            open_predictions(store, one).labels()[rows] == list(truth.values())
            for one in (first, second)
        ]
        n_first, n_second = (int(one.sum()) for one in right)
    return Comparison(
        table=table,
        kappa=stability(table),
        n_differ=int(table.sum() - table.trace()),
        n_asked=len(asked),
        n_judged=len(truth),
        n_neither=len(truth) - n_first - n_second,
        test=mcnemar(n_first, n_second),
    )


def draw_disagreement_query(
    store: Store,
    campaign: Campaign,
    first: Iteration,
    second: Iteration,
    size: int = DISAGREEMENT_SIZE,
) -> Query:
    """Ask about spectra that two networks call different classes, drawn at random.

    Spectra that are answered, in the training set or being asked about are left out, so that
    neither network has learned from what is drawn.

    Raises
    ------
    AcquisitionError
        If fewer than one is asked for, or they agree on all that is open.
    CampaignError
        If no iteration has been scored.
    """
    if size < 1:
        raise AcquisitionError(f"Cannot ask about {size} spectra: ask for 1 at least.")
    iteration = newest_scored(store, campaign)
    pool = open_pool(store, campaign)
    scored = open_scored(store, campaign, iteration, pool)
    rows = open_rows(store, campaign, iteration, pool, scored)
    before, after = (open_predictions(store, one).labels()[rows] for one in (first, second))
    is_both = (before != NOT_PREDICTED) & (after != NOT_PREDICTED)
    differ = rows[is_both & (before != after)]
    if not len(differ):
        raise AcquisitionError(
            f"Iterations {first.number} and {second.number} agree on every spectrum that is open: "
            "there is nothing to judge between them."
        )
    seed = query_seed(store, campaign, iteration)
    rng = np.random.default_rng(seed)
    drawn = rng.choice(differ, min(size, len(differ)), replace=False)
    few = f"There were {len(drawn)} of {size} spectra to ask about."
    return ask(
        store,
        campaign,
        iteration,
        Purpose.RELABEL,
        f"{DISAGREEMENT} of {first.number} and {second.number}",
        size,
        seed,
        Choice.by_chance(DISAGREEMENT, drawn),
        notice=few if len(drawn) < size else "",
        design={"jobs": [first.job, second.job]},
    )


def confusion(store: Store, campaign: Campaign, iteration: Iteration) -> pd.DataFrame:
    """Count what was answered of spectra that were drawn at random, by what was predicted.

    Returns
    -------
    pandas.DataFrame
        A row for each predicted class of the network and a column for each that was answered,
        with "unsure" for what teaches none: the random sample of predicted targets and the audit,
        neither of which the iteration's network has learned from. The two are drawn with
        different chances; the numbers are counts, no rates of the pool.
    """
    answers = store.current_answers(campaign.name)
    seen: Counter[tuple[str, str]] = Counter()
    items = {
        item.identifier: item.predicted
        for purpose in (Purpose.PERFORMANCE, Purpose.AUDIT)
        for query in store.queries(iteration, purpose)
        for item in query.items
    }
    for identifier, predicted in items.items():
        given = answers.get(identifier)
        if given and given.answer:
            seen[predicted, campaign.trains.get(given.answer, UNTAUGHT)] += 1
    names = list(campaign.network_classes)
    return pd.DataFrame(
        [[seen[row, column] for column in [*names, UNTAUGHT]] for row in names],
        index=names,
        columns=[*names, UNTAUGHT],
    )
