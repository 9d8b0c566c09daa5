"""A reader that is at fault, as the process that reads files imports it by its name."""

import os
import pickle
import signal
from pathlib import Path

from active_cnn.spectra.batches import read_window
from active_cnn.spectra.readers import read


class UnreadableNameError(Exception):
    """With a text of more than one line."""

    def __str__(self):
        return "one\0line\nand another"


# What a reader that is at fault may do, by the name of the file.
FAULTS = {
    "RecursionError": lambda: raise_(RecursionError("maximum recursion depth exceeded")),
    "FloatingPointError": lambda: raise_(FloatingPointError("overflow")),
    "RuntimeWarning": lambda: raise_(RuntimeWarning("invalid value")),
    "AssertionError": lambda: raise_(AssertionError()),
    "UnicodeDecodeError": lambda: b"\xff".decode(),
    "UnreadableNameError": lambda: raise_(UnreadableNameError()),
    "MemoryError": lambda: bytearray(2**32),
    "ended": lambda: os._exit(3),
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "cut": lambda: (os.write(3, pickle.dumps((True, "word" * 20))[:-9]), os._exit(4)),
    "hangs": lambda: (lambda: [None for _ in iter(int, 1)])(),
    "unpicklable": lambda: lambda: None,
}


def raise_(error):
    raise error


def read_badly(path, grid, *options):
    """Read a file, but for those whose names tell what the reader does instead."""
    name = Path(path).name.partition(".")[0]
    return FAULTS[name]() if name in FAULTS else read_window(path, grid, *options)


def read_but_hang_at(name, path):
    """Read a file, but never come back from the one of that name."""
    return FAULTS["hangs"]() if Path(path).name == name else read(path)
