"""How far probabilities can be trusted: the reliability diagram and its expected error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_cnn.evaluation.calibration import (
    Calibration,
    can_be_fitted,
    cross_calibrate,
    fit,
    log_loss,
)
from active_cnn.evaluation.proportions import wilson_interval

N_BINS = 10

_N_DRAWS = 200


@dataclass(frozen=True)
class Bin:
    """Predictions of about the same confidence.

    Parameters
    ----------
    n, n_right : int
        How many there are, and how many of them are right.
    confidence : float
        Their mean confidence.
    share : float
        Of them that is right.
    low, high : float
        Its 95 % Wilson interval.
    """

    n: int
    n_right: int
    confidence: float
    share: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Reliability:
    """How far probabilities can be trusted, as they are and calibrated.

    Parameters
    ----------
    n : int
        Predictions that it was measured on.
    before : tuple of Bin
        Of the network's own confidence.
    error_before : float
        Expected calibration error of it.
    calibration : Temperature or Isotonic or None
        Fitted to all n; None where nearly all are right, or nearly all wrong, and where it brings
        the confidence of predictions that it has not seen no nearer to the truth.
    after : tuple of Bin
        Of the calibrated confidence, each prediction's by a calibration that has not seen it.
    error_after : float
        Expected calibration error of that, also where it was therefore left; NaN where there was
        nothing to fit.
    error_by_chance : float
        What the error of so few predictions would be on average if the confidence (the calibrated
        one, where there is one) were exact.
    """

    n: int
    before: tuple[Bin, ...]
    error_before: float
    calibration: Calibration | None
    after: tuple[Bin, ...]
    error_after: float
    error_by_chance: float


def reliability(
    confidence: NDArray[np.floating], is_right: NDArray[np.bool_], n_bins: int = N_BINS
) -> tuple[Bin, ...]:
    """Compare confidence and truth in bins of equal width, as in a reliability diagram.

    Parameters
    ----------
    confidence : ndarray, shape (n_spectra,)
        From 0 to 1.
    is_right : ndarray of bool, shape (n_spectra,)
        Whether each prediction is right.
    n_bins : int
        How many bins there are from 0 to 1, each with its upper edge.

    Returns
    -------
    tuple of Bin
        Those that hold a prediction, by rising confidence.

    References
    ----------
    DeGroot & Fienberg (1983), The Statistician, 32, 12; Guo et al. (2017), sect. 2.
    """
    place = _bin(confidence, n_bins)
    bins = []
    for number in np.unique(place):
        here = place == number
        n, n_right = int(here.sum()), int(is_right[here].sum())
        low, high = wilson_interval(n_right, n)
        bins.append(Bin(n, n_right, float(confidence[here].mean()), n_right / n, low, high))
    return tuple(bins)


def expected_calibration_error(
    confidence: NDArray[np.floating], is_right: NDArray[np.bool_], n_bins: int = N_BINS
) -> float:
    """Give the mean distance between confidence and share right over the bins, by their sizes.

    Parameters
    ----------
    confidence, is_right, n_bins
        As for `reliability`; one prediction at least.

    Returns
    -------
    float
        From 0 (exact) to 1. Few predictions give more than 0 even where all is exact: compare
        with `error_by_chance`.

    References
    ----------
    Naeini, Cooper & Hauskrecht (2015), AAAI, 29, 2901; Guo et al. (2017), eq. 3.
    """
    excess = np.bincount(_bin(confidence, n_bins), is_right - confidence.astype(float))
    return float(np.abs(excess).sum() / len(confidence))


def error_by_chance(
    confidence: NDArray[np.floating], rng: np.random.Generator, n_bins: int = N_BINS
) -> float:
    """Give the expected calibration error of exact probabilities, on average over draws.

    Parameters
    ----------
    confidence : ndarray, shape (n_spectra,)
        Taken for exact: each prediction is right with its own probability.
    rng : numpy.random.Generator
        Of the draws.
    n_bins : int
        As for `reliability`.

    Returns
    -------
    float

    References
    ----------
    Bröcker & Smith (2007), Weather and Forecasting, 22, 651.
    """
    member = np.eye(n_bins)[_bin(confidence, n_bins)]  # (n_spectra, n_bins)
    is_right = rng.random((_N_DRAWS, len(confidence))) < confidence
    excess = (is_right - confidence.astype(float)) @ member  # (n_draws, n_bins)
    return float(np.abs(excess).sum(axis=1).mean() / len(confidence))


def _bin(confidence: NDArray[np.floating], n_bins: int) -> NDArray[np.intp]:
    return np.searchsorted(np.linspace(0, 1, n_bins + 1)[1:-1], confidence)


def measure_reliability(
    probabilities: NDArray[np.floating], labels: NDArray[np.integer], rng: np.random.Generator
) -> Reliability:
    """Measure how far probabilities can be trusted, and calibrate them.

    Parameters
    ----------
    probabilities : ndarray, shape (n_spectra, n_classes)
        What the network says of spectra that it was not trained on; one at least.
    labels : ndarray of int, shape (n_spectra,)
        Position of each true class.
    rng : numpy.random.Generator
        Deals out the folds of the cross-validation, and draws what chance does.

    Returns
    -------
    Reliability
    """
    confidence = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == labels
    error_before = expected_calibration_error(confidence, is_right)
    error_after = float("nan")
    calibrated = None
    if can_be_fitted(is_right):
        tried = cross_calibrate(probabilities, labels, rng)
        error_after = expected_calibration_error(tried, is_right)
        # The error in bins alone could fall by chance, or for a confidence that tells less.
        is_nearer = log_loss(tried, is_right) < log_loss(confidence, is_right)
        calibrated = tried if is_nearer and error_after < error_before else None
    return Reliability(
        n=len(labels),
        before=reliability(confidence, is_right),
        error_before=error_before,
        calibration=None if calibrated is None else fit(probabilities, labels),
        after=() if calibrated is None else reliability(calibrated, is_right),
        error_after=error_after,
        error_by_chance=error_by_chance(confidence if calibrated is None else calibrated, rng),
    )
