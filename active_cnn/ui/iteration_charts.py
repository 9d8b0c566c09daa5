"""Charts of what changes from iteration to iteration: data in, Altair chart out; no reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from active_cnn.evaluation.completeness import Completeness
from active_cnn.ui.palette import BLUE, ORANGE, SPECTRUM


def recall_curve(by_iteration: Mapping[int, Completeness]) -> alt.LayerChart:
    """Draw the audited recall of each iteration with its interval."""
    data = pd.DataFrame(
        [
            {"iteration": number, "recall": one.recall, "low": one.low, "high": one.high}
            for number, one in by_iteration.items()
        ]
    )
    scale = alt.Scale(domain=[0, 1])
    base = alt.Chart(data).encode(
        x=alt.X("iteration:O", axis=alt.Axis(labelAngle=0)),
        tooltip=[
            "iteration",
            alt.Tooltip("recall:Q", format=".0%"),
            alt.Tooltip("low:Q", title="95 % from", format=".0%"),
            alt.Tooltip("high:Q", title="95 % to", format=".0%"),
        ],
    )
    rules = base.mark_rule(strokeWidth=2, color=BLUE).encode(
        y=alt.Y("low:Q", scale=scale, title="recall", axis=alt.Axis(format="%")), y2="high:Q"
    )
    points = base.mark_point(filled=True, size=70, opacity=1, color=BLUE).encode(
        y=alt.Y("recall:Q", scale=scale)
    )
    return (rules + points).properties(height=240)


def agreement_curve(by_pair: Mapping[str, float], goal: float) -> alt.LayerChart:
    """Draw Cohen's kappa of successive networks, and the goal."""
    data = pd.DataFrame({"pair": list(by_pair), "kappa": list(by_pair.values())})
    line = (
        alt.Chart(data)
        .mark_line(point=alt.OverlayMarkDef(size=60), color=SPECTRUM)
        .encode(
            x=alt.X("pair:O", title="iterations", sort=None, axis=alt.Axis(labelAngle=0)),
            y=alt.Y("kappa:Q", title="κ of successive networks", scale=alt.Scale(zero=False)),
            tooltip=["pair", alt.Tooltip("kappa:Q", format=".4f")],
        )
    )
    at_goal = (
        alt.Chart(pd.DataFrame({"kappa": [goal]}))
        .mark_rule(color=ORANGE, strokeDash=[5, 4])
        .encode(y="kappa:Q", tooltip=[alt.Tooltip("kappa:Q", title="goal", format=".3f")])
    )
    return (line + at_goal).properties(height=240)


def counts_matrix(
    counts: NDArray[np.int64],
    rows: Sequence[str],
    columns: Sequence[str],
    row_title: str,
    column_title: str,
) -> alt.LayerChart:
    """Draw a table of counts of very different sizes, as a map with the numbers on it."""
    row, column = np.indices(counts.shape)
    most = max(np.log1p(counts.max(initial=0)), 1e-9)
    data = pd.DataFrame(
        {
            "row": np.array(rows, dtype=object)[row.ravel()],
            "column": np.array(columns, dtype=object)[column.ravel()],
            "spectra": counts.ravel(),
            # The logarithm, so that a few that moved are seen beside millions that stayed.
            "depth": np.log1p(counts.ravel()) / most,
        }
    )
    base = alt.Chart(data).encode(
        x=alt.X(
            "column:N",
            sort=list(columns),
            title=column_title,
            axis=alt.Axis(labelAngle=0, labelLimit=110, labelFlush=False, orient="top"),
        ),
        y=alt.Y(
            "row:N",
            sort=list(rows),
            title=row_title,
            axis=alt.Axis(labelLimit=110, labelFlush=False),
        ),
        tooltip=[
            alt.Tooltip("row:N", title=row_title),
            alt.Tooltip("column:N", title=column_title),
            alt.Tooltip("spectra:Q", format=","),
        ],
    )
    cells = base.mark_rect(stroke="#ffffff", strokeWidth=1).encode(
        color=alt.Color(
            "depth:Q",
            legend=None,
            scale=alt.Scale(domain=[0, 1], range=["#eef3f6", "#0b5f8a"]),
        )
    )
    text = base.mark_text(fontSize=14).encode(
        text=alt.Text("spectra:Q", format=","),
        color=alt.condition("datum.depth > 0.55", alt.value("white"), alt.value("#1b2730")),
    )
    return (cells + text).properties(height=50 * len(rows) + 60)
