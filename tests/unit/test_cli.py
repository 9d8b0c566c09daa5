"""The command line: the loop without a browser, and one line for whatever is wrong."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing

import h5py
import numpy as np
import pandas as pd
import pytest

from active_cnn import cli
from active_cnn.campaign.campaign import close_iteration, record_answer
from active_cnn.campaign.files import open_pool, spectrum_file
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.sampling import draw_performance_sample
from active_cnn.campaign.store import Store
from active_cnn.campaign.training_data import build_training_set
from active_cnn.cli.spectra import say_classified
from active_cnn.errors import SpectrumError
from active_cnn.spectra.confined import Confinement
from tests.engine_tasks import double, process_of


@pytest.fixture
def run(capsys):
    """Run a command; gives its exit status, what it said and what it complained about."""

    def run_command(*arguments):
        with pytest.raises(SystemExit) as ended:
            cli.main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return run_command


@pytest.fixture
def home(tmp_path, run):
    path = tmp_path / "home"
    status, _, _ = run("demo", "--home", path, "--pool-size", 60, "--training-size", 40)
    assert status == 0
    return path


def test_the_demo_is_a_campaign_of_the_size_asked_for(home, run):
    status, said, _ = run("status", "--home", home, "--json")
    assert status == 0
    found = json.loads(said)
    assert (found["campaign"], found["n_pool"], found["state"]) == ("demo", 60, "new")
    window = {"start": 6519, "end": 6732, "n": 140, "spacing": "linear"}
    assert found["grid"] == {**window, "windows": [window]}


def test_a_home_with_a_campaign_is_left_as_it_is(home, run):
    before = sorted(home.rglob("*"))
    assert run("demo", "--home", home, "--if-empty")[0] == 0
    assert sorted(home.rglob("*")) == before


def test_the_demo_takes_nothing_that_is_there(home, run):
    survey = home / "demo" / "survey"
    options = ["--training", survey / "training.csv", "--pool", survey / "pool.h5"]
    assert run("create", "--home", home, "--name", "demo-survey", *options)[0] == 0
    assert run("demo", "--home", home, "--name", "second", "--pool-size", 60)[0] == 0
    assert (home / "demo-survey" / "pool-index.h5").exists()
    assert (survey / "pool.h5").exists()


def test_candidates_are_exported_in_every_format(home, run, fill_iteration, tmp_path):
    probabilities = np.tile([0.2, 0.7, 0.1], (60, 1))
    with Store(home) as store:
        campaign = store.campaign()
        fill_iteration(store, campaign, probabilities)
        query = draw_relabel_query(store, campaign, size=2)
        record_answer(store, query, query.items[0].identifier, "noise", oracle="tester")
    assert run("next", "--home", home)[0] == 0
    for ending in ("csv", "ecsv", "fits", "vot"):
        status, _, _ = run("export", "--home", home, "--out", tmp_path / f"c.{ending}")
        assert status == 0
    with (tmp_path / "c.csv").open(newline="") as file:
        identifiers = [row["identifier"] for row in csv.DictReader(file)]
    assert query.items[0].identifier not in identifiers
    assert query.items[1].identifier in identifiers


DEFINITIONS = {
    "no toml": "[grid",
    "unknown part": "[grids]\nn = 3",
    "not a list": "class = 3",
    "target that trains nothing": '[[class]]\nname = "a"\nkey = "a"\nis_target = true',
    "no key": '[[class]]\nname = "a"\nkey = ""\nnetwork_class = "a"',
    "same line twice": '[[line]]\nname = "Hα"\nwavelength = 1\n' * 2,
    "line without wavelength": '[[line]]\nname = "Hα"\nwavelength = nan',
    "wrong kind": '[grid]\nstart = "x"\nend = 2\nn = 3',
    "one class": '[[class]]\nname = "a"\nkey = "a"\nnetwork_class = "a"\nis_target = true',
}


@pytest.mark.parametrize("text", DEFINITIONS.values(), ids=DEFINITIONS)
def test_a_bad_definition_is_refused_in_one_line(home, run, tmp_path, text):
    (tmp_path / "d.toml").write_text(text)
    survey = home / "demo" / "survey"
    refused = run(
        "create", "--home", home, "--name", "mine", "--training", survey / "training.csv",
        "--pool", survey / "pool.h5", "--definition", tmp_path / "d.toml",
    )  # fmt: skip
    _expect_one_line(refused)
    with Store(home) as store:
        assert store.campaign_names() == ["demo"]


BAD = {
    "unknown command": ["nonsense"],
    "no command": [],
    "no campaign": ["status", "--home", "{tmp}/nowhere"],
    "unknown campaign": ["status", "--home", "{home}", "--campaign", "nobody"],
    "home that is a file": ["demo", "--home", "{tmp}/file"],
    "negative size": ["demo", "--home", "{tmp}/h", "--pool-size", "-3"],
    "huge size": ["demo", "--home", "{tmp}/h", "--training-size", "1000000000000"],
    "negative seed": ["demo", "--home", "{tmp}/h", "--seed", "-1"],
    "share above one": ["demo", "--home", "{tmp}/h", "--emission-share", "1.5"],
    "name with a way out": ["demo", "--home", "{tmp}/h", "--name", "../x"],
    "name of a file": [
        "create", "--home", "{home}", "--name", "campaign.db",
        "--training", "{survey}/training.csv", "--pool", "{survey}/pool.h5",
    ],
    "name that is taken": ["demo", "--home", "{home}"],
    "missing pool": [
        "create", "--home", "{home}", "--name", "x",
        "--training", "{survey}/training.csv", "--pool", "{tmp}/none.h5",
    ],
    "pool that is none": [
        "create", "--home", "{home}", "--name", "x",
        "--training", "{survey}/training.csv", "--pool", "{tmp}/file",
    ],
    "training set that is none": [
        "create", "--home", "{home}", "--name", "x",
        "--training", "{survey}/pool.h5", "--pool", "{survey}/pool.h5",
    ],
    "patience of zero": ["train", "--home", "{home}", "--patience", "0"],
    "nothing scored yet": ["next", "--home", "{home}"],
    "no candidates yet": ["export", "--home", "{home}", "--out", "{tmp}/o.csv"],
    "threshold": ["export", "--home", "{home}", "--out", "{tmp}/o.csv", "--threshold", "2"],
    "missing source": ["ingest", "{tmp}/none", "--out", "{tmp}/o.h5"],
    "empty source": ["ingest", "", "--out", "{tmp}/o.h5"],
    "short grid": ["ingest", "{tmp}", "--out", "{tmp}/o.h5", "--grid", "1", "2", "3"],
    "long grid": ["ingest", "{tmp}", "--out", "{tmp}/o.h5", "--grid", "1", "2", "99999999999"],
    "grid of words": ["ingest", "{tmp}", "--out", "{tmp}/o.h5", "--grid", "a", "b", "c"],
}  # fmt: skip


@pytest.mark.parametrize("arguments", BAD.values(), ids=BAD)
def test_bad_input_is_one_line_and_changes_nothing(home, run, tmp_path, arguments):
    (tmp_path / "file").write_text("this is no database")
    places = {"tmp": tmp_path, "home": home, "survey": home / "demo" / "survey"}
    _expect_one_line(run(*(argument.format(**places) for argument in arguments)))
    assert not list(tmp_path.glob("o.*"))
    with Store(home) as store:
        assert store.campaign_names() == ["demo"]


def test_predict_of_nothing_usable_is_no_success(capsys, tmp_path):
    say_classified(2, 1, tmp_path / "a.csv")
    assert "2 spectra are classified" in capsys.readouterr().out
    for n, words in ((1, "The only spectrum cannot be"), (3, "None of the 3 spectra can be")):
        with pytest.raises(SpectrumError, match=f"{words} classified: .*a.csv tells why"):
            say_classified(0, n, tmp_path / "a.csv")


def test_predict_without_a_network_is_refused_in_one_line(home, tmp_path):
    # In a process of its own: the network's backend writes to stderr on its own account.
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "active_cnn", "predict", "--home", home, tmp_path,
         "--out", tmp_path / "o.csv"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    _expect_one_line((ended.returncode, ended.stdout, ended.stderr))
    assert not (tmp_path / "o.csv").exists()


def test_a_folder_as_target_of_an_export_is_refused_and_nothing_is_left(
    home, run, tmp_path, fill_iteration
):
    with Store(home) as store:
        fill_iteration(store, store.campaign(), np.tile([0.2, 0.7, 0.1], (60, 1)))
    (tmp_path / "o.csv").mkdir()
    _expect_one_line(run("export", "--home", home, "--out", tmp_path / "o.csv"))
    assert not list(tmp_path.glob("unfinished*"))


def test_an_index_that_is_damaged_is_made_anew(home, run):
    (home / "demo" / "pool-index.h5").write_text("junk")
    assert run("status", "--home", home)[0] == 0


def test_what_the_network_was_trained_on_is_neither_asked_about_nor_doubled(
    home, run, tmp_path, fill_iteration
):
    # The first rows of the pool are in the initial training set as well.
    survey = home / "demo" / "survey"
    table = pd.read_csv(survey / "training.csv", dtype=str)
    with Store(home) as store:
        pool = _open(store)
        shared = pool.identifiers(np.arange(30))
        table.loc[:29, "id"] = shared
        table.to_csv(tmp_path / "training.csv", index=False)
        shutil.copyfile(survey / "pool.h5", tmp_path / "pool.h5")
    assert run(
        "create", "--home", home, "--name", "overlap", "--training", tmp_path / "training.csv",
        "--pool", tmp_path / "pool.h5",
    )[0] == 0  # fmt: skip
    with Store(home) as store:
        campaign = store.campaign("overlap")
        fill_iteration(store, campaign, np.tile([0.2, 0.7, 0.1], (60, 1)))
        sample = draw_performance_sample(store, campaign, 60)
        asked = [item.identifier for item in sample.items]
        assert asked
        assert not set(asked) & set(shared)
        for identifier in asked:
            record_answer(store, sample, identifier, "noise", oracle="tester")
        opened = close_iteration(store, campaign)
        known = build_training_set(store, campaign, opened).identifiers
    assert len(known) == len(set(known)) == 40 + len(asked)


@pytest.fixture
def far_pool(home, tmp_path):
    """A copy of the demo's pool, apart from the files of its spectra, which it names."""
    survey = home / "demo" / "survey"
    archive = shutil.move(survey / "fits", tmp_path / "archive")
    (tmp_path / "pools").mkdir()
    pool = shutil.copy(survey / "pool.h5", tmp_path / "pools")
    with h5py.File(pool, "r+") as file:
        (group,) = file.values()
        paths = group["path"]
        paths[:] = [
            str(archive / path.removeprefix("fits/")) if path else "" for path in paths.asstr()[:]
        ]
    return pool


def create(run, home, pool, *options):
    training = home / "demo" / "survey" / "training.csv"
    files = ["--training", training, "--pool", pool]
    return run("create", "--home", home, "--name", "mine", *files, *options)


def test_files_of_spectra_out_of_reach_are_noticed_in_one_line(home, run, far_pool):
    status, said, complaint = create(run, home, far_pool)
    assert status == 0
    assert not complaint
    read, assumed, notice, ready = said.splitlines()
    assert read.startswith("Read from the training set: the window 6519-6732 Å × 140")
    assert assumed.startswith("What marks the targets was not said. Assumed: Hα emission")
    assert "active-cnn folders --campaign mine --add DIR" in notice
    assert "archive" in notice
    assert "is ready" in ready


def test_folders_given_bring_files_of_spectra_into_reach(home, run, far_pool, tmp_path):
    (tmp_path / "other").mkdir()
    folders = ["--folder", tmp_path / "other", "--folder", tmp_path / "archive"]
    status, said, _ = create(run, home, far_pool, *folders)
    assert status == 0
    assert len(said.splitlines()) == 3  # what was read and assumed, and that it is ready
    with Store(home) as store:
        campaign = store.campaign("mine")
        assert campaign.folders == (str(tmp_path / "other"), str(tmp_path / "archive"))
        view = open_pool(store, campaign).metadata(np.arange(60))
        path = next(path for path in view["path"] if path)
        assert spectrum_file(store, campaign, path).is_file()


def test_files_of_spectra_beside_the_pool_need_no_folder(home, run):
    status, said, _ = create(run, home, home / "demo" / "survey" / "pool.h5")
    assert status == 0
    assert len(said.splitlines()) == 3  # what was read and assumed, and that it is ready


@pytest.mark.parametrize("folder", ["none", "file"])
def test_a_folder_that_is_none_is_refused_in_one_line(home, run, tmp_path, folder):
    (tmp_path / "file").write_text("no folder")
    pool = home / "demo" / "survey" / "pool.h5"
    _expect_one_line(create(run, home, pool, "--folder", tmp_path / folder))
    with Store(home) as store:
        assert store.campaign_names() == ["demo"]


def _open(store):
    return open_pool(store, store.campaign())


def _expect_one_line(ended):
    status, _, complaint = ended
    assert status not in (0, None)
    assert complaint.startswith("active-cnn: ")
    assert complaint.count("\n") == 1, complaint


def test_a_folder_whose_name_is_too_long_is_refused_in_one_line(home, run):
    pool = home / "demo" / "survey" / "pool.h5"
    _expect_one_line(create(run, home, pool, "--folder", "x" * 300))


def test_a_pool_that_is_a_link_in_a_circle_is_refused_in_one_line(home, run, tmp_path):
    link = tmp_path / "circle.h5"
    link.symlink_to(link)
    _expect_one_line(create(run, home, link))


def test_a_pool_without_one_usable_row_makes_no_campaign(tmp_path, survey, run):
    pool, home = tmp_path / "pool.h5", tmp_path / "home"
    shutil.copy(survey.pool, pool)
    with h5py.File(pool, "r+") as file:
        (group,) = (one for one in file.values() if "spectra" in one)
        group["spectra"][:] = 0
        group["spectra"][:20] = np.nan
    arguments = ("--home", home, "--name", "empty", "--training", survey.training)
    status, _, complained = run("create", *arguments, "--pool", pool)
    assert status == 1
    assert "None of the 300 rows of the pool" in complained
    assert "is zero everywhere in the window (280); " in complained
    assert "(20)" in complained
    assert not (home / "empty").exists()
    with Store(home) as store:
        assert store.campaign_names() == []
    status, _, _ = run("create", *arguments, "--pool", survey.pool)
    assert status == 0


def test_creation_says_how_many_positions_are_not_known(tmp_path, survey, run):
    pool = tmp_path / "pool.h5"
    shutil.copy(survey.pool, pool)
    with h5py.File(pool, "r+") as file:
        (group,) = (one for one in file.values() if "spectra" in one)
        group["ra"][:] = group["dec"][:] = -9999.0
    status, said, _ = run(
        "create", "--home", tmp_path / "home", "--name", "unplaced", "--training", survey.training,
        "--pool", pool,
    )  # fmt: skip
    assert status == 0
    assert "The position is not known of 298 of 298 usable spectra: off the sky" in said


def test_a_reader_that_has_had_enough_is_no_error(home):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer) as closed:
        ended = subprocess.run(
            [sys.executable, "-P", "-m", "active_cnn", "status", "--json"],
            env={**os.environ, "ACTIVE_CNN_HOME": str(home)},
            stdout=closed, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (141, "")


def test_a_command_outlives_the_process_that_reads_for_it(run):
    assert run("--version")[0] == 0
    confinement = Confinement()
    with closing(confinement):
        for _ in range(2):
            os.kill(confinement.call(1, process_of, 0), signal.SIGKILL)
            time.sleep(0.1)  # its end of the pipe has to be closed
        assert confinement.call(1, double, 21) == 42
