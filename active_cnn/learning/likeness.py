"""Ranking a pool by its likeness to a handful of examples, while a network would learn too little.

The windows are whitened: principal components of the pool, each in units of its own scatter. What
most of the pool differs by counts no more there than what makes a rare spectrum rare. The angle
between two whitened spectra then tells how alike they are, whatever the strength of what they
share, and a logistic regression on the directions parts the examples from the rest of the pool.
All of it is a small network of Keras, which predicts, is stored and is exported like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from active_cnn.errors import CampaignError
from active_cnn.learning.network import MOST_FEATURES
from active_cnn.learning.presentation import Labelled
from active_cnn.learning.training import Trained
from active_cnn.recipes import TrainingSettings
from active_cnn.search import ScalingMethod
from active_cnn.spectra.preprocessing import rescale
from active_cnn.spectra.scaling import Scaling
from active_cnn.wording import one_or_many

# Of the regression on unit vectors. Measured on four simulated searches, docs/cases.md: ten times
# more or less changes little.
STRENGTH = 0.1
# Spectra of the pool for each component at least: of fewer, its scatter is not known.
PER_COMPONENT = 10
# A class that nothing is known of has this logit: it is never predicted.
NEVER = -30.0


def fit_likeness(
    labelled: Labelled, pool_flux: NDArray[np.floating], settings: TrainingSettings, why: str
) -> Trained:
    """Make a network that ranks spectra by their likeness to the examples of the targets.

    Each target class with an example is parted from everything else: spectra drawn from the pool,
    nearly all of which are no targets, and what is labelled otherwise, each of which counts as
    often as `settings.answer_weight` of these. Both sides have the same weight together. What is
    no target is not told apart: it is all predicted as the class most of them have.

    Parameters
    ----------
    labelled : Labelled
        What is known: one target at least.
    pool_flux : ndarray, shape (n_drawn, n_wavelengths)
        Usable spectra of the pool that nobody has looked at, not rescaled.
    settings : TrainingSettings
        Only `answer_weight` and `seed` are used.
    why : str
        Why it is made instead of a network; the first notice.

    Returns
    -------
    Trained
        Without epochs, hold-out and baseline.

    Raises
    ------
    CampaignError
        If there is no target, or not enough of the pool.

    References
    ----------
    Kraut, Scharf & McWhorter (2001), IEEE Trans. Signal Process., 49, 1 (the angle between
    whitened spectra as a detector).
    """
    counts = np.bincount(labelled.labels, minlength=len(labelled.classes))
    known = np.flatnonzero((counts > 0) & labelled.is_target)
    if not known.size:
        raise CampaignError(
            "No example of a target is left to rank the pool by. Answer one as a target."
        )
    if len(pool_flux) < 2:
        raise CampaignError(
            "No two usable spectra of the pool are left that the examples could be told from. "
            "Give a larger pool."
        )
    scaling = labelled.scaling
    background = _by_range(pool_flux, scaling)
    kernel, bias = _whitening(background, settings.seed)
    drawn = _unit_vectors(background @ kernel + bias)
    directions = _unit_vectors(_by_range(labelled.flux, scaling) @ kernel + bias)
    weights = np.zeros((drawn.shape[1], len(counts)))
    logits = np.full(len(counts), NEVER)
    rest = _class_of_the_rest(counts, labelled.is_target)
    logits[rest] = 0.0
    for one in known:
        weights[:, one], logits[one] = _part(
            directions[labelled.labels == one],
            directions[labelled.labels != one],
            drawn,
            settings.answer_weight,
        )
    network = _as_network(kernel, bias, weights, logits, scaling)
    before = dict(zip(labelled.classes, counts.tolist(), strict=True))
    return Trained(
        network=network,
        settings=settings,
        counts_before=before,
        counts_after=before,
        history={},
        validation={"n": 0, "confusion": []},
        notices=(why, *_left_out(labelled, counts, rest)),
    )


def _whitening(
    windows: NDArray[np.float32], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    n = min(MOST_FEATURES, max(2, len(windows) // PER_COMPONENT), *windows.shape)
    components = PCA(n, random_state=seed).fit(windows)
    # Of a pool whose spectra hardly differ, a component may have no scatter at all.
    scatter = np.sqrt(components.explained_variance_)
    scatter = np.maximum(scatter, 1e-6 * max(float(scatter[0]), 1e-6))
    kernel = components.components_.T / scatter
    return kernel, -components.mean_ @ kernel


def _unit_vectors(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(length, 1e-12)).astype(np.float64)


def _part(
    targets: NDArray[np.float64],
    others: NDArray[np.float64],
    drawn: NDArray[np.float64],
    weight: int,
) -> tuple[NDArray[np.float64], float]:
    directions = np.concatenate([targets, others, drawn])
    is_target = np.arange(len(directions)) < len(targets)
    counts = np.ones(len(directions))
    counts[len(targets) : len(targets) + len(others)] = weight
    for side in (is_target, ~is_target):
        counts[side] *= len(counts) / (2 * counts[side].sum())
    found = LogisticRegression(C=STRENGTH, max_iter=3000).fit(
        directions, is_target, sample_weight=counts
    )
    return found.coef_[0], float(found.intercept_[0])


def _class_of_the_rest(counts: NDArray[np.int64], is_target: NDArray[np.bool_]) -> int:
    others = np.flatnonzero(~is_target)
    if not others.size:
        raise CampaignError(
            "Every class is looked for, so that none is left for the rest of the pool. Define one."
        )
    return int(others[counts[others].argmax()])


def _by_range(flux: NDArray[np.floating], scaling: Scaling) -> NDArray[np.float32]:
    # Components find more in windows by minimum and maximum than by the other methods.
    windows = scaling(flux)
    is_already = scaling.method is ScalingMethod.MINMAX
    return windows if is_already else rescale(windows, scaling.grid.parts)


def _from_end_to_end(window: Any) -> Any:
    """Do in the network what `rescale` does."""
    low, high = (extreme(window, axis=1, keepdims=True) for extreme in (ops.min, ops.max))
    return (window - low) / (high - low) * 2 - 1


def _as_network(
    kernel: NDArray[np.float64],
    bias: NDArray[np.float64],
    weights: NDArray[np.float64],
    logits: NDArray[np.float64],
    scaling: Scaling,
) -> keras.Model:
    inputs = keras.Input((len(kernel),))
    windows = inputs
    if scaling.method is not ScalingMethod.MINMAX:
        parts = [_from_end_to_end(inputs[:, one]) for one in scaling.grid.parts]
        windows = ops.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]
    whiten = layers.Dense(kernel.shape[1], name="whitened")
    x = layers.UnitNormalization()(whiten(windows))  # (n, n_components): the features
    part = layers.Dense(weights.shape[1])
    network = keras.Model(inputs, layers.Softmax()(part(x)), name="likeness")
    whiten.set_weights([kernel, bias])
    part.set_weights([weights, logits])
    return network


def _left_out(labelled: Labelled, counts: NDArray[np.int64], rest: int) -> Sequence[str]:
    targets = [
        name
        for name, n, is_target in zip(labelled.classes, counts, labelled.is_target, strict=True)
        if is_target and not n
    ]
    others = [
        name
        for i, (name, is_target) in enumerate(
            zip(labelled.classes, labelled.is_target, strict=True)
        )
        if not is_target and i != rest
    ]
    said = []
    if targets:
        said.append(
            f"Nothing is predicted to be {' or '.join(map(repr, targets))}: there is no example of "
            f"{one_or_many(len(targets), 'it', 'them')} yet."
        )
    if others:
        said.append(
            f"A ranking does not tell apart what is no target: all of it is predicted as "
            f"{labelled.classes[rest]!r}, nothing as {' or '.join(map(repr, others))}."
        )
    return said
