"""Learning: the balanced set, the network layer by layer, its training and the scored pool."""

import dataclasses
import shutil
import sys

import keras
import numpy as np
import pytest
import tensorflow
from scipy.special import softmax
from scipy.stats import entropy as reference_entropy

from active_cnn.campaign import iteration
from active_cnn.campaign.files import open_pool
from active_cnn.campaign.iteration import run_iteration
from active_cnn.engine import open_engine
from active_cnn.errors import CampaignError, EngineError, StoreError
from active_cnn.grid import Grid
from active_cnn.learning import keras_runtime, scoring
from active_cnn.learning.balancing import K_NEIGHBOURS, balance
from active_cnn.learning.keras_runtime import export_network
from active_cnn.learning.network import (
    NETWORKS,
    build_network,
    load_network,
    save_network,
    with_logits,
)
from active_cnn.learning.objective import partial_label_loss
from active_cnn.learning.predictions import PredictionsFile, PredictionsWriter
from active_cnn.learning.presentation import Labelled, present
from active_cnn.learning.runtime import load_runtime
from active_cnn.learning.scoring import predict, score_pool
from active_cnn.learning.training import train, train_once
from active_cnn.recipes import HELD_OUT, RECIPES, TrainingSettings
from active_cnn.spectra.preprocessing import rescale
from active_cnn.spectra.scaling import Scaling

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
        "Flatten", "Dense", "Dropout", "Dense", "Dropout", "Dense", "Softmax",
    ]  # fmt: skip
    for layer, filters in zip(convolutions, (64, 64, 128, 128, 256, 256), strict=True):
        assert (layer.filters, layer.kernel_size) == (filters, (3,))
        assert (layer.padding, layer.activation.__name__) == ("valid", "relu")
    assert [tuple(layer.pool_size) for layer in network.layers[4:11:3]] == [(2,)] * 3
    dense = [layer for layer in network.layers if type(layer).__name__ == "Dense"]
    assert [(layer.units, layer.activation.__name__) for layer in dense] == [
        (512, "relu"), (512, "relu"), (3, "linear")
    ]  # fmt: skip
    dropouts = [layer.rate for layer in network.layers if type(layer).__name__ == "Dropout"]
    assert dropouts == [0.5, 0.5]
    assert (network.input_shape, network.output_shape) == ((None, 140), (None, 3))


def test_the_compact_network_keeps_the_position_and_has_its_64_723_parameters():
    network = build_network("compact", 140, 3)
    assert network.count_params() == 64_723
    assert not [layer for layer in network.layers if "GlobalAverage" in type(layer).__name__]


@pytest.mark.parametrize("name", ["compact", "paper"])
@pytest.mark.parametrize(("n_wavelengths", "n_classes"), [(SHORT, 2), (SHORT, 5), (201, 7)])
def test_the_network_adapts_to_the_grid_and_the_classes(name, n_wavelengths, n_classes):
    network = build_network(name, n_wavelengths, n_classes)
    windows = np.zeros((4, n_wavelengths), dtype=np.float32)
    probabilities = predict(network, windows)
    assert probabilities.shape == (4, n_classes)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_an_unknown_network_is_refused():
    with pytest.raises(CampaignError, match="no network 'magic'. Choose one of compact, paper"):
        build_network("magic", 140, 3)


def test_a_saved_network_predicts_the_same(tmp_path, labelled):
    network = build_network("paper", SHORT, 3)
    save_network(network, tmp_path / "network.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["network.keras"]
    again = load_network(tmp_path / "network.keras")
    np.testing.assert_array_equal(predict(again, labelled[0]), predict(network, labelled[0]))


def test_the_logits_are_those_of_the_probabilities(labelled):
    network = build_network("compact", SHORT, 3)
    logits = with_logits(network).predict(labelled[0], verbose=0)
    np.testing.assert_allclose(
        softmax(logits, axis=1), predict(network, labelled[0]), rtol=1e-4, atol=1e-7
    )


def test_a_network_of_an_earlier_version_predicts_and_has_its_features(tmp_path, labelled):
    inputs = keras.Input((SHORT,))
    hidden = keras.layers.Dense(7, activation="relu")(inputs)
    outputs = keras.layers.Dense(3, activation="softmax")(hidden)
    save_network(keras.Model(inputs, outputs), tmp_path / "network.keras")
    network = load_network(tmp_path / "network.keras")
    expected = keras.Model(inputs, [outputs, hidden]).predict(labelled[0], verbose=0)
    for path in (
        tmp_path / "network.keras",
        export_network(network, tmp_path / "n", labelled[0])[0],
    ):
        found = load_runtime(path, 1).predict(labelled[0])
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


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
    seed = dataclasses.replace(RECIPES["notebook"], max_epochs=2, seed=5, holdout=0.2)
    return dataclasses.replace(seed, **more)


def known(windows, labels):
    scaling = Scaling(Grid.of(n=windows.shape[1]))
    return Labelled(windows, labels, np.zeros(len(labels), bool), CLASSES, CLASSES[1:], scaling)


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def trained(labelled, told):
    return train(known(*labelled), settings(), lambda *report: told.append(report))


def test_a_training_tells_counts_before_and_after_balancing(trained):
    # A fifth of each class is held out before the classes are filled up.
    assert trained.counts_before == {"not-interesting": 36, "emission": 26, "double-peak": 10}
    assert trained.counts_after == {"not-interesting": 36, "emission": 36, "double-peak": 36}
    assert trained.notices == ()


def test_the_hold_out_is_stratified_and_gives_a_confusion_matrix(trained):
    confusion = np.array(trained.validation["confusion"])
    assert trained.validation["n"] == 18
    np.testing.assert_array_equal(confusion.sum(axis=1), [9, 7, 2])


def test_what_the_network_says_of_the_hold_out_is_kept_for_calibration(trained):
    kept, labels = (np.array(trained.validation[k]) for k in ("probabilities", "labels"))
    np.testing.assert_allclose(kept.sum(axis=1), np.ones(18), atol=1e-6)
    confusion = np.zeros((3, 3), dtype=int)
    np.add.at(confusion, (labels, kept.argmax(axis=1)), 1)
    assert confusion.tolist() == trained.validation["confusion"]


def test_loss_and_validation_are_kept_of_each_epoch(trained):
    assert set(trained.history) == {"loss", "val_loss"}
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
    again = train(known(spoilt, labels), settings(), quiet)
    np.testing.assert_allclose(again.history["loss"], trained.history["loss"], rtol=1e-5)
    np.testing.assert_allclose(
        predict(again.network, windows), predict(trained.network, windows), atol=1e-5
    )
    assert not np.allclose(again.history["val_loss"], trained.history["val_loss"], rtol=1e-3)


def test_a_training_ends_when_the_loss_stands_still_and_gives_back_the_best_weights(
    labelled, trained
):
    # The first epoch is better than nothing, and no later one is better than it by 0.99.
    patient = settings(max_epochs=50, min_delta=0.99, patience=3)
    stopped = train_once(known(*labelled), patient, quiet)
    assert len(stopped.history["loss"]) == 1 + 3
    first = train_once(known(*labelled), settings(max_epochs=1), quiet)
    probabilities = predict(stopped.network, labelled[0])
    np.testing.assert_allclose(probabilities, predict(first.network, labelled[0]), atol=1e-5)
    assert not np.allclose(probabilities, predict(trained.network, labelled[0]), atol=1e-3)


def test_another_seed_trains_another_network_until_the_last_epoch(labelled, trained):
    endless = settings(max_epochs=3, min_delta=0, patience=1000, seed=6)
    other = train(known(*labelled), endless, quiet)
    assert len(other.history["loss"]) == 3
    assert not np.allclose(other.history["loss"][:2], trained.history["loss"], rtol=1e-4)


def test_without_hold_out_and_balancing_every_row_is_trained_on_once(labelled):
    once = settings(holdout=0, balancing="none", max_epochs=1)
    plain = train(known(*labelled), once, quiet)
    assert plain.counts_before == {"not-interesting": 45, "emission": 33, "double-peak": 12}
    assert plain.counts_after == plain.counts_before
    assert plain.validation == {"n": 0, "confusion": []}
    assert "val_loss" not in plain.history


def test_a_training_that_should_be_stopped_by_what_is_held_out_says_when_there_is_none(labelled):
    once = settings(holdout=0, max_epochs=1, monitor=HELD_OUT)
    (notice,) = train_once(known(*labelled), once, quiet).notices
    assert notice == "Nothing is held out: the training was stopped by its own loss."


def test_a_tiny_class_gives_a_notice_with_its_name(labelled):
    windows, labels = labelled
    keep = np.concatenate([np.flatnonzero(labels != 2), np.flatnonzero(labels == 2)[:3]])
    trained = train_once(known(windows[keep], labels[keep]), settings(max_epochs=1), quiet)
    (notice,) = trained.notices
    assert notice == (
        f"SMOTE used 1 neighbours instead of {K_NEIGHBOURS} for class 'double-peak', "
        "which has 2 spectra to learn from."
    )


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("balancing", ["smote", "none"])
def test_a_class_with_fewer_than_two_members_is_refused_by_its_name(labelled, n, balancing):
    windows, labels = labelled
    keep = np.concatenate([np.flatnonzero(labels != 2), np.flatnonzero(labels == 2)[:n]])
    with pytest.raises(CampaignError, match=f"'double-peak' has {n} labelled spectr"):
        train(known(windows[keep], labels[keep]), settings(balancing=balancing), quiet)


def test_a_training_that_diverges_says_so(labelled, monkeypatch):
    def build(n_wavelengths, n_classes):
        network = NETWORKS["paper"](n_wavelengths, n_classes)
        network.set_weights([weights * np.nan for weights in network.get_weights()])
        return network

    monkeypatch.setitem(NETWORKS, "broken", build)
    with pytest.raises(CampaignError, match="diverged: after 1 epochs .* not finite"):
        train(known(*labelled), settings(network="broken", max_epochs=1), quiet)


def test_a_device_without_memory_gets_half_the_batch(labelled, monkeypatch):
    whole = train(known(*labelled), settings(batch_size=32), quiet)
    fit = keras.Model.fit

    def fit_if_small(network, batches, **options):
        if len(batches[0][0]) > 32:
            raise RuntimeError("OOM when allocating tensor")
        return fit(network, batches, **options)

    monkeypatch.setattr(keras.Model, "fit", fit_if_small)
    halved = train(known(*labelled), settings(batch_size=128), quiet)
    assert halved.notices == (
        "The device has no memory for batches of 128 spectra: batches of 32 were used.",
    )
    np.testing.assert_allclose(halved.history["loss"], whole.history["loss"], rtol=1e-5)


# the compact recipe


@pytest.fixture(scope="module")
def pool_flux():
    """What nobody has looked at: noise, and no line."""
    return 50 * (1 + np.random.default_rng(4).normal(0, 0.1, (300, SHORT)))


@pytest.fixture(scope="module")
def flux(labelled):
    """The labelled spectra with a continuum, as an archive has them."""
    return 100 * (1 + 0.5 * labelled[0].astype(np.float64)), labelled[1]


def test_the_compact_recipe_learns_what_it_is_shown(flux, pool_flux):
    compact = dataclasses.replace(RECIPES["compact"], max_epochs=4, seed=1, holdout=0.2)
    first, again = (train(known(*flux), compact, quiet, pool_flux) for _ in range(2))
    np.testing.assert_array_equal(again.history["val_loss"], first.history["val_loss"])
    confusion = np.array(first.validation["confusion"])
    assert confusion.sum() == 18
    assert np.trace(confusion) > 13
    # Spectra of the pool without a line are no targets, at any height of the noise.
    targets = predict(first.network, rescale(pool_flux))[:, 1:].sum(axis=1)
    assert (targets > 0.5).mean() < 0.1


def test_class_weights_make_every_class_count_alike(labelled):
    windows, labels = labelled
    shown = present(
        known(windows, labels), known(windows[:0], labels[:0]), None,
        settings(balancing="class weights", batch_size=90), np.random.default_rng(1),
    )  # fmt: skip
    _, allowed, weight = shown.batches[0]
    np.testing.assert_allclose(weight @ allowed, [30, 30, 30], rtol=1e-5)


def test_the_loss_is_the_cross_entropy_where_one_class_is_allowed():
    logits = np.log([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]]).astype(np.float32) + 3
    allowed = np.array([[0, 1, 0], [0, 0, 1]], dtype=np.float32)
    found = np.asarray(partial_label_loss()(allowed, logits))
    np.testing.assert_allclose(found, -np.log([0.2, 0.6]), rtol=1e-5)


def test_a_spectrum_that_may_be_of_two_classes_is_as_right_as_both_together():
    allowed = np.array([[1, 0, 1]], dtype=np.float32)
    found = np.asarray(partial_label_loss()(allowed, np.log([[0.3, 0.5, 0.2]]).astype("float32")))
    np.testing.assert_allclose(found, -np.log([0.5]), rtol=1e-5)


def test_with_logit_adjustment_a_frequent_class_has_to_be_said_less_surely():
    # Menon et al. (2021), eq. 10: cross-entropy of the logits plus the logarithms of the shares.
    prior, logits = np.array([0.8, 0.15, 0.05]), np.array([1.0, 0.5, -0.2])
    allowed = np.eye(3, dtype=np.float32)[[2]]
    found = np.asarray(partial_label_loss(prior)(allowed, logits[None].astype(np.float32)))
    expected = -np.log(softmax(logits + np.log(prior))[2])
    np.testing.assert_allclose(found, [expected], rtol=1e-4)


def test_a_network_that_is_wrong_and_quite_sure_is_still_led_back():
    allowed = tensorflow.constant([[0.0, 0.0, 1.0]])
    logits = tensorflow.Variable([[80.0, 0.0, -80.0]])
    with tensorflow.GradientTape() as tape:
        loss = partial_label_loss()(allowed, logits)
    np.testing.assert_allclose(loss, [160], rtol=1e-5)
    np.testing.assert_allclose(tape.gradient(loss, logits), [[1, 0, -1]], atol=1e-6)


def test_where_every_class_is_sought_nothing_of_the_pool_is_shown(flux, pool_flux):
    everything = dataclasses.replace(known(*flux), targets=CLASSES)
    shown = present(everything, everything, pool_flux, RECIPES["compact"], np.random.default_rng(1))
    _, allowed, _ = shown.batches[0]
    np.testing.assert_array_equal(allowed.sum(axis=1), 1)
    assert len(shown.held_out[0]) == len(flux[0])


def test_an_augmentation_needs_spectra_of_the_pool(flux):
    with pytest.raises(CampaignError, match="no usable spectrum of the pool is left"):
        train(known(*flux), RECIPES["compact"], quiet, np.empty((0, SHORT)))


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


def score(network, pool, folder, report=quiet, threads=1):
    folder.mkdir(exist_ok=True)
    save_network(network, folder / "network-1.keras")
    with open_engine(threads=threads) as engine:
        return score_pool(
            folder / "network-1.keras", network, pool, CLASSES, folder / "p.h5", report, engine
        )


def test_a_scored_pool_has_its_predictions_row_by_row(store, campaign, untrained, tmp_path):
    pool = open_pool(store, campaign)
    scored = score(untrained, pool, tmp_path / "scored")
    file = PredictionsFile(tmp_path / "scored" / "p.h5", pool.fingerprint)
    rows = np.flatnonzero(pool.usable)
    probabilities = file.probabilities(rows)
    np.testing.assert_allclose(probabilities, predict(untrained, pool.windows(rows)), atol=1e-5)
    np.testing.assert_array_equal(file.labels()[rows], probabilities.argmax(axis=1))
    np.testing.assert_allclose(
        file.entropy()[rows], reference_entropy(probabilities, axis=1), rtol=1e-5
    )
    assert (file.labels()[~pool.usable] == 255).all()
    assert np.isnan(file.entropy()[~pool.usable]).all()
    assert sum(scored.counts.values()) == len(rows) == 298
    assert scored.runtime.startswith("OpenVINO")
    assert scored.notices == ()


def test_the_predictions_do_not_depend_on_how_many_work(
    store, campaign, untrained, tmp_path, monkeypatch
):
    monkeypatch.setattr(scoring, "STRETCH", 64)
    pool = open_pool(store, campaign)
    found = []
    for threads in (1, 3):
        score(untrained, pool, tmp_path / str(threads), threads=threads)
        found.append((tmp_path / str(threads) / "p.h5").read_bytes())
    assert found[0] == found[1]


@pytest.mark.parametrize("trouble", ["differs", "missing"])
def test_keras_predicts_where_the_exported_network_cannot_be_trusted(
    store, campaign, untrained, tmp_path, monkeypatch, trouble
):
    if trouble == "differs":
        monkeypatch.setattr(keras_runtime, "TOLERANCE", -1.0)
    else:
        monkeypatch.setitem(sys.modules, "openvino", None)
    pool = open_pool(store, campaign)
    scored = score(untrained, pool, tmp_path / "scored")
    assert scored.runtime == "Keras on tensorflow"
    (notice,) = scored.notices
    assert notice.startswith("The ")
    assert notice.endswith("Keras predicts.")
    assert sorted(path.name for path in (tmp_path / "scored").iterdir()) == [
        "network-1.keras",
        "p.h5",
    ]
    rows = np.flatnonzero(pool.usable)
    probabilities = PredictionsFile(tmp_path / "scored" / "p.h5", pool.fingerprint).probabilities(
        rows
    )
    np.testing.assert_allclose(probabilities, predict(untrained, pool.windows(rows)), atol=1e-6)


def test_a_device_without_memory_predicts_in_smaller_batches(untrained, monkeypatch):
    windows = np.zeros((40, 140), dtype=np.float32)
    windows[:, ::2] = 1
    sizes = []

    def predict_if_small(network, windows, batch_size, **_):
        sizes.append(batch_size)
        if batch_size > 16:
            raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory")
        return [output.numpy() for output in network(windows)]

    expected = predict(untrained, windows)
    monkeypatch.setattr(keras_runtime, "KERAS_BATCH", 64)
    monkeypatch.setattr(keras.Model, "predict", predict_if_small)
    network = keras_runtime.KerasRuntime(untrained)
    np.testing.assert_allclose(network.predict(windows)[0], expected, atol=1e-6)
    network.predict(windows)
    assert sizes == [64, 32, 16, 16]


def test_scoring_reports_rows_and_speed(store, campaign, untrained, tmp_path):
    told = []
    score(untrained, open_pool(store, campaign), tmp_path, lambda *report: told.append(report))
    assert [report[:3] for report in told] == [("predicting", 0, 300), ("predicting", 300, 300)]
    assert told[-1][3]["spectra_per_second"] > 0


def test_scoring_that_is_stopped_leaves_the_network_alone(store, campaign, untrained, tmp_path):
    pool = open_pool(store, campaign)
    with pytest.raises(Stop):
        score(untrained, pool, tmp_path / "scored", stop_in("predicting", after=1))
    assert [path.name for path in (tmp_path / "scored").iterdir()] == ["network-1.keras"]


@pytest.mark.parametrize("phase", ["balancing", "training", "predicting"])
def test_an_iteration_that_is_stopped_leaves_no_half_files(store, campaign, phase):
    job = store.add_job(campaign.name, 0, TrainingSettings(max_epochs=1))
    with pytest.raises(Stop):
        run_iteration(store, job, stop_in(phase))
    left = [path.name for path in (store.home / campaign.name / "iterations").rglob("*.*")]
    assert not [name for name in left if name.startswith("unfinished")]
    assert not [name for name in left if name.endswith(".h5")]
    assert store.iteration(campaign.name).state == "new"


def test_after_a_failure_the_network_is_not_trained_again(store, campaign, monkeypatch):
    settings = TrainingSettings(max_epochs=1, background=0)
    job = store.add_job(campaign.name, 0, settings)

    def fail(*_):
        raise EngineError("The scheduler was lost.")

    monkeypatch.setattr(iteration, "score_pool", fail)
    with pytest.raises(EngineError, match="was lost"):
        run_iteration(store, job, quiet)
    monkeypatch.undo()
    phases = []
    again = dataclasses.replace(job, number=job.number + 1)
    result = run_iteration(store, again, lambda phase, *_: phases.append(phase))
    assert "training" not in phases
    assert result.network_file == f"network-{job.number}.keras"
    assert "Its network had been trained already." in result.notices
    # With other settings it is another network.
    other = dataclasses.replace(again, settings=dataclasses.replace(settings, seed=9))
    run_iteration(store, other, lambda phase, *_: phases.append(phase))
    assert "training" in phases


def test_a_scheduler_that_is_none_is_told_before_the_training(store, campaign):
    job = store.add_job(campaign.name, 0, TrainingSettings(max_epochs=1, background=0))
    with pytest.raises(EngineError, match="'nowhere' is no scheduler"):
        run_iteration(store, job, stop_in("training"), "nowhere")


def test_predictions_that_the_disk_has_no_room_for_are_refused_before_they_begin(
    tmp_path, monkeypatch
):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=60 * 2**20))
    with pytest.raises(StoreError, match="predictions of 1000000 spectra need 69 MB .* 63 MB are"):
        PredictionsWriter(tmp_path / "p.h5", 1_000_000, CLASSES, "f")
    assert not list(tmp_path.iterdir())
