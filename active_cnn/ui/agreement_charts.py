"""Charts of several people's work: data in, Altair chart out; no reading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import altair as alt
import numpy as np
import pandas as pd

from active_cnn.evaluation.agreement import PairAgreement
from active_cnn.ui.palette import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

# As many people as have a colour of their own; the work of the others is drawn as one.
_PEOPLE = (BLUE, ORANGE, GREEN, PURPLE, VERMILION, SKY)
OTHERS = "all others"

_Unit = Literal["hour", "day"]

# Bars of an hour in a longer time than this would be thinner than a pixel can be.
LONGEST_IN_HOURS = pd.Timedelta(days=4)


def pair_confusion(pair: PairAgreement, classes: Sequence[str]) -> alt.LayerChart:
    """Draw how often two people gave which two classes to the same spectrum.

    Parameters
    ----------
    pair : PairAgreement
        Whose confusion matrix.
    classes : sequence of str
        All classes; those that neither of the two has given are left out.
    """
    given = (pair.confusion.sum(axis=0) + pair.confusion.sum(axis=1)) > 0
    counts = pair.confusion[np.ix_(given, given)]
    names = [name for name, is_given in zip(classes, given, strict=True) if is_given]
    most = max(int(counts.max(initial=0)), 1)
    row, column = np.indices(counts.shape)
    data = pd.DataFrame(
        {
            "first": np.array(names, dtype=object)[row.ravel()],
            "second": np.array(names, dtype=object)[column.ravel()],
            "spectra": counts.ravel(),
            # The root, so that a few disagreements are seen beside many agreements.
            "depth": np.sqrt(counts.ravel() / most),
        }
    )
    base = alt.Chart(data).encode(
        x=alt.X(
            "second:N",
            sort=names,
            title=f"{pair.second} says",
            axis=alt.Axis(
                labelAngle=-35, labelLimit=110, labelOverlap=False, labelFlush=False, orient="top"
            ),
        ),
        y=alt.Y(
            "first:N",
            sort=names,
            title=f"{pair.first} says",
            axis=alt.Axis(labelLimit=110, labelOverlap=False, labelFlush=False),
        ),
        tooltip=[
            alt.Tooltip("first:N", title=pair.first),
            alt.Tooltip("second:N", title=pair.second),
            "spectra",
        ],
    )
    cells = base.mark_rect(stroke="#ffffff", strokeWidth=1).encode(
        color=alt.Color(
            "depth:Q",
            legend=None,
            scale=alt.Scale(domain=[0, 1], range=["#eef3f6", "#0b5f8a"]),
        )
    )
    # What is agreed on is told apart without a colour.
    frames = base.transform_filter("datum.first === datum.second").mark_rect(
        filled=False, stroke=ORANGE, strokeWidth=2.5
    )
    text = base.mark_text(fontSize=14).encode(
        text=alt.Text("spectra:Q", format=","),
        color=alt.condition("datum.depth > 0.6", alt.value("white"), alt.value("#1b2730")),
    )
    return (cells + frames + text).properties(height=44 * len(names) + 60)


def activity_bars(hourly: pd.DataFrame) -> alt.Chart:
    """Draw how many answers each person gave in each hour, or day when it was long ago.

    Parameters
    ----------
    hourly : DataFrame
        Columns `oracle`, `hour` (UTC) and `answers`; at least one row.
    """
    data, unit = _over_time(_with_others(hourly))
    names = list(data["oracle"].cat.categories)
    colours = dict(zip(names, [*_PEOPLE, GREY], strict=False))
    what = "%-d %b %Y" if unit == "day" else "%-d %b, %H:%M"
    return (
        alt.Chart(data)
        .mark_bar(stroke=None)
        .encode(
            x=alt.X(
                "from:T",
                title=f"{unit} (UTC)",
                scale=alt.Scale(type="utc", nice=unit),
                axis=alt.Axis(format="%-d %b" if unit == "day" else "%H:%M", tickCount=8),
            ),
            x2="to:T",
            y=alt.Y("low:Q", title="answers", axis=alt.Axis(tickMinStep=1, format=",d")),
            y2="high:Q",
            color=alt.Color(
                "oracle:N",
                title=None,
                sort=list(colours),
                scale=alt.Scale(domain=list(colours), range=list(colours.values())),
                legend=alt.Legend(orient="top", labelLimit=140),
            ),
            tooltip=[
                alt.Tooltip("oracle:N", title="person"),
                alt.Tooltip("shown:N", title=f"{unit} (UTC)"),
                alt.Tooltip("answers:Q", format=","),
            ],
        )
        .transform_calculate(shown=f"utcFormat(datum.from, '{what}')")
        .properties(height=240)
    )


def _with_others(hourly: pd.DataFrame) -> pd.DataFrame:
    """Put the people in the order of how much they did, and those without a colour together."""
    totals = hourly.groupby("oracle")["answers"].sum().reset_index()
    order = totals.sort_values(["answers", "oracle"], ascending=[False, True])["oracle"]
    shown = list(order[: len(_PEOPLE)])
    oracle = hourly["oracle"].where(hourly["oracle"].isin(shown), OTHERS)
    kinds = [*shown, OTHERS] if len(order) > len(shown) else shown
    return hourly.assign(oracle=pd.Categorical(oracle, kinds, ordered=True))


def _over_time(data: pd.DataFrame) -> tuple[pd.DataFrame, _Unit]:
    """Give the bars, one on the other, and which time each stands for."""
    span = data["hour"].max() - data["hour"].min()
    unit: _Unit = "hour" if span <= LONGEST_IN_HOURS else "day"
    if unit == "day":
        data = data.assign(hour=data["hour"].dt.floor("D"))
    bars = data.groupby(["hour", "oracle"], as_index=False, observed=True)["answers"].sum()
    high = bars.groupby("hour")["answers"].cumsum()
    bars = bars.assign(
        low=high - bars["answers"], high=high, to=bars["hour"] + pd.Timedelta(1, unit)
    )
    return bars.rename(columns={"hour": "from"}), unit
