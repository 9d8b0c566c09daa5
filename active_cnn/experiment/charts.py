"""Learning curves, drawn."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

TITLES = {
    "precision": "precision of the candidates",
    "recall": "recall of the candidates",
    "average_precision": "average precision of the ranking",
    "share_found": "share of the labels that are finds",
}
# Okabe & Ito: told apart by people who do not see all colours.
_COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#999933",
)  # fmt: skip


def learning_curve(curves: pd.DataFrame, measure: str, arms: Sequence[str]) -> alt.LayerChart:
    """Draw how a measure grows with the labels, arm by arm.

    Parameters
    ----------
    curves : DataFrame
        Of `learning_curves`.
    measure : str
        Which of its measures.
    arms : sequence of str
        In the order of the legend.
    """
    data = curves[curves["measure"] == measure].drop(columns="measure")
    colour = alt.Color(
        "arm:N",
        title=None,
        sort=list(arms),
        scale=alt.Scale(
            domain=list(arms), range=[_COLOURS[n % len(_COLOURS)] for n in range(len(arms))]
        ),
        legend=alt.Legend(orient="right", symbolType="stroke", symbolStrokeWidth=3),
    )
    base = alt.Chart(data).encode(
        x=alt.X("labels:Q", title="spectra that were labelled"), color=colour
    )
    band = base.mark_area(opacity=0.15).encode(
        y=alt.Y("low:Q", title=TITLES.get(measure, measure), scale=alt.Scale(zero=False)),
        y2="high:Q",
    )
    line = base.mark_line(point=True).encode(
        y="mean:Q",
        strokeDash=alt.StrokeDash("arm:N", sort=list(arms), legend=None),
        tooltip=[
            "arm",
            "labels",
            alt.Tooltip("mean:Q", format=".3f"),
            alt.Tooltip("low:Q", format=".3f"),
            alt.Tooltip("high:Q", format=".3f"),
            alt.Tooltip("n:Q", title="seeds"),
        ],
    )
    return (band + line).properties(width=560, height=320)


def all_curves(curves: pd.DataFrame, arms: Sequence[str]) -> alt.VConcatChart:
    """Draw all measures, one below the other."""
    present = [name for name in TITLES if (curves["measure"] == name).any()]
    return alt.vconcat(*(learning_curve(curves, name, arms) for name in present))
