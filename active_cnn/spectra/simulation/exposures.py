"""From labels to spectra: draw sources whose Hα looks as the label says, and observe them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.spectra.simulation import instruments
from active_cnn.spectra.simulation.instruments import Lamost, Ondrejov, disturb
from active_cnn.spectra.simulation.population import (
    POOL,
    SNR_RANGE,
    TRAINING,
    Population,
    draw,
)
from active_cnn.spectra.simulation.stars import SOURCE, Kind, Light
from active_cnn.spectra.simulation.visibility import Look, look

LABELS = ("absorption", "emission", "double-peak")
ABSORPTION, EMISSION, DOUBLE_PEAK = range(3)

HIDDEN = 0.03  # share of the pool's emission-line stars whose line drowns in the noise
DEAD = 0.0005  # share of windows that are zero: dead fibres and failed exposures
# Cosmic rays that reduction left, as shares of spectra; rare things are shown more often in
# training than they are met.
STRUCK, STRUCK_TRAINING = 0.015, 0.04
NOISE_SNR = 6.0  # below it a spectrum that shows no line is called noise
MOST_REDRAWS = 80
SNR_SPREAD = 0.4  # of the logarithm of the S/N from visit to visit of a star


@dataclass(frozen=True, eq=False)
class Batch:
    """Simulated spectra; every array has n_spectra rows.

    Parameters
    ----------
    sources : structured ndarray of dtype `SOURCE`
        What was drawn.
    first_visit : ndarray of int
        Row of the first spectrum of the same star: its own but for further visits.
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
    first_visit: NDArray[np.intp]
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
        waiting = waiting[~(as_labelled | (is_hidden[waiting] & ~now.is_double))]
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


def _visit_again(
    label: NDArray[np.int8],
    sources: NDArray[np.void],
    seen: Look,
    further: NDArray[np.intp],
    telescope: Lamost,
    rng: np.random.Generator,
) -> None:
    """Give further visits, which repeat the first one so far, a S/N of their own.

    Their Hα must look as their label says at that S/N too: it is brought nearer to that of the
    first visit, at which it does, until it does.
    """
    first = sources["snr"][further]
    change = rng.normal(0, SNR_SPREAD, len(further))
    sources["snr"][further] = np.clip(first * np.exp(change), *SNR_RANGE)
    waiting = np.flatnonzero(label[further] != ABSORPTION)
    if not len(waiting):
        return
    light = _window_light(telescope, telescope.expose(sources[further[waiting]]))
    for nearness in (1, 2, 4, 8, np.inf):
        rows = further[waiting]
        snr = np.clip(first[waiting] * np.exp(change[waiting] / nearness), *SNR_RANGE)
        sources["snr"][rows] = snr
        now = look(telescope.grid.wavelength, light, snr)
        is_hidden = ~seen.is_visible[rows]
        as_labelled = now.is_double == (label[rows] == DOUBLE_PEAK)
        as_labelled &= now.is_visible | is_hidden
        seen.assign(rows[as_labelled], now.take(as_labelled))
        light = Light(*(flux[~as_labelled] for flux in light))
        waiting = waiting[~as_labelled]


def _is_noise(label: NDArray[np.int8], sources: NDArray[np.void]) -> NDArray[np.bool_]:
    # How plainly Hα would be seen in absorption: depth times the root of the pixels it covers.
    (core, sigma), (wing, half) = sources["balmer_core"].T, sources["balmer_wing"].T
    width = np.hypot(instruments.LSF_SIGMA, sigma)
    line = core * sigma / np.sqrt(width) + wing * np.sqrt(half)
    line = np.maximum(line, np.abs(sources["feature"][:, :, 2]).max(axis=1))
    is_drowned = (sources["snr"] < NOISE_SNR) & (line * sources["snr"] < 5 * instruments.SCATTER)
    return (label == ABSORPTION) & (is_drowned | (sources["kind"] == Kind.FEATURELESS))


def _brightness(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    return np.exp(rng.normal(np.log(800), 1.2, n))[:, None]


def simulate_pool(
    label: NDArray[np.int8],
    grid: Grid,
    rng: np.random.Generator,
    first_visit: NDArray[np.intp] | None = None,
) -> Batch:
    """Simulate LAMOST's spectra of sources with given labels.

    Parameters
    ----------
    label : ndarray of int8, shape (n_spectra,)
        Indices into `LABELS`.
    grid : Grid
        The window, which holds Hα.
    rng : numpy.random.Generator
        Where every number comes from.
    first_visit : ndarray of int, shape (n_spectra,), optional
        Row of the first spectrum of the same star and label; by default each is of its own star.

    Returns
    -------
    Batch
        With LAMOST's pixels around the window and the window itself.
    """
    telescope = Lamost(grid)
    rows = np.arange(len(label))
    if first_visit is None:
        first_visit = rows
    stars, star = np.unique(first_visit, return_inverse=True)
    sources, flux, seen = _draw_as_labelled(label[stars], POOL, telescope, rng, HIDDEN)
    sources, flux, seen = sources[star], flux[star], seen.take(star)
    _visit_again(label, sources, seen, np.flatnonzero(first_visit != rows), telescope, rng)
    disturb(telescope.wavelength, flux, sources["snr"], STRUCK, rng)
    flux *= _brightness(len(label), rng).astype(np.float32)
    is_dead = (label == ABSORPTION) & (rng.random(len(label)) < DEAD)
    flux[is_dead] = 0
    is_noise = _is_noise(label, sources) | is_dead
    return Batch(sources, first_visit, label, is_noise, seen, flux, telescope.to_window(flux))


def simulate_training(label: NDArray[np.int8], grid: Grid, rng: np.random.Generator) -> Batch:
    """Simulate Ondřejov's spectra of sources with given labels, brought to the pool's terms.

    The spectra are recorded in air at R ≈ 13 000 with the noise of a bright-star archive, taken to
    vacuum, degraded and resampled as the product does it. Because a network that has seen only
    clean spectra calls every noisy one remarkable, they are on the way given the noise, sky
    residuals and defects of the pool's pixels: its terms are more than its resolution.

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
    lamost = Lamost(grid, margin=15.0)
    degraded = telescope.degrade_to(lamost.wavelength, flux)
    disturb(lamost.wavelength, degraded, sources["snr"], STRUCK_TRAINING, rng)
    windows = lamost.to_window(degraded)
    brightness = _brightness(n, rng)
    return Batch(
        sources,
        np.arange(n),
        label,
        _is_noise(label, sources),
        seen,
        flux * brightness,
        windows * brightness,
    )
