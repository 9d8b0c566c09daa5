"""Where the machine gives no more threads, files or memory, one line says so."""

import errno
import os
import subprocess
import sys

import pytest

from active_cnn import cli
from active_cnn.errors import what_is_lacking

# Threads can be started a number of times, as under a small `ulimit -u`, which root does not heed.
FEW_THREADS = """
import runpy, sys, threading

start, left = threading._start_new_thread, [int(sys.argv[1])]

def start_while_some_are_left(*arguments):
    left[0] -= 1
    if left[0] < 0:
        raise RuntimeError("can't start new thread")
    return start(*arguments)

threading._start_new_thread = start_while_some_are_left
module = sys.argv[2]
del sys.argv[1:3]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


def run(n_threads, module, *arguments):
    command = [sys.executable, "-c", FEW_THREADS, str(n_threads), module, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("n_threads", [0, 15])
def test_a_server_without_threads_says_so_before_it_serves(n_threads):
    ended = run(n_threads, "active_cnn.ui.server", "--server.port", "8501")
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "gives no more processes and threads (ulimit -u)" in ended.stderr


def test_a_command_that_needs_no_thread_works_without(tmp_path):
    sizes = ["--pool-size", "40", "--training-size", "30"]
    ended = run(0, "active_cnn", "demo", "--home", str(tmp_path), *sizes)
    assert ended.returncode == 0
    assert "Warning" not in ended.stderr


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("can't start new thread"), "processes and threads"),
        (BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)), "processes and threads"),
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), "open files (ulimit -n)"),
        (OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)), "memory"),
        (MemoryError(), "memory"),
    ],
)
def test_a_command_that_meets_a_limit_says_which(monkeypatch, capsys, error, said):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("active_cnn.cli.serving.serve.plan_start", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main(["serve"])
    assert ended.value.code == 1
    shown = capsys.readouterr().err
    assert said in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize("error", [RuntimeError("else"), OSError(errno.ENOENT, "no"), KeyError()])
def test_any_other_error_is_no_limit(error):
    assert what_is_lacking(error) == ""
