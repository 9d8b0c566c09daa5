"""What is named as a file is read only if it is one, and only as far as memory is safe."""

import os
import socket
from pathlib import Path

import pytest

from active_cnn import lines
from active_cnn.access import token_key
from active_cnn.campaign import answer_files, definition
from active_cnn.campaign.answer_log import import_answers
from active_cnn.campaign.backup import back_up
from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.definition import read_definition
from active_cnn.campaign.restoration import restore
from active_cnn.errors import ActiveCnnError
from active_cnn.experiment.truth import read_truth
from active_cnn.grid import Grid
from active_cnn.serve import plan_start
from active_cnn.spectra.ingest import ingest
from active_cnn.spectra.label_table import read_label_table
from active_cnn.spectra.shards import read_manifest
from active_cnn.spectra.sources import find_files
from active_cnn.spectra.training_set import read_identifiers, read_training_csv

NO_FILE = "a pipe, a socket or a device, not a file"


def read_named(ending, store, survey, path, tmp_path):
    """Let the reader of one kind of file read what stands at a path."""
    match ending:
        case "list.txt":
            list(find_files([path]))
        case "training.csv":
            create_campaign(store, "x", path, survey.pool)
        case "ids.csv":
            read_identifiers(path)
        case "labels.csv":
            read_label_table(path)
        case "truth.csv":
            read_truth(path, None, None)
        case "pool.h5":
            create_campaign(store, "x", survey.training, path)
        case "source.h5":
            ingest([path], tmp_path / "out.h5")
        case "pool.pool":
            read_manifest(path)
        case "definition.toml":
            read_definition(path)
        case "answers.csv" | "answers.json":
            import_answers(store, path)
        case "secrets.toml":
            plan_start(tmp_path, secrets=path, environment={})
        case "access.key":
            token_key(path.parent, "word")
        case "manifest.json":
            restore(path.parent, tmp_path / "restored")


DOORS = (
    *("list.txt", "training.csv", "ids.csv", "truth.csv", "pool.h5", "source.h5", "pool.pool"),
    "labels.csv",
    *("definition.toml", "answers.csv", "answers.json", "secrets.toml", "access.key"),
    "manifest.json",
)


@pytest.fixture
def read_at(store, survey, tmp_path):
    return lambda ending, path: read_named(ending, store, survey, path, tmp_path)


@pytest.mark.parametrize("name", DOORS)
@pytest.mark.parametrize("is_link", [False, True])
def test_a_pipe_that_nobody_writes_to_is_refused_at_once(read_at, tmp_path, name, is_link):
    path = tmp_path / name
    os.mkfifo(tmp_path / "pipe" if is_link else path)
    if is_link:
        path.symlink_to("pipe")
    with pytest.raises((ActiveCnnError, OSError)) as caught:
        read_at(name, path)
    said = str(caught.value)
    assert "\n" not in said
    assert NO_FILE in said or "There is no file of secrets" in said
    if name != "ids.csv":  # of a file that a campaign has read before
        assert isinstance(caught.value, ActiveCnnError)


@pytest.mark.parametrize("name", DOORS)
def test_a_socket_and_a_folder_are_refused(read_at, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)  # the path of a socket may not be long
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        with pytest.raises((ActiveCnnError, OSError), match=f"{NO_FILE}|no file of secrets"):
            read_at(name, tmp_path / name)
    (tmp_path / name).unlink()
    if name != "list.txt":  # folders are sources
        (tmp_path / name).mkdir()
        with pytest.raises((ActiveCnnError, OSError), match="folder|no file of secrets"):
            read_at(name, tmp_path / name)


@pytest.mark.parametrize("name", ["list.txt", "training.csv", "truth.csv"])
def test_a_line_without_end_is_refused_with_its_number(read_at, tmp_path, monkeypatch, name):
    monkeypatch.setattr(lines, "LONGEST_LINE", 1000)
    (tmp_path / name).write_text("identifier,label\n" if name == "truth.csv" else "")
    with (tmp_path / name).open("a") as file:
        file.write("x" * 1001)
    with pytest.raises(ActiveCnnError, match="line . is longer than 1000 characters"):
        read_at(name, tmp_path / name)


@pytest.mark.parametrize(
    ("name", "module", "limit"),
    [
        ("answers.json", answer_files, "MOST_ANSWERS"),
        ("definition.toml", definition, "MOST_BYTES"),
    ],
)
def test_a_file_that_is_read_whole_may_not_be_endless(
    read_at, tmp_path, monkeypatch, name, module, limit
):
    monkeypatch.setattr(module, limit, 100)
    (tmp_path / name).write_text(" " * 101)
    with pytest.raises(ActiveCnnError, match="it is longer than 100 bytes"):
        read_at(name, tmp_path / name)


def test_the_secret_of_a_home_is_kept_to_its_owner_again(tmp_path):
    key = token_key(tmp_path, "word")
    (tmp_path / "access.key").chmod(0o644)
    assert token_key(tmp_path, "word") == key
    assert (tmp_path / "access.key").stat().st_mode & 0o777 == 0o600


def test_a_pipe_in_the_place_of_a_file_of_a_home_does_not_hold_up_its_backup(
    store, survey, tmp_path
):
    training = Path(store.home, "training.csv")
    training.write_bytes(survey.training.read_bytes())
    create_campaign(store, "x", training, survey.pool)
    training.unlink()
    os.mkfifo(training)
    report = back_up(store, tmp_path / "backup")
    assert "training.csv of campaign 'x' is not in the backup: it is missing" in report.notices[0]


def test_a_training_set_of_long_lines_is_read(survey, tmp_path):
    # Names of columns may be of any kind, and rows far longer than a page.
    content = survey.training.read_text(encoding="utf-8").splitlines()
    (tmp_path / "t.csv").write_text("\r\n".join(content[:3]), encoding="utf-8")
    labels = dict.fromkeys(("not-interesting", "emission", "double-peak", "absorption", "noise"))
    found = read_training_csv(tmp_path / "t.csv", Grid(), dict.fromkeys(labels, ""))
    assert len(found.identifiers) == 2
