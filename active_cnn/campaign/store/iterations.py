"""Iterations, and the jobs that fill them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from active_cnn.campaign.store.campaigns import Campaigns
from active_cnn.errors import CampaignError, JobError
from active_cnn.recipes import TrainingSettings
from active_cnn.records import Iteration, Job, JobState, TrainingResult
from active_cnn.search import ScalingMethod
from active_cnn.verdicts import Alarm, Ranking


class Iterations(Campaigns):
    """The iterations of each campaign and their jobs."""

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


def _iteration(row: dict[str, Any]) -> Iteration:
    result = None
    if row["result"]:
        stored = json.loads(row["result"])
        result = TrainingResult(
            **{
                **stored,
                "settings": TrainingSettings.from_stored(stored["settings"]),
                "notices": tuple(stored["notices"]),
                "alarms": tuple(Alarm(**one) for one in stored.get("alarms", ())),
                "rankings": {
                    name: Ranking(**one) for name, one in stored.get("rankings", {}).items()
                },
                # Of earlier versions, which knew no other.
                "scaling": ScalingMethod(stored.get("scaling", ScalingMethod.MINMAX)),
            }
        )
    return Iteration(**{**row, "result": result})


def _job(row: dict[str, Any]) -> Job:
    return Job(
        **{
            **row,
            "settings": TrainingSettings.from_stored(json.loads(row["settings"])),
            "state": JobState(row["state"]),
            "details": json.loads(row["details"]),
            "is_cancel_requested": bool(row["is_cancel_requested"]),
        }
    )
