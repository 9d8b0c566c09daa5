"""A Streamlit session without a browser: it opens a page and answers as a component would.

The protocol is that of Streamlit 1.67 (starlette server), read from its server and its frontend:
a WebSocket at ``/_stcore/stream``, one protobuf in each binary frame. The client sends
``BackMsg.rerun_script`` with the states of its widgets; the server answers each run with
``new_session``, deltas (one element each, with its place in the page) and ``script_finished``.
"""

import asyncio
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.BidiComponent_pb2 import BidiComponent
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException
from websockets.typing import Origin, Subprotocol

_FINISHED = (
    ForwardMsg.FINISHED_SUCCESSFULLY,
    ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY,
)


class SessionError(Exception):
    """A session could not go on."""


class ScriptError(SessionError):
    """The page shows an exception, whose text this is."""


@dataclass(frozen=True)
class Reply:
    """What came back after something was sent.

    Parameters
    ----------
    data : object
        What the component has now: `bytes`, or what its JSON says; None if it is gone.
    fresh : bool
        Whether the component came anew with this run.
    seconds : float
        From sending to receiving the component, or to the end of the run if it did not come [s].
    finished : float or None
        From sending to receiving the end of the run [s]; None if it was not waited for.
    received : int
        Bytes of the messages that came until then, as unpacked from their frames.
    """

    data: Any
    fresh: bool
    seconds: float
    finished: float | None
    received: int


@dataclass
class _Placed:
    element: Element
    fragment: str
    run: str


class _Waiting:
    """A request whose run has yet to end."""

    def __init__(self, component: str | None, until: Callable[[Any], bool] | None) -> None:
        self.component = component  # element id
        self.until = until
        self.started = time.perf_counter()
        self.arrived: float | None = None
        self.received = 0
        self.runs: set[str] = set()
        self.error: str | None = None
        self.done: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def end(self, at: float) -> None:
        if not self.done.done():
            self.done.set_result(at)

    def fail(self, error: SessionError) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class Session:
    """One observer's session, from entering the context until leaving it.

    Parameters
    ----------
    url : str
        Where the app is: ``http://127.0.0.1:8501``.
    path : str
        The page: the name in its address (``Relabel``) or of its file (``4_Relabel``);
        empty for the main page.
    query : str
        The address's query, without question mark: ``campaign=demo``.
    cookies : mapping, optional
        Names and values.
    patience : float
        How long a run may take [s].
    cache : bool
        Whether large elements that came before may be sent as a reference, as browsers have it.

    Raises
    ------
    SessionError
        If the server cannot be reached or does not answer in time.
    ScriptError
        If the page shows an exception.

    Examples
    --------
    >>> async with Session(url, "Relabel", "campaign=demo") as session:  # doctest: +SKIP
    ...     session.data("active_cnn.labelling")
    ...     reply = await session.set_state("active_cnn.labelling", {"answers": [...]})
    ...     reply.data, reply.seconds

    Notes
    -----
    Many sessions of one event loop wait for each other: ``seconds`` then has their share of this
    process too. Spread them over processes, or look at the loop's load.
    """

    def __init__(
        self,
        url: str,
        path: str = "",
        query: str = "",
        *,
        cookies: Mapping[str, str] | None = None,
        patience: float = 30.0,
        cache: bool = True,
    ) -> None:
        self.url = url.rstrip("/")
        self.page = _page_name(path)
        self.query = query.lstrip("?")
        self.cookies = dict(cookies or {})
        self.patience = patience
        self.cache = cache
        self.session_id = ""
        self.resumed = False  # whether the server went on with the session at reconnect()
        self.opened = 0.0  # from connecting to the end of the first run [s]
        self.runs = 0  # finished ones
        self.received = 0  # bytes
        self.pages: dict[str, str] = {}  # name in the address: hash
        self._page_hash = ""
        self._placed: dict[tuple[int, ...], _Placed] = {}
        self._states: dict[str, WidgetState] = {}
        self._messages: dict[str, tuple[ForwardMsg, int]] = {}  # cacheable ones, by hash
        self._max_age = 2  # runs that a message stays without being used
        self._run = ""
        self._fragments: frozenset[str] = frozenset()
        self._waiting: _Waiting | None = None
        self._turn = asyncio.Lock()
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def open(self) -> Reply:
        """Connect and run the page, as a browser does that opens its address."""
        started = time.perf_counter()
        await self._connect()
        try:
            reply = await self._request(self._message())
        except BaseException:
            await self.close()
            raise
        self.opened = time.perf_counter() - started
        return reply

    async def reconnect(self, *, rerun: bool = True) -> Reply | None:
        """Connect again to the same session, which the server keeps for a while.

        Parameters
        ----------
        rerun : bool
            Whether to run the page with the states that its widgets have. A browser does that
            if a run was under way, or if a fragment's run was the last one.

        Returns
        -------
        Reply or None
            None if nothing was run.
        """
        known = self.session_id
        await self.close()
        await self._connect()
        if not rerun:
            return None
        reply = await self.rerun()
        self.resumed = self.session_id == known
        return reply

    async def close(self) -> None:
        """Close the connection; the server keeps the session for a while."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
            self._reader = None
        if self._socket is not None:
            await self._socket.close()
            self._socket = None

    @property
    def connected(self) -> bool:
        """Whether the connection is there, as far as this side knows."""
        return self._reader is not None and not self._reader.done()

    def elements(self) -> list[Element]:
        """Return the elements of the page in their order."""
        return [self._placed[place].element for place in sorted(self._placed)]

    def texts(self) -> list[str]:
        """Return what texts, Markdown and headings of the page say, in their order."""
        found = []
        for element in self.elements():
            kind = element.WhichOneof("type")
            if kind in ("text", "markdown", "heading"):
                found.append(getattr(element, kind).body)
        return found

    def component(self, name: str, key: str | None = None) -> BidiComponent:
        """Return a component (of ``st.components.v2``) as it came last.

        Parameters
        ----------
        name : str
            The name that it was registered with.
        key : str, optional
            Its key in the page, if there are several of the name.

        Raises
        ------
        SessionError
            If there is not exactly one.
        """
        return self._find(name, key).element.bidi_component

    def data(self, name: str, key: str | None = None) -> Any:
        """Return a component's data: `bytes`, or what its JSON says.

        Parameters
        ----------
        name, key : str
            As in `component`.
        """
        return _data(self.component(name, key))

    async def set_state(
        self,
        name: str,
        values: Mapping[str, Any],
        *,
        key: str | None = None,
        until: Callable[[Any], bool] | None = None,
    ) -> Reply:
        """Set state values of a component and wait for what comes of it.

        The values are merged into those that were set before, as the frontend does, and sent in
        one message. A component whose script calls ``setStateValue`` for each of several names
        sends as many messages instead.

        Parameters
        ----------
        name, key : str
            As in `component`.
        values : mapping
            State names and JSON values.
        until : callable, optional
            Told the component's data each time that it comes; waiting ends when it returns true.
            If left out, waiting ends with the run.

        Raises
        ------
        ScriptError
            If the page shows an exception thereafter.
        SessionError
            If there is no such component, the connection breaks, or nothing comes in time: a
            server ignores requests for a fragment that is no longer there.
        """
        component, message = self._stated(name, values, key)
        return await self._request(message, component, until)

    async def send_state(
        self, name: str, values: Mapping[str, Any], *, key: str | None = None
    ) -> None:
        """Set state values of a component and wait for nothing.

        A server that is busy with the run before takes the newest of such messages only.
        Thereafter wait with the ``until`` of `set_state`: the next run to end may be an old one.
        """
        _, message = self._stated(name, values, key)
        await self._send(message)

    async def press(self, label: str) -> Reply:
        """Press the button with a label.

        Raises
        ------
        SessionError
            If there is not exactly one.
        """
        found = [
            placed
            for placed in self._placed.values()
            if placed.element.WhichOneof("type") == "button"
            and placed.element.button.label == label
        ]
        if len(found) != 1:
            raise SessionError(
                f"There are {len(found)} buttons {label!r} on page {self.page!r}; one is needed. "
                f"The page says: {self.texts()}."
            )
        message = self._message(found[0].fragment)
        trigger = message.rerun_script.widget_states.widgets.add()
        trigger.id = found[0].element.button.id
        trigger.trigger_value = True
        return await self._request(message)

    async def rerun(self) -> Reply:
        """Run the page with the states that its widgets have."""
        return await self._request(self._message())

    async def switch_page(self, path: str, query: str = "") -> Reply:
        """Go to another page by a link, as browsers do it: without any widget state.

        Raises
        ------
        SessionError
            If there is no such page.
        """
        name = _page_name(path)
        if name not in self.pages:
            raise SessionError(
                f"The app has no page {name!r}. Its pages are {sorted(self.pages)}; the name is "
                "that in the address."
            )
        self.page, self.query, self._page_hash = name, query, self.pages[name]
        self._states.clear()
        return await self._request(self._message())

    async def _connect(self) -> None:
        address = urlsplit(self.url)
        headers = {}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        # The first name is the protocol's; a browser hides its XSRF token (needed for a login
        # only) behind it, and the session to go on with.
        names = ["streamlit", "PLACEHOLDER_AUTH_TOKEN", *filter(None, [self.session_id])]
        try:
            self._socket = await connect(
                f"ws://{address.netloc}{address.path}/_stcore/stream",
                origin=Origin(f"{address.scheme}://{address.netloc}"),
                subprotocols=[Subprotocol(name) for name in names],
                additional_headers=headers,
                open_timeout=self.patience,
                close_timeout=1,
                ping_interval=None,
                max_size=None,
                proxy=None,
            )
        except (OSError, InvalidHandshake) as error:
            raise SessionError(
                f"No session at {self.url}: {error}. A Streamlit server must listen there and "
                "accept this origin; look at its log."
            ) from error
        # The cache is the connection's, on both sides.
        self._messages.clear()
        self._reader = asyncio.create_task(self._read(self._socket))

    def _message(self, fragment: str = "") -> BackMsg:
        message = BackMsg()
        run = message.rerun_script
        run.query_string = self.query
        run.fragment_id = fragment
        # The hash is known when the server has named the page's; before, its name is sent.
        run.page_script_hash = self._page_hash
        run.page_name = "" if self._page_hash else self.page
        run.widget_states.widgets.extend(self._states.values())
        run.context_info.timezone = "UTC"
        run.context_info.locale = "en-US"
        run.context_info.url = f"{self.url}/{self.page}"
        if self.cache:
            run.cached_message_hashes.extend(self._messages)
        return message

    def _stated(self, name: str, values: Mapping[str, Any], key: str | None) -> tuple[str, BackMsg]:
        placed = self._find(name, key)
        component = placed.element.bidi_component.id
        known = self._states.get(component)
        merged = {**(json.loads(known.json_value) if known else {}), **values}
        self._states[component] = WidgetState(id=component, json_value=json.dumps(merged))
        return component, self._message(placed.fragment)

    def _find(self, name: str, key: str | None) -> _Placed:
        found = [
            placed
            for placed in self._placed.values()
            if placed.element.WhichOneof("type") == "bidi_component"
            and placed.element.bidi_component.component_name == name
            and (key is None or placed.element.bidi_component.id.endswith(f"-{key}"))
        ]
        if len(found) != 1:
            names = [
                element.bidi_component.component_name
                for element in self.elements()
                if element.WhichOneof("type") == "bidi_component"
            ]
            raise SessionError(
                f"There are {len(found)} components {name!r} (key {key!r}) on page "
                f"{self.page!r}; one is needed. The page has {names}; name one of them."
            )
        return found[0]

    async def _send(self, message: BackMsg) -> None:
        if self._socket is None or not self.connected:
            raise SessionError(f"There is no connection to {self.url}. Call reconnect() first.")
        try:
            await self._socket.send(message.SerializeToString())
        except WebSocketException as error:
            raise SessionError(
                f"The connection to {self.url} broke: {error}. Call reconnect() and send again."
            ) from error

    async def _request(
        self,
        message: BackMsg,
        component: str | None = None,
        until: Callable[[Any], bool] | None = None,
    ) -> Reply:
        async with self._turn:
            waiting = _Waiting(component, until)
            self._waiting = waiting
            try:
                await self._send(message)
                async with asyncio.timeout(self.patience):
                    ended = await waiting.done
            except TimeoutError:
                raise SessionError(
                    f"Nothing that was waited for came from {self.url} within {self.patience:g} s. "
                    "Either the run takes longer, the network is silent, or the fragment is gone."
                ) from None
            finally:
                self._waiting = None
        if waiting.error is not None:
            raise ScriptError(waiting.error)
        arrived = ended if waiting.arrived is None else waiting.arrived
        return Reply(
            data=self._data_of(component),
            fresh=waiting.arrived is not None,
            seconds=arrived - waiting.started,
            finished=ended - waiting.started if until is None else None,
            received=waiting.received,
        )

    def _data_of(self, component: str | None) -> Any:
        for placed in self._placed.values():
            if component and placed.element.bidi_component.id == component:
                return _data(placed.element.bidi_component)
        return None

    async def _read(self, socket: ClientConnection) -> None:
        reason = "the server closed it"
        try:
            while True:
                frame = await socket.recv(decode=False)
                at = time.perf_counter()
                self.received += len(frame)
                if self._waiting is not None:
                    self._waiting.received += len(frame)
                message = ForwardMsg()
                message.ParseFromString(frame)
                self._take(self._resolved(message), at)
        except WebSocketException as error:
            reason = str(error)
        except SessionError as error:
            reason = str(error)
        except Exception as error:
            # Whatever `until` or an unknown message raises belongs to who waits.
            if self._waiting is not None and not self._waiting.done.done():
                self._waiting.done.set_exception(error)
            raise
        if self._waiting is not None:
            self._waiting.fail(
                SessionError(
                    f"The connection to {self.url} broke: {reason}. "
                    "Call reconnect() and send again."
                )
            )

    def _resolved(self, message: ForwardMsg) -> ForwardMsg:
        if message.WhichOneof("type") == "ref_hash":
            if message.ref_hash not in self._messages:
                raise SessionError(f"a message {message.ref_hash} was referred to that never came")
            found = ForwardMsg()
            found.CopyFrom(self._messages[message.ref_hash][0])
            found.metadata.CopyFrom(message.metadata)
            self._messages[message.ref_hash] = (found, self.runs)
            return found
        if message.metadata.cacheable:
            self._messages[message.hash] = (message, self.runs)
        return message

    def _take(self, message: ForwardMsg, at: float) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._begin(message)
        elif kind == "navigation":
            self.pages = {
                page.url_pathname: page.page_script_hash for page in message.navigation.app_pages
            }
            self._page_hash = message.navigation.page_script_hash
        elif kind == "delta":
            self._place(message, at)
        elif kind == "page_not_found":
            self._fault(f"The app has no page {self.page!r}.")
        elif kind == "session_event":
            event = message.session_event
            if event.WhichOneof("type") == "script_compilation_exception":
                self._fault(_text(event.script_compilation_exception))
                if self._waiting is not None:
                    self._waiting.end(at)
        elif kind == "script_finished":
            self._finish(message, at)

    def _begin(self, message: ForwardMsg) -> None:
        self.session_id = message.new_session.initialize.session_id
        self._max_age = message.new_session.config.max_cached_message_age
        if not self._page_hash:
            self._page_hash = message.new_session.page_script_hash
        self._run = message.metadata.run.script_run_id
        self._fragments = frozenset(message.metadata.run.fragment_ids)
        if self._waiting is not None:
            self._waiting.runs.add(self._run)

    def _place(self, message: ForwardMsg, at: float) -> None:
        delta, place = message.delta, tuple(message.metadata.delta_path)
        if delta.WhichOneof("type") != "new_element":
            return
        element = delta.new_element
        self._placed[place] = _Placed(element, delta.fragment_id, self._run)
        kind = element.WhichOneof("type")
        if kind == "exception" and not element.exception.is_warning:
            self._fault(_text(element.exception))
        waiting = self._waiting
        if waiting is None or kind != "bidi_component" or not waiting.runs:
            return
        if element.bidi_component.id == waiting.component:
            if waiting.until is None:
                waiting.arrived = at
            elif waiting.until(_data(element.bidi_component)):
                waiting.arrived = at
                waiting.end(at)

    def _finish(self, message: ForwardMsg, at: float) -> None:
        if message.script_finished not in _FINISHED:
            if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                self._fault("The script could not be compiled.")
            # Otherwise another run follows.
            return
        run = message.metadata.run.script_run_id or self._run
        self.runs += 1
        fragments = self._fragments
        self._placed = {
            place: placed
            for place, placed in self._placed.items()
            if placed.run == run or (fragments and placed.fragment not in fragments)
        }
        self._messages = {
            name: (kept, used)
            for name, (kept, used) in self._messages.items()
            if self.runs - used <= self._max_age
        }
        # Only a widget that is still on the page is spoken of again.
        there = {placed.element.bidi_component.id for placed in self._placed.values()}
        self._states = {name: state for name, state in self._states.items() if name in there}
        waiting = self._waiting
        if waiting is None or run not in waiting.runs:
            return
        if waiting.until is None or waiting.error is not None:
            waiting.end(at)

    def _fault(self, text: str) -> None:
        if self._waiting is not None and self._waiting.error is None:
            self._waiting.error = text


def _page_name(path: str) -> str:
    return re.sub(r"^\d+[_ -]*", "", path.strip("/").removesuffix(".py"))


def _data(component: BidiComponent) -> Any:
    kind = component.WhichOneof("data")
    if kind == "json":
        return json.loads(component.json)
    if kind == "mixed":
        return json.loads(component.mixed.json)
    if kind == "arrow_data":
        return component.arrow_data.data
    return component.bytes if kind == "bytes" else None


def _text(exception: Any) -> str:
    return f"{exception.type}: {exception.message}"
