"""A real browser, and the dashboard as `make run` starts it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    expect,
    sync_playwright,
)

from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.store import Store
from active_cnn.spectra.simulation import write_demo
from tests import fakes
from tests.browser.labelling import Asked

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
# A machine with two busy cores needs its time; a page that is ready is not waited for.
PATIENCE = 60_000  # ms
VIOLATION = "policy violated:"
expect.set_options(timeout=PATIENCE)


class Server:
    """`make run` on a home folder; it can be killed as a power cut would.

    Parameters
    ----------
    home : Path
        Folder of the campaigns.
    oracle : str
        Name that signs the answers; empty: people are asked.
    secrets : Path, optional
        File of secrets, which may be written after this.
    """

    def __init__(self, home: Path, oracle: str = "tester", secrets: Path | None = None) -> None:
        self.home = home
        self.oracle = oracle
        self.secrets = secrets
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self.log = home.parent / f"server-{self.port}.log"

    def _command(self) -> list[str]:
        return [
            "make",
            "run",
            f"HOME_DIR={self.home}",
            f"PORT={self.port}",
            f"SECRETS={self.secrets or ''}",
        ]

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                cwd=ROOT,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                # The settings of whoever runs the tests are not those of the tests.
                env={
                    **os.environ,
                    "ACTIVE_CNN_ORACLE": self.oracle,
                    "ACTIVE_CNN_PASSWORD": "",
                    "MAKEFLAGS": "",
                },
            )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1):
                    return
            except OSError:
                if self._process.poll() is not None:
                    break
                time.sleep(0.2)
        pytest.fail(f"The server did not come up: {self.log.read_text()[-2000:]}")

    def kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class BareServer(Server):
    """The same without looking first whether a home needs a demo: it is there sooner."""

    def _command(self) -> list[str]:
        home, port = str(self.home), str(self.port)
        command = [sys.executable, "-m", "active_cnn", "serve", "--home", home, "--port", port]
        return command + (["--secrets", str(self.secrets)] if self.secrets else [])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path / "home")
    one.start()
    yield one
    one.kill()


# Not for the session: while Playwright runs, no other test of this process has an event loop.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield one
        one.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.set_default_timeout(PATIENCE)
    forbidden = watch_policy(context)
    yield context.new_page()
    context.close()
    assert forbidden == []


def watch_policy(context: BrowserContext) -> list[str]:
    """Collect what the server's policy forbids the pages; nothing of ours is."""
    forbidden: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or message.text.startswith(VIOLATION):
            forbidden.append(f"{message.page.url if message.page else ''}: {message.text}")

    context.on("console", note)
    context.add_init_script(
        "document.addEventListener('securitypolicyviolation', (event) => console.error("
        f"'{VIOLATION}', event.effectiveDirective, event.blockedURI, event.sample))"
    )
    return forbidden


@pytest.fixture
def picture(page: Page, tmp_path: Path) -> Callable[[str], None]:
    """Take a picture of the page, for the README when SCREENSHOTS names its folder."""
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path / "screenshots")
    folder.mkdir(parents=True, exist_ok=True)

    def take(name: str) -> None:
        wait_until_drawn(page)
        page.screenshot(path=folder / f"{name}.png")

    return take


def wait_until_drawn(page: Page) -> None:
    """Wait until no script runs and every chart that is there has been drawn."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    expect(page.locator(".stVegaLiteChart:not(:has(canvas, svg))")).to_have_count(0)


def by_key(page: Page, key: str) -> Locator:
    """Find a widget by its key, or by what its key begins with."""
    return page.locator(f"[class*='st-key-{re.sub(r'[^A-Za-z0-9_-]', '-', key)}']")


@pytest.fixture(scope="session")
def untrained_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose campaign has a survey with files and is not trained; to be copied."""
    home = tmp_path_factory.mktemp("untrained") / "home"
    with Store(home) as store:
        files = write_demo(
            home / "survey",
            pool_size=80,
            training_size=90,
            emission_share=0.1,
            double_peak_share=0.05,
            n_fits=80,
            seed=1,
        )
        create_campaign(store, "first", files.training, files.pool)
    return home


@pytest.fixture(scope="module")
def untrained_server(
    untrained_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server whose only campaign has not been trained."""
    home = tmp_path_factory.mktemp("fresh") / "home"
    one = BareServer(Path(shutil.copytree(untrained_home, home)))
    one.start()
    yield one
    one.kill()


@pytest.fixture(scope="session")
def labelling_server(
    untrained_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server for campaigns that `ask` makes; people are asked for their name."""
    home = tmp_path_factory.mktemp("labelling") / "home"
    one = BareServer(Path(shutil.copytree(untrained_home, home)), oracle="")
    one.start()
    yield one
    one.kill()


@pytest.fixture
def ask(labelling_server: Server) -> Callable[..., Asked]:
    """Make a campaign of its own that has been scored and asks about some of its spectra."""

    def ask(size: int = 60, pool: Path | None = None) -> Asked:
        with Store(labelling_server.home) as store:
            first = store.campaign("first")
            campaign = create_campaign(
                store,
                f"c{len(store.campaign_names())}",
                store.home / first.training_path,
                pool or store.home / first.pool_path,
            )
            fakes.train(store, campaign)
            query = draw_relabel_query(store, campaign, "entropy", size, seed=1)
        return Asked(labelling_server, campaign.name, tuple(i.identifier for i in query.items))

    return ask
