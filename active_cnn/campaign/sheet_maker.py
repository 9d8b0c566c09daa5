"""Sheets made in a process of their own: while they are made, nobody in the server waits.

`python -m active_cnn.campaign.sheet_maker` reads requests, a line of JSON each, and answers each
with a line that tells how many lines follow, or what is wrong. It ends with its standard input,
and so with the server, however that ends.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from active_cnn.campaign.files import open_pool
from active_cnn.campaign.sheets import make_sheets
from active_cnn.campaign.store import Store
from active_cnn.campaign.training_data import read_initial_set
from active_cnn.errors import ActiveCnnError, SpectrumError, StoreError
from active_cnn.records import Campaign
from active_cnn.spectra.pool import Pool
from active_cnn.spectra.shards import Stamp, shards_of, stamp_of
from active_cnn.spectra.training_set import TrainingSet

PATIENCE = 60.0  # seconds


class SheetMaker:
    """A process that makes sheets, one request after the other; started anew if it is killed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Its imports take a second: they are done when it is needed.
        self._process = self._start()

    @staticmethod
    def _start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "active_cnn.campaign.sheet_maker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def make(self, home: Path, campaign: Campaign, identifiers: Sequence[str]) -> list[str]:
        """Give what is drawn of some spectra, each as JSON; see `make_sheets`.

        Raises
        ------
        SpectrumError
            If a spectrum is not in the pool.
        StoreError
            If the process does not answer in time or ends again and again.
        """
        request = json.dumps([str(home), campaign.name, campaign.created_at, list(identifiers)])
        with self._lock:
            for _ in range(2):
                try:
                    return self._ask(request)
                except (BrokenPipeError, EOFError):
                    # Killed, perhaps for its memory or because it took too long.
                    self.close()
                    self._process = self._start()
        raise StoreError(
            f"The process that reads spectra was ended twice, or took longer than {PATIENCE:g} s. "
            "See whether the disk that holds them answers and whether there is memory left, and "
            "try again."
        )

    def _ask(self, request: str) -> list[str]:
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise EOFError
        watch = threading.Timer(PATIENCE, process.kill)
        watch.start()
        try:
            process.stdin.write(f"{request}\n")
            process.stdin.flush()
            head = json.loads(_line(process.stdout))
            if "trouble" in head:
                raise SpectrumError(head["trouble"])
            return [_line(process.stdout) for _ in range(head["n"])]
        finally:
            watch.cancel()


def _line(stream: Iterator[str]) -> str:
    line = next(stream, "")
    if not line.endswith("\n"):
        raise EOFError
    return line.rstrip("\n")


def answer(requests: Iterable[str]) -> Iterator[str]:
    """Answer requests, line by line."""
    for request in requests:
        try:
            sheets = _make(*json.loads(request))
        except ActiveCnnError as error:
            yield json.dumps({"trouble": str(error)})
            continue
        yield json.dumps({"n": len(sheets)})
        yield from sheets


def _make(home: str, name: str, created_at: str, identifiers: list[str]) -> list[str]:
    with Store(Path(home)) as store:
        campaign = store.campaign(name)
        changed_at = _changed_at(store.home / campaign.pool_path)
        pool, training = _open(home, name, created_at, changed_at)
        made = make_sheets(store, campaign, pool, training, identifiers)
    return [json.dumps(one, allow_nan=False, separators=(",", ":")) for one in made]


def _changed_at(path: Path) -> tuple[Stamp, ...]:
    try:
        return tuple(stamp_of(shard) for shard in shards_of(path))
    except SpectrumError:  # a missing file is the reader's to explain
        return ()


@lru_cache(maxsize=4)
def _open(
    home: str,
    name: str,
    created_at: str,  # noqa: ARG001 - with the next one what tells that it is still the same
    changed_at: tuple[Stamp, ...],  # noqa: ARG001
) -> tuple[Pool, TrainingSet]:
    with Store(Path(home)) as store:
        campaign = store.campaign(name)
        return open_pool(store, campaign, is_held_open=True), read_initial_set(store, campaign)


def main() -> None:
    """Answer what comes on the standard input."""
    for line in answer(sys.stdin):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
