"""What a training left behind when the work after it was interrupted: it need not be done twice."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np

from active_cnn.campaign.files import hash_file
from active_cnn.errors import CampaignError
from active_cnn.learning.baseline import Baseline
from active_cnn.learning.network import load_network
from active_cnn.learning.training import Trained
from active_cnn.recipes import TrainingSettings
from active_cnn.verdicts import Alarm, Ranking
from active_cnn.whole_file import write_whole

_KEPT = ("counts_before", "counts_after", "history", "validation", "notices")


def keep(network_path: Path, origin: dict[str, Any], trained: Trained) -> None:
    """Write down what a saved network came from and what its training went through.

    Parameters
    ----------
    network_path : Path
        The saved network.
    origin : dict
        All that decides what a training gives: settings, hashes of the data, versions.
    trained : Trained
        What came of it.
    """
    kept = {name: value for name, value in vars(trained).items() if name in _KEPT}
    baseline = trained.baseline
    content = {
        "origin": origin,
        "network_sha256": hash_file(network_path),
        "settings": asdict(trained.settings),
        "alarms": [asdict(one) for one in trained.alarms],
        "ranking": asdict(trained.ranking) if trained.ranking else None,
        "baseline": {"weights": baseline.weights.tolist(), "offset": baseline.offset}
        if baseline
        else None,
        **kept,
    }
    write_whole(_path(network_path), json.dumps(content).encode())


def find(folder: Path, origin: dict[str, Any]) -> tuple[Path, Trained] | None:
    """Find a network of the same origin that a job before this one has left in the folder.

    Returns
    -------
    tuple of Path and Trained, or None
        The saved network, and what came of its training.
    """
    # Through JSON, so that tuples and lists are alike.
    wanted = json.loads(json.dumps(origin))
    for network_path in sorted(folder.glob("network-*.keras")):
        try:
            content = json.loads(_path(network_path).read_bytes())
            if content.pop("origin") != wanted:
                continue
            if content.pop("network_sha256") != hash_file(network_path):
                continue
            network = load_network(network_path)
            notices = (*content.pop("notices"), "Its network had been trained already.")
            return network_path, _trained(network, notices, content)
        # None was kept, or it is damaged or of another version: it is trained again.
        except (CampaignError, OSError, ValueError, KeyError, TypeError):
            continue
    return None


def _trained(network: keras.Model, notices: tuple[str, ...], content: dict[str, Any]) -> Trained:
    baseline, ranking = content.pop("baseline"), content.pop("ranking")
    return Trained(
        network=network,
        settings=TrainingSettings(**content.pop("settings")),
        notices=notices,
        alarms=tuple(Alarm(**one) for one in content.pop("alarms")),
        ranking=Ranking(**ranking) if ranking else None,
        baseline=Baseline(np.array(baseline["weights"]), baseline["offset"]) if baseline else None,
        **content,
    )


def remove(network_path: Path) -> None:
    """Remove a network and what is written about it."""
    _path(network_path).unlink(missing_ok=True)
    network_path.unlink(missing_ok=True)


def _path(network_path: Path) -> Path:
    name = network_path.name.replace("network-", "trained-")
    return network_path.with_name(name).with_suffix(".json")
