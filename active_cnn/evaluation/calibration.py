"""Calibration: make of a network's probabilities some that come true as often as they say."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression, minimize, minimize_scalar
from scipy.special import expit, logsumexp, softmax

N_FOLDS = 10

# A curve through fewer follows chance (Niculescu-Mizil & Caruana, 2005, ICML, 625).
FEWEST_FOR_ISOTONIC = 100
# Of right predictions and of wrong ones: each fit of the cross-validation has to see both.
FEWEST_OF_EACH = 2

# A float32 softmax says exactly 0 where it means very little.
SMALLEST = 1e-7
# And yet the ranking of what a network is sure of stands in numbers as small as float32 has them.
_TINY = float(np.finfo(np.float32).tiny)
_COLDEST, _HOTTEST = 0.05, 100.0


@dataclass(frozen=True)
class Temperature:
    """One number by which all logits are divided: above 1 where the network is too sure."""

    value: float

    def p_right(self, probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
        """Give the probability that each predicted class is right, shape (n_spectra,).

        Parameters
        ----------
        probabilities : ndarray, shape (n_spectra, n_classes)
            What the network says; the predicted class is the most probable one.
        """
        return apply_temperature(probabilities, self.value).max(axis=1)

    def __str__(self) -> str:
        return f"temperature {self.value:.2f}"


@dataclass(frozen=True, eq=False)
class Isotonic:
    """A rising curve from the confidence to the share that is right.

    Parameters
    ----------
    confidence, share : ndarray, shape (n_knots,)
        Rising; straight lines lie between the knots, and beyond them the curve is level.
    """

    confidence: NDArray[np.float64]
    share: NDArray[np.float64]

    def p_right(self, probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
        """Give the probability that each predicted class is right, shape (n_spectra,).

        Parameters
        ----------
        probabilities : ndarray, shape (n_spectra, n_classes)
            What the network says; the predicted class is the most probable one.
        """
        confidence = probabilities.max(axis=1)
        share = np.interp(confidence, self.confidence, self.share)
        return np.where(np.isnan(confidence), np.nan, share)

    def __str__(self) -> str:
        return "isotonic regression"


Calibration = Temperature | Isotonic


@dataclass(frozen=True)
class Logistic:
    """A rising curve from the log odds that a network gives to a probability."""

    slope: float
    intercept: float

    def probability(self, odds: NDArray[np.floating]) -> NDArray[np.float64]:
        """Give the probability at some log odds; NaN gives NaN."""
        return expit(self.slope * odds + self.intercept)


# Takes log odds at their word.
AS_SAID = Logistic(1.0, 0.0)


def log_odds(
    probabilities: NDArray[np.floating], positions: tuple[int, ...]
) -> NDArray[np.float64]:
    """Give ln [p / (1 - p)] of belonging to one of some classes, shape (n_spectra,).

    Parameters
    ----------
    probabilities : ndarray, shape (n_spectra, n_classes)
        Rows that sum to 1, or are NaN.
    positions : tuple of int
        Which classes.
    """
    is_one = np.isin(np.arange(probabilities.shape[1]), positions)
    inside = probabilities[:, is_one].sum(axis=1, dtype=float)
    # Not 1 - p, which float32 has long rounded to 0 where p is large.
    outside = probabilities[:, ~is_one].sum(axis=1, dtype=float)
    return np.log(inside.clip(_TINY)) - np.log(outside.clip(_TINY))


def fit_logistic(odds: NDArray[np.floating], is_one: NDArray[np.bool_]) -> Logistic:
    """Fit the probability that belongs to log odds.

    Parameters
    ----------
    odds : ndarray, shape (n_spectra,)
        Log odds.
    is_one : ndarray of bool, shape (n_spectra,)
        The truth; of both kinds.

    Returns
    -------
    Logistic

    Notes
    -----
    The truth is softened to (n₊ + 1) / (n₊ + 2) and 1 / (n₋ + 2), so that odds which part both
    kinds cleanly give a finite slope.

    References
    ----------
    Platt (1999), in Advances in Large Margin Classifiers, 61.
    """
    n_one = int(is_one.sum())
    goal = np.where(is_one, (n_one + 1) / (n_one + 2), 1 / (len(is_one) - n_one + 2))

    def loss(at: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        x = at[0] * odds + at[1]
        excess = expit(x) - goal
        return float((np.logaddexp(0, x) - goal * x).sum()), np.array([excess @ odds, excess.sum()])

    slope, intercept = minimize(loss, [1.0, 0.0], jac=True, method="BFGS").x
    return Logistic(float(slope), float(intercept))


def choose_logistic(odds: NDArray[np.floating], is_one: NDArray[np.bool_]) -> Logistic:
    """Fit the probability that belongs to log odds, where that brings it nearer to the truth.

    Parameters
    ----------
    odds, is_one
        As for `fit_logistic`.

    Returns
    -------
    Logistic
        `AS_SAID` where the log odds tell spectra that a fit has not seen no worse than the fit
        does, by the log loss of a cross-validation.

    References
    ----------
    Gneiting & Raftery (2007), J. Am. Stat. Assoc. 102, 359: the log loss is proper, that is, none
    but the true probabilities make it least.
    """
    # The same answers give the same curve.
    fold = _deal(is_one, np.random.default_rng(0))
    fitted = np.empty(len(odds))
    for number in np.unique(fold):
        out = fold == number
        curve = fit_logistic(odds[~out], is_one[~out])
        fitted[out] = curve.slope * odds[out] + curve.intercept
    is_nearer = _log_loss(fitted, is_one) < _log_loss(odds, is_one)
    return fit_logistic(odds, is_one) if is_nearer else AS_SAID


def _log_loss(odds: NDArray[np.floating], is_one: NDArray[np.bool_]) -> float:
    return float((np.logaddexp(0, odds) - is_one * odds).mean())


def fit_temperature(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Find the temperature that makes the true classes most likely.

    Parameters
    ----------
    probabilities : ndarray, shape (n_spectra, n_classes)
        What the network says.
    labels : ndarray of int, shape (n_spectra,)
        Position of each true class.

    Returns
    -------
    float
        From 0.05 to 100. It ends at the lower bound where every prediction is right.

    References
    ----------
    Guo, Pleiss, Sun & Weinberger (2017), ICML, PMLR 70, 1321, eq. 9.
    """
    logits = _logits(probabilities)
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        scaled = logits / math.exp(log_temperature)
        return float((logsumexp(scaled, axis=1) - scaled[rows, labels]).mean())

    # Convex in 1 / T, and so with a single minimum in ln T.
    limits = (math.log(_COLDEST), math.log(_HOTTEST))
    return math.exp(minimize_scalar(loss, bounds=limits, method="bounded").x)


def apply_temperature(
    probabilities: NDArray[np.floating], temperature: float
) -> NDArray[np.float64]:
    """Divide the logits by a temperature.

    Parameters
    ----------
    probabilities : ndarray, shape (n_spectra, n_classes)
        What the network says.
    temperature : float
        Positive.

    Returns
    -------
    ndarray, shape (n_spectra, n_classes)
        Rows that sum to 1, their classes in the same order of probability.
    """
    return softmax(_logits(probabilities) / temperature, axis=1)


def _logits(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.log(np.asarray(probabilities, dtype=float).clip(SMALLEST))


def fit_isotonic(confidence: NDArray[np.floating], is_right: NDArray[np.bool_]) -> Isotonic:
    """Fit the rising curve that is nearest to what is right.

    Parameters
    ----------
    confidence : ndarray, shape (n_spectra,)
        Probability of each predicted class; equal ones get the same share.
    is_right : ndarray of bool, shape (n_spectra,)
        Whether it is the true one.

    Returns
    -------
    Isotonic
        Its shares lie within 1/(n+2) and (n+1)/(n+2): n spectra prove no certainty.

    References
    ----------
    Zadrozny & Elkan (2002), KDD, 694; for the limits, Laplace's rule of succession.
    """
    knots, place, counts = np.unique(confidence, return_inverse=True, return_counts=True)
    share = np.bincount(place, is_right) / counts
    n = len(confidence)
    risen = isotonic_regression(share, weights=counts).x
    return Isotonic(knots.astype(float), risen.clip(1 / (n + 2), (n + 1) / (n + 2)))


def can_be_fitted(is_right: NDArray[np.bool_]) -> bool:
    """Tell whether there are enough right predictions and enough wrong ones to calibrate on."""
    n_right = int(is_right.sum())
    return min(n_right, len(is_right) - n_right) >= FEWEST_OF_EACH


def fit(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> Calibration:
    """Fit the calibration that the number of spectra allows.

    Parameters
    ----------
    probabilities : ndarray, shape (n_spectra, n_classes)
        What the network says.
    labels : ndarray of int, shape (n_spectra,)
        Position of each true class; see `can_be_fitted`.

    Returns
    -------
    Temperature or Isotonic
    """
    return _fit(probabilities, labels, len(labels) >= FEWEST_FOR_ISOTONIC)


def _fit(
    probabilities: NDArray[np.floating], labels: NDArray[np.integer], is_isotonic: bool
) -> Calibration:
    if is_isotonic:
        return fit_isotonic(probabilities.max(axis=1), probabilities.argmax(axis=1) == labels)
    return Temperature(fit_temperature(probabilities, labels))


def cross_calibrate(
    probabilities: NDArray[np.floating], labels: NDArray[np.integer], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Calibrate each prediction by a fit that has not seen it.

    Parameters
    ----------
    probabilities, labels
        As for `fit`.
    rng : numpy.random.Generator
        Deals out the folds, right and wrong predictions evenly.

    Returns
    -------
    ndarray, shape (n_spectra,)
        Probability that each prediction is right.
    """
    n = len(labels)
    fold = _deal(probabilities.argmax(axis=1) == labels, rng)
    confidence = np.empty(n)
    for number in np.unique(fold):
        out = fold == number
        # The same kind as with all spectra, which is what is being judged.
        fitted = _fit(probabilities[~out], labels[~out], n >= FEWEST_FOR_ISOTONIC)
        confidence[out] = fitted.p_right(probabilities[out])
    return confidence


def _deal(is_one: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int64]:
    """Deal both kinds evenly out to the folds, shape (n_spectra,)."""
    shuffled = rng.permutation(len(is_one))
    fold = np.empty(len(is_one), dtype=np.int64)
    fold[shuffled[np.argsort(is_one[shuffled], kind="stable")]] = np.arange(len(is_one)) % N_FOLDS
    return fold


def log_loss(confidence: NDArray[np.floating], is_right: NDArray[np.bool_]) -> float:
    """Give −ln of the probability of what is true, on average.

    Parameters
    ----------
    confidence : ndarray, shape (n_spectra,)
        Probability that each prediction is right.
    is_right : ndarray of bool, shape (n_spectra,)
        Whether it is.
    """
    said = np.where(is_right, confidence, 1 - np.asarray(confidence, dtype=float))
    return float(-np.log(said.clip(SMALLEST)).mean())
