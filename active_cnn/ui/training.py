"""The training on the page: its settings, how far it is, and what came out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from active_cnn.campaign import jobs
from active_cnn.campaign.overview import epochs_to_patience
from active_cnn.records import (
    DEFAULT_PRESET,
    STOPPING_PRESETS,
    Answer,
    Campaign,
    Iteration,
    Job,
    JobState,
    Stopping,
    TrainingResult,
    TrainingSettings,
)
from active_cnn.ui import charts
from active_cnn.ui.page import View, acting, rows_of_numbers, visiting
from active_cnn.ui.palette import class_colours
from active_cnn.ui.text import duration, plain

OWN = "own values"
_DEFAULT = TrainingSettings()


def ask_settings(iteration: Iteration) -> TrainingSettings:
    """Ask for the settings of a training of the iteration.

    Raises
    ------
    CampaignError
        If one of them cannot be used.
    """
    preset = st.segmented_control(
        "When to stop",
        [*STOPPING_PRESETS, OWN],
        default=DEFAULT_PRESET,
        required=True,
        key="preset",
        format_func=_describe_stopping,
        help="The text and the code of the method's authors differ; both are offered.",
    )
    stopping = STOPPING_PRESETS.get(str(preset), STOPPING_PRESETS[DEFAULT_PRESET])
    if preset == OWN:
        left, right = st.columns(2)
        stopping = Stopping(
            left.number_input(
                "Smallest fall of the loss that counts",
                0.0,
                0.999999,
                stopping.min_delta,
                format="%.6f",
                key="min_delta",
            ),
            right.number_input("Epochs to wait for it", 1, 1000, stopping.patience, key="patience"),
        )
    first, second, third, fourth = st.columns(4)
    return TrainingSettings(
        min_delta=stopping.min_delta,
        patience=stopping.patience,
        max_epochs=first.number_input(
            "Epochs at most", 1, 10_000, _DEFAULT.max_epochs, key="max_epochs"
        ),
        batch_size=second.number_input(
            "Batch size", 1, 65_536, _DEFAULT.batch_size, key="batch_size"
        ),
        holdout=third.number_input(
            "Hold-out share",
            0.0,
            0.5,
            _DEFAULT.holdout,
            0.05,
            key="holdout",
            help="Left out of the training, to say how well the network does on unseen spectra.",
        ),
        seed=fourth.number_input(
            "Seed", 0, 2**32 - 1, iteration.seed, key=f"seed-{iteration.number}"
        ),
        balance=st.toggle("Balance the classes with SMOTE", _DEFAULT.balance, key="balance"),
    )


def _describe_stopping(name: str) -> str:
    if name == OWN:
        return name
    stopping = STOPPING_PRESETS[name]
    return f"{name}: {stopping.min_delta:g} in {stopping.patience} epochs"


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
        ("Epoch" if phase != "predicting" else "Spectra", _describe_done(job, phase)),
        ("Spectra per second", f"{details.get('spectra_per_second', 0):,.0f}"),
        ("Elapsed in this phase", duration(details.get("seconds", 0.0))),
        ("Time left", _describe_left(job, phase, history)),
    )
    if phase == "training" and history.get("loss"):
        more = epochs_to_patience(history["loss"], job.settings.min_delta, job.settings.patience)
        st.caption(
            f"It stops after {more} more epochs without an improvement of at least "
            f"{job.settings.min_delta:g}, and after epoch {job.settings.max_epochs} at the latest: "
            "when that will be cannot be known."
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
    return f"{job.done:,} of {job.total:,}" if phase == "predicting" else "–"


def _describe_left(job: Job, phase: str, history: Mapping[str, Sequence[float]]) -> str:
    # Before the first chunk the rate is still that of the training.
    if phase == "predicting" and job.done and job.details.get("spectra_per_second"):
        return duration((job.total - job.done) / job.details["spectra_per_second"])
    losses = history.get("loss", [])
    if phase != "training" or not losses:
        return "–"
    # An improvement starts the patience anew, so that there is only a bound before the last epoch.
    epoch = job.details["seconds"] / (len(losses) + job.details["share_of_epoch"])
    more = epochs_to_patience(losses, job.settings.min_delta, job.settings.patience)
    return f"≥ {duration(min(more, job.total - job.done) * epoch)}"


def show_result(campaign: Campaign, iteration: Iteration, result: TrainingResult) -> None:
    """Show what a training left behind."""
    colours = class_colours(campaign.network_classes, campaign.targets)
    st.subheader(f"Result of iteration {iteration.number}", anchor=False)
    for notice in result.notices:
        st.info(plain(notice))
    accuracy = _accuracy(result.validation)
    rows_of_numbers(
        ("Training spectra", f"{result.n_training:,}"),
        ("Epochs", str(len(result.history["loss"]))),
        ("Best loss", f"{min(result.history['loss']):.4g}"),
        ("Hold-out accuracy", "no hold-out" if accuracy is None else f"{accuracy:.1%}"),
        ("Training, prediction", " / ".join(duration(s) for s in result.seconds.values())),
    )
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown("**Predicted in the pool**")
        st.altair_chart(charts.class_bars(result.predicted_counts, colours), key="predicted")
        st.markdown("**Training set, before and after balancing**")
        st.dataframe(
            pd.DataFrame(
                {
                    "class": list(result.counts_before),
                    "labelled": list(result.counts_before.values()),
                    "trained on": list(result.counts_after.values()),
                }
            ),
            hide_index=True,
        )
        if result.validation["n"]:
            st.caption("The hold-out is in neither.")
    with right:
        st.markdown("**Loss**")
        st.altair_chart(charts.loss_curves(result.history), key="loss")
        if result.validation["n"]:
            st.markdown(f"**Hold-out of {result.validation['n']} spectra**")
            st.altair_chart(
                charts.confusion_matrix(result.validation["confusion"], campaign.network_classes),
                key="confusion",
            )
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


def _accuracy(validation: Mapping[str, Any]) -> float | None:
    confusion = validation["confusion"]
    if not validation["n"]:
        return None
    return sum(confusion[i][i] for i in range(len(confusion))) / validation["n"]


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
                "best loss": min(result.history["loss"]),
                "epochs": len(result.history["loss"]),
                "hold-out accuracy": _accuracy(result.validation),
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
