"""Searches in several windows, from a definition to the planted lines."""

import gzip

import numpy as np
import pytest

from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.definition import parse_definition
from active_cnn.campaign.definition_text import write_definition
from active_cnn.campaign.files import open_pool
from active_cnn.campaign.iteration import run_iteration
from active_cnn.campaign.rule import rule_significance
from active_cnn.campaign.sheets import class_means, make_sheets
from active_cnn.campaign.training_data import read_initial_set
from active_cnn.cli import main
from active_cnn.errors import CampaignError, SpectrumError
from active_cnn.grid import Grid, Spacing, Window
from active_cnn.learning.augmentation import Augmentation, in_continuum_units, noise_level
from active_cnn.query.instrumental import is_instrumental
from active_cnn.query.lookalikes import first_of_a_kind
from active_cnn.recipes import TrainingSettings
from active_cnn.records import Medium, OracleClass, Spectrum
from active_cnn.search import Search, Sign, TargetLine
from active_cnn.spectra.batches import Files, read_batch
from active_cnn.spectra.continuum import scale_to
from active_cnn.spectra.grids import find_grid
from active_cnn.spectra.injection import Profiles, plant
from active_cnn.spectra.pool_file import open_pool as open_file
from active_cnn.spectra.pool_terms import read_stated
from active_cnn.spectra.preprocessing import find_defects, prepare, prepare_and_count, rescale
from active_cnn.spectra.readers import read
from active_cnn.spectra.rule import line_significance, place_bands
from active_cnn.spectra.scaling import Scaling
from active_cnn.spectra.training_outline import read_outline
from tests.lamost_files import write_folder
from tests.unit.test_sheets import unpack

HBETA = Window(4830.0, 4900.0, 60)
HALPHA = Window(6519.0, 6612.0, 62)
CALCIUM = Window(8480.0, 8690.0, 90, Spacing.LOG)
GRID = Grid((CALCIUM, HBETA, HALPHA))
FIRST, SECOND, THIRD = GRID.parts
LINE = TargetLine("Hα", 6564.614, Sign.EMISSION, within=(6561.0, 6568.0))


def spectrum(seed=0, **more):
    wavelength = np.arange(4700.0, 8800.0, 0.8)
    rng = np.random.default_rng(seed)
    level = 100 * (wavelength / 6000) ** 3
    flux = level * (1 + 0.02 * rng.normal(size=wavelength.size))
    return Spectrum("a", wavelength, flux, Medium.VACUUM, **more)


# what a grid is


def test_windows_stand_in_the_order_of_their_wavelengths():
    assert GRID.windows == (HBETA, HALPHA, CALCIUM)
    assert (GRID.n, GRID.start, GRID.end) == (212, 4830.0, 8690.0)
    np.testing.assert_array_equal(GRID.wavelength[THIRD], CALCIUM.wavelength)
    assert [one.stop - one.start for one in GRID.parts] == [60, 62, 90]
    assert GRID.holds(6564.6)
    assert not GRID.holds(7000.0)


@pytest.mark.parametrize(("windows", "words"), [
    ((HBETA, Window(4890.0, 4950.0, 60)), "4890-4950 Å × 60 overlap"),
    ((HBETA, HBETA), "overlap: make one of the two"),
    ((), "has 1 to 20 windows, not 0"),
    (tuple(Window(4000.0 + 20 * i, 4010.0 + 20 * i, 12) for i in range(21)), "not 21"),
    ((HBETA, Window(6000.0, 8000.0, 9_990)), "10050 wavelengths is nothing for the network"),
    ((Window(6000.0, 6010.0, 12),), "12 wavelengths is nothing for the network"),
])  # fmt: skip
def test_windows_that_are_no_grid_are_refused(windows, words):
    with pytest.raises(CampaignError, match=words):
        Grid(windows)


@pytest.mark.parametrize(("start", "end", "n", "words"), [
    (6000.0, 6010.0, 8, "window of 8 wavelengths"),
    (6000.0, 5990.0, 50, "is not a wavelength range"),
    (0.0, 5990.0, 50, "is not a wavelength range"),
    (float("nan"), 5990.0, 50, "is not a wavelength range"),
])  # fmt: skip
def test_a_window_that_is_none_is_refused(start, end, n, words):
    with pytest.raises(CampaignError, match=words):
        Window(start, end, n)


def test_a_grid_is_kept_in_files():
    assert Grid.from_numbers(np.array(GRID.numbers)) == GRID
    for wrong in ([], [1.0, 2.0], [6519.0, 6732.0, 140.0, 0.0, 1.0]):
        with pytest.raises(ValueError, match="numbers are no windows"):
            Grid.from_numbers(wrong)


@pytest.mark.parametrize("digits", [2, 3, 5])
def test_the_windows_are_told_by_their_wavelengths(digits):
    written = np.round(GRID.wavelength, digits)
    found = find_grid(written) if digits > 2 else find_grid(GRID.wavelength)
    assert found is not None
    np.testing.assert_allclose(found.wavelength, GRID.wavelength, atol=2e-3)
    assert [one.n for one in found.windows] == [60, 62, 90]
    assert [one.spacing for one in found.windows] == [one.spacing for one in GRID.windows]


def test_windows_that_touch_are_told_by_their_steps():
    wavelength = np.concatenate([np.arange(4000.0, 4100.0, 1.0), np.arange(4102.0, 4300.0, 2.0)])
    found = find_grid(wavelength)
    assert [one.n for one in found.windows] == [100, 99]


def test_wavelengths_in_no_even_steps_are_no_windows():
    rng = np.random.default_rng(1)
    assert find_grid(np.sort(rng.uniform(4000.0, 5000.0, 300))) is None
    assert find_grid(np.linspace(2.0, 3.0, 200) ** 8) is None


# from a file to windows


def test_each_window_is_prepared_as_it_is_alone():
    alone = [prepare(spectrum(), Grid((one,)), 1800.0) for one in GRID.windows]
    np.testing.assert_array_equal(prepare(spectrum(), GRID, 1800.0), np.concatenate(alone))


def test_what_lies_between_the_windows_does_not_matter():
    whole = spectrum()
    inside = GRID.holds
    near = np.array([inside(one, 60.0) for one in whole.wavelength])
    parts = Spectrum("a", whole.wavelength[near], whole.flux[near], Medium.VACUUM)
    np.testing.assert_array_equal(prepare(parts, GRID, 1800.0), prepare(whole, GRID, 1800.0))


def test_the_window_that_is_not_covered_is_named():
    whole = spectrum()
    red = whole.wavelength > 5000
    half = Spectrum("a", whole.wavelength[red], whole.flux[red], Medium.VACUUM)
    with pytest.raises(SpectrumError, match="not the whole window 4830-4900 Å"):
        prepare(half, GRID)
    gap = (whole.wavelength < 6540) | (whole.wavelength > 6590)
    holed = Spectrum("a", whole.wavelength[gap], whole.flux[gap], Medium.VACUUM)
    with pytest.raises(SpectrumError, match="gap in the window: none between 6539"):
        prepare(holed, GRID)


def test_bridged_pixels_of_all_windows_are_counted():
    whole = spectrum()
    whole.flux[[np.searchsorted(whole.wavelength, one) for one in (4850.0, 6550.0, 6551.0)]] = (
        np.nan
    )
    assert prepare_and_count(whole, GRID)[1] == 3


@pytest.mark.parametrize("packed", [False, True])
def test_the_fast_way_comes_to_what_the_general_one_comes_to(tmp_path, packed):
    folder = write_folder(tmp_path / "files", 3)
    grid = Grid((Window(6400.0, 6500.0, 60), Window(6540.0, 6640.0, 70)))
    paths = sorted(folder.iterdir())
    if packed:
        for path in paths:
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
        paths = [path.with_name(path.name + ".gz") for path in paths]
    found = read_batch(Files(tuple(map(str, paths)), grid, "/nowhere"))
    assert found.refused == []
    for path, window in zip(paths, found.spectra, strict=True):
        expected = prepare(read(path), grid)
        np.testing.assert_array_equal(window, expected.astype(np.float32))


def test_a_defect_of_one_window_makes_a_spectrum_unusable():
    flux = np.random.default_rng(1).normal(10, 1, (4, GRID.n))
    flux[0, SECOND], flux[1, THIRD], flux[2, 70] = 3.0, 0.0, np.nan
    assert find_defects(flux, GRID.parts).tolist() == [3, 2, 1, 0]
    assert find_defects(flux).tolist() == [0, 0, 1, 0]


def test_each_window_is_scaled_on_its_own():
    flux = np.stack([prepare(spectrum(seed), GRID) for seed in range(3)])
    scaled = Scaling(GRID)(flux)
    for part in GRID.parts:
        np.testing.assert_array_equal(scaled[:, part], rescale(flux[:, part]))


# what is done with them


def test_a_line_and_its_continuum_are_in_one_window():
    bands = place_bands(GRID.wavelength, LINE.range, GRID.parts)
    for band in (bands.line, bands.left, bands.right):
        assert SECOND.start <= band.start < band.stop <= SECOND.stop
    with pytest.raises(SpectrumError, match="do not hold the line at 4835-4837 Å"):
        place_bands(GRID.wavelength, (4835.0, 4837.0), GRID.parts)


def test_the_rule_finds_what_it_finds_in_the_one_window():
    flux = np.stack([prepare(spectrum(seed), GRID) for seed in range(20)])
    flux[:10, SECOND] += 40 * np.exp(-0.5 * ((HALPHA.wavelength - 6564.6) / 2) ** 2)
    found = line_significance(flux, GRID.wavelength, LINE, parts=GRID.parts)
    alone = line_significance(flux[:, SECOND], HALPHA.wavelength, LINE)
    np.testing.assert_array_equal(found, alone)
    assert found[:10].min() > 5 * np.abs(found[10:]).max() / 3


def test_a_planted_line_keeps_its_strength():
    flux = np.full((2, GRID.n), 50.0) + 1e-3 * np.random.default_rng(2).normal(size=(2, GRID.n))
    one = np.ones(2)
    profiles = Profiles(one < 0, one > 0, 8 * one, 200 * one, 0 * one, one, 0 * one)
    rng = np.random.default_rng(3)
    added = plant(flux, GRID.wavelength, (LINE,), profiles, rng, GRID.parts) - flux
    step = np.diff(HALPHA.wavelength)[0]
    np.testing.assert_allclose(added[:, SECOND].sum(axis=1) * step / 50, 8, rtol=0.01)
    assert np.abs(added[:, FIRST]).max() < 1e-2


def test_the_network_is_shown_each_window_with_its_own_noise_and_continuum():
    rng = np.random.default_rng(4)
    scale = np.concatenate([np.full(60, 1.0), np.full(62, 30.0), np.full(90, 900.0)])
    noise = np.concatenate([np.full(60, 0.2), np.full(62, 0.05), np.full(90, 0.01)])
    pool = scale * (1 + noise * rng.normal(size=(400, GRID.n)))
    levels = np.median(noise_level(pool, GRID.parts), axis=0)
    np.testing.assert_allclose(levels, [0.2, 0.05, 0.01], rtol=0.05)
    flat = in_continuum_units(np.tile(scale, (800, 1)) + 1e-9 * pool[:1], GRID.parts)
    np.testing.assert_allclose(flat, 1, atol=1e-4)
    augmentation = Augmentation.of_pool(pool, flat[:4], np.arange(4) < 2, Scaling(GRID))
    assert augmentation.line is None
    shown = augmentation(flat, np.zeros((800, 3)), np.zeros(800, bool), rng)
    # Neighbours share noise, so that less of it is measured from one pixel to the next.
    levels = np.median(noise_level(shown, GRID.parts), axis=0)
    np.testing.assert_allclose(levels / levels[0], [1, 0.25, 0.05], rtol=0.1)
    assert 0.1 < levels[0] < 0.2


def test_spectra_are_moved_by_one_velocity_in_all_windows():
    # A Gaussian line in each window; far from noise, blur and tilt its place tells the velocity.
    places = (4862.0, 6564.0, 8580.0)
    wavelength = GRID.wavelength
    line = 1 + sum(2 * np.exp(-0.5 * ((wavelength - at) / 5) ** 2) for at in places)
    spectra = np.tile(line, (300, 1)).astype(np.float32)
    augmentation = Augmentation(np.full((1, 3), 1e-6), None, Scaling(GRID))
    shown = augmentation(spectra, np.zeros((300, 3)), np.ones(300, bool), np.random.default_rng(5))
    velocities = []
    for part, at in zip(GRID.parts, places, strict=True):
        own, light = wavelength[part], np.clip(shown[:, part] - 1.5, 0, None)
        centre = (light * own).sum(axis=1) / light.sum(axis=1)
        velocities.append((centre / at - 1) * 299_792.458)
    usual = np.median(np.abs(velocities - np.median(velocities, axis=1, keepdims=True)), axis=1)
    # The median of the absolute values of a normal distribution is 0.6745 of its deviation.
    np.testing.assert_allclose(usual, 42 * 0.6745, rtol=0.3)
    # A tenth is as fast as the halo's stars are: 0.04 of all are beyond 130 km/s, of others 0.002.
    assert 0.015 < (np.abs(np.median(velocities, axis=0)) > 130).mean() < 0.1
    kept = np.abs(velocities).max(axis=0) < 200  # spikes
    assert np.corrcoef(np.array(velocities)[:, kept])[0, 2] > 0.9


def test_a_cosmic_ray_in_one_window_is_seen_among_others():
    flux = np.stack([prepare(spectrum(seed), GRID) for seed in range(4)])
    flux[0, SECOND.start + 10] += 3000
    found = is_instrumental(Scaling(GRID)(flux), GRID.wavelength, (6564.6,), 1800.0, GRID.parts)
    assert found.tolist() == [True, False, False, False]


def test_likeness_does_not_come_from_the_levels_of_the_windows():
    flux = np.stack([prepare(spectrum(seed), GRID) for seed in range(2)])
    nowhere = np.full(2, np.nan)
    assert first_of_a_kind(flux, nowhere, nowhere, parts=GRID.parts).all()
    flux[1] = flux[0] * np.concatenate([np.full(60, 2.0), np.full(62, 3.0), np.full(90, 0.5)])
    scaled = Scaling(GRID)(flux)
    assert first_of_a_kind(scaled, nowhere, nowhere, parts=GRID.parts).tolist() == [True, False]


def test_the_core_of_each_windows_own_line_is_no_continuum():
    wavelength, noise = GRID.wavelength, np.random.default_rng(6).normal(0, 0.2, GRID.n)
    profile = sum(np.exp(-0.5 * ((wavelength - at) / 6) ** 2) for at in (4862.7, 6564.6))
    main, other = 100 + noise, 10 + 40 * profile + noise[::-1] / 10
    (found,) = scale_to(wavelength, main, other[None], (4862.7, 6564.6, 8580.0), GRID.parts)
    far = np.abs(wavelength - 4862.7) > 20
    for part in GRID.parts:
        assert np.median(found[part][far[part]]) == pytest.approx(100, rel=0.02)


def test_a_visit_is_brought_to_the_level_of_each_window():
    main = prepare(spectrum(0), GRID)
    other = prepare(spectrum(1), GRID) * np.concatenate(
        [np.full(60, 5.0), np.full(62, 0.1), np.full(90, 2.0)]
    )
    dead = np.where(np.arange(GRID.n) < 60, 0.0, other)
    scaled, partly = scale_to(GRID.wavelength, main, np.array([other, dead]), 6564.6, GRID.parts)
    for part in GRID.parts:
        assert np.median(scaled[part]) == pytest.approx(np.median(main[part]), rel=0.03)
    assert np.isnan(partly[FIRST]).all()
    assert np.isfinite(partly[THIRD]).all()


# as a definition and a campaign


DEFINITION = """
[[window]]
start = 6519
end = 6612
n = 62
[[window]]
start = 6400
end = 6500
n = 60
spacing = "log"
[[class]]
name = "odd"
key = "o"
network_class = "odd"
is_target = true
[[class]]
name = "rest"
key = "r"
network_class = "rest"
[search]
title = "Hα"
[[search.line]]
name = "Hα"
wavelength = 6564.614
sign = "emission"
"""


def test_a_definition_names_several_windows():
    grid = parse_definition(DEFINITION.encode(), "x").grid
    assert grid == Grid((Window(6400.0, 6500.0, 60, Spacing.LOG), HALPHA))


@pytest.mark.parametrize(("before", "after", "words"), [
    ("[[window]]", "[grid]\nstart = 1\nend = 2\nn = 50\n[[window]]", r"x has a \[grid\] and \[\["),
    ("end = 6500", "end = 6530", "x: The windows 6400-6530 Å × 60 in log steps and 6519-6612 Å"),
    ("6564.614", "6505.0", "at 6505 Å is outside of the windows 6400-6500 Å, 6519-6612 Å"),
    ("n = 62", "n = 8", "x: A window of 8 wavelengths"),
    ("n = 62", "n = 20000", "x: A grid of 20060 wavelengths"),
    ("n = 62", "", r"x: \[\[window\]\] lacks 'n'"),
    ('spacing = "log"', 'spacing = "even"', r"x: spacing in \[\[window\]\] is 'even'"),
])  # fmt: skip
def test_windows_of_a_definition_that_contradict_are_refused(before, after, words):
    with pytest.raises(CampaignError, match=words):
        parse_definition(DEFINITION.replace(before, after, 1).encode(), "x")


@pytest.fixture
def pool(tmp_path):
    files = write_folder(tmp_path / "files", 40)
    windows = [
        one for grid in ("6400 6500 60", "6519 6612 62") for one in ("--grid", *grid.split())
    ]
    with pytest.raises(SystemExit) as ended:
        main(["ingest", str(files), "--out", str(tmp_path / "pool.h5"), *windows])
    assert ended.value.code == 0
    return tmp_path / "pool.h5"


def test_a_campaign_in_several_windows_is_trained_and_judged(store, pool, tmp_path):
    grid = Grid((Window(6400.0, 6500.0, 60), HALPHA))
    with open_file(pool, grid) as group:
        flux = group["spectra"][:]
    rng = np.random.default_rng(7)
    flux = np.repeat(flux, 2, axis=0) * rng.normal(1, 0.01, (2 * len(flux), grid.n))
    flux[::2, grid.parts[1]] += (
        0.8 * np.median(flux) * np.exp(-0.5 * ((HALPHA.wavelength - 6564.6) / 3) ** 2)
    )
    names = ",".join(f"{one:.4f}" for one in grid.wavelength)
    rows = [
        ",".join([f"t{i}", "rest" if i % 2 else "odd", *map(str, row.tolist())])
        for i, row in enumerate(flux)
    ]
    training = tmp_path / "training.csv"
    training.write_text("\n".join([f"id,label,{names}", *rows]), encoding="utf-8")
    assert read_outline(training).grid == grid
    classes = (OracleClass("odd", "o", "odd", is_target=True), OracleClass("rest", "r", "rest"))
    search = Search("Hα", (LINE,))
    create_campaign(store, "two", training, pool, grid=grid, classes=classes, search=search)
    campaign = store.campaign("two")
    assert campaign.grid == grid
    assert parse_definition(write_definition(campaign).encode(), "x").grid == grid
    assert open_pool(store, campaign).grid == grid
    assert {"Hα", "[N II] 6548", "[N II] 6583"} >= {line.name for line in campaign.lines} >= {"Hα"}

    job = store.add_job("two", 0, TrainingSettings(max_epochs=3, background=20, seed=3))
    result = run_iteration(store, job, lambda *_: None)
    assert result.recovery_file, result.notices
    assert np.isfinite(rule_significance(store, campaign)).sum() == 40


def test_the_labelling_page_gets_each_window_by_itself(store, pool, tmp_path):
    grid = Grid((Window(6400.0, 6500.0, 60), HALPHA))
    with open_file(pool, grid) as group:
        flux = group["spectra"][:]
    names = ",".join(f"{one:.4f}" for one in grid.wavelength)
    rows = [f"t{i},{'odd' if i % 2 else 'rest'},{','.join(map(str, one))}"
            for i, one in enumerate(flux.tolist())]  # fmt: skip
    training = tmp_path / "training.csv"
    training.write_text("\n".join([f"id,label,{names}", *rows]), encoding="utf-8")
    classes = (OracleClass("odd", "o", "odd", is_target=True), OracleClass("rest", "r", "rest"))
    campaign = create_campaign(
        store, "two", training, pool, grid=grid, classes=classes, folders=(tmp_path,)
    )
    opened, initial = open_pool(store, campaign), read_initial_set(store, campaign)
    (sheet,) = make_sheets(store, campaign, opened, initial, opened.identifiers(np.array([3])))
    assert sheet["trouble"] == ""
    for name, part in (("windows", flux[3]), ("nearest", initial.windows[3])):
        packed = sheet[name] if name == "windows" else sheet[name]["windows"]
        for one, where in zip(packed, grid.parts, strict=True):
            np.testing.assert_allclose(unpack(one), part[where], rtol=1e-3, atol=1e-3)
    for raw, window in zip(sheet["raw"], grid.windows, strict=True):
        x = unpack(raw["x"])
        assert window.start - 62 < x[0] < window.start - 50
        assert window.end + 50 < x[-1] < window.end + 62
    means = class_means(campaign, initial)
    assert [len(unpack(one)) for one in means["odd"]] == [60, 62]


@pytest.mark.parametrize(("given", "words"), [
    (["--grid", "6400", "6500", "60", "--grid", "6450", "6600", "60"], "overlap"),
    (["--grid", "6400", "6500", "60", "--grid", "6510", "x", "60"], "6510 x 60 is no window"),
])  # fmt: skip
def test_the_command_line_refuses_windows_that_are_none(tmp_path, capsys, given, words):
    with pytest.raises(SystemExit) as ended:
        main(["ingest", str(tmp_path), "--out", str(tmp_path / "pool.h5"), *given])
    assert ended.value.code != 0
    assert words in capsys.readouterr().err


def test_a_pool_is_made_for_a_definition(tmp_path, capsys):
    files = write_folder(tmp_path / "files", 3)
    definition, pool = tmp_path / "two.toml", tmp_path / "pool.h5"
    asks = DEFINITION.replace('title = "Hα"', 'title = "Hα"\nresolving_power = 900')
    definition.write_text(asks, encoding="utf-8")
    given = ["ingest", str(files), "--out", str(pool), "--definition", str(definition)]
    with pytest.raises(SystemExit) as ended:
        main([*given, "--grid", "6400", "6500", "60"])
    assert ended.value.code != 0
    said = capsys.readouterr().err
    assert "the grid of" in said
    assert "Leave one of them out" in said
    with pytest.raises(SystemExit) as ended:
        main(given)
    assert ended.value.code == 0
    grid, resolution = read_stated(pool)
    assert grid == Grid((Window(6400.0, 6500.0, 60, Spacing.LOG), HALPHA))
    assert resolution.power == 900.0
