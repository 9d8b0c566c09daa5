"""What the other extensions of a file say of an image: its errors, bad pixels and wavelengths."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.spectra.readers import fits_file
from active_cnn.spectra.readers.assembly import ivar_of
from active_cnn.spectra.readers.axis import from_log10, is_plausible
from active_cnn.spectra.readers.units import angstroms_a_unit, without_logarithm

MOST_EXTENSIONS = 100

SIGMA, VARIANCE, IVAR, BAD, WAVELENGTH, LOG_WAVELENGTH, OTHER = (
    "sigma", "variance", "ivar", "bad", "wavelength", "log10 of wavelength", "other"
)  # fmt: skip

# By EXTNAME. STAT is the variance in the instruments of ESO and in mpdaf, UNCERT is astropy's.
ROLES = {
    **dict.fromkeys(
        ("ERR", "ERROR", "ERRORS", "ERRS", "SIGMA", "SIG", "STD", "STDDEV", "NOISE"), SIGMA
    ),
    **dict.fromkeys(("VAR", "VARIANCE", "STAT"), VARIANCE),
    **dict.fromkeys(("IVAR", "INVVAR", "INVERSE VARIANCE", "WEIGHT"), IVAR),
    **dict.fromkeys(("MASK", "DQ", "QUAL", "QUALITY", "BPM"), BAD),
    **dict.fromkeys(("LOGLAM", "LOGLAMBDA", "LOGWAVE"), LOG_WAVELENGTH),
    **dict.fromkeys(("SKY", "CONTINUUM", "MODEL", "RESPONSE", "RESOLUTION", "BACKGROUND"), OTHER),
}
WAVELENGTHS = re.compile(
    r"(WAVELENGTHS?|WAVES?|WAV|WVL|WLEN|WL|LAMBDA|LAM)(?:[\W_]*(?:AIR|VAC|VACUUM)\)?)?"
)
# HDUCLAS3 of an extension with HDUCLAS2 = ERROR, in the convention of ESO, and astropy's UTYPE.
ERROR_CLASSES = {"RMSE": SIGMA, "MSE": VARIANCE, "INVMSE": IVAR}
UNCERTAINTIES = {
    "STDDEVUNCERTAINTY": SIGMA, "VARIANCEUNCERTAINTY": VARIANCE, "INVERSEVARIANCE": IVAR
}  # fmt: skip


def role(hdu: Any) -> str:
    """What an image is beside a flux; empty if its name does not say that it is anything else."""
    header = hdu.header
    if fits_file.text(header, "HDUCLAS2").upper() == "ERROR":
        return ERROR_CLASSES.get(fits_file.text(header, "HDUCLAS3").upper(), OTHER)
    if fits_file.text(header, "HDUCLAS2").upper() == "QUALITY":
        return BAD
    name = fits_file.text(header, "EXTNAME").upper()
    if name == "UNCERT":
        return UNCERTAINTIES.get(fits_file.text(header, "UTYPE").upper(), OTHER)
    return _role_of_name(name)


def _role_of_name(name: str) -> str:
    return WAVELENGTH if WAVELENGTHS.fullmatch(name) else ROLES.get(name, "")


def extensions(hdus: fits.HDUList) -> Iterator[Any]:
    """Every HDU of a file, up to one that cannot be read."""
    for i in range(MOST_EXTENSIONS):
        try:
            hdu = fits_file.extension(hdus, i)
        except SpectrumError:
            return
        if hdu is None:
            return
        yield hdu


def images(hdus: fits.HDUList) -> Iterator[Any]:
    """Every image with data."""
    return (hdu for hdu in extensions(hdus) if fits_file.image_shape(hdu))


def refuse_other_spectra(hdus: fits.HDUList, chosen: Any) -> None:
    """Refuse a file in which another image is a spectrum of its own.

    That is one of the same name but for a number, or one of another object.
    """
    others = [hdu for hdu in images(hdus) if hdu is not chosen and not role(hdu)]
    rivals = [hdu for hdu in others if _stem(hdu) == _stem(chosen) or _is_of_another(hdu, chosen)]
    if rivals:
        names = ", ".join(_name(hdu) for hdu in (chosen, *rivals)[:4])
        raise SpectrumError(
            f"holds {len(rivals) + 1} spectra: the images {names}, expected one a file"
        )


def _name(hdu: Any) -> str:
    return fits_file.text(hdu.header, "EXTNAME") or "without EXTNAME"


def _stem(hdu: Any) -> object:
    name = re.sub(r"[\W_]*\d+$", "", fits_file.text(hdu.header, "EXTNAME").upper())
    return name or object()  # without a name there is nothing in common


def _is_of_another(hdu: Any, chosen: Any) -> bool:
    names = [fits_file.text(one.header, "OBJECT", "OBJNAME") for one in (hdu, chosen)]
    return all(names) and names[0] != names[1]


def ivar_of_companion(hdus: fits.HDUList, image: Any) -> NDArray[np.float64] | None:
    """Inverse variance that another extension gives of an image, shape (n_pixels,); None if none.

    An extension in which no pixel has a positive error knows nothing.
    """
    for hdu in _of_the_same_size(hdus, image):
        what = role(hdu)
        if what in (SIGMA, VARIANCE, IVAR):
            values = fits_file.array(hdu).ravel()
            with np.errstate(invalid="ignore"):
                if what == IVAR:
                    ivar = np.where(np.isfinite(values) & (values > 0), values, 0.0)
                else:
                    ivar = ivar_of(np.sqrt(values) if what == VARIANCE else values)
            return ivar if ivar.any() else None
    return None


def bad_of_companion(hdus: fits.HDUList, image: Any) -> NDArray[np.bool_] | None:
    """Pixels that another extension calls bad, shape (n_pixels,); None if there is none.

    0 is good in all conventions but one in which no pixel is: that is not what was meant.
    """
    for hdu in _of_the_same_size(hdus, image):
        if role(hdu) == BAD:
            bad = fits_file.array(hdu).ravel() != 0
            return None if bad.all() else bad
    return None


def wavelengths_of_companion(
    hdus: fits.HDUList, image: Any
) -> tuple[str, Any, NDArray[np.float64]] | None:
    """Name, HDU and wavelengths [angstrom] of the extension that holds those of an image."""
    for name, hdu, values, what, unit in _wavelength_like(hdus, image):
        wavelength = _in_angstrom(values, what, unit)
        if wavelength is not None:
            return name, hdu, wavelength
    return None


def _wavelength_like(
    hdus: fits.HDUList, image: Any
) -> Iterator[tuple[str, Any, NDArray[np.float64], str, str]]:
    kinds = (WAVELENGTH, LOG_WAVELENGTH)
    for hdu in _of_the_same_size(hdus, image):
        if (what := role(hdu)) in kinds:
            unit = fits_file.text(hdu.header, "BUNIT", "CUNIT1")
            yield _name(hdu), hdu, fits_file.array(hdu).ravel(), what, unit
    n = math.prod(fits_file.image_shape(image))
    for hdu in extensions(hdus):
        for name in fits_file.column_names(hdu):
            what = _role_of_name(name.upper())
            if what in kinds and n in (fits_file.n_rows(hdu), np.size(fits_file.cell(hdu, name))):
                unit = fits_file.column_unit(hdu, name)
                yield name, hdu, fits_file.column(hdu, name), what, unit


def _in_angstrom(values: NDArray[np.float64], what: str, unit: str) -> NDArray[np.float64] | None:
    """Wavelengths in angstrom; None if the values are none, whatever their name."""
    unit, base = without_logarithm(unit)
    if what == LOG_WAVELENGTH or base is not None:
        with np.errstate(over="ignore"):
            values = np.power(base or 10.0, values)
    elif not unit and is_plausible(from_log10(values)):
        return None  # as logarithms as well as in µm
    # Without a unit, the first that gives wavelengths: Å, nm, µm or m.
    factors = (angstroms_a_unit(unit),) if unit else (1.0, 10.0, 1e4, 1e10)
    found = [factor * values for factor in factors if factor is not None]
    return next((wavelength for wavelength in found if is_plausible(wavelength)), None)


def _of_the_same_size(hdus: fits.HDUList, image: Any) -> Iterator[Any]:
    n = np.prod(fits_file.image_shape(image))
    for hdu in images(hdus):
        if hdu is not image and np.prod(fits_file.image_shape(hdu)) == n:
            yield hdu
