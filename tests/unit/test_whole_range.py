"""Whole spectra of the Hα survey's sources: the same star beyond the window."""

import numpy as np
import pytest

from active_cnn.grid import Grid
from active_cnn.spectra.simulation.cases.beyond_halpha import draw_whole
from active_cnn.spectra.simulation.cases.continuation import WHOLE, continue_beyond
from active_cnn.spectra.simulation.cases.light import render, render_lines
from active_cnn.spectra.simulation.cases.opacity import COLUMN
from active_cnn.spectra.simulation.cases.sources import draw_stars
from active_cnn.spectra.simulation.instruments import Lamost
from active_cnn.spectra.simulation.population import POOL, draw
from active_cnn.spectra.simulation.stars import Kind
from active_cnn.spectra.simulation.whole import N_PIXELS, WAVELENGTH

N = 60


def sources(kind, label="absorption", seed=1):
    rng = np.random.default_rng(seed)
    near = draw(np.full(N, kind, dtype=np.int8), POOL, rng, label)
    return near, draw_whole(near, rng)


def excess(whole, centre, reach=12):
    """Flux near a wavelength against that beside it, noiseless; one value for each source."""
    lines = render_lines(whole, WHOLE)
    near = np.abs(WAVELENGTH - centre) < reach
    beside = (np.abs(WAVELENGTH - centre) < 5 * reach) & ~near
    return lines[:, near].mean(axis=1) - np.median(lines[:, beside], axis=1)


def test_a_star_keeps_its_temperature_velocity_and_metals():
    near, whole = sources(Kind.STAR)
    for name in ("temperature", "rv", "vsini", "snr"):
        np.testing.assert_array_equal(near[name], whole[name])
    cool = (near["temperature"] > 4000) & (near["temperature"] < 7000)
    ratio = np.corrcoef(near["opacity"][cool, 0], whole["strength"][cool, COLUMN["metals"]])
    assert ratio[0, 1] > 0.98


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_shines_over_the_whole_range(kind):
    emits = kind in POOL.kinds["emission"]
    _, whole = sources(kind, "emission" if emits else "absorption")
    light = render(whole, WHOLE)
    assert light.shape == (N, N_PIXELS)
    assert np.isfinite(light).all()
    assert (light > 0).all()


@pytest.mark.parametrize("kind", [Kind.BE, Kind.DME, Kind.T_TAURI, Kind.NEBULA, Kind.SYMBIOTIC])
def test_where_halpha_shines_so_does_hbeta(kind):
    _, whole = sources(kind, "emission")
    without = whole.copy()
    without["feature"] = 0
    assert (excess(whole, 4862.7) > excess(without, 4862.7)).mean() > 0.95


def test_a_wolf_rayet_star_has_helium_and_a_nebula_oxygen():
    assert np.median(excess(sources(Kind.WOLF_RAYET, "emission")[1], 4687.0, 30)) > 0.02
    assert np.median(excess(sources(Kind.NEBULA, "emission")[1], 5008.2)) > 0.02


@pytest.mark.parametrize("kind", [Kind.GALAXY, Kind.QUASAR])
def test_the_line_in_the_window_is_one_of_the_redshifted_ones(kind):
    near, whole = sources(kind)
    observed, sigma, height = near["feature"][:, 0].T
    centres, widths = whole["feature"][:, :, 0], whole["feature"][:, :, 3]
    at = np.abs(centres - observed[:, None]).argmin(axis=1)
    np.testing.assert_allclose(centres[np.arange(N), at], observed, rtol=1e-5)
    expected = height * sigma * np.sqrt(2 * np.pi)
    np.testing.assert_allclose(widths[np.arange(N), at], expected, rtol=1e-3)
    redshifts = centres[:, 0] / centres[0, 0]
    assert len(np.unique(redshifts.round(3))) > N / 2


def test_the_window_is_held_exactly_and_a_dead_spectrum_stays_dead():
    rng = np.random.default_rng(2)
    stars = draw_stars(5, rng)
    stars["snr"] = 30
    telescope = Lamost(Grid())
    window = 500 * render(stars, telescope)
    window[3] = 0
    flux, sigma = continue_beyond(stars, telescope.pixels, window, 0.0, rng)
    np.testing.assert_array_equal(flux[:, telescope.pixels], window)
    assert not flux[3].any()
    assert not sigma[3].any()
    alive = [0, 1, 2, 4]
    assert (sigma[alive] > 0).all()
    # What is beyond is the same light, at the same level.
    ratio = flux[alive] / (500 * render(stars[alive], WHOLE))
    assert np.abs(np.median(ratio[:, 2000:], axis=1) - 1).max() < 0.2
