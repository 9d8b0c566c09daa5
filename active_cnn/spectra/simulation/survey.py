"""A small survey with known truth: a labelled training archive, a pool, and whole spectra."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from active_cnn.engine import count_cores, open_engine
from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.spectra.simulation import files
from active_cnn.spectra.simulation.cases.definitions import HALPHA, Case
from active_cnn.spectra.simulation.cases.sky import CaseSky
from active_cnn.spectra.simulation.cases.survey import shuffle_kinds
from active_cnn.spectra.simulation.choice import Judge, choose_rows
from active_cnn.spectra.simulation.exposures import DOUBLE_PEAK, EMISSION, LABELS
from active_cnn.spectra.simulation.halpha import HalphaSky
from active_cnn.spectra.simulation.observed import Sky
from active_cnn.spectra.simulation.targets import PLATE, observe
from active_cnn.spectra.simulation.visits import FURTHER, first_visits

# Podsztavek (2017): 6102, 5301 and 1533 of 12 936 Ondřejov spectra.
TRAINING_SHARES = (0.4098, 0.1185)
# Of the training archive of any other case: 200 beside 2000, as the cases are measured with.
TRAINING_TARGETS = 1 / 11

MOST = 100_000_000  # spectra in a pool or a training set
BLOCK = PLATE  # so that the visits of a star, which never leave a block, are of one plate
FEW = 16  # blocks that are simulated sooner than other processes have started


@dataclass(frozen=True)
class DemoFiles:
    """Where a survey has put its files.

    Parameters
    ----------
    training : Path
        CSV of labelled windows.
    pool : Path
        HDF5 of windows to classify.
    truth : Path
        CSV that tells what each spectrum of the pool is.
    fits : tuple of Path
        Whole spectra of rows of the pool.
    """

    training: Path
    pool: Path
    truth: Path
    fits: tuple[Path, ...]


@dataclass(frozen=True, eq=False)
class _Plan:
    """What is to be simulated: kinds of sources, in the codes of a sky."""

    sky: Sky
    training: Callable[[np.random.Generator], NDArray[np.integer]]
    pool: NDArray[np.integer]
    n_training: int
    n_fits: int


def write_demo(
    folder: Path,
    *,
    pool_size: int = 20_000,
    training_size: int = 3000,
    emission_share: float = 0.01,
    double_peak_share: float = 0.003,
    n_fits: int = 60,
    seed: int = 1,
    grid: Grid | None = None,
    processes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> DemoFiles:
    """Write a survey in which Hα emission is sought: training set, pool, truth, whole spectra.

    A spectrum is a target when it shows emission above the continuum or above the photospheric
    line, as seen without noise at the pool's resolution and strong enough for its S/N; it is
    `double-peak` when that emission has two peaks. A few percent of the pool's emission spectra
    are too faint to be seen, as in nature. Some 5 % of the pool are the second or third spectrum of
    a star, taken in another night through another fibre: under its designation, at its place.

    Parameters
    ----------
    folder : Path
        Where to write: `training.csv`, `pool.h5`, `fits/` and, apart from them, `truth/truth.csv`.
    pool_size, training_size : int
        Numbers of spectra.
    emission_share, double_peak_share : float
        Shares of the two classes in the pool.
    n_fits : int
        Number of the pool's spectra to write as FITS files; see `choice.choose_rows`.
    seed : int
        The same seed gives the same files.
    grid : Grid, optional
        The campaign's grid; by default the usual one.
    processes : int, optional
        Most processes to simulate a large pool with, by default one for each core. They change
        nothing in the files.
    progress : callable, optional
        Called with the number of spectra that are done, and of all.

    Returns
    -------
    DemoFiles

    Raises
    ------
    SpectrumError
        If a size or a share makes no sense, or the folder cannot be written to.
    """
    sky = HalphaSky(grid or Grid())
    shares = (emission_share, double_peak_share)
    _check_sizes(pool_size, training_size, n_fits, processes)
    for name, share in zip(LABELS[1:], shares, strict=True):
        _check_share(name, share)
    if sum(shares) > 1:
        raise SpectrumError(
            f"The shares of emission and double-peak spectra, {shares[0]:g} and {shares[1]:g}, "
            "add up to more than 1. Lower one of them."
        )
    _check_examples(training_size, TRAINING_SHARES[1], "double-peak")
    seeds = _spawn(seed)
    plan = _Plan(
        sky,
        partial(_labels, training_size, TRAINING_SHARES),
        _labels(pool_size, shares, np.random.default_rng(seeds[2])),
        training_size,
        n_fits,
    )
    return _write(folder, plan, seeds, processes, progress)


def write_case(
    folder: Path,
    case: Case,
    *,
    pool_size: int = 20_000,
    training_size: int = 3000,
    target_share: float = 0.01,
    n_fits: int = 60,
    seed: int = 1,
    processes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> DemoFiles:
    """Write a survey of a case other than Hα: training set, pool, truth, whole spectra.

    The truth tells of each spectrum its kind and how plainly a target shows what marks it
    (`detection`, a matched filter's S/N; `is_visible` 0: nobody could see it). Some 5 % of the
    pool are further visits, as in `write_demo`.

    Parameters
    ----------
    folder : Path
        Where to write, the same files as `write_demo`.
    case : Case
        What is sought, where, and among what; not Hα.
    pool_size, training_size : int
        Numbers of spectra; a share of `TRAINING_TARGETS` of the training set are targets.
    target_share : float
        Share of targets in the pool.
    n_fits, seed, processes, progress
        See `write_demo`.

    Returns
    -------
    DemoFiles

    Raises
    ------
    SpectrumError
        If a size or the share makes no sense, the folder cannot be written to, or the case is Hα.
    """
    if case.name == HALPHA.name:
        raise SpectrumError("Hα has a simulator of its own: use write_demo.")
    _check_sizes(pool_size, training_size, n_fits, processes)
    _check_share("target", target_share)
    _check_examples(training_size, TRAINING_TARGETS, case.targets[0])
    seeds = _spawn(seed)
    n_known, n_sought = round(training_size * TRAINING_TARGETS), round(pool_size * target_share)
    plan = _Plan(
        CaseSky(case),
        partial(shuffle_kinds, case, training_size - n_known, n_known),
        shuffle_kinds(case, pool_size - n_sought, n_sought, np.random.default_rng(seeds[2])),
        training_size,
        n_fits,
    )
    return _write(folder, plan, seeds, processes, progress)


def _check_sizes(pool_size: int, training_size: int, n_fits: int, processes: int | None) -> None:
    for name, size in (("pool", pool_size), ("training set", training_size)):
        if not 1 <= size <= MOST:
            raise SpectrumError(
                f"A {name} of {size} spectra cannot be made: ask for 1 to {MOST:,}."
            )
    if not 0 <= n_fits <= pool_size:
        raise SpectrumError(
            f"Cannot write {n_fits} FITS files of a pool of {pool_size} spectra: "
            f"ask for 0 to {pool_size}."
        )
    if processes is not None and processes < 1:
        raise SpectrumError(
            f"The survey cannot be simulated by {processes} processes: give a number from 1 on."
        )


def _check_share(name: str, share: float) -> None:
    if not 0 <= share <= 1:
        raise SpectrumError(f"A share of {share:g} {name} spectra is not between 0 and 1.")


def _check_examples(training_size: int, share: float, name: str) -> None:
    if round(training_size * share) < 2:
        raise SpectrumError(
            f"A training set of {training_size} spectra would hold fewer than 2 {name} ones. "
            f"Ask for at least {int(np.ceil(1.5 / share))}."
        )


def _labels(n: int, shares: tuple[float, float], rng: np.random.Generator) -> NDArray[np.int8]:
    label = np.zeros(n, dtype=np.int8)
    emission, double_peak = (round(n * share) for share in shares)
    label[:emission] = EMISSION
    label[emission : emission + double_peak] = DOUBLE_PEAK
    return rng.permutation(label)


def _spawn(seed: int) -> list[np.random.SeedSequence]:
    """Seeds of the training set, of the pool, and of what the pool consists of."""
    return np.random.SeedSequence(seed).spawn(3)


def _blocks(n: int, seed: np.random.SeedSequence) -> Iterator[tuple[slice, np.random.Generator]]:
    # A seed for every block: a block does not depend on how the ones before it were made.
    starts = range(0, n, BLOCK)
    for start, child in zip(starts, seed.spawn(len(starts)), strict=True):
        yield slice(start, min(start + BLOCK, n)), np.random.default_rng(child)


def _write(
    folder: Path,
    plan: _Plan,
    seeds: list[np.random.SeedSequence],
    processes: int | None,
    progress: Callable[[int, int], None] | None,
) -> DemoFiles:
    report = progress or (lambda _done, _total: None)
    total = plan.n_training + len(plan.pool)
    with files.writing(folder):
        training, judge = _write_training(folder, plan, seeds[0], lambda done: report(done, total))
        pool, truth, fits = _write_pool(
            folder,
            plan,
            seeds[1],
            judge,
            processes or count_cores(),
            lambda done: report(plan.n_training + done, total),
        )
    return DemoFiles(training, pool, truth, fits)


def _write_training(
    folder: Path, plan: _Plan, seed: np.random.SeedSequence, report: Callable[[int], None]
) -> tuple[Path, Judge | None]:
    for_labels, for_blocks = seed.spawn(2)
    code = plan.training(np.random.default_rng(for_labels))
    path = folder / "training.csv"
    judge = None
    with files.TrainingWriter(path, plan.sky.grid) as writer:
        for rows, rng in _blocks(len(code), for_blocks):
            some = plan.sky.simulate_training(code[rows], rng)
            writer.append(rows.start, some, rng)
            if not rows.start and 0 < plan.n_fits < len(plan.pool):
                with threadpool_limits(1):  # as many threads would not give the same bits
                    judge = Judge(some.windows, some.is_target)
            report(rows.stop)
    return path, judge


def _write_pool(
    folder: Path,
    plan: _Plan,
    seed: np.random.SeedSequence,
    judge: Judge | None,
    processes: int,
    report: Callable[[int], None],
) -> tuple[Path, Path, tuple[Path, ...]]:
    path, truth = folder / "pool.h5", folder / "truth" / "truth.csv"
    n = len(plan.pool)
    tasks = []
    for rows, rng in _blocks(n, seed):
        before, after = (round(plan.n_fits * row / n) for row in (rows.start, rows.stop))
        tasks.append(_Task(rows.start, plan.pool[rows], after - before, rng))
    if len(tasks) <= FEW:
        processes = 1
    simulate = partial(_simulate_block, folder, plan.sky, judge)
    fits: list[Path] = []
    with (
        files.PoolWriter(path, truth, n, plan.sky) as writer,
        open_engine(processes=processes) as engine,
    ):
        for _, block in engine.run(simulate, tasks):
            writer.append(block)
            fits += [folder / name for name in block.paths.values()]
            report(block.stop)
    return path, truth, tuple(fits)


@dataclass(frozen=True, eq=False)
class _Task:
    first: int
    code: NDArray[np.integer]
    n_fits: int
    rng: np.random.Generator


def _simulate_block(folder: Path, sky: Sky, judge: Judge | None, task: _Task) -> files.PoolBlock:
    # Several processes share the cores already; threads of linear algebra in each would only queue.
    with threadpool_limits(1):
        visits = first_visits(task.code, FURTHER, task.rng)
        observed = sky.simulate_pool(task.code, visits, task.rng)
        targets = observe(
            task.first, visits, observed.snr, partial(sky.classify, observed), task.rng
        )
        chosen = choose_rows(observed, task.n_fits, judge)
        return files.prepare_block(targets, observed, chosen, folder, sky, task.rng)
