"""The part of the form for a new campaign that says in which windows is looked."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from active_cnn.errors import CampaignError
from active_cnn.grid import MOST_WINDOWS, Grid, Spacing, Window
from active_cnn.ui.text import plain

_SPACINGS = {Spacing.LINEAR: "wavelength", Spacing.LOG: "its logarithm (velocity)"}


class _Fields(NamedTuple):
    start: float
    end: float
    n: int
    spacing: Spacing


def edit_windows(grid: Grid, key: str) -> tuple[Grid | None, str]:
    """Ask for the windows; one is a row of fields, and others can be added.

    Parameters
    ----------
    grid : Grid
        What the fields are filled with.
    key : str
        Of the choice that it comes from; the fields of another choice are others.

    Returns
    -------
    Grid or None, str
        None where the fields hold no grid, and why.
    """
    proposed = dict(enumerate(grid.windows))
    windows: dict[int, Window] = st.session_state.setdefault(f"windows-{key}", proposed)
    # All rows are drawn before one of them is refused: a field that is not drawn forgets its value.
    given = {
        number: _ask(window, f"{key}-{number}" if number else key, len(windows) > 1)
        for number, window in windows.items()
    }
    for number, (_, is_unwanted) in given.items():
        if is_unwanted:
            st.session_state[f"windows-{key}"] = {
                other: one for other, one in windows.items() if other != number
            }
            st.rerun()
    last = max((fields for fields, _ in given.values()), key=lambda one: one.end)
    if len(windows) < MOST_WINDOWS and st.button(
        "Add a window", key=f"add-window-{key}", type="tertiary", icon=":material/add:"
    ):
        windows[max(windows) + 1] = _beside(last)
        st.rerun()
    if len(windows) > 1:
        st.caption(
            "The network sees the windows one after the other, in the order of their wavelengths; "
            "each is resampled, checked and scaled on its own."
        )
    try:
        return Grid(tuple(Window(*fields) for fields, _ in given.values())), ""
    except CampaignError as error:
        st.warning(plain(error))
        return None, str(error)


def _ask(window: Window, key: str, is_one_of_many: bool) -> tuple[_Fields, bool]:
    widths = [3, 3, 3, 3, 1] if is_one_of_many else 4
    first, second, third, fourth, *fifth = st.columns(widths, vertical_alignment="bottom")
    # All digits: a window of another survey is seldom one of round numbers.
    start = first.number_input(
        "Window from (Å, vacuum)", value=window.start, format="%.10g", key=f"start-{key}"
    )
    end = second.number_input("to (Å, vacuum)", value=window.end, format="%.10g", key=f"end-{key}")
    n = third.number_input("wavelengths", 2, 10_000, window.n, key=f"n-{key}")
    spacing = fourth.selectbox(
        "equal steps of",
        list(_SPACINGS),
        list(_SPACINGS).index(window.spacing),
        format_func=_SPACINGS.__getitem__,
        key=f"spacing-{key}",
    )
    is_unwanted = bool(fifth) and fifth[0].button(
        "Remove",
        key=f"remove-window-{key}",
        type="tertiary",
        help=f"The window from {window.start:g} Å.",
    )
    return _Fields(start, end, int(n), spacing), is_unwanted


def _beside(last: _Fields) -> Window:
    # As wide as the last one and in the same steps, right of it: a place to begin from.
    width = last.end - last.start
    try:
        return Window(last.end + width, last.end + 2 * width, last.n, last.spacing)
    except CampaignError:
        return Window()
