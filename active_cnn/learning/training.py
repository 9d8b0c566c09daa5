"""Train a network on labelled windows, again and more gently if that came to nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import CampaignError
from active_cnn.learning.baseline import Baseline
from active_cnn.learning.fitting import Report, fit
from active_cnn.learning.judging import judge
from active_cnn.learning.keras_runtime import halving
from active_cnn.learning.network import build_network
from active_cnn.learning.presentation import Labelled, Presentation, present
from active_cnn.recipes import LEAST_EXAMPLES, TrainingSettings
from active_cnn.verdicts import Alarm, Ranking
from active_cnn.wording import one_or_many

# A training that has died is tried again with the learning rate divided by this, and so on.
GENTLER = 5
GENTLE_EPOCHS = 100


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network and what its training went through.

    Parameters
    ----------
    network : keras.Model
    settings : TrainingSettings
        It was trained with: those asked for, or gentler ones where these came to nothing.
    counts_before, counts_after : dict of str to int
        Labelled spectra of each class, before and after SMOTE.
    history : dict of str to list of float
        Losses of each epoch.
    validation : dict
        What it says of the hold-out.
    notices : tuple of str
        What a person should know.
    alarms : tuple of Alarm
        What has gone wrong.
    baseline : Baseline or None
        Trained on the same spectra; None where every class is sought.
    ranking : Ranking or None
        Of network and baseline on the hold-out.
    """

    network: keras.Model
    settings: TrainingSettings
    counts_before: dict[str, int]
    counts_after: dict[str, int]
    history: dict[str, list[float]]
    validation: dict[str, Any]
    notices: tuple[str, ...]
    alarms: tuple[Alarm, ...] = ()
    baseline: Baseline | None = None
    ranking: Ranking | None = None

    @property
    def failures(self) -> tuple[Alarm, ...]:
        """Those alarms that say that nothing has been learned."""
        return tuple(one for one in self.alarms if one.is_failure)


class DivergedError(CampaignError):
    """A training whose loss or weights are no numbers any more."""


def train(
    labelled: Labelled,
    settings: TrainingSettings,
    report: Report,
    pool_flux: NDArray[np.floating] | None = None,
) -> Trained:
    """Train a network from scratch; if it learns nothing, once again with gentler settings.

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
        If a class has fewer than two members, there is no pool to augment for, or both trainings
        diverge.
    """
    report("balancing", 0, 1, {})
    classes = labelled.classes
    counts = np.bincount(labelled.labels, minlength=len(classes))
    least = int(counts.min())
    if least < LEAST_EXAMPLES:
        raise CampaignError(
            f"Class {classes[counts.argmin()]!r} has {least} labelled "
            f"{one_or_many(least, 'spectrum', 'spectra')}; a training needs {LEAST_EXAMPLES} of "
            "each class at least. Label more of it, or add some to the initial training set."
        )
    first, why = None, ""
    try:
        first = train_once(labelled, settings, report, pool_flux)
        if not first.failures:
            return first
        why = " ".join(one.text for one in first.failures)
    except DivergedError as error:
        why = str(error)
    gentler = soften(settings)
    second = train_once(labelled, gentler, report, pool_flux)
    # Where neither has learned anything, the settings that were asked for stand.
    kept = first if first and second.failures else second
    notice = (
        f"The training had learned nothing, and was tried again once by itself. {why} The second "
        f"had a learning rate of {gentler.learning_rate:g} instead of {settings.learning_rate:g}"
        + (", and no augmentation" if settings.augmentation else "")
        + ("; it learned nothing either." if second.failures else ": this is its result.")
    )
    return replace(kept, notices=(notice, *kept.notices))


def soften(settings: TrainingSettings) -> TrainingSettings:
    """Give settings with which a training survives that has died with these."""
    return replace(
        settings,
        learning_rate=settings.learning_rate / GENTLER,
        schedule="cosine",
        max_epochs=min(settings.max_epochs, GENTLE_EPOCHS),
        augmentation=False,
        background=0,
        answer_weight=1,
    )


def train_once(
    labelled: Labelled,
    settings: TrainingSettings,
    report: Report,
    pool_flux: NDArray[np.floating] | None = None,
) -> Trained:
    """Train a network from scratch, with these settings whatever comes of it.

    Parameters
    ----------
    labelled, settings, report, pool_flux
        As of `train`.

    Returns
    -------
    Trained

    Raises
    ------
    DivergedError
        If the loss or the weights are not finite.
    """
    classes = labelled.classes
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
    # A CPU's ReLU may hide a NaN that the weights hold.
    if not all(np.isfinite(values).all() for values in (history["loss"], *network.get_weights())):
        raise DivergedError(
            f"The training diverged: after {len(history['loss'])} epochs the loss is "
            f"{history['loss'][-1]}, and the weights or the loss are not finite. "
            "Try another seed or a larger batch size."
        )
    is_balanced = settings.balancing != "none"
    judgement = judge(network, shown.held_out, known, unseen, is_balanced=is_balanced)
    return Trained(
        network=network,
        settings=settings,
        counts_before=dict(zip(classes, before.tolist(), strict=True)),
        counts_after=dict(zip(classes, shown.counts.tolist(), strict=True)),
        history={name: [float(value) for value in values] for name, values in history.items()},
        notices=notices,
        **vars(judgement),
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
