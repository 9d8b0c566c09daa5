"""Answers that a labelling page was left with before they were stored: every page takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import streamlit as st

from active_cnn.campaign.labelling import Task, record
from active_cnn.campaign.store import Store
from active_cnn.errors import ActiveCnnError
from active_cnn.records import Campaign
from active_cnn.settings import Settings
from active_cnn.ui import identity
from active_cnn.ui.protocol import Message, place_of, read_message

_KEY = "outbox"
_LOCK_TIMEOUT = 1.5  # seconds: no page waits longer, the browser keeps its acts and tries again


@cache
def _component() -> Any:
    return st.components.v2.component("active-cnn.outbox", js="flush.js", css="labeller.css")


@st.fragment
def store_what_waits() -> None:
    """Store what waits in this browser, and say how much of it is left."""
    acts = (st.session_state.get(_KEY) or {}).get("acts")
    waiting = acts.get("waiting") if isinstance(acts, dict) else None
    told = _store(waiting) if isinstance(waiting, list) else _told()
    _component()(key=_KEY, data=told, on_acts_change=lambda: None)


def _told(
    settled: Sequence[tuple[str, str]] = (),
    held: Sequence[str] = (),
    refused: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    # What is stored; what waits on; why what can never be stored was refused. The last one waits
    # too, until the labelling page has shown it to whoever gave it.
    return {"settled": list(settled), "held": list(held), "refused": dict(refused or {})}


def _store(waiting: list[object]) -> dict[str, Any]:
    places: dict[str, list[object]] = {}
    for one in waiting:
        if isinstance(one, dict) and isinstance(one.get("place"), str):
            places.setdefault(one["place"], []).append(one.get("act"))
    settled, held = [], []
    refused: dict[str, str] = {}
    try:
        oracle = identity.signing_name()
        with Store(Settings.from_environment().home, timeout=_LOCK_TIMEOUT) as store:
            known = {
                place_of(campaign, task): (campaign, task)
                for campaign in map(store.campaign, store.campaign_names())
                for task in Task
            }
            for place, acts in places.items():
                if place not in known:
                    # Of another server or of a campaign that is gone: kept where it is.
                    held += _events(acts)
                    continue
                message = read_message({"events": acts})
                objections = _record(store, *known[place], message, oracle)
                refused |= {**objections, **message.malformed}
                stored = {e.event for name, e in message.events if name == oracle} - set(objections)
                settled += [(place, event) for event in stored]
                held += [e.event for _, e in message.events if e.event not in stored]
                held += message.malformed
    except ActiveCnnError:
        return _told(settled)
    return _told(settled, held, refused)


def _events(acts: list[object]) -> list[str]:
    names = (one.get("event") for one in acts if isinstance(one, dict))
    return [name for name in names if isinstance(name, str)]


def _record(
    store: Store, campaign: Campaign, task: Task, message: Message, oracle: str
) -> dict[str, str]:
    mine = [event for name, event in message.events if name == oracle]
    return record(store, campaign, task, mine, oracle)
