"""What the oracle is asked: the random sample that measures, the query that teaches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from active_cnn.campaign.files import last_scored, open_pool, open_predictions
from active_cnn.campaign.store import Store
from active_cnn.campaign.training_data import initial_identifiers, trained_answers
from active_cnn.errors import AcquisitionError, CampaignError
from active_cnn.learning.predictions import NOT_PREDICTED
from active_cnn.query.strategies import STRATEGIES, Predictions
from active_cnn.records import (
    Campaign,
    Iteration,
    Purpose,
    Query,
    QueryItem,
)
from active_cnn.spectra.pool import Pool

PERFORMANCE_SIZE = 30

RELABEL_SIZE = 100


def draw_performance_sample(
    store: Store, campaign: Campaign, size: int = PERFORMANCE_SIZE, seed: int | None = None
) -> Query:
    """Draw predicted targets at random, `size` of each class, to measure the precision on.

    Every predicted target that the network was not trained on is equally likely, whether it has
    been answered in the meantime or not.

    Raises
    ------
    AcquisitionError
        If nothing is predicted to be a target, or all of it has been drawn.
    CampaignError
        If the open iteration has not been scored.
    """
    if size < 1:
        raise AcquisitionError(f"Cannot draw {size} spectra of each class: ask for 1 at least.")
    iteration = store.iteration(campaign.name)
    labels = open_predictions(store, iteration).labels()
    seed = _query_seed(store, campaign, iteration) if seed is None else seed
    rng = np.random.default_rng(seed)
    pool = open_pool(store, campaign)
    drawn = [
        item.identifier
        for query in store.queries(iteration, Purpose.PERFORMANCE)
        for item in query.items
    ]
    left_out = np.zeros(pool.n, dtype=bool)
    left_out[pool.rows([*trained_answers(store, campaign, iteration), *drawn])] = True
    left_out[_initial_rows(store, campaign, pool)] = True
    chosen, notices = [], []
    for target in campaign.targets:
        position = campaign.network_classes.index(target)
        rows = np.flatnonzero((labels == position) & ~left_out)
        if len(rows) < size:
            notices.append(f"{len(rows)} of {size} {target}")
        chosen.append(rng.choice(rows, min(size, len(rows)), replace=False))
    found = rng.permutation(np.concatenate(chosen)).astype(np.int64)
    if not len(found):
        raise AcquisitionError(
            f"Iteration {iteration.number} predicts no {' or '.join(campaign.targets)} spectrum "
            "that has not been drawn already: there is nothing more to measure. "
            "Relabel some spectra and go on to the next iteration."
        )
    notice = f"There were fewer than asked for: {', '.join(notices)}." if notices else ""
    return _ask(
        store, campaign, iteration, Purpose.PERFORMANCE, "random", size, seed, found, notice
    )


def draw_relabel_query(
    store: Store,
    campaign: Campaign,
    strategy: str = "entropy",
    size: int = RELABEL_SIZE,
    seed: int | None = None,
) -> Query:
    """Choose unanswered spectra for the oracle by a strategy of `STRATEGIES`.

    They are chosen by the newest predictions: while the open iteration is being trained, by those
    of the one before it.

    Raises
    ------
    AcquisitionError
        If there is no such strategy, or nothing left that it would ask about.
    CampaignError
        If no iteration has been scored.
    """
    if strategy not in STRATEGIES:
        raise AcquisitionError(
            f"There is no query strategy {strategy!r}. Choose one of {', '.join(STRATEGIES)}."
        )
    if size < 1:
        raise AcquisitionError(f"Cannot ask about {size} spectra: ask for 1 at least.")
    iteration = last_scored(store, campaign.name) or store.iteration(campaign.name)
    file = open_predictions(store, iteration)
    predictions = Predictions(
        labels=file.labels(),
        entropy=file.entropy(),
        targets=tuple(campaign.network_classes.index(target) for target in campaign.targets),
    )
    seed = _query_seed(store, campaign, iteration) if seed is None else seed
    pool = open_pool(store, campaign)
    known = {
        *store.opinions(campaign.name),
        *store.adjudications(campaign.name),
        *store.asked(iteration),
    }
    is_open = predictions.labels != NOT_PREDICTED
    is_open[pool.rows(sorted(known))] = False
    is_open[_initial_rows(store, campaign, pool)] = False
    rows = np.flatnonzero(is_open)
    n_open = int(predictions.is_target[rows].sum()) if strategy == "random-target" else len(rows)
    if not n_open:
        raise AcquisitionError(
            f"Nothing is left that the strategy {strategy!r} would ask about in iteration "
            f"{iteration.number}. Choose another strategy, or go on to the next iteration."
        )
    notice = f"There were {n_open} of {size} spectra to ask about." if n_open < size else ""
    chosen = STRATEGIES[strategy](predictions, rows, min(size, n_open), np.random.default_rng(seed))
    return _ask(
        store,
        campaign,
        iteration,
        Purpose.RELABEL,
        strategy,
        size,
        seed,
        chosen,
        notice,
        predictions.entropy[chosen],
    )


def _initial_rows(store: Store, campaign: Campaign, pool: Pool) -> NDArray[np.int64]:
    # Spectra of the initial training set may lie in the pool too: they are known already.
    rows = pool.find(initial_identifiers(store, campaign))
    return rows[rows >= 0]


def _query_seed(store: Store, campaign: Campaign, iteration: Iteration) -> int:
    parts = (campaign.seed, iteration.number, store.count_queries(campaign.name))
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def _ask(
    store: Store,
    campaign: Campaign,
    iteration: Iteration,
    purpose: Purpose,
    strategy: str,
    size: int,
    seed: int,
    rows: NDArray[np.int64],
    notice: str,
    scores: NDArray[np.float32] | None = None,
) -> Query:
    probabilities = open_predictions(store, iteration).probabilities(rows)
    identifiers = open_pool(store, campaign).identifiers(rows)
    if iteration.job is None:
        raise CampaignError(f"Iteration {iteration.number} has no predictions yet. Train it first.")
    return store.add_query(
        Query(
            number=0,
            campaign=campaign.name,
            iteration=iteration.number,
            job=iteration.job,
            purpose=purpose,
            strategy=strategy,
            size=size,
            seed=seed,
            created_at="",
            notice=notice,
            items=tuple(
                QueryItem(
                    position=position,
                    identifier=identifier,
                    predicted=campaign.network_classes[int(row.argmax())],
                    probabilities=tuple(float(p) for p in row),
                    score=None if scores is None else float(scores[position]),
                )
                for position, (identifier, row) in enumerate(
                    zip(identifiers, probabilities, strict=True)
                )
            ),
        )
    )
