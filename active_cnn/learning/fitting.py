"""The fit itself: optimiser, schedule of the learning rate, when to stop, and how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import keras

from active_cnn.learning.keras_runtime import has_gpu
from active_cnn.learning.network import with_logits
from active_cnn.learning.objective import partial_label_loss
from active_cnn.learning.presentation import Presentation
from active_cnn.recipes import HELD_OUT, TrainingSettings

# Called with phase, done, total and details; whatever it raises ends the training.
Report = Callable[[str, int, int, dict[str, Any]], None]

VALIDATION_BATCH = 4096  # spectra at a time: nothing is learned from it, so it may be large

# Between two reports a person sees nothing new, and the store is not busy.
REPORT_EVERY = 0.5  # seconds

# The cosine schedule rises to the learning rate over this share of its steps: Adam knows nothing
# of the gradients' sizes at first, and full steps then can leave a layer dead.
WARM_UP = 0.05
# Longer gradients are cut to this length, so that a few odd spectra cannot undo what was learned.
LONGEST_GRADIENT = 1.0


def fit(
    network: keras.Model, shown: Presentation, settings: TrainingSettings, report: Report
) -> dict[str, list[float]]:
    """Fit a network's weights.

    Parameters
    ----------
    network : keras.Model
        Of `build_network`; its weights are changed.
    shown : Presentation
        What it is shown.
    settings : TrainingSettings
    report : callable
        Told how far it is.

    Returns
    -------
    dict of str to list of float
        Losses of each epoch, "loss" and, with a hold-out, "val_loss".
    """
    is_adjusted = settings.balancing == "logit adjustment"
    logits = with_logits(network)
    logits.compile(
        optimizer=_optimizer(settings, len(shown.batches)),
        loss=partial_label_loss(shown.class_shares if is_adjusted else None),
        # On a CPU, XLA takes three times as long for networks of this size.
        jit_compile=has_gpu(),
    )
    is_watched = settings.monitor == HELD_OUT and shown.held_out
    return logits.fit(
        shown.batches,
        epochs=settings.max_epochs,
        validation_data=shown.held_out,
        validation_batch_size=VALIDATION_BATCH,
        callbacks=[
            keras.callbacks.EarlyStopping(
                monitor="val_loss" if is_watched else "loss",
                min_delta=settings.min_delta,
                patience=settings.patience,
                start_from_epoch=settings.unwatched_epochs,
                restore_best_weights=True,
            ),
            _Reporter(report, settings, shown.batches.n_spectra),
        ],
        verbose=0,
    ).history


def _optimizer(settings: TrainingSettings, steps: int) -> keras.optimizers.Optimizer:
    if settings.schedule == "constant":  # as the method's authors have it
        return keras.optimizers.Adam(settings.learning_rate)
    steps *= settings.max_epochs
    rising = round(WARM_UP * steps)
    rate = keras.optimizers.schedules.CosineDecay(
        settings.learning_rate / (rising + 1),
        steps - rising,
        warmup_target=settings.learning_rate,
        warmup_steps=rising,
    )
    return keras.optimizers.Adam(rate, global_clipnorm=LONGEST_GRADIENT)


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
