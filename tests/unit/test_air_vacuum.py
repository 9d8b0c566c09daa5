"""Air and vacuum wavelengths against values that others have published."""

import numpy as np
import pytest

from active_cnn.errors import SpectrumError
from active_cnn.spectra.wavelength import AIR_RANGE, LINES, air_to_vacuum, vacuum_to_air

# (air, vacuum, tolerance), all in angstrom.
PUBLISHED = {
    # SDSS, "Vacuum wavelengths", classic.sdss.org/dr7/products/spectra/vacwavelength.html
    "Hβ": (4861.363, 4862.721, 0.005),
    "[O III] 4959": (4958.911, 4960.295, 0.005),
    "[O III] 5007": (5006.843, 5008.239, 0.005),
    "[N II] 6548": (6548.05, 6549.86, 0.005),
    "Hα": (6562.801, 6564.614, 0.005),
    "[N II] 6583": (6583.45, 6585.27, 0.005),
    "[S II] 6716": (6716.44, 6718.29, 0.005),
    "[S II] 6731": (6730.82, 6732.68, 0.005),
    # IDL Astronomy User's Library, airtovac and vactoair, by Ciddor (1996), Appl. Opt. 35, 1566
    "Kr 6056": (6056.125, 6057.8019, 1e-4),
    "2000 Å in vacuum": (1999.353, 2000.000, 1e-3),
    # ref_index 1.0, vac2air, after the refractive index calculator of NIST
    "400 nm": (3998.8692724, 4000.0, 1e-4),
    "550 nm": (5498.4723175, 5500.0, 1e-4),
    "633 nm": (6328.2500477, 6330.0, 1e-4),
    # Ne I, Sansonetti et al. (2004), with vacuum by Peck & Reeder (1972), J. Opt. Soc. Am. 62, 958
    "Ne I 8495": (8495.3595, 8497.6937, 5e-4),
    "Ne I 8635": (8634.6471, 8637.0189, 5e-4),
}
# 2000 Å in vacuum is the end of the range: its air wavelength lies outside.
BOTH_WAYS = {name: row for name, row in PUBLISHED.items() if row[0] >= AIR_RANGE[0]}


@pytest.mark.parametrize(("air", "vacuum", "tolerance"), BOTH_WAYS.values(), ids=BOTH_WAYS)
def test_vacuum_wavelengths_agree_with_published_ones(air, vacuum, tolerance):
    assert air_to_vacuum(np.array([air]))[0] == pytest.approx(vacuum, abs=tolerance)


@pytest.mark.parametrize(("air", "vacuum", "tolerance"), PUBLISHED.values(), ids=PUBLISHED)
def test_air_wavelengths_agree_with_published_ones(air, vacuum, tolerance):
    assert vacuum_to_air(np.array([vacuum]))[0] == pytest.approx(air, abs=tolerance)


@pytest.mark.parametrize(("name", "air"), [("Hα", 6562.80), ("He I 6678", 6678.15)])
def test_the_lines_to_mark_are_in_vacuum(name, air):
    vacuum = {line.name: line.wavelength for line in LINES}[name]
    assert vacuum_to_air(np.array([vacuum]))[0] == pytest.approx(air, abs=0.005)


@pytest.mark.parametrize("convert", [air_to_vacuum, vacuum_to_air])
@pytest.mark.parametrize("wavelength", [656.28, 0.0, -6562.8, 1999.9, 100_000.1, np.nan, np.inf])
def test_a_wavelength_outside_the_formula_is_refused_with_its_value(convert, wavelength):
    with pytest.raises(SpectrumError, match=f"{wavelength:g} Å.*unit of the wavelength axis"):
        convert(np.array([6562.8, wavelength]))


@pytest.mark.parametrize("convert", [air_to_vacuum, vacuum_to_air])
def test_the_ends_of_the_range_are_inside(convert):
    assert np.isfinite(convert(np.array(AIR_RANGE))).all()


@pytest.mark.parametrize("convert", [air_to_vacuum, vacuum_to_air])
def test_a_read_only_argument_is_converted_and_left_unchanged(convert):
    wavelength = np.linspace(6519.0, 6732.0, 140)
    before = wavelength.copy()
    wavelength.setflags(write=False)
    convert(wavelength)
    np.testing.assert_array_equal(wavelength, before)


@pytest.mark.parametrize("convert", [air_to_vacuum, vacuum_to_air])
def test_single_precision_is_converted_in_double(convert):
    wavelength = np.array([6562.8, 6678.15], dtype=np.float32)
    np.testing.assert_array_equal(convert(wavelength), convert(wavelength.astype(np.float64)))


@pytest.mark.parametrize("convert", [air_to_vacuum, vacuum_to_air])
def test_one_number_is_converted_like_an_array(convert):
    assert float(convert(6562.8)) == convert(np.array([6562.8]))[0]
