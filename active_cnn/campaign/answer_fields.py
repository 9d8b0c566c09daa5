"""What the log of answers consists of, and what each of its values may be."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from active_cnn.errors import StoreError
from active_cnn.names import trim
from active_cnn.records import Purpose


class Kind(NamedTuple):
    """What a value may be: which are accepted, and how that is said."""

    accepts: Callable[[Any], bool]
    expected: str


def _is_text(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_integer(value: object) -> bool:
    return type(value) is int and abs(value) < 2**63


def _is_number(value: object) -> bool:
    return _is_integer(value) or (isinstance(value, float) and math.isfinite(value))


def _is_time(value: object) -> bool:
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
        return time is not None and time.tzinfo is not None and bool(time.astimezone(UTC))
    except (ValueError, OverflowError):
        return False


def _is_plain_object(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError):
        return False
    return isinstance(value, dict)


_TEXT = Kind(_is_text, "a text")
_NAME = Kind(lambda value: _is_text(value) and bool(value), "a text that is not empty")
_IDENTIFIER = Kind(lambda value: _is_text(value) and bool(trim(value)), "the name of a spectrum")
TEXT_OR_NOTHING = Kind(lambda value: value is None or _NAME.accepts(value), "a text or nothing")
INTEGER = Kind(_is_integer, "a whole number")
NUMBER_OR_NOTHING = Kind(lambda value: value is None or _is_number(value), "a number or nothing")
FLAG = Kind(lambda value: type(value) is bool, "yes or no: true or false, in a CSV 1 or 0")
_TIME = Kind(_is_time, "a time as in 2026-05-04T21:30:00.000+00:00")
_PURPOSE = Kind(
    lambda value: isinstance(value, str) and value in set(Purpose),
    f"one of {', '.join(purpose.value for purpose in Purpose)}",
)
OBJECT = Kind(_is_plain_object, "an object of plain values")
_LIST = Kind(lambda value: isinstance(value, list), "a list")
_PROBABILITIES = Kind(
    lambda value: isinstance(value, list) and all(map(_is_number, value)), "a list of numbers"
)

ANSWER = {
    "sequence": INTEGER,
    "event": _NAME,
    "campaign": _NAME,
    "query": INTEGER,
    "identifier": _IDENTIFIER,
    "answer": TEXT_OR_NOTHING,
    "note": _TEXT,
    "oracle": _NAME,
    "at": _TIME,
    "seconds": NUMBER_OR_NOTHING,
    "undoes": TEXT_OR_NOTHING,
    "is_adjudication": FLAG,
}
ASKED = {
    "iteration": INTEGER,
    "purpose": _PURPOSE,
    "strategy": _TEXT,
    "seed": INTEGER,
    "size": INTEGER,
    "created_at": _TIME,
}
# What files of version 1 do not hold, in which nothing was chosen by a mixture, or asked twice.
DESIGN = {"design": OBJECT}
CHOSEN = {"chosen_by": _TEXT, "is_repeat": FLAG}
QUERY_1 = {
    "number": INTEGER,
    "campaign": _NAME,
    **ASKED,
    "job_created_at": _TIME,
    "notice": _TEXT,
    "items": _LIST,
}
QUERY = {**QUERY_1, **DESIGN}
ITEM_1 = {
    "position": INTEGER,
    "identifier": _IDENTIFIER,
    "predicted": _NAME,
    "probabilities": _PROBABILITIES,
    "score": NUMBER_OR_NOTHING,
}
ITEM = {**ITEM_1, **CHOSEN}
# A CSV has what a query is known by beside each of its answers.
CSV_1 = {**ANSWER, **{f"query_{name}": kind for name, kind in ASKED.items()}}
CSV_2 = {**CHOSEN, **{f"query_{name}": kind for name, kind in DESIGN.items()}}
CSV = {**CSV_1, **CSV_2}


def check_object(where: str, row: object, kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """Give an object that has these names and no others, with such values; refuse any other."""
    if not isinstance(row, dict):
        raise refusal(where, f"it is {shorten(row)}: expected an object")
    check_names(where, "name", list(row), kinds)
    check_values(where, row, kinds)
    return dict(row)


def check_names(
    where: str, what: str, found: list[str], expected: Collection[str]
) -> list[str]:  # fmt: skip
    """Give the names if they are the expected ones in any order; refuse others."""
    for name in found:
        if name not in expected:
            raise refusal(where, f"unknown {what} {shorten(name)}: expected {', '.join(expected)}")
        if found.count(name) > 1:
            raise refusal(where, f"the {what} {name!r} is there twice")
    for name in expected:
        if name not in found:
            raise refusal(where, f"the {what} {name!r} is missing")
    return found


def check_values(where: str, row: Mapping[str, Any], kinds: Mapping[str, Kind]) -> None:
    """Refuse a value that is not of its kind."""
    for name, kind in kinds.items():
        if not kind.accepts(row[name]):
            raise refusal(where, f"{name} is {shorten(row[name])}: expected {kind.expected}")


def refusal(where: str, what: str) -> StoreError:
    """Make the error that refuses a file for something at one of its places."""
    place = where[:1].upper() + where[1:]
    return StoreError(f"{place}: {what}. Nothing was imported; mend the file and import it again.")


def shorten(value: object) -> str:
    """Give a value as an error text shows it."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
