"""The audit of the ranks: strata, labels, the recall above the floor, the bound below it."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import beta

from active_cnn.errors import EvaluationError
from active_cnn.evaluation.completeness import (
    Stratum,
    allocate,
    describe_completeness,
    design_strata,
    elusion_bound,
    estimate_completeness,
    estimate_other,
    expected_width,
    labels_to_certify,
)


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def test_strata_cover_the_ranks_to_the_floor_and_grow_as_told():
    strata = design_strata(1000, 50_000, 4_136_482)
    assert strata[0] == Stratum(0, 1000)
    assert strata[-1].stop == 50_000
    assert all(one.stop == more.start for one, more in pairwise(strata))
    growth = [one.stop / one.start for one in strata[1:]]
    narrow = [g for one, g in zip(strata[1:], growth, strict=True) if one.start < 4000]
    assert narrow == pytest.approx([1.5] * len(narrow), abs=0.01)
    wide = growth[len(narrow) : -1]
    assert wide == pytest.approx([2.2] * len(wide), abs=0.01)
    assert 2.2**0.5 <= growth[-1] <= 2.2**1.5


@pytest.mark.parametrize("bad", [(0, 100, 1000), (100, 100, 1000), (10, 2000, 1000)])
def test_no_audit_without_ranks_below_the_predictions(bad):
    with pytest.raises(EvaluationError, match="the floor must lie below the predictions"):
        design_strata(*bad)


def test_a_quarter_of_the_labels_goes_to_the_predicted_and_the_rest_equally():
    strata = design_strata(1000, 50_000, 4_136_482)
    shared = allocate(600, strata)
    assert sum(shared) == 600
    assert shared[0] == 150
    assert max(shared[1:]) - min(shared[1:]) <= 1


def test_what_a_small_stratum_cannot_hold_goes_to_the_others():
    strata = (Stratum(0, 5), Stratum(5, 8), Stratum(8, 1000))
    assert allocate(100, strata) == (5, 3, 92)
    with pytest.raises(EvaluationError, match="give 6 to 1000 labels"):
        allocate(5, strata)
    with pytest.raises(EvaluationError, match="give 6 to 1000 labels"):
        allocate(1001, strata)


def test_recall_and_its_error_follow_cochran(rng):
    sizes, n, k = np.array([1000, 2000, 10_000]), np.array([100, 80, 80]), np.array([90, 8, 1])
    found = estimate_completeness(sizes, n, k, rng)
    true, missed = 900.0, 2000 * 0.1 + 10_000 / 80
    assert found.n_true == pytest.approx(true)
    assert found.n_missed == pytest.approx(missed)
    assert found.recall == pytest.approx(true / (true + missed))
    # V_h = N_h² (1 − n_h/N_h) p_h (1 − p_h) / (n_h − 1), Cochran (1977), 5.4.
    p = k / n
    variance = sizes**2 * (1 - n / sizes) * p * (1 - p) / (n - 1)
    expected = np.sqrt(missed**2 * variance[0] + true**2 * variance[1:].sum())
    assert found.standard_error == pytest.approx(expected / (true + missed) ** 2)
    assert found.low < found.recall < found.high
    assert found.n_missed_low < missed < found.n_missed_high


def test_judging_everything_leaves_nothing_open(rng):
    found = estimate_completeness([10, 20, 30], [10, 20, 30], [9, 3, 0], rng)
    assert (found.low, found.recall, found.high) == (0.75, 0.75, 0.75)
    assert found.n_missed_low == found.n_missed_high == 3


def test_none_missed_is_no_certainty(rng):
    found = estimate_completeness([100, 5000], [50, 150], [45, 0], rng)
    assert found.recall == found.high == 1
    assert found.low < 0.9
    assert found.n_missed_high > 20


def test_without_a_positive_there_is_no_recall(rng):
    found = estimate_completeness([100, 5000], [50, 150], [0, 0], rng)
    assert np.isnan(found.recall)
    assert (found.low, found.high) == (0, 1)
    assert "no recall can be given" in describe_completeness(found, 5100, 9000)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (([100], [10], [5]), "two at least"),
        (([100, 200], [10, 1], [5, 0]), "Stratum 1 has 0 positive of 1 judged"),
        (([100, 200], [10, 20], [11, 0]), "Stratum 0 has 11 positive of 10 judged"),
        (([100, 200], [10, 201], [1, 0]), "Stratum 1"),
    ],
)
def test_impossible_counts_are_refused(rng, counts, message):
    with pytest.raises(EvaluationError, match=message):
        estimate_completeness(*counts, rng)


def test_more_labels_promise_a_narrower_interval(rng):
    strata = design_strata(1000, 20_000, 100_000)
    guess = [900, *[40 / 2**i for i in range(len(strata) - 1)]]
    few, many = (
        expected_width(strata, allocate(n, strata), guess, rng, n_surveys=60) for n in (100, 1000)
    )
    assert 0 < many < few / 2 < 0.5
    with pytest.raises(EvaluationError, match="give a number from 0 to its size"):
        expected_width(strata, allocate(100, strata), [2000, *guess[1:]], rng)


def test_a_promise_is_kept_on_average(rng):
    """The width that is shown before the work is that of the audits that follow."""
    strata = design_strata(500, 5000, 20_000)
    sizes = np.array([one.size for one in strata])
    truth = np.array([450, *[30 // 2**i for i in range(len(strata) - 1)]])
    shared = np.array(allocate(200, strata))
    promised = expected_width(strata, shared, truth, rng)
    kept = [
        estimate_completeness(
            sizes, shared, rng.hypergeometric(truth, sizes - truth, shared), rng, n_draws=1000
        )
        for _ in range(200)
    ]
    assert promised == pytest.approx(np.mean([one.high - one.low for one in kept]), rel=0.1)


def test_none_found_below_the_floor_bounds_what_is_there():
    assert elusion_bound(500, 0, 4_000_000) == pytest.approx(4_000_000 * (1 - 0.05 ** (1 / 500)))
    # Clopper and Pearson's one-sided limit is a quantile of a beta distribution.
    assert elusion_bound(500, 3, 4_000_000) == pytest.approx(4e6 * beta.ppf(0.95, 4, 497))
    assert elusion_bound(100, 2, 100) == 2
    with pytest.raises(EvaluationError, match="at least one drawn"):
        elusion_bound(0, 0, 100)


def test_labels_that_would_certify_the_whole_pool():
    assert labels_to_certify(430, 4_100_000) == 28_563
    with pytest.raises(EvaluationError, match="nothing to certify"):
        labels_to_certify(0, 100)


def test_the_words_claim_recall_above_the_floor_only(rng):
    found = estimate_completeness([1000, 9000], [100, 200], [90, 2], rng)
    words = describe_completeness(found, 10_000, 4_000_000, 500, 0)
    place = "among the 10,000 spectra with the highest scores (of 4,000,000)"
    assert words.startswith(f"Recall {place} is {found.recall:.3f} (95 % interval")
    bound = np.ceil(3_990_000 * (1 - 0.05 ** (1 / 500)))
    below = "Of the 3,990,000 spectra below, 500 drawn at random held 0 positives"
    assert f"{below}: at most {bound:,.0f} are missed there" in words
    assert "Nothing is claimed about" in describe_completeness(found, 10_000, 4_000_000)
    assert "These are all spectra" in describe_completeness(found, 10_000, 10_000)


def test_another_classifier_is_measured_by_the_same_labels(rng):
    # A census: the figures are exact.
    stratum = np.repeat([0, 1], [20, 80])
    is_true = np.zeros(100, bool)
    is_true[:20] = is_true[20:30] = True
    is_called = np.zeros(100, bool)
    is_called[10:40] = True  # 20 right, 10 false, 10 missed
    found = estimate_other([20, 80], stratum, is_true, is_called, [10, 20], rng)
    known = estimate_other([20, 80], stratum, is_true, is_called, [10, 20], rng, n_known=1000)
    assert (known.precision, known.recall) == pytest.approx((1020 / 1030, 1020 / 1030))
    assert known.n_right == pytest.approx(1020)
    assert (found.precision, found.recall) == pytest.approx((2 / 3, 2 / 3))
    assert found.precision_low == pytest.approx(found.precision_high)
    assert found.n_right == pytest.approx(20)
    with pytest.raises(EvaluationError, match="give the number of all its calls"):
        estimate_other([20, 80], stratum, is_true, is_called, [10, 19], rng)
