"""`python -m benchmarks.strategies`: whole campaigns, strategy by strategy, seed by seed.

Each seed is a survey of its own in which emission is as rare as in nature, an archive as Ondřejov
has it, a network, and a person who errs. The yardstick is the method's authors': their network
with SMOTE, and 1700 answers to what it is least certain of. `--open` asks the same of a set that
nobody here has made, two rare digits of MNIST-1D (Greydanus & Kobak 2024, arXiv:2011.14439).

What has been run is kept in the folder and not run again: give the same folder, and more seeds.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import h5py
import numpy as np
import pandas as pd
from scipy.stats import ttest_rel, wilcoxon
from sklearn.metrics import average_precision_score

from active_cnn.engine import open_engine
from active_cnn.experiment.plan import Arm, Survey
from active_cnn.experiment.rehearsal import Rehearsal, read_results, rehearse
from active_cnn.experiment.truth import Oracle
from active_cnn.grid import Grid
from active_cnn.query.strategies import DEFAULT_STRATEGY, PLAIN, STRATEGIES
from active_cnn.search import HALPHA, HALPHA_EMISSION
from active_cnn.spectra.preprocessing import find_defects
from active_cnn.spectra.rule import line_significance
from active_cnn.spectra.simulation import write_demo

YARDSTICK = "entropy, the authors' network"
SHARES = (0.001, 0.0003)  # of emission and double-peak: Škoda et al. (2020) found 1013 in 4.1 M
TARGETS = ("emission", "double-peak")
MEASURES = {
    "precision": "precision",
    "recall": "recall",
    "predicted_precision": "precision by argmax",
    "predicted_recall": "recall by argmax",
    "predicted_average_precision": "AP of the last network",
    "average_precision": "AP as listed",
    "share_found": "targets among answered",
}
# An augmentation that knows spectra has no place among digits.
DIGITS = {
    "augmentation": False,
    "background": 0,
    "answer_weight": 1,
    "max_epochs": 30,
    "batch_size": 32,
}
RARE = (3, 8)
N_DIGITS, RARE_SHARE = 30_000, 0.002
N_KNOWN = 3000


def make_arms(options: argparse.Namespace) -> tuple[Arm, ...]:
    """Make what is compared."""
    changes = DIGITS if options.open else {"max_epochs": options.epochs}
    arms = [
        Arm(name, changes=changes, n_labels=options.labels, batch=options.batch, name=name)
        for name in options.strategies
    ]
    if options.yardstick:
        arms.append(
            Arm(
                "entropy",
                recipe="notebook",
                n_labels=1700,
                batch=options.yardstick,
                looks_again=False,
                name=YARDSTICK,
            )
        )
    return tuple(arms)


def make_survey(folder: Path, seed: int, pool_size: int) -> Survey:
    """Simulate the survey of a seed."""
    place = folder / f"survey-{pool_size}-{seed}"
    files = Survey(place / "training.csv", place / "pool.h5", place / "truth" / "truth.csv")
    if not (place / "complete").exists():
        write_demo(
            place,
            pool_size=pool_size,
            emission_share=SHARES[0],
            double_peak_share=SHARES[1],
            n_fits=0,
            seed=seed,
        )
        (place / "complete").touch()
    return files


def make_digits(folder: Path, seed: int) -> Survey:
    """Write MNIST-1D as a survey: two digits are sought and rare, the others are everything else.

    The labelled ones hold a sixth of either, as an archive holds more targets than the sky.
    """
    try:
        from mnist1d.data import get_dataset_args, make_dataset
    except ImportError as error:
        raise SystemExit("MNIST-1D is missing: `pip install mnist1d`.") from error
    place = folder / f"digits-{seed}"
    files = Survey(place / "training.csv", place / "pool.h5", place / "truth.csv")
    if (place / "complete").exists():
        return files
    place.mkdir(parents=True, exist_ok=True)
    args = get_dataset_args()
    args.num_samples, args.final_seq_length, args.train_split, args.seed = 50_000, 140, 1, seed
    made = make_dataset(args)
    rng = np.random.default_rng(seed)
    x, digit = 10 + made["x"], made["y"]
    label = np.full(len(digit), "absorption", dtype=object)
    for name, rare in zip(TARGETS, RARE, strict=True):
        label[digit == rare] = name
    of = {name: rng.permutation(np.flatnonzero(label == name)) for name in ("absorption", *TARGETS)}
    n_known = {"absorption": N_KNOWN * 2 // 3, TARGETS[0]: N_KNOWN // 6, TARGETS[1]: N_KNOWN // 6}
    n_rare = round(RARE_SHARE * N_DIGITS / 2)
    n_pool = {"absorption": N_DIGITS - 2 * n_rare, TARGETS[0]: n_rare, TARGETS[1]: n_rare}
    known = np.concatenate([rows[: n_known[name]] for name, rows in of.items()])
    pool = np.concatenate([rows[n_known[name] :][: n_pool[name]] for name, rows in of.items()])
    pool = rng.permutation(pool)
    grid = Grid()
    with files.training.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "label", *(f"{w:.3f}" for w in grid.wavelength)])
        rows.writerows([f"known-{row}", label[row], *x[row].round(6)] for row in known)
    identifiers = [f"digit-{row:06d}" for row in pool]
    with h5py.File(files.pool, "w") as file:
        file["digits/wavelengths"] = grid.wavelength
        file["digits/spectra"] = x[pool].astype(np.float32)
        file["digits/filenames"] = np.array(identifiers, dtype="S16")
    with files.truth.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["identifier", "label"])
        rows.writerows(zip(identifiers, label[pool], strict=True))
    (place / "complete").touch()
    return files


def measure_rule(survey: Survey) -> dict[str, float]:
    """Measure the simple rule on a survey: no network, no labels."""
    with h5py.File(survey.pool) as file:
        (group,) = file.values()
        flux = group["spectra"][:]
        names = [name.decode() for name in group["filenames"][:]]
    with survey.truth.open(encoding="utf-8", newline="") as file:
        truth = {row["identifier"]: row for row in csv.DictReader(file)}
    is_sought = np.array([truth[name]["label"] in TARGETS for name in names])
    is_visible = np.array([truth[name]["is_visible"] != "0" for name in names])
    usable = find_defects(flux) == 0
    significance = np.full(len(flux), -np.inf)
    significance[usable] = line_significance(flux[usable], Grid().wavelength, HALPHA)
    is_called = significance >= HALPHA_EMISSION.sigma
    ranked = usable & (is_visible | ~is_sought)
    return {
        "precision": float(is_sought[is_called].mean()),
        "recall": float(is_called[is_sought & is_visible & usable].mean()),
        "average_precision": float(
            average_precision_score(is_sought[ranked], significance[ranked])
        ),
    }


def at_the_end(results: pd.DataFrame) -> pd.DataFrame:
    """Take the last iteration of each campaign."""
    return results.sort_values("labels").groupby(["arm", "seed"], sort=False).tail(1)


def table(results: pd.DataFrame) -> str:
    """Lay out what each arm has come to, mean and standard deviation over the seeds."""
    lines = [
        "| strategy | seeds | labels | " + " | ".join(MEASURES.values()) + " |",
        "|---|---:|---:|" + "---:|" * len(MEASURES),
    ]
    last = at_the_end(results)
    for arm in last["arm"].unique():
        mine = last[last["arm"] == arm]
        cells = [f"{mine[one].mean():.3f} ± {mine[one].std():.3f}" for one in MEASURES]
        lines.append(f"| {arm} | {len(mine)} | {mine['labels'].max()} | {' | '.join(cells)} |")
    return "\n".join(lines)


def differences(results: pd.DataFrame, arm: str) -> str:
    """Compare an arm with each other one, seed by seed, at the end of both."""
    last = at_the_end(results)
    lines = [
        f"| {arm} minus | seeds | precision | recall | AP |",
        "|---|---:|---:|---:|---:|",
    ]
    for other in last["arm"].unique():
        if other == arm:
            continue
        # The authors' method lists what its network says.
        plain = ("precision", "recall", "average_precision")
        theirs = tuple(f"predicted_{name}" for name in plain)
        cells = []
        n = 0
        for mine, its in zip(plain, theirs if other == YARDSTICK else plain, strict=True):
            one, two = (
                last[last["arm"] == name].set_index("seed")[column]
                for name, column in ((arm, mine), (other, its))
            )
            both = pd.concat([one, two], axis=1, join="inner", keys=["one", "two"]).dropna()
            gain = both["one"] - both["two"]
            n = len(gain)
            if n < 2 or not gain.any():
                cells.append(f"{gain.mean():+.3f}")
                continue
            limits = ttest_rel(both["one"], both["two"]).confidence_interval()
            p = wilcoxon(gain).pvalue
            cells.append(f"{gain.mean():+.3f} ({limits.low:+.3f} to {limits.high:+.3f}, p {p:.3f})")
        lines.append(f"| {other} | {n} | {' | '.join(cells)} |")
    return "\n".join(lines)


def read_seeds(text: str) -> tuple[int, ...]:
    """Read seeds such as 1-10 or 3."""
    first, _, last = text.partition("-")
    return tuple(range(int(first), int(last or first) + 1))


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    command = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    command.add_argument("--folder", type=Path, default=Path("benchmarks/.strategies"))
    command.add_argument("--seeds", type=read_seeds, default="1-10", metavar="A-B")
    command.add_argument(
        "--strategies", nargs="*", choices=list(STRATEGIES), default=[DEFAULT_STRATEGY, *PLAIN]
    )
    command.add_argument(
        "--yardstick", type=int, nargs="?", const=850, metavar="BATCH",
        help="the authors' method too, which takes hours a seed (default: batches of %(const)s)",
    )  # fmt: skip
    command.add_argument("--open", action="store_true", help="on MNIST-1D instead of spectra")
    command.add_argument("--pool-size", type=int, default=200_000)
    command.add_argument("--labels", type=int, default=560)
    command.add_argument("--batch", type=int, default=140)
    command.add_argument("--epochs", type=int, default=25, help="of our own recipe")
    command.add_argument("--processes", type=int, default=1)
    command.add_argument("--errors", type=float, default=0.02, help="of the person who answers")
    command.add_argument("--unsure", type=float, default=0.03)
    command.add_argument("--report", action="store_true", help="tables of what is there; run none")
    return command.parse_args(arguments)


def main() -> None:
    """Run and compare."""
    options = parse()
    folder = options.folder.resolve()
    surveys = {
        seed: make_digits(folder, seed)
        if options.open
        else make_survey(folder, seed, options.pool_size)
        for seed in options.seeds
    }
    rehearsal = Rehearsal(
        make_arms(options), options.seeds, surveys, Oracle(options.errors, options.unsure), folder
    )
    began = time.monotonic()

    def tell(done: int, total: int) -> None:
        print(f"{done} of {total} campaigns, {time.monotonic() - began:.0f} s", flush=True)

    if options.report:
        results = read_results(rehearsal.trials())
    else:
        with open_engine(processes=options.processes) as engine:
            results = rehearse(rehearsal, engine, tell)
    print(table(results))
    if not options.open:
        rules = pd.DataFrame([measure_rule(survey) for survey in surveys.values()])
        p, r, ap = (f"{rules[name].mean():.3f} ± {rules[name].std():.3f}" for name in rules)
        sigma = HALPHA_EMISSION.sigma
        print(f"| the rule, {sigma:g} σ | {len(rules)} | 0 | {p} | {r} | – | – | – | {ap} | – |")
    if DEFAULT_STRATEGY in set(results["arm"]):
        print()
        print(differences(results, DEFAULT_STRATEGY))


if __name__ == "__main__":
    main()
