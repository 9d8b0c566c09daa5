"""`python -m benchmarks.cases`: searches for different rare objects, seed by seed.

Each case of `active_cnn.spectra.simulation.cases` is a survey: 2000 labelled spectra that are no
targets and 200 that are, and a pool of which 0.3 % are targets. The default recipe runs a whole
campaign in it, with the default strategy and an oracle that tells the truth. The others learn from
the very same labels: the authors' network and recipe, principal components with a logistic
regression, and coniferest's AADForest (`pip install coniferest`; without it that column is left
out), which besides asks questions of its own. `--without` trains the default recipe before any
label without parts of its augmentation.

What has been measured is kept in the folder, piece by piece, and not measured again: give the same
folder to go on; `--report` prints the tables of what is there. The authors' network takes an hour a
training at the wide windows: name it (`--learners paper`), and bound its epochs.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from active_cnn.campaign.committee import target_positions
from active_cnn.campaign.files import open_pool, open_predictions
from active_cnn.campaign.store import Store
from active_cnn.engine import open_engine
from active_cnn.evaluation.calibration import log_odds
from active_cnn.experiment.plan import Arm, Survey, Trial
from active_cnn.experiment.rehearsal import Rehearsal, rehearse
from active_cnn.experiment.trial import CAMPAIGN
from active_cnn.experiment.truth import Oracle
from active_cnn.query.strategies import DEFAULT_STRATEGY
from active_cnn.recipes import DEFAULT_RECIPE
from active_cnn.spectra.simulation.cases import CASES, Case
from active_cnn.spectra.simulation.named import find_case
from benchmarks.case_ablations import ABLATIONS, PARTS
from benchmarks.case_learners import (
    CONIFEREST,
    LEARNERS,
    Learned,
    ask_by_coniferest,
    has_coniferest,
)
from benchmarks.case_results import (
    ALL,
    ASKS,
    DEFAULT,
    PAPER,
    STOPS,
    WITHOUT,
    Record,
    Results,
    print_tables,
)
from benchmarks.case_surveys import Answer, Search, make_survey, read_search

USUAL = tuple(name for name in ALL if name != PAPER)  # which takes hours at wide windows
# From so many pixels on trainings take long, and coniferest does better with components.
WIDE = 500
BATCH, WIDE_BATCH = 100, 200  # answers between two trainings


def measure(search: Search, learned: Learned) -> Record:
    """See how a learner ranks the whole pool, the answered spectra among it.

    `average_precision` leaves out targets that nobody can see; that `of_all` counts them.
    `first` are the visible targets among the first 200 and 500.
    """
    score = learned.score
    can_be_seen = ~search.is_hidden
    order = np.argsort(-score, kind="stable")
    is_sought = search.is_target | search.is_hidden
    return {
        "targets": int(search.is_target.sum()),
        "hidden": int(search.is_hidden.sum()),
        "average_precision": _precision(search.is_target[can_be_seen], score[can_be_seen]),
        "of_all": _precision(is_sought, score),
        "first": {str(n): int(search.is_target[order[:n]].sum()) for n in STOPS if n},
    }


def _precision(truth: NDArray[np.bool_], score: NDArray[np.floating]) -> float:
    return round(float(average_precision_score(truth, score)), 5)


def run_campaign(survey: Survey, seed: int, folder: Path, n_labels: int) -> Trial:
    """Run the default recipe and strategy with an oracle that tells the truth."""
    arm = Arm(
        DEFAULT_STRATEGY,
        recipe=DEFAULT_RECIPE,
        n_labels=n_labels,
        batch=WIDE_BATCH if find_case(survey.case).grid.n > WIDE else BATCH,
        looks_again=False,  # the truth needs no second look
        name=f"default-{survey.case}",
    )
    rehearsal = Rehearsal((arm,), (seed,), {seed: survey}, Oracle(0, 0), folder)
    with open_engine(processes=1) as engine:
        rehearse(rehearsal, engine)
    return rehearsal.trials()[0]


def read_answers(trial: Trial) -> list[Answer]:
    """Give what was answered in a campaign, in order."""
    result = json.loads(trial.result_path.read_text(encoding="utf-8"))
    return [(one["identifier"], one["answer"]) for one in result["answers"]]


def rank_before(search: Search, trial: Trial) -> Learned:
    """Rank the pool by the network that a campaign began with."""
    with Store(trial.folder / "starts" / trial.start_key) as store:
        campaign = store.campaign(CAMPAIGN)
        rows = open_pool(store, campaign).rows(list(search.identifiers))
        said = open_predictions(store, store.iteration(CAMPAIGN)).all_probabilities()
        return Learned(log_odds(said[rows], target_positions(campaign)))


def tell_campaign(search: Search, trial: Trial) -> Iterator[Record]:
    """Give what a campaign had come to at each training."""
    rows = json.loads(trial.result_path.read_text(encoding="utf-8"))["rows"]
    answers = read_answers(trial)
    before = measure(search, rank_before(search, trial))
    for row in rows:
        yield {
            **({"first": before["first"], "of_all": before["of_all"]} if not row["labels"] else {}),
            "labels": row["labels"],
            "targets": row["targets"],
            "hidden": before["hidden"],
            "average_precision": round(row["average_precision"], 5),
            "newest": round(row["predicted_average_precision"], 5),
            **confirm(search, [name for name, _ in answers[: row["labels"]]]),
            "seconds": round(row["seconds"], 1),
        }


def confirm(search: Search, asked: Sequence[str]) -> Record:
    """Count the visible targets that were asked about, and name those that were not."""
    names = np.array(search.identifiers)[search.is_target]
    missed = names[~np.isin(names, asked)]
    return {"confirmed": len(names) - len(missed), "missed": missed.tolist()}


def run_seed(case: Case, seed: int, options: argparse.Namespace, results: Results) -> None:
    """Measure all that has not been measured yet of a case and a seed."""
    piece = {"case": case.name, "seed": seed, "pool": options.pool}
    wanted = [
        *((WITHOUT + part, 0) for part in options.without),
        *((learner, labels) for learner in options.learners for labels in options.at),
    ]
    todo = [
        (learner, labels)
        for learner, labels in wanted
        if not results.has(**piece, learner=learner, labels=labels)
        and not (learner == ASKS and not labels)
    ]
    if not todo:
        return
    survey = make_survey(options.folder, case, seed, options.pool)
    search = read_search(survey, case)
    trial = None
    if any(labels or learner == DEFAULT for learner, labels in todo if learner != ASKS):
        trial = run_campaign(survey, seed, options.folder, max(STOPS))
    if trial and any(learner == DEFAULT for learner, _ in todo):
        for record in tell_campaign(search, trial):
            if not results.has(**piece, learner=DEFAULT, labels=record["labels"]):
                results.add({**piece, "learner": DEFAULT, **record})
    for name, labels in todo:
        learn = {**LEARNERS, **ABLATIONS}.get(name)
        if learn is None:
            continue
        began = time.monotonic()
        labelled = search.labelled(read_answers(trial)[:labels] if trial and labels else [])
        learned = learn(search, labelled, seed, options.epochs)
        seconds = round(time.monotonic() - began, 1)
        found = {"labels": labels, **measure(search, learned), "seconds": seconds}
        results.add({**piece, "learner": name, **found, "said": learned.said})
    stops = [labels for learner, labels in todo if learner == ASKS]
    if stops:
        began = time.monotonic()
        features = "components" if case.grid.n > WIDE else "windows"
        for labels, (told, learned) in ask_by_coniferest(search, features, seed, stops).items():
            found = {**measure(search, learned), **confirm(search, [name for name, _ in told])}
            seconds = round(time.monotonic() - began, 1)
            results.add({**piece, "learner": ASKS, "labels": labels, **found, "seconds": seconds})


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    command = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    command.add_argument("--folder", type=Path, default=Path("benchmarks/.cases"))
    command.add_argument("--seeds", type=_seeds, default="4-6", metavar="A-B")
    command.add_argument("--cases", nargs="+", default=list(CASES), choices=CASES)
    command.add_argument("--pool", type=int, default=40_000, help="spectra of the pool")
    command.add_argument("--learners", nargs="*", default=list(USUAL), choices=ALL, metavar="NAME",
                         help=f"of {', '.join(ALL)} (default: all but paper)")  # fmt: skip
    command.add_argument("--without", nargs="+", default=[], choices=PARTS, metavar="PART",
                         help=f"of {', '.join(PARTS)}, before any label")  # fmt: skip
    command.add_argument("--at", nargs="+", type=int, default=list(STOPS), choices=STOPS,
                         help="after how many answers")  # fmt: skip
    command.add_argument("--epochs", type=int, default=1000, help="of the authors' network")
    command.add_argument("--report", action="store_true", help="tables of what is there; run none")
    return command.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is asked for and not there yet, and print the tables."""
    options = parse(arguments)
    options.folder = options.folder.resolve()
    options.folder.mkdir(parents=True, exist_ok=True)
    results = Results(options.folder / "results.jsonl")
    if not options.report:
        if not has_coniferest():
            options.learners = [one for one in options.learners if "coniferest" not in one]
            print(f"coniferest is missing and left out: `pip install {CONIFEREST}`.", flush=True)
        for seed in options.seeds:
            for name in options.cases:
                run_seed(CASES[name], seed, options, results)
    print_tables([one for one in results.records if one["pool"] == options.pool])


if __name__ == "__main__":
    main()
