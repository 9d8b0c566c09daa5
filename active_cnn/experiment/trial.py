"""One campaign from its beginning to its last label, on the product's own parts.

This module reaches TensorFlow: worker processes alone import it.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from active_cnn.campaign.campaign import close_iteration
from active_cnn.campaign.committee import mean_log_odds, target_positions
from active_cnn.campaign.confidence import THRESHOLD, find_confidence
from active_cnn.campaign.demo import create_on_case
from active_cnn.campaign.doubts import open_doubts
from active_cnn.campaign.files import open_pool, open_predictions
from active_cnn.campaign.iteration import remove_superseded_files, run_iteration
from active_cnn.campaign.labelling import Task, record
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.store import Store
from active_cnn.errors import AcquisitionError
from active_cnn.evaluation.calibration import log_odds
from active_cnn.experiment.plan import Arm, Trial
from active_cnn.experiment.truth import Truth, read_truth
from active_cnn.records import AnswerEvent, Campaign, Purpose, Query
from active_cnn.spectra.pool import Pool
from active_cnn.spectra.simulation.named import find_case
from active_cnn.whole_file import write_whole

CAMPAIGN = "rehearsal"
ORACLE = "simulated"
_NAMES = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # RFC 9562: of addresses


def begin(trial: Trial) -> None:
    """Train the first iteration, which knows no answers: every strategy begins with it."""
    home = trial.folder / "starts" / trial.start_key
    if home.exists():
        return
    unfinished = home.with_name(f"unfinished-{home.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    with Store(unfinished) as store:
        survey = trial.survey
        case = find_case(survey.case)
        create_on_case(store, CAMPAIGN, case, survey.training, survey.pool, seed=trial.seed)
        _train(store, trial)
    unfinished.replace(home)


def run(trial: Trial) -> None:
    """Run a campaign to its last label; what an earlier run has done is not done again."""
    if trial.result_path.exists():
        return
    home = trial.folder / "campaigns" / trial.key
    if not home.exists():
        unfinished = home.with_name(f"unfinished-{home.name}")
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(trial.folder / "starts" / trial.start_key, unfinished)
        unfinished.replace(home)
    with Store(home) as store:
        campaign = store.campaign(CAMPAIGN)
        pool = open_pool(store, campaign)
        truth = read_truth(trial.survey.truth, campaign, pool)
        while True:
            if store.iteration(CAMPAIGN).result is None:
                _train(store, trial)
            if not _ask(store, campaign, trial, pool, truth):
                break
            _look_again(store, campaign, trial, pool, truth)
            close_iteration(store, campaign)
        rows = _history(store, campaign, pool, truth, trial)
        answers = _tell_answers(store)
    result = {"trial": _plain(trial), "rows": rows, "answers": answers}
    trial.result_path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(trial.result_path, json.dumps(result, indent=1).encode())
    shutil.rmtree(home)


def _plain(trial: Trial) -> Any:
    return json.loads(json.dumps(asdict(trial), default=str))


def _train(store: Store, trial: Trial) -> None:
    iteration = store.iteration(CAMPAIGN)
    active = store.active_job(CAMPAIGN)
    # A run that was killed has left its job behind.
    settings = trial.arm.settings(iteration.seed % 2**32)
    job = active or store.add_job(CAMPAIGN, iteration.number, settings)
    store.start_job(job.number)
    result = run_iteration(store, job, lambda *_: None)
    store.finish_job(job.number, result)
    remove_superseded_files(store, job, result)


def _ask(store: Store, campaign: Campaign, trial: Trial, pool: Pool, truth: Truth) -> bool:
    arm = trial.arm
    queries = store.queries(store.iteration(CAMPAIGN), Purpose.RELABEL)
    if not queries:
        size = min(arm.batch, arm.n_labels - _spent(store, arm)) - arm.n_looks
        if size < 1:  # too few are left for a question beside the second looks
            return False
        try:
            queries = [
                draw_relabel_query(
                    store, campaign, arm.strategy, size, shares=dict(arm.shares) or None
                )
            ]
        except AcquisitionError:  # nothing is left that the strategy would ask about
            return False
    for query in queries:
        _answer(store, campaign, trial, query, pool, truth)
    return True


def _spent(store: Store, arm: Arm) -> int:
    queries = store.all_queries(CAMPAIGN)
    return sum(len(query.items) + arm.n_looks for query in queries)


def _answer(
    store: Store, campaign: Campaign, trial: Trial, query: Query, pool: Pool, truth: Truth
) -> None:
    asked = [item.identifier for item in query.items]
    named = dict(zip(asked, pool.rows(asked).tolist(), strict=True))
    oracle = replace(trial.oracle, seed=trial.seed)
    said = oracle.judge(campaign, truth, named, asked)
    events = [
        AnswerEvent(uuid.uuid5(_NAMES, f"{query.number}/{name}").hex, query.number, name, answer)
        for name, answer in said.items()
    ]
    store.add_answers(CAMPAIGN, events, ORACLE)


def _look_again(store: Store, campaign: Campaign, trial: Trial, pool: Pool, truth: Truth) -> None:
    known = store.iteration(CAMPAIGN).answers_through
    if any(one.sequence > known for one in store.adjudications(CAMPAIGN).values()):
        return  # a run that was killed has looked already
    doubts = open_doubts(store, campaign)[: trial.arm.n_looks]
    named = dict(zip(doubts, pool.rows(doubts).tolist(), strict=True))
    oracle = replace(trial.oracle, seed=trial.seed)
    said = oracle.judge(campaign, truth, named, doubts, is_again=True)
    query = {one.identifier: one.query for one in store.answer_log(CAMPAIGN)}
    events = [
        AnswerEvent(uuid.uuid5(_NAMES, f"again/{name}").hex, query[name], name, answer)
        for name, answer in said.items()
    ]
    record(store, campaign, Task.ADJUDICATE, events, ORACLE)


def _tell_answers(store: Store) -> list[dict[str, Any]]:
    # What others that are to learn from the very same labels are given.
    known = store.current_answers(CAMPAIGN, store.iteration(CAMPAIGN))
    return [
        {"iteration": query.iteration, "identifier": name, "answer": known[name].answer}
        for query in store.all_queries(CAMPAIGN)
        for name in (item.identifier for item in query.items)
        if name in known
    ]


def _history(
    store: Store, campaign: Campaign, pool: Pool, truth: Truth, trial: Trial
) -> list[dict[str, Any]]:
    rows = []
    queries = store.all_queries(CAMPAIGN)
    for iteration in store.iterations(CAMPAIGN):
        if iteration.result is None:
            continue
        drawn = [query for query in queries if query.iteration < iteration.number]
        asked = [item.identifier for query in drawn for item in query.items]
        known = store.current_answers(CAMPAIGN, iteration)
        said = {name: known[name].answer for name in asked if name in known}
        probabilities = open_predictions(store, iteration).all_probabilities()
        confidence = find_confidence(store, campaign, iteration, before=True)
        odds = mean_log_odds(store, campaign, iteration)
        border = confidence.border(THRESHOLD) if confidence else None
        rows.append(
            {
                "arm": trial.arm.title,
                "seed": trial.seed,
                "iteration": iteration.number,
                "labels": len(asked) + len(drawn) * trial.arm.n_looks,
                "looked_again": sum(one.is_adjudication for one in known.values()),
                **measure(
                    campaign,
                    truth,
                    probabilities,
                    odds,
                    border,
                    pool.rows(list(said)),
                    said.values(),
                ),
                "seconds": sum(iteration.result.seconds.values()),
            }
        )
    return rows


def measure(
    campaign: Campaign,
    truth: Truth,
    probabilities: NDArray[np.float32],
    odds: NDArray[np.float64],
    border: float | None,
    answered: NDArray[np.int64],
    answers: Iterable[str | None],
) -> dict[str, float]:
    """See what a campaign has come to.

    Parameters
    ----------
    campaign, truth
        What is looked for, and what there is.
    probabilities : ndarray, shape (n_pool, n_classes)
        What the newest network says.
    odds : ndarray, shape (n_pool,)
        What the newest networks say together.
    border : float or None
        Of these, from which on a spectrum is listed; None: the newest network alone is asked.
    answered, answers
        Rows, and what was said of them.

    Returns
    -------
    dict of str to float
        found: targets among the answered; share_found: share of them;
        predicted: what the newest network calls a target, with what was confirmed and without what
        was refuted, predicted_precision and predicted_recall of these, and
        predicted_average_precision: of this network alone over the pool; candidates, precision and
        recall: of what the candidate table lists, confirmed or probable enough; average_precision:
        of the networks' ranking that this follows; targets: visible ones in the pool.
        A precision counts targets that are too faint to be seen as right; a recall leaves them
        out.
    """
    is_sought = truth.is_target | truth.is_hidden
    targets = target_positions(campaign)
    known = np.nan_to_num(probabilities)
    is_scored = ~np.isnan(probabilities[:, 0])
    is_predicted = np.isin(known.argmax(axis=1), targets) & is_scored
    is_listed = is_predicted.copy() if border is None else odds >= border
    for row, answer in zip(answered, answers, strict=True):
        if answer in campaign.trains:
            is_predicted[row] = is_listed[row] = answer in campaign.target_answers
    ranked = is_scored & ~truth.is_hidden
    nan = float("nan")

    def of(chosen: NDArray[np.bool_]) -> tuple[int, float, float]:
        n = int(chosen.sum())
        precision = float(is_sought[chosen].mean()) if n else nan
        return n, precision, float(chosen[truth.is_target].mean())

    def rank(by: NDArray[np.floating]) -> float:
        return float(average_precision_score(truth.is_target[ranked], by[ranked]))

    predicted, predicted_precision, predicted_recall = of(is_predicted)
    candidates, precision, recall = of(is_listed)
    return {
        "found": int(is_sought[answered].sum()),
        "share_found": float(is_sought[answered].mean()) if len(answered) else nan,
        "predicted": predicted,
        "predicted_precision": predicted_precision,
        "predicted_recall": predicted_recall,
        "candidates": candidates,
        "precision": precision,
        "recall": recall,
        # Not the probability, which is exactly 1 for hundreds where a network is too sure.
        "predicted_average_precision": rank(log_odds(known, targets)),
        "average_precision": rank(odds),
        "targets": int(truth.is_target.sum()),
    }
