"""What a probability is worth: calibration and the reliability diagram, by hand and simulated."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from active_cnn.campaign.campaign import close_iteration, record_answer
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.reliability import FEWEST, Source, measure
from active_cnn.campaign.sampling import draw_performance_sample
from active_cnn.evaluation.calibration import (
    FEWEST_FOR_ISOTONIC,
    Isotonic,
    Temperature,
    apply_temperature,
    cross_calibrate,
    fit,
    fit_isotonic,
    fit_temperature,
)
from active_cnn.evaluation.precision import wilson_interval
from active_cnn.evaluation.reliability import (
    error_by_chance,
    expected_calibration_error,
    measure_reliability,
    reliability,
)
from active_cnn.ui.reliability_chart import CALIBRATED, NETWORK, reliability_diagram


def simulated(n, temperature, seed=0):
    """Draw true classes by probabilities that are then made surer by a temperature."""
    rng = np.random.default_rng(seed)
    exact = rng.dirichlet(np.ones(3), n)
    labels = (rng.random((n, 1)) > exact.cumsum(axis=1)).sum(axis=1).clip(max=2)
    return apply_temperature(exact, 1 / temperature), labels


# temperature


def test_the_temperature_of_two_equal_predictions_is_found_as_by_hand():
    # Said 9 to 1, right 3 of 4 times, that is 3 to 1: ln 9 / T = ln 3.
    probabilities = np.tile([0.9, 0.1], (4, 1))
    assert fit_temperature(probabilities, np.array([0, 0, 0, 1])) == pytest.approx(2, rel=1e-4)
    np.testing.assert_allclose(apply_temperature(probabilities[:1], 2.0), [[0.75, 0.25]])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_made_predictions_too_sure_is_found(temperature):
    assert fit_temperature(*simulated(20_000, temperature)) == pytest.approx(temperature, rel=0.05)


def test_certain_predictions_that_are_wrong_have_a_temperature_all_the_same():
    found = fit_temperature(np.eye(3, dtype=np.float32), np.array([1, 1, 2]))
    assert 1 < found <= 100


# isotonic regression


def test_isotonic_regression_pools_what_falls_as_by_hand():
    # 0 | 1, 0 | 1, 1 become 0, 1/2, 1/2, 1, 1; five spectra prove neither 0 nor 1.
    curve = fit_isotonic(
        np.array([0.5, 0.6, 0.7, 0.8, 0.9]), np.array([False, True, False, True, True])
    )
    np.testing.assert_allclose(curve.share, [1 / 7, 0.5, 0.5, 6 / 7, 6 / 7])
    said = np.array([[0.1], [0.55], [0.65], [0.99]])
    np.testing.assert_allclose(curve.p_right(said), [1 / 7, (1 / 7 + 0.5) / 2, 0.5, 6 / 7])


def test_equal_confidence_gets_one_share_whatever_the_order():
    confidence = np.array([0.9, 0.5, 0.9, 0.9, 0.5])
    is_right = np.array([True, True, False, True, False])
    curve = fit_isotonic(confidence, is_right)
    np.testing.assert_allclose(curve.confidence, [0.5, 0.9])
    np.testing.assert_allclose(curve.share, [1 / 2, 2 / 3])


def test_a_confidence_counts_as_often_as_it_was_given():
    curve = fit_isotonic(np.array([0.5, 0.5, 0.5, 0.9]), np.array([True, True, True, False]))
    np.testing.assert_allclose(curve.share, [3 / 4, 3 / 4])


# reliability and error


def test_the_error_weights_the_bins_by_their_sizes():
    # Guo et al. (2017), eq. 3: (3/5) |2/3 - 0.8| + (2/5) |0 - 0.55|.
    confidence = np.array([0.75, 0.8, 0.85, 0.54, 0.56])
    is_right = np.array([True, True, False, False, False])
    error = expected_calibration_error(confidence, is_right, n_bins=3)
    assert error == pytest.approx(0.6 * (0.8 - 2 / 3) + 0.4 * 0.55)


def test_a_bin_tells_its_mean_its_share_and_its_interval():
    confidence, is_right = np.array([0.95, 0.45, 0.97]), np.array([True, False, False])
    low, high = reliability(confidence, is_right)
    assert (low.n, low.n_right, low.confidence) == (1, 0, 0.45)
    assert (high.n, high.n_right, high.share) == (2, 1, 0.5)
    assert high.confidence == pytest.approx(0.96)
    assert (high.low, high.high) == wilson_interval(1, 2)


def test_an_edge_belongs_to_the_bin_below_it():
    found = reliability(np.array([0.0, 0.5, 0.500001, 1.0]), np.ones(4, bool), n_bins=2)
    assert [one.n for one in found] == [2, 2]


def test_exact_probabilities_of_many_spectra_have_almost_no_error():
    probabilities, labels = simulated(50_000, temperature=1)
    is_right = probabilities.argmax(axis=1) == labels
    assert expected_calibration_error(probabilities.max(axis=1), is_right) < 0.01


def test_exact_probabilities_of_few_spectra_have_the_error_of_chance():
    errors, expected = [], []
    for seed in range(200):
        probabilities, labels = simulated(40, 1, seed)
        confidence = probabilities.max(axis=1)
        errors.append(
            expected_calibration_error(confidence, probabilities.argmax(axis=1) == labels)
        )
        expected.append(error_by_chance(confidence, np.random.default_rng(seed)))
    assert np.mean(errors) == pytest.approx(np.mean(expected), rel=0.1)
    assert np.mean(expected) > 0.05


# what is fitted, and how it is judged


def test_the_number_of_spectra_decides_between_temperature_and_isotonic_regression():
    probabilities, labels = simulated(FEWEST_FOR_ISOTONIC, 2)
    assert isinstance(fit(probabilities, labels), Isotonic)
    assert isinstance(fit(probabilities[1:], labels[1:]), Temperature)


def test_no_prediction_is_calibrated_by_a_fit_that_has_seen_it():
    # One prediction's own truth moves the others' probabilities, never its own.
    probabilities, labels = simulated(60, 2)
    before = cross_calibrate(probabilities, labels, np.random.default_rng(1))
    changed = labels.copy()
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)[0]
    # Another wrong class: the folds are dealt out by right and wrong.
    changed[wrong] = ({0, 1, 2} - {labels[wrong], probabilities[wrong].argmax()}).pop()
    after = cross_calibrate(probabilities, changed, np.random.default_rng(1))
    assert after[wrong] == before[wrong]
    assert (after != before).sum() > 30


@pytest.mark.parametrize("n", [80, 800])
def test_calibration_mends_a_network_that_is_too_sure(n):
    found = measure_reliability(*simulated(n, 4), np.random.default_rng(0))
    assert found.error_after < 0.6 * found.error_before
    fresh, labels = simulated(20_000, 4, seed=9)
    is_right = fresh.argmax(axis=1) == labels
    assert expected_calibration_error(found.calibration.p_right(fresh), is_right) < 0.06


def test_the_error_after_calibration_is_not_flattered_by_the_fit():
    # Of noise nothing can be learned: what a curve makes of its own data looks better than it is.
    rng = np.random.default_rng(4)
    confidence = rng.uniform(0.5, 1, 120)
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    labels = (rng.random(120) < 0.5).astype(int)
    found = measure_reliability(probabilities, labels, rng)
    fitted = found.calibration.p_right(probabilities)
    assert found.error_after > 2 * expected_calibration_error(fitted, labels == 0)


@pytest.mark.parametrize("n_wrong", [0, 1, 29, 30])
def test_without_both_right_and_wrong_ones_nothing_is_calibrated(n_wrong):
    labels = np.zeros(30, dtype=int)
    labels[:n_wrong] = 1
    found = measure_reliability(np.tile([0.9, 0.1], (30, 1)), labels, np.random.default_rng(0))
    assert found.calibration is None
    assert found.after == ()
    assert math.isnan(found.error_after)
    assert found.error_before == pytest.approx(abs(0.9 - (30 - n_wrong) / 30))


@pytest.mark.parametrize("calibration", [Temperature(2.0), fit_isotonic(np.ones(3), np.ones(3))])
def test_what_was_not_predicted_has_no_probability_of_being_right(calibration):
    assert np.isnan(calibration.p_right(np.full((1, 3), np.nan))).all()


# which spectra of a campaign it is fitted to


def answer(store, sample, names):
    for item, name in zip(sample.items, names, strict=False):
        record_answer(store, sample, item.identifier, name, oracle="ann")


def with_held_out(iteration, n):
    probabilities, labels = simulated(n, 2)
    kept = {"n": n, "probabilities": probabilities.tolist(), "labels": labels.tolist()}
    return dataclasses.replace(
        iteration, result=dataclasses.replace(iteration.result, validation=kept)
    )


def test_the_answers_to_the_random_sample_are_measured_and_unsure_ones_counted(
    store, campaign, score
):
    iteration = score()
    sample = draw_performance_sample(store, campaign, size=20)
    said = ["noise", "unsure", "emission", "double-peak"] * 9
    answer(store, sample, said)
    # Neither is a random sample of predicted targets.
    answer(store, draw_relabel_query(store, campaign, size=5), ["emission"] * 5)
    found = measure(store, campaign, with_held_out(iteration, 500))
    assert (found.source, found.n_answers, found.n_unsure) == (Source.SAMPLE, 27, 9)
    known = found.reliability
    assert known.n == 27
    right = [
        item.predicted == campaign.trains.get(name)
        for item, name in zip(sample.items, said, strict=False)
    ]
    assert sum(one.n_right for one in known.before) == sum(right)
    judged = [
        max(item.probabilities)
        for item, name in zip(sample.items, said, strict=False)
        if name != "unsure"
    ]
    mean = sum(one.n * one.confidence for one in known.before) / known.n
    assert mean == pytest.approx(np.mean(judged))


def test_an_answer_that_is_corrected_or_taken_back_counts_as_it_stands(store, campaign, score):
    iteration = score()
    sample = draw_performance_sample(store, campaign, size=20)
    answer(store, sample, ["noise"] * (FEWEST + 2))
    answer(store, sample, [None, "unsure", campaign.confirms(sample.items[2].predicted).name])
    found = measure(store, campaign, iteration)
    assert (found.n_answers, found.n_unsure) == (FEWEST, 1)
    assert sum(one.n_right for one in found.reliability.before) == 1


def test_the_same_answers_give_the_same_figures_in_whatever_order(store, campaign, score):
    iteration = score()
    sample = draw_performance_sample(store, campaign, size=20)
    answer(store, sample, ["emission", "double-peak", "noise"] * 12)
    before = measure(store, campaign, iteration).reliability
    answer(store, sample, ["emission"])
    assert measure(store, campaign, iteration).reliability.after == before.after


def test_held_out_spectra_stand_in_as_long_as_there_are_few_answers(store, campaign, score):
    iteration = with_held_out(score(), 60)
    sample = draw_performance_sample(store, campaign, size=20)
    answer(store, sample, ["noise"] * (FEWEST - 1))
    found = measure(store, campaign, iteration)
    assert (found.source, found.n_answers) == (Source.HELD_OUT, FEWEST - 1)
    assert found.reliability.n == 60


@pytest.mark.parametrize("n_held_out", [0, FEWEST - 1])
def test_with_too_few_of_both_nothing_is_said(store, campaign, score, n_held_out):
    iteration = with_held_out(score(), n_held_out)
    found = measure(store, campaign, iteration)
    assert (found.source, found.reliability) == (None, None)


def test_a_training_that_kept_no_probabilities_is_still_measured_by_answers(store, campaign, score):
    iteration = score()
    assert set(iteration.result.validation) == {"n", "confusion"}
    assert measure(store, campaign, iteration).reliability is None
    answer(store, draw_performance_sample(store, campaign, size=20), ["emission"] * 30)
    assert measure(store, campaign, iteration).source is Source.SAMPLE


def test_the_next_iteration_is_not_measured_by_answers_to_the_last(store, campaign, score):
    score()
    answer(store, draw_performance_sample(store, campaign, size=20), ["emission"] * 30)
    close_iteration(store, campaign)
    found = measure(store, campaign, score())
    assert (found.n_answers, found.source) == (0, None)


# the diagram


def points(chart):
    data = [row for rows in chart.to_dict()["datasets"].values() for row in rows]
    return [row for row in data if "probability" in row]


def test_the_diagram_has_a_point_for_each_bin_before_and_after():
    known = measure_reliability(*simulated(60, 3), np.random.default_rng(0))
    drawn = points(reliability_diagram(known))
    for kind, bins in ((NETWORK, known.before), (CALIBRATED, known.after)):
        assert [
            (row["confidence"], row["share"], row["low"], row["high"], row["spectra"])
            for row in drawn
            if row["probability"] == kind
        ] == [(one.confidence, one.share, one.low, one.high, one.n) for one in bins]


def test_without_a_calibration_the_diagram_has_no_point_after_it():
    all_right = np.tile([0.9, 0.1], (30, 1)), np.zeros(30, dtype=int)
    known = measure_reliability(*all_right, np.random.default_rng(0))
    (point,) = points(reliability_diagram(known))
    assert (point["probability"], point["of"]) == (NETWORK, "30 of 30")
