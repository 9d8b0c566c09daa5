"""What lies on an oracle's desk: which spectra come next, what was said before, what is stored."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from active_cnn.campaign.doubts import find_doubts
from active_cnn.campaign.files import last_scored
from active_cnn.campaign.standing import Standing, follow
from active_cnn.campaign.store import Store
from active_cnn.evaluation.consensus import disagreements
from active_cnn.records import (
    Answer,
    AnswerEvent,
    Campaign,
    Iteration,
    Purpose,
    Query,
    QueryItem,
    Sharing,
    SharingMode,
)

# How many spectra one person may have on the desk where they are shared out: enough for the
# browser to be ahead of the person, few enough for the others to have work.
FEWEST_CLAIMS, MOST_CLAIMS = 4, 40
LONGEST_HISTORY = 2000


class Task(StrEnum):
    """Why a person judges spectra."""

    PERFORMANCE = "performance"
    AUDIT = "audit"
    RELABEL = "relabel"
    ADJUDICATE = "adjudicate"


@dataclass(frozen=True)
class Question:
    """One spectrum that is asked about, with the query that asks."""

    query: Query
    item: QueryItem


@dataclass(frozen=True, eq=False)
class Desk:
    """All that is asked for one task.

    Parameters
    ----------
    task : Task
        Why.
    everything : tuple of Question
        In the order in which they were drawn, a spectrum once.
    """

    task: Task
    everything: tuple[Question, ...]

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """What is asked for the label of a spectrum, of everybody: all but the blind repeats."""
        return tuple(one for one in self.everything if not one.item.is_repeat)

    @cached_property
    def repeats(self) -> dict[str, Question]:
        """The blind repeats by spectrum."""
        return {one.item.identifier: one for one in self.everything if one.item.is_repeat}

    @cached_property
    def repeat_items(self) -> frozenset[tuple[int, str]]:
        """What its queries ask as blind repeats: number of the query and spectrum."""
        return frozenset(
            (query.number, item.identifier)
            for query in self.drawn
            for item in query.items
            if item.is_repeat
        )

    @cached_property
    def by_identifier(self) -> dict[str, Question]:
        """Everything by spectrum."""
        return {one.item.identifier: one for one in self.everything}

    def asked_of(self, oracle: str, standing: Standing) -> dict[str, Question]:
        """Give what an oracle is asked, by spectrum: of the blind repeats only this one's own."""
        if not self.repeats:
            return self.by_identifier
        return {
            name: one
            for name, one in self.by_identifier.items()
            if name not in self.repeats or oracle in standing.repeaters(one.query.number, name)
        }

    @cached_property
    def drawn(self) -> tuple[Query, ...]:
        """The queries that ask, in the order in which they were drawn."""
        return tuple({one.query.number: one.query for one in self.everything}.values())

    @cached_property
    def queries(self) -> tuple[int, ...]:
        """Numbers of these."""
        return tuple(query.number for query in self.drawn)


@dataclass(frozen=True)
class Work:
    """What is still to be judged by one person.

    Parameters
    ----------
    identifiers : tuple of str
        Spectra to show, the next one first; what was put off comes last.
    n_done, n_asked : int
        Spectra of which nothing more is asked of this person, of all that are asked about: this
        person or as many others as wanted have judged them, or they have been settled.
    """

    identifiers: tuple[str, ...]
    n_done: int
    n_asked: int


def asking_iteration(store: Store, campaign: Campaign, task: Task) -> Iteration | None:
    """Give the iteration whose predictions the questions come from.

    While the open iteration is being trained, people can go on labelling by the ranking of the
    one before: these answers join the next training set. A performance is measured of the open
    one only.
    """
    if task in (Task.PERFORMANCE, Task.AUDIT):
        iteration = store.iteration(campaign.name)
        return iteration if iteration.result else None
    return last_scored(store, campaign.name)


def lay_out(store: Store, campaign: Campaign, task: Task) -> Desk:
    """Collect all that is asked for a task; nothing if nothing has been drawn."""
    if task is Task.ADJUDICATE:
        return _lay_out_contested(store, campaign)
    iteration = asking_iteration(store, campaign, task)
    queries = store.queries(iteration, Purpose(task.value)) if iteration else []
    found: dict[str, Question] = {}
    for query in queries:
        for item in query.items:
            # Who is asked for the label cannot be asked blindly as well: what was said lies there.
            if not item.is_repeat or item.identifier not in found:
                found[item.identifier] = Question(query, item)
    return Desk(task, tuple(found.values()))


def _lay_out_contested(store: Store, campaign: Campaign) -> Desk:
    opinions = store.opinions(campaign.name)
    adjudicated = store.adjudications(campaign.name)
    contested = dict.fromkeys(
        [*disagreements(said_by(opinions)), *find_doubts(store, campaign), *adjudicated]
    )
    asked: dict[int, dict[str, Question]] = {}
    questions = []
    # Those that have been settled stay, so that a decision can be looked at and taken back.
    for identifier in contested:
        last = opinions.get(identifier, [adjudicated.get(identifier)])[-1]
        if last is None:
            continue
        if last.query not in asked:
            query = store.query(last.query)
            asked[query.number] = {item.identifier: Question(query, item) for item in query.items}
        questions.append(asked[last.query][identifier])
    return Desk(Task.ADJUDICATE, tuple(questions))


def said_by(opinions: Mapping[str, Sequence[Answer]]) -> dict[str, dict[str, str]]:
    """Give who said what of each spectrum, in the order of the events."""
    return {
        identifier: {one.oracle: one.answer for one in answers if one.answer}
        for identifier, answers in opinions.items()
    }


def record(
    store: Store, campaign: Campaign, task: Task, events: Sequence[AnswerEvent], oracle: str
) -> dict[str, str]:
    """Store what an oracle said for a task; see `Store.add_answers`.

    Returns
    -------
    dict of str to str
        Events that were refused, each with its reason.
    """
    if not events:
        return {}
    return store.add_answers(campaign.name, events, oracle, is_adjudication=task is Task.ADJUDICATE)


def find_work(
    store: Store,
    campaign: Campaign,
    desk: Desk,
    oracle: str,
    deferred: Collection[str] = (),
    standing: Standing | None = None,
) -> Work:
    """Tell what an oracle is to judge next.

    A blind repeat comes in its turn like any other spectrum, to those it belongs to; since nobody
    else can answer it, it is not claimed.

    Parameters
    ----------
    store, campaign, desk
        Whose questions.
    oracle : str
        Who asks for work; where spectra are shared out, they are claimed.
    deferred : collection of str
        Spectra that this person has put off.
    standing : Standing, optional
        One that has been used before; by default the one that all share.
    """
    sharing = store.sharing(campaign.name)
    standing = standing.look(store) if standing else follow(store, campaign.name)
    done = _done(desk, sharing, standing)
    is_adjudicating = desk.task is Task.ADJUDICATE
    judges = standing.judges
    asked = desk.asked_of(oracle, standing)

    def is_open(name: str) -> bool:
        if name in desk.repeats:
            return not standing.has_repeated(asked[name].query.number, name, oracle)
        if name in done:
            return False
        if is_adjudicating:
            return may_see(judges.get(name, ()), sharing, oracle)
        return oracle not in judges.get(name, ())

    todo = [name for name in asked if is_open(name)]
    n_done = len(done) if is_adjudicating else len(asked) - len(todo)
    put_off = set(deferred)
    if put_off:
        todo.sort(key=put_off.__contains__)
    shared = [name for name in todo if name not in desk.repeats]
    if shared and not is_adjudicating and sharing.mode is not SharingMode.FREE:
        room = {name: sharing.n_wanted - len(judges.get(name, ())) for name in shared}
        mine = _claim(store, sharing, campaign, oracle, shared, room)
        if mine and len(mine) < len(shared):
            # Later repeats wait until what lies between them is claimed: in a row they would show.
            todo = todo[: 1 + max(place for place, name in enumerate(todo) if name in mine)]
        todo = [name for name in todo if name in mine or name in desk.repeats]
    return Work(tuple(todo), n_done, len(asked))


def _claim(
    store: Store,
    sharing: Sharing,
    campaign: Campaign,
    oracle: str,
    todo: Sequence[str],
    room: Mapping[str, int],
) -> set[str]:
    people = store.count_claimants(campaign.name, oracle) + 1
    fair = sharing.n_wanted * len(todo) // (2 * people)
    n = max(FEWEST_CLAIMS, min(MOST_CLAIMS, fair))
    # Half of it on the desk is enough to go on: what is claimed is written to the disk.
    claims = store.claims(campaign.name, oracle)
    ready = [name for name in todo if name in claims]
    enough = 2 * len(ready) >= min(n, len(todo))
    return set(ready if enough else store.claim(campaign.name, oracle, todo, n, room))


def may_see(judges: Collection[str], sharing: Sharing, oracle: str) -> bool:
    """Tell whether an oracle may know what the judges of a spectrum said of it.

    In the mode "double" not as long as this oracle may still be asked about it.
    """
    is_asked = sharing.mode is SharingMode.DOUBLE and len(judges) < sharing.n_wanted
    return not is_asked or oracle in judges


def count_open(store: Store, campaign: Campaign, desk: Desk) -> int:
    """Count the spectra that not as many people as wanted have judged.

    Blind repeats hold nothing up and are not counted.
    """
    standing = follow(store, campaign.name)
    done = _done(desk, store.sharing(campaign.name), standing)
    return len(desk.questions) - len(done)


def _done(desk: Desk, sharing: Sharing, standing: Standing) -> set[str]:
    wanted = float("inf") if desk.task is Task.ADJUDICATE else sharing.n_wanted
    asked = desk.by_identifier.keys() - desk.repeats.keys()
    return (asked & standing.adjudicated) | {
        name for name in asked if len(standing.judges.get(name, ())) >= wanted
    }


def history(
    store: Store, campaign: Campaign, desk: Desk, oracle: str, after: int = 0
) -> list[Answer]:
    """Give what an oracle has said for this desk, in order, after an event that is known.

    At most the last `LONGEST_HISTORY` events. Of a spectrum that is asked about as a blind repeat
    only what was said to that, of any other one only the rest.
    """
    queries = set(desk.queries)
    log = store.answer_log(campaign.name, oracle=oracle, after=after)
    own = [
        one
        for one in log
        if one.query in queries
        and one.is_adjudication == (desk.task is Task.ADJUDICATE)
        and ((one.query, one.identifier) in desk.repeat_items) == (one.identifier in desk.repeats)
    ]
    return own[-LONGEST_HISTORY:]
