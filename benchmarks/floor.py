"""The floor under every press: what Streamlit takes to do next to nothing."""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Browser

from benchmarks.browser import open_browser
from benchmarks.delay_proxy import DelayProxy
from benchmarks.server import StreamlitServer
from benchmarks.stopwatch import Times, time_press

APP = Path(__file__).with_name("floor_app.py")
SCOPES = ("app", "fragment")

_READ = "document.querySelector('.st-key-presses')?.innerText"


def measure_floor(
    *,
    presses: int = 60,
    warm_up: int = 5,
    round_trip: float = 0.0,
    scopes: Sequence[str] = SCOPES,
    options: Sequence[str] = (),
    browser: Browser | None = None,
) -> dict[str, Times]:
    """Time a button that counts, in an app with nothing else.

    Parameters
    ----------
    presses : int
        How many are timed, one after the other.
    warm_up : int
        How many come before and do not count.
    round_trip : float
        Of the network between browser and server [s]; with 0 there is no proxy.
    scopes : sequence of str
        ``app`` runs the whole script at each press, ``fragment`` the button's fragment.
    options : sequence of str
        Further options of ``streamlit run``; those of the app that is compared with the floor.
    browser : Browser, optional
        The one to measure in; a new Chromium if left out.

    Returns
    -------
    dict
        For each scope the times from the click to the frame with the new count.
    """
    if browser is None:
        with open_browser() as own:
            return measure_floor(
                presses=presses,
                warm_up=warm_up,
                round_trip=round_trip,
                scopes=scopes,
                options=options,
                browser=own,
            )
    with StreamlitServer(APP, options=options) as server, ExitStack() as stack:
        url = server.url
        if round_trip:
            url = stack.enter_context(DelayProxy(server.port, round_trip=round_trip)).url
        return {scope: _measure(browser, url, scope, presses, warm_up) for scope in scopes}


def _measure(browser: Browser, url: str, scope: str, presses: int, warm_up: int) -> Times:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        page = context.new_page()
        page.goto(f"{url}/?scope={scope}")
        button = page.locator(".st-key-count button")
        button.wait_for(timeout=60_000)
        page.locator(".st-key-presses").wait_for(timeout=60_000)
        times = []
        for _ in range(warm_up + presses):
            times.append(time_press(page, button.click, event="click", read=_READ))
        return Times(tuple(times[warm_up:]))
    finally:
        context.close()


def main() -> None:
    """Print the floor."""
    options = argparse.ArgumentParser(
        description=__doc__, epilog="Further options go to `streamlit run`."
    )
    options.add_argument("--presses", type=int, default=60)
    options.add_argument("--round-trip", type=float, default=0.0, help="of the network [s]")
    chosen, further = options.parse_known_args()
    floor = measure_floor(presses=chosen.presses, round_trip=chosen.round_trip, options=further)
    for scope, times in floor.items():
        print(f"{scope:>8}: {times}")


if __name__ == "__main__":
    main()
