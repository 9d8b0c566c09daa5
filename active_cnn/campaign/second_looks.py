"""Which answers to an audit are to be given twice, because one of them stands for many spectra."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from active_cnn.campaign.store import Store
from active_cnn.records import Answer, Campaign


@dataclass(frozen=True)
class MissedTarget:
    """A spectrum of an audit that was named a target and is not predicted to be one.

    Parameters
    ----------
    identifier, answer : str
        What was said of which spectrum.
    n_spectra : float
        Of its stratum, or from below the floor, that it stands for.
    n_named : int
        How often it was named a target, by whomever, since it was last taken back.
    """

    identifier: str
    answer: str
    n_spectra: float
    n_named: int


def look_at_missed(
    store: Store, campaign: Campaign, missed: Sequence[tuple[Answer, float]]
) -> tuple[MissedTarget, ...]:
    """Tell how often missed targets were named such, those that stand for the most first.

    Parameters
    ----------
    store, campaign
        Read only.
    missed : sequence of tuple
        The answer that counts, and how many spectra it stands for.
    """
    found = [
        MissedTarget(
            one.identifier, one.answer or "", n_spectra, _times_named(store, campaign, one)
        )
        for one, n_spectra in missed
    ]
    return tuple(sorted(found, key=lambda one: (-one.n_spectra, one.identifier)))


def _times_named(store: Store, campaign: Campaign, answer: Answer) -> int:
    events = store.events_on(campaign.name, answer.identifier)
    undone = {one.undoes for one in events}
    times: Counter[str] = Counter()
    standing: dict[str, Answer] = {}
    for one in events:
        if one.undoes or one.event in undone:
            continue
        before = standing.get(one.oracle)
        standing[one.oracle] = one
        if one.answer is None:
            times[one.oracle] = 0
        elif one.answer in campaign.target_answers:
            times[one.oracle] += not _only_adds_a_note(before, one)
    return times.total()


def _only_adds_a_note(before: Answer | None, after: Answer) -> bool:
    # A note that is written afterwards is stored with the answer that it belongs to, without a
    # time in which the spectrum was judged.
    if before is None or after.seconds is not None:
        return False
    return before.answer == after.answer and before.note != after.note
