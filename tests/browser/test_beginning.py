"""From a training set of an unknown search to the first labelled spectrum, with few actions."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from active_cnn.campaign.store import Store
from active_cnn.spectra.simulation import write_case
from active_cnn.spectra.simulation.cases import CASES
from tests.browser.conftest import BareServer, by_key
from tests.browser.labelling import Asked, Person

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MOST_ACTIONS = 8


class Hand:
    """A person's hand: each use of it is an action."""

    def __init__(self) -> None:
        self.actions: list[str] = []

    def click(self, what: Locator) -> None:
        self.actions.append(f"click {what}")
        what.click()

    def type(self, what: Locator, text: str, *, enter: bool = False) -> None:
        self.actions.append(f"type {text!r}")
        what.fill(text)
        if enter:
            what.press("Enter")


@pytest.fixture
def nobodys_server(tmp_path: Path) -> Iterator[BareServer]:
    """A server with an empty home that asks people for their name."""
    one = BareServer(tmp_path / "home", oracle="")
    one.start()
    yield one
    one.kill()


def test_from_a_training_set_to_the_first_label_in_eight_actions(
    nobodys_server: BareServer, page: Page, picture: Callable[[str], None], tmp_path: Path
) -> None:
    files = write_case(
        tmp_path / "survey",
        CASES["lithium"],
        pool_size=400,
        training_size=300,
        n_fits=20,
        target_share=0.05,
        seed=1,
    )
    training = files.training.rename(files.training.with_name("lithium giants.csv"))
    hand = Hand()
    page.goto(nobodys_server.url)
    hand.click(page.get_by_role("link", name=re.compile("create a campaign")))
    hand.type(by_key(page, "new_training").locator("input"), str(training))
    pool = by_key(page, "new_pool").locator("input")
    hand.type(pool, str(files.pool))
    create = by_key(page, "create-and-train").get_by_role("button")
    hand.click(create)

    judge = Person(page, Asked(nobodys_server, "lithium-giants", ()), oracle="ann")
    expect(page.get_by_role("heading", name="History")).to_be_visible(timeout=300_000)
    _see_no_complaint(page)
    picture("begun-train")
    hand.click(page.get_by_role("link", name="Relabel", exact=True))
    hand.type(page.get_by_label("Your name"), "ann", enter=True)
    hand.click(by_key(page, "draw-relabel-").get_by_role("button"))
    judge.wait()
    _see_no_complaint(page)
    asked = judge.shown()
    hand.click(judge.button("confirm"))
    judge.saved()
    picture("begun-label")

    assert len(hand.actions) <= MOST_ACTIONS, hand.actions
    with Store(nobodys_server.home) as store:
        campaign = store.campaign("lithium-giants")
        (said,) = store.answer_log(campaign.name, oracle="ann")
    assert campaign.grid == CASES["lithium"].grid
    assert campaign.targets == CASES["lithium"].targets
    assert said.identifier == asked


def _see_no_complaint(page: Page) -> None:
    for kind in ("Error", "Warning"):
        expect(page.get_by_test_id(f"stAlertContent{kind}")).to_have_count(0)
    expect(page.get_by_test_id("stException")).to_have_count(0)
