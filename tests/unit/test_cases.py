"""The simulated cases: known truth, and light that follows from what was put in."""

from dataclasses import replace

import numpy as np
import pytest

from active_cnn.spectra.simulation.cases import CASES, simulate_case
from active_cnn.spectra.simulation.cases.kinds import KINDS
from active_cnn.spectra.simulation.cases.light import render, render_lines
from active_cnn.spectra.simulation.cases.opacity import COLUMN, LITHIUM
from active_cnn.spectra.simulation.cases.sources import N_FEATURES, draw_stars
from active_cnn.spectra.simulation.cases.survey import BLOCK, draw_sources, simulate_blocks
from active_cnn.spectra.simulation.instruments import Lamost

WHOLE = Lamost(CASES["carbon"].grid)


def few(case, seed=3):
    return simulate_case(case, seed=seed, n_pool=1000, n_background=40, n_targets=10)


@pytest.fixture(scope="module", params=CASES)
def survey(request):
    case = CASES[request.param]
    return case, few(case)


def test_flux_is_finite_and_as_the_product_takes_it(survey):
    case, drawn = survey
    for spectra in (drawn.labelled, drawn.pool):
        assert spectra.flux.dtype == np.float32
        assert spectra.flux.shape == (len(spectra.label), case.grid.n)
        assert np.isfinite(spectra.flux).all()


def test_shares_are_those_asked_for(survey):
    case, drawn = survey
    assert (drawn.pool.label > 0).sum() == 3
    assert (drawn.labelled.label > 0).sum() == 10
    assert ((drawn.pool.label > 0) == (drawn.pool.kind >= len(case.others))).all()
    expected = np.array(list(case.others.values())) / sum(case.others.values()) * 997
    counts = np.bincount(drawn.pool.kind, minlength=len(case.kinds))[: len(case.others)]
    assert np.abs(counts - expected).max() <= 1


def test_every_class_has_labelled_examples(survey):
    case, drawn = survey
    assert (np.bincount(drawn.labelled.label, minlength=len(case.classes)) >= 2).all()


def test_no_two_spectra_are_the_same(survey):
    _, drawn = survey
    flux = np.concatenate([drawn.labelled.flux, drawn.pool.flux])
    flux = flux[flux.any(axis=1)]  # a few fibres of the Hα survey are dead
    assert len(np.unique(flux, axis=0)) == len(flux)


def test_the_same_seed_gives_the_same_spectra_and_another_others():
    case = CASES["lithium"]
    one, same, other = few(case), few(case), few(case, seed=4)
    np.testing.assert_array_equal(one.pool.flux, same.pool.flux)
    np.testing.assert_array_equal(one.labelled.flux, same.labelled.flux)
    np.testing.assert_array_equal(one.pool.kind, same.pool.kind)
    assert not np.isin(one.pool.flux[:, 0], other.pool.flux[:, 0]).any()


def test_spectra_come_in_blocks():
    seed = np.random.SeedSequence(1)
    blocks = simulate_blocks(CASES["lithium"], BLOCK, 7, seed)
    assert [len(block.flux) for block in blocks] == [BLOCK, 7]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_shines(kind):
    case = replace(CASES["carbon"], others={kind: 1.0})
    sources = draw_sources(case, np.zeros(20, dtype=int), np.random.default_rng(1))
    light = render(sources, WHOLE)
    assert np.isfinite(light).all()
    assert (light > 0).all()
    assert len(np.unique(sources["temperature"])) == 20 or kind == "quasar"


def test_carbon_stars_have_deeper_bands_than_others():
    # Flux behind the head of C2 5165 against that before it, noiseless.
    wavelength = WHOLE.wavelength
    inside, outside = (
        (wavelength > low) & (wavelength < high) for low, high in ((5110, 5160), (5215, 5260))
    )

    def index(kind):
        lines = render_lines(KINDS[kind](200, np.random.default_rng(2)), WHOLE)
        return lines[:, inside].mean(axis=1) / lines[:, outside].mean(axis=1)

    bands = index("carbon star")
    assert np.median(bands) < 0.8
    for kind in ("star", "metal-rich star", "M star"):
        assert np.median(index(kind)) > np.median(bands) + 0.1


def test_band_strength_is_what_was_put_in():
    sources = KINDS["carbon star"](200, np.random.default_rng(2))
    without = sources.copy()
    without["strength"][:, COLUMN["swan"]] = 0
    near = (WHOLE.wavelength > 5110) & (WHOLE.wavelength < 5150)
    ratio = render_lines(sources, WHOLE)[:, near] / render_lines(without, WHOLE)[:, near]
    depth = -np.log(ratio.mean(axis=1))
    strength = sources["strength"][:, COLUMN["swan"]]
    assert np.corrcoef(depth, strength)[0, 1] > 0.95
    assert 0.5 < np.median(depth / strength) < 1.5


def measure_width(kind, slot, half):
    """Equivalent width (Å) of one line, and what was put in, of noiseless spectra."""
    sources = kind(100, np.random.default_rng(5))
    centre, *_, put_in = sources["feature"][:, slot].T
    without = sources.copy()
    without["feature"][:, slot, 3] = 0
    line = render_lines(sources, WHOLE) - render_lines(without, WHOLE)
    near = np.abs(WHOLE.wavelength - np.median(centre)) < half
    step = np.gradient(WHOLE.wavelength)
    return (line * step)[:, near].sum(axis=1), put_in


def test_lithium_has_the_equivalent_width_that_was_put_in():
    measured, put_in = measure_width(KINDS["Li-rich giant"], N_FEATURES - 1, 40)
    np.testing.assert_allclose(measured, put_in, rtol=0.03)
    assert (put_in < 0).all()


@pytest.mark.parametrize("slot", range(3))
def test_emission_has_the_equivalent_width_that_was_put_in(slot):
    measured, put_in = measure_width(KINDS["cataclysmic variable"], slot, 250)
    np.testing.assert_allclose(measured, put_in, rtol=0.03)


def test_lithium_is_where_it_should_be():
    sources = KINDS["Li-rich giant"](50, np.random.default_rng(6))
    sources["rv"] = 0
    without = sources.copy()
    without["feature"] = 0
    line = render_lines(sources, WHOLE) - render_lines(without, WHOLE)
    deepest = WHOLE.wavelength[line.argmin(axis=1)]
    assert np.abs(deepest - LITHIUM).max() < 1.6  # a pixel


def test_lines_follow_the_temperature():
    rng = np.random.default_rng(7)
    hot, cool = (
        draw_stars(100, rng, rng.uniform(low, high, 100))["strength"].mean(axis=0)
        for low, high in ((8000, 10_000), (3000, 3500))
    )
    assert hot[COLUMN["balmer_8"]] > 10 * cool[COLUMN["balmer_8"]]
    assert cool[COLUMN["titanium_oxide"]] > 0.3
    assert hot[COLUMN["titanium_oxide"]] == 0
    assert cool[COLUMN["sodium"]] > 5 * hot[COLUMN["sodium"]]


def test_noise_follows_the_signal_to_noise_ratio():
    case = replace(CASES["lithium"], others={"white dwarf": 1.0}, struck=0.0)

    def scatter(snr):
        sharp = replace(case, snr=(snr, 0.0))
        flux = simulate_case(sharp, seed=1, n_pool=200, n_background=2, n_targets=2).pool.flux
        flux = flux / np.median(flux, axis=1, keepdims=True)
        return np.median(np.diff(flux, axis=1).std(axis=1))

    assert scatter(10) == pytest.approx(4 * scatter(40), rel=0.3)
