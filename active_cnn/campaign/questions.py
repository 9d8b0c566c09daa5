"""What every question to the oracle has in common: what it leaves out, its seed, its storing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from active_cnn.campaign.files import last_scored, open_features, open_pool, open_predictions
from active_cnn.campaign.store import Store
from active_cnn.campaign.training_data import initial_identifiers
from active_cnn.errors import CampaignError
from active_cnn.query.scored import Choice, Scored
from active_cnn.records import Campaign, Iteration, Purpose, Query, QueryItem
from active_cnn.spectra.pool import Pool


def newest_scored(store: Store, campaign: Campaign) -> Iteration:
    """Give the iteration by whose predictions spectra are chosen.

    While the open iteration is being trained, that is the one before it.

    Raises
    ------
    CampaignError
        If no iteration has been scored.
    """
    found = last_scored(store, campaign.name)
    if found is None:
        number = store.iteration(campaign.name).number
        raise CampaignError(
            f"Iteration {number} of {campaign.name!r} has no predictions yet. Train it first."
        )
    return found


def open_scored(store: Store, campaign: Campaign, iteration: Iteration, pool: Pool) -> Scored:
    """Give what strategies look at: predictions, answers and features."""
    answers = store.current_answers(campaign.name)
    named = {i: one.answer for i, one in answers.items() if one.answer in campaign.trains}
    position = {name: place for place, name in enumerate(campaign.network_classes)}
    return Scored(
        probabilities=open_predictions(store, iteration).all_probabilities(),
        targets=tuple(position[target] for target in campaign.targets),
        answered=pool.rows(list(named)),
        answers=np.array([position[campaign.trains[name]] for name in named.values()], dtype=int),
        features=open_features(store, iteration),
    )


def open_rows(
    store: Store, campaign: Campaign, iteration: Iteration, pool: Pool, scored: Scored
) -> NDArray[np.int64]:
    """Give the rows that nobody has judged and that no query of the iteration asks about."""
    is_open = np.isfinite(scored.probabilities[:, 0])
    known = {
        *store.opinions(campaign.name),
        *store.adjudications(campaign.name),
        *store.asked(iteration),
    }
    is_open[pool.rows(sorted(known))] = False
    is_open[initial_rows(store, campaign, pool)] = False
    return np.flatnonzero(is_open)


def initial_rows(store: Store, campaign: Campaign, pool: Pool) -> NDArray[np.int64]:
    """Give the rows of the pool that are in the initial training set too: they are known."""
    rows = pool.find(initial_identifiers(store, campaign))
    return rows[rows >= 0]


def query_seed(store: Store, campaign: Campaign, iteration: Iteration) -> int:
    """Derive the seed of the campaign's next query."""
    parts = (campaign.seed, iteration.number, store.count_queries(campaign.name))
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def ask(
    store: Store,
    campaign: Campaign,
    iteration: Iteration,
    purpose: Purpose,
    strategy: str,
    size: int,
    seed: int,
    choice: Choice,
    *,
    notice: str = "",
    design: Mapping[str, Any] | None = None,
    is_repeat: NDArray[np.bool_] | None = None,
) -> Query:
    """Store a query about the chosen spectra.

    Raises
    ------
    CampaignError
        If the iteration has no predictions, or has been closed or trained anew meanwhile.
    """
    if iteration.job is None:
        raise CampaignError(f"Iteration {iteration.number} has no predictions yet. Train it first.")
    probabilities = open_predictions(store, iteration).probabilities(choice.rows)
    identifiers = open_pool(store, campaign).identifiers(choice.rows)
    repeated = np.zeros(len(choice), dtype=bool) if is_repeat is None else is_repeat
    items = tuple(
        QueryItem(
            position=position,
            identifier=identifier,
            predicted=campaign.network_classes[int(row.argmax())],
            probabilities=tuple(float(p) for p in row),
            score=None if np.isnan(score) else float(score),
            chosen_by=chosen_by,
            is_repeat=bool(again),
        )
        for position, (identifier, row, score, chosen_by, again) in enumerate(
            zip(identifiers, probabilities, choice.scores, choice.chosen_by, repeated, strict=True)
        )
    )
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
            items=items,
            design=dict(design or {}),
        )
    )
