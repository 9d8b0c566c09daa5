"""A home with a campaign of a whole survey that has been scored, asked about and answered.

Its predictions are drawn at random about the truth and not made by a network, which would take
an hour of the time of a benchmark that is about something else.
"""

import csv
import json
import os
import random
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.demo import DEMO_NAME
from active_cnn.campaign.files import features_path, iteration_folder, open_pool
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.sampling import draw_performance_sample
from active_cnn.campaign.store import FILE_NAME, Store
from active_cnn.learning.features import FeaturesWriter, unit_vectors
from active_cnn.learning.predictions import PredictionsWriter
from active_cnn.recipes import TrainingSettings
from active_cnn.records import AnswerEvent, Campaign, Query, TrainingResult
from active_cnn.spectra.simulation import write_demo

LAMOST_DR2 = 4_136_482  # spectra of the method's authors
# Of the pool, as in nature: 1.3 of a thousand spectra show what is looked for.
EMISSION, DOUBLE_PEAK = 0.001, 0.0003
PEOPLE = ("ann", "bob", "cleo")
N_FEATURES = 48
CHUNK = 262_144  # rows that are predicted at a time
# Network's score of what is not interesting, in logits: one in a hundred is called a target.
MEAN, SPREAD = 5.1, 2.2


@dataclass
class Home:
    """A home and how long its parts took [s].

    Parameters
    ----------
    path : Path
        The folder.
    n : int
        Spectra in the pool.
    seconds : dict
        What was made, how long that took, and how much of the processors' time.
    """

    path: Path
    n: int
    seconds: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def notes(self) -> Path:
        """Where the times are kept for the next run."""
        return self.path / "benchmark.json"


def open_home(path: Path, n: int) -> Home:
    """Give the home, and make it when it is not there yet."""
    home = Home(path, n)
    if home.notes.exists():
        kept = json.loads(home.notes.read_text())
        if kept["n"] != n:
            raise SystemExit(
                f"{path} holds a survey of {kept['n']} spectra, not {n}: name another folder."
            )
        home.seconds = kept["seconds"]
        return home
    path.mkdir(parents=True, exist_ok=True)
    _make(home)
    home.notes.write_text(json.dumps({"n": n, "seconds": home.seconds}))
    return home


def _make(home: Home) -> None:
    began = _clock()

    def lap(what: str) -> None:
        nonlocal began
        now = _clock()
        home.seconds[what] = (now[0] - began[0], now[1] - began[1])
        began = now

    survey = home.path / "survey"
    write_demo(
        survey,
        pool_size=home.n,
        training_size=3000,
        emission_share=EMISSION,
        double_peak_share=DOUBLE_PEAK,
        n_fits=60,
    )
    lap("simulating the survey")
    (home.path / FILE_NAME).unlink(missing_ok=True)
    with Store(home.path) as store:
        campaign = create_campaign(store, DEMO_NAME, survey / "training.csv", survey / "pool.h5")
        lap("creating the campaign on it")
        score(home, store, campaign)
        lap("writing predictions")
        ask_and_answer(store, campaign)
        lap("drawing and answering")


def _clock() -> tuple[float, float]:
    """Time that has passed, and processors' time of this process and of those that it ended [s]."""
    times = os.times()
    return time.perf_counter(), sum(times[:4])


def ask_and_answer(store: Store, campaign: Campaign) -> None:
    """Draw what a team would, and let it judge a part of that."""
    rng = random.Random(1)
    for query in (draw_performance_sample(store, campaign), draw_relabel_query(store, campaign)):
        for oracle in PEOPLE:
            store.add_answers(campaign.name, _answers(campaign, query, rng), oracle)


def _answers(campaign: Campaign, query: Query, rng: random.Random) -> list[AnswerEvent]:
    # Each person judges a part of what is asked, and differs now and then.
    names = [one.name for one in campaign.classes]
    return [
        AnswerEvent(
            uuid.UUID(int=rng.getrandbits(128)).hex,
            query.number,
            item.identifier,
            rng.choice(names)
            if rng.random() < 0.1 or item.predicted not in names
            else item.predicted,
            seconds=rng.uniform(0.5, 4),
        )
        for item in query.items
        if rng.random() < 0.6
    ]


def score(home: Home, store: Store, campaign: Campaign) -> TrainingResult:
    """Fill the open iteration as a job does."""
    iteration = store.iteration(campaign.name)
    job = store.add_job(campaign.name, iteration.number, TrainingSettings(seed=iteration.seed))
    store.start_job(job.number)
    folder = iteration_folder(store, iteration)
    folder.mkdir(parents=True, exist_ok=True)
    network = folder / f"network-{job.number}.keras"
    network.write_bytes(b"\0" * 2**20)
    predictions = folder / f"predictions-{job.number}.h5"
    pool = open_pool(store, campaign)
    writer = PredictionsWriter(predictions, pool.n, campaign.network_classes, pool.fingerprint)
    truth = _truth(home, campaign)
    rng = np.random.default_rng(iteration.seed)
    counts = np.zeros(len(campaign.network_classes), dtype=np.int64)
    # As many as the compact network has; of a network they would lie closer together.
    features = FeaturesWriter(features_path(store, campaign.name, job.number), pool.n, network.name)
    for start in range(0, pool.n, CHUNK):
        rows = slice(start, min(start + CHUNK, pool.n))
        usable = pool.usable[rows]
        vectors = rng.standard_normal((int(usable.sum()), N_FEATURES), dtype=np.float32)
        features.append(usable, unit_vectors(vectors))
        labels = writer.write(
            rows, usable, _predict(truth[rows][usable], len(campaign.network_classes), rng)
        )
        counts += np.bincount(labels, minlength=len(counts))
    writer.finish()
    features.finish()
    loss = 0.5 * np.exp(-np.arange(1, 31) / 6) + 0.02
    classes = campaign.network_classes
    result = TrainingResult(
        settings=job.settings,
        network_file=network.name,
        network_sha256="0" * 64,
        predictions_file=predictions.name,
        predictions_sha256="0" * 64,
        training_sha256="0" * 64,
        pool_fingerprint=pool.fingerprint,
        n_training=3000,
        counts_before=dict(zip(classes, (1416, 1229, 355), strict=True)),
        counts_after=dict.fromkeys(classes, 1416),
        history={"loss": loss.tolist(), "val_loss": (1.1 * loss + 0.01).tolist()},
        validation={"n": 600, "confusion": [[278, 5, 0], [4, 240, 2], [0, 3, 68]]},
        predicted_counts=dict(zip(classes, counts.tolist(), strict=True)),
        notices=(),
        device="CPU (drawn at random)",
        versions={},
        seconds={"training": 600.0, "predicting": 90.0},
    )
    store.finish_job(job.number, result)
    return result


def _truth(home: Home, campaign: Campaign) -> np.ndarray:
    """Position of each row's true class among those of the network, shape (n,)."""
    position = {
        name: campaign.network_classes.index(network_class)
        for name, network_class in campaign.trains.items()
    }
    with (home.path / "survey/truth/truth.csv").open() as file:
        rows = csv.reader(file)
        next(rows)
        return np.fromiter((position[row[1]] for row in rows), dtype=np.uint8, count=home.n)


def _predict(truth: np.ndarray, n_classes: int, rng: np.random.Generator) -> np.ndarray:
    logits = rng.standard_normal((len(truth), n_classes), dtype=np.float32) * SPREAD / 2**0.5
    logits[np.arange(len(truth)), truth] += MEAN
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return logits
