"""An event of the log of answers as it travels from home to home."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from sys import intern
from typing import Any, NamedTuple

from active_cnn.names import trim
from active_cnn.records import Answer, Purpose, Query

_REPEATED = ("identifier", "answer", "note", "oracle")


@dataclass(frozen=True, eq=False, slots=True)
class LoggedAnswer:
    """An event of the log with what identifies it in every home.

    Parameters
    ----------
    where : str
        Its place in the file, for error texts.
    answer : Answer
        As it stands in the home that the file comes from.
    query : Query
        The query that asked; one from a CSV has no items.
    job_created_at : str
        When the training was started that the query was drawn from; '' if the file does not tell.
    chosen_by : str
        What chose the spectrum within the query.
    is_repeat : bool
        Whether the query asked about it as a blind repeat.
    """

    where: str
    answer: Answer
    query: Query
    job_created_at: str = ""
    chosen_by: str = ""
    is_repeat: bool = False


class QueryIdentity(NamedTuple):
    """What a query is known by; its number is a matter of the home."""

    campaign: str
    iteration: int
    purpose: Purpose
    strategy: str
    seed: int
    size: int
    created_at: str


def identify(query: Query) -> QueryIdentity:
    """Give what a query is known by in every home."""
    return QueryIdentity(*(getattr(query, name) for name in QueryIdentity._fields))


def make_query(values: Mapping[str, Any]) -> Query:
    """Make a query of what a file says; the training that it was drawn from is a home's own."""
    return Query(**{**values, "job": 0, "purpose": Purpose(values["purpose"])})


def make_answer(values: Mapping[str, Any], query: Query) -> Answer:
    """Make an answer of what a file says of it and of the query that asked."""
    fitting = {"identifier": trim(values["identifier"]), "iteration": query.iteration}
    values = {**values, **fitting, "campaign": query.campaign}
    # Most texts of a log are the same few.
    shared = {name: intern(values[name]) for name in _REPEATED if values[name]}
    return Answer(**{**values, **shared, "purpose": query.purpose})
