"""What holds for a simulated survey of any seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from active_cnn.grid import Grid
from active_cnn.spectra.simulation.exposures import simulate_pool, simulate_training
from active_cnn.spectra.simulation.population import POOL, TRAINING, draw
from active_cnn.spectra.simulation.stars import Kind, render
from active_cnn.spectra.simulation.visits import first_visits

seeds = st.integers(0, 2**63 - 1)
some_labels = arrays(np.int8, st.integers(1, 30), elements=st.integers(0, 2))


@pytest.mark.parametrize("simulate", [simulate_pool, simulate_training])
@settings(max_examples=15, deadline=None)
@given(label=some_labels, seed=seeds)
def test_every_window_is_finite_and_every_label_is_kept(simulate, label, seed):
    batch = simulate(label, Grid(), np.random.default_rng(seed))
    assert batch.windows.shape == (len(label), 140)
    assert np.isfinite(batch.windows).all()
    np.testing.assert_array_equal(batch.label, label)
    assert not (batch.is_noise & (label > 0)).any()
    assert not batch.look.is_double[label != 2].any()
    assert batch.look.is_double[label == 2].all()


@settings(max_examples=25, deadline=None)
@given(label=some_labels, share=st.sampled_from([0.0, 0.3, 1.0]), seed=seeds)
def test_every_visit_of_a_star_looks_as_its_label_says(label, share, seed):
    rng = np.random.default_rng(seed)
    first = first_visits(label, share, rng)
    batch = simulate_pool(label, Grid(), rng, first)
    np.testing.assert_array_equal(batch.first_visit, first)
    np.testing.assert_array_equal(batch.label, label)
    np.testing.assert_array_equal(batch.look.is_double, label == 2)
    assert not batch.look.is_visible[label == 0].any()
    assert ((batch.sources["snr"] >= 2) & (batch.sources["snr"] <= 200)).all()
    for name in set(batch.sources.dtype.names) - {"snr"}:
        np.testing.assert_array_equal(batch.sources[name], batch.sources[name][first])


@settings(max_examples=10, deadline=None)
@given(label=some_labels, seed=seeds)
def test_a_seed_tells_everything(label, seed):
    one, again = (simulate_pool(label, Grid(), np.random.default_rng(seed)) for _ in range(2))
    np.testing.assert_array_equal(one.windows, again.windows)
    np.testing.assert_array_equal(one.sources, again.sources)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(list(Kind)),
    label=st.sampled_from(["absorption", "emission", "double-peak"]),
    population=st.sampled_from([POOL, TRAINING]),
    seed=seeds,
)
def test_any_kind_of_source_shines_with_finite_positive_flux(kind, label, population, seed):
    rng = np.random.default_rng(seed)
    sources = draw(np.full(8, kind, dtype=np.int8), population, rng, label)
    for light in render(sources, np.geomspace(6500, 6760, 400)):
        assert np.isfinite(light).all()
        assert (light > 0).all()


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_emission_only_adds_light_unless_something_stands_before_it(seed):
    rng = np.random.default_rng(seed)
    stars = draw(np.full(8, Kind.T_TAURI, dtype=np.int8), POOL, rng, "emission")
    light = render(stars, np.geomspace(6500, 6760, 400))
    assert (light.flux >= light.quiet - 1e-5).all()
