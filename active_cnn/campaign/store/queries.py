"""Queries: batches of spectra that the oracle is asked about."""

from __future__ import annotations

import json
from sys import intern
from typing import Any

from active_cnn.campaign.store.iterations import Iterations
from active_cnn.campaign.store.kept import Kept
from active_cnn.errors import CampaignError
from active_cnn.records import Iteration, Purpose, Query, QueryItem

# Of items, in all homes of a process; one has some 400 bytes.
_drawn: Kept[Query] = Kept(most=400_000)


class Queries(Iterations):
    """The queries of each iteration."""

    def add_query(self, query: Query) -> Query:
        """Store a query with its items and give it its number.

        Raises
        ------
        CampaignError
            If the iteration has been closed or trained anew since the query was drawn, or a sample
            that measures holds blind repeats.
        """
        with self._write():
            iteration = self.iteration(query.campaign, query.iteration)
            if not self._may_ask(iteration, query.purpose) or iteration.job != query.job:
                raise CampaignError(
                    f"Iteration {query.iteration} of {query.campaign!r} has been closed or "
                    "trained anew since these spectra were chosen. Draw them again."
                )
            number = self._insert_query(query, self._clock())
        return self.query(number)

    def _refuse_repeats_in_a_sample(self, query: Query) -> None:
        repeats = [item.identifier for item in query.items if item.is_repeat]
        if repeats and query.purpose is not Purpose.RELABEL:
            raise CampaignError(
                f"The {query.purpose.value} sample of iteration {query.iteration} asks about "
                f"{repeats[0]!r} as a blind repeat: a sample that measures holds only what was "
                "drawn at random for it. Put repeats into a relabel query."
            )

    def _insert_query(self, query: Query, created_at: str) -> int:
        self._refuse_repeats_in_a_sample(query)
        number = self._insert(
            "query",
            {
                "campaign": query.campaign,
                "iteration": query.iteration,
                "job": query.job,
                "purpose": query.purpose.value,
                "strategy": query.strategy,
                "size": query.size,
                "seed": query.seed,
                "created_at": created_at,
                "notice": query.notice,
                "design": json.dumps(query.design),
            },
        )
        self._db.table("query_item").insert_all(
            {
                "query": number,
                "position": item.position,
                "identifier": item.identifier,
                "predicted": item.predicted,
                "probabilities": json.dumps(item.probabilities),
                "score": item.score,
                "chosen_by": item.chosen_by,
                "is_repeat": int(item.is_repeat),
            }
            for item in query.items
        )
        return number

    def _may_ask(self, iteration: Iteration, purpose: Purpose) -> bool:
        # By the last closed one's predictions people may go on labelling as long as the open one
        # has none of its own; measured is the open one alone.
        if iteration.state == "scored":
            return True
        newest = self.iteration(iteration.campaign)
        is_last = iteration.number == newest.number - 1 and newest.state == "new"
        return is_last and purpose is Purpose.RELABEL

    def query(self, number: int) -> Query:
        """Give a query with its items in their order.

        Raises
        ------
        CampaignError
            If there is no such query.
        """
        rows = self._rows("SELECT * FROM query WHERE number = ?", [number])
        if not rows:
            raise CampaignError(f"There is no query {number} in {self.home}.")
        return self._query(rows[0])

    def _query(self, row: dict[str, Any]) -> Query:
        # What a query asks about never changes: it is read once.
        key = self._file_key(), *row.values()
        found = _drawn.get(key)
        if found is None:
            items = self._read(
                "SELECT position, identifier, predicted, probabilities, score, chosen_by, "
                "is_repeat FROM query_item WHERE query = ? ORDER BY position",
                [row["number"]],
            )
            found = Query(
                **{**row, "purpose": Purpose(row["purpose"]), "design": json.loads(row["design"])},
                items=tuple(map(_item, items)),
            )
            # Within a transaction there may be what is never committed.
            if not self._db.conn.in_transaction:
                _drawn.put(key, found, len(found.items) + 1)
        return found

    def queries(self, iteration: Iteration, purpose: Purpose) -> list[Query]:
        """Give the queries of an iteration for one purpose, in the order they were drawn.

        Those drawn from an earlier training of the same iteration are left out.
        """
        rows = self._rows(
            "SELECT * FROM query WHERE campaign = ? AND iteration = ? AND job = ? "
            "AND purpose = ? ORDER BY number",
            [iteration.campaign, iteration.number, iteration.job, purpose.value],
        )
        return [self._query(row) for row in rows]

    def all_queries(self, campaign: str) -> list[Query]:
        """Give every query of a campaign, those of earlier trainings too, in their order."""
        rows = self._rows("SELECT * FROM query WHERE campaign = ? ORDER BY number", [campaign])
        return [self._query(row) for row in rows]

    def count_queries(self, campaign: str) -> int:
        """Count all queries of a campaign."""
        return int(
            self._rows("SELECT count(*) AS n FROM query WHERE campaign = ?", [campaign])[0]["n"]
        )

    def asked(self, iteration: Iteration) -> set[str]:
        """Give the identifiers of all spectra that the iteration's queries ask about.

        Blind repeats are left out: whoever wants to ask about one of these for its label, may.
        """
        return {
            row["identifier"]
            for row in self._rows(
                "SELECT identifier FROM query_item JOIN query ON query.number = query_item.query "
                "WHERE campaign = ? AND iteration = ? AND job = ? AND is_repeat = 0",
                [iteration.campaign, iteration.number, iteration.job],
            )
        }

    def repeated(self, campaign: str) -> set[str]:
        """Give the identifiers of all spectra that have been drawn as blind repeats."""
        return {
            row["identifier"]
            for row in self._rows(
                "SELECT identifier FROM query_item JOIN query ON query.number = query_item.query "
                "WHERE is_repeat = 1 AND campaign = ?",
                [campaign],
            )
        }


def _item(row: tuple[Any, ...]) -> QueryItem:
    position, identifier, predicted, probabilities, score, chosen_by, is_repeat = row
    return QueryItem(
        position,
        intern(identifier),
        intern(predicted),
        tuple(json.loads(probabilities)),
        score,
        intern(chosen_by),
        bool(is_repeat),
    )
