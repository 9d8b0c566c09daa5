"""Every press is one answer on the spectrum that was on the screen, in whatever way it is given."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from active_cnn.campaign.campaign import close_iteration, record_answer
from active_cnn.campaign.store import Store
from active_cnn.records import OracleClass, Purpose, Sharing, SharingMode
from tests import fakes
from tests.browser.conftest import by_key
from tests.browser.labelling import PACE, Asked, Person, all_text

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Ask = Callable[..., Asked]


def test_presses_in_a_hurry_are_stored_once_each_on_their_spectrum(ask: Ask, page: Page) -> None:
    ann = Person(page, ask()).open()
    ann.hurry("aednx" * 4 + "aedn")
    assert ann.stored() == ann.pressed
    assert len({identifier for identifier, _ in ann.pressed}) == 24


def test_work_that_is_shared_out_goes_on_until_all_of_it_is_done(ask: Ask, page: Page) -> None:
    asked = ask(size=70)
    with Store(asked.server.home) as store:
        store.set_sharing(asked.campaign, Sharing(SharingMode.DIVIDE), "ann")
    ann = Person(page, asked).open()
    # More than is claimed at once.
    for key in "aednx" * 14:
        ann.wait().press(key)
        page.wait_for_timeout(PACE)
    expect(ann.count).to_have_text("70 of 70 answered")
    assert ann.stored() == ann.pressed
    assert {identifier for identifier, _ in ann.pressed} == set(asked.identifiers)


def test_a_held_key_gives_one_answer(ask: Ask, page: Page) -> None:
    ann = Person(page, ask()).open()
    ann.press("e")
    for _ in range(5):
        page.keyboard.down("n")
    page.keyboard.up("n")
    ann.pressed.append((ann.asked.identifiers[1], "noise"))
    ann.press("a")
    # Enter on a button that has the focus presses that button.
    ann.pressed.append((ann.shown(), "artefact"))
    ann.button("answer:artefact").focus()
    for _ in range(5):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    assert ann.stored() == ann.pressed


def test_a_double_click_gives_one_answer(ask: Ask, page: Page) -> None:
    ann = Person(page, ask()).open()
    for answer in ("emission", "noise"):
        ann.pressed.append((ann.shown(), answer))
        ann.button(f"answer:{answer}").dblclick()
    ann.click("unsure")
    assert ann.stored() == ann.pressed


def test_two_tabs_of_one_person_do_not_mix_their_spectra(ask: Ask, page: Page) -> None:
    asked = ask()
    left, right = Person(page, asked).open(), Person(page.context.new_page(), asked).open()
    for key in "aednx":
        left.press(key)
        right.press(key.replace("a", "u"))
    left.saved()
    right.saved()
    assert sorted(asked.said()) == sorted(left.pressed + right.pressed)
    # What is said later counts, in whichever tab.
    for tab, key in ((left, "x"), (right, "u")):
        tab.page.keyboard.press("ArrowLeft")
        tab.press(key)
        tab.saved()
        identifier, answer = tab.pressed[-1]
        assert asked.current()[identifier] == answer


def test_keys_that_mean_something_else_answer_nothing(ask: Ask, page: Page) -> None:
    ann = Person(page, ask()).open()
    first = ann.shown()
    for key in ("Control+e", "Alt+e", "Meta+e", "Shift+E"):
        page.keyboard.press(key)
    page.keyboard.press("t")
    page.keyboard.type("seen and exact")
    expect(ann.desk.locator(".note")).to_have_value("seen and exact")
    page.get_by_role("button", name="Change").click()
    by_key(page, "name-sidebar").locator("input").fill("")
    by_key(page, "name-sidebar").locator("input").press_sequentially("dane")
    page.keyboard.press("Escape")
    by_key(page, "name-sidebar").wait_for(state="hidden")
    assert ann.shown() == first
    ann.press("e")
    assert ann.stored() == ann.pressed
    assert [one.note for one in ann.asked.log()] == ["seen and exact"]


def test_a_note_is_stored_with_the_answer_or_on_an_answered_spectrum(ask: Ask, page: Page) -> None:
    ann = Person(page, ask()).open()
    page.keyboard.press("t")
    page.keyboard.type("P Cygni")
    page.keyboard.press("Enter")
    ann.press("e")
    page.keyboard.press("ArrowLeft")
    expect(ann.desk.locator(".note")).to_have_value("P Cygni")
    page.keyboard.press("t")
    page.keyboard.type(", variable")
    page.keyboard.press("Enter")
    ann.saved()
    assert [(one.answer, one.note) for one in ann.asked.log()] == [
        ("emission", "P Cygni"),
        ("emission", "P Cygni, variable"),
    ]
    assert {one.identifier for one in ann.asked.log()} == {ann.asked.identifiers[0]}


def test_what_was_skipped_comes_back_at_the_end(ask: Ask, page: Page) -> None:
    ann = Person(page, ask(size=4)).open()
    first = ann.shown()
    page.keyboard.press("s")
    ann.press("and")
    assert ann.shown() == first
    ann.press("e")
    assert ann.stored() == ann.pressed
    expect(ann.desk.locator(".empty")).to_contain_text("Nothing is left to answer")


def test_undo_restores_the_answer_that_was_before(ask: Ask, page: Page) -> None:
    ann = Person(page, ask()).open()
    ann.press("e")
    page.keyboard.press("ArrowLeft")
    ann.press("n")
    assert ann.stored() == ann.pressed
    first = ann.asked.identifiers[0]
    assert ann.pressed == [(first, "emission"), (first, "noise")]
    page.keyboard.press("z")
    assert ann.shown() == first
    expect(ann.button("answer:emission")).to_have_class("act act-answer is-given")
    ann.saved()
    assert ann.asked.current() == {first: "emission"}
    page.keyboard.press("z")
    ann.saved()
    assert ann.asked.current() == {}
    page.keyboard.press("z")
    expect(ann.desk.locator(".hint")).to_have_text("There is nothing to undo.")
    assert len(ann.asked.log()) == 4


def test_blind_hides_the_prediction_until_the_answer(ask: Ask, page: Page) -> None:
    ann = Person(page, ask()).open()
    expect(ann.desk.locator(".prediction")).to_contain_text("Predicted")
    page.keyboard.press("b")
    first = ann.shown()
    for _ in range(2):
        expect(ann.button("confirm")).to_be_disabled()
        expect(ann.button("confirm").locator(".name")).to_have_text("Confirm")
        expect(ann.desk.locator(".side")).not_to_contain_text("Predicted")
        page.keyboard.press("Enter")
        page.keyboard.press("ArrowRight")
    assert ann.asked.log() == []
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert ann.shown() == first
    ann.press("e")
    expect(ann.desk.locator(".side")).not_to_contain_text("Predicted")
    page.keyboard.press("ArrowLeft")
    expect(ann.desk.locator(".prediction")).to_contain_text("Predicted")
    assert ann.stored() == ann.pressed


def test_who_judges_apart_from_the_others_learns_nothing_of_them(ask: Ask, page: Page) -> None:
    asked = ask(size=3)
    with Store(asked.server.home) as store:
        store.set_sharing(asked.campaign, Sharing(SharingMode.DOUBLE), "ann")
        (query,) = store.queries(store.iteration(asked.campaign), Purpose.RELABEL)
        for one in asked.identifiers:
            record_answer(store, query, one, "unsure", oracle="bob", note="too faint")
    ann = Person(page, asked).open()
    page.get_by_text("All spectra asked about").click()
    page.get_by_test_id("stDataFrame").locator("table").wait_for(state="attached")
    page.get_by_role("heading", name="Relabel").click()
    for _ in asked.identifiers:
        expect(ann.button("confirm")).to_be_disabled()
        page.keyboard.press("Enter")
        text = all_text(page)
        assert "Predicted" not in text
        assert "bob" not in text
        assert "too faint" not in text
        ann.press("e")
        ann.saved()
    assert asked.said() == ann.pressed
    page.keyboard.press("ArrowLeft")
    expect(ann.desk.locator(".prediction")).to_contain_text("Predicted")
    assert "bob" not in all_text(page)
    assert "too faint" not in all_text(page)


def test_a_key_in_the_grid_answers_all_that_are_selected(ask: Ask, page: Page) -> None:
    ann = Person(page, ask()).open()
    page.keyboard.press("g")
    tiles = ann.desk.locator(".tile")
    expect(tiles).to_have_count(12)
    names = tiles.evaluate_all("(all) => all.map((one) => one.dataset.identifier)")
    for key in ("ArrowRight", " ", "ArrowRight", "ArrowRight", " "):
        page.keyboard.press(key)
    expect(ann.desk.locator(".tile.is-selected")).to_have_count(2)
    page.keyboard.press("e")
    ann.saved()
    chosen = [names[1], names[3]]
    assert ann.asked.said() == [(one, "emission") for one in chosen]
    assert len({one.event.rpartition(".")[0] for one in ann.asked.log()}) == 1
    page.keyboard.press("z")
    ann.saved()
    assert ann.asked.said()[2:] == [(one, None) for one in chosen]
    assert ann.asked.current() == {}


def test_the_keys_of_a_changed_campaign_are_shown_and_work(ask: Ask, page: Page) -> None:
    ann = Person(page, ask()).open()
    with Store(ann.asked.server.home) as store:
        classes = store.campaign(ann.asked.campaign).classes
        changed = [
            OracleClass(
                c.name, {"e": "q", "a": "e"}.get(c.key, c.key), c.network_class, c.is_target
            )
            for c in classes
        ]
        store.change_answers(ann.asked.campaign, tuple(changed), {"undo": "j", "help": "F2"})
    ann.press("n")
    expect(ann.button("answer:emission").locator("kbd")).to_have_text("Q")
    expect(ann.button("undo").locator("kbd")).to_have_text("J")
    ann.wait()
    for key, answer in (("q", "emission"), ("e", "absorption")):
        ann.pressed.append((ann.shown(), answer))
        page.keyboard.press(key)
    assert ann.stored() == ann.pressed
    page.keyboard.press("F2")
    expect(ann.desk.locator(".help")).to_contain_text("Answer: emission")
    page.keyboard.press("j")
    ann.saved()
    assert ann.asked.said()[-1] == (ann.pressed[-1][0], None)


def test_labelling_goes_on_while_the_next_network_is_trained(ask: Ask, page: Page) -> None:
    asked = ask()
    with Store(asked.server.home) as store:
        campaign = store.campaign(asked.campaign)
        close_iteration(store, campaign)
        fakes.begin(store, campaign)
    ann = Person(page, asked).open()
    expect(page.get_by_text("You can go on labelling by the predictions")).to_be_visible()
    ann.press("aed")
    assert ann.stored() == ann.pressed
    assert {one.iteration for one in asked.log()} == {0}
