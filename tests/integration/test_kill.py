"""Processes that are killed in the middle: what was acknowledged stays, what was half done goes."""

import os
import signal
import subprocess
import sys
import time

import pytest

from active_cnn.campaign import jobs
from active_cnn.campaign.campaign import close_iteration, record_answer
from active_cnn.campaign.files import open_predictions
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.store import Store
from active_cnn.campaign.training_data import trained_answers
from active_cnn.recipes import TrainingSettings
from active_cnn.records import JobState, Purpose

# Answers one spectrum after the other and says of each when it has been stored.
ANSWER = """
import sys
from pathlib import Path
from active_cnn.campaign.campaign import record_answer
from active_cnn.campaign.store import Store
home, campaign = Path(sys.argv[1]), sys.argv[2]
classes = ["emission", "absorption", "noise"]
with Store(home) as store:
    query = store.query(1)
    n = 0
    while True:
        for item in query.items:
            event = f"event-{n}"
            answer = classes[n % 3]
            record_answer(store, query, item.identifier, answer, oracle="ann", event=event)
            print(event, item.identifier, answer, flush=True)
            n += 1
"""

# Dies by SIGKILL when the clock is asked for the n-th time: within a transaction.
DIE = """
import os, signal, sys
from pathlib import Path
from active_cnn.campaign.store import Store, utc_now
home, campaign, n = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def clock():
    global n
    n -= 1
    if n == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return utc_now()

with Store(home, clock) as store:
    {statement}
"""


def run(code, *arguments, **more):
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], **more)


def die(store, campaign, statement, n=1):
    process = run(DIE.format(statement=statement), store.home, campaign.name, n)
    assert process.wait(timeout=60) == -signal.SIGKILL


def wait_for(condition, seconds=90):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


@pytest.mark.parametrize("n_acknowledged", [1, 7, 40])
def test_answers_that_were_acknowledged_survive_a_kill(store, campaign, score, n_acknowledged):
    score()
    query = draw_relabel_query(store, campaign, size=10)
    with run(
        ANSWER, store.home, campaign.name, stdout=subprocess.PIPE, text=True
    ) as process:  # fmt: skip
        acknowledged = [process.stdout.readline().split() for _ in range(n_acknowledged)]
        os.kill(process.pid, signal.SIGKILL)
        acknowledged += [line.split() for line in process.stdout if line.endswith("\n")]
    with Store(store.home) as again:
        assert again.iteration(campaign.name).state == "scored"
        log = [[a.event, a.identifier, a.answer] for a in again.answer_log(campaign.name)]
        (found,) = again.queries(again.iteration(campaign.name), Purpose.RELABEL)
        assert found.items == query.items
        # The last one may have been stored without having been acknowledged.
        assert log[: len(acknowledged)] == acknowledged
        assert len(log) <= len(acknowledged) + 1
        # A person who says the last one again does no harm.
        event, identifier, answer = acknowledged[-1]
        record_answer(again, found, identifier, answer, oracle="ann", event=event)
        assert len(again.answer_log(campaign.name)) == len(log)


def test_a_kill_while_an_answer_is_written_leaves_no_trace_of_it(store, campaign, score):
    score()
    query = draw_relabel_query(store, campaign, size=3)
    first, second, _ = (item.identifier for item in query.items)
    record_answer(store, query, first, "emission", oracle="ann")
    die(
        store,
        campaign,
        "from active_cnn.records import AnswerEvent; "
        f"store.add_answers(campaign, [AnswerEvent('e', 1, {second!r}, 'noise')], 'ann')",
    )
    assert set(store.current_answers(campaign.name)) == {first}
    record_answer(store, query, second, "noise", oracle="ann", event="e")
    assert set(store.current_answers(campaign.name)) == {first, second}


def test_a_kill_between_closing_and_opening_leaves_the_iteration_open(store, campaign, score):
    score()
    query = draw_relabel_query(store, campaign, size=3)
    record_answer(store, query, query.items[0].identifier, "emission", oracle="ann")
    # The first time is that of closing, the second that of the next iteration.
    die(store, campaign, "store.close_iteration(campaign, 0, 2)", n=2)
    (iteration,) = store.iterations(campaign.name)
    assert (iteration.state, iteration.closed_at) == ("scored", None)
    (found,) = store.queries(iteration, Purpose.RELABEL)
    assert found.items == query.items
    assert len(trained_answers(store, campaign, close_iteration(store, campaign))) == 1


def test_a_kill_while_a_query_is_stored_leaves_no_part_of_it(store, campaign, score):
    score()
    query = draw_relabel_query(store, campaign, size=5, seed=3)
    die(
        store,
        campaign,
        "from dataclasses import replace; store.add_query(replace(store.query(1), number=0))",
    )
    (found,) = store.queries(store.iteration(campaign.name), Purpose.RELABEL)
    assert found.items == query.items


@pytest.mark.slow
def test_a_killed_worker_shows_as_interrupted_and_can_be_started_again(store, campaign, score):
    before = score()
    labels = open_predictions(store, before).labels()
    query = draw_relabel_query(store, campaign, size=10)
    for item in query.items[:4]:
        record_answer(store, query, item.identifier, "emission", oracle="ann")

    endless = TrainingSettings(max_epochs=10_000, patience=1000, min_delta=0)
    killed = jobs.start_training(store, campaign, endless)
    wait_for(lambda: store.job(killed.number).done > 0)
    assert jobs.refresh(store, campaign).state is JobState.RUNNING
    assert store.job(killed.number).phase == "training"
    os.kill(store.job(killed.number).pid, signal.SIGKILL)
    wait_for(lambda: jobs.refresh(store, campaign).state is JobState.INTERRUPTED, 10)

    with Store(store.home) as again:
        iteration = again.iteration(campaign.name)
        assert (iteration.state, iteration.job) == ("scored", before.job)
        assert (open_predictions(again, iteration).labels() == labels).all()
        (found,) = again.queries(iteration, Purpose.RELABEL)
        assert found.items == query.items
        assert set(again.current_answers(campaign.name)) == {
            item.identifier for item in query.items[:4]
        }  # fmt: skip

        cancelled = jobs.start_training(again, campaign, endless)
        wait_for(lambda: again.job(cancelled.number).done > 0)
        jobs.cancel(again, campaign)
        wait_for(lambda: jobs.refresh(again, campaign).state is JobState.CANCELLED, 30)
        assert again.iteration(campaign.name).job == before.job
        assert len(again.current_answers(campaign.name)) == 4


@pytest.mark.slow
def test_the_same_seed_predicts_the_same_bit_for_bit_in_two_workers(store, campaign):
    settings = TrainingSettings(max_epochs=2, seed=7)
    results, predictions = [], []
    for _ in range(2):
        job = jobs.start_training(store, campaign, settings)
        wait_for(lambda: not jobs.refresh(store, campaign).state.is_active)
        assert store.job(job.number).state is JobState.SUCCEEDED, store.job(job.number).error
        iteration = store.iteration(campaign.name)
        results.append(iteration.result)
        rows = range(300)
        predictions.append(open_predictions(store, iteration).probabilities(rows).tobytes())
    assert predictions[0] == predictions[1]
    assert results[0].history == results[1].history
    assert results[0].training_sha256 == results[1].training_sha256
    assert results[0].validation == results[1].validation
