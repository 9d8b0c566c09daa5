"""Answers that the network contradicts are laid out to be looked at again."""

import pytest

from active_cnn.campaign.campaign import close_iteration, record_answer
from active_cnn.campaign.doubts import LEAST_LIKELY, find_doubts, open_doubts
from active_cnn.campaign.files import open_pool
from active_cnn.campaign.labelling import Task, lay_out, record
from active_cnn.campaign.relabelling import ask_about, draw_relabel_query
from active_cnn.campaign.sampling import draw_performance_sample
from active_cnn.campaign.team import open_disagreements
from active_cnn.records import AnswerEvent, Sharing, SharingMode


def p_of(item):
    return item.probabilities[1] + item.probabilities[2]


@pytest.fixture
def query(store, campaign, score):
    """A network that is right from p = 0.7 on, and a person with one slip of the hand."""
    score()
    query = draw_relabel_query(store, campaign, "random-target", 45)
    for item in query.items:
        is_target = p_of(item) > 0.7 and item.identifier not in slips(query)
        said = "emission" if is_target else "noise"
        record_answer(store, query, item.identifier, said, oracle="ann")
    return query


def slips(query):
    return {item.identifier for item in sorted(query.items, key=p_of)[-1:]}


def test_a_find_where_nothing_is_expected_is_looked_at_again(store, campaign, query):
    (slip,) = slips(query)
    record_answer(store, query, slip, "emission", oracle="ann")
    assert find_doubts(store, campaign) == {}
    others = draw_relabel_query(store, campaign, "random", 100)
    item = min(others.items, key=p_of)
    record_answer(store, others, item.identifier, "emission", oracle="ann")
    assert set(find_doubts(store, campaign)) == {item.identifier}


def test_a_slip_of_the_hand_is_found(store, campaign, query):
    doubts = find_doubts(store, campaign)
    assert set(doubts) == slips(query)
    assert list(doubts.values()) == sorted(doubts.values())
    assert max(doubts.values()) < LEAST_LIKELY


def test_they_lie_on_the_desk_of_who_settles_until_somebody_has(store, campaign, query):
    desk = lay_out(store, campaign, Task.ADJUDICATE)
    assert {one.item.identifier for one in desk.questions} == slips(query)
    assert all(one.chance < LEAST_LIKELY for one in open_disagreements(store, campaign))
    (first, *rest) = open_doubts(store, campaign)
    truth = "emission" if store.current_answers(campaign.name)[first].answer == "noise" else "noise"
    record(store, campaign, Task.ADJUDICATE, [AnswerEvent("a", query.number, first, truth)], "ann")
    assert store.current_answers(campaign.name)[first].answer == truth
    assert open_doubts(store, campaign) == rest
    assert [one.question.item.identifier for one in open_disagreements(store, campaign)] == rest
    # What was settled stays, so that it can be taken back.
    desk = lay_out(store, campaign, Task.ADJUDICATE)
    assert {one.item.identifier for one in desk.questions} == slips(query)


def test_where_people_differ_it_is_a_disagreement_and_no_doubt(store, campaign, query):
    (name,) = slips(query)
    said = store.current_answers(campaign.name)[name].answer
    record_answer(
        store, query, name, "absorption" if said == "emission" else "emission", oracle="ben"
    )
    assert name not in find_doubts(store, campaign)
    first, *_ = open_disagreements(store, campaign)
    assert (first.question.item.identifier, first.chance) == (name, None)


def test_a_sample_that_measures_the_network_does_not_follow_it(store, campaign, score):
    score()
    sample = draw_performance_sample(store, campaign, 20)
    last = max(sample.items, key=p_of)
    for item in sample.items:
        is_right = p_of(item) > 0.7 and item is not last
        record_answer(
            store, sample, item.identifier, "emission" if is_right else "noise", oracle="ann"
        )
    assert find_doubts(store, campaign) == {}


def test_nothing_is_doubted_without_answers(store, campaign, score):
    score()
    assert find_doubts(store, campaign) == {}
    query = draw_relabel_query(store, campaign, "random-target", 10)
    for item in query.items:
        record_answer(store, query, item.identifier, "unsure", oracle="ann")
    assert find_doubts(store, campaign) == {}


def test_what_a_sample_holds_too_is_left_to_the_sample(store, campaign, query):
    (slip,) = slips(query)
    sample = draw_performance_sample(store, campaign, 60)
    assert slip in {item.identifier for item in sample.items}
    assert find_doubts(store, campaign) == {}


def test_who_is_asked_apart_from_others_is_asked_first(store, campaign, query):
    (slip,) = slips(query)
    store.set_sharing(campaign.name, Sharing(SharingMode.DOUBLE, 2), "ann")
    assert find_doubts(store, campaign) == {}
    record_answer(store, query, slip, "noise", oracle="ben")
    assert list(find_doubts(store, campaign)) == [slip]


@pytest.mark.usefixtures("query")
def test_the_network_that_asked_is_the_one_that_contradicts(store, campaign, score, probabilities):
    """Left open in one iteration, a spectrum is answered in the next, whose network agrees."""
    others = draw_relabel_query(store, campaign, "random", 100)
    item = min(others.items, key=p_of)
    close_iteration(store, campaign)
    later = probabilities.copy()
    later[open_pool(store, campaign).rows([item.identifier])] = 0.02, 0.9, 0.08
    score(later)
    again = ask_about(store, campaign, item.identifier)
    record_answer(store, again, item.identifier, "emission", oracle="ann")
    assert item.identifier not in find_doubts(store, campaign)
