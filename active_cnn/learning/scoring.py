"""Predict the whole pool, chunk by chunk."""

from __future__ import annotations

import time
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from active_cnn.learning.predictions import PredictionsWriter
from active_cnn.learning.training import Report
from active_cnn.spectra.pool import Pool

# Rows that are in memory at a time: 16 384 × 140 float64 are 18 MB.
CHUNK = 16_384
BATCH = 1024


def predict(network: keras.Model, windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the probabilities of rescaled windows, shape (n_spectra, n_classes)."""
    return network.predict(windows, batch_size=BATCH, verbose=0)


def score_pool(
    network: keras.Model, pool: Pool, classes: tuple[str, ...], path: Path, report: Report
) -> dict[str, int]:
    """Predict each usable spectrum of the pool and write the predictions to `path`.

    Parameters
    ----------
    network : keras.Model
        A trained network.
    pool : Pool
        Read in chunks; memory does not grow with it.
    classes : tuple of str
        Classes of the network, in the order of its outputs.
    path : Path
        Of the predictions; it appears when all rows are written.
    report : callable
        Told how far it is.

    Returns
    -------
    dict of str to int
        How many spectra were predicted as each class.
    """
    report("predicting", 0, pool.n, {})
    writer = PredictionsWriter(path, pool.n, classes, pool.fingerprint)
    counts = np.zeros(len(classes), dtype=np.int64)
    began = time.monotonic()
    try:
        for rows, usable, windows in pool.chunks(CHUNK):
            probabilities = (
                predict(network, windows)
                if len(windows)
                else np.empty((0, len(classes)), dtype=np.float32)
            )
            labels = writer.write(rows, usable, probabilities)
            counts += np.bincount(labels, minlength=len(classes))
            seconds = time.monotonic() - began
            report(
                "predicting",
                rows.stop,
                pool.n,
                {"spectra_per_second": rows.stop / seconds, "seconds": seconds},
            )
        writer.finish()
    except BaseException:
        writer.discard()
        raise
    return dict(zip(classes, counts.tolist(), strict=True))
