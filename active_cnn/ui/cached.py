"""Reads whose result never changes, kept between runs.

Whatever a result depends on is an argument and so part of its key; the answers of an open
iteration are represented by the number of events in their log.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from active_cnn.campaign import overview
from active_cnn.campaign.files import open_pool
from active_cnn.campaign.overview import Gallery, Histogram, Preparation
from active_cnn.campaign.overview import View as SpectrumView
from active_cnn.campaign.store import Store
from active_cnn.campaign.training_data import read_initial_set
from active_cnn.delivery.candidates import find_candidates
from active_cnn.records import Campaign, Grid, Spectrum
from active_cnn.spectra.training_set import TrainingSet

MOST_REFUSED = 1000

# A store is its folder; a campaign is not another one of the same name that was there before.
_KEYS: dict[Any, Any] = {
    Store: lambda store: str(store.home.resolve()),
    Campaign: lambda campaign: (campaign.name, campaign.created_at),
    Grid: str,
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


@st.cache_data(max_entries=32, hash_funcs=_KEYS, show_spinner=False)
def spectra(
    store: Store, campaign: Campaign, identifiers: tuple[str, ...]
) -> tuple[SpectrumView, ...]:
    """Look at some spectra of the pool, in the order asked."""
    return overview.view_spectra(store, campaign, identifiers)


def whole(path: str) -> Spectrum:
    """Read the file of a spectrum, anew when the file has changed."""
    return _whole(path, _changed_at(path))


@st.cache_data(max_entries=64, show_spinner=False)
def _whole(path: str, changed_at: int) -> Spectrum:  # noqa: ARG001 - part of the key
    return overview.read_whole(path)


def preparation(path: str, grid: Grid) -> Preparation:
    """Prepare the file of a spectrum, anew when the file has changed."""
    return _preparation(path, grid, _changed_at(path))


@st.cache_data(max_entries=16, hash_funcs=_KEYS, show_spinner=False)
def _preparation(path: str, grid: Grid, changed_at: int) -> Preparation:  # noqa: ARG001
    return overview.prepare_file(Path(path), grid)


def _changed_at(path: str) -> int:
    # A missing file is the reader's to explain.
    return Path(path).stat().st_mtime_ns if Path(path).is_file() else 0


@st.cache_data(max_entries=2, hash_funcs=_KEYS, show_spinner="Listing the candidates …")
def candidates(
    store: Store,
    campaign: Campaign,
    number: int,  # noqa: ARG001 - with the next two the state that the table was made from
    job: int,  # noqa: ARG001
    n_events: int,  # noqa: ARG001
) -> pd.DataFrame:
    """List the candidates as of a training and a number of answers."""
    return find_candidates(store, campaign)
