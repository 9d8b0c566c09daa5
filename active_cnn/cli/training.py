"""The command `train`: it starts a job and watches it, as the Train page does."""

from __future__ import annotations

import argparse
import time
from dataclasses import fields, replace

from active_cnn.campaign import jobs
from active_cnn.campaign.store import Store
from active_cnn.cli.options import Commands, add_campaign, add_command, open_store
from active_cnn.cli.output import Bar, say
from active_cnn.errors import JobError
from active_cnn.recipes import (
    BALANCINGS,
    DEFAULT_RECIPE,
    MONITORS,
    RECIPES,
    SCHEDULES,
    TrainingSettings,
)
from active_cnn.records import Job, JobState, TrainingResult
from active_cnn.verdicts import describe_rankings
from active_cnn.wording import one_or_many

POLL_EVERY = 0.5  # s, between two looks at how far a job is

_UNITS = {"training": "epochs", "predicting": "spectra", "applying the rule": "spectra"}
_CHOICES = tuple(field.name for field in fields(TrainingSettings))


def add_train(commands: Commands) -> None:
    """Add the command that trains the network."""
    command = add_command(
        commands, "train", _train, "train the open iteration's network and predict the pool"
    )
    add_campaign(command)
    command.add_argument(
        "--recipe",
        choices=list(RECIPES),
        default=DEFAULT_RECIPE,
        help="network and how it is trained (default: %(default)s); what follows is in its place",
    )
    command.add_argument("--network", metavar="NAME", help="compact or paper")
    command.add_argument(
        "--augmentation",
        action=argparse.BooleanOptionalAction,
        help="show the labelled spectra as the pool's instrument would have taken them",
    )
    command.add_argument(
        "--background", type=int, metavar="N", help="spectra of the pool shown as no targets"
    )
    command.add_argument(
        "--answer-weight",
        type=int,
        metavar="N",
        help="how often an answered spectrum is shown for each of the initial training set",
    )
    command.add_argument("--balancing", choices=BALANCINGS, help="of classes of different sizes")
    command.add_argument("--schedule", choices=SCHEDULES, help="of the learning rate")
    command.add_argument("--learning-rate", type=float, metavar="X")
    command.add_argument("--monitor", choices=MONITORS, help="the loss that stops the training")
    command.add_argument(
        "--min-delta", type=float, metavar="X", help="fall of the loss that counts"
    )
    command.add_argument("--patience", type=int, metavar="EPOCHS", help="to wait for such a fall")
    command.add_argument("--max-epochs", type=int, metavar="N")
    command.add_argument("--batch-size", type=int, metavar="N")
    command.add_argument("--holdout", type=float, metavar="P", help="share held out")
    command.add_argument("--seed", type=int, metavar="S", help="default: the iteration's")
    command.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="Dask predicts the pool: the address of a scheduler, or local[N]",
    )


def _train(options: argparse.Namespace) -> None:
    with open_store(options) as store:
        campaign = store.campaign(options.campaign)
        settings = _settings(options, store.iteration(campaign.name).seed)
        job = jobs.start_training(store, campaign, settings, options.scheduler)
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
    if result.failure:
        raise JobError(result.failure)


def _settings(options: argparse.Namespace, seed: int) -> TrainingSettings:
    chosen = {name: getattr(options, name) for name in _CHOICES}
    given = {name: value for name, value in chosen.items() if value is not None}
    if given.get("augmentation") is False:
        given.setdefault("background", 0)
        given.setdefault("answer_weight", 1)
    return replace(RECIPES[options.recipe], **{"seed": seed, **given})


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
    for warning in result.warnings:
        say(f"Warning: {warning}")
    counts = ", ".join(f"{count} {name}" for name, count in result.predicted_counts.items())
    say(
        f"Iteration {job.iteration}: {_describe_training(result)} in "
        f"{result.seconds['training']:.0f} s, the pool in {result.seconds['predicting']:.0f} s "
        f"on {result.device}. Predicted: {counts}."
    )
    if result.rankings:
        say(describe_rankings(result.rankings))


def _describe_training(result: TrainingResult) -> str:
    if result.is_ranking:
        return "ranked by likeness to the examples"
    n_epochs = len(result.history["loss"])
    return f"{n_epochs} {one_or_many(n_epochs, 'epoch', 'epochs')}"
