"""What `benchmarks.cases` compares with the default recipe: each learns from the same labels."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from active_cnn.evaluation.calibration import log_odds
from active_cnn.learning.baseline import MOST_COMPONENTS, fit_baseline
from active_cnn.learning.presentation import Labelled
from active_cnn.learning.training import train_once
from active_cnn.recipes import RECIPES
from active_cnn.spectra.scaling import Scaling
from benchmarks.case_results import BASELINE, FORESTS, PAPER
from benchmarks.case_surveys import Answer, Search

CONIFEREST = "coniferest==0.2.2"
SLICE = 4096  # spectra that are rescaled and ranked at a time
AUTHORS = "notebook"  # the recipe of the method's authors, as their code has it
ASKED_AT_ONCE = 50  # questions of coniferest between two fits


@dataclass(frozen=True, eq=False)
class Learned:
    """How a learner ranks the pool.

    Parameters
    ----------
    score : ndarray, shape (n_pool,)
        The higher, the more like a target.
    said : tuple of str
        What a reader of the table should know.
    """

    score: NDArray[np.floating]
    said: tuple[str, ...] = ()


Learner = Callable[[Search, Labelled, int, int], Learned]


def has_coniferest() -> bool:
    """Tell whether coniferest is installed."""
    try:
        import coniferest.aadforest  # noqa: F401
    except ImportError:
        return False
    return True


def rank_pool(
    search: Search, rank: Callable[[NDArray], NDArray], scaling: Scaling | None = None
) -> NDArray[np.floating]:
    """Rank the pool, slice by slice, as scaled for all or by a learner's own scaling."""
    scaling = scaling or search.initial.scaling
    starts = range(0, len(search.flux), SLICE)
    return np.concatenate([rank(scaling(search.flux[at : at + SLICE])) for at in starts])


def learn_baseline(search: Search, labelled: Labelled, _seed: int, _epochs: int) -> Learned:
    """Principal components and a logistic regression, as beside every training."""
    is_target = labelled.is_target[labelled.labels]
    return Learned(rank_pool(search, fit_baseline(labelled.scaling(labelled.flux), is_target)))


def learn_paper(search: Search, labelled: Labelled, seed: int, epochs: int) -> Learned:
    """Train the authors' network by the authors' recipe: SMOTE, no augmentation."""
    settings = RECIPES[AUTHORS]
    settings = replace(settings, seed=seed, max_epochs=min(epochs, settings.max_epochs))
    trained = train_once(labelled, settings, lambda *_: None)
    loss = trained.history["loss"]
    targets = np.flatnonzero(labelled.is_target).tolist()

    def rank(windows: NDArray[np.floating]) -> NDArray[np.floating]:
        return log_odds(trained.network.predict(windows, batch_size=1024, verbose=0), targets)

    end = "broken off" if len(loss) == epochs else "stopped by its own loss"
    notes = (f"{len(loss)} epochs, {end}, training loss {loss[0]:.3g} to {loss[-1]:.3g}",)
    return Learned(rank_pool(search, rank), (*notes, *(alarm.text for alarm in trained.alarms)))


@lru_cache(1)
def _components(search: Search) -> PCA:
    return PCA(MOST_COMPONENTS, svd_solver="randomized", random_state=0).fit(search.windows())


def _features(
    search: Search, labelled: Labelled, of_what: str
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    pool, known = search.windows(), labelled.scaling(labelled.flux)
    if of_what == "windows":
        return pool, known
    components = _components(search)
    return components.transform(pool), components.transform(known)


def _coniferest(of_what: str) -> Learner:
    def learn(search: Search, labelled: Labelled, seed: int, _epochs: int) -> Learned:
        pool, known = _features(search, labelled, of_what)
        return Learned(_fit_forest(pool, known, labelled.is_target[labelled.labels], seed))

    return learn


def _fit_forest(
    pool: NDArray[np.floating],
    known: NDArray[np.floating],
    is_target: NDArray[np.bool_],
    seed: int,
) -> NDArray[np.floating]:
    from coniferest.aadforest import AADForest
    from coniferest.label import Label

    labels = np.where(is_target, Label.ANOMALY, Label.REGULAR)
    forest = AADForest(random_seed=seed).fit_known(pool, known, labels)
    return -forest.score_samples(pool)


def ask_by_coniferest(
    search: Search, of_what: str, seed: int, stops: Sequence[int]
) -> dict[int, tuple[list[Answer], Learned]]:
    """Let coniferest ask its own questions: always what it holds for the likeliest anomalies.

    The oracle tells the truth; what nobody can see teaches nothing.

    Returns
    -------
    dict
        By the number of answers, what was asked and what was learned from it.
    """
    pool, known = _features(search, search.initial, of_what)
    is_target = search.initial.is_target[search.initial.labels]
    asked = np.zeros(0, dtype=np.int64)
    found: dict[int, tuple[list[Answer], Learned]] = {}
    while True:
        told = asked[~search.is_hidden[asked]]
        features = np.concatenate([known, pool[told]])
        score = _fit_forest(
            pool, features, np.concatenate([is_target, search.is_target[told]]), seed
        )
        if len(asked) in stops:
            answers = [
                (search.identifiers[row], "target" if search.is_target[row] else "other")
                for row in asked
            ]
            found[len(asked)] = answers, Learned(score)
        if len(asked) >= max(stops):
            return found
        free = np.ones(len(pool), dtype=bool)
        free[asked] = False
        order = np.argsort(-score, kind="stable")
        asked = np.concatenate([asked, order[free[order]][:ASKED_AT_ONCE]])


LEARNERS: dict[str, Learner] = {
    BASELINE: learn_baseline,
    PAPER: learn_paper,
    **{name: _coniferest(name.removeprefix("coniferest, ")) for name in FORESTS},
}
