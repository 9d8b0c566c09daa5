"""The archive's spectra as the pool's instrument would have taken them."""

import dataclasses

import numpy as np
import pytest

from active_cnn.grid import Grid
from active_cnn.learning.augmentation import (
    LINE_HALF_WIDTH,
    VISIBLE,
    Augmentation,
    in_continuum_units,
    noise_level,
)
from active_cnn.learning.batches import AugmentedBatches, Examples
from active_cnn.spectra.scaling import Scaling

N_PIXELS = 140
LINE = 30
PIXELS = np.arange(N_PIXELS)


WIDE = Scaling(Grid.of(6000.0, 6800.0, 400))


def line(height, n=1, width=2.0):
    profile = np.exp(-0.5 * ((PIXELS - LINE) / width) ** 2)
    return np.tile(1 + height * profile, (n, 1)).astype(np.float32)


def pool(noise, n=400, continuum=70.0, seed=2):
    rng = np.random.default_rng(seed)
    return continuum * (1 + noise * rng.normal(size=(n, N_PIXELS)))


def learned(noise, height=2.0):
    examples = np.concatenate([line(height, 5), line(-0.3, 5)])
    return Augmentation.of_pool(pool(noise), examples, np.arange(10) < 5, Scaling())


def shown(augmentation, spectra, *, is_target=True, own_noise=0.0, seed=1):
    n = len(spectra)
    rng = np.random.default_rng(seed)
    return augmentation(spectra, np.full((n, 1), own_noise), np.full(n, is_target), rng)


@pytest.mark.parametrize("noise", [0.01, 0.05, 0.2])
def test_the_noise_of_a_pool_is_measured_in_units_of_its_continuum(noise):
    assert np.median(noise_level(pool(noise))) == pytest.approx(noise, rel=0.03)


def test_a_spectrum_without_a_continuum_is_all_noise():
    assert np.isinf(noise_level(np.zeros((1, N_PIXELS)) + 1e-300 * 0)).all()


def test_the_line_is_found_where_the_targets_leave_the_continuum():
    assert learned(0.05).line == LINE


def test_spectra_get_the_noise_of_the_pool_and_no_more_than_lacks():
    flat = np.ones((3000, N_PIXELS), dtype=np.float32)
    augmentation = learned(0.1)
    away = slice(LINE + LINE_HALF_WIDTH + 1, None)
    scatter = np.median(noise_level(shown(augmentation, flat, is_target=False)[:, away]))
    # Neighbouring pixels share noise, which second differences see less of.
    assert 0.05 < scatter < 0.105
    quiet = shown(augmentation, flat, is_target=False, own_noise=0.2)[:, away]
    assert np.median(noise_level(quiet)) < 0.002


def test_a_targets_line_never_drowns():
    weak = line(0.1, 2000)
    loud = learned(0.5)
    noise = shown(loud, weak) - shown(learned(0.0), weak)
    assert noise[:, LINE + 40 :].std() < 1.5 * 0.1 / VISIBLE
    assert shown(loud, weak, is_target=False)[:, LINE + 40 :].std() > 0.3


def test_spikes_and_dead_pixels_spare_the_line():
    flat = np.ones((4000, N_PIXELS), dtype=np.float32)
    struck = np.abs(shown(learned(0.0), flat) - 1) > 0.5
    near = struck[:, LINE - LINE_HALF_WIDTH + 2 : LINE + LINE_HALF_WIDTH - 1]
    assert not near.any()
    assert 0.04 < struck.any(axis=1).mean() < 0.12


def test_the_line_stays_where_it_is_within_the_stars_velocities():
    peak = shown(learned(0.0), line(2.0, 1000)).argmax(axis=1)
    is_struck = np.abs(peak - LINE) > LINE_HALF_WIDTH
    assert is_struck.mean() < 0.1
    moved = np.abs(peak[~is_struck] - LINE)
    assert np.quantile(moved, 0.97) <= 3
    assert moved.max() <= 7  # 500 km/s, as no star of the halo is faster
    assert len(np.unique(peak[~is_struck])) > 1


def test_the_same_seed_shows_the_same_and_leaves_the_argument_alone():
    spectra = line(2.0, 50)
    before = spectra.copy()
    first, again, other = (shown(learned(0.1), spectra, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(spectra, before)


def test_flux_is_divided_by_its_continuum():
    np.testing.assert_allclose(in_continuum_units(350.0 * line(2.0, 3)), line(2.0, 3), rtol=1e-6)


@pytest.mark.parametrize("height", [2.0, -0.4])
def test_rescaled_spectra_get_a_continuum_of_one_and_keep_the_sign_of_their_line(height):
    rescaled = line(height, 2).astype(np.float64)
    low, high = rescaled.min(), rescaled.max()
    rescaled = 2 * (rescaled - low) / (high - low) - 1
    spectra = in_continuum_units(rescaled)
    assert np.median(spectra) == pytest.approx(1)
    assert np.sign(spectra[0, LINE] - 1) == np.sign(height)


def examples(n, n_classes=2, label=1, height=1.0):
    allowed = np.zeros((n, n_classes), dtype=np.float32)
    allowed[:, label] = 1
    return Examples(
        line(height, n), allowed, np.full(n, label > 0), np.zeros((n, 1)), np.ones(n, np.float32)
    )


def test_half_of_each_batch_is_of_the_pool_and_each_labelled_one_is_shown_equally_often():
    labelled = examples(100)
    labelled = dataclasses.replace(labelled, weight=np.arange(100, dtype=np.float32))
    batches = AugmentedBatches(labelled, examples(50, label=0), learned(0.1), 64, seed=3)
    seen = []
    for i in range(len(batches)):
        windows, allowed, weight = batches[i]
        assert windows.shape == (64, N_PIXELS)
        assert (windows.min(), windows.max()) == (-1, 1)
        np.testing.assert_array_equal(allowed.sum(axis=0), [32, 32])
        seen.extend(weight[:32].astype(int))
    times = np.bincount(seen, minlength=100)
    assert len(seen) >= 2048
    assert times.max() - times.min() <= 1


def test_batches_are_repeated_by_their_seed_and_change_from_epoch_to_epoch():
    first, again = (
        AugmentedBatches(examples(100), examples(50, label=0), learned(0.1), 64, seed=3)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first[5][0], again[5][0])
    before = first[5][0]
    first.on_epoch_end()
    assert not np.array_equal(first[5][0], before)


def test_in_a_wide_window_no_pixel_is_taken_for_the_line():
    n_pixels = 400
    rng = np.random.default_rng(5)
    band = np.ones((6, n_pixels), dtype=np.float32)
    band[:, 100:250] = 0.4
    examples = np.concatenate([band, np.ones_like(band)])
    is_target = np.arange(12) < 6
    noise = 70 * (1 + 0.05 * rng.normal(size=(400, n_pixels)))
    augmentation = Augmentation.of_pool(noise, examples, is_target, WIDE)
    assert augmentation.line is None
    with pytest.raises(ValueError, match="nothing is known that could be planted"):
        augmentation.plant(band, band, rng)
    # Spikes may be anywhere, and the band stays what it is.
    struck = augmentation(
        np.repeat(band, 300, axis=0), np.zeros((1800, 1)), np.ones(1800, dtype=bool), rng
    )
    peak = struck.argmax(axis=1)[struck.max(axis=1) > 2]
    assert np.ptp(peak) > 300
    assert np.median(struck[:, 120:230]) == pytest.approx(0.4, abs=0.05)


def test_in_a_wide_window_targets_are_shown_with_noise_and_none_is_planted():
    n_pixels = 400
    examples = Examples(
        np.concatenate([np.full((8, n_pixels), 0.5), np.ones((8, n_pixels))]).astype(np.float32),
        np.eye(2, dtype=np.float32)[np.repeat([1, 0], 8)],
        np.repeat([True, False], 8),
        np.zeros((16, 1)),
        np.ones(16, dtype=np.float32),
    )
    background = examples.take(slice(8, None))
    noise = 70 * (1 + 0.05 * np.random.default_rng(5).normal(size=(100, n_pixels)))
    augmentation = Augmentation.of_pool(noise, examples.spectra, examples.is_target, WIDE)
    batches = AugmentedBatches(examples, background, augmentation, 32, seed=1)
    windows, allowed, _ = batches[0]
    assert windows.shape == (32, n_pixels)
    assert set(allowed[:, 1]) == {0.0, 1.0}
