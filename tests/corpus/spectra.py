"""Small spectra of every kind that the readers have to tell apart, and what is right for each.

``python -m tests.corpus.spectra FOLDER`` writes them all. The right axis of each is worked out here
from the standard, not by the readers. Every flux has Hα where it belongs on that axis.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from active_cnn.records import Medium
from active_cnn.spectra.wavelength import air_to_vacuum

AIR, VACUUM = Medium.AIR, Medium.VACUUM
HALPHA = 6564.614  # vacuum
UNKNOWN = (math.nan, math.nan)
N = 2000
LINEAR = 6250.0 + 0.25 * np.arange(N)
FITTED = {"CRVAL1": 6250.0, "CDELT1": 0.25, "CRPIX1": 1.0}
LOG10 = np.log10(6250.0) + 2e-5 * np.arange(N)
# By Greisen et al. (2006), equation 5: λ = λr exp(w / λr).
EXPONENTIAL = 6250.0 * np.exp(0.25 * np.arange(N) / 6250.0)

# γ Gem in J2000, and what precesses to it. B1950: SIMBAD; J1975: Lieske (1979), below.
PLACE = (99.42796, 16.39928)


@dataclass(frozen=True)
class Case:
    """A file and what has to come of it: the spectrum on `axis`, or the refusal."""

    hdus: Callable[[], list[Any]]
    axis: np.ndarray[Any, Any] | None = None  # angstrom, in `medium`
    medium: Medium = AIR
    place: tuple[float, float] = UNKNOWN
    name: str = ""
    ivar: float | None = None  # of the pixel in the middle
    n_bad: int | None = None
    n_weightless: int = 0
    refusal: str = ""


def line(axis: np.ndarray, medium: Medium = AIR) -> np.ndarray:
    """Give a flux with Hα on an axis."""
    wavelength = air_to_vacuum(axis) if medium is AIR else axis
    return 100 * (1 - 0.5 * np.exp(-0.5 * ((wavelength - HALPHA) / 3) ** 2))


def image(data: Any, cards: dict[str, Any] | None = None, name: str = "") -> Any:
    """Give an image extension; `write` makes a primary HDU of the first."""
    hdu = fits.ImageHDU(np.asarray(data, dtype=np.float32), name=name or None)
    hdu.header.update(cards or {})
    return hdu


def empty(**cards: Any) -> Any:
    """Give a primary HDU without data."""
    hdu = fits.PrimaryHDU()
    hdu.header.update(cards)
    return hdu


def table(name: str = "", cards: dict[str, Any] | None = None, **columns: Any) -> Any:
    """Give a table of columns (format, values) or (format, values, unit)."""
    hdu = fits.BinTableHDU.from_columns(
        [
            fits.Column(key, form, array=values, unit=unit[0] if unit else None)
            for key, (form, values, *unit) in columns.items()
        ],
        name=name or None,
    )
    hdu.header.update(cards or {})
    return hdu


def write(path: Path, hdus: list[Any]) -> Path:
    """Write HDUs, the first as the primary one."""
    first = hdus[0]
    if isinstance(first, fits.ImageHDU):
        primary = fits.PrimaryHDU(first.data)
        cards = [card for card in first.header.cards if card.keyword not in _STRUCTURE]
        primary.header.extend(cards)
        hdus = [primary, *hdus[1:]]
    fits.HDUList(hdus).writeto(path, output_verify="silentfix")
    return path


_STRUCTURE = {"XTENSION", "SIMPLE", "BITPIX", "NAXIS", "PCOUNT", "GCOUNT", "EXTEND",
              *(f"NAXIS{i}" for i in range(1, 5))}  # fmt: skip


def on_axis(
    cards: dict[str, Any],
    axis: np.ndarray = LINEAR,
    medium: Medium = AIR,
    shape: tuple[int, ...] = (-1,),
    **right: Any,
) -> Case:
    """Give a file of one image."""
    return Case(lambda: [image(line(axis, medium).reshape(shape), cards)], axis, medium, **right)


def refused(cards: dict[str, Any], refusal: str, shape: tuple[int, ...] = (-1,)) -> Case:
    """Give a file of one image that has to be refused."""
    return Case(lambda: [image(line(LINEAR).reshape(shape), FITTED | cards)], refusal=refusal)


def in_unit(unit: str, factor: float, **more: Any) -> Case:
    """Give an image with its axis in a unit of `factor` angstroms."""
    cards = {"CRVAL1": 6250 / factor, "CDELT1": 0.25 / factor, "CRPIX1": 1, "CUNIT1": unit}
    return on_axis(cards | more)


AXES = {
    "PC1_1": on_axis(FITTED | {"CDELT1": 1.0, "PC1_1": 0.25}),
    "PC001001 of the drafts": on_axis(FITTED | {"CDELT1": 1.0, "PC001001": 0.25}),
    "PC1_1 without CDELT1": on_axis({"CRVAL1": 6250.0, "CRPIX1": 1.0, "PC1_1": 0.25}),
    "PC1_1 in metres": on_axis(
        {"CTYPE1": "WAVE", "CRVAL1": 6.25e-7, "CDELT1": 1.0, "PC1_1": 2.5e-11, "CRPIX1": 1.0,
         "CUNIT1": "m"}, medium=VACUUM,
    ),
    "CD1_1 and CDELT1 of 1": on_axis(FITTED | {"CDELT1": 1.0, "CD1_1": 0.25}),
    "CD1_1 with an equal CDELT1": on_axis(FITTED | {"CD1_1": 0.25}),
    "CD1_1 against CDELT1": refused({"CD1_1": 0.5}, "CD1_1 = 0.5 contradicts CDELT1 = 0.25"),
    "CD1_1 against PC1_1": refused({"CDELT1": 1.0, "PC1_1": 0.25, "CD1_1": 0.5}, "contradicts"),
    "no CRPIX1": on_axis({"CRVAL1": 6250.0, "CDELT1": 0.25}),
    "reference in the middle": on_axis(FITTED | {"CRVAL1": 6500.0, "CRPIX1": 1001.0}),
    "reference between pixels": on_axis(FITTED | {"CRVAL1": 6250.125, "CRPIX1": 1.5}),
    "descending": on_axis(FITTED | {"CRVAL1": LINEAR[-1], "CDELT1": -0.25}, LINEAR[::-1]),
    "WAVE-LOG": on_axis(FITTED | {"CTYPE1": "WAVE-LOG"}, EXPONENTIAL, VACUUM),
    "AWAV-LOG in nm": on_axis(
        {"CTYPE1": "AWAV-LOG", "CRVAL1": 625.0, "CDELT1": 0.025, "CRPIX1": 1, "CUNIT1": "nm"},
        EXPONENTIAL,
    ),
    # Greisen et al. (2006), section 3: linear in frequency, with the slope of λ at the reference.
    "WAVE-F2W": on_axis(
        FITTED | {"CTYPE1": "WAVE-F2W"}, 6250 / (1 - 0.25 * np.arange(N) / 6250), VACUUM
    ),
    "AWAV without unit": on_axis(FITTED | {"CTYPE1": "AWAV"}),
    "WAVE without unit": on_axis(FITTED | {"CTYPE1": "WAVE"}, medium=VACUUM),
    "WAVE without unit, in metres": on_axis(
        {"CTYPE1": "WAVE", "CRVAL1": 6.25e-7, "CDELT1": 2.5e-11, "CRPIX1": 1}, medium=VACUUM
    ),
    "WAVE-TAB": refused({"CTYPE1": "WAVE-TAB"}, "is in a table"),
    "log10 of IRAF": on_axis(
        {"CTYPE1": "LINEAR", "CRVAL1": LOG10[0], "CD1_1": 2e-5, "CRPIX1": 1, "DC-FLAG": 1},
        10**LOG10,
    ),
    "LOG-LINEAR": on_axis({"CTYPE1": "LOG-LINEAR", "CRVAL1": LOG10[0], "CDELT1": 2e-5}, 10**LOG10),
    "log(wavelength), natural": on_axis(
        {"CTYPE1": "log(wavelength)", "CRVAL1": math.log(6250), "CDELT1": 4e-5},
        6250 * np.exp(4e-5 * np.arange(N)),
    ),
    "log(nm)": on_axis({"CUNIT1": "log(nm)", "CRVAL1": LOG10[0] - 1, "CDELT1": 2e-5}, 10**LOG10),
    "coefficients beside LINEAR": on_axis(
        {"CTYPE1": "LINEAR", "CRVAL1": LOG10[0], "CD1_1": 2e-5, "CRPIX1": 1, "COEFF0": LOG10[0],
         "COEFF1": 2e-5}, 10**LOG10,
    ),
    "coefficients beside an equal axis": on_axis(
        {"CTYPE1": "LINEAR", "CRVAL1": LOG10[0], "CD1_1": 2e-5, "CRPIX1": 1, "DC-FLAG": 1,
         "COEFF0": LOG10[0], "COEFF1": 2e-5}, 10**LOG10,
    ),
    "coefficients against an axis": refused(
        {"COEFF0": LOG10[0], "COEFF1": 2e-5}, "contradicts itself about its wavelengths"
    ),
    "coefficients left over": on_axis(FITTED | {"COEFF0": 0.0, "COEFF1": 1.0}),
    "coefficients": on_axis({"COEFF0": LOG10[0], "COEFF1": 2e-5}, 10**LOG10),
    "unit of IRAF": on_axis(
        FITTED | {"CUNIT1": "deg", "WAT1_001": "wtype=linear label=Wavelength units=angstroms"}
    ),
    "physical pixels of IRAF": on_axis(FITTED | {"LTV1": -61.0, "LTM1_1": 0.5}),
    "velocities of IRAF": refused({"WAT1_001": "wtype=linear units=km/s"}, "it is in 'km/s'"),
    "one row": on_axis(FITTED, shape=(1, 1, N)),
    "third axis": on_axis(
        {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CTYPE3": "AWAV", "CRVAL3": 6250.0,
         "CDELT3": 0.25, "CRPIX3": 1.0, "CUNIT3": "Angstrom", "CRVAL1": 180.0, "CDELT1": 1e-4},
        shape=(N, 1, 1),
    ),
    "third axis in vacuum": on_axis(
        {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CTYPE3": "WAVE", "CRVAL3": 6250.0,
         "CDELT3": 0.25, "CRPIX3": 1.0, "CUNIT3": "Angstrom", "CRVAL1": 180.0, "CDELT1": 1e-4},
        medium=VACUUM, shape=(N, 1, 1),
    ),
    "second axis in nm in vacuum": on_axis(
        {"CTYPE2": "WAVE", "CRVAL2": 625.0, "CDELT2": 0.025, "CRPIX2": 1.0, "CUNIT2": "nm"},
        medium=VACUUM, shape=(N, 1),
    ),
    "step along another axis": on_axis(
        FITTED | {"CDELT1": 0.5, "PC1_1": 0.5, "PC1_2": 40.0, "CRPIX2": 3.0, "CRVAL1": 6290.0},
        shape=(1, N),
    ),
    **{
        f"unit {unit}": in_unit(unit, factor)
        for unit, factor in {
            "Angstrom": 1, "AA": 1, "A": 1, "0.1 nm": 1, "10**-10 m": 1, "nm": 10, "pm": 0.01,
            "um": 1e4, "mum": 1e4, "micron": 1e4, "mm": 1e7, "cm": 1e8, "m": 1e10,
        }.items()
    },
    "AWAV in pm": in_unit("pm", 0.01, CTYPE1="AWAV"),
    "AWAV in cm": in_unit("cm", 1e8, CTYPE1="AWAV"),
    **{
        f"{kind} axis": refused({"CTYPE1": kind}, f"CTYPE1 = '{kind}' are {what}")
        for kind, what in {
            "FREQ": "frequencies", "FREQ-LSR": "frequencies", "VELO": "velocities",
            "VRAD": "radio velocities", "VOPT-F2W": "optical velocities", "ENER": "energies",
            "WAVN": "wavenumbers", "ZOPT": "redshifts", "BETA": "velocities",
        }.items()
    },
    **{
        f"axis in {unit}": refused({"CTYPE1": "LINEAR", "CUNIT1": unit}, f"{unit}' ({what}")
        for unit, what in {"GHz": "freq", "km/s": "speed", "eV": "energy", "cm-1": "waven"}.items()
    },
}  # fmt: skip


def says(cards: dict[str, Any], medium: Medium) -> Case:
    """Give an image that says its medium."""
    return on_axis(FITTED | cards, medium=medium)


MEDIA = {
    **{f"VACUUM = {value!r}": says({"VACUUM": value}, VACUUM) for value in (True, 1, 1.0, "Y")},
    **{f"VACUUM = {value!r}": says({"VACUUM": value}, AIR) for value in (False, 0, "no", "F")},
    "VACUUM that is text": says({"VACUUM": "yes"}, VACUUM),
    "AIRORVAC": says({"AIRORVAC": "vac"}, VACUUM),
    "name that says vacuum": says({"CTYPE1": "WAVELENGTH (VACUUM)"}, VACUUM),
    "name that says air": says({"CTYPE1": "LAMBDA_AIR"}, AIR),
    "VACUUM = 2": refused({"VACUUM": 2}, "does not say whether"),
    "AWAV in vacuum": refused({"CTYPE1": "AWAV", "VACUUM": True}, "contradicts itself about air"),
    "WAVE in air": refused({"CTYPE1": "WAVE", "AIRORVAC": "air"}, "contradicts itself about air"),
    "VACUUM against AIRORVAC": refused({"VACUUM": True, "AIRORVAC": "air"}, "contradicts itself"),
    "LAMOST as an image": says({"TELESCOP": "LAMOST"}, VACUUM),
    "SDSS as an image": says({"TELESCOP": "SDSS 2.5-M"}, VACUUM),
    "space telescope": says({"TELESCOP": "HST"}, VACUUM),
}


def precessed(year: float) -> tuple[float, float]:
    """Place of J2000 in the mean equinox of a year: Lieske (1979), A&A, 73, 282."""
    t = (year - 2000) / 100
    zeta, z, theta = (
        math.radians((a * t + b * t**2 + c * t**3) / 3600)
        for a, b, c in ((2306.2181, 0.30188, 0.017998), (2306.2181, 1.09468, 0.018203),
                        (2004.3109, -0.42665, -0.041833))
    )  # fmt: skip
    ra, dec = map(math.radians, PLACE)
    a = math.cos(dec) * math.sin(ra + zeta)
    b = math.cos(theta) * math.cos(dec) * math.cos(ra + zeta) - math.sin(theta) * math.sin(dec)
    c = math.sin(theta) * math.cos(dec) * math.cos(ra + zeta) + math.cos(theta) * math.sin(dec)
    return math.degrees(math.atan2(a, b) + z) % 360, math.degrees(math.asin(c))


B1950 = (98.7072, 16.4424)  # γ Gem in FK4, SIMBAD: 06 34 49.74, +16 26 32.6


def at(place: tuple[float, float], right: tuple[float, float] = PLACE, **cards: Any) -> Case:
    """Give an image with a position in some system."""
    cards = {key.replace("_", "-"): value for key, value in cards.items()}
    return on_axis(FITTED | {"RA": place[0], "DEC": place[1]} | cards, place=right)


SYSTEMS = {
    "position alone": at(PLACE),
    "EQUINOX 2000": at(PLACE, EQUINOX=2000.0),
    "EQUINOX 1950": at(B1950, EQUINOX=1950.0),
    "EPOCH 1950": at(B1950, EPOCH=1950.0),
    "EPOCH 1950 as text": at(B1950, EPOCH="B1950.0"),
    "RADECSYS FK4": at(B1950, RADECSYS="FK4"),
    "RADESYS FK4 and EQUINOX": at(B1950, RADESYS="FK4", EQUINOX=1950),
    "FK5 of 1975": at(precessed(1975), RADESYS="FK5", EQUINOX=1975.0),
    "J1975": at(precessed(1975), EQUINOX="J1975.0"),
    "EQUINOX of the night": at(precessed(2017.5), EQUINOX=2017.5),
    "EPOCH of 1985": at(precessed(1985), EPOCH=1985.0),
    "date in EPOCH beside EQUINOX": at(PLACE, EQUINOX=2000.0, EPOCH=2005.7),
    "date in EPOCH beside ICRS": at(PLACE, RADESYS="ICRS", EPOCH=2015.5),
    "date in EPOCH alone": at(PLACE, UNKNOWN, EPOCH=2005.7),
    "calendar date in EPOCH": at(PLACE, EPOCH="2005-09-12"),
    "EQUINOX of 0 and EPOCH": at(B1950, EQUINOX=0.0, EPOCH=1950.0),
    "absurd EQUINOX": at(PLACE, UNKNOWN, EQUINOX=51234.5),
    "apparent place": at(PLACE, UNKNOWN, RADESYS="GAPPT"),
    "EQUINOX FK4": at(B1950, EQUINOX="FK4"),
    "EQUINOX FK4 (B1950.0)": at(B1950, EQUINOX="FK4 (B1950.0)"),
    "EQUINOX FK5/1975": at(precessed(1975), EQUINOX="FK5/1975"),
    "EQUINOX ICRS": at(PLACE, EQUINOX="icrs"),
    "EQUINOX of -1": at(PLACE, EQUINOX=-1.0),
    "EQUINOX of date": at(PLACE, UNKNOWN, EQUINOX="of date"),
    "EQUINOX that is a date": at(PLACE, UNKNOWN, EQUINOX="2005-09-12"),
    "COORDSYS FK4": at(B1950, COORDSYS="FK4"),
    "Ondřejov": Case(
        lambda: [image(line(LINEAR), FITTED | {
            "OBSERVAT": "ONDREJOV", "INSTRUME": "COUDE700", "RA": PLACE[0], "DEC": PLACE[1],
            "EQUINOX": 2011.07666, "EPOCH": 2011.07666, "OBJECT": "gam Gem"})],
        LINEAR, place=PLACE, name="gam Gem",
    ),
    "SDSS plate": at(PLACE, UNKNOWN, TELESCOP="SDSS 2.5-M", VACUUM=False),
}  # fmt: skip
for _name, _keys in {"PLUG_RA": ("PLUG_RA", "PLUG_DEC"), "RAOBJ": ("RAOBJ", "DECOBJ")}.items():
    SYSTEMS[f"SDSS object, {_name}"] = on_axis(
        FITTED
        | {"TELESCOP": "SDSS 2.5-M", "RA": 100.0, "DEC": 17.0}
        | dict(zip(_keys, PLACE, strict=True)),
        medium=VACUUM,
        place=PLACE,
    )


def split(
    primary: dict[str, Any], *others: Any, own: dict[str, Any] | None = None, **right: Any
) -> Case:
    """Give an image in extension 1 whose primary header speaks, and other extensions."""
    medium = right.pop("medium", VACUUM)
    flux = image(line(LINEAR, medium), FITTED | (own or {}), "DATA")
    return Case(lambda: [empty(**primary), flux.copy(), *others], LINEAR, medium, **right)


SPOKEN = {"VACUUM": True, "RA": PLACE[0], "DEC": PLACE[1], "OBJECT": "gam Gem"}
HEARD: dict[str, Any] = {"place": PLACE, "name": "gam Gem"}
WITH_BAD = np.where(np.arange(N) < 7, 4, 0)
BESIDE = {"VACUUM": True}

EXTENSIONS = {
    "primary speaks": split(SPOKEN, **HEARD),
    "INHERIT": split(SPOKEN, own={"INHERIT": True}, **HEARD),
    "INHERIT = F": split(SPOKEN, own={"INHERIT": False}, medium=AIR),
    "extension speaks first": split(
        SPOKEN | {"OBJECT": "field"}, own={"OBJECT": "gam Gem", "VACUUM": False}, medium=AIR,
        **HEARD,
    ),
    "equinox in the primary": split(
        {"EQUINOX": 1950.0}, own={"RA": B1950[0], "DEC": B1950[1]}, medium=AIR, place=PLACE
    ),
    "equinox in the primary beside the system in the extension": split(
        {"EQUINOX": 1975.0},
        own={"RADESYS": "FK5", "RA": precessed(1975)[0], "DEC": precessed(1975)[1]},
        medium=AIR, place=PLACE,
    ),
    "day in EPOCH of the extension beside an equinox in the primary": split(
        {"EQUINOX": 1950.0}, own={"EPOCH": 2005.7, "RA": B1950[0], "DEC": B1950[1]},
        medium=AIR, place=PLACE,
    ),
    "axis in the primary": Case(
        lambda: [empty(**FITTED, **SPOKEN), image(line(LINEAR, VACUUM), name="DATA")],
        LINEAR, VACUUM, **HEARD,
    ),
    "STAT": split(BESIDE, image(np.full(N, 0.25), name="STAT"), ivar=4.0),
    "ERR": split(BESIDE, image(np.full(N, 0.5), name="ERR"), ivar=4.0),
    "IVAR": split(BESIDE, image(np.full(N, 4.0), name="IVAR"), ivar=4.0),
    "ESO's classes": split(
        BESIDE, image(np.full(N, 0.25), {"HDUCLAS2": "ERROR", "HDUCLAS3": "MSE"}, "E"), ivar=4.0
    ),
    "astropy's uncertainty": split(
        BESIDE, image(np.full(N, 4.0), {"UTYPE": "InverseVariance"}, "UNCERT"), ivar=4.0
    ),
    "errors of 1e30": split(
        BESIDE, image(np.where(WITH_BAD > 0, 1e30, 0.5), name="ERR"), ivar=4.0, n_weightless=7
    ),
    "variances of 1e30": split(
        BESIDE, image(np.where(WITH_BAD > 0, 1e30, 0.25), name="VAR"), ivar=4.0, n_weightless=7
    ),
    "errors of zero": split(BESIDE, image(np.zeros(N), name="ERR")),
    "errors of another length": split(BESIDE, image(np.full(9, 0.5), name="ERR")),
    "DQ": split(BESIDE, image(WITH_BAD, name="DQ"), n_bad=7),
    "mask of ones": split(BESIDE, image(np.ones(N), name="MASK")),
    "WAVELENGTH that agrees": split(BESIDE, image(LINEAR, name="WAVELENGTH")),
    "WAVELENGTH in nm that agrees": split(
        BESIDE, image(LINEAR / 10, {"BUNIT": "nm"}, "WAVELENGTH")
    ),
    "WAVELENGTH in nm that does not say so": split(
        BESIDE, image(air_to_vacuum(LINEAR) / 10, name="WAVELENGTH"),
        refusal="contradicts itself about its wavelengths",
    ),
    "WAVELENGTH that holds none": split(BESIDE, image(np.arange(N), name="WAVELENGTH")),
    **{
        f"{name} that contradicts": split(
            BESIDE, image(air_to_vacuum(LINEAR), name=name),
            refusal="contradicts itself about its wavelengths",
        )
        for name in ("WAVELENGTH_VAC", "Wave (vac)", "WAVES", "WLEN", "WL", "WAV")
    },
    "WAVE_VAC alone": Case(
        lambda: [image(line(LINEAR, VACUUM)), image(LINEAR, name="WAVE_VAC")], LINEAR, VACUUM
    ),
    "wave_air alone": Case(lambda: [image(line(LINEAR)), image(LINEAR, name="wave_air")], LINEAR),
    "WAVE_AIR in a header that says vacuum": Case(
        lambda: [image(line(LINEAR), BESIDE), image(LINEAR, name="WAVE_AIR")],
        refusal="contradicts itself about air and vacuum",
    ),
    "column wave_vac beside an image": Case(
        lambda: [image(line(LINEAR, VACUUM)), table(wave_vac=("D", LINEAR, "Angstrom"))],
        LINEAR, VACUUM,
    ),
    "WAVELENGTH in log(Angstrom)": Case(
        lambda: [image(line(10**LOG10)),
                 image(LOG10.astype(np.float64), {"BUNIT": "log(Angstrom)"}, "WAVELENGTH")],
        10**LOG10,
    ),
    "WAVELENGTH in logarithms that does not say so": Case(
        lambda: [image(line(10**LOG10)), image(LOG10, name="WAVELENGTH")],
        refusal="has no spectral axis",
    ),
    "WAVELENGTH that contradicts": split(
        BESIDE, image(air_to_vacuum(LINEAR), name="WAVELENGTH"),
        refusal="contradicts itself about its wavelengths",
    ),
    "column that contradicts": split(
        BESIDE, table(wavelength=("D", air_to_vacuum(LINEAR), "Angstrom")),
        refusal="contradicts itself about its wavelengths",
    ),
    "WAVELENGTH alone": Case(
        lambda: [image(line(LINEAR, VACUUM), {"VACUUM": "T"}, "FLUX"),
                 image(np.full(N, 0.5), name="ERROR"), image(LINEAR, name="WAVELENGTH")],
        LINEAR, VACUUM, ivar=4.0,
    ),
    "WAVELENGTH before the flux": Case(
        lambda: [empty(VACUUM=True), image(LINEAR, name="WAVELENGTH"),
                 image(line(LINEAR, VACUUM), name="FLUX")],
        LINEAR, VACUUM,
    ),
    "two of a name": split(
        BESIDE, image(line(LINEAR), FITTED, "DATA"),
        refusal="holds 2 spectra: the images DATA, DATA",
    ),
    "numbered": Case(
        lambda: [empty(), *(image(line(LINEAR), FITTED, f"SPEC{i}") for i in (1, 2, 3))],
        refusal="holds 3 spectra: the images SPEC1, SPEC2, SPEC3",
    ),
    "two objects": split(
        BESIDE, image(line(LINEAR), FITTED | {"OBJECT": "B"}, "X"), own={"OBJECT": "A"},
        refusal="holds 2 spectra",
    ),
}  # fmt: skip

SDSS = {"TELESCOP": "SDSS 2.5-M", "COEFF0": LOG10[0], "COEFF1": 2e-5, "RA": 100.0, "DEC": 17.0}


def spspec(n_rows: int = 5) -> list[np.ndarray]:
    flux = line(10**LOG10, VACUUM)
    return [flux, flux - 100, np.full(N, 0.5), WITH_BAD, WITH_BAD][:n_rows]


def plate(n_fibres: int) -> list[Any]:
    rows = np.tile(line(10**LOG10, VACUUM), (n_fibres, 1))
    return [image(rows, SDSS), image(np.full(rows.shape, 4.0), name="IVAR")]


def desi(n: int, *arms: str, **fibre: Any) -> list[Any]:
    """Give a DESI coadd, its arms on one grid that overlaps."""
    columns = {"TARGETID": ("K", np.arange(n)), "TARGET_RA": ("D", np.full(n, PLACE[0])),
               "TARGET_DEC": ("D", np.full(n, PLACE[1])), **fibre}  # fmt: skip
    hdus = [empty(), table("FIBERMAP", **columns)]
    for arm in arms:
        axis = ARMS[arm]
        flux = np.tile(line(axis, VACUUM), (n, 1))
        hdus += [
            fits.ImageHDU(axis, name=f"{arm}_WAVELENGTH"),
            image(flux, name=f"{arm}_FLUX"),
            image(np.full(flux.shape, 2.0), name=f"{arm}_IVAR"),
            image(np.zeros(flux.shape), name=f"{arm}_MASK"),
        ]
    return hdus


DESI = 6250.0 + 0.8 * np.arange(701)
ARMS = {"B": DESI[:250], "R": DESI[200:600], "Z": DESI[550:], "BRZ": DESI}

MANY = {
    "spPlate of 12": Case(lambda: plate(12), refusal="holds 12 spectra: it is an SDSS plate"),
    "spPlate of 5": Case(lambda: plate(5), refusal="holds 5 spectra: it is an SDSS plate"),
    "spPlate of 5 without its errors": Case(
        lambda: plate(5)[:1], refusal="holds 5 spectra: it is an SDSS plate"
    ),
    "spPlate of 5 with its errors last": Case(
        lambda: [image(np.zeros((5, N)), SDSS), image(np.zeros(9)), image(np.ones((5, N)))],
        refusal="holds 5 spectra: it is an SDSS plate",
    ),
    "spPlate of 1": Case(lambda: plate(1), refusal="holds 1 spectrum: it is an SDSS plate"),
    "spPlate without its errors": Case(
        lambda: plate(12)[:1], refusal="holds 12 spectra: it is an SDSS plate"
    ),
    "spSpec": Case(
        lambda: [image(spspec(), SDSS | {"RAOBJ": PLACE[0], "DECOBJ": PLACE[1]})],
        10**LOG10, VACUUM, PLACE, ivar=4.0, n_bad=7,
    ),
    "DESI, one target": Case(
        lambda: desi(1, "B", "R", "Z", DESINAME=("20A", ["DESI J099.4+16.3"])),
        DESI, VACUUM, PLACE, "DESI J099.4+16.3", ivar=2.0, n_bad=0,
    ),
    "DESI, arms joined": Case(
        lambda: desi(1, "BRZ"), DESI, VACUUM, PLACE, "DESI 0", ivar=2.0, n_bad=0
    ),
    "DESI, an arm that lacks its errors": Case(
        lambda: desi(1, "R")[:-2], refusal="has no extension R_IVAR"
    ),
    "DESI, three targets": Case(
        lambda: desi(3, "B", "R", "Z"), refusal="holds 3 spectra: save each target"
    ),
    "DESI, exposures of one target": Case(
        lambda: desi(3, "B", "R", "Z", TARGETID=("K", [7, 7, 7])),
        refusal="holds 3 spectra of one target: coadd",
    ),
    "SDSS table of another telescope": Case(
        lambda: [empty(TELESCOP="LCO Du Pont", RA=100.0, DEC=17.0),
                 table("COADD", loglam=("D", LOG10), flux=("D", line(10**LOG10, VACUUM)))],
        10**LOG10, VACUUM,
    ),
    "two tables": Case(
        lambda: [empty(), plain_table(), plain_table()], refusal="holds spectra in 2 tables"
    ),
}  # fmt: skip


def plain_table(unit: str | None = "Angstrom", factor: float = 1.0, **more: Any) -> Any:
    """Give a table as ``Spectrum.write(format="tabular-fits")`` of specutils 2.4 does."""
    return table(
        "DATA",
        wavelength=("D", LINEAR / factor, unit),
        flux=("D", line(LINEAR), "Jy"),
        uncertainty=("D", np.full(N, 0.5), "Jy"),
        **more,
    )


def tabular(*names: Any, **right: Any) -> Case:
    return Case(lambda: [empty(), plain_table(*names)], LINEAR, ivar=4.0, **right)


def variable(form: str, axis: np.ndarray, name: str = "LOGLAM") -> list[Any]:
    """Give a LAMOST table of medium resolution with columns of variable length."""
    values = {name: axis, "FLUX": line(10**LOG10, VACUUM), "IVAR": np.full(N, 4.0),
              "ANDMASK": WITH_BAD}  # fmt: skip
    cells = {key: np.empty(1, dtype=object) for key in values}
    for key, value in values.items():
        cells[key][0] = np.asarray(value, dtype=np.float64 if "D" in form else np.float32)
    columns = {key: (f"{form}()", cell) for key, cell in cells.items()}
    return [empty(TELESCOP="LAMOST", RA=PLACE[0], DEC=PLACE[1]), table("COADD_R", **columns)]


TABLES = {
    "specutils in Å": tabular("Angstrom", 1.0),
    "specutils in nm": tabular("nm", 10.0),
    "specutils in µm": tabular("um", 1e4),
    "specutils in m": tabular("m", 1e10),
    "specutils, masked": Case(
        lambda: [empty(), plain_table(mask=("L", WITH_BAD != 0))], LINEAR, ivar=4.0, n_bad=7
    ),
    "specutils in GHz": Case(
        lambda: [empty(), table("DATA", frequency=("D", 2.99792458e9 / LINEAR[::-1], "GHz"),
                                flux=("D", line(LINEAR), "Jy"))],
        refusal="it is in 'GHz' (frequency)",
    ),
    "specutils, three spectra": Case(
        lambda: [empty(), table("DATA", wavelength=("D", LINEAR, "nm"),
                                flux=("3D", np.ones((N, 3)), "Jy"))],
        refusal="holds 3 spectra in column 'flux'",
    ),
    "table without unit": Case(
        lambda: [empty(), plain_table(None)], refusal="does not say the unit of its axis"
    ),
    "table that names vacuum": Case(
        lambda: [empty(), table(wave_vac=("D", LINEAR, "Angstrom"),
                                flux=("D", line(LINEAR, VACUUM)), ivar=("D", np.full(N, 4.0)))],
        LINEAR, VACUUM, ivar=4.0,
    ),
    "table whose primary header speaks": Case(
        lambda: [empty(**SPOKEN), table(wave=("D", LINEAR, "Angstrom"),
                                        flux=("D", line(LINEAR, VACUUM)))],
        LINEAR, VACUUM, **HEARD,
    ),
    "uncertainty that is none": Case(
        lambda: [empty(), table(wave=("D", LINEAR, "Angstrom"), flux=("D", line(LINEAR), "Jy"),
                                uncertainty=("D", np.full(N, 0.5), "Jy2"))],
        LINEAR,
    ),
    **{
        f"variable length, {form}": Case(
            lambda form=form: variable(form, LOG10 if "D" in form else 10**LOG10,
                                       "LOGLAM" if "D" in form else "WAVELENGTH"),
            10**LOG10, VACUUM, PLACE, ivar=4.0, n_bad=7,
        )
        for form in ("PD", "QD", "PE")
    },
    "columns of several lengths": Case(
        lambda: [empty(TELESCOP="LAMOST"), table("COADD", **{
            name: (f"{n}D", [np.ones(n)]) for name, n in {
                "WAVELENGTH": N, "FLUX": N, "IVAR": N, "ANDMASK": N - 1}.items()})],
        refusal="is damaged: 1999 marks of bad pixels for 2000 errors",
    ),
    "errors of another length than the flux": Case(
        lambda: [empty(), table(**{
            name: (f"{n}D", [values[:n]], unit) for name, n, values, unit in (
                ("wave", N, LINEAR, "Angstrom"), ("flux", N, line(LINEAR), "Jy"),
                ("ivar", N - 1, LINEAR, ""))})],
        refusal="is damaged: 1999 errors for 2000 fluxes",
    ),
    "table without rows": Case(
        lambda: [empty(), table(**{
            "wavelength": ("D", LINEAR[:0], "Angstrom"), "flux": ("D", LINEAR[:0], "Jy")})],
        refusal="holds no spectrum: 0 pixels",
    ),
    "table that overrules LAMOST's primary header": Case(
        lambda: [empty(TELESCOP="LAMOST", VACUUM=True), table("COADD", {"VACUUM": False}, **{
            name: (f"{N}D", [values]) for name, values in {
                "WAVELENGTH": LINEAR, "FLUX": line(LINEAR), "IVAR": np.full(N, 4.0),
                "ANDMASK": WITH_BAD}.items()})],
        LINEAR, ivar=4.0, n_bad=7,
    ),
}  # fmt: skip

CASES = AXES | MEDIA | SYSTEMS | EXTENSIONS | MANY | TABLES


def file_name(case: str) -> str:
    """Name of the file of a case."""
    return "".join(c if c.isalnum() or c in "-=." else "_" for c in case) + ".fits"


def main(folder: Path) -> None:
    """Write every file."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, case in CASES.items():
        write(folder / file_name(name), case.hdus())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
