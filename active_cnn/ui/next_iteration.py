"""The way from one iteration to the next, with what it will do."""

from __future__ import annotations

import streamlit as st

from active_cnn.campaign.campaign import close_iteration
from active_cnn.campaign.overview import joining_answers
from active_cnn.ui import cached
from active_cnn.ui.page import AGREEMENT, TRAIN, View, acting, link, say
from active_cnn.wording import one_or_many


def offer_next_iteration(view: View) -> None:
    """Say what going on means, and do it on a second click."""
    iteration = view.iteration
    joining = joining_answers(view.store, view.campaign)
    trainable = {name: n for name, n in joining.items() if n and name in view.campaign.trains}
    left_out = {name: n for name, n in joining.items() if n and name not in view.campaign.trains}
    st.subheader("Next iteration", anchor=False)
    if trainable:
        n = sum(trainable.values())
        joining_now = one_or_many(n, "new answer joins", "new answers join")
        what = f"{n:,} {joining_now} the training set ({_list(trainable)})."
    else:
        what = "No new answer joins the training set: the next network would learn nothing new."
    if left_out:
        what += f" Left out: {_list(left_out)}."
    st.markdown(
        f"Going on closes iteration {iteration.number}, which then never changes again. {what} "
        f"Then iteration {iteration.number + 1} can be trained."
    )
    n_events = view.store.count_events(view.campaign.name)
    n_doubtful = len(cached.open_doubts(view.store, view.campaign, n_events))
    if n_doubtful:
        link(
            AGREEMENT,
            f"Look again at {n_doubtful:,} doubtful "
            f"{one_or_many(n_doubtful, 'answer', 'answers')} "
            "first: the network contradicts what was said",
            view.campaign,
            section="Adjudicate",
        )
    with st.popover(f"Go on to iteration {iteration.number + 1} …", key="next"):
        st.markdown(f"Close iteration {iteration.number}? It cannot be opened again.")
        st.button(
            f"Close iteration {iteration.number} and go on",
            key=f"close-{view.campaign.name}-{iteration.number}",
            type="primary",
            on_click=_close,
            args=(view.campaign.name, iteration.number),
        )


def _list(counts: dict[str, int]) -> str:
    return ", ".join(f"{n:,} {name}" for name, n in counts.items())


# The number goes with the click: a second one finds that iteration closed and does nothing.
@acting
def _close(view: View, number: int) -> None:
    opened = close_iteration(view.store, view.campaign, number)
    st.query_params.pop("identifier", None)
    say(f"Iteration {number} is closed. Next: train iteration {opened.number}.")


def offer_training(view: View, why: str) -> None:
    """Say that a page needs predictions, and where they are made."""
    st.info(why)
    link(TRAIN, f"Train iteration {view.iteration.number}", view.campaign)
