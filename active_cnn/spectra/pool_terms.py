"""On what terms the spectra of a pool are: its grid and its resolving power, as its files say."""

from __future__ import annotations

from pathlib import Path

import h5py

from active_cnn.errors import CampaignError, SpectrumError
from active_cnn.grid import Grid
from active_cnn.spectra.grids import find_grid, possible_windows
from active_cnn.spectra.pool_file import find_group, open_hdf5
from active_cnn.spectra.pool_index import find_resolution
from active_cnn.spectra.resolving_power import PoolResolution, agree, read_resolution
from active_cnn.spectra.shards import shards_of


def read_terms(path: Path, grid: Grid | None = None) -> tuple[Grid, PoolResolution]:
    """Read which grid a pool is on and which resolving power it is of.

    Parameters
    ----------
    path : Path
        The HDF5 file or the manifest.
    grid : Grid, optional
        Which it has to be on; without it the pool's own `wavelengths` tell it.

    Raises
    ------
    SpectrumError
        If it cannot be read, is on another grid, or does not tell its grid and none is given.
    """
    first = shards_of(path)[0].path
    grid = grid or _read_grid(first)
    if grid is None:
        raise SpectrumError(
            f"The pool {first} does not tell its wavelengths. Give the grid that it was "
            "made for (--grid START END N)."
        )
    return grid, find_resolution(path, grid)


def read_stated(path: Path) -> tuple[Grid | None, PoolResolution]:
    """Read what a pool says of itself: the grid is None where it does not tell its wavelengths.

    Raises
    ------
    SpectrumError
        If it cannot be read.
    """
    shards = shards_of(path)
    grid = _read_grid(shards[0].path)
    if grid is not None:
        return read_terms(path, grid)
    stated = []
    for shard in shards:
        with open_hdf5(shard.path) as file:
            stated.append((shard.path, read_resolution(find_group(file, shard.path))))
    return None, agree(stated)


def _read_grid(path: Path) -> Grid | None:
    with open_hdf5(path) as file:
        found = find_group(file, path).get("wavelengths")
        if found is None:
            return None
        is_axis = isinstance(found, h5py.Dataset) and found.ndim == 1 and found.dtype.kind in "fiu"
        if not is_axis or not Grid.shortest <= found.size <= Grid.longest:
            raise SpectrumError(
                f"The pool {path} has 'wavelengths' that are no axis of {Grid.shortest} to "
                f"{Grid.longest} numbers. Give a pool whose wavelengths are in Å (vacuum)."
            )
        wavelength = found[:].astype(float)
    try:
        # What is none, is refused with the first wavelength that is off the linear one.
        return find_grid(wavelength) or Grid((possible_windows(wavelength)[0],))
    except CampaignError as error:
        raise SpectrumError(f"The pool {path}: {error}") from error
