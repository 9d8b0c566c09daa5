"""The campaigns of a home at a glance, each with what to do next."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from active_cnn.campaign.overview import next_step
from active_cnn.campaign.store import Store
from active_cnn.ui.page import OVERVIEW, STEPS, describe_state, link
from active_cnn.ui.text import plain


def campaign_table(store: Store) -> pd.DataFrame:
    """List the campaigns, the newest first."""
    rows = []
    for name in store.campaign_names():
        campaign = store.campaign(name)
        iteration = store.iteration(name)
        result = iteration.result
        rows.append(
            {
                "campaign": name,
                "iteration": iteration.number,
                "state": describe_state(store, campaign, iteration),
                "answers": len(store.current_answers(name)),
                "predicted targets": sum(result.predicted_counts[t] for t in campaign.targets)
                if result
                else None,
                "created": pd.Timestamp(campaign.created_at),
            }
        )
    return pd.DataFrame(rows)


def show_campaigns(store: Store) -> None:
    """Show the list, and for each campaign the way to its next step."""
    table = campaign_table(store)
    st.dataframe(
        table,
        hide_index=True,
        placeholder="–",
        column_config={
            "answers": st.column_config.NumberColumn(format="localized"),
            "predicted targets": st.column_config.NumberColumn(format="localized"),
            "created": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
        },
    )
    for name in table["campaign"]:
        campaign = store.campaign(name)
        path, label = STEPS[next_step(store, campaign)]
        with st.container(border=True):
            st.markdown(f"**{plain(name)}**, iteration {store.iteration(name).number}")
            link(path, f"Next: {label[0].lower()}{label[1:]}", campaign)
            link(OVERVIEW, "Overview", campaign)
    link(OVERVIEW, "Begin another campaign", section="New campaign")


def show_first_steps() -> None:
    """Say how to get a first campaign."""
    st.markdown(
        "There is no campaign here yet.\n\n"
        "* **To try the product**, make the demo: a simulated survey with known answers.\n"
        "* **For a search of your own** you need a training set (CSV of labelled windows) and "
        "a pool (HDF5). `active-cnn ingest SOURCE… --out pool.h5` makes a pool from FITS files."
    )
    link(OVERVIEW, "Make the demo, or create a campaign")
