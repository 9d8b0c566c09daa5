"""The judging of spectra one by one, the same for every task: the component and its server side.

What the browser has to know to paint the next spectrum lies there already; here its acts are
stored and it is told what comes next. See `ui/protocol.py`.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import cache
from typing import Any

import pandas as pd
import streamlit as st

from active_cnn.campaign.labelling import Desk, Question, Task, said_by
from active_cnn.campaign.store import Store
from active_cnn.errors import ActiveCnnError
from active_cnn.records import SharingMode
from active_cnn.settings import Settings
from active_cnn.ui import cached, identity, protocol
from active_cnn.ui.page import View
from active_cnn.ui.paging import page_of
from active_cnn.ui.text import plain

# Seconds; the browser keeps its acts and tries again. It hears of it before it takes what it sent
# for lost (PATIENCE in labeller/desk.js).
LOCK_TIMEOUT = 1.5
_ASKED_TO_OPEN = "asked to open"


@cache
def _component() -> Any:
    # The browser fetches the files once; they are declared in pyproject.toml.
    return st.components.v2.component("active-cnn.labeller", js="labeller.js", css="labeller.css")


def judge(view: View, task: Task) -> None:
    """Show one spectrum after the other and take the oracle's answers.

    Parameters
    ----------
    view : View
        Whose campaign, and who judges.
    task : Task
        Which of its questions.
    """
    for key, names in view.campaign.shared_keys.items():
        st.warning(
            f"The answers {plain(' and '.join(names))} have one key, {plain(key.upper())}, where "
            "capitals do not count: it gives none of them. Click them, or give each a key of its "
            "own in Overview, Settings."
        )
    _desk(view.campaign.name, task)


def _nothing() -> None:
    """Stand for a callback: a component has the values only whose changes somebody listens to."""


@st.fragment
def _desk(name: str, task: Task) -> None:
    key = f"desk-{task.value}"
    said = st.session_state.get(key, {}).get("said") or {}
    answer = _answer(name, task, said)
    nonce = said.get("nonce") if isinstance(said, dict) else None
    answer["nonce"] = nonce if isinstance(nonce, int) else 0
    answer["address"] = st.query_params.get("identifier")
    answer["open"] = _asked_to_open(said)
    result = _component()(
        key=key,
        data=protocol.encode(answer),
        on_said_change=_nothing,
        on_settled_change=_nothing,
    )
    if result.settled:
        st.rerun()


def _asked_to_open(said: object) -> dict[str, str] | None:
    # Until the browser has done it: a desk that is laid out later has nothing to do with it.
    asked: dict[str, str] | None = st.session_state.get(_ASKED_TO_OPEN)
    if asked and isinstance(said, dict) and said.get("opened") == asked["request"]:
        asked = st.session_state[_ASKED_TO_OPEN] = None
    return asked


def _answer(name: str, task: Task, said: object) -> dict[str, Any]:
    try:
        # Asked anew: a page may outlive the right to enter.
        oracle = identity.signing_name()
        with Store(Settings.from_environment().home, timeout=LOCK_TIMEOUT) as store:
            campaign = store.campaign(name)
            desk = cached.desk(store, campaign, task)
            return protocol.reply(
                store,
                campaign,
                desk,
                oracle,
                protocol.read_message(said),
                lambda identifiers: cached.sheets_of(store, campaign, identifiers),
                lambda: cached.class_means(store, campaign),
            )
    except ActiveCnnError as error:
        return protocol.trouble(error)


def show_list(view: View, desk: Desk) -> None:
    """List all that is asked, to open or correct any of it."""
    with (
        st.expander("All spectra asked about: select a row to open or correct it"),
        page_of(len(desk.questions), f"list-{desk.task.value}") as shown,
    ):
        select_to_open(
            _list(view, desk, desk.questions[shown]),
            f"list-{desk.task.value}-{view.campaign.name}-{shown.start}",
            height=300,
            column_config={"probability": st.column_config.NumberColumn(format="%.3f")},
        )


def select_to_open(table: pd.DataFrame, key: str, **shown: Any) -> None:
    """Show spectra by row, of which the desk opens the one that is selected.

    Parameters
    ----------
    table : DataFrame
        With a column `identifier`.
    key : str
        Its own among the page's.
    **shown
        How `st.dataframe` shows it.
    """
    asked = st.session_state.get(_ASKED_TO_OPEN) or {"request": ""}
    selected = st.dataframe(
        table,
        # Another one after each opening: the selection that led here must not linger.
        key=f"{key}-{asked['request']}",
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        **shown,
    )
    rows: Sequence[int] = selected["selection"]["rows"]
    if rows:
        identifier = str(table["identifier"].iloc[rows[0]])
        st.session_state[_ASKED_TO_OPEN] = {"request": uuid.uuid4().hex, "identifier": identifier}
        st.rerun()


def _list(view: View, desk: Desk, questions: Sequence[Question]) -> pd.DataFrame:
    said = said_by(view.store.opinions(view.campaign.name, queries=desk.queries))
    current = view.store.current_answers(view.campaign.name)
    # Who judges apart from the others sees no more here than on the desk.
    is_alone = view.store.sharing(view.campaign.name).mode is SharingMode.DOUBLE

    def row(one: Question) -> dict[str, Any]:
        identifier = one.item.identifier
        own, counting = said.get(identifier, {}).get(view.name), current.get(identifier)
        hidden = is_alone and own is None
        mine = own if is_alone else counting.answer if counting else None
        return {
            "identifier": identifier,
            "predicted": None if hidden else one.item.predicted,
            "probability": None if hidden else max(one.item.probabilities),
            "answer": mine or "",
            "people": len(said.get(identifier, ())),
            "note": counting.note if counting and not is_alone else "",
            "query": one.query.number,
        }

    return pd.DataFrame([row(one) for one in questions])
