"""Columns of variable length: read when they are sound, refused when they claim too much."""

import re
import struct

import numpy as np
import pytest
from astropy.io import fits

from active_cnn.errors import SpectrumError
from active_cnn.spectra.readers import read
from tests.corpus.spectra import HALPHA, LOG10, empty, table, variable, write


def test_rows_of_one_element_each_are_the_pixels_of_one_spectrum(tmp_path):
    wavelength = np.array([6500.0, HALPHA, 6700.0])
    cells = {"wave": wavelength, "flux": np.array([1.0, 2.0, 3.0])}
    columns = {}
    for name, values in cells.items():
        column = np.empty(3, dtype=object)
        column[:] = [np.array([value]) for value in values]
        columns[name] = ("PD()", column, "Angstrom" if name == "wave" else "Jy")
    spectrum = read(write(tmp_path / "a.fits", [empty(), table(**columns)]))
    np.testing.assert_allclose(spectrum.wavelength, wavelength)


def test_two_spectra_of_variable_length_are_refused_as_two(tmp_path):
    hdus = variable("PD", LOG10)
    two = fits.BinTableHDU(np.concatenate([hdus[1].data] * 2), name="COADD_R")
    with pytest.raises(SpectrumError, match="holds 2 spectra"):
        read(write(tmp_path / "a.fits", [hdus[0], two]))


@pytest.mark.parametrize("claimed", [40_000, 2**31 - 1, -1])
def test_a_column_that_claims_more_than_its_file_holds_is_refused_unread(claimed, tmp_path):
    path = write(tmp_path / "a.fits", variable("PD", LOG10))
    content = path.read_bytes()
    descriptor = struct.pack(">i", len(LOG10))
    start = content.index(descriptor, content.index(b"COADD_R"))
    path.write_bytes(content[:start] + struct.pack(">i", claimed) + content[start + 4 :])
    with pytest.raises(SpectrumError, match=re.escape("lie outside of it")):
        read(path)
