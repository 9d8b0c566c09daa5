"""Reads whose result never changes, kept between runs.

Whatever a result depends on is an argument and so part of its key; the answers of an open
iteration are represented by the number of events in their log.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from active_cnn.campaign import comparison, doubts, overview, sheets, stopping
from active_cnn.campaign.confidence import describe_confidence, find_confidence
from active_cnn.campaign.files import last_scored, open_pool, pool_resolution, spectrum_file
from active_cnn.campaign.labelling import Desk, Task, asking_iteration, lay_out
from active_cnn.campaign.overview import Gallery, Histogram, Preparation
from active_cnn.campaign.overview import View as SpectrumView
from active_cnn.campaign.sheet_maker import SheetMaker
from active_cnn.campaign.store import Store
from active_cnn.campaign.training_data import read_initial_set
from active_cnn.delivery.candidates import describe_candidates, list_candidates
from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.records import Campaign, Spectrum
from active_cnn.spectra.resolving_power import PoolResolution
from active_cnn.spectra.scaling import Scaling
from active_cnn.spectra.training_set import TrainingSet
from active_cnn.ui.shelf import Shelf

MOST_REFUSED = 1000

# A store is its folder; a campaign is not another one of the same name that was there before.
_KEYS: dict[Any, Any] = {
    Store: lambda store: str(store.home.resolve()),
    Campaign: lambda campaign: (campaign.name, campaign.created_at),
    Grid: str,
    PoolResolution: repr,
    Scaling: repr,
}


@st.cache_data(max_entries=4, hash_funcs=_KEYS, show_spinner="Reading the training set …")
def training_set(store: Store, campaign: Campaign) -> TrainingSet:
    """Give the initial training set."""
    return read_initial_set(store, campaign)


@st.cache_data(max_entries=16, hash_funcs=_KEYS, show_spinner="Reading the pool …")
def pool_size(store: Store, campaign: Campaign) -> tuple[int, int]:
    """Count the pool's rows, and those that can be used."""
    pool = open_pool(store, campaign)
    return pool.n, int(pool.usable.sum())


@st.cache_data(max_entries=8, hash_funcs=_KEYS, show_spinner="Reading the pool …")
def snr_histogram(store: Store, campaign: Campaign) -> Histogram:
    """Count the pool's usable spectra by S/N."""
    return overview.snr_histogram(store, campaign)


@st.cache_data(max_entries=16, hash_funcs=_KEYS, show_spinner=False)
def unknown_places(store: Store, campaign: Campaign) -> str:
    """Say of how many usable spectra the position is not known, and why; '' if of none."""
    return overview.describe_unknown_places(store, campaign)


@st.cache_data(max_entries=16, hash_funcs=_KEYS, show_spinner=False)
def resolution(store: Store, campaign: Campaign) -> str:
    """Say what resolving power the pool has."""
    return overview.describe_resolution(store, campaign)


@st.cache_data(max_entries=8, hash_funcs=_KEYS, show_spinner="Reading the pool …")
def refused(store: Store, campaign: Campaign) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Count what was refused by reason, and list the first `MOST_REFUSED` of it."""
    pool = open_pool(store, campaign)
    return pool.refused(), pool.refused_files(MOST_REFUSED)


@st.cache_data(max_entries=32, hash_funcs=_KEYS, show_spinner=False)
def predicted_gallery(
    store: Store,
    campaign: Campaign,
    number: int,
    job: int,  # noqa: ARG001 - part of the key: another training predicts otherwise
    label: str,
    size: int,
    seed: int,
) -> Gallery:
    """Draw some spectra that a training of an iteration predicts as a class."""
    return overview.predicted_gallery(store, campaign, number, label, size, seed)


def kappas(store: Store, campaign: Campaign) -> list[float]:
    """Give how far the last networks agree on the whole pool."""
    scored = last_scored(store, campaign.name)
    return _kappas(store, campaign, scored.job if scored else None)


@st.cache_data(max_entries=16, hash_funcs=_KEYS, show_spinner=False)
def _kappas(store: Store, campaign: Campaign, job: int | None) -> list[float]:  # noqa: ARG001
    return stopping.kappas(store, campaign)


@st.cache_data(max_entries=32, hash_funcs=_KEYS, show_spinner=False)
def spectra(
    store: Store, campaign: Campaign, identifiers: tuple[str, ...]
) -> tuple[SpectrumView, ...]:
    """Look at some spectra of the pool, in the order asked."""
    return overview.view_spectra(store, campaign, identifiers)


def whole(store: Store, campaign: Campaign, path: str) -> Spectrum:
    """Read the file of a spectrum, anew when the file has changed.

    Raises
    ------
    SpectrumError
        If there is none, it lies elsewhere than the campaign may read, or it cannot be read.
    """
    try:
        file = str(spectrum_file(store, campaign, path))
    except SpectrumError as error:
        named = f"its file {path}".strip()
        raise SpectrumError(f"The whole spectrum cannot be shown: {named} {error}.") from error
    return _whole(file, _changed_at(file))


@st.cache_data(max_entries=64, show_spinner=False)
def _whole(path: str, changed_at: int) -> Spectrum:  # noqa: ARG001 - part of the key
    return overview.read_whole(Path(path))


def preparation(store: Store, campaign: Campaign, path: str) -> Preparation:
    """Prepare the file of a spectrum, anew when the file has changed."""
    file = str(spectrum_file(store, campaign, path))
    resolution = pool_resolution(store, campaign)
    scaling = Scaling(campaign.grid, campaign.search.scaling)
    return _preparation(file, scaling, resolution, _changed_at(file))


@st.cache_data(max_entries=16, hash_funcs=_KEYS, show_spinner=False)
def _preparation(
    path: str,
    scaling: Scaling,
    resolution: PoolResolution,
    changed_at: int,  # noqa: ARG001 - part of the key
) -> Preparation:
    return overview.prepare_file(Path(path), scaling, resolution)


def _changed_at(path: str) -> int:
    # A missing file is the reader's to explain.
    return Path(path).stat().st_mtime_ns if Path(path).is_file() else 0


def desk(store: Store, campaign: Campaign, task: Task) -> Desk:
    """Lay out what is asked for a task; queries never change, but there may be more of them."""
    state: tuple[int | None, int]
    if task is Task.ADJUDICATE:
        state = store.count_events(campaign.name), store.sharing(campaign.name).n_wanted
    else:
        iteration = asking_iteration(store, campaign, task)
        state = iteration.job if iteration else None, store.count_queries(campaign.name)
    return _desk(store, campaign, task, state)


# The desk is frozen: nobody can change what all sessions share.
@st.cache_resource(max_entries=32, hash_funcs=_KEYS, show_spinner=False)
def _desk(
    store: Store,
    campaign: Campaign,
    task: Task,
    state: tuple[int | None, int],  # noqa: ARG001 - that the desk was laid out in
) -> Desk:
    return lay_out(store, campaign, task)


def sheets_of(store: Store, campaign: Campaign, identifiers: Sequence[str]) -> list[str]:
    """Collect what is drawn of some spectra, each as JSON."""
    # With other folders there may be whole spectra that there were not before.
    known = (campaign.name, campaign.created_at, campaign.pool_fingerprint, campaign.folders)
    place = (str(store.home), *known)
    return _shelf().take(
        place, identifiers, lambda missing: sheet_maker().make(store.home, campaign, missing)
    )


@st.cache_resource(show_spinner=False)
def sheet_maker() -> SheetMaker:
    """Give the process that makes sheets; the first call starts it."""
    return SheetMaker()


@st.cache_resource
def _shelf() -> Shelf:
    return Shelf(most=5000)


@st.cache_data(max_entries=8, hash_funcs=_KEYS, show_spinner=False)
def class_means(store: Store, campaign: Campaign) -> dict[str, Any]:
    """Give the mean windows of the classes, packed."""
    return sheets.class_means(campaign, training_of(store, campaign))


# Read-only, and too large to be copied for each visitor.
@st.cache_resource(max_entries=4, hash_funcs=_KEYS, show_spinner=False)
def training_of(store: Store, campaign: Campaign) -> TrainingSet:
    """Give the initial training set itself, not a copy of it."""
    return read_initial_set(store, campaign)


@st.cache_data(max_entries=2, hash_funcs=_KEYS, show_spinner="Listing the candidates …")
def candidates(
    store: Store,
    campaign: Campaign,
    number: int,  # noqa: ARG001 - with the next two the state that the table was made from
    job: int,  # noqa: ARG001
    n_events: int,  # noqa: ARG001
) -> pd.DataFrame:
    """List the candidates as of a training and a number of answers."""
    return list_candidates(store, campaign)


@st.cache_data(max_entries=16, hash_funcs=_KEYS, show_spinner=False)
def calibration(
    store: Store,
    campaign: Campaign,
    number: int,
    job: int,  # noqa: ARG001 - with the next one the state that it was made from
    n_events: int,  # noqa: ARG001
) -> str:
    """Say where the probabilities of the candidates come from."""
    iteration = store.iteration(campaign.name, number)
    return describe_confidence(find_confidence(store, campaign, iteration))


@st.cache_data(max_entries=16, hash_funcs=_KEYS, show_spinner=False)
def open_doubts(
    store: Store,
    campaign: Campaign,
    n_events: int,  # noqa: ARG001 - the state that they were found in
) -> list[str]:
    """List the doubtful answers as of a number of answers."""
    return doubts.open_doubts(store, campaign)


@st.cache_data(max_entries=2, hash_funcs=_KEYS, show_spinner="Reading what the pool says …")
def candidate_texts(
    store: Store, campaign: Campaign, number: int, job: int, n_events: int
) -> pd.Series:
    """Give what of each candidate is searched, in small letters, by its row of the pool."""
    listed = candidates(store, campaign, number, job, n_events)
    table = describe_candidates(store, campaign, listed)
    searched = (table[name] for name in ("identifier", "designation", "note", "pipeline_class"))
    texts = ["\n".join(one).lower() for one in zip(*searched, strict=True)]
    return pd.Series(texts, index=listed["row"], dtype=object)


@st.cache_data(max_entries=16, hash_funcs=_KEYS, show_spinner="Comparing the predictions …")
def migration(
    store: Store,
    campaign: Campaign,
    first: int,
    first_job: int | None,  # noqa: ARG001 - part of the key: another training predicts otherwise
    second: int,
    second_job: int | None,  # noqa: ARG001
) -> NDArray[np.int64]:
    """Count how spectra moved from class to class between two trainings."""
    one, two = (store.iteration(campaign.name, number) for number in (first, second))
    return comparison.migrate(store, campaign, one, two)
