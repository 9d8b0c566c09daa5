"""Planted lines on the page: which of them the network finds again, as a map and in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from active_cnn.campaign.confidence import THRESHOLD, find_confidence
from active_cnn.campaign.recovery import LOG_ODDS, is_predicted, read_recovery
from active_cnn.evaluation.proportions import percentage
from active_cnn.evaluation.recovery import (
    AXES,
    describe_recovery,
    limits_by_snr,
    map_recovery,
    name_lines,
)
from active_cnn.spectra.injection import DOUBLE
from active_cnn.ui.figures import show_figure
from active_cnn.ui.page import View
from active_cnn.ui.recovery_chart import recovery_map
from active_cnn.ui.text import PERCENT, plain

PREDICTED, LISTED, RULE = "predicted to be targets", "listed as candidates", "called by the rule"


def show_planted(view: View) -> None:
    """Show what becomes of lines of known strength and shape."""
    table = read_recovery(view.store, view.iteration)
    if table is None:
        st.info(
            "No lines were planted after this training (its page says why, or a version before "
            "did it): train the iteration again, or the next one."
        )
        return
    st.markdown(
        f"After each training, {name_lines(table)} of known strength and shape are planted into "
        "spectra "
        "of the pool that nobody has labelled and that are not predicted to be targets, with the "
        "noise that their light brings. What the network finds of them tells how faint a line it "
        "sees, in the pool's own noise. It says nothing of targets of other shapes."
    )
    ways = _ways(view, table)
    first, second, third = st.columns(3)
    way = first.selectbox("Found means", list(ways), key="planted-way")
    kinds = list(table["kind"].unique())
    kind = second.selectbox(
        "Lines", ["all", *kinds] if len(kinds) > 1 else kinds, key="planted-shape"
    )
    axes = ["snr", "fwhm", *(["separation"] if kind == DOUBLE else [])]
    x = third.selectbox(
        "Equivalent width against", axes, format_func=lambda one: AXES[one], key="planted-axis"
    )
    here = table["kind"].isin(kinds if kind == "all" else [kind]).to_numpy()
    some, is_found = table[here], ways[way][here]
    st.markdown(plain(describe_recovery(some, is_found, way)))
    show_figure(
        recovery_map(
            map_recovery(some, is_found, x, "equivalent_width"), AXES[x], AXES["equivalent_width"]
        ),
        "planted-map",
    )
    limits = limits_table(some, {name: found[here] for name, found in ways.items()})
    st.dataframe(
        limits,
        hide_index=True,
        placeholder="–",
        column_config={
            str(name): st.column_config.NumberColumn(format=PERCENT)
            for name in limits
            if str(name).startswith(_FOUND)
        },
    )
    st.caption(
        "Share found of all that was planted, and the equivalent width from which on 90 % are "
        "found, by the S/N of a pixel of the continuum."
    )
    st.download_button(
        "Download all planted lines (CSV)",
        table.to_csv(index=False).encode(),
        file_name=f"{view.campaign.name}-iteration-{view.iteration.number:03d}-planted.csv",
        mime="text/csv",
        key="download-planted",
        on_click="ignore",
    )


def _ways(view: View, table: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    campaign = view.campaign
    found = is_predicted(table, campaign)
    ways = {PREDICTED: found}
    confidence = find_confidence(view.store, campaign, view.iteration)
    if confidence and LOG_ODDS in table:
        ways[LISTED] = table[LOG_ODDS].to_numpy() >= confidence.border(THRESHOLD)
    return {**ways, RULE: table["rule"].to_numpy() >= campaign.search.sigma}


_FOUND, _FROM = "found: ", "90 % from (Å): "
_SHORT = {PREDICTED: "predicted", LISTED: "listed", RULE: "rule"}


def limits_table(table: pd.DataFrame, ways: dict[str, NDArray[np.bool_]]) -> pd.DataFrame:
    """Put the ranges of S/N into rows, the ways of finding beside each other."""
    shown: dict[str, object] = {}
    for name, is_found in ways.items():
        limits = limits_by_snr(table, is_found)
        if not shown:
            shown["S/N"] = [
                f"above {low:g}" if np.isinf(high) else f"{low:g}–{high:g}"
                for low, high in limits[["snr_from", "snr_to"]].to_numpy()
            ]
            shown["planted"] = limits["n"]
        shown[f"{_FOUND}{_SHORT[name]}"] = [
            percentage(share, n) for share, n in zip(limits["share"], limits["n"], strict=True)
        ]
        shown[f"{_FROM}{_SHORT[name]}"] = limits["limit"].round(1)
    # First all shares, then all limits.
    return pd.DataFrame(shown)[sorted(shown, key=lambda name: str(name).startswith(_FROM))]
