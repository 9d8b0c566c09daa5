"""Nothing that was acknowledged is lost: killed processes, power cuts, full disks, locked files."""

import os
import random
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.store import FILE_NAME, Store
from active_cnn.errors import StoreError
from active_cnn.records import AnswerEvent

KILLS = int(os.environ.get("KILLS", "25"))
slow_if_many = pytest.mark.slow if KILLS > 50 else lambda test: test

# For each line it reads, forks a process that stores batch after batch and says of each when it
# is on the disk. Forked from one that has imported all, it is at work at once.
STORM = """
import os, random, signal, sys
from pathlib import Path
from active_cnn.campaign.store import Store
from active_cnn.records import AnswerEvent
home, campaign = Path(sys.argv[1]), sys.argv[2]
for line in sys.stdin:
    run = int(line)
    child = os.fork()
    if not child:
        rng = random.Random(run)
        with Store(home) as store:
            query = store.query(1)
            n = 0
            while True:
                batch = [
                    AnswerEvent(f"{run}-{n + i}", 1, rng.choice(query.items).identifier,
                                rng.choice(["emission", "noise", None]), "x" * rng.randrange(200))
                    for i in range(rng.randint(1, 20))
                ]
                assert not store.add_answers(campaign, batch, "ann")
                os.write(1, f"{batch[0].event} {len(batch)}\\n".encode())
                n += len(batch)
    print("child", child, flush=True)
    os.waitpid(child, 0)
    print("gone", flush=True)
"""

# Stores answers until there is no room, says what it is told, and goes on when there is.
FILL = """
import resource, sys
from pathlib import Path
from active_cnn.campaign.store import Store
from active_cnn.errors import StoreError
from active_cnn.records import AnswerEvent
home, campaign, room = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def say(n):
    batch = [
        AnswerEvent(f"{n}-{i}", 1, query.items[i].identifier, "noise", "x" * 400)
        for i in range(10)
    ]
    assert not store.add_answers(campaign, batch, "ann")
    print("stored", n, flush=True)

with Store(home) as store:
    query = store.query(1)
    n = 0
    say(n)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    for _ in range(3):
        try:
            while True:
                say(n + 1)
                n += 1
        except StoreError as error:
            print("refused", error, flush=True)
    assert store.count_events(campaign) == 10 * (n + 1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    say(n + 1)
"""

# Holds the database until it is told to let go.
HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(sys.argv[2])
connection.execute("BEGIN EXCLUSIVE")
connection.execute("CREATE TABLE IF NOT EXISTS held (n)")
print("held", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
connection.close()
"""

# Opens a home as a user who may read it only, and tries to answer.
READ_ONLY = """
import os, sys
from pathlib import Path
from active_cnn.campaign.store import Store
from active_cnn.errors import StoreError
from active_cnn.records import AnswerEvent
from sqlite_utils import Database
Database(memory=True).close()  # it imports late what that user may not read
if os.geteuid() == 0:
    os.setgroups([])
    os.setegid(65534)
    os.seteuid(65534)
try:
    with Store(Path(sys.argv[1])) as store:
        query = store.query(1)
        event = AnswerEvent("e", 1, query.items[0].identifier, "noise")
        store.add_answers(query.campaign, [event], "ann")
except StoreError as error:
    print(error)
"""


@pytest.fixture
def query(store, campaign, score):
    score()
    return draw_relabel_query(store, campaign, size=20)


def run(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    )


def events_of(home):
    with Store(home) as store:
        return [one.event for one in store.answer_log("halpha")]


def say(store, query, event, n=0, note=""):
    act = AnswerEvent(event, query.number, query.items[n].identifier, "noise", note)
    assert not store.add_answers(query.campaign, [act], "ann")


def read_until(stream, end):
    """Give the lines that come before a time, without waiting for more of them."""
    text = b""
    while (left := end - time.monotonic()) > 0:
        if not select.select([stream], [], [], left)[0]:
            break
        text += os.read(stream.fileno(), 65_536)
    return text


def storm_and_kill(store, query, kills):
    rng = random.Random(kills)
    expected = []
    counts = {"acknowledged": 0, "in flight": 0, "before the first": 0}
    with run(STORM, store.home, query.campaign) as storms:
        for number in range(kills):
            storms.stdin.write(f"{number}\n".encode())
            child = int(storms.stdout.readline().split()[1])
            said = read_until(storms.stdout, time.monotonic() + rng.uniform(0, 0.12))
            os.kill(child, signal.SIGKILL)
            while b"gone\n" not in said:
                said += os.read(storms.stdout.fileno(), 65_536)
            n = 0
            for line in said.decode().split("gone\n")[0].splitlines():
                first, size = line.split()
                assert first == f"{number}-{n}"
                n += int(size)
            expected += [f"{number}-{i}" for i in range(n)]
            counts["acknowledged"] += n
            counts["before the first"] += not n
            stored = events_of(store.home)
            assert stored[: len(expected)] == expected
            # Beyond these there is at most the one batch in flight, whole.
            in_flight = stored[len(expected) :]
            assert in_flight == [f"{number}-{n + i}" for i in range(len(in_flight))]
            assert len(in_flight) in (0, batch_size(number, n))
            counts["in flight"] += bool(in_flight)
            expected += in_flight
        storms.stdin.close()
    connection = sqlite3.connect(store.home / FILE_NAME)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    assert len(set(expected)) == len(expected)
    return counts


def batch_size(number, n):
    """Give how many answers the batch holds that a storm begins with its n-th answer."""
    rng = random.Random(number)
    begin = 0
    while True:
        size = rng.randint(1, 20)
        if begin == n:
            return size
        for _ in range(size):
            rng.choice(range(20))
            rng.choice(range(3))
            rng.randrange(200)
        begin += size


@slow_if_many
def test_each_acknowledged_answer_is_there_once_after_any_number_of_kills(
    store, query, record_property
):
    counts = storm_and_kill(store, query, KILLS)
    record_property("answers", counts)
    assert counts["acknowledged"]


def test_an_acknowledgement_waits_for_the_disk(store):
    full = 2
    assert store._db.execute("PRAGMA synchronous").fetchone() == (full,)


def test_an_answer_survives_a_power_cut_at_any_later_byte_of_the_log(store, query, tmp_path):
    wal = store.home / f"{FILE_NAME}-wal"
    for n in range(7):
        say(store, query, f"acknowledged-{n}", n, note="x" * 150)
    size = wal.stat().st_size
    database = (store.home / FILE_NAME).read_bytes()
    say(store, query, "in-flight", 8, note="y" * 300)
    log = wal.read_bytes()
    assert len(log) > size
    rng = random.Random(2)
    page = 4096 + 24  # bytes of a page in the log, with its header
    lengths = {
        *range(size, len(log) + 1, page), *range(size + 1, len(log), page),
        *range(size - 1 + page, len(log), page), size + 23, size + 25, size + page // 2,
        len(log) - 1, *(rng.randrange(size, len(log)) for _ in range(10)),
    }  # fmt: skip
    garbage = {"nothing": b"", "zeros": bytes(9000), "noise": rng.randbytes(9000)}
    seen = set()
    for length in sorted(lengths):
        for kind, tail in garbage.items():
            home = tmp_path / f"{length}-{kind}"
            home.mkdir()
            (home / FILE_NAME).write_bytes(database)
            (home / f"{FILE_NAME}-wal").write_bytes(log[:length] + tail)
            with Store(home) as again:
                events = [one.event for one in again.answer_log(query.campaign)]
                assert events[:7] == [f"acknowledged-{n}" for n in range(7)]
                assert events[7:] == (["in-flight"] if length == len(log) else [])
                say(again, query, "afterwards", 9)
            assert events_of(home) == [*events, "afterwards"]
            seen.add(tuple(events[7:]))
            shutil.rmtree(home)
    assert seen == {(), ("in-flight",)}


def test_a_log_that_is_written_over_from_its_beginning_loses_nothing_in_a_power_cut(
    store, query, tmp_path
):
    # What the log held before has gone into the database; its pages still lie behind the new ones.
    for n in range(15):
        say(store, query, f"old-{n}", n, note="x" * 300)
    other = sqlite3.connect(store.home / FILE_NAME)
    assert other.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()[0] == 0
    other.close()
    say(store, query, "acknowledged", 16)
    wal = store.home / f"{FILE_NAME}-wal"
    before = wal.read_bytes()
    say(store, query, "in-flight", 17)
    after = wal.read_bytes()
    assert len(before) == len(after)
    changed = [n for n, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    for cut in (changed[0], changed[len(changed) // 2], changed[-1], changed[-1] + 1):
        home = tmp_path / str(cut)
        home.mkdir()
        shutil.copyfile(store.home / FILE_NAME, home / FILE_NAME)
        (home / f"{FILE_NAME}-wal").write_bytes(after[:cut] + before[cut:])
        events = events_of(home)
        assert events[:16] == [*(f"old-{n}" for n in range(15)), "acknowledged"]
        assert events[16:] == (["in-flight"] if cut == changed[-1] + 1 else [])


@pytest.mark.parametrize("room", [4096, 150_000, 400_000])
def test_a_full_disk_is_told_with_advice_and_nothing_is_half_stored(store, query, room):
    store.close()
    with run(FILL, store.home, query.campaign, room) as process:
        said = process.stdout.read().decode().splitlines()
    assert process.returncode == 0
    refused = [line for line in said if line.startswith("refused")]
    assert len(refused) == 3
    for line in refused:
        assert str(store.home / FILE_NAME) in line
        assert "See whether the disk is full" in line
    acknowledged = [line.split()[1] for line in said if line.startswith("stored")]
    assert acknowledged == [str(n) for n in range(len(acknowledged))]
    assert said[-1].startswith("stored")
    assert events_of(store.home) == [f"{n}-{i}" for n in acknowledged for i in range(10)]


def test_who_waits_for_a_locked_database_is_told_so_after_the_timeout(store, query):
    with run(HOLD, store.home / FILE_NAME, "PRAGMA cache_size = 10") as holder:
        assert holder.stdout.readline() == b"held\n"
        with Store(store.home, timeout=0.2) as hasty:
            # Reading goes on meanwhile.
            assert hasty.query(query.number).items == query.items
            began = time.monotonic()
            with pytest.raises(StoreError, match="held the file for 0.2 s") as caught:
                say(hasty, query, "e1")
            assert 0.2 <= time.monotonic() - began < 5
            assert str(store.home / FILE_NAME) in str(caught.value)
            holder.communicate(b"go\n", timeout=30)
            say(hasty, query, "e1")
    assert events_of(store.home) == ["e1"]


def test_a_database_that_is_held_for_one_program_alone_is_opened_once_it_is_free(store, query):
    store.close()
    with run(HOLD, store.home / FILE_NAME, "PRAGMA locking_mode = EXCLUSIVE") as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreError, match="campaign.db: .*held the file for 0.1 s"):
            Store(store.home, timeout=0.1)
        holder.communicate(b"go\n", timeout=30)
    with Store(store.home, timeout=0.1) as again:
        say(again, query, "e1")


def test_who_waits_long_enough_for_a_locked_database_is_served(store, query):
    with run(HOLD, store.home / FILE_NAME, "PRAGMA cache_size = 10") as holder:
        assert holder.stdout.readline() == b"held\n"
        holder.stdin.write(b"go\n")
        say(store, query, "e1")
    assert events_of(store.home) == ["e1"]


@pytest.mark.parametrize("mode", [0o555, 0o755])
def test_a_database_that_may_only_be_read_is_refused_with_advice(store, query, mode):
    assert query.items
    store.close()
    # Not below the folder of this test, which another user cannot reach.
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        shutil.copyfile(store.home / FILE_NAME, home / FILE_NAME)
        (home / FILE_NAME).chmod(0o444)
        home.chmod(mode)
        with run(READ_ONLY, home) as process:
            said = process.stdout.read().decode()
        home.chmod(0o755)
    assert process.returncode == 0
    assert str(home / FILE_NAME) in said
    assert "See that you may write to the file and to its folder" in said
    assert said.count("\n") == 1


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    content = b"identifier,label\na,emission\n" * 200
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(StoreError, match="is not a database.* restore"):
        Store(tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == content
