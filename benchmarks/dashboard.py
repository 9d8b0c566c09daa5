"""The dashboard with a whole survey: every page in a real browser, memory, disk, queries.

``python -m benchmarks.dashboard`` makes a campaign of 4.1 million spectra (some minutes and 4 GB,
once, with ``--home``), serves it as users get it, opens every page again and again in two browsers
and prints a table.
"""

import argparse
import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import numpy as np
import psutil
from playwright.sync_api import Browser, Page

from active_cnn.access import encode_name
from active_cnn.campaign.demo import DEMO_NAME
from active_cnn.campaign.files import last_scored, open_pool, open_predictions
from active_cnn.campaign.overview import snr_histogram
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.sampling import draw_performance_sample
from active_cnn.campaign.status import summarise
from active_cnn.campaign.store import Store
from active_cnn.delivery.candidates import find_candidates
from active_cnn.query.strategies import STRATEGIES
from active_cnn.records import Campaign, Iteration
from active_cnn.ui.identity import NAME_COOKIE
from benchmarks.browser import open_browser
from benchmarks.server import DashboardServer
from benchmarks.survey_home import LAMOST_DR2, Home, ask_and_answer, open_home, score

DOWNLOADS = ("CSV", "FITS", "VOTable")
PAGE, MEMORY, NEXT, DISK, LOOKUP, QUERY, DEMO = 2.0, 700, 5.0, 100, 0.1, 1.0, 360  # aims

# What a person sees when a page has been drawn, in the first frame in which it is so.
_DRAWN = """
(title) => new Promise((resolve) => {
  const calm = () => {
    const app = document.querySelector('[data-testid="stApp"]');
    const missing = '[data-testid="stSkeleton"], [data-testid="stSpinner"], '
      + '.stVegaLiteChart:not(:has(canvas, svg))';
    return app?.dataset.testScriptState === 'notRunning'
      && document.querySelector('h1')?.innerText === title
      && !document.querySelector(missing);
  };
  let since = null;
  const look = () => {
    if (!calm()) since = null;
    else since ??= performance.now();
    // Calm for a moment: a fragment may run after the page.
    if (since !== null && performance.now() - since > 200) resolve(since);
    else requestAnimationFrame(look);
  };
  look();
})
"""


@dataclass
class Visits:
    """How often a page was opened, and what that took.

    Parameters
    ----------
    seconds : list of float
        From asking for the page to the frame in which all of it is drawn.
    received : list of int
        Bytes that came through the WebSocket.
    """

    name: str
    title: str
    address: str
    seconds: list[float] = field(default_factory=list)
    received: list[int] = field(default_factory=list)


def pages_of(identifier: str) -> list[Visits]:
    """List every page and section of the dashboard."""
    one = quote(identifier)
    return [
        Visits("Campaigns", "Campaigns", "/?"),
        Visits("Overview: summary", "Overview", "/Overview?section=Summary"),
        Visits(
            "Overview: gallery of predictions",
            "Overview",
            "/Overview?section=Gallery&gallery=predictions&class=emission",
        ),
        Visits("Overview: refused", "Overview", "/Overview?section=Refused"),
        Visits("Overview: one spectrum", "Overview", f"/Overview?identifier={one}"),
        Visits("Overview: settings", "Overview", "/Overview?section=Settings"),
        Visits("Train", "Train", "/Train?"),
        Visits("Performance", "Performance", "/Performance?"),
        Visits("Relabel", "Relabel", "/Relabel?"),
        Visits("Candidates", "Candidates", "/Candidates?"),
        Visits("Candidates: one spectrum", "Candidates", f"/Candidates?identifier={one}"),
        Visits("Agreement", "Agreement", "/Agreement?section=Agreement"),
        Visits("Agreement: adjudicate", "Agreement", "/Agreement?section=Adjudicate"),
        Visits("Agreement: activity", "Agreement", "/Agreement?section=Activity"),
    ]


@contextlib.contextmanager
def person(browser: Browser, url: str, name: str) -> Iterator[Page]:
    """Open a browser window of a person of its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_cookies([{"name": NAME_COOKIE, "value": encode_name(name), "url": url}])
    context.set_default_timeout(120_000)
    page = context.new_page()
    yield page
    context.close()


def visit(page: Page, url: str, visits: Visits, campaign: str = DEMO_NAME) -> tuple[float, int]:
    """Open a page; give the time [s] until it is drawn, and the bytes that came for it."""
    received = 0

    def count(frame: str | bytes) -> None:
        nonlocal received
        received += len(frame)

    page.once("websocket", lambda socket: socket.on("framereceived", count))
    joint = "" if visits.address.endswith("?") else "&"
    page.goto(f"{url}{visits.address}{joint}campaign={campaign}", wait_until="commit")
    drawn = page.evaluate(_DRAWN, visits.title)
    return drawn / 1000, received


def go_on(page: Page, url: str) -> float:
    """Close the open iteration on the page, and give the time until it says so [s]."""
    page.goto(f"{url}/Relabel?campaign={DEMO_NAME}")
    page.evaluate(_DRAWN, "Relabel")
    page.locator("[class*='st-key-next'] button").first.click()
    button = page.locator("[class*='st-key-close'] button")
    button.wait_for()
    began = time.perf_counter()
    button.click()
    page.get_by_text("is closed. Next").wait_for()
    return time.perf_counter() - began


def search(page: Page, url: str, text: str) -> float:
    """Search among the candidates for the first time, and give how long that takes [s]."""
    page.goto(f"{url}/Candidates?campaign={DEMO_NAME}")
    page.evaluate(_DRAWN, "Candidates")
    page.locator(".st-key-search input").fill(text)
    began = time.perf_counter()
    page.keyboard.press("Enter")
    page.get_by_text("1 of ", exact=False).first.wait_for()
    return time.perf_counter() - began


def download(page: Page, url: str, name: str) -> float:
    """Download all candidates, and give the time until the file is there [s]."""
    page.goto(f"{url}/Candidates?campaign={DEMO_NAME}")
    page.evaluate(_DRAWN, "Candidates")
    began = time.perf_counter()
    with page.expect_download() as found:
        page.get_by_text(f"Download {name}").click()
    found.value.path()
    return time.perf_counter() - began


def take_picture(page: Page, path: Path) -> None:
    """Take a picture of all of a page, which scrolls within itself."""
    size = page.viewport_size
    page.set_viewport_size({"width": 1280, "height": 1800})
    page.wait_for_timeout(700)
    page.screenshot(path=path)
    if size:
        page.set_viewport_size(size)


def time_of(act: Callable[[], object], n: int = 5) -> list[float]:
    """Time an act some times [s]."""
    seconds = []
    for _ in range(n):
        began = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - began)
    return seconds


def ask(home: Home) -> dict[str, list[float]]:
    """Time what is asked of the pool and its predictions, each as a command does it."""
    with Store(home.path) as store:
        campaign = store.campaign(DEMO_NAME)
        iteration = _scored(store, campaign)
        rng = np.random.default_rng(1)
        names = iter(open_pool(store, campaign).identifiers(rng.integers(0, home.n, 40)))
        held = open_pool(store, campaign, is_held_open=True)
        held.find([next(names)])
        predictions = open_predictions(store, iteration)
        return {
            **{
                f"draw 100 spectra, {strategy}": time_of(
                    lambda strategy=strategy: draw_relabel_query(store, campaign, strategy), 2
                )
                for strategy in STRATEGIES
            },
            "draw a random sample": time_of(lambda: draw_performance_sample(store, campaign)),
            "count the classes": time_of(lambda: np.bincount(predictions.labels())),
            "histogram of the S/N": time_of(lambda: snr_histogram(store, campaign)),
            "list the candidates": time_of(lambda: find_candidates(store, campaign)),
            "status": time_of(lambda: summarise(store, campaign)),
            "look an identifier up, pool just opened": time_of(
                lambda: open_pool(store, campaign).find([next(names)]), 15
            ),
            "look an identifier up, server": time_of(lambda: held.find([next(names)]), 15),
        }


def _scored(store: Store, campaign: Campaign) -> Iteration:
    iteration = last_scored(store, campaign.name)
    if iteration is None:
        raise SystemExit(f"{store.home} has not been scored: remove it and make it anew.")
    return iteration


def size_of(folder: Path) -> float:
    """Give the size of a folder's files [MB]."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def memory_of(process: psutil.Process) -> tuple[float, float]:
    """Give the resident memory of a process now, and the most that it ever was [MB]."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    now, most = (
        int(line.split()[1]) / 1000
        for key in ("VmRSS", "VmHWM")
        for line in status.splitlines()
        if line.startswith(key)
    )
    return now, most


def browse(home: Home, rounds: int, pictures: Path | None) -> None:
    """Open every page in two browsers, and print what that took."""
    with Store(home.path) as store:
        campaign = store.campaign(DEMO_NAME)
        found = find_candidates(store, campaign)
        identifier = str(found["identifier"].iloc[len(found) // 2])
    pages = pages_of(identifier)
    server = DashboardServer(home.path, environment={"ACTIVE_CNN_ORACLE": ""})
    with (
        server,
        open_browser() as browser,
        person(browser, server.url, "ann") as first,
        person(browser, server.url, "bob") as other,
    ):
        for number in range(rounds + 1):
            for one in pages:
                seconds, received = visit(first, server.url, one)
                if number:  # not the first visit
                    one.seconds.append(seconds)
                    one.received.append(received)
                elif pictures:
                    name = one.name.lower().replace(": ", "-").replace(" ", "-")
                    take_picture(first, pictures / f"{name}.png")
            for one in pages if number in (0, rounds) else ():
                visit(other, server.url, one)
        process = psutil.Process(server.pid)
        memory = memory_of(process)
        helper = sum(memory_of(one)[1] for one in process.children(recursive=True))
        searching = search(first, server.url, identifier)
        files = {name: download(first, server.url, name) for name in DOWNLOADS}
        most = memory_of(process)[1]
        going_on = go_on(first, server.url)
    print("\n| page | p50 s | p95 s | aim | bytes sent |\n|---|---|---|---|---|")
    for one in pages:
        p50, p95 = np.percentile(one.seconds, [50, 95])
        print(f"| {one.name} | {p50:.2f} | {p95:.2f} | {PAGE:g} | {max(one.received):,} |")
    print("\n| what | measured | aim |\n|---|---|---|")
    print(f"| server's memory after that, two sessions | {memory[0]:.0f} MB | {MEMORY} MB |")
    print(f"| the most that it was | {memory[1]:.0f} MB | {MEMORY} MB |")
    print(f"| the most with searching and downloads | {most:.0f} MB | {MEMORY} MB |")
    print(f"| the process that packs spectra, most | {helper:.0f} MB | – |")
    print(f"| search among {len(found):,} candidates, first time | {searching:.2f} s | – |")
    for name, seconds in files.items():
        print(f"| download them as {name} | {seconds:.1f} s | – |")
    print(f"| next iteration, from the click | {going_on:.2f} s | {NEXT:g} s |")


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--home", type=Path, help="made once, and used again")
    options.add_argument("--pool", type=int, default=LAMOST_DR2)
    options.add_argument("--rounds", type=int, default=10)
    options.add_argument("--pictures", type=Path, help="folder for a picture of each page")
    chosen = options.parse_args()
    if chosen.pictures:
        chosen.pictures.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        folder = chosen.home or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home = open_home(folder, chosen.pool)
        print(f"\n{home.n:,} spectra\n")
        browse(home, chosen.rounds, chosen.pictures)
        _score_again(home)
        for what, (passed, worked) in home.seconds.items():
            aim = f"{DEMO} s" if what.startswith("simulating") else "–"
            print(f"| {what} | {passed:.1f} s ({worked:.1f} s of processors) | {aim} |")
        for what, seconds in ask(home).items():
            aim = LOOKUP if what.startswith("look") else QUERY
            print(f"| {what}, slowest of {len(seconds)} | {max(seconds):.3f} s | {aim:g} s |")


def _score_again(home: Home) -> None:
    """Fill the iteration that was opened, and say what it takes on the disk."""
    with Store(home.path) as store:
        campaign = store.campaign(DEMO_NAME)
        before = size_of(home.path / campaign.name)
        score(home, store, campaign)
        grown = size_of(home.path / campaign.name) - before
        ask_and_answer(store, campaign)
    print(f"| an iteration's files, but for the network | {grown:.1f} MB | {DISK} MB |")


if __name__ == "__main__":
    main()
