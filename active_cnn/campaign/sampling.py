"""Samples that measure: drawn by chance with known probabilities, before anybody looks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from active_cnn.campaign.files import open_pool, open_predictions
from active_cnn.campaign.questions import ask, initial_rows, query_seed
from active_cnn.campaign.store import Store
from active_cnn.campaign.training_data import trained_answers
from active_cnn.errors import AcquisitionError
from active_cnn.query.scored import Choice
from active_cnn.records import Campaign, Iteration, Purpose, Query
from active_cnn.spectra.pool import Pool

PERFORMANCE_SIZE = 30


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
    seed = query_seed(store, campaign, iteration) if seed is None else seed
    rng = np.random.default_rng(seed)
    pool = open_pool(store, campaign)
    to_measure = predicted_targets(store, campaign, iteration, pool)
    chosen, notices = [], []
    population: dict[str, int] = {}
    drawn = _drawn(store, iteration, Purpose.PERFORMANCE, pool)
    for target, predicted in to_measure.items():
        population[target] = int(predicted.sum())
        predicted[drawn] = False
        rows = np.flatnonzero(predicted)
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
    return ask(
        store,
        campaign,
        iteration,
        Purpose.PERFORMANCE,
        "random",
        size,
        seed,
        Choice.by_chance("random", found),
        notice=notice,
        design={"population": population},
    )


def predicted_targets(
    store: Store, campaign: Campaign, iteration: Iteration, pool: Pool
) -> dict[str, NDArray[np.bool_]]:
    """Tell by class which rows are predicted to be targets, without what was learned from."""
    labels = open_predictions(store, iteration).labels()
    is_measurable = measurable(store, campaign, iteration, pool)
    return {
        target: (labels == campaign.network_classes.index(target)) & is_measurable
        for target in campaign.targets
    }


def measurable(
    store: Store, campaign: Campaign, iteration: Iteration, pool: Pool
) -> NDArray[np.bool_]:
    """Tell which rows of the pool the iteration's network has not learned from."""
    is_measurable = pool.usable.copy()
    is_measurable[pool.rows(list(trained_answers(store, campaign, iteration)))] = False
    is_measurable[initial_rows(store, campaign, pool)] = False
    return is_measurable


def _drawn(store: Store, iteration: Iteration, purpose: Purpose, pool: Pool) -> NDArray[np.int64]:
    queries = store.queries(iteration, purpose)
    return pool.rows([item.identifier for query in queries for item in query.items])
