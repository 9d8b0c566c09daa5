"""Drawing spectra for the oracle: how many, how chosen, with which seed."""

from __future__ import annotations

import streamlit as st

from active_cnn.campaign.labelling import Task
from active_cnn.campaign.relabelling import (
    RELABEL_SIZE,
    SIMILAR_SIZE,
    Screen,
    ask_about,
    draw_relabel_query,
    draw_similar_query,
)
from active_cnn.campaign.sampling import PERFORMANCE_SIZE, draw_performance_sample
from active_cnn.names import trim
from active_cnn.query.strategies import DEFAULT_SHARES, MIXED, PLAIN, STRATEGIES
from active_cnn.records import Purpose, Query
from active_cnn.ui import cached
from active_cnn.ui.page import View, acting, say
from active_cnn.ui.text import plain
from active_cnn.wording import one_or_many, percent

MOST = 5000
REPEATED = 0.05  # of a batch
# Where drawn spectra are judged, seen from the page that they were drawn on.
HERE, ELSEWHERE = "here", "on the page Relabel"
_SEED_HELP = "Empty: derived from the campaign's seed. The same seed draws the same spectra."


def offer_relabel_query(view: View) -> None:
    """Ask how to choose the next spectra to label, and draw them."""
    left, right = st.columns([2, 3], vertical_alignment="top")
    strategy = left.selectbox("Strategy", list(STRATEGIES), key="strategy")
    left.caption(STRATEGIES[strategy])
    with right:
        if strategy == MIXED:
            _ask_shares()
    _ask_size_and_seed("Number of spectra", RELABEL_SIZE, Purpose.RELABEL)
    with st.container(horizontal=True):
        st.checkbox(
            "Leave out look-alikes",
            value=True,
            key="no-lookalikes",
            help="Further spectra of a star, and windows that are nearly the same: a second one "
            "teaches little.",
        )
        st.checkbox(
            "Leave out what the instrument did",
            value=True,
            key="no-instrumental",
            help="Spectra that are remarkable for a cosmic ray, dead pixels or the night sky.",
        )
        st.checkbox(
            f"Blind repeats ({percent(REPEATED)})",
            value=False,
            key="repeats",
            help="Spectra that you have judged come again among the new ones, unmarked: the page "
            "Agreement shows whether you say the same. These answers train nothing.",
        )
    n_drawn = view.store.count_queries(view.campaign.name)
    st.container(key="draw-relabel").button(
        "Draw",
        key=f"draw-relabel-{view.campaign.name}-{n_drawn}",
        type="primary",
        on_click=_draw_relabel,
        args=(view.campaign.name, n_drawn),
    )
    _show_drawn(view, Purpose.RELABEL)


def _ask_shares() -> None:
    parts = st.multiselect("Mixture of", list(PLAIN), list(DEFAULT_SHARES), key="parts")
    for name, place in zip(parts, st.columns(max(len(parts), 1)), strict=False):
        place.number_input(
            f"{name} (%)",
            0,
            100,
            round(100 * DEFAULT_SHARES.get(name, 0.1)),
            key=f"share-{name}",
            help=STRATEGIES[name],
        )


def offer_questions_about(view: View, identifier: str, where: str = ELSEWHERE) -> None:
    """Offer to ask about one spectrum, or about those most like it; `where` they are judged."""
    n_drawn = view.store.count_queries(view.campaign.name)
    with st.container(horizontal=True):
        for name, label, act in (
            ("one", "Ask about this one", _ask_about),
            ("similar", f"Ask about {SIMILAR_SIZE} more like this", _draw_similar),
        ):
            st.button(
                label,
                key=f"ask-{name}-{view.campaign.name}-{n_drawn}",
                on_click=act,
                args=(view.campaign.name, n_drawn, identifier, where),
                help=f"As a query of its own, to be judged {where}.",
            )


def offer_named_question(view: View) -> None:
    """Ask for an identifier, and offer to ask about that spectrum or those like it."""
    named = st.text_input(
        "Identifier of a spectrum of the pool",
        key="asked-about",
        placeholder="as in the candidates",
    )
    identifier = trim(named)
    if identifier:
        offer_questions_about(view, identifier, HERE)


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
        n = len(query.items)
        st.caption(
            f"Drawn as query {query.number}: {n:,} {one_or_many(n, 'spectrum', 'spectra')}, "
            f"{plain(query.strategy)}, seed {query.seed}. {plain(query.notice)}"
        )


# The count of queries goes with the click: a second one on the same button draws nothing more.
@acting
def _draw_relabel(view: View, n_drawn: int) -> None:
    if view.store.count_queries(view.campaign.name) == n_drawn:
        state = st.session_state
        size, seed = _asked(Purpose.RELABEL)
        shares = None
        if state["strategy"] == MIXED:
            shares = {name: float(state[f"share-{name}"]) for name in state["parts"]}
        query = draw_relabel_query(
            view.store,
            view.campaign,
            state["strategy"],
            size,
            seed,
            shares=shares,
            screen=Screen(state["no-lookalikes"], state["no-instrumental"]),
            repeats=REPEATED if state["repeats"] else 0.0,
        )
        _tell(query, HERE)


@acting
def _draw_similar(view: View, n_drawn: int, identifier: str, where: str) -> None:
    if view.store.count_queries(view.campaign.name) == n_drawn:
        _tell(draw_similar_query(view.store, view.campaign, [identifier]), where)


@acting
def _ask_about(view: View, n_drawn: int, identifier: str, where: str) -> None:
    if view.store.count_queries(view.campaign.name) == n_drawn:
        _tell(ask_about(view.store, view.campaign, identifier), where)


@acting
def _draw_performance(view: View, n_drawn: int) -> None:
    if view.store.count_queries(view.campaign.name) == n_drawn:
        size, seed = _asked(Purpose.PERFORMANCE)
        _tell(draw_performance_sample(view.store, view.campaign, size, seed), HERE)


def _tell(query: Query, where: str) -> None:
    st.query_params.pop("identifier", None)
    n = len(query.items)
    say(
        f"{n:,} {one_or_many(n, 'spectrum was', 'spectra were')} drawn with the seed {query.seed}, "
        f"to be judged {where}. "
        f"{plain(query.notice)}"
    )
