"""Predicting some rows of a pool, in whatever process sees its files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from active_cnn.learning.features import unit_vectors
from active_cnn.learning.runtime import Runtime, load_runtime
from active_cnn.search import ScalingMethod
from active_cnn.spectra.pool import Pool


@dataclass(frozen=True)
class Stretch:
    """Rows of a pool to be predicted; any process that sees the files can do it.

    Parameters
    ----------
    network : Path
        An exported network, or one of Keras.
    n_threads : int
        How many threads of the worker's process use that network.
    pool, index : Path
        The pool and its index.
    start, stop : int
        The rows.
    method : ScalingMethod
        How their windows are scaled.
    """

    network: Path
    n_threads: int
    pool: Path
    index: Path
    start: int
    stop: int
    method: ScalingMethod


def score_stretch(
    stretch: Stretch,
) -> tuple[NDArray[np.bool_], NDArray[np.float32], NDArray[np.float16]]:
    """Predict a stretch of a pool.

    Returns
    -------
    usable : ndarray of bool, shape (n_rows,)
        Which rows can be predicted.
    probabilities : ndarray of float32, shape (n_usable, n_classes)
    features : ndarray of float16, shape (n_usable, n_features)
        Vectors of length 1.
    """
    runtime = runtime_of(stretch.network, stretch.n_threads)
    pool = pool_of(stretch.pool, stretch.index, stretch.method)
    rows = slice(stretch.start, stretch.stop)
    ((_, usable, windows),) = pool.chunks(stretch.stop - stretch.start, rows)
    probabilities, features = runtime.predict(windows)
    return usable, probabilities, unit_vectors(features)


# A worker does many stretches of one pool with one network.
@lru_cache(maxsize=1)
def runtime_of(network: Path, n_threads: int) -> Runtime:
    """Load a network; the last one is kept."""
    return load_runtime(network, n_threads)


@lru_cache(maxsize=1)
def pool_of(path: Path, index: Path, method: ScalingMethod) -> Pool:
    """Open a pool; the last one is kept."""
    return Pool(path, index, method=method)


def forget() -> None:
    """Let go of the network and the pool."""
    runtime_of.cache_clear()
    pool_of.cache_clear()
