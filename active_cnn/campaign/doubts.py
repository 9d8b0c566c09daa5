"""Answers that the network contradicts: many of them are slips of the hand."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from active_cnn.campaign.committee import target_positions
from active_cnn.campaign.confidence import fit_curve, targets_among, telling
from active_cnn.campaign.store import Store
from active_cnn.evaluation.calibration import log_odds
from active_cnn.records import Campaign, Purpose, Query, QueryItem

# An answer that has a smaller chance is looked at again.
LEAST_LIKELY = 0.1


def find_doubts(store: Store, campaign: Campaign) -> dict[str, float]:
    """Find the answers that the network held for unlikely before it was taught them.

    Parameters
    ----------
    store : Store
        Read only.
    campaign : Campaign
        Whose answers; those to its samples and audits are left out, which measure the network and
        must not follow it, and so are spectra on which people differ.

    Returns
    -------
    dict of str to float
        Chance of each such answer by the network that the query was drawn by, calibrated on the
        answers to all queries that were; the least likely first. Adjudicated ones are among them.

    References
    ----------
    Northcutt, Jiang & Chuang (2021), J. Artif. Intell. Res. 70, 1373: what a network that has not
    seen a label holds for unlikely is often mislabelled.
    """
    told = {name: one.answer for name, one in store.current_answers(campaign.name).items()}
    said = {
        name: {one.answer for one in opinions}
        for name, opinions in store.opinions(campaign.name).items()
    }
    positions = target_positions(campaign)
    doubts: dict[str, float] = {}
    curve = None
    queries = sorted(store.all_queries(campaign.name), key=_network)
    for _, some in groupby(queries, key=_network):
        drawn = list(some)
        known = telling(campaign, drawn, told)
        answers = [told[name] for name in known]
        curve = fit_curve(_odds(known, positions), targets_among(campaign, answers)) or curve
        asked = [query for query in drawn if query.purpose is Purpose.RELABEL]
        items = telling(campaign, asked, told, is_predicted=False)
        if curve is None:
            continue
        for name, p in zip(items, curve.probability(_odds(items, positions)), strict=True):
            answers = list(said.get(name, ()))
            if len(answers) != 1 or answers[0] not in campaign.trains:
                continue
            chance = float(p if campaign.trains[answers[0]] in campaign.targets else 1 - p)
            if chance < LEAST_LIKELY:
                doubts[name] = chance
    return dict(sorted(doubts.items(), key=lambda item: item[1]))


def open_doubts(store: Store, campaign: Campaign) -> list[str]:
    """List the doubtful answers that nobody has looked at again, the least likely first."""
    settled = store.adjudications(campaign.name)
    return [name for name in find_doubts(store, campaign) if name not in settled]


def _network(query: Query) -> tuple[int, int]:
    return query.iteration, query.job


def _odds(items: dict[str, QueryItem], positions: tuple[int, ...]) -> NDArray[np.float64]:
    n_classes = max((len(one.probabilities) for one in items.values()), default=len(positions))
    said = [one.probabilities for one in items.values()]
    return log_odds(np.array(said, dtype=float).reshape(-1, n_classes), positions)
