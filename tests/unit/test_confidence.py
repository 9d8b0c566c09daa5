"""What the network's probabilities mean, by answers that it had not been taught."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit

from active_cnn.campaign.campaign import close_iteration, record_answer
from active_cnn.campaign.committee import mean_log_odds, possible_targets, predecessors
from active_cnn.campaign.confidence import (
    FEWEST,
    THRESHOLD,
    Confidence,
    describe_confidence,
    find_confidence,
)
from active_cnn.campaign.files import open_pool
from active_cnn.campaign.relabelling import ask_about, draw_relabel_query
from active_cnn.campaign.sampling import draw_performance_sample
from active_cnn.delivery.candidates import above_threshold, find_candidates
from active_cnn.evaluation.calibration import (
    AS_SAID,
    Logistic,
    choose_logistic,
    fit_logistic,
    log_odds,
)
from active_cnn.recipes import TrainingSettings


def test_a_logistic_curve_is_found_again():
    rng = np.random.default_rng(1)
    odds = rng.normal(0, 3, 20_000)
    is_one = rng.random(len(odds)) < expit(1.4 * odds - 2)
    curve = fit_logistic(odds, is_one)
    assert curve.slope == pytest.approx(1.4, abs=0.05)
    assert curve.intercept == pytest.approx(-2, abs=0.08)


def test_a_clean_parting_gives_a_finite_curve():
    curve = fit_logistic(np.array([-2.0, -1, 1, 2]), np.array([False, False, True, True]))
    # Platt (1999): 2 of each are as good as 3/4 and 1/4, which four odds of ±1 and ±2 share.
    assert 0 < curve.slope < 2
    assert curve.intercept == pytest.approx(0, abs=1e-4)


def test_log_odds_are_of_all_targets_together_and_keep_what_is_nearly_certain():
    probabilities = np.float32([[0.5, 0.3, 0.2], [1e-6, 1, 0], [np.nan, np.nan, np.nan]])
    odds = log_odds(probabilities, (1, 2))
    assert odds[0] == pytest.approx(0, abs=1e-6)
    assert odds[1] == pytest.approx(logit(1 - 1e-6), rel=1e-3)
    assert np.isnan(odds[2])
    assert np.isnan(Logistic(1, 0).probability(odds)[2])


def answer(store, query, says):
    for item in query.items:
        record_answer(store, query, item.identifier, says(item), oracle="ann")


def p_of(item):
    return item.probabilities[1] + item.probabilities[2]


def as_likely_as_told():
    rng = np.random.default_rng(5)
    return lambda item: "emission" if rng.random() < p_of(item) else "noise"


def test_an_overconfident_network_is_corrected(store, campaign, score):
    """Of all that the network calls a target, the oracle confirms what has p above 0.9."""
    iteration = score()
    assert find_confidence(store, campaign, iteration) is None
    sample = draw_performance_sample(store, campaign, 20)
    answer(store, sample, lambda item: "emission" if p_of(item) > 0.9 else "absorption")
    confidence = find_confidence(store, campaign, iteration)
    assert confidence.n == 40
    assert "40 answers of iteration 0" in str(confidence)
    low, high = confidence.p_target(logit(np.array([0.65, 0.98])))
    assert low < 0.3 < 0.7 < high
    found = find_candidates(store, campaign)
    listed = above_threshold(found, THRESHOLD, campaign)
    assert len(listed) < len(found)
    assert set(listed.loc[listed["source"] == "network", "p_calibrated"] >= THRESHOLD) == {True}
    assert set(found["identifier"]) - set(listed["identifier"]) <= set(
        found.loc[found["source"] == "network", "identifier"]
    )


def test_answers_to_a_ranking_say_nothing_of_a_network(store, campaign, score):
    result = score().result
    job = store.add_job(campaign.name, 0, TrainingSettings())
    store.start_job(job.number)
    assert store.finish_job(job.number, replace(result, is_ranking=True))
    sample = draw_performance_sample(store, campaign, 20)
    answer(store, sample, lambda item: "emission" if p_of(item) > 0.9 else "absorption")
    assert find_confidence(store, campaign, store.iteration(campaign.name)).n == 40
    close_iteration(store, campaign)
    network = score()
    assert find_confidence(store, campaign, network) is None
    assert predecessors(store, network) == []


def test_three_networks_are_heard_and_the_candidates_follow_them(
    store, campaign, score, probabilities
):
    """A spectrum that the two networks before call a target is a candidate against the newest."""
    score()
    query = draw_relabel_query(store, campaign, "random-target", 40)
    answer(store, query, as_likely_as_told())
    close_iteration(store, campaign)
    sure = probabilities.copy()
    free = [0, 1, 2, 3]  # no targets, nobody is asked about them
    assert set(probabilities[free].argmax(axis=1)) == {0}
    sure[free] = 0.02, 0.97, 0.01
    score(sure)
    close_iteration(store, campaign)
    score(sure)
    close_iteration(store, campaign)
    last = score()
    odds = mean_log_odds(store, campaign, last, np.array(free))
    own = log_odds(probabilities[free], (1, 2))
    assert odds == pytest.approx((own + 2 * logit(0.98)) / 3, rel=1e-4)
    assert mean_log_odds(store, campaign, last)[free] == pytest.approx(odds)
    names = open_pool(store, campaign).identifiers(np.array(free))
    found = find_candidates(store, campaign).set_index("identifier").loc[list(names)]
    assert set(found["label"]) <= {"emission", "double-peak"}
    p = find_confidence(store, campaign, last).p_target(odds)
    assert found["p_calibrated"].to_numpy() == pytest.approx(p)
    assert (p > THRESHOLD).all()


def test_the_rows_that_may_be_targets_hold_all_that_are(store, campaign, score, probabilities):
    rng = np.random.default_rng(2)
    flat = rng.dirichlet([1, 1, 1], len(probabilities)).astype(np.float32)
    score(flat)
    close_iteration(store, campaign)
    last = score(np.roll(flat, 7, axis=0))
    odds = mean_log_odds(store, campaign, last)
    called = np.flatnonzero(odds > 0)
    possible = possible_targets(store, campaign, last)
    assert len(called) > 50
    assert np.isin(called, possible).all()
    alone = mean_log_odds(store, campaign, store.iteration(campaign.name, 0)) > 0
    is_called = np.isin(flat.argmax(axis=1), [1, 2])
    assert (alone & ~is_called).any()  # two targets that share what is left


def test_however_few_answers_tell_candidates_are_what_the_networks_call_targets(
    store, campaign, score
):
    iteration = score()
    query = draw_relabel_query(store, campaign, "random-target", 40)
    rng = np.random.default_rng(7)
    # A careless person: the curve is nearly level, and gives all spectra a fair chance.
    answer(store, query, lambda _: "emission" if rng.random() < 0.5 else "noise")
    confidence = Confidence(Logistic(0.01, 0), 0, 40, 20)
    assert confidence.p_target(np.array([-8.0]))[0] > 0.4
    assert confidence.border(THRESHOLD) == 0
    assert Confidence(Logistic(2.0, -6), 0, 40, 20).border(0.5) == pytest.approx(3)
    found = find_candidates(store, campaign)
    network = found[found["source"] == "network"]
    rows = open_pool(store, campaign).rows(list(network["identifier"]))
    assert (mean_log_odds(store, campaign, iteration, rows) > 0).all()
    assert set(found["label"]) <= {"emission", "double-peak"}


def test_too_few_answers_or_one_kind_only_give_none(store, campaign, score):
    iteration = score()
    query = draw_relabel_query(store, campaign, "random-target", FEWEST - 1)
    answer(store, query, lambda item: "emission" if p_of(item) > 0.8 else "noise")
    assert find_confidence(store, campaign, iteration) is None
    more = draw_relabel_query(store, campaign, "random-target", 20)
    answer(store, more, lambda _: "unsure")  # teaches nothing
    assert find_confidence(store, campaign, iteration) is None
    last = draw_relabel_query(store, campaign, "random-target", 10)
    answer(store, last, lambda item: "emission" if p_of(item) > 0.8 else "noise")
    assert find_confidence(store, campaign, iteration).n == FEWEST - 1 + len(last.items)


def test_slips_of_the_hand_where_nothing_is_expected_do_not_count(store, campaign, score):
    iteration = score()
    query = draw_relabel_query(store, campaign, "random-target", FEWEST)
    answer(store, query, lambda item: "emission" if p_of(item) > 0.8 else "noise")
    before = find_confidence(store, campaign, iteration)
    more = draw_relabel_query(store, campaign, "random", 100)
    for item in more.items:
        if p_of(item) < 0.5:
            record_answer(store, more, item.identifier, "emission", oracle="ann")
    assert find_confidence(store, campaign, iteration) == before


def test_all_right_or_all_wrong_is_no_calibration(store, campaign, score):
    iteration = score()
    query = draw_relabel_query(store, campaign, "random", 60)
    answer(store, query, lambda _: "emission")
    assert find_confidence(store, campaign, iteration) is None


def test_what_a_person_picked_does_not_count(store, campaign, score):
    iteration = score()
    query = draw_relabel_query(store, campaign, "random-target", FEWEST)
    answer(store, query, lambda item: "emission" if p_of(item) > 0.8 else "noise")
    before = find_confidence(store, campaign, iteration)
    free = draw_relabel_query(store, campaign, "random", 1)  # shows an identifier that is free
    assert len(free.items) == 1
    asked = {item.identifier for item in (*query.items, *free.items)}
    other = next(one for one in find_candidates(store, campaign)["identifier"] if one not in asked)
    answer(store, ask_about(store, campaign, other), lambda _: "emission")
    assert find_confidence(store, campaign, iteration) == before


def test_the_next_network_takes_the_curve_of_the_one_before_until_it_has_its_own(
    store, campaign, score, probabilities
):
    first = score()
    query = draw_relabel_query(store, campaign, "random-target", 30)
    answer(store, query, lambda item: "emission" if p_of(item) > 0.8 else "noise")
    known = find_confidence(store, campaign, first)
    assert find_confidence(store, campaign, first, before=True) is None
    close_iteration(store, campaign)
    # Calls others targets too, those that the first one came nearest to.
    odds = log_odds(probabilities, (1, 2))
    others = np.flatnonzero(odds < 0)[np.argsort(-odds[odds < 0])[:60]]
    p = expit(np.linspace(9, 4, len(others)))
    more = probabilities.copy()
    more[others] = np.stack([1 - p, 0.7 * p, 0.3 * p], axis=1)
    second = score(more)
    assert find_confidence(store, campaign, second) == known
    assert find_confidence(store, campaign, second, before=True) == known
    query = draw_relabel_query(store, campaign, "greedy", 60)
    answer(store, query, lambda item: "emission" if p_of(item) > 0.99 else "noise")
    assert find_confidence(store, campaign, second).iteration == 1
    assert find_confidence(store, campaign, second, before=True) == known


def test_a_curve_that_would_make_the_probabilities_worse_is_left():
    """The networks say what is true, and 40 answers are too few to say it better."""
    rng = np.random.default_rng(0)
    odds = rng.normal(1, 2, 40)
    is_target = rng.random(40) < expit(odds)
    assert choose_logistic(odds, is_target) == AS_SAID
    confidence = Confidence(AS_SAID, 2, 40, int(is_target.sum()))
    assert not confidence.is_fitted
    assert confidence.p_target(odds) == pytest.approx(expit(odds))
    assert confidence.border(0.02) == 0
    said = describe_confidence(confidence)
    assert said.startswith("not calibrated: the networks' own word, which 40 answers of iteration")


def test_a_curve_that_makes_them_better_is_used_and_named():
    rng = np.random.default_rng(4)
    odds = rng.normal(3, 2, 200)
    is_target = rng.random(200) < expit(0.5 * odds - 2)
    curve = choose_logistic(odds, is_target)
    assert curve == fit_logistic(odds, is_target) != AS_SAID
    assert describe_confidence(Confidence(curve, 2, 200, 90)).startswith("calibrated by a logistic")


def test_without_answers_it_is_said_what_a_calibration_takes():
    assert describe_confidence(None).startswith("not calibrated, the newest network's own: a curve")
