"""A log that is followed says what one says that is read at once, whenever it is looked at."""

import sqlite3
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from active_cnn.campaign.campaign import record_answer
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.store import FILE_NAME, Log
from active_cnn.evaluation.consensus import consensus
from active_cnn.records import Answer, Purpose, Resolution

RULES = list(Resolution)

events = st.lists(
    st.tuples(
        st.sampled_from("abcd"),  # spectrum
        st.sampled_from(["ann", "bob", "cleo"]),
        st.sampled_from(["emission", "absorption", None]),
        st.sampled_from([False, False, False, True]),  # adjudication
        st.sampled_from([False, False, False, True]),  # blind repeat
    ),
    max_size=30,
)


def answer(sequence, identifier, oracle, said, is_adjudication):
    at = "2026-05-04T21:30:00+00:00"
    return Answer(
        sequence, f"event {sequence}", "c", 1, 0, Purpose.RELABEL, identifier, said, "", oracle, at,
        None, None, is_adjudication,
    )  # fmt: skip


def counting(told, rule):
    """What counts by the rule, worked out anew from all events."""
    latest, settled = {}, {}
    for one in told:
        if one.is_adjudication:
            settled[one.identifier] = one
        else:
            latest.setdefault(one.identifier, {}).pop(one.oracle, None)
            latest[one.identifier][one.oracle] = one
    counts = {}
    for name in {*latest, *settled}:
        standing = [one for one in latest.get(name, {}).values() if one.answer is not None]
        agreed = consensus({one.oracle: one.answer for one in standing}, rule)
        chosen = [one for one in standing if one.answer == agreed][-1:]
        if name in settled and settled[name].answer is not None:
            chosen = [settled[name]]
        if chosen:
            counts[name] = chosen[0]
    return dict(sorted(counts.items(), key=lambda item: item[1].sequence))


@given(events, st.sets(st.integers(0, 29)), st.data())
def test_a_log_looked_at_while_it_grows_is_the_log_read_at_once(drawn, looks, data):
    log, told = Log(), []
    for number, (*event, is_repeat) in enumerate(drawn):
        one = answer(number + 1, *event)
        log.append(one, is_repeat)
        told += [] if is_repeat else [one]
        if number in looks:
            rule = data.draw(st.sampled_from(RULES))
            through = data.draw(st.integers(0, number + 3), label="through")
            until = [one for one in told if one.sequence <= through]
            found = log.current(through, rule)
            assert list(found.items()) == list(counting(until, rule).items())
            found.clear()  # belongs to the one who asked
            assert log.opinions(through) == opinions(until)


def opinions(told):
    latest = {}
    for one in told:
        if not one.is_adjudication:
            latest[one.identifier, one.oracle] = one
    standing = sorted((one for one in latest.values() if one.answer), key=lambda one: one.sequence)
    found = {}
    for one in standing:
        found[one.identifier] = (*found.get(one.identifier, ()), one)
    return found


def test_what_another_process_stores_is_seen_at_the_next_look(campaign, score, store):
    score()
    query = draw_relabel_query(store, campaign, size=3)
    names = [item.identifier for item in query.items]
    record_answer(store, query, names[0], "emission", oracle="ann")
    assert set(store.current_answers(campaign.name)) == {names[0]}
    code = """
import sys
from active_cnn.campaign.campaign import record_answer
from active_cnn.campaign.store import Store
with Store(sys.argv[1]) as store:
    record_answer(store, store.query(int(sys.argv[2])), sys.argv[3], "noise", oracle="bob")
"""
    subprocess.run(
        [sys.executable, "-c", code, str(store.home), str(query.number), names[1]], check=True
    )
    said = {name: one.answer for name, one in store.current_answers(campaign.name).items()}
    assert said == {names[0]: "emission", names[1]: "noise"}


def test_a_home_that_went_back_to_an_earlier_state_is_read_anew(campaign, score, store, tmp_path):
    score()
    query = draw_relabel_query(store, campaign, size=3)
    names = [item.identifier for item in query.items]
    copy = tmp_path / "copy.db"
    store.copy_to(copy)
    record_answer(store, query, names[0], "emission", oracle="ann")
    assert set(store.current_answers(campaign.name)) == {names[0]}
    with sqlite3.connect(copy) as earlier, sqlite3.connect(store.home / FILE_NAME) as now:
        earlier.backup(now)  # the same file, as a restored disk would have it
    earlier.close()
    now.close()
    record_answer(store, query, names[2], "noise", oracle="bob")
    assert set(store.current_answers(campaign.name)) == {names[2]}
