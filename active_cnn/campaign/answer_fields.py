"""What the log of answers consists of, and what each of its values may be."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from active_cnn.access import LONGEST_NAME, is_name
from active_cnn.campaign.store.answers import LONGEST_EVENT, LONGEST_NOTE
from active_cnn.errors import StoreError
from active_cnn.excerpt import shorten
from active_cnn.names import trim
from active_cnn.records import Purpose
from active_cnn.times import LONGEST_LOOK, is_look, read_time

LONGEST_TIME = 60  # characters
LONGEST_STRATEGY = 200  # characters
LONGEST_NOTICE = 10_000  # characters
LONGEST_DESIGN = 2**20  # characters of JSON
# By what single precision may lie outside of 0 to 1.
_ROUNDING = 1e-3

_PLACE = re.compile(r"(answer|item|line|query) \d+ of ")


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


def _is_plain_object(value: object) -> bool:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError, RecursionError):
        return False
    return isinstance(value, dict) and len(text) <= LONGEST_DESIGN


def _text(longest: int) -> Kind:
    return Kind(
        lambda value: _is_text(value) and len(value) <= longest,
        f"a text of at most {longest} characters",
    )


def _label(longest: int, shortest: int = 1) -> Kind:
    return Kind(
        lambda value: _is_text(value) and shortest <= len(value) <= longest and value.isprintable(),
        f"{shortest} to {longest} characters that can be seen",
    )


def _or_nothing(kind: Kind) -> Kind:
    return Kind(lambda value: value is None or kind.accepts(value), f"{kind.expected}, or nothing")


# Of a campaign, a spectrum or a class, which has to be known here.
_NAME = Kind(lambda value: _is_text(value) and bool(value), "a text that is not empty")
_IDENTIFIER = Kind(lambda value: _is_text(value) and bool(trim(value)), "the name of a spectrum")
# As a person is named on the pages.
_PERSON = Kind(
    lambda value: isinstance(value, str) and is_name(value),
    f"a name of 1 to {LONGEST_NAME} characters that can be seen, without spaces around them",
)
_EVENT = _label(LONGEST_EVENT)
TEXT_OR_NOTHING = _or_nothing(_NAME)
EVENT_OR_NOTHING = _or_nothing(_EVENT)
INTEGER = Kind(_is_integer, "a whole number")
NUMBER_OR_NOTHING = Kind(lambda value: value is None or _is_number(value), "a number or nothing")
SECONDS = Kind(
    lambda value: value is None or is_look(value),
    f"a number from 0 to {LONGEST_LOOK}, or nothing",
)
FLAG = Kind(lambda value: type(value) is bool, "yes or no: true or false, in a CSV 1 or 0")
_TIME = Kind(
    lambda value: read_time(value) is not None and len(value) <= LONGEST_TIME,
    "a time as in 2026-05-04T21:30:00.000+00:00, from 1970 to now",
)
_PURPOSE = Kind(
    lambda value: isinstance(value, str) and value in set(Purpose),
    f"one of {', '.join(purpose.value for purpose in Purpose)}",
)
OBJECT = Kind(
    _is_plain_object, f"an object of plain values, of at most {LONGEST_DESIGN} characters of JSON"
)
_LIST = Kind(lambda value: isinstance(value, list), "a list")
_PROBABILITIES = Kind(
    lambda value: (
        isinstance(value, list)
        and all(_is_number(one) and -_ROUNDING <= one <= 1 + _ROUNDING for one in value)
    ),
    "a list of numbers from 0 to 1",
)

ANSWER = {
    "sequence": INTEGER,
    "event": _EVENT,
    "campaign": _NAME,
    "query": INTEGER,
    "identifier": _IDENTIFIER,
    "answer": TEXT_OR_NOTHING,
    "note": _text(LONGEST_NOTE),
    "oracle": _PERSON,
    "at": _TIME,
    "seconds": SECONDS,
    "undoes": EVENT_OR_NOTHING,
    "is_adjudication": FLAG,
}
ASKED = {
    "iteration": INTEGER,
    "purpose": _PURPOSE,
    "strategy": _label(LONGEST_STRATEGY, shortest=0),
    "seed": INTEGER,
    "size": INTEGER,
    "created_at": _TIME,
}
# What files of version 1 do not hold, in which nothing was chosen by a mixture, or asked twice.
DESIGN = {"design": OBJECT}
CHOSEN = {"chosen_by": _label(LONGEST_STRATEGY, shortest=0), "is_repeat": FLAG}
QUERY_1 = {
    "number": INTEGER,
    "campaign": _NAME,
    **ASKED,
    "job_created_at": _TIME,
    "notice": _text(LONGEST_NOTICE),
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
    # The name of a file keeps its small letter.
    place = where[:1].upper() + where[1:] if _PLACE.match(where) else where
    return StoreError(f"{place}: {what}. Nothing was imported; mend the file and import it again.")
