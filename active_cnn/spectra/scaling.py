"""How the flux of windows is scaled before a network sees it: part of what a campaign is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_cnn.grid import Grid
from active_cnn.spectra.preprocessing import rescale


@dataclass(frozen=True)
class Scaling:
    """Brings windows to one scale, each of several on its own.

    Parameters
    ----------
    grid : Grid
        Where the windows are.
    """

    grid: Grid = Grid()

    def __call__(self, flux: NDArray[np.floating]) -> NDArray[np.float32]:
        """Scale spectra.

        Parameters
        ----------
        flux : ndarray, shape (n_spectra, grid.n)
            Of spectra without defects, not scaled.

        Returns
        -------
        ndarray of float32, shape (n_spectra, grid.n)
            Each window from −1, its minimum, to 1, its maximum.

        Raises
        ------
        SpectrumError
            If a window is flat or not finite.
        """
        return rescale(flux, self.grid.parts)
