"""How complete the predictions are: an audit of the ranks, drawn, judged, and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from active_cnn.campaign.committee import mean_log_odds
from active_cnn.campaign.confidence import THRESHOLD, Confidence, find_confidence
from active_cnn.campaign.files import open_pool
from active_cnn.campaign.questions import ask, open_scored, query_seed
from active_cnn.campaign.rule import rule_significance
from active_cnn.campaign.sampling import measurable
from active_cnn.campaign.second_looks import MissedTarget, look_at_missed
from active_cnn.campaign.store import Store
from active_cnn.errors import AcquisitionError, CampaignError, StoreError
from active_cnn.evaluation.completeness import (
    FEWEST_LABELS,
    AuditedClassifier,
    Completeness,
    Stratum,
    allocate,
    describe_completeness,
    design_strata,
    estimate_completeness,
    estimate_other,
    expected_width,
)
from active_cnn.evaluation.precision import Unsure
from active_cnn.query.scored import Choice
from active_cnn.records import Answer, Campaign, Iteration, Purpose, Query

AUDIT_SIZE = 300
ELUSION_SIZE = 100
AUDIT_FLOOR = 50_000
BELOW = "below the floor"


@dataclass(frozen=True, eq=False)
class AuditPlan:
    """An audit that could be drawn.

    Parameters
    ----------
    ranked : ndarray of int, shape (n_ranked,)
        Rows of the pool that the network has not learned from, the predicted targets first and
        each part by falling probability of being a target.
    strata : tuple of Stratum
        Of their ranks down to the audit floor.
    allocation : tuple of int
        Labels of each.
    expected : ndarray, shape (n_strata,)
        Targets in each stratum, if the probabilities are right.
    width : float
        Of the recall's 95 % interval, on average, if `expected` is right.
    confidence : Confidence or None
        What the probabilities were turned by, below the predicted targets as a continuation; None
        where they are the network's own, for want of answers or of earlier predictions.
    odds : ndarray or None
        Log odds of the spectra above the floor that it turns, in their order; None without it.
    """

    ranked: NDArray[np.int64]
    strata: tuple[Stratum, ...]
    allocation: tuple[int, ...]
    expected: NDArray[np.float64]
    width: float
    confidence: Confidence | None
    odds: NDArray[np.float64] | None

    @property
    def floor(self) -> int:
        """Spectra above the audit floor."""
        return self.strata[-1].stop


def plan_audit(
    store: Store, campaign: Campaign, size: int = AUDIT_SIZE, floor: int = AUDIT_FLOOR
) -> AuditPlan:
    """Plan an audit of the open iteration, and tell what its labels would buy.

    Parameters
    ----------
    store, campaign
        Read only.
    size : int
        Labels above the floor.
    floor : int
        How many of the best-ranked spectra the recall is claimed of; all of a smaller pool.

    Raises
    ------
    CampaignError
        If the open iteration has not been scored.
    EvaluationError
        If nothing is predicted, the floor lies within the predictions, or the labels do not
        suffice for the strata.
    """
    iteration = store.iteration(campaign.name)
    pool = open_pool(store, campaign)
    scored = open_scored(store, campaign, iteration, pool)
    is_ranked = measurable(store, campaign, iteration, pool)
    rows = np.flatnonzero(is_ranked & np.isfinite(scored.p_target))
    order = np.lexsort((-scored.p_target[rows], ~scored.is_target[rows]))
    ranked = rows[order]
    n_predicted = int(scored.is_target[rows].sum())
    strata = design_strata(n_predicted, min(floor, len(ranked)), len(ranked))
    allocation = allocate(size, strata)
    above = ranked[: strata[-1].stop]
    confidence, odds = _find_confidence(store, campaign, iteration, above)
    if confidence is None or odds is None:
        p = scored.p_target[above].astype(float)
    else:
        p = confidence.p_target(odds)
    expected = _by_stratum(strata, p)
    rng = np.random.default_rng(iteration.seed)
    width = expected_width(strata, allocation, expected, rng)
    return AuditPlan(ranked, strata, allocation, expected, width, confidence, odds)


def _find_confidence(
    store: Store, campaign: Campaign, iteration: Iteration, rows: NDArray[np.int64]
) -> tuple[Confidence, NDArray[np.float64]] | tuple[None, None]:
    try:
        found = find_confidence(store, campaign, iteration)
        return (found, mean_log_odds(store, campaign, iteration, rows)) if found else (None, None)
    except StoreError:  # predictions of an earlier iteration are gone
        return None, None


def draw_audit(
    store: Store,
    campaign: Campaign,
    size: int = AUDIT_SIZE,
    floor: int = AUDIT_FLOOR,
    n_below: int = ELUSION_SIZE,
    seed: int | None = None,
) -> Query:
    """Draw an audit of the open iteration: at random within each stratum of ranks.

    Parameters
    ----------
    store, campaign
        Where the query is kept.
    size, floor : int
        As for `plan_audit`.
    n_below : int
        Spectra that are drawn at random from below the floor.
    seed : int, optional
        By default derived from the campaign's.

    Raises
    ------
    AcquisitionError
        If the iteration has been audited already.
    CampaignError
        If the open iteration has not been scored.
    EvaluationError
        As for `plan_audit`.
    """
    iteration = store.iteration(campaign.name)
    if store.queries(iteration, Purpose.AUDIT):
        raise AcquisitionError(
            f"Iteration {iteration.number} is being audited already. Judge what has been drawn; "
            "the next iteration can have an audit of its own."
        )
    if n_below < 0:
        raise AcquisitionError(f"Cannot draw {n_below} spectra below the floor: give 0 or more.")
    plan = plan_audit(store, campaign, size, floor)
    seed = query_seed(store, campaign, iteration) if seed is None else seed
    rng = np.random.default_rng(seed)
    parts = [
        Choice.by_chance(
            f"stratum {number}",
            rng.choice(plan.ranked[stratum.start : stratum.stop], n, replace=False),
        )
        for number, (stratum, n) in enumerate(zip(plan.strata, plan.allocation, strict=True))
    ]
    rest = plan.ranked[plan.floor :]
    if n_below and len(rest):
        rows = rng.choice(rest, min(n_below, len(rest)), replace=False)
        parts.append(Choice.by_chance(BELOW, rows))
    drawn = Choice.of_all(parts)
    return ask(
        store,
        campaign,
        iteration,
        Purpose.AUDIT,
        "audit",
        size,
        seed,
        # In an order drawn too, so that what has been judged so far is a random part of it.
        drawn.take(rng.permutation(len(drawn))),
        design={
            "edges": [0, *(stratum.stop for stratum in plan.strata)],
            "n_ranked": len(plan.ranked),
            "called_by_rule": _count_called(store, campaign, plan),
            "listed": _describe_list(store, campaign, plan),
        },
    )


def _count_called(store: Store, campaign: Campaign, plan: AuditPlan) -> list[int] | None:
    significance = rule_significance(store, campaign)
    if significance is None:
        return None
    is_called = significance[plan.ranked[: plan.floor]] >= campaign.search.sigma
    return _by_stratum(plan.strata, is_called).tolist()


def _by_stratum(strata: Sequence[Stratum], ranked: NDArray[Any]) -> NDArray[Any]:
    return np.array([ranked[one.start : one.stop].sum() for one in strata])


def _describe_list(store: Store, campaign: Campaign, plan: AuditPlan) -> dict[str, Any] | None:
    # Fixed now: later answers, the audit's own ones too, move the calibration and the list.
    if plan.confidence is None or plan.odds is None:
        return None
    border = plan.confidence.border(THRESHOLD)
    answers = store.current_answers(campaign.name)
    said = _by_row(store, campaign, answers)
    is_listed = _is_listed(campaign, plan.ranked[: plan.floor], plan.odds >= border, said)
    confirmed = [row for row, answer in said.items() if answer in campaign.target_answers]
    return {
        "log_odds_from": border,
        "n_listed": _by_stratum(plan.strata, is_listed).tolist(),
        "n_confirmed": int((~np.isin(confirmed, plan.ranked)).sum()),
        "answers_through": max((one.sequence for one in answers.values()), default=0),
    }


def _by_row(
    store: Store, campaign: Campaign, answers: Mapping[str, Answer]
) -> dict[int, str | None]:
    rows = open_pool(store, campaign).rows(list(answers)).tolist()
    return {row: one.answer for row, one in zip(rows, answers.values(), strict=True)}


def _is_listed(
    campaign: Campaign,
    rows: NDArray[np.int64],
    is_called: NDArray[np.bool_],
    said: Mapping[int, str | None],
) -> NDArray[np.bool_]:
    # What has been confirmed is listed, and what has been refuted is not.
    is_listed = is_called.copy()
    targets = campaign.target_answers
    for place in np.flatnonzero(np.isin(rows, list(said))):
        answer = said[int(rows[place])]
        if answer in campaign.trains:
            is_listed[place] = answer in targets
    return is_listed


@dataclass(frozen=True, eq=False)
class Audit:
    """What an audit has shown so far.

    Parameters
    ----------
    strata : tuple of Stratum
        Of the ranks.
    n_drawn, n_judged, n_positive, n_unsure : ndarray of int, shape (n_strata,)
        Spectra of each stratum: drawn, named a class, named a target, left unsure.
    completeness : mapping of Unsure to Completeness or None
        The recall above the floor with unsure ones counted as each; None while a stratum has
        fewer than two labels.
    n_ranked : int
        Spectra of the pool that the network has not learned from.
    n_below, n_below_judged, n_below_positive : int
        The sample from below the floor.
    listed : AuditedClassifier or None
        Precision and recall of the candidate list, as it was by its usual threshold when the
        audit was drawn: what is listed above the floor, and the confirmed targets that the
        network has learned from. None while they cannot be told, if nothing was calibrated then,
        or if the predictions of an earlier iteration are gone.
    rule : AuditedClassifier or None
        The same of the plain rule, where the search has one.
    missed : tuple of MissedTarget
        Those that stand for the most spectra first. A slip of the hand that makes one of these
        moves the recall more than any other, so that they are to be looked at twice.
    words : str
        What may be claimed; '' while nothing can be.
    """

    strata: tuple[Stratum, ...]
    n_drawn: NDArray[np.int64]
    n_judged: NDArray[np.int64]
    n_positive: NDArray[np.int64]
    n_unsure: NDArray[np.int64]
    completeness: Mapping[Unsure, Completeness | None]
    n_ranked: int
    n_below: int
    n_below_judged: int
    n_below_positive: int
    listed: AuditedClassifier | None
    rule: AuditedClassifier | None
    missed: tuple[MissedTarget, ...]
    words: str


def measure_audit(store: Store, campaign: Campaign, iteration: Iteration) -> Audit | None:
    """Read an iteration's audit by the current answers; None where none has been drawn.

    Raises
    ------
    CampaignError
        If the audit's design is not one of this version.
    """
    query = next(iter(store.queries(iteration, Purpose.AUDIT)), None)
    if query is None:
        return None
    try:
        edges, n_ranked = query.design["edges"], int(query.design["n_ranked"])
    except KeyError as error:
        raise CampaignError(
            f"The audit of query {query.number} does not say how it was drawn ({error} is "
            "missing): draw another one in the next iteration."
        ) from error
    strata = tuple(Stratum(*pair) for pair in zip(edges, edges[1:], strict=False))
    place = {f"stratum {number}": number for number in range(len(strata))} | {BELOW: len(strata)}
    answers = store.current_answers(campaign.name)
    targets = campaign.target_answers
    counts = np.zeros((4, len(strata) + 1), dtype=np.int64)  # drawn, judged, positive, unsure
    missed: list[tuple[Answer, int]] = []
    for item in query.items:
        column = place[item.chosen_by]
        counts[0, column] += 1
        given = answers.get(item.identifier)
        if given and given.answer in campaign.trains:
            counts[1, column] += 1
            counts[2, column] += given.answer in targets
            if column and given.answer in targets:
                missed.append((given, column))
        elif given and given.answer:
            counts[3, column] += 1
    drawn, judged, positive, unsure = counts[:, :-1]
    sizes = np.array([one.size for one in strata])
    stands_for = np.array([*sizes, n_ranked - strata[-1].stop]) / np.maximum(counts[1], 1)

    def recall(counted: Unsure) -> Completeness | None:
        n = judged + (0 if counted is Unsure.EXCLUDED else unsure)
        k = positive + (unsure if counted is Unsure.RIGHT else 0)
        if (n < np.minimum(FEWEST_LABELS, sizes)).any():
            return None
        return _estimate(*(tuple(one.tolist()) for one in (sizes, n, k)), query.seed)

    completeness = {counted: recall(counted) for counted in Unsure}
    main = completeness[Unsure.EXCLUDED]
    _, n_below_judged, n_below_positive, _ = (int(n) for n in counts[:, -1])
    rule = listed = None
    words = ""
    if main:
        others = _OtherClassifiers(store, campaign, iteration, query, answers, place, sizes)
        listed, rule = others.listed(), others.rule()
        words = describe_completeness(
            main, strata[-1].stop, n_ranked, n_below_judged, n_below_positive
        )
    return Audit(
        strata,
        drawn,
        judged,
        positive,
        unsure,
        completeness,
        n_ranked,
        int(counts[0, -1]),
        n_below_judged,
        n_below_positive,
        listed,
        rule,
        look_at_missed(
            store, campaign, [(one, float(stands_for[column])) for one, column in missed]
        ),
        words,
    )


@lru_cache(maxsize=64)
def _estimate(
    sizes: tuple[int, ...], n: tuple[int, ...], k: tuple[int, ...], seed: int
) -> Completeness:
    # The page of iterations asks for those of all audits, of which most have long been judged.
    return estimate_completeness(sizes, n, k, np.random.default_rng(seed))


class _OtherClassifiers:
    """Other classifiers, by the same labels."""

    def __init__(
        self,
        store: Store,
        campaign: Campaign,
        iteration: Iteration,
        query: Query,
        answers: Mapping[str, Answer],
        place: Mapping[str, int],
        sizes: NDArray[np.int64],
    ) -> None:
        self._store, self._campaign, self._iteration = store, campaign, iteration
        self._query, self._sizes = query, sizes
        targets = campaign.target_answers
        judged = [
            (item.identifier, place[item.chosen_by], answers[item.identifier].answer in targets)
            for item in query.items
            if place[item.chosen_by] < len(sizes)
            and item.identifier in answers
            and answers[item.identifier].answer in campaign.trains
        ]
        names, self._strata, self._is_true = (np.array(one) for one in zip(*judged, strict=True))
        self._names: list[str] = names.tolist()
        self._rows = open_pool(store, campaign).rows(self._names)

    def listed(self) -> AuditedClassifier | None:
        design = self._query.design.get("listed")
        if not design:
            return None
        try:
            border, through = design["log_odds_from"], int(design["answers_through"])
            odds = mean_log_odds(self._store, self._campaign, self._iteration, self._rows)
            n_listed, n_confirmed = design["n_listed"], design["n_confirmed"]
        except (KeyError, StoreError):  # of another version; predictions that are gone
            return None
        then = replace(self._iteration, answers_through=through)
        answers = self._store.current_answers(self._campaign.name, then)
        audited = {name: answers[name] for name in self._names if name in answers}
        said = _by_row(self._store, self._campaign, audited)
        is_listed = _is_listed(self._campaign, self._rows, odds >= border, said)
        return self._estimate(is_listed, n_listed, n_confirmed)

    def rule(self) -> AuditedClassifier | None:
        significance = rule_significance(self._store, self._campaign)
        n_called = self._query.design.get("called_by_rule")  # not known to an earlier version
        if significance is None or n_called is None:
            return None
        return self._estimate(
            np.asarray(significance[self._rows]) >= self._campaign.search.sigma, n_called
        )

    def _estimate(
        self, is_called: NDArray[np.bool_], n_called: Sequence[int], n_known: int = 0
    ) -> AuditedClassifier:
        rng = np.random.default_rng(self._query.seed)
        return estimate_other(
            self._sizes, self._strata, self._is_true, is_called, n_called, rng, n_known=n_known
        )
