"""The panel that says whether to stop."""

from __future__ import annotations

import streamlit as st

from active_cnn.campaign.stopping import advise_stopping, read_goals, set_goals
from active_cnn.evaluation.stopping import Goals, Light, Stopping
from active_cnn.ui import cached
from active_cnn.ui.page import View, acting, say
from active_cnn.ui.text import plain

_COLOURS = {Light.MET: "green", Light.NEAR: "orange", Light.FAR: "red", Light.UNKNOWN: "gray"}
_GOALS = {
    "precision": ("Precision of each class (%)", 50.0, 99.9),
    "recall": ("Audited recall (%)", 5.0, 99.9),
    "agreement": ("Agreement of networks, κ (%)", 50.0, 99.99),
    "yield_": ("New targets per 100 labels", 0.0, 100.0),
}


def show_stopping(view: View) -> None:
    """Show each criterion with its figure, goal and light, and the advice."""
    agreement = cached.kappas(view.store, view.campaign)
    found = advise_stopping(view.store, view.campaign, agreement)
    if found is None:
        return
    with st.container(border=True, key="stopping"):
        st.markdown(f"**When to stop.** {plain(found.advice)}")
        st.markdown(stopping_table(found))
        with st.popover("Set the goals", key="goals"):
            _ask_goals(view)


def stopping_table(found: Stopping) -> str:
    """Put the criteria into rows, each with its light, as Markdown."""
    rows = [
        f"| :{_COLOURS[one.light]}-badge[{one.light}] | {plain(one.name)} | {plain(one.figure)} "
        f"| {plain(one.goal)} |"
        for one in found.criteria
    ]
    return "\n".join(["| | criterion | now | goal |", "|---|---|---|---|", *rows])


def _ask_goals(view: View) -> None:
    goals = read_goals(view.store, view.campaign)
    for name, (label, low, high) in _GOALS.items():
        value = getattr(goals, name) * (1 if name == "yield_" else 100)
        st.number_input(label, low, high, float(value), key=f"goal-{name}")
    st.button("Keep these goals", key="keep-goals", on_click=_keep, args=(view.campaign.name,))


@acting
def _keep(view: View) -> None:
    given = {name: st.session_state[f"goal-{name}"] for name in _GOALS}
    shares = {name: v if name == "yield_" else v / 100 for name, v in given.items()}
    set_goals(view.store, view.campaign, Goals(**shares))
    say("The goals are kept.")
