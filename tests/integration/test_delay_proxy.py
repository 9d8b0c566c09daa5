import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from benchmarks.delay_proxy import DelayProxy

ROUND_TRIP = 0.05  # s


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(65536):
            self.request.sendall(data)


class EchoServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


@pytest.fixture
def network() -> Iterator[DelayProxy]:
    with EchoServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            with DelayProxy(server.server_address[1], round_trip=ROUND_TRIP) as proxy:
                yield proxy
        finally:
            server.shutdown()
            thread.join()


def connect(network: DelayProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", network.port), timeout=5)


def ask(client: socket.socket, question: bytes) -> bytes:
    client.sendall(question)
    answer = b""
    while len(answer) < len(question):
        part = client.recv(65536)
        if not part:
            break
        answer += part
    return answer


def test_an_answer_takes_a_round_trip(network: DelayProxy) -> None:
    with connect(network) as client:
        ask(client, b"handshake")
        started = time.perf_counter()
        ask(client, b"question")
        assert ROUND_TRIP <= time.perf_counter() - started < 10 * ROUND_TRIP


def test_a_new_connection_takes_a_round_trip_more(network: DelayProxy) -> None:
    started = time.perf_counter()
    with connect(network) as client:
        ask(client, b"question")
    assert time.perf_counter() - started >= 2 * ROUND_TRIP


def test_bytes_arrive_complete_and_in_order(network: DelayProxy) -> None:
    sent = b"".join(number.to_bytes(4) for number in range(200_000))
    with connect(network) as client:
        sender = threading.Thread(target=client.sendall, args=(sent,))
        sender.start()
        received = b""
        while len(received) < len(sent):
            received += client.recv(65536)
        sender.join()
    assert received == sent
    assert network.sent_up == network.sent_down == len(sent)


def test_bytes_do_not_overtake_when_the_network_becomes_faster(network: DelayProxy) -> None:
    with connect(network) as client:
        ask(client, b"handshake")
        client.sendall(b"first ")
        network.round_trip = 0.0
        assert ask(client, b"second")[:6] == b"first "


def test_a_cut_resets_connections_and_refuses_new_ones(network: DelayProxy) -> None:
    with connect(network) as client:
        ask(client, b"question")
        network.cut()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connect(network)


def test_a_restored_network_works_at_the_same_port(network: DelayProxy) -> None:
    port = network.port
    network.cut()
    network.restore()
    assert network.port == port
    with connect(network) as client:
        assert ask(client, b"question") == b"question"


def test_a_silent_cut_holds_bytes_back_until_it_is_restored(network: DelayProxy) -> None:
    with connect(network) as old:
        ask(old, b"handshake")
        network.cut(silent=True)
        old.sendall(b"held")
        with connect(network) as new:
            new.sendall(b"waiting")
            for client in (old, new):
                client.settimeout(4 * ROUND_TRIP)
                with pytest.raises(TimeoutError):
                    client.recv(1)
                client.settimeout(5)
            network.restore()
            assert old.recv(4) == b"held"
            assert new.recv(7) == b"waiting"


def test_a_server_that_is_down_ends_the_connection() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with (
            DelayProxy(nobody.getsockname()[1], round_trip=0.0) as network,
            # It can be reset before `connect` has come back.
            pytest.raises(ConnectionResetError),
            connect(network) as client,
        ):
            client.recv(1)
