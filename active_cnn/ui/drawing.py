"""Drawing spectra for the oracle: how many, how chosen, with which seed."""

from __future__ import annotations

import streamlit as st

from active_cnn.campaign.labelling import Task
from active_cnn.campaign.questions import (
    PERFORMANCE_SIZE,
    RELABEL_SIZE,
    draw_performance_sample,
    draw_relabel_query,
)
from active_cnn.query.strategies import STRATEGIES
from active_cnn.records import Purpose, Query
from active_cnn.ui import cached
from active_cnn.ui.page import View, acting, say
from active_cnn.ui.text import plain

MOST = 5000
_SEED_HELP = "Empty: derived from the campaign's seed. The same seed draws the same spectra."


def offer_relabel_query(view: View) -> None:
    """Ask how to choose the next spectra to label, and draw them."""
    st.radio(
        "Strategy",
        list(STRATEGIES),
        key="strategy",
        captions=[_first_line(function.__doc__) for function in STRATEGIES.values()],
        horizontal=True,
    )
    _ask_size_and_seed("Number of spectra", RELABEL_SIZE, Purpose.RELABEL)
    n_drawn = view.store.count_queries(view.campaign.name)
    st.container(key="draw-relabel").button(
        "Draw",
        key=f"draw-relabel-{view.campaign.name}-{n_drawn}",
        type="primary",
        on_click=_draw_relabel,
        args=(view.campaign.name, n_drawn),
    )
    _show_drawn(view, Purpose.RELABEL)


def offer_performance_sample(view: View) -> None:
    """Ask how many predicted targets to measure, and draw them."""
    targets = " and ".join(view.campaign.targets)
    _ask_size_and_seed(f"Spectra of each class ({targets})", PERFORMANCE_SIZE, Purpose.PERFORMANCE)
    n_drawn = view.store.count_queries(view.campaign.name)
    st.container(key="draw-performance").button(
        "Draw",
        key=f"draw-performance-{view.campaign.name}-{n_drawn}",
        type="primary",
        on_click=_draw_performance,
        args=(view.campaign.name, n_drawn),
    )
    _show_drawn(view, Purpose.PERFORMANCE)


def _first_line(docstring: str | None) -> str:
    return (docstring or "").strip().splitlines()[0]


def _ask_size_and_seed(label: str, default: int, purpose: Purpose) -> None:
    left, right = st.columns(2)
    left.number_input(label, 1, MOST, default, key=f"size-{purpose.value}")
    right.number_input(
        "Seed",
        0,
        2**32 - 1,
        None,
        key=f"seed-{purpose.value}",
        placeholder="from the campaign",
        help=_SEED_HELP,
    )


def _asked(purpose: Purpose) -> tuple[int, int | None]:
    # What stands in the fields at the click; the run that drew the button may have seen less.
    return st.session_state[f"size-{purpose.value}"], st.session_state[f"seed-{purpose.value}"]


def _show_drawn(view: View, purpose: Purpose) -> None:
    for query in cached.desk(view.store, view.campaign, Task(purpose.value)).drawn:
        st.caption(
            f"Drawn as query {query.number}: {len(query.items)} spectra, {plain(query.strategy)}, "
            f"seed {query.seed}. {plain(query.notice)}"
        )


# The count of queries goes with the click: a second one on the same button draws nothing more.
@acting
def _draw_relabel(view: View, n_drawn: int) -> None:
    if view.store.count_queries(view.campaign.name) == n_drawn:
        strategy = st.session_state["strategy"]
        size, seed = _asked(Purpose.RELABEL)
        _tell(draw_relabel_query(view.store, view.campaign, strategy, size, seed))


@acting
def _draw_performance(view: View, n_drawn: int) -> None:
    if view.store.count_queries(view.campaign.name) == n_drawn:
        size, seed = _asked(Purpose.PERFORMANCE)
        _tell(draw_performance_sample(view.store, view.campaign, size, seed))


def _tell(query: Query) -> None:
    st.query_params.pop("identifier", None)
    say(f"{len(query.items)} spectra were drawn with the seed {query.seed}. {plain(query.notice)}")
