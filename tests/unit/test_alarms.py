"""Each alarm, brought about by a real training; a dead one is tried again, a good one is quiet."""

import numpy as np
import pytest

from active_cnn.campaign import checkpoint
from active_cnn.evaluation.alarms import (
    BELOW_BASELINE,
    CHANCE,
    CONSTANT,
    LOSS,
    NEVER_PREDICTED,
    ONE_CLASS,
    SAME_FEATURES,
    WHOLE_POOL,
    can_be_judged,
    find_failure,
    find_high_loss,
    find_one_sided_pool,
    find_same_features,
)
from active_cnn.evaluation.ranking import average_precision, is_ranked_worse
from active_cnn.learning.baseline import fit_baseline
from active_cnn.learning.network import save_network
from active_cnn.learning.presentation import Labelled
from active_cnn.learning.training import GENTLER, train
from active_cnn.recipes import TrainingSettings
from active_cnn.spectra.preprocessing import rescale
from active_cnn.spectra.scaling import Scaling

CLASSES = ("not-interesting", "emission", "double-peak")
IS_TARGET = np.array([False, True, True])
WIDTH = 60
SHORT = TrainingSettings(
    augmentation=False, background=0, answer_weight=1, max_epochs=8, batch_size=16, holdout=0.3
)
# With it, all units of this network are off after a step or two, for every spectrum.
DEADLY = {"network": "paper", "learning_rate": 0.2}


def quiet(_phase, _done, _total, _details):
    pass


def draw(labels, strength=1.0):
    """Draw spectra of three classes that a network can tell apart."""
    x = np.linspace(-1, 1, WIDTH)
    shapes = np.stack([-np.exp(-8 * x**2), np.exp(-8 * x**2), np.exp(-60 * (abs(x) - 0.35) ** 2)])
    noise = np.random.default_rng(4).normal(0, 0.1, (len(labels), WIDTH))
    return strength * shapes[labels] + noise + 5


@pytest.fixture(scope="module")
def labels():
    return np.random.default_rng(4).permutation(np.repeat([0, 1, 2], [60, 30, 30]))


@pytest.fixture(scope="module")
def shuffled(labels):
    return np.random.default_rng(1).permutation(labels)


def learn(flux, labels, **settings):
    labelled = Labelled(
        flux, labels, np.zeros(len(labels), dtype=bool), CLASSES, CLASSES[1:], Scaling()
    )
    return train(labelled, TrainingSettings(**{**vars(SHORT), **settings}), quiet)


def codes(trained):
    return {one.code for one in trained.alarms}


@pytest.fixture(scope="module")
def dead(labels):
    return learn(draw(labels), labels, **DEADLY)


def test_a_training_that_learns_raises_no_alarm(labels):
    trained = learn(draw(labels), labels)
    assert trained.alarms == ()
    assert trained.notices == ()
    assert trained.ranking.network == pytest.approx(1)
    assert trained.ranking.baseline == pytest.approx(1)
    assert (trained.ranking.n, trained.ranking.n_targets) == (36, 18)


def test_a_dead_network_gives_constant_probabilities_and_the_same_features(dead):
    assert {CONSTANT, SAME_FEATURES, BELOW_BASELINE} <= codes(dead)
    (failure,) = dead.failures
    assert (
        failure.text
        == "Of held-out spectra, the network gives all 36 nearly the same probabilities."
    )
    assert "Train the iteration again" in failure.advice


def test_a_training_that_is_dead_twice_says_so_and_keeps_what_was_asked_for(dead):
    assert "tried again once by itself" in dead.notices[0]
    assert "rate of 0.04 instead of 0.2; it learned nothing either." in dead.notices[0]
    assert dead.settings.learning_rate == 0.2


def test_a_dead_training_comes_to_life_with_a_gentler_schedule(labels):
    trained = learn(draw(labels), labels, **{**DEADLY, "learning_rate": 0.03})
    assert trained.alarms == ()
    assert "gives all 36 nearly the same probabilities" in trained.notices[0]
    assert "rate of 0.006 instead of 0.03: this is its result." in trained.notices[0]
    assert trained.settings.learning_rate == pytest.approx(0.03 / GENTLER)


def test_a_diverged_training_is_tried_again_too(labels):
    trained = learn(draw(labels), labels, **{**DEADLY, "learning_rate": 0.5}, max_epochs=4)
    assert "The training diverged" in trained.notices[0]
    assert trained.settings.learning_rate == 0.1


@pytest.mark.parametrize("seed", range(3))
def test_a_network_as_it_was_before_the_training_has_learned_nothing(labels, seed):
    trained = learn(draw(labels), labels, learning_rate=1e-12, max_epochs=1, seed=seed)
    assert trained.failures


def test_labels_without_a_meaning_teach_nothing(labels, shuffled):
    trained = learn(draw(labels), shuffled, max_epochs=30, monitor="training loss")
    assert codes(trained) & {CHANCE, ONE_CLASS}
    (high,) = [one for one in trained.alarms if one.code == LOSS]
    assert not high.is_failure
    assert "not below 1.04, that of the class shares" in high.text


def test_the_loss_of_the_class_shares_is_that_of_the_best_who_does_not_look():
    labels = np.repeat([0, 1, 2], [80, 15, 5])
    allowed = np.eye(3)[labels]
    # Twenty more that may be of the first class or the second, and count half.
    allowed = np.concatenate([allowed, np.tile([1, 1, 0], (20, 1))])
    weights = np.repeat([1, 0.5], [100, 20])
    # By hand: of 110, 5 are of the third class; the others share the rest as 80 to 15.
    shares = np.array([105 / 110 * 80 / 95, 105 / 110 * 15 / 95, 5 / 110])
    same = np.tile(shares, (120, 1))
    alarm = find_high_loss(same, allowed, weights)
    loss = -(weights * np.log((allowed * same).sum(axis=1))).sum() / 110
    assert f"is {loss:.3g}, not below {loss:.3g}, that of the class shares" in alarm.text
    assert find_high_loss(0.9 * same + 0.1 * allowed, allowed, weights) is None
    # Meant for classes that are equally frequent, and right: no alarm where they count alike.
    meant = np.full((100, 3), 0.3) + 0.1 * np.eye(3)[labels]
    assert find_high_loss(meant, np.eye(3)[labels], np.ones(100)).code == LOSS
    assert find_high_loss(meant, np.eye(3)[labels], 1 / np.bincount(labels)[labels]) is None


def test_without_a_hold_out_the_network_is_asked_about_what_it_was_taught(labels, shuffled):
    trained = learn(draw(labels), shuffled, holdout=0.0, learning_rate=1e-6, max_epochs=1)
    (failure,) = trained.failures
    assert failure.text.startswith("Of spectra that it was trained on, the network ")
    assert trained.ranking is None


def test_a_rare_class_that_looks_like_another_is_never_predicted(labels):
    rare = np.where(labels == 0, 0, np.where(np.arange(len(labels)) % 3 == 0, 2, 1))
    (alarm,) = learn(draw(np.minimum(labels, 1)), rare, max_epochs=4).alarms
    assert alarm.code == NEVER_PREDICTED
    assert alarm.text == (
        "The network calls none of 36 held-out spectra 'double-peak', though 5 of them are."
    )


def test_a_network_that_had_no_time_is_below_the_baseline(labels):
    trained = learn(draw(labels, 0.15), labels, learning_rate=1e-3, max_epochs=3)
    (alarm,) = trained.alarms
    assert alarm.code == BELOW_BASELINE
    assert f"{trained.ranking.network:.3f}" in alarm.text
    assert "baseline" in alarm.text
    assert trained.ranking.network < trained.ranking.baseline


def test_what_was_found_out_is_there_after_an_interruption(tmp_path, dead):
    path = tmp_path / "network-1.keras"
    save_network(dead.network, path)
    checkpoint.keep(path, {"seed": 1}, dead)
    _, again = checkpoint.find(tmp_path, {"seed": 1})
    assert (again.alarms, again.ranking, again.settings) == (
        dead.alarms, dead.ranking, dead.settings
    )  # fmt: skip
    window = np.ones((1, WIDTH))
    np.testing.assert_allclose(again.baseline(window), dead.baseline(window))


def test_a_pool_that_is_all_targets_is_no_pool():
    assert find_one_sided_pool({"other": 3, "emission": 2}, ["emission"]) is None
    assert find_one_sided_pool({"other": 5, "emission": 0}, ["emission"]) is None
    alarm = find_one_sided_pool({"other": 0, "emission": 5}, ["emission"])
    assert alarm.code == WHOLE_POOL
    assert alarm.text == "The network calls every spectrum of the pool 'emission'."


def test_spectra_that_are_there_twice_may_have_the_same_features():
    windows = np.repeat(np.eye(6, dtype=np.float32), 2, axis=0)
    assert find_same_features(windows, windows) is None
    assert find_same_features(windows[:, :1], windows).code == SAME_FEATURES


def test_the_baseline_is_components_and_a_regression(labels):
    windows, is_target = rescale(draw(labels)), labels > 0
    score = fit_baseline(windows, is_target)(windows)
    assert ((score > 0) == is_target).all()


def test_average_precision_is_that_of_scikit_learn_with_ties_and_weights():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(7)
    score, truth = rng.integers(0, 20, 200).astype(float), rng.random(200) < 0.2
    weights = rng.integers(0, 4, (3, 200)).astype(float)
    expected = [metrics.average_precision_score(truth, score, sample_weight=w) for w in weights]
    np.testing.assert_allclose(average_precision(score, truth, weights), expected)
    assert average_precision(score, truth) == pytest.approx(
        metrics.average_precision_score(truth, score)
    )


def test_one_ranking_is_worse_than_another_only_beyond_noise():
    rng = np.random.default_rng(8)
    truth = np.repeat([True, False], [20, 200])
    good = truth * 3 + rng.normal(size=220)
    assert is_ranked_worse(rng.normal(size=220), good, truth, rng)
    assert not is_ranked_worse(good, rng.normal(size=220), truth, rng)
    assert not is_ranked_worse(good, good + rng.normal(0, 0.1, 220), truth, rng)
    assert not is_ranked_worse(good, good, truth, rng)


def test_a_network_that_is_too_sure_but_right_has_learned():
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, 100)
    right = rng.random(100) < 0.8
    said = np.where(right, labels, 1 - labels)
    probabilities = np.where(np.eye(3)[said] > 0, 1 - 1e-6, 5e-7)
    assert find_failure(probabilities, labels, CLASSES, IS_TARGET, "spectra") is None


@pytest.mark.parametrize(
    ("probabilities", "said"),
    [
        (np.tile([0.5, 0.3, 0.2], (40, 1)), "gives all 40 nearly the same probabilities"),
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
    found = find_failure(probabilities, labels, CLASSES, IS_TARGET, "spectra")
    assert found.text == f"Of spectra, the network {said}."
    assert found.is_failure


def test_chance_alone_raises_an_alarm_nineteen_times_of_twenty():
    rng = np.random.default_rng(3)
    labels = np.repeat([0, 1], [80, 20])
    alarms = [
        find_failure(rng.dirichlet([1, 1, 1], 100), labels, CLASSES, IS_TARGET, "them") is not None
        for _ in range(400)
    ]
    assert np.mean(alarms) == pytest.approx(0.95, abs=0.03)


def test_too_few_targets_or_others_are_no_proof():
    assert not can_be_judged(np.array([0] * 50 + [1] * 4), IS_TARGET)
    assert not can_be_judged(np.array([0] * 4 + [1] * 50), IS_TARGET)
    assert can_be_judged(np.array([0] * 5 + [2] * 5), IS_TARGET)
