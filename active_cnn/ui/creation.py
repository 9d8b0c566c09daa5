"""Creating campaigns: the demo at one click, or one on files of the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from active_cnn.campaign import demo
from active_cnn.campaign.campaign import DEFAULT_CLASSES, create_campaign
from active_cnn.campaign.reach import browser_folders, locate
from active_cnn.campaign.store import Store
from active_cnn.errors import CampaignError
from active_cnn.records import Grid, Line, OracleClass
from active_cnn.settings import Settings
from active_cnn.spectra.wavelength import LINES
from active_cnn.ui import identity, labelled_form
from active_cnn.ui.page import open_created
from active_cnn.ui.text import plain
from active_cnn.wording import percent


def offer_creation(store: Store) -> None:
    """Offer the demos and a form for a campaign on files of the server."""
    taken = store.campaign_names()
    left = [case for case in demo.DEMO_CASES if demo.demo_name(case) not in taken]
    if left:
        _offer_demo(store, left)
    _offer_own(store)


def _offer_demo(store: Store, cases: list[str]) -> None:
    with st.container(border=True):
        st.subheader("Demo", anchor=False)
        case = st.selectbox(
            "What is sought", cases, key="demo-case", format_func=demo.DEMO_CASES.__getitem__
        )
        targets = percent(demo.target_share(case), 1)
        st.markdown(
            f"A simulated survey of known truth: {demo.TRAINING_SIZE:,} labelled spectra and a "
            f"pool of {demo.POOL_SIZE:,}, {targets} of them targets, with "
            f"{demo.MOST_FILES:,} whole spectra. It takes some seconds; where the window is wide, "
            "half a minute."
        )
        if st.button("Make the demo", key="make-demo", type="primary"):
            with _progress("Simulating the survey") as report:
                campaign = demo.create_demo(store, case=case, progress=report)
            open_created(campaign.name)


def _offer_own(store: Store) -> None:
    grid = Grid()
    reach = browser_folders(Settings.from_environment(), identity.protection_of_server())
    labelled_form.show_made("new_training")
    with st.form("create", enter_to_submit=False):
        st.subheader("Your own campaign", anchor=False)
        name = st.text_input("Name", key="new_name", placeholder="lamost-dr2")
        training = st.text_input(
            "Training set: path of a CSV file on the server",
            key="new_training",
            help="Header: id, label and one column of flux for each wavelength of the window.",
        )
        labelled = labelled_form.ask()
        pool = st.text_input(
            "Pool: path of an HDF5 file on the server",
            key="new_pool",
            help="Made by `active-cnn ingest`. It is read where it is and never copied.",
        )
        folders = st.text_area(
            "Folders of the spectra (optional)",
            key="new_folders",
            height=68,
            help="One per line. Whole spectra are shown from files below these folders, the "
            "pool's own and the home; name those where the pool's files lie, if elsewhere.",
        )
        if reach is not None:
            below = " or ".join(plain(folder) for folder in reach)
            st.caption(f"On this server all of them have to lie below {below}.")
        columns = st.columns(4)
        start = columns[0].number_input("Window from (Å, vacuum)", value=grid.start, key="start")
        end = columns[1].number_input("to (Å, vacuum)", value=grid.end, key="end")
        n = columns[2].number_input("wavelengths", 2, 10_000, grid.n, key="n")
        seed = columns[3].number_input("Seed", 0, 2**31 - 1, 1, key="new_seed")
        left, right = st.columns([3, 2], gap="medium")
        with left:
            st.markdown("**What the oracle can say**")
            classes = st.data_editor(
                # Of objects: a new row has no value yet in the column of truth values.
                pd.DataFrame([asdict(one) for one in DEFAULT_CLASSES], dtype=object),
                num_rows="dynamic",
                hide_index=True,
                key="new_classes",
                column_config={
                    "name": st.column_config.TextColumn("answer", required=True),
                    "key": st.column_config.TextColumn(
                        "key", max_chars=1, help="One letter or digit."
                    ),
                    "network_class": st.column_config.TextColumn(
                        "trains the class", help="Empty: stored, never trained on."
                    ),
                    "is_target": st.column_config.CheckboxColumn("target", default=False),
                },
            )
        with right:
            st.markdown("**Lines to mark**")
            lines = st.data_editor(
                pd.DataFrame([asdict(line) for line in LINES]),
                num_rows="dynamic",
                hide_index=True,
                key="new_lines",
                column_config={
                    "wavelength": st.column_config.NumberColumn("Å (vacuum)", format="%.3f")
                },
            )
        is_wanted = st.form_submit_button("Create the campaign", key="create-campaign")
    if labelled.is_wanted:
        with _progress("Looking for the labelled spectra") as report:
            labelled_form.make(
                labelled,
                store,
                name.strip(),
                _path("pool", pool, reach),
                Grid(start, end, int(n)),
                read_classes(classes),
                reach,
                report,
            )
    if is_wanted:
        with _progress("Reading the pool") as report:
            campaign = create_campaign(
                store,
                name.strip(),
                labelled_form.made_path(training) or _path("training set", training, reach),
                _path("pool", pool, reach),
                grid=Grid(start, end, int(n)),
                classes=read_classes(classes),
                lines=read_lines(lines),
                seed=int(seed),
                folders=[
                    locate("folder", line.strip(), reach)
                    for line in folders.splitlines()
                    if line.strip()
                ],
                progress=report,
            )
        labelled_form.forget()
        open_created(campaign.name)


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    bar = st.progress(0.0, text=f"{what} …")

    def report(done: int, total: int) -> None:
        bar.progress(done / max(total, 1), text=f"{what}: {done:,} of {total:,} spectra")

    try:
        yield report
    finally:
        # Beside a refusal it would look as if the work went on.
        bar.empty()


def _path(what: str, text: str, reach: tuple[Path, ...] | None) -> Path:
    if not text.strip():
        raise CampaignError(f"The path of the {what} is empty: give a file on the server.")
    return locate(what, text.strip(), reach)


def read_classes(table: pd.DataFrame) -> tuple[OracleClass, ...]:
    """Turn the edited table into classes.

    Raises
    ------
    CampaignError
        If a row is no class.
    """
    classes = []
    for row in table.to_dict("records"):
        name, key = _text(row["name"]), _text(row["key"]).lower()
        is_target = row["is_target"] is True or row["is_target"] == 1
        classes.append(OracleClass(name, key, _text(row["network_class"]) or None, is_target))
    return tuple(classes)


def read_lines(table: pd.DataFrame) -> tuple[Line, ...]:
    """Turn the edited table into lines.

    Raises
    ------
    CampaignError
        If a row lacks its name or its wavelength.
    """
    lines = []
    for row in table.to_dict("records"):
        name = _text(row["name"])
        if not name or pd.isna(row["wavelength"]):
            raise CampaignError(
                f"The line {name!r} lacks its name or wavelength: fill it in, or remove its row."
            )
        lines.append(Line(name, float(row["wavelength"])))
    return tuple(lines)


def _text(value: Any) -> str:
    return "" if pd.isna(value) else str(value).strip()
