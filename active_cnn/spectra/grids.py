"""Telling which grid some wavelengths are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from active_cnn.records import Grid, Spacing
from active_cnn.spectra.pool_file import WAVELENGTH_TOLERANCE


def possible_grids(wavelength: NDArray[np.floating]) -> list[Grid]:
    """Give the grids with the ends and the number of some wavelengths, one for each spacing.

    Raises
    ------
    CampaignError
        If no grid can have these.
    """
    ends = float(wavelength[0]), float(wavelength[-1])
    return [Grid(*ends, len(wavelength), spacing) for spacing in Spacing]


def find_grid(wavelength: NDArray[np.floating]) -> Grid | None:
    """Give the grid that some wavelengths are, to `WAVELENGTH_TOLERANCE`; None if they are none.

    Raises
    ------
    CampaignError
        If no grid can have their ends and their number.
    """
    for grid in possible_grids(wavelength):
        # Asked this way round, a NaN counts as off the grid.
        if (np.abs(wavelength - grid.wavelength) <= WAVELENGTH_TOLERANCE).all():
            return grid
    return None
