"""LAMOST's medium resolution: both arms of a spectrum, and the gap between them."""

import csv

import numpy as np
import pytest
from astropy.io import fits

from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.spectra.preprocessing import prepare
from active_cnn.spectra.readers import read

BLUE = Grid.of(5150.0, 5200.0, 200)  # Mg b


@pytest.fixture(scope="module")
def files(real_spectra):
    with (real_spectra / "MANIFEST.csv").open(encoding="utf-8", newline="") as manifest:
        found = [row["path"] for row in csv.DictReader(manifest) if row["survey"] == "LAMOST MRS"]
    assert len(found) >= 2
    return [real_spectra / one for one in found]


def columns(table):
    """Give wavelength and flux of an arm by astropy alone."""
    data = {name.lower(): np.ravel(table.data[name]) for name in table.columns.names}
    wavelength = 10 ** data["loglam"].astype(float) if "loglam" in data else data["wavelength"]
    return wavelength, data["flux"].astype(float)


def test_both_arms_are_as_the_file_has_them(files):
    for path in files:
        spectrum = read(path)
        with fits.open(path) as hdus:
            arms = [columns(hdus[name]) for name in ("COADD_B", "COADD_R")]
        np.testing.assert_allclose(
            spectrum.wavelength, np.concatenate([wave for wave, _ in arms]), atol=1e-6
        )
        np.testing.assert_array_equal(spectrum.flux, np.concatenate([flux for _, flux in arms]))
        assert 800 < np.diff(spectrum.wavelength).max() < 1000


def test_a_window_in_either_arm_is_made(files):
    for path in files:
        spectrum = read(path)
        for grid in (BLUE, Grid()):
            window = prepare(spectrum, grid, 1800.0)
            assert np.isfinite(window).all()
            with fits.open(path) as hdus:
                wave, flux = columns(hdus["COADD_B" if grid is BLUE else "COADD_R"])
            near = (wave > grid.start) & (wave < grid.end)
            assert np.median(window) == pytest.approx(np.median(flux[near]), rel=0.05)


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        (Grid.of(5600.0, 5800.0, 140), r"gap in the window: none of its pixels is between 53\d\d"),
        (Grid.of(5000.0, 6500.0, 500), "a gap in the window: none between 53"),
        (Grid.of(4000.0, 4100.0, 140), r"covers 48\d\d"),
    ],
)
def test_where_there_is_no_arm_the_reason_says_so(files, grid, words):
    with pytest.raises(SpectrumError, match=words):
        prepare(read(files[0]), grid, 1800.0)


def test_the_red_arm_is_read_where_the_blue_one_is_missing(files, tmp_path):
    path = tmp_path / "med.fits"
    with fits.open(files[0]) as hdus:
        fits.HDUList([hdu for hdu in hdus if hdu.name != "COADD_B"]).writeto(path)
    assert 6200 < read(path).wavelength[0] < read(path).wavelength[-1] < 6900


def test_a_file_that_was_cut_in_its_red_arm_is_refused(files, tmp_path):
    path = tmp_path / "med.fits"
    with fits.open(files[0]) as hdus:
        fits.HDUList([hdus[0], hdus["COADD_B"], hdus["COADD_R"]]).writeto(path)
    content = path.read_bytes()
    for share in (0.3, 0.5, 0.9):
        path.write_bytes(content[: int(share * len(content))])
        with pytest.raises(SpectrumError):
            read(path)
