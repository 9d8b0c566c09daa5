"""The training on the page: its settings, how far it is, and what came out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from active_cnn.campaign import jobs
from active_cnn.campaign.overview import epochs_to_patience
from active_cnn.campaign.training_data import why_ranked
from active_cnn.evaluation.proportions import describe_share, percentage
from active_cnn.recipes import (
    BALANCINGS,
    DEFAULT_RECIPE,
    HELD_OUT,
    MONITORS,
    RECIPES,
    SCHEDULES,
    TrainingSettings,
)
from active_cnn.records import (
    Answer,
    Campaign,
    Iteration,
    Job,
    JobState,
    TrainingResult,
)
from active_cnn.ui import charts
from active_cnn.ui.counts import counts_in
from active_cnn.ui.page import View, acting, rows_of_numbers, visiting
from active_cnn.ui.palette import class_colours
from active_cnn.ui.text import duration, plain
from active_cnn.verdicts import HELD_OUT as HELD_OUT_SPECTRA
from active_cnn.verdicts import PLANTED, Ranking, describe_rankings
from active_cnn.wording import one_or_many

OWN = "own values"
_RANKED = {HELD_OUT_SPECTRA: "hold-out", PLANTED: "planted lines"}
_OVER_POOL = ("predicting", "applying the rule")  # phases that go through all spectra
_ABOUT = {
    "compact": "a small network, shown the archive as the pool's instrument would have taken it",
    "notebook": "the network of the method's authors with SMOTE, stopped as in their code",
    "paper": "the same, stopped as in their text",
    OWN: "everything can be set",
}


def describe_untrained(view: View, iteration: Iteration) -> str:
    """Say that an iteration has not been trained, and whether a network will be."""
    why = why_ranked(view.store, view.campaign, iteration)
    return f"Iteration {iteration.number} has not been trained yet: press Train. {plain(why)}"


def ask_settings(iteration: Iteration) -> TrainingSettings:
    """Ask for the settings of a training of the iteration.

    Raises
    ------
    CampaignError
        If one of them cannot be used.
    """
    recipe = str(
        st.segmented_control(
            "Recipe", [*RECIPES, OWN], default=DEFAULT_RECIPE, required=True, key="recipe"
        )
    )
    st.caption(f"{recipe}: {_ABOUT[recipe]}.")
    settings = RECIPES.get(recipe, RECIPES[DEFAULT_RECIPE])
    if recipe == OWN:
        settings = replace(settings, **_ask_everything(settings))
    # A recipe has values of its own: a field of another one must not keep those of the last.
    first, second, third, fourth = st.columns(4)
    return replace(
        settings,
        max_epochs=first.number_input(
            "Epochs at most", 1, 10_000, settings.max_epochs, key=f"max_epochs-{recipe}"
        ),
        batch_size=second.number_input(
            "Batch size", 1, 65_536, settings.batch_size, key=f"batch_size-{recipe}"
        ),
        holdout=third.number_input(
            "Hold-out share",
            0.0,
            0.5,
            settings.holdout,
            0.05,
            key=f"holdout-{recipe}",
            help="Left out of the training, to say how well the network does on unseen spectra.",
        ),
        seed=fourth.number_input(
            "Seed", 0, 2**32 - 1, iteration.seed, key=f"seed-{iteration.number}"
        ),
    )


def _ask_everything(settings: TrainingSettings) -> dict[str, Any]:
    first, second, third, fourth = st.columns(4)
    network = first.selectbox("Network", ["compact", "paper"], key="network")
    balancing = second.selectbox(
        "Balancing of the classes",
        BALANCINGS,
        BALANCINGS.index(settings.balancing),
        key="balancing",
    )
    schedule = third.selectbox(
        "Learning rate", SCHEDULES, SCHEDULES.index(settings.schedule), key="schedule"
    )
    rate = fourth.number_input(
        "Its beginning", 1e-6, 1.0, settings.learning_rate, format="%.6f", key="learning_rate"
    )
    first, second, third, fourth = st.columns(4)
    monitor = first.selectbox(
        "Stopped by the", MONITORS, MONITORS.index(settings.monitor), key="monitor"
    )
    min_delta = second.number_input(
        "Smallest fall that counts",
        0.0,
        0.999999,
        settings.min_delta,
        format="%.6f",
        key="min_delta",
    )
    patience = third.number_input(
        "Epochs to wait for it", 1, 1000, settings.patience, key="patience"
    )
    augmentation = st.toggle(
        "Show the labelled spectra as the pool's instrument would have taken them",
        settings.augmentation,
        key="augmentation",
        help="Each time anew: noise as the pool has it, shifts, slopes, spikes off the line.",
    )
    background = fourth.number_input(
        "Spectra of the pool",
        0,
        1_000_000,
        settings.background if augmentation else 0,
        1000,
        key=f"background-{augmentation}",
        disabled=not augmentation,
        help="Drawn at random and shown as no targets, which nearly all of them are.",
    )
    weight = st.number_input(
        "How often an answered spectrum is shown",
        1,
        1000,
        settings.answer_weight if augmentation else 1,
        key=f"answer_weight-{augmentation}",
        disabled=not augmentation,
        help="For each time that a spectrum of the initial training set is: the answered ones are "
        "of the pool itself, and few.",
    )
    return {
        "network": network,
        "answer_weight": weight,
        "balancing": balancing,
        "schedule": schedule,
        "learning_rate": rate,
        "monitor": monitor,
        "min_delta": min_delta,
        "patience": patience,
        "augmentation": augmentation,
        "background": background,
    }


def watch_job(campaign: Campaign, job: Job) -> None:
    """Show an active job, anew each second until it ends; of one that failed, the reason."""
    if job.state.is_active:
        st.fragment(run_every=1)(_show_active)(campaign.name)
    elif job.state is not JobState.SUCCEEDED:
        message = f"The training was {job.state.value}. {plain(job.error)}"
        (st.info if job.state is JobState.CANCELLED else st.error)(message)
        st.button(
            "Restart with the same settings",
            key=f"restart-{job.number}",
            on_click=_restart,
            args=(campaign.name, job.settings),
        )


@acting
def _restart(view: View, settings: TrainingSettings) -> None:
    jobs.start_training(view.store, view.campaign, settings)


@visiting
def _show_active(view: View) -> None:
    job = jobs.refresh(view.store, view.campaign)
    if job is None or not job.state.is_active:
        st.rerun()
    else:
        _show_progress(view, job)


def _show_progress(view: View, job: Job) -> None:
    details = job.details
    history = details.get("history") or {}
    phase = job.phase or "waiting for the worker"
    share = (job.done + details.get("share_of_epoch", 0.0) * (phase == "training")) / max(
        job.total, 1
    )
    st.progress(min(share, 1.0), text=f"Iteration {job.iteration}: {phase}")
    rows_of_numbers(
        ("Spectra" if phase in _OVER_POOL else "Epoch", _describe_done(job, phase)),
        ("Spectra per second", f"{details.get('spectra_per_second', 0):,.0f}"),
        ("Elapsed in this phase", duration(details.get("seconds", 0.0))),
        ("Time left", _describe_left(job, phase, history)),
    )
    losses = _monitored(history, job.settings)
    if phase == "training" and losses:
        more = epochs_to_patience(losses, job.settings)
        st.caption(
            f"It stops after {more} more {one_or_many(more, 'epoch', 'epochs')} without an "
            f"improvement of at least {job.settings.min_delta:g}, and after epoch "
            f"{job.settings.max_epochs} at the latest: when that will be cannot be known."
        )
    st.caption(f"Device: {plain(details.get('device', 'not known yet'))}")
    if history.get("loss"):
        st.altair_chart(charts.loss_curves(history), key="live-loss")
    st.button(
        "Cancelling …" if job.is_cancel_requested else "Cancel",
        key=f"cancel-{job.number}",
        disabled=job.is_cancel_requested,
        on_click=_cancel,
        args=(view.campaign.name,),
    )


@acting
def _cancel(view: View) -> None:
    jobs.cancel(view.store, view.campaign)


def _describe_done(job: Job, phase: str) -> str:
    if phase == "training":
        return str(job.done + 1)
    return f"{job.done:,} of {job.total:,}" if phase in _OVER_POOL else "–"


def _describe_left(job: Job, phase: str, history: Mapping[str, Sequence[float]]) -> str:
    # Before the first chunk the rate is still that of the training.
    if phase in _OVER_POOL and job.done and job.details.get("spectra_per_second"):
        return duration((job.total - job.done) / job.details["spectra_per_second"])
    losses = _monitored(history, job.settings)
    if phase != "training" or not losses:
        return "–"
    # An improvement starts the patience anew, so that there is only a bound before the last epoch.
    epoch = job.details["seconds"] / (len(losses) + job.details["share_of_epoch"])
    more = epochs_to_patience(losses, job.settings)
    return f"≥ {duration(min(more, job.total - job.done) * epoch)}"


def _monitored(
    history: Mapping[str, Sequence[float]], settings: TrainingSettings
) -> Sequence[float]:
    losses = history.get("loss", [])
    return history.get("val_loss", losses) if settings.monitor == HELD_OUT else losses


def show_result(campaign: Campaign, iteration: Iteration, result: TrainingResult) -> None:
    """Show what a training left behind."""
    colours = class_colours(campaign.network_classes, campaign.targets)
    st.subheader(f"Result of iteration {iteration.number}", anchor=False)
    if result.failure:
        st.error(plain(result.failure))
    for warning in result.warnings:
        st.warning(plain(warning))
    for notice in result.notices:
        st.info(plain(notice))
    rows_of_numbers(
        ("Labelled spectra" if result.is_ranking else "Training spectra", f"{result.n_training:,}"),
        *_numbers_of_training(result),
        ("Ranking" if result.is_ranking else "Training", duration(result.seconds["training"])),
        ("Prediction", duration(result.seconds["predicting"])),
    )
    _show_rankings(result.rankings)
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown("**Predicted in the pool**")
        st.altair_chart(charts.class_bars(result.predicted_counts, colours), key="predicted")
    if result.is_ranking:
        with right:
            _show_examples(result)
    else:
        _show_training(campaign, result, left, right)
    with st.expander("What it came from: seed, device, versions, hashes"):
        st.json(
            {
                "settings": result.settings.__dict__,
                "device": result.device,
                "versions": result.versions,
                "sha256": {
                    "training set": result.training_sha256,
                    "pool": result.pool_fingerprint,
                    "network": result.network_sha256,
                    "predictions": result.predictions_sha256,
                },
            }
        )


def _numbers_of_training(result: TrainingResult) -> list[tuple[str, str]]:
    if result.is_ranking:
        return []
    accuracy = _accuracy(result.validation)
    return [
        ("Epochs", str(len(result.history["loss"]))),
        ("Best loss", f"{min(_monitored(result.history, result.settings)):.4g}"),
        (
            "Hold-out accuracy",
            "no hold-out" if accuracy is None else describe_share(accuracy, result.validation["n"]),
        ),
    ]


def _show_examples(result: TrainingResult) -> None:
    st.markdown("**Labelled, by class**")
    table = pd.DataFrame(
        {"class": list(result.counts_before), "labelled": list(result.counts_before.values())}
    )
    st.dataframe(table, hide_index=True, column_config=counts_in(table))
    st.caption(
        "Ranked by likeness: the angle to the examples between spectra in principal components of "
        "the pool, each divided by its scatter (docs/training.md). There are no epochs, and "
        "nothing is held out."
    )


def _show_training(
    campaign: Campaign, result: TrainingResult, left: DeltaGenerator, right: DeltaGenerator
) -> None:
    with left:
        st.markdown("**Training set, before and after balancing**")
        table = pd.DataFrame(
            {
                "class": list(result.counts_before),
                "labelled": list(result.counts_before.values()),
                "trained on": list(result.counts_after.values()),
            }
        )
        st.dataframe(table, hide_index=True, column_config=counts_in(table))
        if result.validation["n"]:
            st.caption("The hold-out is in neither.")
    with right:
        st.markdown("**Loss**")
        st.altair_chart(charts.loss_curves(result.history), key="loss")
        if result.validation["n"]:
            n = result.validation["n"]
            st.markdown(f"**Hold-out of {n:,} {one_or_many(n, 'spectrum', 'spectra')}**")
            st.altair_chart(
                charts.confusion_matrix(result.validation["confusion"], campaign.network_classes),
                key="confusion",
            )


def _show_rankings(rankings: Mapping[str, Ranking]) -> None:
    if not rankings:
        return
    # Two in a row: names of four would be cut off.
    for name, one in rankings.items():
        label = f"Average precision, {_RANKED[name]}"
        rows_of_numbers(
            (f"{label}: network", f"{one.network:.3f}"),
            (f"{label}: baseline", f"{one.baseline:.3f}"),
        )
    st.caption(
        "How far targets are ranked before others: 1 is perfect. The baseline, principal "
        "components with a logistic regression, is trained on the same spectra in seconds. "
        f"{plain(describe_rankings(rankings))}"
    )


def _accuracy(validation: Mapping[str, Any]) -> float | None:
    confusion = validation["confusion"]
    if not validation["n"]:
        return None
    return sum(confusion[i][i] for i in range(len(confusion))) / validation["n"]


def _accuracy_in_percent(validation: Mapping[str, Any]) -> float | None:
    accuracy = _accuracy(validation)
    return None if accuracy is None else percentage(accuracy, validation["n"])


def _losses(result: TrainingResult) -> dict[str, Any]:
    if result.is_ranking:
        return {"best loss": None, "epochs": None}
    return {
        "best loss": min(_monitored(result.history, result.settings)),
        "epochs": len(result.history["loss"]),
    }


def history_table(
    campaign: Campaign, iterations: Sequence[Iteration], answers: Mapping[str, Answer]
) -> pd.DataFrame:
    """List what each iteration came to, the newest first."""
    given = Counter(answer.iteration for answer in answers.values())
    rows = []
    for iteration in reversed(iterations):
        result = iteration.result
        row: dict[str, Any] = {"iteration": iteration.number, "state": iteration.state}
        if result:
            row |= {
                **_losses(result),
                "hold-out accuracy": _accuracy_in_percent(result.validation),
                "training spectra": result.n_training,
                **{
                    f"predicted {name}": result.predicted_counts[name]
                    for name in campaign.network_classes
                },
                "duration": duration(sum(result.seconds.values())),
                "device": result.device.split(" ")[0],
                "seed": result.settings.seed,
            }
        rows.append(row | {"answers": given[iteration.number]})
    return pd.DataFrame(rows)
