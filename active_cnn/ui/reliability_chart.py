"""The reliability diagram: data in, Altair chart out; no reading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from active_cnn.evaluation.proportions import describe_share
from active_cnn.evaluation.reliability import Bin, Reliability
from active_cnn.ui.palette import BLUE, GREY, ORANGE

NETWORK, CALIBRATED = "as the network says", "calibrated"
_COLUMNS = [
    "probability",
    "confidence",
    "share",
    "low",
    "high",
    "spectra",
    "of",
    "right",
    "interval",
]


def reliability_diagram(reliability: Reliability) -> alt.LayerChart:
    """Draw the share that is right against the probability that was given, with its intervals.

    Parameters
    ----------
    reliability : Reliability
        The calibrated probability is drawn where there is one.
    """
    shown = {NETWORK: reliability.before}
    if reliability.after:
        shown[CALIBRATED] = reliability.after
    kinds = list(shown)
    base = alt.Chart(
        pd.DataFrame(
            [row for kind, bins in shown.items() for row in _rows(kind, bins)], columns=_COLUMNS
        )
    ).encode(
        x=_axis("confidence:Q", "probability of the predicted class"),
        color=alt.Color(
            "probability:N",
            title=None,
            scale=alt.Scale(domain=kinds, range=[ORANGE, BLUE][: len(kinds)]),
            legend=alt.Legend(orient="top", symbolSize=120),
        ),
        tooltip=[
            "probability",
            alt.Tooltip("confidence:Q", title="mean probability", format=".3f"),
            alt.Tooltip("right:N"),
            alt.Tooltip("interval:N", title="95 % interval"),
            alt.Tooltip("of:N", title="right of"),
        ],
    )
    intervals = base.mark_rule(strokeWidth=2, opacity=0.75).encode(
        y=_axis("low:Q", "share that is right"), y2="high:Q"
    )
    points = base.mark_point(filled=True, opacity=0.95).encode(
        y=_axis("share:Q", "share that is right"),
        shape=alt.Shape(
            "probability:N",
            scale=alt.Scale(domain=kinds, range=["circle", "diamond"][: len(kinds)]),
        ),
        size=alt.Size(
            "spectra:Q",
            title="spectra",
            scale=alt.Scale(type="sqrt", domainMin=0, range=[30, 400]),
            legend=None,
        ),
    )
    return (_diagonal() + intervals + points).properties(height=380)


def _diagonal() -> alt.Chart:
    return (
        alt.Chart(pd.DataFrame({"confidence": [0.0, 1.0], "share": [0.0, 1.0]}))
        .mark_line(color=GREY, strokeDash=[6, 4], strokeWidth=1.5)
        .encode(
            x=_axis("confidence:Q", "probability of the predicted class"),
            y=_axis("share:Q", "share that is right"),
        )
    )


def _axis(shorthand: str, title: str) -> Any:
    kind = alt.X if shorthand.startswith("confidence") else alt.Y
    return kind(shorthand, title=title, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%"))


def _rows(kind: str, bins: Sequence[Bin]) -> list[dict[str, object]]:
    return [
        {
            "probability": kind,
            "confidence": one.confidence,
            "share": one.share,
            "low": one.low,
            "high": one.high,
            "spectra": one.n,
            "of": f"{one.n_right} of {one.n}",
            "right": describe_share(one.share, one.n),
            "interval": " to ".join(describe_share(end, one.n) for end in (one.low, one.high)),
        }
        for one in bins
    ]
