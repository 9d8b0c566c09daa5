"""Train: settings, launch, live progress, results, history of the iterations."""

import streamlit as st

from active_cnn.campaign import jobs
from active_cnn.ui.counts import counts_in
from active_cnn.ui.page import page
from active_cnn.ui.text import PERCENT
from active_cnn.ui.training import (
    ask_settings,
    describe_untrained,
    history_table,
    show_result,
    watch_job,
)
from active_cnn.ui.whats_next import show_next_step

with page("Train", lead="Train the network on all labels so far, and predict the pool.") as view:
    store, campaign = view.store, view.campaign
    job = jobs.refresh(store, campaign)
    iterations = store.iterations(campaign.name)
    iteration = iterations[-1]
    is_active = bool(job and job.state.is_active)

    if job and job.iteration == iteration.number:
        watch_job(campaign, job)

    if not is_active:
        if iteration.result is None:
            st.info(describe_untrained(view, iteration))
        with st.expander(
            f"Settings of the training of iteration {iteration.number}",
            expanded=iteration.result is None,
        ):
            settings = ask_settings(iteration)
            if iteration.result:
                st.caption(
                    "Training it again replaces its predictions. Answers stay; queries that were "
                    "drawn from the old predictions no longer count."
                )
            label = "Train again" if iteration.result else "Train"
            if st.button(label, key="train", type="primary"):
                jobs.start_training(store, campaign, settings)
                st.rerun()

    if iteration.result:
        if not is_active and not iteration.result.failure:
            show_next_step(view)
        show_result(campaign, iteration, iteration.result)
    if len(iterations) > 1 or iteration.result:
        st.subheader("History", anchor=False)
        history = history_table(campaign, iterations, store.current_answers(campaign.name))
        st.dataframe(
            history,
            hide_index=True,
            placeholder="–",
            column_config={
                **counts_in(history),
                "best loss": st.column_config.NumberColumn(format="%.4g"),
                "hold-out accuracy": st.column_config.NumberColumn(format=PERCENT),
            },
        )
