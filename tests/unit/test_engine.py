"""Engines: the same results in the same order wherever they are made, whoever dies meanwhile."""

import socket
import subprocess
import sys
import threading

import pytest

from active_cnn import engine as engine_module
from active_cnn.engine import AHEAD, open_engine
from active_cnn.errors import EngineError, SpectrumError
from tests import engine_tasks as tasks

KINDS = {
    "this process": {},
    "processes": {"processes": 2},
    "dask": {"scheduler": "local[2]"},
}


@pytest.fixture(scope="module", params=KINDS)
def engine(request):
    if request.param == "dask":
        pytest.importorskip("distributed")
    with open_engine(**KINDS[request.param]) as engine:
        yield engine


with_workers = pytest.mark.parametrize("engine", ["processes", "dask"], indirect=True)


def test_results_come_in_the_order_of_the_tasks(engine):
    assert list(engine.run(tasks.double, range(50))) == [(i, 2 * i) for i in range(50)]
    assert [n for n, _ in engine.run(tasks.slow_at_first, range(5))] == list(range(5))
    assert list(engine.run(tasks.double, [])) == []


def test_tasks_are_taken_as_results_are(engine):
    taken = []
    results = engine.run(tasks.double, (taken.append(i) or i for i in range(100)))
    for n_results in range(1, 20):
        next(results)
        assert len(taken) <= n_results + AHEAD * engine.n_workers
    results.close()
    assert len(taken) < 100


def test_an_error_of_the_function_is_raised_as_it_is(engine):
    results = engine.run(tasks.refuse, range(9))
    assert [next(results), next(results)] == [(0, 0), (1, 1)]
    with pytest.raises(SpectrumError, match="^spectrum 2 is refused$"):
        next(results)
    with pytest.raises(OSError, match="no room for 0"):
        list(engine.run(tasks.fail, range(9)))
    assert len(list(engine.run(tasks.double, range(9)))) == 9


@with_workers
def test_the_work_is_shared(engine):
    assert len({pid for _, pid in engine.run(tasks.process_of, range(30))}) == 2


@with_workers
def test_what_a_worker_did_when_it_died_is_done_again(engine, tmp_path):
    numbered = [tasks.Numbered(i, tmp_path) for i in range(20)]
    results = [number for _, number in engine.run(tasks.die_the_first_time, numbered)]
    assert results == list(range(20))
    assert (tmp_path / "begun-5").exists()


@with_workers
def test_a_task_that_always_kills_is_given_up_and_the_engine_goes_on(engine, tmp_path):
    results = engine.run(tasks.always_die, [tasks.Numbered(i, tmp_path) for i in range(9)])
    with pytest.raises(EngineError, match="died"):
        list(results)
    assert list(engine.run(tasks.double, range(3))) == [(0, 0), (1, 2), (2, 4)]


DEADLY = """
import sys
from pathlib import Path
from active_cnn.engine import open_engine
from tests import engine_tasks as tasks
engine = {"scheduler": "local[2]"} if sys.argv[2] == "dask" else {"processes": 2}
with open_engine(**engine) as engine:
    numbered = [tasks.Numbered(i, Path(sys.argv[1])) for i in range(20)]
    print(sum(number for _, number in engine.run(tasks.die_the_first_time, numbered)))
"""


@pytest.mark.parametrize("kind", ["processes", "dask"])
def test_a_command_outlives_its_workers_and_says_nothing(tmp_path, kind):
    if kind == "dask":
        pytest.importorskip("distributed")
    command = [sys.executable, "-c", DEADLY, tmp_path, kind]
    process = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (process.returncode, process.stdout, process.stderr) == (0, "190\n", "")
    assert (tmp_path / "begun-5").exists()


def test_a_script_without_a_guard_is_not_run_again_by_its_workers(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "print('run')\n"
        "from active_cnn.engine import open_engine\n"
        "with open_engine(processes=2) as engine:\n"
        "    print([result for _, result in engine.run(abs, [-1, -2, -3])])\n"
    )
    process = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
    assert (process.stdout, process.stderr) == ("run\n[1, 2, 3]\n", "")


@pytest.mark.parametrize(
    ("scheduler", "said"),
    [
        ("local", "'local' is no scheduler. Give local"),
        ("local[two]", "is no scheduler"),
        ("local[0]", "can do nothing"),
        ("host:8786", "is no scheduler"),
        ("tcp://127.0.0.1", "cannot be reached: missing port"),
        ("carrier://pigeon:1", "cannot be reached: unknown address scheme"),
    ],
)
def test_what_is_no_scheduler_is_said_to_be_none(scheduler, said):
    pytest.importorskip("distributed")
    with pytest.raises(EngineError, match=said.replace("[", r"\[")), open_engine(scheduler):
        pass


@pytest.mark.parametrize("listens", [False, True], ids=["nobody listens", "nobody answers"])
def test_a_scheduler_that_does_not_answer_is_given_up(monkeypatch, listens):
    pytest.importorskip("distributed")
    monkeypatch.setattr(engine_module, "CONNECTING", 0.3)
    n_threads = threading.active_count()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if not listens:
            server.close()
        with (
            pytest.raises(EngineError, match=f"127.0.0.1:{port} cannot be reached"),
            open_engine(f"tcp://127.0.0.1:{port}"),
        ):
            pass
    assert threading.active_count() == n_threads


@pytest.fixture
def cluster(request, tmp_path):
    """Start a scheduler of this process, and as many workers as asked for."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=request.param,
        processes=False,
        protocol="tcp",
        dashboard_address="127.0.0.1:0",
        local_directory=str(tmp_path),
    ) as cluster:
        yield cluster


@pytest.mark.parametrize("cluster", [0], indirect=True)
def test_a_scheduler_without_workers_is_refused(monkeypatch, cluster):
    monkeypatch.setattr(engine_module, "FIRST_WORKER", 0.2)
    with (
        pytest.raises(EngineError, match="has no workers after .* Start some: dask worker"),
        open_engine(cluster.scheduler_address),
    ):
        pass


@pytest.mark.parametrize("cluster", [1], indirect=True)
def test_a_worker_with_other_versions_is_refused(monkeypatch, cluster):
    monkeypatch.setattr(engine_module, "_versions_here", lambda _: {"numpy": "0.1"})
    with (
        pytest.raises(EngineError, match=r"has numpy .*, this process has 0\.1"),
        open_engine(cluster.scheduler_address),
    ):
        pass


def test_without_dask_it_is_said_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(EngineError, match=r"pip install active-cnn\[cluster\]"),
        open_engine("local[2]"),
    ):
        pass


@pytest.mark.parametrize("processes", [0, -1])
def test_no_process_is_no_engine(processes):
    with (
        pytest.raises(EngineError, match=f"{processes} processes can do nothing"),
        open_engine(processes=processes),
    ):
        pass
