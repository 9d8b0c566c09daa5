"""A person at the labelling page: what was pressed on which spectrum, and what of it is stored."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from playwright.sync_api import Locator, Page, expect

from active_cnn.access import encode_name
from active_cnn.campaign.store import Store
from active_cnn.records import Answer
from active_cnn.ui.identity import NAME_COOKIE

PATIENCE = 60  # s

if TYPE_CHECKING:
    from tests.browser.conftest import Server

KEYS = {
    "a": "absorption", "e": "emission", "d": "double-peak", "n": "noise", "x": "artefact",
    "u": "unsure",
}  # fmt: skip
PACE = 60  # ms between two presses of somebody in a hurry


@dataclass
class Asked:
    """A campaign of its own on a server, with a query about its spectra."""

    server: Server
    campaign: str
    identifiers: tuple[str, ...]

    def log(self, oracle: str = "ann") -> list[Answer]:
        """Give what one person said, in the order in which it was stored."""
        with Store(self.server.home) as store:
            return store.answer_log(self.campaign, oracle=oracle)

    def said(self, oracle: str = "ann") -> list[tuple[str, str | None]]:
        """Give the spectra and the answers of that."""
        return [(one.identifier, one.answer) for one in self.log(oracle)]

    def current(self) -> dict[str, str | None]:
        """Give the answer that counts on each spectrum."""
        with Store(self.server.home) as store:
            return {i: a.answer for i, a in store.current_answers(self.campaign).items()}


@dataclass
class Person:
    """Somebody who labels in one tab.

    Parameters
    ----------
    page : Page
        The tab.
    asked : Asked
        What is judged.
    url : str
        Where the server is, through whichever network; its own address by default.
    """

    page: Page
    asked: Asked
    url: str = ""
    oracle: str = "ann"
    pressed: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.url = self.url or self.asked.server.url
        cookie = {"name": NAME_COOKIE, "value": encode_name(self.oracle), "url": self.url}
        self.page.context.add_cookies([cookie])  # type: ignore[list-item]
        self.desk = self.page.locator(".labeller:not([hidden])")
        self.count = self.desk.locator(".count")

    def open(self, path: str = "Relabel", **parameters: str) -> Person:
        """Open the page by its address and wait for a spectrum."""
        more = "".join(f"&{name}={value}" for name, value in parameters.items())
        self.page.goto(f"{self.url}/{path}?campaign={self.asked.campaign}{more}")
        return self.wait()

    def wait(self) -> Person:
        """Wait until a spectrum is shown."""
        expect(self.desk).to_have_attribute("data-identifier", re.compile("."))
        return self

    def shown(self) -> str:
        """Tell which spectrum is on the screen now."""
        return self.desk.get_attribute("data-identifier") or ""

    def button(self, act: str) -> Locator:
        """Find the button of an act, among the answers and tools."""
        return self.desk.locator(f":is(.answers, .tools) [data-act='{act}']")

    def press(self, keys: str) -> None:
        """Press keys of answers one after the other, and remember what each was meant for."""
        for key in keys:
            identifier = self.shown()
            assert identifier, "no spectrum was ready to be judged"
            self.page.keyboard.press(key)
            self.pressed.append((identifier, KEYS[key]))

    def hurry_at_once(self, keys: str) -> None:
        """Press keys at `PACE`, each in the same moment in which a spectrum is seen.

        While a page is built anew, what is shown can change between a look and a press.
        """
        for key in keys:
            self._press_at_once(key)
            self.page.wait_for_timeout(PACE)

    def _press_at_once(self, key: str) -> None:
        for _ in range(200):
            seen = self.wait().desk.evaluate(
                """(desk, key) => {
                  const seen = desk.isConnected && !desk.hidden && desk.dataset.identifier;
                  if (seen) document.body.dispatchEvent(
                    new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
                  return seen || "";
                }""",
                key,
            )
            if seen:
                self.pressed.append((seen, KEYS[key]))
                return
            self.page.wait_for_timeout(PACE)
        raise AssertionError("no spectrum was ready to be judged")

    def hurry(self, keys: str) -> None:
        """Press keys of answers at `PACE`."""
        for key in keys:
            self.press(key)
            self.page.wait_for_timeout(PACE)

    def click(self, answer: str) -> None:
        """Click the button of an answer, and remember on what."""
        self.pressed.append((self.shown(), answer))
        self.button(f"answer:{answer}").click()

    def saved(self) -> Person:
        """Wait until all is said to be saved."""
        expect(self.desk).to_have_attribute("data-unsaved", "0")
        expect(self.desk.locator(".saved")).to_have_text("saved")
        return self

    def stored(self) -> list[tuple[str, str | None]]:
        """Wait until all is said to be saved, and give what is in the store."""
        return self.saved().asked.said(self.oracle)


def wait_for(page: Page, said: str, arg: object = None) -> None:
    """Wait until a script says yes; Playwright's own waiting needs what the policy forbids."""
    until = time.monotonic() + PATIENCE
    while not page.evaluate(said, arg):
        assert time.monotonic() < until, f"never so within {PATIENCE} s: {said}"
        page.wait_for_timeout(50)


def all_text(page: Page) -> str:
    """Give the text of the document, of open shadow roots and of fields in them."""
    text: str = page.evaluate(
        """() => {
          const read = (root) => [...root.querySelectorAll(":not(script, style)")].map((one) => [
            ...[...one.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data),
            one.value ?? "", one.title ?? "", one.shadowRoot ? read(one.shadowRoot) : "",
          ].join(" ")).join(" ");
          return read(document);
        }"""
    )
    return text
