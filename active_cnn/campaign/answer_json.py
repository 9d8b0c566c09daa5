"""The log of answers as JSON, for `answers import`: with the queries that asked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from sys import intern
from typing import IO, Any, NamedTuple

from active_cnn import __version__
from active_cnn.campaign.answer_fields import (
    ANSWER,
    CHOSEN,
    ITEM,
    ITEM_1,
    QUERY,
    QUERY_1,
    check_object,
    refusal,
)  # fmt: skip
from active_cnn.campaign.logged_answer import LoggedAnswer, make_answer, make_query
from active_cnn.errors import StoreError
from active_cnn.excerpt import explain, shorten
from active_cnn.json_parts import read_members
from active_cnn.names import trim
from active_cnn.records import Query, QueryItem

FORMAT = "active-cnn answers"
VERSION = 2


class _Asked(NamedTuple):
    """A query of a JSON file, when its training was started, and its items by spectrum."""

    query: Query
    job_created_at: str
    items: dict[str, QueryItem]


def format_json(logged: Sequence[LoggedAnswer], exported_at: str) -> Iterator[str]:
    """Give the text of a file piece by piece."""
    # As json.dump with an indent writes it, one query and one answer after the other.
    queries = {one.query.number: one for one in logged}
    head = {
        "format": FORMAT,
        "version": VERSION,
        "active_cnn": __version__,
        "exported_at": exported_at,
    }
    yield _to_json(head)[: -len("\n}")]
    asked = (_query_to_json(one) for _, one in sorted(queries.items()))
    yield from _list_to_json("queries", asked)
    answers = ({name: getattr(one.answer, name) for name in ANSWER} for one in logged)
    yield from _list_to_json("answers", answers)
    yield "\n}"


def _query_to_json(one: LoggedAnswer) -> dict[str, Any]:
    told = {
        name: getattr(one.query, name) for name in QUERY if name not in ("job_created_at", "items")
    }
    items = [{name: getattr(item, name) for name in ITEM} for item in one.query.items]
    return {**told, "job_created_at": one.job_created_at, "items": items}


def _list_to_json(name: str, elements: Iterable[dict[str, Any]]) -> Iterator[str]:
    yield f",\n {json.dumps(name)}: ["
    between, end = "\n  ", "]"
    for one in elements:
        yield between + _to_json(one).replace("\n", "\n  ")
        between, end = ",\n  ", "\n ]"
    yield end


def _to_json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)


def read_in_parts(name: str, file: IO[str]) -> Iterator[LoggedAnswer]:
    """Read the events of a file of that name without holding them; see `read_answers`.

    Raises
    ------
    ValueError or KeyError
        If it is not JSON, or its members are not there in the order in which they are needed.
    """
    content: dict[str, Any] = {}
    for member, value in read_members(file, ("queries", "answers")):
        if member in content:
            raise ValueError(f"{member!r} is there twice")
        if member in ("queries", "answers") and not isinstance(value, Iterator):
            raise ValueError(f"{member!r} is no list")
        if member == "queries":
            value = _asked(name, value, _version(name, content))
        elif member == "answers":
            yield from _answers(name, value, content["queries"])
        content[member] = value
    if "answers" not in content:
        raise ValueError("there is no list of answers")


def read_at_once(name: str, text: str) -> list[LoggedAnswer]:
    """Read the events of a file of that name, whatever the order of its members."""
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise refusal(f"line {error.lineno} of {name}", f"it is not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise refusal(name, f"it is not JSON that can be read: {explain(error)}") from error
    if not isinstance(content, dict):
        content = {}
    version = _version(name, {"format": None, "version": None, **content})
    queries, answers = content.get("queries"), content.get("answers")
    if not isinstance(queries, list) or not isinstance(answers, list):
        raise refusal(name, "it has no list of queries or no list of answers")
    return list(_answers(name, answers, _asked(name, queries, version)))


def _version(name: str, content: Mapping[str, Any]) -> int:
    if content["format"] != FORMAT:
        raise refusal(name, f"it does not say that its format is {FORMAT!r}")
    version = content["version"]
    if type(version) is not int or not 1 <= version <= VERSION:
        raise StoreError(
            f"{name} has version {shorten(version)} of the format; this version of "
            f"Active CNN ({__version__}) reads 1 to {VERSION}. Upgrade Active CNN on this machine."
        )
    return version


def _asked(name: str, queries: Iterable[object], version: int) -> dict[int, _Asked]:
    asked: dict[int, _Asked] = {}
    for n, row in enumerate(queries, 1):
        query, job_created_at = _query_of_json(f"query {n} of {name}", row, version)
        if query.number in asked:
            raise refusal(f"query {n} of {name}", f"number {query.number} is there already")
        items = {item.identifier: item for item in query.items}
        asked[query.number] = _Asked(query, job_created_at, items)
    return asked


def _answers(
    name: str, answers: Iterable[object], asked: Mapping[int, _Asked]
) -> Iterator[LoggedAnswer]:
    for n, row in enumerate(answers, 1):
        where = f"answer {n} of {name}"
        values = check_object(where, row, ANSWER)
        known = asked.get(values["query"])
        if known is None or known.query.campaign != values["campaign"]:
            raise refusal(
                where,
                f"query is {values['query']}, which is not among the file's queries of "
                f"{values['campaign']!r}",
            )
        item = known.items.get(trim(values["identifier"]))
        chosen = {name: getattr(item, name) for name in CHOSEN} if item else {}
        answer = make_answer(values, known.query)
        yield LoggedAnswer(where, answer, known.query, known.job_created_at, **chosen)


def _query_of_json(where: str, row: object, version: int) -> tuple[Query, str]:
    values = check_object(where, row, QUERY_1 if version == 1 else QUERY)
    items = []
    for n, one in enumerate(values.pop("items"), 1):
        item = check_object(f"item {n} of {where}", one, ITEM_1 if version == 1 else ITEM)
        item["identifier"] = intern(trim(item["identifier"]))
        items.append(QueryItem(**{**item, "probabilities": tuple(item["probabilities"])}))
    for name in ("position", "identifier"):
        if len({getattr(item, name) for item in items}) < len(items):
            raise refusal(where, f"two of its items have the same {name}")
    job_created_at = values.pop("job_created_at")
    ordered = tuple(sorted(items, key=lambda item: item.position))
    return make_query({**values, "items": ordered}), job_created_at
