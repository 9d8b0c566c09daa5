"""Answers that the network contradicts: many of them are slips of the hand."""

from __future__ import annotations

from itertools import groupby

import numpy as np

from active_cnn.campaign.committee import target_positions
from active_cnn.campaign.confidence import fit_curve, targets_among, telling
from active_cnn.campaign.store import Store
from active_cnn.evaluation.calibration import log_odds
from active_cnn.records import Campaign, Purpose, Query

# An answer that has a smaller chance is looked at again.
LEAST_LIKELY = 0.1


def find_doubts(store: Store, campaign: Campaign) -> dict[str, float]:
    """Find the answers that the network held for unlikely before it was taught them.

    Parameters
    ----------
    store : Store
        Read only.
    campaign : Campaign
        Whose answers. Spectra of its samples and audits are left out, which measure the network
        and must not follow it, and so are those on which people differ, or that more people are
        still to judge.

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
    state = store.count_queries(campaign.name), store.sharing(campaign.name), campaign.classes
    found = store.log(campaign.name).derived("doubts", state, lambda: _find(store, campaign))
    return found.copy()


def _find(store: Store, campaign: Campaign) -> dict[str, float]:
    told = {name: one.answer for name, one in store.current_answers(campaign.name).items()}
    opinions = store.opinions(campaign.name)
    queries = sorted(store.all_queries(campaign.name), key=_network)
    measured = {
        item.identifier
        for query in queries
        if query.purpose is not Purpose.RELABEL
        for item in query.items
    }
    n_wanted = store.sharing(campaign.name).n_wanted
    positions = target_positions(campaign)
    doubts: dict[str, float] = {}
    curve = None
    for _, some in groupby(queries, key=_network):
        drawn = list(some)
        items = telling(campaign, drawn, told)
        if not items:
            continue
        odds = log_odds(np.array([one.probabilities for one in items.values()]), positions)
        is_target = targets_among(campaign, [told[name] for name in items])
        curve = fit_curve(odds, is_target) or curve
        if curve is None:
            continue
        numbers = {query.number for query in drawn}
        for name, p in zip(items, curve.probability(odds), strict=True):
            said = opinions.get(name, ())
            answers = {one.answer for one in said}
            # Where people are asked apart from each other, they are all asked first.
            if name in measured or len(said) < n_wanted or len(answers) != 1:
                continue
            (answer,) = answers
            if answer not in campaign.trains or said[-1].query not in numbers:
                continue
            chance = float(p if campaign.trains[answer] in campaign.targets else 1 - p)
            if chance < LEAST_LIKELY:
                doubts[name] = chance
    return dict(sorted(doubts.items(), key=lambda item: item[1]))


def open_doubts(store: Store, campaign: Campaign) -> list[str]:
    """List the doubtful answers that nobody has looked at again, the least likely first."""
    settled = store.adjudications(campaign.name)
    return [name for name in find_doubts(store, campaign) if name not in settled]


def _network(query: Query) -> tuple[int, int]:
    return query.iteration, query.job
