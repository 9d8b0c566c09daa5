"""The errors that a user can meet; anything else that is raised is a bug.

ActiveCnnError
├── SpectrumError      a spectrum, a training row or a pool that cannot be used
├── AcquisitionError   a query that cannot be drawn
├── CampaignError      a step that the campaign does not allow now
├── StoreError         the store of campaigns cannot be read or written
├── JobError           a job that cannot be started, watched or cancelled
├── EngineError        worker processes or a cluster that cannot be used, or died of a task
├── ExperimentError    a rehearsal that cannot be done as asked
├── EvaluationError    a figure that cannot be had from what was labelled
└── AccessError        somebody who is not let in, or a name that cannot sign (access.py)

Every text says what happened with which value, what was expected, and what to do.
"""

from __future__ import annotations

import errno

_LACKING = {
    errno.EAGAIN: "processes and threads (ulimit -u)",
    errno.EMFILE: "open files (ulimit -n)",
    errno.ENFILE: "open files of the whole machine",
    errno.ENOMEM: "memory (ulimit -v)",
}


class ActiveCnnError(Exception):
    """Base of every error that is the user's to understand and to mend."""


class SpectrumError(ActiveCnnError, ValueError):
    """A spectrum, a training row or a pool that cannot be used as it is."""


class AcquisitionError(ActiveCnnError, ValueError):
    """A query that cannot be drawn from what the pool holds."""


class CampaignError(ActiveCnnError, ValueError):
    """A step that the campaign does not allow in its present state."""


class StoreError(ActiveCnnError):
    """The store of campaigns cannot be read or written."""


class JobError(ActiveCnnError):
    """A job that cannot be started, watched or cancelled."""


class EngineError(ActiveCnnError):
    """Worker processes or a cluster that cannot be used, or that died of a task."""


class ExperimentError(ActiveCnnError, ValueError):
    """A rehearsal of campaigns that cannot be done as asked."""


class EvaluationError(ActiveCnnError, ValueError):
    """A figure that cannot be had from what was labelled, or a sample that cannot give it."""


def what_is_lacking(error: BaseException) -> str:
    """Say in one line which limit of the machine ended the work; empty if it was none."""
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, MemoryError):
        number = errno.ENOMEM
    # Python has no error of its own for this one.
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        number = errno.EAGAIN
    if number not in _LACKING:
        return ""
    return (
        f"The system gives no more {_LACKING[number]}: allow more, or end other programs of this "
        "user, and run the command again."
    )
