"""Files of the log of answers: CSV for people and tables, JSON with the queries that asked.

Both hold every event without loss; each value that is read is checked, and named where it is wrong.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from active_cnn import __version__
from active_cnn.campaign.answer_fields import (
    ANSWER,
    ASKED,
    CHOSEN,
    CSV,
    CSV_1,
    CSV_2,
    DESIGN,
    EVENT_OR_NOTHING,
    FLAG,
    INTEGER,
    ITEM,
    ITEM_1,
    OBJECT,
    QUERY,
    QUERY_1,
    SECONDS,
    TEXT_OR_NOTHING,
    Kind,
    check_names,
    check_object,
    check_values,
    refusal,
)
from active_cnn.errors import StoreError
from active_cnn.excerpt import shorten
from active_cnn.lines import read_bounded
from active_cnn.names import trim
from active_cnn.records import Answer, Purpose, Query, QueryItem
from active_cnn.spreadsheet import disarm, rearm
from active_cnn.whole_file import write_whole

ENDINGS = (".csv", ".json")
FORMAT = "active-cnn answers"
VERSION = 2
MOST_ANSWERS = 2**30  # bytes: millions of answers


@dataclass(frozen=True, eq=False)
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


def check_ending(path: Path) -> None:
    """Refuse a file whose ending is not that of a log of answers."""
    if path.suffix.lower() not in ENDINGS:
        raise StoreError(
            f"Answers cannot be kept in {path.name!r}: give a file that ends in "
            f"{' or '.join(ENDINGS)}."
        )


# writing


def write_answers(path: Path, logged: Sequence[LoggedAnswer], exported_at: str) -> None:
    """Write events to a file, which appears when it is complete.

    Raises
    ------
    StoreError
        If the ending is not one of `ENDINGS`, or the file cannot be written.
    """
    check_ending(path)
    text = _csv(logged) if path.suffix.lower() == ".csv" else _json(logged, exported_at)
    write_whole(path, text.encode())


def _csv(logged: Sequence[LoggedAnswer]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(CSV)
    for one in logged:
        values = {name: getattr(one.answer, name) for name in ANSWER}
        values |= {f"query_{name}": getattr(one.query, name) for name in ASKED}
        values |= {name: getattr(one, name) for name in CHOSEN}
        values |= {f"query_{name}": getattr(one.query, name) for name in DESIGN}
        writer.writerow(map(_to_cell, values.values()))
    return text.getvalue()


def _to_cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return disarm(str(value))
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    return str(int(value)) if isinstance(value, bool) else repr(value)


def _json(logged: Sequence[LoggedAnswer], exported_at: str) -> str:
    queries = {one.query.number: one for one in logged}
    return json.dumps(
        {
            "format": FORMAT,
            "version": VERSION,
            "active_cnn": __version__,
            "exported_at": exported_at,
            "queries": [
                {
                    **{
                        name: getattr(one.query, name)
                        for name in QUERY
                        if name not in ("job_created_at", "items")
                    },
                    "job_created_at": one.job_created_at,
                    "items": [
                        {name: getattr(item, name) for name in ITEM} for item in one.query.items
                    ],
                }
                for _, one in sorted(queries.items())
            ],
            "answers": [{name: getattr(one.answer, name) for name in ANSWER} for one in logged],
        },
        ensure_ascii=False,
        indent=1,
    )


# reading


def read_answers(path: Path) -> list[LoggedAnswer]:
    """Read a file of answers in the order in which they were given.

    Raises
    ------
    StoreError
        If it cannot be read or is malformed, with the place and the value.
    """
    check_ending(path)
    try:
        text = read_bounded(path, MOST_ANSWERS).decode("utf-8-sig")
    except OSError as error:
        raise StoreError(
            f"Cannot read {path}: {error.strerror}. "
            "Give a file that `active-cnn answers export` has written."
        ) from error
    except UnicodeDecodeError as error:
        raise StoreError(
            f"{path} is not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}. "
            "Save it as UTF-8 and import it again."
        ) from error
    read = _read_csv if path.suffix.lower() == ".csv" else _read_json
    logged = sorted(read(path.name, text), key=lambda one: one.answer.sequence)
    for name in ("event", "sequence"):
        seen: dict[object, LoggedAnswer] = {}
        for one in logged:
            value = getattr(one.answer, name)
            if value in seen:
                raise refusal(
                    one.where,
                    f"{name} {shorten(value)} is there already ({seen[value].where}). "
                    "Each stands once in one home's log; import the logs of several homes one "
                    "after the other",
                )
            seen[value] = one
    return logged


def _read_csv(name: str, text: str) -> Iterator[LoggedAnswer]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    header: list[str] | None = None
    try:
        for cells in reader:
            where, line = f"line {line} of {name}", reader.line_num + 1
            if header is None:
                is_of_version_1 = not set(CSV_2) & set(cells)
                header = check_names(where, "column", cells, CSV_1 if is_of_version_1 else CSV)
            elif cells:
                yield _from_cells(where, header, cells)
    except csv.Error as error:
        raise refusal(f"line {line} of {name}", f"it is not CSV: {error}") from error
    if header is None:
        raise refusal(f"line 1 of {name}", f"it is empty: expected the columns {', '.join(CSV)}")


def _from_cells(where: str, header: Sequence[str], cells: Sequence[str]) -> LoggedAnswer:
    if len(cells) != len(header):
        raise refusal(
            where,
            f"it has {len(cells)} cells, the first one {shorten(cells[0])}: "
            f"expected {len(header)}, as in the header",
        )
    values = {
        column: _from_cell(cell, CSV[column]) for column, cell in zip(header, cells, strict=True)
    }
    check_values(where, values, {column: CSV[column] for column in header})
    answer = {name: values[name] for name in ANSWER}
    asked = {
        name: values[f"query_{name}"] for name in (*ASKED, *DESIGN) if f"query_{name}" in values
    }
    query = _query({"number": answer["query"], "campaign": answer["campaign"], **asked})
    chosen: dict[str, Any] = {name: values[name] for name in CHOSEN if name in values}
    return LoggedAnswer(where, _answer(answer, query), query, **chosen)


def _from_cell(cell: str, kind: Kind) -> object:
    if kind in (TEXT_OR_NOTHING, EVENT_OR_NOTHING, SECONDS) and not cell:
        return None
    # What cannot be turned stays a text, and is refused as one.
    try:
        if kind is INTEGER:
            return int(cell)
        if kind is SECONDS:
            return float(cell)
        if kind is OBJECT:
            return json.loads(cell)
    except (ValueError, RecursionError):
        return cell
    if kind is FLAG:
        return {"0": False, "1": True}.get(cell, cell)
    return rearm(cell)


def _read_json(name: str, text: str) -> Iterator[LoggedAnswer]:
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise refusal(f"line {error.lineno} of {name}", f"it is not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise refusal(name, f"it is not JSON that can be read: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise refusal(name, f"it does not say that its format is {FORMAT!r}")
    version = content.get("version")
    if type(version) is not int or not 1 <= version <= VERSION:
        raise StoreError(
            f"{name} has version {shorten(version)} of the format; this version of "
            f"Active CNN ({__version__}) reads 1 to {VERSION}. Upgrade Active CNN on this machine."
        )
    queries, answers = content.get("queries"), content.get("answers")
    if not isinstance(queries, list) or not isinstance(answers, list):
        raise refusal(name, "it has no list of queries or no list of answers")
    asked: dict[int, tuple[Query, str, dict[str, QueryItem]]] = {}
    for n, row in enumerate(queries, 1):
        query, job_created_at = _query_of_json(f"query {n} of {name}", row, version)
        if query.number in asked:
            raise refusal(f"query {n} of {name}", f"number {query.number} is there already")
        items = {item.identifier: item for item in query.items}
        asked[query.number] = query, job_created_at, items
    for n, row in enumerate(answers, 1):
        where = f"answer {n} of {name}"
        values = check_object(where, row, ANSWER)
        known = asked.get(values["query"])
        if known is None or known[0].campaign != values["campaign"]:
            raise refusal(
                where,
                f"query is {values['query']}, which is not among the file's queries of "
                f"{values['campaign']!r}",
            )
        query, job_created_at, items = known
        item = items.get(trim(values["identifier"]))
        chosen = {name: getattr(item, name) for name in CHOSEN} if item else {}
        yield LoggedAnswer(where, _answer(values, query), query, job_created_at, **chosen)


def _query_of_json(where: str, row: object, version: int) -> tuple[Query, str]:
    values = check_object(where, row, QUERY_1 if version == 1 else QUERY)
    items = []
    for n, one in enumerate(values.pop("items"), 1):
        item = check_object(f"item {n} of {where}", one, ITEM_1 if version == 1 else ITEM)
        item["identifier"] = trim(item["identifier"])
        items.append(QueryItem(**{**item, "probabilities": tuple(item["probabilities"])}))
    for name in ("position", "identifier"):
        if len({getattr(item, name) for item in items}) < len(items):
            raise refusal(where, f"two of its items have the same {name}")
    job_created_at = values.pop("job_created_at")
    ordered = tuple(sorted(items, key=lambda item: item.position))
    return _query({**values, "items": ordered}), job_created_at


def _query(values: Mapping[str, Any]) -> Query:
    return Query(**{**values, "job": 0, "purpose": Purpose(values["purpose"])})


def _answer(values: Mapping[str, Any], query: Query) -> Answer:
    fitting = {"identifier": trim(values["identifier"]), "iteration": query.iteration}
    return Answer(**{**values, **fitting, "purpose": query.purpose})
