"""How pure the predictions are: Wilson's interval and what counts as right."""

import math

import pytest

from active_cnn.campaign.campaign import judge, measure_precision, record_answer
from active_cnn.campaign.sampling import draw_performance_sample
from active_cnn.evaluation.precision import Judgement, estimate_precision, wilson_interval

# proportion_confint(method="wilson") of statsmodels 0.15, 95 %.
WILSON = {
    (30, 30): (0.886487, 1.0),
    (28, 30): (0.786765, 0.981523),
    (94, 100): (0.875232, 0.972214),
    (98, 100): (0.929988, 0.994498),
    (187, 200): (0.891981, 0.961624),
}


@pytest.mark.parametrize(("counts", "expected"), WILSON.items())
def test_the_interval_agrees_with_another_package(counts, expected):
    assert wilson_interval(*counts) == pytest.approx(expected, abs=5e-7)


@pytest.mark.parametrize("n", [1, 7, 30])
def test_the_interval_is_symmetric_between_right_and_wrong(n):
    for right in range(n + 1):
        low, high = wilson_interval(right, n)
        assert 0 <= low <= right / n <= high <= 1
        assert wilson_interval(n - right, n) == pytest.approx((1 - high, 1 - low))


def test_the_interval_follows_its_formula():
    # Wilson (1927): centre and half-width as functions of p, n and the normal quantile z.
    z, n, p = 1.6448536269514722, 50, 0.8
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert wilson_interval(40, 50, confidence=0.9) == pytest.approx((centre - half, centre + half))


def test_thirty_of_thirty_are_not_certain():
    assert wilson_interval(30, 30)[0] < 0.9


def test_unsure_and_open_ones_are_counted_but_not_judged():
    right, wrong, unsure, waits = Judgement.RIGHT, Judgement.WRONG, Judgement.UNSURE, Judgement.OPEN
    precision = estimate_precision([*[right] * 28, *[wrong] * 2, *[unsure] * 3, *[waits] * 4])
    assert (precision.n_drawn, precision.n_unanswered, precision.n_unsure) == (37, 4, 3)
    assert (precision.n_right, precision.n_judged) == (28, 30)
    assert precision.value == pytest.approx(28 / 30)
    assert (precision.low, precision.high) == pytest.approx(WILSON[28, 30], abs=5e-7)


@pytest.mark.parametrize("judgements", [[], [Judgement.OPEN] * 3, [Judgement.UNSURE]])
def test_without_a_judgement_there_is_no_figure(judgements):
    precision = estimate_precision(judgements)
    assert precision.n_judged == 0
    assert math.isnan(precision.value)
    assert math.isnan(precision.low)
    assert math.isnan(precision.high)


@pytest.mark.parametrize(
    ("predicted", "answer", "expected"),
    [
        ("emission", "emission", Judgement.RIGHT),
        ("emission", "double-peak", Judgement.WRONG),
        ("emission", "noise", Judgement.WRONG),
        ("not-interesting", "noise", Judgement.RIGHT),
        ("not-interesting", "absorption", Judgement.RIGHT),
        ("emission", "unsure", Judgement.UNSURE),
        ("emission", None, Judgement.OPEN),
    ],
)
def test_an_answer_is_right_when_it_trains_what_was_predicted(
    campaign, predicted, answer, expected
):
    assert judge(campaign, predicted, answer) is expected


def test_precision_is_measured_class_by_class_from_current_answers(store, campaign, score):
    iteration = score()
    sample = draw_performance_sample(store, campaign, size=10)
    by_class = {
        target: [item.identifier for item in sample.items if item.predicted == target]
        for target in campaign.targets
    }

    def say(identifier, answer):
        record_answer(store, sample, identifier, answer, oracle="ann")

    for identifier in by_class["emission"][:6]:
        say(identifier, "emission")
    say(by_class["emission"][6], "double-peak")
    say(by_class["emission"][7], "unsure")
    say(by_class["emission"][0], "noise")
    say(by_class["emission"][1], None)
    found = measure_precision(store, campaign, iteration)
    emission, double_peak = found["emission"], found["double-peak"]
    assert (emission.n_right, emission.n_judged, emission.n_unsure) == (4, 6, 1)
    assert (emission.n_drawn, emission.n_unanswered) == (10, 3)
    assert (double_peak.n_drawn, double_peak.n_judged) == (10, 0)
