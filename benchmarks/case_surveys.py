"""The surveys that `benchmarks.cases` searches: made once, and read into memory."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from active_cnn.campaign.creation import DEFAULT_CLASSES
from active_cnn.experiment.plan import Survey
from active_cnn.learning.presentation import Labelled
from active_cnn.spectra.preprocessing import find_defects
from active_cnn.spectra.scaling import Scaling
from active_cnn.spectra.simulation.cases import Case
from active_cnn.spectra.simulation.cases.definitions import HALPHA
from active_cnn.spectra.simulation.named import write_survey
from active_cnn.spectra.training_set import read_training_csv

TARGET_SHARE = 0.003
N_OTHERS, N_TARGETS = 2000, 200  # labelled before the campaign
# Hα's archive holds targets as Ondřejov's does, half of it: so many for `N_OTHERS` others.
HALPHA_ARCHIVE = 4400

# An answer as a campaign keeps it: identifier, and what was said.
Answer = tuple[str, str]


@dataclass(frozen=True, eq=False)
class Search:
    """What a learner is given, and what it is judged by.

    Parameters
    ----------
    case : Case
        What is sought.
    initial : Labelled
        Labelled before anybody has answered.
    identifiers : tuple of str, length n_pool
        Of the usable spectra of the pool; those with defects are left out, as the product does.
    flux : ndarray of float32, shape (n_pool, n_wavelengths)
        Not rescaled.
    is_target, is_hidden : ndarray of bool, shape (n_pool,)
        Targets that a person can see, and those that nobody could.
    kind : ndarray of str, shape (n_pool,)
        What each really is.
    """

    case: Case
    initial: Labelled
    identifiers: tuple[str, ...]
    flux: NDArray[np.float32]
    is_target: NDArray[np.bool_]
    is_hidden: NDArray[np.bool_]
    kind: NDArray[np.str_]

    def windows(self) -> NDArray[np.float32]:
        """Rescale the pool by minimum and maximum, as all get it but the default recipe."""
        return self.initial.scaling(self.flux)

    def labelled(self, answers: Sequence[Answer]) -> Labelled:
        """Join what was labelled before and what was answered; `unsure` teaches nothing."""
        trained = trained_classes(self.case)
        place = {name: row for row, name in enumerate(self.identifiers)}
        told = [(place[name], trained[said]) for name, said in answers if said in trained]
        rows = np.array([row for row, _ in told], dtype=np.int64)
        labels = [self.case.classes.index(label) for _, label in told]
        known = self.initial
        return replace(
            known,
            flux=np.concatenate([known.flux, self.flux[rows]]),
            labels=np.concatenate([known.labels, np.array(labels, dtype=np.int64)]),
            is_of_pool=np.concatenate([known.is_of_pool, np.ones(len(rows), dtype=bool)]),
        )


def trained_classes(case: Case) -> dict[str, str]:
    """Give the network's class that each answer trains; `unsure` trains none."""
    answers = DEFAULT_CLASSES if case is HALPHA else case.answers
    return {one.name: one.network_class for one in answers if one.network_class}


def make_survey(folder: Path, case: Case, seed: int, n_pool: int) -> Survey:
    """Simulate the survey of a seed, if it is not there."""
    place = folder / f"survey-{case.name}-{n_pool}-{seed}"
    files = Survey(
        place / "training.csv", place / "pool.h5", place / "truth" / "truth.csv", case.name
    )
    if (place / "complete").exists():
        return files
    is_halpha = case is HALPHA
    total = sum(case.sought.values())
    write_survey(
        place,
        case,
        {name: TARGET_SHARE * share / total for name, share in case.sought.items()}
        if is_halpha
        else {"target": TARGET_SHARE},
        pool_size=n_pool,
        training_size=HALPHA_ARCHIVE if is_halpha else N_OTHERS + N_TARGETS,
        n_fits=0,
        seed=seed,
    )
    if is_halpha:
        _thin_out(files.training, case)
    (place / "complete").touch()
    return files


def _thin_out(training: Path, case: Case) -> None:
    # As many labelled targets as the other cases have, in the pool's proportions.
    total = sum(case.sought.values())
    wanted = {name: round(N_TARGETS * share / total) for name, share in case.sought.items()}
    taken: Counter[str] = Counter()
    with training.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    column = header.index("label")
    kept = []
    for row in rows:
        label = row[column]
        if taken[label] < wanted.get(label, N_OTHERS):
            taken[label] += 1
            kept.append(row)
    with training.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *kept])


def read_search(survey: Survey, case: Case) -> Search:
    """Read a survey into memory."""
    trained = trained_classes(case)
    initial = read_training_csv(survey.training, case.grid, trained)
    labels = np.array([case.classes.index(trained[label]) for label in initial.labels])
    labelled = Labelled(
        initial.flux,
        labels,
        np.zeros(len(labels), dtype=bool),
        case.classes,
        case.targets,
        Scaling(case.grid),
    )
    with h5py.File(survey.pool) as file:
        (group,) = file.values()
        flux = group["spectra"][:]
        names = [name.decode() for name in group["filenames"][:]]
    with survey.truth.open(encoding="utf-8", newline="") as file:
        truth = {row["identifier"]: row for row in csv.DictReader(file)}
    usable = np.flatnonzero(find_defects(flux) == 0)
    rows = [truth[names[row]] for row in usable]
    is_sought = np.array([row["label"] in case.targets for row in rows])
    is_visible = np.array([row["is_visible"] != "0" for row in rows])
    return Search(
        case,
        labelled,
        tuple(names[row] for row in usable),
        flux[usable],
        is_sought & is_visible,
        is_sought & ~is_visible,
        np.array([row["kind"] for row in rows]),
    )
