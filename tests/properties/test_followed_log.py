"""What is derived along the log of answers is what all of it says, whoever wrote it."""

import sqlite3
import subprocess
import sys
import uuid
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from active_cnn.campaign.doubts import find_doubts
from active_cnn.campaign.labelling import Task, count_open, lay_out
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.standing import Standing, follow
from active_cnn.campaign.store import FILE_NAME, Store, answers, queries
from active_cnn.campaign.store.kept import Kept
from active_cnn.errors import StoreError
from active_cnn.evaluation.consensus import consensus
from active_cnn.records import AnswerEvent, Resolution, Sharing

N = 6
CLASSES = ["emission", "double-peak", "noise", "unsure"]
# Who says what of which spectrum: of the first query, or of the second one, half of which repeats.
said = st.tuples(
    st.sampled_from(["ann", "bob", "cleo"]),
    st.sampled_from(["first", "second"]),
    st.integers(0, N - 1),
    st.sampled_from([*CLASSES, None]),
    st.booleans(),  # whether it undoes what this person said last
    st.integers(0, 5).map(lambda n: n == 0),  # whether it settles the matter
)


@pytest.fixture
def asked(store, campaign, score):
    """Two queries; every second spectrum of the latter one is a blind repeat of the former."""
    score()
    first = draw_relabel_query(store, campaign, "entropy", N)
    drawn = draw_relabel_query(store, campaign, "entropy", N)
    items = [
        replace(first.items[n], is_repeat=True) if n % 2 else replace(drawn.items[n], position=n)
        for n in range(N)
    ]
    return {"first": first, "second": store.add_query(replace(drawn, items=tuple(items)))}


def tell(store, asked, one, given_before):
    oracle, which, place, answer, undoes, settles = one
    query = asked[which]
    name = query.items[place].identifier
    before = given_before.get((oracle, query.number, name))
    act = AnswerEvent(
        uuid.uuid4().hex, query.number, name, answer, undoes=before if undoes else None
    )
    assert not store.add_answers("halpha", [act], oracle, is_adjudication=settles)
    given_before[oracle, query.number, name] = act.event


def counts_by_sql(store, through, is_adjudication, group):
    """Events that stand, derived by one statement from all of the log."""
    with sqlite3.connect(store.home / FILE_NAME) as db:
        rows = db.execute(
            "SELECT sequence, identifier, oracle, answer FROM answer WHERE sequence IN ("
            "  SELECT max(sequence) FROM answer WHERE sequence <= ? AND is_adjudication = ?"
            "  AND (query, identifier) NOT IN"
            "    (SELECT query, identifier FROM query_item WHERE is_repeat = 1)"
            f"  GROUP BY {group}) AND answer IS NOT NULL ORDER BY sequence",
            [through, int(is_adjudication)],
        ).fetchall()
    db.close()
    return rows


def derived_by_sql(store, through, resolution):
    opinions = {}
    for sequence, name, oracle, answer in counts_by_sql(
        store, through, False, "identifier, oracle"
    ):
        opinions.setdefault(name, []).append((sequence, oracle, answer))
    settled = {name: n for n, name, _, _ in counts_by_sql(store, through, True, "identifier")}
    current = dict(settled)
    for name, some in opinions.items():
        agreed = consensus({oracle: answer for _, oracle, answer in some}, resolution)
        if name not in settled and agreed is not None:
            current[name] = max(n for n, _, answer in some if answer == agreed)
    ordered = sorted(current.items(), key=lambda item: item[1])
    return list(opinions.items()), list(settled.items()), ordered


def derived(store, as_of):
    through = as_of.answers_through
    opinions = store.opinions("halpha", through)
    return (
        [
            (name, [(a.sequence, a.oracle, a.answer) for a in some])
            for name, some in opinions.items()
        ],
        [(name, one.sequence) for name, one in store.adjudications("halpha", through).items()],
        [(name, one.sequence) for name, one in store.current_answers("halpha", as_of).items()],
    )


def look_at_all(store, campaign):
    """Everything that is kept between two looks."""
    standing = follow(store, "halpha")
    return (
        store.current_answers("halpha"),
        store.opinions("halpha"),
        store.adjudications("halpha"),
        store.answer_log("halpha"),
        [(q.number, q.items) for q in store.all_queries("halpha")],
        {name: people for name, people in standing.judges.items() if people},
        set(standing.adjudicated),
        find_doubts(store, campaign),
        count_open(store, campaign, lay_out(store, campaign, Task.RELABEL)),
    )


@given(
    sequence=st.lists(said, max_size=40),
    looks=st.sets(st.integers(0, 39)),
    rule=st.sampled_from(Resolution),
    cut=st.integers(0, 40),
)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_what_is_followed_is_what_the_whole_log_says(
    store, campaign, asked, sequence, looks, rule, cut
):
    store.set_sharing("halpha", Sharing(resolution=rule), "ann")
    given_before = {}
    for n, one in enumerate(sequence):
        tell(store, asked, one, given_before)
        if n in looks:
            look_at_all(store, campaign)
    followed = look_at_all(store, campaign)
    log = store.answer_log("halpha")
    for through in {log[min(cut, len(log) - 1)].sequence, log[-1].sequence} if log else {0}:
        # The rule is the one that an iteration which begins now knows.
        as_of = replace(store.iteration("halpha"), answers_through=through, created_at=store.now())
        assert derived(store, as_of) == derived_by_sql(store, through, rule)
    answers._logs.clear()
    queries._drawn.clear()
    anew = look_at_all(store, campaign)
    assert followed == anew
    # In the same order too.
    assert [list(one) for one in followed[:3]] == [list(one) for one in anew[:3]]


def test_what_another_process_stores_is_seen_at_the_next_look(store, asked):
    item = asked["first"].items[0]
    assert not store.current_answers("halpha")
    script = (
        "from pathlib import Path; import sys\n"
        "from active_cnn.campaign.store import Store\n"
        "from active_cnn.records import AnswerEvent\n"
        "with Store(Path(sys.argv[1])) as store:\n"
        "    act = AnswerEvent('theirs', int(sys.argv[2]), sys.argv[3], 'emission')\n"
        "    store.add_answers('halpha', [act], 'bob')\n"
    )
    arguments = [str(store.home), str(asked["first"].number), item.identifier]
    subprocess.run([sys.executable, "-c", script, *arguments], check=True)
    assert [one.event for one in store.current_answers("halpha").values()] == ["theirs"]
    assert follow(store, "halpha").judges == {item.identifier: {"bob"}}


def test_an_older_copy_that_is_put_in_place_is_read_anew(store, asked, tmp_path):
    tell(store, asked, ("ann", "first", 0, "noise", False, False), {})
    store.copy_to(tmp_path / "older.db")
    tell(store, asked, ("ann", "first", 0, "emission", False, False), {})
    assert [one.answer for one in store.current_answers("halpha").values()] == ["emission"]
    home = store.home
    store.close()
    for kind in ("", "-wal", "-shm"):
        (home / f"{FILE_NAME}{kind}").unlink(missing_ok=True)
    # The very file, as some tools restore it: it may be told from the newer one by its log alone.
    (home / FILE_NAME).write_bytes((tmp_path / "older.db").read_bytes())
    with Store(home) as older:
        assert [one.answer for one in older.current_answers("halpha").values()] == ["noise"]
        assert len(older.answer_log("halpha")) == 1
        tell(older, asked, ("ann", "first", 0, "double-peak", False, False), {})
        assert [one.answer for one in older.current_answers("halpha").values()] == ["double-peak"]


def test_what_was_never_committed_is_not_kept(store, asked):
    tell(store, asked, ("ann", "first", 0, "noise", False, False), {})
    (one,) = store.answer_log("halpha")
    lost, kept, new = (replace(one, event=name) for name in ("lost", "kept", "new"))
    with pytest.raises(StoreError, match="Nothing was stored"):
        store.merge_answers([], _looking(store, [lost, new, one]))
    # The last event then stands where it stood in what was undone.
    store.merge_answers([], [kept, new])
    assert [a.event for a in store.answer_log("halpha")] == [one.event, "kept", "new"]


def _looking(store, some):
    # Somebody reads in the middle of the transaction that will be undone.
    for one in some:
        yield one
        assert store.current_answers("halpha")


def test_a_caller_may_change_what_it_was_given(store, campaign, asked):
    tell(store, asked, ("ann", "first", 0, "noise", False, False), {})
    before = look_at_all(store, campaign)
    for some in (store.current_answers("halpha"), store.opinions("halpha"),
                 store.adjudications("halpha"), store.answer_log("halpha"),
                 find_doubts(store, campaign)):  # fmt: skip
        some.clear()
    assert look_at_all(store, campaign) == before


def test_a_standing_of_ones_own_says_the_same_as_the_shared_one(store, asked):
    for n, place in enumerate((0, 1, 1, 3)):
        which = "second" if n == 2 else "first"
        tell(store, asked, ("ann", which, place, "noise", False, False), {})
    own, shared = Standing("halpha").look(store), follow(store, "halpha")
    assert (own.judges, own.adjudicated) == (shared.judges, shared.adjudicated)
    assert follow(store, "halpha") is shared


def test_no_more_is_kept_than_fits_and_what_is_used_stays():
    kept = Kept(most=10)
    for name, n_rows in (("a", 4), ("b", 4)):
        kept.put(name, name.upper(), n_rows)
    assert kept.get("a") == "A"
    kept.put("c", "C", 4)  # for which b, which nobody has asked for, has to go
    assert [kept.get(name) for name in "abc"] == ["A", None, "C"]
    kept.put("a", "grown", 9)
    assert [kept.get(name) for name in "abc"] == ["grown", None, None]
    kept.put("huge", "one", 100)
    assert kept.get("huge") == "one"
    assert kept.get("a") is None
