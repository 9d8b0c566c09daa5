"""Run whole campaigns, many at once; what has been done is kept, and an interrupted run goes on."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from active_cnn.engine import Engine
from active_cnn.errors import ExperimentError
from active_cnn.experiment.plan import Arm, Survey, Trial
from active_cnn.experiment.truth import Oracle

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Rehearsal:
    """Arms × seeds on a survey.

    Parameters
    ----------
    arms : tuple of Arm
        What is compared.
    seeds : tuple of int
        Each is a campaign of every arm.
    surveys : mapping of int to Survey
        The survey of each seed; the same one for all, or one each.
    oracle : Oracle
        Who answers.
    folder : Path
        Where everything is kept.
    """

    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    surveys: dict[int, Survey]
    oracle: Oracle
    folder: Path

    def __post_init__(self) -> None:
        titles = [arm.title for arm in self.arms]
        if not titles or not self.seeds:
            raise ExperimentError("Nothing is to be rehearsed: name a strategy and a seed.")
        named: dict[str, list[object]] = {"strategy": [*titles], "seed": [*self.seeds]}
        for what, values in named.items():
            twice = [value for value in values if values.count(value) > 1]
            if twice:
                raise ExperimentError(f"The {what} {twice[0]!r} is named twice: name it once.")

    def trials(self) -> list[Trial]:
        """Give the campaigns, seed by seed."""
        return [
            Trial(arm, seed, self.surveys[seed], self.oracle, self.folder)
            for seed, arm in itertools.product(self.seeds, self.arms)
        ]


def rehearse(
    rehearsal: Rehearsal, engine: Engine, progress: Progress | None = None
) -> pd.DataFrame:
    """Run all campaigns that have not been run yet.

    Parameters
    ----------
    rehearsal : Rehearsal
        What to run.
    engine : Engine
        Runs campaigns side by side; its workers must see the same files.
    progress : callable, optional
        Told how many campaigns are done, and of how many.

    Returns
    -------
    DataFrame
        See `read_results`.
    """
    trials = rehearsal.trials()
    for name in ("starts", "campaigns", "trials"):
        try:
            (rehearsal.folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ExperimentError(
                f"The folder {rehearsal.folder / name} cannot be made: {error.strerror}. Give a "
                "folder that you may write to."
            ) from error
    todo = [trial for trial in trials if not trial.result_path.exists()]
    if progress:
        progress(len(trials) - len(todo), len(trials))
    # The first iterations first: several campaigns begin with the same one.
    starts = {trial.start_key: trial for trial in todo}
    for _ in engine.run(_begin, starts.values()):
        pass
    for done, _ in enumerate(engine.run(_run, todo), len(trials) - len(todo) + 1):
        if progress:
            progress(done, len(trials))
    return read_results(trials)


def _begin(trial: Trial) -> None:
    # Only a worker loads TensorFlow.
    from active_cnn.experiment.trial import begin

    begin(trial)


def _run(trial: Trial) -> None:
    from active_cnn.experiment.trial import run

    run(trial)


def read_results(trials: Sequence[Trial]) -> pd.DataFrame:
    """Read what campaigns have come to.

    Returns
    -------
    DataFrame
        A row for each iteration of each campaign: arm, seed, iteration, labels (used), seconds,
        and what `active_cnn.experiment.trial.measure` gives.

    Raises
    ------
    ExperimentError
        If a file of results is damaged.
    """
    rows = []
    for trial in trials:
        if trial.result_path.exists():
            try:
                rows += json.loads(trial.result_path.read_text(encoding="utf-8"))["rows"]
            except (ValueError, KeyError) as error:
                raise ExperimentError(
                    f"The result {trial.result_path} is damaged: remove it and run again."
                ) from error
    return pd.DataFrame(rows)
