"""The log of a campaign's answers in memory: read once, then followed as it grows.

What counts is derived from the events, and brought up to date by the new ones alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Hashable, Sequence
from operator import attrgetter
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
            for name in self._unheard:
                standing = tuple(a for a in self._latest[name].values() if a.answer is not None)
                if standing:
                    self._opinions[name] = standing
                else:
                    self._opinions.pop(name, None)
            self._unheard.clear()
            self._opinions = dict(
                sorted(self._opinions.items(), key=lambda item: item[1][0].sequence)
            )
        return self._opinions

    def adjudications(self) -> dict[str, Answer]:
        """Give the adjudication of each spectrum that has one; see `Answers.adjudications`."""
        return _in_order({n: a for n, a in self._adjudicated.items() if a.answer is not None})

    def current(self, resolution: Resolution) -> dict[str, Answer]:
        """Give the answer that counts on each spectrum; see `Answers.current_answers`."""
        opinions = self.opinions()
        if resolution is not self._resolution:
            self._uncounted = {*self._latest, *self._adjudicated}
            self._resolution = resolution
        if self._uncounted:
            for name in self._uncounted:
                settled = self._adjudicated.get(name)
                is_settled = settled is not None and settled.answer is not None
                one = settled if is_settled else _counting(opinions.get(name, ()), resolution)
                if one is None:
                    self._counting.pop(name, None)
                else:
                    self._counting[name] = one
            self._uncounted.clear()
            self._counting = _in_order(self._counting)
        return self._counting


def _in_order(answers: dict[str, Answer]) -> dict[str, Answer]:
    return dict(sorted(answers.items(), key=lambda item: item[1].sequence))


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
