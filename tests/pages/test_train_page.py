"""The Train page: settings, progress, result, history."""

from __future__ import annotations

import socket
from dataclasses import asdict, replace

import pytest

from active_cnn.campaign import jobs
from active_cnn.campaign.campaign import close_iteration
from active_cnn.campaign.overview import Step, next_step
from active_cnn.campaign.status import summarise
from active_cnn.delivery.methods import describe_methods
from active_cnn.recipes import RECIPES, TrainingSettings
from active_cnn.records import JobState
from active_cnn.ui.training import history_table
from active_cnn.verdicts import HELD_OUT, Alarm, Ranking
from tests import fakes

PAGE = "2_Train"


def metrics(at):
    return {metric.label: metric.value for metric in at.metric}


@pytest.fixture
def started(monkeypatch):
    """What was started instead of a worker, which would import TensorFlow."""
    calls = []

    def start(store, campaign, settings):
        calls.append(settings)
        return store.add_job(campaign.name, store.iteration(campaign.name).number, settings)

    monkeypatch.setattr(jobs, "start_training", start)
    return calls


@pytest.mark.usefixtures("empty_home")
def test_without_a_campaign_it_says_how_to_get_one(open_page):
    assert "no campaign" in open_page(PAGE).info[0].value


def test_a_new_iteration_asks_for_its_training(new_store, open_page):
    at = open_page(PAGE)
    assert "press Train" in at.info[0].value
    assert at.number_input(key="seed-0").value == new_store.iteration("small").seed


@pytest.mark.usefixtures("new_store")
def test_the_compact_recipe_is_what_a_person_gets_who_changes_nothing(open_page, started):
    open_page(PAGE).button(key="train").click().run()
    assert started == [replace(RECIPES["compact"], seed=1)]


@pytest.mark.usefixtures("new_store")
def test_the_settings_reach_the_job(open_page, started):
    at = open_page(PAGE)
    at.segmented_control(key="recipe").set_value("paper").run()
    at.number_input(key="max_epochs-paper").set_value(7)
    at.number_input(key="batch_size-paper").set_value(32)
    at.button(key="train").click().run()
    assert started == [replace(RECIPES["paper"], max_epochs=7, batch_size=32, seed=1)]


@pytest.mark.usefixtures("new_store")
def test_everything_can_be_set_by_hand(open_page, started):
    at = open_page(PAGE)
    at.segmented_control(key="recipe").set_value("own values").run()
    at.selectbox(key="network").set_value("paper")
    at.selectbox(key="balancing").set_value("smote")
    at.selectbox(key="schedule").set_value("constant")
    at.selectbox(key="monitor").set_value("training loss")
    at.number_input(key="learning_rate").set_value(0.001)
    at.number_input(key="min_delta").set_value(0.001)
    at.number_input(key="patience").set_value(3)
    at.toggle(key="augmentation").set_value(False).run()
    at.button(key="train").click().run()
    (settings,) = started
    assert settings == replace(
        RECIPES["compact"], network="paper", balancing="smote", schedule="constant",
        monitor="training loss", learning_rate=0.001, min_delta=0.001, patience=3,
        augmentation=False, background=0, answer_weight=1, seed=1,
    )  # fmt: skip


def test_progress_shows_phase_epoch_rate_and_what_is_left(new_store, open_page):
    history = fakes.history(13)
    fakes.begin(
        new_store,
        new_store.campaign(),
        details={
            "history": history,
            "share_of_epoch": 0.5,
            "spectra_per_second": 4321.0,
            "seconds": 75.0,
            "device": "CPU (cpu:0)",
        },
    )
    at = open_page(PAGE)
    shown = metrics(at)
    assert shown["Epoch"] == "13"
    assert shown["Spectra per second"] == "4,321"
    assert shown["Elapsed in this phase"] == "1 min 15 s"
    assert any("stops after" in caption.value for caption in at.caption)
    assert any("CPU (cpu\\:0)" in caption.value for caption in at.caption)


def test_predicting_shows_the_time_left(new_store, open_page):
    fakes.begin(
        new_store,
        new_store.campaign(),
        phase="predicting",
        done=100,
        total=300,
        details={"spectra_per_second": 10.0, "seconds": 10.0},
    )
    assert metrics(open_page(PAGE))["Time left"] == "20 s"


def test_cancel_asks_the_job_to_stop(new_store, open_page):
    job = fakes.begin(new_store, new_store.campaign())
    at = open_page(PAGE)
    at.button(key=f"cancel-{job.number}").click().run()
    assert new_store.job(job.number).is_cancel_requested
    assert at.button(key=f"cancel-{job.number}").disabled


def test_a_failure_shows_its_reason_and_can_be_restarted(new_store, open_page, started):
    job = fakes.begin(new_store, new_store.campaign())
    new_store.end_job(job.number, JobState.FAILED, "Class 'emission' has 1 labelled spectrum.")
    at = open_page(PAGE)
    assert "has 1 labelled spectrum" in at.error[0].value
    at.button(key=f"restart-{job.number}").click().run()
    assert started == [job.settings]


def test_a_killed_worker_shows_as_interrupted(new_store, open_page):
    job = fakes.begin(new_store, new_store.campaign())
    new_store.set_job_process(job.number, socket.gethostname(), 2**22 - 3, 1.0)
    at = open_page(PAGE)
    assert "interrupted" in at.error[0].value
    assert at.button(key=f"restart-{job.number}")


@pytest.mark.usefixtures("store")
def test_a_result_shows_counts_notices_and_the_way_on(open_page):
    at = open_page(PAGE)
    assert metrics(at)["Training spectra"] == "120"
    assert any("The rule needs no training" in info.value for info in at.info)
    assert "Measure the precision" in " ".join(link.label for link in at.get("page_link"))


def test_a_training_that_runs_already_is_not_started_again(new_store, open_page):
    at = open_page(PAGE)
    fakes.begin(new_store, new_store.campaign())
    at.button(key="train").click().run()
    assert not at.exception
    assert len(new_store.jobs("small")) == 1


def test_the_history_has_a_row_for_each_iteration(store, campaign):
    close_iteration(store, campaign)
    table = history_table(campaign, store.iterations(campaign.name), {})
    assert list(table["iteration"]) == [1, 0]
    assert list(table["state"]) == ["new", "closed"]
    assert table["epochs"].iloc[1] == 12


def test_a_training_that_learned_nothing_is_no_success(store, campaign, open_page):
    result = store.iteration(campaign.name).result
    job = store.add_job(campaign.name, 0, TrainingSettings())
    store.start_job(job.number)
    text = "Of held-out spectra, the network gives all 120 the same probabilities."
    alarm = Alarm("constant-probabilities", text, "Train the iteration again.", is_failure=True)
    assert store.finish_job(job.number, replace(result, alarms=(alarm,)))
    at = open_page(PAGE)
    assert any("learned nothing" in one.value and text in one.value for one in at.error)
    assert any("its training has learned nothing" in one.value for one in at.caption)
    assert next_step(store, campaign) is Step.TRAIN
    assert summarise(store, campaign)["alarms"] == [asdict(alarm)]
    assert f"learned nothing. {text}" in describe_methods(store, campaign)


def test_a_training_that_learned_something_shows_its_alarms_and_the_baseline(
    store, campaign, open_page
):
    result = store.iteration(campaign.name).result
    job = store.add_job(campaign.name, 0, TrainingSettings())
    store.start_job(job.number)
    ranking = Ranking(0.71, 0.94, 220, 20)
    alarm = Alarm("below-baseline", "It ranks worse than the baseline.", "Train it again.")
    changed = replace(result, alarms=(alarm,), rankings={HELD_OUT: ranking})
    assert store.finish_job(job.number, changed)
    at = open_page(PAGE)
    assert [one.value for one in at.warning] == [str(alarm)]
    shown = metrics(at)
    assert shown["Average precision, hold-out: network"] == "0.710"
    assert shown["Average precision, hold-out: baseline"] == "0.940"
    assert next_step(store, campaign) is not Step.TRAIN
    status = summarise(store, campaign)
    assert status["average_precision"] == {HELD_OUT: asdict(ranking)}
    text = describe_methods(store, campaign)
    assert "0.710 (baseline 0.940; 20 targets among 220)" in text
    assert "**It ranks worse than the baseline. Train it again.**" in text


def test_a_ranking_shows_what_it_came_to_and_nothing_that_it_has_not(store, campaign, open_page):
    result = store.iteration(campaign.name).result
    job = store.add_job(campaign.name, 0, TrainingSettings())
    store.start_job(job.number)
    ranked = replace(
        result,
        is_ranking=True,
        history={},
        validation={"n": 0, "confusion": []},
        notices=("Too little is labelled to train a network.",),
    )
    assert store.finish_job(job.number, ranked)
    at = open_page(PAGE)
    assert any("Too little is labelled" in one.value for one in at.info)
    shown = metrics(at)
    assert {"Labelled spectra", "Ranking", "Prediction"} <= set(shown)
    assert not {"Epochs", "Best loss", "Hold-out accuracy", "Training"} & set(shown)
    assert any("Ranked by likeness" in one.value for one in at.caption)
    assert summarise(store, campaign)["is_ranking"] is True
    close_iteration(store, campaign)
    open_page(PAGE)
    table = history_table(campaign, store.iterations(campaign.name), {})
    assert table["epochs"].isna().all()
