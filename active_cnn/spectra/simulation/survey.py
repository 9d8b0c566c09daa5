"""A small survey with known truth: a labelled training archive, a pool, and some whole spectra."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.records import Grid
from active_cnn.spectra.simulation import files, instruments
from active_cnn.spectra.simulation.instruments import Lamost, Ondrejov
from active_cnn.spectra.simulation.lines import HALPHA
from active_cnn.spectra.simulation.population import POOL, TRAINING, Population, draw
from active_cnn.spectra.simulation.stars import SOURCE, Kind, Light
from active_cnn.spectra.simulation.visibility import Look, look

LABELS = ("absorption", "emission", "double-peak")
ABSORPTION, EMISSION, DOUBLE_PEAK = range(3)

# Podsztavek (2017): 6102, 5301 and 1533 of 12 936 Ondřejov spectra.
TRAINING_SHARES = (0.4098, 0.1185)

BLOCK = 4096
HIDDEN = 0.03  # share of the pool's emission-line stars whose line drowns in the noise
DEAD = 0.0005  # share of windows that are zero: dead fibres and failed exposures
NOISE_SNR = 4.0  # below it a spectrum without emission is called noise
KNOWN = (6400.0, 6850.0)  # Å (vacuum): the simulator knows no lines beyond
MOST_REDRAWS = 80


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


@dataclass(frozen=True, eq=False)
class Batch:
    """Simulated spectra; every array has n_spectra rows.

    Parameters
    ----------
    sources : structured ndarray of dtype `SOURCE`
        What was drawn.
    label : ndarray of int
        Index into `LABELS`.
    is_noise : ndarray of bool
        Whether an astronomer would call the spectrum noise.
    look : Look
        What is measured on the noiseless Hα emission.
    flux : ndarray, shape (n_spectra, n_pixels)
        At the instrument's own pixels, in counts.
    windows : ndarray, shape (n_spectra, grid.n)
        On the grid, in counts.
    """

    sources: NDArray[np.void]
    label: NDArray[np.int8]
    is_noise: NDArray[np.bool_]
    look: Look
    flux: NDArray[np.floating]
    windows: NDArray[np.float64]


def _window_light(telescope: Lamost | Ondrejov, light: Light) -> Light:
    return Light(telescope.to_window(light.flux), telescope.to_window(light.quiet))


def _draw_as_labelled(
    label: NDArray[np.int8],
    population: Population,
    telescope: Lamost | Ondrejov,
    rng: np.random.Generator,
    hidden: float,
) -> tuple[NDArray[np.void], NDArray[np.float32], Look]:
    """Draw sources until the Hα of each looks as its label says; noiseless flux."""
    n = len(label)
    sources = np.empty(n, dtype=SOURCE)
    for code, name in enumerate(LABELS):
        rows = np.flatnonzero(label == code)
        sources[rows] = draw(population.choose_kinds(name, len(rows), rng), population, rng, name)
    flux = telescope.expose(sources).flux
    seen = Look.nothing(n)
    is_hidden = (label == EMISSION) & (rng.random(n) < hidden)
    waiting = np.flatnonzero(label != ABSORPTION)
    grid = telescope.grid.wavelength
    for attempt in range(1, MOST_REDRAWS):
        if not len(waiting):
            break
        light = telescope.expose(sources[waiting])
        flux[waiting] = light.flux
        now = look(grid, _window_light(telescope, light), sources["snr"][waiting])
        seen.assign(waiting, now)
        as_labelled = now.is_visible & (now.is_double == (label[waiting] == DOUBLE_PEAK))
        waiting = waiting[~(as_labelled | is_hidden[waiting])]
        for code in (EMISSION, DOUBLE_PEAK):
            rows = waiting[label[waiting] == code]
            fresh = draw(sources["kind"][rows], population, rng, LABELS[code])
            # Later attempts lean towards what is plainly seen, so that the loop ends.
            fresh["snr"] = np.minimum(fresh["snr"] * 1.05**attempt, 200)
            fresh["strength"] *= 1 + 0.05 * attempt
            sources[rows] = fresh
    if len(waiting):
        raise SpectrumError(
            f"{len(waiting)} simulated spectra do not show the line that they should after "
            f"{MOST_REDRAWS} attempts on the grid {telescope.grid}. "
            "Choose a grid with more wavelengths around Hα."
        )
    return sources, flux, seen


def _scatter(label: NDArray[np.int8], sources: NDArray[np.void]) -> NDArray[np.bool_]:
    hopeless = (sources["snr"] < NOISE_SNR) | (sources["kind"] == Kind.FEATURELESS)
    return (label == ABSORPTION) & hopeless


def _brightness(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    return np.exp(rng.normal(np.log(800), 1.2, n))[:, None]


def simulate_pool(label: NDArray[np.int8], grid: Grid, rng: np.random.Generator) -> Batch:
    """Simulate LAMOST's spectra of sources with given labels.

    Parameters
    ----------
    label : ndarray of int8, shape (n_spectra,)
        Indices into `LABELS`.
    grid : Grid
        The window, which holds Hα.
    rng : numpy.random.Generator
        Where every number comes from.

    Returns
    -------
    Batch
        With LAMOST's pixels around the window and the window itself.
    """
    telescope = Lamost(grid)
    sources, flux, seen = _draw_as_labelled(label, POOL, telescope, rng, HIDDEN)
    flux *= instruments.water(telescope.wavelength, len(label), rng)
    noise = instruments.noise(flux, sources["snr"], rng)
    flux += noise
    flux += instruments.sky_residuals(telescope.wavelength, sources["snr"], rng)
    instruments.add_defects(flux, rng)
    flux *= _brightness(len(label), rng).astype(np.float32)
    is_dead = (label == ABSORPTION) & (rng.random(len(label)) < DEAD)
    flux[is_dead] = 0
    is_noise = _scatter(label, sources) | is_dead
    return Batch(sources, label, is_noise, seen, flux, telescope.to_window(flux))


def simulate_training(label: NDArray[np.int8], grid: Grid, rng: np.random.Generator) -> Batch:
    """Simulate Ondřejov's spectra of sources with given labels, brought to the pool's terms.

    The spectra are recorded in air at R ≈ 13 000 with the noise of a bright-star archive, taken to
    vacuum, degraded and resampled as the product does it. Because a network that has seen only
    clean spectra calls every noisy one remarkable, they are then given the pool's own noise, sky
    residuals and defects: resolution alone is not all that the pool's terms consist of.

    Parameters
    ----------
    label : ndarray of int8, shape (n_spectra,)
        Indices into `LABELS`; they hold for what is left visible at the pool's terms.
    grid : Grid
        The window, which holds Hα.
    rng : numpy.random.Generator
        Where every number comes from.

    Returns
    -------
    Batch
        With the archive's pixels and the window.
    """
    telescope = Ondrejov(grid)
    sources, flux, seen = _draw_as_labelled(label, TRAINING, telescope, rng, hidden=0.0)
    n = len(label)
    own = rng.uniform(40, 300, n).astype(np.float32)[:, None]
    flux = flux + rng.standard_normal(flux.shape, dtype=np.float32) / own
    windows = telescope.to_window(flux)
    windows *= instruments.water(grid.wavelength, n, rng)
    noise = instruments.noise(windows, sources["snr"], rng)
    windows += noise
    windows += instruments.sky_residuals(grid.wavelength, sources["snr"], rng)
    instruments.add_defects(windows, rng)
    brightness = _brightness(n, rng)
    return Batch(
        sources, label, _scatter(label, sources), seen, flux * brightness, windows * brightness
    )


def _labels(
    n: int, shares: tuple[float, float], rng: np.random.Generator
) -> NDArray[np.int8]:
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
    grid: Grid, pool_size: int, training_size: int, shares: tuple[float, float], n_fits: int
) -> None:
    if not KNOWN[0] <= grid.start < HALPHA - 25 < HALPHA + 25 < grid.end <= KNOWN[1]:
        raise SpectrumError(
            f"The demo survey cannot be simulated on the grid {grid}: it knows the lines of "
            f"{KNOWN[0]:g}-{KNOWN[1]:g} Å and needs Hα with 25 Å on both sides of it. "
            "Choose a grid of that kind, such as the default one."
        )
    for name, size in (("pool", pool_size), ("training set", training_size)):
        if size < 1:
            raise SpectrumError(f"A {name} of {size} spectra cannot be made: ask for at least 1.")
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
    progress: Callable[[int, int], None] | None = None,
) -> DemoFiles:
    """Write a demo survey: training set, pool, truth, and whole spectra as FITS files.

    A spectrum is a target when it shows emission above the continuum or above the photospheric
    line, as seen without noise at the pool's resolution and strong enough for its S/N; it is
    `double-peak` when that emission has two peaks. A few percent of the pool's emission spectra
    are too faint to be seen, as in nature.

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
    _check(grid, pool_size, training_size, shares, n_fits)
    report = progress or (lambda _done, _total: None)
    total = training_size + pool_size
    with files.writing(folder):
        for_training, for_pool, for_fits = np.random.SeedSequence(seed).spawn(3)
        training = _write_training(folder, training_size, grid, for_training, report, total)
        pool, truth, fits = _write_pool(
            folder, _labels(pool_size, shares, np.random.default_rng(for_fits)), n_fits, grid,
            for_pool, lambda done: report(training_size + done, total),
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
    report: Callable[[int], None],
) -> tuple[Path, Path, tuple[Path, ...]]:
    path, truth = folder / "pool.h5", folder / "truth" / "truth.csv"
    targets, others = (np.flatnonzero(rows) for rows in (label != ABSORPTION, label == ABSORPTION))
    n_targets = max(min(len(targets), n_fits // 3), n_fits - len(others))
    shown = {*targets[:n_targets].tolist(), *others[: n_fits - n_targets].tolist()}
    fits: list[Path] = []
    with files.PoolWriter(path, truth, len(label), grid) as writer:
        for rows, rng in _blocks(label, seed):
            batch = simulate_pool(label[rows], grid, rng)
            names = [
                "noise" if noise else LABELS[code]
                for code, noise in zip(batch.label, batch.is_noise, strict=True)
            ]
            chosen = [row - rows.start for row in range(rows.start, rows.stop) if row in shown]
            fits += writer.append(rows.start, names, batch, chosen, rng)
            report(rows.stop)
    return path, truth, tuple(fits)
