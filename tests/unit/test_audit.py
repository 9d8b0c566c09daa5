"""The audit of the ranks: planned, drawn by known chances, read from the answers."""

import csv

import numpy as np
import pytest

from active_cnn.campaign.audit import BELOW, draw_audit, measure_audit, plan_audit
from active_cnn.campaign.campaign import close_iteration, record_answer
from active_cnn.campaign.committee import mean_log_odds
from active_cnn.campaign.confidence import THRESHOLD, find_confidence
from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.files import iteration_folder, open_pool
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.rule import compute_rule
from active_cnn.campaign.sampling import draw_performance_sample
from active_cnn.campaign.stopping import advise_stopping
from active_cnn.delivery.candidates import above_threshold, find_candidates
from active_cnn.engine import open_engine
from active_cnn.errors import AcquisitionError, CampaignError, EvaluationError
from active_cnn.evaluation.precision import Unsure
from active_cnn.records import Purpose
from active_cnn.spectra.simulation import write_demo
from active_cnn.wording import percent
from tests import fakes


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    return write_demo(
        tmp_path_factory.mktemp("large"),
        pool_size=4000,
        training_size=90,
        emission_share=0.03,
        double_peak_share=0.01,
        n_fits=0,
        seed=3,
    )


@pytest.fixture
def audited(store, large):
    """A campaign on 4000 spectra, scored by the rule of the line's depth."""
    campaign = create_campaign(store, "large", large.training, large.pool)
    fakes.train(store, campaign)
    with open_engine() as engine:
        compute_rule(store, campaign, engine, lambda *_: None)
    return campaign


def truth_of(survey):
    with survey.truth.open(encoding="utf-8", newline="") as file:
        return {row["identifier"]: row["label"] for row in csv.DictReader(file)}


def sayer(campaign, survey):
    """Give what somebody says who knows the truth."""
    truth, names = truth_of(survey), {one.name for one in campaign.classes}
    return lambda item: truth[item.identifier] if truth[item.identifier] in names else "noise"


def answer(store, query, said):
    for item in query.items:
        record_answer(store, query, item.identifier, said(item), oracle="ann")


def test_predicted_targets_are_the_first_stratum_and_the_rest_falls_in_probability(store, audited):
    plan = plan_audit(store, audited, 120, 1000)
    counts = store.iteration("large").result.predicted_counts
    assert plan.strata[0].size == counts["emission"] + counts["double-peak"]
    assert plan.floor == 1000
    assert sum(plan.allocation) == 120
    assert plan.allocation[0] == 30
    assert len(np.unique(plan.ranked)) == len(plan.ranked) == open_pool(store, audited).usable.sum()
    assert 0 < plan.width < 1


def test_more_labels_buy_a_narrower_interval(store, audited):
    few, many = (plan_audit(store, audited, size, 1000).width for size in (60, 400))
    assert many < few


def test_answers_to_the_random_sample_bring_the_promise_down_to_earth(store, audited, large):
    truth = truth_of(large)
    before = plan_audit(store, audited, 400, 1000)
    assert before.confidence is None
    answer(store, draw_performance_sample(store, audited, 40), sayer(audited, large))
    after = plan_audit(store, audited, 400, 1000)
    assert after.confidence == find_confidence(store, audited, store.iteration("large"))
    names = open_pool(store, audited).identifiers(before.ranked[: before.floor])
    n_targets = sum(truth[name] in audited.targets for name in names)
    missed_by = [abs(plan.expected.sum() - n_targets) for plan in (before, after)]
    assert missed_by[1] < missed_by[0] * 2 / 3
    assert after.width > before.width


def test_without_the_predictions_of_an_earlier_iteration_the_network_is_taken_at_its_word(
    store, audited, large
):
    answer(store, draw_performance_sample(store, audited, 40), sayer(audited, large))
    close_iteration(store, audited)
    fakes.train(store, audited)
    assert plan_audit(store, audited, 120, 1000).confidence is not None
    first = store.iterations("large")[0]
    (iteration_folder(store, first) / first.result.predictions_file).unlink()
    assert plan_audit(store, audited, 120, 1000).confidence is None
    assert draw_audit(store, audited, 120, 1000, 40).items


def test_each_stratum_is_drawn_from_its_own_ranks(store, audited):
    plan = plan_audit(store, audited, 120, 1000)
    query = draw_audit(store, audited, 120, 1000, 40, seed=5)
    rank = {int(row): place for place, row in enumerate(plan.ranked)}
    rows = open_pool(store, audited).rows([item.identifier for item in query.items])
    for item, row in zip(query.items, rows, strict=True):
        if item.chosen_by == BELOW:
            assert rank[int(row)] >= plan.floor
        else:
            stratum = plan.strata[int(item.chosen_by.split()[1])]
            assert stratum.start <= rank[int(row)] < stratum.stop
    drawn = [item.chosen_by for item in query.items]
    assert drawn.count(BELOW) == 40
    assert [drawn.count(f"stratum {n}") for n in range(len(plan.strata))] == list(plan.allocation)
    assert drawn != sorted(drawn)


def test_the_same_seed_draws_the_same_audit_and_there_is_one_an_iteration(store, audited, large):
    first = draw_audit(store, audited, 120, 1000, 40, seed=5)
    with pytest.raises(AcquisitionError, match="being audited already"):
        draw_audit(store, audited, 120, 1000, 40, seed=6)
    other = create_campaign(store, "other", large.training, large.pool)
    fakes.train(store, other)
    again = draw_audit(store, other, 120, 1000, 40, seed=5)
    assert [i.identifier for i in again.items] == [i.identifier for i in first.items]


def test_targets_that_were_missed_are_laid_out_to_be_judged_twice(store, audited, large):
    plan = plan_audit(store, audited, 120, 1000)
    query = draw_audit(store, audited, 120, 1000, 40, seed=5)
    last = f"stratum {len(plan.strata) - 1}"
    slip = next(item for item in query.items if item.chosen_by == last)
    far = next(item for item in query.items if item.chosen_by == BELOW)
    say = sayer(audited, large)
    answer(store, query, lambda item: "emission" if item in (slip, far) else say(item))

    def measured():
        audit = measure_audit(store, audited, store.iteration("large"))
        return audit, {one.identifier: one for one in audit.missed}

    before, missed = measured()
    stands_for = [one.n_spectra for one in before.missed]
    assert stands_for == sorted(stands_for, reverse=True)
    n_positive = before.n_positive[1:].sum() + before.n_below_positive
    assert len(missed) == n_positive
    n_below = len(plan.ranked) - plan.floor
    assert missed[far.identifier].n_spectra == pytest.approx(n_below / 40)
    assert missed[slip.identifier].n_spectra == pytest.approx(
        plan.strata[-1].size / plan.allocation[-1]
    )
    assert {one.n_named for one in before.missed} == {1}
    # A note is stored with the answer that was given before.
    record_answer(store, query, far.identifier, "emission", note="blue wing", oracle="ann")
    assert {one.n_named for one in measured()[0].missed} == {1}
    record_answer(store, query, far.identifier, "emission", note="blue wing", oracle="ann")
    record_answer(store, query, slip.identifier, "absorption", oracle="ann")
    after, missed = measured()
    assert slip.identifier not in missed
    assert missed[far.identifier].n_named == 2
    assert after.completeness[Unsure.EXCLUDED].recall > before.completeness[Unsure.EXCLUDED].recall


def test_its_answers_are_read_as_recall_with_the_truth_inside_the_interval(store, audited, large):
    truth = truth_of(large)
    plan = plan_audit(store, audited, 400, 1000)
    query = draw_audit(store, audited, 400, 1000, 50)
    assert measure_audit(store, audited, store.iteration("large")).words == ""
    said = {**audited.trains, "other": "not-interesting", "noise": "not-interesting"}
    answer(store, query, sayer(audited, large))
    audit = measure_audit(store, audited, store.iteration("large"))
    identifiers = open_pool(store, audited).identifiers(plan.ranked[: plan.floor])
    is_true = np.array([said[truth[name]] in audited.targets for name in identifiers])
    recall = is_true[: plan.strata[0].size].sum() / is_true.sum()
    found = audit.completeness[Unsure.EXCLUDED]
    assert found.low <= recall <= found.high
    assert found.low < found.recall < found.high
    assert f"among the {plan.floor:,} spectra with the highest scores" in audit.words
    assert "one-sided 95 % bound" in audit.words
    assert 0 < audit.rule.recall_low < audit.rule.recall_high <= 1


def test_the_candidate_list_is_measured_by_the_same_labels(store, audited, large):
    truth = truth_of(large)
    said = {**audited.trains, "other": "not-interesting", "noise": "not-interesting"}
    say = sayer(audited, large)
    iteration = store.iteration("large")
    assert draw_audit(store, audited, 300, 1000, 0, seed=1).design["listed"] is None
    taught = draw_relabel_query(store, audited, "random-target", 80)
    answer(store, taught, say)
    confidence = find_confidence(store, audited, iteration)
    close_iteration(store, audited)
    fakes.train(store, audited)
    query = draw_audit(store, audited, 400, 1000, 0)
    answer(store, query, say)
    listed = measure_audit(store, audited, store.iteration("large")).listed
    plan = plan_audit(store, audited, 400, 1000)
    rows = plan.ranked[: plan.floor]
    odds = mean_log_odds(store, audited, store.iteration("large"), rows)
    is_listed = odds >= confidence.border(THRESHOLD)
    is_true = np.array(
        [
            said[truth[name]] in audited.targets
            for name in open_pool(store, audited).identifiers(rows)
        ]
    )
    assert sum(query.design["listed"]["n_listed"]) == is_listed.sum()
    confirmed = query.design["listed"]["n_confirmed"]
    assert confirmed == sum(said[say(item)] in audited.targets for item in taught.items)
    right = confirmed + (is_listed & is_true).sum()
    n_listed = confirmed + is_listed.sum()
    assert listed.precision_low <= right / n_listed <= listed.precision_high
    assert listed.recall_low <= right / (confirmed + is_true.sum()) <= listed.recall_high
    assert listed.recall_high - listed.recall_low < 1
    advice = advise_stopping(store, audited)
    (criterion,) = [one for one in advice.criteria if "recall" in one.name]
    assert percent(listed.recall_low, 1) in criterion.figure


def test_what_was_refuted_before_an_audit_is_not_on_the_list_that_it_measures(
    store, audited, large
):
    say = sayer(audited, large)
    taught = draw_relabel_query(store, audited, "random-target", 80)
    answer(store, taught, say)
    close_iteration(store, audited)
    fakes.train(store, audited)
    before = draw_relabel_query(store, audited, "greedy", 30)
    answer(store, before, lambda _: "noise")
    query = draw_audit(store, audited, 400, 1000, 0)
    answer(store, query, lambda _: "noise")
    listed = above_threshold(find_candidates(store, audited), THRESHOLD, audited)
    design = query.design["listed"]
    # None of those that were refuted counts, though the networks call them all targets.
    assert not set(listed["identifier"]) & {item.identifier for item in before.items}
    rows = open_pool(store, audited).rows([item.identifier for item in before.items])
    odds = mean_log_odds(store, audited, store.iteration("large"))
    ranked = plan_audit(store, audited, 400, 1000).ranked[:1000]
    called = (odds[ranked] >= design["log_odds_from"]).sum()
    assert sum(design["n_listed"]) == called - (odds[rows] >= design["log_odds_from"]).sum()


def test_a_list_that_cannot_be_told_any_more_leaves_the_rest_of_the_audit(store, audited, large):
    say = sayer(audited, large)
    taught = draw_relabel_query(store, audited, "random-target", 80)
    answer(store, taught, say)
    first = store.iteration("large")
    close_iteration(store, audited)
    fakes.train(store, audited)
    query = draw_audit(store, audited, 400, 1000, 0)
    answer(store, query, say)
    second = store.iteration("large")
    assert measure_audit(store, audited, second).listed
    (iteration_folder(store, first) / first.result.predictions_file).unlink()
    audit = measure_audit(store, audited, second)
    assert audit.listed is None
    assert audit.words


def test_unsure_answers_are_counted_three_ways(store, audited):
    query = draw_audit(store, audited, 120, 1000, 0)
    places = {}

    def say(item):
        places[item.chosen_by] = places.get(item.chosen_by, 0) + 1
        if places[item.chosen_by] % 3 == 0:
            return "unsure"
        return "emission" if item.predicted in audited.targets else "noise"

    answer(store, query, say)
    found = measure_audit(store, audited, store.iteration("large")).completeness
    assert found[Unsure.RIGHT].n_missed > found[Unsure.EXCLUDED].n_missed == 0
    assert found[Unsure.WRONG].n_true < found[Unsure.RIGHT].n_true


def test_what_measures_is_not_trained_on_in_the_iteration_that_it_measures(store, audited):
    query = draw_audit(store, audited, 60, 1000, 0)
    assert query.purpose is Purpose.AUDIT
    answer(store, query, lambda _: "noise")
    assert (
        len(plan_audit(store, audited, 60, 1000).ranked)
        == 4000 - (~open_pool(store, audited).usable).sum()
    )


@pytest.mark.parametrize(("size", "floor"), [(5, 1000), (5000, 1000), (120, 10)])
def test_an_audit_that_cannot_be_is_refused(store, audited, size, floor):
    with pytest.raises(EvaluationError):
        plan_audit(store, audited, size, floor)


def test_without_predictions_there_is_nothing_to_audit(store, campaign):
    with pytest.raises(CampaignError, match="no predictions yet"):
        plan_audit(store, campaign)
    assert measure_audit(store, campaign, store.iteration(campaign.name)) is None
