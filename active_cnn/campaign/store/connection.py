"""One SQLite file a home: opened, migrated, read and written in one way only."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlite_utils import Database

from active_cnn.campaign.store.schema import MIGRATIONS
from active_cnn.errors import StoreError

FILE_NAME = "campaign.db"
LOCK_TIMEOUT = 30  # seconds


def utc_now() -> str:
    """Give the present time as ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Connection:
    """A connection to the database of one home.

    Open it, use it, close it: a connection belongs to one thread and is never cached.

    Parameters
    ----------
    home : Path
        Folder of the campaigns; it is made when it is missing.
    clock : callable
        Gives the time that is written beside each row.

    Raises
    ------
    StoreError
        If the home cannot be written to, or its database cannot be read.
    """

    def __init__(self, home: Path, clock: Callable[[], str] = utc_now) -> None:
        self.home = Path(home)
        self._clock = clock
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            # The driver's own transactions are off: `_write` says where one begins and ends.
            connection = sqlite3.connect(
                self.home / FILE_NAME, timeout=LOCK_TIMEOUT, isolation_level=None
            )
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"Cannot open the store of campaigns in {self.home}: {error}. "
                "Give a home folder that you may write to."
            ) from error
        self._db = Database(connection)
        try:
            _write_ahead(connection)
            # FULL: an answer that was acknowledged survives a power cut.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            if MIGRATIONS.pending(self._db):
                with self._write():
                    MIGRATIONS.apply(self._db)
        except (StoreError, sqlite3.Error) as error:
            self.close()
            raise StoreError(
                f"Cannot read the store of campaigns {self.home / FILE_NAME}: {error}. "
                "It should be the database that Active CNN made; restore it from a copy."
            ) from error

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def _write(self) -> Iterator[None]:
        # Database.atomic() opens a deferred transaction, which fails at once
        # instead of waiting when another process is writing.
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise StoreError(
                f"Cannot write to {self.home / FILE_NAME}: {error}. "
                "See whether the disk is full or another program holds the file, and try again."
            ) from error
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException as error:
            if self._db.conn.in_transaction:
                self._db.execute("ROLLBACK")
            # A broken constraint is the caller's to explain; the rest is the disk's.
            if isinstance(error, sqlite3.OperationalError):
                raise StoreError(
                    f"Nothing was written to {self.home / FILE_NAME}: {error}. "
                    "See whether the disk is full or read-only, and try again."
                ) from error
            raise

    def _rows(self, sql: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
        try:
            return list(self._db.query(sql, parameters))
        except sqlite3.Error as error:
            raise StoreError(
                f"Cannot read {self.home / FILE_NAME}: {error}. "
                "See whether another program holds the file, or restore it from a copy."
            ) from error

    def _insert(self, table: str, row: dict[str, Any]) -> int:
        key = self._db.table(table).insert(row).last_pk
        return int(key or 0)

    def now(self) -> str:
        """Give the time that is written beside a row."""
        return self._clock()


def _write_ahead(connection: sqlite3.Connection) -> None:
    # Of two processes that turn a new file to WAL at once, SQLite refuses one without waiting.
    deadline = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
