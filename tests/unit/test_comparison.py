"""Two classifications of the same spectra against each other."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score, confusion_matrix, f1_score

from active_cnn.errors import EvaluationError
from active_cnn.evaluation.comparison import (
    NOT_PREDICTED,
    capture_recapture,
    mcnemar,
    migration,
    most_change_of_f,
    stability,
)


@pytest.mark.parametrize(("first", "second"), [(1, 9), (12, 5), (0, 6), (7, 7), (40, 21)])
def test_mcnemar_is_the_exact_test_of_a_fair_coin(first, second):
    found = mcnemar(first, second)
    assert found.p_value == pytest.approx(binomtest(first, first + second).pvalue)
    assert mcnemar(second, first).p_value == found.p_value


def test_who_never_differ_are_not_told_apart():
    assert mcnemar(0, 0).p_value == 1
    with pytest.raises(EvaluationError, match="give numbers from 0"):
        mcnemar(-1, 2)


def test_two_searches_tell_how_many_there_are():
    # Chapman (1951) by hand: (200 + 1)(150 + 1)/(90 + 1) − 1.
    found = capture_recapture(200, 150, 90)
    assert found.n_total == pytest.approx(201 * 151 / 91 - 1)
    assert found.n_seen == 260
    variance = 201 * 151 * 110 * 60 / (91**2 * 92)
    assert found.standard_error == pytest.approx(variance**0.5)
    assert found.n_seen < found.low < found.n_total < found.high


def test_two_searches_that_agree_have_found_all():
    found = capture_recapture(50, 50, 50)
    assert (found.low, found.n_total, found.high) == pytest.approx((50, 50, 50))
    with pytest.raises(EvaluationError, match="in common"):
        capture_recapture(10, 20, 11)


@pytest.fixture
def two():
    rng = np.random.default_rng(4)
    before = rng.integers(0, 3, 5000).astype(np.uint8)
    after = np.where(rng.random(5000) < 0.9, before, rng.integers(0, 3, 5000)).astype(np.uint8)
    return before, after


def test_migration_is_a_confusion_matrix_without_what_was_not_predicted(two):
    before, after = two
    table = migration(before, after, 3)
    assert (table == confusion_matrix(before, after)).all()
    before[:10], after[5:30] = NOT_PREDICTED, NOT_PREDICTED
    both = slice(30, None)
    assert (migration(before, after, 3) == confusion_matrix(before[both], after[both])).all()


def test_agreement_is_cohens_kappa(two):
    assert stability(migration(*two, 3)) == pytest.approx(cohen_kappa_score(*two))


def test_agreement_of_a_whole_survey_does_not_overflow():
    table = np.array([[4_100_000, 900], [700, 4_000]])
    labels = np.repeat([0, 0, 1, 1], table.ravel()), np.repeat([0, 1, 0, 1], table.ravel())
    assert stability(table) == pytest.approx(cohen_kappa_score(*labels))


def test_one_class_alone_has_no_agreement_beyond_chance():
    assert np.isnan(stability(np.array([[100, 0], [0, 0]])))


def test_labels_that_are_none_are_refused(two):
    with pytest.raises(EvaluationError, match="same spectra"):
        migration(two[0], two[1][1:], 3)
    with pytest.raises(EvaluationError, match="Label 2 is none of 2 classes"):
        migration(*two, 2)


def test_agreement_bounds_the_change_of_f():
    """Bloodgood & Grothendieck (2013): whatever the truth is."""
    rng = np.random.default_rng(7)
    assert most_change_of_f(0.99) == pytest.approx(4 * 0.01 / 0.99)
    for _ in range(200):
        first = rng.random(300) < 0.3
        second = first ^ (rng.random(300) < 0.02)
        truth = first ^ (rng.random(300) < rng.uniform(0, 0.6))
        kappa = cohen_kappa_score(first, second)
        change = abs(f1_score(truth, first) - f1_score(truth, second))
        assert change <= most_change_of_f(kappa) + 1e-12
    with pytest.raises(EvaluationError, match="bounds no change"):
        most_change_of_f(0)
