"""Two iterations of a campaign: what moved, and which network is right where they differ."""

import numpy as np
import pytest

from active_cnn.campaign.audit import draw_audit
from active_cnn.campaign.campaign import close_iteration, record_answer, rule_in_sample
from active_cnn.campaign.comparison import (
    compare_iterations,
    confusion,
    draw_disagreement_query,
)
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.rule import compute_rule
from active_cnn.campaign.sampling import draw_performance_sample
from active_cnn.engine import open_engine
from active_cnn.errors import AcquisitionError
from active_cnn.ui.iterations import describe_comparison
from tests.conftest import FLAT_ROW, NAN_ROW


@pytest.fixture
def two(store, campaign, score, probabilities):
    """Two trainings; the second one calls 20 former emission spectra not interesting."""
    first = score()
    close_iteration(store, campaign)
    changed = probabilities.copy()
    usable = np.setdiff1d(np.flatnonzero(changed.argmax(axis=1) == 1), [FLAT_ROW, NAN_ROW])
    changed[usable[:20]] = [0.9, 0.06, 0.04]
    second = score(changed)
    return store.iteration(campaign.name, first.number), second


def test_what_moved_is_counted(store, campaign, two):
    found = compare_iterations(store, campaign, *two)
    assert found.n_differ == found.table[1, 0] == 20
    assert found.table.sum() == 298
    assert found.kappa == pytest.approx(0.7725190839694656)  # sklearn.metrics.cohen_kappa_score
    assert (found.n_asked, found.n_judged) == (0, 0)
    assert "None of the disagreements has been judged" in describe_comparison(found, 0, 1)


def test_answers_to_a_random_draw_of_the_disagreements_are_tested(store, campaign, two):
    query = draw_disagreement_query(store, campaign, *two, 15)
    assert {item.predicted for item in query.items} == {"not-interesting"}
    assert len({item.identifier for item in query.items}) == 15
    for item in query.items[:9]:
        record_answer(store, query, item.identifier, "absorption", oracle="ann")
    record_answer(store, query, query.items[9].identifier, "emission", oracle="ann")
    record_answer(store, query, query.items[10].identifier, "double-peak", oracle="ann")
    record_answer(store, query, query.items[11].identifier, "unsure", oracle="ann")
    found = compare_iterations(store, campaign, *two)
    assert (found.n_asked, found.n_judged, found.n_neither) == (15, 11, 1)
    assert (found.test.n_first_only, found.test.n_second_only) == (1, 9)
    # Binomial, two-sided: (1 + 10) · 2 / 2¹⁰.
    assert found.test.p_value == pytest.approx(22 / 1024)
    assert "iteration 1 is the better one (exact McNemar test" in describe_comparison(found, 0, 1)


def test_only_what_was_drawn_at_random_counts(store, campaign, two):
    query = draw_relabel_query(store, campaign, "random", 250)
    for item in query.items:
        record_answer(store, query, item.identifier, "emission", oracle="ann")
    assert compare_iterations(store, campaign, *two).n_judged == 0


def test_what_is_answered_is_not_asked_about_again(store, campaign, two):
    draw_disagreement_query(store, campaign, *two, 15)
    rest = draw_disagreement_query(store, campaign, *two, 15)
    assert len(rest.items) == 5
    assert "5 of 15" in rest.notice
    with pytest.raises(AcquisitionError, match="agree on every spectrum that is open"):
        draw_disagreement_query(store, campaign, *two)
    with pytest.raises(AcquisitionError, match="ask for 1 at least"):
        draw_disagreement_query(store, campaign, *two, 0)


def test_confusion_counts_what_was_drawn_at_random(store, campaign, score):
    iteration = score()
    assert not confusion(store, campaign, iteration).to_numpy().any()
    sample = draw_performance_sample(store, campaign, 5)
    audit = draw_audit(store, campaign, 60, 200)
    seen = {item.identifier for item in sample.items}
    for item in sample.items:
        record_answer(store, sample, item.identifier, "emission", oracle="ann")
    others = [item for item in audit.items if item.identifier not in seen]
    for item in others:
        record_answer(store, audit, item.identifier, "unsure", oracle="ann")
    table = confusion(store, campaign, iteration)
    assert table.loc["emission", "emission"] == 5
    assert table.loc["double-peak", "emission"] == 5
    assert table["unsure"].sum() == len(others)
    assert table.to_numpy().sum() == 10 + len(others)


def test_the_rule_stands_beside_the_sample(store, campaign, score):
    iteration = score()
    sample = draw_performance_sample(store, campaign, 5)
    assert rule_in_sample(store, campaign, iteration) is None
    with open_engine() as engine:
        compute_rule(store, campaign, engine, lambda *_: None)
    assert rule_in_sample(store, campaign, iteration) == {"emission": (0, 0), "double-peak": (0, 0)}
    for item in sample.items:
        record_answer(store, sample, item.identifier, item.predicted, oracle="ann")
    counts = rule_in_sample(store, campaign, iteration)
    assert all(wrong == 0 <= right <= 5 for right, wrong in counts.values())
