"""Writing the simulated survey: the seed's CSV and HDF5, the truth, and LAMOST's FITS files.

A file appears under its name only when it is complete.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import h5py
import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.records import Grid
from active_cnn.spectra.simulation.exposures import Batch
from active_cnn.spectra.simulation.population import TYPES
from active_cnn.spectra.simulation.stars import Kind
from active_cnn.spectra.simulation.whole import Target, designate, write_fits

TRAINING_COLUMNS = (
    "id", "label", "object", "ra", "dec", "expval", "gratang", "detector", "chipid", "specfilt",
    "date-obs", "dichmir",
)  # fmt: skip
TRUTH_COLUMNS = (
    "identifier", "label", "kind", "is_visible", "temperature", "rv", "vsini", "snr", "ew", "fwhm",
    "separation", "first_visit",
)  # fmt: skip
GROUP = "lamost_dr2"
PLATE = 4000  # fibres: 16 spectrographs × 250
ASTRAY = 0.25  # arcsec: how far from the star's place a further visit says that it is
NIGHTS = 40  # within which a field is observed again


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

    def append(
        self, first: int, labels: Sequence[str], batch: Batch, rng: np.random.Generator
    ) -> None:
        """Write rows; `first` is the number of those that were written before."""
        n = len(labels)
        ra, dec = rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-0.2, 1, n)))
        day = np.datetime64("2001-01-01") + rng.integers(0, 5000, n)
        exposure = rng.integers(60, 5400, n)
        for row, label in enumerate(labels):
            number = first + row + 1
            self._csv.writerow(
                [
                    f"sim{number:06d}", label, f"SIM {number}", f"{ra[row]:.5f}",
                    f"{dec[row]:.5f}", exposure[row], "", "CCD700", "simulated", "", day[row], "",
                    *(f"{flux:.7g}" for flux in batch.windows[row]),
                ]
            )  # fmt: skip


class PoolWriter:
    """Writes the pool's HDF5, its truth and its FITS files; leaves no half file when it fails."""

    def __init__(self, path: Path, truth: Path, size: int, grid: Grid) -> None:
        self._path, self._temporary = path, _unfinished(path)
        self._truth, self._temporary_truth = truth, _unfinished(truth)
        self._grid = grid
        self._h5 = h5py.File(self._temporary, "w")
        group = self._h5.create_group(GROUP)
        text = h5py.string_dtype()
        group.create_dataset("wavelengths", data=grid.wavelength)
        group.create_dataset("spectra", (size, grid.n), np.float64)
        for name in ("filenames", "designation", "pipeline_class", "path"):
            group.create_dataset(name, (size,), text)
        for name in ("ra", "dec", "snr_r"):
            group.create_dataset(name, (size,), np.float64)
        self._group = group
        self._file = self._temporary_truth.open("w", newline="", encoding="utf-8")
        self._csv = csv.writer(self._file, lineterminator="\n")
        self._csv.writerow(TRUTH_COLUMNS)

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

    def append(
        self,
        first: int,
        labels: Sequence[str],
        batch: Batch,
        chosen: Sequence[int],
        rng: np.random.Generator,
    ) -> list[Path]:
        """Write rows, and FITS files of the chosen ones; tell where those are."""
        n = len(labels)
        targets = _targets(first, batch, rng)
        paths = [""] * n
        fits = []
        for row in chosen:
            target = targets[row]
            path = self._path.parent / "fits" / target.filename
            temporary = _unfinished(path)
            write_fits(temporary, target, batch.sources[row], batch.flux[row], self._grid, rng)
            temporary.replace(path)
            paths[row] = path.relative_to(self._path.parent).as_posix()
            fits.append(path)
        rows = slice(first, first + n)
        self._group["spectra"][rows] = batch.windows
        self._group["filenames"][rows] = [target.filename for target in targets]
        self._group["designation"][rows] = [target.designation for target in targets]
        self._group["pipeline_class"][rows] = [target.pipeline_class for target in targets]
        self._group["path"][rows] = paths
        self._group["ra"][rows] = [target.ra for target in targets]
        self._group["dec"][rows] = [target.dec for target in targets]
        self._group["snr_r"][rows] = [target.snr for target in targets]
        self._write_truth(targets, labels, batch)
        return fits

    def _write_truth(self, targets: Sequence[Target], labels: Sequence[str], batch: Batch) -> None:
        sources, look = batch.sources, batch.look
        for row, (target, label) in enumerate(zip(targets, labels, strict=True)):
            source = sources[row]
            self._csv.writerow(
                [
                    target.filename, label, Kind(source["kind"]).name.lower(),
                    int(look.is_visible[row]), f"{source['temperature']:.0f}",
                    f"{source['rv']:.1f}", f"{source['vsini']:.1f}", f"{target.snr:.2f}",
                    f"{look.equivalent_width[row]:.3f}", f"{look.fwhm[row]:.2f}",
                    f"{look.separation[row]:.1f}", targets[batch.first_visit[row]].filename,
                ]
            )  # fmt: skip


def _targets(first: int, batch: Batch, rng: np.random.Generator) -> list[Target]:
    n = len(batch.label)
    number = first + np.arange(n)
    plate, fibre = number // PLATE, number % PLATE
    # The pointing belongs to the plate, so that it does not depend on the block.
    pointing = plate.astype(np.float64)
    centre_ra = (94 + 137.508 * pointing) % 360
    centre_dec = 27 + 30 * np.sin(1.7 * pointing)
    radius = 2.5 * np.sqrt(rng.random(n))
    angle = rng.uniform(0, 2 * np.pi, n)
    dec = centre_dec + radius * np.sin(angle)
    ra = centre_ra + radius * np.cos(angle) / np.cos(np.radians(dec))
    star = batch.first_visit
    again = star != np.arange(n)
    ra, dec = _rounded(ra[star], dec[star])
    designations = [designate(*place) for place in zip(ra.tolist(), dec.tolist(), strict=True)]
    astray = again * ASTRAY / 3600 * np.sqrt(rng.random(n))
    angle = rng.uniform(0, 2 * np.pi, n)
    ra, dec = _rounded(
        ra + astray * np.cos(angle) / np.cos(np.radians(dec)), dec + astray * np.sin(angle)
    )
    mjd = 55959 + plate + again * rng.integers(1, NIGHTS + 1, n)
    sources = batch.sources
    classes = pipeline_classes(sources, rng)
    targets = []
    for row in range(n):
        plan = f"SIM_{centre_ra[row]:03.0f}N{centre_dec[row]:02.0f}_V{plate[row] % 3 + 1}"
        spectrograph, seat = (int(part) + 1 for part in divmod(fibre[row], 250))
        targets.append(
            Target(
                filename=f"spec-{mjd[row]}-{plan}_sp{spectrograph:02d}-{seat:03d}.fits",
                number=int(number[row]),
                star=int(number[star[row]]),
                designation=designations[row],
                mjd=int(mjd[row]),
                plan=plan,
                spectrograph=spectrograph,
                fibre=seat,
                ra=float(ra[row]),
                dec=float(dec[row]),
                snr=round(float(sources["snr"][row]), 2),
                coarse_class=classes[row][0],
                subclass=classes[row][1],
            )
        )
    return targets


def _rounded(
    ra: NDArray[np.float64], dec: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    # What is written is rounded alike in every file, and no right ascension becomes 360.
    return ra.round(6) % 360, dec.round(6)


def pipeline_classes(sources: NDArray[np.void], rng: np.random.Generator) -> list[tuple[str, str]]:
    """What a template-matching pipeline would say: (class, subclass) of each source."""
    letters = list(TYPES)
    hottest = np.array([TYPES[letter][0] for letter in letters])
    # It takes the temperature from the continuum, and is a subtype or two off.
    temperature = sources["temperature"] * np.exp(rng.normal(0, 0.015, len(sources)))
    classes = []
    for kind, snr, kelvin in zip(sources["kind"], sources["snr"], temperature, strict=True):
        if kind in (Kind.GALAXY, Kind.QUASAR) and snr > 6:
            classes.append(("GALAXY" if kind == Kind.GALAXY else "QSO", "Non"))
        elif snr < 4 or kind in (Kind.FEATURELESS, Kind.GALAXY, Kind.QUASAR):
            classes.append(("UNKNOWN", "Non"))
        elif kind == Kind.WHITE_DWARF:
            classes.append(("STAR", "WD"))
        else:
            letter = letters[max(int((hottest > kelvin).sum()) - 1, 0)]
            hot, cool = TYPES[letter]
            tenth = int(np.clip(10 * (hot - kelvin) / (hot - cool), 0, 9))
            classes.append(("STAR", f"{letter}{tenth}"))
    return classes
