"""The store of campaigns: how it is opened, what it keeps, and how it refuses."""

import json
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.store import FILE_NAME, Store
from active_cnn.campaign.store.schema import MIGRATIONS
from active_cnn.errors import CampaignError, SpectrumError, StoreError
from active_cnn.grid import Grid
from active_cnn.records import Line, OracleClass

OPEN = """
import sys, time
from pathlib import Path
from active_cnn.campaign.store import Store
print("ready", flush=True)
begin = float(sys.stdin.readline())
for n, home in enumerate(sys.argv[1:]):
    while time.time() < begin + n / 10:
        pass
    with Store(Path(home)) as store:
        store.campaign_names()
"""


def tables(store):
    with sqlite3.connect(store.home / FILE_NAME) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    connection.close()
    return {name for (name,) in rows}


def test_a_fresh_store_has_all_tables_and_no_campaign(store):
    assert tables(store) >= {
        "campaign", "oracle_class", "line", "iteration", "job", "query", "query_item", "answer"
    }  # fmt: skip
    assert store.campaign_names() == []
    with pytest.raises(CampaignError, match="no campaign in .* yet"):
        store.campaign()


def test_a_store_that_is_opened_again_has_nothing_left_to_migrate(store, campaign):
    with Store(store.home) as again:
        assert not MIGRATIONS.pending(again._db)
        assert again.campaign_names() == [campaign.name]


def test_a_home_within_missing_folders_is_made(tmp_path):
    with Store(tmp_path / "a" / "b" / "home") as store:
        assert (store.home / FILE_NAME).exists()


def test_processes_that_open_an_empty_home_at_once_all_succeed(tmp_path):
    homes = [tmp_path / f"home{n}" for n in range(15)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, *map(str, homes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    begin = f"{time.time() + 0.2}\n"
    said = [process.communicate(begin, timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], "".join(said)
    for home in homes:
        with Store(home) as store:
            assert not MIGRATIONS.pending(store._db)


def test_a_home_that_is_a_file_is_refused_in_one_line(tmp_path):
    (tmp_path / "home").write_text("not a folder")
    with pytest.raises(StoreError, match="Cannot open the store") as caught:
        Store(tmp_path / "home")
    assert str(tmp_path / "home") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"rubbish" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_database_of_rubbish_is_refused_in_one_line_and_left_alone(tmp_path, content):
    path = tmp_path / FILE_NAME
    path.write_bytes(content)
    with pytest.raises(StoreError, match="Cannot read the store") as caught:
        Store(tmp_path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


def test_a_database_that_is_a_folder_is_refused(tmp_path):
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(StoreError, match="Cannot open the store"):
        Store(tmp_path)


def test_a_database_that_another_program_made_is_refused(tmp_path):
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("CREATE TABLE campaign (other TEXT)")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match="Cannot read the store"):
        Store(tmp_path)


def test_a_campaign_comes_back_as_it_was_created(store, survey):
    classes = (
        OracleClass("quiet", "q", "rest"),
        OracleClass("nova", "n", "nova", is_target=True),
        OracleClass("absorption", "a", "rest"),
        OracleClass("emission", "e", "rest"),
        OracleClass("double-peak", "d", "nova", is_target=True),
        OracleClass("?", "u", None),
    )
    lines = (Line("He I", 6679.99), Line("Hα", 6564.614))
    created = create_campaign(
        store, "novae", survey.training, survey.pool, classes=classes, lines=lines, seed=9
    )
    found = store.campaign("novae")
    assert found == created
    other = OracleClass("other", "c", "rest")
    assert (found.classes, found.lines, found.seed) == ((*classes, other), lines, 9)
    assert (found.network_classes, found.targets) == (("rest", "nova"), ("nova",))
    assert found.grid == Grid()


def test_a_campaign_begins_with_one_new_iteration_that_has_the_campaigns_seed(store, survey):
    create_campaign(store, "a", survey.training, survey.pool, seed=42)
    (iteration,) = store.iterations("a")
    assert (iteration.number, iteration.state, iteration.seed) == (0, "new", 42)
    assert iteration.answers_through == 0


def test_the_newest_campaign_is_the_default(store, survey):
    for name in ("first", "second", "third"):
        create_campaign(store, name, survey.training, survey.pool)
    assert store.campaign().name == "third"
    assert store.campaign_names() == ["third", "second", "first"]


def test_a_name_that_is_taken_is_refused_by_the_verb_and_by_the_store(store, campaign, survey):
    with pytest.raises(CampaignError, match=f"'{campaign.name}' already"):
        create_campaign(store, campaign.name, survey.training, survey.pool)
    with pytest.raises(CampaignError, match=f"'{campaign.name}' already"):
        store.add_campaign(campaign, 1)
    assert len(store.iterations(campaign.name)) == 1


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-a", "a b", "a" * 65, "é"])
def test_a_name_that_cannot_be_a_folder_is_refused(store, survey, name):
    with pytest.raises(CampaignError, match="cannot be the name"):
        create_campaign(store, name, survey.training, survey.pool)
    assert store.campaign_names() == []


def test_an_unknown_campaign_is_refused_with_the_names_that_there_are(store, campaign):
    with pytest.raises(CampaignError, match=f"no campaign 'other' .* There is: {campaign.name}"):
        store.campaign("other")


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_a_seed_out_of_range_is_refused(store, survey, seed):
    with pytest.raises(CampaignError, match=f"seed is {seed}"):
        create_campaign(store, "a", survey.training, survey.pool, seed=seed)


def test_a_creation_that_fails_stores_nothing_and_can_be_repeated(store, survey, tmp_path):
    with pytest.raises(SpectrumError, match="missing.h5"):
        create_campaign(store, "a", survey.training, tmp_path / "missing.h5")
    assert store.campaign_names() == []
    assert create_campaign(store, "a", survey.training, survey.pool).name == "a"


def test_a_write_that_breaks_off_leaves_nothing_behind(store, campaign):
    with pytest.raises(sqlite3.IntegrityError):
        store.add_campaign(
            # A seed that is no number: the last table refuses.
            replace(campaign, name="half"),
            first_seed="one",
        )
    assert store.campaign_names() == [campaign.name]
    assert len(store.iterations(campaign.name)) == 1


def test_files_within_the_home_are_found_after_the_home_has_moved(tmp_path, survey):
    home = tmp_path / "home"
    home.mkdir()
    for path in (survey.training, survey.pool):
        (home / path.name).write_bytes(path.read_bytes())
    with Store(home) as store:
        create_campaign(store, "a", home / survey.training.name, home / survey.pool.name)
    home.rename(tmp_path / "moved")
    with Store(tmp_path / "moved") as store:
        campaign = store.campaign("a")
        assert campaign.training_path == survey.training.name
        assert (store.home / campaign.pool_path).exists()


def test_times_come_from_the_clock_that_was_given(tmp_path, survey):
    with Store(tmp_path, clock=lambda: "2001-02-03T04:05:06+00:00") as store:
        campaign = create_campaign(store, "a", survey.training, survey.pool)
        assert campaign.created_at == "2001-02-03T04:05:06+00:00"
        assert store.iteration("a").created_at == campaign.created_at


def test_a_result_comes_back_as_it_was_stored(store, campaign, score):
    iteration = score()
    assert iteration.state == "scored"
    assert iteration.result.predicted_counts == {
        "not-interesting": 238, "emission": 40, "double-peak": 20
    }  # fmt: skip
    assert iteration.result.history == {"loss": [1.0, 0.5]}
    assert iteration.result.settings == store.jobs(campaign.name)[0].settings
    json.dumps(iteration.result.history)


def test_an_iteration_that_does_not_exist_is_refused(store, campaign):
    with pytest.raises(CampaignError, match="no iteration 3; it has 0 to 0"):
        store.iteration(campaign.name, 3)
