"""Who has judged what, followed along the log of answers instead of asked for anew each time."""

from __future__ import annotations

from threading import Lock

from active_cnn.campaign.store import Store


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
        Oracles whose answer on a spectrum stands, by identifier.
    adjudicated : set of str
        Spectra that somebody has adjudicated.
    """

    def __init__(self, campaign: str) -> None:
        self.campaign = campaign
        self.judges: dict[str, set[str]] = {}
        self.adjudicated: set[str] = set()
        self._last = 0
        self._lock = Lock()

    def look(self, store: Store) -> Standing:
        """Read what has been said since the last look; gives the standing itself."""
        with self._lock:
            for sequence, identifier, oracle, stands, is_adjudication in store.standing_after(
                self.campaign, self._last
            ):
                if is_adjudication:
                    people, who = self.adjudicated, identifier
                else:
                    people, who = self.judges.setdefault(identifier, set()), oracle
                if stands:
                    people.add(who)
                else:
                    people.discard(who)
                self._last = sequence
        return self
