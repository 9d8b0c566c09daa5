"""A table of which the browser has one page: it cannot be sorted as if that were all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.store import Store
from active_cnn.spectra.simulation import write_demo
from active_cnn.ui.paging import ROWS
from tests import fakes
from tests.browser.conftest import BareServer, Server, wait_until_drawn


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server whose campaign has more candidates than one page holds."""
    home = tmp_path / "home"
    with Store(home) as store:
        files = write_demo(
            home / "survey",
            pool_size=300,
            training_size=90,
            emission_share=0.3,
            double_peak_share=0.3,
            n_fits=1,
            seed=1,
        )
        campaign = create_campaign(store, "many", files.training, files.pool)
        fakes.train(store, campaign)
    one = BareServer(home)
    one.start()
    yield one
    one.kill()


def first_row(page: Page) -> str:
    wait_until_drawn(page)
    return page.locator("[data-testid=stDataFrame] table tbody tr").first.inner_text()


def click_header(page: Page, y: int, x: int = 450) -> None:
    box = page.get_by_test_id("stDataFrameResizable").bounding_box()
    assert box
    page.mouse.click(box["x"] + x, box["y"] + y)
    page.wait_for_timeout(500)  # nothing is to happen, which nothing tells


def test_a_click_on_a_header_sorts_a_whole_table_and_no_page_of_one(
    page: Page, server: Server
) -> None:
    page.goto(f"{server.url}/Candidates?campaign=many&threshold=0")
    page.wait_for_selector("[data-testid=stDataFrame] canvas")
    expect(page.get_by_text(f"Rows 1 to {ROWS} of ")).to_be_visible()
    first = first_row(page)
    for y in (1, 18, 34):
        click_header(page, y)
        assert first_row(page) == first
    page.get_by_test_id("stDataFrame").hover()
    expect(page.get_by_label("Fullscreen").first).to_be_visible()
    expect(page.get_by_label("Search", exact=True).and_(page.locator("button"))).to_be_hidden()
    page.mouse.click(*_middle_of_first_row(page))
    expect(page.get_by_text("Window, as the network sees it")).to_be_visible()

    page.get_by_label("Search").and_(page.locator("input")).fill(first.split(".fits")[0][:-3])
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"Rows 1 to {ROWS} of ")).to_be_hidden()
    unsorted = first_row(page)
    click_header(page, 18, x=120)
    assert first_row(page) != unsorted


def _middle_of_first_row(page: Page) -> tuple[float, float]:
    box = page.get_by_test_id("stDataFrameResizable").bounding_box()
    assert box
    return box["x"] + 15, box["y"] + 36 + 17
