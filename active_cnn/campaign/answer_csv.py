"""The log of answers as CSV, for people and tables: a row an answer, with what asked beside it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

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
    OBJECT,
    SECONDS,
    TEXT_OR_NOTHING,
    Kind,
    check_names,
    check_values,
    refusal,
)  # fmt: skip
from active_cnn.campaign.logged_answer import LoggedAnswer, make_answer, make_query
from active_cnn.excerpt import shorten
from active_cnn.records import Query
from active_cnn.spreadsheet import disarm, rearm
from active_cnn.whole_file import WholeFile

# Columns that say the same beside each answer to a query, and the others.
_OF_QUERY = {"campaign", "query", *(f"query_{name}" for name in (*ASKED, *DESIGN))}
_OF_ANSWER = {*ANSWER, *CHOSEN}


def write_csv(file: WholeFile, logged: Iterable[LoggedAnswer]) -> None:
    """Write events."""
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow(CSV)
    for one in logged:
        values = {name: getattr(one.answer, name) for name in ANSWER}
        values |= {f"query_{name}": getattr(one.query, name) for name in ASKED}
        values |= {name: getattr(one, name) for name in CHOSEN}
        values |= {f"query_{name}": getattr(one.query, name) for name in DESIGN}
        writer.writerow(map(_to_cell, values.values()))


def _to_cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return disarm(str(value))
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    return str(int(value)) if isinstance(value, bool) else repr(value)


def read_csv(name: str, file: IO[str]) -> Iterator[LoggedAnswer]:
    """Read the events of a file of that name; see `read_answers`."""
    reader = csv.reader(file, strict=True)
    asked: dict[tuple[str, ...], Query] = {}
    line = 1
    header: list[str] | None = None
    try:
        for cells in reader:
            where, line = f"line {line} of {name}", reader.line_num + 1
            if header is None:
                is_of_version_1 = not set(CSV_2) & set(cells)
                header = check_names(where, "column", cells, CSV_1 if is_of_version_1 else CSV)
            elif cells:
                yield _from_cells(where, header, cells, asked)
    except csv.Error as error:
        raise refusal(f"line {line} of {name}", f"it is not CSV: {error}") from error
    if header is None:
        raise refusal(f"line 1 of {name}", f"it is empty: expected the columns {', '.join(CSV)}")


def _from_cells(
    where: str, header: Sequence[str], cells: Sequence[str], asked: dict[tuple[str, ...], Query]
) -> LoggedAnswer:
    if len(cells) != len(header):
        raise refusal(
            where,
            f"it has {len(cells)} cells, the first one {shorten(cells[0])}: "
            f"expected {len(header)}, as in the header",
        )
    row = dict(zip(header, cells, strict=True))
    # The same query stands beside each of its answers: it is checked, and kept, once.
    key = tuple(row[column] for column in header if column in _OF_QUERY)
    kinds = {column: CSV[column] for column in header if key not in asked or column in _OF_ANSWER}
    values = {column: _from_cell(row[column], kind) for column, kind in kinds.items()}
    check_values(where, values, kinds)
    answer = {name: values[name] for name in ANSWER}
    if key not in asked:
        told = {
            name: values[f"query_{name}"] for name in (*ASKED, *DESIGN) if f"query_{name}" in values
        }
        asked[key] = make_query({"number": answer["query"], "campaign": answer["campaign"], **told})
    chosen: dict[str, Any] = {name: values[name] for name in CHOSEN if name in values}
    return LoggedAnswer(where, make_answer(answer, asked[key]), asked[key], **chosen)


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
