"""Home: the campaigns at a glance, and what to do next in each."""

import pandas as pd
import streamlit as st

from active_cnn.campaign.overview import next_step
from active_cnn.ui.page import OVERVIEW, STEPS, bare_page, choose_campaign, describe_state, link
from active_cnn.ui.text import plain

with bare_page("Campaigns", lead="Find rare objects with active deep learning.") as store:
    chosen = choose_campaign(store)
    rows = []
    for name in store.campaign_names():
        campaign = store.campaign(name)
        iteration = store.iteration(name)
        state = describe_state(store, campaign, iteration)
        predicted = iteration.result.predicted_counts if iteration.result else {}
        rows.append(
            {
                "campaign": name,
                "iteration": iteration.number,
                "state": state,
                "answers": len(store.current_answers(name)),
                "predicted targets": sum(predicted[t] for t in campaign.targets)
                if predicted
                else None,
                "created": pd.Timestamp(campaign.created_at),
            }
        )

    if chosen is None:
        st.markdown(
            "There is no campaign here yet.\n\n"
            "* **To try the product**, make the demo: a simulated survey with known answers.\n"
            "* **For a search of your own** you need a training set (CSV of labelled windows) and "
            "a pool (HDF5). `active-cnn ingest SOURCE… --out pool.h5` makes a pool from FITS files."
        )
        link(OVERVIEW, "Make the demo, or create a campaign")
    else:
        st.dataframe(
            pd.DataFrame(rows),
            hide_index=True,
            placeholder="–",
            column_config={
                "created": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
            },
        )
        for row in rows:
            campaign = store.campaign(row["campaign"])
            path, label = STEPS[next_step(store, campaign)]
            with st.container(border=True):
                st.markdown(f"**{plain(campaign.name)}**, iteration {row['iteration']}")
                link(path, f"Next: {label[0].lower()}{label[1:]}", campaign)
                link(OVERVIEW, "Overview", campaign)
