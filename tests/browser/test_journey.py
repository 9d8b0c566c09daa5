"""An astronomer's first hour: from an empty home to a table of candidates."""

import csv
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from active_cnn.campaign.store import Store
from active_cnn.campaign.training_data import trained_answers
from active_cnn.records import Purpose, Query
from tests.browser.conftest import Server, by_key, wait_until_drawn

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SAMPLE, QUERY = 2, 6
EPOCHS = 6


def test_the_whole_loop_on_an_empty_home(
    server: Server, page: Page, picture: Callable[[str], None], tmp_path: Path
) -> None:
    page.goto(server.url)
    expect(page.get_by_role("link", name=re.compile("Next: train the network"))).to_be_visible()
    page.get_by_role("link", name="Overview", exact=True).first.click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    picture("overview")

    _train(page, server.url)
    picture("train")

    page.goto(f"{server.url}/Performance")
    _set_number(page, "size-performance", SAMPLE)
    by_key(page, "draw-performance-").get_by_role("button").click()
    expect(page.get_by_text(f"0 of {2 * SAMPLE} spectra answered")).to_be_visible()
    with Store(server.home) as store:
        sample = store.queries(store.iteration("demo"), Purpose.PERFORMANCE)[0]
    for n, item in enumerate(sample.items, 1):
        _click(page, f"confirm-{sample.number}-{item.identifier}")
        expect(page.get_by_text(f"{n} of {2 * SAMPLE} spectra answered")).to_be_visible()
    picture("performance")

    page.goto(f"{server.url}/Relabel")
    _set_number(page, "size-relabel", QUERY)
    by_key(page, "draw-relabel-").get_by_role("button").click()
    expect(page.get_by_text(f"0 of {QUERY} spectra answered")).to_be_visible()
    with Store(server.home) as store:
        campaign = store.campaign()
        query = store.queries(store.iteration("demo"), Purpose.RELABEL)[0]
    asked = [item.identifier for item in query.items]
    picture("relabel")

    _click(page, f"skip-{query.number}-{asked[0]}")
    _answer(page, query, asked[1], "emission", 1)
    _answer(page, query, asked[2], "noise", 2)
    # A correction: back to the second spectrum, which was no emission after all.
    _click(page, f"back-{query.number}-{asked[3]}")
    _click(page, f"back-{query.number}-{asked[2]}")
    _answer(page, query, asked[1], "absorption", 2)
    _answer(page, query, asked[3], "unsure", 3)
    _answer(page, query, asked[4], "double-peak", 4)
    _answer(page, query, asked[5], "artefact", 5)
    # What was skipped comes back at the end, and may be left open.
    expect(by_key(page, f"skip-{query.number}-{asked[0]}")).to_be_visible()

    by_key(page, "next").get_by_role("button", name="Go on to iteration 1").click()
    by_key(page, "close-demo-0").get_by_role("button").click()
    expect(page.get_by_text("Iteration 0 is closed. Next: train iteration 1.")).to_be_visible()

    page.goto(f"{server.url}/Candidates")
    picture("candidates")
    with page.expect_download() as download:
        by_key(page, "download-CSV").get_by_role("button").click()
    path = tmp_path / "candidates.csv"
    download.value.save_as(path)
    with path.open(newline="") as file:
        candidates = {row["identifier"]: row for row in csv.DictReader(file)}

    expected = {
        asked[1]: "absorption",
        asked[2]: "noise",
        asked[3]: "unsure",
        asked[4]: "double-peak",
        asked[5]: "artefact",
    }
    with Store(server.home) as store:
        answers = store.current_answers("demo")
        log = store.answer_log("demo")
        opened = store.iteration("demo")
        joined = trained_answers(store, campaign, opened)
    relabelled = {i: a.answer for i, a in answers.items() if a.purpose is Purpose.RELABEL}
    assert relabelled == expected
    assert [event.answer for event in log if event.identifier == asked[1]] == [
        "emission",
        "absorption",
    ]
    assert {event.oracle for event in log} == {"tester"}
    assert opened.number == 1
    assert asked[3] not in joined
    assert len(joined) == 2 * SAMPLE + 4
    assert candidates[asked[4]]["source"] == "oracle"
    assert candidates[asked[4]]["label"] == "double-peak"
    assert not {asked[1], asked[2], asked[5]} & set(candidates)


def test_a_killed_server_comes_back_to_the_same_question(server: Server, page: Page) -> None:
    _train(page, server.url, epochs=1)
    page.goto(f"{server.url}/Relabel")
    _set_number(page, "size-relabel", QUERY)
    by_key(page, "draw-relabel-").get_by_role("button").click()
    with Store(server.home) as store:
        expect(page.get_by_text(f"0 of {QUERY} spectra answered")).to_be_visible()
        query = store.queries(store.iteration("demo"), Purpose.RELABEL)[0]
    asked = [item.identifier for item in query.items]
    _answer(page, query, asked[0], "noise", 1)
    _answer(page, query, asked[1], "emission", 2)

    server.kill()
    server.start()

    # A link to a page of a server that has just started works like any other.
    page.goto(f"{server.url}/Relabel")
    expect(page.get_by_text(f"2 of {QUERY} spectra answered")).to_be_visible()
    expect(by_key(page, f"skip-{query.number}-{asked[2]}")).to_be_visible()
    with Store(server.home) as store:
        answers = store.current_answers("demo")
    assert {i: a.answer for i, a in answers.items()} == {asked[0]: "noise", asked[1]: "emission"}


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("Overview?section=One+spectrum&identifier=nothing", "nothing"),
        ("Train?campaign=nowhere", "There is no campaign 'nowhere'"),
        ("Performance", "has not been trained yet"),
        ("Relabel", "has not been trained yet"),
        ("Candidates", "There are no candidates yet"),
    ],
)
def test_a_deep_link_on_a_fresh_server_says_what_to_do(
    shared_server: Server, page: Page, path: str, said: str
) -> None:
    page.goto(f"{shared_server.url}/{path}")
    expect(page.get_by_text(said).first).to_be_visible()
    wait_until_drawn(page)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def _train(page: Page, url: str, epochs: int = EPOCHS) -> None:
    page.goto(f"{url}/Train")
    _set_number(page, "max_epochs", epochs)
    by_key(page, "train").get_by_role("button", name="Train").click()
    expect(page.get_by_role("heading", name="History")).to_be_visible(timeout=300_000)


def _set_number(page: Page, key: str, value: int) -> None:
    field = by_key(page, key).locator("input")
    # No Enter and no waiting: what stands in the field counts when the next button is pressed.
    field.fill(str(value))


def _click(page: Page, key: str) -> None:
    # While a page is drawn anew, buttons of the last question may still stand on it: the key
    # names the spectrum.
    button = by_key(page, key).get_by_role("button")
    expect(button).to_have_count(1)
    # A press that comes before the page has settled is refused, with a message.
    wait_until_drawn(page)
    button.click()


def _answer(page: Page, query: Query, identifier: str, answer: str, n_answered: int) -> None:
    _click(page, f"answer-{query.number}-{identifier}-{answer}")
    expect(page.get_by_text(f"{n_answered} of {QUERY} spectra answered")).to_be_visible()
