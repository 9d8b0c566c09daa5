"""What the cards of a survey mean, in whatever layout its spectra come.

A copy of a spectrum that somebody saved as an image or as a table still has the cards of its
survey: they mean the same in every family of files.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.records import Medium
from active_cnn.spectra.readers import fits_file
from active_cnn.spectra.readers.axis import medium_of_axis
from active_cnn.spectra.readers.position import UNKNOWN, as_written, in_icrs, on_sky, sexagesimal
from active_cnn.spectra.readers.position import position as position_of
from active_cnn.spectra.wavelength import AIR_RANGE

# The headers that concern a spectrum, the nearest to its data first.
Headers = tuple[fits.Header, ...]

# DR18 shows the spectra of all releases before it too.
SDSS_PAGE = "https://dr18.sdss.org/optical/spectrum/view?plateid={}&mjd={}&fiberid={}"

# SPEC_CLN of the spSpec files, by its number.
SDSS_CLASSES = ("UNKNOWN", "STAR", "GALAXY", "QSO", "HIZ_QSO", "SKY", "STAR_LATE", "GAL_EM")

# Spectrographs above the air, whose pipelines give wavelengths in vacuum.
IN_SPACE = ("HST", "JWST", "FUSE", "IUE", "GAIA", "SPITZER", "GALEX", "EUCLID")

# The end of the window K (angstrom).
LAST_THROUGH_AIR = 26_000.0

_IN_VACUUM = {"T", "TRUE", "1", "1.0", "Y", "YES", "VAC", "VACUUM"}
_IN_AIR = {"F", "FALSE", "0", "0.0", "N", "NO", "AIR"}


def headers_of(hdus: fits.HDUList, hdu: Any) -> Headers:
    """Headers that speak of an HDU: its own, and where that is silent the primary one.

    INHERIT = F in the first says that the second does not concern it.
    """
    own, primary = hdu.header, hdus[0].header
    if own is primary or fits_file.text(own, "INHERIT").upper() in ("F", "FALSE"):
        return (own,)
    return own, primary


def text(headers: Headers, *keys: str) -> str:
    """Give what the nearest header that speaks says, or an empty string."""
    for header in headers:
        if said := fits_file.text(header, *keys):
            return said
    return ""


def number(headers: Headers, *keys: str) -> float:
    """Give the number that the nearest header with one holds, or NaN."""
    for header in headers:
        if math.isfinite(value := fits_file.number(header, *keys)):
            return value
    return math.nan


def medium_said(header: fits.Header, axis: int = 1) -> Medium | None:
    """Tell what one header says of its wavelengths along an axis, if anything.

    Raises
    ------
    SpectrumError
        If it says something that is neither air nor vacuum, or both.
    """
    return _medium_of(
        fits_file.text(header, "VACUUM"),
        fits_file.text(header, "AIRORVAC"),
        axis,
        fits_file.text(header, f"CTYPE{axis}"),
    )


@lru_cache(maxsize=256)  # a survey says the same in all its files
def _medium_of(vacuum: str, air_or_vacuum: str, axis: int, kind: str) -> Medium | None:
    said = {}
    for key, written in (("VACUUM", vacuum), ("AIRORVAC", air_or_vacuum)):
        if not written:
            continue
        if written.upper() not in _IN_VACUUM | _IN_AIR:
            raise SpectrumError(
                f"does not say whether its wavelengths are in air or vacuum: {key} = {written!r}"
            )
        said[f"{key} = {written!r}"] = (
            Medium.VACUUM if written.upper() in _IN_VACUUM else Medium.AIR
        )
    by_axis = medium_of_axis(kind)
    if by_axis is not None:
        said[f"CTYPE{axis} = {kind!r}"] = by_axis
    if len(set(said.values())) > 1:
        raise SpectrumError(f"contradicts itself about air and vacuum: {' and '.join(said)}")
    return next(iter(said.values()), None)


def medium(
    headers: Headers,
    default: Medium | None = None,
    wavelength: NDArray[np.float64] | None = None,
    axis: int = 1,
) -> Medium:
    """Tell what the headers say of their wavelengths; what their survey does if nothing.

    Parameters
    ----------
    headers : tuple of Header
    default : Medium, optional
        Of a layout that only one survey writes, whatever the headers say of a telescope.
    wavelength : ndarray, shape (n_pixels,), optional
        In angstrom: where air lets nothing through, a spectrum is from space and in vacuum.
    axis : int
        Number of the axis that the wavelengths run along in an image.

    Raises
    ------
    SpectrumError
        If they say something that is neither air nor vacuum, or both.
    """
    for header in headers:
        said = medium_said(header, axis)
        if said is not None:
            return said
    if default is None and wavelength is not None:
        last = np.max(wavelength, initial=-np.inf, where=np.isfinite(wavelength))
        if 0 < last < AIR_RANGE[0] or last > LAST_THROUGH_AIR:
            return Medium.VACUUM
    return default or survey_of(headers).medium


@dataclass(frozen=True)
class Survey:
    """A survey or an instrument, how its headers are told and what they mean."""

    name: str
    wrote: Callable[[Headers], bool]
    medium: Medium = Medium.AIR
    resolving_power: float | None = None
    names: tuple[str, ...] = ("OBJNAME", "OBJECT")
    ra: tuple[str, ...] = ("RA", "OBJRA", "RA_ICRS", "RA_TARG")  # the last two: GALAH, HST
    dec: tuple[str, ...] = ("DEC", "OBJDEC", "DEC_ICRS", "DEC_TARG")
    snr: tuple[str, ...] = ()
    resolution: tuple[str, ...] = ()
    place: Callable[[fits.Header], tuple[float, float]] | None = None  # in place of ra and dec


def _telescope(headers: Headers) -> str:
    return text(headers, "TELESCOP").upper()


def is_sdss(headers: Headers) -> bool:
    """Tell whether a spectrum is of the telescope of the Sloan survey."""
    return _telescope(headers).startswith("SDSS")


def is_lamost(headers: Headers) -> bool:
    """Tell whether a spectrum is of LAMOST."""
    return _telescope(headers) == "LAMOST"


def is_ondrejov(headers: Headers) -> bool:
    """Tell whether a spectrum is of the CCD700 of the Ondřejov 2 m telescope."""
    archive = text(headers, "DS_IDPUB").lower().startswith("ivo://asu.cas.cz/stel/ccd700")
    return archive or (
        text(headers, "OBSERVAT").upper() == "ONDREJOV" and "700" in text(headers, "INSTRUME")
    )


def _ondrejov_place(header: fits.Header) -> tuple[float, float]:
    # EQUINOX is the day of the observation, but RA and DEC come from a catalogue of J2000.
    return as_written(header, ("RA",), ("DEC",))


def _stelib_place(header: fits.Header) -> tuple[float, float]:
    if not math.isfinite(fits_file.number(header, "RA")):
        return position_of(header, ("RA",), ("DEC",))
    # STELIB writes radians, of which one declination is wrong, and the sexagesimal source of them
    # into the comment: "Mean Dec  -5 26 37".
    ra = sexagesimal(fits_file.comment(header, "RA").removeprefix("Mean RA"))
    dec = sexagesimal(fits_file.comment(header, "DEC").removeprefix("Mean Dec"))
    ra, dec = on_sky(15 * ra, dec)
    return UNKNOWN if math.isnan(ra) else in_icrs(ra, dec, header)


# R of its low resolution is 1800 and of its medium one 7500; the readers of both know which.
LAMOST = Survey(
    "LAMOST",
    is_lamost,
    Medium.VACUUM,
    names=("DESIG", "OBJNAME"),
    ra=("RA",),
    dec=("DEC",),
    snr=("SNRR", "SN_R"),  # as DR3 and later write it, and DR1 and DR2
)
# RA and DEC are those of the plate, up to 1.5° from the object. R: York et al. (2000), AJ,
# 120, 1579; Smee et al. (2013), AJ, 146, 32: 1500-2600 with wavelength.
SDSS = Survey(
    "SDSS",
    is_sdss,
    Medium.VACUUM,
    2000.0,
    ra=("PLUG_RA", "RAOBJ", "OBJRA"),
    dec=("PLUG_DEC", "DECOBJ", "OBJDEC"),
    snr=("SN_R",),
)
SURVEYS = (
    LAMOST,
    SDSS,
    # R: Škoda, Podsztavek & Tvrdík (2020), A&A, 643, A122, section 2.
    Survey("Ondřejov", is_ondrejov, Medium.AIR, 13_000.0, names=("OBJECT",), place=_ondrejov_place),
    Survey("STELIB", lambda headers: bool(text(headers, "STARIDEN")), place=_stelib_place),
    Survey("space", lambda headers: _telescope(headers).startswith(IN_SPACE), Medium.VACUUM),
)
# SPE_RPOW is how the BeSS database of Be stars writes the resolving power.
ANY = Survey("any other", lambda _: True, resolution=("SPE_RPOW",))


def survey_of(headers: Headers) -> Survey:
    """Tell which survey or instrument wrote the headers."""
    return next((survey for survey in SURVEYS if survey.wrote(headers)), ANY)


def place(headers: Headers, survey: Survey) -> tuple[float, float]:
    """Give right ascension and declination of the object [degrees, ICRS], or (NaN, NaN)."""
    for header in headers:
        found = (
            survey.place(header)
            if survey.place
            else position_of(header, survey.ra, survey.dec, headers)
        )
        if math.isfinite(found[0]):
            return found
    return UNKNOWN


def describe(headers: Headers, survey: Survey | None = None) -> dict[str, Any]:
    """What the headers say of the object and its spectrum, by the names of `Spectrum`."""
    survey = survey or survey_of(headers)
    ra, dec = place(headers, survey)
    described: dict[str, Any] = {
        "designation": text(headers, *survey.names),
        "ra": ra,
        "dec": dec,
        "resolving_power": survey.resolving_power,
    }
    if survey.snr:
        described["snr_r"] = number(headers, *survey.snr)
    if survey.resolution and (said := number(headers, *survey.resolution)) > 0:
        described["resolving_power"] = said
    if survey is SDSS:
        described |= {"pipeline_class": _sdss_class(headers), "page": _sdss_page(headers)}
    return described


def _sdss_class(headers: Headers) -> str:
    code = number(headers, "SPEC_CLN")
    return SDSS_CLASSES[int(code)] if 0 <= code < len(SDSS_CLASSES) else ""


def _sdss_page(headers: Headers) -> str:
    numbers = [number(headers, key) for key in ("PLATEID", "MJD", "FIBERID")]
    # Other surveys write the same tables, with plates of their own.
    if not is_sdss(headers) or not all(
        value.is_integer() and 0 < value < 1_000_000 for value in numbers
    ):
        return ""
    return SDSS_PAGE.format(*(int(value) for value in numbers))
