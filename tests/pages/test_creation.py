"""The form for a campaign on files of the server, and what may be named in it."""

from __future__ import annotations

import os
import shutil

import h5py
import pytest
from streamlit.runtime.context import ContextProxy, StreamlitCookies

from active_cnn.access import Token, sign_token, token_key
from active_cnn.campaign import demo
from active_cnn.campaign.store import Store
from active_cnn.spectra.simulation import write_demo
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
            names = group["filenames"].asstr()[:4]
        kinds = ("emission", "absorption", "double-peak", "odd")
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
    assert "3 spectra are labelled by 3 of 5 rows: " in said
    assert "57 spectra of the sources are named by no usable row." in said
    (shown,) = (one.value for one in at.dataframe if "reason" in one.value)
    assert shown["row"].tolist() == ["4", "5"]
    assert shown["identifier"].tolist()[1] == "=none"
    assert shown["reason"].tolist()[1] == "names no spectrum of the sources"
    at.button(key="create-campaign").click().run()
    assert not at.exception
    assert created(empty_home).training_path == "mine/training-set.csv"


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
