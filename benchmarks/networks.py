"""`python -m benchmarks.networks`: the recipes on the same simulated surveys, seed by seed.

The source is a labelled archive as Ondřejov has it, the target a survey as LAMOST is, in which
emission is as rare as in nature. With `--real` the networks, trained on the simulation alone, are
shown real spectra too.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import psutil
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from active_cnn.errors import SpectrumError
from active_cnn.evaluation.calibration import log_odds
from active_cnn.grid import Grid
from active_cnn.learning.keras_runtime import KerasRuntime, export_network
from active_cnn.learning.presentation import Labelled
from active_cnn.learning.runtime import OpenVinoRuntime, Runtime
from active_cnn.learning.training import train
from active_cnn.recipes import RECIPES, TrainingSettings
from active_cnn.spectra.pool_file import open_pool
from active_cnn.spectra.preprocessing import find_defects, prepare, rescale
from active_cnn.spectra.readers import read
from active_cnn.spectra.readers.lamost_lrs import RESOLVING_POWER
from active_cnn.spectra.scaling import Scaling
from active_cnn.spectra.simulation.survey import write_demo
from active_cnn.spectra.training_set import read_training_csv

CLASSES = ("not-interesting", "emission", "double-peak")
TRAINS = {"absorption": CLASSES[0], "emission": CLASSES[1], "double-peak": CLASSES[2]}
SHARES = (0.001, 0.0003)  # of emission and double-peak: Škoda et al. (2020) found 1013 in 4.1 M
# What a person called real spectra, by what the network should.
REAL = {**TRAINS, "other": CLASSES[0], "noise": CLASSES[0]}
TIMED = 20_000  # spectra


@dataclass(frozen=True, eq=False)
class Survey:
    """A labelled archive and a survey whose truth is known."""

    labelled: Labelled
    flux: NDArray[np.float64]
    labels: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Real:
    """Real spectra that people were sure about."""

    windows: NDArray[np.float32]
    labels: NDArray[np.int64]
    is_absorption: NDArray[np.bool_]


def make_survey(folder: Path, n_target: int, n_source: int, seed: int) -> Survey:
    """Simulate a survey."""
    files = write_demo(
        folder,
        pool_size=n_target,
        training_size=n_source,
        emission_share=SHARES[0],
        double_peak_share=SHARES[1],
        n_fits=0,
        seed=seed,
    )
    archive = read_training_csv(files.training, Grid(), TRAINS)
    labelled = Labelled(
        archive.flux,
        np.array([CLASSES.index(TRAINS[label]) for label in archive.labels]),
        np.zeros(len(archive.labels), dtype=bool),
        CLASSES,
        CLASSES[1:],
        Scaling(),
    )
    with files.truth.open(encoding="utf-8", newline="") as rows:
        truth = [REAL[row["label"]] for row in csv.DictReader(rows)]
    with open_pool(files.pool, Grid()) as group:
        flux = group["spectra"][:]
    usable = find_defects(flux) == 0
    labels = np.array([CLASSES.index(name) for name in truth])
    return Survey(labelled, flux[usable], labels[usable])


def read_real(folder: Path) -> Real:
    """Read the real spectra of high confidence that cover the window."""
    windows, labels, said = [], [], []
    with (folder / "MANIFEST.csv").open(encoding="utf-8", newline="") as manifest:
        for row in csv.DictReader(manifest):
            is_sure = row["confidence"] == "high" and row["covers_6519_6732"] == "yes"
            if not is_sure or row["label"] not in REAL:
                continue
            try:
                windows.append(prepare(read(folder / row["path"]), Grid(), RESOLVING_POWER))
            except SpectrumError:
                continue
            labels.append(CLASSES.index(REAL[row["label"]]))
            said.append(row["label"])
    is_absorption = np.array(said) == "absorption"
    return Real(rescale(np.stack(windows)), np.array(labels), is_absorption)


def measure(survey: Survey, settings: TrainingSettings, real: Real | None) -> dict[str, float]:
    """Train by a recipe and see what comes out."""
    rng = np.random.default_rng(settings.seed)
    drawn = rng.choice(len(survey.flux), min(max(settings.background, 2000), len(survey.flux)))
    began = time.monotonic()
    trained = train(survey.labelled, settings, lambda *_: None, survey.flux[drawn])
    result = {"training": time.monotonic() - began, "epochs": len(trained.history["loss"])}
    windows = rescale(survey.flux[:TIMED])
    with tempfile.TemporaryDirectory(prefix="benchmark-networks-") as folder:
        runtime: Runtime = KerasRuntime(trained.network)
        if settings.network != "paper":  # which is predicted as its authors do
            exported, reason = export_network(
                trained.network, Path(folder, "network"), windows[:1000]
            )
            if exported is None:
                raise SystemExit(reason)
            # One thread here; `benchmarks.scoring` measures the whole pool on all cores.
            runtime = OpenVinoRuntime(exported, psutil.cpu_count() or 1)

        def predict(windows: NDArray[np.float32]) -> NDArray[np.float32]:
            return runtime.predict(windows)[0]

        predict(windows[:2000])
        began = time.monotonic()
        predict(windows)
        result["speed"] = len(windows) / (time.monotonic() - began)
        probabilities = np.concatenate(
            [
                predict(rescale(survey.flux[start : start + TIMED]))
                for start in range(0, len(survey.flux), TIMED)
            ]
        )
        # Not the probability, which is exactly 1 for hundreds where a network is too sure.
        for name, positions in {"AP": (1, 2), "AP double": (2,)}.items():
            is_one = np.isin(survey.labels, positions)
            result[name] = average_precision_score(is_one, log_odds(probabilities, positions))
        result["predicted"] = int((probabilities.argmax(axis=1) > 0).sum())
        if real:
            result |= judge(predict(real.windows), real)
    return result


def judge(probabilities: NDArray[np.float32], real: Real) -> dict[str, float]:
    """Say how well real spectra are told apart: targets from the rest."""
    is_target, is_called = real.labels > 0, probabilities.argmax(axis=1) > 0
    score = log_odds(probabilities, (1, 2))
    threshold = np.quantile(score[~is_target], 0.99, method="higher")
    return {
        "balanced": (is_called[is_target].mean() + (~is_called[real.is_absorption]).mean()) / 2,
        "balanced, all": (is_called[is_target].mean() + (~is_called[~is_target]).mean()) / 2,
        "found at 1 %": (score[is_target] > threshold).mean(),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line names, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--target", type=int, default=200_000, help="spectra of the survey")
    parser.add_argument("--source", type=int, default=3000, help="spectra of the archive")
    parser.add_argument("--recipes", nargs="+", default=["notebook", "compact"], choices=RECIPES)
    parser.add_argument("--real", type=Path, help="folder of real spectra with a MANIFEST.csv")
    chosen = parser.parse_args(arguments)
    real = read_real(chosen.real) if chosen.real else None
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in chosen.recipes}
    for seed in range(1, chosen.seeds + 1):
        with tempfile.TemporaryDirectory(prefix="benchmark-networks-") as folder:
            survey = make_survey(Path(folder), chosen.target, chosen.source, 1000 + seed)
        for name, results in found.items():
            results.append(measure(survey, replace(RECIPES[name], seed=seed), real))
            said = ", ".join(f"{key} {value:.4g}" for key, value in results[-1].items())
            print(f"seed {seed}, {name}: {said}", flush=True)
    print(
        f"\n{chosen.seeds} seeds, {chosen.source} labelled spectra, {chosen.target} of the survey "
        f"({SHARES[0]:.2%} emission, {SHARES[1]:.2%} double-peak); mean ± standard deviation\n"
    )
    columns = list(found[chosen.recipes[0]][0])
    print(f"| recipe | {' | '.join(columns)} |")
    print(f"|---|{'---:|' * len(columns)}")
    for name, results in found.items():
        cells = []
        for column in columns:
            values = np.array([result[column] for result in results])
            cells.append(
                f"{values.mean():.4g} ± {values.std(ddof=1) if len(values) > 1 else 0:.2g}"
            )
        print(f"| {name} | {' | '.join(cells)} |")
    if len(chosen.recipes) == 2:
        first, second = (found[name] for name in chosen.recipes)
        gain = [b["AP"] - a["AP"] for a, b in zip(first, second, strict=True)]
        quicker = [a["training"] / b["training"] for a, b in zip(first, second, strict=True)]
        faster = [b["speed"] / a["speed"] for a, b in zip(first, second, strict=True)]
        print(
            f"\n{chosen.recipes[1]} against {chosen.recipes[0]}, seed by seed: average precision "
            f"{min(gain):+.3f} to {max(gain):+.3f}, training {np.mean(quicker):.1f} times faster "
            f"(least {min(quicker):.1f}), predicting {np.mean(faster):.1f} times "
            f"(least {min(faster):.1f})"
        )


if __name__ == "__main__":
    main()
