"""Who has judged what, followed along the log of answers instead of asked for anew each time."""

from __future__ import annotations

from threading import Lock
from weakref import WeakKeyDictionary

from active_cnn.campaign.files import last_scored
from active_cnn.campaign.store import Log, Store
from active_cnn.records import Campaign


class Standing:
    """Who has judged each spectrum of a campaign, as of the last look at its log.

    The log only grows, so that a look costs no more than what has been said since the last one.
    Many sessions may share a standing.

    Parameters
    ----------
    campaign : str
        Name of the campaign.

    Attributes
    ----------
    judges : dict of str to set of str
        Oracles whose answer on a spectrum stands, by identifier, in the order in which the spectra
        were first answered; answers to blind repeats are left out.
    adjudicated : set of str
        Spectra that somebody has adjudicated.
    """

    def __init__(self, campaign: str) -> None:
        self.campaign = campaign
        self.judges: dict[str, set[str]] = {}
        self.adjudicated: set[str] = set()
        # The query in which each oracle first answered a spectrum.
        self._first: dict[tuple[str, str], int] = {}
        # Oracles whose answer to a blind repeat stands, by its query and spectrum.
        self._repeated: dict[tuple[int, str], set[str]] = {}
        self._last = 0
        self._lock = Lock()

    def look(self, store: Store) -> Standing:
        """Read what has been said since the last look; gives the standing itself."""
        with self._lock:
            for event in store.standing_after(self.campaign, self._last):
                identifier, oracle = event.identifier, event.oracle
                if event.is_repeat:
                    asked = event.query, identifier
                    people, who = self._repeated.setdefault(asked, set()), oracle
                elif event.is_adjudication:
                    people, who = self.adjudicated, identifier
                else:
                    people, who = self.judges.setdefault(identifier, set()), oracle
                    self._first.setdefault((identifier, oracle), event.query)
                if event.stands:
                    people.add(who)
                else:
                    people.discard(who)
                self._last = event.sequence
        return self

    def repeaters(self, query: int, identifier: str) -> set[str]:
        """Give the oracles whom a blind repeat belongs to.

        Theirs is an answer that stands, given first to an earlier query.
        """
        return {
            oracle
            for oracle in self.judges.get(identifier, set()).copy()  # others go on looking
            if self._first[identifier, oracle] < query
        }

    def has_repeated(self, query: int, identifier: str, oracle: str) -> bool:
        """Tell whether an oracle's answer to a blind repeat stands."""
        return oracle in self._repeated.get((query, identifier), ())


# As long as their logs are kept.
_kept: WeakKeyDictionary[Log, Standing] = WeakKeyDictionary()
_lock = Lock()


def follow(store: Store, campaign: str) -> Standing:
    """Give who has judged what as of now, by a standing that all of this process share."""
    log = store.log(campaign)
    with _lock:
        standing = _kept.setdefault(log, Standing(campaign))
    return standing.look(store)


def repeatable(store: Store, campaign: Campaign) -> list[str]:
    """List the spectra that may be asked about once more, as blind repeats.

    Somebody's answer on them stands, nobody has adjudicated them, and they have not been drawn as
    repeats before. What the newest predictions have been asked about is left out: the page lists
    it with its answers, and the answer is still fresh in the memory.

    Returns
    -------
    list of str
        Identifiers in the order of the first answers.
    """
    standing = follow(store, campaign.name)
    iteration = last_scored(store, campaign.name)
    left_out = standing.adjudicated | store.repeated(campaign.name)
    if iteration:
        left_out |= store.asked(iteration)
    judged = list(standing.judges.items())  # others go on looking
    return [name for name, judges in judged if judges and name not in left_out]
