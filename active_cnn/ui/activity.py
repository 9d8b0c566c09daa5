"""Who has done what and when, and how far the queries are."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from active_cnn.campaign.team import PersonalActivity, QueryProgress, activity, query_progress
from active_cnn.evaluation.proportions import percentage
from active_cnn.ui import agreement_charts
from active_cnn.ui.counts import counts_in
from active_cnn.ui.page import RELABEL, View, link
from active_cnn.ui.text import PERCENT, moments


def show_activity(view: View) -> None:
    """Show how far the queries are, and what each person has done when."""
    st.subheader("Progress", anchor=False)
    progress = query_progress(view.store, view.campaign)
    if progress:
        _show_progress(progress, view.store.sharing(view.campaign.name).n_wanted)
    else:
        st.info("No spectra have been drawn in this iteration yet: there is nothing to judge.")
        link(RELABEL, "Draw spectra", view.campaign)
    st.subheader("People", anchor=False)
    done = activity(view.store, view.campaign)
    if not done.people:
        st.info("Nobody has answered yet.")
        return
    if not done.hourly.empty:
        st.altair_chart(agreement_charts.activity_bars(done.hourly), key="activity")
    if done.n_undated:
        st.caption(
            f"Answers with a time that no clock can have shown, before 1970 or still to come, are "
            f"counted below but are in no bar: {done.n_undated:,}."
        )
    figure, moment = st.column_config.NumberColumn, st.column_config.DatetimeColumn
    st.dataframe(
        people_table(done.people),
        hide_index=True,
        placeholder="–",
        column_config={
            "answers": figure(
                help="Spectra on which this person's latest word stands.", format="localized"
            ),
            "events": figure(
                help="All that was stored, with corrections and undone answers.",
                format="localized",
            ),
            "undone": figure(format="localized"),
            "seconds per answer": figure(help="Median.", format="%.1f"),
            "first (UTC)": moment(format="YYYY-MM-DD HH:mm", timezone="UTC"),
            "last (UTC)": moment(format="YYYY-MM-DD HH:mm", timezone="UTC"),
        },
    )


def _show_progress(progress: Sequence[QueryProgress], n_wanted: int) -> None:
    table = progress_table(progress)
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            **counts_in(table),
            "progress": st.column_config.ProgressColumn(
                format=PERCENT, min_value=0.0, max_value=100.0
            ),
        },
    )
    people = "one person has" if n_wanted == 1 else f"{n_wanted} people have"
    st.caption(
        f"A spectrum is answered when {people} judged it, or when it has been settled. "
        "Disagreeing: answers differ, and nobody has settled it."
    )


def progress_table(progress: Sequence[QueryProgress]) -> pd.DataFrame:
    """Put each query into a row."""
    return pd.DataFrame(
        {
            "query": [one.query.number for one in progress],
            "iteration": [one.query.iteration for one in progress],
            "purpose": [one.query.purpose.value for one in progress],
            "strategy": [one.query.strategy for one in progress],
            "asked": [one.n_asked for one in progress],
            "answered": [one.n_answered for one in progress],
            "open": [one.n_open for one in progress],
            "disagreeing": [one.n_disagreeing for one in progress],
            "progress": [percentage(one.n_answered / one.n_asked, one.n_asked) for one in progress],
        }
    )


def people_table(people: Sequence[PersonalActivity]) -> pd.DataFrame:
    """Put what each person has done into a row."""
    return pd.DataFrame(
        {
            "person": [one.oracle for one in people],
            "answers": [one.n_standing for one in people],
            "events": [one.n_events for one in people],
            "undone": [one.n_undone for one in people],
            "seconds per answer": pd.array([one.median_seconds for one in people], "Float64"),
            "first (UTC)": moments([one.first for one in people]),
            "last (UTC)": moments([one.last for one in people]),
        }
    )
