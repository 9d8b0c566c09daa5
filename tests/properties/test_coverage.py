"""Every 95 % interval holds the truth in 93 to 98 % of simulated surveys like the real one.

LAMOST DR2: 4 136 482 spectra, 0.105 % of them targets; a network whose score has a normal
distribution of each kind, `contrast` standard deviations apart.
"""

from functools import cache, partial

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from active_cnn.evaluation.comparison import capture_recapture
from active_cnn.evaluation.completeness import (
    allocate,
    design_strata,
    elusion_bound,
    estimate_completeness,
    estimate_other,
)
from active_cnn.evaluation.proportions import clopper_pearson_interval, interval, wilson_interval

N_POOL, N_TARGETS = 4_136_482, 4343
FLOOR = 50_000
N_SURVEYS = 1000


@pytest.fixture
def rng():
    return np.random.default_rng(20)


def shares_of_strata(strata, contrast, strange=0.0):
    """Give the share of the targets that each stratum holds, and what is below the floor.

    A share of the targets may be of a strange kind, that the network hardly knows.
    """

    def above(threshold):
        known, unknown = norm.sf(threshold - contrast), norm.sf(threshold - 2)
        return (1 - strange) * known + strange * unknown

    def below(threshold, rank):
        others = (N_POOL - N_TARGETS) * norm.sf(threshold)
        return others + N_TARGETS * above(threshold) - rank

    edges = [brentq(below, -9, 15, args=(one.stop,)) for one in strata]
    return np.diff([0, *above(np.array(edges)), 1])


def coverage(covered):
    return np.mean(list(covered))


@pytest.mark.parametrize(
    ("contrast", "strange", "n_predicted", "n_labels"),
    [(4.5, 0, 4000, 300), (5.5, 0, 4300, 600), (4.0, 0, 6000, 1000), (5.5, 0.3, 4300, 300)],
)
def test_the_audits_intervals(rng, contrast, strange, n_predicted, n_labels):
    strata = design_strata(n_predicted, FLOOR, N_POOL)
    sizes = np.array([one.size for one in strata])
    labels = np.array(allocate(n_labels, strata))
    shares = shares_of_strata(strata, contrast, strange)
    recalls, missed = [], []
    for _ in range(N_SURVEYS):
        truth = np.minimum(rng.multinomial(N_TARGETS, shares)[:-1], sizes)
        found = rng.hypergeometric(truth, sizes - truth, labels)
        audit = estimate_completeness(sizes, labels, found, rng, n_draws=1000)
        recalls.append(audit.low <= truth[0] / truth.sum() <= audit.high)
        missed.append(audit.n_missed_low <= truth[1:].sum() <= audit.n_missed_high)
    assert 0.93 <= coverage(recalls) <= 0.98
    assert 0.93 <= coverage(missed) <= 0.98


def test_the_audits_interval_where_one_answer_in_a_hundred_is_a_slip(rng):
    """What is named a target outside the prediction stands for many, so it is judged twice."""
    strata = design_strata(4300, FLOOR, N_POOL)
    sizes = np.array([one.size for one in strata])
    labels = np.array(allocate(600, strata))
    shares = shares_of_strata(strata, 5.5)

    def named(is_target, is_other):
        return rng.binomial(is_target, 0.99), rng.binomial(is_other, 0.01)

    once, twice = [], []
    for _ in range(N_SURVEYS):
        truth = np.minimum(rng.multinomial(N_TARGETS, shares)[:-1], sizes)
        found = rng.hypergeometric(truth, sizes - truth, labels)
        right, wrong = named(found, labels - found)
        outside = np.stack(named(right[1:], wrong[1:])).sum(axis=0)
        for covered, k in (
            (once, right + wrong),
            (twice, np.array([(right + wrong)[0], *outside])),
        ):
            audit = estimate_completeness(sizes, labels, k, rng, n_draws=1000)
            covered.append(audit.low <= truth[0] / truth.sum() <= audit.high)
    assert coverage(once) < 0.5
    assert 0.93 <= coverage(twice) <= 0.98


@pytest.mark.parametrize(
    ("is_list", "strange", "n_known"),
    [(False, 0, 0), (False, 0, 3000), (True, 0, 0), (True, 0.3, 0), (True, 0.3, 1000)],
)
def test_another_classifiers_intervals_in_the_same_audit(rng, is_list, strange, n_known):
    """The rule, and a list that goes by the same ranking and holds confirmed targets too."""
    strata = design_strata(4300, FLOOR, N_POOL)
    sizes = np.array([one.size for one in strata])
    labels = np.array(allocate(600, strata))
    shares = shares_of_strata(strata, 5.0, strange)
    # The rule calls 70 % of the targets, and 2 % of the others.
    calls_target = np.array([1, 0.5, *[0] * (len(sizes) - 2)]) if is_list else 0.7
    calls_other = 0.9 * calls_target if is_list else 0.02
    stratum = np.repeat(np.arange(len(sizes)), labels)
    pure, complete = [], []
    for _ in range(N_SURVEYS):
        n_true = np.minimum(rng.multinomial(N_TARGETS, shares)[:-1], sizes)
        right = rng.binomial(n_true, calls_target)
        false = rng.binomial(sizes - n_true, calls_other)
        kinds = np.stack([right, n_true - right, false, sizes - n_true - false])
        drawn = np.stack(
            [rng.multivariate_hypergeometric(kinds[:, h], labels[h]) for h in range(len(sizes))]
        )
        kind = np.concatenate([np.repeat(np.arange(4), one) for one in drawn])
        found = estimate_other(
            sizes,
            stratum,
            kind < 2,
            kind % 2 == 0,
            right + false,
            rng,
            n_draws=1000,
            n_known=n_known,
        )
        n_right = n_known + right.sum()
        precision, recall = n_right / (n_right + false.sum()), n_right / (n_known + n_true.sum())
        pure.append(found.precision_low <= precision <= found.precision_high)
        complete.append(found.recall_low <= recall <= found.recall_high)
    assert 0.93 <= coverage(pure) <= 0.98
    assert 0.93 <= coverage(complete) <= 0.98


@pytest.mark.parametrize(("population", "n"), [(4300, 30), (4300, 100), (400, 100), (200, 30)])
def test_the_precisions_interval(rng, population, n):
    """Predicted targets of which 70 to 99 % are right, as in one iteration or another."""
    limits = cache(partial(interval, n=n, population=population))
    covered = []
    for _ in range(4 * N_SURVEYS):
        n_right = round(population * rng.uniform(0.7, 0.99))
        k = int(rng.hypergeometric(n_right, population - n_right, n))
        low, high = limits(k)
        covered.append(low <= n_right / population <= high)
    assert 0.93 <= coverage(covered) <= 0.98


@pytest.mark.parametrize("n", [30, 100, 300])
def test_wilsons_interval_and_the_exact_one_which_is_never_too_short(rng, n):
    wilson, exact = [], []
    kinds = [(wilson, cache(wilson_interval)), (exact, cache(clopper_pearson_interval))]
    for share in rng.uniform(0.6, 0.99, 4 * N_SURVEYS):
        k = int(rng.binomial(n, share))
        for covered, limits in kinds:
            low, high = limits(k, n)
            covered.append(low <= share <= high)
    assert 0.93 <= coverage(wilson) <= 0.98
    assert coverage(exact) >= 0.95


@pytest.mark.parametrize("n_below", [30, 300, 1700])
def test_the_bound_below_the_floor_holds_at_least_as_often_as_it_says(rng, n_below):
    rest = N_POOL - FLOOR
    found = rng.hypergeometric(n_below, rest - n_below, 2000, N_SURVEYS)
    assert coverage(elusion_bound(2000, int(k), rest) >= n_below for k in found) >= 0.95


def test_two_independent_searches_bracket_how_many_there_are(rng):
    covered = []
    for _ in range(2 * N_SURVEYS):
        first, second = rng.random((2, 500)) < [[0.6], [0.5]]
        found = capture_recapture(first.sum(), second.sum(), (first & second).sum())
        covered.append(found.low <= 500 <= found.high)
    assert 0.93 <= coverage(covered) <= 0.98
