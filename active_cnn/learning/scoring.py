"""Predict the whole pool, stretch by stretch, on as many workers as there are."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from active_cnn.engine import Engine
from active_cnn.learning.predictions import PredictionsWriter
from active_cnn.learning.runtime import (
    KerasRuntime,
    Runtime,
    export_network,
    load_runtime,
    remove_export,
)
from active_cnn.learning.training import Report
from active_cnn.spectra.pool import Pool

# Rows of a task: 16 384 × 140 float32 are 9 MB, some tenths of a second of work.
STRETCH = 16_384
CHECKED = 1024  # rows on which the exported network must agree with Keras


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
    """

    network: Path
    n_threads: int
    pool: Path
    index: Path
    start: int
    stop: int


def predict(network: keras.Model, windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the probabilities of rescaled windows, shape (n_spectra, n_classes)."""
    return KerasRuntime(network).predict(windows)


def score_stretch(stretch: Stretch) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Predict a stretch of a pool.

    Returns
    -------
    usable : ndarray of bool, shape (n_rows,)
        Which rows can be predicted.
    probabilities : ndarray of float32, shape (n_usable, n_classes)
    """
    runtime = _runtime(stretch.network, stretch.n_threads)
    pool = _pool(stretch.pool, stretch.index)
    rows = slice(stretch.start, stretch.stop)
    ((_, usable, windows),) = pool.chunks(stretch.stop - stretch.start, rows)
    return usable, runtime.predict(windows)


# A worker does many stretches of one pool with one network.
@lru_cache(maxsize=1)
def _runtime(network: Path, n_threads: int) -> Runtime:
    return load_runtime(network, n_threads)


@lru_cache(maxsize=1)
def _pool(path: Path, index: Path) -> Pool:
    return Pool(path, index)


@dataclass(frozen=True)
class Scored:
    """What scoring a pool came to.

    Parameters
    ----------
    counts : dict of str to int
        How many spectra were predicted as each class.
    runtime : str
        What computed the predictions.
    notices : tuple of str
        What a person should know.
    """

    counts: dict[str, int]
    runtime: str
    notices: tuple[str, ...]


def score_pool(
    network_path: Path,
    network: keras.Model,
    pool: Pool,
    classes: tuple[str, ...],
    path: Path,
    report: Report,
    engine: Engine,
) -> Scored:
    """Predict each usable spectrum of the pool and write the predictions to `path`.

    Parameters
    ----------
    network_path : Path
        The saved network; its exported form lies beside it while the pool is scored.
    network : keras.Model
        The same, loaded.
    pool : Pool
        Read in stretches; memory does not grow with it.
    classes : tuple of str
        Classes of the network, in the order of its outputs.
    path : Path
        Of the predictions; it appears when all rows are written.
    report : callable
        Told how far it is.
    engine : Engine
        Does the stretches; its threads or processes must see the same files.

    Returns
    -------
    Scored
    """
    report("predicting", 0, pool.n, {})
    counts = np.zeros(len(classes), dtype=np.int64)
    with _exported(network_path, network, pool) as (file, notice):
        n_threads = engine.n_workers if engine.is_threaded else 1
        runtime = _runtime(file, n_threads).name if engine.is_threaded else file.suffix
        stretches = (
            Stretch(file, n_threads, pool.path, pool.index_path, start, stop)
            for start in range(0, pool.n, STRETCH)
            for stop in [min(start + STRETCH, pool.n)]
        )
        writer = PredictionsWriter(path, pool.n, classes, pool.fingerprint)
        began = time.monotonic()
        try:
            for stretch, (usable, probabilities) in engine.run(score_stretch, stretches):
                labels = writer.write(slice(stretch.start, stretch.stop), usable, probabilities)
                counts += np.bincount(labels, minlength=len(classes))
                seconds = time.monotonic() - began
                report(
                    "predicting",
                    stretch.stop,
                    pool.n,
                    {"spectra_per_second": stretch.stop / seconds, "seconds": seconds},
                )
            writer.finish()
        except BaseException:
            writer.discard()
            raise
        finally:
            _runtime.cache_clear()
            _pool.cache_clear()
    notices = (notice,) if notice else ()
    return Scored(dict(zip(classes, counts.tolist(), strict=True)), runtime, notices)


@contextmanager
def _exported(network_path: Path, network: keras.Model, pool: Pool) -> Iterator[tuple[Path, str]]:
    rows = np.flatnonzero(pool.usable[: 16 * CHECKED])[:CHECKED]
    exported, reason = export_network(network, network_path, pool.windows(rows))
    try:
        yield exported or network_path, reason
    finally:
        if exported:
            remove_export(exported)
