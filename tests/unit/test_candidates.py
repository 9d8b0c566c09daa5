"""The candidate table: who says that a spectrum is a candidate, with what and since when."""

import numpy as np
import pytest

from active_cnn.campaign.campaign import close_iteration, record_answer
from active_cnn.campaign.files import open_pool, open_predictions
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.sampling import draw_performance_sample
from active_cnn.delivery.candidates import (
    above_threshold,
    candidate_probability,
    find_candidates,
)
from active_cnn.errors import CampaignError

COLUMNS = [
    "identifier", "ra", "dec", "label", "source", "answer", "p_calibrated", "p_not_interesting",
    "p_emission", "p_double_peak", "entropy", "rule_sigma", "iteration", "snr_r", "designation",
    "pipeline_class", "oracle", "note", "path",
]  # fmt: skip


def say(store, query, identifier, answer, note=""):
    record_answer(store, query, identifier, answer, oracle="ann", note=note)


def row_of(candidates, identifier):
    (row,) = candidates[candidates["identifier"] == identifier].to_dict("records")
    return row


@pytest.fixture
def query(store, campaign, score):
    score()
    return draw_relabel_query(store, campaign, size=200)


def predicted_as(query, predicted):
    return [item.identifier for item in query.items if item.predicted == predicted]


def test_candidates_before_the_first_training_are_a_clear_error(store, campaign):
    with pytest.raises(CampaignError, match="no candidates yet: .* Train its first iteration"):
        find_candidates(store, campaign)


def test_without_answers_the_candidates_are_what_the_network_predicts(store, campaign, score):
    iteration = score()
    candidates = find_candidates(store, campaign)
    assert list(candidates.columns) == COLUMNS
    assert candidates["label"].value_counts().to_dict() == {"emission": 40, "double-peak": 20}
    assert set(candidates["source"]) == {"network"}
    assert set(candidates["iteration"]) == {0}
    assert (candidates[["answer", "oracle", "note"]] == "").all(axis=None)
    assert candidates["identifier"].is_unique
    rows = open_pool(store, campaign).rows(list(candidates["identifier"]))
    predictions = open_predictions(store, iteration)
    np.testing.assert_array_equal(
        candidates[COLUMNS[7:10]].to_numpy(np.float32), predictions.probabilities(rows)
    )
    np.testing.assert_array_equal(candidates["entropy"], predictions.entropy()[rows])


def test_where_and_what_a_candidate_is_comes_from_its_own_row_of_the_pool(store, campaign, score):
    score()
    candidates = find_candidates(store, campaign)
    pool = open_pool(store, campaign)
    own = pool.metadata(pool.rows(list(candidates["identifier"])))
    for name in ("ra", "dec", "snr_r", "designation", "pipeline_class", "path"):
        assert list(candidates[name]) == list(own[name])


def test_what_the_oracle_calls_a_target_is_a_candidate_even_if_not_predicted(
    store, campaign, query
):
    identifier = predicted_as(query, "not-interesting")[0]
    say(store, query, identifier, "double-peak", note="schön: Hα")
    row = row_of(find_candidates(store, campaign), identifier)
    assert (row["label"], row["source"], row["answer"]) == ("double-peak", "oracle", "double-peak")
    assert (row["oracle"], row["note"], row["iteration"]) == ("ann", "schön: Hα", 0)
    assert row["p_not_interesting"] > row["p_double_peak"]


@pytest.mark.parametrize("answer", ["absorption", "noise", "artefact"])
def test_what_the_oracle_calls_something_else_is_no_candidate(store, campaign, query, answer):
    identifier = predicted_as(query, "emission")[0]
    say(store, query, identifier, answer)
    candidates = find_candidates(store, campaign)
    assert identifier not in set(candidates["identifier"])
    assert len(candidates) == 59


def test_the_oracles_class_stands_above_the_networks(store, campaign, query):
    identifier = predicted_as(query, "emission")[0]
    say(store, query, identifier, "double-peak")
    row = row_of(find_candidates(store, campaign), identifier)
    assert (row["label"], row["source"]) == ("double-peak", "oracle")


def test_where_the_oracle_is_unsure_the_prediction_stands_and_the_answer_is_shown(
    store, campaign, query
):
    predicted, other = predicted_as(query, "emission")[0], predicted_as(query, "not-interesting")[0]
    say(store, query, predicted, "unsure", note="noisy")
    say(store, query, other, "unsure")
    candidates = find_candidates(store, campaign)
    row = row_of(candidates, predicted)
    assert (row["label"], row["source"], row["answer"]) == ("emission", "network", "unsure")
    assert row["note"] == "noisy"
    assert other not in set(candidates["identifier"])


def test_an_answer_that_was_taken_back_leaves_the_prediction(store, campaign, query):
    identifier = predicted_as(query, "emission")[0]
    say(store, query, identifier, "noise")
    say(store, query, identifier, None)
    row = row_of(find_candidates(store, campaign), identifier)
    assert (row["source"], row["answer"]) == ("network", "")


def test_candidates_right_after_the_next_iteration_are_those_of_the_last_network(
    store, campaign, query
):
    identifier = predicted_as(query, "not-interesting")[0]
    say(store, query, identifier, "emission")
    before = find_candidates(store, campaign)
    close_iteration(store, campaign)
    after = find_candidates(store, campaign)
    assert after.equals(before)
    assert len(after) == 61


def test_the_iteration_of_a_candidate_is_that_of_its_label(store, campaign, query, score):
    identifier = predicted_as(query, "emission")[0]
    say(store, query, identifier, "emission")
    close_iteration(store, campaign)
    score()
    sample = draw_performance_sample(store, campaign, size=1)
    for item in sample.items:
        say(store, sample, item.identifier, item.predicted)
    candidates = find_candidates(store, campaign)
    assert row_of(candidates, identifier)["iteration"] == 0
    assert row_of(candidates, sample.items[0].identifier)["iteration"] == 1
    assert set(candidates.loc[candidates["source"] == "network", "iteration"]) == {1}


def test_the_oracles_candidates_come_first_then_by_falling_probability(store, campaign, query):
    for identifier in predicted_as(query, "not-interesting")[:3]:
        say(store, query, identifier, "emission")
    candidates = find_candidates(store, campaign)
    assert list(candidates["source"]) == ["oracle"] * 3 + ["network"] * 60
    for source in ("oracle", "network"):
        probability = candidate_probability(candidates[candidates["source"] == source], campaign)
        assert probability.is_monotonic_decreasing


def test_a_threshold_keeps_the_oracles_and_the_probable(store, campaign, query):
    confirmed = predicted_as(query, "not-interesting")[0]
    say(store, query, confirmed, "emission")
    candidates = find_candidates(store, campaign)
    assert len(above_threshold(candidates, 0.0, campaign)) == len(candidates) == 61
    kept = above_threshold(candidates, 0.8, campaign)
    assert confirmed in set(kept["identifier"])
    expected = (candidate_probability(candidates, campaign) >= 0.8) | (
        candidates["source"] == "oracle"
    )
    assert list(kept["identifier"]) == list(candidates.loc[expected, "identifier"])
    assert list(above_threshold(candidates, 1.01, campaign)["identifier"]) == [confirmed]


def test_no_predicted_target_gives_an_empty_table_with_all_columns(store, campaign, score):
    score(np.tile(np.float32([0.9, 0.06, 0.04]), (300, 1)))
    candidates = find_candidates(store, campaign)
    assert len(candidates) == 0
    assert list(candidates.columns) == COLUMNS
    assert len(above_threshold(candidates, 0.5, campaign)) == 0


def test_spectra_that_cannot_be_used_are_no_candidates(store, campaign, score):
    score(np.tile(np.float32([0.1, 0.8, 0.1]), (300, 1)))
    assert len(find_candidates(store, campaign)) == 298
