"""Read-only views of a campaign: what stands in it, what comes next, one spectrum in full."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from active_cnn.campaign.files import open_pool, open_predictions
from active_cnn.campaign.labelling import Task, count_open, lay_out
from active_cnn.campaign.store import Store
from active_cnn.campaign.training_data import trained_answers
from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.recipes import TrainingSettings
from active_cnn.records import Answer, Campaign, Medium, Spectrum
from active_cnn.search import Search
from active_cnn.spectra.confined import SECONDS_WATCHED, confined
from active_cnn.spectra.limits import LIMITS
from active_cnn.spectra.preprocessing import find_resolving_power, prepare_and_count
from active_cnn.spectra.readers import read
from active_cnn.spectra.resolving_power import PoolResolution
from active_cnn.spectra.scaling import Scaling
from active_cnn.spectra.training_set import TrainingSet


class Step(StrEnum):
    """What a person can do next in a campaign."""

    TRAIN = "train"
    WAIT = "wait"
    MEASURE = "measure"
    RELABEL = "relabel"
    GO_ON = "go on"


def next_step(store: Store, campaign: Campaign) -> Step:
    """Tell what comes next in the loop."""
    if store.active_job(campaign.name):
        return Step.WAIT
    iteration = store.iteration(campaign.name)
    if iteration.result is None or iteration.result.failure:
        return Step.TRAIN
    n_targets = sum(iteration.result.predicted_counts[target] for target in campaign.targets)
    if n_targets and not _is_finished(store, campaign, Task.PERFORMANCE):
        return Step.MEASURE
    return Step.GO_ON if _is_finished(store, campaign, Task.RELABEL) else Step.RELABEL


def _is_finished(store: Store, campaign: Campaign, task: Task) -> bool:
    desk = lay_out(store, campaign, task)
    return bool(desk.questions) and count_open(store, campaign, desk) == 0


def count_answers(campaign: Campaign, answers: dict[str, Answer]) -> dict[str, int]:
    """Count answers by class, in the order of the campaign's classes."""
    counts = Counter(answer.answer for answer in answers.values())
    return {one.name: counts[one.name] for one in campaign.classes}


def joining_answers(store: Store, campaign: Campaign) -> dict[str, int]:
    """Count by class the answers that the open iteration's network does not know yet.

    They join the training set when the iteration is closed; those that train nothing (such as
    `unsure`) are counted too.
    """
    iteration = store.iteration(campaign.name)
    known = trained_answers(store, campaign, iteration)
    new = {
        identifier: answer
        for identifier, answer in store.current_answers(campaign.name).items()
        if identifier not in known or known[identifier].answer != answer.answer
    }
    return count_answers(campaign, new)


def epochs_to_patience(losses: Sequence[float], settings: TrainingSettings) -> int:
    """Tell after how many more epochs without improvement a training stops.

    An epoch is an improvement if its loss is more than `min_delta` below the best one before it;
    those of the first `unwatched_epochs` do not count.
    """
    best, waited = np.inf, 0
    for loss in losses[settings.unwatched_epochs :]:
        if loss < best - settings.min_delta:
            best, waited = loss, 0
        else:
            waited += 1
    still_unwatched = max(settings.unwatched_epochs - len(losses), 0)
    return still_unwatched + max(settings.patience - waited, 0)


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts between edges, shape (n,) and (n + 1,), and how many values are not known."""

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    n_unknown: int


def snr_histogram(store: Store, campaign: Campaign, n_bins: int = 40) -> Histogram:
    """Count the pool's usable spectra by S/N in r, in equal steps of its logarithm."""
    pool = open_pool(store, campaign)
    snr = pool.column("snr_r")[pool.usable]
    known = snr[np.isfinite(snr) & (snr > 0)]
    if not known.size:
        return Histogram(np.array([]), np.array([], dtype=np.int64), len(snr))
    # A spread of a factor of two at least, so that equal values make a bar and not a needle.
    low, high = known.min(), max(known.max(), known.min() * 2)
    # Among equal bins a value's own is computed, among any others it has to be searched for.
    low, high = np.log10(low), np.log10(high)
    counts, edges = np.histogram(np.log10(known), n_bins, (low, high))
    return Histogram(10**edges, counts.astype(np.int64), len(snr) - len(known))


def describe_unknown_places(store: Store, campaign: Campaign) -> str:
    """Say of how many usable spectra the position is not known, and why; '' if of none."""
    pool = open_pool(store, campaign)
    reasons = pool.unknown_places
    if not reasons:
        return ""
    listed = "; ".join(f"{reason} ({n:,})" for reason, n in reasons.items())
    return (
        f"The position is not known of {sum(reasons.values()):,} of {pool.usable.sum():,} usable "
        f"spectra: {listed}. Their other visits cannot be found, and they have no links to "
        "catalogues."
    )


def describe_assumed(search: Search) -> str:
    """Say which search a campaign has whose definition names none."""
    follows = (
        ""
        if search.lines or search.bands
        else (" No simple rule stands beside the network, and no lines are planted.")
    )
    return (
        f"What marks the targets was not said. Assumed: {search.describe()}; each spectrum is "
        f"{search.scaling.words}.{follows}"
    )


@dataclass(frozen=True, eq=False)
class Gallery:
    """Some spectra of one class: names, and windows of shape (n_spectra, n_wavelengths)."""

    identifiers: tuple[str, ...]
    windows: NDArray[np.float32]
    n_in_class: int


def training_gallery(training: TrainingSet, label: str, size: int, seed: int) -> Gallery:
    """Draw some spectra that the initial training set gives a label."""
    rows = np.flatnonzero(np.array(training.labels) == label)
    chosen = np.random.default_rng(seed).choice(rows, min(size, len(rows)), replace=False)
    return Gallery(
        tuple(training.identifiers[row] for row in chosen), training.windows[chosen], len(rows)
    )


def predicted_gallery(
    store: Store, campaign: Campaign, number: int, label: str, size: int, seed: int
) -> Gallery:
    """Draw some spectra of the pool that an iteration predicts as a class."""
    predictions = open_predictions(store, store.iteration(campaign.name, number))
    rows = np.flatnonzero(predictions.labels() == campaign.network_classes.index(label))
    chosen = np.random.default_rng(seed).choice(rows, min(size, len(rows)), replace=False)
    pool = open_pool(store, campaign)
    return Gallery(tuple(pool.identifiers(chosen)), pool.windows(chosen), len(rows))


@dataclass(frozen=True, eq=False)
class View:
    """One spectrum of the pool as a person wants to see it.

    Parameters
    ----------
    identifier : str
        Of the spectrum.
    window : ndarray of float32, shape (n_wavelengths,), or None
        Scaled, as the network sees it; None if the spectrum cannot be used.
    metadata : dict of str to object
        ra and dec (degrees), snr_r, designation, pipeline_class, path.
    """

    identifier: str
    window: NDArray[np.float32] | None
    metadata: dict[str, object]


def view_spectra(store: Store, campaign: Campaign, identifiers: Sequence[str]) -> tuple[View, ...]:
    """Look at some spectra of the pool, in the order asked.

    Raises
    ------
    SpectrumError
        If one of them is not in the pool.
    """
    pool = open_pool(store, campaign)
    rows = pool.rows(list(identifiers))
    usable = pool.usable[rows]
    windows = iter(pool.windows(rows[usable]))
    metadata: pd.DataFrame = pool.metadata(rows).drop(columns="identifier")
    return tuple(
        View(
            identifier,
            next(windows) if is_usable else None,
            {str(name): value for name, value in row.items()},
        )
        for identifier, is_usable, row in zip(
            identifiers, usable, metadata.to_dict("records"), strict=True
        )
    )


def predicted_probabilities(
    store: Store, campaign: Campaign, number: int, identifier: str
) -> tuple[float, ...]:
    """Give what an iteration says of one spectrum; NaN if it could not be predicted."""
    row = open_pool(store, campaign).rows([identifier])
    predictions = open_predictions(store, store.iteration(campaign.name, number))
    return tuple(float(p) for p in predictions.probabilities(row)[0])


@dataclass(frozen=True, eq=False)
class Preparation:
    """How a spectrum's file became a window: what was done, in words, and what came out.

    Parameters
    ----------
    spectrum : Spectrum
        As its file gives it.
    window : ndarray of float32, shape (n_wavelengths,)
        As the network sees it.
    steps : tuple of str
        What was done, in order, with the parameters.
    """

    spectrum: Spectrum
    window: NDArray[np.float32]
    steps: tuple[str, ...]


def describe_resolution(store: Store, campaign: Campaign) -> str:
    """Say what resolving power the pool has, what became of spectra of another, what may lack."""
    counts = open_pool(store, campaign).count_powers()
    limits = counts.resolution.limits
    return f"{counts.describe()} {limits.describe() if limits != LIMITS else ''}".strip()


def prepare_file(path: Path, scaling: Scaling, resolution: PoolResolution) -> Preparation:
    """Read a spectrum and prepare it as ingest does.

    Parameters
    ----------
    path : Path
        Its file.
    scaling : Scaling
        Of the windows; its grid says where they are.
    resolution : PoolResolution
        Of the pool; a blurrier spectrum is not refused here, but said to be blurrier.

    Raises
    ------
    SpectrumError
        If the file is missing, cannot be read, or does not give a window.
    """
    grid = scaling.grid
    spectrum = confined(SECONDS_WATCHED, read, path)
    flux, n_bridged = confined(
        SECONDS_WATCHED, prepare_and_count, spectrum, grid, resolution.power, resolution.limits
    )
    window = scaling(flux[None, :])[0]
    filled = "bridged by straight lines"
    if resolution.limits.coverage < 1:
        filled += ", or, where the spectrum does not reach, given its nearest value"
    if spectrum.medium is Medium.AIR:
        medium = "Wavelengths: from standard air to vacuum (Piskunov's inverse of Birch & Downs)."
    else:
        medium = "Wavelengths: in vacuum already, kept."
    return Preparation(
        spectrum,
        window,
        (
            medium,
            *([_describe_bridged(n_bridged, grid, filled)] if n_bridged else []),
            f"Resolution: {_describe_degrading(spectrum, resolution)}.",
            f"Grid: linear interpolation to {grid.describe()}, both ends included.",
            f"Scale ({scaling.method}): {_each(grid)} {scaling.method.words}.",
        ),
    )


def _each(grid: Grid) -> str:
    return "each window is" if len(grid.windows) > 1 else "the window is"


def _describe_bridged(n: int, grid: Grid, filled: str) -> str:
    what = f"Pixels of the {grid.noun} without a value (not finite, or with weight 0)"
    return f"{what}: {n}, {filled}."


def _describe_degrading(spectrum: Spectrum, resolution: PoolResolution) -> str:
    own, said, power = find_resolving_power(spectrum), spectrum.resolving_power, resolution.power
    if own is None:
        stated = "not stated in the file" if said is None else f"R = {said:g} cannot be true"
        kept = "kept" if power is None else f"brought to R = {power:g} where the sampling is finer"
        return f"{stated}; {kept}"
    if power is not None and own > power:
        return f"R = {own:g} brought to R = {power:g} with a Gaussian"
    blurrier = f", blurrier than the pool (R = {power:g})" if resolution.is_blurrier(own) else ""
    return f"R = {own:g}, kept{blurrier}"


def read_whole(path: Path) -> Spectrum:
    """Read the file of a spectrum of the pool.

    Raises
    ------
    SpectrumError
        If it is missing or cannot be read.
    """
    try:
        return confined(SECONDS_WATCHED, read, path)
    except SpectrumError as error:
        raise SpectrumError(f"The file {path} cannot be shown: {error}.") from error
