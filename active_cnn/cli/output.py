"""What commands say: results on stdout; complaints and progress on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

from active_cnn.plain_text import plain


def say(message: str) -> None:
    """Write a result."""
    sys.stdout.write(f"{message}\n")


def complain(message: str) -> None:
    """Write what is wrong, in one line."""
    sys.stderr.write(f"active-cnn: {plain(' '.join(message.split()))}\n")


# Its watching thread is of no use here, and where no thread can be had it would warn of that.
tqdm.monitor_interval = 0


class Bar:
    """A progress bar on stderr, with rate and time left; there is none until there is progress.

    Parameters
    ----------
    what : str
        Is being done.
    unit : str
        Of what is counted, in the plural.
    """

    def __init__(self, what: str, unit: str) -> None:
        self._what, self._unit = what, unit
        self._began = time.time()
        self._bar: tqdm | None = None

    def show(self, done: int, total: int, details: str = "", known: int = 0) -> None:
        """Show how far it is; `known` of it was done before this run."""
        if self._bar is None:
            # What an earlier run has done does not count for the rate.
            self._bar = tqdm(
                desc=self._what,
                unit=f" {self._unit}",
                initial=known,
                dynamic_ncols=True,
                file=sys.stderr,
                disable=None,  # where nobody watches, such as in a log
            )
            self._bar.start_t = self._began
        self._bar.total = total
        self._bar.n = done
        self._bar.set_postfix_str(details, refresh=False)
        self._bar.refresh()

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def bars(unit: str) -> Iterator[Callable[[str, int, int], None]]:
    """Give what shows a bar for each thing that is done, one after the other."""
    shown: dict[str, Bar] = {}

    def show(what: str, done: int, total: int) -> None:
        for other in shown.keys() - {what}:
            shown.pop(other).close()
        shown.setdefault(what, Bar(what, unit)).show(done, total)

    try:
        yield show
    finally:
        for bar in shown.values():
            bar.close()
