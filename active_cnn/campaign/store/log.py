"""The log of a campaign's answers in memory: read once, then followed as it grows.

What counts is derived from the events, and brought up to date by the new ones alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Hashable, Mapping, Sequence
from operator import attrgetter, itemgetter
from threading import RLock
from typing import Any, TypeVar

from active_cnn.evaluation.consensus import consensus
from active_cnn.records import Answer, Resolution

# Times in the past of which it is kept what counted then: those of an audit and of an iteration.
MOST_PASTS = 16

Value = TypeVar("Value")

_sequence = attrgetter("sequence")


class Said:
    """What everybody has said until some event, and what counts of it."""

    def __init__(self) -> None:
        # Each oracle's latest word on each spectrum in the order of the events, None where it was
        # taken back; the latest adjudication likewise.
        self._latest: dict[str, dict[str, Answer]] = {}
        self._adjudicated: dict[str, Answer] = {}
        self._opinions: dict[str, tuple[Answer, ...]] = {}
        self._counting: dict[str, Answer] = {}
        self._resolution: Resolution | None = None
        # Spectra of which something was said since these two were derived.
        self._unheard: set[str] = set()
        self._uncounted: set[str] = set()

    def add(self, one: Answer) -> None:
        """Take in the next event, which answers no blind repeat."""
        if one.is_adjudication:
            self._adjudicated[one.identifier] = one
        else:
            said = self._latest.setdefault(one.identifier, {})
            said.pop(one.oracle, None)
            said[one.oracle] = one
            self._unheard.add(one.identifier)
        self._uncounted.add(one.identifier)

    def opinions(self) -> dict[str, tuple[Answer, ...]]:
        """Give each oracle's latest answer on each spectrum; see `Answers.opinions`."""
        if self._unheard:
            heard = {
                name: tuple(one for one in self._latest[name].values() if one.answer is not None)
                for name in self._unheard
            }
            self._unheard.clear()
            self._opinions = _renew(self._opinions, heard, lambda said: said[0].sequence)
        return self._opinions

    def adjudications(self) -> dict[str, Answer]:
        """Give the adjudication of each spectrum that has one; see `Answers.adjudications`."""
        standing = {n: one for n, one in self._adjudicated.items() if one.answer is not None}
        return dict(sorted(standing.items(), key=lambda item: item[1].sequence))

    def current(self, resolution: Resolution) -> dict[str, Answer]:
        """Give the answer that counts on each spectrum; see `Answers.current_answers`."""
        self.opinions()
        if resolution is not self._resolution:
            self._uncounted = {*self._latest, *self._adjudicated}
            self._resolution = resolution
        if self._uncounted:
            counted = {name: self._count(name, resolution) for name in self._uncounted}
            self._uncounted.clear()
            self._counting = _renew(self._counting, counted, _sequence)
        return self._counting

    def _count(self, name: str, resolution: Resolution) -> Answer | None:
        settled = self._adjudicated.get(name)
        if settled and settled.answer is not None:
            return settled
        return _counting(self._opinions.get(name, ()), resolution)


def _renew(
    ordered: dict[str, Value],
    changed: Mapping[str, Value | None],
    sequence: Callable[[Value], int],
) -> dict[str, Value]:
    """Put what has changed into values in the order of events; nothing takes a value's place."""
    moved = []
    for name, value in changed.items():
        before = ordered.get(name)
        if value and before and sequence(value) == sequence(before):
            ordered[name] = value
            continue
        ordered.pop(name, None)
        if value:
            moved.append((sequence(value), name, value))
    # Nearly always they come last; to put all in order takes a tenth of a second and more.
    last = sequence(next(reversed(ordered.values()))) if ordered else 0
    moved.sort(key=itemgetter(0))
    ordered.update((name, value) for _, name, value in moved)
    if moved and moved[0][0] < last:
        return dict(sorted(ordered.items(), key=lambda item: sequence(item[1])))
    return ordered


def _counting(opinions: Sequence[Answer], resolution: Resolution) -> Answer | None:
    if len(opinions) == 1:  # by any rule
        return opinions[0]
    agreed = consensus({one.oracle: one.answer or "" for one in opinions}, resolution)
    return next((one for one in reversed(opinions) if one.answer == agreed), None)


class Log:
    """The events of one campaign, as of the last look at them; many threads may share it.

    What it gives is a copy that the caller may change; the answers themselves are frozen.
    """

    def __init__(self) -> None:
        self.lock = RLock()
        self._events: list[Answer] = []
        self._repeats: set[int] = set()
        self._now = Said()
        self._n_heard = 0
        self._derived: dict[str, tuple[Hashable, Any]] = {}
        self._past: dict[tuple[int, Resolution], dict[str, Answer]] = {}

    def __len__(self) -> int:
        return len(self._events)

    @property
    def last(self) -> Answer | None:
        """The last event that is known."""
        return self._events[-1] if self._events else None

    def append(self, one: Answer, is_repeat: bool) -> None:
        """Take in the next event; an answer to a blind repeat counts for nothing else."""
        self._events.append(one)
        if is_repeat:
            self._repeats.add(one.sequence)

    def events(self, after: int = 0) -> list[Answer]:
        """Give the events with a later sequence number, in their order."""
        with self.lock:
            return self._events[bisect_right(self._events, after, key=_sequence) :]

    def is_repeat(self, sequence: int) -> bool:
        """Tell whether an event answers a blind repeat."""
        return sequence in self._repeats

    def opinions(self, through: int) -> dict[str, tuple[Answer, ...]]:
        """Give what each oracle said last on each spectrum until an event."""
        with self.lock:
            return self._said(through).opinions().copy()

    def adjudications(self, through: int) -> dict[str, Answer]:
        """Give what was settled until an event."""
        with self.lock:
            return self._said(through).adjudications()

    def current(self, through: int, resolution: Resolution) -> dict[str, Answer]:
        """Give what counted until an event by a rule."""
        with self.lock:
            if self._is_now(through):
                return self._said(through).current(resolution).copy()
            key = through, resolution
            found = self._past.pop(key, None) or self._said(through).current(resolution)
            self._past[key] = found
            if len(self._past) > MOST_PASTS:
                del self._past[next(iter(self._past))]
            return found.copy()

    def derived(self, what: str, state: Hashable, make: Callable[[], Value]) -> Value:
        """Give what somebody derives of the log, made anew when there are events more.

        Parameters
        ----------
        what : str
            What it is; of each the last one is kept.
        state : hashable
            All that it depends on besides the events.
        make : callable
            Derives it.
        """
        key = len(self._events), state
        found = self._derived.get(what)
        if found is None or found[0] != key:
            found = self._derived[what] = key, make()
        value: Value = found[1]
        return value

    def _is_now(self, through: int) -> bool:
        return not self._events or through >= self._events[-1].sequence

    def _said(self, through: int) -> Said:
        if self._is_now(through):
            said, start, stop = self._now, self._n_heard, len(self._events)
            self._n_heard = stop
        else:
            said, start = Said(), 0
            stop = bisect_right(self._events, through, key=_sequence)
        for one in self._events[start:stop]:
            if one.sequence not in self._repeats:
                said.add(one)
        return said
