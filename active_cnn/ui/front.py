"""What stands before Streamlit: it judges requests, and says what browsers may do with answers.

Streamlit compares the origin of a page with addresses that it asks the network for, in the loop
that serves everybody, and lets every page of localhost in. It is never asked here: the Host that it
sees is that of the Origin.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

from active_cnn.hosts import refusal

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_log = logging.getLogger("uvicorn.error")


def security_headers(index: str) -> Headers:
    """Give the headers that every answer carries.

    Parameters
    ----------
    index : str
        Streamlit's page; the scripts that it holds are the only ones that need no file.
    """
    scripts = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in _INLINE_SCRIPT.findall(index)
    )
    policy = {
        "default-src": "'none'",
        # Streamlit's page compiles WebAssembly for large integers; no text becomes a script.
        "script-src": f"'self' 'wasm-unsafe-eval' {scripts}",
        # Streamlit and Vega set styles of elements that they make.
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    return [
        (name.encode(), value.encode())
        for name, value in {
            "content-security-policy": "; ".join(f"{k} {v}" for k, v in policy.items()),
            "x-frame-options": "DENY",  # browsers that do not know frame-ancestors
            "x-content-type-options": "nosniff",
            "referrer-policy": "same-origin",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), geolocation=(), microphone=()",
        }.items()
    ]


class Front:
    """An ASGI application before another one.

    Parameters
    ----------
    app : callable
        The one that answers what is let through.
    allowed : collection of str
        Names that the server is called by (`hosts.refusal`).
    headers : list of pair of bytes
        For every answer, in place of the application's own of the same names.
    """

    def __init__(self, app: App, allowed: Collection[str], headers: Headers) -> None:
        self._app, self._allowed, self._headers = app, frozenset(allowed), headers
        self._names = {name for name, _ in headers}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or keep one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"].endswith("http.response.start"):
                given = message.get("headers", [])
                own = [pair for pair in given if pair[0].lower() not in self._names]
                message = {**message, "headers": [*own, *self._headers]}
            await send(message)

        hosts, origins = _values(scope, b"host"), _values(scope, b"origin")
        reason = refusal(hosts, origins, self._allowed)
        if reason:
            await _refuse(scope, reason, send_with_headers)
            return
        if origins:
            host = origins[0].partition("://")[2].encode("ascii")
            others = [pair for pair in scope["headers"] if pair[0] != b"host"]
            scope = {**scope, "headers": [(b"host", host), *others]}
        await self._app(scope, receive, send_with_headers)


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


async def _refuse(scope: Scope, reason: str, send: Send) -> None:
    answer = "http.response"
    if scope["type"] == "websocket":
        # A browser tells the page nothing of why, so the log does.
        _log.warning(reason)
        answer = "websocket.http.response"
        if answer not in scope.get("extensions", ()):
            await send({"type": "websocket.close", "code": 1008})
            return
    body = f"{reason}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": f"{answer}.start", "status": 403, "headers": headers})
    await send({"type": f"{answer}.body", "body": body})
