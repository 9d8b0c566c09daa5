"""What a trained network is worth: its hold-out, the baseline beside it, and alarms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from active_cnn.evaluation.alarms import (
    can_be_judged,
    describe_below_baseline,
    find_failure,
    find_high_loss,
    find_missing_classes,
    find_same_features,
)
from active_cnn.evaluation.calibration import log_odds
from active_cnn.evaluation.ranking import is_ranked_worse, rank
from active_cnn.learning.baseline import Baseline, fit_baseline
from active_cnn.learning.batches import Batch
from active_cnn.learning.features import unit_vectors
from active_cnn.learning.keras_runtime import KerasRuntime
from active_cnn.learning.presentation import Labelled
from active_cnn.verdicts import Alarm, Ranking

# Held-out spectra whose probabilities are kept, and by which alarms are found; drawn at random.
MOST_KEPT = 2000


@dataclass(frozen=True, eq=False)
class Judgement:
    """What is found out about a network that has just been trained.

    Parameters
    ----------
    validation : dict
        What it says of the hold-out, as plain values.
    baseline : Baseline or None
        Trained on the same spectra; None where every class is sought.
    ranking : Ranking or None
        Of the held-out spectra as they are; None where targets or others are missing among them.
    alarms : tuple of Alarm
    """

    validation: dict[str, Any]
    baseline: Baseline | None
    ranking: Ranking | None
    alarms: tuple[Alarm, ...]


def judge(
    network: keras.Model,
    held_out: Batch | None,
    known: Labelled,
    unseen: Labelled,
    *,
    is_balanced: bool,
) -> Judgement:
    """Judge a network.

    Parameters
    ----------
    network : keras.Model
        A trained one.
    held_out : Batch or None
        As of `Presentation`: the labelled ones first.
    known, unseen : Labelled
        What it was trained on, and what was held out.
    is_balanced : bool
        Whether its probabilities are meant for classes that are equally frequent.

    Returns
    -------
    Judgement
    """
    runtime = KerasRuntime(network)
    n = len(unseen.labels)
    if held_out is None or not n:
        validation: dict[str, Any] = {"n": 0, "confusion": []}
        alarms = _judge_by_known(runtime, known)
    else:
        probabilities, features = runtime.predict(held_out[0])
        validation = _validate(probabilities[:n], unseen)
        if can_be_judged(unseen.labels, known.is_target):
            weights = held_out[2].astype(np.float64)
            if is_balanced:
                weights[:n] = 1 / np.bincount(unseen.labels)[unseen.labels]
                weights[n:] = 0
            high = find_high_loss(probabilities, held_out[1], weights)
            said = (probabilities[:n], features[:n])
            found = _find_alarms(said, held_out[0][:n], unseen, "held-out spectra")
            alarms = [*found, *([high] if high else [])]
        else:
            alarms = _judge_by_known(runtime, known)
    if known.is_target.all():
        return Judgement(validation, None, None, tuple(alarms))
    baseline = fit_baseline(known.scaling.plain(known.flux), known.is_target[known.labels])
    ranking, is_worse = _rank_held_out(runtime, baseline, unseen)
    if ranking and is_worse:
        alarms.append(describe_below_baseline(ranking))
    return Judgement(validation, baseline, ranking, tuple(alarms))


def _validate(probabilities: NDArray[np.float32], unseen: Labelled) -> dict[str, Any]:
    confusion = np.zeros((len(unseen.classes), len(unseen.classes)), dtype=int)
    np.add.at(confusion, (unseen.labels, probabilities.argmax(axis=1)), 1)
    # A store reads all its iterations for every page: what calibration needs is kept, not all.
    kept = _keep(len(unseen.labels))
    return {
        "n": len(unseen.labels),
        "confusion": confusion.tolist(),
        "probabilities": probabilities[kept].astype(float).round(7).tolist(),
        "labels": unseen.labels[kept].tolist(),
    }


def _judge_by_known(runtime: KerasRuntime, known: Labelled) -> list[Alarm]:
    # Of few held out nothing can be said; who learns nothing has not learned these by heart either.
    some = known.take(_keep(len(known.labels)))
    if not can_be_judged(some.labels, some.is_target):
        return []
    windows = some.scaling(some.flux)
    return _find_alarms(runtime.predict(windows), windows, some, "spectra that it was trained on")


def _find_alarms(
    said: tuple[NDArray[np.float32], NDArray[np.float32]],
    windows: NDArray[np.float32],
    labelled: Labelled,
    what: str,
) -> list[Alarm]:
    kept = _keep(len(windows))
    probabilities, features = (one[kept] for one in said)
    labels, classes, is_target = labelled.labels[kept], labelled.classes, labelled.is_target
    failure = find_failure(probabilities, labels, classes, is_target, what)
    same = find_same_features(unit_vectors(features), windows[kept])
    predicted = probabilities.argmax(axis=1)
    missing = find_missing_classes(predicted, labels, classes, is_target, what)
    return [one for one in (failure, *missing, same) if one]


def _rank_held_out(
    runtime: KerasRuntime, baseline: Baseline, unseen: Labelled
) -> tuple[Ranking | None, bool]:
    is_target = unseen.is_target[unseen.labels]
    n = len(is_target)
    if not 0 < is_target.sum() < n:
        return None, False
    windows = unseen.scaling(unseen.flux)
    own = log_odds(runtime.predict(windows)[0], tuple(np.flatnonzero(unseen.is_target).tolist()))
    its = baseline(unseen.scaling.plain(unseen.flux))
    kept = _keep(n)
    is_worse = can_be_judged(unseen.labels[kept], unseen.is_target) and is_ranked_worse(
        own[kept], its[kept], is_target[kept], np.random.default_rng(0)
    )
    return rank(own, its, is_target), is_worse


def _keep(n: int) -> NDArray[np.int64]:
    return np.sort(np.random.default_rng(0).permutation(n)[:MOST_KEPT])
