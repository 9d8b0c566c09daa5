"""Copies of a database that is in use: whole or not there at all, and on the disk."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path


def copy_database(source: sqlite3.Connection, path: Path) -> None:
    """Copy a database as it is at one moment, while others read and write it.

    Parameters
    ----------
    source : sqlite3.Connection
        To the database; it must not be within a transaction.
    path : Path
        The copy, one plain file; it appears when it is complete.
    """
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        _remove(unfinished)
        copy = sqlite3.connect(unfinished)
        try:
            source.backup(copy)
            # The copy of a database in WAL mode would need two files beside it to be read.
            copy.execute("PRAGMA journal_mode = DELETE")
        finally:
            copy.close()
        sync(unfinished)
        unfinished.rename(path)
        sync(path.parent)
    except BaseException:
        _remove(unfinished)
        raise


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(database: Path) -> None:
    for beside in ("", "-journal", "-wal", "-shm"):
        database.with_name(database.name + beside).unlink(missing_ok=True)
