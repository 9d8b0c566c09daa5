"""Telling which windows some wavelengths are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from active_cnn.grid import MOST_WINDOWS, Grid, Spacing, Window
from active_cnn.spectra.pool_file import WAVELENGTH_TOLERANCE

# Wavelengths that were written with three digits have steps that are so far off.
_ROUNDING = 2e-3  # angstrom
_UNEVEN = 0.01  # of a step; in steps of the logarithm each is wider than the last by less


def possible_windows(wavelength: NDArray[np.floating]) -> list[Window]:
    """Give the windows with the ends and the number of some wavelengths, one for each spacing.

    Raises
    ------
    CampaignError
        If no window can have these.
    """
    ends = float(wavelength[0]), float(wavelength[-1])
    return [Window(*ends, len(wavelength), spacing) for spacing in Spacing]


def find_grid(wavelength: NDArray[np.floating]) -> Grid | None:
    """Give the grid that some wavelengths are, to `WAVELENGTH_TOLERANCE`; None if they are none.

    A new window begins where the step to the next wavelength is another one.

    Raises
    ------
    CampaignError
        If no grid can have their ends and their number.
    """
    window = _find_window(wavelength)
    if window is not None:
        return Grid((window,))
    runs = _even_runs(wavelength)
    if not 1 < len(runs) <= MOST_WINDOWS or min(map(len, runs)) < Window.shortest:
        return None
    windows = [_find_window(run) for run in runs]
    found = tuple(one for one in windows if one is not None)
    return Grid(found) if len(found) == len(windows) else None


def _find_window(wavelength: NDArray[np.floating]) -> Window | None:
    for window in possible_windows(wavelength):
        # Asked this way round, a NaN counts as off the window.
        if (np.abs(wavelength - window.wavelength) <= WAVELENGTH_TOLERANCE).all():
            return window
    return None


def _even_runs(wavelength: NDArray[np.floating]) -> list[NDArray[np.floating]]:
    steps = np.diff(wavelength)
    ends = []
    start = 0
    for end in range(1, len(steps)):
        change = abs(steps[end] - steps[end - 1])
        # The step to the first wavelength of a run says nothing of the run.
        if end > start and not change <= _ROUNDING + _UNEVEN * abs(steps[end - 1]):
            ends.append(end + 1)
            start = end + 1
    return np.split(wavelength, ends)
