"""What holds for any spectrum on its way to the window of the network."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from active_cnn.grid import Grid
from active_cnn.records import Medium, Spectrum
from active_cnn.search import ScalingMethod
from active_cnn.spectra.degrading import degrade, degrade_pixels
from active_cnn.spectra.preprocessing import (
    find_defects,
    prepare,
    resample,
    rescale,
)
from active_cnn.spectra.scaling import LARGEST, Scaling
from active_cnn.spectra.wavelength import air_to_vacuum, vacuum_to_air

HALPHA = 6564.614

optical = arrays(np.float64, st.integers(1, 20), elements=st.floats(2001.0, 99_000.0))
fluxes = st.floats(-1e6, 1e6, allow_subnormal=False)
windows = arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(2, 30)), elements=fluxes)
grids = st.builds(
    Grid.of,
    start=st.floats(6500.0, 6550.0),
    end=st.floats(6600.0, 6750.0),
    n=st.integers(Grid.shortest, 300),
)


@given(optical)
def test_there_and_back_again_is_where_it_began(wavelength):
    np.testing.assert_allclose(vacuum_to_air(air_to_vacuum(wavelength)), wavelength, rtol=1e-10)
    np.testing.assert_allclose(air_to_vacuum(vacuum_to_air(wavelength)), wavelength, rtol=1e-10)


@given(optical)
def test_a_wavelength_is_longer_in_vacuum_by_the_refractive_index_of_air(wavelength):
    index = air_to_vacuum(wavelength) / wavelength
    assert (index > 1.00027).all()
    assert (index < 1.00033).all()


@given(optical)
def test_the_order_of_wavelengths_survives_the_conversion(wavelength):
    wavelength = np.unique(wavelength.round(3))
    assert (np.diff(air_to_vacuum(wavelength)) > 0).all()
    assert (np.diff(vacuum_to_air(wavelength)) > 0).all()


@given(grids, st.data())
def test_resampling_to_the_same_grid_is_the_identity(grid, data):
    flux = data.draw(arrays(np.float64, grid.n, elements=fluxes))
    np.testing.assert_array_equal(resample(grid.wavelength, flux, grid.windows[0]), flux)


@given(grids, st.data())
def test_resampling_stays_between_the_fluxes_that_it_joins(grid, data):
    flux = data.draw(arrays(np.float64, 50, elements=fluxes))
    resampled = resample(np.linspace(6400.0, 6800.0, 50), flux, grid.windows[0])
    assert flux.min() <= resampled.min()
    assert resampled.max() <= flux.max()


@given(grids, st.data())
def test_resampling_many_at_once_is_resampling_each_as_numpy_does(grid, data):
    wavelength = np.sort(
        data.draw(arrays(np.float64, 60, elements=st.floats(6500, 6700), unique=True))
    )
    wavelength = np.concatenate([[6400.0], wavelength, [6800.0]])
    flux = data.draw(arrays(np.float64, (3, 62), elements=fluxes))
    together = resample(wavelength, flux, grid.windows[0])
    for spectrum, window in zip(flux, together, strict=True):
        np.testing.assert_array_equal(resample(wavelength, spectrum, grid.windows[0]), window)
        expected = np.interp(grid.wavelength, wavelength, spectrum)
        # Processors that multiply and add in one step differ in the last digit.
        np.testing.assert_allclose(window, expected, rtol=1e-12, atol=1e-12 * np.ptp(spectrum))


@given(grids, st.floats(-10.0, 10.0), st.floats(-10.0, 10.0))
def test_a_straight_line_is_resampled_to_itself(grid, slope, offset):
    wavelength = np.linspace(6400.0, 6800.0, 37)
    resampled = resample(wavelength, slope * wavelength + offset, grid.windows[0])
    np.testing.assert_allclose(resampled, slope * grid.wavelength + offset, atol=1e-8)


@given(windows)
def test_rescaling_spans_minus_one_to_one_exactly_and_leaves_its_argument(flux):
    assume(not find_defects(flux).any())
    before = flux.copy()
    scaled = rescale(flux)
    np.testing.assert_array_equal(scaled.min(axis=1), -1.0)
    np.testing.assert_array_equal(scaled.max(axis=1), 1.0)
    np.testing.assert_array_equal(flux, before)


@given(windows)
def test_rescaling_keeps_the_order_of_the_fluxes(flux):
    assume(not find_defects(flux).any())
    scaled = rescale(flux)
    order = np.argsort(flux, axis=1, kind="stable")
    assert (np.diff(np.take_along_axis(scaled, order, axis=1), axis=1) >= 0).all()


@given(windows, st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_rescaling_forgets_the_unit_and_the_level_of_the_flux(flux, unit, level):
    span = np.ptp(flux, axis=1)
    # A span far below the level is lost in rounding before the flux reaches the function.
    assume((span > 1e-3 * (1 + np.abs(flux).max())).all())
    np.testing.assert_allclose(rescale(unit * flux + level * unit), rescale(flux), atol=1e-5)


@given(
    arrays(np.float64, (2, 6), elements=st.floats(allow_nan=True, allow_infinity=True)),
)
def test_a_window_is_either_rescaled_to_finite_numbers_or_has_a_defect(flux):
    usable = flux[find_defects(flux) == 0]
    if len(usable):
        assert np.isfinite(rescale(usable)).all()


@given(arrays(np.float64, 120, elements=st.floats(-1e3, 1e3)), st.floats(0.3, 10.0))
def test_a_gaussian_of_pixels_conserves_flux_and_adds_no_structure(flux, sigma):
    padded = np.pad(flux, 100)
    smooth = degrade_pixels(padded, sigma)
    np.testing.assert_allclose(smooth.sum(), padded.sum(), atol=1e-6)
    assert np.abs(np.diff(smooth)).sum() <= np.abs(np.diff(padded)).sum() + 1e-6


lines = st.lists(
    st.tuples(
        st.floats(6540.0, 6660.0),
        st.floats(0.5, 5.0),
        st.floats(-0.9, -0.05) | st.floats(0.05, 5.0),
    ),
    min_size=1,
    max_size=4,
)


def with_lines(wavelength, lines):
    flux = np.ones_like(wavelength)
    for centre, sigma, height in lines:
        flux += height * np.exp(-0.5 * ((wavelength - centre) / sigma) ** 2)
    assume(np.ptp(flux) > 0.01)  # lines can cancel
    return flux


@given(lines, st.floats(2000.0, 20_000.0), st.floats(500.0, 2000.0))
def test_a_lower_resolving_power_conserves_flux_and_adds_no_structure(lines, before, after):
    wavelength = np.arange(6400.0, 6800.0, 0.1)
    flux = with_lines(wavelength, lines)
    degraded = degrade(wavelength, flux, before, after)
    total = np.abs(flux - 1).sum()
    assert abs((degraded - flux).sum()) <= 0.005 * total
    assert np.abs(np.diff(degraded)).sum() <= np.abs(np.diff(flux)).sum() * (1 + 1e-9)


@given(lines, st.floats(2000.0, 5000.0), st.floats(500.0, 2000.0))
def test_two_steps_down_in_resolving_power_are_one(lines, between, after):
    wavelength = np.arange(6400.0, 6800.0, 0.1)
    flux = with_lines(wavelength, lines)
    in_two = degrade(wavelength, degrade(wavelength, flux, 13_000.0, between), between, after)
    in_one = degrade(wavelength, flux, 13_000.0, after)
    np.testing.assert_allclose(in_two, in_one, atol=0.01 * np.ptp(flux))


@given(lines, st.sampled_from([None, 1800.0, 13_000.0]), st.floats(1e-17, 1e4))
def test_the_unit_of_the_flux_passes_through_the_preparation(lines, resolving_power, unit):
    wavelength = np.arange(6450.0, 6800.0, 0.5)
    flux = with_lines(wavelength, lines)
    of_unit, of_one = (
        prepare(
            Spectrum("a", wavelength, factor * flux, Medium.AIR, resolving_power=resolving_power),
            Grid(),
            1800.0,
        )
        for factor in (unit, 1.0)
    )
    np.testing.assert_allclose(of_unit, unit * of_one, rtol=1e-9)


@given(lines, st.sampled_from([None, 1800.0, 13_000.0]))
def test_the_medium_makes_no_difference_once_it_is_named(lines, resolving_power):
    wavelength = np.arange(6450.0, 6800.0, 0.5)
    flux = with_lines(wavelength, lines)
    in_vacuum = Spectrum("a", wavelength, flux, Medium.VACUUM, resolving_power=resolving_power)
    in_air = Spectrum(
        "a", vacuum_to_air(wavelength), flux, Medium.AIR, resolving_power=resolving_power
    )
    # Going to air and back moves the pixels by rounding, and the even grid of the kernel with them.
    windows = (prepare(one, Grid(), 1800.0) for one in (in_air, in_vacuum))
    np.testing.assert_allclose(*windows, atol=1e-3 * np.ptp(flux))


@pytest.mark.parametrize("method", ScalingMethod)
@given(
    arrays(np.float64, (2, 36), elements=st.floats(allow_nan=False, allow_infinity=False)),
    st.integers(-20, 20),
)
def test_every_scaling_gives_finite_numbers_and_forgets_the_unit(method, flux, power):
    flux = flux[find_defects(flux) == 0]
    scaling = Scaling(Grid.of(6500.0, 6700.0, 36), method)
    scaled = scaling(flux)
    assert scaled.dtype == np.float32
    assert np.isfinite(scaled).all()
    assert (np.abs(scaled) < LARGEST).all()
    with np.errstate(over="ignore"):
        other = flux * 2.0**power
    can_be = np.isfinite(other).all(axis=1) & (np.abs(flux).max(axis=1, initial=0) > 1e-290)
    can_be &= find_defects(other) == 0
    tiny = ((flux != 0) & (np.abs(flux) < 1e-290)).any(axis=1)  # loses digits, or is none
    np.testing.assert_array_equal(scaling(other[can_be & ~tiny]), scaled[can_be & ~tiny])
