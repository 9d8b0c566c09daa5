"""A database of an earlier release is changed to the present one, and a copy of it is kept."""

import json
import os
import random
import select
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from active_cnn.campaign.store import FILE_NAME, Store
from active_cnn.campaign.store.schema import MIGRATIONS
from active_cnn.errors import StoreError

SCHEMA = Path(__file__).parents[1] / "schemas" / "0.1.0.sql"
KEPT = f"{FILE_NAME}.before-m004_several_people"
TABLES = ("campaign", "oracle_class", "line", "iteration", "job", "query", "query_item", "answer")

OPEN = """
import sys
from pathlib import Path
from active_cnn.campaign.store import Store
print("ready", flush=True)
for line in sys.stdin:
    with Store(Path(line.rstrip())) as store:
        print(store.count_events("small"), flush=True)
"""

# For each home that it is told, forks a process that opens it.
OPEN_IN_FORKS = """
import os, sys
from pathlib import Path
from active_cnn.campaign.store import Store
for line in sys.stdin:
    child = os.fork()
    if not child:
        os.write(1, f"{os.getpid()}\\n".encode())
        Store(Path(line.rstrip())).close()
        os._exit(0)
    os.waitpid(child, 0)
    print("gone", flush=True)
"""

# Opens a home while files cannot grow beyond so many bytes.
OPEN_IN_NARROW_SPACE = """
import resource, sys
from pathlib import Path
from active_cnn.campaign.store import Store
from active_cnn.errors import StoreError
home, room = Path(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
try:
    Store(home)
except StoreError as error:
    print(error)
"""


def make_old_home(home):
    home.mkdir()
    connection = sqlite3.connect(home / FILE_NAME)
    connection.executescript(SCHEMA.read_text(encoding="utf-8"))
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    return home


@pytest.fixture
def old_home(tmp_path):
    return make_old_home(tmp_path / "home")


def read(path, table, columns="*"):
    connection = sqlite3.connect(path)
    rows = connection.execute(f"SELECT {columns} FROM {table}").fetchall()
    connection.close()
    return rows


def columns(path, table):
    connection = sqlite3.connect(path)
    names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    connection.close()
    return names


def test_every_row_of_the_first_release_is_there_after_the_change(old_home):
    path = old_home / FILE_NAME
    before = {
        table: (", ".join(columns(path, table)), read(path, table)) for table in TABLES
    }  # fmt: skip
    with Store(old_home) as store:
        assert not MIGRATIONS.pending(store._db)
    for table, (names, rows) in before.items():
        assert rows
        after = read(path, table, names)
        if table == "oracle_class":  # which has the plain answer besides
            after = [row for row in after if "other" not in row]
        assert after == rows


def test_answers_of_the_first_release_count_as_they_did(old_home):
    with Store(old_home) as store:
        assert [a.event for a in store.answer_log("small")] == [
            "event-0", "event-1", "event-2", "event-3", "event-5"
        ]  # fmt: skip
        by_name = {i.rsplit("-", 1)[1]: a for i, a in store.current_answers("small").items()}
    assert {name: (a.answer, a.oracle, a.note) for name, a in by_name.items()} == {
        "182.fits": ("noise", "ann", ""),
        "096.fits": ("unsure", "ann", ""),
        "150.fits": ("double-peak", "bob", ""),
    }


def test_what_the_first_release_did_not_know_has_its_defaults(old_home):
    with Store(old_home) as store:
        campaign = store.campaign("small")
        assert (campaign.folders, campaign.chosen_keys) == ((), {})
        for answer in store.answer_log("small"):
            assert (answer.seconds, answer.undoes, answer.is_adjudication) == (None, None, False)
        assert store.adjudications("small") == {}


def test_alarms_that_were_sentences_say_that_nothing_was_learned(old_home):
    connection = sqlite3.connect(old_home / FILE_NAME)
    ((stored,),) = connection.execute("SELECT result FROM iteration WHERE result <> ''")
    result = json.loads(stored) | {"alarms": ["Of 40 spectra, all are called 'emission'."]}
    connection.execute("UPDATE iteration SET result = ? WHERE result <> ''", [json.dumps(result)])
    connection.commit()
    connection.close()
    with Store(old_home) as store:
        (changed,) = [one.result for one in store.iterations("small") if one.result]
    (alarm,) = changed.alarms
    assert (alarm.code, alarm.is_failure) == ("learned-nothing", True)
    assert "learned nothing. Of 40 spectra, all are called 'emission'." in changed.failure
    assert changed.rankings == {}


def test_the_copy_that_is_kept_is_the_old_database(old_home):
    path = old_home / FILE_NAME
    before = {table: read(path, table) for table in (*TABLES, "_sqlite_migrations")}
    with Store(old_home):
        pass
    assert {one.name for one in old_home.iterdir()} == {FILE_NAME, KEPT}
    for table, rows in before.items():
        assert read(old_home / KEPT, table) == rows
    connection = sqlite3.connect(old_home / KEPT)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_what_stands_only_in_the_log_beside_the_database_is_in_the_copy(old_home):
    # The other program keeps its answer in the write-ahead log.
    other = sqlite3.connect(old_home / FILE_NAME, isolation_level=None)
    other.execute(
        "INSERT INTO answer (event, campaign, query, identifier, oracle, at) "
        "SELECT 'late', campaign, query, identifier, oracle, at FROM answer LIMIT 1"
    )
    with Store(old_home) as store:
        assert store.count_events("small") == 6
    other.close()
    assert ("late",) in read(old_home / KEPT, "answer", "event")


def test_a_copy_that_is_there_already_is_not_written_over(old_home):
    (old_home / KEPT).write_text("of somebody else")
    with Store(old_home):
        pass
    assert (old_home / KEPT).read_text() == "of somebody else"
    assert len(read(old_home / f"{KEPT}-2", "answer")) == 5


def test_a_home_that_is_new_or_up_to_date_keeps_no_copy(tmp_path):
    for _ in range(2):
        with Store(tmp_path / "new"):
            pass
    assert [one.name for one in (tmp_path / "new").iterdir()] == [FILE_NAME]


def test_of_processes_that_open_an_old_home_at_once_one_changes_it_and_keeps_a_copy(tmp_path):
    homes = [make_old_home(tmp_path / f"home{n}") for n in range(6)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for home in homes:
        for process in processes:
            process.stdin.write(f"{home}\n")
            process.stdin.flush()
        assert [process.stdout.readline() for process in processes] == ["5\n"] * 3
    said = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], "".join(said)
    for home in homes:
        assert {one.name for one in home.iterdir()} == {FILE_NAME, KEPT}
        assert len(read(home / KEPT, "answer")) == 5
        assert "seconds" not in columns(home / KEPT, "answer")


def test_a_kill_while_a_home_is_changed_leaves_the_old_or_the_new_one_and_no_half_copy(tmp_path):
    rng = random.Random(1)
    found = Counter()
    with subprocess.Popen(
        [sys.executable, "-c", OPEN_IN_FORKS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    ) as process:
        for n in range(25):
            home = make_old_home(tmp_path / f"home{n}")
            process.stdin.write(f"{home}\n".encode())
            child = int(process.stdout.readline())
            # Either it is over by itself, or it is killed after so many seconds.
            select.select([process.stdout], [], [], rng.uniform(0, 0.04))
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            assert process.stdout.readline() == b"gone\n"
            found["new" if "seconds" in columns(home / FILE_NAME, "answer") else "old"] += 1
            for _ in range(2):
                with Store(home) as store:
                    assert store.count_events("small") == 5
            copies = {one.name for one in home.iterdir()} - {FILE_NAME}
            assert KEPT in copies
            assert copies <= {KEPT, f"{KEPT}-2"}
            for name in copies:
                assert len(read(home / name, "answer")) == 5
                assert "seconds" not in columns(home / name, "answer")
        process.stdin.close()
    assert found.total() == 25


@pytest.mark.parametrize("room", [0, 8192, 40_000])
def test_without_room_for_a_copy_nothing_is_changed(old_home, room):
    before = read(old_home / FILE_NAME, "answer")
    said = subprocess.run(
        [sys.executable, "-c", OPEN_IN_NARROW_SPACE, str(old_home), str(room)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert str(old_home / FILE_NAME) in said
    assert "room" in said
    assert [one.name for one in old_home.glob("*before*")] == []
    assert "seconds" not in columns(old_home / FILE_NAME, "answer")
    assert read(old_home / FILE_NAME, "answer") == before
    with Store(old_home) as store:
        assert store.count_events("small") == 5
    assert (old_home / KEPT).exists()


def test_a_change_that_fails_leaves_the_database_and_no_copy(old_home):
    connection = sqlite3.connect(old_home / FILE_NAME)
    connection.execute("CREATE TABLE sharing (other TEXT)")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match="already exists"):
        Store(old_home)
    assert [one.name for one in old_home.glob("*before*")] == []
    assert "seconds" not in columns(old_home / FILE_NAME, "answer")


def test_a_database_of_a_newer_version_is_refused_and_left_alone(old_home):
    with Store(old_home):
        pass
    connection = sqlite3.connect(old_home / FILE_NAME)
    connection.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) "
        "VALUES ('active_cnn', 'm999_of_the_future', '2100-01-01')"
    )
    connection.commit()
    connection.close()
    before = (old_home / FILE_NAME).read_bytes()
    with pytest.raises(StoreError, match="newer version .* 'm999_of_the_future'.* Upgrade"):
        Store(old_home)
    assert (old_home / FILE_NAME).read_bytes() == before
