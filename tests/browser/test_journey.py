"""An astronomer's first hour: from an empty home to a table of candidates."""

import csv
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from active_cnn.campaign.store import Store
from active_cnn.campaign.training_data import trained_answers
from active_cnn.records import Purpose, Query
from tests.browser.conftest import Server, by_key, wait_until_drawn
from tests.browser.labelling import Asked, Person

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SAMPLE, QUERY = 2, 6
EPOCHS = 40 if os.environ.get("SCREENSHOTS") else 6  # a picture should show a good network


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

    sample, judge = _draw(server, page, Purpose.PERFORMANCE, SAMPLE, n_asked=2 * SAMPLE)
    for n, item in enumerate(sample.items, 1):
        assert judge.shown() == item.identifier
        judge.button("confirm").click()
        expect(judge.count).to_have_text(f"{n} of {2 * SAMPLE} answered")
    judge.saved()
    page.wait_for_timeout(3000)  # a moment after the last answer the table below is made anew
    picture("performance")

    query, judge = _draw(server, page, Purpose.RELABEL, QUERY, n_asked=QUERY)
    asked = [item.identifier for item in query.items]

    page.keyboard.press("s")
    judge.press("e")
    judge.click("noise")
    # A correction: back to the second spectrum, which was no emission after all.
    page.keyboard.press("ArrowLeft")
    judge.button("back").click()
    assert judge.shown() == asked[1]
    judge.press("a")
    assert judge.shown() == asked[3]
    # A slip, taken back at once.
    judge.press("x")
    page.keyboard.press("z")
    assert judge.shown() == asked[3]
    judge.press("u")
    judge.press("d")
    judge.click("artefact")
    # What was skipped comes back at the end, and may be left open.
    assert judge.shown() == asked[0]
    expect(judge.count).to_have_text(f"{QUERY - 1} of {QUERY} answered")
    judge.saved()
    with Store(server.home) as store:
        campaign = store.campaign()

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
    assert [event.answer for event in log if event.identifier == asked[3]] == [
        "artefact",
        None,
        "unsure",
    ]
    assert {event.oracle for event in log} == {"tester"}
    assert opened.number == 1
    assert asked[3] not in joined
    assert len(joined) == 2 * SAMPLE + 4
    assert candidates[asked[4]]["source"] == "oracle"
    assert candidates[asked[4]]["label"] == "double-peak"
    assert not {asked[1], asked[2], asked[5]} & set(candidates)


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
    untrained_server: Server, page: Page, path: str, said: str
) -> None:
    page.goto(f"{untrained_server.url}/{path}")
    expect(page.get_by_text(said).first).to_be_visible()
    wait_until_drawn(page)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def _train(page: Page, url: str) -> None:
    page.goto(f"{url}/Train")
    _set_number(page, "max_epochs", EPOCHS)
    by_key(page, "train").get_by_role("button", name="Train").click()
    expect(page.get_by_role("heading", name="History")).to_be_visible(timeout=300_000)


def _set_number(page: Page, key: str, value: int) -> None:
    field = by_key(page, key).locator("input")
    # No Enter and no waiting: what stands in the field counts when the next button is pressed.
    field.fill(str(value))


def _draw(
    server: Server, page: Page, purpose: Purpose, size: int, *, n_asked: int
) -> tuple[Query, Person]:
    page.goto(f"{server.url}/{purpose.value.title()}")
    _set_number(page, f"size-{purpose.value}", size)
    by_key(page, f"draw-{purpose.value}-").get_by_role("button").click()
    judge = Person(page, Asked(server, "demo", ()), oracle="tester")
    expect(judge.count).to_have_text(f"0 of {n_asked} answered")
    with Store(server.home) as store:
        query = store.queries(store.iteration("demo"), purpose)[0]
    return query, judge.wait()
