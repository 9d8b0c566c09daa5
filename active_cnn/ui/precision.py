"""The measured precision: of the open iteration, and over all of them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from active_cnn.campaign.campaign import measure_precision, rule_in_sample
from active_cnn.evaluation.precision import Certification, Precision, Unsure, certify
from active_cnn.evaluation.proportions import percentage
from active_cnn.records import Purpose
from active_cnn.ui import charts
from active_cnn.ui.counts import counts_in
from active_cnn.ui.figures import show_figure
from active_cnn.ui.page import View
from active_cnn.ui.palette import class_colours
from active_cnn.ui.text import PERCENT, plain
from active_cnn.wording import one_or_many, percent

_PERCENT = ("precision", "95 % from", "95 % to", "if unsure are wrong", "if unsure are right")


def show_precision(view: View) -> None:
    """Show the precision of each class with its interval."""
    iteration = view.iteration
    colours = class_colours(view.campaign.targets, view.campaign.targets)
    measured = measure_precision(view.store, view.campaign, iteration)
    st.subheader(f"Precision of iteration {iteration.number}", anchor=False)
    for query in view.store.queries(iteration, Purpose.PERFORMANCE):
        if query.notice:
            st.info(plain(query.notice))
    table = precision_table(measured, rule_in_sample(view.store, view.campaign, iteration))
    st.dataframe(
        table,
        hide_index=True,
        placeholder="–",
        column_config=counts_in(table)
        | {name: st.column_config.NumberColumn(format=PERCENT) for name in _PERCENT},
    )
    if any(one.n_judged for one in measured.values()):
        left, right = st.columns([3, 2], gap="large")
        figure = charts.precision_bars(measured, colours, iteration.number)
        show_figure(figure, "precision", left)
        with right:
            _show_certification(measured)
    st.caption(
        "Precision = right / (right + wrong), without the spectra that the oracle is unsure "
        "of; beside it, what it would be if all of these were wrong, or right. Its 95 % "
        "interval is Wilson's, or the hypergeometric one where more than 5 % of the predicted "
        "spectra were judged."
        + (
            " Beside the network: how many of the right ones, and of the wrong ones, the simple "
            f"rule calls too ({rule})."
            if (rule := view.campaign.search.describe_rule())
            else ""
        )
    )


def show_precision_curve(view: View) -> None:
    """Show the precision of each class over the iterations that were measured."""
    colours = class_colours(view.campaign.targets, view.campaign.targets)
    measured = {}
    for iteration in view.store.iterations(view.campaign.name):
        if iteration.result:
            found = measure_precision(view.store, view.campaign, iteration)
            if any(one.n_judged for one in found.values()):
                measured[iteration.number] = found
    if measured:
        st.subheader("Precision over the iterations", anchor=False)
        show_figure(charts.precision_curve(measured, colours), "precision-curve")


def _show_certification(precision: Mapping[str, Precision]) -> None:
    most = st.number_input(
        "Certify that fewer are wrong than (%)", 0.5, 50.0, 6.5, 0.5, key="most-error",
        help="One-sided, with 95 % confidence, by the limit of Clopper and Pearson.",
    )  # fmt: skip
    for name, one in precision.items():
        wrong = one.n_judged - one.n_right
        n_left = None if one.population is None else one.population - one.n_judged - one.n_unsure
        found = certify(wrong, one.n_judged, most / 100)
        st.markdown(f"**{plain(name)}**: {describe_certification(found, n_left)}")


def describe_certification(found: Certification, n_left: int | None = None) -> str:
    """Say whether a precision is certified, and what it still takes of the `n_left` to judge."""
    share = percent(found.most_error, 1)
    if found.is_certified:
        return f"certified: at most {percent(found.bound, 1)} are wrong, less than {share}."
    if not found.n:
        labels = one_or_many(found.more_if_right, "label", "labels")
        return f"not certified; {found.more_if_right:,} {labels} without an error would do it."
    text = f"not certified: up to {percent(found.bound, 1)} may be wrong. "
    labels = one_or_many(found.more_if_right, "label", "labels")
    text += f"{found.more_if_right:,} more {labels} without an error would do it"
    if n_left is not None and found.more_if_right > n_left:
        return f"{text}, but only {n_left:,} {one_or_many(n_left, 'is', 'are')} left to be judged."
    if found.more_at_this_rate is None:
        return f"{text}; at the present rate of errors no number would."
    return f"{text}; at the present rate of errors {found.more_at_this_rate}."


def precision_table(
    precision: Mapping[str, Precision], rule: Mapping[str, tuple[int, int]] | None = None
) -> pd.DataFrame:
    """Put the figures of each class into a row; `rule` is of `rule_in_sample`."""
    found = list(precision.values())
    if_wrong, if_right = (
        [one.with_unsure(unsure) for one in found] for unsure in (Unsure.WRONG, Unsure.RIGHT)
    )
    table = pd.DataFrame(
        {
            "class": list(precision),
            "precision": [percentage(one.value, one.n_judged) for one in found],
            "95 % from": [percentage(one.low, one.n_judged) for one in found],
            "95 % to": [percentage(one.high, one.n_judged) for one in found],
            "right": [one.n_right for one in found],
            "wrong": [one.n_judged - one.n_right for one in found],
            "unsure": [one.n_unsure for one in found],
            "open": [one.n_unanswered for one in found],
            "drawn": [one.n_drawn for one in found],
            "predicted": [one.population for one in found],
            "if unsure are wrong": [percentage(one.value, one.n) for one in if_wrong],
            "if unsure are right": [percentage(one.value, one.n) for one in if_right],
        }
    )
    if rule:
        for place, name in enumerate(("right by rule", "wrong by rule")):
            table[name] = [rule[one][place] for one in precision]
    return table
