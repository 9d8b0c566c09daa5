"""Planted lines: their strength, place and shape, and which spectra can host them."""

from dataclasses import replace

import numpy as np
import pytest

from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.search import HALPHA as LINE
from active_cnn.search import Sign, TargetLine
from active_cnn.spectra.injection import (
    Profiles,
    draw_profiles,
    measure_hosts,
    plant,
)
from active_cnn.spectra.wavelength import SPEED_OF_LIGHT

HALPHA = LINE.wavelength
WAVELENGTH = Grid().wavelength
STEP = SPEED_OF_LIGHT * (WAVELENGTH[1] - WAVELENGTH[0]) / HALPHA  # km/s


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def star(n, level=200.0, noise=1e-6, seed=2):
    return level + noise * np.random.default_rng(seed).standard_normal((n, len(WAVELENGTH)))


def profile(n=1, **values):
    defaults = {
        "is_double": False,
        "is_emission": True,
        "equivalent_width": 5.0,
        "fwhm": 300.0,
        "separation": 0.0,
        "blue_share": 1.0,
        "velocity": 0.0,
    }
    return Profiles(**{name: np.full(n, one) for name, one in {**defaults, **values}.items()})


def added(flux, planted):
    return (planted - flux) / 200.0  # in units of the continuum


def test_the_equivalent_width_is_kept_whatever_the_shape(rng):
    profiles = draw_profiles(2000, STEP, rng, LINE)
    flux = star(2000)
    light = added(flux, plant(flux, WAVELENGTH, (LINE,), profiles, rng))
    width = light.sum(axis=1) * (WAVELENGTH[1] - WAVELENGTH[0])
    assert width == pytest.approx(profiles.equivalent_width, rel=5e-3)


def test_a_line_is_where_its_velocity_puts_it_and_as_wide_as_asked(rng):
    for velocity, fwhm in ((0.0, 300.0), (400.0, 250.0), (-300.0, 600.0)):
        flux = star(1)
        one = profile(velocity=velocity, fwhm=fwhm)
        light = added(flux, plant(flux, WAVELENGTH, (LINE,), one, rng))[0]
        centre = (light * WAVELENGTH).sum() / light.sum()
        assert centre == pytest.approx(HALPHA * (1 + velocity / SPEED_OF_LIGHT), abs=0.02)
        sigma = np.sqrt((light * (WAVELENGTH - centre) ** 2).sum() / light.sum())
        # A pixel spreads what it integrates by a twelfth of its square.
        pixel = (WAVELENGTH[1] - WAVELENGTH[0]) ** 2 / 12
        expected = HALPHA * fwhm / SPEED_OF_LIGHT / np.sqrt(8 * np.log(2))
        assert sigma == pytest.approx(np.sqrt(expected**2 + pixel), rel=0.01)


def test_a_double_line_has_two_peaks_at_its_separation(rng):
    flux = star(1)
    one = profile(is_double=True, separation=560.0, fwhm=200.0, blue_share=0.6)
    light = added(flux, plant(flux, WAVELENGTH, (LINE,), one, rng))[0]
    is_peak = (light[1:-1] > light[:-2]) & (light[1:-1] > light[2:]) & (light[1:-1] > 0.01)
    blue, red = WAVELENGTH[1:-1][is_peak]
    assert (red - blue) / HALPHA * SPEED_OF_LIGHT == pytest.approx(560, abs=STEP)
    assert light[1:-1][is_peak][0] > light[1:-1][is_peak][1]


def test_light_brings_its_own_noise(rng):
    flux = star(4000, noise=4.0)
    wide = profile(4000, equivalent_width=40.0, fwhm=700.0)
    planted = plant(flux, WAVELENGTH, (LINE,), wide, rng)
    pixel = np.abs(WAVELENGTH - HALPHA).argmin()
    light = planted[:, pixel].mean() / 200 - 1
    assert light > 1
    assert planted[:, pixel].std() == pytest.approx(4 * np.sqrt(1 + light), rel=0.1)
    assert planted[:, 0].std() == pytest.approx(4, rel=0.06)


def test_the_same_seed_plants_the_same_and_the_host_stays_as_it_is():
    flux = star(50, noise=3.0)
    before = flux.copy()

    def made():
        rng = np.random.default_rng(9)
        return plant(flux, WAVELENGTH, (LINE,), draw_profiles(50, STEP, rng, LINE), rng)

    assert (made() == made()).all()
    assert (flux == before).all()


def test_drawn_lines_are_such_as_the_grid_can_show(rng):
    profiles = draw_profiles(5000, STEP, rng, LINE)
    assert len(profiles) == 5000
    assert profiles.is_double.sum() == 2500
    assert profiles.fwhm.min() >= 2 * STEP
    double = profiles.is_double
    assert (profiles.separation[~double] == 0).all()
    assert (profiles.fwhm[double] < profiles.separation[double]).all()
    assert 0.29 < profiles.equivalent_width.min() < 0.4
    assert 25 < profiles.equivalent_width.max() < 30.1


def test_continuum_and_noise_of_hosts_are_measured():
    flux = star(3000, level=80.0, noise=4.0)
    hosts = measure_hosts(flux, WAVELENGTH, HALPHA)
    assert hosts.can_host.all()
    assert np.median(hosts.snr) == pytest.approx(20, rel=0.05)
    assert hosts.continuum.mean() == pytest.approx(80, rel=0.01)


def test_what_has_no_continuum_hosts_no_line(rng):
    rescaled = np.tile(np.linspace(-1, 1, len(WAVELENGTH)), (1, 1)) + star(1, 0, 0.01)
    flux = np.concatenate([star(1, 100, 2.0), star(1, -50, 2.0), star(1, 0, 2.0), rescaled])
    hosts = measure_hosts(flux, WAVELENGTH, HALPHA)
    assert hosts.can_host.tolist() == [True, False, False, False]
    with pytest.raises(SpectrumError, match="of which 3 have no continuum"):
        plant(flux, WAVELENGTH, (LINE,), profile(4), rng)
    with pytest.raises(SpectrumError, match="2 lines cannot be planted into 1 spectra"):
        plant(flux[:1], WAVELENGTH, (LINE,), profile(2), rng)


def test_a_grid_without_the_line_is_refused():
    with pytest.raises(SpectrumError, match="do not hold the line"):
        measure_hosts(np.ones((1, 140)), WAVELENGTH + 200, HALPHA)


def test_profiles_stay_as_they_were_drawn(rng):
    profiles = draw_profiles(10, STEP, rng, LINE)
    stronger = replace(profiles, equivalent_width=2 * profiles.equivalent_width)
    flux = star(10)
    one, two = (
        added(flux, plant(flux, WAVELENGTH, (LINE,), some, np.random.default_rng(0)))
        for some in (profiles, stronger)
    )
    assert two == pytest.approx(2 * one, abs=1e-6)


LITHIUM = TargetLine("Li I 6708", 6709.66, Sign.ABSORPTION, fwhm=(150.0, 400.0))
STRONG = {"equivalent_width": 2.0, "is_emission": False}


def test_an_absorption_line_takes_its_equivalent_width_away(rng):
    flux = star(1)
    dip = -added(flux, plant(flux, WAVELENGTH, (LITHIUM,), profile(**STRONG), rng))[0]
    assert dip.sum() * (WAVELENGTH[1] - WAVELENGTH[0]) == pytest.approx(2.0, rel=5e-3)
    assert (dip * WAVELENGTH).sum() / dip.sum() == pytest.approx(LITHIUM.wavelength, abs=0.02)


def test_in_an_absorption_line_there_is_as_much_noise_as_its_photons_have(rng):
    n, noise = 20_000, 2.0
    flux = star(n, noise=noise)
    planted = plant(flux, WAVELENGTH, (LITHIUM,), profile(n, **STRONG), rng)
    pixel = np.abs(WAVELENGTH - LITHIUM.wavelength).argmin()
    left = planted[:, pixel].mean() / 200
    assert 0.6 < left < 0.9
    assert planted[:, pixel].std() == pytest.approx(noise * np.sqrt(left), rel=0.03)


def test_no_absorption_line_goes_below_what_a_spectrograph_shows(rng):
    profiles = draw_profiles(4000, STEP, rng, LITHIUM)
    assert not profiles.is_emission.any()
    assert not profiles.is_double.any()
    assert profiles.equivalent_width.min() >= 0.05
    flux = star(4000)
    left = plant(flux, WAVELENGTH, (LITHIUM,), profiles, rng) / flux
    assert 0.09 < left.min() < 0.3
    assert left.max() < 1.001


def test_a_line_of_either_sign_is_drawn_as_both(rng):
    either = replace(LITHIUM, sign=Sign.EITHER)
    profiles = draw_profiles(1000, STEP, rng, either)
    assert profiles.is_emission.sum() == 500
    flux = star(1000)
    light = added(flux, plant(flux, WAVELENGTH, (either,), profiles, rng)).sum(axis=1)
    assert (np.sign(light) == np.where(profiles.is_emission, 1, -1)).all()


def test_all_lines_of_a_search_are_planted_together(rng):
    flux, one = star(1), profile(equivalent_width=3.0)
    light = added(
        flux,
        plant(flux, WAVELENGTH, (LINE, replace(LINE, wavelength=6640.0, within=None)), one, rng),
    )[0]
    step = WAVELENGTH[1] - WAVELENGTH[0]
    for centre in (HALPHA, 6640.0):
        assert light[np.abs(WAVELENGTH - centre) < 20].sum() * step == pytest.approx(3.0, rel=1e-2)
