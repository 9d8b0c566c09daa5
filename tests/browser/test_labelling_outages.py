"""No answer is lost or doubled when the network, the server, the database or the page goes away."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from active_cnn.campaign.store import FILE_NAME
from active_cnn.ui.labelling import LOCK_TIMEOUT
from benchmarks.delay_proxy import DelayProxy
from tests.browser.conftest import Server, wait_until_drawn
from tests.browser.labelling import Asked, Person, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Ask = Callable[..., Asked]


@pytest.fixture
def network(labelling_server: Server) -> Iterator[DelayProxy]:
    with DelayProxy(labelling_server.port, round_trip=0.02) as proxy:
        yield proxy


def test_presses_without_a_network_are_stored_when_it_is_back(
    ask: Ask, page: Page, network: DelayProxy
) -> None:
    ann = Person(page, ask(), network.url).open()
    ann.press("aed")
    ann.saved()
    network.cut()
    ann.hurry("nxaedn")
    expect(ann.desk.locator(".saved")).to_have_text("6 unsaved")
    expect(ann.desk.locator(".banner")).to_contain_text("kept in this browser and sent again")
    assert ann.asked.said() == ann.pressed[:3]
    network.restore()
    assert ann.stored() == ann.pressed
    expect(ann.desk.locator(".banner")).to_be_hidden()


def test_presses_while_nothing_comes_through_are_stored_once(
    ask: Ask, page: Page, network: DelayProxy
) -> None:
    ann = Person(page, ask(), network.url).open()
    network.cut(silent=True)
    ann.hurry("aed")
    # The acts are sent again before it is known what became of the first sending.
    expect(ann.desk.locator(".banner")).to_contain_text("sent again")
    network.restore()
    # The page may be built anew.
    ann.hurry_at_once("nx")
    assert ann.stored() == ann.pressed


def test_presses_while_the_server_dies_and_comes_back_are_stored_once(ask: Ask, page: Page) -> None:
    ann = Person(page, ask()).open()
    ann.hurry("aed")
    ann.asked.server.kill()
    ann.hurry("nxaed")
    expect(ann.desk.locator(".saved")).to_have_text(re.compile("unsaved"))
    ann.asked.server.start()
    # A server that has come back builds the page anew.
    ann.hurry_at_once("nxaed")
    assert ann.stored() == ann.pressed


def test_keys_count_while_the_word_that_the_connection_is_gone_fades(ask: Ask, page: Page) -> None:
    ann = Person(page, ask()).open()
    # Streamlit takes its dialog away some time after it has been closed.
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', "
        "'<div role=dialog id=fading><h2>Connection error</h2></div>')"
    )
    ann.press("ae")
    assert ann.stored() == ann.pressed
    page.evaluate("document.querySelector('#fading h2').textContent = 'Another dialog'")
    page.keyboard.press("d")
    page.evaluate("document.querySelector('#fading').remove()")
    ann.press("x")
    assert ann.stored() == ann.pressed


def test_a_call_that_was_overtaken_leaves_the_page_in_use(ask: Ask, page: Page) -> None:
    ann = Person(page, ask()).open().saved()
    # On a slow machine Streamlit calls the component for one message and takes that call back when
    # the next one has come; in a place of its own, this can be brought about.
    page.evaluate(
        """async () => {
          const { src } = document.querySelector("script[src*='labeller.js']");
          const { default: call } = await import(src);
          const parentElement = document.body.appendChild(document.createElement("div"));
          const silent = { data: null, parentElement, setStateValue() {}, setTriggerValue() {} };
          const takeBack = call(silent);
          takeBack();
          window.place = { parentElement, takeBack: call(silent) };
        }"""
    )
    second = page.locator("body > div > .labeller")
    expect(second).to_have_count(1)
    expect(ann.desk).to_have_count(1)
    page.evaluate("place.parentElement.remove(); place.takeBack()")
    ann.wait().press("ae")
    assert ann.stored() == ann.pressed


def test_a_link_to_a_server_that_came_back_leads_to_the_same_question(ask: Ask, page: Page) -> None:
    ann = Person(page, ask(6)).open()
    ann.press("ne")
    ann.saved()
    ann.asked.server.kill()
    # What is said while there is no server waits in the browser.
    ann.press("d")
    expect(ann.desk.locator(".saved")).to_have_text("1 unsaved")
    ann.asked.server.start()
    assert ann.open().stored() == ann.pressed
    # What the page was opened with is older than what waited in the browser and is stored by now.
    expect(ann.desk).to_have_attribute("data-identifier", ann.asked.identifiers[3])
    wait_until_drawn(page)
    expect(ann.count).to_have_text("3 of 6 answered")
    expect(ann.desk).to_have_attribute("data-identifier", ann.asked.identifiers[3])
    page.keyboard.press("ArrowLeft")
    expect(ann.desk).to_have_attribute("data-identifier", ann.asked.identifiers[2])
    page.keyboard.press("ArrowRight")
    assert ann.shown() == ann.asked.identifiers[3]


def test_acts_of_any_depth_are_undone_after_a_reload_and_a_restart(ask: Ask, page: Page) -> None:
    ann = Person(page, ask()).open()
    ann.press("aednx")
    assert ann.stored() == ann.pressed
    page.reload()
    ann.wait()
    for _ in range(2):
        page.keyboard.press("z")
    ann.saved()
    assert ann.asked.current() == dict(ann.pressed[:3])
    ann.asked.server.kill()
    ann.asked.server.start()
    page.reload()
    ann.wait()
    for n in (2, 1, 0):
        page.keyboard.press("z")
        expect(ann.desk).to_have_attribute("data-identifier", ann.asked.identifiers[n])
    ann.saved()
    assert ann.asked.current() == {}
    assert [one.answer for one in ann.asked.log()][5:] == 5 * [None]


def test_a_page_that_is_left_at_once_loses_nothing(ask: Ask, page: Page) -> None:
    ann = Person(page, ask()).open()
    for path in ("Overview", "Train", "Candidates"):
        ann.press("ae")
        _link(page, path).click()
        expect(page.get_by_role("heading", name=path, exact=True)).to_be_visible()
        _link(page, "Relabel").click()
        ann.wait()
    ann.press("nx")
    page.reload()
    ann.wait()
    ann.press("d")
    assert ann.stored() == ann.pressed


def test_a_page_that_is_left_in_the_moment_of_an_answer_is_left_whole(ask: Ask, page: Page) -> None:
    ann = Person(page, ask()).open().saved()
    page.wait_for_timeout(2000)  # what is fetched ahead: nothing is on its way then
    ann.pressed.append((ann.shown(), "absorption"))
    _link(page, "Train").evaluate(
        """link => {
          document.dispatchEvent(new KeyboardEvent("keydown", { key: "a" }));
          link.click();
        }"""
    )
    expect(page.get_by_role("heading", name="Train", exact=True)).to_be_visible()
    page.wait_for_timeout(500)
    _link(page, "Relabel").click()
    assert ann.wait().stored() == ann.pressed


def test_what_a_closed_tab_could_not_send_any_page_sends(
    ask: Ask, page: Page, network: DelayProxy
) -> None:
    ann = Person(page, ask(), network.url).open()
    ann.press("ae")
    ann.saved()
    network.cut()
    ann.press("dnx")
    page.close()
    network.restore()
    overview = f"{network.url}/Overview?campaign={ann.asked.campaign}"
    bob = Person(page.context.new_page(), ann.asked, network.url, "bob")
    bob.page.goto(overview)
    waiting = bob.page.get_by_text("3 answers wait in this browser to be stored.")
    expect(waiting).to_be_visible()
    bob.page.reload()
    expect(waiting).to_be_visible()
    assert bob.asked.said("bob") == []
    again = Person(page.context.new_page(), ann.asked, network.url)
    again.page.goto(overview)
    wait_for(again.page, "!Object.keys(localStorage).some((key) => key.startsWith('active-cnn'))")
    assert again.asked.said() == ann.pressed


def test_a_desk_that_mounts_late_knows_what_the_page_stored_meanwhile(
    ask: Ask, page: Page, network: DelayProxy
) -> None:
    # All fit into the first message: nothing else makes the desk ask.
    ann = Person(page, ask(6), network.url).open()
    network.cut()
    ann.press("aed")
    page.close()
    network.restore()
    again = Person(page.context.new_page(), ann.asked, network.url, pressed=ann.pressed)
    held: list[Route] = []
    again.page.route(re.compile(r"/labeller\.js"), lambda route: held.append(route))
    again.page.goto(f"{network.url}/Relabel?campaign={ann.asked.campaign}")
    wait_for(again.page, "!Object.keys(localStorage).some((key) => key.startsWith('active-cnn'))")
    for route in held:
        route.continue_()
    again.wait()
    expect(again.count).to_have_text("3 of 6 answered")
    expect(again.desk).to_have_attribute("data-identifier", ann.asked.identifiers[3])
    again.hurry("nx")
    assert again.stored() == again.pressed


def test_a_tab_that_is_closed_at_once_loses_nothing(ask: Ask, page: Page) -> None:
    ann = Person(page, ask()).open()
    ann.press("ae")
    page.close()
    again = Person(page.context.new_page(), ann.asked, pressed=ann.pressed).open()
    again.press("d")
    assert again.stored() == again.pressed


def test_a_locked_database_is_told_of_and_waited_for(ask: Ask, page: Page) -> None:
    ann = Person(page, ask()).open()
    ann.press("a")
    ann.saved()
    holder = sqlite3.connect(ann.asked.server.home / FILE_NAME, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    ann.hurry("edn")
    banner = ann.desk.locator(".banner")
    expect(banner).to_contain_text(f"Another program has held the file for {LOCK_TIMEOUT:g} s")
    expect(banner).to_contain_text("3 unsaved answers are kept in this browser; it tries again")
    ann.hurry("x")
    expect(ann.desk.locator(".saved")).to_have_text("4 unsaved")
    holder.execute("ROLLBACK")
    holder.close()
    assert ann.stored() == ann.pressed
    expect(banner).to_be_hidden()


def _link(page: Page, name: str) -> Locator:
    return page.get_by_test_id("stSidebar").get_by_role("link", name=name, exact=True)
