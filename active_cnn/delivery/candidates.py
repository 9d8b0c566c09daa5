"""The candidate table: what the oracle confirmed and what the networks hold to be a target."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from active_cnn.campaign.committee import (
    mean_log_odds,
    possible_targets,
    target_positions,
)
from active_cnn.campaign.confidence import find_confidence
from active_cnn.campaign.files import last_scored, open_pool, open_predictions
from active_cnn.campaign.rule import rule_significance
from active_cnn.campaign.store import Store
from active_cnn.delivery.columns import CALIBRATED, RULE, probability_columns
from active_cnn.errors import CampaignError
from active_cnn.records import Campaign

ORACLE, NETWORK = "oracle", "network"


def find_candidates(store: Store, campaign: Campaign) -> pd.DataFrame:
    """List the candidates of a campaign with all that is known of them.

    A spectrum that the oracle called a target is one; so is a spectrum that the newest networks
    together call one, unless the oracle called it something else. As long as the answers are too
    few to calibrate them, the newest network alone is asked. Where the oracle is unsure, the
    prediction stands and the answer is shown beside it.

    Parameters
    ----------
    store : Store
        Read only.
    campaign : Campaign
        Which campaign.

    Returns
    -------
    pandas.DataFrame
        Columns identifier, ra, dec (degrees), label, source ("oracle" or "network"), answer,
        p_<class> of each class of the newest network (named by `probability_columns`), p_calibrated
        (that it is a target, by the newest networks and the answers; NaN where there are too few),
        entropy (nats), rule_sigma
        (how far a peak at the line stands above the continuum, the rule that the network has to
        beat), iteration (that the label comes from), snr_r, designation, pipeline_class, oracle,
        note, path; the oracle's first, then by falling probability, then in the order of the pool.

    Raises
    ------
    CampaignError
        If the campaign has never been scored.
    """
    return describe_candidates(store, campaign, list_candidates(store, campaign))


def list_candidates(store: Store, campaign: Campaign) -> pd.DataFrame:
    """List the candidates without what the pool says of each in words.

    That leaves out most of the reading: of a hundred thousand candidates a page shows a hundred.

    Parameters
    ----------
    store, campaign
        As for `find_candidates`.

    Returns
    -------
    pandas.DataFrame
        The same rows in the same order: row (of the pool), label, source, answer, p_<class>,
        p_calibrated, entropy, rule_sigma, iteration, snr_r, oracle, note.

    Raises
    ------
    CampaignError
        If the campaign has never been scored.
    """
    iteration = last_scored(store, campaign.name)
    if iteration is None:
        raise CampaignError(
            f"Campaign {campaign.name!r} has no candidates yet: nothing has been predicted. "
            "Train its first iteration."
        )
    predictions = open_predictions(store, iteration)
    labels = predictions.labels()
    pool = open_pool(store, campaign)
    answers = store.current_answers(campaign.name)
    said = dict(zip(pool.rows(list(answers)).tolist(), answers.values(), strict=True))

    targets = np.array(target_positions(campaign))
    is_candidate = np.isin(labels, targets)
    confidence = find_confidence(store, campaign, iteration)
    p_target = np.full(len(labels), np.nan)
    if confidence:
        asked = np.union1d(possible_targets(store, campaign, iteration), list(said)).astype(int)
        odds = mean_log_odds(store, campaign, iteration, asked)
        p_target[asked] = confidence.p_target(odds)
        is_candidate = np.zeros(len(labels), dtype=bool)
        is_candidate[asked] = odds > 0
    confirmed = {
        row: campaign.trains[one.answer]
        for row, one in said.items()
        if one.answer and one.answer in campaign.target_answers
    }
    for row, one in said.items():
        if one.answer in campaign.trains:
            is_candidate[row] = row in confirmed
    rows = np.flatnonzero(is_candidate)

    names = np.array(campaign.network_classes, dtype=object)
    probabilities = predictions.probabilities(rows)
    label = names[targets[probabilities[:, targets].argmax(axis=1)]]
    source = np.full(len(rows), NETWORK, dtype=object)
    number = np.full(len(rows), iteration.number)
    answer, oracle, note = (np.full(len(rows), "", dtype=object) for _ in range(3))
    for place in np.flatnonzero(np.isin(rows, list(said))):
        row = int(rows[place])
        one = said[row]
        answer[place], oracle[place], note[place] = one.answer, one.oracle, one.note
        if row in confirmed:
            label[place], source[place], number[place] = confirmed[row], ORACLE, one.iteration
    rule = rule_significance(store, campaign)
    table = pd.DataFrame(
        {
            "row": rows,
            "label": label,
            "source": source,
            "answer": answer,
            **dict(
                zip(
                    probability_columns(campaign.network_classes).values(),
                    probabilities.T,
                    strict=True,
                )
            ),
            CALIBRATED: p_target[rows],
            "entropy": predictions.entropy()[rows],
            **_rule_column(campaign, rule, rows),
            "iteration": number,
            "snr_r": pool.column("snr_r")[rows],
            "oracle": oracle,
            "note": note,
        }
    )
    order = np.lexsort((rows, -candidate_probability(table, campaign), source != ORACLE))
    return table.iloc[order].reset_index(drop=True)


def _rule_column(
    campaign: Campaign, rule: NDArray[np.float32] | None, rows: NDArray[np.int64]
) -> dict[str, Any]:
    if not campaign.search.fixed_lines:
        return {}
    return {RULE: np.nan if rule is None else np.asarray(rule[rows])}


def describe_candidates(store: Store, campaign: Campaign, listed: pd.DataFrame) -> pd.DataFrame:
    """Add to candidates what the pool says of each.

    Parameters
    ----------
    store, campaign
        As for `find_candidates`.
    listed : pandas.DataFrame
        Some rows of `list_candidates`, in any order.

    Returns
    -------
    pandas.DataFrame
        These rows in their order, with the columns of `find_candidates`.
    """
    known = open_pool(store, campaign).metadata(listed["row"].to_numpy())
    columns = {**known, **listed.reset_index(drop=True)}
    return pd.DataFrame(
        {
            name: columns[name]
            for name in (
                "identifier", "ra", "dec", "label", "source", "answer", CALIBRATED,
                *probability_columns(campaign.network_classes).values(),
                "entropy", RULE, "iteration", "snr_r", "designation", "pipeline_class",
                "oracle", "note", "path",
            )
            if name in columns
        }
    )  # fmt: skip


def candidate_probability(candidates: pd.DataFrame, campaign: Campaign) -> pd.Series:
    """Give the calibrated probability of being a target, or else the network's of the label."""
    probability = candidates[CALIBRATED].astype(float)
    for label, column in probability_columns(campaign.network_classes).items():
        chosen = probability.isna() & (candidates["label"] == label)
        probability[chosen] = candidates.loc[chosen, column]
    return probability


def above_threshold(candidates: pd.DataFrame, threshold: float, campaign: Campaign) -> pd.DataFrame:
    """Keep what the oracle confirmed and what is a target with such a probability at least."""
    is_likely = candidate_probability(candidates, campaign) >= threshold
    return candidates[is_likely | (candidates["source"] == ORACLE)].reset_index(drop=True)


def describe_threshold(threshold: float) -> str:
    """Say which candidates `above_threshold` keeps."""
    return f"confirmed by the oracle, or a target with a probability of {threshold:g} at least"
