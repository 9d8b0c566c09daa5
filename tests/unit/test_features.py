"""The file of a pool's features: written in pieces, read as it is asked, never in the way."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from active_cnn.learning.features import FeaturesFile, FeaturesWriter, unit_vectors

N = 50


@pytest.fixture
def vectors():
    return unit_vectors(np.random.default_rng(1).normal(size=(N, 6)).astype(np.float32))


def write(path, vectors, usable, size):
    writer = FeaturesWriter(path, len(usable), "network-1.keras")
    for start in range(0, len(usable), size):
        rows = slice(start, start + size)
        writer.append(usable[rows], vectors[rows][usable[rows]])
    writer.finish()
    return writer


@pytest.mark.parametrize("size", [1, 7, 50])
def test_what_is_written_is_read_in_any_order_and_pieces(tmp_path, vectors, size):
    usable = np.arange(N) % 9 != 3
    writer = write(tmp_path / "f.npy", vectors, usable, size)
    assert writer.notice == ""
    file = FeaturesFile(tmp_path / "f.npy")
    rows = np.array([4, 49, 0, 4])
    np.testing.assert_array_equal(file.take(rows), vectors[rows].astype(np.float32))
    pieces = list(file.chunks(size))
    assert [piece[0].start for piece in pieces] == list(range(0, N, size))
    whole = np.concatenate([piece[1] for piece in pieces])
    np.testing.assert_array_equal(whole[usable], vectors[usable].astype(np.float32))
    assert not whole[~usable].any()
    assert [path.name for path in tmp_path.iterdir()] == ["f.npy"]


def test_vectors_have_the_length_one(vectors):
    np.testing.assert_allclose(np.linalg.norm(vectors.astype(float), axis=1), 1, atol=1e-3)
    assert np.isfinite(unit_vectors(np.zeros((2, 3), np.float32))).all()


def test_a_disk_without_room_holds_nothing_up(tmp_path, vectors, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    writer = write(tmp_path / "f.npy", vectors, np.ones(N, bool), 10)
    assert "were not kept (they need" in writer.notice
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_leaves_nothing_behind(tmp_path, vectors):
    writer = FeaturesWriter(tmp_path / "f.npy", N, "network-1.keras")
    writer.append(np.ones(10, bool), vectors[:10])

    def full(_):
        raise OSError(28, "No space left on device")

    writer._file = SimpleNamespace(write=full, close=writer._file.close)
    writer.append(np.ones(10, bool), vectors[10:20])
    writer.finish()
    assert "No space left on device" in writer.notice
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_where_nobody_asked(tmp_path, vectors):
    assert write(None, vectors, np.ones(N, bool), 10).notice == ""
    assert list(tmp_path.iterdir()) == []
