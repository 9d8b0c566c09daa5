"""Predicting a pool on Dask's workers: the same predictions, whoever is killed meanwhile."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from active_cnn.campaign.files import iteration_folder, open_pool
from active_cnn.campaign.iteration import run_iteration
from active_cnn.engine import open_engine
from active_cnn.learning import scoring
from active_cnn.learning.network import build_network, save_network
from active_cnn.recipes import TrainingSettings

CLASSES = ("not-interesting", "emission", "double-peak")
# Trains, and is killed while Dask's workers predict.
KILLED = """
import os, signal, sys
from pathlib import Path
from active_cnn.campaign.iteration import run_iteration
from active_cnn.campaign.store import Store
from active_cnn.learning import scoring
scoring.STRETCH = 16
def report(phase, done, *_):
    if phase == "predicting" and done >= 32:
        os.kill(os.getpid(), signal.SIGKILL)
with Store(Path(sys.argv[1])) as store:
    run_iteration(store, store.job(int(sys.argv[2])), report, "local[2]")
"""


def score(pool, network, folder, report, **engine):
    folder.mkdir()
    save_network(network, folder / "network.keras")
    with open_engine(**engine) as opened:
        scored = scoring.score_pool(
            folder / "network.keras", network, pool, CLASSES, folder / "p.h5", report, opened
        )
    return scored, (folder / "p.h5").read_bytes()


def test_a_cluster_predicts_the_same_though_a_worker_is_killed(
    store, campaign, cluster, tmp_path, monkeypatch
):
    monkeypatch.setattr(scoring, "STRETCH", 16)
    pool = open_pool(store, campaign)
    network = build_network("compact", campaign.grid.n, len(CLASSES))
    alone = score(pool, network, tmp_path / "alone", lambda *_: None)
    killed = []

    def kill_one(_phase, done, *_):
        if done >= 32 and not killed:
            killed.append(next(iter(cluster.workers.values())).pid)
            os.kill(killed[0], signal.SIGKILL)

    together = score(
        pool, network, tmp_path / "cluster", kill_one, scheduler=cluster.scheduler_address
    )
    assert killed
    assert together == alone
    assert together[0].runtime.startswith("OpenVINO")


def test_after_the_client_was_killed_its_network_is_used_and_nothing_is_there_twice(
    store, campaign
):
    pytest.importorskip("distributed")
    settings = TrainingSettings(max_epochs=1, background=0)
    job = store.add_job(campaign.name, 0, settings)
    command = [sys.executable, "-c", KILLED, str(store.home), str(job.number)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    phases = []
    result = run_iteration(store, job, lambda phase, *_: phases.append(phase))
    assert "training" not in phases
    assert sum(result.predicted_counts.values()) == 298
    folder = iteration_folder(store, store.iteration(campaign.name))
    network = (folder / result.network_file).read_bytes()
    predictions = (folder / result.predictions_file).read_bytes()
    again = run_iteration(store, job, lambda *_: None)
    assert (folder / again.network_file).read_bytes() == network
    assert (folder / again.predictions_file).read_bytes() == predictions
    assert not [p for p in psutil.process_iter(["cmdline"]) if KILLED in (p.info["cmdline"] or [])]
