"""The single source of truth: one SQLite file a home; the only module with SQL."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlite_utils import Database

from active_cnn.campaign.schema import MIGRATIONS
from active_cnn.errors import CampaignError, JobError, StoreError
from active_cnn.records import (
    Answer,
    Campaign,
    Grid,
    Iteration,
    Job,
    JobState,
    Line,
    OracleClass,
    Purpose,
    Query,
    QueryItem,
    TrainingResult,
    TrainingSettings,
)

FILE_NAME = "campaign.db"
LOCK_TIMEOUT = 30  # seconds

_ANSWER_COLUMNS = """
    answer.sequence, answer.event, answer.campaign, answer.query, query.iteration, query.purpose,
    answer.identifier, answer.answer, answer.note, answer.oracle, answer.at
"""


def utc_now() -> str:
    """Give the present time as ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Store:
    """The campaigns of one home, their iterations, jobs, queries and answers.

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

    def __enter__(self) -> Store:
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

    # campaigns

    def add_campaign(self, campaign: Campaign, first_seed: int) -> None:
        """Store a new campaign together with its first iteration.

        Raises
        ------
        CampaignError
            If the name is taken.
        """
        with self._write():
            if self._rows("SELECT 1 FROM campaign WHERE name = ?", [campaign.name]):
                raise CampaignError(
                    f"There is a campaign {campaign.name!r} already in {self.home}. "
                    "Choose another name."
                )
            self._db.table("campaign").insert(
                {
                    "name": campaign.name,
                    "created_at": campaign.created_at,
                    "grid_start": campaign.grid.start,
                    "grid_end": campaign.grid.end,
                    "grid_n": campaign.grid.n,
                    "training_path": campaign.training_path,
                    "training_sha256": campaign.training_sha256,
                    "pool_path": campaign.pool_path,
                    "pool_fingerprint": campaign.pool_fingerprint,
                    "seed": campaign.seed,
                }
            )
            self._db.table("oracle_class").insert_all(
                {"campaign": campaign.name, "position": position, **asdict(oracle_class)}
                for position, oracle_class in enumerate(campaign.classes)
            )
            self._db.table("line").insert_all(
                {"campaign": campaign.name, "position": position, **asdict(line)}
                for position, line in enumerate(campaign.lines)
            )
            self._insert_iteration(campaign.name, 0, first_seed, 0)

    def campaign_names(self) -> list[str]:
        """Give the names of the campaigns, the newest first."""
        return [
            row["name"]
            for row in self._rows("SELECT name FROM campaign ORDER BY created_at DESC, rowid DESC")
        ]

    def campaign(self, name: str | None = None) -> Campaign:
        """Give a campaign by its name, the newest one by default.

        Raises
        ------
        CampaignError
            If there is none (of that name).
        """
        names = self.campaign_names()
        if not names:
            raise CampaignError(
                f"There is no campaign in {self.home} yet. "
                "Create one, or make the demo with `active-cnn demo`."
            )
        name = names[0] if name is None else name
        if name not in names:
            raise CampaignError(
                f"There is no campaign {name!r} in {self.home}. There is: {', '.join(names)}."
            )
        row = self._rows("SELECT * FROM campaign WHERE name = ?", [name])[0]
        classes = self._rows(
            "SELECT name, key, network_class, is_target FROM oracle_class "
            "WHERE campaign = ? ORDER BY position",
            [name],
        )
        lines = self._rows(
            "SELECT name, wavelength FROM line WHERE campaign = ? ORDER BY position", [name]
        )
        return Campaign(
            name=row["name"],
            created_at=row["created_at"],
            grid=Grid(row["grid_start"], row["grid_end"], row["grid_n"]),
            classes=tuple(
                OracleClass(**{**one, "is_target": bool(one["is_target"])}) for one in classes
            ),
            lines=tuple(Line(**one) for one in lines),
            training_path=row["training_path"],
            training_sha256=row["training_sha256"],
            pool_path=row["pool_path"],
            pool_fingerprint=row["pool_fingerprint"],
            seed=row["seed"],
        )

    # iterations

    def _insert_iteration(self, campaign: str, number: int, seed: int, through: int) -> None:
        self._db.table("iteration").insert(
            {
                "campaign": campaign,
                "number": number,
                "seed": seed,
                "answers_through": through,
                "created_at": self._clock(),
            }
        )

    def iterations(self, campaign: str) -> list[Iteration]:
        """Give all iterations of a campaign in their order; the last one is the open one."""
        rows = self._rows("SELECT * FROM iteration WHERE campaign = ? ORDER BY number", [campaign])
        return [_iteration(row) for row in rows]

    def iteration(self, campaign: str, number: int | None = None) -> Iteration:
        """Give one iteration, the open one by default.

        Raises
        ------
        CampaignError
            If there is no such iteration.
        """
        iterations = self.iterations(campaign)
        if number is None:
            return iterations[-1]
        if not 0 <= number < len(iterations):
            raise CampaignError(
                f"Campaign {campaign!r} has no iteration {number}; "
                f"it has 0 to {len(iterations) - 1}."
            )
        return iterations[number]

    def close_iteration(self, campaign: str, number: int, next_seed: int) -> Iteration:
        """Close the open iteration and open the next one, which knows all answers up to now.

        Raises
        ------
        CampaignError
            If it is not the open one, has not been scored, or a job works on it.
        """
        with self._write():
            iteration = self.iteration(campaign, number)
            if iteration.state != "scored":
                raise CampaignError(
                    f"Iteration {number} of {campaign!r} is {iteration.state}: "
                    "only an iteration that has been trained and scored can be closed, and once."
                )
            if self.active_job(campaign):
                raise CampaignError(
                    f"Iteration {number} of {campaign!r} is being trained. "
                    "Wait for it, or cancel it, before you close the iteration."
                )
            through = self._rows(
                "SELECT coalesce(max(sequence), 0) AS last FROM answer WHERE campaign = ?",
                [campaign],
            )[0]["last"]
            self._db.table("iteration").update((campaign, number), {"closed_at": self._clock()})
            self._insert_iteration(campaign, number + 1, next_seed, through)
        return self.iteration(campaign, number + 1)

    # jobs

    def add_job(self, campaign: str, iteration: int, settings: TrainingSettings) -> Job:
        """Queue a training of the open iteration.

        Raises
        ------
        JobError
            If another job of the campaign is active, or the iteration is closed.
        """
        with self._write():
            active = self.active_job(campaign)
            if active:
                raise JobError(
                    f"Job {active.number} is training iteration {active.iteration} "
                    f"of {campaign!r} already. Wait for it, or cancel it first."
                )
            if self.iteration(campaign, iteration).state == "closed":
                raise JobError(
                    f"Iteration {iteration} of {campaign!r} is closed and never changes. "
                    "Train the open iteration."
                )
            number = self._insert(
                "job",
                {
                    "campaign": campaign,
                    "iteration": iteration,
                    "settings": json.dumps(asdict(settings)),
                    "state": JobState.QUEUED.value,
                    "created_at": self._clock(),
                },
            )
        return self.job(number)

    def job(self, number: int) -> Job:
        """Give one job.

        Raises
        ------
        JobError
            If there is no such job.
        """
        rows = self._rows("SELECT * FROM job WHERE number = ?", [number])
        if not rows:
            raise JobError(f"There is no job {number} in {self.home}.")
        return _job(rows[0])

    def jobs(self, campaign: str) -> list[Job]:
        """Give the jobs of a campaign, the newest first."""
        return [
            _job(row)
            for row in self._rows(
                "SELECT * FROM job WHERE campaign = ? ORDER BY number DESC", [campaign]
            )
        ]

    def active_job(self, campaign: str) -> Job | None:
        """Give the job that is queued or running, if there is one."""
        rows = self._rows(
            "SELECT * FROM job WHERE campaign = ? AND state IN ('queued', 'running')", [campaign]
        )
        return _job(rows[0]) if rows else None

    def _update_active_job(self, number: int, **values: object) -> bool:
        names = ", ".join(f"{name} = ?" for name in values)
        with self._write():
            changed = self._db.execute(
                f"UPDATE job SET {names} WHERE number = ? AND state IN ('queued', 'running')",
                [*values.values(), number],
            ).rowcount
        return bool(changed)

    def set_job_process(self, number: int, host: str, pid: int, pid_started: float) -> None:
        """Note which process works on a job."""
        self._update_active_job(number, host=host, pid=pid, pid_started=pid_started)

    def start_job(self, number: int) -> bool:
        """Note that a job's process is at work; False if the job is over already."""
        now = self._clock()
        return self._update_active_job(
            number, state=JobState.RUNNING.value, started_at=now, heartbeat_at=now
        )

    def report_job(
        self, number: int, phase: str, done: int, total: int, details: dict[str, Any]
    ) -> bool:
        """Note how far a job is; False if it is to stop."""
        is_active = self._update_active_job(
            number,
            phase=phase,
            done=done,
            total=total,
            details=json.dumps(details),
            heartbeat_at=self._clock(),
        )
        return is_active and not self.job(number).is_cancel_requested

    def request_cancel(self, number: int) -> None:
        """Ask a job to stop."""
        self._update_active_job(number, is_cancel_requested=1)

    def end_job(self, number: int, state: JobState, error: str = "") -> None:
        """Note how a job ended without a result."""
        self._update_active_job(number, state=state.value, error=error, finished_at=self._clock())

    def finish_job(self, number: int, result: TrainingResult) -> bool:
        """Store a job's result with its iteration, in one transaction.

        Returns
        -------
        bool
            False, with nothing stored, if the job had been ended before.
        """
        now = self._clock()
        with self._write():
            job = self.job(number)
            if not job.state.is_active:
                return False
            self._db.table("iteration").update(
                (job.campaign, job.iteration),
                {"scored_at": now, "job": number, "result": json.dumps(asdict(result))},
            )
            self._db.table("job").update(
                number, {"state": JobState.SUCCEEDED.value, "finished_at": now, "heartbeat_at": now}
            )
        return True

    # queries

    def add_query(self, query: Query) -> Query:
        """Store a query with its items and give it its number.

        Raises
        ------
        CampaignError
            If the iteration has been closed or trained anew since the query was drawn.
        """
        with self._write():
            iteration = self.iteration(query.campaign, query.iteration)
            if iteration.state != "scored" or iteration.job != query.job:
                raise CampaignError(
                    f"Iteration {query.iteration} of {query.campaign!r} has been closed or "
                    "trained anew since these spectra were chosen. Draw them again."
                )
            number = self._insert(
                "query",
                {
                    "campaign": query.campaign,
                    "iteration": query.iteration,
                    "job": query.job,
                    "purpose": query.purpose.value,
                    "strategy": query.strategy,
                    "size": query.size,
                    "seed": query.seed,
                    "created_at": self._clock(),
                    "notice": query.notice,
                },
            )
            self._db.table("query_item").insert_all(
                {
                    "query": number,
                    "position": item.position,
                    "identifier": item.identifier,
                    "predicted": item.predicted,
                    "probabilities": json.dumps(item.probabilities),
                    "score": item.score,
                }
                for item in query.items
            )
        return self.query(number)

    def query(self, number: int) -> Query:
        """Give a query with its items in their order.

        Raises
        ------
        CampaignError
            If there is no such query.
        """
        rows = self._rows("SELECT * FROM query WHERE number = ?", [number])
        if not rows:
            raise CampaignError(f"There is no query {number} in {self.home}.")
        items = self._rows(
            "SELECT position, identifier, predicted, probabilities, score FROM query_item "
            "WHERE query = ? ORDER BY position",
            [number],
        )
        return Query(
            **{**rows[0], "purpose": Purpose(rows[0]["purpose"])},
            items=tuple(
                QueryItem(**{**item, "probabilities": tuple(json.loads(item["probabilities"]))})
                for item in items
            ),
        )

    def queries(self, iteration: Iteration, purpose: Purpose) -> list[Query]:
        """Give the queries of an iteration for one purpose, in the order they were drawn.

        Those drawn from an earlier training of the same iteration are left out.
        """
        rows = self._rows(
            "SELECT number FROM query WHERE campaign = ? AND iteration = ? AND job = ? "
            "AND purpose = ? ORDER BY number",
            [iteration.campaign, iteration.number, iteration.job, purpose.value],
        )
        return [self.query(row["number"]) for row in rows]

    def count_queries(self, campaign: str) -> int:
        """Count all queries of a campaign."""
        return int(
            self._rows("SELECT count(*) AS n FROM query WHERE campaign = ?", [campaign])[0]["n"]
        )

    # answers

    def add_answer(
        self,
        *,
        event: str,
        campaign: str,
        query: int,
        identifier: str,
        answer: str | None,
        note: str,
        oracle: str,
    ) -> None:
        """Append what the oracle said; the same event a second time changes nothing.

        When this returns, the answer is on the disk.

        Raises
        ------
        CampaignError
            If the query did not ask about that spectrum, or the class is not the campaign's.
        """
        with self._write():
            if self._rows("SELECT 1 FROM answer WHERE event = ?", [event]):
                return
            asked = self._rows(
                "SELECT 1 FROM query_item JOIN query ON query.number = query_item.query "
                "WHERE query = ? AND identifier = ? AND campaign = ?",
                [query, identifier, campaign],
            )
            if not asked:
                raise CampaignError(
                    f"Query {query} of {campaign!r} does not ask about {identifier!r}: "
                    "the answer was not stored. Reload the page."
                )
            allowed = [c.name for c in self.campaign(campaign).classes]
            if answer is not None and answer not in allowed:
                raise CampaignError(
                    f"{answer!r} is not an answer in campaign {campaign!r}: "
                    f"choose one of {', '.join(allowed)}."
                )
            self._db.table("answer").insert(
                {
                    "event": event,
                    "campaign": campaign,
                    "query": query,
                    "identifier": identifier,
                    "answer": answer,
                    "note": note,
                    "oracle": oracle,
                    "at": self._clock(),
                }
            )

    def current_answers(self, campaign: str, through: int | None = None) -> dict[str, Answer]:
        """Give the latest answer on each spectrum, those taken back left out.

        Parameters
        ----------
        campaign : str
            Name of the campaign.
        through : int, optional
            Sequence number of the last event to know of; all by default.

        Returns
        -------
        dict of str to Answer
            By identifier, in the order of the events.
        """
        rows = self._rows(
            f"SELECT {_ANSWER_COLUMNS} FROM answer JOIN query ON query.number = answer.query "
            "WHERE sequence IN (SELECT max(sequence) FROM answer "
            "  WHERE campaign = ? AND sequence <= ? GROUP BY identifier) "
            "AND answer IS NOT NULL ORDER BY sequence",
            [campaign, 2**62 if through is None else through],
        )
        return {row["identifier"]: _answer(row) for row in rows}

    def answer_log(self, campaign: str) -> list[Answer]:
        """Give every event in the order it was stored."""
        rows = self._rows(
            f"SELECT {_ANSWER_COLUMNS} FROM answer JOIN query ON query.number = answer.query "
            "WHERE answer.campaign = ? ORDER BY sequence",
            [campaign],
        )
        return [_answer(row) for row in rows]

    def asked(self, iteration: Iteration) -> set[str]:
        """Give the identifiers of all spectra that the iteration's queries ask about."""
        return {
            row["identifier"]
            for row in self._rows(
                "SELECT identifier FROM query_item JOIN query ON query.number = query_item.query "
                "WHERE campaign = ? AND iteration = ? AND job = ?",
                [iteration.campaign, iteration.number, iteration.job],
            )
        }


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


def _iteration(row: dict[str, Any]) -> Iteration:
    result = None
    if row["result"]:
        stored = json.loads(row["result"])
        result = TrainingResult(
            **{
                **stored,
                "settings": TrainingSettings(**stored["settings"]),
                "notices": tuple(stored["notices"]),
            }
        )
    return Iteration(**{**row, "result": result})


def _job(row: dict[str, Any]) -> Job:
    return Job(
        **{
            **row,
            "settings": TrainingSettings(**json.loads(row["settings"])),
            "state": JobState(row["state"]),
            "details": json.loads(row["details"]),
            "is_cancel_requested": bool(row["is_cancel_requested"]),
        }
    )


def _answer(row: dict[str, Any]) -> Answer:
    return Answer(**{**row, "purpose": Purpose(row["purpose"])})
