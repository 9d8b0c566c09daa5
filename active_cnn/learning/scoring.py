"""Predict the whole pool, stretch by stretch, on as many workers as there are."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from active_cnn.engine import Engine
from active_cnn.learning.features import FeaturesWriter
from active_cnn.learning.fitting import Report
from active_cnn.learning.keras_runtime import KerasRuntime, export_network, remove_export
from active_cnn.learning.predictions import PredictionsWriter
from active_cnn.learning.stretches import Stretch, forget, runtime_of, score_stretch
from active_cnn.spectra.pool import Pool

# Rows of a task: 16 384 × 140 float32 are 9 MB, some tenths of a second of work.
STRETCH = 16_384
CHECKED = 1024  # rows on which the exported network must agree with Keras


def predict(network: keras.Model, windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the probabilities of rescaled windows, shape (n_spectra, n_classes)."""
    return KerasRuntime(network).predict(windows)[0]


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
    features_path: Path | None = None,
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
    features_path : Path, optional
        Of the features; they are left out, with a notice, where the disk has no room for them.

    Returns
    -------
    Scored
    """
    report("predicting", 0, pool.n, {})
    counts = np.zeros(len(classes), dtype=np.int64)
    with _exported(network_path, network, pool) as (file, notice):
        n_threads = engine.n_workers if engine.is_threaded else 1
        runtime = runtime_of(file, n_threads).name
        stretches = (
            Stretch(file, n_threads, pool.path, pool.index_path, start, stop, pool.scaling.method)
            for start in range(0, pool.n, STRETCH)
            for stop in [min(start + STRETCH, pool.n)]
        )
        writer = PredictionsWriter(path, pool.n, classes, pool.fingerprint)
        features = FeaturesWriter(features_path, pool.n, network_path.name)
        began = time.monotonic()
        try:
            for stretch, (usable, probabilities, vectors) in engine.run(score_stretch, stretches):
                features.append(usable, vectors)
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
            features.finish()
        except BaseException:
            writer.discard()
            features.discard()
            raise
        finally:
            forget()
    notices = tuple(one for one in (notice, features.notice) if one)
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
