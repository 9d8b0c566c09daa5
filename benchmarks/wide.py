"""`python -m benchmarks.wide`: predicting windows of any width, and what the front end is worth.

The compact network is timed beside one whose first convolution takes steps of two pixels, as it
had in windows of any width before: the same layers, which grow with the window. Inference alone is
of windows in memory; end to end a pool is read, rescaled, predicted and written.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import h5py
import keras
import numpy as np
import psutil
from keras import layers
from numpy.typing import NDArray

from active_cnn.engine import open_engine
from active_cnn.grid import Grid
from active_cnn.learning.keras_runtime import export_network
from active_cnn.learning.network import build_network, save_network
from active_cnn.learning.runtime import load_runtime
from active_cnn.learning.scoring import score_pool
from active_cnn.spectra.pool import Pool, index_pool
from active_cnn.spectra.preprocessing import rescale

CLASSES = ("other", "target")
SIMULATED = 20_000
BLOCK = 8192


def make_pool(folder: Path, n: int, grid: Grid) -> Pool:
    """Make an indexed pool of n spectra: noise on slopes, which cost as much as any."""
    rng = np.random.default_rng(1)
    slopes = rng.uniform(0.5, 2, (SIMULATED, 2))
    share = np.linspace(0, 1, grid.n)
    flux = slopes[:, :1] * (1 - share) + slopes[:, 1:] * share
    flux = (flux + 0.05 * rng.standard_normal(flux.shape)).astype(np.float32)
    with h5py.File(folder / "pool.h5", "w") as file:
        spectra = file.create_dataset("pool/spectra", (n, grid.n), np.float32)
        names = file.create_dataset("pool/filenames", (n,), "S16")
        for start in range(0, n, BLOCK):
            rows = np.arange(start, min(start + BLOCK, n))
            spectra[start : rows[-1] + 1] = flux[rows % SIMULATED]
            names[start : rows[-1] + 1] = [b"spectrum-%07d" % row for row in rows]
    index_pool(folder / "pool.h5", folder / "index.h5", grid)
    return Pool(folder / "pool.h5", folder / "index.h5")


def build_without_front_end(n_wavelengths: int, n_classes: int) -> keras.Model:
    """Build the compact network with steps of two pixels from the first layer on."""
    inputs = keras.Input((n_wavelengths,))
    x = layers.Reshape((n_wavelengths, 1))(inputs)
    for filters, width in ((16, 5), (32, 5), (64, 3)):
        x = layers.Conv1D(filters, width, strides=2, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
    x = layers.Dense(48, activation="relu")(layers.Flatten()(x))
    return keras.Model(inputs, layers.Softmax()(layers.Dense(n_classes)(x)))


def time_inference(file: Path, windows: NDArray[np.float32], threads: int) -> float:
    """Measure spectra a second of an exported network, windows in memory."""
    runtime = load_runtime(file, threads)
    parts = np.array_split(windows, threads)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(runtime.predict, [part[:1024] for part in parts]))
        began = time.monotonic()
        list(pool.map(runtime.predict, parts))
        return len(windows) / (time.monotonic() - began)


def time_whole(path: Path, network: keras.Model, pool: Pool, threads: int) -> float:
    """Measure spectra a second from the pool's file to the predictions', once it has begun.

    Before it begins the network is exported, which takes some seconds whatever the pool.
    """
    out = path.with_suffix(".h5")
    told: list[float] = []

    def report(_phase: str, _done: int, _total: int, details: dict[str, float]) -> None:
        told.extend(details[name] for name in ("spectra_per_second",) if name in details)

    with open_engine(threads=threads) as engine:
        score_pool(path, network, pool, CLASSES, out, report, engine)
    out.unlink()
    return told[-1]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line names, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wavelengths", type=int, default=1667)
    parser.add_argument("--spectra", type=int, default=200_000, help="of the pool")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=psutil.cpu_count())
    chosen = parser.parse_args(arguments)
    grid = Grid.of(3900.0, 8898.0, chosen.wavelengths)
    networks = {
        "compact": build_network("compact", grid.n, len(CLASSES)),
        "the same without its front end": build_without_front_end(grid.n, len(CLASSES)),
    }
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in networks}
    with tempfile.TemporaryDirectory(prefix="benchmark-wide-") as temporary:
        folder = Path(temporary)
        pool = make_pool(folder, chosen.spectra, grid)
        windows = rescale(pool.flux(np.arange(min(pool.n, SIMULATED))))
        for _ in range(chosen.rounds):
            for number, (name, network) in enumerate(networks.items()):
                path = folder / f"{number}.keras"
                save_network(network, path)
                exported, reason = export_network(network, path, windows[:1024])
                if exported is None:
                    print(f"{name}: {reason}")
                alone = time_inference(exported or path, windows, chosen.threads)
                whole = time_whole(path, network, pool, chosen.threads)
                rates[name].append((alone, whole))
    print(f"\n{grid}, {chosen.spectra:,} spectra, {chosen.threads} threads, medians of "
          f"{chosen.rounds} rounds in turn\n")  # fmt: skip
    print("| network | parameters | inference alone, spectra/s | from file to file, spectra/s |")
    print("|---|---:|---:|---:|")
    for name, network in networks.items():
        alone, whole = np.median(rates[name], axis=0)
        print(f"| {name} | {network.count_params():,} | {alone:,.0f} | {whole:,.0f} |")
    first, second = (np.array(one) for one in rates.values())
    alone, whole = np.median(first / second, axis=0)
    print(f"\nRound by round: {alone:.1f} times as fast alone, {whole:.1f} times from file to file")


if __name__ == "__main__":
    main()
