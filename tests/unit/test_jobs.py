"""Jobs: whether their worker is alive, how they end, and what a failure says."""

import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import asdict, replace
from datetime import datetime, timedelta

import h5py
import numpy as np
import psutil
import pytest

from active_cnn.campaign import jobs, worker
from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.files import iteration_folder, open_features, open_predictions
from active_cnn.campaign.rule import rule_significance
from active_cnn.campaign.store import Store
from active_cnn.errors import CampaignError, JobError
from active_cnn.learning.predictions import NOT_PREDICTED
from active_cnn.recipes import RECIPES, TrainingSettings
from active_cnn.records import JobState
from active_cnn.verdicts import HELD_OUT, PLANTED

SHORT = TrainingSettings(max_epochs=1, seed=3)


class Clock:
    """A clock that goes on only when it is told to."""

    def __init__(self):
        self.time = datetime.fromisoformat("2026-01-01T00:00:00+00:00")

    def __call__(self):
        return self.time.isoformat()

    def pass_by(self, span):
        self.time += span


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def slow_store(tmp_path, clock):
    with Store(tmp_path / "home", clock) as store:
        yield store


@pytest.fixture
def slow_campaign(slow_store, survey):
    return create_campaign(slow_store, "halpha", survey.training, survey.pool)


@pytest.fixture
def own_campaign(store, survey, tmp_path):
    """A campaign on files of its own, which a test may spoil."""
    paths = [tmp_path / path.name for path in (survey.training, survey.pool)]
    for copy, path in zip(paths, (survey.training, survey.pool), strict=True):
        copy.write_bytes(path.read_bytes())
    return create_campaign(store, "own", *paths)


@pytest.fixture
def sleeper():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


def run(store, campaign, settings=SHORT):
    """Work on a new job in this process, as the worker does in its own."""
    job = store.add_job(campaign.name, store.iteration(campaign.name).number, settings)
    has_succeeded = worker.run(store.home, job.number)
    job = store.job(job.number)
    assert has_succeeded == (job.state is JobState.SUCCEEDED)
    return job


# alive or not


def test_a_job_whose_process_lives_is_left_alone(store, campaign, sleeper):
    job = store.add_job(campaign.name, 0, SHORT)
    jobs.note_process(store, job.number, sleeper.pid)
    store.start_job(job.number)
    assert jobs.refresh(store, campaign).state is JobState.RUNNING


def test_a_job_whose_process_was_killed_is_interrupted_and_can_be_started_again(
    store, campaign, sleeper
):
    job = store.add_job(campaign.name, 0, SHORT)
    jobs.note_process(store, job.number, sleeper.pid)
    store.start_job(job.number)
    sleeper.kill()
    sleeper.wait()
    found = jobs.refresh(store, campaign)
    assert (found.number, found.state) == (job.number, JobState.INTERRUPTED)
    assert str(jobs.log_path(store, job)) in found.error
    assert found.finished_at
    assert store.add_job(campaign.name, 0, SHORT).state is JobState.QUEUED


def test_a_dead_process_that_nobody_has_collected_counts_as_gone(store, campaign, sleeper):
    job = store.add_job(campaign.name, 0, SHORT)
    jobs.note_process(store, job.number, sleeper.pid)
    sleeper.kill()
    while psutil.Process(sleeper.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert jobs.refresh(store, campaign).state is JobState.INTERRUPTED


def test_another_process_with_the_same_number_is_not_the_worker(store, campaign):
    started = psutil.Process(os.getpid()).create_time()
    job = store.add_job(campaign.name, 0, SHORT)
    store.set_job_process(job.number, socket.gethostname(), os.getpid(), started - 100)
    assert jobs.refresh(store, campaign).state is JobState.INTERRUPTED


def test_a_job_without_a_process_is_given_up_after_a_while(slow_store, slow_campaign, clock):
    slow_store.add_job(slow_campaign.name, 0, SHORT)
    clock.pass_by(jobs.UNBORN_AFTER - timedelta(seconds=1))
    assert jobs.refresh(slow_store, slow_campaign).state is JobState.QUEUED
    clock.pass_by(timedelta(seconds=2))
    assert jobs.refresh(slow_store, slow_campaign).state is JobState.INTERRUPTED


def test_a_worker_of_another_host_lives_as_long_as_it_reports(slow_store, slow_campaign, clock):
    job = slow_store.add_job(slow_campaign.name, 0, SHORT)
    slow_store.set_job_process(job.number, "another-host", os.getpid(), 0.0)
    slow_store.start_job(job.number)
    for _ in range(3):
        clock.pass_by(jobs.LOST_AFTER * 0.9)
        assert jobs.refresh(slow_store, slow_campaign).state is JobState.RUNNING
        assert slow_store.report_job(job.number, "training", 1, 9, {})
    clock.pass_by(jobs.LOST_AFTER * 1.1)
    assert jobs.refresh(slow_store, slow_campaign).state is JobState.INTERRUPTED


def test_a_campaign_without_jobs_has_nothing_to_watch(store, campaign):
    assert jobs.refresh(store, campaign) is None


# one at a time


def test_a_campaign_has_one_active_job(store, campaign, survey):
    first = store.add_job(campaign.name, 0, SHORT)
    with pytest.raises(JobError, match=f"Job {first.number} is training iteration 0"):
        store.add_job(campaign.name, 0, SHORT)
    with pytest.raises(JobError, match="Wait for it, or cancel it"):
        jobs.start_training(store, campaign, SHORT)
    assert len(store.jobs(campaign.name)) == 1
    other = create_campaign(store, "other", survey.training, survey.pool)
    assert store.add_job(other.name, 0, SHORT).number == 2


def test_a_job_that_does_not_exist_is_refused(store):
    with pytest.raises(JobError, match="no job 5"):
        store.job(5)


def test_a_worker_that_cannot_be_started_leaves_a_failed_job(store, campaign, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(JobError, match="Cannot start a worker for job 1: .*no/such/python"):
        jobs.start_training(store, campaign, SHORT)
    assert store.job(1).state is JobState.FAILED
    assert "/no/such/python" in store.job(1).error


# how it goes and how it ends


def test_what_a_worker_reports_is_seen_by_others(store, campaign):
    job = store.add_job(campaign.name, 0, SHORT)
    assert store.start_job(job.number)
    assert store.report_job(job.number, "training", 3, 10, {"history": {"loss": [0.5]}})
    with Store(store.home) as other:
        seen = other.active_job(campaign.name)
    assert (seen.phase, seen.done, seen.total) == ("training", 3, 10)
    assert seen.details == {"history": {"loss": [0.5]}}
    assert seen.settings == SHORT


def test_a_cancelled_job_learns_it_at_its_next_report(store, campaign):
    job = store.add_job(campaign.name, 0, SHORT)
    store.start_job(job.number)
    jobs.cancel(store, campaign)
    assert not store.report_job(job.number, "training", 1, 2, {})


def test_nothing_can_be_cancelled_when_no_job_is_active(store, campaign, score):
    with pytest.raises(JobError, match="nothing to cancel in 'halpha'"):
        jobs.cancel(store, campaign)
    score()
    with pytest.raises(JobError, match="nothing to cancel"):
        jobs.cancel(store, campaign)


@pytest.mark.parametrize("state", [JobState.CANCELLED, JobState.INTERRUPTED])
def test_a_result_that_comes_after_the_end_is_not_stored(store, campaign, score, state):
    result = score().result
    job = store.add_job(campaign.name, 0, SHORT)
    store.start_job(job.number)
    store.end_job(job.number, state)
    assert not store.finish_job(job.number, result)
    assert store.job(job.number).state is state
    assert store.iteration(campaign.name).job != job.number


def test_a_job_that_succeeded_cannot_be_marked_otherwise(store, score):
    iteration = score()
    store.end_job(iteration.job, JobState.INTERRUPTED, "too late")
    assert store.job(iteration.job).state is JobState.SUCCEEDED


def test_a_job_that_was_cancelled_before_its_worker_came_does_nothing(store, campaign):
    job = store.add_job(campaign.name, 0, SHORT)
    store.request_cancel(job.number)
    assert not worker.run(store.home, job.number)
    assert store.job(job.number).state is JobState.CANCELLED
    assert store.iteration(campaign.name).state == "new"


def test_a_worker_leaves_a_job_alone_that_is_over(store, campaign):
    job = store.add_job(campaign.name, 0, SHORT)
    store.end_job(job.number, JobState.INTERRUPTED, "killed")
    assert not worker.run(store.home, job.number)
    assert store.job(job.number).state is JobState.INTERRUPTED


# the worker with the real network


@pytest.mark.slow
def test_a_job_fills_its_iteration_and_takes_away_what_it_supersedes(store, campaign, score):
    earlier = score()
    folder = iteration_folder(store, earlier)
    (folder / "unfinished-predictions-0.h5").write_bytes(b"left by a worker that was killed")
    assert (folder / earlier.result.predictions_file).exists()
    job = run(store, campaign)
    assert (job.state, job.error, job.phase) == (JobState.SUCCEEDED, "", "finishing")
    iteration = store.iteration(campaign.name)
    result = iteration.result
    assert (iteration.state, iteration.job) == ("scored", job.number)
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [result.network_file, result.predictions_file, result.recovery_file]
    )
    kept = open_features(store, iteration)
    assert np.linalg.norm(kept.take(np.array([0, 7])), axis=1) == pytest.approx([1, 0], abs=1e-2)
    significance = rule_significance(store, campaign)
    assert np.flatnonzero(np.isnan(significance)).tolist() == [7, 11]
    assert sum(result.predicted_counts.values()) == 298
    assert result.settings == SHORT
    assert job.details["alarms"] == [asdict(one) for one in result.alarms]
    assert set(result.rankings) == {HELD_OUT, PLANTED}
    assert 0 < result.rankings[PLANTED].baseline <= 1
    assert result.n_training == 90
    assert sum(result.counts_before.values()) == 90 - result.validation["n"] == 81
    assert result.counts_after == result.counts_before
    assert len(result.history["loss"]) == len(result.history["val_loss"]) == 1
    assert result.device.startswith(("CPU", "GPU"))
    assert {"python", "keras", "numpy", "platform"} <= set(result.versions)
    assert set(result.seconds) == {"training", "predicting"}
    labels = open_predictions(store, iteration).labels()
    assert (labels != NOT_PREDICTED).sum() == 298


def test_a_changed_training_set_fails_the_job_with_its_path(store, own_campaign):
    path = store.home / own_campaign.training_path
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    job = run(store, own_campaign)
    assert job.state is JobState.FAILED
    assert str(path) in job.error
    assert "has changed since the campaign was created" in job.error
    assert store.iteration(own_campaign.name).state == "new"


def test_a_missing_training_set_fails_the_job_with_its_path(store, own_campaign):
    path = store.home / own_campaign.training_path
    path.unlink()
    job = run(store, own_campaign)
    assert job.state is JobState.FAILED
    assert str(path) in job.error


def test_a_changed_pool_fails_the_job_with_its_path(store, own_campaign):
    path = store.home / own_campaign.pool_path
    with h5py.File(path, "r+") as file:
        (group,) = file.values()
        group["spectra"][5] *= 2
    job = run(store, own_campaign)
    assert job.state is JobState.FAILED
    assert str(path) in job.error


def test_an_unknown_network_fails_the_job_with_those_that_there_are(store, own_campaign):
    job = run(store, own_campaign, TrainingSettings(network="magic", max_epochs=1))
    assert job.state is JobState.FAILED
    assert "'magic'. Choose one of compact, paper" in job.error


def test_an_unforeseen_failure_names_itself_and_the_log(store, own_campaign):
    folder = iteration_folder(store, store.iteration(own_campaign.name))
    folder.parent.mkdir(parents=True)
    folder.write_text("a file where the folder should be")
    job = run(store, own_campaign)
    assert job.state is JobState.FAILED
    assert "FileExistsError" in job.error
    assert str(jobs.log_path(store, job)) in job.error


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_delta": -1}, {"min_delta": 1.0}, {"min_delta": float("nan")}, {"patience": 0},
        {"max_epochs": 0}, {"batch_size": 0}, {"holdout": 0.6}, {"seed": -1}, {"seed": 2**32},
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused_with_the_limits(wrong):
    with pytest.raises(CampaignError, match="give a value from"):
        TrainingSettings(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [{"learning_rate": 0}, {"balancing": "magic"}, {"schedule": "magic"}, {"monitor": "magic"}],
)
def test_settings_that_are_none_of_a_list_are_refused_with_the_list(wrong):
    with pytest.raises(CampaignError, match="give a value (above|of) "):
        TrainingSettings(**wrong)


def test_settings_of_the_version_before_are_read_as_they_were_meant():
    stored = {
        "network": "paper", "min_delta": 1e-5, "patience": 50, "max_epochs": 7, "batch_size": 1,
        "holdout": 0.1, "balance": False, "seed": 3,
    }  # fmt: skip
    assert TrainingSettings.from_stored(stored) == replace(
        RECIPES["paper"], max_epochs=7, batch_size=1, balancing="none", seed=3
    )


def test_the_worker_does_not_take_the_working_folder_for_a_library(
    store, survey, tmp_path, monkeypatch
):
    (tmp_path / "numpy.py").write_text("raise RuntimeError('this is not NumPy')")
    monkeypatch.chdir(tmp_path)
    training = tmp_path / "training.csv"
    shutil.copyfile(survey.training, training)
    campaign = create_campaign(store, "halpha", training, survey.pool)
    # Without its training set the job fails at once, but by then NumPy has been imported.
    training.unlink()
    job = jobs.start_training(store, campaign, TrainingSettings())
    deadline = time.monotonic() + 60
    while job.state.is_active and time.monotonic() < deadline:
        time.sleep(0.2)
        job = jobs.refresh(store, campaign)
    assert job.state is JobState.FAILED
    assert str(training) in job.error
