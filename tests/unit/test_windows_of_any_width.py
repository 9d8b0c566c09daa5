"""A training learns in windows of 36 to 5000 pixels with 2 to 30 classes, and nobody tunes it."""

import keras
import numpy as np
import pytest

from active_cnn.grid import Grid
from active_cnn.learning.network import build_network
from active_cnn.learning.presentation import Labelled
from active_cnn.learning.training import train
from active_cnn.recipes import TrainingSettings
from active_cnn.spectra.scaling import Scaling
from active_cnn.spectra.simulation.cases import CASES, simulate_case

# Without augmentation, whose lines are those of a search for one line.
SETTINGS = TrainingSettings(augmentation=False, background=0, answer_weight=1, holdout=0.2, seed=3)


def quiet(_phase, _done, _total, _details):
    pass


def multiply_adds(network):
    """Count what a spectrum costs in convolutions and dense layers."""
    total = 0
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv1D):
            total += layer.output.shape[1] * int(np.prod(layer.kernel.shape))
        elif isinstance(layer, keras.layers.Dense):
            total += int(np.prod(layer.kernel.shape))
    return total


def draw(n_wavelengths, n_classes, n_each, rng):
    """Draw classes that differ by where they have a broad bump, with slopes and noise."""
    labels = rng.permutation(np.repeat(np.arange(n_classes), n_each))
    x = np.linspace(0, 1, n_wavelengths)
    centre = (labels[:, None] + 0.5) / n_classes
    bump = np.exp(-0.5 * ((x - centre) * 3 * n_classes) ** 2)
    slope = rng.normal(0, 0.3, (len(labels), 1)) * (x - 0.5)
    noise = rng.normal(0, 0.1, (len(labels), n_wavelengths))
    return 10 * (1 + 0.5 * bump + slope + noise), labels


@pytest.mark.parametrize(("n_wavelengths", "n_classes", "n_each"), [
    (36, 2, 60), (36, 12, 40), (140, 30, 30), (1667, 2, 60), (1667, 30, 30), (5000, 5, 40),
])  # fmt: skip
def test_the_default_schedule_learns(n_wavelengths, n_classes, n_each):
    flux, labels = draw(n_wavelengths, n_classes, n_each, np.random.default_rng(n_wavelengths))
    classes = tuple(f"class {i}" for i in range(n_classes))
    grid = Grid.of(4000.0, 7000.0, n_wavelengths)
    labelled = Labelled(
        flux, labels, np.zeros(len(labels), bool), classes, classes[1:], Scaling(grid)
    )
    trained = train(labelled, SETTINGS, quiet)
    confusion = np.array(trained.validation["confusion"])
    assert np.trace(confusion) / confusion.sum() > 0.9
    assert trained.alarms == ()


@pytest.mark.parametrize("name", ["carbon", "cv"])
def test_searches_in_wide_windows_no_longer_die_in_their_first_epoch(name):
    # With a floor of 1e-7 under the probability, and a dense layer as wide as the window, the loss
    # stood at 16.1 times the share of targets from the first epoch on, whatever was shown.
    case = CASES[name]
    survey = simulate_case(case, seed=1, n_pool=600, n_background=600, n_targets=60)
    flux, labels = survey.labelled.flux, survey.labelled.label
    labelled = Labelled(
        flux, labels, np.zeros(len(labels), bool), case.classes, case.targets, Scaling(case.grid)
    )
    settings = TrainingSettings(background=400, max_epochs=4, holdout=0.2, seed=2)
    trained = train(labelled, settings, quiet, survey.pool.flux)
    assert trained.alarms == ()
    assert trained.notices == ()
    assert trained.ranking.network > 0.9


@pytest.mark.parametrize(("n_wavelengths", "most"), [(140, 262_000), (1667, 400_000)])
def test_the_work_of_a_spectrum_stays_bounded(n_wavelengths, most):
    assert multiply_adds(build_network("compact", n_wavelengths, 3)) <= most


def test_weights_hardly_grow_with_the_window():
    weights = [build_network("compact", n, 3).count_params() for n in (140, 1667, 5000)]
    assert max(weights) < 1.2 * min(weights)
