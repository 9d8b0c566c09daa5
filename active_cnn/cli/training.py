"""The command `train`: it starts a job and watches it, as the Train page does."""

from __future__ import annotations

import argparse
import time

from active_cnn.campaign import jobs
from active_cnn.campaign.store import Store
from active_cnn.cli.options import Commands, add_campaign, add_command, open_store
from active_cnn.cli.output import Bar, say
from active_cnn.errors import JobError
from active_cnn.records import (
    DEFAULT_PRESET,
    STOPPING_PRESETS,
    Job,
    JobState,
    TrainingResult,
    TrainingSettings,
)

POLL_EVERY = 0.5  # s, between two looks at how far a job is

_UNITS = {"training": "epochs", "predicting": "spectra"}
_CHOICES = ("min_delta", "patience", "max_epochs", "batch_size", "holdout", "balance", "seed")


def add_train(commands: Commands) -> None:
    """Add the command that trains the network."""
    command = add_command(
        commands, "train", _train, "train the open iteration's network and predict the pool"
    )
    add_campaign(command)
    command.add_argument(
        "--preset",
        choices=list(STOPPING_PRESETS),
        default=DEFAULT_PRESET,
        help="when the training stops (default: %(default)s)",
    )
    command.add_argument("--min-delta", type=float, metavar="X", help="instead of the preset's")
    command.add_argument("--patience", type=int, metavar="EPOCHS", help="instead of the preset's")
    command.add_argument("--max-epochs", type=int, metavar="N")
    command.add_argument("--batch-size", type=int, metavar="N")
    command.add_argument("--holdout", type=float, metavar="P", help="share held out")
    command.add_argument("--no-balance", dest="balance", action="store_false", default=None)
    command.add_argument("--seed", type=int, metavar="S", help="default: the iteration's")


def _train(options: argparse.Namespace) -> None:
    with open_store(options) as store:
        campaign = store.campaign(options.campaign)
        settings = _settings(options, store.iteration(campaign.name).seed)
        job = jobs.start_training(store, campaign, settings)
        try:
            job = _watch(store, job)
        except KeyboardInterrupt:
            jobs.cancel(store, campaign)
            job = _watch(store, job)
        if job.state is not JobState.SUCCEEDED:
            raise JobError(job.error)
        result = store.iteration(campaign.name, job.iteration).result
        if result is None:
            raise JobError(f"Job {job.number} left no result. Train the iteration again.")
    _report(job, result)


def _settings(options: argparse.Namespace, seed: int) -> TrainingSettings:
    preset = STOPPING_PRESETS[options.preset]
    chosen = {name: getattr(options, name) for name in _CHOICES}
    given = {name: value for name, value in chosen.items() if value is not None}
    return TrainingSettings(
        **{"min_delta": preset.min_delta, "patience": preset.patience, "seed": seed, **given}
    )


def _watch(store: Store, job: Job) -> Job:
    phase, bar = "", None
    campaign = store.campaign(job.campaign)
    try:
        while job.state.is_active:
            if job.phase != phase:
                if bar:
                    bar.close()
                phase, bar = job.phase, Bar(job.phase.capitalize(), _UNITS.get(job.phase, "steps"))
            if bar:
                bar.show(job.done, job.total, _details(job))
            time.sleep(POLL_EVERY)
            jobs.refresh(store, campaign)
            job = store.job(job.number)
    finally:
        if bar:
            bar.close()
    return job


def _details(job: Job) -> str:
    losses = job.details.get("history", {}).get("loss", [])
    rate = job.details.get("spectra_per_second")
    parts = [f"loss {losses[-1]:.4f}"] if losses and job.phase == "training" else []
    return ", ".join([*parts, *([f"{rate:.0f} spectra/s"] if rate else [])])


def _report(job: Job, result: TrainingResult) -> None:
    for notice in result.notices:
        say(notice)
    counts = ", ".join(f"{count} {name}" for name, count in result.predicted_counts.items())
    say(
        f"Iteration {job.iteration}: {len(result.history['loss'])} epochs in "
        f"{result.seconds['training']:.0f} s, the pool in {result.seconds['predicting']:.0f} s "
        f"on {result.device}. Predicted: {counts}."
    )
