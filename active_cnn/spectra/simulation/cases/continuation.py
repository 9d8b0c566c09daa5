"""Spectra continued beyond their window, over the whole of LAMOST's range."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from active_cnn.grid import Grid
from active_cnn.spectra.simulation.cases.light import render
from active_cnn.spectra.simulation.cases.telescope import expose
from active_cnn.spectra.simulation.instruments import COEFF0, COEFF1, Lamost
from active_cnn.spectra.simulation.whole import N_PIXELS

_ENDS = np.power(10.0, COEFF0 + COEFF1 * np.array([0, N_PIXELS - 1]))
WHOLE = Lamost(Grid.of(float(_ENDS[0]), float(_ENDS[1]), N_PIXELS), margin=0.0)
STRETCH = 40  # pixels of the window over which a level is taken
SLICE = 64  # spectra that are rendered at a time: what stays in the processor's caches


def continue_beyond(
    sources: NDArray[np.void],
    pixels: NDArray[np.int64],
    flux: NDArray[np.floating],
    struck: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give whole spectra that hold simulated windows, pixel by pixel as they are.

    Beyond the window a source is rendered and observed anew, at the level that the window has
    there: the two parts meet.

    Parameters
    ----------
    sources : structured ndarray of dtype `sources.SOURCE`, shape (n_spectra,)
        What was observed.
    pixels : ndarray of int, shape (n_pixels,)
        Which of LAMOST's pixels the window has; consecutive.
    flux : ndarray, shape (n_spectra, n_pixels)
        There, in counts. A spectrum that is zero everywhere stays so, and has no weight.
    struck : float
        Share of spectra that a cosmic ray hits beyond the window.
    rng : numpy.random.Generator
        Where every number comes from.

    Returns
    -------
    flux, sigma : ndarray of float32, shape (n_spectra, N_PIXELS)
        Counts, and the standard deviation of their noise.
    """
    whole = np.zeros((len(sources), N_PIXELS), dtype=np.float32)
    sigma = np.zeros_like(whole)
    for start in range(0, len(sources), SLICE):
        some = slice(start, start + SLICE)
        rows = sources[some]
        light = render(rows, WHOLE)
        seen = expose(light, WHOLE, rows["snr"], rows["distortion"], struck, rng)
        level = _level(flux[some], seen.flux[:, pixels], pixels)
        whole[some], sigma[some] = seen.flux * level, seen.sigma * level
    whole[:, pixels] = flux
    is_dead = ~flux.any(axis=1)
    whole[is_dead], sigma[is_dead] = 0, 0
    return whole, sigma


def _level(
    flux: NDArray[np.floating], seen: NDArray[np.float32], pixels: NDArray[np.int64]
) -> NDArray[np.float32]:
    """What the rendered spectra are multiplied by, shape (n_spectra, N_PIXELS)."""
    n = max(len(pixels) // STRETCH, 1)
    parts = np.array_split(np.arange(len(pixels)), n)
    own, rendered = (
        np.stack([np.median(counts[:, part], axis=1) for part in parts], axis=1)
        for counts in (flux, seen)
    )
    # Of a spectrum in which noise prevails a stretch may have no level: it takes that of all.
    whole = np.median(np.abs(flux), axis=1) / np.maximum(np.median(np.abs(seen), axis=1), 1e-9)
    plain = (own > 0) & (rendered > 0)
    ratio = np.where(plain, own, 1) / np.where(plain, rendered, 1)
    ratio = np.where(plain, ratio, np.maximum(whole, 1e-9)[:, None])
    middles = np.array([pixels[part].mean() for part in parts])
    at = np.arange(N_PIXELS)
    # The stretch on the left, and how far on the way to the next one; constant beyond both ends.
    place = np.interp(at, middles, np.arange(n))
    left = np.minimum(place.astype(np.intp), max(n - 2, 0))
    right = np.minimum(left + 1, n - 1)
    share = (place - left).astype(np.float32)
    ratio = np.log(ratio).astype(np.float32)
    return np.exp((1 - share) * ratio[:, left] + share * ratio[:, right])
