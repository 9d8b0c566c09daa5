"""`python -m benchmarks.cases`: searches for different rare objects, seed by seed.

For each case of `active_cnn.spectra.simulation.cases` a classifier learns from 2000 labelled
spectra that are no targets and 200 that are, and ranks a pool of which 0.3 % are targets: the
default recipe, the paper's network, or principal components with a logistic regression. The
paper's network is off by default (`--methods` turns it on): at the wide windows it has some 25
million weights and takes hours on a processor.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from active_cnn.evaluation.calibration import log_odds
from active_cnn.learning.baseline import fit_baseline
from active_cnn.learning.presentation import Labelled
from active_cnn.learning.training import train
from active_cnn.recipes import DEFAULT_RECIPE, RECIPES
from active_cnn.spectra.preprocessing import find_defects, rescale
from active_cnn.spectra.scaling import Scaling
from active_cnn.spectra.simulation.cases import CASES, Case, simulate_case

SLICE = 4096  # spectra that are rescaled and ranked at a time
BACKGROUND = 10_000  # spectra of the pool that a training may be shown, as in a campaign

# Trains on what is labelled, and says of windows how much they look like targets.
Rank = Callable[[NDArray[np.floating]], NDArray[np.floating]]


@dataclass(frozen=True, eq=False)
class Search:
    """What a method is given, and what it is judged by."""

    case: Case
    labelled: Labelled
    pool: NDArray[np.float32]
    is_target: NDArray[np.bool_]
    kind: NDArray[np.int64]


def make_search(case: Case, seed: int, n_pool: int) -> Search:
    """Simulate a case; what the product cannot use is left out, as the product does."""
    survey = simulate_case(case, seed=seed, n_pool=n_pool)
    labelled, pool = survey.labelled, survey.pool
    known = Labelled(
        labelled.flux,
        labelled.label,
        np.zeros(len(labelled.label), dtype=bool),  # as an initial training set is taken
        case.classes,
        case.targets,
        Scaling(case.grid),
    )
    usable = find_defects(pool.flux) == 0
    return Search(case, known, pool.flux[usable], pool.label[usable] > 0, pool.kind[usable])


def train_baseline(search: Search, _seed: int) -> Rank:
    """Principal components and a logistic regression on them, as beside every training."""
    return fit_baseline(rescale(search.labelled.flux), search.labelled.labels > 0)


def train_recipe(name: str, search: Search, seed: int) -> Rank:
    """Train a network by one of the product's recipes."""
    settings = replace(RECIPES[name], seed=seed)
    rng = np.random.default_rng(seed)
    drawn = rng.choice(len(search.pool), min(BACKGROUND, len(search.pool)), replace=False)
    trained = train(search.labelled, settings, lambda *_: None, search.pool[np.sort(drawn)])
    for said in (*trained.notices, *trained.alarms):
        print(f"  {said}", flush=True)
    targets = [search.case.classes.index(target) for target in search.case.targets]

    def rank(windows: NDArray[np.floating]) -> NDArray[np.floating]:
        return log_odds(trained.network.predict(windows, batch_size=1024, verbose=0), targets)

    return rank


METHODS: dict[str, Callable[[Search, int], Rank]] = {
    "baseline": train_baseline,
    "default": lambda search, seed: train_recipe(DEFAULT_RECIPE, search, seed),
    "paper": lambda search, seed: train_recipe("paper", search, seed),
}


def measure(search: Search, method: str, seed: int) -> dict[str, float]:
    """Train by a method and see how well it ranks the pool before anybody has answered."""
    began = time.monotonic()
    rank = METHODS[method](search, seed)
    seconds = time.monotonic() - began
    slices = range(0, len(search.pool), SLICE)
    score = np.concatenate([rank(rescale(search.pool[at : at + SLICE])) for at in slices])
    first = np.argsort(-score, kind="stable")[: search.is_target.sum()]
    _say_what_is_first(search, first)
    return {"AP": average_precision_score(search.is_target, score), "training": seconds}


def _say_what_is_first(search: Search, first: NDArray[np.intp]) -> None:
    kinds, counts = np.unique(search.kind[first], return_counts=True)
    said = [f"{counts[i]} {search.case.kinds[kinds[i]]}" for i in np.argsort(-counts)]
    print(f"  first {len(first)}: {', '.join(said)}", flush=True)


def print_table(results: dict[tuple[str, str], list[dict[str, float]]], n_pool: int) -> None:
    """Print mean, standard deviation and each seed's average precision as Markdown."""
    print("\n| case | pixels | chance | method | AP | each seed | training |")
    print("|---|---:|---:|---|---:|---|---:|")
    for (name, method), measured in results.items():
        values = np.array([one["AP"] for one in measured])
        spread = values.std(ddof=1) if len(values) > 1 else 0.0
        seconds = np.mean([one["training"] for one in measured])
        each = ", ".join(f"{value:.3f}" for value in values)
        chance = round(0.003 * n_pool) / n_pool
        print(
            f"| {name} | {CASES[name].grid.n} | {chance:.4f} | {method} "
            f"| {values.mean():.3f} ± {spread:.3f} | {each} | {seconds:.0f} s |"
        )


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line names, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=_seeds, default=range(1, 4), help="such as 1-3")
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--pool", type=int, default=40_000, help="spectra of the pool")
    parser.add_argument(
        "--methods", nargs="+", default=["baseline", "default"], choices=METHODS,
        help="'paper' takes hours at wide windows",
    )  # fmt: skip
    chosen = parser.parse_args(arguments)
    results: dict[tuple[str, str], list[dict[str, float]]] = {}
    for name in chosen.cases:
        for seed in chosen.seeds:
            search = make_search(CASES[name], seed, chosen.pool)
            for method in chosen.methods:
                result = measure(search, method, seed)
                results.setdefault((name, method), []).append(result)
                said = ", ".join(f"{key} {value:.4g}" for key, value in result.items())
                print(f"{name}, seed {seed}, {method}: {said}", flush=True)
    print_table(results, chosen.pool)


if __name__ == "__main__":
    main()
