"""The Candidates page: threshold, filters, one spectrum, downloads."""

from __future__ import annotations

import math

import numpy as np
import pytest

from active_cnn.campaign.campaign import record_answer
from active_cnn.campaign.confidence import THRESHOLD
from active_cnn.campaign.files import iteration_folder, open_pool
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.delivery.candidates import find_candidates
from active_cnn.delivery.columns import probability_columns
from active_cnn.learning.predictions import PredictionsWriter
from active_cnn.ui import paging
from active_cnn.ui.candidate_table import DOWNLOADS

PAGE = "5_Candidates"


def metrics(at):
    return {metric.label: metric.value for metric in at.metric}


@pytest.mark.usefixtures("new_store")
def test_before_the_first_training_there_are_none(open_page):
    assert "nothing has been predicted" in open_page(PAGE).info[0].value


def test_predicted_and_confirmed_candidates_are_in_one_table(store, campaign, open_page):
    query = draw_relabel_query(store, campaign, "entropy", 2)
    record_answer(store, query, query.items[0].identifier, "emission", oracle="tester")
    at = open_page(PAGE)
    assert set(at.dataframe[0].value["source"]) == {"oracle", "network"}
    assert metrics(at)["Confirmed by the oracle"] == "1"


def test_a_new_answer_is_seen_at_once(store, campaign, open_page):
    query = draw_relabel_query(store, campaign, "random-target", 1)
    at = open_page(PAGE)
    n = len(at.dataframe[0].value)
    record_answer(store, query, query.items[0].identifier, "noise", oracle="tester")
    assert len(at.run().dataframe[0].value) == n - 1


@pytest.mark.usefixtures("store", "campaign")
def test_the_threshold_begins_where_the_export_does(open_page):
    assert open_page(PAGE).slider(key="threshold").value == THRESHOLD


def test_the_threshold_says_how_many_of_each_class_remain(store, campaign, open_page):
    at = open_page(PAGE)
    at.slider(key="threshold").set_value(0.6).run()
    found = find_candidates(store, campaign)
    for name in campaign.targets:
        of_class = found[found["label"] == name]
        n = int((of_class[probability_columns(campaign.network_classes)[name]] >= 0.6).sum())
        assert metrics(at)[name] == f"{n} of {len(of_class)}"


@pytest.mark.usefixtures("store", "campaign")
def test_filters_narrow_the_table(open_page):
    at = open_page(PAGE)
    identifier = at.dataframe[0].value["identifier"].iloc[0]
    at.text_input(key="search").set_value(identifier.upper()).run()
    assert list(at.dataframe[0].value["identifier"]) == [identifier]
    at.number_input(key="lowest_snr").set_value(1e6).run()
    assert "No candidate passes" in at.info[0].value


def test_the_url_names_the_shown_spectrum(store, campaign, open_page):
    identifier = find_candidates(store, campaign)["identifier"].iloc[1]
    at = open_page(PAGE, identifier=identifier)
    assert identifier in [heading.value.replace("\\", "") for heading in at.subheader]


@pytest.mark.usefixtures("store")
def test_an_unknown_spectrum_in_the_url_is_a_message(open_page):
    assert "no-such" in open_page(PAGE, identifier="no-such").error[0].value


@pytest.mark.usefixtures("store")
def test_there_is_a_download_for_each_format(open_page):
    at = open_page(PAGE)
    assert [button.label for button in at.download_button] == [f"Download {n}" for n in DOWNLOADS]


def test_no_predicted_target_is_said(store, campaign, open_page):
    iteration = store.iteration(campaign.name)
    path = iteration_folder(store, iteration) / iteration.result.predictions_file
    pool = open_pool(store, campaign)
    path.unlink()
    writer = PredictionsWriter(path, pool.n, campaign.network_classes, pool.fingerprint)
    certain = np.zeros((int(pool.usable.sum()), 3), dtype=np.float32)
    certain[:, campaign.network_classes.index("not-interesting")] = 1
    writer.write(slice(0, pool.n), pool.usable, certain)
    writer.finish()
    assert "predicts no targets" in open_page(PAGE).info[0].value


def test_lost_predictions_are_an_error_banner(store, campaign, open_page):
    iteration = store.iteration(campaign.name)
    (iteration_folder(store, iteration) / iteration.result.predictions_file).unlink()
    assert "Cannot read the predictions" in open_page(PAGE).error[0].value


def test_a_long_table_is_sent_a_page_at_a_time(store, campaign, open_page, monkeypatch):
    monkeypatch.setattr(paging, "ROWS", 7)
    found = find_candidates(store, campaign)
    at = open_page(PAGE)
    assert list(at.dataframe[0].value["identifier"]) == list(found["identifier"][:7])
    assert f"Rows 1 to 7 of {len(found)}" in [caption.value for caption in at.caption]
    at.session_state["candidates-page-" + str(math.ceil(len(found) / 7))] = 2
    assert list(at.run().dataframe[0].value["identifier"]) == list(found["identifier"][7:14])


def test_the_order_is_that_of_all_candidates_and_not_of_the_page(
    store, campaign, open_page, monkeypatch
):
    monkeypatch.setattr(paging, "ROWS", 5)
    found = find_candidates(store, campaign)
    at = open_page(PAGE)
    at.selectbox(key="order").set_value("highest S/N first").run()
    highest = found["snr_r"].sort_values(ascending=False).head(5)
    assert list(at.dataframe[0].value["snr_r"]) == list(highest)
