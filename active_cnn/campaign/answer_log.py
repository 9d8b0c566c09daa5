"""Carry the log of answers from home to home: every event once, as it was given."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

from active_cnn.campaign.answer_files import (
    NotInOrder,
    check_ending,
    read_answers,
    stream_answers,
    write_answers,
)
from active_cnn.campaign.answer_spool import Spool
from active_cnn.campaign.files import open_pool
from active_cnn.campaign.logged_answer import LoggedAnswer, identify
from active_cnn.campaign.store import Store
from active_cnn.errors import CampaignError, SpectrumError, StoreError
from active_cnn.excerpt import shorten
from active_cnn.names import trim
from active_cnn.records import Answer, Campaign, Query, QueryItem
from active_cnn.times import EARLIEST, read_time
from active_cnn.whole_file import check_place

AT_ONCE = 500  # events that are looked up in one go

# What an event has to say the same of in every home; its query is compared by what it is known by.
_CONTENT = (
    "identifier", "answer", "note", "oracle", "at", "seconds", "undoes", "is_adjudication"
)  # fmt: skip


@dataclass(frozen=True)
class ImportReport:
    """What an import has stored.

    Parameters
    ----------
    n_new, n_known : int
        Events that were stored, and those that were there already.
    n_queries : int
        Queries that were new.
    n_overtaken : int
        Stored events on spectra of which the same oracle had said something here later than that.
        What was stored last counts, which is then the older answer.
    """

    n_new: int
    n_known: int
    n_queries: int
    n_overtaken: int


def export_answers(store: Store, path: Path, campaign: str | None = None) -> int:
    """Write every event of the log to a file: CSV, or JSON with the queries that asked.

    Parameters
    ----------
    store : Store
        Of the home.
    path : Path
        Its ending, .csv or .json, gives the format.
    campaign : str, optional
        Only this one's; all by default.

    Returns
    -------
    int
        How many events there are.

    Raises
    ------
    CampaignError
        If there is no such campaign, or none at all.
    StoreError
        If the file cannot be written.
    """
    check_ending(path)
    check_place(path)
    logged = []
    for name in [store.campaign(campaign).name] if campaign else _all_campaigns(store):
        # In this order: while people work, a later answer may come from a later query.
        answers = store.answer_log(name)
        queries = {query.number: query for query in store.all_queries(name)}
        items = {number: _items_of(query) for number, query in queries.items()}
        started = {job.number: job.created_at for job in store.jobs(name)}
        for answer in answers:
            query = queries[answer.query]
            item = items[query.number][answer.identifier]
            logged.append(
                LoggedAnswer("", answer, query, started[query.job], item.chosen_by, item.is_repeat)
            )
    logged.sort(key=lambda one: one.answer.sequence)
    write_answers(path, logged, store.now())
    return len(logged)


def import_answers(store: Store, path: Path, campaign: str | None = None) -> ImportReport:
    """Store the events of a file that are not in the home yet, as they are, in their order.

    They are appended to the log, all of them or none. The same file twice changes nothing.
    A query that was drawn in a copy of the home is made here too, provided that the file is JSON
    and that the training which it was drawn from is here.

    Parameters
    ----------
    store : Store
        Of the home.
    path : Path
        From `export_answers`.
    campaign : str, optional
        Only this one's events; all that the file holds by default.

    Returns
    -------
    ImportReport

    Raises
    ------
    StoreError
        If the file is malformed or does not fit the home, with the place in the file.
    CampaignError
        If there is no such campaign.
    """
    if campaign:
        campaign = store.campaign(campaign).name
    try:
        return _import(store, stream_answers(path), campaign)
    except NotInOrder:
        return _import(store, iter(read_answers(path)), campaign)


def _import(store: Store, logged: Iterator[LoggedAnswer], campaign: str | None) -> ImportReport:
    # New queries get numbers that no query has.
    numbers = count(-1, -1)
    here: dict[str, _CampaignHere] = {}
    n_known = 0
    with Spool() as new:
        while read := list(islice(logged, AT_ONCE)):
            some = [one for one in read if campaign in (None, one.answer.campaign)]
            named = {name for one in some for name in (one.answer.event, one.answer.undoes) if name}
            stored = store.answers_named(named)
            spoken = _last_spoken(store, [one for one in some if one.answer.event not in stored])
            for one in some:
                name = one.answer.campaign
                if any(one.answer.event in other.said for other in here.values()):
                    raise NotInOrder
                if name not in here:
                    _refuse_unknown(store, one)
                    here[name] = _CampaignHere(store, name, numbers)
                answer = here[name].accept(one, stored, spoken)
                if answer:
                    new.add(answer)
                else:
                    n_known += 1
        queries = [query for one in here.values() for query in one.new_queries]
        if len(new):
            store.merge_answers(queries, new)
    return ImportReport(
        n_new=len(new),
        n_known=n_known,
        n_queries=len(queries),
        n_overtaken=sum(one.n_overtaken for one in here.values()),
    )


def _refuse_unknown(store: Store, one: LoggedAnswer) -> None:
    if one.answer.campaign not in store.campaign_names():
        raise _refusal(
            one,
            f"campaign is {shorten(one.answer.campaign)}, and there is none of that name in "
            f"{store.home}. Give the home that it belongs to",
        )


class _Speaker(NamedTuple):
    """Who says something of a spectrum, as one of many or to settle it."""

    identifier: str
    oracle: str
    is_adjudication: bool


class _CampaignHere:
    """A campaign of this home, to which events of another one are fitted one by one."""

    def __init__(self, store: Store, name: str, numbers: Iterator[int]) -> None:
        self._store = store
        self._numbers = numbers
        self.new_queries: list[Query] = []
        self.n_overtaken = 0
        self._campaign = store.campaign(name)
        self._classes = {trim(one.name): one.name for one in self._campaign.classes}
        # When each oracle last said something of each spectrum, as the new events have it.
        self._last: dict[_Speaker, float] = {}
        # Who gave each answer of the file on what.
        self.said: dict[str, _Speaker] = {}
        self._queries: defaultdict[tuple[object, ...], list[Query]] = defaultdict(list)
        self._items: dict[int, dict[str, QueryItem]] = {}
        for query in store.all_queries(name):
            self._know(query)

    def accept(
        self,
        one: LoggedAnswer,
        stored: Mapping[str, Answer],
        spoken: Mapping[tuple[str, _Speaker], float],
    ) -> Answer | None:
        """Fit an event to this home, where some are stored; None if it is known, and the same."""
        answer = one.answer
        if answer.answer is not None:
            if trim(answer.answer) not in self._classes:
                raise _refusal(
                    one,
                    f"answer is {shorten(answer.answer)}, which is not one in campaign "
                    f"{self._campaign.name!r}: {', '.join(sorted(self._classes))}",
                )
            answer = _with(answer, answer=self._classes[trim(answer.answer)])
        query = self._find_query(one)
        item = self._items[query.number].get(answer.identifier)
        if item is None:
            raise _refusal(
                one,
                f"identifier is {shorten(answer.identifier)}, which the query of "
                f"{query.created_at} does not ask about",
            )
        if item.is_repeat != one.is_repeat:
            # The same answer would count here and not there.
            raise _refusal(
                one,
                f"is_repeat is {one.is_repeat}, and the query of {query.created_at} asks about "
                f"{answer.identifier!r} here with {item.is_repeat}",
            )
        answer = _with(answer, query=query.number)
        speaker = _Speaker(answer.identifier, answer.oracle, answer.is_adjudication)
        if answer.event in stored:
            self._refuse_other_content(one, answer, stored[answer.event])
            self.said[answer.event] = speaker
            return None
        if answer.undoes and not self._can_undo(answer, stored.get(answer.undoes)):
            raise _refusal(
                one,
                f"undoes is {answer.undoes!r}, and {answer.oracle!r} gave no such answer on "
                f"{answer.identifier!r} before. Import the log that holds it first",
            )
        before = spoken.get((answer.campaign, speaker), -math.inf)
        self.n_overtaken += self._note(speaker, _seconds(answer.at), before)
        self.said[answer.event] = speaker
        return answer

    def _can_undo(self, answer: Answer, stored: Answer | None) -> bool:
        undone: Answer | _Speaker | None = self.said.get(answer.undoes or "")
        if stored and stored.campaign == answer.campaign:
            undone = stored
        whose = answer.identifier, answer.oracle
        return undone is not None and (undone.identifier, undone.oracle) == whose

    def _note(self, speaker: _Speaker, at: float, before: float) -> bool:
        # Tells whether the same oracle said something of the spectrum later than that.
        last = max(before, self._last.get(speaker, -math.inf))
        self._last[speaker] = max(at, last)
        return at < last

    def _know(self, query: Query) -> None:
        self._queries[identify(query)].append(query)
        self._items[query.number] = _items_of(query)

    def _find_query(self, one: LoggedAnswer) -> Query:
        same = self._queries[identify(one.query)]
        if not same:
            query = self._make_query(one)
            self._know(query)
            self.new_queries.append(query)
            return query
        # Two may have been drawn within one tick of the clock.
        numbered = [query for query in same if query.number == one.query.number]
        asking = [q for q in same if one.answer.identifier in self._items[q.number]]
        return (numbered or asking or same)[0]

    def _make_query(self, one: LoggedAnswer) -> Query:
        query = one.query
        described = (
            f"its query of {query.created_at} ({query.purpose}, {query.strategy!r}, iteration "
            f"{query.iteration}) is not in {self._store.home}"
        )
        if not one.job_created_at:
            raise _refusal(
                one,
                f"{described}. A CSV does not hold what was asked: export the answers as JSON",
            )
        job = next(
            (
                job.number
                for job in self._store.jobs(self._campaign.name)
                if (job.iteration, job.created_at) == (query.iteration, one.job_created_at)
            ),
            None,
        )
        if job is None:
            raise _refusal(
                one,
                f"{described}, nor the training of {one.job_created_at} that it was drawn from. "
                "Import it into the home that the file's home was a copy of",
            )
        _refuse_unfit_items(one, self._campaign)
        try:
            pool = open_pool(self._store, self._campaign)
            pool.rows([item.identifier for item in query.items])
        except (SpectrumError, CampaignError) as error:
            raise _refusal(one, f"{described} and does not fit the pool. {error}") from error
        return replace(query, number=next(self._numbers), job=job)

    def _refuse_other_content(self, one: LoggedAnswer, answer: Answer, stored: Answer) -> None:
        if stored.campaign != answer.campaign:
            raise _refusal(
                one,
                f"event is {answer.event!r}, which is stored already, but in another campaign",
            )
        for name in (*_CONTENT, "query"):
            ours, theirs = getattr(stored, name), getattr(answer, name)
            if ours != theirs:
                raise _refusal(
                    one,
                    f"event {answer.event!r} is stored already with {name} {ours!r}, "
                    f"the file says {theirs!r}. An answer is never changed",
                )


def _last_spoken(store: Store, events: Sequence[LoggedAnswer]) -> dict[tuple[str, _Speaker], float]:
    # When each oracle of this home last said something of the spectra of these events.
    asked: defaultdict[str, set[str]] = defaultdict(set)
    for one in events:
        asked[one.answer.campaign].add(one.answer.identifier)
    last: dict[tuple[str, _Speaker], float] = {}
    for campaign, identifiers in asked.items():
        for identifier, oracle, is_adjudication, at in store.speakers(campaign, identifiers):
            key = campaign, _Speaker(identifier, oracle, is_adjudication)
            last[key] = max(_seconds(at), last.get(key, -math.inf))
    return last


def _seconds(time: str) -> float:
    # What an earlier version took in may have a time that is none.
    return (read_time(time) or EARLIEST).timestamp()


def _items_of(query: Query) -> dict[str, QueryItem]:
    return {item.identifier: item for item in query.items}


def _with(one: Answer, /, **changes: Any) -> Answer:
    # Of a hundred thousand answers, most stay what they are.
    is_other = any(getattr(one, name) != new for name, new in changes.items())
    return replace(one, **changes) if is_other else one


def _refuse_unfit_items(one: LoggedAnswer, campaign: Campaign) -> None:
    classes = campaign.network_classes
    for item in one.query.items:
        if item.predicted not in classes or len(item.probabilities) != len(classes):
            raise _refusal(
                one,
                f"its query says that {shorten(item.identifier)} is predicted as "
                f"{shorten(item.predicted)} with {len(item.probabilities)} probabilities; the "
                f"network of campaign {campaign.name!r} tells {', '.join(classes)} apart",
            )


def _all_campaigns(store: Store) -> Sequence[str]:
    # Without any, this says what to do.
    store.campaign()
    return store.campaign_names()


def _refusal(one: LoggedAnswer, what: str) -> StoreError:
    place = one.where[:1].upper() + one.where[1:]
    return StoreError(f"{place}: {what.rstrip('.')}. Nothing was imported.")
