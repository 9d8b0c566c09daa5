"""Campaigns that begin with a handful of examples: how these are named, and what is refused."""

import csv
import json
import shutil

import h5py
import numpy as np
import pytest

from active_cnn import cli
from active_cnn.campaign.beginning import begin_with_examples
from active_cnn.campaign.definition import Definition
from active_cnn.campaign.store import Store
from active_cnn.campaign.training_data import (
    build_training_set,
    describe_shortage,
    initial_identifiers,
    why_ranked,
)
from active_cnn.errors import CampaignError, SpectrumError, StoreError
from active_cnn.grid import Grid
from active_cnn.recipes import ENOUGH_OTHERS, ENOUGH_TARGETS
from active_cnn.records import OracleClass
from active_cnn.spectra.examples import Examples, read_place
from active_cnn.spectra.simulation import write_case
from active_cnn.spectra.simulation.cases import CASES

pytestmark = pytest.mark.usefixtures("tables_in_one_process")


@pytest.fixture(scope="module")
def lithium(tmp_path_factory):
    """A survey of 80 spectra, eight of them targets, each with its file."""
    folder = tmp_path_factory.mktemp("lithium")
    sizes = {"pool_size": 80, "training_size": 20, "n_fits": 8}
    return write_case(folder, CASES["lithium"], target_share=0.1, seed=2, **sizes)


@pytest.fixture(scope="module")
def targets(lithium):
    """Identifiers of the targets of the pool."""
    with lithium.truth.open(encoding="utf-8") as file:
        return [row["identifier"] for row in csv.DictReader(file) if row["label"] == "Li-rich"]


@pytest.fixture(scope="module")
def place_of(lithium):
    """Give a function that tells where a spectrum of the pool is."""

    def place_of(name):
        with h5py.File(lithium.pool) as file:
            (group,) = file.values()
            row = group["filenames"].asstr()[:].tolist().index(name)
            return float(group["ra"][row]), float(group["dec"][row])

    return place_of


@pytest.fixture
def begin(store, lithium):
    """Give a function that creates a campaign."""

    def begin(*typed, pool=lithium.pool, files=None, table=None, sources=(), **options):
        examples = Examples(typed, files or {}, table, tuple(sources))
        return begin_with_examples(store, "mine", pool, examples, **options)

    return begin


def nothing_is_left(store):
    return not (store.home / "mine").exists() and not store.campaign_names()


def test_examples_are_named_by_identifier_position_and_file(
    store, begin, targets, place_of, lithium
):
    file = next(one for one in lithium.fits if one.name.startswith(targets[3].split(".")[0]))
    ra, dec = place_of(targets[2])
    typed = (targets[0], targets[1], f"{ra} {dec}", str(file))
    begun = begin(*typed, files={str(file): file})
    assert set(initial_identifiers(store, begun.campaign)) == set(targets[:4])
    assert begun.campaign.training_path == "mine/training-set.csv"
    assert begun.campaign.targets == ("target",)
    assert begun.campaign.network_classes == ("target", "other")
    assert begun.campaign.grid == CASES["lithium"].grid
    said = "\n".join(begun.said)
    assert "4 spectra are labelled by 4 of 4 rows: target 4." in said
    assert "There is no example of 'other': spectra drawn from the pool stand for the rest." in said
    assert f"Until {ENOUGH_TARGETS} targets and {ENOUGH_OTHERS} others are labelled" in said


def test_examples_of_the_pool_have_its_noise(store, begin, targets):
    campaign = begin(*targets[:2]).campaign
    known = build_training_set(store, campaign, store.iteration("mine"))
    assert known.is_of_pool.tolist() == [True, True]


def test_a_table_without_labels_is_of_what_is_looked_for(begin, targets, tmp_path):
    table = tmp_path / "five.csv"
    table.write_text("\n".join(["id", *targets[:5]]))
    begun = begin(table=table, label="Li-rich", targets=["Li-rich"])
    assert begun.campaign.targets == ("Li-rich",)
    assert "no column of labels, so that all are 'Li-rich'" in begun.said[0]


def test_a_table_may_name_what_is_not_looked_for(store, begin, targets, lithium, tmp_path):
    with lithium.truth.open(encoding="utf-8") as file:
        other = next(row["identifier"] for row in csv.DictReader(file) if row["label"] == "other")
    table = tmp_path / "both.csv"
    table.write_text(f"id,label\n{targets[0]},giant\n{other},other\n")
    begun = begin(targets[1], table=table, label="giant")
    assert begun.campaign.targets == ("giant",)
    assert set(initial_identifiers(store, begun.campaign)) == {*targets[:2], other}


def test_one_example_will_do_and_one_that_is_named_twice_is_one(store, begin, targets):
    campaign = begin(targets[0], targets[0]).campaign
    assert list(initial_identifiers(store, campaign)) == [targets[0]]


def test_what_is_nowhere_is_listed_and_the_others_are_used(store, begin, targets):
    begun = begin(targets[0], "nowhere", "10 80", targets[1])
    assert set(initial_identifiers(store, begun.campaign)) == set(targets[:2])
    with (store.home / "mine" / "training-set-refused.csv").open(encoding="utf-8") as file:
        refused = [(row["identifier"], row["reason"]) for row in csv.DictReader(file)]
    why = "names no spectrum of the sources"
    assert refused == [("nowhere", why), ("10 80", why)]
    assert "training-set-refused.csv" in begun.said[-1]


@pytest.mark.parametrize("typed", [("nowhere",), ("10 80",), ("nowhere", "10 80", "  ")])
def test_where_no_example_can_be_used_there_is_no_campaign(store, begin, typed):
    with pytest.raises(SpectrumError, match="names no spectrum of the sources"):
        begin(*typed)
    assert nothing_is_left(store)


def test_a_spectrum_that_is_two_things_is_refused(store, begin, targets, tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text(f"id,label\n{targets[0]},other\n{targets[1]},other\n")
    begun = begin(targets[0], targets[2], table=table, label="giant")
    assert set(initial_identifiers(store, begun.campaign)) == {targets[1], targets[2]}
    assert "names a spectrum that has several labels" in "\n".join(begun.said)


def test_examples_of_a_non_target_alone_are_refused(store, begin, targets, tmp_path):
    table = tmp_path / "others.csv"
    table.write_text(f"id,label\n{targets[0]},other\n{targets[1]},noise\n")
    with pytest.raises(CampaignError, match="what is usually not looked for: 'other' .1., 'noise'"):
        begin(table=table)
    definition = Definition(
        CASES["lithium"].grid,
        (OracleClass("giant", "g", "giant", is_target=True), OracleClass("other", "o", "other")),
    )
    table.write_text(f"id,label\n{targets[0]},other\n")
    with pytest.raises(CampaignError, match=r"None of the examples is of a target \(giant\)"):
        begin(table=table, definition=definition)
    assert nothing_is_left(store)


def test_an_example_named_alone_must_be_of_one_of_several_targets(store, begin, targets):
    classes = tuple(
        OracleClass(name, name[0], name, is_target=name != "other")
        for name in ("lithium", "barium", "other")
    )
    definition = Definition(CASES["lithium"].grid, classes)
    with pytest.raises(CampaignError, match=r"Several things are looked for \(lithium, barium\)"):
        begin(targets[0], definition=definition)
    assert nothing_is_left(store)
    begun = begin(targets[0], definition=definition, label="barium")
    assert "no example of the target 'lithium': nothing is predicted" in "\n".join(begun.said)


def test_a_broken_spectrum_is_no_example(store, begin, lithium, targets, tmp_path):
    pool = shutil.copy(lithium.pool, tmp_path)
    with h5py.File(pool, "r+") as file:
        (group,) = file.values()
        row = group["filenames"].asstr()[:].tolist().index(targets[0])
        group["spectra"][row] = np.nan
    begun = begin(targets[0], targets[1], pool=tmp_path / "pool.h5")
    assert list(initial_identifiers(store, begun.campaign)) == [targets[1]]
    (tmp_path / "broken.fits").write_bytes(b"SIMPLE  = nothing")
    store_files = {"broken": tmp_path / "broken.fits"}
    assert begun.campaign.name == "mine"
    with pytest.raises(SpectrumError, match="The only row of the examples named cannot be used"):
        begin_with_examples(store, "yours", lithium.pool, Examples(("broken",), store_files))
    assert not (store.home / "yours").exists()


def test_a_pool_on_another_grid_is_refused(store, begin, targets):
    with pytest.raises(SpectrumError, match="grid"):
        begin(targets[0], definition=Definition(Grid.of(6000, 7000, 140)))
    assert nothing_is_left(store)


def test_files_of_others_in_the_folder_stay(store, begin, targets):
    (store.home / "mine").mkdir()
    mine = store.home / "mine" / "training-set.csv"
    mine.write_text("mine")
    with pytest.raises(StoreError, match="would be overwritten"):
        begin(targets[0])
    assert mine.read_text() == "mine"


def test_no_example_at_all_is_refused():
    with pytest.raises(SpectrumError, match="No example is named"):
        Examples()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("150.5 -2.25", (150.5, -2.25)),
        ("150.5,-2.25", (150.5, -2.25)),
        ("10:02:00 -02:15:00", (150.5, -2.25)),
        ("10 02 00 -02 15 00", (150.5, -2.25)),
        ("10h02m00s -02d15m00s", (150.5, -2.25)),
        ("400 10", None),
        ("HD 45677", None),
        ("spec-1.fits", None),
        ("1 2 3", None),
        ("", None),
    ],
)
def test_a_position_is_told_from_an_identifier(text, place):
    assert read_place(text) == (place and pytest.approx(place))


def test_what_is_lacking_for_a_network_is_said(store, begin, targets):
    campaign = begin(*targets[:3]).campaign
    why = why_ranked(store, campaign, store.iteration("mine"))
    assert f"3 of {ENOUGH_TARGETS} targets, 0 of {ENOUGH_OTHERS} others" in why
    enough = {"target": ENOUGH_TARGETS, "other": ENOUGH_OTHERS}
    assert describe_shortage(campaign, enough) == ""
    assert describe_shortage(campaign, enough | {"other": 1}) != ""


def test_a_campaign_with_a_training_set_is_never_ranked(store, campaign):
    assert why_ranked(store, campaign, store.iteration(campaign.name)) == ""


def run(*arguments):
    with pytest.raises(SystemExit) as ended:
        cli.main([str(one) for one in arguments])
    return ended.value.code


def test_the_command_begins_with_examples(tmp_path, lithium, targets, capsys):
    home = tmp_path / "home"
    create = ("create", "--home", home, "--name", "li", "--pool", lithium.pool)
    given = [part for name in targets[:3] for part in ("--example", name)]
    assert run(*create, *given, "--target", "Li-rich") == 0
    said = capsys.readouterr().out
    assert "3 spectra are labelled by 3 of 3 rows: Li-rich 3." in said
    assert "Read from the examples: the window" in said
    with Store(home) as store:
        assert store.campaign("li").begins_with_examples
    assert run("status", "--home", home, "--json") == 0
    assert "3 of" in json.loads(capsys.readouterr().out)["why_ranked"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "Give either a training set"),
        (("--training", "x.csv", "--example", "a"), "Give either a training set"),
        (("--training", "x.csv", "--spectra", "a"), "without any, leave it out"),
    ],
)
def test_a_command_that_contradicts_itself_is_refused(tmp_path, lithium, capsys, given, said):
    create = ("create", "--home", tmp_path / "home", "--name", "li", "--pool", lithium.pool)
    assert run(*create, *given) == 1
    assert said in capsys.readouterr().err
