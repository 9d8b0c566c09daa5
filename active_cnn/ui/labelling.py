"""The judging of spectra one by one, the same for every task: the component and its server side.

What the browser has to know to paint the next spectrum lies there already; here its acts are
stored and it is told what comes next. See `ui/protocol.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import pandas as pd
import streamlit as st

from active_cnn.campaign.labelling import Desk, Task, said_by
from active_cnn.campaign.store import Store
from active_cnn.errors import ActiveCnnError
from active_cnn.settings import Settings
from active_cnn.ui import cached, identity, protocol
from active_cnn.ui.page import View

LOCK_TIMEOUT = 4.0  # seconds: the browser keeps its acts and tries again
_OPEN = "identifier"  # in the URL
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
    asked_for = st.query_params.get(_OPEN)
    if asked_for and st.session_state.get(_ASKED_TO_OPEN) is None:
        _ask_to_open(asked_for)
    _desk(view.campaign.name, task)


def _ask_to_open(identifier: str) -> None:
    number = (st.session_state.get(_ASKED_TO_OPEN) or {"number": 0})["number"] + 1
    st.session_state[_ASKED_TO_OPEN] = {"number": number, "identifier": identifier}


def _nothing() -> None:
    """Stand for a callback: a component has the values only whose changes somebody listens to."""


@st.fragment
def _desk(name: str, task: Task) -> None:
    key = f"desk-{task.value}"
    said = st.session_state.get(key, {}).get("said") or {}
    answer = _answer(name, task, said)
    answer["nonce"] = said.get("nonce", 0) if isinstance(said, dict) else 0
    answer["open"] = st.session_state.get(_ASKED_TO_OPEN)
    result = _component()(
        key=key,
        data=protocol.encode(answer),
        on_said_change=_nothing,
        on_settled_change=_nothing,
    )
    if result.settled:
        st.rerun()


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
    opinions = said_by(view.store.opinions(view.campaign.name, queries=desk.queries))
    current = view.store.current_answers(view.campaign.name)
    table = pd.DataFrame(
        {
            "identifier": [one.item.identifier for one in desk.questions],
            "predicted": [one.item.predicted for one in desk.questions],
            "probability": [max(one.item.probabilities) for one in desk.questions],
            "answer": [_counting(current, one.item.identifier) for one in desk.questions],
            "people": [len(opinions.get(one.item.identifier, ())) for one in desk.questions],
            "note": [
                current[one.item.identifier].note if one.item.identifier in current else ""
                for one in desk.questions
            ],
            "query": [one.query.number for one in desk.questions],
        }
    )
    with st.expander("All spectra asked about: select a row to open or correct it"):
        opened = (st.session_state.get(_ASKED_TO_OPEN) or {"number": 0})["number"]
        # A key of its own for each opening: the selection that led here must not linger.
        selected = st.dataframe(
            table,
            key=f"list-{desk.task.value}-{view.campaign.name}-{opened}",
            hide_index=True,
            height=300,
            on_select="rerun",
            selection_mode="single-row",
            column_config={"probability": st.column_config.NumberColumn(format="percent")},
        )
    rows: Sequence[int] = selected["selection"]["rows"]
    if rows:
        _ask_to_open(str(table["identifier"].iloc[rows[0]]))
        st.rerun()


def _counting(current: dict[str, Any], identifier: str) -> str:
    return current[identifier].answer if identifier in current else ""
