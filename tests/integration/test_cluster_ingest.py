"""Ingest by many processes and by Dask: the same pool bit for bit, whoever is killed meanwhile."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

from active_cnn import cli
from active_cnn.errors import EngineError, SpectrumError
from active_cnn.grid import Grid
from active_cnn.spectra import ingest as ingest_module
from active_cnn.spectra.ingest import ingest
from tests.lamost_files import contents, parts_of, spoil_what_is_done, write_survey

GRID = Grid.of(n=40)
DRIVER = """
import sys
from pathlib import Path
from active_cnn.grid import Grid
from active_cnn.spectra import ingest as module
module.BATCH = 8
folder, out, scheduler, *options = sys.argv[1:]
engine = {"scheduler": scheduler} if scheduler else {"processes": 2}
module.ingest([folder], Path(out), grid=Grid.of(n=40), resume="--resume" in options, **engine)
"""


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    return write_survey(tmp_path_factory.mktemp("survey") / "in")


@pytest.fixture
def engine(request):
    """Give the options of ingest for a kind of engine."""
    if request.param == "processes":
        return {"processes": 2}
    if request.param == "tcp":
        return {"scheduler": request.getfixturevalue("cluster").scheduler_address}
    pytest.importorskip("distributed")
    return {"scheduler": "local[2]"}


def on(*kinds):
    return pytest.mark.parametrize("engine", kinds, indirect=True)


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(ingest_module, "BATCH", 8)


@pytest.fixture
def alone(survey, tmp_path):
    """Give what one process makes of the survey in `tmp_path`."""
    shutil.copytree(survey, tmp_path / "in")
    ingest([tmp_path / "in"], tmp_path / "alone.h5", grid=GRID)
    return contents(tmp_path / "alone.h5")


def workers_below(process):
    """Find the workers among the processes that a process has started."""
    workers = []
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # of which one has just been killed
            if "spawn_main" in " ".join(child.cmdline()):
                workers.append(child)
    return workers


@pytest.mark.usefixtures("small_batches")
@on("processes", "tcp")
def test_the_pool_is_the_same_though_workers_are_killed(alone, tmp_path, engine):
    n_killed = 0

    def kill_some(progress):
        nonlocal n_killed
        workers = workers_below(psutil.Process())
        if n_killed < 2 and progress.done > 60 * n_killed and workers:
            workers[-1].kill()
            n_killed += 1

    out = tmp_path / "pool.h5"
    report = ingest([tmp_path / "in"], out, grid=GRID, progress=kill_some, **engine)
    assert n_killed == 2
    assert (report.accepted, report.refused) == (290, 10)
    assert contents(out) == alone
    assert [path.name for path in tmp_path.iterdir() if "pool" in path.name] == ["pool.h5"]


@on("processes", "local", "tcp")
def test_a_killed_client_is_started_again_and_nothing_is_lost_or_read_twice(
    alone, tmp_path, engine
):
    folder, out = tmp_path / "in", tmp_path / "pool.h5"
    command = [sys.executable, "-c", DRIVER, folder, out, engine.get("scheduler", "")]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}  # nobody tidies up after a kill
    process = subprocess.Popen(command, env=environment)
    wait_for(lambda: len(parts_of(out)) >= 5 or process.poll() is not None)
    workers = workers_below(psutil.Process(process.pid))
    process.kill()
    assert process.wait() == -signal.SIGKILL
    wait_for(lambda: not any(worker.is_running() for worker in workers))

    n_done = spoil_what_is_done(out)
    assert 30 <= n_done < 300
    resumed = subprocess.run([*command, "--resume"], capture_output=True, text=True, timeout=60)
    assert (resumed.returncode, resumed.stderr) == (0, "")
    assert contents(out) == alone


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.005)


@pytest.mark.usefixtures("small_batches")
@on("tcp")
def test_a_folder_that_vanishes_is_one_error_after_which_resuming_works(alone, tmp_path, engine):
    folder, out = tmp_path / "in", tmp_path / "pool.h5"

    def unmount(_):
        if folder.exists():
            folder.rename(tmp_path / "elsewhere")

    with pytest.raises(SpectrumError, match=r"The folder .*/in cannot be found on .*--resume"):
        ingest([folder], out, grid=GRID, progress=unmount, **engine)
    (tmp_path / "elsewhere").rename(folder)
    assert 0 < spoil_what_is_done(out) < 300
    ingest([folder], out, grid=GRID, resume=True, **engine)
    assert contents(out) == alone


@pytest.mark.usefixtures("small_batches")
def test_a_scheduler_that_is_lost_is_one_error_after_which_resuming_works(alone, tmp_path):
    pytest.importorskip("distributed")
    folder, out = tmp_path / "in", tmp_path / "pool.h5"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1"]
    with lines_of([*command, "--port", "0", "--no-dashboard"]) as (scheduler, lines):
        address = next(word for line in lines for word in line.split() if word.startswith("tcp:"))
        command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny"]
        with lines_of([*command, "--no-dashboard", "--local-directory", str(tmp_path)]):

            def lose(_):
                scheduler.kill()

            with pytest.raises(EngineError, match=f"{address} was lost"):
                ingest([folder], out, grid=GRID, scheduler=address, progress=lose)
    assert 0 < spoil_what_is_done(out) < 300
    ingest([folder], out, grid=GRID, resume=True)
    assert contents(out) == alone


@contextlib.contextmanager
def lines_of(command):
    """Run a command that ends with the block; gives the process and the lines of its log."""
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process, process.stderr
        finally:
            process.kill()
            process.communicate()


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--processes", "0"], 2, "'0' is none: give a whole number from 1 on"),
        (["--processes", "two"], 2, "'two' is none"),
        (["--processes", "2", "--scheduler", "local[2]"], 2, "not allowed with"),
        (["--scheduler", "somewhere"], 1, "'somewhere' is no scheduler"),
    ],
)
def test_what_is_no_engine_is_one_line(survey, tmp_path, capsys, options, status, said):
    with pytest.raises(SystemExit) as ended:
        cli.main(["ingest", str(survey), "--out", str(tmp_path / "pool.h5"), *options])
    error = capsys.readouterr().err
    assert ended.value.code == status
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "pool.h5").exists()


def test_a_refused_scheduler_leaves_nothing_that_has_to_be_resumed(survey, tmp_path):
    with pytest.raises(EngineError):
        ingest([survey], tmp_path / "pool.h5", grid=GRID, scheduler="somewhere")
    assert ingest([survey], tmp_path / "pool.h5", grid=GRID).accepted == 290
