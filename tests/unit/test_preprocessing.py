"""From a spectrum to the window of the network: what comes out, what is refused and why."""

import re

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import norm

from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.records import Medium, Spectrum
from active_cnn.spectra import degrading
from active_cnn.spectra.degrading import (
    FWHM_PER_SIGMA,
    ONDREJOV_SIGMA,
    degrade,
    degrade_pixels,
)
from active_cnn.spectra.preprocessing import (
    DEFECTS,
    find_defects,
    prepare,
    resample,
    rescale,
)
from active_cnn.spectra.wavelength import vacuum_to_air

GRID = Grid()
HALPHA = 6564.614
LAMOST = 1800.0  # R of its low resolution


def gaussian(wavelength, centre=HALPHA, sigma=2.0):
    return np.exp(-0.5 * ((wavelength - centre) / sigma) ** 2)


def fwhm(wavelength, profile):
    """Full width at half maximum of a single peak, interpolated."""
    above = np.flatnonzero(profile >= profile.max() / 2)
    left, right = above[0], above[-1]
    half = profile.max() / 2
    start = np.interp(half, profile[left - 1 : left + 1], wavelength[left - 1 : left + 1])
    end = np.interp(half, profile[[right + 1, right]], wavelength[[right + 1, right]])
    return end - start


def spectrum(wavelength, flux, medium=Medium.VACUUM, resolving_power=1800.0):
    return Spectrum("a.fits", wavelength, flux, medium, resolving_power=resolving_power)


class TestDegradingByPixels:
    def test_a_spike_becomes_a_gaussian_of_the_width_of_the_method(self):
        flux = np.zeros(301)
        flux[150] = 1.0
        smooth = degrade_pixels(flux)
        pixels = np.arange(301.0)
        assert smooth.sum() == pytest.approx(1.0)
        assert fwhm(pixels, smooth) == pytest.approx(ONDREJOV_SIGMA * FWHM_PER_SIGMA, rel=0.01)

    def test_the_edges_are_extended(self):
        flux = np.r_[np.full(50, 3.0), np.full(50, 5.0)]
        smooth = degrade_pixels(flux, 4.0)
        assert smooth[0] == pytest.approx(3.0)
        assert smooth[-1] == pytest.approx(5.0)

    def test_many_spectra_are_degraded_as_each_alone(self):
        flux = np.random.default_rng(1).normal(size=(3, 200))
        together = degrade_pixels(flux, 2.5)
        np.testing.assert_array_equal(together, [degrade_pixels(row, 2.5) for row in flux])

    def test_the_argument_is_left_unchanged(self):
        flux = np.random.default_rng(1).normal(size=200)
        before = flux.copy()
        degrade_pixels(flux, 3.0)
        np.testing.assert_array_equal(flux, before)

    @pytest.mark.parametrize("sigma", [0.0, -1.0, np.nan])
    def test_a_width_that_is_not_positive_is_refused(self, sigma):
        with pytest.raises(SpectrumError, match=f"sigma = {sigma}"):
            degrade_pixels(np.ones(10), sigma)


class TestDegradingByResolvingPower:
    # Ondřejov, LAMOST medium resolution and a library, all to LAMOST's low resolution.
    @pytest.mark.parametrize("resolving_power", [13_000.0, 7500.0, 2600.0])
    def test_an_unresolved_line_gets_the_width_of_the_new_resolving_power(self, resolving_power):
        wavelength = np.arange(6400.0, 6740.0, 0.05)
        line = gaussian(wavelength, sigma=HALPHA / resolving_power / FWHM_PER_SIGMA)
        degraded = degrade(wavelength, line, resolving_power, 1800.0)
        assert fwhm(wavelength, degraded) == pytest.approx(HALPHA / 1800.0, rel=0.01)

    def test_it_works_on_a_logarithmic_axis_as_on_a_linear_one(self):
        linear = np.arange(6400.0, 6740.0, 0.05)
        logarithmic = 10 ** np.arange(np.log10(6400.0), np.log10(6739.0), 3e-6)
        on_linear = degrade(linear, gaussian(linear, sigma=0.3), 13_000.0, 1800.0)
        on_log = degrade(logarithmic, gaussian(logarithmic, sigma=0.3), 13_000.0, 1800.0)
        np.testing.assert_allclose(np.interp(linear, logarithmic, on_log), on_linear, atol=2e-3)

    def test_the_same_resolving_power_changes_nothing(self):
        wavelength = np.arange(6500.0, 6700.0, 0.5)
        flux = np.random.default_rng(2).normal(size=wavelength.size)
        same = degrade(wavelength, flux, 1800.0, 1800.0)
        np.testing.assert_array_equal(same, flux)
        assert not np.shares_memory(same, flux)

    @pytest.mark.parametrize(
        ("before", "after"), [(1800.0, 13_000.0), (0.0, 0.0), (1800.0, -1.0), (np.nan, 1800.0)]
    )
    def test_a_higher_resolving_power_is_refused_with_both_values(self, before, after):
        with pytest.raises(SpectrumError, match=f"R = {before:g} to R = {after:g}"):
            degrade(np.arange(6500.0, 6700.0), np.ones(200), before, after)


def convolved(wavelength, flux, before, after):
    """Integrate a Gaussian over the straight lines between the pixels, exactly; slow."""
    sigma = np.sqrt(after**-2.0 - before**-2.0) / FWHM_PER_SIGMA
    x = np.log(wavelength)
    far = np.r_[x[0] - 50 * sigma, x, x[-1] + 50 * sigma]
    values = np.r_[flux[0], flux, flux[-1]]
    u = (far - x[:, None]) / sigma
    # Neighbours at the distance of a rounding: a step of no width.
    slope = np.diff(values) / np.maximum(np.diff(u), 1e-30)
    level = values[:-1] - slope * u[:, :-1]
    return (level * np.diff(ndtr(u)) - slope * np.diff(norm.pdf(u))).sum(axis=1)


STEPS = 1e-4 * np.arange(260)
IRREGULAR = {
    "two arms almost on one another": 10 ** np.r_[3.8055 + STEPS, 3.8155 + 1e-9 + STEPS],
    "two arms at a distance of one rounding": 10 ** np.r_[3.8055 + STEPS, 3.8055 + 3e-16 + STEPS],
    "drawn at random": np.random.default_rng(4).uniform(6400.0, 6850.0, 700),
    "fine and coarse": np.r_[np.arange(6480.0, 6550.0, 0.25), np.arange(6550.0, 6850.0, 1.5)],
    "one pair of neighbours": np.r_[np.arange(6400.0, 6850.0), 6600.0 + 1e-12],
}


class TestDegradingIrregularAxes:
    @pytest.mark.parametrize("name", IRREGULAR)
    @pytest.mark.parametrize("resolving_power", [2000.0, 7500.0, 40_000.0])
    def test_it_is_the_exact_convolution_on_as_many_steps_as_the_pixels_allow(
        self, name, resolving_power, monkeypatch
    ):
        asked = []

        def watched(flux, sigma):
            asked.append((flux.size, sigma))
            return degrade_pixels(flux, sigma)

        monkeypatch.setattr(degrading, "degrade_pixels", watched)
        wavelength = np.unique(IRREGULAR[name])
        flux = 1 + 0.5 * gaussian(wavelength)
        found = degrade(wavelength, flux, resolving_power, 1800.0)
        expected = convolved(wavelength, flux, resolving_power, 1800.0)
        np.testing.assert_allclose(found, expected, atol=0.01)
        ((n, sigma),) = asked
        assert n <= degrading.MOST_A_PIXEL * wavelength.size + 1
        assert sigma <= 1.01 * degrading.MOST_A_SIGMA

    def test_neighbours_at_any_distance_give_what_one_pixel_gives(self):
        wavelength = np.arange(6400.0, 6850.0, 0.5)
        expected = degrade(wavelength, 1 + gaussian(wavelength), 13_000.0, 1800.0)
        for distance in (1e-3, 1e-6, 1e-12):
            pair = np.sort(np.r_[wavelength, 6600.0 + distance])
            found = degrade(pair, 1 + gaussian(pair), 13_000.0, 1800.0)
            np.testing.assert_allclose(np.interp(wavelength, pair, found), expected, atol=5e-3)

    @pytest.mark.parametrize("after", [1.0, 1e-3, 1e-200])
    def test_a_kernel_far_wider_than_the_spectrum_is_refused(self, after):
        with pytest.raises(SpectrumError, match=f"R = {after:g}: the kernel is wider"):
            degrade(np.arange(6500.0, 6700.0), np.ones(200), 1e4, after)
        with pytest.raises(SpectrumError, match="give a width of at most 100"):
            degrade_pixels(np.ones(10), 1e12)


class TestResampling:
    def test_the_method_s_grid_is_140_wavelengths_from_6519_to_6732(self):
        assert len(GRID.wavelength) == 140
        assert (GRID.wavelength[0], GRID.wavelength[-1]) == (6519.0, 6732.0)

    def test_a_spectrum_that_ends_exactly_at_the_grid_covers_it(self):
        wavelength = np.array([6519.0, 6600.0, 6732.0])
        np.testing.assert_allclose(
            resample(wavelength, wavelength, GRID.windows[0]), GRID.wavelength
        )

    @pytest.mark.parametrize(("start", "end"), [(6519.1, 6800.0), (6500.0, 6731.9)])
    def test_a_spectrum_that_ends_inside_the_grid_is_refused_with_its_coverage(self, start, end):
        wavelength = np.linspace(start, end, 500)
        with pytest.raises(SpectrumError, match=f"covers {start}-{end} Å .vacuum., not the whole"):
            resample(wavelength, np.ones(500), GRID.windows[0])


class TestFindingDefects:
    @pytest.mark.parametrize(
        ("window", "defect"),
        [
            ([1.0, 2.0, 3.0], 0),
            ([-3.0, 0.0, 0.0], 0),
            ([1.0, np.nan, 3.0], 1),
            ([1.0, np.inf, 3.0], 1),
            ([-np.inf, np.nan, np.inf], 1),
            ([0.0, 0.0, 0.0], 2),
            ([5.0, 5.0, 5.0], 3),
            ([1e30, 1e30 * (1 + 2e-16), 1e30], 3),
            ([0.0, 5e-324, 0.0], 3),
            ([-1.7e308, 0.0, 1.7e308], 0),
        ],
    )
    def test_each_defect_has_its_number(self, window, defect):
        assert find_defects(np.array([window])).tolist() == [defect]

    def test_the_defects_of_many_windows_are_in_their_order(self):
        windows = np.array([[1.0, 2.0], [0.0, 0.0], [np.nan, 1.0], [4.0, 4.0]])
        assert find_defects(windows).tolist() == [0, 2, 1, 3]

    def test_every_number_has_a_text_that_follows_the_spectrum_as_its_subject(self):
        assert sorted(DEFECTS) == [1, 2, 3, 4]
        assert all(text.startswith("is ") and "\n" not in text for text in DEFECTS.values())


class TestRescaling:
    def test_each_window_spans_minus_one_to_one_by_itself(self):
        scaled = rescale(np.array([[0.0, 5.0, 10.0], [-2.0, -1.0, 2.0]]))
        np.testing.assert_allclose(scaled, [[-1, 0, 1], [-1, -0.5, 1]])
        assert scaled.dtype == np.float32

    @pytest.mark.parametrize("bad", [np.zeros(3), np.full(3, 7.0), np.array([1.0, np.nan, 2.0])])
    def test_a_window_without_a_span_is_refused_with_its_row_and_its_defect(self, bad):
        windows = np.array([[1.0, 2.0, 3.0], bad])
        with pytest.raises(SpectrumError, match="in row 1: it is") as refusal:
            rescale(windows)
        assert any(text in str(refusal.value) for text in DEFECTS.values())


class TestPreparing:
    wavelength = np.arange(6400.0, 6850.0, 0.7)

    def test_a_spectrum_in_air_is_moved_to_vacuum(self):
        flux = 1 - 0.5 * gaussian(self.wavelength)
        in_air = spectrum(vacuum_to_air(self.wavelength), flux, Medium.AIR)
        window = prepare(in_air, GRID, LAMOST)
        assert GRID.wavelength[window.argmin()] == pytest.approx(HALPHA, abs=0.8)
        np.testing.assert_allclose(window, prepare(spectrum(self.wavelength, flux), GRID, LAMOST))

    def test_a_sharper_spectrum_is_brought_to_the_resolving_power_of_the_pool(self):
        wavelength = np.arange(6400.0, 6850.0, 0.1)
        line = gaussian(wavelength, sigma=HALPHA / 13_000 / FWHM_PER_SIGMA)
        fine = Grid.of(6519.0, 6732.0, 2000)
        window = prepare(spectrum(wavelength, line, resolving_power=13_000.0), fine, LAMOST)
        expected = HALPHA / LAMOST
        assert fwhm(fine.wavelength, window) == pytest.approx(expected, rel=0.02)

    def test_a_spectrum_of_the_pool_is_only_resampled(self):
        flux = np.random.default_rng(3).normal(10.0, 1.0, self.wavelength.size)
        window = prepare(spectrum(self.wavelength, flux), GRID, LAMOST)
        np.testing.assert_array_equal(window, resample(self.wavelength, flux, GRID.windows[0]))

    def test_an_unknown_resolving_power_is_taken_from_the_sampling(self):
        wavelength = np.arange(6400.0, 6850.0, 0.25)
        line = gaussian(wavelength, sigma=0.25)
        window = prepare(spectrum(wavelength, line, resolving_power=None), GRID, LAMOST)
        assert 0.1 < window.max() < 0.5

    def test_a_cut_far_from_the_window_does_not_touch_it(self):
        flux = 1 - 0.5 * gaussian(self.wavelength)
        spiky = flux.copy()
        spiky[(self.wavelength < 6490) | (self.wavelength > 6760)] = np.nan
        sharp, same = (
            prepare(spectrum(self.wavelength, values, resolving_power=7500.0), GRID, LAMOST)
            for values in (flux, spiky)
        )
        np.testing.assert_array_equal(sharp, same)

    @pytest.mark.parametrize(
        ("start", "end"), [(6400.0, 6700.0), (6530.0, 6850.0), (3700.0, 5900.0), (7000.0, 9000.0)]
    )
    def test_a_spectrum_that_does_not_cover_the_window_is_refused(self, start, end):
        wavelength = np.arange(start, end, 0.7)
        with pytest.raises(SpectrumError, match="not the whole window 6519-6732 Å"):
            prepare(spectrum(wavelength, np.ones_like(wavelength)), GRID)

    @pytest.mark.parametrize("resolving_power", [1800.0, 13_000.0, None])
    @pytest.mark.parametrize(
        ("value", "defect"), [(0.0, 2), (42.0, 3), (np.nan, 1), (np.inf, 1), (-np.inf, 1)]
    )
    def test_a_window_without_a_spectrum_is_refused_with_its_defect(
        self, value, defect, resolving_power
    ):
        flux = np.where((self.wavelength > 6480) & (self.wavelength < 6770), value, self.wavelength)
        with pytest.raises(SpectrumError, match=re.escape(DEFECTS[defect])):
            prepare(spectrum(self.wavelength, flux, resolving_power=resolving_power), GRID, LAMOST)

    def test_one_bad_pixel_in_the_window_is_bridged_before_anything_is_smoothed(self):
        flux = 1 - 0.5 * gaussian(self.wavelength)
        bad = np.searchsorted(self.wavelength, 6600.0)
        spoilt, mended = flux.copy(), flux.copy()
        spoilt[bad] = np.nan
        mended[bad] = (flux[bad - 1] + flux[bad + 1]) / 2
        found, expected = (
            prepare(spectrum(self.wavelength, values, resolving_power=13_000.0), GRID, LAMOST)
            for values in (spoilt, mended)
        )
        np.testing.assert_allclose(found, expected, atol=1e-12)

    @pytest.mark.parametrize("said", [0.0, -5.0, 1e-9, 1e300, np.nan, np.inf])
    def test_a_resolving_power_that_cannot_be_true_counts_as_unknown(self, said):
        wavelength = np.arange(6400.0, 6850.0, 0.25)
        line = gaussian(wavelength, sigma=0.25)
        found, unknown = (
            prepare(spectrum(wavelength, line, resolving_power=one), GRID, LAMOST)
            for one in (said, None)
        )
        np.testing.assert_array_equal(found, unknown)

    def test_an_axis_without_pixels_near_the_window_is_refused(self):
        wavelength = np.array([4000.0, 6000.0, 8000.0])
        with pytest.raises(SpectrumError, match="is too coarse: 0 of its pixels"):
            prepare(spectrum(wavelength, np.arange(3.0), resolving_power=None), GRID)

    def test_the_spectrum_is_left_unchanged(self):
        flux = 1 - 0.5 * gaussian(self.wavelength)
        before = flux.copy(), self.wavelength.copy()
        prepare(spectrum(self.wavelength, flux, Medium.AIR, 13_000.0), GRID, LAMOST)
        np.testing.assert_array_equal(flux, before[0])
        np.testing.assert_array_equal(self.wavelength, before[1])
