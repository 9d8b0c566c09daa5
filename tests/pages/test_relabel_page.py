"""The Relabel page: draw, judge, correct, go on."""

from __future__ import annotations

import pytest

from active_cnn.campaign.campaign import record_answer
from active_cnn.campaign.questions import draw_relabel_query
from active_cnn.records import Purpose

PAGE = "4_Relabel"


@pytest.fixture
def query(store, campaign):
    return draw_relabel_query(store, campaign, "entropy", 4, seed=7)


def answers(store, query):
    current = store.current_answers(query.campaign)
    return [
        current[item.identifier].answer if item.identifier in current else None
        for item in query.items
    ]


def key(query, position, what):
    verb, _, name = what.partition(" ")
    return f"{verb}-{query.number}-{query.items[position].identifier}" + (
        f"-{name}" if name else ""
    )


def press(at, query, position, what):
    at.button(key=key(query, position, what)).click().run()
    assert not at.exception
    return at


@pytest.mark.usefixtures("new_store")
def test_before_the_first_training_it_leads_to_train(open_page):
    at = open_page(PAGE)
    assert "has not been trained" in at.info[0].value
    assert "Train iteration 0" in [link.label for link in at.get("page_link")]


@pytest.mark.usefixtures("store")
def test_without_a_query_it_says_to_draw_one(open_page):
    assert "draw some" in open_page(PAGE).info[0].value


def test_a_query_is_drawn_by_strategy_size_and_seed(store, campaign, open_page):
    at = open_page(PAGE)
    at.radio(key="strategy").set_value("random-target")
    at.number_input(key="size-relabel").set_value(3)
    at.number_input(key="seed-relabel").set_value(11)
    at.run()
    at.button(key="draw-relabel-small-0").click().run()
    (query,) = store.queries(store.iteration(campaign.name), Purpose.RELABEL)
    assert (query.strategy, query.size, query.seed) == ("random-target", 3, 11)
    assert "3 spectra were drawn with the seed 11" in at.success[0].value


def test_an_answer_is_stored_on_its_spectrum_and_the_next_one_opens(store, query, open_page):
    at = press(open_page(PAGE), query, 0, "answer emission")
    assert answers(store, query) == ["emission", None, None, None]
    assert at.button(key=key(query, 1, "confirm"))


def test_confirm_stores_what_was_predicted(store, campaign, query, open_page):
    press(open_page(PAGE), query, 0, "confirm")
    assert answers(store, query)[0] == campaign.confirms(query.items[0].predicted).name


def test_a_skipped_spectrum_comes_back_at_the_end(store, query, open_page):
    at = press(open_page(PAGE), query, 0, "skip")
    for position in (1, 2, 3):
        press(at, query, position, "answer noise")
    assert at.button(key=key(query, 0, "confirm"))
    assert answers(store, query) == [None, "noise", "noise", "noise"]


def test_back_and_correct_the_last_answer(store, query, open_page):
    at = press(open_page(PAGE), query, 0, "answer emission")
    press(at, query, 1, "back")
    press(at, query, 0, "answer double-peak")
    assert answers(store, query)[0] == "double-peak"
    assert len(store.answer_log(query.campaign)) == 2


def test_back_finds_earlier_answers_after_a_reload(store, query, open_page):
    for item in query.items[:2]:
        record_answer(store, query, item.identifier, "noise", oracle="tester")
    at = press(open_page(PAGE), query, 2, "back")
    press(at, query, 1, "back")
    assert at.button(key=key(query, 0, "confirm"))


def test_an_answer_can_be_taken_back(store, query, open_page):
    at = press(open_page(PAGE), query, 0, "answer emission")
    press(at, query, 1, "back")
    press(at, query, 0, "undo")
    assert answers(store, query)[0] is None
    assert at.button(key=key(query, 0, "confirm"))


def test_the_note_is_stored_with_the_answer(store, query, open_page):
    at = open_page(PAGE)
    at.text_input(key=f"note-{query.number}-{query.items[0].identifier}").set_value("P Cygni")
    press(at, query, 0, "answer emission")
    assert store.answer_log(query.campaign)[0].note == "P Cygni"
    assert store.answer_log(query.campaign)[0].oracle == "tester"


def test_a_click_on_a_spectrum_that_is_no_longer_shown_stores_nothing(store, query, open_page):
    # The browser may still hold the buttons of the spectrum before.
    at = open_page(PAGE)
    old = at.button(key=key(query, 0, "answer noise"))
    press(at, query, 0, "answer emission")
    at.session_state["shown"] = query.items[1].identifier
    old.click()
    at.run()
    assert answers(store, query) == ["emission", None, None, None]
    assert len(store.answer_log(query.campaign)) == 1


@pytest.mark.usefixtures("store")
def test_the_url_names_the_open_spectrum(query, open_page):
    at = open_page(PAGE, identifier=query.items[2].identifier)
    assert at.button(key=key(query, 2, "confirm"))
    press(at, query, 2, "answer noise")
    assert at.query_params["identifier"] == query.items[3].identifier


def test_a_finished_query_says_so(store, query, open_page):
    for item in query.items:
        record_answer(store, query, item.identifier, "noise", oracle="tester")
    at = open_page(PAGE)
    assert any("Every spectrum has been answered" in s.value for s in at.success)
    assert at.button(key="close-small-0")


def test_the_next_iteration_says_how_many_answers_join(store, query, open_page):
    record_answer(store, query, query.items[0].identifier, "emission", oracle="tester")
    record_answer(store, query, query.items[1].identifier, "unsure", oracle="tester")
    at = open_page(PAGE)
    said = " ".join(text.value for text in at.markdown)
    assert "1 new answers join the training set (1 emission)" in said
    assert "Left out: 1 unsure" in said


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
    query = draw_relabel_query(store, campaign, "random-target", n_targets)
    for item in query.items:
        record_answer(store, query, item.identifier, "noise", oracle="tester")
    at = open_page(PAGE)
    at.radio(key="strategy").set_value("random-target").run()
    at.button(key="draw-relabel-small-1").click().run()
    assert "Nothing is left" in at.error[0].value
