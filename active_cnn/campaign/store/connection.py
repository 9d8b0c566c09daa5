"""One SQLite file a home: opened, migrated, read and written in one way only."""

from __future__ import annotations

import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from itertools import count
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self

from sqlite_utils import Database

from active_cnn import __version__
from active_cnn.campaign.store.copying import copy_database
from active_cnn.campaign.store.schema import MIGRATIONS
from active_cnn.errors import StoreError

FILE_NAME = "campaign.db"
LOCK_TIMEOUT = 30  # seconds


def utc_now() -> str:
    """Give the present time as ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


_turns: defaultdict[str, Lock] = defaultdict(Lock)


class Connection:
    """A connection to the database of one home.

    Open it, use it, close it: a connection belongs to one thread and is never cached.

    Parameters
    ----------
    home : Path
        Folder of the campaigns; it is made when it is missing.
    clock : callable
        Gives the time that is written beside each row.
    timeout : float
        How long to wait while another program holds the database, in seconds.

    Raises
    ------
    StoreError
        If the home cannot be written to, its database cannot be read, or a newer version of
        Active CNN made it.
    """

    def __init__(
        self,
        home: Path,
        clock: Callable[[], str] = utc_now,
        timeout: float = LOCK_TIMEOUT,
    ) -> None:
        self.home = Path(home)
        self._path = self.home / FILE_NAME
        self._clock = clock
        self._timeout = timeout
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            connection = self._connect()
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"Cannot open the store of campaigns in {self.home}: {error}. "
                "Give a home folder that you may write to."
            ) from error
        self._db = Database(connection)
        try:
            # FULL: an answer that was acknowledged survives a power cut.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            # Asked each time, in two short reads: the file may be another one than a moment ago,
            # restored from a backup or changed by a newer version.
            if not _is_current(connection):
                _write_ahead(connection, timeout)
                self._refuse_foreign()
                if MIGRATIONS.pending(self._db):
                    self._migrate()
        except sqlite3.Error as error:
            self.close()
            raise StoreError(
                f"Cannot read the store of campaigns {self._path}: {error}. {self._advise(error)}"
            ) from error
        except BaseException:
            self.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        # The driver's own transactions are off: `_write` says where one begins and ends.
        return sqlite3.connect(self._path, timeout=self._timeout, isolation_level=None)

    def _refuse_foreign(self) -> None:
        # In this order: another process may make all the tables between the two looks.
        tables = self._db.table_names()
        applied = self.migrations()
        if tables and not applied:
            raise StoreError(
                f"Cannot read the store of campaigns {self._path}: it holds the tables "
                f"{', '.join(tables)} of another program. "
                "It should be the database that Active CNN made; give another home."
            )
        unknown = unknown_migrations(applied)
        if unknown:
            raise StoreError(
                f"Cannot read the store of campaigns {self._path}: a newer version of Active CNN "
                f"made it (this one, {__version__}, does not know its change {unknown[0]!r}). "
                "Upgrade Active CNN on this machine; the store was left as it is."
            )

    def _migrate(self) -> None:
        kept = None
        try:
            with self._write():
                # Whoever waited for the lock may find the work done.
                pending = MIGRATIONS.pending(self._db)
                if pending and self._db.table_names():
                    kept = self._keep_copy(pending[0].name)
                MIGRATIONS.apply(self._db)
        except BaseException:
            # Nothing was changed: a copy at each new attempt would only fill the disk.
            if kept:
                kept.unlink()
            raise

    def _keep_copy(self, migration: str) -> Path:
        name = f"{FILE_NAME}.before-{migration}"
        path = self.home / name
        for n in count(2):
            if not path.exists():
                break
            path = self.home / f"{name}-{n}"
        # Through a connection of its own: SQLite copies nothing from within a transaction. What it
        # sees cannot change, since this one holds the lock.
        reader = self._connect()
        try:
            copy_database(reader, path)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"Cannot keep the copy {path} of the store before it is changed: {error}. "
                "Nothing was changed; make room on the disk and try again."
            ) from error
        finally:
            reader.close()
        return path

    def migrations(self) -> list[str]:
        """Give the names of the changes that the database has been through, in their order."""
        return [one.name for one in MIGRATIONS.applied(self._db)]

    def copy_to(self, path: Path) -> None:
        """Copy the database as it is now, while others read and write it.

        Parameters
        ----------
        path : Path
            A file that does not exist yet; it appears when it is complete.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        try:
            copy_database(self._db.conn, path)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"Cannot copy {self._path} to {path}: {error}. "
                "See whether the disk is full or read-only, and try again."
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
        # Threads of one process queue up here: SQLite lets them look again after pauses of up to
        # 100 ms, in no order.
        turn = _turns[str(self._path)]
        if not turn.acquire(timeout=self._timeout):
            raise StoreError(
                f"Cannot write to {self._path}: others of this server have been writing for "
                f"{self._timeout:g} s. See whether the disk is slow or held, and try again."
            )
        try:
            with self._transaction():
                yield
        finally:
            turn.release()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        # Database.atomic() opens a deferred transaction, which fails at once
        # instead of waiting when another process is writing.
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise StoreError(
                f"Cannot write to {self._path}: {error}. {self._advise(error)}"
            ) from error
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException as error:
            # On a full disk SQLite has rolled back by itself, or cannot even do that.
            with suppress(sqlite3.Error):
                if self._db.conn.in_transaction:
                    self._db.execute("ROLLBACK")
            # A broken constraint is the caller's to explain; the rest is the disk's.
            if isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError:
                raise StoreError(
                    f"Nothing was written to {self._path}: {error}. {self._advise(error)}"
                ) from error
            raise

    def _rows(
        self, sql: str, parameters: Sequence[object] | dict[str, object] = ()
    ) -> list[dict[str, Any]]:
        try:
            return list(self._db.query(sql, parameters))
        except sqlite3.Error as error:
            raise StoreError(f"Cannot read {self._path}: {error}. {self._advise(error)}") from error

    def _read(self, sql: str, parameters: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        # Many rows, one at a time.
        try:
            yield from self._db.conn.execute(sql, parameters)
        except sqlite3.Error as error:
            raise StoreError(f"Cannot read {self._path}: {error}. {self._advise(error)}") from error

    def _file_key(self) -> tuple[str, int, int]:
        """Tell the database's file from another one at the same place."""
        status = self._path.stat()
        return str(self._path), status.st_dev, status.st_ino

    def _advise(self, error: sqlite3.Error) -> str:
        # The lowest byte is the kind of error, the rest its details.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return (
                f"Another program has held the file for {self._timeout:g} s: "
                "close that program, or try again later."
            )
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            return "See whether the disk is full or damaged, make room, and try again."
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            return "See that you may write to the file and to its folder, and try again."
        return (
            "It should be the database that Active CNN made; restore it from a backup with "
            "`active-cnn restore`."
        )

    def _insert(self, table: str, row: dict[str, Any]) -> int:
        key = self._db.table(table).insert(row).last_pk
        return int(key or 0)

    def now(self) -> str:
        """Give the time that is written beside a row."""
        return self._clock()


def unknown_migrations(applied: Iterable[str]) -> list[str]:
    """Give those changes of a database that this version does not know."""
    return [name for name in applied if name not in _known_migrations()]


@cache
def _known_migrations() -> frozenset[str]:
    nothing_applied = Database(memory=True)
    try:
        return frozenset(one.name for one in MIGRATIONS.pending(nothing_applied))
    finally:
        nothing_applied.close()


def _is_current(connection: sqlite3.Connection) -> bool:
    try:
        applied = connection.execute(
            f"SELECT name FROM {MIGRATIONS.migrations_table} WHERE migration_set = ?",
            [MIGRATIONS.name],
        )
        if {name for (name,) in applied} != _known_migrations():
            return False
    except sqlite3.OperationalError as error:
        # A new file has no such table.
        if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
            raise
        return False
    return connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def hold_open(home: Path) -> sqlite3.Connection:
    """Keep the database of a home open beside connections that come and go.

    The last connection that is closed makes SQLite fold its log into the database, with all that
    waiting for the disk; a server does not want that after each answer.

    Parameters
    ----------
    home : Path
        Whose database; a store has been opened in it before.

    Returns
    -------
    sqlite3.Connection
        Never to be used; while it lives, the log stays.
    """
    connection = sqlite3.connect(home / FILE_NAME, check_same_thread=False)
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    return connection


def _write_ahead(connection: sqlite3.Connection, timeout: float) -> None:
    # Of two processes that turn a new file to WAL at once, SQLite refuses one without waiting.
    deadline = time.monotonic() + timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
