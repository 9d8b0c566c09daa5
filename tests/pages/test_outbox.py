"""Answers that a labelling page was left with: every page stores them."""

from __future__ import annotations

import sqlite3

import pytest
from streamlit.runtime.context import ContextProxy, StreamlitCookies

from active_cnn.campaign.campaign import record_answer
from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.files import training_path
from active_cnn.campaign.labelling import Task
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.sampling import draw_performance_sample
from active_cnn.campaign.store import FILE_NAME
from active_cnn.ui.protocol import MOST_ACTS, place_of
from tests import fakes
from tests.components import OUTBOX, act, say, told

PAGES = ["", "1_Overview", "2_Train", "3_Performance", "4_Relabel", "5_Candidates", "6_Agreement"]


@pytest.fixture
def query(store, campaign):
    return draw_relabel_query(store, campaign, "entropy", 4, seed=7)


@pytest.fixture
def other(store, campaign):
    """A second campaign, which no page has opened."""
    made = create_campaign(
        store, "other", training_path(store, campaign), store.home / campaign.pool_path
    )
    fakes.train(store, made)
    return made


def flush(at, *waiting):
    """Send what waits, as pairs of a place and an act."""
    acts = {"at": 1, "waiting": [{"place": place, "act": one} for place, one in waiting]}
    return say(at, OUTBOX, acts=acts)


def log(store, campaign):
    return [(a.event, a.identifier, a.answer, a.oracle) for a in store.answer_log(campaign.name)]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_stores_what_waits_on_its_spectrum(store, campaign, query, open_page, page):
    place = place_of(campaign, Task.RELABEL)
    reply = flush(open_page(page), (place, act(query, 2, "emission")))
    assert reply == {"settled": [[place, "a.1.0"]], "held": [], "refused": {}}
    assert log(store, campaign) == [("a.1.0", query.items[2].identifier, "emission", "tester")]


def test_nothing_waits_in_a_new_browser(query, open_page):
    assert query.items
    assert told(open_page("1_Overview"), OUTBOX) == {"settled": [], "held": [], "refused": {}}


def test_what_waits_is_stored_for_any_campaign_and_any_task(
    store, campaign, query, other, open_page
):
    sample = draw_performance_sample(store, campaign, 2)
    elsewhere = draw_relabel_query(store, other, size=2)
    name = query.items[0].identifier
    for oracle, answer in (("ANN", "noise"), ("BEN", "emission")):
        record_answer(store, query, name, answer, oracle=oracle)
    waiting = [
        (place_of(campaign, Task.RELABEL), act(query, 1, "noise", "a.1.0")),
        (place_of(campaign, Task.PERFORMANCE), act(sample, 0, "emission", "a.2.0")),
        (place_of(campaign, Task.ADJUDICATE), act(query, 0, "double-peak", "a.3.0")),
        (place_of(other, Task.RELABEL), act(elsewhere, 1, "absorption", "a.4.0")),
    ]
    at = open_page("5_Candidates", campaign=campaign.name)
    reply = flush(at, *waiting)
    assert sorted(map(tuple, reply["settled"])) == sorted(
        (place, one["event"]) for place, one in waiting
    )
    assert {entry[0] for entry in log(store, campaign)} >= {"a.1.0", "a.2.0", "a.3.0"}
    assert store.adjudications(campaign.name)[name].answer == "double-peak"
    assert log(store, other) == [("a.4.0", elsewhere.items[1].identifier, "absorption", "tester")]


def test_what_waits_is_stored_once_however_often_it_is_sent(store, campaign, query, open_page):
    one = (place_of(campaign, Task.RELABEL), act(query, 0, "noise"))
    for _ in range(2):
        at = open_page("1_Overview")
        assert flush(at, one, one)["settled"]
        at.run()
    assert len(log(store, campaign)) == 1


def test_what_belongs_elsewhere_is_kept_in_the_browser(store, campaign, query, open_page):
    place = place_of(campaign, Task.RELABEL)
    reply = flush(
        open_page("1_Overview"),
        ("gone/2020-01-01/relabel", act(query, 0, "noise", "a.1.0")),
        # A campaign of the same name that was there before.
        (f"{campaign.name}/2020-01-01/relabel", act(query, 0, "noise", "a.2.0")),
        (place, act(query, 0, "noise", "a.3.0", oracle="BEN")),
        (place, act(query, 0, "quasar", "a.4.0")),
        (place, act(query, 0, "noise", "a.5.0") | {"seconds": "long"}),
        (place, act(query, 0, "noise", "a.6.0")),
    )
    assert reply["settled"] == [[place, "a.6.0"]]
    assert sorted(reply["held"]) == [f"a.{n}.0" for n in range(1, 6)]
    assert sorted(reply["refused"]) == ["a.4.0", "a.5.0"]
    assert "'quasar' is not an answer" in reply["refused"]["a.4.0"]
    assert [entry[0] for entry in log(store, campaign)] == ["a.6.0"]


@pytest.mark.parametrize(
    "acts",
    [
        None,
        7,
        [],
        {"waiting": 7},
        {"waiting": [None, 3, "x", [], {}, {"place": 3}, {"place": "x"}]},
        {"waiting": [{"place": "x", "act": {"event": 3}}, {"place": "x", "act": "a"}]},
    ],
)
def test_what_no_page_would_send_is_left_out(store, campaign, query, open_page, acts):
    assert query.items
    assert say(open_page("1_Overview"), OUTBOX, acts=acts) == {
        "settled": [],
        "held": [],
        "refused": {},
    }
    assert log(store, campaign) == []


def test_without_a_name_nothing_is_stored_and_all_of_it_waits_on(
    store, campaign, query, open_page, monkeypatch
):
    monkeypatch.delenv("ACTIVE_CNN_ORACLE")
    monkeypatch.setattr(ContextProxy, "cookies", property(lambda _: StreamlitCookies({})))
    one = (place_of(campaign, Task.RELABEL), act(query, 0, "noise"))
    assert flush(open_page("1_Overview"), one) == {"settled": [], "held": [], "refused": {}}
    assert log(store, campaign) == []


def test_while_the_database_is_locked_all_of_it_waits_on(store, campaign, query, open_page):
    at = open_page("1_Overview")
    one = (place_of(campaign, Task.RELABEL), act(query, 0, "noise"))
    holder = sqlite3.connect(store.home / FILE_NAME, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    assert flush(at, one) == {"settled": [], "held": [], "refused": {}}
    holder.execute("ROLLBACK")
    holder.close()
    assert flush(at, one)["settled"]
    assert len(log(store, campaign)) == 1


def test_more_than_a_message_may_hold_is_stored_in_several(store, campaign, query, open_page):
    place = place_of(campaign, Task.RELABEL)
    waiting = [(place, act(query, n % 4, "noise", f"a.{n}.0")) for n in range(MOST_ACTS + 2)]
    at = open_page("1_Overview")
    settled = {event for _, event in flush(at, *waiting)["settled"]}
    assert len(settled) == MOST_ACTS
    flush(at, *(one for one in waiting if one[1]["event"] not in settled))
    assert len(log(store, campaign)) == MOST_ACTS + 2
