"""How far an iteration's probabilities can be trusted, told by spectra whose class is known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from active_cnn.campaign.store import Store
from active_cnn.evaluation.reliability import Reliability, measure_reliability
from active_cnn.records import Campaign, Iteration, Purpose

# With fewer, neither a diagram nor a calibration says anything.
FEWEST = 20


class Source(StrEnum):
    """Where the spectra come from whose class is known."""

    SAMPLE = "answers to the random sample"
    HELD_OUT = "held-out spectra of the training"


@dataclass(frozen=True, eq=False)
class MeasuredReliability:
    """How far an iteration's probabilities can be trusted, and how that is known.

    Parameters
    ----------
    n_answers : int
        Answers to the random sample that tell a class.
    n_unsure : int
        Those that tell none.
    source : Source or None
        What it was measured on: the answers, or the held-out spectra as long as there are fewer
        than `FEWEST` of them; None where there are too few of both.
    reliability : Reliability or None
        None with the source.
    """

    n_answers: int
    n_unsure: int
    source: Source | None
    reliability: Reliability | None


def measure(store: Store, campaign: Campaign, iteration: Iteration) -> MeasuredReliability:
    """Measure how far an iteration's probabilities can be trusted.

    Parameters
    ----------
    store : Store
        Read only.
    campaign : Campaign
        Whose iteration.
    iteration : Iteration
        Its random sample of predicted targets, which it was not trained on, is measured by the
        current answers; the same ones give the same figures.

    Returns
    -------
    MeasuredReliability
    """
    probabilities, labels, n_unsure = _answered(store, campaign, iteration)
    n_answers, source = len(labels), Source.SAMPLE
    if n_answers < FEWEST:
        probabilities, labels = _held_out(iteration)
        source = Source.HELD_OUT
    if len(labels) < FEWEST:
        return MeasuredReliability(n_answers, n_unsure, None, None)
    rng = np.random.default_rng(iteration.seed)
    measured = measure_reliability(probabilities, labels, rng)
    return MeasuredReliability(n_answers, n_unsure, source, measured)


def _answered(
    store: Store, campaign: Campaign, iteration: Iteration
) -> tuple[NDArray[np.float64], NDArray[np.int64], int]:
    answers = store.current_answers(campaign.name)
    asked = {
        item.identifier: item.probabilities
        for query in store.queries(iteration, Purpose.PERFORMANCE)
        for item in query.items
    }
    said = {name: answers[name].answer for name in asked if name in answers}
    taught = {name: campaign.trains[one] for name, one in said.items() if one in campaign.trains}
    position = {name: i for i, name in enumerate(campaign.network_classes)}
    return (
        np.array([asked[name] for name in taught]).reshape(-1, len(position)),
        np.array([position[one] for one in taught.values()], dtype=np.int64),
        sum(one is not None for one in said.values()) - len(taught),
    )


def _held_out(iteration: Iteration) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    # Trainings of versions before this one kept no probabilities.
    validation = iteration.result.validation if iteration.result else {}
    return (
        np.array(validation.get("probabilities", []), dtype=float),
        np.array(validation.get("labels", []), dtype=np.int64),
    )
