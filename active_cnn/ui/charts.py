"""Charts of counts, trainings and measurements: data in, Altair chart out; no reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from active_cnn.campaign.overview import Histogram
from active_cnn.evaluation.precision import Precision
from active_cnn.evaluation.proportions import describe_share
from active_cnn.ui.palette import GREY, SPECTRUM, VERMILION


def _colour(colours: Mapping[str, str], **more: Any) -> alt.Color:
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return alt.Color("class:N", scale=scale, **more)


def class_bars(counts: Mapping[str, int], colours: Mapping[str, str]) -> alt.LayerChart:
    """Draw how many spectra each class has, with the number at each bar."""
    data = pd.DataFrame({"class": list(counts), "spectra": list(counts.values())})
    base = alt.Chart(data).encode(
        x=alt.X("spectra:Q", axis=None, scale=alt.Scale(domain=[0, _room(counts)], nice=False)),
        y=alt.Y("class:N", title=None, sort=None, axis=alt.Axis(labelLimit=160)),
        tooltip=["class", alt.Tooltip("spectra:Q", format=",")],
    )
    bars = base.mark_bar(height={"band": 0.7}).encode(color=_colour(colours, legend=None))
    text = base.mark_text(align="left", dx=4, color=GREY).encode(
        text=alt.Text("spectra:Q", format=",")
    )
    return (bars + text).properties(height=32 * max(len(counts), 1))


def _room(counts: Mapping[str, int]) -> float:
    # The number at the longest bar takes room too, which Vega does not keep for it.
    most = max(counts.values(), default=0) or 1
    return most * (1 + 0.1 * len(f"{most:,}"))


def snr_bars(histogram: Histogram) -> alt.Chart:
    """Draw how the pool's signal-to-noise ratios are distributed, on a logarithmic axis."""
    data = pd.DataFrame(
        {
            "from": histogram.edges[:-1],
            "to": histogram.edges[1:],
            "spectra": histogram.counts,
            "zero": 0,
        }
    )
    return (
        alt.Chart(data)
        .mark_rect(color=SPECTRUM, stroke=None)
        .encode(
            x=alt.X("from:Q", title="S/N in r", scale=alt.Scale(type="log", nice=False)),
            x2="to:Q",
            y=alt.Y("spectra:Q", title="usable spectra"),
            y2="zero:Q",
            tooltip=[
                alt.Tooltip("from:Q", format=".1f"),
                alt.Tooltip("to:Q", format=".1f"),
                alt.Tooltip("spectra:Q", format=","),
            ],
        )
        .properties(height=220)
    )


def loss_curves(history: Mapping[str, Sequence[float]]) -> alt.Chart:
    """Draw the loss of each epoch, of the training set and of the hold-out."""
    names = {"loss": "training set", "val_loss": "hold-out"}
    data = pd.concat(
        [
            pd.DataFrame({"epoch": np.arange(1, len(history[key]) + 1), "loss": history[key]})
            .replace(0.0, np.nan)
            .assign(of=name)
            for key, name in names.items()
            if history.get(key)
        ]
    )
    return (
        alt.Chart(data)
        .mark_line(point=alt.OverlayMarkDef(size=18))
        .encode(
            x=alt.X("epoch:Q", axis=alt.Axis(tickMinStep=1, format="d")),
            y=alt.Y(
                "loss:Q",
                title="cross-entropy",
                scale=alt.Scale(type="log", nice=False),
                axis=alt.Axis(format="~g", tickCount=4),
            ),
            color=alt.Color(
                "of:N",
                title=None,
                scale=alt.Scale(domain=list(names.values()), range=[SPECTRUM, VERMILION]),
                legend=alt.Legend(orient="top", symbolType="stroke", symbolStrokeWidth=3),
            ),
            strokeDash=alt.StrokeDash(
                "of:N", legend=None, scale=alt.Scale(domain=list(names.values()))
            ),
            tooltip=["of", "epoch", alt.Tooltip("loss:Q", format=".4g")],
        )
        .properties(height=300)
    )


def confusion_matrix(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> alt.LayerChart:
    """Draw how the hold-out's labels and the network's predictions agree."""
    matrix = np.array(confusion)
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    truth, prediction = np.indices(matrix.shape)
    data = pd.DataFrame(
        {
            "label": np.array(classes, dtype=object)[truth.ravel()],
            "prediction": np.array(classes, dtype=object)[prediction.ravel()],
            "spectra": matrix.ravel(),
            "share": share.ravel(),
            "of label": [
                describe_share(one, n)
                for one, n in zip(
                    share.ravel(), np.repeat(matrix.sum(axis=1), len(classes)), strict=True
                )
            ],
        }
    )
    base = alt.Chart(data).encode(
        x=alt.X(
            "prediction:N",
            sort=list(classes),
            title="the network says",
            axis=alt.Axis(labelAngle=0, labelLimit=120, labelFlush=False),
        ),
        y=alt.Y(
            "label:N",
            sort=list(classes),
            title="the label is",
            axis=alt.Axis(labelFlush=False),
        ),
        tooltip=["label", "prediction", "spectra", alt.Tooltip("of label:N", title="share")],
    )
    cells = base.mark_rect().encode(
        color=alt.Color(
            "share:Q",
            legend=None,
            scale=alt.Scale(domain=[0, 1], range=["#dfe9ef", "#0b5f8a"]),
        )
    )
    text = base.mark_text(fontSize=14).encode(
        text=alt.Text("spectra:Q", format=","),
        color=alt.condition("datum.share > 0.5", alt.value("white"), alt.value("#1b2730")),
    )
    return (cells + text).properties(height=60 * len(classes) + 60)


def precision_bars(
    precision: Mapping[str, Precision], colours: Mapping[str, str], iteration: int
) -> alt.LayerChart:
    """Draw the precision of each class with its 95 % Wilson interval."""
    scale = alt.Scale(domain=[0, 1])
    base = alt.Chart(_precision_rows({iteration: precision})).encode(
        y=alt.Y("class:N", title=None, sort=None, axis=alt.Axis(labelLimit=160)),
        color=_colour(colours, legend=None),
        tooltip=_PRECISION_TOOLTIP,
    )
    rules = base.mark_rule(strokeWidth=3, opacity=0.6).encode(
        x=alt.X("low:Q", scale=scale, title="precision", axis=alt.Axis(format="%")), x2="high:Q"
    )
    points = base.mark_point(filled=True, size=120, opacity=1).encode(
        x=alt.X("precision:Q", scale=scale)
    )
    return (rules + points).properties(height=56 * max(len(precision), 1) + 40)


def precision_curve(
    by_iteration: Mapping[int, Mapping[str, Precision]], colours: Mapping[str, str]
) -> alt.LayerChart:
    """Draw how the precision of each class goes over the iterations."""
    data = _precision_rows(by_iteration)
    shared: dict[str, Any] = {
        "x": alt.X("iteration:O", title="iteration", axis=alt.Axis(labelAngle=0)),
        "xOffset": alt.XOffset("class:N"),
        "color": _colour(colours, title=None, legend=alt.Legend(orient="top")),
    }
    scale = alt.Scale(domain=[0, 1])
    base = alt.Chart(data).encode(**shared, tooltip=_PRECISION_TOOLTIP)
    bars = base.mark_rule(strokeWidth=2).encode(
        y=alt.Y("low:Q", scale=scale, title="precision", axis=alt.Axis(format="%")), y2="high:Q"
    )
    points = base.mark_point(filled=True, size=70, opacity=1).encode(
        y=alt.Y("precision:Q", scale=scale)
    )
    return (bars + points).properties(height=280)


_PRECISION_TOOLTIP: list[Any] = [
    "class",
    "iteration",
    alt.Tooltip("value:N", title="precision"),
    alt.Tooltip("interval:N", title="95 % interval"),
    "of",
]


def _precision_rows(by_iteration: Mapping[int, Mapping[str, Precision]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "iteration": number,
                "class": name,
                "precision": one.value,
                "low": one.low,
                "high": one.high,
                "of": f"{one.n_right} of {one.n_judged}",
                "value": describe_share(one.value, one.n_judged),
                "interval": " to ".join(
                    describe_share(limit, one.n_judged) for limit in (one.low, one.high)
                ),
            }
            for number, precision in by_iteration.items()
            for name, one in precision.items()
            if one.n_judged
        ],
        columns=["iteration", "class", "precision", "low", "high", "of", "value", "interval"],
    )


def probability_bars(
    probabilities: Sequence[float], classes: Sequence[str], colours: Mapping[str, str]
) -> alt.LayerChart:
    """Draw what the network says of one spectrum."""
    data = pd.DataFrame({"class": list(classes), "probability": list(probabilities)})
    base = alt.Chart(data).encode(
        x=alt.X(
            "probability:Q",
            title=None,
            scale=alt.Scale(domain=[0, 1.4], nice=False),
            axis=alt.Axis(values=[0, 0.5, 1], format=".0%"),
        ),
        y=alt.Y("class:N", title=None, sort=None, axis=alt.Axis(labelLimit=120)),
        tooltip=["class", alt.Tooltip("probability:Q", format=".4f")],
    )
    bars = base.mark_bar(height={"band": 0.65}).encode(color=_colour(colours, legend=None))
    text = base.mark_text(align="left", dx=3, color=GREY).encode(
        text=alt.Text("probability:Q", format=".1%")
    )
    return (bars + text).properties(height=30 * len(classes) + 30)
