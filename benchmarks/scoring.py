"""`python -m benchmarks.scoring`: the whole pool, beside what the machine could do at best."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import h5py
import keras
import numpy as np
import psutil
from numpy.typing import NDArray

from active_cnn.campaign.iteration import describe_device
from active_cnn.engine import open_engine
from active_cnn.grid import Grid
from active_cnn.learning.keras_runtime import KerasRuntime
from active_cnn.learning.network import build_network, load_network, save_network
from active_cnn.learning.scoring import score_pool
from active_cnn.spectra.pool import Pool, index_pool
from active_cnn.spectra.preprocessing import rescale
from active_cnn.spectra.simulation.survey import write_demo

CLASSES = ("not-interesting", "emission", "double-peak")
WHOLE_POOL = 4_136_482
SEED_SECONDS = 92  # of the seed's GPU for the whole pool
SIMULATED = 100_000  # spectra; a larger pool repeats them
BLOCK = 65_536


def make_pool(folder: Path, n: int) -> Pool:
    """Make an indexed pool of n spectra of a simulated survey, repeated as often as it takes."""
    path, index = folder / "pool.h5", folder / "index.h5"
    if not path.exists():
        write_demo(folder / "part", pool_size=min(n, SIMULATED), n_fits=0, seed=1)
        with h5py.File(folder / "part" / "pool.h5") as file:
            (group,) = (part for part in file.values() if "spectra" in part)
            flux = group["spectra"][:].astype(np.float32)
        with h5py.File(folder / "unfinished.h5", "w") as file:
            spectra = file.create_dataset("pool/spectra", (n, Grid().n), np.float32)
            names = file.create_dataset("pool/filenames", (n,), "S16")
            for start in range(0, n, BLOCK):
                rows = np.arange(start, min(start + BLOCK, n))
                spectra[start : rows[-1] + 1] = flux[rows % len(flux)]
                names[start : rows[-1] + 1] = [b"spectrum-%07d" % row for row in rows]
        (folder / "unfinished.h5").replace(path)
    if not index.exists():
        index_pool(path, index, Grid())
    return Pool(path, index)


def score(folder: Path, threads: int) -> None:
    """Score the pool in this process, and print seconds and memory as JSON."""
    pool = Pool(folder / "pool.h5", folder / "index.h5")
    path = folder / "compact.keras"
    network = load_network(path)
    before = psutil.Process().memory_info().rss
    began = time.monotonic()
    with open_engine(threads=threads) as engine:
        scored = score_pool(path, network, pool, CLASSES, folder / "p.h5", lambda *_: None, engine)
    seconds = time.monotonic() - began
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        json.dumps(
            {
                "seconds": seconds,
                "peak": peak,
                "before": before,
                "runtime": scored.runtime,
                "notices": scored.notices,
            }
        )
    )


def operations(network: keras.Model) -> int:
    """Count the multiply–adds of a prediction."""
    n = 0
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv1D):
            n += int(np.prod(layer.kernel.shape)) * layer.output.shape[1]
        elif isinstance(layer, keras.layers.Dense):
            n += int(np.prod(layer.kernel.shape))
    return n


def peak_rate() -> float:
    """Measure multiply–adds a second of this machine: the best of some matrix products."""
    a, b = np.ones((2, 2048, 2048), dtype=np.float32)
    best = 0.0
    for _ in range(6):
        began = time.monotonic()
        a @ b
        best = max(best, 2048**3 / (time.monotonic() - began))
    return best


def read_rate(path: Path) -> float:
    """Measure bytes a second that are read from a file, whatever the system's cache holds."""
    began, n = time.monotonic(), 0
    with path.open("rb", buffering=0) as file:
        while piece := file.read(2**24):
            n += len(piece)
    return n / (time.monotonic() - began)


def time_paper(windows: NDArray[np.float32]) -> float:
    """Measure spectra a second of the paper's network through `keras.predict`."""
    runtime = KerasRuntime(build_network("paper", Grid().n, len(CLASSES)))
    runtime.predict(windows[:2048])
    began = time.monotonic()
    runtime.predict(windows)
    return len(windows) / (time.monotonic() - began)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line names, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spectra", type=int, default=WHOLE_POOL)
    parser.add_argument("--folder", type=Path, help="of the pool, made once (2.5 GB)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=psutil.cpu_count())
    parser.add_argument("--only-score", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.only_score:
        score(chosen.folder, chosen.threads)
        return
    with tempfile.TemporaryDirectory(prefix="benchmark-scoring-") as temporary:
        folder = chosen.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        pool = make_pool(folder, chosen.spectra)
        compact = build_network("compact", Grid().n, len(CLASSES))
        save_network(compact, folder / "compact.keras")
        windows = rescale(pool.flux(np.flatnonzero(pool.usable[:30_000])))
        command = [sys.executable, "-m", "benchmarks.scoring", "--only-score"]
        command += ["--folder", str(folder), "--threads", str(chosen.threads)]
        papers, runs = [], []
        for _ in range(chosen.rounds):
            papers.append(time_paper(windows))
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            runs.append(json.loads(said.splitlines()[-1]))
        rate, bandwidth = peak_rate(), read_rate(pool.path)
    for run in runs:
        if run["notices"]:
            print(*run["notices"])
    seconds = float(np.median([run["seconds"] for run in runs]))
    paper = float(np.median(papers))
    n, work = pool.n, operations(compact)
    size = 4 * Grid().n
    print(f"\n{n} spectra, {chosen.threads} threads, {describe_device()}, {runs[0]['runtime']}, ")
    print(f"medians of {chosen.rounds} rounds\n")
    print("| what | seconds for the pool | spectra/s | against the paper's network |")
    print("|---|---:|---:|---:|")
    for what, took in (
        ("paper's network, keras.predict (of 30 000)", n / paper),
        ("compact network, reading and writing too", seconds),
        (f"limit: {work:,} multiply–adds at {rate / 1e9:.0f} G/s", n * work / rate),
        (f"limit: {size} bytes at {bandwidth / 1e9:.1f} GB/s", n * size / bandwidth),
    ):
        print(f"| {what} | {took:.1f} | {n / took:,.0f} | {n / took / paper:.1f} |")
    peak = max(run["peak"] for run in runs)
    print(
        f"\nPeak memory of the process {peak / 1e6:.0f} MB, of which {runs[0]['before'] / 1e6:.0f} "
        f"before it began; the seed's GPU took {SEED_SECONDS} s for {WHOLE_POOL} spectra"
    )


if __name__ == "__main__":
    main()
