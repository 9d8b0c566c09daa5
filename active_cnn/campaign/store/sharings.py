"""How people share the work: the rules of a campaign, and who has what on the desk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from active_cnn.campaign.store.queries import Queries
from active_cnn.records import Iteration, Resolution, Sharing, SharingMode

# A spectrum that somebody has on the desk is nobody else's for so long; work prolongs it.
LEASE = timedelta(minutes=10)


@dataclass(frozen=True)
class SharingChange:
    """Rules of sharing, with who set them and when (ISO 8601, UTC)."""

    sharing: Sharing
    oracle: str
    at: str


class Sharings(Queries):
    """Rules of sharing, of which the last one holds, and claims, which expire."""

    def set_sharing(self, campaign: str, sharing: Sharing, oracle: str) -> None:
        """Share the campaign's spectra in another way from now on."""
        with self._write():
            self._insert(
                "sharing",
                {
                    "campaign": campaign,
                    "mode": sharing.mode.value,
                    "n_judges": sharing.n_judges,
                    "resolution": sharing.resolution.value,
                    "oracle": oracle,
                    "at": self._clock(),
                },
            )

    def sharing(self, campaign: str, as_of: Iteration | None = None) -> Sharing:
        """Give the rules of sharing, now or as they were when an iteration began."""
        rows = self._rows(
            "SELECT mode, n_judges, resolution FROM sharing WHERE campaign = ? "
            "AND (? IS NULL OR at <= ?) ORDER BY number DESC LIMIT 1",
            [campaign, *[as_of.created_at if as_of else None] * 2],
        )
        if not rows:
            return Sharing()
        return Sharing(
            SharingMode(rows[0]["mode"]), rows[0]["n_judges"], Resolution(rows[0]["resolution"])
        )

    def sharing_log(self, campaign: str) -> list[SharingChange]:
        """Give every change of the rules of sharing, the latest first."""
        rows = self._rows(
            "SELECT mode, n_judges, resolution, oracle, at FROM sharing WHERE campaign = ? "
            "ORDER BY number DESC",
            [campaign],
        )
        return [
            SharingChange(
                Sharing(SharingMode(row["mode"]), row["n_judges"], Resolution(row["resolution"])),
                row["oracle"],
                row["at"],
            )
            for row in rows
        ]

    def claim(
        self,
        campaign: str,
        oracle: str,
        identifiers: Sequence[str],
        n: int,
        room: Mapping[str, int] | None = None,
    ) -> list[str]:
        """Take spectra for one oracle, those that are on this desk already first.

        Parameters
        ----------
        campaign, oracle : str
            Whose desk in which campaign.
        identifiers : sequence of str
            Spectra that this oracle may judge, the first ones first.
        n : int
            How many to have on the desk.
        room : mapping of str to int, optional
            How many people may still judge each of them; 1 by default.

        Returns
        -------
        list of str
            At most `n`, in the order of `identifiers`; nobody beyond the room is given these
            while the claims last.
        """
        room = room or {}
        with self._write():
            now = self._clock()
            until = datetime.fromisoformat(now) + LEASE
            self._db.execute("DELETE FROM claim WHERE expires_at <= ?", [now])
            taken: Counter[str] = Counter()
            mine = set()
            for row in self._rows(
                "SELECT identifier, oracle FROM claim WHERE campaign = ?", [campaign]
            ):
                if row["oracle"] == oracle:
                    mine.add(row["identifier"])
                else:
                    taken[row["identifier"]] += 1
            free = (name for name in identifiers if taken[name] < room.get(name, 1))
            first = [name for name in identifiers if name in mine][:n]
            more = (name for name in free if name not in mine)
            kept = {*first, *islice(more, n - len(first))}
            self._db.execute(
                "DELETE FROM claim WHERE campaign = ? AND oracle = ?", [campaign, oracle]
            )
            self._db.table("claim").insert_all(
                {
                    "campaign": campaign,
                    "identifier": name,
                    "oracle": oracle,
                    "expires_at": until.isoformat(timespec="milliseconds"),
                }
                for name in kept
            )
        return [name for name in identifiers if name in kept]

    def claims(self, campaign: str, oracle: str) -> set[str]:
        """Give what an oracle has on the desk for at least half of the lease."""
        until = datetime.fromisoformat(self._clock()) + LEASE / 2
        return {
            row["identifier"]
            for row in self._rows(
                "SELECT identifier FROM claim WHERE campaign = ? AND oracle = ? "
                "AND expires_at >= ?",
                [campaign, oracle, until.isoformat(timespec="milliseconds")],
            )
        }

    def count_claimants(self, campaign: str, oracle: str) -> int:
        """Count the other people who have spectra on their desks."""
        return int(
            self._rows(
                "SELECT count(DISTINCT oracle) AS n FROM claim WHERE campaign = ? "
                "AND oracle <> ? AND expires_at > ?",
                [campaign, oracle, self._clock()],
            )[0]["n"]
        )
