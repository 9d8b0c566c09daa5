"""Reading done in a process of its own, so that a file that nobody can bear costs itself alone.

A damaged or malicious file may hold up a library for hours, fill the memory or bring the process
down. `python -m active_cnn.spectra.confined` does what `confined` asks it to, one call after the
other, with a limit of computing time and of memory; when a file ends it, it is started anew. It
ends with its standard input, and so with the process that started it, however that ends.
"""

from __future__ import annotations

import atexit
import os
import pickle
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import IO, Any, ParamSpec, TypeVar

from active_cnn.errors import EngineError, SpectrumError
from active_cnn.plain_text import plain

# Hundreds of times what a file takes. Computing time, not that of the clock: a stopped process, a
# slow disk or a tape robot is no fault of the file.
SECONDS = 20.0
SECONDS_WATCHED = 10.0  # where somebody waits for it
MEMORY = 2048  # MB

MOST_REASON = 300  # characters

P = ParamSpec("P")
Result = TypeVar("Result")


class Confinement:
    """A process that does one call after the other, and is replaced when one ends it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def call(self, seconds: float, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """See `confined`."""
        request = pickle.dumps((_here(), seconds, function, args, named))
        with self._lock:
            # It may have been ended by something else, such as a system that was out of memory.
            for _ in range(2):
                try:
                    is_done, value = self._ask(request)
                except (BrokenPipeError, EOFError, pickle.UnpicklingError):  # cut short
                    status = self.close()
                    if status == -signal.SIGPROF:
                        raise SpectrumError(
                            f"takes too long to read: more than {seconds:g} s of computing"
                        ) from None
                    continue
                except BaseException:  # its answer is still to come, and nobody will want it
                    self.close()
                    raise
                if is_done:
                    return value
                raise SpectrumError(value)
        raise SpectrumError(f"ended the process that read it: {_ending(status)}")

    def _ask(self, request: bytes) -> Any:
        if self._process is None:
            self._process = self._start()
        process = self._process
        assert process.stdin
        assert process.stdout
        process.stdin.write(request)
        process.stdin.flush()
        return pickle.load(process.stdout)

    @staticmethod
    def _start() -> subprocess.Popen[bytes]:
        # Its threads would only take address space.
        alone = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **alone},
            )
            assert process.stdin
            assert process.stdout
            process.stdin.write(pickle.dumps((sys.path, MEMORY)))
            process.stdin.flush()
            pickle.load(process.stdout)
        except (OSError, EOFError) as error:
            raise EngineError(
                f"The process that reads files cannot be started: {error or 'it ends at once'}. "
                "See whether there is memory left and whether more processes are allowed."
            ) from error
        return process

    def close(self) -> int:
        """End the process; give its status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.kill()
        process.communicate()
        return process.returncode


def _here() -> str:
    try:
        return os.getcwd()  # noqa: PTH109
    except FileNotFoundError:  # removed meanwhile: no relative path leads anywhere
        return os.sep


def _ending(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"status {status}"


_only = Confinement()
atexit.register(_only.close)


def confined(
    seconds: float, function: Callable[P, Result], *args: P.args, **named: P.kwargs
) -> Result:
    """Do what a function does with a file, in another process and with limits.

    Parameters
    ----------
    seconds : float
        Computing time that it may take: `SECONDS`, or `SECONDS_WATCHED`.
    function : callable
        Of a module that the other process can import.
    *args, **named
        Its arguments.

    Returns
    -------
    object
        What the function returns.

    Raises
    ------
    SpectrumError
        If the function raises anything, takes more than `seconds` or more than `MEMORY`, or ends
        the process twice; the text says which.
    EngineError
        If there can be no other process.
    """
    result: Result = _only.call(seconds, function, *args, **named)
    return result


def main() -> None:
    """Answer what comes on the standard input."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get among the answers
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who asks
    warnings.simplefilter("ignore")
    sys.path[:], memory = pickle.load(requests)
    _limit_memory(memory)
    _send(answers, pickle.dumps("ready"))
    with suppress(EOFError):
        while True:
            folder, seconds, function, args, named = pickle.load(requests)
            os.chdir(folder)  # paths may be relative
            # Ended by the system: a library that hangs would hear of nothing else.
            signal.setitimer(signal.ITIMER_PROF, seconds)
            answer = _answer(partial(function, *args, **named), memory)
            signal.setitimer(signal.ITIMER_PROF, 0)
            _send(answers, answer)


def _limit_memory(memory: int) -> None:
    # Where a system has no such limit (macOS), what headers may claim is bounded all the same.
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (memory * 2**20, memory * 2**20))


def _answer(function: Callable[[], Any], memory: int) -> bytes:
    try:
        return pickle.dumps((True, function()))
    except SpectrumError as error:
        reason = str(error)
    except MemoryError:
        reason = f"needs too much memory to be read: more than {memory} MB"
    except Exception as error:  # the last line of defence: one file never stops a survey
        reason = f"cannot be read: {type(error).__name__}: {error}"
    return pickle.dumps((False, plain(reason, MOST_REASON)))


def _send(answers: IO[bytes], answer: bytes) -> None:
    answers.write(answer)
    answers.flush()


if __name__ == "__main__":
    main()
