"""Limits of proportions, against the values of other packages and against their formulas."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import binom, hypergeom
from statsmodels.stats.proportion import proportion_confint

from active_cnn.errors import EvaluationError
from active_cnn.evaluation.proportions import (
    IntervalMethod,
    choose_method,
    clopper_pearson_interval,
    describe_share,
    hypergeometric_interval,
    interval,
    labels_needed,
    measure_proportion,
    upper_bound,
    wilson_interval,
)

# proportion_confint(method="beta") of statsmodels 0.15, 95 %.
CLOPPER_PEARSON = {
    (30, 30): (0.884297, 1.0),
    (28, 30): (0.779265, 0.991822),
    (94, 100): (0.873970, 0.977665),
    (98, 100): (0.929616, 0.997569),
    (187, 200): (0.891413, 0.964939),
}


@pytest.mark.parametrize(("counts", "expected"), CLOPPER_PEARSON.items())
def test_the_exact_interval_agrees_with_another_package(counts, expected):
    assert clopper_pearson_interval(*counts) == pytest.approx(expected, abs=5e-7)


@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 1), (3, 17), (50, 50), (1, 400)])
def test_both_intervals_agree_with_statsmodels_itself(k, n):
    for ours, name in ((wilson_interval, "wilson"), (clopper_pearson_interval, "beta")):
        assert ours(k, n, 0.9) == pytest.approx(proportion_confint(k, n, 0.1, name), abs=1e-9)


@pytest.mark.parametrize(
    ("drawn", "population", "expected"),
    [((94, 100), 500, (441, 487)), ((94, 100), 5000, (4374, 4886)), ((28, 30), 200, (159, 197))],
)
def test_the_exact_number_of_a_finite_population(drawn, population, expected):
    assert hypergeometric_interval(*drawn, population) == expected


@pytest.mark.parametrize("mid_p", [False, True])
def test_a_finite_population_holds_exactly_the_numbers_that_no_tail_rejects(mid_p):
    k, n, population = 11, 14, 60
    weight = 0.5 if mid_p else 1.0
    kept = [
        total
        for total in range(k, population - n + k + 1)
        if hypergeom.sf(k, population, total, n) + weight * hypergeom.pmf(k, population, total, n)
        > 0.025
        and hypergeom.cdf(k - 1, population, total, n)
        + weight * hypergeom.pmf(k, population, total, n)
        > 0.025
    ]
    assert hypergeometric_interval(k, n, population, mid_p=mid_p) == (kept[0], kept[-1])


def test_who_has_judged_all_knows_all():
    assert hypergeometric_interval(28, 30, 30) == (28, 28)
    assert interval(28, 30, 30) == pytest.approx((28 / 30, 28 / 30))


@pytest.mark.parametrize("bad", [(5, 4, 10), (3, 12, 10), (-1, 4, 10), (0, 0, 10)])
def test_an_impossible_draw_is_refused(bad):
    with pytest.raises(EvaluationError, match="cannot come from a population of 10"):
        hypergeometric_interval(*bad)


def test_a_sample_of_more_than_a_twentieth_is_taken_for_what_it_is():
    assert choose_method(30) is IntervalMethod.WILSON
    assert choose_method(30, 600) is IntervalMethod.WILSON
    assert choose_method(31, 600) is IntervalMethod.HYPERGEOMETRIC
    narrow, wide = interval(94, 100, 500), interval(94, 100, 50_000)
    assert narrow[1] - narrow[0] < wide[1] - wide[0]
    assert wide == wilson_interval(94, 100)


def test_nothing_judged_gives_no_figure():
    found = measure_proportion(0, 0)
    assert (found.k, found.n) == (0, 0)
    assert np.isnan([found.value, found.low, found.high]).all()


@pytest.mark.parametrize(("n_wrong", "expected"), [(0, 45), (1, 72), (2, 95), (3, 117)])
def test_certifying_fewer_than_six_and_a_half_percent_takes_so_many(n_wrong, expected):
    assert labels_needed(n_wrong, 0.065) == expected
    assert upper_bound(n_wrong, expected) <= 0.065 < upper_bound(n_wrong, expected - 1)


def test_few_missed_of_a_survey_take_more_labels_than_anybody_gives():
    # At most 430 of 4.1 million, as statistics for LAMOST DR2 would need.
    assert labels_needed(0, 430 / 4_100_000) == 28_563


def test_more_errors_need_more_labels_and_the_bound_falls():
    needed = [labels_needed(n, 0.1) for n in range(6)]
    assert all(one < more for one, more in pairwise(needed))
    assert upper_bound(0, 50) == pytest.approx(1 - 0.05 ** (1 / 50))
    assert binom.cdf(3, 80, upper_bound(3, 80)) == pytest.approx(0.05)


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5])
def test_a_share_that_is_none_cannot_be_certified(share):
    with pytest.raises(EvaluationError, match="between 0 and 1"):
        labels_needed(0, share)


def test_what_nobody_could_label_is_said():
    with pytest.raises(EvaluationError, match="allow a larger error"):
        labels_needed(0, 1e-10)


@pytest.mark.parametrize(
    ("share", "n", "said"),
    [
        (0.6403, 30, "64 %"),
        (19.21 / 30, 100, "64 %"),
        (0.64031, 1000, "64 %"),
        (0.64151, 1000, "64.2 %"),
        (599 / 600, 600, "99.8 %"),
        (9999 / 10_000, 10_000, "99.99 %"),
        (1 / 4_000_000, 4_000_000, "0.00002 %"),
        (0, 30, "0 %"),
        (1, 4_000_000, "100 %"),
        (float("nan"), 0, "–"),
    ],
)
def test_a_share_has_the_digits_that_so_many_can_tell_apart(share, n, said):
    assert describe_share(share, n) == said
