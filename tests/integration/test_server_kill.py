"""What a labelling page was told to be stored is there: killed servers, full disks, locks."""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from active_cnn.access import encode_name
from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.store import FILE_NAME, Store
from active_cnn.records import Query
from active_cnn.ui.identity import NAME_COOKIE
from benchmarks.server import DashboardServer
from benchmarks.sessions import ScriptError, Session, SessionError
from tests import fakes
from tests.components import LABELLER, act

KILLS = int(os.environ.get("KILLS", "3"))
N_PEOPLE = 4

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(survey, tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("served")
    with Store(home) as store:
        campaign = create_campaign(store, "storm", survey.training, survey.pool)
        fakes.train(store, campaign)
        draw_relabel_query(store, campaign, "entropy", 60, seed=1)
    return home


@pytest.fixture
def store(home) -> Iterator[Store]:
    with Store(home) as store:
        yield store


@pytest.fixture
def query(store) -> Query:
    return store.query(1)


@pytest.fixture(scope="module")
def server(home) -> Iterator[DashboardServer]:
    with DashboardServer(home, environment={"ACTIVE_CNN_ORACLE": ""}) as server:
        yield server


class Person:
    """Somebody's labelling page: it sends what it does not know to be stored, again and again."""

    def __init__(self, url: str, name: str, query: Query, classes: list[str]) -> None:
        self.name = name
        self.given: list[dict[str, Any]] = []
        self.waiting: dict[str, dict[str, Any]] = {}
        self.acknowledged: list[str] = []
        self.troubles: list[str] = []
        self._query = query
        self._classes = classes
        self._rng = random.Random(name)
        self._url = url
        self._session = self._new_session()
        self._told: dict[str, Any] = {}
        self._nonce = 0

    def _new_session(self) -> Session:
        cookies = {NAME_COOKIE: encode_name(self.name)}
        return Session(self._url, "4_Relabel", "campaign=storm", cookies=cookies, patience=30)

    async def connect(self, *, is_reloaded: bool = True) -> None:
        """Open the page, or go on with it as a browser does whose connection broke."""
        if is_reloaded:
            await self._session.close()
            self._session = self._new_session()
            self._told = {}
            await self._session.open()
        else:
            await self._session.reconnect()
        self._take(self._session.data(LABELLER))

    async def close(self) -> None:
        await self._session.close()

    def give(self, n: int) -> list[str]:
        """Answer, correct, take back or undo something n times."""
        events = []
        for _ in range(n):
            event = f"{self.name}.{len(self.given)}.0"
            undone = (
                self._rng.choice(self.given) if self.given and len(self.given) % 7 == 0 else None
            )
            one = act(
                self._query,
                self._rng.randrange(len(self._query.items)),
                self._rng.choice([*self._classes, None]),
                event,
                oracle=self.name,
                note="ø" * self._rng.randrange(200),
            )
            if undone:
                one |= {"identifier": undone["identifier"], "undoes": undone["event"]}
            self.given.append(one)
            self.waiting[event] = one
            events.append(event)
        return events

    async def say(self) -> None:
        """Send all that waits, and hear what has been stored."""
        self._nonce += 1
        nonce = self._nonce
        said = {
            "desk": self._told.get("deskId", ""),
            "events": list(self.waiting.values()),
            "have": [item.identifier for item in self._query.items],
            "want": [],
            "deferred": [],
            "last": max((one["sequence"] for one in self._told.get("history", [])), default=0),
            "room": 0,
            "nonce": nonce,
        }
        reply = await self._session.set_state(
            LABELLER, {"said": said}, until=lambda data: json.loads(data)["nonce"] >= nonce
        )
        self._take(reply.data)

    def _take(self, data: bytes) -> None:
        told = json.loads(data)
        if told["trouble"]:
            self.troubles.append(told["trouble"])
            return
        assert (told["refused"], told["held"]) == ({}, {})
        self._told = told
        for event in told["received"]:
            if self.waiting.pop(event, None):
                self.acknowledged.append(event)


class Storm:
    """People who answer as fast as they can, while the server is killed under them."""

    def __init__(self, server: DashboardServer, home: Path, people: list[Person]) -> None:
        self.counts: Counter[str] = Counter()
        self._server = server
        self._home = home
        self._people = people
        self._is_up, self._is_over = asyncio.Event(), asyncio.Event()
        self._is_up.set()
        self._broken = {person.name: asyncio.Event() for person in people}
        self._progress = asyncio.Condition()
        self._rng = random.Random(KILLS)

    @property
    def n_acknowledged(self) -> int:
        return sum(len(person.acknowledged) for person in self._people)

    async def rage(self, kills: int) -> None:
        async with asyncio.timeout(60 + 30 * kills), asyncio.TaskGroup() as group:
            for person in self._people:
                group.create_task(self._label(person))
            for _ in range(kills):
                await self._kill()
            await self._advance(20)
            self._is_over.set()

    async def _label(self, person: Person) -> None:
        rng = random.Random(person.name)
        is_reloaded = True
        while True:
            try:
                await person.connect(is_reloaded=is_reloaded)
                while person.waiting or not self._is_over.is_set():
                    if not self._is_over.is_set():
                        person.give(rng.randint(1, 3))
                    await person.say()
                    async with self._progress:
                        self._progress.notify_all()
                await person.close()
                return
            except ScriptError:
                raise
            except SessionError:
                assert not self._is_up.is_set(), "the connection broke though nobody was killed"
                self._broken[person.name].set()
                await self._is_up.wait()
                is_reloaded = rng.random() < 0.4

    async def _advance(self, n: int) -> None:
        goal = self.n_acknowledged + n
        async with self._progress:
            await self._progress.wait_for(lambda: self.n_acknowledged >= goal)

    async def _kill(self) -> None:
        await self._advance(self._rng.randrange(1, 60))
        # An answer takes some milliseconds: the kill may come at any moment of it.
        await asyncio.sleep(self._rng.uniform(0, 0.03))
        self._is_up.clear()
        self._server.kill()
        # What had come from the server before is still read.
        await asyncio.gather(*(broken.wait() for broken in self._broken.values()))
        self._look()
        await asyncio.to_thread(self._server.start)
        for broken in self._broken.values():
            broken.clear()
        self._is_up.set()

    def _look(self) -> None:
        with Store(self._home) as store:
            stored = [one.event for one in store.answer_log("storm")]
        assert len(stored) == len(set(stored))
        acknowledged = {event for person in self._people for event in person.acknowledged}
        assert acknowledged <= set(stored)
        waiting = {event for person in self._people for event in person.waiting}
        self.counts["kills"] += 1
        self.counts["stored, not acknowledged"] += len(waiting & set(stored))
        self.counts["lost with the server, sent again"] += len(waiting - set(stored))


def events_of(store, name):
    return [
        (one.event, one.identifier, one.answer, one.note, one.undoes)
        for one in store.answer_log("storm", oracle=name)
    ]


def given_by(person):
    return [
        (one["event"], one["identifier"], one["answer"], one["note"], one["undoes"])
        for one in person.given
    ]


def test_each_answer_is_stored_once_in_its_order_however_often_the_server_is_killed(
    server, home, store, query
):
    classes = [one.name for one in store.campaign("storm").classes]
    people = [Person(server.url, f"storm-{n}", query, classes) for n in range(N_PEOPLE)]

    async def scenario() -> Storm:
        storm = Storm(server, home, people)
        await storm.rage(KILLS)
        return storm

    began = time.perf_counter()
    storm = asyncio.run(scenario())
    seconds = time.perf_counter() - began
    print(f"{storm.n_acknowledged} acknowledged, {dict(storm.counts)}, {seconds:.0f} s")  # noqa: T201
    for person in people:
        # Nothing is missing, twice, on another spectrum, of another class or out of its order.
        assert events_of(store, person.name) == given_by(person)
        assert sorted(person.acknowledged) == sorted(one["event"] for one in person.given)
    assert storm.counts["kills"] == KILLS
    with closing(sqlite3.connect(home / FILE_NAME)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def trouble_and_after(server, store, query, name, hinder, release):
    """Give the troubles that a page is told while it is hindered; after that all is stored."""
    person = Person(server.url, name, query, ["emission", "noise"])

    async def scenario() -> list[str]:
        try:
            await person.connect()
            first = person.give(2)
            await person.say()
            assert person.acknowledged == first
            hinder()
            try:
                # Anew each time, as the browser does.
                for n in (1, 2):
                    person.give(2)
                    await person.say()
                    assert len(person.troubles) == n
                    assert person.acknowledged == first
            finally:
                release()
            assert len(person.waiting) == 4
            troubles = list(person.troubles)
            await person.say()
            assert person.troubles == troubles
            return troubles
        finally:
            await person.close()

    troubles = asyncio.run(scenario())
    assert not person.waiting
    assert events_of(store, name) == given_by(person)
    return troubles


def test_a_full_disk_is_told_to_the_page_and_nothing_is_lost(server, home, store, query):
    def limit(size):
        # No file of the server may grow beyond it.
        hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, hard))

    troubles = trouble_and_after(
        server, store, query, "full", lambda: limit(4096), lambda: limit(resource.RLIM_INFINITY)
    )
    for trouble in troubles:
        assert str(home / FILE_NAME) in trouble
        assert "See whether the disk is full" in trouble
    # What the troubled messages held was never partly stored.
    assert len(events_of(store, "full")) == 6


def test_a_locked_database_is_told_to_the_page_and_nothing_is_lost(server, home, store, query):
    with closing(sqlite3.connect(home / FILE_NAME, isolation_level=None)) as holder:
        troubles = trouble_and_after(
            server,
            store,
            query,
            "locked",
            lambda: holder.execute("BEGIN EXCLUSIVE"),
            lambda: holder.execute("ROLLBACK"),
        )
    for trouble in troubles:
        assert str(home / FILE_NAME) in trouble
        assert "Another program has held the file" in trouble
