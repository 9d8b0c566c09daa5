"""Train a network on labelled windows, and say on a hold-out how well it does."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import CampaignError
from active_cnn.learning.balancing import K_NEIGHBOURS, balance
from active_cnn.learning.network import build_network
from active_cnn.records import TrainingSettings

# Called with phase, done, total and details; whatever it raises ends the training.
Report = Callable[[str, int, int, dict[str, Any]], None]

# Between two reports a person sees nothing new, and the store is not busy.
REPORT_EVERY = 0.5  # seconds


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network and what its training went through."""

    network: keras.Model
    counts_before: dict[str, int]
    counts_after: dict[str, int]
    history: dict[str, list[float]]
    validation: dict[str, Any]
    notices: tuple[str, ...]


def train(
    windows: NDArray[np.float32],
    labels: NDArray[np.int64],
    classes: tuple[str, ...],
    settings: TrainingSettings,
    report: Report,
) -> Trained:
    """Train a network from scratch.

    Parameters
    ----------
    windows : ndarray of float32, shape (n_spectra, n_wavelengths)
        Rescaled windows.
    labels : ndarray of int, shape (n_spectra,)
        Position of each spectrum's class in `classes`.
    classes : tuple of str
        The network's classes; each needs two spectra at least.
    settings : TrainingSettings
        The same settings give the same network on the same machine.
    report : callable
        Told how far the training is.

    Returns
    -------
    Trained

    Raises
    ------
    CampaignError
        If a class has fewer than two members.
    """
    report("balancing", 0, 1, {})
    counts = np.bincount(labels, minlength=len(classes))
    if counts.min() < 2:
        raise CampaignError(
            f"Class {classes[counts.argmin()]!r} has {counts.min()} labelled spectra; "
            "a training needs at least 2 of each class. Label more of it, or add some to "
            "the initial training set."
        )
    keras.utils.set_random_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    held_out = _hold_out(labels, settings.holdout, rng)
    train_windows, train_labels = windows[~held_out], labels[~held_out]
    before = np.bincount(train_labels, minlength=len(classes))
    notices: tuple[str, ...] = ()
    if settings.balance:
        train_windows, train_labels, reduced = balance(train_windows, train_labels, rng)
        notices = tuple(
            f"SMOTE used {k} neighbours instead of {K_NEIGHBOURS} for class {classes[label]!r}, "
            f"which has {k + 1} spectra to learn from."
            for label, k in reduced.items()
        )
    after = np.bincount(train_labels, minlength=len(classes))

    network = build_network(settings.network, windows.shape[1], len(classes))
    network.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    validation = (windows[held_out], labels[held_out]) if held_out.any() else None
    history = network.fit(
        train_windows,
        train_labels,
        batch_size=settings.batch_size,
        epochs=settings.max_epochs,
        validation_data=validation,
        callbacks=[
            keras.callbacks.EarlyStopping(
                monitor="loss",
                min_delta=settings.min_delta,
                patience=settings.patience,
                restore_best_weights=True,
            ),
            _Reporter(report, settings, len(train_windows)),
        ],
        verbose=0,
    ).history
    # A CPU's ReLU and the clipped loss may hide a NaN that the weights hold.
    if not all(np.isfinite(values).all() for values in (history["loss"], *network.get_weights())):
        raise CampaignError(
            f"The training diverged: after {len(history['loss'])} epochs the loss is "
            f"{history['loss'][-1]}, and the weights or the loss are not finite. "
            "Try another seed or a larger batch size."
        )
    return Trained(
        network=network,
        counts_before=dict(zip(classes, before.tolist(), strict=True)),
        counts_after=dict(zip(classes, after.tolist(), strict=True)),
        history={name: [float(value) for value in values] for name, values in history.items()},
        validation=_validate(network, validation, classes),
        notices=notices,
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


def _validate(
    network: keras.Model,
    held_out: tuple[NDArray[np.float32], NDArray[np.int64]] | None,
    classes: tuple[str, ...],
) -> dict[str, Any]:
    if held_out is None:
        return {"n": 0, "confusion": []}
    windows, labels = held_out
    predicted = network.predict(windows, batch_size=1024, verbose=0).argmax(axis=1)
    confusion = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(confusion, (labels, predicted), 1)
    return {"n": len(labels), "confusion": confusion.tolist()}


class _Reporter(keras.callbacks.Callback):
    """Tells after each epoch, and twice a second within it, how far the training is."""

    def __init__(self, report: Report, settings: TrainingSettings, n_spectra: int) -> None:
        super().__init__()
        self._report = report
        self._settings = settings
        self._n_spectra = n_spectra
        self._epoch = 0
        self._began = self._told = time.monotonic()
        self._history: dict[str, list[float]] = {}

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if time.monotonic() - self._told >= REPORT_EVERY:
            self._tell(min((batch + 1) * self._settings.batch_size, self._n_spectra))

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        for name, value in (logs or {}).items():
            self._history.setdefault(name, []).append(float(value))
        self._epoch = epoch + 1
        self._tell(0)

    def _tell(self, n_in_epoch: int) -> None:
        self._told = time.monotonic()
        n_seen = self._epoch * self._n_spectra + n_in_epoch
        self._report(
            "training",
            self._epoch,
            self._settings.max_epochs,
            {
                "history": self._history,
                "share_of_epoch": n_in_epoch / self._n_spectra,
                "spectra_per_second": n_seen / (self._told - self._began),
                "seconds": self._told - self._began,
            },
        )
