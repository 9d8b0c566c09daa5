"""Several people: what each has done, how far the queries are, where people differ."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from active_cnn.campaign.campaign import close_iteration
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.sampling import draw_performance_sample
from active_cnn.campaign.store import Store
from active_cnn.campaign.team import (
    activity,
    judgements,
    not_to_be_seen,
    open_disagreements,
    query_progress,
)
from active_cnn.evaluation.agreement import overall_agreement, pairwise_agreement
from active_cnn.records import AnswerEvent, Sharing, SharingMode
from active_cnn.ui import agreement_charts
from active_cnn.ui.agreement import describe_agreement
from tests.unit.test_charts import rows, titles

CLASSES = ("absorption", "emission", "noise")


class Clock:
    """A time that goes on only when it is told to."""

    def __init__(self):
        self.now = datetime(2026, 3, 2, 9, 50, tzinfo=UTC)

    def __call__(self):
        return self.now.isoformat(timespec="milliseconds")

    def wait(self, **time):
        self.now += timedelta(**time)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    with Store(tmp_path / "home", clock) as store:
        yield store


@pytest.fixture
def query(store, campaign, score):
    score()
    return draw_relabel_query(store, campaign, size=6)


@pytest.fixture
def say(store, campaign, query):
    """Give a function that stores what somebody says of the n-th spectrum; it gives the event."""
    events = iter(range(1000))

    def say(oracle, position, answer, *, is_adjudication=False, asked=query, **more):
        event = f"event-{next(events)}"
        act = AnswerEvent(event, asked.number, asked.items[position].identifier, answer, **more)
        refused = store.add_answers(campaign.name, [act], oracle, is_adjudication=is_adjudication)
        assert not refused
        return event

    return say


def name(query, position):
    return query.items[position].identifier


def people(store, campaign):
    return {one.oracle: one for one in activity(store, campaign).people}


def test_nobody_has_done_anything_in_a_new_campaign(store, campaign):
    done = activity(store, campaign)
    assert done.hourly.empty
    assert list(done.hourly.columns) == ["oracle", "hour", "answers"]
    assert done.people == ()
    assert query_progress(store, campaign) == []
    assert judgements(store, campaign) == {}
    assert open_disagreements(store, campaign) == []


def test_answers_are_counted_by_person_and_hour_and_an_undo_is_none(store, campaign, say, clock):
    given = say("ANN", 0, "emission")
    say("BEN", 0, "emission")
    clock.wait(minutes=5)
    say("ANN", 1, "noise")
    clock.wait(minutes=10)
    say("ANN", 0, None, undoes=given)
    say("ANN", 2, "noise")
    hourly = activity(store, campaign).hourly
    nine, ten = (pd.Timestamp(f"2026-03-02T{hour:02d}:00Z") for hour in (9, 10))
    assert list(hourly.itertuples(index=False, name=None)) == [
        ("ANN", nine, 2),
        ("BEN", nine, 1),
        ("ANN", ten, 1),
    ]


def test_an_undo_that_brings_an_earlier_answer_back_is_no_answer(store, campaign, say):
    say("ANN", 0, "emission")
    corrected = say("ANN", 0, "noise")
    say("ANN", 0, "emission", undoes=corrected)
    assert activity(store, campaign).hourly["answers"].sum() == 2
    assert people(store, campaign)["ANN"].n_undone == 1
    assert people(store, campaign)["ANN"].n_standing == 1


def test_what_stands_is_told_from_what_was_stored(store, campaign, say):
    say("ANN", 0, "emission")
    say("ANN", 0, "noise")
    taken_back = say("ANN", 1, "noise")
    say("ANN", 1, None, undoes=taken_back)
    say("ANN", 2, "noise")
    ann = people(store, campaign)["ANN"]
    assert (ann.n_standing, ann.n_events, ann.n_undone) == (2, 5, 1)


def test_an_adjudication_stands_beside_a_persons_own_opinion(store, campaign, say):
    say("ANN", 0, "emission")
    say("BEN", 0, "noise")
    say("ANN", 0, "emission", is_adjudication=True)
    assert people(store, campaign)["ANN"].n_standing == 2
    assert people(store, campaign)["BEN"].n_standing == 1


def test_the_median_time_is_of_answers_whose_time_was_taken(store, campaign, say):
    for position, seconds in enumerate((1.0, None, 3.0, 20.0)):
        say("ANN", position, "noise", seconds=seconds)
    undone = say("ANN", 4, "noise")
    say("ANN", 4, None, undoes=undone, seconds=500.0)
    say("BEN", 0, "noise")
    assert people(store, campaign)["ANN"].median_seconds == 3.0
    assert people(store, campaign)["BEN"].median_seconds is None


def test_people_are_told_with_their_first_and_last_time_the_busiest_first(
    store, campaign, say, clock
):
    say("BEN", 0, "noise")
    clock.wait(hours=3)
    say("ANN", 0, "noise")
    clock.wait(minutes=1)
    say("ANN", 1, "noise")
    ann, ben = activity(store, campaign).people
    assert ann.oracle == "ANN"
    assert (ann.first, ann.last) == (
        datetime(2026, 3, 2, 12, 50, tzinfo=UTC),
        datetime(2026, 3, 2, 12, 51, tzinfo=UTC),
    )
    assert ben.first == ben.last


@pytest.mark.parametrize(("mode", "n_answered"), [("free", 2), ("divide", 2), ("double", 1)])
def test_a_spectrum_is_answered_when_as_many_as_wanted_have_judged_it(
    store, campaign, query, say, mode, n_answered
):
    store.set_sharing(campaign.name, Sharing(SharingMode(mode), 2), "ANN")
    say("ANN", 0, "noise")
    say("BEN", 0, "noise")
    say("ANN", 1, "noise")
    (progress,) = query_progress(store, campaign)
    assert progress.query.number == query.number
    assert (progress.n_asked, progress.n_answered) == (6, n_answered)
    assert progress.n_open == 6 - n_answered


def test_an_adjudication_answers_a_spectrum_and_ends_the_disagreement(store, campaign, say):
    store.set_sharing(campaign.name, Sharing(SharingMode.DOUBLE, 3), "ANN")
    say("ANN", 0, "noise")
    say("BEN", 0, "emission")
    (before,) = query_progress(store, campaign)
    say("CID", 0, "noise", is_adjudication=True)
    (after,) = query_progress(store, campaign)
    assert (before.n_answered, before.n_disagreeing) == (0, 1)
    assert (after.n_answered, after.n_disagreeing) == (1, 0)


def test_the_progress_is_that_of_the_queries_that_people_are_asked_now(
    store, campaign, query, score
):
    measuring = draw_performance_sample(store, campaign, 3)
    numbers = [one.query.number for one in query_progress(store, campaign)]
    assert numbers == [query.number, measuring.number]
    close_iteration(store, campaign)
    # While the next network is trained, people go on with the questions of this one.
    assert [one.query.number for one in query_progress(store, campaign)] == [query.number]
    score()
    assert query_progress(store, campaign) == []


def test_judgements_are_each_persons_latest_answers_without_adjudications(
    store, campaign, query, say
):
    say("ANN", 0, "noise")
    say("BEN", 0, "emission")
    say("ANN", 0, "absorption")
    say("CID", 0, "noise", is_adjudication=True)
    given = say("BEN", 1, "noise")
    say("BEN", 1, None, undoes=given)
    assert judgements(store, campaign) == {name(query, 0): {"BEN": "emission", "ANN": "absorption"}}


def test_open_disagreements_come_the_most_divided_first_with_their_question(
    store, campaign, query, say
):
    for oracle, answer in (("ANN", "noise"), ("BEN", "noise"), ("CID", "emission")):
        say(oracle, 0, answer)
        say(oracle, 1, "noise")
    say("ANN", 2, "noise")
    say("BEN", 2, "emission")
    found = open_disagreements(store, campaign)
    assert [one.question.item for one in found] == [query.items[2], query.items[0]]
    assert {one.question.query.number for one in found} == {query.number}
    assert found[1].said == {"ANN": "noise", "BEN": "noise", "CID": "emission"}


def test_a_settled_disagreement_opens_again_when_the_adjudication_is_undone(store, campaign, say):
    say("ANN", 0, "noise")
    say("BEN", 0, "emission")
    settled = say("CID", 0, "noise", is_adjudication=True)
    assert open_disagreements(store, campaign) == []
    say("CID", 0, None, undoes=settled, is_adjudication=True)
    assert len(open_disagreements(store, campaign)) == 1


def test_a_disagreement_leads_to_the_query_that_was_answered_last(store, campaign, query, say):
    # The performance sample asks about all that is predicted as a target, whoever asked before.
    measuring = draw_performance_sample(store, campaign, 60)
    again = [item.identifier for item in measuring.items]
    positions = [p for p in range(6) if name(query, p) in again]
    if not positions:
        pytest.skip("the query asks about no predicted target")
    position = positions[0]
    say("ANN", position, "noise")
    say("BEN", again.index(name(query, position)), "emission", asked=measuring)
    (found,) = open_disagreements(store, campaign)
    assert found.question.query.number == measuring.number
    assert found.question.item.identifier == name(query, position)


def test_who_may_still_be_asked_is_not_told_what_was_said(store, campaign, say):
    say("ANN", 0, "noise")
    say("BEN", 0, "emission")
    found = open_disagreements(store, campaign)
    three = Sharing(SharingMode.DOUBLE, 3)
    assert not_to_be_seen(found, three, "CID") == found
    assert not_to_be_seen(found, three, "ANN") == []
    assert not_to_be_seen(found, Sharing(SharingMode.DOUBLE, 2), "CID") == []
    assert not_to_be_seen(found, Sharing(SharingMode.FREE, 3), "CID") == []


SAID = {
    "a": {"ANN": "absorption", "BEN": "absorption"},
    "b": {"ANN": "absorption", "BEN": "noise"},
    "c": {"ANN": "noise", "BEN": "noise"},
}


def test_the_confusion_of_two_people_has_a_count_in_each_cell_of_given_classes():
    (pair,) = pairwise_agreement(SAID, CLASSES)
    chart = agreement_charts.pair_confusion(pair, CLASSES)
    cells = {(row["first"], row["second"]): row["spectra"] for row in rows(chart)}
    assert cells == {
        ("absorption", "absorption"): 1,
        ("absorption", "noise"): 1,
        ("noise", "absorption"): 0,
        ("noise", "noise"): 1,
    }
    assert {"ANN says", "BEN says"} <= titles(chart)


def hourly(*rows):
    table = pd.DataFrame(rows, columns=["oracle", "hour", "answers"])
    return table.assign(hour=pd.to_datetime(table["hour"], utc=True))


def test_the_bars_of_an_hour_stand_on_each_other():
    bars = rows(
        agreement_charts.activity_bars(
            hourly(("ANN", "2026-03-02T09:00Z", 3), ("BEN", "2026-03-02T09:00Z", 5))
        )
    )
    assert {(bar["oracle"], bar["low"], bar["high"]) for bar in bars} == {
        ("BEN", 0, 5),
        ("ANN", 5, 8),
    }


def test_many_days_are_drawn_by_day():
    chart = agreement_charts.activity_bars(
        hourly(
            ("ANN", "2026-03-02T09:00Z", 3),
            ("ANN", "2026-03-02T23:00Z", 4),
            ("ANN", "2026-04-02T09:00Z", 5),
        )
    )
    assert [bar["answers"] for bar in rows(chart)] == [7, 5]
    assert "day (UTC)" in titles(chart)


def test_people_without_a_colour_of_their_own_are_drawn_together():
    one_each = [(f"person {n:02d}", "2026-03-02T09:00Z", 30 - n) for n in range(20)]
    bars = rows(agreement_charts.activity_bars(hourly(*one_each)))
    assert len(bars) == 7
    assert bars[-1]["oracle"] == agreement_charts.OTHERS
    assert sum(bar["answers"] for bar in bars) == sum(n for _, _, n in one_each)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (SAID, ["Fleiss' kappa is 0.33", "2 of the 3 spectra", "(67 %)"]),
        ({"a": SAID["a"]}, ["one and the same class", "1 of the 1 spectra"]),
        ({"a": SAID["a"], "c": SAID["c"]}, ["kappa is 1.00", "too little for an interval"]),
    ],
    ids=["some differ", "one class", "all agree"],
)
def test_the_agreement_is_told_in_one_sentence(said, expected):
    sentence = describe_agreement(overall_agreement(said, CLASSES, np.random.default_rng(1)))
    for part in expected:
        assert part in sentence
