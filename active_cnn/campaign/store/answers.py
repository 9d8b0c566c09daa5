"""Answers: events that are only ever added; what counts now is derived from them."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from sys import intern
from typing import Any, NamedTuple

from active_cnn.access import LONGEST_NAME, is_name
from active_cnn.campaign.store.kept import Kept
from active_cnn.campaign.store.log import Log
from active_cnn.campaign.store.sharings import Sharings
from active_cnn.errors import CampaignError, StoreError
from active_cnn.records import Answer, AnswerEvent, Iteration, Purpose, Query
from active_cnn.times import LONGEST_LOOK, is_look

LONGEST_NOTE = 500
LONGEST_EVENT = 100
MOST_EVENTS = 2000  # at once

_ANSWER_COLUMNS = """
    answer.sequence, answer.event, answer.campaign, answer.query, query.iteration, query.purpose,
    answer.identifier, answer.answer, answer.note, answer.oracle, answer.at, answer.seconds,
    answer.undoes, answer.is_adjudication
"""
_END = 2**62
# Blind repeats are kept in the same log; what counts on a spectrum never looks at them.
_REPEATS = "(SELECT query, identifier FROM query_item WHERE is_repeat = 1)"
# Looked up for each answer: against a list each answer would be held against each repeat.
_COUNTS = (
    "NOT EXISTS (SELECT 1 FROM query_item WHERE query_item.query = answer.query "
    "AND query_item.identifier = answer.identifier AND query_item.is_repeat = 1)"
)
# Of answers, in all campaigns of a process; one has some 400 bytes.
_logs: Kept[Log] = Kept(most=400_000)


class StandingEvent(NamedTuple):
    """What an event means for who has judged what.

    Parameters
    ----------
    sequence, query : int
        Its sequence number and the query that asked.
    identifier, oracle : str
        Of which spectrum, and who said it.
    stands : bool
        Whether an answer stands: it was not taken back.
    is_adjudication, is_repeat : bool
        Whether it settles what was in doubt; whether it answers a blind repeat.
    """

    sequence: int
    query: int
    identifier: str
    oracle: str
    stands: bool
    is_adjudication: bool
    is_repeat: bool


class RepeatedAnswer(NamedTuple):
    """A blind repeat that was answered, with what the same person had said before.

    Parameters
    ----------
    oracle, identifier : str
        Who, and of which spectrum.
    first : str
        This person's answer as it stood when the repeat was shown.
    again : str
        The one to the repeat that stands.
    """

    oracle: str
    identifier: str
    first: str
    again: str


class _Act(NamedTuple):
    """What makes two events of one name the same act; how long it took is not asked."""

    campaign: str
    query: int
    identifier: str
    answer: str | None
    note: str
    oracle: str
    undoes: str | None
    is_adjudication: bool


class Answers(Sharings):
    """What the oracles said."""

    def add_answers(
        self,
        campaign: str,
        events: Sequence[AnswerEvent],
        oracle: str,
        *,
        is_adjudication: bool = False,
    ) -> dict[str, str]:
        """Append what an oracle said; an event that is known already changes nothing.

        When this returns, the answers are on the disk. An event whose name is taken by another act
        is refused: what it says is not stored.

        Returns
        -------
        dict of str to str
            Events that were refused, each with its reason; the others are stored all the same.
        """
        if len(events) > MOST_EVENTS:
            raise CampaignError(
                f"{len(events)} answers at once are too many: send {MOST_EVENTS} at most."
            )
        refused = {}
        with self._write():
            known = self._acts(one.event for one in events)
            allowed = [c.name for c in self.campaign(campaign).classes]
            for one in events:
                act = _Act(
                    campaign, one.query, one.identifier, one.answer, one.note, oracle, one.undoes,
                    is_adjudication,
                )  # fmt: skip
                if one.event in known:
                    if act != known[one.event]:
                        refused[one.event] = _describe_taken(one, act, known[one.event])
                    continue
                reason = self._objection(campaign, one, oracle, allowed)
                if reason:
                    refused[one.event] = reason
                    continue
                known[one.event] = act
                # What has been judged is no longer on the desk.
                self._db.execute(
                    "DELETE FROM claim WHERE campaign = ? AND identifier = ? AND oracle = ?",
                    [campaign, one.identifier, oracle],
                )
                self._db.table("answer").insert(
                    {
                        "event": one.event,
                        "campaign": campaign,
                        "query": one.query,
                        "identifier": one.identifier,
                        "answer": one.answer,
                        "note": one.note,
                        "oracle": oracle,
                        "at": self._clock(),
                        "seconds": one.seconds,
                        "undoes": one.undoes,
                        "is_adjudication": int(is_adjudication),
                    }
                )
        return refused

    def _objection(
        self, campaign: str, event: AnswerEvent, oracle: str, allowed: Sequence[str]
    ) -> str:
        asked = self._rows(
            "SELECT 1 FROM query_item JOIN query ON query.number = query_item.query "
            "WHERE query = ? AND identifier = ? AND campaign = ?",
            [event.query, event.identifier, campaign],
        )
        if not asked:
            return (
                f"Query {event.query} of {campaign!r} does not ask about {event.identifier!r}: "
                "the answer was not stored. Reload the page."
            )
        if event.answer is not None and event.answer not in allowed:
            return (
                f"{event.answer!r} is not an answer in campaign {campaign!r}: "
                f"choose one of {', '.join(allowed)}."
            )
        if len(event.note) > LONGEST_NOTE:
            return (
                f"The note on {event.identifier!r} has {len(event.note)} characters: "
                f"write {LONGEST_NOTE} at most."
            )
        if not (0 < len(event.event) <= LONGEST_EVENT and event.event.isprintable()):
            return (
                f"The name {event.event[:LONGEST_EVENT]!r} of an answer cannot be kept: give 1 to "
                f"{LONGEST_EVENT} characters that can be seen."
            )
        if not is_name(oracle):
            return (
                f"{oracle[:LONGEST_NAME]!r} cannot sign answers: give a name of 1 to "
                f"{LONGEST_NAME} characters that can be seen, without spaces around them."
            )
        if event.seconds is not None and not is_look(event.seconds):
            return (
                f"The look at {event.identifier!r} took {event.seconds} s: give 0 to "
                f"{LONGEST_LOOK}, or nothing."
            )
        if event.undoes is not None and not self._rows(
            "SELECT 1 FROM answer WHERE event = ? AND campaign = ? AND identifier = ? "
            "AND oracle = ?",
            [event.undoes, campaign, event.identifier, oracle],
        ):
            return (
                f"There is no answer {event.undoes!r} of {oracle!r} on {event.identifier!r} to "
                "undo. Reload the page."
            )
        return ""

    def merge_answers(self, queries: Sequence[Query], answers: Iterable[Answer]) -> None:
        """Append answers of another home as they stand there, and their queries: all or nothing.

        Parameters
        ----------
        queries : sequence of Query
            Those that are new here. They are given numbers of their own; the present ones only
            tell the answers what asked, and must not be those of queries in this home.
        answers : iterable of Answer
            In the order in which they are stored; their sequence numbers are given anew.

        Raises
        ------
        StoreError
            If one of them does not fit what the store holds.
        """
        try:
            with self._write():
                numbers = {one.number: self._insert_query(one, one.created_at) for one in queries}
                self._db.conn.executemany(
                    "INSERT INTO answer (event, campaign, query, identifier, answer, note, "
                    "oracle, at, seconds, undoes, is_adjudication) VALUES "
                    "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        (
                            one.event, one.campaign, numbers.get(one.query, one.query),
                            one.identifier, one.answer, one.note, one.oracle, one.at, one.seconds,
                            one.undoes, int(one.is_adjudication),
                        )
                        for one in answers
                    ),
                )  # fmt: skip
        except sqlite3.IntegrityError as error:
            raise StoreError(
                f"Nothing was stored: the answers do not fit {self.home} any more ({error}). "
                "Somebody has worked in it meanwhile; import them again."
            ) from error

    def stored_events(self, events: Iterable[str]) -> set[str]:
        """Tell which of these events are on the disk."""
        return {row["event"] for row in self._stored(("event",), events)}

    def answers_named(self, events: Iterable[str]) -> dict[str, Answer]:
        """Give those of these events that are on the disk, of whatever campaign, by their names."""
        return {
            row["event"]: _answer(row)
            for some in _in_parts(events)
            for row in self._rows(
                f"SELECT {_ANSWER_COLUMNS} FROM answer JOIN query ON query.number = answer.query "
                f"WHERE event IN ({_marks(some)})",
                some,
            )
        }

    def speakers(
        self, campaign: str, identifiers: Iterable[str]
    ) -> Iterator[tuple[str, str, bool, str]]:
        """Give spectrum, oracle, whether it settles what was in doubt, and time of each event.

        They come one by one, so that a long log is never held.
        """
        for some in _in_parts(identifiers):
            for identifier, oracle, is_adjudication, at in self._read(
                "SELECT identifier, oracle, is_adjudication, at FROM answer "
                f"WHERE campaign = ? AND identifier IN ({_marks(some)})",
                [campaign, *some],
            ):
                yield identifier, oracle, bool(is_adjudication), at

    def _acts(self, events: Iterable[str]) -> dict[str, _Act]:
        return {
            row.pop("event"): _Act(**{**row, "is_adjudication": bool(row["is_adjudication"])})
            for row in self._stored(("event", *_Act._fields), events)
        }

    def _stored(self, columns: Sequence[str], events: Iterable[str]) -> Iterator[dict[str, Any]]:
        for some in _in_parts(events):
            yield from self._rows(
                f"SELECT {', '.join(columns)} FROM answer WHERE event IN ({_marks(some)})", some
            )

    def current_answers(self, campaign: str, as_of: Iteration | None = None) -> dict[str, Answer]:
        """Give the answer that counts on each spectrum; answers to blind repeats never do.

        An adjudication comes first. Otherwise each oracle's latest answer counts, those taken back
        left out, and where they differ the campaign's resolution decides; a spectrum that it
        leaves open is not among the answers.

        Parameters
        ----------
        campaign : str
            Name of the campaign.
        as_of : Iteration, optional
            With the events and the resolution that this iteration knows; all by default.

        Returns
        -------
        dict of str to Answer
            By identifier, in the order of the events.
        """
        through = _END if as_of is None else as_of.answers_through
        resolution = self.sharing(campaign, as_of).resolution
        return self.log(campaign).current(through, resolution)

    def opinions(
        self, campaign: str, through: int = _END, queries: Collection[int] | None = None
    ) -> dict[str, tuple[Answer, ...]]:
        """Give each oracle's latest answer on each spectrum, those taken back left out.

        Parameters
        ----------
        campaign : str
            Name of the campaign.
        through : int
            Sequence number of the last event to know of; all by default.
        queries : collection of int, optional
            Only on spectra that these queries ask about.

        Returns
        -------
        dict of str to tuple of Answer
            By identifier; both in the order of the events. Adjudications are not among them, nor
            answers to blind repeats.
        """
        opinions = self.log(campaign).opinions(through)
        if queries is None:
            return opinions
        asked = {
            row["identifier"]
            for row in self._rows(
                f"SELECT identifier FROM query_item WHERE query IN ({_marks(queries)})",
                list(queries),
            )
        }
        return {name: said for name, said in opinions.items() if name in asked}

    def standing_after(self, campaign: str, after: int) -> list[StandingEvent]:
        """Give what each event means for who has judged what, in the order of the events.

        Parameters
        ----------
        campaign : str
            Name of the campaign.
        after : int
            Sequence number of the last event that is known.

        Returns
        -------
        list of StandingEvent
        """
        log = self.log(campaign)
        return [
            StandingEvent(
                one.sequence,
                one.query,
                one.identifier,
                one.oracle,
                one.answer is not None,
                one.is_adjudication,
                log.is_repeat(one.sequence),
            )
            for one in log.events(after)
        ]

    def repeated_answers(self, campaign: str) -> list[RepeatedAnswer]:
        """Give the answered blind repeats, in the order in which they were answered.

        A repeat that was taken back is left out, and so is one before which the same person's
        answer did not stand.
        """
        rows = self._rows(
            "SELECT again.oracle, again.identifier, earlier.answer AS first, "
            "again.answer AS again FROM "
            "(SELECT min(sequence) AS shown, max(sequence) AS last FROM answer "
            f"  WHERE campaign = ? AND (query, identifier) IN {_REPEATS} "
            "  GROUP BY query, identifier, oracle) AS said "
            "JOIN answer AS again ON again.sequence = said.last "
            "JOIN answer AS earlier ON earlier.sequence = (SELECT max(sequence) FROM answer "
            "  WHERE answer.campaign = again.campaign AND answer.identifier = again.identifier "
            "  AND answer.oracle = again.oracle AND answer.sequence < said.shown "
            f"  AND answer.is_adjudication = 0 AND {_COUNTS}) "
            "WHERE again.answer IS NOT NULL AND earlier.answer IS NOT NULL ORDER BY said.shown",
            [campaign],
        )
        return [RepeatedAnswer(**row) for row in rows]

    def adjudications(self, campaign: str, through: int = _END) -> dict[str, Answer]:
        """Give the adjudication of each spectrum that has one, by identifier."""
        return self.log(campaign).adjudications(through)

    def answer_log(
        self, campaign: str, *, oracle: str | None = None, after: int = 0
    ) -> list[Answer]:
        """Give every event in the order it was stored.

        Parameters
        ----------
        campaign : str
            Name of the campaign.
        oracle : str, optional
            Only this one's.
        after : int
            Only those with a later sequence number.
        """
        events = self.log(campaign).events(after)
        return events if oracle is None else [one for one in events if one.oracle == oracle]

    def count_events(self, campaign: str) -> int:
        """Count the events of a campaign."""
        return len(self.log(campaign))

    def log(self, campaign: str) -> Log:
        """Give the log as it is now: what is kept of it, and what was appended since."""
        created = self._rows("SELECT created_at FROM campaign WHERE name = ?", [campaign])
        key = self._file_key(), campaign, *(row["created_at"] for row in created)
        # Within a transaction there may be what is never committed.
        log = None if self._db.conn.in_transaction else _logs.get(key)
        if log is None or not self._holds(log.last):
            log = Log()
        with log.lock:
            for row in self._read(
                f"SELECT {_ANSWER_COLUMNS}, again.is_repeat FROM answer "
                "JOIN query ON query.number = answer.query "
                "LEFT JOIN query_item AS again ON again.query = answer.query "
                "AND again.identifier = answer.identifier AND again.is_repeat = 1 "
                "WHERE answer.campaign = ? AND sequence > ? ORDER BY sequence",
                [campaign, log.last.sequence if log.last else 0],
            ):
                log.append(_shared(row), bool(row[-1]))
        if not self._db.conn.in_transaction:
            _logs.put(key, log, len(log))
        return log

    def _holds(self, one: Answer | None) -> bool:
        # Events are only ever added: where the last one stands as it stood, so do all before it.
        # In a home that was restored from a copy there is another one, or none.
        if one is None:
            return True
        rows = self._rows(
            f"SELECT {_ANSWER_COLUMNS} FROM answer JOIN query ON query.number = answer.query "
            "WHERE sequence = ?",
            [one.sequence],
        )
        return [_answer(row) for row in rows] == [one]

    def events_on(
        self, campaign: str, identifier: str, *, repeat: int | None = None
    ) -> list[Answer]:
        """Give the events on one spectrum in the order they were stored.

        Parameters
        ----------
        campaign, identifier : str
            Which spectrum of which campaign.
        repeat : int, optional
            Number of a query that asks about it as a blind repeat: what was said to that one. By
            default all that was said otherwise.
        """
        which = _COUNTS if repeat is None else "answer.query = ?"
        rows = self._rows(
            f"SELECT {_ANSWER_COLUMNS} FROM answer JOIN query ON query.number = answer.query "
            f"WHERE answer.campaign = ? AND answer.identifier = ? AND {which} ORDER BY sequence",
            [campaign, identifier, *([] if repeat is None else [repeat])],
        )
        return [_answer(row) for row in rows]


def _describe_taken(event: AnswerEvent, act: _Act, stored: _Act) -> str:
    advice = "it was not stored. Reload the page and answer once more."
    if (stored.campaign, stored.oracle) != (act.campaign, act.oracle):
        # What others said is not told: who judges blind may read this.
        return (
            f"The answer to {event.identifier!r} has the name of one that somebody else gave, or "
            f"that was given in another campaign ({event.event!r}): {advice}"
        )
    name = next(one for one in _Act._fields if getattr(stored, one) != getattr(act, one))
    return (
        f"The answer to {event.identifier!r} has the name of another one ({event.event!r}), which "
        f"is stored with {name} {getattr(stored, name)!r}, not {getattr(act, name)!r}: {advice}"
    )


def _in_parts(values: Iterable[str]) -> Iterator[list[str]]:
    # SQLite bounds how many values one statement may name.
    asked = list(values)
    for start in range(0, len(asked), 500):
        yield asked[start : start + 500]


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))


def _shared(row: tuple[Any, ...]) -> Answer:
    # In the order of _ANSWER_COLUMNS; most texts of a log are the same few.
    (
        sequence, event, campaign, query, iteration, purpose, identifier, answer, note, oracle, at,
        seconds, undoes, is_adjudication, _,
    ) = row  # fmt: skip
    return Answer(
        sequence, event, intern(campaign), query, iteration, Purpose(purpose), intern(identifier),
        answer and intern(answer), note and intern(note), intern(oracle), at, seconds, undoes,
        bool(is_adjudication),
    )  # fmt: skip


def _answer(row: dict[str, Any]) -> Answer:
    return Answer(
        **{
            **row,
            "purpose": Purpose(row["purpose"]),
            "is_adjudication": bool(row["is_adjudication"]),
        }
    )
