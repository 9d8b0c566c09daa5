"""A small survey with known truth: a labelled training archive, a pool, and some whole spectra."""

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
from active_cnn.records import Grid
from active_cnn.spectra.simulation import files
from active_cnn.spectra.simulation.exposures import (
    ABSORPTION,
    DOUBLE_PEAK,
    EMISSION,
    LABELS,
    simulate_pool,
    simulate_training,
)
from active_cnn.spectra.simulation.lines import HALPHA
from active_cnn.spectra.simulation.targets import PLATE, observe
from active_cnn.spectra.simulation.visits import FURTHER, first_visits

# Podsztavek (2017): 6102, 5301 and 1533 of 12 936 Ondřejov spectra.
TRAINING_SHARES = (0.4098, 0.1185)

MOST = 100_000_000  # spectra in a pool or a training set
BLOCK = PLATE  # so that the visits of a star, which never leave a block, are of one plate
FEW = 16  # blocks that are simulated sooner than other processes have started
KNOWN = (6400.0, 6850.0)  # Å (vacuum): the simulator knows no lines beyond


@dataclass(frozen=True)
class DemoFiles:
    """Where `write_demo` has put its files.

    Parameters
    ----------
    training : Path
        CSV of labelled windows.
    pool : Path
        HDF5 of windows to classify.
    truth : Path
        CSV that tells what each spectrum of the pool is.
    fits : tuple of Path
        Whole spectra of some rows of the pool.
    """

    training: Path
    pool: Path
    truth: Path
    fits: tuple[Path, ...]


def _labels(n: int, shares: tuple[float, float], rng: np.random.Generator) -> NDArray[np.int8]:
    label = np.zeros(n, dtype=np.int8)
    emission, double_peak = (round(n * share) for share in shares)
    label[:emission] = EMISSION
    label[emission : emission + double_peak] = DOUBLE_PEAK
    return rng.permutation(label)


def _blocks(
    label: NDArray[np.int8], seed: np.random.SeedSequence
) -> Iterator[tuple[slice, np.random.Generator]]:
    # A seed for every block: a block does not depend on how the ones before it were made.
    starts = range(0, len(label), BLOCK)
    for start, child in zip(starts, seed.spawn(len(starts)), strict=True):
        yield slice(start, min(start + BLOCK, len(label))), np.random.default_rng(child)


def _check(
    grid: Grid,
    pool_size: int,
    training_size: int,
    shares: tuple[float, float],
    n_fits: int,
    processes: int | None,
) -> None:
    if not KNOWN[0] <= grid.start < HALPHA - 25 < HALPHA + 25 < grid.end <= KNOWN[1]:
        raise SpectrumError(
            f"The demo survey cannot be simulated on the grid {grid}: it knows the lines of "
            f"{KNOWN[0]:g}-{KNOWN[1]:g} Å and needs Hα with 25 Å on both sides of it. "
            "Choose a grid of that kind, such as the default one."
        )
    for name, size in (("pool", pool_size), ("training set", training_size)):
        if not 1 <= size <= MOST:
            raise SpectrumError(
                f"A {name} of {size} spectra cannot be made: ask for 1 to {MOST:,}."
            )
    for name, share in zip(LABELS[1:], shares, strict=True):
        if not 0 <= share <= 1:
            raise SpectrumError(f"A share of {share:g} {name} spectra is not between 0 and 1.")
    if sum(shares) > 1:
        raise SpectrumError(
            f"The shares of emission and double-peak spectra, {shares[0]:g} and {shares[1]:g}, "
            "add up to more than 1. Lower one of them."
        )
    if round(training_size * TRAINING_SHARES[1]) < 2:
        raise SpectrumError(
            f"A training set of {training_size} spectra would hold fewer than 2 double-peak ones. "
            f"Ask for at least {int(np.ceil(1.5 / TRAINING_SHARES[1]))}."
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
    """Write a demo survey: training set, pool, truth, and whole spectra as FITS files.

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
        Number of the pool's spectra to write as FITS files; targets first, up to a third.
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
    grid = grid or Grid()
    shares = (emission_share, double_peak_share)
    _check(grid, pool_size, training_size, shares, n_fits, processes)
    report = progress or (lambda _done, _total: None)
    total = training_size + pool_size
    with files.writing(folder):
        for_training, for_pool, for_fits = np.random.SeedSequence(seed).spawn(3)
        training = _write_training(folder, training_size, grid, for_training, report, total)
        pool, truth, fits = _write_pool(
            folder,
            _labels(pool_size, shares, np.random.default_rng(for_fits)),
            n_fits,
            grid,
            for_pool,
            processes or count_cores(),
            lambda done: report(training_size + done, total),
        )
    return DemoFiles(training, pool, truth, fits)


def _write_training(
    folder: Path,
    size: int,
    grid: Grid,
    seed: np.random.SeedSequence,
    report: Callable[[int, int], None],
    total: int,
) -> Path:
    for_labels, for_blocks = seed.spawn(2)
    label = _labels(size, TRAINING_SHARES, np.random.default_rng(for_labels))
    path = folder / "training.csv"
    with files.TrainingWriter(path, grid) as writer:
        for rows, rng in _blocks(label, for_blocks):
            batch = simulate_training(label[rows], grid, rng)
            writer.append(rows.start, [LABELS[code] for code in batch.label], batch, rng)
            report(rows.stop, total)
    return path


def _write_pool(
    folder: Path,
    label: NDArray[np.int8],
    n_fits: int,
    grid: Grid,
    seed: np.random.SeedSequence,
    processes: int,
    report: Callable[[int], None],
) -> tuple[Path, Path, tuple[Path, ...]]:
    path, truth = folder / "pool.h5", folder / "truth" / "truth.csv"
    targets, others = (np.flatnonzero(rows) for rows in (label != ABSORPTION, label == ABSORPTION))
    n_targets = max(min(len(targets), n_fits // 3), n_fits - len(others))
    shown = np.sort(np.concatenate([targets[:n_targets], others[: n_fits - n_targets]]))
    tasks = []
    for rows, rng in _blocks(label, seed):
        chosen = shown[slice(*np.searchsorted(shown, (rows.start, rows.stop)))] - rows.start
        tasks.append(_Task(rows.start, label[rows], chosen.tolist(), rng))
    if len(tasks) <= FEW:
        processes = 1
    simulate = partial(_simulate_block, folder, grid)
    fits: list[Path] = []
    with (
        files.PoolWriter(path, truth, len(label), grid) as writer,
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
    label: NDArray[np.int8]
    chosen: list[int]
    rng: np.random.Generator


def _simulate_block(folder: Path, grid: Grid, task: _Task) -> files.PoolBlock:
    # Several processes share the cores already; threads of linear algebra in each would only queue.
    with threadpool_limits(1):
        visits = first_visits(task.label, FURTHER, task.rng)
        batch = simulate_pool(task.label, grid, task.rng, visits)
        targets = observe(task.first, batch, task.rng)
        return files.prepare_block(targets, batch, task.chosen, folder, grid, task.rng)
