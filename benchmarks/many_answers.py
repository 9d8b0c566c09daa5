"""A campaign of 100 000 answers and a home of 200 campaigns: pages, commands, memory.

``python -m benchmarks.many_answers --home FOLDER`` makes both once (some minutes, 0.3 GB), opens
every page again and again while somebody else answers, runs every command in a process of its own,
and prints tables.
"""

import argparse
import contextlib
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import Page

from active_cnn.campaign.audit import draw_audit
from active_cnn.campaign.demo import DEMO_NAME
from active_cnn.campaign.store import Store
from active_cnn.records import AnswerEvent, Purpose
from benchmarks.browser import open_browser
from benchmarks.dashboard import Visits, memory_of, pages_of, person, visit
from benchmarks.long_campaign import (
    PEOPLE,
    copy_without_answers,
    judge,
    open_long_campaign,
    open_many_campaigns,
)
from benchmarks.server import DashboardServer

PAGE, REPORT, IMPORT = 2.0, 5.0, 200  # aims: s, s, MB
SECTIONS = ("Precision", "Completeness", "Planted lines", "Iterations")


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--home", type=Path, help="made once, and used again")
    options.add_argument("--answers", type=int, default=100_000)
    options.add_argument("--pool", type=int, default=200_000)
    options.add_argument("--campaigns", type=int, default=200)
    options.add_argument("--rounds", type=int, default=10)
    chosen = options.parse_args()
    with contextlib.ExitStack() as stack:
        folder = chosen.home or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        made = folder / "answers"
        made.parent.mkdir(parents=True, exist_ok=True)
        began = time.perf_counter()
        open_long_campaign(made, chosen.pool, chosen.answers)
        many = open_many_campaigns(folder / "campaigns", chosen.campaigns)
        print(f"made or found in {time.perf_counter() - began:.0f} s")
        # What is measured adds to a home.
        copies = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder)))
        home = Path(shutil.copytree(made, copies / "home"))
        run_commands(home, copies)
        browse(home, chosen.rounds)
        look_at_many(many, chosen.rounds)


def answer(home: Path, rng: random.Random) -> None:
    """Let somebody else answer one spectrum of the newest query for labels."""
    with Store(home) as store:
        query = store.queries(store.iteration(DEMO_NAME), Purpose.RELABEL)[-1]
        act = AnswerEvent(
            uuid.uuid4().hex, query.number, rng.choice(query.items).identifier, "emission"
        )
        store.add_answers(DEMO_NAME, [act], "eve")


def browse(home: Path, rounds: int) -> None:
    """Open every page, each time after an answer more, and print what that took."""
    rng = random.Random(4)
    with Store(home) as store:
        item = store.queries(store.iteration(DEMO_NAME), Purpose.RELABEL)[0].items[0]
    pages = [one for one in pages_of(item.identifier) if one.name != "Performance"] + [
        Visits(f"Performance: {name.lower()}", "Performance", f"/Performance?section={name}")
        for name in SECTIONS
    ]
    server = DashboardServer(home, environment={"ACTIVE_CNN_ORACLE": ""})
    with server, open_browser() as browser, person(browser, server.url, "ann") as page:
        first = _visit_all(page, server.url, pages, rounds, home, rng)
        with Store(home) as store:
            campaign = store.campaign(DEMO_NAME)
            query = draw_audit(store, campaign)
            judge(store, campaign, query, rng)
        audited = Visits("Performance: an audit", "Performance", pages[-3].address)
        first += _visit_all(page, server.url, [audited], rounds, home, rng)
        now, most = memory_of(psutil.Process(server.pid))
    print("\n| page | first s | p50 s | p95 s | aim |\n|---|---|---|---|---|")
    for one, seconds in zip([*pages, audited], first, strict=True):
        p50, p95 = np.percentile(one.seconds, [50, 95])
        print(f"| {one.name} | {seconds:.2f} | {p50:.2f} | {p95:.2f} | {PAGE:g} |")
    print(f"\nThe server's memory after that: {now:.0f} MB, at most {most:.0f} MB.")


def _visit_all(
    page: Page, url: str, pages: list[Visits], rounds: int, home: Path, rng: random.Random
) -> list[float]:
    first = []
    for number in range(rounds + 1):
        for one in pages:
            answer(home, rng)
            seconds, received = visit(page, url, one)
            if number:
                one.seconds.append(seconds)
                one.received.append(received)
            else:
                first.append(seconds)
    return first


def run_commands(home: Path, copies: Path) -> None:
    """Run commands, each in a process of its own, and print time and peak memory."""
    csv, json = copies / "answers.csv", copies / "answers.json"
    print("\n| command | s | of processors s | MB | aim |\n|---|---|---|---|---|")
    run(home, "status", "--json")
    run(home, "report", "--out", copies / "report.md", aim=f"{REPORT:g} s")
    run(home, "export", "--out", copies / "candidates.vot")
    run(home, "answers", "export", "--out", csv)
    run(home, "answers", "export", "--out", json)
    for path, keeps_queries in ((csv, True), (json, False)):
        empty = copy_without_answers(home, copies / f"without-{path.suffix[1:]}", keeps_queries)
        for what in ("new", "all known"):
            run(empty, "answers", "import", path, aim=f"{IMPORT} MB", note=f"{path.suffix}, {what}")
        shutil.rmtree(empty)
    run(home, "backup", "--out", copies / "backup")
    again = copies / "restored"
    run(again, "restore", copies / "backup")
    run(again, "next")
    shutil.rmtree(again)


def run(home: Path, *arguments: object, aim: str = "–", note: str = "") -> None:
    """Run a command on a home, and print a row."""
    words = [str(one) for one in arguments]
    command = [sys.executable, "-m", "active_cnn", *words, "--home", str(home)]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak = _watch_memory(process.pid)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}.")
    name = " ".join(word for word in words[:2] if word.isalpha()) + (f" ({note})" if note else "")
    print(f"| {name} | {seconds:.2f} | {_worked(used):.2f} | {peak:.0f} | {aim} |")


def _watch_memory(pid: int) -> float:
    """Wait for a process to end; gives the most memory that it had in use [MB].

    What the system counts at its end would include this process, from which it was begun.
    """
    peak = 0
    status = Path(f"/proc/{pid}/status")
    while found := re.search(r"VmHWM:\s*(\d+) kB", status.read_text()):
        peak = int(found[1])
        time.sleep(0.01)
    return peak / 1000


def _worked(used: resource.struct_rusage) -> float:
    return used.ru_utime + used.ru_stime


def look_at_many(home: Path, rounds: int) -> None:
    """Open the list of many campaigns, and ask how one of them stands."""
    with Store(home) as store:
        names = store.campaign_names()
    print(f"\n{len(names)} campaigns\n\n| command | s | of processors s | MB | aim |")
    print("|---|---|---|---|---|")
    run(home, "status", "--json")
    server = DashboardServer(home, environment={"ACTIVE_CNN_ORACLE": ""})
    with server, open_browser() as browser, person(browser, server.url, PEOPLE[0]) as page:
        for one in (Visits("Campaigns", "Campaigns", "/?"), Visits("Train", "Train", "/Train?")):
            first, _ = visit(page, server.url, one, names[0])
            seconds = [visit(page, server.url, one, names[0])[0] for _ in range(rounds)]
            p50, p95 = np.percentile(seconds, [50, 95])
            print(f"{one.name}: first {first:.2f} s, p50 {p50:.2f} s, p95 {p95:.2f} s")


if __name__ == "__main__":
    main()
