"""Visits of one star laid over one another: what is drawn as a change of the line is one."""

import base64

import h5py
import numpy as np
import pytest
from astropy.io import fits

from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.files import open_pool
from active_cnn.campaign.sheets import make_sheets
from active_cnn.campaign.training_data import read_initial_set
from active_cnn.grid import Grid
from active_cnn.spectra.continuum import fit_continuum, is_scaled, scale_to
from active_cnn.spectra.simulation import write_demo

GRID = Grid()
X = GRID.wavelength
HALPHA = 6564.614
CORE = np.abs(X - HALPHA) < 10


def visit(level=1.0, height=0.8, snr=100.0, slope=0.0, seed=1, sigma=3.0):
    line = 1 + height * np.exp(-0.5 * ((X - HALPHA) / sigma) ** 2)
    shape = 1 + slope * (X - X.mean()) / np.ptp(X)
    return level * shape * (line + np.random.default_rng(seed).normal(0, 1 / snr, X.size))


@pytest.mark.parametrize("height", [3.0, 0.3, -0.5])
@pytest.mark.parametrize("level", [1e-17, 0.2, 1.0, 5e4])
@pytest.mark.parametrize("snr", [10.0, 30.0, 300.0])
def test_visits_with_the_same_line_to_continuum_ratio_overlay(height, level, snr):
    main = visit(100.0, height, snr=300.0)
    (found,) = scale_to(X, main, visit(level, height, snr, seed=2)[None], HALPHA)
    assert np.abs(np.median((found - main)[CORE])) < 100 * (1 + height) * (0.01 + 0.5 / snr)
    assert np.abs(np.median((found - main)[~CORE])) < 100 * (0.005 + 0.3 / snr)


def test_a_cosmic_ray_in_a_visit_moves_nothing_of_it():
    main, clean = visit(100.0), visit(7.0, seed=2)
    hit = clean.copy()
    hit[[100, 101]] += 200.0
    of_hit, of_clean = scale_to(X, main, np.array([hit, clean]), HALPHA)
    others = np.delete(np.arange(X.size), [100, 101])
    np.testing.assert_allclose(of_hit[others], of_clean[others], rtol=5e-3)
    assert np.abs(np.median((of_hit - main)[CORE])) < 3


def test_a_cosmic_ray_in_the_spectrum_itself_moves_no_visit():
    main, other = visit(100.0), visit(7.0, seed=2)
    hit = main.copy()
    hit[20] += 5000.0
    (of_hit,), (of_clean,) = (scale_to(X, one, other[None], HALPHA) for one in (hit, main))
    np.testing.assert_allclose(of_hit, of_clean, rtol=5e-3)


def test_a_slope_that_one_calibration_has_and_the_other_not_is_taken_out():
    main = visit(100.0, slope=0.2)
    (found,) = scale_to(X, main, visit(3.0, slope=-0.2, seed=2)[None], HALPHA)
    np.testing.assert_allclose(found, main, rtol=0.06)


@pytest.mark.parametrize("after", [0.4, 1.6, -0.3])
def test_a_real_change_of_the_line_shows_as_large_as_it_is(after):
    main = visit(100.0, 0.8)
    (found,) = scale_to(X, main, visit(9.0, after, seed=2)[None], HALPHA)
    peak = np.abs(X - HALPHA) < 1.6
    assert found[peak].mean() - main[peak].mean() == pytest.approx(100 * (after - 0.8), rel=0.15)


def test_without_a_continuum_nothing_is_scaled():
    nothing = np.random.default_rng(3).normal(0.0, 1.0, X.size)
    assert fit_continuum(X, nothing, HALPHA) is None
    assert fit_continuum(X, -visit(), HALPHA) is None
    assert scale_to(X, visit(), np.array([nothing, visit(seed=2)]), HALPHA)[0] is None
    assert scale_to(X, nothing, visit()[None], HALPHA) == [None]


@pytest.mark.parametrize("flux", [np.r_[np.zeros(100), np.ones(40)], X * 1e304, X * 1e-310])
def test_odd_windows_raise_no_warning(flux):
    scale_to(X, flux, np.array([flux, visit()]), HALPHA)


def test_a_window_within_the_core_uses_all_of_its_pixels():
    narrow = np.linspace(6555.0, 6575.0, 60)
    assert fit_continuum(narrow, np.full(60, 2.0), HALPHA) == pytest.approx(np.full(60, 2.0))


def unpack(packed):
    steps = np.frombuffer(base64.b64decode(packed["data"]), "<i2").astype(float)
    values = packed["low"] + packed["step"] * (steps + 32767)
    return np.where(steps == -32768, np.nan, values)


@pytest.fixture
def look(store, tmp_path):
    """Give a function that makes the sheet of the first spectrum after a change of the survey."""
    demo = write_demo(
        tmp_path / "survey", pool_size=20, training_size=60, emission_share=0.2,
        double_peak_share=0.1, n_fits=20, seed=2,
    )  # fmt: skip

    def look(change):
        with h5py.File(demo.pool, "r+") as file:
            (group,) = file.values()
            name = group["filenames"].asstr()[0]
            path = demo.pool.parent / group["path"].asstr()[0]
            change(group, path)
        campaign = create_campaign(store, "demo", demo.training, demo.pool)
        training = read_initial_set(store, campaign)
        return make_sheets(store, campaign, open_pool(store, campaign), training, [name])[0]

    return look


def test_the_page_gets_visits_at_the_level_of_the_spectrum_that_they_lie_on(look):
    hit = visit(50.0, seed=3)
    hit[120] = 5e4
    windows = [visit(100.0), hit, visit(0.5, height=1.6, seed=4), visit(seed=5) - 1.0]

    def change(group, _):
        group["spectra"][:4] = windows
        group["ra"][:4], group["dec"][:4] = 15.0, 5.0

    visits = {one["identifier"]: one["windows"] for one in look(change)["visits"]}
    assert len(visits) == 3
    same, changed, none = (visits[name] for name in sorted(visits))
    assert none is None
    assert np.median((unpack(same[0]) - windows[0])[CORE]) == pytest.approx(0, abs=3)
    peak = np.argmin(abs(X - HALPHA))
    assert unpack(changed[0])[peak] == pytest.approx(260, rel=0.05)


def test_pixels_without_a_value_are_left_out_of_what_is_drawn_and_marked(look):
    def change(_, path):
        with fits.open(path, mode="update") as hdus:
            image = hdus[0].data
            place = int(np.argmin(abs(image[2] - 6650.0)))
            image[0, place : place + 2], image[1, place : place + 2] = 1e9, 0
            image[3, place + 10] = 1  # ANDMASK of a pixel that is fine

    sheet = look(change)
    (raw,) = sheet["raw"]
    y, x = (unpack(raw[part]) for part in ("y", "x"))
    gone = np.flatnonzero(np.isnan(y))
    assert len(gone) == 2
    np.testing.assert_allclose(x[gone], 6650.0, atol=3.5)
    assert {*gone.tolist(), gone[0] + 10} <= set(raw["bad"])
    assert np.nanmax(y) < 1e8
    assert np.nanmax(unpack(sheet["whole"]["y"])) < 1e8


@pytest.mark.parametrize("scale", [
    lambda flux: 2 * (flux - flux.min(1, keepdims=True)) / np.ptp(flux, 1, keepdims=True) - 1,
    lambda flux: (flux - flux.min(1, keepdims=True)) / np.ptp(flux, 1, keepdims=True),
    lambda flux: (flux - flux.mean(1, keepdims=True)) / flux.std(1, keepdims=True),
])  # fmt: skip
def test_spectra_that_came_scaled_are_told_from_flux(scale):
    rng = np.random.default_rng(1)
    flux = rng.lognormal(4, 1, (60, 1)) * (1 + 0.05 * rng.normal(size=(60, 140)))
    assert is_scaled(scale(flux))
    assert is_scaled(scale(flux).astype(np.float32))
    assert not is_scaled(flux)
    assert not is_scaled(flux / np.median(flux, axis=1, keepdims=True))
    assert not is_scaled(scale(flux[:10]))  # too few to tell
