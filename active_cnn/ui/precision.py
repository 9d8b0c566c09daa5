"""The measured precision: of the open iteration, and over all of them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from active_cnn.campaign.campaign import measure_precision
from active_cnn.evaluation.precision import Precision
from active_cnn.records import Purpose
from active_cnn.ui import charts
from active_cnn.ui.page import View
from active_cnn.ui.palette import class_colours
from active_cnn.ui.text import plain


def show_precision(view: View) -> None:
    """Show the precision of each class with its interval, now and over the iterations."""
    iterations = view.store.iterations(view.campaign.name)
    colours = class_colours(view.campaign.targets, view.campaign.targets)
    measured = {
        iteration.number: measure_precision(view.store, view.campaign, iteration)
        for iteration in iterations
        if iteration.result
    }
    number = iterations[-1].number
    if number in measured:
        st.subheader(f"Precision of iteration {number}", anchor=False)
        for query in view.store.queries(iterations[-1], Purpose.PERFORMANCE):
            if query.notice:
                st.info(plain(query.notice))
        left, right = st.columns([3, 2], gap="large")
        left.dataframe(
            precision_table(measured[number]),
            hide_index=True,
            placeholder="–",
            column_config={
                name: st.column_config.NumberColumn(format="percent")
                for name in ("precision", "95 % from", "95 % to")
            },
        )
        if any(one.n_judged for one in measured[number].values()):
            right.altair_chart(
                charts.precision_bars(measured[number], colours, number), key="precision"
            )
        st.caption(
            "Precision = right / (right + wrong), with the 95 % Wilson score interval. "
            "Spectra that the oracle is unsure of are left out."
        )
    judged = [n for n, one in measured.items() if any(p.n_judged for p in one.values())]
    if len(judged) > 1:
        st.subheader("Precision over the iterations", anchor=False)
        st.altair_chart(charts.precision_curve(measured, colours), key="precision-curve")


def precision_table(precision: Mapping[str, Precision]) -> pd.DataFrame:
    """Put the figures of each class into a row."""
    return pd.DataFrame(
        {
            "class": list(precision),
            "precision": [one.value for one in precision.values()],
            "95 % from": [one.low for one in precision.values()],
            "95 % to": [one.high for one in precision.values()],
            "right": [one.n_right for one in precision.values()],
            "wrong": [one.n_judged - one.n_right for one in precision.values()],
            "unsure": [one.n_unsure for one in precision.values()],
            "open": [one.n_unanswered for one in precision.values()],
            "drawn": [one.n_drawn for one in precision.values()],
        }
    )
