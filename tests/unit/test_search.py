"""The search of a campaign: what it says, what contradicts itself, how it is given and kept."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import pytest

from active_cnn.campaign.creation import assume_lines, assume_search, create_campaign
from active_cnn.campaign.definition import read_definition
from active_cnn.campaign.overview import describe_assumed
from active_cnn.cli import main
from active_cnn.errors import CampaignError
from active_cnn.grid import Grid
from active_cnn.search import (
    HALPHA,
    HALPHA_EMISSION,
    Band,
    Frame,
    ScalingMethod,
    Search,
    Sign,
    TargetLine,
)
from active_cnn.spectra.pool_file import find_group
from active_cnn.spectra.resolving_power import PoolResolution, write_resolution

LITHIUM = TargetLine("Li I 6708", 6709.66, Sign.ABSORPTION, fwhm=(150.0, 400.0))

GIVEN = """
[search]
title = "CVs"
sigma = 8
frame = "rest"
redshift = [0, 0.0001]
source = "somebody (2020)"
scaling = "robust"

[[search.line]]
name = "Hα"
wavelength = 6564.614
sign = "emission"
fwhm = [400, 3000]

[[search.line]]
name = "He I 6678"
wavelength = 6679.995
sign = "either"
equivalent_width = [0.5, 20]
within = [6670, 6690]

[[search.band]]
name = "TiO"
start = 6651
end = 6700
"""
READ = Search(
    "CVs",
    (
        TargetLine("Hα", 6564.614, Sign.EMISSION, (400.0, 3000.0)),
        TargetLine(
            "He I 6678", 6679.995, Sign.EITHER, equivalent_width=(0.5, 20.0), within=(6670, 6690)
        ),
    ),
    (Band("TiO", 6651.0, 6700.0),),
    sigma=8.0,
    frame=Frame.REST,
    redshift=(0.0, 0.0001),
    source="somebody (2020)",
    scaling=ScalingMethod.ROBUST,
)


@pytest.fixture
def define(tmp_path):
    def define(text):
        path = tmp_path / "definition.toml"
        path.write_text(text, encoding="utf-8")
        return read_definition(path)

    return define


def test_a_search_is_read_as_it_is_given(define):
    assert define(GIVEN).search == READ
    assert define("").search is None


@pytest.mark.parametrize("search", [READ, HALPHA_EMISSION, Search()], ids=["given", "Hα", "none"])
def test_a_search_belongs_to_its_campaign(store, survey, search):
    created = create_campaign(store, "mine", survey.training, survey.pool, search=search)
    assert store.campaign("mine").search == created.search == search


def test_an_assumed_search_asks_for_no_other_resolving_power_than_the_pool_has(
    store, survey, tmp_path
):
    pool = Path(shutil.copy(survey.pool, tmp_path))
    with h5py.File(pool, "r+") as file:
        write_resolution(find_group(file, pool), PoolResolution(7500.0))
    created = create_campaign(store, "medium", survey.training, pool)
    assert created.search == replace(HALPHA_EMISSION, resolving_power=None)
    assert store.campaign("medium").search == created.search
    with pytest.raises(CampaignError, match="is for spectra of R = 1800"):
        create_campaign(store, "low", survey.training, pool, search=HALPHA_EMISSION)


def test_a_campaign_of_a_version_without_searches_looks_for_halpha(store, campaign):
    store._db.execute("UPDATE campaign SET search = ''")
    assert store.campaign("halpha").search == HALPHA_EMISSION == campaign.search


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("search = 3", "write it under [search]"),
        ("[search]\nsigma = 0", "sigma = 0.0: give a positive number"),
        ('[search]\nsigma = "x"', "sigma in [search] is 'x': give a number"),
        (
            "[search]\ncolour = 1",
            "[search] has no 'colour': it has title, sigma, resolving_power, frame",
        ),
        ('[search]\nframe = "mine"', "give one of observed, rest"),
        ("[search]\nredshift = 3", "redshift in [search] is 3: give two numbers, [from, to]"),
        ("[search]\nredshift = [3, 1]", "redshifts from 3.0 to 1.0"),
        ("[search]\nredshift = [0, nan]", "redshift in [search] is [0, nan]: give two numbers"),
        ("[search]\nline = 1", "search.line is 1: write each one under [[search.line]]"),
        ('[[search.line]]\nname = "x"', "lacks 'wavelength'"),
        ('[[search.line]]\nname = "x"\nwavelength = 6600', "lacks 'sign'"),
        (
            '[[search.line]]\nname = "x"\nwavelength = 6600\nsign = "up"',
            "sign in [[search.line]] is 'up': give one of emission, absorption, either",
        ),
        (
            '[[search.line]]\nname = "x"\nwavelength = -1\nsign = "either"',
            "give a name and a positive wavelength",
        ),
        (
            '[[search.line]]\nname = "x"\nwavelength = 6600\nsign = "either"\nfwhm = [9, 3]',
            "fwhm of the target line 'x' is from 9.0 to 3.0 km/s",
        ),
        (
            '[[search.line]]\nname = "x"\nwavelength = 6600\nsign = "either"\nfwhm = [9]',
            "fwhm in [[search.line]] is [9]: give two numbers",
        ),
        (
            '[[search.line]]\nname = "x"\nwavelength = 6600\nsign = "either"\nseparation = [1, 2]',
            "is no emission line: leave the separation out",
        ),
        (
            '[[search.line]]\nname = "x"\nwavelength = 6600\nsign = "either"\nwithin = [1, 2]',
            "is not within its own range 1-2 Å",
        ),
        (
            '[[search.line]]\nname = "x"\nwavelength = 4000\nsign = "either"',
            "The target line 'x' at 4000 Å is outside of the window 6519-6732 Å",
        ),
        (
            '[[search.band]]\nname = "x"\nstart = 4000\nend = 4100',
            "The band 'x' at 4000-4100 Å is outside of the window 6519-6732 Å",
        ),
        ('[[search.band]]\nname = "x"\nstart = 9\nend = 2', "The band 'x' is from 9.0 to 2.0 Å"),
        (
            '[[search.line]]\nname = "x"\nwavelength = 6600\nsign = "either"\n' * 2,
            "The target line 'x' is given twice",
        ),
    ],
)
def test_a_search_that_contradicts_itself_is_refused_with_the_file_and_the_value(
    define, text, said
):
    with pytest.raises(CampaignError, match="definition.toml") as refused:
        define(text)
    assert said in str(refused.value)


def test_a_search_outside_of_the_window_is_refused_before_anything_is_made(store, survey):
    search = Search("Ca II", (TargetLine("K", 3934.78, Sign.EMISSION),))
    with pytest.raises(CampaignError, match=r"'K' at 3934.78 Å is outside of the window"):
        create_campaign(store, "mine", survey.training, survey.pool, search=search)
    assert store.campaign_names() == []
    assert not (store.home / "mine").exists()


def test_lines_that_redshifts_move_are_looked_for_nowhere():
    quasars = Search("quasars", (HALPHA,), redshift=(0.0, 0.4))
    assert quasars.fixed_lines == ()
    assert quasars.describe_rule() == ""
    quasars.check_windows(Grid.of(4000.0, 5000.0, 500))
    assert replace(quasars, redshift=(-0.0005, 0.0005)).fixed_lines == (HALPHA,)


def test_the_rule_says_where_it_looks_and_which_way():
    assert HALPHA_EMISSION.describe_rule() == (
        "a pixel within 6561–6568 Å that is 13 σ above the local continuum"
    )
    both = Search("x", (replace(LITHIUM, within=(6708.0, 6711.0)), HALPHA), sigma=5)
    assert both.describe_rule() == (
        "a pixel within 6708–6711 Å that is 5 σ below, or one within 6561–6568 Å that is 5 σ above "
        "the local continuum"
    )


def test_the_first_marked_line_is_that_of_the_search(store, survey):
    search = Search("Li-rich giants", (LITHIUM,))
    campaign = create_campaign(store, "mine", survey.training, survey.pool, search=search)
    assert campaign.lines[0].name == "Li I 6708"
    assert [one.name for one in campaign.lines][1:3] == ["Hα", "He I 6678"]


def test_no_line_at_all_can_be_marked(define):
    assert define("line = []").lines == ()


def test_a_window_elsewhere_is_not_taken_for_a_search_of_halpha():
    grid = Grid.of(4800.0, 4920.0, 140)
    assert assume_search(grid) == Search(scaling=ScalingMethod.MEDIAN)
    assert assume_lines(grid, Search()) == ()
    assert assume_search(Grid()) == HALPHA_EMISSION


def test_what_was_assumed_is_said(store, survey, tmp_path, capsys):
    def create(name, *more):
        given = ["--training", str(survey.training), "--pool", str(survey.pool), *more]
        with pytest.raises(SystemExit) as ended:
            main(["create", "--home", str(store.home), "--name", name, *given])
        assert ended.value.code == 0
        return capsys.readouterr().out

    said = create("silent")
    assert "What marks the targets was not said. Assumed: Hα emission: Hα 6564.61 Å" in said
    definition = tmp_path / "li.toml"
    definition.write_text('[search]\ntitle = "nothing"\n', encoding="utf-8")
    assert "was not said" not in create("told", "--definition", str(definition))
    told = store.campaign("told")
    assert told.search == Search("nothing", scaling=ScalingMethod.MEDIAN)
    assert "no lines are planted" in describe_assumed(Search())


@pytest.mark.usefixtures("campaign")
def test_what_is_stored_can_be_read_by_others(store):
    ((stored,),) = store._db.execute("SELECT search FROM campaign").fetchall()
    assert json.loads(stored)["lines"][0]["name"] == "Hα"
