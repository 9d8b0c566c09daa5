"""Whatever axis a header describes is read to 0.05 Å, in its medium, or refused."""

import tempfile
import warnings
from pathlib import Path

import numpy as np
from astropy import units
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st

from active_cnn.errors import SpectrumError
from active_cnn.records import Medium
from active_cnn.spectra.readers import read

# What headers write, and how astropy spells it.
UNITS = {"Angstrom": "Angstrom", "AA": "Angstrom", "nm": "nm", "um": "um", "mum": "um",
         "micron": "um", "pm": "pm", "mm": "mm", "cm": "cm", "m": "m"}  # fmt: skip
STANDARD = {"WAVE": Medium.VACUUM, "WAVE-LOG": Medium.VACUUM, "AWAV": Medium.AIR,
            "AWAV-LOG": Medium.AIR}  # fmt: skip
SAID = {True: Medium.VACUUM, "T": Medium.VACUUM, "yes": Medium.VACUUM, "1": Medium.VACUUM,
        False: Medium.AIR, "F": Medium.AIR, "no": Medium.AIR, "0": Medium.AIR}  # fmt: skip


def spectrum_of(cards, n, beside=(), in_extension=False):
    """Read an image with these cards; `beside` are those of the primary header."""
    data = np.linspace(1, 2, n, dtype=np.float32)
    hdu = fits.ImageHDU(data) if in_extension else fits.PrimaryHDU(data)
    hdu.header.update(cards)
    hdus = [fits.PrimaryHDU(), hdu] if in_extension else [hdu]
    hdus[0].header.update(beside)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.fits"
        fits.HDUList(hdus).writeto(path)
        return read(path)


def by_wcslib(cards, n, unit):
    """Wavelengths in angstrom that astropy.wcs finds in these cards."""
    header = fits.Header({"NAXIS": 1, "NAXIS1": n, **cards})
    if header.get("CTYPE1") not in STANDARD:
        header.pop("CTYPE1", None)
        header.pop("CUNIT1", None)
    elif unit:
        header["CUNIT1"] = unit
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        wcs = WCS(header, naxis=1)
        wavelength = wcs.wcs_pix2world(np.arange(1.0, n + 1)[:, None], 1)[:, 0]
    return wavelength * units.Unit(str(wcs.wcs.cunit[0]) or unit).to(units.AA)


@st.composite
def sound(draw):
    """Draw cards that say one axis in one of the ways there are, and its unit for astropy."""
    written = draw(st.sampled_from(sorted(UNITS)))
    angstroms = units.Unit(UNITS[written]).to(units.AA)
    step = draw(st.sampled_from([-1, 1])) * draw(st.floats(0.05, 3.0)) / angstroms
    element = draw(st.sampled_from([0.25, 1.0, 3.0]))
    ways = [{"CDELT1": step}, {"CD1_1": step}, {"CD1_1": step, "CDELT1": step},
            {"CD1_1": step, "CDELT1": 1.0},
            {"PC1_1": element, "CDELT1": step / element}, {"PC1_1": step}]  # fmt: skip
    cards = {"CRVAL1": draw(st.floats(3000, 9000)) / angstroms, "CUNIT1": written,
             "CRPIX1": draw(st.floats(-300, 700)), **draw(st.sampled_from(ways))}  # fmt: skip
    kind = draw(st.sampled_from([None, "LINEAR", "Wavelength", "LAMBDA", *STANDARD]))
    if kind:
        cards["CTYPE1"] = kind
    return cards, UNITS[written]


@settings(max_examples=80, deadline=None)
@given(sound(), st.integers(2, 400), st.sampled_from([None, *SAID]), st.sampled_from("pes"))
def test_a_sound_header_is_read_to_a_twentieth_of_an_angstrom(axis, n, said, where):
    cards, unit = axis
    kind = cards.get("CTYPE1")
    right = by_wcslib(cards, n, unit)
    medium = STANDARD.get(kind) or SAID.get(said, Medium.AIR)
    contradicts = kind in STANDARD and said is not None and SAID[said] is not STANDARD[kind]
    vacuum = {} if said is None else {"VACUUM": said}
    own, beside = (cards, vacuum) if where == "s" else (cards | vacuum, {})
    try:
        spectrum = spectrum_of(own, n, beside, in_extension=where != "p")
    except SpectrumError as refusal:
        is_out_of_range = right.min() < 900 or right.max() > 100_000  # noqa: PT017
        assert is_out_of_range or (contradicts and where != "s"), str(refusal)  # noqa: PT017
    else:
        np.testing.assert_allclose(spectrum.wavelength, np.sort(right), rtol=0, atol=0.05)
        assert spectrum.medium is medium


numbers = st.one_of(st.sampled_from([0.0, 1.0, -1.0, 0.25, 3.8, 1e-4]), st.floats(-1e4, 1e4))


@settings(max_examples=80, deadline=None)
@given(
    st.fixed_dictionaries(
        {"CRVAL1": st.one_of(numbers, st.floats(3000, 9000)), "CRPIX1": numbers},
        optional={
            "CDELT1": numbers,
            "CD1_1": numbers,
            "PC1_1": numbers,
            "CTYPE1": st.sampled_from([*STANDARD, "", "LINEAR", "FREQ", "VELO", "WAVN-LOG"]),
            "CUNIT1": st.sampled_from([*UNITS, "Hz", "km/s", "deg", "pixel"]),
        },
    ),
    st.integers(2, 100),
)
def test_whatever_cards_there_are_the_axis_is_right_or_refused(cards, n):
    try:
        spectrum = spectrum_of(cards, n)
    except SpectrumError as refusal:
        assert "\n" not in str(refusal)  # noqa: PT017
        return
    written = cards.get("CUNIT1")
    # A forgotten unit is the angstrom, though the standard says metres.
    unit = UNITS[written] if written else "Angstrom"
    if cards.get("CD1_1", 1.0) == 0.0:  # no axis in the standard: CDELT1 is what was meant
        cards = {key: value for key, value in cards.items() if key != "CD1_1"}
    if "CD1_1" in cards:  # both are read only where they say the same
        cards = {key: value for key, value in cards.items() if key not in ("CDELT1", "PC1_1")}
    right = by_wcslib(cards, n, unit)
    np.testing.assert_allclose(spectrum.wavelength, np.sort(right), rtol=0, atol=0.05)
