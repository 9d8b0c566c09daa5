"""Candidates: what the oracle confirmed and the network predicts, to sort, filter, download."""

import streamlit as st

from active_cnn.campaign.files import last_scored
from active_cnn.delivery.candidates import above_threshold
from active_cnn.ui import cached
from active_cnn.ui.candidate_table import (
    ask_filter,
    ask_threshold,
    describe_selection,
    offer_downloads,
    show_selected,
    show_table,
)
from active_cnn.ui.next_iteration import offer_training
from active_cnn.ui.page import page

LEAD = "Spectra that the oracle confirmed as targets, and those that the networks predict to be."

with page("Candidates", lead=LEAD) as view:
    store, campaign = view.store, view.campaign
    scored = last_scored(store, campaign.name)
    if scored is None:
        offer_training(view, "There are no candidates yet: nothing has been predicted.")
        st.stop()

    state = (store, campaign, scored.number, scored.job, len(store.answer_log(campaign.name)))
    found = cached.candidates(*state)
    if found.empty:
        st.info(
            f"Iteration {scored.number} predicts no targets, and the oracle has confirmed none. "
            "Relabel some spectra and train the next iteration."
        )
        st.stop()

    threshold = ask_threshold(campaign, found)
    said = cached.calibration(*state)
    st.caption(f"Probabilities of being a target are {said}.")
    kept = above_threshold(found, threshold, campaign)
    shown = ask_filter(kept, lambda: cached.candidate_texts(*state))
    offer_downloads(campaign, shown, scored.number, len(found), describe_selection(threshold))
    identifier = show_table(view, shown)
    show_selected(view, identifier)
