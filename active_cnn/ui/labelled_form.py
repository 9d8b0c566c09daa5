"""The part of the form for a new campaign that makes a training set of spectra and their labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from active_cnn.campaign.creation import check_new_name, make_folder
from active_cnn.campaign.reach import locate, locate_sources, reader_of
from active_cnn.campaign.store import Store
from active_cnn.errors import CampaignError
from active_cnn.grid import Grid
from active_cnn.records import OracleClass
from active_cnn.spectra.label_matching import RADIUS
from active_cnn.spectra.label_table import read_columns
from active_cnn.spectra.labelled import build_training_csv, refused_beside
from active_cnn.spectra.naming import NAME
from active_cnn.spectra.pool_terms import read_stated, read_terms
from active_cnn.spreadsheet import rearm
from active_cnn.ui.text import plain

FILE = "training-set.csv"  # in the folder of the campaign
MOST_SHOWN = 100  # rows that were refused

_MADE, _IS_NEW = "made-training", "made-training-is-new"


@dataclass(frozen=True)
class Labelled:
    """What the form says: texts as they were typed."""

    table: str
    sources: str
    identifier: str
    columns: str
    radius: float
    is_wanted: bool


@dataclass(frozen=True)
class _Made:
    path: Path
    said: tuple[str, ...]
    refused: pd.DataFrame


def ask() -> Labelled:
    """Ask for a table of labels and for spectra, in a form of its own."""
    with (
        st.expander("No such file? Make it of spectra and a table of their labels"),
        st.form("make-of-labels", enter_to_submit=False, border=False),
    ):
        table = st.text_input(
            "Table of labels: path on the server",
            key="new_labels",
            help="CSV, FITS, VOTable or ECSV with a label a row, and a path, an identifier, or RA "
            "and Dec (docs/formats.md).",
        )
        sources = st.text_area(
            "Spectra: files, folders or pools on the server",
            key="new_sources",
            height=68,
            help="One per line. Folders are searched at every depth.",
        )
        left, middle, right = st.columns(3)
        identifier = left.text_input(
            "Files are called by",
            NAME,
            key="new_identifier",
            help="name, path or header:CARD, such as header:OBSID",
        )
        columns = middle.text_input(
            "Columns, if not called as usual",
            key="new_columns",
            placeholder="label=SpType, identifier=Star",
        )
        radius = right.number_input(
            "Radius of a position (arcsec)", 0.1, 3600.0, RADIUS, key="new_radius"
        )
        is_wanted = st.form_submit_button("Make the training set", key="make-training")
    return Labelled(table, sources, identifier, columns, radius, is_wanted)


def make(
    asked: Labelled,
    store: Store,
    name: str,
    pool: Path,
    grid: Grid | None,
    classes: Sequence[OracleClass] | None,
    reach: tuple[Path, ...] | None,
    progress: Callable[[int, int], None],
) -> None:
    """Make the training set in the folder of the campaign to be, and run the page again.

    Without a grid it is on that of the pool, or on the default one where the pool does not tell
    its own; without classes all labels are taken.

    Raises
    ------
    ActiveCnnError
        If something in the form cannot be used, or no spectrum can.
    """
    check_new_name(store, name)
    if not asked.table.strip():
        raise CampaignError("The path of the table of labels is empty: give a file on the server.")
    labels = locate("table of labels", asked.table.strip(), reach)
    sources = locate_sources(asked.sources, reach)
    grid, resolution = read_terms(pool, grid or read_stated(pool)[0] or Grid())
    with _folder(store, name) as folder:
        out = folder / FILE
        report = build_training_csv(
            labels,
            sources,
            out,
            grid=grid,
            resolution=resolution,
            identifier=asked.identifier,
            columns=read_columns(one.strip() for one in asked.columns.split(",") if one.strip()),
            known_labels=None
            if classes is None
            else [one.name for one in classes if one.network_class],
            radius=asked.radius,
            may_read=reader_of(reach),
            progress=lambda _, done, total: progress(done, total),
        )
    refused = pd.read_csv(refused_beside(out), dtype=str, nrows=MOST_SHOWN, keep_default_na=False)
    st.session_state[_MADE] = _Made(out, tuple(report.describe()), refused.map(rearm))
    st.session_state[_IS_NEW] = True
    st.rerun()


@contextmanager
def _folder(store: Store, name: str) -> Iterator[Path]:
    """Make the folder of a campaign to be, which is gone again if nothing comes into it."""
    folder = make_folder(store, name)
    try:
        yield folder.resolve()
    finally:
        with suppress(OSError):
            folder.rmdir()


def show_made(key: str) -> None:
    """Show what was made last, and name it in the field of the training set.

    Parameters
    ----------
    key : str
        Of that field, which has not been drawn yet in this run.
    """
    made: _Made | None = st.session_state.get(_MADE)
    if made is None:
        return
    if st.session_state.pop(_IS_NEW, False):
        st.session_state[key] = str(made.path)
    with st.container(border=True):
        st.success(f"The training set is {plain(made.path)}.")
        st.markdown("  \n".join(map(plain, made.said)))
        if len(made.refused):
            st.dataframe(made.refused, hide_index=True, height=240)
            st.caption(
                f"What was refused, at most {MOST_SHOWN} rows of it; all of it is in "
                f"{plain(refused_beside(made.path))}."
            )


def made_path(text: str) -> Path | None:
    """Give the file that was made if this is its path, wherever the home lies; else None."""
    made: _Made | None = st.session_state.get(_MADE)
    return made.path if made and text.strip() == str(made.path) else None


def forget() -> None:
    """Show it no more."""
    st.session_state.pop(_MADE, None)
