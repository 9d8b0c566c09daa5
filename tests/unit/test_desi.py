"""A DESI file of one target: its arms are joined as the survey's own software joins them."""

import numpy as np
import pytest
from astropy.io import fits

from active_cnn.errors import SpectrumError
from active_cnn.spectra.readers import read
from tests.corpus.spectra import desi, write


def arms(**values):
    """Write two arms that share two wavelengths, with these values in place of others."""
    hdus = [fits.PrimaryHDU(), desi(1)[1]]
    parts = {
        "B_WAVELENGTH": [6500.0, 6500.8, 6501.6, 6502.4],
        "B_FLUX": [[1.0, 1.0, 1.0, 1.0]],
        "B_IVAR": [[1.0, 1.0, 1.0, 1.0]],
        "B_MASK": [[0, 0, 0, 0]],
        "R_WAVELENGTH": [6501.6, 6502.4, 6503.2],
        "R_FLUX": [[5.0, 5.0, 5.0]],
        "R_IVAR": [[3.0, 3.0, 3.0]],
        "R_MASK": [[0, 0, 0]],
    } | values
    return [*hdus, *(fits.ImageHDU(np.array(data), name=name) for name, data in parts.items())]


def test_where_arms_overlap_the_flux_is_the_mean_weighted_by_inverse_variance(tmp_path):
    spectrum = read(write(tmp_path / "a.fits", arms()))
    np.testing.assert_allclose(spectrum.wavelength, [6500.0, 6500.8, 6501.6, 6502.4, 6503.2])
    np.testing.assert_allclose(spectrum.flux, [1, 1, 4, 4, 5])  # (1 × 1 + 3 × 5) / 4
    np.testing.assert_allclose(spectrum.ivar, [1, 1, 4, 4, 3])
    assert not spectrum.mask.any()


def test_a_pixel_that_is_masked_in_one_arm_comes_from_the_other(tmp_path):
    hdus = arms(R_MASK=[[4, 0, 0]], B_IVAR=[[0.0, 1.0, 1.0, 1.0]])
    spectrum = read(write(tmp_path / "a.fits", hdus))
    np.testing.assert_allclose(spectrum.flux, [1, 1, 1, 4, 5])
    assert spectrum.mask.tolist() == [True, False, False, False, False]


def test_an_arm_whose_parts_differ_in_length_is_refused(tmp_path):
    with pytest.raises(SpectrumError, match="the parts of its arm R differ in length"):
        read(write(tmp_path / "a.fits", arms(R_IVAR=[[3.0, 3.0]])))


def test_a_fibermap_of_other_rows_says_nothing_of_the_target(tmp_path):
    hdus = arms()
    hdus[1] = desi(2)[1]
    spectrum = read(write(tmp_path / "a.fits", hdus))
    assert (spectrum.designation, np.isnan(spectrum.ra)) == ("", True)


@pytest.mark.parametrize("name", ["DESI/coadd-4-80613-thru20210324.fits",
                                  "DERIVED/desi-one-target.fits"])  # fmt: skip
def test_a_real_coadd_has_the_pixels_of_desispec(name, real_spectra):
    path = real_spectra.with_name("real-surveys") / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    spectrum = read(path)
    # desispec's coadd_cameras joins 2751 + 2326 + 2881 pixels to 7781.
    assert len(spectrum.wavelength) == 7781
    np.testing.assert_allclose(np.diff(spectrum.wavelength), 0.8, atol=1e-6)
    with fits.open(path) as hdus:
        # Between 5800 and 7520 Å there is the red arm alone.
        alone = (spectrum.wavelength > 5801) & (spectrum.wavelength < 7519)
        arm = hdus["R_WAVELENGTH"].data
        own = (arm > 5801) & (arm < 7519)
        np.testing.assert_array_equal(spectrum.flux[alone], hdus["R_FLUX"].data[0][own])
        assert spectrum.ra == hdus["FIBERMAP"].data["TARGET_RA"][0]
