"""Whatever stands for a path or a number on the command line: done, or refused in one line."""

import os

import pytest

from active_cnn.cli import main
from active_cnn.settings import Settings


@pytest.fixture
def run(capsys):
    def run(*arguments):
        with pytest.raises(SystemExit) as exited:
            main([str(one) for one in arguments])
        return exited.value.code, capsys.readouterr()

    return run


@pytest.fixture
def places(tmp_path):
    """Paths that lead nowhere, by what is wrong with them."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    return {
        "a long name": tmp_path / ("x" * 300),
        "a long path": tmp_path / ("x/" * 3000),
        "a circle": tmp_path / "loop",
        "below a circle": tmp_path / "loop" / "a",
        "below a file": tmp_path / "file" / "a",
        "a pipe": tmp_path / "pipe",
    }


WHICH = ("a long name", "a long path", "a circle", "below a circle", "below a file", "a pipe")
COMMANDS = {
    "status": lambda path, _: ("status", "--home", path),
    "create training": lambda path, given: ("create", "--training", path, "--pool", given.pool),
    "create pool": lambda path, given: ("create", "--training", given.training, "--pool", path),
    "create definition": lambda path, given: (
        *("create", "--training", given.training, "--pool", given.pool, "--definition", path),
    ),
    "create folder": lambda path, given: (
        *("create", "--training", given.training, "--pool", given.pool, "--folder", path),
    ),
    "ingest": lambda path, given: ("ingest", path, "--out", given.pool.parent / "none.h5"),
    "ingest out": lambda path, given: ("ingest", given.pool, "--out", path),
    "report": lambda path, _: ("report", "--out", path),
    "export": lambda path, _: ("export", "--out", f"{path}.csv"),
    "answers export": lambda path, _: ("answers", "export", "--out", f"{path}.csv"),
    "answers import": lambda path, _: ("answers", "import", f"{path}.csv"),
    "backup": lambda path, _: ("backup", "--out", path),
    "restore": lambda path, _: ("restore", path, "--home", f"{path}-home"),
    "simulate out": lambda path, given: (
        *("simulate", "--out", path, "--training", given.training, "--pool", given.pool),
        *("--truth", given.truth, "--labels", 1, "--batch", 1),
    ),
    "simulate pool": lambda path, given: (
        *("simulate", "--out", given.pool.parent / "none", "--training", given.training),
        *("--truth", given.truth, "--pool", path),
    ),
    "serve": lambda path, _: ("serve", "--secrets", f"{path}.toml"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_path_that_leads_nowhere_is_refused_in_one_line(run, places, store, survey, command):
    for which in WHICH:
        path = places[which]
        if command in ("export", "answers export", "answers import", "serve") and which in (
            *("a circle", "a pipe"),
        ):
            named = path.with_name(f"{path.name}.{'toml' if command == 'serve' else 'csv'}")
            named.symlink_to(named.name if which == "a circle" else path)
        arguments = COMMANDS[command](path, survey)
        if command.startswith(("create", "report", "export", "answers", "backup", "serve")):
            arguments = (*arguments, "--home", store.home)
        if command.startswith("create"):
            arguments = (*arguments, "--name", "x")
        status, said = run(*arguments)
        assert status in (1, 2), which
        assert said.err.count("\n") == 1, which
        assert said.err.startswith("active-cnn: "), which
        assert said.out == "", which
    assert os.path.lexists(places["a pipe"])
    assert places["a pipe"].is_fifo()
    assert store.campaign_names() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ACTIVE_CNN_HOME", "~nosuchuser/home"),
        ("ACTIVE_CNN_HOME", "{tmp}/loop"),
        ("ACTIVE_CNN_HOME", "{tmp}/pipe"),
        ("ACTIVE_CNN_HOME", "{tmp}/file"),
        ("ACTIVE_CNN_FOLDERS", "/a:~nosuchuser/b"),
    ],
)
def test_a_variable_that_leads_nowhere_is_refused_in_one_line(
    run, places, tmp_path, monkeypatch, name, value
):
    assert places
    monkeypatch.setenv(name, value.format(tmp=tmp_path))
    status, said = run("demo", "--pool-size", 10)
    assert (status, said.out, said.err.count("\n")) == (1, "", 1)


def test_a_home_in_the_folder_of_its_user_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Settings.from_environment({"ACTIVE_CNN_HOME": "~/x"}).home == tmp_path / "x"


@pytest.mark.parametrize("address", ["local[99999]", f"local[{'9' * 5000}]"])
def test_more_processes_than_a_machine_has_are_refused(run, survey, tmp_path, address):
    status, said = run("ingest", survey.pool, "--out", tmp_path / "o.h5", "--scheduler", address)
    assert (status, said.err.count("\n")) == (1, 1)


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_an_output_that_is_open_already_is_refused(run, store, campaign, name):
    # As in `active-cnn report --out >(cat)`.
    status, said = run("report", "--home", store.home, "--out", name)
    assert campaign
    assert (status, said.out, said.err.count("\n")) == (1, "", 1)
    assert f"Cannot write {name}: it stands for a device" in said.err
