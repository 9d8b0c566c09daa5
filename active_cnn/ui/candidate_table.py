"""The table of candidates on the page: threshold, filters, downloads, the selected spectrum."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import partial

import pandas as pd
import streamlit as st

from active_cnn.campaign.confidence import THRESHOLD
from active_cnn.campaign.files import last_scored
from active_cnn.campaign.overview import predicted_probabilities
from active_cnn.delivery.candidates import (
    ORACLE,
    above_threshold,
    describe_candidates,
    describe_threshold,
)
from active_cnn.delivery.columns import CALIBRATED, RULE, probability_columns
from active_cnn.delivery.files import make_file
from active_cnn.records import Campaign
from active_cnn.settings import Settings
from active_cnn.ui import cached
from active_cnn.ui.drawing import offer_questions_about
from active_cnn.ui.page import OVERVIEW, View, link, rows_of_numbers
from active_cnn.ui.paging import page_of
from active_cnn.ui.spectrum_view import show_metadata, show_probabilities, show_spectrum
from active_cnn.ui.text import plain
from active_cnn.wording import one_or_many

DOWNLOADS = {
    "CSV": (".csv", "text/csv"),
    "FITS": (".fits", "application/fits"),
    "VOTable": (".vot", "application/x-votable+xml"),
}
# By which column the table is sorted, and whether that rises: the browser, which has one page of
# it, could not sort the whole.
ORDERS: dict[str, tuple[str, bool] | None] = {
    "most probable first": None,
    "least certain first": ("entropy", False),
    "highest S/N first": ("snr_r", False),
    "lowest S/N first": ("snr_r", True),
}


def ask_threshold(campaign: Campaign, found: pd.DataFrame) -> float:
    """Ask for the lowest probability, and say how many of each class remain."""
    threshold = st.slider(
        "Lowest probability of a predicted candidate (confirmed ones always stay)",
        0.0,
        1.0,
        THRESHOLD,
        0.01,
        key="threshold",
        bind="query-params",
        help="Of being a target, by the newest three networks together and calibrated by your "
        "answers; by the newest network alone as long as there are too few of them.",
    )
    kept = above_threshold(found, threshold, campaign)
    confirmed = int((kept["source"] == ORACLE).sum())
    rows_of_numbers(
        *(
            (name, f"{(kept['label'] == name).sum():,} of {(found['label'] == name).sum():,}")
            for name in campaign.targets
        ),
        ("Confirmed by the oracle", f"{confirmed:,}"),
    )
    return threshold


def ask_filter(candidates: pd.DataFrame, texts: Callable[[], pd.Series]) -> pd.DataFrame:
    """Ask what to show in which order, and keep that.

    Parameters
    ----------
    candidates : pandas.DataFrame
        From `list_candidates`.
    texts : callable
        Gives what is searched, by row of the pool; it is called when something is searched for.

    Returns
    -------
    pandas.DataFrame
    """
    first, second, third, fourth, fifth = st.columns([2, 2, 3, 2, 2.4])
    label = first.selectbox("Label", ["all", *sorted(candidates["label"].unique())], key="label")
    source = second.selectbox(
        "Source", ["all", *sorted(candidates["source"].unique())], key="source"
    )
    text = third.text_input("Search", key="search", placeholder="identifier, object, note, class")
    lowest = fourth.number_input(
        "Lowest S/N in r", 0.0, None, 0.0, key="lowest_snr", help="0: unknown S/N is shown too."
    )
    order = ORDERS[fifth.selectbox("Order", list(ORDERS), key="order")]
    shown = pd.Series(data=True, index=candidates.index)
    if label != "all":
        shown &= candidates["label"] == label
    if source != "all":
        shown &= candidates["source"] == source
    if lowest > 0:
        shown &= candidates["snr_r"] >= lowest
    kept = candidates[shown]
    wanted = text.strip().lower()
    if wanted:
        kept = kept[[wanted in one for one in texts().loc[kept["row"]]]]
    if order:
        kept = kept.sort_values(order[0], ascending=order[1], kind="stable")
    return kept.reset_index(drop=True)


def describe_selection(threshold: float) -> str:
    """Say in words what the threshold and the filters leave."""
    state = st.session_state
    text = str(state["search"]).strip()
    filters = [
        f"label {state['label']}" if state["label"] != "all" else "",
        f"source {state['source']}" if state["source"] != "all" else "",
        f"containing {text!r}" if text else "",
        f"S/N in r {state['lowest_snr']:g} at least" if state["lowest_snr"] else "",
    ]
    return "; ".join([describe_threshold(threshold), *filter(None, filters)])


def offer_downloads(
    campaign: Campaign, shown: pd.DataFrame, iteration: int, n: int, selection: str
) -> None:
    """Offer what is shown as files, which say that it is this selection."""
    with st.container(horizontal=True, vertical_alignment="center"):
        are_shown = one_or_many(n, "candidate is", "candidates are")
        st.caption(f"{len(shown):,} of {n:,} {are_shown} shown; downloads hold these.")
        for name, (ending, mime) in DOWNLOADS.items():
            st.download_button(
                f"Download {name}",
                # Made when it is asked for, and not at every run.
                partial(
                    make_file,
                    Settings.from_environment().home,
                    campaign,
                    shown,
                    ending,
                    selection,
                ),
                file_name=f"{campaign.name}-iteration-{iteration:03d}-candidates{ending}",
                mime=mime,
                key=f"download-{name}",
                on_click="ignore",
                disabled=shown.empty,
            )


def show_table(view: View, shown: pd.DataFrame) -> str | None:
    """Show the table; give the identifier of the row that is selected or that the URL names."""
    if shown.empty:
        st.info("No candidate passes these filters: lower the threshold or clear a filter.")
        return None
    with page_of(len(shown), "candidates") as rows:
        page = describe_candidates(view.store, view.campaign, shown.iloc[rows])
        chosen = _select_row(page, view.campaign)
    if chosen is not None and chosen < len(page):
        st.query_params["identifier"] = page["identifier"].iloc[chosen]
    return st.query_params.get("identifier")


def _select_row(page: pd.DataFrame, campaign: Campaign) -> int | None:
    # A selection is a row number: it must not outlive the rows that it was made among.
    rows_shown = zlib.crc32("\n".join(page["identifier"]).encode())
    number = st.column_config.NumberColumn
    selected = st.dataframe(
        page,
        key=f"candidates-{rows_shown}",
        hide_index=True,
        height=360,
        placeholder="–",
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "identifier": st.column_config.TextColumn(pinned=True),
            "ra": number("RA (°)", format="%.5f"),
            "dec": number("Dec (°)", format="%.5f"),
            **{
                column: number(f"p {name}", format="%.3f")
                for name, column in probability_columns(campaign.network_classes).items()
            },
            CALIBRATED: number(
                "p calibrated",
                format="%.3f",
                help="Probability of being a target, by the answers the network was not taught.",
            ),
            "entropy": number("entropy (nats)", format="%.3f"),
            RULE: number(
                "rule (σ)",
                format="%.1f",
                help=f"The simple rule calls {campaign.search.describe_rule()}.",
            ),
            "snr_r": number("S/N r", format="%.1f"),
        },
    )
    rows: list[int] = selected["selection"]["rows"]
    return rows[0] if rows else None


def show_selected(view: View, identifier: str | None) -> None:
    """Show the spectrum of one candidate."""
    if identifier is None:
        st.caption("Select a row to see its spectrum.")
        return
    store, campaign = view.store, view.campaign
    spectrum = cached.spectra(store, campaign, (identifier,))[0]
    scored = last_scored(store, campaign.name)
    st.subheader(plain(identifier), anchor=False)
    left, right = st.columns([3, 1.2], gap="medium")
    with left:
        show_spectrum(store, campaign, spectrum, "candidate")
    with right:
        if scored:
            st.markdown(f"**Predicted by iteration {scored.number}**")
            probabilities = predicted_probabilities(store, campaign, scored.number, identifier)
            show_probabilities(campaign, probabilities, "candidate-probabilities")
        show_metadata(spectrum)
        link(OVERVIEW, "How it was prepared", campaign, identifier=identifier)
        offer_questions_about(view, identifier)
