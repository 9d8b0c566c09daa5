"""What the network's probabilities are worth: the section of the Performance page."""

from __future__ import annotations

from math import isnan

import streamlit as st

from active_cnn.campaign.reliability import FEWEST, MeasuredReliability, Source, measure
from active_cnn.evaluation.calibration import FEWEST_OF_EACH, N_FOLDS
from active_cnn.evaluation.reliability import N_BINS, Reliability
from active_cnn.ui.figures import show_figure
from active_cnn.ui.page import View, rows_of_numbers
from active_cnn.ui.reliability_chart import reliability_diagram
from active_cnn.wording import one_or_many

TITLE = "What a probability is worth"


def show_reliability(view: View) -> None:
    """Show how far the open iteration's probabilities can be trusted."""
    st.subheader(TITLE, anchor=False)
    measured = measure(view.store, view.campaign, view.iteration)
    st.caption(describe_source(measured))
    if measured.reliability is None:
        return
    left, right = st.columns([3, 2], gap="large")
    show_figure(reliability_diagram(measured.reliability), "reliability", left)
    with right:
        _show_figures(measured.reliability)


def describe_source(measured: MeasuredReliability) -> str:
    """Say what was measured, or what is missing."""
    unsure = f", {measured.n_unsure} unsure left out" if measured.n_unsure else ""
    n, answers = measured.n_answers, one_or_many(measured.n_answers, "answer", "answers")
    are = one_or_many(n, "is", "are")
    usable = f"{n or 'no'} usable {answers} to the random sample{unsure}"
    if measured.reliability is None:
        return (
            f"This takes {FEWEST} answers that name a class; there {are} {usable}, and the "
            f"training has left fewer than {FEWEST} held-out spectra to go by. Judge more of "
            "the sample."
        )
    if measured.source is Source.SAMPLE:
        return (
            f"Measured on {usable}: predicted targets, as many of each class, that this "
            "iteration's network was not trained on."
        )
    return (
        f"There {are} {usable}, and {FEWEST} are needed. Until then this is measured on "
        f"{measured.reliability.n:,} held-out spectra of the training set, in which targets are "
        "far more frequent than in the pool: there the probabilities may be worth less."
    )


def _show_figures(reliability: Reliability) -> None:
    calibrated = reliability.error_after if reliability.calibration else None
    rows_of_numbers(
        ("Error", f"{reliability.error_before:.3f}"),
        ("Calibrated", "–" if calibrated is None else f"{calibrated:.3f}"),
        ("By chance", f"{reliability.error_by_chance:.3f}"),
    )
    st.caption(
        f"Expected calibration error of {reliability.n:,} spectra in {N_BINS} bins: how far "
        "probability and share right are apart on average; 0 is best. *By chance* is what it would "
        "be with exact probabilities and as few spectra."
    )
    st.caption(
        "On the dashed line a probability keeps its word: of the spectra said with 80 %, 80 % are "
        "right. Points below it: the network is too sure; above it: it could be surer. Bars are "
        "95 % Wilson intervals, larger points more spectra."
    )
    st.caption(describe_calibration(reliability))


def describe_calibration(reliability: Reliability) -> str:
    """Say how the probabilities were calibrated, or why not."""
    if reliability.calibration is None and not isnan(reliability.error_after):
        return (
            "Not calibrated: a curve that was fitted to some of these spectra brings the "
            "probabilities of the others no nearer to the truth (error "
            f"{reliability.error_after:.3f} instead of {reliability.error_before:.3f}; "
            f"{N_FOLDS}-fold cross-validation, by this error and by the log loss). They stay what "
            "the network says."
        )
    if reliability.calibration is None:
        return (
            f"Not calibrated: that takes at least {FEWEST_OF_EACH} right and {FEWEST_OF_EACH} "
            "wrong predictions."
        )
    return (
        f"Calibrated by {reliability.calibration}, fitted to these {reliability.n:,} spectra. "
        f"Points and error show each spectrum by a fit without it ({N_FOLDS}-fold "
        "cross-validation)."
    )
