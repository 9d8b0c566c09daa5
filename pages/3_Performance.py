"""Performance: how pure and how complete the predictions are, by random samples that are judged."""

import streamlit as st

from active_cnn.campaign.labelling import Task
from active_cnn.ui import cached
from active_cnn.ui.completeness import show_completeness
from active_cnn.ui.drawing import offer_performance_sample
from active_cnn.ui.iterations import show_iterations
from active_cnn.ui.labelling import judge, show_list
from active_cnn.ui.next_iteration import offer_training
from active_cnn.ui.page import View, choose_section, page
from active_cnn.ui.planted import show_planted
from active_cnn.ui.precision import show_precision, show_precision_curve
from active_cnn.ui.reliability import show_reliability
from active_cnn.ui.stopping import show_stopping

LEAD = "How pure and how complete the predictions are: judge random samples of them."


def show_purity(view: View) -> None:
    desk = cached.desk(view.store, view.campaign, Task.PERFORMANCE)
    if desk.questions:
        judge(view, Task.PERFORMANCE)
        show_list(view, desk)
    else:
        st.info("No sample has been drawn in this iteration yet: draw one to judge it.")
    st.caption(
        f"Answers given here measure iteration {view.iteration.number}; they are never trained on "
        "in the iteration that they measure. They join the training set of the next one."
    )
    with st.expander("Draw a random sample", expanded=not desk.questions):
        offer_performance_sample(view)
    show_precision(view)
    show_reliability(view)


SECTIONS = {
    "Precision": show_purity,
    "Completeness": show_completeness,
    "Planted lines": show_planted,
    "Iterations": show_iterations,
}

with page("Performance", lead=LEAD, signs=True) as view:
    if view.iteration.result is None:
        offer_training(
            view,
            f"Iteration {view.iteration.number} has not been trained yet: there is nothing to "
            "measure.",
        )
        show_precision_curve(view)
        st.stop()
    # A search by bands, or by nothing that can be named, has no lines that could be planted.
    sections = dict(SECTIONS)
    if not view.campaign.search.fixed_lines:
        del sections["Planted lines"]
    sections[choose_section(sections)](view)
    show_stopping(view)
