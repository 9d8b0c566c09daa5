"""JSON that is too long to be held as a whole: its lists are read one element after the other."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import IO, Any

_PIECE = 2**18  # characters
_BLANK = re.compile(r"[ \t\n\r]*")
_decode = json.JSONDecoder().raw_decode


def read_members(file: IO[str], lists: Collection[str]) -> Iterator[tuple[str, Any]]:
    """Read the members of an object in the order of the file.

    Parameters
    ----------
    file : text file
        At the beginning of the object.
    lists : collection of str
        Names of members that may be long lists.

    Yields
    ------
    name : str
        Of the member.
    value : object
        Of those of `lists` that are lists an iterator over their elements, to be used before the
        next member is asked for.

    Raises
    ------
    ValueError
        If it is not JSON, or no object. What came before has been given by then.
    """
    text = _Text(file)
    text.take("{")
    if text.peek() != "}":
        while True:
            name = text.value()
            if not isinstance(name, str):
                raise ValueError(f"{name!r} is not the name of a member")
            text.take(":")
            if name in lists and text.peek() == "[":
                elements = _elements(text)
                yield name, elements
                for _ in elements:
                    pass
            else:
                yield name, text.value()
            if text.peek() != ",":
                break
            text.take(",")
    text.take("}")
    if text.peek():
        raise ValueError("there is something behind the object")


def _elements(text: _Text) -> Iterator[Any]:
    text.take("[")
    if text.peek() != "]":
        yield text.value()
        while text.peek() == ",":
            text.take(",")
            yield text.value()
    text.take("]")


class _Text:
    """A text of which no more is held than the value that is being read."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._text, self._at = "", 0

    def _read_on(self) -> bool:
        # The longer a value turns out, the more at a time, so that it is not tried too often.
        piece = self._file.read(max(_PIECE, len(self._text) - self._at))
        self._text, self._at = self._text[self._at :] + piece, 0
        return bool(piece)

    def peek(self) -> str:
        """Give the next sign that is not blank; '' at the end."""
        while True:
            blank = _BLANK.match(self._text, self._at)
            self._at = blank.end() if blank else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._read_on():
                return ""

    def take(self, sign: str) -> None:
        if self.peek() != sign:
            raise ValueError(f"{sign!r} is missing")
        self._at += 1

    def value(self) -> Any:
        self.peek()
        while True:
            try:
                value, end = _decode(self._text, self._at)
            except json.JSONDecodeError:
                if not self._read_on():
                    raise
                continue
            length = end - self._at
            # A number may go on behind the text that is held; "e+1" is the longest that tells.
            rest = self._text[end : end + 3]
            may_go_on = not rest or (len(rest) < 3 and rest[0] in ".eE")
            if not may_go_on or not self._read_on():
                self._at += length
                return value
