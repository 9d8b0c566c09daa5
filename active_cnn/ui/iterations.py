"""The iterations of a campaign on the page: what changed, who is right, confusion."""

from __future__ import annotations

from functools import partial

import streamlit as st

from active_cnn.campaign.audit import measure_audit
from active_cnn.campaign.comparison import (
    DISAGREEMENT_SIZE,
    Comparison,
    compare_iterations,
    confusion,
    draw_disagreement_query,
)
from active_cnn.campaign.stopping import read_goals
from active_cnn.campaign.store import Store
from active_cnn.delivery.methods import describe_methods
from active_cnn.evaluation.comparison import most_change_of_f
from active_cnn.evaluation.precision import Unsure
from active_cnn.records import Iteration
from active_cnn.settings import Settings
from active_cnn.ui import cached
from active_cnn.ui.figures import show_figure
from active_cnn.ui.iteration_charts import agreement_curve, counts_matrix, recall_curve
from active_cnn.ui.page import RELABEL, View, acting, link, say
from active_cnn.ui.precision import show_precision_curve

# From fewer, half of the networks' right ones cannot be told from chance.
_FEWEST_JUDGED = 6


def show_iterations(view: View) -> None:
    """Show precision, completeness, confusion and agreement over the iterations."""
    scored = [one for one in view.store.iterations(view.campaign.name) if one.result]
    show_precision_curve(view)
    _show_recall(view, scored)
    _show_confusion(view, scored)
    if len(scored) < 2:
        st.info("Train a second iteration, and both networks are compared here.")
    else:
        _show_agreement(view, scored)
        _show_comparison(view, scored)
    _offer_methods(view)


def _offer_methods(view: View) -> None:
    st.subheader("For a paper", anchor=False)
    st.download_button(
        "Methods section (Markdown)",
        partial(_methods, view.campaign.name),
        file_name=f"{view.campaign.name}-methods.md",
        mime="text/markdown",
        key="download-methods",
        on_click="ignore",
        help="With the campaign's own numbers, versions, seeds and hashes; "
        "`active-cnn report` writes the same.",
    )


def _methods(name: str) -> bytes:
    # Called when it is asked for, after the run of the page has closed its store.
    with Store(Settings.from_environment().home) as store:
        return describe_methods(store, store.campaign(name)).encode()


def _show_recall(view: View, scored: list[Iteration]) -> None:
    audits = {one.number: measure_audit(view.store, view.campaign, one) for one in scored}
    recall = {
        number: found
        for number, audit in audits.items()
        if audit and (found := audit.completeness[Unsure.EXCLUDED]) and found.recall == found.recall
    }
    if recall:
        st.subheader("Completeness above the audit floor", anchor=False)
        show_figure(recall_curve(recall), "recall-curve")


def _show_confusion(view: View, scored: list[Iteration]) -> None:
    number = st.selectbox("Iteration", [one.number for one in reversed(scored)], key="confusion-of")
    iteration = next(one for one in scored if one.number == number)
    table = confusion(view.store, view.campaign, iteration)
    st.subheader(f"Answers to what iteration {number} predicts", anchor=False)
    if not table.to_numpy().any():
        st.caption("Judge its random sample, or its audit, and the answers are counted here.")
        return
    show_figure(
        counts_matrix(
            table.to_numpy(), list(table.index), list(table.columns), "predicted", "answered"
        ),
        "confusion",
    )
    st.caption(
        "Counts of the random sample of predicted targets and of the audit, which the network has "
        "not learned from; they are drawn with different chances."
    )


def _show_agreement(view: View, scored: list[Iteration]) -> None:
    kappas = cached.kappas(view.store, view.campaign)
    pairs = list(zip(scored, scored[1:], strict=False))[-len(kappas) :]
    st.subheader("Agreement of successive networks", anchor=False)
    goal = read_goals(view.store, view.campaign).agreement
    show_figure(
        agreement_curve(
            {
                f"{one.number}–{two.number}": kappa
                for (one, two), kappa in zip(pairs, kappas, strict=True)
            },
            goal,
        ),
        "agreement-curve",
    )


def _show_comparison(view: View, scored: list[Iteration]) -> None:
    st.subheader("Two iterations against each other", anchor=False)
    numbers = [one.number for one in scored]
    first, second = st.columns(2)
    before = first.selectbox("Before", numbers[:-1], len(numbers) - 2, key="compare-before")
    later = [number for number in numbers if number > before]
    after = second.selectbox("After", later, len(later) - 1, key="compare-after")
    one, two = (next(i for i in scored if i.number == number) for number in (before, after))
    table = cached.migration(view.store, view.campaign, before, one.job, after, two.job)
    found = compare_iterations(view.store, view.campaign, one, two, table)
    names = list(view.campaign.network_classes)
    left, right = st.columns([3, 2], gap="large")
    show_figure(
        counts_matrix(found.table, names, names, f"predicted by {before}", f"predicted by {after}"),
        "migration",
        left,
    )
    with right:
        st.markdown(describe_comparison(found, before, after))
        n_drawn = view.store.count_queries(view.campaign.name)
        st.button(
            f"Ask about {DISAGREEMENT_SIZE} of the disagreements",
            key=f"disagreement-{n_drawn}",
            disabled=not found.n_differ,
            help="Drawn at random; they are answered on Relabel, and train the next iteration.",
            on_click=_draw,
            args=(view.campaign.name, before, after, n_drawn),
        )
        if found.n_asked > found.n_judged:
            link(RELABEL, "Judge them", view.campaign)


def describe_comparison(found: Comparison, before: int, after: int) -> str:
    """Say what changed between two networks, and which is right more often."""
    text = f"**{found.n_differ:,}** of {found.table.sum():,} spectra changed their class"
    if found.kappa == found.kappa:
        text += f"; Cohen's κ is {found.kappa:.4f}"
        if found.kappa > 0.8:
            text += f", so that no F changes by more than {most_change_of_f(found.kappa):.3f}"
    text += ". "
    if not found.n_judged:
        return text + "None of the disagreements has been judged: ask about some of them."
    test = found.test
    text += (
        f"Of {found.n_judged} judged disagreements, drawn at random, iteration {before} alone is "
        f"right in {test.n_first_only}, iteration {after} alone in {test.n_second_only}, neither "
        f"in {found.n_neither}: "
    )
    if test.n_first_only + test.n_second_only < _FEWEST_JUDGED:
        return text + "too few for a test."
    p = f"exact McNemar test, p = {test.p_value:.3g}"
    if test.p_value >= 0.05:
        return text + f"no difference that chance would not make ({p})."
    better = after if test.n_second_only > test.n_first_only else before
    return text + f"iteration {better} is the better one ({p})."


@acting
def _draw(view: View, before: int, after: int, n_drawn: int) -> None:
    if view.store.count_queries(view.campaign.name) == n_drawn:
        one, two = (view.store.iteration(view.campaign.name, number) for number in (before, after))
        query = draw_disagreement_query(view.store, view.campaign, one, two)
        say(f"{len(query.items)} disagreements were drawn: answer them on Relabel.")
