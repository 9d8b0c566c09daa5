"""The file of predictions: complete or absent, in the pool's order, of the pool it belongs to."""

import h5py
import numpy as np
import pytest
from scipy.stats import entropy as reference_entropy

from active_cnn.errors import StoreError
from active_cnn.learning.predictions import (
    MOST_SELECTED,
    NOT_PREDICTED,
    PredictionsFile,
    PredictionsWriter,
    entropy,
)

CLASSES = ("not-interesting", "emission", "double-peak")
N = 40


@pytest.fixture
def values():
    return np.random.default_rng(1).dirichlet([0.3, 0.3, 0.3], N).astype(np.float32)


@pytest.fixture
def usable():
    usable = np.ones(N, dtype=bool)
    usable[[0, 7, 23, 39]] = False
    return usable


def write(path, values, usable, step=13):
    writer = PredictionsWriter(path, N, CLASSES, "fingerprint")
    for start in range(0, N, step):
        rows = slice(start, min(start + step, N))
        writer.write(rows, usable[rows], values[rows][usable[rows]])
    writer.finish()
    return PredictionsFile(path, "fingerprint")


def test_entropy_is_in_nats_and_that_of_scipy(values):
    np.testing.assert_allclose(entropy(values), reference_entropy(values, axis=1), rtol=2e-6)
    assert entropy(values).dtype == np.float32


def test_entropy_of_certainty_is_zero_and_of_indecision_is_ln_n():
    found = entropy(np.array([[0, 1, 0], [1 / 3, 1 / 3, 1 / 3]], dtype=np.float32))
    np.testing.assert_allclose(found, [0, np.log(3)], rtol=1e-6)


@pytest.mark.parametrize("step", [1, 13, N])
def test_predictions_come_back_in_the_order_of_the_pool(tmp_path, values, usable, step):
    file = write(tmp_path / "p.h5", values, usable, step)
    labels, stored = file.labels(), file.probabilities(np.arange(N))
    np.testing.assert_array_equal(stored[usable], values[usable])
    np.testing.assert_array_equal(labels[usable], values[usable].argmax(axis=1))
    np.testing.assert_array_equal(file.entropy()[usable], entropy(values[usable]))
    assert (stored.dtype, labels.dtype) == (np.float32, np.uint8)


def test_unusable_rows_have_no_prediction(tmp_path, values, usable):
    file = write(tmp_path / "p.h5", values, usable)
    assert (file.labels()[~usable] == NOT_PREDICTED).all()
    assert np.isnan(file.entropy()[~usable]).all()
    assert np.isnan(file.probabilities(np.flatnonzero(~usable))).all()


def test_a_stretch_without_a_usable_row_can_be_written(tmp_path, values):
    file = write(tmp_path / "p.h5", values, np.zeros(N, dtype=bool))
    assert (file.labels() == NOT_PREDICTED).all()


@pytest.mark.parametrize("rows", [[], [5], [5, 2, 5, 39, 0], range(N)])
def test_probabilities_of_some_rows_come_in_the_order_asked(tmp_path, values, rows):
    file = write(tmp_path / "p.h5", values, np.ones(N, dtype=bool))
    rows = np.array(rows, dtype=np.int64)
    np.testing.assert_array_equal(file.probabilities(rows), values[rows])


def test_few_rows_and_many_of_more_are_read_alike(tmp_path):
    values = np.random.default_rng(2).dirichlet([1, 1, 1], 5000).astype(np.float32)
    writer = PredictionsWriter(tmp_path / "p.h5", 5000, CLASSES, "f")
    writer.write(slice(0, 5000), np.ones(5000, dtype=bool), values)
    writer.finish()
    few = np.array([4999, 17, 17, 3000])
    many = np.random.default_rng(3).permutation(5000)[: MOST_SELECTED + 7]
    file = PredictionsFile(tmp_path / "p.h5", "f")
    for rows in (few, many):
        np.testing.assert_array_equal(file.probabilities(rows), values[rows])
    assert file.probabilities(few[:0]).shape == (0, 3)


def test_the_file_appears_only_when_it_is_complete(tmp_path, values):
    path = tmp_path / "p.h5"
    writer = PredictionsWriter(path, N, CLASSES, "fingerprint")
    writer.write(slice(0, 10), np.ones(10, dtype=bool), values[:10])
    assert not path.exists()
    writer.discard()
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_file_stays_until_the_new_one_is_complete(tmp_path, values, usable):
    path = tmp_path / "p.h5"
    before = write(path, values, usable).labels()
    writer = PredictionsWriter(path, N, CLASSES, "fingerprint")
    np.testing.assert_array_equal(PredictionsFile(path, "fingerprint").labels(), before)
    writer.discard()
    np.testing.assert_array_equal(PredictionsFile(path, "fingerprint").labels(), before)


def test_predictions_of_another_pool_are_refused(tmp_path, values, usable):
    write(tmp_path / "p.h5", values, usable)
    other = PredictionsFile(tmp_path / "p.h5", "another pool")
    for read in (other.labels, other.entropy, lambda: other.probabilities(np.arange(2))):
        with pytest.raises(StoreError, match="belong to another pool .*Train the iteration again"):
            read()


@pytest.mark.parametrize("content", [None, b"rubbish"])
def test_a_missing_or_broken_file_is_refused_with_its_path(tmp_path, content):
    path = tmp_path / "p.h5"
    if content:
        path.write_bytes(content)
    with pytest.raises(StoreError, match=f"Cannot read the predictions {path}"):
        PredictionsFile(path, "fingerprint").labels()


def test_a_file_of_another_kind_is_refused(tmp_path):
    with h5py.File(tmp_path / "p.h5", "w") as file:
        file["spectra"] = [1.0]
    with pytest.raises(StoreError, match="Cannot read the predictions"):
        PredictionsFile(tmp_path / "p.h5", "fingerprint").labels()


def test_the_file_takes_a_few_bytes_a_spectrum(tmp_path):
    n = 20_000
    values = np.random.default_rng(1).dirichlet([1, 1, 1], n).astype(np.float32)
    writer = PredictionsWriter(tmp_path / "p.h5", n, CLASSES, "f")
    writer.write(slice(0, n), np.ones(n, dtype=bool), values)
    writer.finish()
    assert (tmp_path / "p.h5").stat().st_size < 18 * n
