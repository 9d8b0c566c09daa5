"""Gaps and pixels without a value: bridged when few, refused when many, and said in both cases."""

from dataclasses import replace

import h5py
import numpy as np
import pytest
from astropy.io import fits

from active_cnn.campaign.overview import prepare_file
from active_cnn.cli import main
from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.records import Medium, Spectrum
from active_cnn.spectra.ingest import ingest
from active_cnn.spectra.joining import read_report
from active_cnn.spectra.preprocessing import prepare, prepare_and_count, rescale
from active_cnn.spectra.readers import lamost_fast, read
from active_cnn.spectra.resolving_power import AS_IS
from active_cnn.spectra.scaling import Scaling

GRID = Grid()
HALPHA = 6564.614
AXIS = 10 ** (3.8 + 1e-4 * np.arange(420))  # 6310-6949 Å, LAMOST's steps
NOISE = 0.01


def star(axis=AXIS, height=-0.4, sigma=2.5, seed=1):
    line = height * np.exp(-0.5 * ((axis - HALPHA) / sigma) ** 2)
    return 1 + line + np.random.default_rng(seed).normal(0, NOISE, axis.size)


def spectrum(axis=AXIS, flux=None, ivar=None, resolving_power=1800.0):
    flux = star(axis) if flux is None else flux
    return Spectrum("a", axis, flux, Medium.VACUUM, ivar=ivar, resolving_power=resolving_power)


def between(start, end, axis=AXIS):
    return (axis >= start) & (axis <= end)


def weights(*without, axis=AXIS):
    ivar = np.full(axis.size, NOISE**-2)
    for chosen in without:
        ivar[chosen] = 0
    return ivar


def lamost(path, flux, ivar):
    rows = np.zeros((5, AXIS.size), np.float32)
    rows[:3] = flux, ivar, AXIS
    hdu = fits.PrimaryHDU(rows)
    hdu.header.update(
        TELESCOP="LAMOST", COEFF0=3.8, COEFF1=1e-4, EXTEN0="Flux, Inverse, Wavelength"
    )
    hdu.writeto(path)
    return path


@pytest.mark.parametrize("resolving_power", [1800.0, 13_000.0, None])
@pytest.mark.parametrize(("start", "end"), [(6534.0, 6594.0), (6600.0, 6660.0)])
@pytest.mark.parametrize("step", [0.05, 0.25, 1.0, 1.5])
def test_a_gap_of_60_angstrom_is_refused_with_its_place(step, start, end, resolving_power):
    axis = np.arange(6400.0, 6850.0, step)
    axis = axis[(axis <= start) | (axis >= end)]
    with pytest.raises(SpectrumError, match=r"has a gap in the window: none between 6\d+\.\d and"):
        prepare(spectrum(axis, resolving_power=resolving_power), GRID)


@pytest.mark.parametrize(("start", "end"), [(6480.0, 6518.0), (6733.0, 6780.0)])
def test_a_gap_beside_the_window_is_none_in_it(start, end):
    axis = np.arange(6400.0, 6850.0, 0.5)
    kept = axis[(axis <= start) | (axis >= end)]
    window = prepare(spectrum(kept, star(axis)[np.isin(axis, kept)]), GRID)
    np.testing.assert_array_equal(window, prepare(spectrum(axis, star(axis)), GRID))


def test_a_few_pixels_left_out_of_an_axis_are_bridged():
    kept = np.ones(AXIS.size, bool)
    kept[np.searchsorted(AXIS, 6640.0) :][:4] = False
    window = prepare(spectrum(AXIS[kept], star()[kept]), GRID)
    np.testing.assert_allclose(window, prepare(spectrum(), GRID), atol=5 * NOISE)


def test_coarse_and_uneven_axes_have_no_gaps():
    two_arms = np.r_[np.arange(6400.0, 6560.0, 0.25), np.arange(6560.0, 6850.0, 3.0)]
    two_orders = np.unique(np.r_[AXIS, AXIS + 1e-3])
    for axis in (np.arange(6400.0, 6850.0, 20.0), two_arms, two_orders):
        assert np.isfinite(prepare(spectrum(axis), GRID)).all()


@pytest.mark.parametrize("value", [50.0, -50.0, 1e30, 0.0, np.nan, np.inf])
@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_a_few_pixels_without_weight_do_not_set_the_scale(n, value):
    without = slice(first := int(np.searchsorted(AXIS, 6640.0)), first + n)
    flux = star()
    flux[without] = value
    window, n_bridged = prepare_and_count(spectrum(flux=flux, ivar=weights(without)), GRID)
    assert n_bridged == n
    here = between(AXIS[without.start - 1], AXIS[without.stop], GRID.wavelength)
    clean = prepare(spectrum(), GRID)
    np.testing.assert_array_equal(window[~here], clean[~here])
    ends = [without.start - 1, without.stop]
    expected = np.interp(GRID.wavelength[here], AXIS[ends], flux[ends])
    np.testing.assert_allclose(window[here], expected, atol=1e-12)
    np.testing.assert_allclose(rescale(window[None]), rescale(clean[None]), atol=0.15)


def test_pixels_that_are_not_finite_are_bridged_alike_whether_weights_are_known_or_not():
    flux = star()
    flux[np.searchsorted(AXIS, 6600.0)] = np.nan
    alone, n_alone = prepare_and_count(spectrum(flux=flux), GRID)
    weighted, n_weighted = prepare_and_count(spectrum(flux=flux, ivar=weights()), GRID)
    np.testing.assert_array_equal(alone, weighted)
    assert n_alone == n_weighted == 1


@pytest.mark.parametrize("value", [None, 50.0, np.nan])
@pytest.mark.parametrize(("start", "end"), [(6600.0, 6640.0), (6519.0, 6560.0), (6700.0, 6732.0)])
def test_many_pixels_without_weight_in_a_row_refuse_the_spectrum_with_their_number(
    start, end, value
):
    without, flux = between(start, end), star()
    if value is not None:
        flux[without] = value
    with pytest.raises(SpectrumError, match="has too many pixels without a value: .* in a row"):
        prepare(spectrum(flux=flux, ivar=weights(without)), GRID)


def test_many_pixels_without_weight_here_and_there_refuse_it_too():
    with pytest.raises(SpectrumError, match="without a value: 46 of 140 in the window.* 20 % are"):
        prepare(spectrum(ivar=weights(slice(None, None, 3))), GRID)


def test_nothing_is_extrapolated_where_the_window_ends_without_weight():
    flux = star()
    flux[AXIS > 6725.0] = 50.0
    with pytest.raises(SpectrumError, match="none on one side of the window"):
        prepare(spectrum(flux=flux, ivar=weights(AXIS > 6725.0)), GRID)


@pytest.mark.parametrize("height", [4.0, 0.5, -0.6])
@pytest.mark.parametrize("sigma", [2.0, 4.0])
def test_a_line_that_a_pipeline_took_for_a_cosmic_ray_is_kept(height, sigma):
    flux = star(height=height, sigma=sigma)
    without = between(HALPHA - 2.5 * sigma, HALPHA + 2.5 * sigma)
    window, n_bridged = prepare_and_count(spectrum(flux=flux, ivar=weights(without)), GRID)
    assert n_bridged == 0
    np.testing.assert_array_equal(window, prepare(spectrum(flux=flux), GRID))


@pytest.mark.parametrize(
    "profile", [[9.0], [4.0, 9.0], [9.0, 9.0, 9.0], [1.0, 9.0, 2.0], [9.0] * 7]
)
def test_what_is_sharper_than_the_instrument_is_no_line(profile):
    flux, first = star(), int(np.searchsorted(AXIS, HALPHA)) - 3
    without = slice(first, first + len(profile))
    flux[without] += profile
    window, n_bridged = prepare_and_count(spectrum(flux=flux, ivar=weights(without)), GRID)
    assert n_bridged == len(profile)
    assert window.max() < 1.1


def test_weights_that_are_nowhere_known_say_nothing():
    expected = prepare(spectrum(), GRID)
    for unknown in (0.0, np.nan, -1.0):
        found = prepare_and_count(spectrum(ivar=np.full(AXIS.size, unknown)), GRID)
        np.testing.assert_array_equal(found[0], expected)
        assert found[1] == 0


def test_pixels_that_a_mask_flags_keep_their_flux():
    flagged = replace(spectrum(ivar=weights()), mask=np.ones(AXIS.size, bool))
    np.testing.assert_array_equal(prepare(flagged, GRID), prepare(spectrum(), GRID))


def test_ingest_tells_how_many_spectra_were_bridged_and_keeps_the_counts(tmp_path, capsys):
    few = slice(first := int(np.searchsorted(AXIS, 6640.0)), first + 3)
    folder = tmp_path / "spectra"
    folder.mkdir()
    lamost(folder / "good.fits", star(), weights())
    lamost(folder / "one.fits", star(seed=2), weights(few.start))
    lamost(folder / "three.fits", star(seed=3), weights(few))
    lamost(folder / "many.fits", star(seed=4), weights(between(6600.0, 6660.0)))
    pool = tmp_path / "pool.h5"
    report = ingest([folder], pool)
    assert (report.accepted, report.bridged, report.most_bridged) == (3, 2, 3)
    assert [reason.partition(":")[0] for reason in report.reasons] == [
        "has too many pixels without a value"
    ]
    assert read_report(pool) == report
    with h5py.File(pool) as file:
        names = file["pool/filenames"].asstr()[:].tolist()
        counts = dict(zip(names, file["pool/bridged"][:].tolist(), strict=True))
        assert counts == {"good.fits": 0, "one.fits": 1, "three.fits": 3}
        assert file["refused/path"].asstr()[0] == "spectra/many.fits"
        assert "39 in a row between 6599.3 and 6660.4" in file["refused/reason"].asstr()[0]
    with pytest.raises(SystemExit):
        main(["ingest", str(folder), "--out", str(tmp_path / "again.h5"), "--processes", "1"])
    said = capsys.readouterr().out
    assert "In 2 of them pixels of the window have no value" in said
    assert "at most 3: straight lines" in said
    copied = ingest([pool], tmp_path / "copy.h5")
    assert (copied.bridged, copied.most_bridged) == (2, 3)


def test_the_preparation_of_a_file_tells_what_was_bridged(tmp_path):
    few = slice(first := int(np.searchsorted(AXIS, 6640.0)), first + 3)
    bridged = prepare_file(lamost(tmp_path / "a.fits", star(), weights(few)), Scaling(GRID), AS_IS)
    assert any("without a value" in step and ": 3, bridged" in step for step in bridged.steps)
    whole = prepare_file(lamost(tmp_path / "b.fits", star(), weights()), Scaling(GRID), AS_IS)
    assert not any("without a value" in step for step in whole.steps)


def test_no_real_spectrum_that_a_person_could_judge_is_lost_to_its_weights(real_spectra):
    bridged, kept = [], []
    for path in sorted(real_spectra.rglob("spec-*.fits*")):
        stretch = lamost_fast.read_stretch(str(path), GRID)
        if stretch is None:
            continue
        inside = between(GRID.start, GRID.end, stretch.axis.wavelength)
        if (stretch.ivar[inside] > 0).all() or not stretch.flux[inside].any():
            continue
        one = read(path)
        window, n_bridged = prepare_and_count(one, GRID)
        (bridged if n_bridged else kept).append(path.name)
        if not n_bridged:
            as_it_is = prepare(replace(one, ivar=None), GRID)
            assert np.mean(window == as_it_is) > 0.99, path.name
    assert len(bridged) >= 5
    assert len(kept) >= 3  # bright Be stars, whose Hα has weight 0
