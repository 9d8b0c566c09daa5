"""The training set that a campaign starts from: spectra with labels, in a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.lines import open_lines
from active_cnn.names import trim
from active_cnn.search import ScalingMethod
from active_cnn.spectra.preprocessing import DEFECTS, find_defects
from active_cnn.spectra.scaling import Scaling

# What else a row of the Ondřejov archive tells; every other column is a flux.
ARCHIVE_COLUMNS = (
    *("object", "ra", "dec", "expval", "gratang"),
    *("detector", "chipid", "specfilt", "date-obs", "dichmir"),
)
WAVELENGTH_TOLERANCE = 0.01  # angstrom


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Labelled spectra, ready for the network.

    Parameters
    ----------
    identifiers : tuple of str, length n_spectra
        Unique names of the spectra.
    flux : ndarray of float64, shape (n_spectra, grid.n)
        As the file has it; read-only.
    windows : ndarray of float32, shape (n_spectra, grid.n)
        Each spectrum scaled as the network sees it; read-only.
    labels : tuple of str, length n_spectra
        What each spectrum is, in the words of the file.
    """

    identifiers: tuple[str, ...]
    flux: NDArray[np.float64]
    windows: NDArray[np.float32]
    labels: tuple[str, ...]


def read_training_csv(
    path: Path,
    grid: Grid,
    label_to_class: Mapping[str, str],
    method: ScalingMethod = ScalingMethod.MINMAX,
) -> TrainingSet:
    """Read labelled spectra from a CSV file.

    Parameters
    ----------
    path : Path
        A header with `id`, `label`, any of `ARCHIVE_COLUMNS`, and grid.n columns of flux in the
        order of the grid; if their names are wavelengths (Å, vacuum), these must be the grid's.
        Blanks around a name or a label are no part of it.
    grid : Grid
        The wavelengths of the flux columns.
    label_to_class : mapping of str to str
        The labels that may occur (and the classes that they train).
    method : ScalingMethod
        How the windows are scaled.

    Returns
    -------
    TrainingSet

    Raises
    ------
    SpectrumError
        If the file or a row cannot be used; the text names line, identifier and value.
    """
    identifiers: dict[str, _Place] = {}
    known = {trim(label): label for label in label_to_class}
    labels, flux = [], []
    with csv_rows(path) as rows:
        columns = _Columns.from_header(next(rows, []), path, grid)
        for row in rows:
            if not row:
                continue
            where = f"{path}, line {rows.line_num}"
            written, label, values = columns.split(row, where)
            identifier, label = trim(written), trim(label)
            where = f"{where} ('{identifier}')"
            _refuse_name(identifier, written, identifiers, where)
            if label not in known:
                raise SpectrumError(
                    f"{where}: the label '{label}' trains no class of the campaign. Use one "
                    f"of {', '.join(label_to_class)}, or leave the row out."
                )
            identifiers[identifier] = _Place(rows.line_num, written)
            labels.append(known[label])
            flux.append(_numbers(values, where))
    if not flux:
        raise SpectrumError(f"{path} has a header but no spectra. Give at least one row.")
    as_given = np.array(flux)
    _refuse_defects(as_given, identifiers, path, grid)
    windows = Scaling(grid, method)(as_given)
    as_given.setflags(write=False)
    windows.setflags(write=False)
    return TrainingSet(tuple(identifiers), as_given, windows, tuple(labels))


@contextmanager
def csv_rows(path: Path) -> Iterator[Any]:
    """Open a training set; what is wrong with its file is a SpectrumError.

    Yields
    ------
    csv.reader
        Of its rows, the header first.

    Raises
    ------
    SpectrumError
        If the file cannot be read, or is no CSV in UTF-8.
    """
    try:
        with open_lines(path, encoding="utf-8-sig", newline="") as lines:
            yield csv.reader(lines, strict=True)
    except OSError as error:
        raise SpectrumError(
            f"The training set {path} cannot be read: {error.strerror}. Give a CSV file that you "
            "may read."
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise SpectrumError(
            f"{path} is not a CSV file in UTF-8: {error}. Save it as comma-separated UTF-8 text."
        ) from error


def flux_columns(names: Sequence[str]) -> tuple[int, ...]:
    """Tell which columns of a header are flux: all that tell nothing else."""
    return tuple(
        column
        for column, name in enumerate(names)
        if name not in ("id", "label") and name not in ARCHIVE_COLUMNS
    )


def named_wavelengths(names: Sequence[str]) -> NDArray[np.float64] | None:
    """Read the wavelengths that columns of flux are named by; None where it is something else."""
    try:
        values = np.array([float(name) for name in names])
    except ValueError:
        return None
    numbering = np.arange(len(values))
    if np.array_equal(values, numbering) or np.array_equal(values, numbering + 1):
        return None
    return values


def read_identifiers(path: Path) -> list[str]:
    """Name the spectra of a file that `read_training_csv` has read before, in their order."""
    with open_lines(path, encoding="utf-8-sig", newline="") as lines:
        rows = csv.reader(lines)
        column = [name.strip() for name in next(rows)].index("id")
        return [trim(row[column]) for row in rows if row]


class _Place(NamedTuple):
    """Where an identifier stands, and how it is written there."""

    line: int
    written: str


@dataclass(frozen=True)
class _Columns:
    """Where a row holds what."""

    n: int
    identifier: int
    label: int
    flux: tuple[int, ...]

    @classmethod
    def from_header(cls, header: Sequence[str], path: Path, grid: Grid) -> _Columns:
        if not header:
            raise SpectrumError(f"{path} is empty. Give a CSV file with a header and spectra.")
        names = [name.strip() for name in header]
        for name in ("id", "label"):
            if names.count(name) != 1:
                found = ", ".join(names[:6])[:120]
                raise SpectrumError(
                    f"{path}: the column '{name}' stands in the header {names.count(name)} times, "
                    f"it has to stand there once. The header begins with: {found}"
                )
        flux = flux_columns(names)
        if len(flux) != grid.n:
            raise SpectrumError(
                f"{path}: the header has {len(flux)} columns of flux, the grid {grid} needs "
                f"{grid.n}. Resample the spectra, or choose the grid that the file was made for."
            )
        _refuse_other_wavelengths([names[column] for column in flux], path, grid)
        return cls(len(names), names.index("id"), names.index("label"), flux)

    def split(self, row: Sequence[str], where: str) -> tuple[str, str, list[str]]:
        if len(row) != self.n:
            n_flux = len(row) - self.n + len(self.flux)
            name = row[self.identifier] if self.identifier < len(row) else ""
            raise SpectrumError(
                f"{where} ('{name}'): the row has {len(row)} fields, the header has {self.n}: "
                f"{max(n_flux, 0)} fluxes instead of {len(self.flux)}. Complete or remove the row."
            )
        return row[self.identifier], row[self.label], [row[column] for column in self.flux]


def _refuse_other_wavelengths(names: Sequence[str], path: Path, grid: Grid) -> None:
    wavelength = named_wavelengths(names)
    if wavelength is None:
        return
    # Asked this way round, a NaN counts as off the grid.
    off = ~(abs(wavelength - grid.wavelength) <= WAVELENGTH_TOLERANCE)
    if off.any():
        first = int(np.argmax(off))
        raise SpectrumError(
            f"{path}: flux column {first + 1} is for {names[first]} Å, on the grid {grid} it is "
            f"{grid.wavelength[first]:.4f} Å (vacuum). "
            "Resample the spectra, or choose the grid that the file was made for."
        )


def _refuse_name(identifier: str, written: str, earlier: Mapping[str, _Place], where: str) -> None:
    if not identifier:
        raise SpectrumError(f"{where}: the column 'id' is empty. Give the spectrum a unique name.")
    if identifier in earlier:
        first = earlier[identifier]
        spelt = (
            f", written {first.written!r} there and {written!r} here: blanks around it are no part "
            "of it"
        )
        raise SpectrumError(
            f"{where}: the identifier stands in line {first.line} already"
            f"{spelt if first.written != written else ''}. "
            "Give every spectrum a unique one, or remove the repeated row."
        )


def _numbers(values: Sequence[str], where: str) -> NDArray[np.float64]:
    try:
        return np.array([float(value) for value in values])
    except ValueError as error:
        wrong = next(n for n, value in enumerate(values) if not _is_number(value))
        raise SpectrumError(
            f"{where}: flux {wrong + 1} is '{values[wrong]}', not a number. "
            "Correct it or remove the row."
        ) from error


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _refuse_defects(
    flux: NDArray[np.float64], identifiers: Mapping[str, _Place], path: Path, grid: Grid
) -> None:
    defects = find_defects(flux, grid.parts)
    if defects.any():
        row = int(np.argmax(defects > 0))
        identifier, place = list(identifiers.items())[row]
        raise SpectrumError(
            f"{path}, line {place.line} ('{identifier}'): the spectrum "
            f"{DEFECTS[int(defects[row])]}. Remove the row."
        )
