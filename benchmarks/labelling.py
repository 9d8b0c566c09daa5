"""From a key to the next spectrum, alone and in company, beside the floor of the same run.

``python -m benchmarks.labelling`` makes a survey, serves the dashboard as users get it and prints
a table. Nothing is labelled twice, and what was pressed is compared with what is stored.
"""

import argparse
import asyncio
import json
import random
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from playwright.sync_api import Browser, Page

from active_cnn.access import encode_name
from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.store import FILE_NAME, Store
from active_cnn.records import Sharing, SharingMode
from active_cnn.spectra.simulation import write_demo
from active_cnn.ui.identity import NAME_COOKIE
from benchmarks.browser import open_browser
from benchmarks.delay_proxy import DelayProxy
from benchmarks.floor import measure_floor
from benchmarks.server import DashboardServer
from benchmarks.sessions import Session
from benchmarks.stopwatch import Times, time_press
from tests import fakes

COMPONENT = "active-cnn.labeller"
KEYS = {"a": "absorption", "e": "emission", "d": "double-peak", "n": "noise", "x": "artefact"}
RUNS = 3  # of the team: on a shared machine some are disturbed, and each says how much
DESK = "document.querySelector('.st-key-desk-relabel [data-testid]')"
_FIND = """
window.labeller = () => {
  const found = document.querySelector('.labeller');
  if (found) return found;
  for (const one of document.querySelectorAll('.st-key-desk-relabel *')) {
    const inside = one.shadowRoot?.querySelector('.labeller');
    if (inside) return inside;
  }
  return null;
};
"""


def make_home(home: Path, n_pool: int) -> None:
    """Make a campaign that has been scored and asks about all of its spectra."""
    with Store(home) as store:
        files = write_demo(
            home / "survey",
            pool_size=n_pool,
            training_size=600,
            emission_share=0.05,
            double_peak_share=0.03,
            n_fits=n_pool,
            seed=1,
        )
        campaign = create_campaign(store, "demo", files.training, files.pool)
        fakes.train(store, campaign)
        draw_relabel_query(store, campaign, "entropy", min(n_pool - 100, 5000), seed=1)


def set_mode(home: Path, mode: SharingMode) -> None:
    """Share the spectra of the campaign in another way."""
    with Store(home) as store:
        store.set_sharing(store.campaign().name, Sharing(mode), "benchmark")


def stored(home: Path) -> dict[str, str]:
    """Give the current answer of each spectrum."""
    with sqlite3.connect(home / FILE_NAME) as database:
        return dict(
            database.execute("SELECT identifier, answer FROM answer ORDER BY sequence").fetchall()
        )


@dataclass
class Crowd:
    """People who label at a steady pace in sessions of their own, until they are told to stop."""

    url: str
    n: int
    pace: float  # seconds between two answers of one person
    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    given: dict[str, str] = field(default_factory=dict)
    stolen: float = 0.0  # share of the processor time that the host gave to other machines

    def __enter__(self) -> "Crowd":
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._work()))
        self._thread.start()
        self._ready.wait(120)
        # While the others open their pages, the first ones wait for that.
        self.seconds.clear()
        self._stolen = psutil.cpu_times().steal
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        cores = (time.perf_counter() - self._began) * (psutil.cpu_count() or 1)
        self.stolen = (psutil.cpu_times().steal - self._stolen) / cores
        self._thread.join(120)

    async def _work(self) -> None:
        self._n_open = 0
        await asyncio.gather(*(self._person(number) for number in range(self.n)))

    async def _person(self, number: int) -> None:
        name = f"person-{number}-{time.monotonic_ns()}"
        rng = random.Random(number)
        try:
            await asyncio.sleep(0.1 * number)
            async with Session(
                self.url,
                "4_Relabel",
                "campaign=demo",
                cookies={NAME_COOKIE: encode_name(name)},
                patience=60,
            ) as session:
                data = json.loads(session.data(COMPONENT))
                if data["trouble"]:
                    raise RuntimeError(data["trouble"])
                self._n_open += 1
                if self._n_open == self.n:
                    self._ready.set()
                await self._label(session, data, name, rng)
        except Exception as error:  # noqa: BLE001 - whatever went wrong is what is counted
            self.errors.append(f"{name}: {type(error).__name__}: {error}")
            self._ready.set()

    async def _label(
        self, session: Session, data: dict[str, Any], name: str, rng: random.Random
    ) -> None:
        have: dict[str, int] = {}
        last = nonce = 0

        async def tell(events: list[dict[str, Any]], room: int) -> dict[str, Any]:
            nonlocal nonce, last
            nonce += 1
            said = {
                "desk": data["deskId"], "events": events, "have": list(have), "want": [],
                "deferred": [], "last": last, "nonce": nonce, "room": room,
            }  # fmt: skip
            reply = await session.set_state(
                COMPONENT, {"said": said}, until=lambda d, n=nonce: _nonce(d) >= n
            )
            told: dict[str, Any] = json.loads(reply.data)
            have.update(_spectra(told))
            last = max([last, *(one["sequence"] for one in told.get("history", []))])
            return told

        have.update(_spectra(data))
        work = data["work"]
        while not self._stop.is_set():
            await asyncio.sleep(self.pace * rng.uniform(0.7, 1.3))
            known = [one for one in work if one in have]
            if not known:
                return
            answer = rng.choice(list(KEYS.values()))
            event = {
                "event": f"{name}.{nonce}.0", "query": have[known[0]], "identifier": known[0],
                "answer": answer, "note": "", "seconds": 1.0, "undoes": None, "oracle": name,
            }  # fmt: skip
            began = time.perf_counter()
            data = await tell([event], room=int(len(work) <= 20))
            self.seconds.append(time.perf_counter() - began)
            if data.get("trouble") or event["event"] not in data.get("received", []):
                self.errors.append(f"{name}: {data.get('trouble') or data.get('refused')}")
                return
            self.given[known[0]] = answer
            have.pop(known[0])
            # A receipt alone does not say what comes next.
            if data["work"] is None:
                work = [one for one in work if one != known[0]]
            else:
                work = data["work"]
            # As the page does: once the answer is stored, it fetches what it needs next.
            if sum(one in have for one in work[:36]) < 28:
                work = (await tell([], room=6))["work"]


def _spectra(data: dict[str, Any]) -> dict[str, int]:
    return {one["sheet"]["identifier"]: one["told"]["query"] for one in data.get("spectra", [])}


def _nonce(data: bytes) -> int:
    return int(json.loads(data).get("nonce", 0)) if data else -1


def open_page(browser: Browser, url: str, name: str) -> Page:
    """Open the labelling page under a name, and wait until a spectrum is drawn."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 720},
        bypass_csp=True,  # what waits for a script needs what the policy forbids
    )
    context.add_cookies([{"name": NAME_COOKIE, "value": encode_name(name), "url": url}])
    page = context.new_page()
    page.add_init_script(_FIND)
    page.goto(f"{url}/Relabel?campaign=demo")
    page.wait_for_function("window.labeller()?.dataset.identifier", timeout=60_000)
    page.wait_for_timeout(2000)  # what is fetched ahead
    return page


def measure(page: Page, n: int, pause: float, *, by: str) -> tuple[Times, dict[str, str]]:
    """Time presses or clicks from the event to the frame with the next spectrum.

    Returns
    -------
    Times, dict
        And what was said of which spectrum.
    """
    rng = random.Random(by)
    times, given = [], {}
    for _ in range(n):
        key = rng.choice(list(KEYS))
        identifier = page.evaluate("window.labeller().dataset.identifier")
        button = page.locator(f"[data-act='answer:{KEYS[key]}']")
        press: Callable[[], None] = (
            (lambda key=key: page.keyboard.press(key)) if by == "key" else button.click
        )
        times.append(
            time_press(
                page,
                press,
                event="keydown" if by == "key" else "click",
                read="window.labeller().dataset.identifier",
                root="window.labeller()",
            )
        )
        given[identifier] = KEYS[key]
        page.wait_for_timeout(1000 * pause)
    page.wait_for_function("window.labeller().dataset.unsaved === '0'", timeout=30_000)
    return Times(tuple(times)), given


def burst(page: Page) -> dict[str, str]:
    """Press 24 keys 60 ms apart."""
    given = {}
    for place in range(24):
        key = list(KEYS)[place % len(KEYS)]
        given[page.evaluate("window.labeller().dataset.identifier")] = KEYS[key]
        page.keyboard.press(key)
        page.wait_for_timeout(60)
    page.wait_for_function("window.labeller().dataset.unsaved === '0'", timeout=30_000)
    return given


def _row(what: str, times: Times | None, given: dict[str, str], home: Path, limit: str) -> None:
    answers = stored(home)
    lost = sum(name not in answers for name in given)
    wrong = sum(name in answers and answers[name] != said for name, said in given.items())
    shown = f"{1000 * times.p50:6.1f} {1000 * times.p95:7.1f}" if times else f"{'':14}"
    print(f"{what:58}{shown}  {limit:>9}  {len(given):5d} {lost:5d} {wrong:6d}", flush=True)


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--presses", type=int, default=60)
    options.add_argument("--people", type=int, default=20)
    options.add_argument("--pool", type=int, default=5000)
    options.add_argument("--team-only", action="store_true", help="only how soon a team hears")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        make_home(home, chosen.pool)
        server = DashboardServer(home, environment={"ACTIVE_CNN_ORACLE": ""})
        if not chosen.team_only:
            with open_browser() as browser:
                _measure_paints(browser, server, home, chosen)
        set_mode(home, SharingMode.DIVIDE)
        with server:
            for _ in range(RUNS):
                with Crowd(server.url, chosen.people, chosen.people / 15) as crowd:
                    time.sleep(20)
                _crowd(f"{chosen.people} people at 15 answers/s in all, 20 s", crowd, home)


def _measure_paints(
    browser: Browser, server: DashboardServer, home: Path, chosen: argparse.Namespace
) -> None:
    settings = ("--runner.postScriptGC", "false", "--runner.magicEnabled", "false")
    print(
        f"{'press or click -> first frame with the next spectrum':58}{'p50 ms':>6} "
        f"{'p95 ms':>7}  {'aim p95':>9}  {'given':>5} {'lost':>5} {'wrong':>6}"
    )
    for what, round_trip in (("", 0.0), (", 100 ms network delay", 0.1)):
        floor = measure_floor(
            presses=chosen.presses, scopes=("fragment",), options=settings, browser=browser,
            round_trip=round_trip,
        )["fragment"]  # fmt: skip
        _row(f"floor: a button and a counter in a fragment{what}", floor, {}, home, "-")
    with server:
        page = open_page(browser, server.url, "ann")
        times, given = measure(page, chosen.presses, 0.2, by="key")
        _row("key", times, given, home, "25")
        times, given = measure(page, chosen.presses, 0.6, by="click")
        _row("click", times, given, home, "40")
        _row("24 keys 60 ms apart", None, burst(page), home, "-")
        page.context.close()
        with DelayProxy(server.port, round_trip=0.1) as slow:
            page = open_page(browser, slow.url, "bob")
            times, given = measure(page, chosen.presses, 0.2, by="key")
            _row("key, 100 ms network delay", times, given, home, "25")
            _row("24 keys 60 ms apart, 100 ms network delay", None, burst(page), home, "-")
            page.context.close()
        set_mode(home, SharingMode.DIVIDE)
        with Crowd(server.url, chosen.people, 1.5) as crowd:
            page = open_page(browser, server.url, "cleo")
            times, given = measure(page, chosen.presses, 0.2, by="key")
            _row(f"key, {chosen.people} others at 1.5 s an answer", times, given, home, "40")
            page.context.close()
        _crowd(f"{chosen.people} people at 1.5 s an answer, one browser", crowd, home)


def _crowd(what: str, crowd: Crowd, home: Path) -> None:
    if not crowd.seconds:
        print(f"{what}: nothing was left to answer; give a larger --pool. {crowd.errors[:1]}")
        return
    answers = stored(home)
    wrong = sum(answers.get(name) != said for name, said in crowd.given.items())
    milliseconds = 1000 * np.array(crowd.seconds)
    print(
        f"{what}: {len(crowd.seconds)} answers acknowledged, "
        f"p50 {np.percentile(milliseconds, 50):.1f} ms, "
        f"p95 {np.percentile(milliseconds, 95):.1f} ms (aim 40), "
        f"{len(crowd.errors)} errors, {wrong} lost or wrong; "
        f"{crowd.stolen:.1%} of the processors taken by other machines",
        flush=True,
    )
    for error in crowd.errors[:5]:
        print(f"  {error}", flush=True)


if __name__ == "__main__":
    main()
