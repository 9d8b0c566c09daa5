"""What the workers of the engine's tests do; they import it by its name."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from active_cnn.errors import SpectrumError


@dataclass(frozen=True)
class Numbered:
    """A task that leaves marks in a folder."""

    number: int
    folder: Path


def double(number):
    return 2 * number


def slow_at_first(number):
    time.sleep(0.5 if number == 0 else 0)
    return number


def process_of(_):
    time.sleep(0.02)
    return os.getpid()


def die_the_first_time(task):
    """Die of number 5 when it is done for the first time."""
    mark = task.folder / f"begun-{task.number}"
    if task.number == 5 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return task.number


def always_die(task):
    if task.number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return task.number


def refuse(number):
    if number == 2:
        raise SpectrumError("spectrum 2 is refused")
    return number


def fail(number):
    raise OSError(f"no room for {number}")
