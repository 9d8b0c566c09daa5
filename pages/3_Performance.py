"""Performance: a random sample of the predicted targets, judged, gives their precision."""

import streamlit as st

from active_cnn.campaign.labelling import Task
from active_cnn.ui import cached
from active_cnn.ui.drawing import offer_performance_sample
from active_cnn.ui.labelling import judge, show_list
from active_cnn.ui.next_iteration import offer_training
from active_cnn.ui.page import page
from active_cnn.ui.precision import show_precision
from active_cnn.ui.reliability import show_reliability

LEAD = "How many of the predicted targets are right: judge a random sample of them."

with page("Performance", lead=LEAD, signs=True) as view:
    iteration = view.iteration
    if iteration.result is None:
        offer_training(
            view,
            f"Iteration {iteration.number} has not been trained yet: there is nothing to measure.",
        )
        show_precision(view)
        st.stop()

    desk = cached.desk(view.store, view.campaign, Task.PERFORMANCE)
    if desk.questions:
        judge(view, Task.PERFORMANCE)
        show_list(view, desk)
    else:
        st.info("No sample has been drawn in this iteration yet: draw one to judge it.")
    st.caption(
        f"Answers given here measure iteration {iteration.number}; they are never trained on in "
        "the iteration that they measure. They join the training set of the next one."
    )
    with st.expander("Draw a random sample", expanded=not desk.questions):
        offer_performance_sample(view)
    show_precision(view)
    show_reliability(view)
