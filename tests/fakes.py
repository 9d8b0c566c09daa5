"""Small real implementations that stand in for slow parts: a training without a network."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from active_cnn.campaign.files import hash_file, iteration_folder, open_pool
from active_cnn.campaign.jobs import note_process
from active_cnn.campaign.recovery import recover_planted, write_recovery
from active_cnn.campaign.store import Store
from active_cnn.campaign.training_data import build_training_set
from active_cnn.learning.predictions import PredictionsFile, PredictionsWriter
from active_cnn.recipes import TrainingSettings
from active_cnn.records import Campaign, Job, TrainingResult
from active_cnn.spectra.preprocessing import rescale

HALPHA = 6564.614


def line_depth_rule(windows: NDArray[np.float32], campaign: Campaign) -> NDArray[np.float32]:
    """Give probabilities by how high the flux near Hα rises over the rest of the window."""
    near = abs(campaign.grid.wavelength - HALPHA) < 8
    rise = windows[:, near].max(axis=1) - np.median(windows[:, ~near], axis=1)
    dip = windows[:, near].max(axis=1) - windows[
        :, abs(campaign.grid.wavelength - HALPHA) < 1.6
    ].min(axis=1)
    names = campaign.network_classes
    scores = np.zeros((len(windows), len(names)))
    scores[:, names.index("not-interesting")] = 0.8
    scores[:, names.index("emission")] = rise - dip
    scores[:, names.index("double-peak")] = rise + dip - 1.4
    weights = np.exp(4 * scores)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def train(
    store: Store, campaign: Campaign, settings: TrainingSettings | None = None
) -> TrainingResult:
    """Fill the open iteration with the rule's predictions, through a job as the worker does."""
    iteration = store.iteration(campaign.name)
    job = store.add_job(
        campaign.name, iteration.number, settings or TrainingSettings(seed=iteration.seed)
    )
    store.start_job(job.number)
    result = score(store, campaign, job)
    assert store.finish_job(job.number, result)
    return result


def score(store: Store, campaign: Campaign, job: Job) -> TrainingResult:
    iteration = store.iteration(campaign.name, job.iteration)
    training_set = build_training_set(store, campaign, iteration)
    counts = np.bincount(training_set.labels, minlength=len(campaign.network_classes))
    folder = iteration_folder(store, iteration)
    folder.mkdir(parents=True, exist_ok=True)
    network = folder / f"network-{job.number}.keras"
    network.write_bytes(b"the rule of the line's depth")
    predictions = folder / f"predictions-{job.number}.h5"
    pool = open_pool(store, campaign)
    writer = PredictionsWriter(predictions, pool.n, campaign.network_classes, pool.fingerprint)
    predicted = np.zeros(len(campaign.network_classes), dtype=int)
    for rows, usable, windows in pool.chunks(512):
        labels = writer.write(rows, usable, line_depth_rule(windows, campaign))
        predicted += np.bincount(labels, minlength=len(predicted))
    writer.finish()
    recovery = folder / f"recovery-{job.number}.csv"
    planted = recover_planted(
        store,
        campaign,
        iteration,
        PredictionsFile(predictions, pool.fingerprint).labels(),
        lambda windows: line_depth_rule(windows, campaign),
    )
    said = line_depth_rule(rescale(training_set.flux), campaign).argmax(axis=1)
    confusion = np.zeros((len(counts), len(counts)), dtype=int)
    np.add.at(confusion, (training_set.labels, said), 1)
    return TrainingResult(
        settings=job.settings,
        network_file=network.name,
        network_sha256=hash_file(network),
        predictions_file=predictions.name,
        predictions_sha256=hash_file(predictions),
        training_sha256=training_set.sha256,
        pool_fingerprint=pool.fingerprint,
        n_training=len(training_set.labels),
        counts_before=dict(zip(campaign.network_classes, counts.tolist(), strict=True)),
        counts_after=dict.fromkeys(campaign.network_classes, int(counts.max())),
        history=history(12),
        validation={"n": int(confusion.sum()), "confusion": confusion.tolist()},
        predicted_counts=dict(zip(campaign.network_classes, predicted.tolist(), strict=True)),
        notices=("The rule needs no training.",),
        device="CPU (line-depth rule)",
        versions={"python": "3"},
        seconds={"training": 61.0, "predicting": 2.0},
        recovery_file=recovery.name,
        recovery_sha256=write_recovery(planted, recovery),
    )


def history(n_epochs: int) -> dict[str, list[float]]:
    """Give losses that fall."""
    epochs = np.arange(n_epochs)
    loss = 0.9 * np.exp(-epochs / 4) + 0.03
    return {"loss": loss.tolist(), "val_loss": (loss * 1.2 + 0.02).tolist()}


def begin(store: Store, campaign: Campaign, **report: Any) -> Job:
    """Begin a job that this very process works on, and say how far it is."""
    iteration = store.iteration(campaign.name)
    job = store.add_job(campaign.name, iteration.number, TrainingSettings(seed=iteration.seed))
    note_process(store, job.number, os.getpid())
    store.start_job(job.number)
    told = {"phase": "training", "done": 12, "total": 1000, "details": {}} | report
    store.report_job(job.number, **told)
    return store.job(job.number)
