"""Answers: events that are only ever added."""

from __future__ import annotations

from typing import Any

from active_cnn.campaign.store.queries import Queries
from active_cnn.errors import CampaignError
from active_cnn.records import Answer, Purpose

_ANSWER_COLUMNS = """
    answer.sequence, answer.event, answer.campaign, answer.query, query.iteration, query.purpose,
    answer.identifier, answer.answer, answer.note, answer.oracle, answer.at
"""


class Answers(Queries):
    """What the oracles said."""

    def add_answer(
        self,
        *,
        event: str,
        campaign: str,
        query: int,
        identifier: str,
        answer: str | None,
        note: str,
        oracle: str,
    ) -> None:
        """Append what the oracle said; the same event a second time changes nothing.

        When this returns, the answer is on the disk.

        Raises
        ------
        CampaignError
            If the query did not ask about that spectrum, or the class is not the campaign's.
        """
        with self._write():
            if self._rows("SELECT 1 FROM answer WHERE event = ?", [event]):
                return
            asked = self._rows(
                "SELECT 1 FROM query_item JOIN query ON query.number = query_item.query "
                "WHERE query = ? AND identifier = ? AND campaign = ?",
                [query, identifier, campaign],
            )
            if not asked:
                raise CampaignError(
                    f"Query {query} of {campaign!r} does not ask about {identifier!r}: "
                    "the answer was not stored. Reload the page."
                )
            allowed = [c.name for c in self.campaign(campaign).classes]
            if answer is not None and answer not in allowed:
                raise CampaignError(
                    f"{answer!r} is not an answer in campaign {campaign!r}: "
                    f"choose one of {', '.join(allowed)}."
                )
            self._db.table("answer").insert(
                {
                    "event": event,
                    "campaign": campaign,
                    "query": query,
                    "identifier": identifier,
                    "answer": answer,
                    "note": note,
                    "oracle": oracle,
                    "at": self._clock(),
                }
            )

    def current_answers(self, campaign: str, through: int | None = None) -> dict[str, Answer]:
        """Give the latest answer on each spectrum, those taken back left out.

        Parameters
        ----------
        campaign : str
            Name of the campaign.
        through : int, optional
            Sequence number of the last event to know of; all by default.

        Returns
        -------
        dict of str to Answer
            By identifier, in the order of the events.
        """
        rows = self._rows(
            f"SELECT {_ANSWER_COLUMNS} FROM answer JOIN query ON query.number = answer.query "
            "WHERE sequence IN (SELECT max(sequence) FROM answer "
            "  WHERE campaign = ? AND sequence <= ? GROUP BY identifier) "
            "AND answer IS NOT NULL ORDER BY sequence",
            [campaign, 2**62 if through is None else through],
        )
        return {row["identifier"]: _answer(row) for row in rows}

    def answer_log(self, campaign: str) -> list[Answer]:
        """Give every event in the order it was stored."""
        rows = self._rows(
            f"SELECT {_ANSWER_COLUMNS} FROM answer JOIN query ON query.number = answer.query "
            "WHERE answer.campaign = ? ORDER BY sequence",
            [campaign],
        )
        return [_answer(row) for row in rows]


def _answer(row: dict[str, Any]) -> Answer:
    return Answer(**{**row, "purpose": Purpose(row["purpose"])})
