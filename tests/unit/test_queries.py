"""Which spectra the oracle is asked about: at random or by entropy, never twice, and repeatably."""

import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from active_cnn.campaign.campaign import close_iteration, measure_precision, record_answer
from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.files import features_path, open_pool, open_predictions
from active_cnn.campaign.labelling import Task, lay_out
from active_cnn.campaign.relabelling import (
    Screen,
    ask_about,
    draw_relabel_query,
    draw_similar_query,
)
from active_cnn.campaign.sampling import draw_performance_sample
from active_cnn.campaign.store import Store
from active_cnn.campaign.training_data import build_training_set
from active_cnn.errors import AcquisitionError, CampaignError, SpectrumError
from active_cnn.learning.features import FeaturesWriter, unit_vectors
from active_cnn.query.strategies import DEFAULT_SHARES, PLAIN
from active_cnn.records import Purpose

# Those that need neither features nor a confirmed target.
STRATEGIES = ["mixed", *(name for name in PLAIN if name != "similar")]
EVERYTHING = Screen(lookalikes=False, instrumental=False)


def asked(query):
    return [item.identifier for item in query.items]


def only_absorption(probabilities):
    return np.tile(np.float32([0.9, 0.06, 0.04]), (len(probabilities), 1))


def answer_all(store, query, answer):
    for identifier in asked(query):
        record_answer(store, query, identifier, answer, oracle="ann")


# what a query holds


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_query_holds_what_the_network_said_of_each_spectrum(store, campaign, score, strategy):
    iteration = score()
    query = draw_relabel_query(store, campaign, strategy, size=15)
    rows = open_pool(store, campaign).rows(asked(query))
    predictions = open_predictions(store, iteration)
    np.testing.assert_array_equal(
        [item.probabilities for item in query.items], predictions.probabilities(rows)
    )
    by_chance = {"random", "random-target"}
    assert all((item.score is None) == (item.chosen_by in by_chance) for item in query.items)
    assert {item.chosen_by for item in query.items} <= set(PLAIN)
    labels = predictions.labels()[rows]
    assert [item.predicted for item in query.items] == [campaign.network_classes[n] for n in labels]
    assert [item.position for item in query.items] == list(range(15))


def test_a_query_comes_back_the_same_from_a_store_opened_anew(store, campaign, score):
    score()
    query = draw_relabel_query(store, campaign, size=20)
    with Store(store.home) as again:
        found = again.query(query.number)
        assert found.items == query.items
        assert vars(found) == vars(query)
        (listed,) = again.queries(again.iteration(campaign.name), Purpose.RELABEL)
        assert listed.items == query.items


def test_entropy_asks_about_the_least_certain_spectra_first(store, campaign, score):
    iteration = score()
    query = draw_relabel_query(store, campaign, "entropy", size=25)
    entropy = np.nan_to_num(open_predictions(store, iteration).entropy())
    expected = np.argsort(-entropy)[:25]
    assert asked(query) == open_pool(store, campaign).identifiers(expected)


def test_random_target_asks_about_predicted_targets_only(store, campaign, score):
    score()
    query = draw_relabel_query(store, campaign, "random-target", size=30)
    assert {item.predicted for item in query.items} <= set(campaign.targets)
    assert len(set(asked(query))) == 30


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_spectra_that_cannot_be_used_are_never_asked_about(store, campaign, score, strategy):
    score()
    query = draw_relabel_query(store, campaign, strategy, size=300)
    pool = open_pool(store, campaign)
    unusable = pool.identifiers(np.flatnonzero(~pool.usable))
    assert len(unusable) == 2
    assert not set(unusable) & set(asked(query))


def test_a_query_that_does_not_exist_is_refused(store):
    with pytest.raises(CampaignError, match="no query 7"):
        store.query(7)


# seeds


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_same_seed_draws_the_same_spectra(store, campaign, score, tmp_path, survey, strategy):
    def draw(name, seed):
        with Store(tmp_path / name) as other:
            same = create_campaign(other, campaign.name, survey.training, survey.pool)
            copy_predictions(store, other)
            return asked(draw_relabel_query(other, same, strategy, size=20, seed=seed))

    def copy_predictions(origin, other):
        job = other.add_job(campaign.name, 0, origin.jobs(campaign.name)[0].settings)
        folder = other.home / campaign.name / "iterations" / "000"
        folder.mkdir(parents=True)
        result = origin.iteration(campaign.name).result
        source = origin.home / campaign.name / "iterations" / "000" / result.predictions_file
        (folder / result.predictions_file).write_bytes(source.read_bytes())
        assert other.finish_job(job.number, result)

    score()
    assert draw("one", 5) == draw("two", 5)
    assert draw("three", None) == draw("four", None)
    if strategy == "random-target":
        assert draw("five", 6) != draw("six", 5)


def test_equal_scores_are_drawn_at_random_but_by_the_seed(store, campaign, score, probabilities):
    def draw(seed):
        score(only_absorption(probabilities))
        return asked(draw_relabel_query(store, campaign, "entropy", size=30, seed=seed))

    assert draw(1) == draw(1)
    assert set(draw(1)) != set(draw(2))


def test_the_seed_of_a_query_is_stored_and_differs_from_the_last(store, campaign, score):
    score()
    queries = [draw_performance_sample(store, campaign, size=2) for _ in range(3)]
    queries.append(draw_relabel_query(store, campaign, size=2))
    assert len({query.seed for query in queries}) == 4
    assert draw_relabel_query(store, campaign, size=2, seed=77).seed == 77


# never twice


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_new_query_holds_nothing_that_is_answered_or_waits(store, campaign, score, strategy):
    score()
    first = draw_relabel_query(store, campaign, strategy, size=15)
    for identifier in asked(first)[:7]:
        record_answer(store, first, identifier, "noise", oracle="ann")
    sample = draw_performance_sample(store, campaign, size=5)
    second = draw_relabel_query(store, campaign, strategy, size=15)
    third = draw_relabel_query(store, campaign, strategy, size=15)
    seen = [*asked(first), *asked(second), *asked(third)]
    assert len(seen) == len(set(seen)) == 45
    assert not set(asked(sample)) & {*asked(second), *asked(third)}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_answered_and_unsure_spectra_do_not_come_back_in_a_later_iteration(
    store, campaign, score, strategy
):
    score()
    first = draw_relabel_query(store, campaign, strategy, size=20)
    for n, identifier in enumerate(asked(first)):
        record_answer(store, first, identifier, ("unsure", "emission")[n % 2], oracle="ann")
    close_iteration(store, campaign)
    score()
    second = draw_relabel_query(store, campaign, strategy, size=40)
    assert not set(asked(first)) & set(asked(second))


def test_skipped_and_taken_back_spectra_may_be_asked_about_again(store, campaign, score):
    score()
    first = draw_relabel_query(store, campaign, size=10)
    skipped, taken_back = asked(first)[:2]
    record_answer(store, first, taken_back, "emission", oracle="ann")
    record_answer(store, first, taken_back, None, oracle="ann")
    close_iteration(store, campaign)
    score()
    assert {skipped, taken_back} <= set(asked(draw_relabel_query(store, campaign, size=10)))


def test_the_end_of_the_pool_gives_a_notice_and_then_a_clear_error(store, campaign, score):
    score()
    query = draw_relabel_query(store, campaign, size=500, screen=EVERYTHING)
    assert len(query.items) == 298
    assert query.notice == "There were 298 of 500 spectra to ask about."
    assert query.size == 500
    with pytest.raises(AcquisitionError, match="Nothing is left .* 'mixed'"):
        draw_relabel_query(store, campaign, size=1)


# what is refused


@pytest.mark.parametrize("size", [0, -3])
def test_a_size_below_one_is_refused(store, campaign, score, size):
    score()
    for draw in (draw_relabel_query, draw_performance_sample):
        with pytest.raises(AcquisitionError, match=f"{size} spectra"):
            draw(store, campaign, size=size)


def test_an_unknown_strategy_is_refused_with_those_that_there_are(store, campaign, score):
    score()
    with pytest.raises(AcquisitionError, match="'magic'. Choose one of mixed, random"):
        draw_relabel_query(store, campaign, "magic")


def test_nothing_can_be_asked_before_the_training(store, campaign):
    for draw in (draw_relabel_query, draw_performance_sample):
        with pytest.raises(CampaignError, match="Iteration 0 .* no predictions yet. Train it"):
            draw(store, campaign)


def test_a_query_drawn_while_the_iteration_was_trained_anew_is_refused(store, campaign, score):
    score()
    query = draw_relabel_query(store, campaign, size=3)
    score()
    with pytest.raises(CampaignError, match="trained anew since .* Draw them again"):
        store.add_query(replace(query, number=0))
    assert store.count_queries(campaign.name) == 1


def test_while_the_next_network_is_trained_labelling_goes_on_by_the_last_ranking(
    store, campaign, score
):
    score()
    first = draw_relabel_query(store, campaign, size=3)
    for item in first.items:
        record_answer(store, first, item.identifier, "emission", oracle="ann")
    before = close_iteration(store, campaign)
    further = draw_relabel_query(store, campaign, size=3)
    assert further.iteration == 0
    assert not {i.identifier for i in further.items} & {i.identifier for i in first.items}
    desk = lay_out(store, campaign, Task.RELABEL)
    assert set(desk.queries) == {first.number, further.number}
    known = build_training_set(store, campaign, before)
    record_answer(store, further, further.items[0].identifier, "emission", oracle="ann")
    assert build_training_set(store, campaign, before).sha256 == known.sha256
    with pytest.raises(CampaignError, match="no predictions"):
        draw_performance_sample(store, campaign, size=3)
    with pytest.raises(CampaignError, match="has been closed"):
        store.add_query(replace(further, number=0, purpose=Purpose.PERFORMANCE))
    score()
    with pytest.raises(CampaignError, match="has been closed"):
        store.add_query(replace(further, number=0))
    following = build_training_set(store, campaign, close_iteration(store, campaign))
    assert further.items[0].identifier in following.identifiers


# what is kept out of a batch


def spoil(store, campaign, change):
    """Change spectra of a copy of the pool, and give the campaign on it, scored alike."""
    pool = store.home / "spoilt.h5"
    shutil.copyfile(store.home / campaign.pool_path, pool)
    with h5py.File(pool, "r+") as file:
        (group,) = file.values()
        change(group)
    return create_campaign(store, "spoilt", Path(campaign.training_path), pool)


def test_look_alikes_and_repeat_visits_are_left_out_unless_asked_for(
    store, fill_iteration, probabilities, campaign
):
    def repeat(group):
        group["spectra"][21] = group["spectra"][20] * 2.5
        group["ra"][23], group["dec"][23] = group["ra"][22], group["dec"][22] + 1 / 3600

    spoilt = spoil(store, campaign, repeat)
    fill_iteration(store, spoilt, probabilities)
    pairs = [open_pool(store, spoilt).identifiers(np.array(rows)) for rows in ((20, 21), (22, 23))]
    everything = asked(draw_relabel_query(store, spoilt, size=298, screen=EVERYTHING))
    assert all(set(pair) <= set(everything) for pair in pairs)
    close_iteration(store, spoilt)
    fill_iteration(store, spoilt, probabilities)
    query = draw_relabel_query(store, spoilt, size=298, screen=Screen(instrumental=False))
    assert all(len(set(pair) & set(asked(query))) == 1 for pair in pairs)
    assert query.design["screened"]["look-alike"] == 298 - len(query.items)


def test_what_the_instrument_did_is_left_out_unless_asked_for(
    store, fill_iteration, probabilities, campaign
):
    def strike(group):
        flux = group["spectra"][30]
        flux[100] += 40 * np.median(flux)
        group["spectra"][30] = flux

    spoilt = spoil(store, campaign, strike)
    fill_iteration(store, spoilt, probabilities)
    (struck,) = open_pool(store, spoilt).identifiers(np.array([30]))
    query = draw_relabel_query(store, spoilt, size=298, screen=Screen(lookalikes=False))
    assert struck not in asked(query)
    assert query.design["screened"]["instrumental"] == 298 - len(query.items)
    close_iteration(store, spoilt)
    fill_iteration(store, spoilt, probabilities)
    assert struck in asked(draw_relabel_query(store, spoilt, size=298, screen=EVERYTHING))


# how a query was chosen


def test_a_mixture_says_its_shares_and_which_part_chose_each_spectrum(store, campaign, score):
    score()
    query = draw_relabel_query(store, campaign, size=20)
    assert query.design["shares"] == pytest.approx(DEFAULT_SHARES)
    counts = {name: [i.chosen_by for i in query.items].count(name) for name in DEFAULT_SHARES}
    assert counts == {"direct": 8, "greedy": 9, "margin": 3}
    own = draw_relabel_query(store, campaign, size=10, shares={"entropy": 1, "random": 1})
    assert [item.chosen_by for item in own.items].count("random") == 5


def test_a_part_that_has_nothing_to_ask_about_is_told(store, campaign, score):
    score()
    query = draw_relabel_query(store, campaign, size=10, shares={"similar": 1, "margin": 1})
    assert "similar had nothing to ask about" in query.notice
    assert {item.chosen_by for item in query.items} == {"margin"}


def keep_features(store, campaign, iteration):
    pool = open_pool(store, campaign)
    vectors = unit_vectors(np.random.default_rng(5).normal(size=(pool.n, 7)).astype(np.float32))
    writer = FeaturesWriter(features_path(store, campaign.name, iteration.job), pool.n, "n")
    writer.append(pool.usable, vectors[pool.usable])
    writer.finish()
    return vectors.astype(float)


def test_more_like_this_asks_about_the_nearest_by_the_network_s_features(store, campaign, score):
    vectors = keep_features(store, campaign, score())
    pool = open_pool(store, campaign)
    (name,) = pool.identifiers(np.array([50]))
    query = draw_similar_query(store, campaign, [name], 6, screen=EVERYTHING)
    others = np.setdiff1d(np.flatnonzero(pool.usable), [50])
    nearest = others[np.argsort(-vectors[others] @ vectors[50])[:6]]
    assert asked(query) == pool.identifiers(nearest)
    assert query.strategy == f"similar to {name}"
    assert query.design["examples"] == [name]
    scores = [item.score for item in query.items]
    assert scores == sorted(scores, reverse=True)


def test_what_is_like_the_confirmed_is_asked_about_in_a_campaign(store, campaign, score):
    keep_features(store, campaign, score())
    record_answer(
        store, query := draw_relabel_query(store, campaign, "margin", size=5),
        asked(query)[0], "emission", oracle="ann",
    )  # fmt: skip
    assert len(draw_relabel_query(store, campaign, "similar", size=5).items) == 5


def test_without_features_it_is_said_what_to_do(store, campaign, score):
    score()
    with pytest.raises(AcquisitionError, match="none were kept of this iteration. Train it again"):
        draw_relabel_query(store, campaign, "similar", size=5)


def test_one_spectrum_can_be_asked_about_by_name(store, campaign, score):
    score()
    pool = open_pool(store, campaign)
    name, broken = pool.identifiers(np.array([50, 7]))
    query = ask_about(store, campaign, name)
    assert (asked(query), query.purpose, query.strategy) == ([name], "relabel", "by hand")
    with pytest.raises(AcquisitionError, match="asked about already"):
        ask_about(store, campaign, name)
    with pytest.raises(SpectrumError, match="no spectrum 'nobody'"):
        ask_about(store, campaign, "nobody")
    with pytest.raises(SpectrumError, match="cannot be used"):
        ask_about(store, campaign, broken)


def test_a_share_of_a_batch_is_repeated_blindly(store, campaign, score):
    score()
    first = draw_relabel_query(store, campaign, "entropy", size=20)
    answer_all(store, first, "emission")
    close_iteration(store, campaign)
    score()
    query = draw_relabel_query(store, campaign, "entropy", size=20, repeats=0.2)
    again = [item.identifier for item in query.items if item.is_repeat]
    assert len(query.items) == 20
    assert len(again) == 4
    assert set(again) <= set(asked(first))
    with pytest.raises(AcquisitionError, match="share of 1 blind repeats"):
        draw_relabel_query(store, campaign, "entropy", size=20, repeats=1)


# the performance sample


def test_a_performance_sample_holds_as_many_of_each_target(store, campaign, score):
    score()
    sample = draw_performance_sample(store, campaign, size=12)
    predicted = [item.predicted for item in sample.items]
    assert {name: predicted.count(name) for name in predicted} == {
        "emission": 12, "double-peak": 12
    }  # fmt: skip
    assert (sample.notice, sample.purpose, sample.strategy) == ("", "performance", "random")


def test_fewer_targets_than_asked_for_are_taken_with_a_notice(store, campaign, score):
    score()
    sample = draw_performance_sample(store, campaign, size=30)
    assert len(sample.items) == 50
    assert sample.notice == "There were fewer than asked for: 20 of 30 double-peak."


def test_one_empty_target_class_is_named_and_the_other_is_drawn(
    store, campaign, score, probabilities
):
    values = probabilities.copy()
    values[values.argmax(axis=1) == 2] = [0.9, 0.06, 0.04]
    score(values)
    sample = draw_performance_sample(store, campaign, size=5)
    assert {item.predicted for item in sample.items} == {"emission"}
    assert "0 of 5 double-peak" in sample.notice


def test_no_predicted_target_at_all_is_a_clear_error(store, campaign, score, probabilities):
    iteration = score(only_absorption(probabilities))
    with pytest.raises(AcquisitionError, match="predicts no emission or double-peak") as caught:
        draw_performance_sample(store, campaign)
    assert "next iteration" in str(caught.value)
    with pytest.raises(AcquisitionError, match="'random-target'"):
        draw_relabel_query(store, campaign, "random-target")
    assert measure_precision(store, campaign, iteration)["emission"].n_drawn == 0
    assert store.count_queries(campaign.name) == 0


def test_a_second_performance_sample_goes_on_without_repeating(store, campaign, score):
    score()
    samples = [draw_performance_sample(store, campaign, size=15) for _ in range(3)]
    seen = [identifier for sample in samples for identifier in asked(sample)]
    assert len(seen) == len(set(seen)) == 60
    with pytest.raises(AcquisitionError, match="not been drawn already"):
        draw_performance_sample(store, campaign)


def test_what_was_answered_in_this_iteration_can_still_be_drawn_to_measure(store, campaign, score):
    score()
    answer_all(store, draw_relabel_query(store, campaign, "random-target", size=60), "emission")
    sample = draw_performance_sample(store, campaign, size=10)
    assert len(sample.items) == 20


def test_every_predicted_target_is_drawn_about_equally_often(store, campaign, score):
    iteration = score()
    labels = open_predictions(store, iteration).labels()
    times = dict.fromkeys(open_pool(store, campaign).identifiers(np.flatnonzero(labels == 2)), 0)
    n_draws = 100
    for _ in range(n_draws):
        score()
        for item in draw_performance_sample(store, campaign, size=5).items:
            if item.predicted == "double-peak":
                times[item.identifier] += 1
    # A quarter of 20 is drawn each time; chi squared of 19 degrees of freedom stays below 43.8
    # in 99.9 % of all seeds, and lower still because the draws are without replacement.
    expected = n_draws / 4
    assert sum((n - expected) ** 2 / expected for n in times.values()) < 43.8
