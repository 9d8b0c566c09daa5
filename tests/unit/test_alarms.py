"""A training that learned nothing says so; one that learned something does not."""

import numpy as np
import pytest

from active_cnn.evaluation.alarms import can_be_judged, find_failure
from active_cnn.learning.presentation import Labelled
from active_cnn.learning.training import train
from active_cnn.recipes import TrainingSettings

CLASSES = ("not-interesting", "emission", "double-peak")
IS_TARGET = np.array([False, True, True])
WIDTH = 60
SHORT = TrainingSettings(
    augmentation=False, background=0, answer_weight=1, max_epochs=8, batch_size=16, holdout=0.3
)


def quiet(_phase, _done, _total, _details):
    pass


@pytest.fixture(scope="module")
def spectra():
    """Windows of three classes that a network can tell apart, and their labels."""
    rng = np.random.default_rng(4)
    labels = rng.permutation(np.repeat([0, 1, 2], [60, 30, 30]))
    x = np.linspace(-1, 1, WIDTH)
    shapes = np.stack([-np.exp(-8 * x**2), np.exp(-8 * x**2), np.exp(-60 * (abs(x) - 0.35) ** 2)])
    return (shapes[labels] + rng.normal(0, 0.1, (len(labels), WIDTH)) + 5, labels)


def learn(flux, labels, **settings):
    labelled = Labelled(flux, labels, np.zeros(len(labels), dtype=bool), CLASSES, CLASSES[1:])
    return train(labelled, TrainingSettings(**{**vars(SHORT), **settings}), quiet)


def test_a_training_that_learns_raises_no_alarm(spectra):
    assert learn(*spectra).alarms == ()


def test_labels_without_a_meaning_teach_nothing(spectra):
    flux, labels = spectra
    (alarm,) = learn(flux, np.random.default_rng(1).permutation(labels)).alarms
    assert "no better than chance" in alarm or "calls all" in alarm


def test_without_a_hold_out_the_network_is_asked_about_what_it_was_taught(spectra):
    flux, labels = spectra
    labels = np.random.default_rng(1).permutation(labels)
    (alarm,) = learn(flux, labels, holdout=0.0, learning_rate=1e-6, max_epochs=1).alarms
    assert alarm.startswith("Of spectra that it was trained on, the network ")


def test_a_network_that_is_too_sure_but_right_has_learned():
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, 100)
    right = rng.random(100) < 0.8
    said = np.where(right, labels, 1 - labels)
    probabilities = np.where(np.eye(3)[said] > 0, 1 - 1e-6, 5e-7)
    assert find_failure(probabilities, labels, CLASSES, IS_TARGET) is None


@pytest.mark.parametrize(
    ("probabilities", "said"),
    [
        (np.tile([0.5, 0.3, 0.2], (40, 1)), "gives all 40 the same probabilities"),
        (
            np.stack([np.linspace(0.6, 0.9, 40), np.linspace(0.4, 0.1, 40), np.zeros(40)], 1),
            "calls all 40 'not-interesting', of which 20 are targets",
        ),
        (
            np.tile([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0], [0.2, 0.8, 0.0], [0.8, 0.2, 0.0]], (10, 1)),
            "ranks the 20 targets among 40 no better than chance would (area under the ROC curve "
            "0.50, chance 0.50)",
        ),
    ],
)
def test_what_a_failed_network_does_is_named(probabilities, said):
    labels = np.tile([0, 0, 1, 2], 10)
    labels = labels if "ranks" not in said else np.tile([0, 0, 1, 1], 10)
    assert find_failure(probabilities, labels, CLASSES, IS_TARGET) == said


def test_chance_alone_raises_an_alarm_nineteen_times_of_twenty():
    rng = np.random.default_rng(3)
    labels = np.repeat([0, 1], [80, 20])
    alarms = [
        find_failure(rng.dirichlet([1, 1, 1], 100), labels, CLASSES, IS_TARGET) is not None
        for _ in range(400)
    ]
    assert np.mean(alarms) == pytest.approx(0.95, abs=0.03)


def test_too_few_targets_or_others_are_no_proof():
    assert not can_be_judged(np.array([0] * 50 + [1] * 4), IS_TARGET)
    assert not can_be_judged(np.array([0] * 4 + [1] * 50), IS_TARGET)
    assert can_be_judged(np.array([0] * 5 + [2] * 5), IS_TARGET)
