"""What a labelling page and the server say to each other, whatever the browser sends."""

import json
from dataclasses import replace

import pytest

from active_cnn.campaign.audit import draw_audit
from active_cnn.campaign.campaign import record_answer
from active_cnn.campaign.labelling import Task, lay_out
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.records import Resolution, Sharing, SharingMode
from active_cnn.ui.protocol import AHEAD, MOST_AT_ONCE, encode, read_message, reply


@pytest.fixture
def query(store, campaign, score):
    score()
    return draw_relabel_query(store, campaign, "entropy", 40, seed=3)


@pytest.fixture
def names(query):
    return [item.identifier for item in query.items]


def act(query, identifier, answer, event="a.1.0", oracle="ann", **more):
    return {
        "event": event,
        "query": query.number,
        "identifier": identifier,
        "answer": answer,
        "note": "",
        "seconds": 0.8,
        "undoes": None,
        "oracle": oracle,
        **more,
    }


@pytest.fixture
def say(store, campaign, query):
    """Give a function that says something and gives the reply as the browser reads it."""

    def say(oracle="ann", task=Task.RELABEL, **said):
        assert query
        answered = reply(
            store,
            campaign,
            lay_out(store, campaign, task),
            oracle,
            read_message(said),
            lambda names: [json.dumps({"identifier": name}) for name in names],
            dict,
        )
        return json.loads(encode(answered))

    return say


def sent(answered):
    return [one["sheet"]["identifier"] for one in answered["spectra"]]


def test_a_new_page_gets_its_desk_and_the_first_spectra(say, names, campaign):
    first = say()
    assert [one["name"] for one in first["desk"]["classes"]] == [c.name for c in campaign.classes]
    assert first["work"] == names
    assert sent(first) == names[:MOST_AT_ONCE]
    assert first["spectra"][0]["told"]["predicted"] in campaign.network_classes


def test_what_the_page_has_is_not_sent_again_and_it_is_kept_ahead(say, names):
    first = say()
    have = sent(first)
    for n_more in range(MOST_AT_ONCE, AHEAD, MOST_AT_ONCE):
        then = say(desk=first["deskId"], have=have)
        assert then["desk"] is None
        assert sent(then) == names[n_more : n_more + MOST_AT_ONCE]
        have += sent(then)
    assert sent(say(desk=first["deskId"], have=have)) == []


def test_a_page_that_has_no_room_is_sent_nothing(say, names):
    first = say()
    assert sent(say(desk=first["deskId"], have=[], room=0)) == []
    assert sent(say(desk=first["deskId"], have=[], room=3)) == names[:3]


def test_a_spectrum_that_is_wanted_at_once_comes_first(say, names):
    desk = say()["deskId"]
    assert sent(say(desk=desk, have=names[:AHEAD], want=2 * [names[30]])) == [names[30]]


def test_a_spectrum_that_is_not_on_the_desk_is_told_to_be_unknown(say, names):
    answered = say(desk=say()["deskId"], have=names[:AHEAD], want=["../../etc/passwd", names[30]])
    assert answered["unknown"] == ["../../etc/passwd"]
    assert sent(answered) == [names[30]]


def test_what_the_page_has_of_another_desk_is_sent_anew(say, names):
    answered = say(desk="of yesterday", have=names[:AHEAD], room=0)
    assert sent(answered) == names[:MOST_AT_ONCE]


def test_an_act_is_stored_once_however_often_it_is_sent(say, store, campaign, query, names):
    one = act(query, names[0], "emission", note=" <b>blue</b> ")
    for _ in range(3):
        assert say(events=[one])["received"] == ["a.1.0"]
    (stored,) = store.answer_log(campaign.name)
    assert (stored.answer, stored.note, stored.seconds) == ("emission", "<b>blue</b>", 0.8)


def test_a_page_that_asks_for_nothing_gets_a_receipt_and_its_history(say, query, names):
    desk = say()["deskId"]
    one = act(query, names[0], "emission")
    receipt = say(desk=desk, have=names[:AHEAD], events=[one], room=0)
    assert (receipt["received"], receipt["work"], receipt["nDone"]) == (["a.1.0"], None, None)
    assert [told["event"] for told in receipt["history"]] == ["a.1.0"]
    # What is taken back has to be judged again: the page cannot know where it stands.
    back = act(query, names[0], None, "a.2.0", undoes="a.1.0")
    assert say(desk=desk, have=names[:AHEAD], events=[back], room=0)["work"] == names
    assert say(desk=desk, have=names[:AHEAD], room=1)["work"] == names


def test_an_act_that_is_refused_does_not_hold_up_the_others(say, store, campaign, query, names):
    answered = say(
        events=[
            act(query, names[0], "emission", "a.1.0"),
            act(query, names[1], "quasar", "a.2.0"),
            act(query, "elsewhere.fits", "noise", "a.3.0"),
            act(query, names[2], "noise", "a.4.0", note="x" * 501),
            act(query, names[3], None, "a.5.0", undoes="nothing"),
            act(query, names[4], "noise", "a.6.0"),
        ]
    )
    assert answered["received"] == ["a.1.0", "a.6.0"]
    assert {event: reason.split()[0] for event, reason in answered["refused"].items()} == {
        "a.2.0": "'quasar'",
        "a.3.0": "Query",
        "a.4.0": "The",
        "a.5.0": "There",
    }
    assert [one.event for one in store.answer_log(campaign.name)] == ["a.1.0", "a.6.0"]


def test_an_act_with_the_name_of_another_one_is_refused_and_not_received(
    say, store, campaign, query, names
):
    say(events=[act(query, names[0], "emission")])
    answered = say(events=[act(query, names[1], "noise")])
    assert answered["received"] == []
    assert "was not stored" in answered["refused"]["a.1.0"]
    assert list(store.current_answers(campaign.name)) == [names[0]]


def test_an_act_of_somebody_else_is_neither_stored_nor_refused(say, store, campaign, query, names):
    answered = say(events=[act(query, names[0], "emission", oracle="bob")])
    assert (answered["received"], answered["held"]) == ([], {"a.1.0": "bob"})
    assert store.answer_log(campaign.name) == []


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        {"events": 7, "have": "x", "want": {"a": 1}, "last": "3", "desk": 4, "deferred": None},
        {"events": [None, [], {}, {"event": 3}], "have": [1, None, {}], "last": -1},
        {"events": [["emission"]], "last": 10**30},
    ],
)
def test_what_no_page_would_send_is_left_out(said):
    message = read_message(said)
    assert (message.events, message.have, message.want, message.last) == ((), (), (), 0)


@pytest.mark.parametrize(
    "more",
    [
        {"seconds": "3"},
        {"seconds": float("nan")},
        {"seconds": -1},
        {"query": "1"},
        {"query": True},
        {"note": None},
        {"undoes": 3},
        {"answer": ["emission"]},
    ],
)
def test_a_malformed_act_is_refused_by_its_name(say, store, campaign, query, names, more):
    answered = say(events=[act(query, names[0], "emission") | more])
    assert "reload" in answered["refused"]["a.1.0"]
    assert store.answer_log(campaign.name) == []


def test_the_own_history_comes_once_and_then_what_is_new(say, store, query, names):
    record_answer(store, query, names[0], "emission", oracle="ann")
    record_answer(store, query, names[1], "noise", oracle="bob")
    first = say()
    assert [(one["identifier"], one["answer"]) for one in first["history"]] == [
        (names[0], "emission")
    ]
    last = first["history"][-1]["sequence"]
    answered = say(
        desk=first["deskId"], last=last, events=[act(query, names[2], "noise")], have=names
    )
    assert [one["event"] for one in answered["history"]] == ["a.1.0"]
    # A page that begins anew knows nothing: it gets all of it.
    assert len(say(last=10**6)["history"]) == 2


def test_who_judges_blind_is_told_nothing_until_the_answer_is_given(
    say, store, campaign, query, names
):
    store.set_sharing(campaign.name, Sharing(SharingMode.DOUBLE, 2, Resolution.MAJORITY), "ann")
    record_answer(store, query, names[0], "emission", oracle="bob", note="two peaks")
    before = say()
    assert before["desk"]["isBlind"]
    text = json.dumps(before["spectra"])
    assert "bob" not in text
    assert "two peaks" not in text
    for one in before["spectra"]:
        told = one["told"]
        assert (told["predicted"], told["probabilities"], told["score"]) == (None, None, None)
    say(events=[act(query, names[0], "noise")])
    (after,) = (one for one in say(want=[names[0]])["spectra"][:1])
    assert after["told"]["predicted"]
    assert [one["oracle"] for one in after["told"]["said"]] == ["ann"]


def test_the_page_is_told_why_a_spectrum_was_chosen(say, store, campaign, query, names):
    items = tuple(
        replace(item, chosen_by="random" if n else "direct", score=None if n else 0.43)
        for n, item in enumerate(query.items[:2])
    )
    shares = {"direct": 0.6, "margin": 0.2, "random": 0.2}
    mixed = store.add_query(
        replace(query, strategy="mixed", seed=1, items=items, design={"shares": shares})
    )
    told = {one["sheet"]["identifier"]: one["told"] for one in say(want=names[:3])["spectra"]}
    begin = f"query {mixed.number}: mixed (60 % direct, 20 % margin, 20 % random), seed 1, "
    assert [(told[name]["why"], told[name]["score"]) for name in names[:2]] == [
        (f"{begin}iteration 0; chosen by direct", 0.43),
        (f"{begin}iteration 0; chosen by random", None),
    ]
    # One strategy alone has no shares.
    assert told[names[2]]["why"].startswith(f"query {query.number}: entropy, seed 3, iteration 0")
    store.set_sharing(campaign.name, Sharing(SharingMode.DOUBLE, 2), "ann")
    assert "chosen by" not in json.dumps(say()["spectra"])


def test_another_choice_of_classes_or_rules_makes_another_desk(say, store, campaign):
    desk = say()["deskId"]
    store.change_answers(campaign.name, campaign.classes, {"help": "q"})
    store.set_sharing(campaign.name, Sharing(SharingMode.DOUBLE), "ann")
    again = say(desk=desk)
    assert again["deskId"] != desk
    assert again["desk"]


def test_who_judges_an_audit_is_not_told_its_stratum(say, store, campaign):
    audit = draw_audit(store, campaign, 100, 250, 10)
    whys = {one["told"]["why"] for one in say(task=Task.AUDIT)["spectra"]}
    assert whys == {f"query {audit.number}: audit, seed {audit.seed}, iteration 0"}
