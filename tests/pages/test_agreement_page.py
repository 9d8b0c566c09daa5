"""The Agreement page: how far people agree, what is to be settled, who has done what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.evaluation.agreement import SelfAgreement
from active_cnn.records import AnswerEvent, Resolution, Sharing, SharingMode
from active_cnn.ui.agreement import FEWEST_SHARED, describe_repeated
from tests.components import act, give, mounted, settle, sheets, told
from tests.components import say as send

PAGE = "6_Agreement"


@pytest.fixture
def say(store, campaign):
    """Give a function that stores what somebody says of the first spectra of a query."""
    query = draw_relabel_query(store, campaign, size=8)
    events = iter(range(1000))

    def say(oracle, *answers, is_adjudication=False):
        refused = store.add_answers(
            campaign.name,
            [
                AnswerEvent(f"e{next(events)}", query.number, item.identifier, answer, seconds=2.0)
                for item, answer in zip(query.items, answers, strict=False)
            ],
            oracle,
            is_adjudication=is_adjudication,
        )
        assert not refused
        return [item.identifier for item in query.items]

    return say


@pytest.fixture
def say_again(store, campaign, say):
    """Give a function that repeats the first spectra of a person's query, and the answers to it."""

    def say_again(oracle, *answers):
        asked = store.query(1)
        repeats = tuple(replace(item, is_repeat=True) for item in asked.items[: len(answers)])
        query = store.add_query(replace(asked, items=repeats))
        acts = [
            AnswerEvent(f"{oracle}-{item.position}-again", query.number, item.identifier, answer)
            for item, answer in zip(query.items, answers, strict=True)
        ]
        assert not store.add_answers(campaign.name, acts, oracle)

    assert say
    return say_again


def texts(at):
    return "\n".join(
        part.value for part in [*at.markdown, *at.caption, *at.info, *at.success, *at.error]
    ).replace("\\", "")


def test_a_campaign_without_answers_says_what_agreement_needs(new_store, open_page):
    at = open_page(PAGE)
    assert "Nobody has answered yet" in at.info[0].value
    assert not at.dataframe
    assert new_store.count_events("small") == 0


def test_a_single_person_is_named_and_led_to_the_settings(say, open_page):
    say("ANN_1", "noise", "emission")
    at = open_page(PAGE)
    assert "Only ANN_1 has answered so far" in texts(at)
    assert not at.dataframe


def test_people_without_a_spectrum_in_common_are_told_so(store, campaign, open_page):
    for oracle in ("ANN", "BEN"):
        query = draw_relabel_query(store, campaign, size=2)
        act = AnswerEvent(oracle, query.number, query.items[0].identifier, "noise")
        store.add_answers(campaign.name, [act], oracle)
    assert "ANN and BEN have judged no spectrum in common" in texts(open_page(PAGE))


def test_the_agreement_of_all_and_of_each_two_is_shown(say, open_page):
    say("ANN", "noise", "emission", "noise", "emission")
    say("BEN", "noise", "emission", "noise", "noise")
    say("CID", "noise", "emission")
    at = open_page(PAGE)
    assert "3 of the 4 spectra" in texts(at)
    table = at.dataframe[0].value
    assert list(zip(table["first"], table["second"], table["in common"], strict=True)) == [
        ("ANN", "BEN", 4),
        ("ANN", "CID", 2),
        ("BEN", "CID", 2),
    ]
    assert table["agree"].tolist() == [75, 100, 100]
    assert table["kappa"].iloc[0] == pytest.approx(0.5)
    assert "fewer than 20 spectra in common" in texts(at)


def test_two_people_can_be_chosen_also_by_a_link(say, open_page):
    for oracle in ("ANN", "BEN", "CID"):
        say(oracle, "noise", "emission")
    at = open_page(PAGE, pair="BEN and CID")
    assert at.selectbox(key="pair").value == "BEN and CID"
    at.selectbox(key="pair").set_value("ANN and CID").run()
    assert at.run().selectbox(key="pair").value == "ANN and CID"


def test_where_all_give_one_class_kappa_is_not_told(say, open_page):
    say("ANN", "noise", "noise")
    say("BEN", "noise", "noise")
    at = open_page(PAGE)
    assert "Everybody gave one and the same class" in texts(at)
    assert at.dataframe[0].value["kappa"].isna().all()


def test_what_the_same_person_says_twice_is_shown_also_of_one_who_is_alone(
    say, say_again, open_page
):
    say("*ANN*", "noise", "emission", "noise", "emission")
    say_again("*ANN*", "noise", "emission", "noise", "noise")
    at = open_page(PAGE)
    assert "Only *ANN* has answered so far" in texts(at)
    assert "The same person twice" in texts(at)
    (table,) = (one.value for one in at.dataframe)
    assert table[["person", "asked twice", "same", "share"]].values.tolist() == [
        ["*ANN*", 4, 3, 75]
    ]
    # As of two people: agreement 3/4, by chance 1/2.
    assert table["kappa"].tolist() == pytest.approx([0.5])
    assert "For *ANN* there are fewer than 20 repeats so far" in texts(at)
    assert "The second answer changes no label" in texts(at)


def test_the_same_person_twice_stands_below_each_two_people(say, say_again, open_page):
    for oracle in ("ANN", "BEN"):
        say(oracle, "noise", "emission")
        say_again(oracle, "noise", "noise")
    pairs, twice = (one.value for one in open_page(PAGE).dataframe)
    assert pairs["in common"].tolist() == [2]
    assert pairs["agree"].tolist() == [100]  # the repeats are no opinions
    assert twice["same"].tolist() == [1, 1]
    assert "For all of these people there are fewer than 20" in texts(open_page(PAGE))


def test_enough_repeats_come_without_a_warning():
    some = SelfAgreement("ANN", FEWEST_SHARED, 19, 0.95, 0.9, 0.7, 1.0)
    assert "fewer than" not in describe_repeated([some])
    few = replace(some, oracle="BEN", n_repeated=FEWEST_SHARED - 1)
    assert "For BEN there are fewer than 20" in describe_repeated([some, few])


def test_disagreements_are_listed_with_who_says_what(store, campaign, say, open_page):
    names = say("ANN", "noise", "emission", "noise")
    say("BEN", "noise", "noise", "noise")
    say("CID", "noise", "noise", "emission")
    say("ANN", *[None] * 2, "emission", is_adjudication=True)
    store.set_sharing(campaign.name, Sharing(resolution=Resolution.UNANIMOUS), "ANN")
    at = open_page(PAGE, section="Adjudicate")
    table = at.dataframe[0].value
    assert table["identifier"].tolist() == [names[1]]
    assert table["who says what"].tolist() == ["noise: BEN, CID · emission: ANN"]
    assert "Settled so far: 1." in texts(at)
    assert "none of these answers counts" in texts(at)


def test_nothing_to_settle_is_said(say, open_page):
    say("ANN", "noise")
    at = open_page(PAGE, section="Adjudicate")
    assert "nothing to settle" in at.success[0].value
    assert not mounted(at)


def test_only_the_disagreements_lie_on_the_desk_with_what_was_said(say, open_page):
    names = say("ANN", "noise", "emission", "noise")
    say("BEN", "noise", "noise", "emission")
    reply = told(open_page(PAGE, section="Adjudicate"))
    assert reply["desk"]["task"] == "adjudicate"
    assert sorted(reply["work"]) == sorted(sheets(reply)) == sorted(names[1:3])
    for one in reply["spectra"]:
        assert {said["oracle"] for said in one["told"]["said"]} == {"ANN", "BEN"}


def test_an_adjudication_settles_the_disagreement(store, campaign, say, open_page):
    names = say("ANN", "noise", "emission")
    say("BEN", "noise", "absorption")
    at = open_page(PAGE, section="Adjudicate")
    query = store.query(1)
    reply = give(at, act(query, 1, "double-peak"))
    assert reply["received"] == ["a.1.0"]
    assert (reply["work"], reply["nDone"], reply["nAsked"]) == ([], 1, 1)
    settle(at)
    assert "Settled so far: 1." in texts(at)
    assert "Open disagreements" not in texts(at)
    stored = store.current_answers(campaign.name)[names[1]]
    assert (stored.answer, stored.oracle, stored.is_adjudication) == ("double-peak", "tester", True)
    # What people said stays as they said it.
    assert [(one.oracle, one.answer) for one in store.opinions(campaign.name)[names[1]]] == [
        ("ANN", "emission"),
        ("BEN", "absorption"),
    ]


def test_an_adjudication_can_be_taken_back(store, campaign, say, open_page):
    names = say("ANN", "noise", "emission")
    say("BEN", "noise", "absorption")
    at = open_page(PAGE, section="Adjudicate")
    query = store.query(1)
    give(at, act(query, 1, "double-peak"))
    reply = give(at, act(query, 1, None, "a.2.0", undoes="a.1.0"))
    assert reply["work"] == [names[1]]
    assert store.adjudications(campaign.name) == {}
    assert "Open disagreements: 1" in texts(settle(at))


def test_what_a_judge_may_not_know_is_not_sent_either(store, campaign, say, open_page):
    store.set_sharing(campaign.name, Sharing(SharingMode.DOUBLE, 3), "ANN")
    names = say("ANN", "noise", "noise")
    say("BEN", "emission", "emission")
    say("tester", "noise")
    at = open_page(PAGE, section="Adjudicate")
    assert told(at)["work"] == [names[0]]
    reply = send(at, said={"want": [names[1]], "nonce": 1})
    (asked,) = (one for one in reply["spectra"] if one["sheet"]["identifier"] == names[1])
    assert asked["told"]["said"] == []
    assert asked["told"]["predicted"] is None


def test_who_may_still_be_asked_does_not_see_the_answers_of_others(store, campaign, say, open_page):
    store.set_sharing(campaign.name, Sharing(SharingMode.DOUBLE, 3), "ANN")
    say("ANN", "noise")
    say("BEN", "emission")
    at = open_page(PAGE, section="Adjudicate")
    assert not at.dataframe
    assert "Not shown to you: 1 more" in texts(at)
    say("tester", "noise")
    assert len(at.run().dataframe[0].value) == 1


def test_the_activity_tells_progress_and_people(say, open_page):
    say("ANN", "noise", "emission", "noise")
    say("BEN", "noise")
    at = open_page(PAGE, section="Activity")
    progress, people = (one.value for one in at.dataframe)
    assert progress[["asked", "answered", "open", "disagreeing"]].values.tolist() == [[8, 3, 5, 0]]
    assert people[["person", "answers", "events"]].values.tolist() == [["ANN", 3, 3], ["BEN", 1, 1]]
    assert people["seconds per answer"].tolist() == [2.0, 2.0]


@pytest.mark.parametrize("first", ["9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+14:00"])
def test_the_pages_survive_what_an_earlier_version_took_in(store, say, open_page, first):
    say("ANN", "noise", "emission", "noise")
    say("BEN", "noise", "emission", "noise")
    ann = store.answer_log(store.campaign().name)[0]
    other = replace(ann, event="x", oracle="a" * 100_000 + "\0\u202e", at=first, seconds=9e999)
    store.merge_answers([], [other, replace(ann, event="y", oracle="CAM", seconds=1e308)])
    for section in ("Agreement", "Adjudicate"):
        assert not open_page(PAGE, section=section).exception
    at = open_page(PAGE, section="Activity")
    assert not at.exception
    assert "still to come, are counted below but are in no bar: 1." in texts(at)
    people = at.dataframe[1].value.set_index("person")
    assert people["answers"].tolist() == [3, 3, 1, 1]
    assert people["first (UTC)"].isna().tolist() == [False, False, False, True]
    assert people["seconds per answer"].isna().tolist() == [False, False, True, True]


def test_the_activity_of_a_new_campaign_says_that_there_is_none(new_store, open_page):
    at = open_page(PAGE, section="Activity")
    assert "No spectra have been drawn" in at.info[0].value
    assert "Nobody has answered yet" in at.info[1].value
    assert new_store.count_events("small") == 0


def test_names_of_people_are_shown_as_they_are(say, open_page):
    say("*ANN* <b>", "noise", "noise", "emission")
    say("[BEN](x) | `y`", "noise", "emission", "noise")
    for section in ("Agreement", "Adjudicate", "Activity"):
        at = open_page(PAGE, section=section)
        assert not at.exception
        assert at.dataframe


@pytest.mark.usefixtures("empty_home")
def test_an_empty_home_leads_to_creation(open_page):
    assert "no campaign" in open_page(PAGE).info[0].value


def test_an_answer_that_the_network_contradicts_is_looked_at_again(store, campaign, open_page):
    query = draw_relabel_query(store, campaign, "random-target", size=60)
    by_p = sorted(query.items, key=lambda item: item.probabilities[0])
    slip = by_p[0].identifier
    acts = [
        AnswerEvent(
            f"e{place}",
            query.number,
            item.identifier,
            "emission" if place and place < len(by_p) // 2 else "noise",
        )
        for place, item in enumerate(by_p)
    ]
    assert not store.add_answers(campaign.name, acts, "tester")
    at = open_page("4_Relabel")
    assert any("1 doubtful answer first" in one.label for one in at.get("page_link"))
    at = open_page(PAGE, section="Adjudicate")
    assert "Doubtful answers: 1" in texts(at)
    assert "Open disagreements" not in texts(at)
    (row,) = at.dataframe[0].value.to_dict("records")
    assert (row["identifier"], row["who says what"]) == (slip, "noise: tester")
    assert row["chance of the answer"] < 0.1
    give(at, act(query, by_p[0].position, "emission"))
    assert "Doubtful answers" not in texts(settle(at))
    assert store.current_answers(campaign.name)[slip].answer == "emission"
