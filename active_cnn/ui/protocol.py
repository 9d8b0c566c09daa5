"""What the labelling page in the browser and the server say to each other; plain values only.

The browser sends everything that it does not know to be stored, again and again; the server
stores each act once and answers with the acts that are on the disk, what comes next and the
spectra that the browser lacks. Whatever comes from a browser is checked here.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from active_cnn.campaign.labelling import (
    Desk,
    Question,
    Task,
    find_work,
    history,
    may_see,
    record,
)
from active_cnn.campaign.standing import Standing, follow
from active_cnn.campaign.store import Store
from active_cnn.errors import ActiveCnnError
from active_cnn.grid import Spacing
from active_cnn.keys import ACTIONS
from active_cnn.names import trim
from active_cnn.records import (
    Answer,
    AnswerEvent,
    Campaign,
    Purpose,
    Query,
    QueryItem,
    Sharing,
    SharingMode,
)
from active_cnn.ui.palette import class_colours

AHEAD = 36  # spectra that the browser is to hold, so that nobody waits for one
MOST_AT_ONCE = 12  # spectra in one message
MOST_NAMES = 500
MOST_ACTS = 500  # in one message; the browser sends the others again
_LARGEST = 2**62  # SQLite's integers end soon after


@dataclass(frozen=True)
class Message:
    """What a browser says.

    Parameters
    ----------
    desk : str
        The desk that it has been told of.
    events : tuple of (str, AnswerEvent)
        Acts that it does not know to be stored, each with the name of the oracle who did it.
    have, want, deferred : tuple of str
        Spectra that it holds, that it lacks at once, and that the oracle has put off.
    last : int
        The last event of the oracle's own history that it knows.
    room : int
        How many spectra it would like now besides those that it lacks at once.
    """

    desk: str = ""
    events: tuple[tuple[str, AnswerEvent], ...] = ()
    have: tuple[str, ...] = ()
    want: tuple[str, ...] = ()
    deferred: tuple[str, ...] = ()
    last: int = 0
    room: int = MOST_AT_ONCE
    malformed: dict[str, str] = field(default_factory=dict)


def read_message(said: object) -> Message:
    """Read what a browser sent; what is not understood is left out, and malformed acts named."""
    if not isinstance(said, dict):
        return Message()
    events, malformed = [], {}
    given = said.get("events")
    for one in given[:MOST_ACTS] if isinstance(given, list) else []:
        try:
            events.append(_read_event(one))
        except (TypeError, ValueError, KeyError, OverflowError):
            if isinstance(one, dict) and isinstance(one.get("event"), str):
                malformed[one["event"]] = "The page sent an answer that is none: reload it."
    last, room = said.get("last"), said.get("room")
    return Message(
        desk=said["desk"] if isinstance(said.get("desk"), str) else "",
        events=tuple(events),
        have=_names(said.get("have")),
        want=_names(said.get("want")),
        deferred=_names(said.get("deferred")),
        last=last if isinstance(last, int) and 0 <= last < _LARGEST else 0,
        room=min(room, MOST_AT_ONCE) if isinstance(room, int) and room >= 0 else MOST_AT_ONCE,
        malformed=malformed,
    )


def _read_event(one: Any) -> tuple[str, AnswerEvent]:
    seconds = one["seconds"]
    if seconds is not None and not (
        isinstance(seconds, int | float) and math.isfinite(seconds) and seconds >= 0
    ):
        raise ValueError(seconds)
    names = (one["event"], one["identifier"], one["oracle"])
    optional = tuple(text for text in (one["answer"], one["undoes"]) if text is not None)
    if not all(isinstance(text, str) for text in (*names, *optional, one["note"])):
        raise TypeError(one)
    if type(one["query"]) is not int or not 0 < one["query"] < _LARGEST:
        raise ValueError(one)
    for text in (*names, *optional):
        text.encode()  # refuses half a character
    return one["oracle"], AnswerEvent(
        event=one["event"],
        query=one["query"],
        identifier=trim(one["identifier"]),
        answer=one["answer"],
        # A field of limited length may end with half a character.
        note=one["note"].encode(errors="replace").decode().strip(),
        seconds=None if seconds is None else float(seconds),
        undoes=one["undoes"],
    )


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(one for one in value[:MOST_NAMES] if isinstance(one, str))


def reply(
    store: Store,
    campaign: Campaign,
    desk: Desk,
    oracle: str,
    message: Message,
    sheets: Callable[[Sequence[str]], Sequence[str]],
    means: Callable[[], dict[str, Any]],
    standing: Standing | None = None,
) -> dict[str, Any]:
    """Store what the browser sent, and say what it needs to go on.

    Parameters
    ----------
    store, campaign, desk, oracle
        Who judges what.
    message : Message
        What the browser said.
    sheets : callable
        Gives the sheets of some spectra as JSON, see `campaign.sheets`.
    means : callable
        Gives the mean windows of the classes.
    standing : Standing, optional
        Of the campaign; by default the one that all share.

    Returns
    -------
    dict
        `received`: acts that are on the disk; `refused`: those that never will be, with the
        reason; `held`: those of another person; then desk, work (None where nothing was asked but
        a receipt), history and spectra; `unknown`: spectra that were wanted and do not lie on
        this desk.

    Raises
    ------
    StoreError
        If nothing could be stored; the browser keeps its acts.
    """
    mine = [event for name, event in message.events if name == oracle]
    held = {event.event: name for name, event in message.events if name != oracle}
    refused = {
        **message.malformed,
        **record(store, campaign, desk.task, mine, oracle),
    }
    sharing = store.sharing(campaign.name)
    standing = standing or follow(store, campaign.name)
    asked = desk.asked_of(oracle, standing.look(store) if desk.repeats else standing)
    desk_id = _desk_id(campaign, desk, oracle, sharing)
    is_new = message.desk != desk_id
    # A page that has enough before it waits for the receipt alone.
    has_work = message.room or message.want or is_new or not all(one.answer for one in mine)
    work = (
        find_work(store, campaign, desk, oracle, message.deferred, standing) if has_work else None
    )
    own = history(store, campaign, desk, oracle, 0 if is_new else message.last)
    # What may be shown of a spectrum can be another thing on another desk.
    have, room = ((), MOST_AT_ONCE) if is_new else (message.have, message.room)
    wanted = [name for name in dict.fromkeys(message.want) if name in asked]
    following = work.identifiers if work else ()
    ahead = [name for name in following[:AHEAD] if name not in {*have, *wanted}]
    lacking = [*wanted, *ahead[:room]][:MOST_AT_ONCE]
    return {
        "deskId": desk_id,
        "desk": describe_desk(campaign, desk, oracle, sharing, means()) if is_new else None,
        "received": [event.event for event in mine if event.event not in refused],
        "refused": refused,
        "held": held,
        "work": work.identifiers[: 2 * AHEAD] if work else None,
        "nDone": work.n_done if work else None,
        "nAsked": len(asked),
        "history": [_event(one) for one in own],
        "spectra": list(
            zip(
                sheets(lacking),
                [_told(store, campaign, asked[name], desk, oracle, sharing) for name in lacking],
                strict=True,
            )
        ),
        "unknown": [name for name in message.want if name not in asked],
        "trouble": "",
    }


def place_of(campaign: Campaign, task: Task) -> str:
    """Name what a browser keeps its acts under; never the same for another campaign."""
    return f"{campaign.name}/{campaign.created_at}/{task.value}"


def trouble(error: ActiveCnnError) -> dict[str, Any]:
    """Say why nothing could be stored just now; the browser tries again."""
    return {"trouble": str(error)}


def encode(answer: dict[str, Any]) -> bytes:
    """Write a reply down as the component takes it; the sheets are JSON already."""
    spectra = answer.pop("spectra", [])
    text = json.dumps(answer, allow_nan=False, separators=(",", ":"))
    listed = ",".join(f'{{"sheet":{sheet},"told":{json.dumps(told)}}}' for sheet, told in spectra)
    return f'{text[:-1]},"spectra":[{listed}]}}'.encode()


def _desk_id(campaign: Campaign, desk: Desk, oracle: str, sharing: Sharing) -> str:
    parts = (
        campaign.name, campaign.created_at, campaign.classes, campaign.keys, desk.task,
        desk.queries, len(desk.questions), oracle, sharing,
    )  # fmt: skip
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]


def describe_desk(
    campaign: Campaign, desk: Desk, oracle: str, sharing: Sharing, means: dict[str, Any]
) -> dict[str, Any]:
    """Say what stays the same while a desk is worked on: classes, keys, lines, colours."""
    answers = class_colours(
        [one.name for one in campaign.classes],
        list(campaign.target_answers),
    )
    return {
        "place": place_of(campaign, desk.task),
        "task": desk.task.value,
        "oracle": oracle,
        "isBlind": sharing.mode is SharingMode.DOUBLE and desk.task is not Task.ADJUDICATE,
        "classes": [
            {"name": one.name, "key": campaign.class_keys[one.name], "colour": answers[one.name]}
            for one in campaign.classes
        ],
        "confirms": {name: campaign.confirms(name).name for name in campaign.network_classes},
        "networkClasses": list(campaign.network_classes),
        "colours": class_colours(campaign.network_classes, campaign.targets),
        "actions": [
            {"name": name, "label": label, "key": campaign.keys[name]}
            for name, (label, _) in ACTIONS.items()
        ],
        "windows": [
            {
                "start": one.start,
                "end": one.end,
                "n": one.n,
                "isLog": one.spacing is Spacing.LOG,
            }
            for one in campaign.grid.windows
        ],
        "lines": [{"name": one.name, "wavelength": one.wavelength} for one in campaign.lines],
        "means": means,
    }


def _told(
    store: Store,
    campaign: Campaign,
    question: Question,
    desk: Desk,
    oracle: str,
    sharing: Sharing,
) -> dict[str, Any]:
    # What is said of a spectrum besides what it looks like. Who judges blind is not even sent it.
    item, query = question.item, question.query
    repeat = query.number if item.is_repeat else None
    events = store.events_on(campaign.name, item.identifier, repeat=repeat)
    latest = {one.oracle: one.answer for one in events if not one.is_adjudication}
    judges = {name for name, answer in latest.items() if answer}
    if desk.task is Task.ADJUDICATE:
        hidden = is_alone = not may_see(judges, sharing, oracle)
    else:
        # Who judges apart from the others does so before and after the answer.
        is_alone = sharing.mode is SharingMode.DOUBLE or item.is_repeat
        hidden = sharing.mode is SharingMode.DOUBLE and oracle not in judges
    # A blind repeat says why it was chosen as the item of its query does that it is most like.
    shown = _most_like(query, item) if item.is_repeat else item
    # The stratum of an audit would tell what the network thinks of the spectrum.
    is_told = shown.chosen_by and not hidden and query.purpose is Purpose.RELABEL
    chosen = f"; chosen by {shown.chosen_by}" if is_told else ""
    return {
        "query": query.number,
        "why": f"query {query.number}: {query.strategy}{_describe_shares(query)}, "
        f"seed {query.seed}, iteration {query.iteration}{chosen}",
        "score": None if hidden else shown.score,
        "predicted": None if hidden else item.predicted,
        "probabilities": None if hidden else list(item.probabilities),
        "said": [_event(one) for one in events if one.oracle == oracle or not is_alone],
    }


def _describe_shares(query: Query) -> str:
    # A design is read from files too: whatever stands there must not hold up the desk.
    shares = query.design.get("shares")
    parts = [
        f"{100 * share:.0f} % {name}"
        for name, share in (shares.items() if isinstance(shares, dict) else ())
        if isinstance(share, float)
    ]
    return f" ({', '.join(parts)})" if parts else ""


def _most_like(query: Query, item: QueryItem) -> QueryItem:
    others = [one for one in query.items if not one.is_repeat]
    if not others:
        return replace(item, chosen_by="", score=None)
    return min(others, key=lambda one: math.dist(one.probabilities, item.probabilities))


def _event(one: Answer) -> dict[str, Any]:
    return {
        "sequence": one.sequence,
        "event": one.event,
        "query": one.query,
        "identifier": one.identifier,
        "answer": one.answer,
        "note": one.note,
        "oracle": one.oracle,
        "at": one.at,
        "undoes": one.undoes,
        "isAdjudication": one.is_adjudication,
    }
