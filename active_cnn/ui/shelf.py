"""What is costly to make and never changes, kept for all sessions of a server."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from threading import Lock


class Shelf:
    """Texts by their keys.

    Unlike Streamlit's cache it makes all that is missing in one go, which is several times
    cheaper than one after the other.

    Parameters
    ----------
    most : int
        How many are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._texts: OrderedDict[Hashable, str] = OrderedDict()
        self._lock = Lock()

    def take(
        self,
        place: Hashable,
        names: Sequence[str],
        make: Callable[[list[str]], list[str]],
    ) -> list[str]:
        """Give the texts of some names in a place; what is missing is made, in the order given."""
        with self._lock:
            found = {name: self._texts.get((place, name)) for name in names}
            for name in names:
                if found[name] is not None:
                    self._texts.move_to_end((place, name))
        missing = [name for name, text in found.items() if text is None]
        if missing:
            made = dict(zip(missing, make(missing), strict=True))
            with self._lock:
                for name, one in made.items():
                    self._texts[place, name] = one
                while len(self._texts) > self._most:
                    self._texts.popitem(last=False)
            found.update(made)
        return [text for name in names if (text := found[name]) is not None]
