"""How complete the predictions are: planning, drawing, judging and reading an audit."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from active_cnn.campaign.audit import (
    AUDIT_FLOOR,
    AUDIT_SIZE,
    ELUSION_SIZE,
    Audit,
    AuditPlan,
    draw_audit,
    measure_audit,
    plan_audit,
)
from active_cnn.campaign.labelling import Task
from active_cnn.campaign.second_looks import MissedTarget
from active_cnn.evaluation.completeness import Completeness
from active_cnn.evaluation.precision import Unsure
from active_cnn.evaluation.proportions import percentage
from active_cnn.records import SharingMode
from active_cnn.search import Search
from active_cnn.ui import cached
from active_cnn.ui.counts import counts_in
from active_cnn.ui.labelling import judge, select_to_open, show_list
from active_cnn.ui.page import View, acting, say
from active_cnn.ui.text import PERCENT, plain
from active_cnn.wording import one_or_many

MOST = 20_000
_COUNTED = {
    Unsure.EXCLUDED: "left out",
    Unsure.WRONG: "counted as no targets",
    Unsure.RIGHT: "counted as targets",
}


def show_completeness(view: View) -> None:
    """Guide through an audit of the open iteration, from its plan to its figures."""
    desk = cached.desk(view.store, view.campaign, Task.AUDIT)
    if not desk.questions:
        _offer(view)
        return
    judge(view, Task.AUDIT)
    show_list(view, desk)
    st.caption(
        "These spectra were drawn at random within strata of ranks, before anybody looked, and "
        "their answers are not trained on in the iteration that they measure."
    )
    audit = measure_audit(view.store, view.campaign, view.iteration)
    if audit:
        _show(audit, view.campaign.search)
        # Where people judge apart from each other, each spectrum is judged twice as it is.
        if view.store.sharing(view.campaign.name).mode is not SharingMode.DOUBLE:
            _offer_second_look(view, audit)
        _show_strata(audit)


def _offer_second_look(view: View, audit: Audit) -> None:
    missed = [one for one in audit.missed if one.n_spectra > 1]
    if not missed or not audit.words:
        return
    n_once = sum(one.n_named < 2 for one in missed)
    todo = (
        f"Named one only once so far: {n_once}. Select a row and say what you see, the same answer "
        "too."
        if n_once
        else "Each was named one twice."
    )
    st.markdown(
        f"**Look again.** Spectra named targets that are not predicted to be: {len(missed)}. "
        f"Each stands for many others, up to {missed[0].n_spectra:,.0f}, so that a slip of "
        f"the hand moves the figures more here than anywhere else. {todo}"
    )
    select_to_open(
        missed_table(missed),
        f"missed-{view.campaign.name}",
        column_config={"stands for": st.column_config.NumberColumn(format="%.0f spectra")},
    )


def _offer(view: View) -> None:
    st.markdown(
        "Precision says how many of the predicted targets are right. **Completeness** (recall) "
        "says how many of the targets are predicted, and is measured on a sample of the whole "
        "ranking: a quarter of the labels among the predicted targets, the others in strata of "
        "ranks below them, down to an audit floor. Below it only a bound can be given: at most so "
        "many are missed."
    )
    first, second, third = st.columns(3)
    first.number_input("Labels above the floor", 10, MOST, AUDIT_SIZE, key="audit-size")
    second.number_input(
        "Audit floor (rank)",
        10,
        None,
        AUDIT_FLOOR,
        key="audit-floor",
        help="Recall is claimed of so many of the best-ranked spectra; of a smaller pool, of all.",
    )
    third.number_input("Labels below the floor", 0, MOST, ELUSION_SIZE, key="audit-below")
    size, floor, below = (st.session_state[f"audit-{name}"] for name in ("size", "floor", "below"))
    plan = plan_audit(view.store, view.campaign, size, floor)
    st.info(_promise(plan, size, min(below, len(plan.ranked) - plan.floor)))
    planned = _plan_table(plan)
    st.dataframe(planned, hide_index=True, column_config=counts_in(planned))
    n_drawn = view.store.count_queries(view.campaign.name)
    st.button(
        "Draw this audit",
        key=f"draw-audit-{view.campaign.name}-{n_drawn}",
        type="primary",
        on_click=_draw,
        args=(view.campaign.name, n_drawn),
    )


def _promise(plan: AuditPlan, size: int, n_below: int) -> str:
    if plan.confidence:
        said = (
            f"the newest networks' probabilities (by a {plan.confidence}, and continued to spectra "
            "of which no answer tells)"
        )
        warning = ""
    else:
        said = "the network's own probabilities"
        warning = (
            " They could not be held against answers, and a network promises too much: judge a "
            "random sample under Precision first, if you can."
        )
    n = size + n_below
    return (
        f"{n:,} {one_or_many(n, 'spectrum', 'spectra')} to judge. If {said} are right, some "
        f"{plan.expected.sum():,.0f} targets lie above rank {plan.floor:,}, and the 95 % interval "
        f"of the recall will be about {plan.width:.2f} wide.{warning}"
    )


def _plan_table(plan: AuditPlan) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "ranks": [f"{one.start + 1:,}–{one.stop:,}" for one in plan.strata],
            "spectra": [one.size for one in plan.strata],
            "targets expected": plan.expected.round(1),
            "labels": plan.allocation,
        }
    )


# The count of queries goes with the click: a second one on the same button draws nothing more.
@acting
def _draw(view: View, n_drawn: int) -> None:
    if view.store.count_queries(view.campaign.name) == n_drawn:
        size, floor, below = (
            st.session_state[f"audit-{name}"] for name in ("size", "floor", "below")
        )
        query = draw_audit(view.store, view.campaign, size, floor, below)
        st.query_params.pop("identifier", None)
        n = len(query.items)
        drawn = one_or_many(n, "spectrum was", "spectra were")
        say(f"{n:,} {drawn} drawn with the seed {query.seed}.")


def _show(audit: Audit, search: Search) -> None:
    st.subheader("Completeness", anchor=False)
    n_open = int((audit.n_drawn - audit.n_judged - audit.n_unsure).sum())
    if n_open:
        left = one_or_many(n_open, "spectrum above the floor is", "spectra above the floor are")
        st.caption(f"{n_open:,} {left} still to be judged.")
    if not audit.words:
        st.info("Each stratum needs two labels before anything can be said: judge more.")
    else:
        st.markdown(plain(audit.words))
        table = completeness_table(audit)
        st.dataframe(
            table,
            hide_index=True,
            placeholder="–",
            column_config=counts_in(table)
            | {
                name: st.column_config.NumberColumn(format=PERCENT)
                for name in ("recall", "95 % from", "95 % to")
            },
        )
        if audit.listed or audit.rule:
            others = others_table(audit)
            st.markdown("**By the same labels**")
            st.dataframe(
                others,
                hide_index=True,
                placeholder="–",
                column_config={
                    name: st.column_config.NumberColumn(format=PERCENT)
                    for name in others.columns[1:]
                },
            )
            which = " ".join(_WHICH[name] for name in others["which"])
            st.caption(which.format(rule=search.describe_rule()))


def _show_strata(audit: Audit) -> None:
    with st.expander("Stratum by stratum"):
        table = strata_table(audit)
        st.dataframe(table, hide_index=True, column_config=counts_in(table))
    st.caption(
        "Each stratum stands for its size; limits from posterior draws of the targets of each "
        "stratum, whose coverage was checked on simulated surveys. Nothing is claimed of spectra "
        "that the network has learned from."
    )


_WHICH = {
    "network": "The network: what it predicts, above the audit floor.",
    "candidate list": (
        "The candidate list: at its usual threshold, as it was when the audit was drawn; the "
        "confirmed targets that the network has learned from count as found."
    ),
    "rule": "The rule: {rule}, above the audit floor.",
}


def completeness_table(audit: Audit) -> pd.DataFrame:
    """Put the recall into rows, by what unsure answers are counted as."""
    n_found = int(audit.n_positive.sum())
    known: dict[str, Completeness] = {
        text: found for counted, text in _COUNTED.items() if (found := audit.completeness[counted])
    }
    return pd.DataFrame(
        {
            "unsure ones": list(known),
            "recall": [percentage(one.recall, n_found) for one in known.values()],
            "95 % from": [percentage(one.low, n_found) for one in known.values()],
            "95 % to": [percentage(one.high, n_found) for one in known.values()],
            "targets predicted": [round(one.n_true) for one in known.values()],
            "targets missed": [round(one.n_missed) for one in known.values()],
            "missed, at most": [round(one.n_missed_high) for one in known.values()],
        }
    )


def others_table(audit: Audit) -> pd.DataFrame:
    """Put the network, the candidate list and the rule into a row each."""
    found = audit.completeness[Unsure.EXCLUDED]
    size = audit.strata[0].size
    others = {"candidate list": audit.listed, "rule": audit.rule}
    rows: dict[str, tuple[float, ...]] = {
        name: (
            one.precision, one.precision_low, one.precision_high,
            one.recall, one.recall_low, one.recall_high,
        )
        for name, one in others.items()
        if one
    }  # fmt: skip
    if found:
        pure = (one / size for one in (found.n_true, found.n_true_low, found.n_true_high))
        rows = {"network": (*pure, found.recall, found.low, found.high), **rows}
    columns = [f"{what}{end}" for what in ("precision", "recall") for end in ("", " from", " to")]
    # So many targets tell all of these apart, however many others were judged.
    n_found = int(audit.n_positive.sum())
    shown = {name: [percentage(one, n_found) for one in row] for name, row in rows.items()}
    table = pd.DataFrame.from_dict(shown, orient="index", columns=columns)
    return table.rename_axis("which").reset_index()


def missed_table(missed: Sequence[MissedTarget]) -> pd.DataFrame:
    """Put the targets that are not predicted into rows."""
    return pd.DataFrame(
        {
            "identifier": [one.identifier for one in missed],
            "answer": [one.answer for one in missed],
            "stands for": [one.n_spectra for one in missed],
            "times named": [one.n_named for one in missed],
        }
    )


def strata_table(audit: Audit) -> pd.DataFrame:
    """Put the strata into rows, and the sample below the floor."""
    floor = audit.strata[-1].stop
    table = pd.DataFrame(
        {
            "ranks": [f"{one.start + 1:,}–{one.stop:,}" for one in audit.strata],
            "spectra": [one.size for one in audit.strata],
            "drawn": audit.n_drawn,
            "judged": audit.n_judged,
            "targets": audit.n_positive,
            "unsure": audit.n_unsure,
        }
    )
    if audit.n_below:
        table.loc[len(table)] = {
            "ranks": f"below {floor:,}",
            "spectra": audit.n_ranked - floor,
            "drawn": audit.n_below,
            "judged": audit.n_below_judged,
            "targets": audit.n_below_positive,
            "unsure": 0,
        }
    return table
