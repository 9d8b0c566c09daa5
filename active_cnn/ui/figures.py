"""Figures with a file for a paper; their PNG and data are in the toolbar that Streamlit gives."""

from __future__ import annotations

from functools import partial
from typing import Any

import altair as alt
import streamlit as st

from active_cnn.delivery.figures import make_svg


def show_figure(chart: alt.TopLevelMixin, key: str, place: Any = st) -> None:
    """Show a figure with its SVG to download.

    Parameters
    ----------
    chart : altair chart
        The figure.
    key : str
        Of the chart, and the name of the file.
    place : container, optional
        Where; by default below what is there.
    """
    place.altair_chart(chart, key=key)
    place.download_button(
        "SVG",
        partial(make_svg, chart.to_json()),
        file_name=f"{key}.svg",
        mime="image/svg+xml",
        key=f"svg-{key}",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
        help="The figure for a paper. PNG and the data are in its toolbar.",
    )
