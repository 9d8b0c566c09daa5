"""Fill an iteration: train the network (or rank), predict the pool; the only way to TensorFlow."""

from __future__ import annotations

import importlib.metadata
import platform
import time
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

import keras

from active_cnn.campaign import checkpoint
from active_cnn.campaign.committee import predecessors
from active_cnn.campaign.files import (
    features_path,
    hash_file,
    iteration_folder,
    open_pool,
)
from active_cnn.campaign.recovery import rank_planted, recover_planted, write_recovery
from active_cnn.campaign.rule import compute_rule
from active_cnn.campaign.store import Store
from active_cnn.campaign.training_data import (
    LabelledFlux,
    build_training_set,
    draw_background,
    why_ranked,
)
from active_cnn.engine import Engine, count_cores, open_engine
from active_cnn.errors import CampaignError, SpectrumError, StoreError
from active_cnn.evaluation.alarms import find_one_sided_pool
from active_cnn.learning.fitting import Report
from active_cnn.learning.likeness import fit_likeness
from active_cnn.learning.network import load_network, save_network
from active_cnn.learning.predictions import PredictionsFile
from active_cnn.learning.presentation import Labelled
from active_cnn.learning.scoring import predict, score_pool
from active_cnn.learning.training import Trained, train
from active_cnn.records import Iteration, Job, TrainingResult
from active_cnn.spectra.pool import Pool
from active_cnn.verdicts import HELD_OUT, PLANTED, Ranking

_TRACED_PACKAGES = (
    "active-cnn",
    "h5py",
    "imbalanced-learn",
    "keras",
    "numpy",
    "scikit-learn",
    "scipy",
)


def run_iteration(
    store: Store, job: Job, report: Report, scheduler: str | None = None
) -> TrainingResult:
    """Train a network and predict the pool for a job.

    The files are written under names of their own and are complete when this returns; they count
    once the store knows the result.

    Parameters
    ----------
    store : Store
        Read only.
    job : Job
        Which iteration, with which settings.
    report : callable
        Told how far it is; what it raises ends the work.
    scheduler : str, optional
        Of Dask, on whose workers the pool is predicted; see `open_engine`.

    Returns
    -------
    TrainingResult

    Raises
    ------
    ActiveCnnError
        If the training set or the pool cannot be used as they are.
    """
    campaign = store.campaign(job.campaign)
    iteration = store.iteration(job.campaign, job.iteration)
    folder = iteration_folder(store, iteration)
    folder.mkdir(parents=True, exist_ok=True)
    network_path = folder / f"network-{job.number}.keras"
    predictions_path = folder / f"predictions-{job.number}.h5"

    report("reading the training set", 0, 1, {"device": describe_device()})
    began = time.monotonic()
    training_set = build_training_set(store, campaign, iteration)
    pool = open_pool(store, campaign)
    why = why_ranked(store, campaign, iteration)
    origin = {
        "settings": asdict(job.settings),
        "training": training_set.sha256,
        "pool": pool.fingerprint,
        "scaling": pool.scaling.method,
        "versions": versions(),
        "device": describe_device(),
    }
    # A scheduler that cannot be reached is told before the training, not after it.
    with open_engine(scheduler, threads=count_cores()) as engine:
        found = checkpoint.find(folder, origin)
        if found:
            network_path, trained = found
        else:
            trained = _train(store, job, training_set, pool, report, why)
            save_network(trained.network, network_path)
            if not why:  # a ranking is made anew in seconds
                checkpoint.keep(network_path, origin, trained)
        trained_at = time.monotonic()
        try:
            scored = score_pool(
                network_path,
                trained.network,
                pool,
                campaign.network_classes,
                predictions_path,
                report,
                engine,
                features_path(store, job.campaign, job.number),
            )
            recovery_path = folder / f"recovery-{job.number}.csv"
            report("planting lines", 0, 1, {})
            recovery_sha256, planted, missing = _plant_lines(
                store, iteration, predictions_path, pool.fingerprint, trained, recovery_path
            )
            rule = _apply_rule(store, job, engine, report)
            notices = (*trained.notices, *scored.notices, *missing, *rule)
            # Of a ranking nothing was learned that could have gone wrong.
            one_sided = None if why else find_one_sided_pool(scored.counts, campaign.targets)
            alarms = (*trained.alarms, *([one_sided] if one_sided else []))
            report("finishing", 0, 1, {"alarms": [asdict(one) for one in alarms]})
        except BaseException as error:
            # Who cancels wants nothing of it; after a failure, Restart goes on from the network.
            if not isinstance(error, Exception):
                checkpoint.remove(network_path)
            raise
    predicted_at = time.monotonic()
    return TrainingResult(
        settings=trained.settings,
        network_file=network_path.name,
        network_sha256=hash_file(network_path),
        predictions_file=predictions_path.name,
        predictions_sha256=hash_file(predictions_path),
        training_sha256=training_set.sha256,
        pool_fingerprint=pool.fingerprint,
        n_training=len(training_set.labels),
        counts_before=trained.counts_before,
        counts_after=trained.counts_after,
        history=trained.history,
        validation=trained.validation,
        predicted_counts=scored.counts,
        notices=notices,
        device=f"{describe_device()}; predicted by {scored.runtime}",
        versions=versions(),
        seconds={"training": trained_at - began, "predicting": predicted_at - trained_at},
        recovery_file=recovery_path.name if recovery_sha256 else "",
        recovery_sha256=recovery_sha256,
        alarms=alarms,
        rankings={
            name: one
            for name, one in ((HELD_OUT, trained.ranking), (PLANTED, planted))
            if one is not None
        },
        is_ranking=bool(why),
        scaling=pool.scaling.method,
    )


def _plant_lines(
    store: Store,
    iteration: Iteration,
    predictions: Path,
    fingerprint: str,
    trained: Trained,
    path: Path,
) -> tuple[str, Ranking | None, tuple[str, ...]]:
    # A map beside the figures; without it all else stands.
    campaign = store.campaign(iteration.campaign)
    if not campaign.search.fixed_lines:
        return "", None, ()
    labels = PredictionsFile(predictions, fingerprint).labels()
    try:
        earlier = [
            partial(predict, load_network(iteration_folder(store, one) / one.result.network_file))
            for one in predecessors(store, iteration)
            if one.result
        ]
        table = recover_planted(
            store,
            campaign,
            iteration,
            labels,
            partial(predict, trained.network),
            earlier,
            baseline=trained.baseline,
        )
        return write_recovery(table, path), rank_planted(table), ()
    except (CampaignError, SpectrumError, StoreError) as error:
        return "", None, (f"No lines were planted into the pool: {error}",)


def _apply_rule(store: Store, job: Job, engine: Engine, report: Report) -> tuple[str, ...]:
    # The baseline that the audit is shown beside, once for a pool; it holds nothing up.
    campaign = store.campaign(job.campaign)
    if not campaign.search.fixed_lines:
        return ()
    try:
        compute_rule(store, campaign, engine, report)
    except (SpectrumError, StoreError) as error:
        return (f"No simple rule stands beside the network: {error}",)
    return ()


def _train(
    store: Store, job: Job, training_set: LabelledFlux, pool: Pool, report: Report, why: str
) -> Trained:
    campaign = store.campaign(job.campaign)
    pool_flux = None
    if job.settings.augmentation or why:
        answered = store.current_answers(
            campaign.name, store.iteration(campaign.name, job.iteration)
        )
        known = [*training_set.identifiers, *answered]
        pool_flux = draw_background(pool, known, job.settings.background, job.settings.seed)
    labelled = Labelled(
        training_set.flux,
        training_set.labels,
        training_set.is_of_pool,
        campaign.network_classes,
        campaign.targets,
        pool.scaling,
    )
    if why and pool_flux is not None:
        report("ranking", 0, 1, {})
        return fit_likeness(labelled, pool_flux, job.settings, why)
    return train(labelled, job.settings, report, pool_flux)


def remove_superseded_files(store: Store, job: Job, result: TrainingResult) -> None:
    """Remove what earlier or broken-off trainings left behind, and the features before these."""
    kept = features_path(store, job.campaign, job.number)
    for path in kept.parent.glob("*features-*.npy"):
        if path != kept:
            path.unlink(missing_ok=True)
    folder = iteration_folder(store, store.iteration(job.campaign, job.iteration))
    for path in folder.iterdir():
        if path.name not in (result.network_file, result.predictions_file, result.recovery_file):
            path.unlink(missing_ok=True)


def describe_device() -> str:
    """Tell which device Keras computes on, and through which backend."""
    devices = keras.distribution.list_devices()
    kind = "GPU" if any(device.startswith("gpu") for device in devices) else "CPU"
    return f"{kind} ({', '.join(devices)}; Keras on {keras.config.backend()})"


def versions() -> dict[str, str]:
    """Give the versions of everything that a result depends on."""
    packages = (*_TRACED_PACKAGES, keras.config.backend())
    found = {package: importlib.metadata.version(package) for package in packages}
    with suppress(importlib.metadata.PackageNotFoundError):  # Keras does without it
        found["openvino"] = importlib.metadata.version("openvino")
    return {"python": platform.python_version(), "platform": platform.platform(), **found}
