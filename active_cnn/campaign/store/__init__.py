"""The single source of truth: one SQLite file a home; the only room with SQL."""

from active_cnn.campaign.store.answers import Answers
from active_cnn.campaign.store.connection import FILE_NAME, LOCK_TIMEOUT, hold_open, utc_now
from active_cnn.campaign.store.log import Log

__all__ = ["FILE_NAME", "LOCK_TIMEOUT", "Log", "Store", "hold_open", "utc_now"]


class Store(Answers):
    """The campaigns of one home, their iterations, jobs, queries and answers.

    Open it, use it, close it: a connection belongs to one thread and is never cached.
    """
