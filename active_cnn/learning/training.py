"""Train a network on labelled windows, and say on a hold-out how well it does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import CampaignError
from active_cnn.evaluation.failure import can_be_judged, find_failure
from active_cnn.learning.batches import Batch
from active_cnn.learning.fitting import Report, fit
from active_cnn.learning.keras_runtime import halving
from active_cnn.learning.network import build_network
from active_cnn.learning.presentation import Labelled, Presentation, present
from active_cnn.recipes import TrainingSettings
from active_cnn.spectra.preprocessing import rescale

# Held-out spectra whose probabilities are kept, drawn at random.
MOST_KEPT = 2000


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network and what its training went through.

    `alarms` say that it has learned nothing, and how that shows.
    """

    network: keras.Model
    counts_before: dict[str, int]
    counts_after: dict[str, int]
    history: dict[str, list[float]]
    validation: dict[str, Any]
    notices: tuple[str, ...]
    alarms: tuple[str, ...] = ()


def train(
    labelled: Labelled,
    settings: TrainingSettings,
    report: Report,
    pool_flux: NDArray[np.floating] | None = None,
) -> Trained:
    """Train a network from scratch.

    Parameters
    ----------
    labelled : Labelled
        What is known.
    settings : TrainingSettings
        The same settings give the same network on the same machine.
    report : callable
        Told how far the training is.
    pool_flux : ndarray, shape (n_drawn, n_wavelengths), optional
        Usable spectra of the pool, drawn at random among those that nobody has looked at; not
        rescaled. They say what the pool's noise is like, and the first `settings.background` of
        them are shown as no targets.

    Returns
    -------
    Trained

    Raises
    ------
    CampaignError
        If a class has fewer than two members, or there is no pool to augment for.
    """
    report("balancing", 0, 1, {})
    classes = labelled.classes
    counts = np.bincount(labelled.labels, minlength=len(classes))
    if counts.min() < 2:
        raise CampaignError(
            f"Class {classes[counts.argmin()]!r} has {counts.min()} labelled spectra; "
            "a training needs at least 2 of each class. Label more of it, or add some to "
            "the initial training set."
        )
    rng = np.random.default_rng(settings.seed)
    held_out = _hold_out(labelled.labels, settings.holdout, rng)
    known, unseen = labelled.take(~held_out), labelled.take(held_out)
    before = np.bincount(known.labels, minlength=len(classes))
    state = rng.bit_generator.state

    def attempt(batch_size: int) -> tuple[keras.Model, Presentation, dict[str, list[float]]]:
        rng.bit_generator.state = state
        keras.utils.set_random_seed(settings.seed)
        with_size = replace(settings, batch_size=batch_size)
        shown = present(known, unseen, pool_flux, with_size, rng)
        network = build_network(settings.network, labelled.flux.shape[1], len(classes))
        return network, shown, fit(network, shown, with_size, report)

    (network, shown, history), size = halving(attempt, settings.batch_size)
    notices = shown.notices
    if size < settings.batch_size:
        notices += (
            f"The device has no memory for batches of {settings.batch_size} spectra: "
            f"batches of {size} were used.",
        )
    # A CPU's ReLU and the clipped loss may hide a NaN that the weights hold.
    if not all(np.isfinite(values).all() for values in (history["loss"], *network.get_weights())):
        raise CampaignError(
            f"The training diverged: after {len(history['loss'])} epochs the loss is "
            f"{history['loss'][-1]}, and the weights or the loss are not finite. "
            "Try another seed or a larger batch size."
        )
    validation = _validate(network, shown.held_out, unseen)
    return Trained(
        network=network,
        counts_before=dict(zip(classes, before.tolist(), strict=True)),
        counts_after=dict(zip(classes, shown.counts.tolist(), strict=True)),
        history={name: [float(value) for value in values] for name, values in history.items()},
        validation=validation,
        notices=notices,
        alarms=_find_alarms(network, validation, known),
    )


def _hold_out(
    labels: NDArray[np.int64], share: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    held_out = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        # Two of each class are kept for the training, whatever the share.
        n = min(round(share * len(members)), len(members) - 2)
        held_out[members[:n]] = True
    return held_out


def _validate(network: keras.Model, held_out: Batch | None, unseen: Labelled) -> dict[str, Any]:
    # Behind the labelled ones stand those of the pool, which nobody has looked at.
    n = len(unseen.labels)
    if held_out is None or not n:
        return {"n": 0, "confusion": []}
    probabilities = network.predict(held_out[0][:n], batch_size=1024, verbose=0)
    confusion = np.zeros((len(unseen.classes), len(unseen.classes)), dtype=int)
    np.add.at(confusion, (unseen.labels, probabilities.argmax(axis=1)), 1)
    # A store reads all its iterations for every page: what calibration needs is kept, not all.
    kept = np.sort(np.random.default_rng(0).permutation(n)[:MOST_KEPT])
    return {
        "n": n,
        "confusion": confusion.tolist(),
        "probabilities": probabilities[kept].astype(float).round(7).tolist(),
        "labels": unseen.labels[kept].tolist(),
    }


def _find_alarms(
    network: keras.Model, validation: dict[str, Any], known: Labelled
) -> tuple[str, ...]:
    probabilities = np.array(validation.get("probabilities", []))
    labels = np.array(validation.get("labels", []), dtype=np.int64)
    what = "held-out spectra"
    if not can_be_judged(labels, known.is_target):
        # Of so few nothing can be said; who learns nothing has not learned these by heart either.
        kept = np.random.default_rng(0).permutation(len(known.labels))[:MOST_KEPT]
        labels, what = known.labels[kept], "spectra that it was trained on"
        if not can_be_judged(labels, known.is_target):
            return ()
        probabilities = network.predict(rescale(known.flux[kept]), batch_size=1024, verbose=0)
    failure = find_failure(probabilities, labels, known.classes, known.is_target)
    return () if failure is None else (f"Of {what}, the network {failure}.",)
