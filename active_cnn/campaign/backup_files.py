"""The files of a backup: how they are named, copied and checked; read once, in small pieces."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from active_cnn.campaign.store.copying import sync
from active_cnn.regular_file import open_regular

MANIFEST = "manifest.json"
FILES = "home"  # the folder of the files, named as they are below the home
FORMAT = 1

_CHUNK = 1 << 20

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Report:
    """What a backup or a restoration has written.

    Parameters
    ----------
    n_files, n_bytes : int
        How much.
    notices : tuple of str
        What is not among it, or not as it should be, a sentence each.
    """

    n_files: int
    n_bytes: int
    notices: tuple[str, ...]


@dataclass(frozen=True)
class HashedFile:
    """What a file holds: its SHA-256, and its size in bytes."""

    sha256: str
    size: int


class ByteCounter:
    """Counts bytes that have been read and tells how many there are."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def add(self, n: int) -> None:
        """Count some more."""
        self._done += n
        if self._progress:
            self._progress(self._done, self._total)


def _chunks(path: Path, count: ByteCounter | None) -> Iterator[bytes]:
    with open_regular(path) as file:
        while chunk := file.read(_CHUNK):
            yield chunk
            if count:
                count.add(len(chunk))


def copy_file(source: Path, target: Path, count: ByteCounter | None = None) -> HashedFile:
    """Copy a file to the disk, with what has been copied."""
    target.parent.mkdir(parents=True, exist_ok=True)
    sha256, size = hashlib.sha256(), 0
    with target.open("wb") as file:
        for chunk in _chunks(source, count):
            file.write(chunk)
            sha256.update(chunk)
            size += len(chunk)
        file.flush()
        os.fsync(file.fileno())
    return HashedFile(sha256.hexdigest(), size)


def describe_file(path: Path, count: ByteCounter | None = None) -> HashedFile:
    """Read a file through."""
    sha256, size = hashlib.sha256(), 0
    for chunk in _chunks(path, count):
        sha256.update(chunk)
        size += len(chunk)
    return HashedFile(sha256.hexdigest(), size)


def sync_folders(folder: Path) -> None:
    """Wait until the names in a folder and in those below it are on the disk."""
    for path in [folder, *(one for one in folder.rglob("*") if one.is_dir())]:
        sync(path)
