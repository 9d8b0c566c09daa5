"""Start, watch and cancel the worker process of a campaign."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path

import psutil

from active_cnn.campaign.store import Store
from active_cnn.errors import JobError
from active_cnn.recipes import TrainingSettings
from active_cnn.records import Campaign, Job, JobState

# A worker of another host is known by its heartbeat alone; it beats at each report.
LOST_AFTER = timedelta(minutes=5)
# Between the row of a job and the number of its process lies one fork.
UNBORN_AFTER = timedelta(seconds=30)

# Repeatable sums and a quiet log, set before the backend is imported.
_WORKER_ENVIRONMENT = {"TF_DETERMINISTIC_OPS": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}


def start_training(
    store: Store, campaign: Campaign, settings: TrainingSettings, scheduler: str | None = None
) -> Job:
    """Train the open iteration in a process of its own, which outlives this one.

    Parameters
    ----------
    store, campaign : Store, Campaign
        Whose open iteration it is.
    settings : TrainingSettings
        Of the training.
    scheduler : str, optional
        Of Dask, on whose workers the pool is predicted, in place of `ACTIVE_CNN_SCHEDULER`.

    Raises
    ------
    JobError
        If another job is active, the iteration is closed, or no process can be started.
    """
    refresh(store, campaign)
    iteration = store.iteration(campaign.name)
    job = store.add_job(campaign.name, iteration.number, settings)
    path = log_path(store, job)
    chosen = {} if scheduler is None else {"ACTIVE_CNN_SCHEDULER": scheduler}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as log:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",  # a file or folder named like a package, where a person works, is not one
                    "-m",
                    "active_cnn.campaign.worker",
                    str(store.home.resolve()),
                    str(job.number),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **_WORKER_ENVIRONMENT, **chosen},
            )
    except OSError as error:
        store.end_job(job.number, JobState.FAILED, f"The worker could not be started: {error}.")
        raise JobError(
            f"Cannot start a worker for job {job.number}: {error}. "
            "See whether the machine has memory and processes left."
        ) from error
    note_process(store, job.number, process.pid)
    # Collects the worker when it ends, if this process is still there: no zombie stays behind.
    threading.Thread(target=process.wait, daemon=True).start()
    return store.job(job.number)


def note_process(store: Store, number: int, pid: int) -> None:
    """Note which process of this host works on a job."""
    try:
        started = _start_of(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return
    store.set_job_process(number, socket.gethostname(), pid, started)


def log_path(store: Store, job: Job) -> Path:
    """Give the file that a worker's own words go to."""
    return store.home / job.campaign / "jobs" / f"{job.number}.log"


def refresh(store: Store, campaign: Campaign) -> Job | None:
    """Give the campaign's newest job; one whose process is gone is marked as interrupted."""
    active = store.active_job(campaign.name)
    if active and not _is_alive(active, store.now()):
        # The worker may have finished between the two looks: then this changes nothing.
        store.end_job(
            active.number,
            JobState.INTERRUPTED,
            "The worker process ended without a result (killed, out of memory, or the machine "
            f"was restarted). Its last words, if any, are in {log_path(store, active)}.",
        )
    return next(iter(store.jobs(campaign.name)), None)


def _is_alive(job: Job, now: str) -> bool:
    if job.pid is None:
        return datetime.fromisoformat(now) - datetime.fromisoformat(job.created_at) < UNBORN_AFTER
    if job.host != socket.gethostname():
        last = datetime.fromisoformat(job.heartbeat_at or job.created_at)
        return datetime.fromisoformat(now) - last < LOST_AFTER
    try:
        process = psutil.Process(job.pid)
        # The number of a process is used again; its start time is not.
        is_same = job.pid_started is not None and abs(_start_of(process) - job.pid_started) < 1
        return is_same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _start_of(process: psutil.Process) -> float:
    # In seconds since the machine was started: a clock that is set right moves both.
    return process.create_time() - psutil.boot_time()


def cancel(store: Store, campaign: Campaign) -> None:
    """Ask the active job to stop; it does so at its next report.

    Raises
    ------
    JobError
        If no job is active.
    """
    active = store.active_job(campaign.name)
    if not active:
        raise JobError(f"There is nothing to cancel in {campaign.name!r}: no job is active.")
    store.request_cancel(active.number)
