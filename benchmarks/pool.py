"""How fast a pool is indexed and read, in one file and in shards, against reading its bytes alone.

`python -m benchmarks.pool --spectra 4136482` measures at the size of LAMOST DR2. All variants are
taken by turns in one run, and the best of a few turns counts.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np

from active_cnn.grid import Grid
from active_cnn.spectra.pool import Pool, index_pool
from active_cnn.spectra.shards import write_manifest

GRID = Grid()
CHUNK = 16_384
TURNS = 3


def write_pool(path: Path, rows: range) -> None:
    """Write noise with names, places and paths like those of a survey."""
    text = h5py.string_dtype()
    with h5py.File(path, "w") as file:
        spectra = file.create_dataset("pool/spectra", (len(rows), GRID.n), np.float32)
        for name in ("ra", "dec", "snr_r"):
            file.create_dataset(f"pool/{name}", (len(rows),), np.float64)
        for name in ("filenames", "path"):
            file.create_dataset(f"pool/{name}", (len(rows),), text)
        for start in range(0, len(rows), CHUNK):
            some = rows[start : start + CHUNK]
            into = slice(start, start + len(some))
            rng = np.random.default_rng(some.start)
            spectra[into] = rng.normal(100, 5, (len(some), GRID.n))
            file["pool/ra"][into] = rng.uniform(0, 360, len(some))
            file["pool/dec"][into] = np.degrees(np.arcsin(rng.uniform(-0.2, 0.95, len(some))))
            names = [f"spec-{55859 + i // 9000}-F{5000 + i // 4000}-{i:09d}.fits" for i in some]
            file["pool/filenames"][into] = names
            file["pool/path"][into] = [f"dr2/{name[5:10]}/{name}" for name in names]


def read_bytes(files: list[Path]) -> int:
    """Read the spectra as they are stored, and nothing else."""
    n = 0
    for path in files:
        with h5py.File(path, "r") as file:
            spectra = file["pool/spectra"]
            for start in range(0, len(spectra), CHUNK):
                n += len(spectra[start : start + CHUNK])
    return n


def operations(path: Path, files: list[Path]) -> Iterator[tuple[str, Callable[[], int]]]:
    """Name what is measured; each gives the number of rows that it has dealt with."""
    index = path.with_suffix(".index")
    index_pool(path, index, GRID)
    pool = Pool(path, index)
    rng = np.random.default_rng(1)
    few, many = (rng.integers(0, pool.n, n) for n in (1000, min(20_000, pool.n)))
    names = pool.identifiers(few)

    def index_anew() -> int:
        index_pool(path, index.with_suffix(".again"), GRID)
        return pool.n

    yield "the bytes of the spectra alone", lambda: read_bytes(files)
    yield "index", index_anew
    yield "chunks", lambda: sum(usable.size for _, usable, _ in pool.chunks(CHUNK))
    yield f"windows of {len(many)} random rows", lambda: len(pool.windows(many))
    yield "open, and find one identifier", lambda: len(Pool(path, index).find(names[:1]))
    yield "open, and find 1000 identifiers", lambda: len(Pool(path, index).find(names))
    yield "metadata of 1000 random rows", lambda: len(pool.metadata(few))


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spectra", type=int, default=400_000)
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--folder", type=Path, help="where the pools are made for the time being")
    options = parser.parse_args()
    with TemporaryDirectory(dir=options.folder) as folder:
        borders = np.linspace(0, options.spectra, options.shards + 1).astype(int).tolist()
        shards = [Path(folder, f"{start}.h5") for start in borders[:-1]]
        for path, start, stop in zip(shards, borders[:-1], borders[1:], strict=True):
            write_pool(path, range(start, stop))
        sharded, whole = Path(folder, "survey.pool"), Path(folder, "whole.h5")
        write_manifest(sharded, list(zip(shards, np.diff(borders), strict=True)))
        write_pool(whole, range(options.spectra))
        print(f"{options.spectra} spectra of {GRID.n} float32; {options.shards} shards\n")
        print("| | rows/s, one file | rows/s, shards | ratio |\n|---|---|---|---|")
        for (name, of_one), (_, of_many) in zip(
            operations(whole, [whole]), operations(sharded, shards), strict=True
        ):
            speeds: list[list[float]] = [[], []]
            for _ in range(TURNS):
                for operation, speed in zip((of_one, of_many), speeds, strict=True):
                    began = time.perf_counter()
                    n = operation()
                    speed.append(n / (time.perf_counter() - began))
            one, many = map(max, speeds)
            print(f"| {name} | {one:,.0f} | {many:,.0f} | {many / one:.2f} |")


if __name__ == "__main__":
    main()
