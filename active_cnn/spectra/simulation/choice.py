"""Which spectra of a survey get a file of the whole spectrum, where not all do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from active_cnn.spectra.preprocessing import find_defects, rescale
from active_cnn.spectra.simulation.observed import Observed

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

MOST_EXAMPLES = 3000  # targets, and others, that the judge learns from
N_COMPONENTS = 40
MOST_TRIED = 20  # spectra that are judged for each file, so that a large pool costs no more


class Judge:
    """Tells how much windows look like what is sought, from labelled ones, within a second.

    Principal components and a support vector machine: of what the default strategy asks about
    first, its choice of a fifth of the pool holds some 85 %, more than likeness to single
    examples, the S/N or the kind of the source.

    Parameters
    ----------
    windows : ndarray, shape (n_spectra, n_wavelengths)
        Labelled flux, not rescaled; some of either sort can be used.
    is_target : ndarray of bool, shape (n_spectra,)
        Whether each is what is sought.
    """

    def __init__(self, windows: NDArray[np.floating], is_target: NDArray[np.bool_]) -> None:
        # Slow to load, and only needed where some spectra get a file and others none.
        from sklearn.decomposition import PCA
        from sklearn.pipeline import make_pipeline
        from sklearn.svm import SVC

        usable = find_defects(windows) == 0
        rows = np.concatenate(
            [np.flatnonzero(usable & sort)[:MOST_EXAMPLES] for sort in (is_target, ~is_target)]
        )
        n = min(N_COMPONENTS, len(rows), windows.shape[1])
        self._model: Pipeline = make_pipeline(
            PCA(n, random_state=0), SVC(C=3, class_weight="balanced")
        )
        self._model.fit(rescale(windows[rows]), is_target[rows])

    def score(self, windows: NDArray[np.floating]) -> NDArray[np.float64]:
        """Give more the more a window looks like a target; −∞ where it cannot be used."""
        usable = find_defects(windows) == 0
        score = np.full(len(windows), -np.inf)
        if usable.any():
            score[usable] = self._model.decision_function(rescale(windows[usable]))
        return score


def choose_rows(observed: Observed, n: int, judge: Judge | None) -> NDArray[np.intp]:
    """Choose what a search is likely to ask about.

    Targets come first, up to half of them all; then what looks most like one.

    Parameters
    ----------
    observed : Observed
        The spectra.
    n : int
        How many to choose, at most as many as there are.
    judge : Judge or None
        Not needed where all are chosen, or none.

    Returns
    -------
    ndarray of int, shape (n,)
        Rows, in their order.
    """
    if judge is None or n in (0, len(observed.snr)):
        return np.arange(n)
    targets = np.flatnonzero(observed.is_target)
    others = np.flatnonzero(~observed.is_target)[: MOST_TRIED * n]
    n_targets = min(len(targets), max(n - n // 2, n - len(others)))
    order = np.argsort(-judge.score(observed.windows[others]), kind="stable")
    return np.sort(np.concatenate([targets[:n_targets], others[order[: n - n_targets]]]))
