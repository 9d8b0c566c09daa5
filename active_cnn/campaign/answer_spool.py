"""Answers that wait on the disk until all of them are known to fit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from operator import attrgetter
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Self

from active_cnn.records import Answer, Purpose

IN_MEMORY = 2**20  # characters

_values = attrgetter(*(field.name for field in fields(Answer)))
_purpose = [field.name for field in fields(Answer)].index("purpose")


class Spool:
    """Answers in the order in which they were added; gone when it is closed."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(  # noqa: SIM115 - closed with the spool
            IN_MEMORY, "w+", encoding="utf-8", newline="\n"
        )
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, answer: Answer) -> None:
        """Add an answer."""
        self._file.write(json.dumps(_values(answer)) + "\n")
        self._n += 1

    def __iter__(self) -> Iterator[Answer]:
        self._file.seek(0)
        for line in self._file:
            values = json.loads(line)
            values[_purpose] = Purpose(values[_purpose])
            yield Answer(*values)
