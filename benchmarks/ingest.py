"""From LAMOST files to a pool: files/s of the method's authors' way and of `active-cnn ingest`.

``python -m benchmarks.ingest`` copies real LAMOST files many times over, some thousands of them
with numbers of their own in the header and the others as links under names of their own, makes a
pool of them in each way, several times and in turns, and prints a table. The authors' way, which
takes as long for each file, gets the first thousand. Every way runs in a process of its own;
starting that is not counted, starting the processes that it starts is. The files are in the page
cache.
"""

import argparse
import gzip
import multiprocessing
import os
import re
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from astropy.io import fits
from tqdm import tqdm

from active_cnn.grid import Grid
from active_cnn.spectra import ingest as ingest_module

REAL = Path(__file__).parents[2] / "shared" / "real-spectra"
GROUP = "pool"
SEED = "astropy, numpy.interp, row by row"
A_FOLDER = 1000  # files
N_CONTENTS = 4000


Way = Callable[[Path, Path], None]  # from the folder of the files to the pool


@dataclass(frozen=True)
class Run:
    """What one pool took."""

    seconds: float
    cpu: float  # seconds, of all processes
    memory: float  # MB, the largest of the process itself and of those that it started, added up


def copy_files(real: Path, folder: Path, n: int, *, packed: bool) -> None:
    """Fill a folder with n files; the copies of one differ in their numbers."""
    manifest = pd.read_csv(real / "MANIFEST.csv")
    paths = manifest[manifest["survey"] == "LAMOST LRS"]["path"].drop_duplicates()
    rng = np.random.default_rng(1)
    contents = []
    for path in paths:
        content = (real / path).read_bytes()
        contents.append(gzip.decompress(content) if path.endswith(".gz") else content)
    written: list[Path] = []
    for i in tqdm(range(n), desc="Copying", unit=" files", disable=None):
        place = folder / f"{i // A_FOLDER:03d}"
        place.mkdir(parents=True, exist_ok=True)
        path = place / f"spec-{i:07d}.fits{'.gz' if packed else ''}"
        if i < N_CONTENTS:
            content = _renumbered(contents[i % len(contents)], rng)
            path.write_bytes(gzip.compress(content, 6, mtime=0) if packed else content)
            written.append(path)
        else:
            path.hardlink_to(written[i % N_CONTENTS])


def _renumbered(content: bytes, rng: np.random.Generator) -> bytes:
    for keyword in (b"RA", b"DEC", b"DESIG", b"SNRR", b"SN_R", b"OBSID", b"Z"):
        at = content.find(keyword.ljust(8) + b"= ", 0, 20_000)
        if at >= 0:
            value = content[at + 10 : at + 30]
            digits = iter(rng.integers(0, 3, len(value)))
            new = re.sub(rb"(?<=[.\d]\d)\d", lambda _: b"%d" % next(digits), value)  # noqa: B023
            content = content[: at + 10] + new + content[at + 30 :]
    return content


def ingest_as_the_seed(folder: Path, out: Path) -> None:
    """Open each of the first files with astropy, interpolate with numpy, and write a row."""
    warnings.simplefilter("ignore")
    grid = np.linspace(6519, 6732, 140)
    paths = sorted((folder / "000").iterdir())
    with h5py.File(out, "w") as file:
        spectra = file.create_dataset(f"{GROUP}/spectra", (len(paths), 140), np.float64)
        names = file.create_dataset(f"{GROUP}/filenames", (len(paths),), h5py.string_dtype())
        for i, path in enumerate(paths):
            with fits.open(path) as hdus:
                header = hdus[0].header
                if len(hdus) > 1:
                    wavelength, flux = hdus[1].data["WAVELENGTH"][0], hdus[1].data["FLUX"][0]
                else:
                    flux = hdus[0].data[0]
                    wavelength = 10 ** (header["COEFF0"] + header["COEFF1"] * np.arange(flux.size))
                names[i] = path.name.removesuffix(".gz")
                spectra[i] = np.interp(grid, wavelength, flux)


def ingest_with(
    folder: Path, out: Path, *, processes: int = 1, scheduler: str | None = None
) -> None:
    """Make the pool with the product."""
    ingest_module.ingest([folder], out, processes=processes, scheduler=scheduler)


def measure(way: Way, folder: Path, out: Path, n_workers: int) -> Run:
    """Make one pool in a new process, which starts so many workers."""
    out.unlink(missing_ok=True)
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_timed, args=(way, folder, out, n_workers, sender))
    process.start()
    try:
        return receiver.recv()
    finally:
        process.join()


def _timed(way: Way, folder: Path, out: Path, n_workers: int, sender: Any) -> None:
    began, worked = time.perf_counter(), sum(os.times()[:4])
    way(folder, out)
    seconds, cpu = time.perf_counter() - began, sum(os.times()[:4]) - worked
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    sender.send(Run(seconds, cpu, (own + n_workers * largest) / 1024))


def compare(one: Path, other: Path) -> tuple[int, int]:
    """Count the spectra that both pools have, and those that are the same bit for bit."""
    with h5py.File(one) as first, h5py.File(other) as second:
        a, b = (
            pd.Series(range(len(pool["filenames"])), pool["filenames"].asstr()[:])
            for pool in (first[GROUP], second[GROUP])
        )
        names = a.index.intersection(b.index)
        flux = first[GROUP]["spectra"][:][a[names]].astype(np.float32)
        return len(names), int((flux == second[GROUP]["spectra"][:][b[names]]).all(axis=1).sum())


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--files", type=int, default=50_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--processes", type=int, default=os.cpu_count())
    options.add_argument("--dask", action="store_true", help="local[N] as well")
    options.add_argument("--real", type=Path, default=REAL, help="folder of the real spectra")
    chosen = options.parse_args()
    several = chosen.processes
    if not (chosen.real / "MANIFEST.csv").exists():
        sys.exit(f"There are no real spectra in {chosen.real}: give their folder with --real.")
    ways: dict[str, tuple[Way, int]] = {
        SEED: (ingest_as_the_seed, 0),
        "active-cnn, 1 process": (partial(ingest_with, processes=1), 0),
        f"active-cnn, {several} processes": (partial(ingest_with, processes=several), several),
    }
    if chosen.dask:
        scheduler = f"local[{several}]"
        ways[f"active-cnn, Dask {scheduler}"] = (partial(ingest_with, scheduler=scheduler), several)
    print(f"\n{chosen.files} LAMOST files, medians of {chosen.rounds} rounds, grid {Grid()}\n")
    print("| files | way | files/s | ratio | CPU µs a file | memory MB | bit for bit |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for kind, packed in (("FITS", False), ("FITS.gz", True)):
        with tempfile.TemporaryDirectory(prefix="benchmark-ingest-") as name:
            folder = Path(name, "in")
            copy_files(chosen.real, folder, chosen.files, packed=packed)
            pools = {way: Path(name, f"{i}.h5") for i, way in enumerate(ways)}
            runs: dict[str, list[Run]] = {way: [] for way in ways}
            for _ in range(chosen.rounds):
                for way, (do, n_workers) in ways.items():
                    runs[way].append(measure(do, folder, pools[way], n_workers))
            base = 0.0
            for way in ways:
                n = min(A_FOLDER, chosen.files) if way == SEED else chosen.files
                rate = n / float(np.median([run.seconds for run in runs[way]]))
                base = base or rate
                cpu = float(np.median([run.cpu for run in runs[way]])) / n * 1e6
                memory = max(run.memory for run in runs[way])
                same = "–"
                if way != SEED:
                    n_both, n_same = compare(pools[SEED], pools[way])
                    same = f"{n_same} of {n_both}"
                print(
                    f"| {kind} | {way} | {rate:,.0f} | {rate / base:.1f} | {cpu:.0f} "
                    f"| {memory:.0f} | {same} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
