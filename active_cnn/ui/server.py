"""`python -m active_cnn.ui.server --server.address … --server.port …`: the dashboard's server.

It is Streamlit's own ASGI application behind `ui/front.py`, run by uvicorn. Streamlit's way of
running it opens its socket so that small messages wait up to 40 ms for each other (Nagle's
algorithm), which is more than everything else that an answer takes; asyncio turns that off on
sockets that it opens itself.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
import threading
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import streamlit as st
import uvicorn
from streamlit.file_util import get_static_dir
from streamlit.web import bootstrap

from active_cnn.errors import what_is_lacking
from active_cnn.serve import ALLOWED, OWN_NAMES
from active_cnn.ui.connections import BoundedConnection
from active_cnn.ui.front import Front, security_headers

APP = Path(__file__).resolve().parents[2] / "app.py"
FEWEST_THREADS = 16  # each open page has one of its own while it is drawn
LARGEST_MESSAGE = 4 * 2**20  # bytes from a browser: some hundred answers are far below


def read_options(arguments: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read pairs of an option and its value; an option may come more than once.

    Raises
    ------
    ValueError
        If they are no pairs.
    """
    names, values = arguments[::2], arguments[1::2]
    if len(names) != len(values) or not all(name.startswith("--") for name in names):
        raise ValueError(f"Give pairs of an option and its value, not {arguments!r}.")
    options: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for name, value in zip(names, values, strict=True):
        options[name.removeprefix("--")] += (value,)
    return dict(options)


# Seconds that a thread computes before another one may. With Python's 5 ms, one that writes an
# answer and gives way at each statement waits behind every page that is being drawn.
SWITCH_INTERVAL = 0.0005


# Of glibc's mallopt. Arrays of a row for each spectrum of a survey are held for a moment; from this
# size on, what is freed goes back to the system at once and does not stay with the server.
M_MMAP_THRESHOLD, LARGE = -3, 2**20  # bytes


def _give_memory_back() -> None:
    with contextlib.suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE)


def _require_threads() -> None:
    # Else the lack shows once somebody opens a page, deep inside of what serves it.
    end = threading.Event()
    try:
        for _ in range(FEWEST_THREADS):
            threading.Thread(target=end.wait, daemon=True).start()
    finally:
        end.set()


def main() -> None:
    """Serve until stopped."""
    _require_threads()
    _give_memory_back()
    sys.setswitchinterval(SWITCH_INTERVAL)
    options = read_options(sys.argv[1:])
    allowed = options.pop(ALLOWED, OWN_NAMES)
    bootstrap.load_config_options(
        {
            name.replace(".", "_"): list(values) if name == "secrets.files" else values[-1]
            for name, values in options.items()
        }
    )
    index = Path(get_static_dir(), "index.html").read_text(encoding="utf-8")
    uvicorn.run(
        Front(st.App(str(APP)), allowed, security_headers(index)),
        host=st.get_option("server.address"),
        port=int(st.get_option("server.port")),
        http=BoundedConnection,
        ws="websockets-sansio",
        ws_max_size=LARGEST_MESSAGE,
        ws_per_message_deflate=False,
        log_level="warning",
        access_log=False,
        server_header=False,
    )


if __name__ == "__main__":
    try:
        main()
    except (OSError, RuntimeError, MemoryError) as error:
        lacking = what_is_lacking(error)
        if not lacking:
            raise
        sys.exit(f"active-cnn: {lacking}")
