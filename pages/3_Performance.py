"""Performance: a random sample of the predicted targets, judged, gives their precision."""

import streamlit as st

from active_cnn.campaign.overview import questions
from active_cnn.records import Purpose
from active_cnn.ui.drawing import offer_performance_sample
from active_cnn.ui.labelling import judge
from active_cnn.ui.next_iteration import offer_training
from active_cnn.ui.page import page
from active_cnn.ui.precision import show_precision

LEAD = "How many of the predicted targets are right: judge a random sample of them."

with page("Performance", lead=LEAD) as view:
    iteration = view.iteration
    if iteration.result is None:
        offer_training(
            view,
            f"Iteration {iteration.number} has not been trained yet: there is nothing to measure.",
        )
        show_precision(view)
        st.stop()

    st.caption(
        f"Answers given here measure iteration {iteration.number}; they are never trained on in "
        "the iteration that they measure. They join the training set of the next one."
    )
    asked = questions(view.store, view.campaign, Purpose.PERFORMANCE)
    answers = view.store.current_answers(view.campaign.name)
    n_open = sum(one.item.identifier not in answers for one in asked)
    with st.expander("Draw a random sample", expanded=not n_open):
        offer_performance_sample(view)

    if asked:
        judge(view.campaign.name, Purpose.PERFORMANCE, show_precision)
    else:
        st.info("No sample has been drawn in this iteration yet: draw one to judge it.")
        show_precision(view)
