"""The wavelength axis that a header describes: linear or log10, in angstrom whatever its unit."""

from __future__ import annotations

import math
import re

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.spectra.readers import fits_file

# Outside of this an axis is in another unit, in pixels or of another kind (angstrom).
PLAUSIBLE = (900.0, 100_000.0)

ANGSTROM_A_UNIT = {
    **dict.fromkeys(
        ("a", "å", "ang", "angstrom", "angstroms", "angstroem", "0.1nm", "0.1 nm"), 1.0
    ),
    **dict.fromkeys(("nm", "nanometer", "nanometers"), 10.0),
    **dict.fromkeys(("um", "µm", "micron", "microns", "micrometer"), 1e4),
    **dict.fromkeys(("m", "meter"), 1e10),
}

# What CTYPE1 may say of a linear or log10 axis in wavelength; WAVE-LOG and its like, velocities,
# frequencies and echelle orders (MULTISPE) are other axes.
AXIS_TYPES = re.compile(r"|LINEAR|LAM.*|WAVELEN.*|WAVE|AWAV|ANG.*|LOG.*", re.IGNORECASE)


def linear_axis(header: fits.Header, n: int) -> NDArray[np.float64]:
    """Wavelengths in angstrom of an axis that is linear in wavelength or its log10, shape (n,).

    Parameters
    ----------
    header : Header
        With CRVAL1, CDELT1 or CD1_1, and CRPIX1; DC-FLAG = 1 or a CTYPE1 that begins with LOG
        means log10, and COEFF0 and COEFF1 may stand for such an axis.
    n : int
        Number of pixels.

    Raises
    ------
    SpectrumError
        If the axis is missing or is not one of these.
    """
    kind = fits_file.text(header, "CTYPE1")
    if not AXIS_TYPES.fullmatch(kind):
        raise SpectrumError(f"has no usable axis: CTYPE1 = {kind!r}, expected wavelengths")
    if fits_file.number(header, "DC-FLAG") == -1:
        raise SpectrumError("is not calibrated in wavelength: DC-FLAG = -1")
    factor = _angstrom_a_unit(header)
    if factor is None:
        unit = fits_file.text(header, "CUNIT1")
        raise SpectrumError(f"has no usable axis: it is in {unit!r}, expected wavelengths")
    if "CRVAL1" not in header and "COEFF0" in header:
        return coefficient_axis(header, n)
    value, step = fits_file.axis_number(header, "CRVAL1"), _step(header)
    if math.isnan(value) or math.isnan(step):
        raise SpectrumError("has no spectral axis: CRVAL1 and CDELT1 or CD1_1 are not both given")
    if step == 0:
        raise SpectrumError("has no usable axis: CDELT1 is 0")
    first = value + (1 - fits_file.axis_number(header, "CRPIX1", default=1.0)) * step
    is_log = fits_file.number(header, "DC-FLAG") == 1 or kind.upper().startswith("LOG")
    axis = _even(first, step, n)
    return factor * (from_log10(axis) if is_log else axis)


def _step(header: fits.Header) -> float:
    # In the standard CD1_1 overrules CDELT1, which is then 1 or missing; programs that write both
    # write them equal, and a file that was edited in one of them only cannot be trusted.
    cd, cdelt = (fits_file.axis_number(header, key) for key in ("CD1_1", "CDELT1"))
    if math.isnan(cd) or cd == 0:
        return cdelt
    if not math.isnan(cdelt) and cdelt not in (0, 1) and not math.isclose(cd, cdelt, rel_tol=1e-6):
        raise SpectrumError(f"has no usable axis: CD1_1 = {cd:g} contradicts CDELT1 = {cdelt:g}")
    return cd


def _angstrom_a_unit(header: fits.Header) -> float | None:
    unit = fits_file.text(header, "CUNIT1").lower()
    if unit in ANGSTROM_A_UNIT:
        return ANGSTROM_A_UNIT[unit]
    # IRAF says the unit in WAT1, whatever another program has put into CUNIT1 (deg, pixel).
    attributes = "".join(fits_file.text(header, f"WAT1_{i:03d}") for i in (1, 2))
    said = re.search(r"units=(\w+)", attributes)
    if said and said[1].lower() in ANGSTROM_A_UNIT:
        return ANGSTROM_A_UNIT[said[1].lower()]
    return None if unit or said else 1.0


def from_log10(log_wavelength: NDArray[np.floating]) -> NDArray[np.float64]:
    """Wavelengths in angstrom; infinite where the logarithm cannot be one of a wavelength."""
    with np.errstate(over="ignore"):
        return np.power(10.0, log_wavelength)


def coefficient_axis(header: fits.Header, n: int) -> NDArray[np.float64]:
    """Wavelengths in angstrom by COEFF0 and COEFF1, as SDSS and LAMOST write them, shape (n,).

    Raises
    ------
    SpectrumError
        If one of the two is missing.
    """
    first = fits_file.axis_number(header, "COEFF0")
    step = fits_file.axis_number(header, "COEFF1")
    if math.isnan(first) or math.isnan(step):
        raise SpectrumError("has no spectral axis: COEFF0 and COEFF1 are not both given")
    return from_log10(_even(first, step, n))


def _even(first: float, step: float, n: int) -> NDArray[np.float64]:
    with np.errstate(over="ignore", invalid="ignore"):  # a damaged header can hold any number
        return np.asarray(first + step * np.arange(n), dtype=np.float64)


def refuse_implausible(wavelength: NDArray[np.float64]) -> None:
    """Refuse an axis whose ends are no optical or infrared wavelengths in angstrom."""
    first, last = sorted((float(wavelength[0]), float(wavelength[-1])))
    if not PLAUSIBLE[0] <= first < last <= PLAUSIBLE[1]:
        raise SpectrumError(
            f"has no usable axis: it runs from {first:g} to {last:g}, not in wavelengths in Å"
        )
