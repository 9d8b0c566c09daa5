"""What this process has read of databases and will not change, the least used of it forgotten."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """Values by their keys, shared by all threads.

    Parameters
    ----------
    most : int
        How many rows of the database all values together may hold; the one that was put last is
        kept whatever it holds.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self._n_rows = 0
        self._lock = Lock()

    def get(self, key: Hashable) -> Value | None:
        """Give a value, which counts as used by that; None where it is not kept."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def put(self, key: Hashable, value: Value, n_rows: int) -> None:
        """Keep a value that holds so many rows, in place of one of the same key."""
        with self._lock:
            self._n_rows += n_rows - self._values.pop(key, (None, 0))[1]
            self._values[key] = value, n_rows
            while self._n_rows > self._most and len(self._values) > 1:
                _, (_, n_forgotten) = self._values.popitem(last=False)
                self._n_rows -= n_forgotten

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()
            self._n_rows = 0
