"""`python -m active_cnn.campaign.worker HOME JOB`: run one job and say in the store how it goes."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

from active_cnn.campaign import jobs
from active_cnn.campaign.store import Store
from active_cnn.errors import ActiveCnnError
from active_cnn.records import JobState
from active_cnn.settings import Settings

_log = logging.getLogger(__name__)

# What one phase reports and the later ones are still about.
_LASTING = ("device", "history", "alarms")


class JobStopped(BaseException):
    """The job is no longer wanted; not an Exception, so that no library swallows it."""


def run(home: Path, number: int) -> bool:
    """Run a job; False if it did not succeed."""
    with Store(home) as store:
        jobs.note_process(store, number, os.getpid())
        if not store.start_job(number):
            _log.warning("Job %d is over already.", number)
            return False
        job = store.job(number)

        def report(phase: str, done: int, total: int, details: dict[str, Any]) -> None:
            known.update({name: details[name] for name in _LASTING if name in details})
            if not store.report_job(number, phase, done, total, {**known, **details}):
                raise JobStopped

        known: dict[str, Any] = {}
        try:
            report("starting", 0, 1, {})
            # Only now: the import takes seconds, and the job shows as running meanwhile.
            from active_cnn.campaign.iteration import remove_superseded_files, run_iteration

            scheduler = Settings.from_environment().scheduler or None
            result = run_iteration(store, job, report, scheduler)
            if not store.finish_job(number, result):
                raise JobStopped
            remove_superseded_files(store, job, result)
        except JobStopped:
            store.end_job(number, JobState.CANCELLED, "Cancelled. Nothing of it was kept.")
            return False
        except ActiveCnnError as error:
            store.end_job(number, JobState.FAILED, str(error))
            return False
        except Exception as error:
            _log.exception("Job %d failed.", number)
            store.end_job(
                number,
                JobState.FAILED,
                f"{type(error).__name__}: {error}. The whole story is in "
                f"{jobs.log_path(store, job)}.",
            )
            return False
    return True


def main() -> None:
    """Run the job that the command line names."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    sys.exit(0 if run(Path(sys.argv[1]), int(sys.argv[2])) else 1)


if __name__ == "__main__":
    main()
