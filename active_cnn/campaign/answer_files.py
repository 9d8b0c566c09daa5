"""Files of the log of answers: CSV for people and tables, JSON with the queries that asked.

Both hold every event without loss; each value that is read is checked, and named where it is wrong.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from active_cnn.campaign.answer_csv import read_csv, write_csv
from active_cnn.campaign.answer_fields import refusal
from active_cnn.campaign.answer_json import format_json, read_at_once, read_in_parts
from active_cnn.campaign.logged_answer import LoggedAnswer
from active_cnn.errors import StoreError
from active_cnn.excerpt import shorten
from active_cnn.lines import read_bounded
from active_cnn.regular_file import open_regular
from active_cnn.whole_file import new_file

ENDINGS = (".csv", ".json")
MOST_ANSWERS = 2**30  # bytes: millions of answers


def check_ending(path: Path) -> None:
    """Refuse a file whose ending is not that of a log of answers."""
    if path.suffix.lower() not in ENDINGS:
        raise StoreError(
            f"Answers cannot be kept in {path.name!r}: give a file that ends in "
            f"{' or '.join(ENDINGS)}."
        )


def write_answers(path: Path, logged: Sequence[LoggedAnswer], exported_at: str) -> None:
    """Write events to a file, which appears when it is complete.

    Raises
    ------
    StoreError
        If the ending is not one of `ENDINGS`, or the file cannot be written.
    """
    check_ending(path)
    with new_file(path, "w", encoding="utf-8", newline="") as file:
        if path.suffix.lower() == ".csv":
            write_csv(file, logged)
        else:
            for piece in format_json(logged, exported_at):
                file.write(piece)


class NotInOrder(Exception):  # noqa: N818 - no error of the file's
    """A file cannot be read one event after the other: `read_answers` tells what it holds."""


def stream_answers(path: Path) -> Iterator[LoggedAnswer]:
    """Read a file of answers as `read_answers` does, but hold no more than one.

    Raises
    ------
    NotInOrder
        If they do not stand in the order in which they were given, or what follows cannot be read.
    StoreError
        If an event is malformed, with the place and the value.
    """
    check_ending(path)
    read = read_csv if path.suffix.lower() == ".csv" else read_in_parts
    last: int | None = None
    try:
        with _open_text(path) as file:
            for one in read(path.name, file):
                if last is not None and one.answer.sequence <= last:
                    raise NotInOrder
                last = one.answer.sequence
                yield one
    except (OSError, ValueError, KeyError, RecursionError) as error:
        raise NotInOrder from error


def read_answers(path: Path) -> list[LoggedAnswer]:
    """Read a file of answers in the order in which they were given.

    Raises
    ------
    StoreError
        If it cannot be read or is malformed, with the place and the value.
    """
    check_ending(path)
    read = _read_csv if path.suffix.lower() == ".csv" else _read_json
    try:
        logged = read(path)
    except OSError as error:
        raise StoreError(
            f"Cannot read {path}: {error.strerror}. "
            "Give a file that `active-cnn answers export` has written."
        ) from error
    except UnicodeDecodeError as error:
        raise _what_is_no_text(path, error) from error
    logged.sort(key=lambda one: one.answer.sequence)
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


def _read_csv(path: Path) -> list[LoggedAnswer]:
    with _open_text(path) as file:
        return list(read_csv(path.name, file))


def _read_json(path: Path) -> list[LoggedAnswer]:
    try:
        with _open_text(path) as file:
            return list(read_in_parts(path.name, file))
    except UnicodeDecodeError:
        raise
    except (ValueError, KeyError, RecursionError):
        # It is not JSON, or in another order than ours: as a whole that can be told.
        text = read_bounded(path, MOST_ANSWERS).decode("utf-8-sig")
    return read_at_once(path.name, text)


@contextmanager
def _open_text(path: Path) -> Iterator[IO[str]]:
    with open_regular(path, "r", encoding="utf-8-sig", newline="") as file:
        if os.fstat(file.fileno()).st_size > MOST_ANSWERS:
            raise OSError(errno.EFBIG, f"it is longer than {MOST_ANSWERS} bytes", str(path))
        yield file


def _what_is_no_text(path: Path, error: UnicodeDecodeError) -> StoreError:
    # Where it is in the file, which was decoded in pieces.
    try:
        read_bounded(path, MOST_ANSWERS).decode("utf-8-sig")
    except UnicodeDecodeError as found:
        error = found
    return StoreError(
        f"{path} is not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}. "
        "Save it as UTF-8 and import it again."
    )
