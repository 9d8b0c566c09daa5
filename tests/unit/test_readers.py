"""Every layout of every family, what is refused and why, and the folder of real spectra."""

import csv
import gzip
import math
import random
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.records import Medium, Spectrum
from active_cnn.spectra.preprocessing import DEFECTS, prepare
from active_cnn.spectra.readers import FAMILIES, find_family, fits_file, read
from active_cnn.spectra.wavelength import air_to_vacuum, vacuum_to_air

HALPHA = 6564.614
RA, DEC = 120.18045, -2.8788884

LOG_AXIS = 3.5682 + 1e-4 * np.arange(3909)
LINEAR_AXIS = 6250.0 + 0.25 * np.arange(2000)  # in air


def with_halpha(wavelength):
    return 100 * (1 - 0.5 * np.exp(-0.5 * ((wavelength - HALPHA) / 3) ** 2))


def in_vacuum(spectrum):
    if spectrum.medium is Medium.AIR:
        return air_to_vacuum(spectrum.wavelength)
    return spectrum.wavelength


def image(data, cards=(), dtype=np.float32):
    hdu = fits.PrimaryHDU(np.asarray(data, dtype=dtype) if len(data) else None)
    hdu.header.update(dict(cards))
    return hdu


def table(name, **columns):
    hdu = fits.BinTableHDU.from_columns(
        [
            fits.Column(name=key, format=form, array=values)
            for key, (form, values) in columns.items()
        ]
    )
    hdu.name = name
    return hdu


# --- The layouts ----------------------------------------------------------------------------------

NUMBERED = {"OBSID": 740103018, "SPID": 3, "FIBERID": 18}

LAMOST = {
    "TELESCOP": "LAMOST",
    "RA": RA,
    "DEC": DEC,
    "DESIG": "LAMOST J080043.30-025243.9",
    "CLASS": "STAR",
    "SUBCLASS": "A2V",
    "VACUUM": True,
    "COEFF0": LOG_AXIS[0],
    "COEFF1": 1e-4,
    "CRVAL1": LOG_AXIS[0],
    "CD1_1": 1e-4,
    "CTYPE1": "LINEAR",
    "DC-FLAG": 1,
}


def lamost_rows(third):
    wavelength = 10**LOG_AXIS
    flux, ivar, bad = with_halpha(wavelength), np.full(3909, 4.0), np.zeros(3909)
    ivar[0], bad[1] = 0.0, 4.0
    rows = {"normalised": flux / 100, "wavelength": wavelength}
    return [flux, ivar, rows[third], bad, bad]


def lamost_dr1():
    said = {"EXTEN0": "Flux Inverse Subcontinuum Andmask Ormask", "SN_R": 93.85}
    return [image(lamost_rows("normalised"), LAMOST | said)]


def lamost_dr2():
    said = {"EXTEN0": "Flux Inverse Wavelength Andmask Ormask", "FIBERID": "1", "SN_R": 93.85}
    return [image(lamost_rows("wavelength"), LAMOST | said, dtype=np.float64)]


def lamost_dr5():
    said = {"EXTEN0": "Flux, Inverse, Wavelength, Andmask, Ormask", "SNRR": 93.85}
    return [image(lamost_rows("wavelength"), LAMOST | said)]


def lamost_dr8():
    names = ("FLUX", "IVAR", "WAVELENGTH", "ANDMASK", "ORMASK")
    columns = {
        name: ("3909E", row[None, :])
        for name, row in zip(names, lamost_rows("wavelength"), strict=True)
    }
    return [image([], LAMOST | {"SNRR": 93.85}), table("COADD", **columns)]


def mrs_arm(name, start, vectors):
    loglam = np.log10(start) + 1e-5 * np.arange(3800)
    wavelength = 10**loglam
    ivar, bad = np.full(3800, 4.0), np.zeros(3800)
    ivar[0], bad[1] = 0.0, 4.0
    axis = ("WAVELENGTH", wavelength) if vectors else ("LOGLAM", loglam)
    columns = {"FLUX": with_halpha(wavelength), "IVAR": ivar, axis[0]: axis[1], "ANDMASK": bad}
    shape, form = ((1, 3800), "3800D") if vectors else ((3800,), "D")
    hdu = table(name, **{key: (form, row.reshape(shape)) for key, row in columns.items()})
    hdu.header["SNR"] = 93.85
    return hdu


def lamost_mrs(vectors=False):
    header = {key: LAMOST[key] for key in ("TELESCOP", "RA", "DEC", "DESIG", "CLASS", "SUBCLASS")}
    arms = [mrs_arm("COADD_B", 4950.0, vectors), mrs_arm("COADD_R", 6300.0, vectors)]
    return [image([], header), *arms]


def lamost_mrs_vectors():
    return lamost_mrs(vectors=True)


def sdss_table():
    n = len(LOG_AXIS)
    ivar, bad = np.full(n, 4.0), np.zeros(n)
    ivar[0], bad[1] = 0.0, 4.0
    coadd = table(
        "COADD",
        flux=("E", with_halpha(10**LOG_AXIS)),
        loglam=("E", LOG_AXIS),
        ivar=("E", ivar),
        and_mask=("J", bad),
    )
    catalogue = table(
        "SPALL",
        PLUG_RA=("D", [RA]),
        PLUG_DEC=("D", [DEC]),
        CLASS=("6A", ["STAR"]),
        SUBCLASS=("8A", ["A2V"]),
        SN_MEDIAN=("5E", [[1.0, 2.0, 93.85, 4.0, 5.0]]),
    )
    plate = {"TELESCOP": "SDSS 2.5-M", "RA": 121.0, "DEC": -2.0, "VACUUM": "T"}
    return [image([], plate), coadd, catalogue]


def sdss_image():
    flux, noise, bad = with_halpha(10**LOG_AXIS), np.full(3909, 0.5), np.zeros(3909)
    noise[0], bad[1] = 0.0, 4.0
    header = {
        "TELESCOP": "SDSS 2.5-M",
        "RA": 121.0,
        "DEC": -2.0,
        "RAOBJ": RA,
        "DECOBJ": DEC,
        "SN_R": 93.85,
        "SPEC_CLN": 1,
        "VACUUM": True,
        "COEFF0": LOG_AXIS[0],
        "COEFF1": 1e-4,
    }
    return [image([flux, flux - 100, noise, bad, bad], header)]


LINEAR = {"CTYPE1": "LINEAR", "CRVAL1": LINEAR_AXIS[0], "CRPIX1": 1.0, "CDELT1": 0.25}
SEXAGESIMAL = {"RA": "08:00:43.308", "DEC": "-02:52:43.998"}


def linear_flux():
    return with_halpha(air_to_vacuum(LINEAR_AXIS))


def ondrejov_image():
    header = {"OBSERVAT": "ONDREJOV", "INSTRUME": "COUDE700", "OBJECT": "17 Sex"}
    return [image(linear_flux(), LINEAR | SEXAGESIMAL | header | {"EQUINOX": 2011.07666})]


def ondrejov_table():
    hdu = table("", spectral=("D", LINEAR_AXIS), flux=("D", linear_flux()))
    hdu.header.update(
        {"DS_IDPUB": "ivo://asu.cas.cz/stel/ccd700/vh130075", "OBJECT": "17 Sex"},
        RA=RA,
        DEC=DEC,
    )
    return [image([]), hdu]


NAMED = SEXAGESIMAL | {"OBJNAME": "17 Sex", "OBJECT": "17"}


def linear_image():
    return [image(linear_flux(), LINEAR | NAMED | {"SPE_RPOW": 12_000})]


def log_image():
    n = 4000
    header = {"CRVAL1": math.log10(6250.0), "CD1_1": 1e-5, "CRPIX1": 1, "DC-FLAG": 1}
    wavelength = 6250.0 * 10 ** (1e-5 * np.arange(n))
    return [image(with_halpha(air_to_vacuum(wavelength)), header | NAMED | {"CTYPE1": "LINEAR"})]


def nanometre_image():
    header = {"CTYPE1": "AWAV", "CRVAL1": 650.0, "CDELT1": 0.025, "CRPIX1": 1001, "CUNIT1": "nm"}
    return [image(linear_flux(), header | NAMED)]


def descending_image():
    header = {"CRVAL1": LINEAR_AXIS[-1], "CDELT1": -0.25, "CRPIX1": 1}
    return [image(linear_flux()[::-1], header | NAMED)]


def vacuum_image():
    header = {"CTYPE1": "WAVE", "CRVAL1": 6250.0, "CDELT1": 0.25, "CRPIX1": 1}
    return [image(with_halpha(LINEAR_AXIS), header | NAMED)]


def iraf_bands():
    flux = linear_flux()
    bands = np.stack([flux, flux, 0 * flux, np.full_like(flux, 0.5)])[:, None, :]
    header = {
        "CRVAL1": LINEAR_AXIS[0],
        "CD1_1": 0.25,
        "CUNIT1": "deg",
        "WAT1_001": "wtype=linear label=Wavelength units=angstroms",
        "BANDID1": "spectrum - background fit, weights variance, clean yes",
        "BANDID4": "sigma - background fit, weights variance, clean yes",
    }
    return [image(bands, header | NAMED)]


def image_extension():
    return [image([]), fits.ImageHDU(linear_flux(), header=fits.Header(LINEAR | NAMED))]


@dataclass(frozen=True)
class Layout:
    family: str
    hdus: Callable[[], list]
    medium: Medium
    designation: str = "17 Sex"
    pipeline_class: str = ""
    snr_r: float = math.nan
    resolving_power: float | None = None
    has_ivar: bool = False
    has_mask: bool = False


def lamost(hdus, family="LAMOST low resolution", resolving_power=1800.0):
    return Layout(
        family,
        hdus,
        Medium.VACUUM,
        LAMOST["DESIG"],
        "STAR A2V",
        93.85,
        resolving_power,
        has_ivar=True,
        has_mask=True,
    )


def sdss(hdus, pipeline_class):
    return Layout(
        "SDSS/BOSS",
        hdus,
        Medium.VACUUM,
        "",
        pipeline_class,
        93.85,
        2000.0,
        has_ivar=True,
        has_mask=True,
    )


LAYOUTS = {
    "LAMOST DR1": lamost(lamost_dr1),
    "LAMOST DR2": lamost(lamost_dr2),
    "LAMOST DR5": lamost(lamost_dr5),
    "LAMOST DR8": lamost(lamost_dr8),
    "LAMOST MRS": lamost(lamost_mrs, "LAMOST medium resolution", 7500.0),
    "LAMOST MRS, vectors": lamost(lamost_mrs_vectors, "LAMOST medium resolution", 7500.0),
    "SDSS spec": sdss(sdss_table, "STAR A2V"),
    "SDSS spSpec": sdss(sdss_image, "STAR"),
    "Ondřejov image": Layout(
        "Ondřejov CCD700", ondrejov_image, Medium.AIR, resolving_power=13_000.0
    ),
    "Ondřejov VO table": Layout(
        "Ondřejov CCD700", ondrejov_table, Medium.AIR, resolving_power=13_000.0
    ),
    "linear image": Layout("1-D image", linear_image, Medium.AIR, resolving_power=12_000.0),
    "log10 image": Layout("1-D image", log_image, Medium.AIR),
    "image in nm": Layout("1-D image", nanometre_image, Medium.AIR),
    "descending image": Layout("1-D image", descending_image, Medium.AIR),
    "vacuum image": Layout("1-D image", vacuum_image, Medium.VACUUM),
    "IRAF bands": Layout("1-D image", iraf_bands, Medium.AIR, has_ivar=True),
    "image extension": Layout("1-D image", image_extension, Medium.AIR),
}

each_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)


def write(path, hdus):
    fits.HDUList(hdus).writeto(path)
    return path


def refusal_of(path):
    with pytest.raises(SpectrumError) as refusal:
        read(path)
    return str(refusal.value)


# --- What every layout must give ------------------------------------------------------------------


def test_every_family_has_a_layout_here_or_a_refusal():
    assert {family.name for family in FAMILIES} == {
        *(layout.family for layout in LAYOUTS.values()),
        "DESI",
        "Table of one spectrum",
    }


@each_layout
@pytest.mark.parametrize("suffix", [".fits", ".fit.gz"])
def test_halpha_is_where_it_was_written(layout, suffix, tmp_path):
    spectrum = read(write(tmp_path / f"spec-1{suffix}", layout.hdus()))
    assert spectrum.medium is layout.medium
    wavelength = in_vacuum(spectrum)
    line = wavelength[spectrum.flux.argmin()]
    assert line == pytest.approx(HALPHA, abs=np.diff(wavelength).max())
    np.testing.assert_allclose(spectrum.flux, with_halpha(wavelength), rtol=1e-3)


@each_layout
def test_its_family_is_found(layout, tmp_path):
    with fits_file.opened(write(tmp_path / "a.fits", layout.hdus())) as hdus:
        assert find_family(hdus).name == layout.family


@each_layout
def test_the_arrays_are_of_one_length_native_and_increasing(layout, tmp_path):
    spectrum = read(write(tmp_path / "a.fits", layout.hdus()))
    assert spectrum.wavelength.dtype == spectrum.flux.dtype == np.dtype("float64")
    assert (np.diff(spectrum.wavelength) > 0).all()
    assert spectrum.flux.shape == spectrum.wavelength.shape
    assert (spectrum.ivar is not None) == layout.has_ivar
    assert (spectrum.mask is not None) == layout.has_mask


@each_layout
def test_the_metadata_are_read(layout, tmp_path):
    spectrum = read(write(tmp_path / "a.fits", layout.hdus()))
    assert spectrum.ra == pytest.approx(RA, abs=1e-6)
    assert spectrum.dec == pytest.approx(DEC, abs=1e-6)
    assert spectrum.designation == layout.designation
    assert spectrum.pipeline_class == layout.pipeline_class
    assert spectrum.snr_r == pytest.approx(layout.snr_r, nan_ok=True)
    assert spectrum.resolving_power == layout.resolving_power


@pytest.mark.parametrize("name", [name for name, layout in LAYOUTS.items() if layout.has_mask])
def test_pixels_without_weight_and_pixels_marked_in_every_exposure_are_bad(name, tmp_path):
    spectrum = read(write(tmp_path / "a.fits", LAYOUTS[name].hdus()))
    starts = [0, 3800] if "MRS" in name else [0]  # of its arms
    assert np.flatnonzero(spectrum.mask).tolist() == [n + i for n in starts for i in (0, 1)]
    for start in starts:
        np.testing.assert_allclose(spectrum.ivar[start : start + 3], [0.0, 4.0, 4.0])


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("spec-55959-GAC_094N27_V3_sp16-125.fits", "spec-55959-GAC_094N27_V3_sp16-125.fits"),
        ("spec-55959-GAC_094N27_V3_sp16-125.fits.gz", "spec-55959-GAC_094N27_V3_sp16-125.fits"),
        ("Übung 1.FIT", "Übung 1.FIT"),
    ],
)
def test_the_identifier_is_the_name_of_the_file_without_gz(name, identifier, tmp_path):
    path = write(tmp_path / name, lamost_dr1())
    for given in (path, str(path)):
        spectrum = read(given)
        assert spectrum.identifier == identifier
        assert spectrum.path == str(path)


# --- Quirks ---------------------------------------------------------------------------------------


def change(hdus, number=0, **cards):
    for key, value in cards.items():
        name = key.replace("_FLAG", "-FLAG")
        if value is None:
            hdus[number].header.remove(name, ignore_missing=True)
        else:
            hdus[number].header[name] = value
    return hdus


def test_fill_values_are_unknown(tmp_path):
    hdus = change(
        lamost_dr5(), SNRR=-9999.0, CLASS="Unknown", SUBCLASS="Non", RA=-9999.0, DESIG="-"
    )
    spectrum = read(write(tmp_path / "a.fits", hdus))
    assert math.isnan(spectrum.snr_r)
    assert math.isnan(spectrum.ra)
    assert math.isnan(spectrum.dec)
    assert spectrum.pipeline_class == "Unknown"
    assert spectrum.designation == ""


@pytest.mark.parametrize(
    ("ra", "dec"),
    [("nan", "nan"), ("", ""), ("INDEF", "INDEF"), ("08:00", "-2"), (361.0, 0.0), (10.0, 95.0)],
)
def test_a_position_that_is_none_is_unknown(ra, dec, tmp_path):
    spectrum = read(write(tmp_path / "a.fits", change(linear_image(), RA=ra, DEC=dec)))
    assert math.isnan(spectrum.ra)
    assert math.isnan(spectrum.dec)


def test_a_declination_between_zero_and_minus_one_degree_keeps_its_sign(tmp_path):
    hdus = change(linear_image(), RA=" 7:33:37.30", DEC="-0:01:43.50")
    assert read(write(tmp_path / "a.fits", hdus)).dec == pytest.approx(-103.5 / 3600)


# α Cam and Feige 110 in STELIB, with their ICRS positions in SIMBAD.
@pytest.mark.parametrize(
    ("ra", "dec", "icrs"),
    [
        (" 4:49:02.39", "66:15:53.30", (73.5125, 66.3427)),
        (
            (6.0972132, "Mean RA  23 17 22.7"),
            (-0.07952399, "Mean Dec  -5 26 37"),
            (349.9933, -5.1656),
        ),
    ],
)
def test_positions_of_1950_and_the_radians_of_stelib_become_icrs_degrees(ra, dec, icrs, tmp_path):
    hdus = change(linear_image(), RA=ra, DEC=dec, EQUINOX="B1950.0", STARIDEN="star")
    spectrum = read(write(tmp_path / "a.fits", hdus))
    assert (spectrum.ra, spectrum.dec) == pytest.approx(icrs, abs=0.01)


def test_an_invalid_card_that_is_not_needed_does_not_matter(tmp_path):
    path = write(tmp_path / "a.fits", lamost_dr1())
    content = path.read_bytes()
    card = next(
        content[i : i + 80] for i in range(0, 9000, 80) if content[i : i + 8] == b"RA      "
    )
    path.write_bytes(content.replace(card, b"RA      =                  NaN".ljust(80)))
    spectrum = read(path)
    assert math.isnan(spectrum.ra)
    assert spectrum.flux.size == 3909


def test_the_reference_pixel_may_lie_anywhere_even_at_a_fill_value(tmp_path):
    hdus = change(linear_image(), CRPIX1=-999.0, CRVAL1=LINEAR_AXIS[0] - 1000 * 0.25)
    np.testing.assert_allclose(read(write(tmp_path / "a.fits", hdus)).wavelength, LINEAR_AXIS)


def test_coefficients_alone_make_a_log10_axis(tmp_path):
    header = {"COEFF0": LOG_AXIS[0], "COEFF1": 1e-4}
    spectrum = read(write(tmp_path / "a.fits", [image(with_halpha(10**LOG_AXIS), header)]))
    np.testing.assert_allclose(spectrum.wavelength, 10**LOG_AXIS)


def test_a_header_that_says_vacuum_overrules_the_default(tmp_path):
    for said, medium in [(True, Medium.VACUUM), ("T", Medium.VACUUM), (False, Medium.AIR)]:
        path = tmp_path / f"{said}.fits"
        assert read(write(path, change(linear_image(), VACUUM=said))).medium is medium


def test_sdss_takes_the_position_of_the_object_from_the_header_where_it_is(tmp_path):
    hdus = change(sdss_table(), PLUG_RA=10.0, PLUG_DEC=20.0)
    spectrum = read(write(tmp_path / "a.fits", hdus))
    assert (spectrum.ra, spectrum.dec) == (10.0, 20.0)


LAMOST_PAGE = "https://www.lamost.org/dr{}/v2.0/{}/view?obsid=740103018"


@pytest.mark.parametrize(
    ("said", "release"),
    [
        ("LAMOST DR7", 7),
        ("LAMOST DR10", 10),
        ("LAMOST DR5", 11),  # older and newer ones than are known: the newest that is
        ("LAMOST DR40", 11),
        ("LAMOST DR8/../?q=", 8),
        (None, 11),
    ],
)
@pytest.mark.parametrize(
    ("hdus", "kind"),
    [(lamost_dr5, "spectrum"), (lamost_dr8, "spectrum"), (lamost_mrs, "medspectrum")],
)
def test_the_page_of_a_lamost_spectrum_is_that_of_its_release(hdus, kind, said, release, tmp_path):
    path = write(tmp_path / "a.fits", change(hdus(), **NUMBERED, DATA_V=said))
    assert read(path).page == LAMOST_PAGE.format(release, kind)


@pytest.mark.parametrize(
    "wrong",
    [
        {"OBSID": None},
        {"OBSID": -28762},  # of a file of DR3, whose OBSID had lost its upper 16 bits
        {"OBSID": 740103017},
        {"OBSID": 740103018.5},
        {"OBSID": 10**15 + 3018},
        {"OBSID": "740103018&redirect=elsewhere"},
        {"OBSID": True},
        {"SPID": None},
        {"FIBERID": "x"},
    ],
    ids=str,
)
def test_a_lamost_spectrum_without_a_number_that_fits_has_no_page(wrong, tmp_path):
    path = write(tmp_path / "a.fits", change(lamost_dr8(), **(NUMBERED | wrong)))
    assert read(path).page == ""


@pytest.mark.parametrize("hdus", [sdss_table, sdss_image])
def test_the_page_of_an_sdss_spectrum_names_plate_mjd_and_fibre(hdus, tmp_path):
    numbers = {"PLATEID": 266, "MJD": 51602, "FIBERID": 13}
    page = "https://dr18.sdss.org/optical/spectrum/view?plateid=266&mjd=51602&fiberid=13"
    assert read(write(tmp_path / "a.fits", change(hdus(), **numbers))).page == page
    for i, wrong in enumerate([None, 0, -1, 13.5, 10**12, "13&mjd=1", "", False]):
        for key in numbers:
            path = tmp_path / f"{i}-{key}.fits"
            assert read(write(path, change(hdus(), **(numbers | {key: wrong})))).page == ""


def test_a_table_like_those_of_sdss_but_of_another_telescope_has_no_page(tmp_path):
    hdus = change(sdss_table(), TELESCOP="Another 1 m", PLATEID=266, MJD=51602, FIBERID=13)
    assert read(write(tmp_path / "a.fits", hdus)).page == ""


def test_a_table_of_flux_and_loglam_alone_is_read_like_sdss(tmp_path):
    columns = {"LogLam": ("E", LOG_AXIS), "Flux": ("E", with_halpha(10**LOG_AXIS))}
    spectrum = read(write(tmp_path / "A0.fits", [image([]), table("", **columns)]))
    assert spectrum.medium is Medium.VACUUM
    assert spectrum.ivar is None
    assert spectrum.mask is None


# --- Refusals -------------------------------------------------------------------------------------


def echelle_orders():
    return [image(np.ones((51, 200)), {"CTYPE1": "MULTISPE", "CDELT1": 1.0})]


def desi():
    hdus = [image([]), table("FIBERMAP", TARGETID=("K", [1, 2, 3]))]
    for name, data in (("R_WAVELENGTH", np.arange(100.0)), ("R_FLUX", np.ones((3, 100)))):
        hdus.append(fits.ImageHDU(data, name=name))
    return hdus


def two_rows_of_lamost():
    hdus = lamost_dr8()
    hdus[1] = fits.BinTableHDU(np.concatenate([hdus[1].data, hdus[1].data]), name="COADD")
    return hdus


def linear(**cards):
    return change(linear_image(), **cards)


def other_vo_table():
    hdus = ondrejov_table()
    return change(hdus, 1, DS_IDPUB="ivo://elsewhere/spectra/1")


def wrong_third_row():
    return change(lamost_dr5(), COEFF0=LOG_AXIS[0] + 1e-4)


def columns_of_different_kinds():
    hdus = lamost_mrs()
    return [hdus[0], hdus[1], table("COADD_R", FLUX=("E", [1.0, 2.0]))]


REFUSALS = {
    "no data": (lambda: [image([])], "holds no data"),
    "echelle orders": (echelle_orders, "holds 51 spectra: an image of 200 × 51 pixels"),
    "two apertures": (
        lambda: [image(np.ones((2, 200)), LINEAR)],
        "holds 2 spectra: an image of 200 × 2 pixels",
    ),
    "DESI": (desi, "holds 3 spectra: save each target"),
    "two rows": (two_rows_of_lamost, "holds 2 spectra"),
    "CCD frame": (lambda: [image(np.ones((51, 76)))], "no spectral axis: an image of 76 × 51"),
    "columns of an unknown table": (
        lambda: [image([]), table("", pixel=("E", [1.0]), flux=("E", [1.0]))],
        "table of no known layout: its columns are pixel, flux",
    ),
    "VO table of unknown medium": (other_vo_table, "no known layout: its columns are spectral"),
    "no axis": (lambda: [image(np.ones(200))], "no spectral axis: CRVAL1 and CDELT1"),
    "no step": (lambda: linear(CDELT1=None), "no spectral axis"),
    "step of zero": (lambda: linear(CDELT1=0.0), "CDELT1 is 0"),
    "steps that contradict": (lambda: linear(CD1_1=0.5), "CD1_1 = 0.5 contradicts CDELT1 = 0.25"),
    "reference that is text": (lambda: linear(CRPIX1="first"), "CRPIX1 is not a number"),
    "velocities": (lambda: linear(CTYPE1="VRAD", CUNIT1="km/s"), "CTYPE1 = 'VRAD'"),
    "axis in a table": (lambda: linear(CTYPE1="WAVE-TAB"), "CTYPE1 = 'WAVE-TAB'"),
    "kilometres": (lambda: linear(CUNIT1="km/s"), "it is in 'km/s'"),
    "pixels": (lambda: linear(CUNIT1="pixel"), "it is in 'pixel'"),
    "pixel numbers": (lambda: linear(CRVAL1=1.0, CDELT1=1.0), "runs from 1 to 2000"),
    "log10 without a word": (
        lambda: linear(CRVAL1=3.79, CDELT1=1e-5),
        "runs from 3.79 to 3.80999, not in wavelengths in Å",
    ),
    "linear called log10": (lambda: linear(DC_FLAG=1), "no usable axis"),
    "uncalibrated": (lambda: linear(DC_FLAG=-1), "not calibrated in wavelength: DC-FLAG = -1"),
    "medium that is none": (lambda: linear(VACUUM="perhaps"), "air or vacuum: VACUUM = 'perhaps'"),
    "one pixel": (lambda: [image(np.ones(1), LINEAR)], "holds no spectrum: 1 pixel"),
    "LAMOST without coefficients": (
        lambda: change(lamost_dr1(), COEFF0=None),
        "no spectral axis: COEFF0 and COEFF1",
    ),
    "LAMOST of other rows": (
        lambda: [image(lamost_rows("normalised")[:3], LAMOST)],
        "is no LAMOST spectrum: 3 rows, expected 5",
    ),
    "LAMOST that contradicts itself": (wrong_third_row, "contradict its third row"),
    "LAMOST without a red arm": (lambda: lamost_mrs()[:2], "COADD_R is missing"),
    "missing column": (columns_of_different_kinds, "has no column 'wavelength'"),
    "SDSS of other rows": (
        lambda: [image(np.ones((2, 200)), {"TELESCOP": "SDSS 2.5-M", "COEFF0": 3.5})],
        "is no SDSS spectrum: 2 rows",
    ),
}


@pytest.mark.parametrize(("hdus", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_what_is_no_spectrum_is_refused_with_its_reason_in_one_line(hdus, reason, tmp_path):
    refusal = refusal_of(write(tmp_path / "a.fits", hdus()))
    assert reason in refusal
    assert "\n" not in refusal
    assert "a.fits" not in refusal


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"5.10000E+03 -3.38504E-02\n", "is not a FITS file: it begins with b'5.10000E+'"),
        (b"\x89HDF\r\n\x1a\n\x00", "is not a FITS file"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (gzip.compress(b"wave,flux\n", mtime=0), "is not a FITS file: it begins with b'wave,flux'"),
        (gzip.compress(b"SIMPLE  = " * 999, mtime=0)[:40], "is truncated: the gzip stream"),
        (b"\x1f\x8b" + b"\x00" * 40, "is a damaged gzip file"),
        (b"SIMPLE  =                    T", "is a damaged FITS file"),
    ],
)
def test_a_file_that_is_no_fits_file_is_refused(content, reason, tmp_path):
    path = tmp_path / "a.fits"
    path.write_bytes(content)
    assert refusal_of(path).startswith(reason)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert refusal_of(tmp_path / "none.fits") == "does not exist"
    assert refusal_of(tmp_path) == "is a folder, not a file"


@pytest.mark.parametrize("bad", [np.nan, np.inf, 5000.0])
def test_wavelengths_in_disorder_are_refused(bad, tmp_path):
    hdus = lamost_dr8()
    hdus[1].data["WAVELENGTH"][0, 2000] = bad
    assert "do not increase" in refusal_of(write(tmp_path / "a.fits", hdus))


@each_layout
def test_a_truncated_file_is_refused(layout, tmp_path):
    path = write(tmp_path / "a.fits", layout.hdus())
    content = path.read_bytes()
    # The blue arm comes before the red one and the catalogue of SDSS is not needed.
    for share in (0.1, 0.3, 0.5):
        path.write_bytes(content[: int(share * len(content))])
        refusal = refusal_of(path)
        assert "\n" not in refusal
    path.write_bytes(gzip.compress(content)[:-200])
    assert refusal_of(path).startswith("is truncated")


@each_layout
def test_a_damaged_file_is_read_or_refused_and_never_crashes(layout, tmp_path):
    path = write(tmp_path / "a.fits", layout.hdus())
    content = path.read_bytes()
    rng = random.Random(20)  # noqa: S311
    for _ in range(25):
        damaged = bytearray(content)
        for _ in range(rng.choice([1, 3, 30])):
            damaged[rng.randrange(30, min(len(content), 12_000))] = rng.randrange(256)
        path.write_bytes(damaged)
        try:
            spectrum = read(path)
        except SpectrumError as refusal:
            assert "\n" not in str(refusal)  # noqa: PT017
        else:
            assert (np.diff(spectrum.wavelength) > 0).all()


# --- The folder of real spectra -------------------------------------------------------------------


@dataclass(frozen=True)
class Reading:
    """A row of the manifest with what its file gave."""

    row: dict
    family: str | None
    spectrum: Spectrum | None
    refusal: str

    @property
    def name(self):
        return self.row["path"]


@pytest.fixture(scope="session")
def readings(real_spectra) -> list[Reading]:
    """Every file of the manifest, read once."""
    with (real_spectra / "MANIFEST.csv").open(newline="") as manifest:
        rows = {row["path"]: row for row in csv.DictReader(manifest)}
    return [attempt(real_spectra / path, row) for path, row in rows.items()]


def attempt(path: Path, row: dict) -> Reading:
    name = None
    try:
        # What read() does, but with the name of the family kept.
        with fits_file.opened(path) as hdus:
            family = find_family(hdus)
            name = family.name
            return Reading(row, name, family.read(hdus, path), "")
    except SpectrumError as refusal:
        return Reading(row, name, None, str(refusal))


@pytest.fixture(scope="session")
def spectra(readings) -> list[Reading]:
    return [reading for reading in readings if reading.spectrum is not None]


def test_every_real_file_is_read_or_refused_in_one_line(readings):
    for reading in readings:
        assert reading.spectrum is not None or re.fullmatch(
            r"(is|has|holds|does not say) \S.*", reading.refusal
        )


# Formats of the manifest that are not to be read, with the beginning of the reason.
REFUSED_FORMATS = {
    "plain text": "is not a FITS file",
    "DESI": "holds 5 spectra",
    "2-D image": "",
    "2-D CCD image": "has no spectral axis",
    "IRAF echelle MULTISPE": "holds 51 spectra",
    "BinTable ext 1: wave": "does not say the unit of its axis",
    "1-D image ext 0 CRVAL1/CDELT1 linear, CUNIT1=km/s": "has no usable axis",
}


def test_what_is_refused_is_what_no_reader_can_know(readings):
    for reading in readings:
        layout = reading.row["format"]
        expected = [reason for start, reason in REFUSED_FORMATS.items() if layout.startswith(start)]
        is_sdss_image = layout.startswith("2-D image") and reading.row["survey"].startswith("SDSS")
        if expected and not is_sdss_image:
            assert reading.refusal, reading.name
            assert reading.refusal.startswith(expected[0]), reading.name
        else:
            assert not reading.refusal, reading.name


FAMILY_OF_SURVEY = {
    "LAMOST LRS": "LAMOST low resolution",
    "LAMOST MRS": "LAMOST medium resolution",
    "Ondrejov 2 m CCD700": "Ondřejov CCD700",
    "SDSS spSpec (DR<=7)": "SDSS/BOSS",
    "SDSS template (Kesseli 2017)": "SDSS/BOSS",
    "SDSS/BOSS": "SDSS/BOSS",
    "DESI": "DESI",
}


def test_each_survey_is_read_by_its_own_family(readings):
    for reading in readings:
        if reading.family is not None:
            general = (
                "Table of one spectrum" if "BinTable" in reading.row["format"] else "1-D image"
            )
            expected = FAMILY_OF_SURVEY.get(reading.row["survey"], general)
            assert reading.family == expected, reading.name


def test_the_wavelengths_agree_with_the_manifest(spectra):
    for reading in spectra:
        wavelength, row = in_vacuum(reading.spectrum), reading.row
        if row["survey"] == "LAMOST MRS":  # of which the manifest tells the red arm alone
            wavelength = wavelength[wavelength > 6000]
        # The manifest gives the range of the medium-resolution arms only as "about".
        tolerance = 15.0 if "about" in row["note"] else 0.2
        assert wavelength[0] == pytest.approx(float(row["wave_min_vac"]), abs=tolerance)
        assert wavelength[-1] == pytest.approx(float(row["wave_max_vac"]), abs=tolerance)


def test_the_medium_agrees_with_the_manifest(spectra):
    for reading in spectra:
        assert reading.spectrum.medium == reading.row["wave_medium"], reading.name


def degrees(written: str, degrees_a_unit: float) -> float:
    if ":" not in written:
        return float(written)
    parts = [float(part) for part in written.strip().lstrip("+-").split(":")]
    size = degrees_a_unit * (parts[0] + parts[1] / 60 + parts[2] / 3600)
    return -size if written.strip().startswith("-") else size


def test_the_positions_agree_with_the_manifest(spectra):
    n_compared = 0
    for reading in spectra:
        row, spectrum = reading.row, reading.spectrum
        # The manifest copies the header: B1950 and radians in STELIB, the plate in spSpec.
        if not row["ra"] or row["survey"] in ("STELIB", "SDSS spSpec (DR<=7)"):
            continue
        if row["path"].endswith("hr2421.fit"):
            # EPOCH = 1985 is its equinox. γ Gem in SIMBAD; the header has whole seconds of time.
            assert (spectrum.ra, spectrum.dec) == pytest.approx((99.4279, 16.3993), abs=0.02)
            continue
        n_compared += 1
        assert spectrum.ra == pytest.approx(degrees(row["ra"], 15.0), abs=1e-3), reading.name
        assert spectrum.dec == pytest.approx(degrees(row["dec"], 1.0), abs=1e-3), reading.name
    assert n_compared > 500


def test_the_signal_to_noise_and_the_class_agree_with_the_manifest(spectra):
    for reading in spectra:
        row, spectrum = reading.row, reading.spectrum
        if row["snr_r"]:
            known = float(row["snr_r"])
            expected = math.nan if known == -9999 else known
            assert spectrum.snr_r == pytest.approx(expected, abs=1e-3, nan_ok=True), reading.name
        if row["pipeline_class"] not in ("", "Non"):
            assert spectrum.pipeline_class.endswith(row["pipeline_class"]), reading.name


PAGES = {
    "cmost/history/tests/spec-55859-F5902_sp01-002.fits.gz": (
        "https://www.lamost.org/dr9/v2.0/spectrum/view?obsid=101002"
    ),
    "AstroSpectro/data/raw/B6212/spec-55862-B6212_sp01-006.fits.gz": (
        "https://www.lamost.org/dr11/v2.0/spectrum/view?obsid=901006"
    ),
    "laspec/history/laspec/data/lamost/med-58408-TD230151N343645T01_sp01-015.fits": (
        "https://www.lamost.org/dr7/v2.0/medspectrum/view?obsid=681001015"
    ),
    "PyHammer/test_case/spec-1079-52621-0509.fits": (
        "https://dr18.sdss.org/optical/spectrum/view?plateid=1079&mjd=52621&fiberid=509"
    ),
    "pyspeckit/history/tests/SIIdoublet.fits": (
        "https://dr18.sdss.org/optical/spectrum/view?plateid=750&mjd=52235&fiberid=459"
    ),
    # Its OBSID is -28762; the templates of SDSS and the files of LAMOST's DR1 have no numbers.
    "bopy/history/bopy/data/test_spectra/lamost_dr3/spec-55939-GAC_061N46_V3_sp07-078.fits": "",
    "PyHammer/resources/templates/A0.fits": "",
    "LearningLAMOST/SampleFits/spec-55862-B6212_sp06-117.fits": "",
}


def test_the_pages_of_real_spectra(spectra):
    found = {reading.name: reading.spectrum.page for reading in spectra}
    assert {name: found[name] for name in PAGES} == PAGES


def test_the_page_of_a_real_spectrum_agrees_with_the_name_of_its_file(spectra):
    families = set()
    for reading in spectra:
        page, name = reading.spectrum.page, Path(reading.name).name
        if page:
            families.add(reading.family)
        numbers = re.findall(r"=(\d+)", page)
        plate = re.match(r"spec-(\d+)-(\d+)-(\d+)\.", name)
        fibre = re.search(r"_sp(\d\d)-(\d\d\d)\.", name)
        if page and plate:
            assert [int(number) for number in numbers] == [int(part) for part in plate.groups()]
        elif page and fibre:
            assert numbers[0].endswith(f"{fibre[1]}{fibre[2]}"), name
    assert families == {"LAMOST low resolution", "LAMOST medium resolution", "SDSS/BOSS"}


def test_identifiers_are_the_names_of_the_files(spectra):
    for reading in spectra:
        assert reading.spectrum.identifier == Path(reading.name).name.removesuffix(".gz")


def test_the_window_is_prepared_where_the_manifest_says_that_it_is_covered(spectra):
    for reading in spectra:
        try:
            window = prepare(reading.spectrum, Grid())
        except SpectrumError as refusal:
            reason = str(refusal)
            is_zero = re.search(r"DEFECT flux (is all )?zero (in|over) the", reading.row["note"])
            assert "not the whole window" in reason or (reason == DEFECTS[2] and is_zero)  # noqa: PT017
            is_covered = reason == DEFECTS[2]
        else:
            assert np.isfinite(window).all()
            is_covered = True
        assert is_covered == (reading.row["covers_6519_6732"] == "yes"), reading.name


# Half the width in angstrom of what is searched for the line, and of what gives the continuum.
SEARCHED, AROUND = 22.0, 50.0


def offset_of_halpha(spectrum: Spectrum, label: str) -> float | None:
    """Where the strongest line near Hα lies, in angstrom from Hα; None if too little is covered.

    The continuum is a straight line, clipped, through the flux 25-50 Å from Hα; the line is the
    centroid of the upper half of the extremum of the flux smoothed to about LAMOST's resolution.
    """
    wavelength = in_vacuum(spectrum)
    offset = np.arange(-AROUND, AROUND + 0.5, 0.5)
    covered = (offset + HALPHA >= wavelength[0]) & (offset + HALPHA <= wavelength[-1])
    if not covered[abs(offset) <= SEARCHED + 3].all():
        return None
    flux = np.interp(offset + HALPHA, wavelength, spectrum.flux)
    beside = covered & (abs(offset) > SEARCHED + 3)
    for _ in range(3):
        line = np.polynomial.Polynomial.fit(offset[beside], flux[beside], 1)
        excess = flux - line(offset)
        beside &= abs(excess) <= 2.5 * excess[beside].std()
    kernel = np.exp(-0.5 * (np.arange(-8, 9) * 0.5 / 1.5) ** 2)
    sign = -1.0 if label == "absorption" else 1.0
    strength = np.convolve(sign * excess, kernel / kernel.sum(), mode="same")
    peak = int(np.argmax(np.where(abs(offset) <= SEARCHED, strength, -np.inf)))
    near = slice(peak - 6, peak + 7)
    weight = np.clip(strength[near] - 0.5 * strength[peak], 0, None)
    return float((offset[near] * weight).sum() / weight.sum())


# What a note says where the line is elsewhere or is spoilt.
EXPLAINED = re.compile(r"DEFECT|velocity|redshift|zero-point")

# Types in which Hα is not much deeper than Ca I 6573 and the bands beside it.
LATE_TYPE = re.compile(r"[dg]?(K[5-9]|M)")


@pytest.fixture(scope="session")
def offsets(spectra) -> list[tuple[float, dict]]:
    """Offsets of Hα in the files labelled absorption or emission with certainty, and their rows."""
    found = []
    for reading in spectra:
        row = reading.row
        is_certain = row["label"] in ("absorption", "emission") and row["confidence"] == "high"
        if is_certain and not EXPLAINED.search(row["note"]):
            offset = offset_of_halpha(reading.spectrum, row["label"])
            if offset is not None:
                found.append((offset, row))
    return found


def test_halpha_lies_within_six_angstroms_of_its_place(offsets):
    assert len(offsets) > 550
    strays = [(round(offset, 1), row) for offset, row in offsets if not abs(offset) <= 6.0]
    late = [(offset, row) for offset, row in strays if LATE_TYPE.match(row["pipeline_class"])]
    assert [(offset, row["path"]) for offset, row in strays if (offset, row) not in late] == []
    n_late = sum(bool(LATE_TYPE.match(row["pipeline_class"])) for _, row in offsets)
    assert len(late) <= 0.05 * n_late, [(offset, row["path"]) for offset, row in late]


def test_halpha_is_nowhere_shifted_by_as_much_as_air_and_vacuum_differ(offsets):
    by_layout = defaultdict(list)
    for offset, row in offsets:
        by_layout[row["survey"], row["format"][:30]].append(offset)
    medians = {
        layout: float(np.median(values)) for layout, values in by_layout.items() if len(values) > 9
    }
    assert len(medians) >= 5
    difference = HALPHA - vacuum_to_air(np.array([HALPHA]))[0]
    shifted = {layout: median for layout, median in medians.items() if abs(median) > difference / 3}
    assert shifted == {}
