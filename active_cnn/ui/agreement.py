"""How far people agree, and where they differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import isfinite

import numpy as np
import pandas as pd
import streamlit as st

from active_cnn.campaign.doubts import LEAST_LIKELY
from active_cnn.campaign.labelling import Task
from active_cnn.campaign.team import (
    Disagreement,
    intra_rater,
    judgements,
    not_to_be_seen,
    open_disagreements,
)
from active_cnn.evaluation.agreement import (
    OverallAgreement,
    PairAgreement,
    SelfAgreement,
    overall_agreement,
    pairwise_agreement,
)
from active_cnn.evaluation.consensus import disagreements
from active_cnn.evaluation.proportions import describe_share, percentage
from active_cnn.ui import agreement_charts, identity
from active_cnn.ui.labelling import judge
from active_cnn.ui.page import (
    AGREEMENT,
    OVERVIEW,
    RELABEL,
    View,
    link,
    put_into_url,
    take_from_url,
)
from active_cnn.ui.paging import page_of
from active_cnn.ui.text import PERCENT, plain
from active_cnn.wording import percent

FEWEST_SHARED = 20  # below, the interval of a pair is not to be trusted


def show_agreement(view: View) -> None:
    """Show the agreement of all and of each two people, and of each person with themselves."""
    _show_people(view)
    repeated = intra_rater(view.store, view.campaign)
    if repeated:
        _show_repeated(repeated)


def _show_people(view: View) -> None:
    said = judgements(view.store, view.campaign)
    people = sorted({oracle for judged in said.values() for oracle in judged})
    if len(people) < 2:
        _explain_lonely(view, people)
        return
    classes = [one.name for one in view.campaign.classes]
    pairs = pairwise_agreement(said, classes)
    if not pairs:
        st.info(
            f"{_list(people)} have judged no spectrum in common: their agreement cannot be told. "
            "Let each spectrum be judged by two people or more."
        )
        link(OVERVIEW, "How spectra are shared", view.campaign, section="Settings")
        return
    # The bootstrap is drawn with a fixed seed: the same answers give the same interval.
    overall = overall_agreement(said, classes, np.random.default_rng(view.campaign.seed))
    st.markdown(describe_agreement(overall))
    n_open = len(set(disagreements(said)) - view.store.adjudications(view.campaign.name).keys())
    if n_open:
        link(
            AGREEMENT,
            f"Settle the open disagreements ({n_open:,})",
            view.campaign,
            section="Adjudicate",
        )
    left, right = st.columns([1.4, 1], gap="medium")
    with left:
        _show_pairs(pairs)
    with right:
        _show_confusion(pairs, classes)


def _explain_lonely(view: View, people: Sequence[str]) -> None:
    if people:
        st.info(
            f"Only {plain(people[0])} has answered so far: agreement needs a second person. "
            "Others open this dashboard under a name of their own; in the mode *Double* each "
            "spectrum is shown to two people or more, who do not see each other's answers."
        )
        link(OVERVIEW, "How spectra are shared", view.campaign, section="Settings")
    else:
        st.info("Nobody has answered yet: agreement needs two people who judge the same spectra.")
        link(RELABEL, "Judge spectra", view.campaign)


def describe_agreement(overall: OverallAgreement) -> str:
    """Say in one sentence how far all people agree (Markdown)."""
    n_unanimous = round(overall.unanimous * overall.n_spectra)
    shared = (
        f"on {n_unanimous:,} of the {overall.n_spectra:,} spectra that two people or more judged, "
        f"nobody differs ({describe_share(overall.unanimous, overall.n_spectra)})"
    )
    if not isfinite(overall.kappa):
        return (
            f"**Everybody gave one and the same class**: {shared}. With a single class, kappa "
            "cannot tell agreement from chance."
        )
    interval = _interval(overall.low, overall.high)
    said = f", 95 % interval {interval}" if interval else ", which says too little for an interval"
    return f"**Fleiss' kappa is {overall.kappa:.2f}**{said}: {shared}."


def _interval(low: float, high: float) -> str | None:
    # Without a width it would be taken for certainty, which it is not.
    return f"{low:.2f} to {high:.2f}" if high > low else None


def _show_pairs(pairs: Sequence[PairAgreement]) -> None:
    st.markdown("**Pair by pair**")
    figure = st.column_config.NumberColumn
    st.dataframe(
        pair_table(pairs),
        hide_index=True,
        placeholder="–",
        column_config={
            "in common": figure(help="Spectra that both judged.", format="localized"),
            "agree": figure(help="Share of these on which both say the same.", format=PERCENT),
            "kappa": figure(help="Cohen's kappa: 1 = always, 0 = by chance.", format="%.2f"),
        },
    )
    few = min(pair.n_shared for pair in pairs)
    st.caption(
        "Cohen's kappa with its 95 % interval. Every answer is a class of its own, also one that "
        "trains nothing; adjudications are left out."
        + (
            f" With fewer than {FEWEST_SHARED} spectra in common an interval is a rough guess."
            if few < FEWEST_SHARED
            else ""
        )
    )


def pair_table(pairs: Sequence[PairAgreement]) -> pd.DataFrame:
    """Put the figures of each two people into a row."""
    return pd.DataFrame(
        {
            "first": [one.first for one in pairs],
            "second": [one.second for one in pairs],
            "in common": [one.n_shared for one in pairs],
            "agree": [percentage(one.agreement, one.n_shared) for one in pairs],
            "kappa": [one.kappa for one in pairs],
            "95 % interval": [_interval(one.low, one.high) for one in pairs],
        }
    )


def _show_repeated(repeated: Sequence[SelfAgreement]) -> None:
    st.markdown("**The same person twice**")
    figure = st.column_config.NumberColumn
    st.dataframe(
        self_table(repeated),
        hide_index=True,
        placeholder="–",
        column_config={
            "asked twice": figure(
                help="Spectra that this person judged twice.", format="localized"
            ),
            "same": figure(help="Of these, with the same answer both times.", format="localized"),
            "share": figure(help="same / asked twice", format=PERCENT),
            "kappa": figure(help="Cohen's kappa: 1 = always, 0 = by chance.", format="%.2f"),
        },
    )
    st.caption(describe_repeated(repeated))


def describe_repeated(repeated: Sequence[SelfAgreement]) -> str:
    """Say what the figures of blind repeats mean, and how much."""
    few = [one.oracle for one in repeated if one.n_repeated < FEWEST_SHARED]
    said = (
        "Some spectra are asked about again and look like any other: Cohen's kappa of the first "
        "and the second answer, with its 95 % interval. The second answer changes no label."
    )
    if not few:
        return said
    whose = "all of these people" if len(few) == len(repeated) > 1 else _list(few)
    return (
        f"{said} For {whose} there are fewer than {FEWEST_SHARED} repeats so far: kappa and its "
        "interval are rough guesses there."
    )


def self_table(repeated: Sequence[SelfAgreement]) -> pd.DataFrame:
    """Put the figures of each person who was asked twice into a row."""
    return pd.DataFrame(
        {
            "person": [one.oracle for one in repeated],
            "asked twice": [one.n_repeated for one in repeated],
            "same": [one.n_same for one in repeated],
            "share": [percentage(one.agreement, one.n_repeated) for one in repeated],
            "kappa": [one.kappa for one in repeated],
            "95 % interval": [_interval(one.low, one.high) for one in repeated],
        }
    )


def _show_confusion(pairs: Sequence[PairAgreement], classes: Sequence[str]) -> None:
    st.markdown("**Who calls what how**")
    named = {f"{one.first} and {one.second}": one for one in pairs}
    take_from_url("pair", list(named))
    chosen = st.selectbox(
        "Two people",
        list(named),
        key="pair",
        on_change=put_into_url,
        args=("pair",),
        label_visibility="collapsed",
    )
    st.altair_chart(agreement_charts.pair_confusion(named[chosen], classes), key="confusion")
    st.caption("Spectra that both judged. On the framed diagonal the two agree.")


def show_disagreements(view: View) -> None:
    """Show where people differ or the network contradicts them, for somebody to settle it."""
    found = open_disagreements(view.store, view.campaign)
    hidden = not_to_be_seen(found, view.store.sharing(view.campaign.name), view.name)
    n_settled = len(view.store.adjudications(view.campaign.name))
    if n_settled:
        st.caption(f"Settled so far: {n_settled:,}.")
    if hidden:
        st.caption(
            f"Not shown to you: {len(hidden):,} more, about which you may still be asked. In the "
            "mode *Double* people do not see each other's answers."
        )
    shown = [one for one in found if one not in hidden]
    if shown or n_settled:
        identity.require_name()
        judge(view, Task.ADJUDICATE)
    if shown:
        _list_disagreements(view, shown)
    elif not hidden and not n_settled:
        st.success(
            "There is nothing to settle: no spectrum has answers that differ, and the network "
            "contradicts none."
        )


def _list_disagreements(view: View, found: Sequence[Disagreement]) -> None:
    divided = [one for one in found if len(set(one.said.values())) > 1]
    if divided:
        resolution = _RESOLUTIONS[view.store.sharing(view.campaign.name).resolution]
        st.markdown(
            f"**Open disagreements: {len(divided):,}**, the most divided first. Until somebody "
            f"settles them, {resolution}."
        )
    if len(divided) < len(found):
        st.markdown(
            f"**Doubtful answers: {len(found) - len(divided):,}.** The network, before it was "
            f"taught them, gave each a chance below {percent(LEAST_LIKELY)}, calibrated on all "
            "answers. Many are slips of the hand, some are what the network has yet to learn: say "
            "what you see. Until then they count as they stand."
        )
    with page_of(len(found), "disagreements") as shown:
        st.dataframe(
            disagreement_table(found[shown]),
            hide_index=True,
            placeholder="–",
            height="auto",
            column_config={
                "identifier": st.column_config.TextColumn(pinned=True),
                "who says what": st.column_config.TextColumn(width="large"),
                "chance of the answer": st.column_config.NumberColumn(format="%.3f"),
            },
        )


_RESOLUTIONS = {
    "latest": "the latest answer counts",
    "majority": "the answer of more people than any other counts, and a tie counts for nothing",
    "unanimous": "none of these answers counts",
}


def disagreement_table(found: Sequence[Disagreement]) -> pd.DataFrame:
    """Put each contested spectrum into a row."""
    return pd.DataFrame(
        {
            "identifier": [one.question.item.identifier for one in found],
            "who says what": [_who_says_what(one.said) for one in found],
            "predicted": [one.question.item.predicted for one in found],
            "chance of the answer": [one.chance for one in found],
            "query": [one.question.query.number for one in found],
        }
    )


def _who_says_what(said: Mapping[str, str]) -> str:
    people: dict[str, list[str]] = defaultdict(list)
    for oracle, name in said.items():
        people[name].append(oracle)
    by_number = sorted(people.items(), key=lambda item: -len(item[1]))
    return " · ".join(f"{name}: {', '.join(who)}" for name, who in by_number)


def _list(people: Sequence[str]) -> str:
    *some, last = [plain(one) for one in people]
    return f"{', '.join(some)} and {last}" if some else last
