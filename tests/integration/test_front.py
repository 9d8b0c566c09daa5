"""What stands before the pages: foreign names and pages, headers for browsers, idle connections."""

import asyncio
import json
import re
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from active_cnn.ui.server import LARGEST_MESSAGE
from benchmarks.server import HOST, DashboardServer
from benchmarks.sessions import Session

PATIENCE, MOST_CONNECTIONS = 1.0, 30
NEIGHBOUR = "192.0.2.99"  # asked about once, to see that it is noticed
# The server itself, which says whom it asks; its limits are lowered.
WATCHED = f"""
import json, socket, sys
from active_cnn.ui import connections, server

ASKING = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")

def tell(event, arguments):
    if event in ASKING:
        whom = arguments[-1] if event in ("socket.connect", "socket.sendto") else arguments[0]
        print("ASKED", json.dumps([event, str(whom)]), file=sys.stderr, flush=True)

connections.PATIENCE, connections.MOST_CONNECTIONS = {PATIENCE}, {MOST_CONNECTIONS}
sys.addaudithook(tell)
socket.getaddrinfo("{NEIGHBOUR}", 80)
server.main()
"""
PATHS = [
    ("GET", "/", 200),
    ("GET", "/Relabel?campaign=x", 200),
    ("GET", "/favicon.png", 200),
    ("GET", "/nowhere", 200),
    ("GET", "//elsewhere.test/x", 400),
    ("GET", "/_stcore/health", 200),
    ("OPTIONS", "/_stcore/health", 204),
    ("GET", "/_stcore/host-config", 200),
    ("GET", "/_stcore/metrics", 200),
    ("GET", "/_stcore/bidi-components/active-cnn.cookie/cookie.js", 200),
    ("GET", "/_stcore/bidi-components/active-cnn.cookie/none.js", 404),
    ("GET", "/component/none/index.html", 404),
    ("GET", "/media/none.csv", 404),
    ("PUT", "/_stcore/upload_file/nobody/1", 403),
    ("POST", "/_stcore/agent/interact", 403),
    ("GET", "/_stcore/agent/openapi.json", 200),
    ("GET", "/auth/login", 302),
]
every_path = pytest.mark.parametrize(("method", "path", "status"), PATHS)


class WatchedServer(DashboardServer):
    """The dashboard whose log says whom it asks."""

    def _command(self) -> list[str]:
        arguments = super()._command()
        return [sys.executable, "-c", WATCHED, *arguments[arguments.index("--server.address") :]]

    def asked(self) -> list[tuple[str, str]]:
        """Give what the process asked of whom since it began."""
        return [tuple(json.loads(one)) for one in re.findall("^ASKED (.*)$", self.log, re.M)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedServer]:
    with WatchedServer(tmp_path_factory.mktemp("watched")) as one:
        yield one


def ask(
    server: DashboardServer, method: str, path: str, headers: dict[str, str] | None = None
) -> HTTPResponse:
    connection = HTTPConnection(HOST, server.port, timeout=60)
    connection.request(method, path, headers={"Connection": "close", **(headers or {})})
    response = connection.getresponse()
    response.text = response.read().decode(errors="replace")
    connection.close()
    return response


def handshake(server: DashboardServer, host: str, *headers: tuple[str, str]) -> HTTPResponse:
    given = {
        "Host": host,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
        "Sec-WebSocket-Version": "13",
        **dict(headers),
    }
    connection = HTTPConnection(HOST, server.port, timeout=60)
    connection.request("GET", "/_stcore/stream", headers=given)
    response = connection.getresponse()
    connection.close()
    return response


def test_foreign_pages_get_no_connection_and_nobody_outside_is_asked(server: WatchedServer) -> None:
    own = f"localhost:{server.port}"
    for origin in ("http://evil.test", "http://localhost:3000", "http://192.0.2.1", "null"):
        refused = handshake(server, own, ("Origin", origin))
        assert refused.status == 403
        assert refused.headers.get_all("x-content-type-options") == ["nosniff"]
        assert refused.headers["content-security-policy"].startswith("default-src 'none'")
    assert handshake(server, f"evil.test:{server.port}").status == 403
    for host, origin in (
        (own, f"http://{own}"),
        (own.upper(), f"http://{own}"),
        ("localhost:9999", "http://localhost:9999"),
        ("localhost:80", "http://localhost"),
        ("localhost.", "http://localhost"),
        ("localhost", "https://localhost:443"),
    ):
        assert handshake(server, host, ("Origin", origin)).status == 101
    assert handshake(server, own).status == 101
    assert server.asked() == [("socket.getaddrinfo", NEIGHBOUR)]
    assert "Traceback" not in server.log


def test_a_page_is_drawn_while_foreign_pages_try(server: WatchedServer) -> None:
    async def scenario() -> str:
        tries = [
            asyncio.to_thread(
                handshake, server, f"localhost:{server.port}", ("Origin", "http://evil.test")
            )
            for _ in range(10)
        ]
        refused = asyncio.gather(*tries)
        session = Session(server.url, "", "", patience=60)
        await session.open()
        await session.close()
        assert {one.status for one in await refused} == {403}
        return server.log

    log = asyncio.run(scenario())
    assert "A page of 'http://evil.test' may not use the server" in log


@every_path
def test_every_answer_says_what_browsers_may_do_with_it(
    server: WatchedServer, method: str, path: str, status: int
) -> None:
    response = ask(server, method, path)
    assert response.status == status
    policy = dict(
        one.split(maxsplit=1) for one in response.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
    assert "'unsafe-" not in policy["script-src"]
    for name, value in {
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }.items():
        assert response.headers.get_all(name) == [value]
    assert "server" not in response.headers


@every_path
def test_no_path_answers_a_foreign_name_or_page(
    server: WatchedServer, method: str, path: str, status: int
) -> None:
    del status
    for headers, said in (
        ({"Host": "evil.test"}, "not called 'evil.test'"),
        ({"Host": "evil.test", "X-Forwarded-Host": "localhost"}, "not called 'evil.test'"),
        ({"Origin": "http://evil.test"}, "A page of 'http://evil.test' may not use"),
    ):
        response = ask(server, method, path, headers)
        assert response.status == 403
        assert said in response.text
        assert response.text.count("\n") == 1
        assert response.headers["x-content-type-options"] == "nosniff"


def test_what_a_proxy_says_of_another_host_changes_nothing(server: WatchedServer) -> None:
    assert ask(server, "GET", "/", {"X-Forwarded-Host": "evil.test"}).status == 200


@pytest.mark.parametrize(
    "head",
    [
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nOrigin: null\r\n\r\n",
        "GET http://localhost/ HTTP/1.1\r\nHost: evil.test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: " + 100_000 * "x",
    ],
    ids=["no host", "no host in 1.1", "two hosts", "two origins", "whole address", "endless"],
)
def test_a_request_that_names_no_single_place_is_refused(server: WatchedServer, head: str) -> None:
    with socket.create_connection((HOST, server.port), timeout=60) as connection:
        connection.sendall(head.encode())
        answer = connection.recv(4000)
    assert re.match(rb"HTTP/1.1 40[03] ", answer)
    for header in (b"x-content-type-options: nosniff", b"content-security-policy: default-src"):
        assert header in answer.lower()


def test_messages_of_browsers_are_bounded_and_never_unpacked(server: WatchedServer) -> None:
    packed = ("Sec-WebSocket-Extensions", "permessage-deflate")
    response = handshake(server, f"localhost:{server.port}", packed)
    assert response.status == 101
    assert "sec-websocket-extensions" not in response.headers
    with connect(f"ws://{HOST}:{server.port}/_stcore/stream") as connection:
        announced = (LARGEST_MESSAGE + 1).to_bytes(8, "big")
        connection.socket.sendall(b"\x82\xff" + announced + b"mask")
        with pytest.raises(ConnectionClosedError) as closed:
            connection.recv(60)
    assert closed.value.rcvd.code == 1009


@pytest.mark.parametrize("beginning", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\n"])
def test_who_asks_for_nothing_is_let_go(server: WatchedServer, beginning: bytes) -> None:
    with socket.create_connection((HOST, server.port), timeout=60) as connection:
        connection.sendall(beginning)
        assert connection.recv(1) == b""


def test_a_connection_is_let_go_after_its_last_request(server: WatchedServer) -> None:
    with socket.create_connection((HOST, server.port), timeout=60) as connection:
        request = b"GET /_stcore/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for _ in range(2):
            connection.sendall(request)
            answer = b""
            while not answer.endswith(b"ok"):
                answer += connection.recv(1000)
            time.sleep(PATIENCE / 2)
        connection.sendall(b"GET ")
        assert connection.recv(1) == b""


def test_a_page_that_is_only_looked_at_stays_connected(server: WatchedServer) -> None:
    with connect(f"ws://{HOST}:{server.port}/_stcore/stream") as connection:
        time.sleep(2 * PATIENCE)
        connection.ping().wait(60)


def test_more_connections_than_allowed_end_at_once_and_hold_nobody_up_later(
    server: WatchedServer,
) -> None:
    with ExitStack() as stack:
        many = [
            stack.enter_context(socket.create_connection((HOST, server.port), timeout=60))
            for _ in range(MOST_CONNECTIONS + 5)
        ]
        assert _is_ended(many[-1])
    for one in range(60):
        try:
            assert ask(server, "GET", "/_stcore/health").status == 200
            break
        except OSError:
            time.sleep(PATIENCE)
            assert one < 59


def _is_ended(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def test_the_component_that_writes_cookies_is_a_file_of_its_own(server: WatchedServer) -> None:
    response = ask(server, "GET", "/_stcore/bidi-components/active-cnn.cookie/cookie.js")
    assert "javascript" in response.headers["content-type"]
    assert (
        response.text == (Path(__file__).parents[2] / "active_cnn/ui/cookie/cookie.js").read_text()
    )
