"""The rule that networks are compared with: a peak at Hα above the local continuum."""

import csv
import fcntl
import os
import pickle
import shutil
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import median_abs_deviation

from active_cnn.campaign import rule
from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.files import open_pool
from active_cnn.campaign.rule import (
    RuleStretch,
    compute_rule,
    measure_stretch,
    rule_path,
    rule_significance,
)
from active_cnn.engine import open_engine
from active_cnn.errors import SpectrumError, StoreError
from active_cnn.grid import Grid
from active_cnn.search import HALPHA, HALPHA_EMISSION, Search, Sign, TargetLine
from active_cnn.spectra.preprocessing import prepare, rescale
from active_cnn.spectra.readers import read
from active_cnn.spectra.rule import MOST, line_significance, place_bands
from tests.conftest import FLAT_ROW, NAN_ROW

WAVELENGTH = Grid().wavelength
K_SIGMA = HALPHA_EMISSION.sigma


def noise(n, seed=1, wavelength=WAVELENGTH):
    return np.random.default_rng(seed).normal(size=(n, len(wavelength)))


def gaussian(height, centre=HALPHA.wavelength, sigma=1.5, wavelength=WAVELENGTH):
    return height * np.exp(-0.5 * ((wavelength - centre) / sigma) ** 2)


def quiet(*_):
    pass


@pytest.fixture(scope="module")
def real(real_spectra):
    """Real windows whose label people were sure of, and these labels."""
    windows, labels = [], []
    with (real_spectra / "MANIFEST.csv").open(encoding="utf-8", newline="") as manifest:
        for row in csv.DictReader(manifest):
            is_sure = row["confidence"] == "high" and row["covers_6519_6732"] == "yes"
            if not is_sure or row["label"] not in ("absorption", "emission", "double-peak"):
                continue
            try:
                windows.append(prepare(read(real_spectra / row["path"]), Grid(), 1800.0))
            except SpectrumError:
                continue
            labels.append(row["label"])
    return np.stack(windows), np.array(labels)


def test_the_noise_and_the_continuum_are_those_of_plain_numpy_and_scipy():
    flux = noise(500) + gaussian(8) + 0.05 * WAVELENGTH
    # The window ends 42 Å left of the range, and goes on for more than 45 Å on the right.
    left = (WAVELENGTH >= 6519) & (WAVELENGTH <= 6561 - 42 * 4 / 9)
    right = (WAVELENGTH >= 6588) & (WAVELENGTH <= 6613)
    here = (WAVELENGTH >= 6561) & (WAVELENGTH <= 6568)
    expected = []
    for row in flux:
        slope, intercept = np.polyfit(
            [WAVELENGTH[left].mean(), WAVELENGTH[right].mean()],
            [np.median(row[left]), np.median(row[right])],
            1,
        )
        rest = row - slope * WAVELENGTH - intercept
        both = np.concatenate([rest[left | right], -rest[left | right]])  # whose median is 0
        scatter = median_abs_deviation(both, scale="normal")
        expected.append(rest[here].max() / scatter)
    np.testing.assert_allclose(line_significance(flux, WAVELENGTH, HALPHA), expected, rtol=1e-5)


@pytest.mark.parametrize("height", [5, 20, 100])
def test_a_planted_line_stands_out_by_its_height_over_the_noise(height):
    # Many pixels in the side bands, and one in the range: nothing but the height is measured.
    wavelength = Grid.of(6500, 6700, 4000).wavelength
    here = np.searchsorted(wavelength, HALPHA.wavelength)
    at = float(wavelength[here])
    line = TargetLine("Hα", at, Sign.EMISSION, within=(at - 0.001, at + 0.001))
    flux = 300 + 7 * noise(1000, wavelength=wavelength)
    flux[:, here] += 7 * height
    found = line_significance(flux, wavelength, line)
    assert np.median(found) == pytest.approx(height, rel=0.02)


def test_few_pixels_make_lines_seem_more_significant_by_8_percent():
    found = line_significance(
        noise(20_000) + gaussian(1000, WAVELENGTH[30], 0.5), WAVELENGTH, HALPHA
    )
    assert np.median(found) == pytest.approx(1080, rel=0.015)


def test_noise_alone_is_nothing_by_the_rule():
    # The mean of the largest of four standard normals is 1.02938 (Harter 1961, Biometrika 48, 151);
    # the scatter is measured on 32 pixels, and its inverse is a little larger on average.
    found = line_significance(noise(20_000), WAVELENGTH, HALPHA)
    assert 1.0 < found.mean() < 1.25
    assert found.max() < K_SIGMA


def test_a_sloping_continuum_is_no_peak():
    slope = 0.2 * (
        WAVELENGTH - HALPHA.wavelength
    )  # 1.5 times the noise from the range's start to its end
    flat, sloping = (
        line_significance(noise(4000) + more, WAVELENGTH, HALPHA) for more in (0, slope)
    )
    assert np.median(sloping) < np.median(flat) + 0.2
    assert sloping.max() < K_SIGMA


def test_a_line_in_absorption_is_negative():
    assert (line_significance(noise(200) - gaussian(20, sigma=6), WAVELENGTH, HALPHA) < 0).all()


@pytest.mark.parametrize("centre", [6550, 6580, 6678])
def test_a_line_beside_the_range_is_no_peak_at_halpha(centre):
    found = line_significance(noise(500) + gaussian(50, centre), WAVELENGTH, HALPHA)
    assert np.median(found) < 2


@given(
    seed=st.integers(0, 1000),
    factor=st.floats(1e-20, 1e20),
    constant=st.floats(-100, 100),
    height=st.floats(-30, 300),
)
def test_no_factor_or_constant_changes_it(seed, factor, constant, height):
    flux = noise(8, seed) + gaussian(height)
    expected = line_significance(flux, WAVELENGTH, HALPHA)
    found = line_significance(factor * (flux + constant), WAVELENGTH, HALPHA)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@given(seed=st.integers(0, 1000), height=st.floats(-30, 300))
def test_rescaled_windows_give_what_the_flux_gives(seed, height):
    flux = 1e-17 * (noise(8, seed) + gaussian(height) + 100)
    found = line_significance(rescale(flux), WAVELENGTH, HALPHA)
    assert found.dtype == np.float32
    np.testing.assert_allclose(
        found, line_significance(flux, WAVELENGTH, HALPHA), rtol=1e-3, atol=1e-3
    )


def test_a_spectrum_alone_gives_what_it_gives_among_others():
    windows = rescale(noise(3000) + gaussian(9))
    before = windows.copy()
    together = line_significance(windows, WAVELENGTH, HALPHA)
    alone = [
        line_significance(windows[i : i + 1], WAVELENGTH, HALPHA)[0] for i in range(0, 3000, 100)
    ]
    np.testing.assert_array_equal(together[::100], alone)
    np.testing.assert_array_equal(windows, before)
    assert line_significance(windows[:0], WAVELENGTH, HALPHA).shape == (0,)


@pytest.mark.parametrize(("height", "expected"), [(1, MOST), (0, 0), (-1, -MOST)])
def test_side_bands_without_scatter_give_a_finite_number(height, expected):
    # The line at 6678 Å, outside of all bands, keeps the window from being flat.
    flux = 1 + gaussian(1, 6678)
    flux[28:32] += height
    assert line_significance(rescale(flux[None]), WAVELENGTH, HALPHA).tolist() == [expected]


def test_a_cosmic_ray_in_a_side_band_changes_little():
    flux = noise(2000) + gaussian(30)
    struck = flux.copy()
    struck[:, 50:52] += 1000
    clean, found = (line_significance(one, WAVELENGTH, HALPHA) for one in (flux, struck))
    assert np.median(found) == pytest.approx(np.median(clean), rel=0.15)


@pytest.mark.parametrize(
    "grid",
    [
        Grid(),
        Grid.of(n=Grid.shortest),
        Grid.of(6500, 6700, 2000),
        Grid.of(6400, 6850, 300),
        Grid.of(6540, 6590, 60),
        Grid.of(3700, 9100, 4000),
    ],
    ids=str,
)
def test_bands_lie_beside_the_line_on_any_grid_that_holds_it(grid):
    bands = place_bands(grid.wavelength, HALPHA.range)
    left, here, right = (grid.wavelength[one] for one in (bands.left, bands.line, bands.right))
    assert 6561 <= here[0] <= here[-1] <= 6568
    assert 6561 - 45 <= left[0] < left[-1] < 6561 - 8
    assert 6568 + 8 < right[0] < right[-1] <= 6568 + 45
    # Where the grid is coarse a line has to be wide to be seen.
    flux = noise(300, wavelength=grid.wavelength) + gaussian(50, 6564.5, 5, grid.wavelength)
    assert np.median(line_significance(flux, grid.wavelength, HALPHA)) > 30


@pytest.mark.parametrize(
    "grid",
    [
        Grid.of(4800, 4920, 140),
        Grid.of(6563, 6732, 140),
        Grid.of(6555, 6732, 140),
        Grid.of(6519, 6572, 140),
        Grid.of(6400, 6850, 40),
    ],
    ids=str,
)
def test_a_grid_without_the_line_or_its_continuum_is_refused(grid):
    with pytest.raises(SpectrumError, match=r"do not hold the line at 6561-6568 Å"):
        line_significance(noise(3, wavelength=grid.wavelength), grid.wavelength, HALPHA)


def test_windows_of_another_grid_and_impossible_lines_are_refused():
    with pytest.raises(SpectrumError, match=r"shape \(3, 140\) do not have 141 wavelengths"):
        line_significance(noise(3), Grid.of(n=141).wavelength, HALPHA)
    for line in ((6568.0, 6561.0), (np.nan, 6568.0), (0.0, 6568.0)):
        with pytest.raises(SpectrumError, match="is none: give a positive start"):
            place_bands(WAVELENGTH, line)


def test_another_line_can_be_asked_for():
    flux = noise(500) + gaussian(40, 6680)
    assert (
        np.median(
            line_significance(flux, WAVELENGTH, TargetLine("He I 6678", 6679.995, Sign.EMISSION))
        )
        > 30
    )
    assert np.median(line_significance(flux, WAVELENGTH, HALPHA)) < 2


@pytest.mark.parametrize(
    ("sign", "dip", "peak"),
    [(Sign.EMISSION, -1, 1), (Sign.ABSORPTION, 1, -1), (Sign.EITHER, 1, 1)],
)
def test_the_rule_follows_the_sign_of_the_line(sign, dip, peak):
    line = replace(HALPHA, sign=sign, separation=None)
    for height, expected in ((-60, dip), (60, peak)):
        found = line_significance(noise(300) + gaussian(height, sigma=3), WAVELENGTH, line)
        assert (np.sign(found) == expected).mean() > 0.99
        if expected > 0:
            assert np.median(found) == pytest.approx(60, rel=0.15)


def test_of_several_lines_the_most_significant_one_counts():
    helium = TargetLine("He I 6678", 6679.995, Sign.ABSORPTION)
    flux = noise(300) + gaussian(20) - gaussian(50, helium.wavelength)
    alone = [line_significance(flux, WAVELENGTH, one) for one in (HALPHA, helium)]
    together = line_significance(flux, WAVELENGTH, HALPHA, helium)
    np.testing.assert_array_equal(together, np.max(alone, axis=0))
    assert (together == alone[1]).mean() > 0.9


def test_most_real_emission_is_found_and_no_real_absorption(real):
    # Measured: of 28 with emission 26 at 5 sigma and 19 at K_SIGMA; none of 531 in absorption.
    windows, labels = real
    found = line_significance(windows, WAVELENGTH, HALPHA)
    assert np.isfinite(found).all()
    is_target = labels != "absorption"
    assert is_target.sum() >= 20
    assert (~is_target).sum() >= 400
    assert (found[is_target] >= 5).mean() >= 0.8
    assert (found[is_target] >= K_SIGMA).mean() >= 0.55
    assert (found[~is_target] >= 5).mean() <= 0.01


def test_what_the_pool_gives_is_kept_in_the_order_of_its_rows(store, campaign):
    assert rule_significance(store, campaign) is None
    told = []
    with open_engine() as engine:
        computed = compute_rule(store, campaign, engine, lambda *what: told.append(what))
    pool = open_pool(store, campaign)
    usable = np.arange(pool.n)
    usable = usable[(usable != FLAT_ROW) & (usable != NAN_ROW)]
    expected = line_significance(pool.windows(usable), pool.grid.wavelength, HALPHA)
    found = rule_significance(store, campaign)
    assert isinstance(found, np.memmap)
    assert found.shape == (pool.n,)
    np.testing.assert_array_equal(found[usable], expected)
    assert np.isnan(found[[FLAT_ROW, NAN_ROW]]).all()
    np.testing.assert_array_equal(computed, found)
    assert [what[:3] for what in told] == [
        ("applying the rule", 0, pool.n),
        ("applying the rule", pool.n, pool.n),
    ]
    assert told[-1][3]["spectra_per_second"] > 0


def test_targets_of_a_survey_stand_out_of_its_other_spectra(store, campaign, survey):
    with open_engine() as engine:
        found = compute_rule(store, campaign, engine, quiet)
    with survey.truth.open(encoding="utf-8", newline="") as rows:
        truth = list(csv.DictReader(rows))
    is_target = np.array([row["label"] in ("emission", "double-peak") for row in truth])
    assert (found[is_target] >= K_SIGMA).mean() > 0.5
    assert (found[~is_target] >= K_SIGMA).mean() < 0.02


def test_a_search_without_a_fixed_line_has_no_rule(store, survey):
    nameless = create_campaign(store, "nameless", survey.training, survey.pool, search=Search())
    with (
        open_engine() as engine,
        pytest.raises(SpectrumError, match="names no line that could be looked for"),
    ):
        compute_rule(store, nameless, engine, quiet)
    assert rule_significance(store, nameless) is None
    assert nameless.search.describe_rule() == ""


def test_what_another_search_finds_is_another_file(store, campaign):
    deep = Search("Hα absorption", (replace(HALPHA, sign=Sign.ABSORPTION, separation=None),))
    other = replace(campaign, search=deep)
    with open_engine() as engine:
        emission = compute_rule(store, campaign, engine, quiet)
        absorption = compute_rule(store, other, engine, quiet)
    assert rule_path(store, campaign) != rule_path(store, other)
    assert np.nanmedian(absorption) > 3 > np.nanmedian(emission)


def test_what_is_there_is_not_computed_again(store, campaign):
    with open_engine() as engine:
        compute_rule(store, campaign, engine, quiet)
        before = rule_path(store, campaign).stat()
        told = []
        compute_rule(store, campaign, engine, lambda *what: told.append(what))
    after = rule_path(store, campaign).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert told == []


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def empty(path):
    path.write_bytes(b"")


def lengthen(path):
    with path.open("ab") as file:
        file.write(b"\0" * 8)


def scribble(path):
    path.write_bytes(b"no numbers" * 50)


def archive(path):
    with path.open("wb") as file:
        np.savez(file, a=np.zeros(3))


def forget_rows(path):
    np.save(path, np.zeros(3, dtype=np.float32))


def take_doubles(path):
    np.save(path, np.zeros(300))


@pytest.mark.parametrize(
    "damage", [cut, empty, lengthen, scribble, archive, forget_rows, take_doubles]
)
def test_a_damaged_file_is_made_anew(store, campaign, damage):
    path = rule_path(store, campaign)
    with open_engine() as engine:
        compute_rule(store, campaign, engine, quiet)
        whole = path.read_bytes()
        # Another file in its place, as a bad copy leaves it: the whole one may still be mapped.
        path.unlink()
        path.write_bytes(whole)
        damage(path)
        if damage is not forget_rows:  # which only the pool can tell
            assert rule_significance(store, campaign) is None
        compute_rule(store, campaign, engine, quiet)
    assert path.read_bytes() == whole


def test_work_that_was_broken_off_leaves_nothing_and_is_done_again(store, campaign, monkeypatch):
    monkeypatch.setattr(rule, "STRETCH", 64)

    def stop(_what, done, *_):
        if done >= 128:
            raise KeyboardInterrupt

    path = rule_path(store, campaign)
    with open_engine() as engine:
        with pytest.raises(KeyboardInterrupt):
            compute_rule(store, campaign, engine, stop)
        assert rule_significance(store, campaign) is None
        assert [one for one in path.parent.iterdir() if one.suffix == ".npy"] == []
        # What a killed process leaves is written over.
        path.with_name(f"unfinished-{path.name}").write_bytes(b"x" * 10_000)
        found = compute_rule(store, campaign, engine, quiet)
    assert len(found) == 300
    assert [one.name for one in path.parent.iterdir() if one.suffix == ".npy"] == [path.name]


def test_several_processes_write_the_same_bytes(store, campaign, monkeypatch):
    path = rule_path(store, campaign)
    with open_engine() as engine:
        compute_rule(store, campaign, engine, quiet)
    one = path.read_bytes()
    path.unlink()
    monkeypatch.setattr(rule, "STRETCH", 37)
    with open_engine(processes=2) as engine:
        compute_rule(store, campaign, engine, quiet)
    assert path.read_bytes() == one
    path.unlink()
    with open_engine(threads=2) as engine:
        compute_rule(store, campaign, engine, quiet)
    assert path.read_bytes() == one


def test_a_stretch_is_a_small_task_for_any_process(store, campaign):
    pool = open_pool(store, campaign)
    stretch = RuleStretch(pool.path, pool.index_path, 5, 15, (HALPHA,))
    packed = pickle.dumps((measure_stretch, stretch))
    assert len(packed) < 1000
    code = (
        "import pickle, sys; function, task = pickle.load(sys.stdin.buffer); "
        "found = function(task); "
        "assert not {'tensorflow', 'keras', 'streamlit'} & set(sys.modules); "
        "sys.stdout.buffer.write(found.tobytes())"
    )
    done = subprocess.run([sys.executable, "-c", code], input=packed, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == measure_stretch(stretch).tobytes()
    assert np.flatnonzero(np.isnan(measure_stretch(stretch))).tolist() == [2, 6]


def test_the_second_of_two_waits_and_finds_the_file(store, campaign):
    with open_engine() as engine:
        whole = compute_rule(store, campaign, engine, quiet)
        path = rule_path(store, campaign)
        aside = path.with_suffix(".aside")
        path.rename(aside)
        told, results = [], []

        def second():
            results.append(compute_rule(store, campaign, engine, lambda *what: told.append(what)))

        with path.with_name("rule.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            thread = threading.Thread(target=second)
            thread.start()
            thread.join(0.3)
            assert thread.is_alive()
            aside.rename(path)
        thread.join(30)
    assert told == []
    np.testing.assert_array_equal(results[0], whole)


def test_a_full_disk_is_told_before_anything_is_written(store, campaign, monkeypatch):
    usage = shutil.disk_usage(store.home)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10**6))
    with (
        open_engine() as engine,
        pytest.raises(StoreError, match=r"says of 300 spectra needs 52 MB in .*, 1 MB are free"),
    ):
        compute_rule(store, campaign, engine, quiet)
    assert rule_significance(store, campaign) is None


def test_a_disk_that_fills_up_meanwhile_is_told_too(store, campaign, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rule, "publish", full)
    path = rule_path(store, campaign)
    with (
        open_engine() as engine,
        pytest.raises(StoreError, match=r"Cannot write .*rule-.*No space left on device\. See"),
    ):
        compute_rule(store, campaign, engine, quiet)
    assert [one for one in path.parent.iterdir() if one.suffix == ".npy"] == []


def test_a_pool_that_has_vanished_is_not_blamed_on_the_disk(store, campaign):
    pool = open_pool(store, campaign)
    missing = RuleStretch(pool.path.with_name("gone.h5"), pool.index_path, 0, 10, (HALPHA,))
    with pytest.raises(SpectrumError, match="gone.h5 cannot be read: No such file"):
        measure_stretch(missing)


def test_a_campaign_whose_grid_lacks_the_line_is_refused(store, campaign):
    elsewhere = replace(campaign, grid=Grid.of(4800, 4920, 140))
    with open_engine() as engine, pytest.raises(SpectrumError, match="do not hold the line"):
        compute_rule(store, elsewhere, engine, quiet)
    assert rule_significance(store, elsewhere) is None
