"""A slow and breakable network between a browser and a server on this machine."""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

HOST = "127.0.0.1"
_CHUNK = 64 * 1024  # bytes

_T = TypeVar("_T")


class DelayProxy:
    """Forward TCP connections with the delay of a network, which can be cut and restored.

    Each direction is delayed by half of the round trip, and a new connection by one round trip
    more, as its handshake would be. The order of bytes is kept and the bandwidth is not limited.
    HTTP and WebSockets pass, as any TCP does. Streamlit takes a page that was opened at the
    proxy's port for one of its own: it compares ``Origin`` with ``Host``, and both name the proxy.

    Parameters
    ----------
    port : int
        Where the server listens.
    round_trip : float
        From sending to receiving an answer that takes no time [s]; may be set at any time.
    host : str
        The server's address.

    Examples
    --------
    >>> with DelayProxy(8501, round_trip=0.1) as network:  # doctest: +SKIP
    ...     page.goto(network.url)
    ...     network.cut()
    ...     network.restore()
    """

    def __init__(self, port: int, *, round_trip: float = 0.1, host: str = HOST) -> None:
        self.round_trip = round_trip
        self.sent_up = 0  # bytes, browser to server
        self.sent_down = 0  # bytes, server to browser
        self.connections = 0
        self.port = 0
        self._upstream = (host, port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Where the app is through this network."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Listen on a free port, in a thread of its own."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="delay-proxy", daemon=True
        )
        self._thread.start()
        self._call(self._open())

    def stop(self) -> None:
        """Drop all connections and listen no more."""
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self, *, silent: bool = False) -> None:
        """Break the network.

        Parameters
        ----------
        silent : bool
            If not, connections are reset and new ones are refused, as when a server dies or a
            computer leaves its network. If so, nothing is told to either side: bytes are held
            back, and what is sent meanwhile arrives after `restore`, as TCP would send it again.
        """
        self._call(self._hold() if silent else self._break())

    def restore(self) -> None:
        """Let the network work again, on the same port; no harm if it does."""
        self._call(self._listen())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _call(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _open(self) -> None:
        self._passable = asyncio.Event()
        await self._listen()

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = await asyncio.start_server(self._connect, HOST, self.port)
            self.port = self._listener.sockets[0].getsockname()[1]
        self._passable.set()

    async def _hold(self) -> None:
        self._passable.clear()

    async def _break(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for writer in self._writers:
            _reset(writer)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _close(self) -> None:
        await self._break()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Streams make this a task; cut() must be able to end it.
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        self.connections += 1
        ready = self._loop.time() + self.round_trip
        server: asyncio.StreamWriter | None = None
        try:
            await self._passable.wait()
            answers, server = await asyncio.open_connection(*self._upstream)
            self._writers.add(server)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._forward(reader, server, ready, "sent_up"))
                both.create_task(self._forward(answers, writer, 0.0, "sent_down"))
        except* (OSError, asyncio.CancelledError):
            # One side went away, or the network was cut: the other side must learn it.
            for end in filter(None, (writer, server)):
                _reset(end)
        finally:
            for end in filter(None, (writer, server)):
                end.close()
                self._writers.discard(end)
            self._tasks.discard(task)

    async def _forward(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        ready: float,
        counter: str,
    ) -> None:
        underway: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def deliver() -> None:
            while True:
                due, data = await underway.get()
                await asyncio.sleep(due - self._loop.time())
                await self._passable.wait()
                if not data:
                    if target.can_write_eof():
                        target.write_eof()
                    return
                # Counted first: whoever has received them may ask at once how many there were.
                setattr(self, counter, getattr(self, counter) + len(data))
                target.write(data)
                await target.drain()

        delivery = asyncio.create_task(deliver())
        due = 0.0
        try:
            while True:
                data = await source.read(_CHUNK)
                # A shorter round trip, set meanwhile, must not let bytes overtake each other.
                due = max(due, max(ready, self._loop.time()) + self.round_trip / 2)
                underway.put_nowait((due, data))
                if not data:
                    await delivery
                    return
                if delivery.done():
                    await delivery
        finally:
            delivery.cancel()


def _reset(end: asyncio.StreamWriter) -> None:
    # Without lingering, closing sends a reset instead of an orderly end.
    connection = end.get_extra_info("socket")
    if connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.transport.abort()
