"""A backup is made while people work, is whole or not there, and gives a home that goes on."""

import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys

import pytest

from active_cnn import __version__
from active_cnn.campaign import backup as backups
from active_cnn.campaign.backup import back_up
from active_cnn.campaign.campaign import record_answer
from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.files import iteration_folder, open_pool, open_predictions
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.restoration import restore
from active_cnn.campaign.store import FILE_NAME, Store
from active_cnn.campaign.training_data import build_training_set
from active_cnn.cli import main
from active_cnn.errors import StoreError

# Answers without end, and says so of each; the survey is asked about over and over.
ANSWER = """
import sys
from pathlib import Path
from active_cnn.campaign.campaign import record_answer
from active_cnn.campaign.store import Store
with Store(Path(sys.argv[1])) as store:
    query = store.query(1)
    n = 0
    while True:
        for item in query.items:
            record_answer(store, query, item.identifier, "noise", oracle="ann", event=f"e{n}")
            print(f"e{n}", flush=True)
            n += 1
"""


@pytest.fixture
def campaign(store, survey):
    """A campaign whose training set and pool lie in the home."""
    folder = store.home / "survey"
    folder.mkdir()
    for path in (survey.training, survey.pool):
        shutil.copyfile(path, folder / path.name)
    return create_campaign(
        store, "halpha", folder / survey.training.name, folder / survey.pool.name
    )


@pytest.fixture
def query(store, campaign, score):
    (iteration_folder(store, score()) / "network-1.keras").write_bytes(b"weights")
    return draw_relabel_query(store, campaign, size=5)


def manifest_of(folder):
    return json.loads((folder / "manifest.json").read_text())


def change_manifest(folder, change):
    manifest = manifest_of(folder)
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def names_below(folder):
    return {str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()}


def refused(folder, home, match):
    with pytest.raises(StoreError, match=match) as caught:
        restore(folder, home)
    assert "\n" not in str(caught.value)
    assert not home.exists() or not names_below(home)


def run_cli(capsys, *arguments):
    with pytest.raises(SystemExit) as exited:
        main([str(one) for one in arguments])
    said = capsys.readouterr()
    return exited.value.code, said.out, said.err


def test_a_restored_home_holds_all_and_goes_on(store, campaign, query, tmp_path):
    for item in query.items[:3]:
        record_answer(store, query, item.identifier, "emission", oracle="ann", note="Hα ✓")
    report = back_up(store, tmp_path / "backup")
    assert report.notices == ()
    log, answers = store.answer_log("halpha"), store.current_answers("halpha")
    trained = build_training_set(store, campaign, store.iteration("halpha")).sha256
    store.close()
    shutil.rmtree(store.home)
    assert restore(tmp_path / "backup", tmp_path / "new").notices == ()
    with Store(tmp_path / "new") as again:
        assert again.answer_log("halpha") == log
        assert again.current_answers("halpha") == answers
        iteration = again.iteration("halpha")
        assert open_pool(again, campaign).fingerprint == campaign.pool_fingerprint
        assert len(open_predictions(again, iteration).labels()) == 300
        assert build_training_set(again, campaign, iteration).sha256 == trained
        record_answer(again, query, query.items[4].identifier, "noise", oracle="ann")
        assert again.count_events("halpha") == 4


def test_the_manifest_describes_each_file_and_what_they_hold(store, query, tmp_path):
    record_answer(store, query, query.items[0].identifier, "emission", oracle="ann")
    (store.home / "halpha" / "jobs").mkdir()
    (store.home / "halpha" / "jobs" / "1.log").write_text("words of a worker")
    back_up(store, tmp_path / "backup")
    manifest = manifest_of(tmp_path / "backup")
    assert set(manifest["files"]) == names_below(tmp_path / "backup" / "home") == {
        "campaign.db",
        "halpha/iterations/000/network-1.keras",
        "halpha/iterations/000/predictions-1.h5",
        "survey/training.csv",
        "survey/pool.h5",
    }  # fmt: skip
    for name, noted in manifest["files"].items():
        content = (tmp_path / "backup" / "home" / name).read_bytes()
        assert noted == {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    assert manifest["active_cnn"] == __version__
    assert manifest["created_at"].endswith("+00:00")
    assert manifest["migrations"] == store.migrations()
    assert manifest["campaigns"] == [
        {"name": "halpha", "n_iterations": 1, "n_queries": 1, "n_events": 1}
    ]


@pytest.mark.usefixtures("query")
def test_a_backup_shares_no_file_with_the_home(store, tmp_path):
    back_up(store, tmp_path / "backup")
    for name in manifest_of(tmp_path / "backup")["files"]:
        assert not (tmp_path / "backup" / "home" / name).samefile(store.home / name)


@pytest.mark.usefixtures("query")
def test_all_that_was_acknowledged_before_a_backup_began_is_in_it(store, tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", ANSWER, str(store.home)], stdout=subprocess.PIPE, text=True
    ) as process:
        for n in range(3):
            acknowledged = [process.stdout.readline().strip() for _ in range(20)]
            back_up(store, tmp_path / f"backup{n}")
            assert process.poll() is None
            restore(tmp_path / f"backup{n}", tmp_path / f"home{n}")
            with Store(tmp_path / f"home{n}") as again:
                stored = [a.event for a in again.answer_log("halpha")]
                assert stored == [f"e{i}" for i in range(len(stored))]
                assert set(acknowledged) <= set(stored)
        process.kill()


@pytest.mark.usefixtures("campaign")
def test_an_existing_folder_is_refused_and_left_alone(store, tmp_path):
    (tmp_path / "backup").mkdir()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("backup", "file", "link"):
        with pytest.raises(StoreError, match=f"There is a .*{name} already"):
            back_up(store, tmp_path / name)
    assert list((tmp_path / "backup").iterdir()) == []
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.usefixtures("campaign")
def test_a_backup_that_breaks_off_leaves_nothing(store, tmp_path):
    def interrupt(done, total):
        assert 0 < done <= total
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(store, tmp_path / "backups" / "one", progress=interrupt)
    assert list((tmp_path / "backups").iterdir()) == []


@pytest.mark.usefixtures("campaign")
def test_a_folder_that_cannot_be_made_is_refused_in_one_line(store, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="Cannot make the backup") as caught:
        back_up(store, tmp_path / "file" / "backup")
    assert "\n" not in str(caught.value)


def test_pools_are_left_out_on_request_and_named(store, campaign, tmp_path):
    report = back_up(store, tmp_path / "backup", with_pools=False)
    (notice,) = report.notices
    assert "survey/pool.h5" in notice
    assert campaign.pool_fingerprint in notice
    manifest = manifest_of(tmp_path / "backup")
    assert set(manifest["files"]) == {"campaign.db", "survey/training.csv"}
    assert manifest["left_out"] == [
        {
            "campaign": "halpha",
            "what": "pool",
            "path": "survey/pool.h5",
            "fingerprint": campaign.pool_fingerprint,
            "reason": "pools were left out",
        }
    ]
    (missing,) = restore(tmp_path / "backup", tmp_path / "new").notices
    assert str(tmp_path / "new" / "survey" / "pool.h5") in missing
    shutil.copyfile(store.home / "survey" / "pool.h5", tmp_path / "new" / "survey" / "pool.h5")
    with Store(tmp_path / "new") as again:
        assert open_pool(again, campaign).n == 300


def test_a_pool_outside_the_home_is_named_and_missed_only_where_it_has_gone(
    store, survey, tmp_path
):
    for path in (survey.training, survey.pool):
        shutil.copyfile(path, tmp_path / path.name)
    create_campaign(store, "far", tmp_path / "training.csv", tmp_path / "pool.h5")
    back_up(store, tmp_path / "backup")
    manifest = manifest_of(tmp_path / "backup")
    assert set(manifest["files"]) == {"campaign.db"}
    assert [one["path"] for one in manifest["left_out"]] == [
        str(tmp_path / "training.csv"), str(tmp_path / "pool.h5")
    ]  # fmt: skip
    assert restore(tmp_path / "backup", tmp_path / "same").notices == ()
    (tmp_path / "pool.h5").unlink()
    (missing,) = restore(tmp_path / "backup", tmp_path / "other").notices
    assert str(tmp_path / "pool.h5") in missing
    assert "fingerprint" in missing


def test_what_is_missing_or_changed_in_the_home_is_told_and_keeps_no_answer_from_the_backup(
    store, query, tmp_path
):
    record_answer(store, query, query.items[0].identifier, "emission", oracle="ann")
    (store.home / "halpha" / "iterations" / "000" / "network-1.keras").unlink()
    with (store.home / "survey" / "training.csv").open("a") as file:
        file.write("\n")
    missing, changed = back_up(store, tmp_path / "backup").notices
    assert "network of iteration 0" in missing
    assert "it is missing" in missing
    assert "training set survey/training.csv" in changed
    assert "not what it was" in changed
    restore(tmp_path / "backup", tmp_path / "new")
    with Store(tmp_path / "new") as again:
        assert again.count_events("halpha") == 1


@pytest.mark.usefixtures("query")
def test_a_training_that_ends_during_a_backup_makes_it_begin_again(
    store, score, tmp_path, monkeypatch
):
    copied = []
    true_copy = backups.copy_file

    def copy(source, target, count):
        copied.append(source.name)
        if len(copied) == 1:
            score()
            (source.parent / "network-2.keras").write_bytes(b"newer weights")
            for old in ("network-1.keras", "predictions-1.h5"):
                (source.parent / old).unlink()
        return true_copy(source, target, count)

    monkeypatch.setattr(backups, "copy_file", copy)
    assert back_up(store, tmp_path / "backup").notices == ()
    assert names_below(tmp_path / "backup" / "home") >= {
        "halpha/iterations/000/network-2.keras", "halpha/iterations/000/predictions-2.h5"
    }  # fmt: skip
    assert [one.name for one in tmp_path.iterdir() if "unfinished" in one.name] == []


# restoring


@pytest.fixture
def folder(store, query, tmp_path):
    assert store.count_queries(query.campaign) == 1
    back_up(store, tmp_path / "backup")
    return tmp_path / "backup"


@pytest.mark.parametrize(
    "name", ["campaign.db", "halpha/iterations/000/network-1.keras", "survey/pool.h5"]
)
def test_a_damaged_file_is_found_before_anything_is_written(folder, tmp_path, name):
    path = folder / "home" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    refused(folder, tmp_path / "new", f"{name} is damaged")
    path.write_bytes(content[:-1])
    refused(folder, tmp_path / "new", f"{name} is damaged")
    path.unlink()
    refused(folder, tmp_path / "new", f"{name} is missing in the backup")


def test_a_home_that_holds_campaigns_is_refused_and_left_alone(folder, store, tmp_path):
    before = (store.home / FILE_NAME).read_bytes()
    with pytest.raises(StoreError, match="holds a campaign.db already"):
        restore(folder, store.home)
    assert (store.home / FILE_NAME).read_bytes() == before
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / f"{FILE_NAME}-wal").write_bytes(b"")
    with pytest.raises(StoreError, match="holds a campaign.db-wal already"):
        restore(folder, tmp_path / "new")


def test_nothing_is_written_over_a_file_of_the_same_name(folder, tmp_path):
    other = tmp_path / "new" / "survey" / "pool.h5"
    other.parent.mkdir(parents=True)
    other.write_text("another survey")
    with pytest.raises(StoreError, match="There is another .*pool.h5 already"):
        restore(folder, tmp_path / "new")
    assert names_below(tmp_path / "new") == {"survey/pool.h5"}
    assert other.read_text() == "another survey"


def test_a_restoration_that_broke_off_can_be_repeated(folder, tmp_path):
    n = 0

    def interrupt(done, total):
        nonlocal n
        n += 1
        assert 0 < done <= total
        if done > 0.7 * total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(folder, tmp_path / "new", progress=interrupt)
    assert n
    assert names_below(tmp_path / "new")
    assert not (tmp_path / "new" / FILE_NAME).exists()
    assert restore(folder, tmp_path / "new").notices == ()
    assert names_below(tmp_path / "new") == names_below(folder / "home")


@pytest.mark.parametrize(
    "name",
    ["../out.txt", "/out.txt", "a/../../out.txt", "", ".", "..", "./out.txt", "a//b", "a\0b",
     "link/out.txt", "\ud800"],
)  # fmt: skip
def test_a_name_that_leads_out_of_the_folder_is_refused(folder, tmp_path, name):
    (tmp_path / "out.txt").write_text("")
    (folder / "home" / "link").symlink_to(tmp_path)
    nothing = {"sha256": hashlib.sha256().hexdigest(), "size": 0}
    change_manifest(folder, lambda manifest: manifest["files"].update({name: nothing}))
    refused(folder, tmp_path / "new", "only files below the folder are restored")


def test_a_link_within_the_new_home_is_not_followed_out_of_it(folder, tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "new" / "survey").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="only files below the folder"):
        restore(folder, tmp_path / "new")
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"format": 1}', '{"format": 1, "migrations": [], "files": []}',
     '{"format": 1, "migrations": [], "files": {"campaign.db": {"size": 1}}}',
     '{"format": 1, "migrations": [], "files": {"campaign.db": {"sha256": "", "size": "x"}}}',
     '{"format": 1, "migrations": 3, "files": {}}', "[" * 100_000, "\xff"],
)  # fmt: skip
def test_a_malformed_manifest_is_refused_in_one_line(folder, tmp_path, text):
    (folder / "manifest.json").write_text(text, encoding="latin-1")
    refused(folder, tmp_path / "new", "is not the manifest of a backup")


def test_a_folder_that_is_no_backup_is_refused(folder, tmp_path):
    refused(tmp_path / "nowhere", tmp_path / "new", "Cannot read .*manifest.json")
    change_manifest(folder, lambda manifest: manifest["files"].pop("campaign.db"))
    refused(folder, tmp_path / "new", "names no campaign.db")


def test_a_backup_of_a_newer_version_is_refused_with_the_advice_to_upgrade(folder, tmp_path):
    change_manifest(folder, lambda manifest: manifest["migrations"].append("m999_future"))
    refused(folder, tmp_path / "new", "newer version .*'m999_future'.* Upgrade")
    change_manifest(folder, lambda manifest: manifest.update(format=2))
    refused(folder, tmp_path / "new", "has the format 2.* Upgrade")


def test_the_command_line_backs_up_and_restores(store, query, tmp_path, capsys):
    record_answer(store, query, query.items[0].identifier, "emission", oracle="ann")
    code, out, _ = run_cli(
        capsys, "backup", "--home", store.home, "--out", tmp_path / "b", "--without-pools"
    )
    assert code == 0
    assert "pools were left out" in out
    assert "4 files" in out
    code, out, _ = run_cli(capsys, "restore", tmp_path / "b", "--home", tmp_path / "new")
    assert code == 0
    assert "pool.h5" in out
    code, _, err = run_cli(capsys, "restore", tmp_path / "b", "--home", tmp_path / "new")
    assert (code, err.count("\n")) == (1, 1)
    code, _, err = run_cli(capsys, "backup", "--home", tmp_path / "none", "--out", tmp_path / "c")
    assert (code, err.count("\n")) == (1, 1)
    connection = sqlite3.connect(tmp_path / "new" / FILE_NAME)
    assert connection.execute("SELECT count(*) FROM answer").fetchone() == (1,)
    connection.close()
