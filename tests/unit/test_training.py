"""Learning: the balanced set, the network layer by layer, its training and the scored pool."""

import numpy as np
import pytest
from scipy.stats import entropy as reference_entropy

from active_cnn.campaign.files import open_pool
from active_cnn.campaign.iteration import run_iteration
from active_cnn.errors import CampaignError
from active_cnn.learning.balancing import K_NEIGHBOURS, balance
from active_cnn.learning.network import build_network, load_network, save_network
from active_cnn.learning.predictions import PredictionsFile
from active_cnn.learning.scoring import predict, score_pool
from active_cnn.learning.training import train
from active_cnn.records import TrainingSettings

CLASSES = ("not-interesting", "emission", "double-peak")
SHORT = 36  # wavelengths


def quiet(_phase, _done, _total, _details):
    pass


@pytest.fixture(scope="module")
def labelled():
    """Windows of three classes that a network can tell apart: 45, 33 and 12."""
    rng = np.random.default_rng(8)
    labels = rng.permutation(np.repeat([0, 1, 2], [45, 33, 12])).astype(np.int64)
    x = np.linspace(-1, 1, SHORT)
    shapes = np.stack([-np.exp(-8 * x**2), np.exp(-8 * x**2), np.exp(-60 * (abs(x) - 0.35) ** 2)])
    windows = shapes[labels] + rng.normal(0, 0.1, (len(labels), SHORT))
    return windows.astype(np.float32), labels


# balancing


def test_after_balancing_all_classes_are_equal_and_the_given_rows_come_first(labelled):
    windows, labels = labelled
    filled, filled_labels, reduced = balance(windows, labels, np.random.default_rng(1))
    np.testing.assert_array_equal(np.bincount(filled_labels), [45, 45, 45])
    np.testing.assert_array_equal(filled[:90], windows)
    np.testing.assert_array_equal(filled_labels[:90], labels)
    assert filled.shape == (135, SHORT)
    assert filled.dtype == np.float32
    assert reduced == {}


def test_each_synthetic_spectrum_lies_between_two_of_its_class(labelled):
    windows, labels = labelled
    filled, filled_labels, _ = balance(windows, labels, np.random.default_rng(1))
    for window, label in zip(filled[90:], filled_labels[90:], strict=True):
        members = windows[labels == label]
        distance = np.linalg.norm(members - window, axis=1)
        pairs = distance[:, None] + distance
        apart = np.linalg.norm(members[:, None] - members, axis=2)
        assert (pairs - apart)[apart > 0].min() < 1e-4 * apart.max()


def test_balancing_is_repeated_by_its_seed(labelled):
    first, second, other = (balance(*labelled, np.random.default_rng(n))[0] for n in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_a_small_class_has_fewer_neighbours_and_says_so(labelled):
    windows, labels = labelled
    keep = np.concatenate([np.flatnonzero(labels != 2), np.flatnonzero(labels == 2)[:3]])
    _, filled_labels, reduced = balance(windows[keep], labels[keep], np.random.default_rng(1))
    assert reduced == {2: 2}
    np.testing.assert_array_equal(np.bincount(filled_labels), [45, 45, 45])


@pytest.mark.parametrize(("n", "reduced"), [(2, {1: 1}), (5, {1: 4}), (6, {}), (30, {})])
def test_neighbours_are_limited_by_the_members_of_the_class(n, reduced):
    rng = np.random.default_rng(1)
    windows = rng.normal(size=(30 + n, 8)).astype(np.float32)
    labels = np.repeat([0, 1], [30, n])
    filled, _, found = balance(windows, labels, rng)
    assert found == reduced
    assert len(filled) == 60


def test_balancing_leaves_its_arguments_as_they_were(labelled):
    windows, labels = (array.copy() for array in labelled)
    balance(windows, labels, np.random.default_rng(1))
    np.testing.assert_array_equal(windows, labelled[0])
    np.testing.assert_array_equal(labels, labelled[1])


def test_a_class_of_one_cannot_be_balanced(labelled):
    windows, labels = labelled
    keep = np.concatenate([np.flatnonzero(labels != 2), np.flatnonzero(labels == 2)[:1]])
    with pytest.raises(CampaignError, match="Class 2 has 1 spectrum: SMOTE needs two"):
        balance(windows[keep], labels[keep], np.random.default_rng(1))


# the network


def test_the_papers_network_has_its_2_481_731_parameters():
    assert build_network("paper", 140, 3).count_params() == 2_481_731


def test_the_papers_network_has_the_layers_of_the_paper():
    network = build_network("paper", 140, 3)
    convolutions = [layer for layer in network.layers if type(layer).__name__ == "Conv1D"]
    assert [type(layer).__name__ for layer in network.layers[2:]] == [
        *["Conv1D", "Conv1D", "MaxPooling1D"] * 3,
        "Flatten", "Dense", "Dropout", "Dense", "Dropout", "Dense",
    ]  # fmt: skip
    for layer, filters in zip(convolutions, (64, 64, 128, 128, 256, 256), strict=True):
        assert (layer.filters, layer.kernel_size) == (filters, (3,))
        assert (layer.padding, layer.activation.__name__) == ("valid", "relu")
    assert [tuple(layer.pool_size) for layer in network.layers[4:11:3]] == [(2,)] * 3
    dense = [layer for layer in network.layers if type(layer).__name__ == "Dense"]
    assert [(layer.units, layer.activation.__name__) for layer in dense] == [
        (512, "relu"), (512, "relu"), (3, "softmax")
    ]  # fmt: skip
    dropouts = [layer.rate for layer in network.layers if type(layer).__name__ == "Dropout"]
    assert dropouts == [0.5, 0.5]
    assert (network.input_shape, network.output_shape) == ((None, 140), (None, 3))


@pytest.mark.parametrize(("n_wavelengths", "n_classes"), [(SHORT, 2), (SHORT, 5), (201, 7)])
def test_the_network_adapts_to_the_grid_and_the_classes(n_wavelengths, n_classes):
    network = build_network("paper", n_wavelengths, n_classes)
    windows = np.zeros((4, n_wavelengths), dtype=np.float32)
    probabilities = predict(network, windows)
    assert probabilities.shape == (4, n_classes)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_an_unknown_network_is_refused():
    with pytest.raises(CampaignError, match="no network 'magic'. Choose one of paper"):
        build_network("magic", 140, 3)


def test_a_saved_network_predicts_the_same(tmp_path, labelled):
    network = build_network("paper", SHORT, 3)
    save_network(network, tmp_path / "network.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["network.keras"]
    again = load_network(tmp_path / "network.keras")
    np.testing.assert_array_equal(predict(again, labelled[0]), predict(network, labelled[0]))


@pytest.mark.parametrize("content", [None, b"", b"rubbish"])
def test_a_network_that_cannot_be_loaded_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "network.keras"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CampaignError, match=f"Cannot load the network {path}") as caught:
        load_network(path)
    assert "\n" not in str(caught.value)


# training


def settings(**more):
    return TrainingSettings(**{"max_epochs": 2, "seed": 5, "holdout": 0.2, **more})


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def trained(labelled, told):
    return train(*labelled, CLASSES, settings(), lambda *report: told.append(report))


def test_a_training_tells_counts_before_and_after_balancing(trained):
    # A fifth of each class is held out before the classes are filled up.
    assert trained.counts_before == {"not-interesting": 36, "emission": 26, "double-peak": 10}
    assert trained.counts_after == {"not-interesting": 36, "emission": 36, "double-peak": 36}
    assert trained.notices == ()


def test_the_hold_out_is_stratified_and_gives_a_confusion_matrix(trained):
    confusion = np.array(trained.validation["confusion"])
    assert trained.validation["n"] == 18
    np.testing.assert_array_equal(confusion.sum(axis=1), [9, 7, 2])


def test_loss_and_validation_are_kept_of_each_epoch(trained):
    assert set(trained.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert {len(values) for values in trained.history.values()} == {2}


def test_a_training_reports_its_phase_epochs_and_speed(trained, told):
    assert told[0][:3] == ("balancing", 0, 1)
    phase, done, total, details = told[-1]
    assert (phase, done, total) == ("training", 2, 2)
    assert details["history"] == trained.history
    assert details["spectra_per_second"] > 0
    assert details["seconds"] > 0
    assert [report[1] for report in told] == sorted(report[1] for report in told)


def test_the_same_seed_trains_the_same_network_whatever_is_held_out(labelled, trained):
    windows, labels = labelled
    # What the seed holds out, drawn as the training says: a random fifth, class by class.
    rng = np.random.default_rng(5)
    held_out = []
    for label in range(3):
        members = rng.permutation(np.flatnonzero(labels == label))
        held_out.extend(members[: round(0.2 * len(members))])
    spoilt = windows.copy()
    spoilt[held_out] *= -1
    again = train(spoilt, labels, CLASSES, settings(), quiet)
    np.testing.assert_allclose(again.history["loss"], trained.history["loss"], rtol=1e-5)
    np.testing.assert_allclose(
        predict(again.network, windows), predict(trained.network, windows), atol=1e-5
    )
    assert not np.allclose(again.history["val_loss"], trained.history["val_loss"], rtol=1e-3)


def test_a_training_ends_when_the_loss_stands_still_and_gives_back_the_best_weights(
    labelled, trained
):
    # The first epoch is better than nothing, and no later one is better than it by 0.99.
    stopped = train(*labelled, CLASSES, settings(max_epochs=50, min_delta=0.99, patience=3), quiet)
    assert len(stopped.history["loss"]) == 1 + 3
    first = train(*labelled, CLASSES, settings(max_epochs=1), quiet)
    probabilities = predict(stopped.network, labelled[0])
    np.testing.assert_allclose(probabilities, predict(first.network, labelled[0]), atol=1e-5)
    assert not np.allclose(probabilities, predict(trained.network, labelled[0]), atol=1e-3)


def test_another_seed_trains_another_network_until_the_last_epoch(labelled, trained):
    other = train(
        *labelled, CLASSES, settings(max_epochs=3, min_delta=0, patience=1000, seed=6), quiet
    )
    assert len(other.history["loss"]) == 3
    assert not np.allclose(other.history["loss"][:2], trained.history["loss"], rtol=1e-4)


def test_without_hold_out_and_balancing_every_row_is_trained_on_once(labelled):
    plain = train(*labelled, CLASSES, settings(holdout=0, balance=False, max_epochs=1), quiet)
    assert plain.counts_before == {"not-interesting": 45, "emission": 33, "double-peak": 12}
    assert plain.counts_after == plain.counts_before
    assert plain.validation == {"n": 0, "confusion": []}
    assert "val_loss" not in plain.history


def test_a_tiny_class_gives_a_notice_with_its_name(labelled):
    windows, labels = labelled
    keep = np.concatenate([np.flatnonzero(labels != 2), np.flatnonzero(labels == 2)[:3]])
    trained = train(windows[keep], labels[keep], CLASSES, settings(max_epochs=1), quiet)
    (notice,) = trained.notices
    assert notice == (
        f"SMOTE used 1 neighbours instead of {K_NEIGHBOURS} for class 'double-peak', "
        "which has 2 spectra to learn from."
    )


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("is_balanced", [True, False])
def test_a_class_with_fewer_than_two_members_is_refused_by_its_name(labelled, n, is_balanced):
    windows, labels = labelled
    keep = np.concatenate([np.flatnonzero(labels != 2), np.flatnonzero(labels == 2)[:n]])
    with pytest.raises(CampaignError, match=f"'double-peak' has {n} labelled spectra"):
        train(windows[keep], labels[keep], CLASSES, settings(balance=is_balanced), quiet)


def test_a_training_that_diverges_says_so(labelled):
    windows = labelled[0].copy()
    windows[:, 5] = np.nan
    with pytest.raises(CampaignError, match="diverged: after 1 epochs .* not finite"):
        train(windows, labelled[1], CLASSES, settings(balance=False, max_epochs=1), quiet)


# the pool


class Stop(BaseException):
    """What ends a job in the middle."""


def stop_in(wanted, after=0):
    def report(phase, done, _total, _details):
        if phase == wanted and done >= after:
            raise Stop

    return report


@pytest.fixture(scope="module")
def untrained():
    return build_network("paper", 140, 3)


def test_a_scored_pool_has_its_predictions_row_by_row(store, campaign, untrained, tmp_path):
    pool = open_pool(store, campaign)
    counts = score_pool(untrained, pool, CLASSES, tmp_path / "p.h5", quiet)
    file = PredictionsFile(tmp_path / "p.h5", pool.fingerprint)
    rows = np.flatnonzero(pool.usable)
    probabilities = file.probabilities(rows)
    np.testing.assert_allclose(probabilities, predict(untrained, pool.windows(rows)), atol=1e-6)
    np.testing.assert_array_equal(file.labels()[rows], probabilities.argmax(axis=1))
    np.testing.assert_allclose(
        file.entropy()[rows], reference_entropy(probabilities, axis=1), rtol=1e-5
    )
    assert (file.labels()[~pool.usable] == 255).all()
    assert np.isnan(file.entropy()[~pool.usable]).all()
    assert sum(counts.values()) == len(rows) == 298


def test_scoring_reports_rows_and_speed(store, campaign, untrained, tmp_path):
    told = []
    score_pool(
        untrained, open_pool(store, campaign), CLASSES, tmp_path / "p.h5",
        lambda *report: told.append(report),
    )  # fmt: skip
    assert [report[:3] for report in told] == [("predicting", 0, 300), ("predicting", 300, 300)]
    assert told[-1][3]["spectra_per_second"] > 0


def test_scoring_that_is_stopped_leaves_no_file(store, campaign, untrained, tmp_path):
    folder = tmp_path / "scored"
    folder.mkdir()
    pool = open_pool(store, campaign)
    with pytest.raises(Stop):
        score_pool(untrained, pool, CLASSES, folder / "p.h5", stop_in("predicting", after=1))
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("phase", ["balancing", "training", "predicting"])
def test_an_iteration_that_is_stopped_leaves_no_half_files(store, campaign, phase):
    job = store.add_job(campaign.name, 0, TrainingSettings(max_epochs=1))
    with pytest.raises(Stop):
        run_iteration(store, job, stop_in(phase))
    left = [path.name for path in (store.home / campaign.name / "iterations").rglob("*.*")]
    assert not [name for name in left if name.startswith("unfinished")]
    assert not [name for name in left if name.endswith(".h5")]
    assert store.iteration(campaign.name).state == "new"
