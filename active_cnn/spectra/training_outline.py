"""What a training set holds, told by its header and its labels alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from active_cnn.errors import CampaignError, SpectrumError
from active_cnn.grid import Grid
from active_cnn.names import trim
from active_cnn.spectra.grids import find_grid, possible_windows
from active_cnn.spectra.pool_file import WAVELENGTH_TOLERANCE
from active_cnn.spectra.training_set import csv_rows, flux_columns, named_wavelengths

MOST_LABELS = 60  # that are counted apart: more are no labels


@dataclass(frozen=True)
class Outline:
    """What a training set holds.

    Parameters
    ----------
    grid : Grid or None
        Of its columns of flux; None where these are not named by wavelengths.
    n : int
        How many columns of flux there are.
    labels : dict of str to int
        How many spectra have each label, the most frequent one first.
    """

    grid: Grid | None
    n: int
    labels: dict[str, int]


def read_outline(path: Path) -> Outline:
    """Read header and labels of a training set; its fluxes are not looked at.

    Raises
    ------
    SpectrumError
        If the file cannot be read, lacks the columns `id` and `label`, has columns for wavelengths
        that are in even steps neither of wavelength nor of its logarithm, or has more than
        `MOST_LABELS` labels.
    """
    labels: Counter[str] = Counter()
    with csv_rows(path) as rows:
        names = [name.strip() for name in next(rows, [])]
        if missing := [name for name in ("id", "label") if name not in names]:
            found = ", ".join(names[:6])[:120] or "nothing"
            raise SpectrumError(
                f"{path} has no column '{missing[0]}' and is no training set: give a CSV file "
                f"with id, label and one column of flux for each wavelength. Its header "
                f"begins with: {found}"
            )
        place = names.index("label")
        for row in rows:
            if len(row) > place:
                labels[trim(row[place])] += 1
            if len(labels) > MOST_LABELS:
                raise SpectrumError(
                    f"{path} has more than {MOST_LABELS} different labels up to line "
                    f"{rows.line_num}: give each spectrum one of a few."
                )
    flux = [names[column] for column in flux_columns(names)]
    return Outline(_grid(flux, path), len(flux), dict(labels.most_common()))


def _grid(names: list[str], path: Path) -> Grid | None:
    wavelength = named_wavelengths(names)
    if wavelength is None:
        return None
    try:
        linear, log = possible_windows(wavelength)
        grid = find_grid(wavelength)
    except CampaignError as error:
        raise SpectrumError(f"{path}: the header's wavelengths are no window: {error}") from error
    if grid is None:
        off = ~(np.abs(wavelength - linear.wavelength) <= WAVELENGTH_TOLERANCE)
        first = int(np.argmax(off))
        raise SpectrumError(
            f"{path}: the wavelengths of its header are not evenly spaced, neither all nor "
            f"in a few windows: column {first + 1} is for {names[first]} Å, evenly it would be "
            f"{linear.wavelength[first]:.4f} Å, or {log.wavelength[first]:.4f} Å in steps of the "
            "logarithm. Resample the spectra."
        )
    return grid
