"""The candidate table: what the oracle confirmed and what the network predicts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from active_cnn.campaign.files import last_scored, open_pool, open_predictions
from active_cnn.campaign.store import Store
from active_cnn.errors import CampaignError
from active_cnn.records import Campaign

ORACLE, NETWORK = "oracle", "network"


def probability_column(network_class: str) -> str:
    """Name the column of a class's probability."""
    return f"p_{network_class}"


def find_candidates(store: Store, campaign: Campaign) -> pd.DataFrame:
    """List the candidates of a campaign.

    A spectrum that the oracle called a target is one; so is a spectrum that the newest network
    predicts to be one, unless the oracle called it something else. Where the oracle is unsure,
    the prediction stands and the answer is shown beside it.

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
        p_<class> of each class of the network, entropy (nats), iteration (that the label comes
        from), snr_r, designation, pipeline_class, oracle, note, path; the oracle's first, then
        by falling probability of the label.

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
    answers = store.current_answers(campaign.name)
    pool = open_pool(store, campaign)
    answered = dict(zip(answers, pool.rows(list(answers)).tolist(), strict=True))
    target_classes = {c.name for c in campaign.classes if c.is_target}

    target_positions = [campaign.network_classes.index(target) for target in campaign.targets]
    is_candidate = np.isin(labels, target_positions)
    by_oracle = np.zeros(len(labels), dtype=bool)
    for identifier, answer in answers.items():
        row = answered[identifier]
        if answer.answer in campaign.trains:
            is_candidate[row] = by_oracle[row] = answer.answer in target_classes
    rows = np.flatnonzero(is_candidate)

    probabilities = predictions.probabilities(rows)
    table = pool.metadata(rows)
    said = [answers.get(identifier) for identifier in table["identifier"]]
    from_oracle = by_oracle[rows]
    predicted = np.array(campaign.network_classes, dtype=object)[
        labels[rows].clip(max=len(campaign.network_classes) - 1)
    ]
    table["label"] = [
        campaign.trains[answer.answer] if is_oracle and answer and answer.answer else prediction
        for answer, is_oracle, prediction in zip(said, from_oracle, predicted, strict=True)
    ]
    table["source"] = np.where(from_oracle, ORACLE, NETWORK)
    table["answer"] = [answer.answer if answer else "" for answer in said]
    for position, name in enumerate(campaign.network_classes):
        table[probability_column(name)] = probabilities[:, position]
    table["entropy"] = predictions.entropy()[rows]
    table["iteration"] = [
        answer.iteration if is_oracle and answer else iteration.number
        for answer, is_oracle in zip(said, from_oracle, strict=True)
    ]
    table["oracle"] = [answer.oracle if answer else "" for answer in said]
    table["note"] = [answer.note if answer else "" for answer in said]
    table["p_label"] = candidate_probability(table)
    table = table.sort_values(
        ["source", "p_label", "identifier"], ascending=[False, False, True], ignore_index=True
    )
    return table[
        [
            "identifier", "ra", "dec", "label", "source", "answer",
            *(probability_column(name) for name in campaign.network_classes),
            "entropy", "iteration", "snr_r", "designation", "pipeline_class", "oracle", "note",
            "path",
        ]
    ]  # fmt: skip


def candidate_probability(candidates: pd.DataFrame) -> pd.Series:
    """Give the newest network's probability of each candidate's label."""
    probability = pd.Series(np.nan, index=candidates.index)
    for label in candidates["label"].unique():
        chosen = candidates["label"] == label
        probability[chosen] = candidates.loc[chosen, probability_column(label)]
    return probability


def above_threshold(candidates: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Keep what the oracle confirmed and what the network says with such a probability at least."""
    keep = (candidates["source"] == ORACLE) | (candidate_probability(candidates) >= threshold)
    return candidates[keep].reset_index(drop=True)
