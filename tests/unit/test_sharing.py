"""Several people at one query: who gets what, what counts, who comes next."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from active_cnn.campaign.campaign import close_iteration, record_answer
from active_cnn.campaign.labelling import Task, count_open, find_work, lay_out, record
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.store import Store
from active_cnn.campaign.training_data import build_training_set
from active_cnn.errors import CampaignError
from active_cnn.records import AnswerEvent, OracleClass, Resolution, Sharing, SharingMode

DIVIDE = Sharing(SharingMode.DIVIDE)
DOUBLE = Sharing(SharingMode.DOUBLE, n_judges=2, resolution=Resolution.MAJORITY)


@pytest.fixture
def query(store, campaign, score):
    score()
    return draw_relabel_query(store, campaign, "entropy", 30, seed=3)


@pytest.fixture
def desk(store, campaign, query):
    desk = lay_out(store, campaign, Task.RELABEL)
    assert desk.queries == (query.number,)
    return desk


@pytest.fixture
def names(query):
    return [item.identifier for item in query.items]


def work_of(store, campaign, desk, oracle, **more):
    return find_work(store, campaign, desk, oracle, **more).identifiers


def test_alone_everything_that_is_open_comes_in_the_order_of_the_query(
    store, campaign, desk, query, names
):
    record_answer(store, query, names[1], "emission", oracle="ann")
    work = find_work(store, campaign, desk, "ann")
    assert work.identifiers == (names[0], *names[2:])
    assert (work.n_done, work.n_asked) == (1, 30)


def test_what_was_put_off_comes_last(store, campaign, desk, names):
    work = work_of(store, campaign, desk, "ann", deferred=names[:2])
    assert work == (*names[2:], *names[:2])


def test_an_answer_that_was_taken_back_is_open_again(store, campaign, desk, query, names):
    record_answer(store, query, names[0], "emission", oracle="ann", event="a.0")
    record_answer(store, query, names[0], None, oracle="ann")
    assert work_of(store, campaign, desk, "ann")[0] == names[0]


def test_shared_out_nobody_gets_what_another_has_on_the_desk(store, campaign, desk):
    store.set_sharing(campaign.name, DIVIDE, "ann")
    desks = {who: set(work_of(store, campaign, desk, who)) for who in ("ann", "bob", "cleo")}
    assert all(desks.values())
    for first, second in itertools.combinations(desks.values(), 2):
        assert not first & second
    assert set(work_of(store, campaign, desk, "ann")) <= desks["ann"]


def test_shared_out_all_is_judged_once_by_people_who_take_turns(store, campaign, desk, query):
    store.set_sharing(campaign.name, DIVIDE, "ann")
    judged = []
    for who in itertools.cycle(["ann", "bob", "cleo"]):
        work = work_of(store, campaign, desk, who)
        if not work and len(judged) == len(query.items):
            break
        if work:
            record_answer(store, query, work[0], "noise", oracle=who)
            judged.append(work[0])
    assert len(set(judged)) == len(judged) == len(query.items)
    assert count_open(store, campaign, desk) == 0


def test_a_claim_expires_and_is_prolonged_by_work(store, campaign, names):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with Store(store.home, clock=lambda: now.isoformat(timespec="milliseconds")) as timed:
        assert timed.claim(campaign.name, "ann", names[:3], 3) == names[:3]
        now += timedelta(minutes=9)
        assert timed.claim(campaign.name, "ann", names[:2], 2) == names[:2]
        assert timed.claim(campaign.name, "bob", names[:3], 3) == names[2:3]
        now += timedelta(minutes=9)
        assert timed.claim(campaign.name, "cleo", names[:2], 2) == []
        now += timedelta(minutes=2)
        assert timed.claim(campaign.name, "cleo", names[:2], 2) == names[:2]


def test_double_gives_each_spectrum_to_as_many_people_as_wanted(store, campaign, desk, query):
    store.set_sharing(campaign.name, DOUBLE, "ann")
    judges = {item.identifier: [] for item in query.items}
    people = ["ann", "bob", "cleo"]
    for _ in range(300):
        for who in people:
            for name in work_of(store, campaign, desk, who)[:1]:
                record_answer(store, query, name, "noise", oracle=who)
                judges[name].append(who)
    assert {len(who) for who in judges.values()} == {2}
    assert all(len(set(who)) == 2 for who in judges.values())
    assert count_open(store, campaign, desk) == 0


def test_double_counts_for_each_person_what_that_person_has_done(
    store, campaign, desk, query, names
):
    store.set_sharing(campaign.name, DOUBLE, "ann")
    record_answer(store, query, names[0], "noise", oracle="ann")
    record_answer(store, query, names[0], "noise", oracle="bob")
    record_answer(store, query, names[1], "noise", oracle="ann")
    n_done = {who: find_work(store, campaign, desk, who).n_done for who in ("ann", "bob", "cleo")}
    assert n_done == {"ann": 2, "bob": 1, "cleo": 1}


def say(store, query, name, **said):
    for who, answer in said.items():
        record_answer(store, query, name, answer, oracle=who)


def counting(store, campaign):
    return {name: one.answer for name, one in store.current_answers(campaign.name).items()}


@pytest.mark.parametrize(
    ("resolution", "expected"),
    [
        (Resolution.LATEST, ["noise", "emission", "noise"]),
        (Resolution.MAJORITY, ["emission", "emission"]),
        (Resolution.UNANIMOUS, ["emission"]),
    ],
)
def test_which_answer_counts_where_people_differ(
    store, campaign, query, names, resolution, expected
):
    say(store, query, names[0], ann="emission", bob="emission", cleo="noise")
    say(store, query, names[1], ann="emission", bob="emission")
    say(store, query, names[2], ann="emission", bob="noise")
    store.set_sharing(campaign.name, replace(DOUBLE, resolution=resolution), "ann")
    assert list(counting(store, campaign).values()) == expected


def test_an_adjudication_counts_before_everything_and_can_be_taken_back(
    store, campaign, query, names
):
    store.set_sharing(campaign.name, DOUBLE, "ann")
    say(store, query, names[0], ann="emission", bob="noise")
    assert counting(store, campaign) == {}
    assert [one.item.identifier for one in lay_out(store, campaign, Task.ADJUDICATE).questions] == [
        names[0]
    ]  # fmt: skip
    settle = AnswerEvent("dee.1.0", query.number, names[0], "double-peak")
    assert record(store, campaign, Task.ADJUDICATE, [settle], "dee") == {}
    say(store, query, names[0], cleo="noise")
    assert counting(store, campaign) == {names[0]: "double-peak"}
    desk = lay_out(store, campaign, Task.ADJUDICATE)
    assert (len(desk.questions), count_open(store, campaign, desk)) == (1, 0)
    undo = AnswerEvent("dee.2.0", query.number, names[0], None, undoes="dee.1.0")
    assert record(store, campaign, Task.ADJUDICATE, [undo], "dee") == {}
    assert counting(store, campaign) == {names[0]: "noise"}


def test_a_new_rule_does_not_change_what_an_iteration_was_trained_on(store, campaign, query, names):
    store.set_sharing(campaign.name, DOUBLE, "ann")
    say(store, query, names[0], ann="emission", bob="emission", cleo="noise")
    iteration = close_iteration(store, campaign)
    before = build_training_set(store, campaign, iteration)
    assert names[0] in before.identifiers
    store.set_sharing(campaign.name, replace(DOUBLE, resolution=Resolution.UNANIMOUS), "ann")
    assert build_training_set(store, campaign, iteration).sha256 == before.sha256
    assert counting(store, campaign) == {}


def test_an_oracle_takes_back_only_what_this_oracle_said(store, campaign, query, names):
    say(store, query, names[0], ann="emission", bob="noise")
    say(store, query, names[0], bob=None)
    assert counting(store, campaign) == {names[0]: "emission"}
    event = store.answer_log(campaign.name)[0].event
    stranger = AnswerEvent("e.1.0", query.number, names[0], None, undoes=event)
    assert "to undo" in store.add_answers(campaign.name, [stranger], "bob")["e.1.0"]


def test_a_number_of_judges_that_makes_no_sense_is_refused():
    with pytest.raises(CampaignError, match="from 2 to 20"):
        Sharing(SharingMode.DOUBLE, n_judges=1)


def test_classes_and_keys_can_be_changed_but_no_answer_is_lost(store, campaign, query, names):
    say(store, query, names[0], ann="artefact")
    more = (*campaign.classes, OracleClass("P Cygni", "p", "emission", is_target=True))
    store.change_answers(campaign.name, more, {"help": "q"})
    changed = store.campaign(campaign.name)
    assert changed.classes[-1].name == "P Cygni"
    assert changed.keys["help"] == "q"
    say(store, query, names[1], ann="P Cygni")
    fewer = tuple(one for one in more if one.name != "artefact")
    with pytest.raises(CampaignError, match="answered 'artefact': the class has to stay"):
        store.change_answers(campaign.name, fewer, {})
    unused = tuple(one for one in more if one.name != "noise")
    store.change_answers(campaign.name, unused, {})
    assert "noise" not in [one.name for one in store.campaign(campaign.name).classes]


def test_a_change_that_would_mix_up_the_networks_classes_is_refused(store, campaign):
    swapped = (*campaign.classes[1:], campaign.classes[0])
    with pytest.raises(CampaignError, match="in this order"):
        store.change_answers(campaign.name, swapped, {})
    other = (replace(campaign.classes[0], network_class="emission"), *campaign.classes[1:])
    with pytest.raises(CampaignError, match="cannot be changed"):
        store.change_answers(campaign.name, other, {})
    assert store.campaign(campaign.name).classes == campaign.classes
