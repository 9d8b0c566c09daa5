"""How labelled spectra, and spectra of the pool, are presented to a network in training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import CampaignError
from active_cnn.learning.augmentation import Augmentation, in_continuum_units, noise_level
from active_cnn.learning.balancing import K_NEIGHBOURS, balance
from active_cnn.learning.batches import (
    AugmentedBatches,
    Batch,
    Examples,
    PlainBatches,
    augmented,
)
from active_cnn.recipes import HELD_OUT, TrainingSettings
from active_cnn.spectra.scaling import Scaling


@dataclass(frozen=True, eq=False)
class Labelled:
    """What a network is trained on.

    Parameters
    ----------
    flux : ndarray, shape (n_spectra, n_wavelengths)
        Of spectra without defects, not rescaled.
    labels : ndarray of int, shape (n_spectra,)
        Position of each spectrum's class in `classes`.
    is_of_pool : ndarray of bool, shape (n_spectra,)
        Which of them the pool's instrument has taken: they have its noise already.
    classes : tuple of str
        The network's classes; each needs two spectra at least.
    targets : tuple of str
        Those of them that are sought.
    scaling : Scaling
        How the network is to see them; its grid says where their windows are.
    """

    flux: NDArray[np.floating]
    labels: NDArray[np.int64]
    is_of_pool: NDArray[np.bool_]
    classes: tuple[str, ...]
    targets: tuple[str, ...]
    scaling: Scaling

    @property
    def is_target(self) -> NDArray[np.bool_]:
        """Which classes are sought, shape (n_classes,)."""
        return np.isin(self.classes, self.targets)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Labelled:
        """Give some of the spectra."""
        return replace(
            self,
            flux=self.flux[rows],
            labels=self.labels[rows],
            is_of_pool=self.is_of_pool[rows],
        )


@dataclass(frozen=True, eq=False)
class Presentation:
    """What a network is shown.

    Parameters
    ----------
    batches : AugmentedBatches or PlainBatches
        In the training.
    held_out : Batch or None
        To say how well it does: first the labelled spectra that are held out, then some of the
        pool.
    counts : ndarray of int, shape (n_classes,)
        Labelled spectra of each class in training, those that SMOTE made too.
    class_shares : ndarray, shape (n_classes,)
        Of all that is shown; spectra of the pool count for the classes that they may belong to.
    notices : tuple of str
        What a person should know.
    """

    batches: AugmentedBatches | PlainBatches
    held_out: Batch | None
    counts: NDArray[np.int64]
    class_shares: NDArray[np.float64]
    notices: tuple[str, ...]


def present(
    known: Labelled,
    unseen: Labelled,
    pool_flux: NDArray[np.floating] | None,
    settings: TrainingSettings,
    rng: np.random.Generator,
) -> Presentation:
    """Prepare what a network is shown.

    Parameters
    ----------
    known, unseen : Labelled
        To train on, and held out.
    pool_flux : ndarray, shape (n_drawn, n_wavelengths) or None
        Spectra of the pool; see `train`.
    settings : TrainingSettings
    rng : numpy.random.Generator

    Returns
    -------
    Presentation

    Raises
    ------
    CampaignError
        If the settings ask for an augmentation and there is no pool.
    """
    notices: list[str] = []
    if settings.monitor == HELD_OUT and not len(unseen.labels):
        notices.append("Nothing is held out: the training was stopped by its own loss.")
    parts = known.scaling.grid.parts
    prepare = partial(in_continuum_units, parts=parts) if settings.augmentation else known.scaling
    spectra, labels, is_of_pool = prepare(known.flux), known.labels, known.is_of_pool
    if settings.balancing == "smote":
        spectra, labels, reduced = balance(spectra, labels, rng)
        n_made = len(labels) - len(is_of_pool)
        is_of_pool = np.concatenate([is_of_pool, np.zeros(n_made, dtype=bool)])
        notices += [
            f"SMOTE used {k} neighbours instead of {K_NEIGHBOURS} for class "
            f"{known.classes[label]!r}, which has {k + 1} spectra to learn from."
            for label, k in reduced.items()
        ]
    counts = np.bincount(labels, minlength=len(known.classes))
    weights = np.ones(len(counts))
    if settings.balancing == "class weights":
        weights = counts.sum() / (len(counts) * counts)
    examples = _examples(known, spectra, labels, is_of_pool, weights)
    test = _examples(
        known, prepare(unseen.flux), unseen.labels, unseen.is_of_pool, np.ones(len(counts))
    )
    if not settings.augmentation:
        seed = int(rng.integers(2**32))
        batches = PlainBatches(examples, settings.batch_size, seed)
        held_out = (test.spectra, test.allowed, test.weight) if len(test) else None
        return Presentation(batches, held_out, counts, counts / counts.sum(), tuple(notices))
    return _augmented(known, examples, test, pool_flux, settings, rng, counts, tuple(notices))


def _augmented(
    known: Labelled,
    examples: Examples,
    test: Examples,
    pool_flux: NDArray[np.floating] | None,
    settings: TrainingSettings,
    rng: np.random.Generator,
    counts: NDArray[np.int64],
    notices: tuple[str, ...],
) -> Presentation:
    if pool_flux is None or not len(pool_flux):
        raise CampaignError(
            "The augmentation draws noise as the pool has it, and no usable spectrum of the pool "
            "is left to measure it on. Train without augmentation."
        )
    augmentation = Augmentation.of_pool(
        pool_flux, examples.spectra, examples.is_target, known.scaling
    )
    # Where every class is sought, no class is left for spectra that nobody has looked at.
    n_background = 0 if known.is_target.all() else settings.background
    background = _background(known, pool_flux[:n_background])
    n_test = round(settings.holdout * len(background)) if len(test) else 0
    test_background, background = (
        background.take(slice(n_test)),
        background.take(slice(n_test, None)),
    )
    seed = int(rng.integers(2**32))
    # What has been answered is of the pool itself, chosen because it teaches, and few.
    again = np.where(np.isinf(examples.noise[:, 0]), settings.answer_weight, 1)
    examples = examples.take(np.repeat(np.arange(len(again)), again))
    batches = AugmentedBatches(examples, background, augmentation, settings.batch_size, seed)
    held_out = None
    if len(test):
        # In training both kinds count alike.
        if n_test:
            weight = test_background.weight * np.float32(len(test) / n_test)
            test_background = replace(test_background, weight=weight)
        held_out = augmented(test.joined(test_background), augmentation, rng)
    shares = counts / counts.sum()
    if len(background):
        shares = (shares + ~known.is_target / (~known.is_target).sum()) / 2
    return Presentation(batches, held_out, counts, shares, notices)


def _examples(
    known: Labelled,
    spectra: NDArray[np.float32],
    labels: NDArray[np.int64],
    is_of_pool: NDArray[np.bool_],
    weights: NDArray[np.float64],
) -> Examples:
    return Examples(
        spectra,
        np.eye(len(known.classes), dtype=np.float32)[labels],
        known.is_target[labels],
        np.where(is_of_pool[:, None], np.inf, noise_level(spectra, known.scaling.grid.parts)),
        weights[labels].astype(np.float32),
    )


def _background(known: Labelled, flux: NDArray[np.floating]) -> Examples:
    # Noise is added as if they had none: measured, they teach more that way.
    allowed = np.tile((~known.is_target).astype(np.float32), (len(flux), 1))
    return Examples(
        in_continuum_units(flux, known.scaling.grid.parts),
        allowed,
        np.zeros(len(flux), dtype=bool),
        np.zeros((len(flux), len(known.scaling.grid.parts))),
        np.ones(len(flux), dtype=np.float32),
    )
