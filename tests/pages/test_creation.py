"""The form for a campaign on files of the server, and what may be named in it."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import h5py
import pytest
from streamlit.runtime.context import ContextProxy, StreamlitCookies

from active_cnn.access import Token, sign_token, token_key
from active_cnn.campaign import demo, jobs
from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.definition_text import write_definition
from active_cnn.campaign.presets import read_preset
from active_cnn.campaign.store import Store
from active_cnn.campaign.training_data import initial_identifiers
from active_cnn.errors import JobError
from active_cnn.grid import Spacing
from active_cnn.recipes import DEFAULT_RECIPE, RECIPES
from active_cnn.search import ScalingMethod, Search
from active_cnn.spectra.resolving_power import PoolResolution, write_resolution
from active_cnn.spectra.simulation import write_case, write_demo
from active_cnn.spectra.simulation.cases import CASES
from active_cnn.ui import early_reading
from active_cnn.ui.identity import TOKEN_COOKIE

PAGE = "1_Overview"


@pytest.fixture(scope="session")
def survey_files(tmp_path_factory):
    """A training set and a pool; to be copied."""
    folder = tmp_path_factory.mktemp("files")
    return write_demo(folder, pool_size=60, training_size=60, n_fits=0, seed=2)


@pytest.fixture
def put(survey_files):
    """Give a function that puts training set and pool into a folder."""

    def put(folder):
        folder.mkdir(parents=True, exist_ok=True)
        return [shutil.copy(file, folder) for file in (survey_files.training, survey_files.pool)]

    return put


@pytest.fixture
def behind_password(empty_home, monkeypatch):
    """The home of a server that asks for a password, which the visitor has given."""
    monkeypatch.setenv("ACTIVE_CNN_PASSWORD", "open sesame")
    key = token_key(empty_home, "open sesame")
    cookies = StreamlitCookies({TOKEN_COOKIE: sign_token(key, Token("tester", 2**40))})
    # AppTest has no browser.
    monkeypatch.setattr(ContextProxy, "cookies", property(lambda _: cookies))
    return empty_home


def create(at, training, pool, folders=()):
    at.text_input(key="new_name").set_value("mine")
    at.text_input(key="new_training").set_value(str(training))
    at.text_input(key="new_pool").set_value(str(pool))
    at.text_area(key="new_folders").set_value("\n".join(map(str, folders)))
    at.button(key="create-campaign").click().run()
    assert not at.exception
    return at


def created(home):
    with Store(home) as store:
        return store.campaign("mine") if store.campaign_names() else None


def complaint(at):
    (error,) = at.error
    return error.value.replace("\\", "")


@pytest.mark.parametrize("which", [0, 1])
def test_a_pipe_in_the_form_is_refused_at_once(empty_home, tmp_path, put, open_page, which):
    named = put(tmp_path / "files")
    named[which] = tmp_path / ("pipe.csv", "pipe.h5")[which]
    os.mkfifo(named[which])
    at = create(open_page(PAGE), *named)
    assert "it is a pipe, a socket or a device, not a file" in complaint(at)
    assert created(empty_home) is None


@pytest.mark.parametrize(
    "name", ["x" * 300, "~nosuchuser/a", "loop", "file/a", "nul\0", "/" + "x/" * 3000]
)
def test_a_path_that_none_can_be_is_refused_in_words(empty_home, tmp_path, put, open_page, name):
    files = put(tmp_path / "files")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    path = name if name[0] in "/~" else f"{tmp_path}/{name}"
    for training, pool, folders in ((path, files[1], ()), (files[0], path, ()), (*files, [path])):
        at = create(open_page(PAGE), training, pool, folders)
        assert complaint(at)
    assert created(empty_home) is None


def test_the_folders_of_the_spectra_belong_to_the_campaign(empty_home, tmp_path, put, open_page):
    archives = [tmp_path / "one", tmp_path / "a b"]
    for archive in archives:
        archive.mkdir()
    folders = ["", f"  {archives[0]} ", "", str(archives[1])]
    at = create(open_page(PAGE), *put(tmp_path / "files"), folders)
    assert not at.error
    assert created(empty_home).folders == tuple(map(str, archives))


def test_without_folders_there_are_none(empty_home, tmp_path, put, open_page):
    create(open_page(PAGE), *put(tmp_path / "files"))
    assert created(empty_home).folders == ()


def test_a_folder_that_is_not_there_is_a_message(empty_home, tmp_path, put, open_page):
    at = create(open_page(PAGE), *put(tmp_path / "files"), [tmp_path / "none"])
    assert "There is no folder" in complaint(at)
    assert created(empty_home) is None


@pytest.mark.usefixtures("empty_home")
def test_ones_own_server_names_no_limits(open_page):
    assert not any("lie below" in one.value for one in open_page(PAGE).caption)


@pytest.mark.parametrize("wrong", ["training", "pool", "folder"])
def test_only_what_lies_below_the_servers_folders_can_be_named(
    empty_home, tmp_path, put, open_page, monkeypatch, wrong
):
    monkeypatch.setenv("ACTIVE_CNN_FOLDERS", f"{tmp_path / 'allowed'}:{tmp_path / 'more'}")
    training, pool = put(tmp_path / "allowed")
    other_training, other_pool = put(tmp_path / "other")
    given = {"training": training, "pool": pool, "folder": tmp_path / "allowed"}
    elsewhere = {"training": other_training, "pool": other_pool, "folder": tmp_path / "other"}
    at = open_page(PAGE)
    assert any(str(tmp_path / "more") in one.value.replace("\\", "") for one in at.caption)
    chosen = given | {wrong: elsewhere[wrong]}
    create(at, chosen["training"], chosen["pool"], [chosen["folder"]])
    assert "has to lie below" in complaint(at)
    assert str(elsewhere[wrong]) in complaint(at)
    assert created(empty_home) is None
    create(at, given["training"], given["pool"], [given["folder"]])
    assert created(empty_home).folders == (str(tmp_path / "allowed"),)


def test_a_refusal_is_the_same_whether_the_file_is_there_or_not(
    empty_home, tmp_path, put, open_page, monkeypatch
):
    monkeypatch.setenv("ACTIVE_CNN_FOLDERS", str(tmp_path / "allowed"))
    _, pool = put(tmp_path / "allowed")
    (tmp_path / "there.csv").write_text("a secret first line")
    (tmp_path / "allowed" / "leak.csv").symlink_to(tmp_path / "there.csv")
    at, said = open_page(PAGE), set()
    up = tmp_path / "allowed" / ".." / "there.csv"
    names = (tmp_path / "there.csv", tmp_path / "gone.csv", tmp_path / "allowed" / "leak.csv", up)
    for name in names:
        create(at, name, pool)
        said.add(complaint(at).replace(str(name), "…"))
    assert len(said) == 1
    assert created(empty_home) is None


def test_a_server_that_asks_who_enters_reads_only_its_home(
    behind_password, tmp_path, put, open_page
):
    at = open_page(PAGE)
    create(at, *put(tmp_path / "elsewhere"))
    assert "has to lie below" in complaint(at)
    assert created(behind_password) is None
    create(at, *put(behind_password / "files"))
    assert created(behind_password).training_path == "files/training.csv"


def test_folders_that_the_server_was_given_replace_its_home(
    behind_password, tmp_path, put, open_page, monkeypatch
):
    monkeypatch.setenv("ACTIVE_CNN_FOLDERS", str(tmp_path / "survey"))
    at = open_page(PAGE)
    create(at, *put(behind_password / "files"))
    assert "has to lie below" in complaint(at)
    create(at, *put(tmp_path / "survey"))
    assert created(behind_password)


@pytest.fixture
def put_labelled(put):
    """Give a function that puts a pool and a table that labels some of its rows into a folder."""

    def put_labelled(folder):
        _, pool = put(folder)
        with h5py.File(pool) as file:
            (group,) = file.values()
            names = group["filenames"].asstr()[:8]
        kinds = ("emission", "absorption", "double-peak", "odd") * 2
        rows = [f"{name},{kind}" for name, kind in zip(names, kinds, strict=True)]
        table = folder / "labels.csv"
        table.write_text("\n".join(["id,kind", *rows, "=none,noise"]), encoding="utf-8")
        return table, pool

    return put_labelled


def make_training(at, table, pool, sources):
    at.text_input(key="new_name").set_value("mine")
    at.text_input(key="new_pool").set_value(str(pool))
    at.text_input(key="new_labels").set_value(str(table))
    at.text_area(key="new_sources").set_value("\n".join(map(str, sources)))
    at.text_input(key="new_columns").set_value("label=kind")
    at.button(key="make-training").click().run()
    assert not at.exception
    return at


def test_a_campaign_begins_with_a_table_of_labels(empty_home, tmp_path, put_labelled, open_page):
    table, pool = put_labelled(tmp_path / "files")
    at = make_training(open_page(PAGE), table, pool, [pool])
    assert not at.error
    training = empty_home / "mine" / "training-set.csv"
    assert at.text_input(key="new_training").value == str(training)
    said = "\n".join(one.value for one in at.markdown).replace("\\", "")
    assert "8 spectra are labelled by 8 of 9 rows: " in said
    assert "52 spectra of the sources are named by no usable row." in said
    (shown,) = (one.value for one in at.dataframe if "reason" in one.value)
    assert shown["row"].tolist() == ["9"]
    assert shown["identifier"].tolist() == ["=none"]
    assert shown["reason"].tolist() == ["names no spectrum of the sources"]
    at.button(key="create-campaign").click().run()
    assert not at.exception
    campaign = created(empty_home)
    assert campaign.training_path == "mine/training-set.csv"
    assert "odd" in campaign.trains


@pytest.mark.usefixtures("empty_home")
def test_a_preset_tells_which_labels_of_a_table_are_known(tmp_path, put_labelled, open_page):
    table, pool = put_labelled(tmp_path / "files")
    at = begin_with(open_page(PAGE), "a preset")
    at.selectbox(key="preset").set_value("halpha-emission").run()
    make_training(at, table, pool, [pool])
    assert not at.error
    said = "\n".join(one.value for one in at.markdown).replace("\\", "")
    assert "6 spectra are labelled by 6 of 9 rows: " in said


def test_what_cannot_be_labelled_is_a_message_and_leaves_nothing(
    empty_home, tmp_path, put_labelled, open_page
):
    table, pool = put_labelled(tmp_path / "files")
    at = open_page(PAGE)
    for given, said in (
        (("", pool, [pool]), "The path of the table of labels is empty"),
        ((table, pool, []), "No source of spectra is named"),
        ((table, pool, [tmp_path / "none"]), "does not exist"),
        ((tmp_path / "none.csv", pool, [pool]), "No such file"),
        ((table, table, [pool]), "cannot be read as HDF5"),
    ):
        assert said in complaint(make_training(at, *given))
    at.text_input(key="new_pool").set_value(str(pool))
    at.text_input(key="new_columns").set_value("kind")
    at.button(key="make-training").click().run()
    assert "'kind' names no column: give PART=NAME" in complaint(at)
    assert not (empty_home / "mine").exists()
    assert created(empty_home) is None


def test_labels_and_spectra_are_read_only_below_the_servers_folders(
    empty_home, tmp_path, put_labelled, open_page, monkeypatch
):
    allowed = tmp_path / "allowed"
    monkeypatch.setenv("ACTIVE_CNN_FOLDERS", str(allowed))
    table, pool = put_labelled(allowed)
    other_table, other_pool = put_labelled(tmp_path / "other")
    at = open_page(PAGE)
    for given in ((other_table, pool, [pool]), (table, pool, [other_pool])):
        assert "has to lie below" in complaint(make_training(at, *given))
    (allowed / "list.txt").write_text(str(other_pool))
    assert "may lead out of the server's folders" in complaint(
        make_training(at, table, pool, [allowed / "list.txt"])
    )
    # A link in an allowed folder leads out of it.
    (allowed / "fits").mkdir()
    (allowed / "fits" / "x.fits").symlink_to(tmp_path / "other" / "pool.h5")
    assert "There are no spectra in" in complaint(
        make_training(at, table, pool, [allowed / "fits"])
    )
    make_training(at, table, pool, [pool, allowed / "fits"])
    said = "\n".join(one.value for one in at.markdown).replace("\\", "")
    assert "1 file was not read: outside the folders that may be." in said
    # The training set itself lies in the home, which need not be among these folders.
    at.button(key="create-campaign").click().run()
    assert not at.exception
    assert created(empty_home)


# What is proposed, and what is begun with


@pytest.fixture(scope="session")
def lithium_files(tmp_path_factory):
    """A survey of a search of its own: labels and window are not those of Hα."""
    folder = tmp_path_factory.mktemp("lithium giants")
    sizes = {"pool_size": 60, "training_size": 60, "n_fits": 0}
    return write_case(folder, CASES["lithium"], target_share=0.1, seed=2, **sizes)


def begin_with(at, kind):
    at.segmented_control(key="begin").set_value(kind).run()
    assert not at.exception
    return at


def name_files(at, training="", pool=""):
    at.text_input(key="new_training").set_value(str(training))
    at.text_input(key="new_pool").set_value(str(pool)).run()
    assert not at.exception
    assert not at.error
    return at


def keyed(elements, begins):
    """Give the one widget whose key begins so."""
    (found,) = (one for one in elements if (one.key or "").startswith(begins))
    return found


def window_of(at):
    return tuple(keyed(at.number_input, f"{name}-").value for name in ("start", "end", "n"))


def answers_of(at):
    (table,) = (one.value for one in at.dataframe if "network_class" in one.value)
    return table.set_index("name")


def warnings(at):
    return [one.value.replace("\\", "") for one in at.warning]


def captions(at):
    return "\n".join(one.value for one in at.caption).replace("\\", "")


def test_a_training_set_proposes_window_answers_and_name(empty_home, lithium_files, open_page):
    grid = CASES["lithium"].grid
    at = name_files(open_page(PAGE), lithium_files.training, lithium_files.pool)
    assert warnings(at) == []
    assert window_of(at) == (grid.start, grid.end, grid.n)
    answers = answers_of(at)
    assert answers["examples"].to_dict() == {"Li-rich": 5, "other": 55, "unsure": 0}
    assert answers.index[answers["is_target"] == 1].tolist() == ["Li-rich"]
    assert "looked for: Li-rich" in captions(at)
    assert "Window: 6626-6793 Å × 110 (vacuum). Resolving power: R = 1800." in captions(at)
    assert "What marks the targets was not said. Assumed: no line or band" in captions(at)
    # The file is called training.csv, which says nothing; its folder does.
    name = at.text_input(key="new_name").value
    assert name.startswith("lithium-giants")
    (scaling,) = [one for one in at.selectbox if one.label == "Scale windows by"]
    assert scaling.value == ScalingMethod.MEDIAN
    scaling.set_value(ScalingMethod.ROBUST)
    at.button(key="create-campaign").click().run()
    assert not at.exception
    with Store(empty_home) as store:
        campaign = store.campaign(name)
    assert campaign.grid == grid
    assert campaign.targets == ("Li-rich",)
    assert campaign.search == Search(scaling=ScalingMethod.ROBUST)


@pytest.mark.usefixtures("empty_home")
def test_a_name_that_was_typed_stays(lithium_files, open_page):
    at = open_page(PAGE)
    at.text_input(key="new_name").set_value("mine").run()
    name_files(at, lithium_files.training)
    assert at.text_input(key="new_name").value == "mine"


@pytest.mark.usefixtures("empty_home")
def test_a_large_training_set_is_read_once(lithium_files, open_page, monkeypatch):
    read = []
    true = early_reading.read_outline
    monkeypatch.setattr(early_reading, "read_outline", lambda path: read.append(path) or true(path))
    at = name_files(open_page(PAGE), lithium_files.training)
    keyed(at.number_input, "n-").set_value(111).run()
    name_files(at, lithium_files.training, lithium_files.pool)
    assert read == [lithium_files.training]


def test_what_is_edited_is_what_is_created(empty_home, lithium_files, open_page):
    at = name_files(open_page(PAGE), lithium_files.training, lithium_files.pool)
    keyed(at.number_input, "end-").set_value(6800.0).run()
    assert any("The training set is on 6626-6793" in one for one in warnings(at))
    assert any("ingest the spectra with --grid 6626 6800 110" in one for one in warnings(at))
    at.text_input(key="new_name").set_value("mine")
    at.button(key="create-campaign").click().run()
    assert "on the grid 6626-6800 Å × 110" in complaint(at)
    assert created(empty_home) is None
    keyed(at.selectbox, "spacing-").set_value(Spacing.LOG).run()
    keyed(at.number_input, "end-").set_value(6793.0).run()
    assert any("--grid 6626 6793 110 --spacing log" in one for one in warnings(at))
    keyed(at.number_input, "end-").set_value(6000.0).run()
    assert any("is not a wavelength range" in one for one in warnings(at))
    at.button(key="create-campaign").click().run()
    assert "is not a wavelength range" in complaint(at)


def test_windows_are_added_and_removed(empty_home, lithium_files, open_page):
    at = name_files(open_page(PAGE), lithium_files.training, lithium_files.pool)
    assert not [one for one in at.button if one.key.startswith("remove-window-")]
    keyed(at.number_input, "end-").set_value(6800.0).run()
    keyed(at.button, "add-window-").click().run()
    assert [one.value for one in at.number_input if one.key.startswith("start-")] == [6626, 6974]
    (said, pool) = warnings(at)
    assert "the campaign's windows are 6626-6800 Å × 110 + 6974-7148 Å × 110" in said
    assert "ingest the spectra with --grid 6626 6800 110 --grid 6974 7148 110" in pool
    _, second = (one for one in at.number_input if one.key.startswith("start-"))
    second.set_value(6700.0).run()
    assert any("6626-6800 Å × 110 and 6700-7148 Å × 110 overlap" in one for one in warnings(at))
    at.text_input(key="new_name").set_value("mine")
    at.button(key="create-campaign").click().run()
    assert "overlap" in complaint(at)
    assert created(empty_home) is None
    first, _ = (one for one in at.button if one.key.startswith("remove-window-"))
    first.click().run()
    left = [one for one in at.number_input if one.key.startswith(("start-", "end-"))]
    assert [one.value for one in left] == [6700, 7148]


@pytest.mark.usefixtures("empty_home")
def test_a_pool_on_another_window_is_said_before_anything_is_created(
    lithium_files, survey_files, open_page
):
    at = name_files(open_page(PAGE), lithium_files.training, survey_files.pool)
    (said,) = warnings(at)
    assert "The pool is on 6519-6732 Å × 140, the campaign's window is 6626-6793 Å × 110" in said
    assert "ingest the spectra with --grid 6626 6793 110" in said


@pytest.mark.usefixtures("empty_home")
def test_a_pool_of_another_resolving_power_is_said_too(survey_files, tmp_path, open_page):
    pool = shutil.copy(survey_files.pool, tmp_path)
    with h5py.File(pool, "r+") as file:
        (group,) = file.values()
        write_resolution(group, PoolResolution(500.0))
    at = begin_with(open_page(PAGE), "a preset")
    at.selectbox(key="preset").set_value("halpha-emission")
    name_files(at, survey_files.training, pool)
    (said,) = warnings(at)
    assert "The search is for spectra of R = 1800" in said


@pytest.mark.usefixtures("empty_home")
def test_a_file_that_cannot_be_read_is_said_at_its_field(tmp_path, lithium_files, open_page):
    wrong = tmp_path / "notes.csv"
    wrong.write_text("a,b\n1,2\n", encoding="utf-8")
    at = name_files(open_page(PAGE), wrong, wrong)
    training, pool = warnings(at)
    assert "has no column 'id' and is no training set" in training
    assert "cannot be read as HDF5" in pool
    # Mended, it is read anew.
    wrong.write_bytes(lithium_files.training.read_bytes())
    name_files(at, wrong, lithium_files.pool)
    assert warnings(at) == []


@pytest.mark.usefixtures("empty_home")
def test_a_preset_fills_the_form_and_names_its_source(survey_files, lithium_files, open_page):
    at = begin_with(open_page(PAGE), "a preset")
    preset = at.selectbox(key="preset")
    assert "white dwarfs" in preset.options
    preset.set_value("li-rich-giants").run()
    assert "Source: Gao et al. (2019)" in captions(at)
    assert "What marks the targets: Li-rich giants: Li I" in captions(at)
    keyed(at.number_input, "n-").set_value(200).run()
    # What was typed for one choice is not in the fields of another.
    at.selectbox(key="preset").set_value("halpha-emission").run()
    assert window_of(at) == (6519.0, 6732.0, 140)
    at.selectbox(key="preset").set_value("carbon-stars")
    name_files(at, survey_files.training)
    training, answers = warnings(at)
    assert "The training set is on 6519-6732 Å × 140" in training
    assert "No answer that trains a class has the name of these labels" in answers
    assert "'emission'" in answers
    # Another table would make the editor forget what was edited before the file was named.
    assert "examples" not in answers_of(at)
    name_files(begin_with(at, "the training set"), lithium_files.training)
    assert warnings(at) == []


def test_a_preset_makes_the_campaign_that_the_command_line_makes(
    empty_home, survey_files, open_page
):
    at = begin_with(open_page(PAGE), "a preset")
    at.selectbox(key="preset").set_value("halpha-emission").run()
    create(at, survey_files.training, survey_files.pool)
    assert not at.error
    preset, campaign = read_preset("halpha-emission"), created(empty_home)
    with Store(empty_home) as store:
        told = create_campaign(
            store,
            "told",
            survey_files.training,
            survey_files.pool,
            grid=preset.grid,
            classes=preset.classes,
            lines=preset.lines,
            search=preset.search,
            chosen_keys=preset.keys,
        )
    assert write_definition(campaign) == write_definition(told)


OWN = """
[grid]
start = 6519.0
end = 6732.0
n = 140
[[class]]
name = "emission"
key = "e"
network_class = "emission"
is_target = true
[[class]]
name = "absorption"
key = "a"
network_class = "plain"
[[class]]
name = "double-peak"
key = "d"
network_class = "emission"
is_target = true
[[class]]
name = "noise"
key = "n"
network_class = "plain"
[[class]]
name = "artefact"
key = "x"
network_class = "plain"
[search]
title = "bright lines"
[keys]
undo = "Backspace"
"""


def test_a_definition_file_fills_the_form(empty_home, survey_files, open_page):
    at = begin_with(open_page(PAGE), "a definition file")
    create(at, survey_files.training, survey_files.pool)
    assert "No definition file is chosen" in complaint(at)
    at.file_uploader(key="definition-file").set_value(("own.toml", b"[nothing]", "text/toml")).run()
    (said,) = warnings(at)
    assert "own.toml holds 'nothing'" in said
    at.file_uploader(key="definition-file").set_value(("own.toml", OWN.encode(), "text/toml")).run()
    assert warnings(at) == []
    assert "What marks the targets: bright lines; observed wavelengths." in captions(at)
    assert "Keys of its own: Undo: Backspace." in captions(at)
    create(at, survey_files.training, survey_files.pool)
    assert not at.error
    campaign = created(empty_home)
    assert campaign.network_classes == ("emission", "plain")
    assert campaign.search == Search("bright lines", scaling=ScalingMethod.MEDIAN)
    assert campaign.chosen_keys == {"undo": "Backspace"}


@pytest.mark.usefixtures("empty_home")
def test_nothing_outside_of_the_servers_folders_is_looked_at_early(
    tmp_path, put, open_page, monkeypatch
):
    monkeypatch.setenv("ACTIVE_CNN_FOLDERS", str(tmp_path / "allowed"))
    put(tmp_path / "allowed")
    training, pool = put(tmp_path / "other")
    looked_at = []

    def note(path, *_):
        looked_at.append(path)
        raise AssertionError(path)

    for name in ("_changed_at", "read_outline", "read_stated", "read_terms"):
        monkeypatch.setattr(early_reading, name, note)
    at, said = open_page(PAGE), set()
    for folder in (tmp_path / "other", tmp_path / "gone"):
        name_files(at, folder / "training.csv", folder / "pool.h5")
        said.add(tuple(one.replace(str(folder), "…") for one in warnings(at)))
    ((one, other),) = said
    assert "has to lie below" in one
    assert "has to lie below" in other
    assert looked_at == []


def test_the_first_network_can_be_trained_at_once(
    empty_home, lithium_files, open_page, monkeypatch
):
    started = []
    monkeypatch.setattr(jobs, "start_training", lambda *given: started.append(given[1:]))
    at = name_files(open_page(PAGE), lithium_files.training, lithium_files.pool)
    at.text_input(key="new_name").set_value("mine")
    at.button(key="create-and-train").click().run()
    assert not at.exception
    ((campaign, settings),) = started
    assert campaign.name == created(empty_home).name == "mine"
    with Store(empty_home) as store:
        seed = store.iteration("mine").seed
    assert settings == replace(RECIPES[DEFAULT_RECIPE], seed=seed)


def test_a_training_that_cannot_start_leaves_the_campaign(
    empty_home, lithium_files, open_page, monkeypatch
):
    def refuse(*_):
        raise JobError("No process is left.")

    monkeypatch.setattr(jobs, "start_training", refuse)
    at = name_files(open_page(PAGE), lithium_files.training, lithium_files.pool)
    at.text_input(key="new_name").set_value("mine")
    at.button(key="create-and-train").click().run()
    assert complaint(at) == "No process is left."
    assert created(empty_home)


# Demos


@pytest.fixture
def small_demos(monkeypatch):
    """Demos of a size that is made at once."""
    make = demo.create_demo
    sizes = {"pool_size": 60, "training_size": 40, "n_files": 5}
    monkeypatch.setattr(demo, "create_demo", lambda *given, **more: make(*given, **more, **sizes))


@pytest.mark.usefixtures("small_demos")
def test_the_demo_of_the_chosen_case_is_made(empty_home, open_page):
    at = open_page(PAGE)
    offered = at.selectbox(key="demo-case")
    assert len(offered.options) == 4
    assert offered.value == "halpha"
    offered.set_value("carbon").run()
    assert any("1.0 % of them targets" in text.value.replace("\xa0", " ") for text in at.markdown)
    at.button(key="make-demo").click().run()
    assert not at.exception
    with Store(empty_home) as store:
        campaign = store.campaign("demo-carbon")
    assert campaign.targets == ("carbon",)
    assert campaign.lines[0].name == "C2 5165"


@pytest.mark.usefixtures("small_demos")
def test_a_demo_that_is_there_is_not_offered_again(empty_home, open_page):
    with Store(empty_home) as store:
        demo.create_demo(store)
    at = open_page(PAGE, section="New campaign")
    assert at.selectbox(key="demo-case").value == "lithium"


# A few examples in place of a training set


@pytest.fixture
def put_lithium(lithium_files, tmp_path):
    """Put the pool of a search of its own into a folder; gives it and its first targets."""
    pool = shutil.copy(lithium_files.pool, tmp_path)
    truth = lithium_files.truth.read_text(encoding="utf-8").splitlines()
    return pool, [row.split(",")[0] for row in truth if row.split(",")[1] == "Li-rich"][:3]


def name_examples(at, pool, lines, called="Li-rich"):
    at.segmented_control(key="new_labelled").set_value("a few examples").run()
    at.text_area(key="new_examples").set_value("\n".join(lines))
    at.text_input(key="new_label").set_value(called)
    at.text_input(key="new_pool").set_value(str(pool)).run()
    assert not at.exception
    return at


def test_a_campaign_begins_with_a_few_examples(empty_home, put_lithium, open_page):
    pool, (first, second, _) = put_lithium
    at = name_examples(open_page(PAGE), pool, [first, "", f"  {second}", "nowhere"])
    assert window_of(at) == (6626.0, 6793.0, 110)
    assert answers_of(at)["is_target"].to_dict() == {"Li-rich": 1, "other": 0, "unsure": 0}
    assert at.text_input(key="new_name").value == "Li-rich"
    at.button(key="create-campaign").click().run()
    assert not at.exception
    with Store(empty_home) as store:
        campaign = store.campaign("Li-rich")
        assert campaign.begins_with_examples
        assert set(initial_identifiers(store, campaign)) == {first, second}
    said = "\n".join(one.value for one in at.info).replace("\\", "")
    assert "2 spectra are labelled by 2 of 3 rows" in said
    assert "names no spectrum of the sources" in said


def test_examples_may_come_in_a_table(empty_home, put_lithium, open_page):
    pool, names = put_lithium
    at = name_examples(open_page(PAGE), pool, [])
    table = "\n".join(["id", *names]).encode()
    at.file_uploader(key="examples-table").set_value(("five.csv", table, "text/csv")).run()
    assert not at.exception
    assert answers_of(at)["examples"].to_dict() == {"Li-rich": 3, "other": 0, "unsure": 0}
    at.button(key="create-campaign").click().run()
    assert any(one.value.replace("\\", "").startswith("five.csv: 3 rows; no") for one in at.info)
    with Store(empty_home) as store:
        assert set(initial_identifiers(store, store.campaign())) == set(names)


def test_examples_that_cannot_be_used_are_a_message(empty_home, put_lithium, open_page):
    pool, names = put_lithium
    at = name_examples(open_page(PAGE), pool, [])
    at.text_input(key="new_name").set_value("mine")
    at.button(key="create-campaign").click().run()
    assert "No example is named" in complaint(at)
    name_examples(at, pool, ["nowhere"])
    at.button(key="create-campaign").click().run()
    assert "names no spectrum of the sources" in complaint(at)
    name_examples(at, "", names)
    at.button(key="create-campaign").click().run()
    assert "path of the pool is empty" in complaint(at)
    at.file_uploader(key="examples-table").set_value(("five.csv", b"x\n1", "text/csv")).run()
    assert any("five.csv has no column that names the spectra" in one for one in warnings(at))
    assert not (empty_home / "mine").exists()


def test_files_of_examples_are_read_only_below_the_servers_folders(
    empty_home, put_lithium, tmp_path, open_page, monkeypatch
):
    pool, names = put_lithium
    monkeypatch.setenv("ACTIVE_CNN_FOLDERS", str(tmp_path / "allowed"))
    (tmp_path / "allowed").mkdir()
    pool = shutil.move(pool, tmp_path / "allowed")
    (tmp_path / "secret.fits").write_bytes(b"secret")
    (tmp_path / "allowed" / "link.fits").symlink_to(tmp_path / "secret.fits")
    at = open_page(PAGE)
    for file in ("secret.fits", "allowed/link.fits"):
        name_examples(at, pool, [names[0], str(tmp_path / file)])
        at.button(key="create-campaign").click().run()
        assert "has to lie below" in complaint(at)
    name_examples(at, pool, [names[0]])
    at.text_area(key="new_example_sources").set_value(str(tmp_path)).run()
    at.button(key="create-campaign").click().run()
    assert "has to lie below" in complaint(at)
    with Store(empty_home) as store:
        assert store.campaign_names() == []
