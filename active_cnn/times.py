"""When an answer was given and how long it took: what a clock can have shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TypeGuard

# Where a computer begins that has lost the time.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
# By what a clock may go ahead of this machine's.
TOLERANCE = timedelta(days=1)
LONGEST_LOOK = 366 * 24 * 3600  # s


def read_time(text: object) -> datetime | None:
    """Read a time with its offset from UTC.

    Parameters
    ----------
    text : object
        As it is stored or stands in a file: ISO 8601.

    Returns
    -------
    datetime or None
        In UTC; None if it is no such text, or lies before 1970 or more than a day ahead of now.
    """
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
        if time is None or time.tzinfo is None:
            return None
        time = time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return time if EARLIEST <= time <= datetime.now(UTC) + TOLERANCE else None


def is_look(seconds: object) -> TypeGuard[float]:
    """Tell whether somebody can have looked at a spectrum for so many seconds."""
    return (
        isinstance(seconds, int | float)
        and not isinstance(seconds, bool)
        and 0 <= seconds <= LONGEST_LOOK
    )
