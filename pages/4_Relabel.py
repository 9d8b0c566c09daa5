"""Relabel: ask the oracle about the spectra that teach the network most, then go on."""

import streamlit as st

from active_cnn.campaign.labelling import Task, asking_iteration
from active_cnn.ui import cached
from active_cnn.ui.drawing import offer_named_question, offer_relabel_query
from active_cnn.ui.labelling import judge, show_list
from active_cnn.ui.next_iteration import offer_next_iteration, offer_training
from active_cnn.ui.page import page
from active_cnn.ui.stopping import show_stopping

LEAD = "Say what the chosen spectra are; the answers train the next iteration's network."

with page("Relabel", lead=LEAD, signs=True) as view:
    iteration = view.iteration
    asking = asking_iteration(view.store, view.campaign, Task.RELABEL)
    if asking is None:
        offer_training(
            view,
            f"Iteration {iteration.number} has not been trained yet: there are no predictions to "
            "choose spectra by.",
        )
        st.stop()
    if asking.number != iteration.number:
        offer_training(
            view,
            f"Iteration {iteration.number} has not been trained yet. You can go on labelling by "
            f"the predictions of iteration {asking.number}: these answers join the training set "
            f"of iteration {iteration.number + 1}.",
        )

    desk = cached.desk(view.store, view.campaign, Task.RELABEL)
    if desk.questions:
        judge(view, Task.RELABEL)
        show_list(view, desk)
    else:
        st.info("No spectra have been drawn in this iteration yet: draw some to label them.")
    with st.expander("Draw spectra to ask about", expanded=not desk.questions):
        offer_relabel_query(view)
    with st.expander("Ask about a spectrum of your own choice, or more like it"):
        offer_named_question(view)
    show_stopping(view)
    if iteration.result:
        offer_next_iteration(view)
