"""What the components in a browser say and are told, without a browser."""

from __future__ import annotations

import json
from typing import Any

from streamlit.components.v2.bidi_component.constants import EVENT_DELIM
from streamlit.proto.BidiComponent_pb2 import BidiComponent
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.state.session_state import STREAMLIT_INTERNAL_KEY_PREFIX
from streamlit.testing.v1 import AppTest

from active_cnn.records import Query

LABELLER, OUTBOX = "active-cnn.labeller", "active-cnn.outbox"


def act(
    query: Query,
    position: int,
    answer: str | None,
    event: str = "a.1.0",
    *,
    oracle: str = "tester",
    **more: Any,
) -> dict[str, Any]:
    """Give what the labelling page makes of a press of a key."""
    return {
        "event": event,
        "query": query.number,
        "identifier": query.items[position].identifier,
        "answer": answer,
        "note": "",
        "seconds": 0.8,
        "undoes": None,
        "oracle": oracle,
        **more,
    }


def mounted(at: AppTest, name: str = LABELLER) -> list[BidiComponent]:
    """Give the components of a name on a page."""
    found = [element.proto for element in at.get("bidi_component")]
    return [one for one in found if one.component_name == name]


def told(at: AppTest, name: str = LABELLER) -> dict[str, Any]:
    """Give what the server has told the only component of a name."""
    (component,) = mounted(at, name)
    data = component.bytes if component.WhichOneof("data") == "bytes" else component.json
    return json.loads(data)


def say(at: AppTest, name: str = LABELLER, **values: Any) -> dict[str, Any]:
    """Set values of a component as the browser does, and give what it is told.

    AppTest knows no components: what the browser sends is put in beside its widgets.
    """
    (component,) = mounted(at, name)
    states = at.main.root.get_widget_states()
    states.widgets.add(id=component.id, json_value=json.dumps(values))
    _run(at, states)
    return told(at, name)


def settle(at: AppTest) -> AppTest:
    """Tell the rest of the page that nothing waits any more, as the browser does after a while."""
    (component,) = mounted(at)
    states = at.main.root.get_widget_states()
    trigger = f"{STREAMLIT_INTERNAL_KEY_PREFIX}_{component.id}{EVENT_DELIM}events"
    payload = [{"event": "settled", "value": 1}]
    states.widgets.add(id=trigger, json_trigger_value=json.dumps(payload))
    return _run(at, states)


def select_row(at: AppTest, key: str, row: int) -> AppTest:
    """Select a row of a table whose key begins so; AppTest knows no selections either."""
    (table,) = [one for one in at.dataframe if key in one.proto.id]
    states = at.main.root.get_widget_states()
    selection = {"selection": {"rows": [row], "columns": [], "cells": []}}
    states.widgets.add(id=table.proto.id, string_value=json.dumps(selection))
    return _run(at, states)


def _run(at: AppTest, states: WidgetStates) -> AppTest:
    at._run(states)
    assert not at.exception, at.exception[0].value
    return at


def give(at: AppTest, *acts: dict[str, Any]) -> dict[str, Any]:
    """Say some acts to the labelling page, and give its reply."""
    return say(at, said={"events": list(acts), "nonce": 1})


def sheets(reply: dict[str, Any]) -> list[str]:
    """Give the identifiers of the spectra that came with a reply."""
    return [one["sheet"]["identifier"] for one in reply["spectra"]]
