"""Writing the simulated survey: the seed's CSV and HDF5, the truth, and LAMOST's FITS files.

A file appears under its name only when it is complete.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.spectra.readers.lamost_lrs import RESOLVING_POWER
from active_cnn.spectra.resolving_power import COLUMN, PoolResolution, write_resolution
from active_cnn.spectra.simulation.observed import Labelled, Observed, Sky
from active_cnn.spectra.simulation.targets import Targets
from active_cnn.spectra.simulation.whole import SUFFIX, write_fits

TRAINING_COLUMNS = (
    "id", "label", "object", "ra", "dec", "expval", "gratang", "detector", "chipid", "specfilt",
    "date-obs", "dichmir",
)  # fmt: skip
GROUP = "lamost_dr2"
# Bytes of the longest text of a column. Texts of fixed length are written and read in one piece.
LENGTHS = {"filenames": 38, "designation": 26, "pipeline_class": 11}


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Make the folder, and turn what the disk refuses into an error of ours."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise SpectrumError(
            f"The demo survey cannot be written to {folder}: {error}. "
            "Choose a folder that can be written to and has room."
        ) from error


def _unfinished(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(path.name + ".tmp")


class TrainingWriter:
    """Writes the training CSV; leaves nothing behind when it fails."""

    def __init__(self, path: Path, grid: Grid) -> None:
        self._path, self._temporary = path, _unfinished(path)
        self._file = self._temporary.open("w", newline="", encoding="utf-8")
        self._csv = csv.writer(self._file, lineterminator="\n")
        self._csv.writerow([*TRAINING_COLUMNS, *(f"{w:.3f}" for w in grid.wavelength)])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        self._file.close()
        if kind is None:
            self._temporary.replace(self._path)
        else:
            self._temporary.unlink(missing_ok=True)

    def append(self, first: int, some: Labelled, rng: np.random.Generator) -> None:
        """Write rows; `first` is the number of those that were written before."""
        n = len(some.labels)
        ra, dec = rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-0.2, 1, n)))
        day = np.datetime64("2001-01-01") + rng.integers(0, 5000, n)
        exposure = rng.integers(60, 5400, n)
        for row, label in enumerate(some.labels):
            number = first + row + 1
            self._csv.writerow(
                [
                    f"sim{number:06d}", label, f"SIM {number}", f"{ra[row]:.5f}",
                    f"{dec[row]:.5f}", exposure[row], "", "CCD700", "simulated", "", day[row], "",
                    *(f"{flux:.7g}" for flux in some.windows[row]),
                ]
            )  # fmt: skip


@dataclass(frozen=True, eq=False)
class PoolBlock:
    """Consecutive rows of the pool, ready to be written.

    Parameters
    ----------
    first : int
        Number of rows before these.
    columns : dict
        Values of the pool's datasets, each of n_rows.
    truth : str
        Lines of the truth's CSV.
    paths : dict
        By row (within the block) the FITS file that repeats it, relative to the pool's folder.
    """

    first: int
    columns: dict[str, NDArray[Any]]
    truth: str
    paths: dict[int, str]

    @property
    def stop(self) -> int:
        """Number of rows up to the last of these."""
        return self.first + len(self.columns["spectra"])


def prepare_block(
    targets: Targets,
    observed: Observed,
    chosen: NDArray[np.intp],
    folder: Path,
    sky: Sky,
    rng: np.random.Generator,
) -> PoolBlock:
    """Lay out a block of the pool, and write the FITS files of its chosen rows.

    Parameters
    ----------
    targets : Targets
        What the pool says of each spectrum.
    observed : Observed
        The spectra and the truth.
    chosen : ndarray of int
        Rows (within the block) to write as FITS files too.
    folder : Path
        Of the pool; the FITS files come into `fits/` below it.
    sky : Sky
        Where the spectra come from.
    rng : numpy.random.Generator
        For what the FITS files hold beyond the window.

    Returns
    -------
    PoolBlock
    """
    columns = {
        "spectra": observed.windows.astype(np.float32),
        "filenames": _fixed("filenames", targets.filename),
        "designation": _fixed("designation", targets.designation),
        "pipeline_class": _fixed("pipeline_class", targets.pipeline_class),
        "ra": targets.ra,
        "dec": targets.dec,
        "snr_r": np.array(targets.snr),
    }
    paths = {}
    flux, sigma = sky.continue_beyond(observed, chosen, rng)
    for place, row in enumerate(chosen.tolist()):
        target = targets.one(row)
        path = folder / "fits" / (target.filename + SUFFIX)
        temporary = _unfinished(path)
        write_fits(temporary, target, flux[place], sigma[place])
        temporary.replace(path)
        paths[row] = path.relative_to(folder).as_posix()
    return PoolBlock(targets.first, columns, _truth(targets, observed, sky), paths)


def _fixed(name: str, texts: Sequence[str]) -> NDArray[np.bytes_]:
    return np.array(texts, dtype=f"S{LENGTHS[name]}")


def _truth(targets: Targets, observed: Observed, sky: Sky) -> str:
    told = [observed.truth[name] for name in sky.truth_columns]
    rows = zip(
        targets.filename,
        *(values for _, values in told),
        [targets.filename[first] for first in observed.first_visit.tolist()],
        strict=True,
    )
    # None of these texts needs the quotes of CSV.
    line = ",".join(["{}", *(f"{{:{form}}}" for form, _ in told), "{}\n"])
    return "".join([line.format(*row) for row in rows])


class PoolWriter:
    """Writes the pool's HDF5 and its truth, block by block; leaves no half file when it fails."""

    def __init__(self, path: Path, truth: Path, size: int, sky: Sky) -> None:
        self._path, self._temporary = path, _unfinished(path)
        self._truth, self._temporary_truth = truth, _unfinished(truth)
        self._h5 = h5py.File(self._temporary, "w")
        group = self._h5.create_group(GROUP)
        group.create_dataset("wavelengths", data=sky.grid.wavelength)
        group.create_dataset("spectra", (size, sky.grid.n), np.float32)
        for name, length in LENGTHS.items():
            group.create_dataset(name, (size,), h5py.string_dtype("ascii", length))
        for name in ("ra", "dec", "snr_r"):
            group.create_dataset(name, (size,), np.float64)
        # Of variable length, because many of them are empty.
        group.create_dataset("path", (size,), h5py.string_dtype())
        write_resolution(group, PoolResolution(RESOLVING_POWER))
        group[COLUMN] = np.full(size, RESOLVING_POWER, np.float32)
        self._group = group
        self._file = self._temporary_truth.open("w", encoding="utf-8")
        self._file.write(",".join(["identifier", *sky.truth_columns, "first_visit"]) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        self._h5.close()
        self._file.close()
        if kind is None:
            # The truth first: a pool without its truth would look like a finished survey.
            self._temporary_truth.replace(self._truth)
            self._temporary.replace(self._path)
        else:
            self._temporary.unlink(missing_ok=True)
            self._temporary_truth.unlink(missing_ok=True)

    def append(self, block: PoolBlock) -> None:
        """Write the rows of a block."""
        rows = slice(block.first, block.stop)
        for name, values in block.columns.items():
            self._group[name][rows] = values
        if block.paths:
            paths = [block.paths.get(row, "") for row in range(rows.stop - rows.start)]
            self._group["path"][rows] = np.array(paths, dtype=object)
        self._file.write(block.truth)
