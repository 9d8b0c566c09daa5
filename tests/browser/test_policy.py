"""What the server's policy lets a browser do: everything of ours, and nothing of others."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Server, by_key, wait_until_drawn, watch_policy
from tests.browser.labelling import Asked, Person

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAGES = ("", "Overview", "Train", "Performance", "Relabel", "Candidates", "Agreement")


def test_every_section_is_drawn_within_the_policy(ask: Callable[..., Asked], page: Page) -> None:
    asked = ask(4)
    judge = Person(page, asked)
    judge.open()
    judge.press("a")
    judge.saved()
    seen = 0
    for name in PAGES:
        page.goto(f"{asked.server.url}/{name}?campaign={asked.campaign}")
        wait_until_drawn(page)
        sections = by_key(page, "section").locator("button")
        for n in range(sections.count()):
            sections.nth(n).click()
            wait_until_drawn(page)
            seen += 1
    assert seen > 5
    page.goto(f"{asked.server.url}/Candidates?campaign={asked.campaign}")
    with page.expect_download() as download:
        by_key(page, "download-CSV").get_by_role("button").click()
    assert download.value.failure() is None
    # That nothing was forbidden is looked at when the page is closed.


def test_scripts_frames_and_connections_of_others_are_stopped(
    untrained_server: Server, browser: Browser
) -> None:
    context = browser.new_context()
    forbidden = watch_policy(context)
    page = context.new_page()
    page.goto(untrained_server.url)
    wait_until_drawn(page)
    assert forbidden == []
    page.evaluate(
        """() => {
          document.addEventListener("securitypolicyviolation", (event) => {
            document.documentElement.dataset.stopped += ` ${event.effectiveDirective}`;
          });
          const script = document.createElement("script");
          script.textContent = "window.intruded = true";
          const image = document.createElement("img");
          image.setAttribute("onerror", "window.intruded = true");
          image.src = "data:,";
          const frame = document.createElement("iframe");
          frame.src = "http://127.0.0.1:9/";
          document.body.append(script, image, frame);
          fetch("http://127.0.0.1:9/").catch(() => {});
        }"""
    )
    for directive in ("script-src-elem", "script-src-attr", "frame-src", "connect-src"):
        expect(page.locator(f"html[data-stopped~='{directive}']")).to_be_attached()
    assert page.evaluate("window.intruded") is None
    assert forbidden
    page.goto(f"data:text/html,<iframe src='{untrained_server.url}'></iframe>")
    assert page.frames[1].url.startswith("chrome-error:")
    context.close()
