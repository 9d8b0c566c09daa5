"""How many connections the server holds, and how long one may be open without a request.

uvicorn itself waits for a request for ever: some hundred connections that say nothing would use up
the files that the process may open, and then no page could open the database either.
"""

from __future__ import annotations

import asyncio
from typing import cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

MOST_CONNECTIONS = (
    500  # with browsers' WebSockets; half of the files that a process mostly may open
)
PATIENCE = 20.0  # s


class BoundedConnection(H11Protocol):
    """One connection over HTTP; it ends when there are too many, or no request comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first request."""
        super().connection_made(cast(asyncio.Transport, transport))
        if len(self.connections) > MOST_CONNECTIONS:
            self.transport.abort()
            return
        self._await_request()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request; no application has seen it that could set headers."""
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
            (b"x-frame-options", b"DENY"),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"same-origin"),
            (b"connection", b"close"),
        ]
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=msg.encode("ascii", "replace")),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._await_request()

    def _await_request(self) -> None:
        self.loop.call_later(PATIENCE, self._give_up, self.cycle)

    def _give_up(self, last: RequestResponseCycle | None) -> None:
        # A WebSocket has taken the transport over.
        is_ours = self.transport.get_protocol() is self
        if is_ours and self.cycle is last and not self.transport.is_closing():
            self.transport.close()
