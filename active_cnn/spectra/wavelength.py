"""Air and vacuum wavelengths, and the lines near Hα."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.records import Line

SPEED_OF_LIGHT = 299_792.458  # km/s

# Vacuum; the forbidden ones from the line list of the SDSS pipeline.
LINES = (
    Line("Hα", 6564.614),
    Line("He I 6678", 6679.995),
    Line("[N II] 6548", 6549.86),
    Line("[N II] 6583", 6585.27),
    Line("[S II] 6716", 6718.29),
    Line("[S II] 6731", 6732.67),
)

# The formulae describe air between these wavelengths (angstrom); outside they are extrapolations.
AIR_RANGE = (2000.0, 100_000.0)


def _refuse_outside_range(wavelength: NDArray[np.float64], medium: str) -> None:
    outside = ~((wavelength >= AIR_RANGE[0]) & (wavelength <= AIR_RANGE[1]))
    if outside.any():
        raise SpectrumError(
            f"Cannot convert the {medium} wavelength {wavelength[outside][0]:g} Å: the refractive "
            f"index of air is known for {AIR_RANGE[0]:g}-{AIR_RANGE[1]:g} Å. "
            "Check the unit of the wavelength axis."
        )


def air_to_vacuum(wavelength_air: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert standard-air wavelengths to vacuum.

    Parameters
    ----------
    wavelength_air : ndarray, shape (n_pixels,)
        Standard-air wavelength in angstrom, 2000-100 000 Å.

    Returns
    -------
    ndarray, shape (n_pixels,)
        Vacuum wavelength in angstrom. The argument is left unchanged.

    Raises
    ------
    SpectrumError
        If a wavelength lies outside that range.

    References
    ----------
    N. Piskunov, VALD wiki, "Air-to-vacuum conversion": the inverse of `vacuum_to_air`.
    """
    wavelength_air = np.asarray(wavelength_air, dtype=np.float64)
    _refuse_outside_range(np.atleast_1d(wavelength_air), "air")
    s2 = (1e4 / wavelength_air) ** 2
    n = (
        1
        + 8.336624212083e-5
        + 2.408926869968e-2 / (130.1065924522 - s2)
        + 1.599740894897e-4 / (38.92568793293 - s2)
    )
    return wavelength_air * n


def vacuum_to_air(wavelength: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert vacuum wavelengths to standard air.

    Parameters
    ----------
    wavelength : ndarray, shape (n_pixels,)
        Vacuum wavelength in angstrom, 2000-100 000 Å.

    Returns
    -------
    ndarray, shape (n_pixels,)
        Standard-air wavelength in angstrom. The argument is left unchanged.

    Raises
    ------
    SpectrumError
        If a wavelength lies outside that range.

    References
    ----------
    Birch & Downs (1994), Metrologia, 31, 315, in the form of Morton (2000), ApJS, 130, 403,
    eq. 8 (dry air at 15 °C, 101 325 Pa, 0.045 % CO2).
    """
    wavelength = np.asarray(wavelength, dtype=np.float64)
    _refuse_outside_range(np.atleast_1d(wavelength), "vacuum")
    s2 = (1e4 / wavelength) ** 2
    n = 1 + 8.34254e-5 + 2.406147e-2 / (130 - s2) + 1.5998e-4 / (38.9 - s2)
    return wavelength / n
