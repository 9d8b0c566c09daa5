"""Look-alikes and what the instrument did are told from stars."""

from dataclasses import replace

import numpy as np
import pytest

from active_cnn.grid import Grid
from active_cnn.query.instrumental import is_instrumental
from active_cnn.query.lookalikes import ALIKE, SAMPLE, find_alike, first_of_a_kind
from active_cnn.spectra.preprocessing import rescale
from active_cnn.spectra.simulation.cases import CASES, simulate_case
from active_cnn.spectra.wavelength import air_to_vacuum

WAVELENGTH = Grid().wavelength
LINES = (6564.61, 6549.86, 6585.27, 6679.99, 6718.29, 6732.67)
NOWHERE = np.full(4, np.nan)


def star(n=1, height=0.0, seed=0, noise=0.01, centre=6564.61, fwhm=8.0):
    rng = np.random.default_rng(seed)
    line = height * np.exp(-4 * np.log(2) * ((WAVELENGTH - centre) / fwhm) ** 2)
    return 1 + line + noise * rng.standard_normal((n, len(WAVELENGTH)))


def test_a_second_spectrum_of_nearly_the_same_shape_is_left_out():
    windows = np.concatenate([star(1, 3.0), star(1, 3.0, seed=1) * 7 + 2, star(2, 0.0, seed=2)])
    assert first_of_a_kind(windows, NOWHERE, NOWHERE).tolist() == [True, False, True, True]


def test_another_visit_of_a_star_is_left_out_by_its_place():
    windows = star(4)
    ra = np.array([10.0, 10.0, 10.0, np.nan])
    dec = np.array([60.0, 60.0 + 2 / 3600, 60.0 + 5 / 3600, 60.0])
    assert first_of_a_kind(windows, ra, dec).tolist() == [True, False, True, True]


def test_what_is_kept_already_stays():
    windows = np.repeat(star(1, 2.0), 4, axis=0)
    assert first_of_a_kind(windows, NOWHERE, NOWHERE, 2).tolist() == [True, True, False, False]


@pytest.mark.parametrize("scale", [(1, 0), (250.0, -3.0)])
def test_spikes_and_runs_of_equal_pixels_are_the_instruments(scale):
    windows = star(4)
    windows[0, 100] += 0.5
    windows[1, 20] -= 0.6
    windows[2, 60:64] = windows[2, 60]
    windows = windows * scale[0] + scale[1]
    assert is_instrumental(windows, WAVELENGTH, LINES).tolist() == [True, True, True, False]


def test_a_residual_of_the_night_sky_is_its_own():
    sky = float(air_to_vacuum(6604.1))
    assert is_instrumental(star(1, 0.5, centre=sky, fwhm=4.0), WAVELENGTH, LINES).all()


@pytest.mark.parametrize("fwhm", [3.6, 8.0, 30.0])
@pytest.mark.parametrize("centre", [6563.4, 6564.61, 6565.3])
def test_a_line_as_narrow_as_the_spectrograph_makes_it_is_a_line(fwhm, centre):
    windows = star(20, 5.0, fwhm=fwhm, centre=centre)
    assert not is_instrumental(windows, WAVELENGTH, LINES).any()


def test_no_real_target_is_taken_for_the_instruments(real_spectra):
    from benchmarks.networks import read_real

    real = read_real(real_spectra)
    flagged = is_instrumental(real.windows, WAVELENGTH, LINES)
    assert (real.labels > 0).sum() >= 25
    assert not flagged[real.labels > 0].any()
    assert flagged.mean() < 0.03


@pytest.fixture(scope="module", params=["carbon", "cv", "lithium"])
def search(request):
    """A search of another kind: wavelengths, windows of targets, and of other spectra."""
    case = replace(CASES[request.param], struck=0.0)
    survey = simulate_case(case, seed=11, n_pool=6000)
    windows, is_target = rescale(survey.pool.flux), survey.pool.label > 0
    return case.grid.wavelength, windows[is_target], windows[~is_target][:1500]


def test_targets_of_one_type_are_no_look_alikes(search):
    _, targets, others = search
    alike = find_alike(others[:SAMPLE])
    assert ALIKE <= alike < 0.9999
    nowhere = np.full(len(targets), np.nan)
    assert first_of_a_kind(targets, nowhere, nowhere, alike=alike).all()
    # The same spectrum once more is one, though.
    again = np.concatenate([targets[:1], 3 * targets[:1] + 1])
    assert first_of_a_kind(again, *[nowhere[:2]] * 2, alike=alike).tolist() == [True, False]


def test_in_wide_windows_stars_and_targets_are_not_the_instruments(search):
    wavelength, targets, others = search
    # One cataclysmic variable's highest pixel is the sky's, at 5577 Å.
    assert is_instrumental(targets, wavelength, resolving_power=1800.0).sum() <= 1
    assert is_instrumental(others, wavelength, resolving_power=1800.0).mean() < 0.03


def test_where_pixels_are_wider_than_lines_a_spike_cannot_be_told_from_one():
    windows = star(1)
    windows[0, 100] += 0.5
    assert is_instrumental(windows, WAVELENGTH, LINES, 1800.0).all()
    assert not is_instrumental(windows, WAVELENGTH, LINES, 7500.0).any()


def test_a_pool_full_of_one_type_is_not_full_of_look_alikes():
    rng = np.random.default_rng(4)
    one = np.cumsum(rng.normal(size=(1, 800)), axis=1)
    windows = one + 0.4 * rng.normal(size=(SAMPLE, 800))
    nowhere = np.full(SAMPLE, np.nan)
    assert first_of_a_kind(windows, nowhere, nowhere).sum() < SAMPLE / 4
    alike = find_alike(windows)
    assert first_of_a_kind(windows, nowhere, nowhere, alike=alike).mean() > 0.97
