"""`python -m benchmarks.beginning`: how a search begins with five examples and no archive.

Of the pool of each case (20 000 spectra, 0.3 % targets) some targets are known, drawn at random;
10 000 spectra drawn from it stand for the rest. The pool without what is known is ranked by the
product's likeness, by principal components with a logistic regression (the baseline of every
training), by the nearest example in the directions of the likeness, and, with `--methods`, by
the default network, which needs examples of the rest: three times as many as of the targets, the
first ones of the likeness that are none. The network takes a minute or three each.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from active_cnn.evaluation.calibration import log_odds
from active_cnn.learning.baseline import fit_baseline
from active_cnn.learning.keras_runtime import KerasRuntime
from active_cnn.learning.likeness import fit_likeness
from active_cnn.learning.presentation import Labelled
from active_cnn.learning.training import train
from active_cnn.recipes import DEFAULT_RECIPE, RECIPES
from active_cnn.spectra.preprocessing import find_defects
from active_cnn.spectra.scaling import Scaling
from active_cnn.spectra.simulation.cases import CASES, Case, simulate_case

SETTINGS = RECIPES[DEFAULT_RECIPE]
FIRST = (50, 100)
BACKGROUND = 10_000  # spectra of the pool that stand for the rest
SLICE = 4096  # spectra that are scaled and ranked at a time


@dataclass(frozen=True, eq=False)
class Search:
    """The pool of a case: fluxes, which of them are targets, and how they are scaled."""

    pool: NDArray[np.float32]
    is_target: NDArray[np.bool_]
    scaling: Scaling


def make_search(case: Case, seed: int, n_pool: int) -> Search:
    """Simulate a case; what the product cannot use is left out, as the product does."""
    pool = simulate_case(case, seed=seed, n_pool=n_pool).pool
    usable = find_defects(pool.flux) == 0
    return Search(pool.flux[usable], pool.label[usable] > 0, Scaling(case.grid))


@dataclass(frozen=True, eq=False)
class Start:
    """What is known at the beginning.

    Parameters
    ----------
    search : Search
    known : ndarray of int
        Rows of the pool that are examples of the targets.
    drawn : ndarray of int
        Rows that stand for the rest.
    seed : int
    """

    search: Search
    known: NDArray[np.int64]
    drawn: NDArray[np.int64]
    seed: int

    def labelled(self, others: Sequence[int] = ()) -> Labelled:
        """Give the examples, and others that are none of the targets."""
        rows = np.concatenate([self.known, np.asarray(others, dtype=np.int64)])
        labels = (np.arange(len(rows)) < len(self.known)).astype(np.int64)
        of_pool = np.ones(len(rows), dtype=bool)
        flux = self.search.pool[rows]
        scaling = self.search.scaling
        return Labelled(flux, labels, of_pool, ("other", "target"), ("target",), scaling)


def begin(search: Search, n_known: int, seed: int) -> Start:
    """Draw what is known."""
    rng = np.random.default_rng(seed)
    known = rng.choice(np.flatnonzero(search.is_target), n_known, replace=False)
    left = np.setdiff1d(np.arange(len(search.pool)), known)
    return Start(search, known, rng.choice(left, min(BACKGROUND, len(left)), replace=False), seed)


def _through(
    search: Search, score: Callable[[NDArray[np.float32]], NDArray[np.floating]]
) -> NDArray[np.floating]:
    pool, scale = search.pool, search.scaling
    slices = range(0, len(pool), SLICE)
    return np.concatenate([score(scale(pool[at : at + SLICE])) for at in slices])


def _likeness(start: Start) -> KerasRuntime:
    background = start.search.pool[start.drawn]
    return KerasRuntime(fit_likeness(start.labelled(), background, SETTINGS, "").network)


def by_likeness(start: Start) -> NDArray[np.floating]:
    """The product's way."""
    runtime = _likeness(start)
    return _through(start.search, lambda some: log_odds(runtime.predict(some)[0], (1,)))


def by_nearest(start: Start) -> NDArray[np.floating]:
    """The largest cosine with one of the examples, in the directions of the likeness."""
    runtime = _likeness(start)
    examples = runtime.predict(start.search.scaling(start.search.pool[start.known]))[1]
    return _through(start.search, lambda some: (runtime.predict(some)[1] @ examples.T).max(axis=1))


def by_baseline(start: Start) -> NDArray[np.floating]:
    """Principal components and a logistic regression, the examples against what was drawn."""
    rows = np.concatenate([start.known, start.drawn])
    is_target = np.arange(len(rows)) < len(start.known)
    scale = start.search.scaling
    return _through(start.search, fit_baseline(scale(start.search.pool[rows]), is_target))


def by_network(start: Start) -> NDArray[np.floating]:
    """The default recipe, with the first of the likeness that are none as examples of the rest."""
    order = np.argsort(-by_likeness(start), kind="stable")
    others = order[~start.search.is_target[order]][: 3 * len(start.known)]
    background = start.search.pool[np.setdiff1d(start.drawn, others)]
    settings = replace(SETTINGS, seed=start.seed)
    network = train(start.labelled(others), settings, lambda *_: None, background).network
    runtime = KerasRuntime(network)
    return _through(start.search, lambda some: log_odds(runtime.predict(some)[0], (1,)))


METHODS = {
    "likeness": by_likeness,
    "nearest": by_nearest,
    "baseline": by_baseline,
    "network": by_network,
}


def measure(start: Start, method: str) -> tuple[float, ...]:
    """Count targets among the first, and give the average precision of what was not known."""
    score = METHODS[method](start)
    left = np.setdiff1d(np.arange(len(score)), start.known)
    is_target = start.search.is_target[left]
    order = np.argsort(-score[left], kind="stable")
    found = [float(is_target[order[:n]].sum()) for n in FIRST]
    return (*found, float(average_precision_score(is_target, score[left])))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line names, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--pool", type=int, default=20_000, help="spectra of the pool")
    parser.add_argument("--examples", type=int, nargs="+", default=[5], help="targets known")
    parser.add_argument("--methods", nargs="+", default=list(METHODS)[:-1], choices=METHODS)
    chosen = parser.parse_args(arguments)
    results: dict[tuple[str, int, str], list[tuple[float, ...]]] = {}
    for name in chosen.cases:
        for seed in range(1, chosen.seeds + 1):
            search = make_search(CASES[name], seed, chosen.pool)
            for n in chosen.examples:
                for method in chosen.methods:
                    result = measure(begin(search, n, seed), method)
                    results.setdefault((name, n, method), []).append(result)
                    said = ", ".join(f"{value:.3g}" for value in result)
                    print(f"{name}, seed {seed}, {n} examples, {method}: {said}", flush=True)
    print("\n| case | examples | ranked by | first 50 | first 100 | AP | each seed |")
    print("|---|---:|---|---:|---:|---:|---|")
    for (name, n, method), measured in results.items():
        first, second, precision = np.mean(measured, axis=0)
        each = ", ".join(f"{one[-1]:.3f}" for one in measured)
        print(
            f"| {name} | {n} | {method} | {first:.1f} | {second:.1f} | {precision:.3f} | {each} |"
        )


if __name__ == "__main__":
    main()
