"""The continuum of windows, by which spectra of one star are brought to one level."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from active_cnn.grid import WHOLE
from active_cnn.spectra.noise import pixel_noise

CORE = 20.0  # angstrom on both sides of a line that are no continuum
LEAST = 16  # pixels that a continuum is fitted to, spectra that tell whether they are scaled

_ROUNDS = 8
_CLIP = 3.0  # times the scatter; beyond it are other lines and cosmic rays
_MAD_TO_SIGMA = 1.482602
# The same to so much, of all but a few.
_SAME = 1e-3
_MOST = (0.05, 0.95)
# A level that is not so many times its own error may be none.
_SIGNIFICANCE = 5.0

# Of the continua of many windows at once.
_BINS = 32
_DEGREE = 3
_ROUNDS_OF_MANY = 3
_RIDGE = 1e-6


def fit_continuum(
    wavelength: NDArray[np.float64], flux: NDArray[np.float64], line: float | Sequence[float]
) -> NDArray[np.float64] | None:
    """Fit a straight line to a window, without the core of a line and what stands out.

    Parameters
    ----------
    wavelength : ndarray, shape (n_wavelengths,)
        In angstrom.
    flux : ndarray, shape (n_wavelengths,)
        One window without defects.
    line : float or sequence of float
        Where the core is, or each core, in angstrom; `CORE` on both sides is left out, unless
        fewer than `LEAST` pixels would be left.

    Returns
    -------
    ndarray of shape (n_wavelengths,), or None
        None where the continuum is not above zero everywhere, beyond its error: nothing can be
        scaled by such a one.
    """
    used = (np.abs(wavelength - np.reshape(line, (-1, 1))) > CORE).all(axis=0)
    if used.sum() < LEAST:
        used = np.ones(wavelength.size, dtype=bool)
    scale = float(np.abs(flux).max()) or 1.0  # so that nothing overflows
    x = (wavelength - wavelength.mean()) / np.ptp(wavelength)
    y = flux / scale
    fitted = np.full_like(y, np.median(y[used]))
    kept = used
    for _ in range(_ROUNDS):
        residual = np.abs(y - fitted)
        last, kept = (
            kept,
            used & (residual <= _CLIP * _MAD_TO_SIGMA * max(np.median(residual[used]), 1e-12)),
        )
        if kept.sum() < LEAST // 2:
            kept = used
        slope, level = np.polyfit(x[kept], y[kept], 1)
        fitted = slope * x + level
        if (kept == last).all():
            break
    error = float(pixel_noise(y[None, :])[0]) / np.sqrt(kept.sum())
    return fitted * scale if fitted.min() > _SIGNIFICANCE * error else None


def is_scaled(flux: NDArray[np.floating]) -> bool:
    """Tell whether spectra came scaled already, so that the zero of their flux is lost.

    Those that go from one same number to another have been scaled by minimum and maximum, and
    those that have one same scatter by mean and standard deviation; fluxes of different stars
    differ in both. Spectra that were divided by their continuum keep their zero.

    Parameters
    ----------
    flux : ndarray, shape (n_spectra, n_wavelengths)
        Of spectra without defects, not of one and the same; of fewer than `LEAST` nothing is said.
    """
    if len(flux) < LEAST:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        measured = (np.ptp(flux, axis=1), flux.std(axis=1))
        spreads = [np.ptp(np.quantile(one, _MOST)) / np.median(one) for one in measured]
    return bool(min(spreads) < _SAME)


def fit_continua(flux: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fit a smooth curve to each of many windows, without the lines that stand out of it.

    A polynomial through the means of `_BINS` stretches of a window (of a short one fewer), those
    left out that are too far off. Far quicker than `fit_continuum`, and knows no line.

    Parameters
    ----------
    flux : ndarray of float32, shape (n_spectra, n_wavelengths)
        Of one window; spikes are to be clipped before, so that none rules its stretch.

    Returns
    -------
    ndarray of float32, shape (n_spectra, n_wavelengths)
    """
    n = flux.shape[1]
    n_bins = min(_BINS, n // 4)
    degree = _DEGREE if n_bins >= 4 * _DEGREE else 1
    edges = np.arange(n_bins + 1) * n // n_bins
    ends = np.linspace(-1, 1, n)
    middle = (ends[edges[:-1]] + ends[edges[1:] - 1]) / 2
    means = np.add.reduceat(flux, edges[:-1], axis=1) / np.diff(edges)
    basis = np.polynomial.legendre.legvander(middle, degree)
    products = (basis[:, :, None] * basis[:, None, :]).reshape(n_bins, -1)
    size = degree + 1
    coefficients = means @ np.linalg.pinv(basis).T
    for _ in range(_ROUNDS_OF_MANY):
        residual = np.abs(means - coefficients @ basis.T)
        # At least half of them stay.
        limit = _CLIP * _MAD_TO_SIGMA * np.median(residual, axis=1, keepdims=True)
        kept = (residual <= limit).astype(np.float64)
        matrix = (kept @ products).reshape(-1, size, size)
        # Where what is kept stands too close together for a polynomial, it is a flatter one.
        matrix[:, range(size), range(size)] += _RIDGE * n_bins
        right = (kept * means) @ basis
        coefficients = np.linalg.solve(matrix, right[:, :, None])[:, :, 0]
    curves = np.polynomial.legendre.legvander(ends, degree).astype(np.float32)
    return coefficients.astype(np.float32) @ curves.T


def without_slopes(
    flux: NDArray[np.floating], degree: int, parts: Sequence[slice] = WHOLE
) -> NDArray[np.float64]:
    """Take off each window the polynomial of that degree which fits it best, lines and all.

    Parameters
    ----------
    flux : ndarray, shape (n_spectra, n_wavelengths)
        In any scale.
    degree : int
        0 takes off the mean alone.
    parts : sequence of slice
        Where each window stands, see `Grid.parts`; by default there is one.

    Returns
    -------
    ndarray, shape (n_spectra, n_wavelengths)
    """
    return np.concatenate([_without_slopes(flux[:, part], degree) for part in parts], axis=1)


def _without_slopes(flux: NDArray[np.floating], degree: int) -> NDArray[np.float64]:
    place = np.linspace(-1, 1, flux.shape[1])
    basis, _ = np.linalg.qr(np.polynomial.legendre.legvander(place, degree))
    rest: NDArray[np.float64] = flux - (flux @ basis) @ basis.T
    return rest


def scale_to(
    wavelength: NDArray[np.float64],
    flux: NDArray[np.float64],
    others: NDArray[np.float64],
    line: float | Sequence[float],
    parts: Sequence[slice] = WHOLE,
) -> list[NDArray[np.float64] | None]:
    """Bring other windows of a star to the continuum of one, so that their lines can be compared.

    Parameters
    ----------
    wavelength : ndarray, shape (n_wavelengths,)
        In angstrom.
    flux : ndarray, shape (n_wavelengths,)
        The window that stays as it is.
    others : ndarray, shape (n_others, n_wavelengths)
        The windows to be scaled, in units of their own.
    line : float or sequence of float
        Whose core is left out of the continuum, in angstrom.
    parts : sequence of slice
        Where each window stands, see `Grid.parts`; by default there is one.

    Returns
    -------
    list of ndarray or None, length n_others
        In the unit of `flux`: in each window divided by its own continuum and multiplied by that
        of `flux`, NaN where one of the two has none there. None where that is so in all windows.
    """
    levels = [_continua(wavelength, one, line, parts) for one in (flux, *others)]
    scaled = [other / theirs * levels[0] for other, theirs in zip(others, levels[1:], strict=True)]
    return [None if np.isnan(one).all() else one for one in scaled]


def _continua(
    wavelength: NDArray[np.float64],
    flux: NDArray[np.float64],
    line: float | Sequence[float],
    parts: Sequence[slice],
) -> NDArray[np.float64]:
    found = np.full(len(flux), np.nan)
    for part in parts:
        level = fit_continuum(wavelength[part], flux[part], line)
        if level is not None:
            found[part] = level
    return found
