"""Where one function is done for many things: in this process, in several, or on a Dask cluster."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import re
import signal
import sys
import tempfile
import threading
import warnings
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, closing, contextmanager
from types import ModuleType
from typing import Any, TypeVar

from active_cnn.errors import EngineError

Task = TypeVar("Task")
Result = TypeVar("Result")

# Tasks that are begun and not yet taken, for each worker: enough that none waits while one task
# takes long, few enough to fit into memory.
AHEAD = 4

# Workers that a task may bring down before it is given up; Dask's own number for it.
MOST_DEATHS = 3

CONNECTING = 10  # seconds that a scheduler may take to answer
FIRST_WORKER = 60  # seconds until there must be one

# What has to be the same on both sides, so that results are the same bit for bit.
ALIKE = ("active-cnn", "astropy", "dask", "distributed", "numpy", "scipy")


def count_cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on every system
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Engine(ABC):
    """Does tasks, here or elsewhere; made by `open_engine`."""

    # Whether the workers are threads of this process, which see its memory.
    is_threaded = False

    @property
    @abstractmethod
    def n_workers(self) -> int:
        """How many tasks can be done at the same time now."""

    @abstractmethod
    def run(
        self, function: Callable[[Task], Result], tasks: Iterable[Task]
    ) -> Iterator[tuple[Task, Result]]:
        """Do a function for every task; a worker that dies costs time and nothing else.

        Parameters
        ----------
        function : callable
            Of a module that the workers can import. What a worker did when it died is done again,
            so that doing it twice must be the same as doing it once.
        tasks : iterable
            Small values that can be pickled. They are taken as results are, at most `AHEAD` for
            each worker before.

        Yields
        ------
        tuple
            Each task and its result, in the order of the tasks on every engine.

        Raises
        ------
        EngineError
            If workers die of a task again and again, or cannot be reached any more.
        Exception
            Whatever `function` raises.
        """


@contextmanager
def open_engine(
    scheduler: str | None = None, processes: int = 1, threads: int = 1
) -> Iterator[Engine]:
    """Open what does the tasks.

    Parameters
    ----------
    scheduler : str, optional
        ``local[N]``: Dask with N worker processes on this machine. ``tcp://HOST:PORT`` or another
        of Dask's addresses: a Dask scheduler that is running, and its workers.
    processes : int
        Without a scheduler, so many processes of this machine; 1 is this one.
    threads : int
        Without a scheduler and other processes, so many threads of this one: for functions that
        spend their time in libraries that let other threads go on.

    Yields
    ------
    Engine

    Raises
    ------
    EngineError
        If there is no such scheduler, it has no workers, they have other versions of what the
        results depend on, or Dask is not installed.
    """
    if processes < 1:
        raise EngineError(f"{processes} processes can do nothing. Give a number from 1 on.")
    if scheduler is not None:
        with _open_dask(scheduler) as client:
            yield _Dask(client, scheduler)
    elif processes > 1:
        with closing(_Processes(processes)) as engine:
            yield engine
    elif threads > 1:
        with closing(_Threads(threads)) as engine:
            yield engine
    else:
        yield _ThisProcess()


class _ThisProcess(Engine):
    is_threaded = True
    n_workers = 1

    def run(
        self, function: Callable[[Task], Result], tasks: Iterable[Task]
    ) -> Iterator[tuple[Task, Result]]:
        for task in tasks:
            yield task, function(task)


class _Workers(Engine):
    """Engines that hand tasks on and get futures."""

    def run(
        self, function: Callable[[Task], Result], tasks: Iterable[Task]
    ) -> Iterator[tuple[Task, Result]]:
        begun: deque[tuple[Task, Any]] = deque()
        try:
            for task in tasks:
                begun.append((task, self._submit(function, task)))
                while len(begun) >= AHEAD * max(1, self.n_workers):
                    yield begun[0][0], self._first(function, begun)
                    begun.popleft()
            while begun:
                yield begun[0][0], self._first(function, begun)
                begun.popleft()
        finally:
            for _, future in begun:
                future.cancel()

    @abstractmethod
    def _submit(self, function: Callable[[Any], Any], task: Any) -> Any:
        """Hand a task on."""

    @abstractmethod
    def _first(self, function: Callable[[Any], Any], begun: deque[tuple[Any, Any]]) -> Any:
        """Wait for the result of the first task that is begun."""


class _Threads(_Workers):
    is_threaded = True

    def __init__(self, n_workers: int) -> None:
        self._n_workers = n_workers
        self._pool = ThreadPoolExecutor(n_workers)

    @property
    def n_workers(self) -> int:
        return self._n_workers

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _submit(self, function: Callable[[Any], Any], task: Any) -> Future[Any]:
        return self._pool.submit(function, task)

    def _first(self, _: Callable[[Any], Any], begun: deque[tuple[Any, Any]]) -> Any:
        return begun[0][1].result()


class _Processes(_Workers):
    def __init__(self, n_workers: int) -> None:
        self._n_workers = n_workers
        self._pool = self._new_pool()

    @property
    def n_workers(self) -> int:
        return self._n_workers

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _new_pool(self) -> ProcessPoolExecutor:
        # Forked, workers would inherit the locks of threads that they do not have.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._n_workers, context, initializer=_begin_worker)

    def _submit(self, function: Callable[[Any], Any], task: Any) -> Future[Any]:
        try:
            with _hidden_main():  # workers are started when there is something to do
                return self._pool.submit(function, task)
        except BrokenProcessPool as error:
            future: Future[Any] = Future()
            future.set_exception(error)
            return future

    def _first(self, function: Callable[[Any], Any], begun: deque[tuple[Any, Any]]) -> Any:
        for _ in range(MOST_DEATHS):
            try:
                return begun[0][1].result()
            except BrokenProcessPool:
                # One dead worker takes the pool with it, whose results so far are still there.
                self.close()
                self._pool = self._new_pool()
                for i, (task, future) in enumerate(begun):
                    if future.cancelled() or isinstance(future.exception(), BrokenProcessPool):
                        begun[i] = (task, self._submit(function, task))
        raise EngineError(
            f"A worker process died {MOST_DEATHS} times, last of {_in_one_line(begun[0][0])}. "
            "Is there enough memory for so many processes? Try again with fewer (--processes)."
        )


def _begin_worker() -> None:
    _ignore_interrupts()
    # A pool whose first process was killed would wait for tasks for ever.
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _ignore_interrupts() -> None:
    # Ctrl-C reaches all processes of a terminal, and the first one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


@contextmanager
def _hidden_main() -> Iterator[None]:
    """Keep new processes from running the script of this one again: it may have no guard."""
    main, nothing = sys.modules["__main__"], ModuleType("__main__")
    sys.modules["__main__"] = nothing
    try:
        yield
    finally:
        if sys.modules["__main__"] is nothing:
            sys.modules["__main__"] = main


class _Dask(_Workers):
    def __init__(self, client: Any, scheduler: str) -> None:
        self._client = client
        self._scheduler = scheduler

    @property
    def n_workers(self) -> int:
        try:
            return sum(self._client.nthreads().values())
        except OSError as error:
            raise self._lost(error) from error

    def _submit(self, function: Callable[[Any], Any], task: Any) -> Any:
        return self._client.submit(function, task, pure=False)

    def _first(self, _: Callable[[Any], Any], begun: deque[tuple[Any, Any]]) -> Any:
        from distributed import KilledWorker

        task, future = begun[0]
        try:
            return future.result()
        except KilledWorker as error:
            raise EngineError(
                f"{error.allowed_failures + 1} workers of {self._scheduler} died, the last one of "
                f"{_in_one_line(task)}. Have they enough memory? The workers' logs tell more."
            ) from error
        except (CancelledError, OSError) as error:
            if future.status == "error":  # of the function itself
                raise
            raise self._lost(error) from error

    def _lost(self, error: BaseException) -> EngineError:
        return EngineError(
            f"The scheduler {self._scheduler} was lost: {_in_one_line(error)}. "
            "If it has died start it again; then go on by resuming."
        )


@contextmanager
def _open_dask(scheduler: str) -> Iterator[Any]:
    local = re.fullmatch(r"local\[(\d{1,4})\]", scheduler)
    if not local and not re.match(r"[a-z]+://.", scheduler):
        raise EngineError(
            f"{scheduler!r} is no scheduler. Give local[N] for N processes on this machine, or "
            "the address of a Dask scheduler, such as tcp://host:8786."
        )
    if local and not int(local[1]):
        raise EngineError(f"{scheduler} can do nothing. Give a number from 1 on.")
    try:
        from distributed import Client
    except ImportError as error:
        raise EngineError(
            f"{scheduler} needs Dask, which is not installed. Install it: "
            "pip install active-cnn[cluster]"
        ) from error
    # What Dask logs about dead workers and lost schedulers is said by an error, if it matters.
    for name in logging.root.manager.loggerDict:
        if name.startswith("distributed"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    with ExitStack() as stack:
        address = stack.enter_context(_local_cluster(int(local[1]))) if local else scheduler
        try:
            if not local:
                # A client that cannot connect leaves threads behind that nobody can stop.
                asyncio.run(_knock(scheduler))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of versions, which are looked at below
                client = Client(address, timeout=CONNECTING, set_as_default=False)
        except (OSError, TypeError, ValueError) as error:
            raise EngineError(
                f"The scheduler {scheduler} cannot be reached: {_in_one_line(error)}. "
                "Check its address, and that it runs."
            ) from error
        with client:
            _check_workers(client, scheduler)
            yield client


async def _knock(address: str) -> None:
    from distributed.core import connect
    from distributed.security import Security

    credentials = Security().get_connection_args("client")
    async with asyncio.timeout(CONNECTING):  # what is no scheduler may answer nothing at all
        comm = await connect(address, timeout=CONNECTING, **credentials)
    await comm.close()


@contextmanager
def _local_cluster(n_workers: int) -> Iterator[Any]:
    import dask
    from distributed import LocalCluster

    with (
        _hidden_main(),  # all the time, because a worker that died is started anew
        tempfile.TemporaryDirectory(prefix="active-cnn-", ignore_cleanup_errors=True) as folder,
        dask.config.set(temporary_directory=folder),
        LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            memory_limit=None,
            dashboard_address=None,
            # Without it the scheduler serves HTTP on port 8787 to every machine.
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
            preload=[__name__],  # see dask_setup
            silence_logs=logging.CRITICAL,
            security=True,  # others of this machine must not run tasks as this user
        ) as cluster,
    ):
        yield cluster


def dask_setup(_: Any) -> None:
    """Begin a worker of ``local[N]``; Dask calls it by this name."""
    _ignore_interrupts()


def _check_workers(client: Any, scheduler: str) -> None:
    try:
        client.wait_for_workers(1, timeout=FIRST_WORKER)
    except TimeoutError as error:
        raise EngineError(
            f"The scheduler {scheduler} has no workers after {FIRST_WORKER} s. Start some: "
            f"dask worker {scheduler}"
        ) from error
    versions = client.get_versions(packages=ALIKE)
    here = _versions_here(versions)
    for worker, said in versions["workers"].items():
        there = said["packages"]
        for name, version in here.items():
            if there.get(name) != version:
                raise EngineError(
                    f"The worker {worker} has {name} {there.get(name) or '(missing)'}, this "
                    f"process has {version}. Install the same versions on both."
                )


def _versions_here(versions: Any) -> dict[str, str]:
    return {name: versions["client"]["packages"][name] for name in ("python", *ALIKE)}


def _in_one_line(said: object) -> str:
    return " ".join(str(said).split())[:200] or f"no answer within {CONNECTING} s"
