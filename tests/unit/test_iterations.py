"""The life of an iteration: new, scored, closed; and what each step refuses."""

import pytest

from active_cnn.campaign.campaign import close_iteration, measure_precision, record_answer
from active_cnn.campaign.files import last_scored, open_predictions
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.sampling import draw_performance_sample
from active_cnn.campaign.training_data import trained_answers
from active_cnn.errors import CampaignError, JobError
from active_cnn.recipes import TrainingSettings
from active_cnn.records import JobState, Purpose


def say(store, query, identifier, answer):
    record_answer(store, query, identifier, answer, oracle="ann")


def test_an_iteration_is_new_then_scored_then_closed(store, campaign, score):
    assert store.iteration(campaign.name).state == "new"
    assert score().state == "scored"
    following = close_iteration(store, campaign)
    assert (following.number, following.state) == (1, "new")
    assert [i.state for i in store.iterations(campaign.name)] == ["closed", "new"]


def test_an_iteration_closes_without_any_answer(store, campaign, score):
    score()
    draw_relabel_query(store, campaign, size=10)
    draw_performance_sample(store, campaign, size=3)
    assert close_iteration(store, campaign).answers_through == 0


def test_an_iteration_closes_with_skips_and_corrections(store, campaign, score):
    score()
    query = draw_relabel_query(store, campaign, size=10)
    for item in query.items[::3]:
        say(store, query, item.identifier, "emission")
    say(store, query, query.items[3].identifier, "absorption")
    say(store, query, query.items[6].identifier, None)
    following = close_iteration(store, campaign)
    assert following.answers_through == 6
    assert {i: a.answer for i, a in trained_answers(store, campaign, following).items()} == {
        query.items[0].identifier: "emission",
        query.items[9].identifier: "emission",
        query.items[3].identifier: "absorption",
    }


def test_an_iteration_that_is_not_scored_cannot_be_closed(store, campaign):
    with pytest.raises(CampaignError, match="Iteration 0 .* is new: only .* trained and scored"):
        close_iteration(store, campaign)


def test_an_iteration_cannot_be_closed_twice(store, campaign, score):
    score()
    close_iteration(store, campaign, 0)
    with pytest.raises(CampaignError, match="Iteration 0 .* is closed"):
        close_iteration(store, campaign, 0)
    with pytest.raises(CampaignError, match="Iteration 1 .* is new"):
        close_iteration(store, campaign)
    assert len(store.iterations(campaign.name)) == 2


def test_an_iteration_cannot_be_closed_while_a_job_works_on_it(store, campaign, score):
    score()
    job = store.add_job(campaign.name, 0, TrainingSettings())
    with pytest.raises(CampaignError, match="is being trained. Wait for it, or cancel it"):
        close_iteration(store, campaign)
    store.end_job(job.number, JobState.CANCELLED)
    assert close_iteration(store, campaign).number == 1


def test_a_closed_iteration_cannot_be_trained(store, campaign, score):
    score()
    close_iteration(store, campaign)
    with pytest.raises(JobError, match="Iteration 0 .* is closed and never changes"):
        store.add_job(campaign.name, 0, TrainingSettings())


def test_each_iteration_has_its_own_seed_from_the_campaign(store, campaign, score):
    for _ in range(3):
        score()
        close_iteration(store, campaign)
    seeds = [i.seed for i in store.iterations(campaign.name)]
    assert seeds == [campaign.seed + n for n in range(4)]


def test_retraining_takes_the_old_queries_from_view_and_keeps_the_answers(store, campaign, score):
    score()
    query = draw_relabel_query(store, campaign, size=5)
    sample = draw_performance_sample(store, campaign, size=5)
    say(store, query, query.items[0].identifier, "emission")
    say(store, sample, sample.items[0].identifier, "double-peak")
    iteration = score()
    for purpose in Purpose:
        assert store.queries(iteration, purpose) == []
    assert measure_precision(store, campaign, iteration)["emission"].n_drawn == 0
    assert set(store.current_answers(campaign.name)) == {
        query.items[0].identifier, sample.items[0].identifier
    }  # fmt: skip
    assert trained_answers(store, campaign, iteration) == {}
    assert len(trained_answers(store, campaign, close_iteration(store, campaign))) == 2


def test_a_training_that_fails_leaves_the_last_result_and_its_queries(store, campaign, score):
    score()
    query = draw_relabel_query(store, campaign, size=5)
    job = store.add_job(campaign.name, 0, TrainingSettings())
    store.start_job(job.number)
    store.end_job(job.number, JobState.FAILED, "no more memory")
    iteration = store.iteration(campaign.name)
    assert (iteration.state, iteration.job) == ("scored", query.job)
    (found,) = store.queries(iteration, Purpose.RELABEL)
    assert found.items == query.items


def test_the_last_scored_iteration_is_that_before_a_new_one(store, campaign, score):
    assert last_scored(store, campaign.name) is None
    score()
    close_iteration(store, campaign)
    assert last_scored(store, campaign.name).number == 0
    with pytest.raises(CampaignError, match="Iteration 1 .* no predictions yet"):
        open_predictions(store, store.iteration(campaign.name))
    score()
    assert last_scored(store, campaign.name).number == 1


def test_closed_iterations_never_change(store, campaign, score):
    score()
    sample = draw_performance_sample(store, campaign, size=3)
    say(store, sample, sample.items[0].identifier, "emission")
    close_iteration(store, campaign)
    before = [vars(i) for i in store.iterations(campaign.name)[:1]]
    result = before[0].pop("result")
    score()
    say(store, sample, sample.items[0].identifier, "noise")
    close_iteration(store, campaign)
    after = [vars(i) for i in store.iterations(campaign.name)[:1]]
    assert vars(after[0].pop("result")) == vars(result)
    assert after == before


def test_the_pool_is_never_copied(store, campaign, score, survey):
    score()
    close_iteration(store, campaign)
    score()
    kept = sum(p.stat().st_size for p in (store.home / campaign.name / "iterations").rglob("*.h5"))
    assert kept < survey.pool.stat().st_size / 5
