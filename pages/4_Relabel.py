"""Relabel: ask the oracle about the spectra that teach the network most, then go on."""

import streamlit as st

from active_cnn.campaign.overview import questions
from active_cnn.records import Purpose
from active_cnn.ui.drawing import offer_relabel_query
from active_cnn.ui.labelling import judge
from active_cnn.ui.next_iteration import offer_next_iteration, offer_training
from active_cnn.ui.page import page

LEAD = "Say what the chosen spectra are; the answers train the next iteration's network."

with page("Relabel", lead=LEAD) as view:
    iteration = view.iteration
    if iteration.result is None:
        offer_training(
            view,
            f"Iteration {iteration.number} has not been trained yet: there are no predictions to "
            "choose spectra by.",
        )
        st.stop()

    asked = questions(view.store, view.campaign, Purpose.RELABEL)
    answers = view.store.current_answers(view.campaign.name)
    n_open = sum(one.item.identifier not in answers for one in asked)
    with st.expander("Draw spectra to ask about", expanded=not n_open):
        offer_relabel_query(view)

    if asked:
        judge(view.campaign.name, Purpose.RELABEL, offer_next_iteration)
    else:
        st.info("No spectra have been drawn in this iteration yet: draw some to label them.")
        offer_next_iteration(view)
