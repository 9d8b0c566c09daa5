"""The Relabel page: draw, judge in the component, correct, go on."""

from __future__ import annotations

import json

import numpy as np
import pytest
from streamlit.runtime.context import ContextProxy, StreamlitCookies

from active_cnn.campaign.campaign import close_iteration, record_answer
from active_cnn.campaign.files import open_pool
from active_cnn.campaign.relabelling import Screen, draw_relabel_query
from active_cnn.campaign.training_data import trained_answers
from active_cnn.records import Purpose, Sharing, SharingMode
from active_cnn.ui.protocol import MOST_ACTS, MOST_AT_ONCE
from tests import fakes
from tests.components import LABELLER, act, give, mounted, say, select_row, settle, sheets, told

PAGE = "4_Relabel"


@pytest.fixture
def query(store, campaign):
    return draw_relabel_query(store, campaign, "entropy", 4, seed=7)


@pytest.fixture
def nobody(monkeypatch):
    """Take the name away, as a browser that has never given one."""

    def forget():
        monkeypatch.delenv("ACTIVE_CNN_ORACLE")
        monkeypatch.setattr(ContextProxy, "cookies", property(lambda _: StreamlitCookies({})))

    return forget


def names(query):
    return [item.identifier for item in query.items]


def answers(store, query):
    current = store.current_answers(query.campaign)
    return [current[name].answer if name in current else None for name in names(query)]


def texts(at):
    return " ".join(one.value for one in [*at.info, *at.markdown, *at.success]).replace("\\", "")


@pytest.mark.usefixtures("new_store")
def test_before_the_first_training_it_leads_to_train(open_page):
    at = open_page(PAGE)
    assert "has not been trained" in at.info[0].value
    assert "Train iteration 0" in [link.label for link in at.get("page_link")]
    assert not mounted(at)


@pytest.mark.usefixtures("store")
def test_without_a_query_it_says_to_draw_one(open_page):
    at = open_page(PAGE)
    assert "draw some" in at.info[0].value
    assert not mounted(at)


def test_a_query_is_drawn_by_strategy_size_and_seed(store, campaign, open_page):
    at = open_page(PAGE)
    at.selectbox(key="strategy").set_value("random-target")
    at.number_input(key="size-relabel").set_value(3)
    at.number_input(key="seed-relabel").set_value(11)
    at.run()
    at.button(key="draw-relabel-small-0").click().run()
    (query,) = store.queries(store.iteration(campaign.name), Purpose.RELABEL)
    assert (query.strategy, query.size, query.seed) == ("random-target", 3, 11)
    assert "3 spectra were drawn with the seed 11" in at.success[0].value
    # It can be labelled at once.
    assert told(at)["work"] == names(query)


def test_what_was_drawn_lies_on_the_desk_with_its_first_spectra(campaign, query, open_page):
    reply = told(open_page(PAGE))
    assert reply["work"] == sheets(reply) == names(query)
    assert (reply["nDone"], reply["nAsked"], reply["trouble"]) == (0, 4, "")
    desk = reply["desk"]
    assert (desk["task"], desk["oracle"]) == ("relabel", "tester")
    assert [(c["name"], c["key"]) for c in desk["classes"]] == [
        (c.name, c.key) for c in campaign.classes
    ]
    assert [one["told"]["predicted"] for one in reply["spectra"]] == [
        item.predicted for item in query.items
    ]


def test_no_more_spectra_come_at_once_than_a_message_may_hold(store, campaign, open_page):
    query = draw_relabel_query(store, campaign, "entropy", 40)
    assert sheets(told(open_page(PAGE))) == names(query)[:MOST_AT_ONCE]


def test_an_answer_is_stored_on_its_spectrum_and_the_others_come_next(store, query, open_page):
    reply = give(open_page(PAGE), act(query, 1, "emission"))
    assert reply["received"] == ["a.1.0"]
    assert answers(store, query) == [None, "emission", None, None]
    assert reply["work"] == [name for name in names(query) if name != names(query)[1]]
    assert (reply["nDone"], reply["nonce"]) == (1, 1)


def test_an_act_is_stored_once_however_often_the_page_runs(store, query, open_page):
    at = open_page(PAGE)
    for _ in range(2):
        assert give(at, act(query, 0, "emission"))["received"] == ["a.1.0"]
    # Each run of the whole page comes with what was said last.
    assert told(at.run())["received"] == ["a.1.0"]
    assert [one.event for one in store.answer_log(query.campaign)] == ["a.1.0"]


def test_two_tabs_that_send_the_same_act_store_it_once(store, query, open_page):
    for at in (open_page(PAGE), open_page(PAGE)):
        assert give(at, act(query, 0, "emission"))["received"] == ["a.1.0"]
    assert len(store.answer_log(query.campaign)) == 1


def test_a_correction_counts_and_an_undo_takes_it_back(store, query, open_page):
    at = open_page(PAGE)
    give(at, act(query, 0, "emission", "a.1.0"), act(query, 0, "double-peak", "a.2.0"))
    assert answers(store, query)[0] == "double-peak"
    give(at, act(query, 0, "emission", "a.3.0", undoes="a.2.0"))
    assert answers(store, query)[0] == "emission"
    reply = give(at, act(query, 0, None, "a.4.0", undoes="a.1.0"))
    assert answers(store, query)[0] is None
    assert reply["work"] == names(query)
    assert len(store.answer_log(query.campaign)) == 4


def test_an_act_is_stored_with_its_note_its_time_and_the_name_of_the_visitor(
    store, query, open_page
):
    give(open_page(PAGE), act(query, 0, "emission", note=" P Cygni ", seconds=2.5))
    (stored,) = store.answer_log(query.campaign)
    assert (stored.note, stored.seconds, stored.oracle) == ("P Cygni", 2.5, "tester")


def test_a_refused_act_is_told_with_the_reason_and_holds_up_no_other(store, query, open_page):
    reply = give(
        open_page(PAGE),
        act(query, 0, "quasar", "a.1.0"),
        act(query, 1, "noise", "a.2.0") | {"identifier": "elsewhere.fits"},
        act(query, 2, "noise", "a.3.0"),
    )
    assert reply["received"] == ["a.3.0"]
    assert "not an answer" in reply["refused"]["a.1.0"]
    assert "does not ask about" in reply["refused"]["a.2.0"]
    assert answers(store, query) == [None, None, "noise", None]


def test_acts_of_somebody_else_are_held_until_that_person_is_back(
    store, query, open_page, monkeypatch
):
    at = open_page(PAGE)
    # Somebody has given another name in the same browser before they were stored.
    monkeypatch.setenv("ACTIVE_CNN_ORACLE", "BEN")
    both = (act(query, 0, "emission", "a.1.0"), act(query, 1, "noise", "b.1.0", oracle="BEN"))
    reply = give(at, *both)
    assert (reply["received"], reply["held"]) == (["b.1.0"], {"a.1.0": "tester"})
    assert reply["refused"] == {}
    assert [(one.event, one.oracle) for one in store.answer_log(query.campaign)] == [
        ("b.1.0", "BEN")
    ]
    monkeypatch.setenv("ACTIVE_CNN_ORACLE", "tester")
    assert give(at, *both)["received"] == ["a.1.0"]
    assert store.answer_log(query.campaign)[-1].oracle == "tester"


def test_without_a_name_it_asks_for_one_and_stores_nothing(store, query, open_page, nobody):
    nobody()
    at = open_page(PAGE)
    assert "Who is labelling?" in [heading.value for heading in at.subheader]
    assert not mounted(at)
    assert store.count_events(query.campaign) == 0


def test_a_page_that_has_lost_its_name_stores_nothing_more(store, query, open_page, nobody):
    at = open_page(PAGE)
    (component,) = mounted(at)
    nobody()
    states = at.main.root.get_widget_states()
    said = {"said": {"events": [act(query, 0, "emission")]}}
    states.widgets.add(id=component.id, json_value=json.dumps(said))
    at._run(states)
    assert not at.exception
    assert not mounted(at)
    assert store.count_events(query.campaign) == 0


@pytest.mark.parametrize(
    "said",
    [
        7,
        "text",
        [],
        {"nonce": "x" * 10, "events": None},
        {"nonce": float("nan"), "last": float("inf"), "room": -1},
        {"nonce": {"a": 1}, "want": ["../../etc/passwd", 3], "have": {"a": 1}},
        {"events": [None, 3, [], {}, {"event": 3}, {"event": "a.1.0"}]},
    ],
)
def test_a_message_that_no_page_would_send_is_answered_all_the_same(store, query, open_page, said):
    reply = say(open_page(PAGE), said=said)
    assert reply["work"] == names(query)
    assert reply["nonce"] == 0
    assert store.count_events(query.campaign) == 0


@pytest.mark.parametrize(
    "more",
    [
        {"query": 10**30},
        {"query": -1},
        {"seconds": 10**400},
        {"identifier": "\ud83d"},
        {"event": "\ud83d"},
        {"answer": "\ud83d"},
    ],
)
def test_an_act_that_cannot_be_stored_is_refused_by_its_name(store, query, open_page, more):
    one = act(query, 0, "emission") | more
    reply = give(open_page(PAGE), one, act(query, 1, "noise", "a.2.0"))
    assert reply["refused"].keys() == {one["event"]}
    assert reply["received"] == ["a.2.0"]
    assert answers(store, query) == [None, "noise", None, None]


def test_half_a_character_at_the_end_of_a_note_does_not_lose_the_answer(store, query, open_page):
    assert give(open_page(PAGE), act(query, 0, "emission", note="blue \ud83d"))["received"]
    assert store.answer_log(query.campaign)[0].note == "blue ?"


def test_more_acts_than_a_message_may_hold_are_stored_in_several(store, query, open_page):
    at = open_page(PAGE)
    acts = [act(query, n % 4, "noise", f"a.{n}.0") for n in range(MOST_ACTS + 3)]
    reply = give(at, *acts)
    assert reply["received"] == [one["event"] for one in acts[:MOST_ACTS]]
    waiting = [one for one in acts if one["event"] not in set(reply["received"])]
    assert len(give(at, *waiting)["received"]) == 3
    assert [one.event for one in store.answer_log(query.campaign)] == [one["event"] for one in acts]


def test_a_link_names_the_spectrum_to_open(query, open_page):
    name = names(query)[2]
    assert told(open_page(PAGE, identifier=name))["address"] == name


def test_the_list_tells_all_answers_and_opens_the_selected_spectrum(store, query, open_page):
    record_answer(store, query, names(query)[1], "emission", oracle="ANN", note="faint")
    at = open_page(PAGE)
    (table,) = [one.value for one in at.dataframe if "identifier" in one.value]
    assert table["identifier"].tolist() == names(query)
    assert table["answer"].tolist() == ["", "emission", "", ""]
    assert table["people"].tolist() == [0, 1, 0, 0]
    assert table["note"].tolist() == ["", "faint", "", ""]
    assert told(at)["open"] is None
    asked = told(select_row(at, "list-relabel-small", 2))["open"]
    assert asked["identifier"] == names(query)[2]
    # Once: what the browser has opened is not asked for again.
    assert say(at, said={"opened": asked["request"]})["open"] is None


def test_who_judges_apart_from_the_others_is_not_shown_their_answers(
    store, campaign, query, open_page
):
    store.set_sharing(campaign.name, Sharing(SharingMode.DOUBLE, 2), "ANN")
    record_answer(store, query, names(query)[0], "emission", oracle="ANN", note="faint")
    at = open_page(PAGE)
    table = at.dataframe[0].value
    assert (table["answer"] == "").all()
    assert (table["note"] == "").all()
    reply = told(at)
    assert reply["desk"]["isBlind"]
    assert all(one["told"]["predicted"] is None for one in reply["spectra"])
    assert "ANN" not in json.dumps([one["told"] for one in reply["spectra"]])


def test_while_the_next_network_is_trained_labelling_goes_on_by_the_last_ranking(
    store, campaign, query, open_page
):
    record_answer(store, query, names(query)[0], "emission", oracle="tester")
    close_iteration(store, campaign)
    job = fakes.begin(store, campaign)
    at = open_page(PAGE)
    assert "Iteration 1 has not been trained yet. You can go on labelling" in at.info[0].value
    assert "join the training set of iteration 2" in at.info[0].value
    assert "Train iteration 1" in [link.label for link in at.get("page_link")]
    # There is nothing to go on to yet.
    assert "close-small-1" not in [button.key for button in at.button]
    assert told(at)["work"] == names(query)[1:]
    give(at, act(query, 1, "double-peak"))
    second = store.iteration(campaign.name)
    assert trained_answers(store, campaign, second).keys() == {names(query)[0]}
    assert store.finish_job(job.number, fakes.score(store, campaign, job))
    third = close_iteration(store, campaign)
    assert trained_answers(store, campaign, third).keys() == {*names(query)[:2]}


def test_while_the_next_network_is_trained_more_spectra_can_be_drawn(
    store, campaign, query, open_page
):
    close_iteration(store, campaign)
    at = open_page(PAGE)
    at.number_input(key="size-relabel").set_value(2).run()
    at.button(key="draw-relabel-small-1").click().run()
    assert not at.error
    new = store.queries(store.iteration(campaign.name, 0), Purpose.RELABEL)[-1]
    assert len(new.items) == 2
    assert told(at)["work"] == [*names(query), *names(new)]


def test_a_finished_query_leaves_nothing_to_do_and_can_be_closed(store, query, open_page):
    for item in query.items:
        record_answer(store, query, item.identifier, "noise", oracle="tester")
    at = open_page(PAGE)
    reply = told(at)
    assert (reply["work"], reply["nDone"], reply["nAsked"]) == ([], 4, 4)
    assert at.button(key="close-small-0")


def test_the_next_iteration_says_how_many_answers_join(query, open_page):
    at = open_page(PAGE)
    assert "No new answer joins the training set" in texts(at)
    give(at, act(query, 0, "emission", "a.1.0"), act(query, 1, "unsure", "a.2.0"))
    settle(at)
    assert "1 new answer joins the training set (1 emission)" in texts(at)
    assert "Left out: 1 unsure" in texts(at)


@pytest.mark.usefixtures("query")
def test_two_tabs_close_one_iteration_once(store, open_page):
    first, second = open_page(PAGE), open_page(PAGE)
    first.button(key="close-small-0").click().run()
    assert "Iteration 0 is closed" in first.success[0].value
    second.button(key="close-small-0").click().run()
    assert "closed" in second.error[0].value
    assert [i.state for i in store.iterations("small")] == ["closed", "new"]


def test_a_strategy_with_nothing_left_is_a_message(store, campaign, open_page):
    n_targets = sum(store.iteration("small").result.predicted_counts[t] for t in campaign.targets)
    everything = Screen(lookalikes=False, instrumental=False)
    query = draw_relabel_query(store, campaign, "random-target", n_targets, screen=everything)
    for item in query.items:
        record_answer(store, query, item.identifier, "noise", oracle="tester")
    at = open_page(PAGE)
    at.selectbox(key="strategy").set_value("random-target").run()
    at.button(key="draw-relabel-small-1").click().run()
    assert "Nothing is left" in at.error[0].value
    assert len(mounted(at, LABELLER)) == 1


def test_a_mixture_has_the_shares_that_are_set(store, campaign, open_page):
    at = open_page(PAGE)
    assert at.selectbox(key="strategy").value == "mixed"
    at.multiselect(key="parts").set_value(["entropy", "random"]).run()
    at.number_input(key="share-entropy").set_value(75)
    at.number_input(key="share-random").set_value(25)
    at.number_input(key="size-relabel").set_value(8)
    at.run()
    at.button(key="draw-relabel-small-0").click().run()
    (query,) = store.queries(store.iteration(campaign.name), Purpose.RELABEL)
    assert query.design["shares"] == {"entropy": 0.75, "random": 0.25}
    chosen_by = [item.chosen_by for item in query.items]
    assert (chosen_by.count("entropy"), chosen_by.count("random")) == (6, 2)


def test_one_spectrum_can_be_asked_about_by_its_identifier_and_not_twice(
    store, campaign, open_page
):
    name = open_pool(store, campaign).identifiers(np.array([5]))[0]
    at = open_page(PAGE)
    at.text_input(key="asked-about").set_value(name).run()
    at.button(key="ask-one-small-0").click().run()
    (query,) = store.queries(store.iteration(campaign.name), Purpose.RELABEL)
    assert (names(query), query.strategy) == ([name], "by hand")
    at.button(key="ask-one-small-1").click().run()
    assert "asked about already" in at.error[0].value


@pytest.mark.usefixtures("store")
def test_without_features_similar_spectra_are_refused_with_what_to_do(store, campaign, open_page):
    name = open_pool(store, campaign).identifiers(np.array([5]))[0]
    at = open_page(PAGE)
    at.text_input(key="asked-about").set_value(name).run()
    at.button(key="ask-similar-small-0").click().run()
    assert "none were kept of this iteration. Train it again" in at.error[0].value


@pytest.mark.usefixtures("store")
def test_an_identifier_that_is_not_in_the_pool_is_a_message(open_page):
    at = open_page(PAGE)
    at.text_input(key="asked-about").set_value("nobody").run()
    at.button(key="ask-one-small-0").click().run()
    assert "no spectrum 'nobody'" in at.error[0].value


@pytest.mark.usefixtures("query")
def test_answers_that_share_a_key_are_named_and_their_key_gives_none(store, campaign, open_page):
    # As an earlier version let it pass: E and e are one key to the page.
    store._db.execute("UPDATE oracle_class SET key = 'E' WHERE name = 'noise'")
    at = open_page(PAGE)
    (warning,) = (one.value for one in at.warning)
    assert "emission and noise have one key, E" in warning
    keys = {one["name"]: one["key"] for one in told(at)["desk"]["classes"]}
    assert (keys["emission"], keys["noise"], keys["absorption"]) == ("", "", "a")
    assert store.campaign(campaign.name).shared_keys


def test_this_page_does_not_send_to_itself(store, campaign, open_page):
    at = open_page(PAGE)
    at.text_input(key="asked-about").set_value(open_pool(store, campaign).identifiers([0])[0]).run()
    (button,) = [one for one in at.button if one.label == "Ask about this one"]
    assert "Relabel" not in (button.help or "")
    button.click().run()
    said = [one.value for one in at.success]
    assert any("to be judged here" in one for one in said)
    assert not any("Relabel" in one for one in said)
