"""Ranking by likeness: what few examples can do, and what is said of it."""

from dataclasses import replace

import numpy as np
import pytest

from active_cnn.errors import CampaignError
from active_cnn.evaluation.ranking import average_precision
from active_cnn.grid import Grid, Window
from active_cnn.learning.keras_runtime import export_network
from active_cnn.learning.likeness import fit_likeness
from active_cnn.learning.network import MOST_FEATURES, load_network, save_network, with_features
from active_cnn.learning.presentation import Labelled
from active_cnn.recipes import TrainingSettings
from active_cnn.search import ScalingMethod
from active_cnn.spectra.preprocessing import rescale
from active_cnn.spectra.scaling import Scaling

SETTINGS = TrainingSettings(seed=3)
SCALING = Scaling(Grid.of(6500, 6600, 80))
CLASSES, TARGETS = ("other", "galaxy", "narrow", "broad"), ("narrow", "broad")
NARROW, BROAD = 1.5, 6.0  # pixels


def draw(n, width, rng):
    """Draw spectra of 80 pixels that differ most in their slopes; with a dip of a width, if any."""
    x = np.linspace(-1, 1, 80)
    flux = 10 + 3 * rng.normal(size=(n, 1)) * x + rng.normal(size=(n, 1)) * x**2
    flux += 0.15 * rng.normal(size=(n, 80))
    if width:
        depth = rng.uniform(0.6, 1.2, (n, 1))
        flux -= depth * np.exp(-0.5 * ((np.arange(80) - 50) / width) ** 2)
    return flux


@pytest.fixture(scope="module")
def pool():
    """Spectra drawn of a pool, and others of it with what they are: 1 % of each kind of target."""
    rng = np.random.default_rng(1)
    drawn = draw(1500, None, rng)
    left = np.concatenate([draw(980, None, rng), draw(10, NARROW, rng), draw(10, BROAD, rng)])
    return drawn, left, np.repeat([0, 2, 3], [980, 10, 10])


def labelled(*widths, n=5):
    rng = np.random.default_rng(2)
    kinds = {None: 0, NARROW: 2, BROAD: 3}
    flux = np.concatenate([draw(n, width, rng) for width in widths])
    labels = np.repeat([kinds[width] for width in widths], n)
    return Labelled(flux, labels, np.ones(len(labels), dtype=bool), CLASSES, TARGETS, SCALING)


def predict(trained, flux):
    return trained.network.predict(rescale(flux), verbose=0)


def test_five_examples_bring_the_targets_to_the_top(pool):
    drawn, left, kinds = pool
    trained = fit_likeness(labelled(NARROW, BROAD), drawn, SETTINGS, "too few")
    said = predict(trained, left)
    assert average_precision(said[:, 2:].sum(axis=1), kinds > 0) > 0.95
    assert (said.argmax(axis=1) == kinds)[kinds > 0].mean() > 0.7
    assert trained.notices[0] == "too few"
    assert (trained.history, trained.validation["n"], trained.alarms) == ({}, 0, ())
    assert (trained.baseline, trained.ranking) == (None, None)


def test_one_example_does_better_than_chance(pool):
    drawn, left, kinds = pool
    said = predict(fit_likeness(labelled(BROAD, n=1), drawn, SETTINGS, ""), left)
    assert average_precision(said[:, 3], kinds == 3) > 0.5


def test_what_has_no_example_is_never_predicted_and_that_is_said(pool):
    drawn, left, _ = pool
    trained = fit_likeness(labelled(NARROW), drawn, SETTINGS, "")
    assert set(predict(trained, left).argmax(axis=1)) == {0, 2}
    said = " ".join(trained.notices)
    assert "Nothing is predicted to be 'broad': there is no example of it yet." in said
    assert "predicted as 'other', nothing as 'galaxy'" in said
    assert trained.counts_before == {"other": 0, "galaxy": 0, "narrow": 5, "broad": 0}


def test_answers_that_are_no_targets_push_their_likes_down(pool):
    drawn, left, kinds = pool
    # What was looked for turns out to be the narrow ones alone.
    before = predict(fit_likeness(labelled(NARROW), drawn, SETTINGS, ""), left)[:, 2]
    known = labelled(NARROW, BROAD)
    known = replace(known, labels=np.where(known.labels == 3, 0, known.labels))
    after = predict(fit_likeness(known, drawn, SETTINGS, ""), left)[:, 2]

    assert after[kinds == 3].mean() < before[kinds == 3].mean()
    assert average_precision(after, kinds == 2) >= average_precision(before, kinds == 2)


def test_it_is_the_same_again_and_after_it_was_stored_and_exported(pool, tmp_path):
    drawn, left, _ = pool
    first = fit_likeness(labelled(NARROW), drawn, SETTINGS, "")
    again = fit_likeness(labelled(NARROW), drawn, SETTINGS, "")
    assert np.array_equal(predict(first, left), predict(again, left))
    save_network(first.network, tmp_path / "network.keras")
    stored = load_network(tmp_path / "network.keras")
    assert np.array_equal(stored.predict(rescale(left), verbose=0), predict(first, left))
    pytest.importorskip("openvino")
    assert export_network(stored, tmp_path / "network.keras", rescale(left))[1] == ""


@pytest.mark.parametrize("method", [ScalingMethod.MEDIAN, ScalingMethod.CONTINUUM])
def test_windows_that_are_scaled_otherwise_are_brought_to_one_range_by_it(pool, method, tmp_path):
    drawn, left, kinds = pool
    grid = Grid((Window(6500.0, 6537.0, 38), Window(6560.0, 6601.0, 42)))
    scaling = Scaling(grid, method)
    known = replace(labelled(NARROW, BROAD), scaling=scaling)
    trained = fit_likeness(known, drawn, SETTINGS, "")
    said = trained.network.predict(scaling(left), verbose=0)
    assert average_precision(said[:, 2:].sum(axis=1), kinds > 0) > 0.9
    save_network(trained.network, tmp_path / "network.keras")
    stored = load_network(tmp_path / "network.keras")
    assert np.array_equal(stored.predict(scaling(left), verbose=0), said)
    pytest.importorskip("openvino")
    assert export_network(stored, tmp_path / "network.keras", scaling(left))[1] == ""


def test_its_features_are_directions(pool):
    drawn, left, _ = pool
    network = fit_likeness(labelled(NARROW), drawn, SETTINGS, "").network
    _, features = with_features(network).predict(rescale(left), verbose=0)
    assert features.shape[1] == MOST_FEATURES
    assert np.allclose(np.linalg.norm(features, axis=1), 1, atol=1e-4)


def test_a_pool_whose_spectra_are_all_alike_does_no_harm():
    drawn = np.tile(np.linspace(1, 2, 80), (50, 1))
    said = predict(fit_likeness(labelled(NARROW), drawn, SETTINGS, ""), drawn)
    assert np.isfinite(said).all()


def test_without_targets_or_a_pool_it_is_refused(pool):
    drawn, _, _ = pool
    with pytest.raises(CampaignError, match="No example of a target is left"):
        fit_likeness(labelled(None), drawn, SETTINGS, "")
    with pytest.raises(CampaignError, match="No two usable spectra"):
        fit_likeness(labelled(NARROW), drawn[:1], SETTINGS, "")
