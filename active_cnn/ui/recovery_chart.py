"""The map of planted lines that are found again: cells in, Altair chart out; no reading."""

from __future__ import annotations

import altair as alt
import pandas as pd

from active_cnn.ui.palette import GREY

# Of one hue, from pale to dark: the same for every eye, and in print.
_LOW, _HIGH = "#e3edf3", "#0b4f75"


def recovery_map(cells: pd.DataFrame, x_title: str, y_title: str) -> alt.LayerChart:
    """Draw the share that is found again by two properties, on logarithmic axes.

    Parameters
    ----------
    cells : pandas.DataFrame
        Of `map_recovery`; cells with too few lines are grey.
    x_title, y_title : str
        What the axes show.
    """
    scale = alt.Scale(type="log", nice=False)
    axis = alt.Axis(format="~g", tickCount=6, grid=False)
    base = alt.Chart(cells).encode(
        x=alt.X("x_from:Q", title=x_title, scale=scale, axis=axis),
        x2="x_to:Q",
        y=alt.Y("y_from:Q", title=y_title, scale=scale, axis=axis),
        y2="y_to:Q",
        tooltip=[
            alt.Tooltip("share:Q", title="found again", format=".0%"),
            alt.Tooltip("low:Q", title="95 % from", format=".0%"),
            alt.Tooltip("high:Q", title="95 % to", format=".0%"),
            alt.Tooltip("n_found:Q", title="found"),
            alt.Tooltip("n:Q", title="planted"),
        ],
    )
    unknown = base.transform_filter("!isValid(datum.share)").mark_rect(
        color=GREY, opacity=0.25, stroke="#ffffff"
    )
    known = (
        base.transform_filter("isValid(datum.share)")
        .mark_rect(stroke="#ffffff", strokeWidth=0.5)
        .encode(
            color=alt.Color(
                "share:Q",
                title="found again",
                scale=alt.Scale(domain=[0, 1], range=[_LOW, _HIGH]),
                legend=alt.Legend(format=".0%", gradientLength=220),
            )
        )
    )
    return (unknown + known).properties(height=360)
