"""Who does what in a campaign: the work of each person, the progress, where people differ."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

import pandas as pd

from active_cnn.campaign.doubts import find_doubts
from active_cnn.campaign.labelling import Question, Task, asking_iteration, may_see, said_by
from active_cnn.campaign.standing import Standing, follow
from active_cnn.campaign.store import Store
from active_cnn.evaluation.agreement import SelfAgreement, self_agreement
from active_cnn.evaluation.consensus import disagreements
from active_cnn.records import Answer, Campaign, Purpose, Query, QueryItem, Sharing
from active_cnn.times import is_look, read_time


@dataclass(frozen=True)
class PersonalActivity:
    """What one person has done in a campaign.

    Parameters
    ----------
    oracle : str
        Who.
    n_standing : int
        Spectra on which this person's word stands: the latest one, if it was not taken back;
        adjudications are counted too.
    n_events : int
        All that was stored for this person, corrections and undone answers included.
    n_undone : int
        Events that undo another one or take an answer back.
    median_seconds : float or None
        Of the answers whose time was taken; None if there is none.
    first, last : datetime or None
        Time of the first and of the last event, UTC; None if none of them has a time that a clock
        can have shown.
    """

    oracle: str
    n_standing: int
    n_events: int
    n_undone: int
    median_seconds: float | None
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, eq=False)
class Activity:
    """What all people have done in a campaign.

    Parameters
    ----------
    hourly : DataFrame
        Columns `oracle`, `hour` (UTC, the beginning of the hour) and `answers`; a row where there
        are some, in the order of time. An undo is no answer.
    n_undated : int
        Answers whose time no clock can have shown (see `read_time`), which are not in it.
    people : tuple of PersonalActivity
        Those whose word stands on the most spectra first.
    """

    hourly: pd.DataFrame
    n_undated: int
    people: tuple[PersonalActivity, ...]


@dataclass(frozen=True)
class QueryProgress:
    """How far a query has been answered.

    Parameters
    ----------
    query : Query
        Which one.
    n_asked : int
        Its spectra.
    n_answered : int
        Those that as many people as are wanted have judged, or that were adjudicated; of the
        blind repeats those that the people have answered whom they belong to.
    n_disagreeing : int
        Those on which people differ and nobody has adjudicated.
    """

    query: Query
    n_asked: int
    n_answered: int
    n_disagreeing: int

    @property
    def n_open(self) -> int:
        """Spectra that still lack somebody's judgement."""
        return self.n_asked - self.n_answered


@dataclass(frozen=True)
class Disagreement:
    """A spectrum on which people differ, or the network contradicts them.

    Parameters
    ----------
    question : Question
        The latest one that was answered.
    said : dict of str to str
        Class that each person gave, in the order of time.
    chance : float or None
        Of the answer by the network that had not been taught it, where that is small; see
        `find_doubts`.
    """

    question: Question
    said: dict[str, str]
    chance: float | None = None


def activity(store: Store, campaign: Campaign) -> Activity:
    """Count answers by person and hour, and sum up what each person has done."""
    log = store.answer_log(campaign.name)
    standing = Counter(
        one.oracle
        for answers in [*store.opinions(campaign.name).values(),
                        list(store.adjudications(campaign.name).values())]
        for one in answers
    )  # fmt: skip
    events: dict[str, list[Answer]] = defaultdict(list)
    for one in log:
        events[one.oracle].append(one)
    people = [_sum_up(oracle, own, standing[oracle]) for oracle, own in events.items()]
    people.sort(key=lambda one: (-one.n_standing, one.oracle))
    answered = [(read_time(one.at), one.oracle) for one in log if _is_answer(one)]
    hours = Counter((_hour(at), oracle) for at, oracle in answered if at)
    hourly = pd.DataFrame(
        [(oracle, hour, n) for (hour, oracle), n in sorted(hours.items())],
        columns=["oracle", "hour", "answers"],
    ).astype({"oracle": object, "hour": "datetime64[ns, UTC]", "answers": "int64"})
    return Activity(hourly, sum(at is None for at, _ in answered), tuple(people))


def _sum_up(oracle: str, events: Sequence[Answer], n_standing: int) -> PersonalActivity:
    seconds = [one.seconds for one in events if _is_answer(one) and is_look(one.seconds)]
    times = [time for time in (read_time(one.at) for one in events) if time]
    return PersonalActivity(
        oracle=oracle,
        n_standing=n_standing,
        n_events=len(events),
        n_undone=sum(not _is_answer(one) for one in events),
        median_seconds=float(median(seconds)) if seconds else None,
        first=times[0] if times else None,
        last=times[-1] if times else None,
    )


def _is_answer(event: Answer) -> bool:
    return event.answer is not None and event.undoes is None


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def query_progress(store: Store, campaign: Campaign) -> list[QueryProgress]:
    """Tell how far each query has been answered that people are asked now, the oldest first."""
    queries = [
        query
        for task in (Task.PERFORMANCE, Task.AUDIT, Task.RELABEL)
        if (iteration := asking_iteration(store, campaign, task))
        for query in store.queries(iteration, Purpose(task.value))
    ]
    if not queries:
        return []
    standing = follow(store, campaign.name)
    divided = set(disagreements(judgements(store, campaign))) - standing.adjudicated
    sharing = store.sharing(campaign.name)
    return [
        QueryProgress(
            query=query,
            n_asked=len(query.items),
            n_answered=sum(_is_answered(query, one, sharing, standing) for one in query.items),
            n_disagreeing=sum(
                one.identifier in divided and not one.is_repeat for one in query.items
            ),
        )
        for query in sorted(queries, key=lambda query: query.number)
    ]


def _is_answered(
    query: Query,
    item: QueryItem,
    sharing: Sharing,
    standing: Standing,
) -> bool:
    name = item.identifier
    if item.is_repeat:
        people = standing.repeaters(query.number, name)
        return all(standing.has_repeated(query.number, name, one) for one in people)
    return name in standing.adjudicated or len(standing.judges.get(name, ())) >= sharing.n_wanted


def intra_rater(store: Store, campaign: Campaign) -> tuple[SelfAgreement, ...]:
    """Tell how far each person's answers to blind repeats are the same as those before.

    The first answer of a pair is the one that stood when the repeat was shown, also where it was
    corrected since; the second one is the answer to the repeat that stands.

    Returns
    -------
    tuple of SelfAgreement
        Of those who have answered a repeat, sorted by their names.
    """
    pairs: dict[str, dict[str, tuple[str, str]]] = defaultdict(dict)
    for one in store.repeated_answers(campaign.name):
        pairs[one.oracle][one.identifier] = one.first, one.again
    return self_agreement(pairs, [one.name for one in campaign.classes])


def judgements(store: Store, campaign: Campaign) -> dict[str, dict[str, str]]:
    """Give the class that each person's latest answer puts each spectrum into.

    Returns
    -------
    dict of str to dict of str to str
        Identifier -> {oracle -> class}, in the order of time; adjudications are not among them,
        since they are made in the knowledge of the others' answers.
    """
    return said_by(store.opinions(campaign.name))


def open_disagreements(store: Store, campaign: Campaign) -> list[Disagreement]:
    """List the spectra whose answers are in doubt and that nobody has adjudicated.

    Those on which people differ come first, the most divided before the others, then those whose
    answer the network contradicts, the least likely first.
    """
    opinions = store.opinions(campaign.name)
    adjudicated = store.adjudications(campaign.name)
    said = said_by(opinions)
    asked: dict[int, dict[str, Question]] = {}
    found = []
    doubts = find_doubts(store, campaign)
    for identifier in dict.fromkeys([*disagreements(said), *doubts]):
        if identifier in adjudicated:
            continue
        number = opinions[identifier][-1].query
        if number not in asked:
            query = store.query(number)
            asked[number] = {item.identifier: Question(query, item) for item in query.items}
        question, chance = asked[number][identifier], doubts.get(identifier)
        found.append(Disagreement(question, said[identifier], chance))
    return found


def not_to_be_seen(
    found: Sequence[Disagreement], sharing: Sharing, oracle: str
) -> list[Disagreement]:
    """Give the contested spectra that an oracle may not see yet.

    In the mode "double" people judge without knowing the others' answers: whoever may still be
    asked about a spectrum is not told what was said of it.
    """
    return [one for one in found if not may_see(one.said, sharing, oracle)]
