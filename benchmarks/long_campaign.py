"""A home with a campaign of many answers: iterations, corrections, undo, repeats, adjudications."""

import json
import random
import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from active_cnn.campaign.audit import draw_audit
from active_cnn.campaign.campaign import close_iteration
from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.demo import DEMO_NAME
from active_cnn.campaign.labelling import Task, record
from active_cnn.campaign.relabelling import Screen, draw_relabel_query
from active_cnn.campaign.sampling import draw_performance_sample
from active_cnn.campaign.store import FILE_NAME, Store
from active_cnn.campaign.store.answers import MOST_EVENTS
from active_cnn.evaluation.consensus import disagreements
from active_cnn.records import AnswerEvent, Campaign, Purpose, Query
from active_cnn.spectra.simulation import write_demo
from benchmarks.survey_home import EMISSION, Home, open_home, score

PEOPLE = ("ann", "bob", "cleo", "dan")
ITERATIONS = 5
JUDGED = 0.6  # of what is asked, by each person
SLIPS, CORRECTED, UNDONE, REPEATED = 0.1, 0.03, 0.02, 0.05
SETTLED = 200  # disagreements in an iteration
AS_DRAWN = Screen(lookalikes=False, instrumental=False)
ANSWERS = "n_answers"


def open_long_campaign(path: Path, n_pool: int, n_answers: int) -> Home:
    """Give a home with so many answers, and make it when it is not there yet."""
    home = open_home(path, n_pool)
    notes = json.loads(home.notes.read_text())
    if notes.setdefault(ANSWERS, n_answers) != n_answers:
        raise SystemExit(f"{path} has another number of answers: name another folder.")
    with Store(path) as store:
        campaign = store.campaign(DEMO_NAME)
        rng = random.Random(2)
        for number in range(ITERATIONS):
            if store.iteration(campaign.name).number > number:
                continue
            _carry_out(home, store, campaign, n_answers * (number + 1) // ITERATIONS, rng)
            if number < ITERATIONS - 1:
                close_iteration(store, campaign)
    home.notes.write_text(json.dumps(notes))
    return home


def _carry_out(
    home: Home, store: Store, campaign: Campaign, n_until: int, rng: random.Random
) -> None:
    iteration = store.iteration(campaign.name)
    is_last = iteration.number == ITERATIONS - 1
    if iteration.result is None:
        score(home, store, campaign)
    draw_performance_sample(store, campaign, 200)
    draw_relabel_query(store, campaign, size=500)
    if not is_last:  # which is audited while it is measured
        draw_audit(store, campaign, floor=min(50_000, home.n // 4))
    scored = store.iteration(campaign.name)
    queries = [query for purpose in Purpose for query in store.queries(scored, purpose)]
    for query in queries:
        judge(store, campaign, query, rng)
    _settle(store, campaign, rng)
    while (missing := n_until - store.count_events(campaign.name)) > 0:
        size = max(1, min(5000, int(missing / len(PEOPLE) / JUDGED)))
        query = draw_relabel_query(
            store, campaign, "random", size, screen=AS_DRAWN, repeats=REPEATED
        )
        judge(store, campaign, query, rng, missing)


def judge(
    store: Store, campaign: Campaign, query: Query, rng: random.Random, most: int = 2**31
) -> None:
    """Let everybody judge a part of a query, correct some of it and take some of it back."""
    task = Task(query.purpose.value)
    for oracle in PEOPLE:
        events = islice(_events(campaign, query, rng), most)
        while some := list(islice(events, MOST_EVENTS)):
            record(store, campaign, task, some, oracle)
            most -= len(some)


def _events(campaign: Campaign, query: Query, rng: random.Random) -> Iterator[AnswerEvent]:
    names = [one.name for one in campaign.classes]
    for item in query.items:
        if rng.random() > JUDGED:
            continue
        is_slip = rng.random() < SLIPS or item.predicted not in names
        said = AnswerEvent(
            _name(rng),
            query.number,
            item.identifier,
            rng.choice(names) if is_slip else item.predicted,
            note="double?" if is_slip else "",
            seconds=round(rng.uniform(0.5, 4), 2),
        )
        yield said
        if rng.random() < CORRECTED:
            yield replace(said, event=_name(rng), answer=rng.choice(names))
        elif rng.random() < UNDONE:
            yield replace(
                said, event=_name(rng), answer=None, note="", seconds=None, undoes=said.event
            )


def _settle(store: Store, campaign: Campaign, rng: random.Random) -> None:
    opinions = store.opinions(campaign.name)
    said = {name: {a.oracle: a.answer or "" for a in given} for name, given in opinions.items()}
    settled = store.adjudications(campaign.name)
    contested = [name for name in disagreements(said) if name not in settled][:SETTLED]
    events = [
        AnswerEvent(_name(rng), last.query, name, rng.choice(opinions[name]).answer)
        for name in contested
        for last in opinions[name][-1:]
    ]
    record(store, campaign, Task.ADJUDICATE, events, PEOPLE[0])


def _name(rng: random.Random) -> str:
    return uuid.UUID(int=rng.getrandbits(128)).hex


def copy_without_answers(home: Path, to: Path, keeps_queries: bool) -> Path:
    """Copy a home as it would be if nobody had answered, or not even been asked, yet."""
    shutil.copytree(home, to, ignore=shutil.ignore_patterns(f"{FILE_NAME}*"))
    with Store(home) as store:
        store.copy_to(to / FILE_NAME)
    # Answers are only ever added; a copy that never had them is made beneath the store.
    with sqlite3.connect(to / FILE_NAME) as db:
        kept = db.execute("SELECT sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for verb in ("update", "delete"):
            db.execute(f"DROP TRIGGER answers_are_kept_on_{verb}")
        for table in ("answer", "claim", *(() if keeps_queries else ("query_item", "query"))):
            db.execute(f"DELETE FROM {table}")
        for (sql,) in kept:
            db.execute(sql)
    db.close()
    return to


def open_many_campaigns(path: Path, n: int) -> Path:
    """Give a home with so many small campaigns on one pool, scored once and answered."""
    survey = path / "survey"
    if not survey.exists():
        write_demo(survey, pool_size=2000, training_size=100, emission_share=20 * EMISSION,
                   double_peak_share=EMISSION, n_fits=0)  # fmt: skip
    rng = random.Random(3)
    home = Home(path, 2000)
    with Store(path) as store:
        for number in range(len(store.campaign_names()), n):
            campaign = create_campaign(
                store, f"campaign-{number:03d}", survey / "training.csv", survey / "pool.h5"
            )
            score(home, store, campaign)
            judge(store, campaign, draw_performance_sample(store, campaign), rng)
    return path
