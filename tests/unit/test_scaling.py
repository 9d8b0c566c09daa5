"""How windows are scaled, by each method, and that a campaign's own is used throughout."""

import json
import sqlite3
from dataclasses import replace

import numpy as np
import pytest

from active_cnn.campaign.creation import assume_search, create_campaign
from active_cnn.campaign.definition import parse_definition
from active_cnn.campaign.definition_text import write_definition
from active_cnn.campaign.files import open_pool
from active_cnn.campaign.redefinition import redefine
from active_cnn.campaign.rule import compute_rule
from active_cnn.campaign.sheets import make_sheets
from active_cnn.campaign.store import FILE_NAME, Store
from active_cnn.campaign.training_data import read_initial_set
from active_cnn.cli import main
from active_cnn.delivery.methods import describe_methods
from active_cnn.engine import open_engine
from active_cnn.errors import CampaignError
from active_cnn.grid import Grid
from active_cnn.search import HALPHA_EMISSION, ScalingMethod, Search
from active_cnn.spectra.scaling import LINEAR, Scaling, compress
from tests.unit.test_migrations import make_old_home
from tests.unit.test_sheets import unpack

GRID = Grid()
OTHERS = [one for one in ScalingMethod if one is not ScalingMethod.MINMAX]


def star(level=100.0, slope=0.3, noise=0.01, height=0.0, n=140, seed=1):
    """A sloping continuum with noise, and a line in 3 pixels."""
    place = np.linspace(-1, 1, n)
    flux = 1 + slope * place + np.random.default_rng(seed).normal(0, noise, n)
    flux[n // 2 - 1 : n // 2 + 2] += height * np.array([0.6, 1.0, 0.6])
    return level * flux[None]


@pytest.mark.parametrize("method", OTHERS)
def test_a_line_of_three_pixels_survives_and_rules_nothing(method):
    plain, line = (Scaling(GRID, method)(star(slope=0.05, height=height))[0] for height in (0, 0.5))
    away = np.abs(np.arange(140) - 70) > 3
    np.testing.assert_allclose(line[away], plain[away], atol=0.1)
    assert line[70] > plain[away].max() + 0.3


@pytest.mark.parametrize("method", OTHERS)
def test_a_cosmic_ray_changes_nothing_but_its_own_pixel(method):
    struck = star()
    struck[0, 20] *= 1000
    before, after = Scaling(GRID, method)(star())[0], Scaling(GRID, method)(struck)[0]
    away = np.arange(140) != 20
    np.testing.assert_allclose(after[away], before[away], atol=0.02)
    assert after[20] > LINEAR


def test_the_median_is_the_continuum():
    scaled = Scaling(GRID, ScalingMethod.MEDIAN)(star(slope=0.0, height=0.5))[0]
    assert np.median(scaled) == pytest.approx(0, abs=2e-3)
    assert scaled[70] == pytest.approx(0.5, abs=0.05)


def test_a_curved_continuum_is_taken_off_and_lines_keep_their_depth():
    place = np.linspace(-1, 1, 1667)
    curve = 50 * (1 + 0.5 * place - 0.3 * place**2)
    line = 1 - 0.6 * np.exp(-0.5 * ((place - 0.4) / 0.01) ** 2)
    scaled = Scaling(Grid.of(3900, 8900, 1667), ScalingMethod.CONTINUUM)((curve * line)[None])[0]
    np.testing.assert_allclose(scaled, line - 1, atol=0.02)


@pytest.mark.parametrize("method", OTHERS)
@pytest.mark.parametrize(
    "flux",
    [
        star(level=-100.0),  # below zero everywhere
        star(slope=0.0) - 100.0,  # about zero: the sky alone
        np.eye(1, 140, 20),  # nothing but a spike
        -np.eye(1, 140, 20),
        star(slope=4.0),  # a continuum that goes through zero
        np.full((1, 140), 1e308) * np.linspace(-1, 1, 140),
        1e12 + np.linspace(0, 1, 140)[None],
    ],
)
def test_what_has_no_continuum_becomes_finite_numbers_of_bounded_size(method, flux):
    scaled = Scaling(GRID, method)(flux)
    assert np.isfinite(scaled).all()
    assert np.abs(scaled).max() < 100
    assert np.ptp(scaled) > 0 or method is not ScalingMethod.ROBUST


def test_each_of_several_windows_is_scaled_on_its_own():
    grid = Grid((*Grid().windows, *Grid.of(4800.0, 4920.0, 80).windows))
    flux = np.concatenate([star(n=80, level=5.0), star(level=1e4)], axis=1)
    for method in ScalingMethod:
        scaled = Scaling(grid, method)(flux)
        for part, own in zip(grid.parts, grid.windows, strict=True):
            alone = Scaling(Grid((own,)), method)(flux[:, part])
            np.testing.assert_array_equal(scaled[:, part], alone)


@pytest.mark.parametrize("method", ScalingMethod)
def test_other_windows_are_scaled_by_the_numbers_of_one(method):
    scaling = Scaling(GRID, method)
    flux, other = star(slope=0.1)[0], star(slope=0.1, height=2.0)[0]
    other[3] = np.nan
    same, seen = scaling.alike(flux, np.stack([flux, other]))
    np.testing.assert_allclose(same, scaling(flux[None])[0], atol=1e-6)
    assert np.isnan(seen[3])
    away = np.r_[4:66, 75:140]
    np.testing.assert_allclose(seen[away], same[away], atol=1e-5)
    assert seen[70] > same[70]


def test_what_is_far_off_is_compressed_in_order():
    values = np.array([-1e4, -3, 0, 2.5, 3, 10, 1e4], dtype=np.float32)
    compressed = compress(values)
    np.testing.assert_array_equal(compressed[1:5], values[1:5])
    assert (np.diff(compressed) > 0).all()
    assert compressed[-1] == -compressed[0] < 30


@pytest.fixture(params=[ScalingMethod.MEDIAN])
def scaled(request, store, survey):
    search = replace(HALPHA_EMISSION, scaling=request.param)
    return create_campaign(store, "scaled", survey.training, survey.pool, search=search)


def test_pool_training_set_and_labelling_page_show_what_the_network_sees(store, scaled):
    pool, training = open_pool(store, scaled), read_initial_set(store, scaled)
    rows = np.flatnonzero(pool.usable)[:3]
    expected = Scaling(scaled.grid, scaled.search.scaling)(pool.flux(rows))
    np.testing.assert_array_equal(pool.windows(rows), expected)
    ((_, usable, windows),) = pool.chunks(pool.n)
    np.testing.assert_array_equal(windows[:3], pool.windows(np.flatnonzero(usable)[:3]))
    np.testing.assert_array_equal(training.windows, pool.scaling(training.flux))
    (sheet,) = make_sheets(store, scaled, pool, training, pool.identifiers(rows[:1]))
    np.testing.assert_allclose(unpack(sheet["seen"][0]), expected[0], atol=1e-4)


def test_the_rule_says_the_same_however_windows_are_scaled(store, scaled, campaign):
    with open_engine() as engine:
        found = [compute_rule(store, one, engine, lambda *_: None) for one in (scaled, campaign)]
    np.testing.assert_array_equal(*found)


def test_the_scaling_is_kept_written_and_cannot_be_changed(store, scaled):
    assert store.campaign("scaled").search.scaling is ScalingMethod.MEDIAN
    text = write_definition(scaled)
    assert parse_definition(text.encode(), "a.toml").search == scaled.search
    other = text.replace('scaling = "median"', 'scaling = "robust"')
    with pytest.raises(
        CampaignError, match=r"by median, and its networks .* Write scaling = .median. in"
    ):
        redefine(store, scaled, parse_definition(other.encode(), "a.toml"))
    assert store.campaign("scaled") == scaled


def test_methods_and_status_tell_the_scaling(store, scaled, probabilities, fill_iteration, capsys):
    fill_iteration(store, scaled, probabilities)
    assert "its window divided by its median, less 1." in describe_methods(store, scaled)
    with pytest.raises(SystemExit, match="0"):
        main(["status", "--home", str(store.home), "--campaign", "scaled", "--json"])
    assert json.loads(capsys.readouterr().out)["scaling"] == "median"


def test_an_unknown_method_is_refused_with_those_that_there_are():
    with pytest.raises(CampaignError, match=r"'max': give one of minmax, robust, median"):
        parse_definition(b'[search]\nscaling = "max"', "a.toml")


def test_the_command_takes_a_scaling(store, survey):
    files = ["--training", str(survey.training), "--pool", str(survey.pool)]
    given = ["create", "--home", str(store.home), "--name", "mine", *files]
    with pytest.raises(SystemExit, match="0"):
        main([*given, "--scaling", "robust"])
    search = store.campaign("mine").search
    assert search == replace(HALPHA_EMISSION, scaling=ScalingMethod.ROBUST)


def test_campaigns_of_earlier_versions_are_scaled_by_minimum_and_maximum(tmp_path):
    home = make_old_home(tmp_path / "home")
    with Store(home) as store:
        assert store.campaign("small").search.scaling is ScalingMethod.MINMAX
        store.change_definition(  # stored as a record from now on
            "small",
            store.campaign("small").classes,
            {},
            HALPHA_EMISSION.described_as(replace(HALPHA_EMISSION, title="Be stars")),
            (),
        )
    connection = sqlite3.connect(home / FILE_NAME)
    ((stored,),) = connection.execute("SELECT search FROM campaign")
    earlier = {name: one for name, one in json.loads(stored).items() if name != "scaling"}
    connection.execute("UPDATE campaign SET search = ?", [json.dumps(earlier)])
    connection.execute("DELETE FROM _sqlite_migrations WHERE name = 'm013_scaling'")
    connection.commit()
    connection.close()
    with Store(home) as store:
        search = store.campaign("small").search
    assert (search.title, search.scaling) == ("Be stars", ScalingMethod.MINMAX)


def test_a_new_search_of_a_narrow_window_is_scaled_by_the_median_but_for_emission():
    narrow, wide = Grid.of(4800.0, 4920.0, 80), Grid.of(4000.0, 6000.0, 1000)
    assert assume_search(narrow) == Search(scaling=ScalingMethod.MEDIAN)
    assert assume_search(wide) == Search(scaling=ScalingMethod.MINMAX)
    assert assume_search(Grid()) == HALPHA_EMISSION
    assert HALPHA_EMISSION.scaling is ScalingMethod.MINMAX
    line = b'[[search.line]]\nname = "a"\nwavelength = 4861.0\nsign = "emission"'
    said = b'[grid]\nstart = 4800\nend = 4920\nn = 80\n[search]\ntitle = "lines"'
    assert parse_definition(said, "a.toml").search == Search("lines", scaling=ScalingMethod.MEDIAN)
    emission = parse_definition(said + b"\n" + line, "a.toml").search
    assert emission.scaling is ScalingMethod.MINMAX
    absorption = parse_definition(said + b"\n" + line.replace(b"emission", b"absorption"), "a.toml")
    assert absorption.search.scaling is ScalingMethod.MEDIAN
