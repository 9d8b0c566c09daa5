"""The baseline of every training: principal components and a logistic regression on them.

It takes seconds and knows nothing of lines. A network that ranks no better has not earned its
training; one that ranks worse has gone wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

MOST_COMPONENTS = 60


@dataclass(frozen=True, eq=False)
class Baseline:
    """A linear score of windows: what components and regression come to together.

    Parameters
    ----------
    weights : ndarray, shape (n_wavelengths,)
        Of each pixel.
    offset : float
        Added to the sum.
    """

    weights: NDArray[np.float64]
    offset: float

    def __call__(self, windows: NDArray[np.floating]) -> NDArray[np.float64]:
        """Give log odds of being a target, shape (n_spectra,), of rescaled windows."""
        return windows @ self.weights + self.offset


def fit_baseline(windows: NDArray[np.floating], is_target: NDArray[np.bool_]) -> Baseline:
    """Fit the baseline.

    Parameters
    ----------
    windows : ndarray, shape (n_spectra, n_wavelengths)
        Rescaled.
    is_target : ndarray of bool, shape (n_spectra,)
        The truth, of both kinds.

    Returns
    -------
    Baseline
    """
    components = PCA(min(MOST_COMPONENTS, *windows.shape), random_state=0)
    places = components.fit_transform(windows)
    found = LogisticRegression(max_iter=3000).fit(places, is_target)
    weights = components.components_.T @ found.coef_[0]
    offset = float(found.intercept_[0] - components.mean_ @ weights)
    return Baseline(weights.astype(np.float64), offset)
