"""Names, the team's password and logins in a real browser against a real server."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from active_cnn.access import decode_name, encode_name
from active_cnn.campaign.demo import DEMO_NAME
from active_cnn.ui.identity import NAME_COOKIE, NAME_LIFE, TOKEN_COOKIE
from tests.browser.conftest import BareServer, Server, by_key, wait_until_drawn
from tests.browser.labelling import wait_for
from tests.browser.provider import Provider

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PASSWORD = "open sesame"

Serve = Callable[..., Server]


@pytest.fixture(scope="module")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a small demo; to be copied."""
    home = tmp_path_factory.mktemp("small") / "home"
    make = "from active_cnn.cli import main; main()"
    sizes = ["--pool-size", "300", "--training-size", "90"]
    subprocess.run([sys.executable, "-c", make, "demo", "--home", str(home), *sizes], check=True)
    return home


@pytest.fixture
def serve(small_home: Path, tmp_path: Path) -> Iterator[Serve]:
    """Start a server whose people are asked for their name, with these secrets."""
    started = []

    def start(secrets: Callable[[Server], str] | None = None) -> Server:
        home = tmp_path / "home"
        shutil.copytree(small_home, home)
        path = tmp_path / "secrets.toml"
        server = BareServer(home, oracle="", secrets=path if secrets else None)
        if secrets:
            path.write_text(secrets(server), encoding="utf-8")
        server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.kill()


def test_a_name_is_asked_once_and_outlives_reload_and_restart(serve: Serve, page: Page) -> None:
    server = serve()
    page.goto(f"{server.url}/Relabel")
    by_key(page, "name-page").locator("input").fill("Petr Škoda")
    by_key(page, "give-name-page").get_by_role("button").click()
    expect(page.get_by_text("Answers are signed: Petr Škoda")).to_be_visible()
    expect(page.get_by_text("has not been trained yet")).to_be_visible()
    _wait_for_cookie(page, NAME_COOKIE)
    cookie = _cookie(page, NAME_COOKIE)
    assert decode_name(cookie["value"]) == "Petr Škoda"
    assert (cookie["path"], cookie["sameSite"]) == ("/", "Strict")
    assert cookie["expires"] > page.evaluate("Date.now() / 1000") + NAME_LIFE - 3600

    page.reload()
    expect(page.get_by_text("Answers are signed: Petr Škoda")).to_be_visible()
    server.kill()
    server.start()
    page.goto(f"{server.url}/Performance")
    expect(page.get_by_text("Answers are signed: Petr Škoda")).to_be_visible()
    expect(by_key(page, "name-page")).to_have_count(0)

    page.get_by_role("button", name="Change").click()
    by_key(page, "name-sidebar").locator("input").fill("Ann")
    page.get_by_role("button", name="Sign with this name").click()
    expect(page.get_by_text("Answers are signed: Ann")).to_be_visible()
    _wait_for_cookie(page, f"{NAME_COOKIE}={encode_name('Ann')}")
    page.reload()
    expect(page.get_by_text("Answers are signed: Ann")).to_be_visible()


def test_a_foreign_name_that_leads_here_is_not_served(serve: Serve) -> None:
    server = serve()
    assert _handshake(server, f"localhost:{server.port}") == HTTPStatus.SWITCHING_PROTOCOLS
    assert _handshake(server, f"elsewhere.test:{server.port}") == HTTPStatus.FORBIDDEN


def _handshake(server: Server, host: str) -> int:
    connection = HTTPConnection("localhost", server.port, timeout=30)
    headers = {
        "Host": host,
        "Origin": f"http://{host}",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
        "Sec-WebSocket-Version": "13",
    }
    connection.request("GET", "/_stcore/stream", headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_the_password_is_asked_before_anything_is_shown(serve: Serve, page: Page) -> None:
    received: list[str] = []
    page.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda frame: received.append(str(frame))),
    )
    server = serve(lambda _: f'[team]\npassword = "{PASSWORD}"\n')
    page.goto(f"{server.url}/Overview?campaign={DEMO_NAME}&section=Gallery")
    _give_password(page, "a wrong one")
    expect(page.get_by_text("This is not the password")).to_be_visible()
    assert received
    for word in ("Iteration", "Gallery", "Initial training set"):
        assert not any(word in frame for frame in received)

    _give_password(page, PASSWORD)
    expect(page.get_by_text("Iteration 0:")).to_be_visible()
    _wait_for_cookie(page, TOKEN_COOKIE)
    assert _cookie(page, TOKEN_COOKIE)["sameSite"] == "Strict"
    page.goto(f"{server.url}/Relabel")
    by_key(page, "name-page").locator("input").fill("Ann")
    by_key(page, "give-name-page").get_by_role("button").click()
    expect(page.get_by_text("Answers are signed: Ann")).to_be_visible()
    _wait_for_cookie(page, NAME_COOKIE)
    server.kill()
    server.start()
    page.goto(f"{server.url}/Relabel")
    expect(page.get_by_text("Answers are signed: Ann")).to_be_visible()

    by_key(page, "log-out").get_by_role("button").click()
    expect(by_key(page, "access-password")).to_be_visible()
    _wait_for_cookie(page, TOKEN_COOKIE, there=False)
    page.reload()
    expect(by_key(page, "access-password")).to_be_visible()
    assert not any(PASSWORD in frame for frame in received)
    log = server.log.read_text()
    assert "gives the team's password" in log
    assert PASSWORD not in log
    assert "a wrong one" not in log


def test_a_login_says_who_signs_the_answers(serve: Serve, page: Page) -> None:
    person = {"sub": "7", "name": "Ann", "email": "ann@obs.test", "email_verified": True}
    # A page joins the parts of an address so that it does not become a link.
    signed = re.compile(r"Answers are signed: ann@\W?obs\.test")
    with Provider(person) as provider:
        server = serve(lambda server: provider.secrets(server.url))
        page.goto(f"{server.url}/Relabel")
        expect(page.get_by_text("Log in to see the campaigns")).to_be_visible()
        expect(page.get_by_text("Iteration 0:")).to_have_count(0)
        by_key(page, "log-in-default").get_by_role("button").click()
        expect(page.get_by_text(signed)).to_be_visible()
        page.goto(f"{server.url}/Relabel")
        expect(page.get_by_text("has not been trained yet")).to_be_visible()
        expect(page.get_by_text(signed)).to_be_visible()
        expect(page.get_by_role("button", name="Change")).to_have_count(0)

        by_key(page, "log-out").get_by_role("button").click()
        expect(page.get_by_text("Log in to see the campaigns")).to_be_visible()
        # Streamlit shows the page without a person first, and then leads the browser to where its
        # cookie is taken away; who leaves before that is still logged in.
        while _is_logged_in(page):
            page.wait_for_timeout(50)
        page.goto(f"{server.url}/Overview")
        expect(page.get_by_text("Log in to see the campaigns")).to_be_visible()
        wait_until_drawn(page)
        expect(page.get_by_test_id("stException")).to_have_count(0)
    assert "known to both" not in server.log.read_text()


def _give_password(page: Page, text: str) -> None:
    by_key(page, "access-password").locator("input").fill(text)
    page.get_by_role("button", name=re.compile("^Enter$")).click()


def _is_logged_in(page: Page) -> bool:
    return any(one["name"].startswith("_streamlit_user") for one in page.context.cookies())


def _cookie(page: Page, name: str) -> dict[str, object]:
    return next(one for one in page.context.cookies() if one["name"] == name)


def _wait_for_cookie(page: Page, text: str, *, there: bool = True) -> None:
    wait_for(page, "([text, there]) => document.cookie.includes(text) === there", [text, there])
