"""The command `simulate`: whole campaigns on a survey with known truth, strategy by strategy."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from active_cnn.campaign.demo import DEFAULT_CASE
from active_cnn.cli.cases import add_case, add_shares, given_shares
from active_cnn.cli.options import (
    Commands,
    add_command,
    add_engine,
    path,
    positive,
)
from active_cnn.cli.output import Bar, say
from active_cnn.engine import open_engine
from active_cnn.errors import ExperimentError
from active_cnn.experiment.plan import LOOKS_AGAIN, Arm, Survey
from active_cnn.experiment.rehearsal import Rehearsal, rehearse
from active_cnn.experiment.report import FIGURE, PAGE, RESULTS, write_report
from active_cnn.experiment.truth import Oracle
from active_cnn.query.strategies import DEFAULT_STRATEGY, STRATEGIES
from active_cnn.recipes import DEFAULT_RECIPE, RECIPES
from active_cnn.settings import resolve
from active_cnn.spectra.simulation.named import choose_shares, find_case, write_survey
from active_cnn.whole_file import check_place
from active_cnn.wording import one_or_many

_FILES = ("training", "pool", "truth")
POOL_SIZE, TRAINING_SIZE = 100_000, 3000
# Of the pool: as rare as in nature.
SHARES = {"emission": 0.001, "double-peak": 0.0003, "target": 0.003}


def add_simulate(commands: Commands) -> None:
    """Add the command that rehearses campaigns."""
    command = add_command(
        commands, "simulate", _simulate, "compare query strategies on a survey whose truth is known"
    )
    command.add_argument(
        "--out", type=path, required=True, metavar="DIR", help="folder of the results; an "
        "interrupted comparison goes on with what is there",
    )  # fmt: skip
    command.add_argument(
        "--strategies",
        nargs="+",
        default=[DEFAULT_STRATEGY, "entropy", "random"],
        choices=list(STRATEGIES),
        metavar="NAME",
        help=f"of {', '.join(STRATEGIES)} (default: %(default)s)",
    )
    command.add_argument(
        "--baseline", metavar="NAME", help="what they are compared with (default: the last one)"
    )
    command.add_argument(
        "--seeds", type=positive, default=10, metavar="N", help="default: %(default)s"
    )
    command.add_argument(
        "--labels", type=positive, default=500, metavar="N", help="default: %(default)s"
    )
    command.add_argument(
        "--batch", type=positive, default=100, metavar="N", help="default: %(default)s"
    )
    command.add_argument("--recipe", choices=list(RECIPES), default=DEFAULT_RECIPE)
    command.add_argument("--max-epochs", type=positive, metavar="N", help="default: the recipe's")
    command.add_argument(
        "--errors", type=float, default=Oracle.errors, metavar="P",
        help="share of wrong answers (default: %(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--unsure", type=float, default=Oracle.unsure, metavar="P",
        help="share of unsure answers (default: %(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--second-looks", action=argparse.BooleanOptionalAction, default=True,
        help=f"keep {100 * LOOKS_AGAIN:.0f} %% of each batch to look again at answers that the "
        "network contradicts (default: yes)",
    )  # fmt: skip
    for name, text in zip(
        _FILES,
        (
            "labelled spectra to begin with",
            "pool to search",
            "CSV with identifier and label of every spectrum of the pool",
        ),
        strict=True,
    ):
        command.add_argument(f"--{name}", type=path, metavar="FILE", help=text)
    add_case(command)
    command.add_argument(
        "--pool-size", type=positive, metavar="N",
        help="without files, simulate a survey of this size for each seed "
        f"(default: {POOL_SIZE})",
    )  # fmt: skip
    add_shares(command, SHARES)
    add_engine(command)


def _simulate(options: argparse.Namespace) -> None:
    changes = {"max_epochs": options.max_epochs} if options.max_epochs else {}
    arms = tuple(
        Arm(
            name,
            recipe=options.recipe,
            changes=changes,
            n_labels=options.labels,
            batch=options.batch,
            looks_again=options.second_looks,
            name=name,
        )
        for name in options.strategies
    )
    baseline = options.baseline or arms[-1].title
    if baseline not in options.strategies:
        raise ExperimentError(
            f"The baseline {baseline!r} is not among the strategies "
            f"{', '.join(options.strategies)}: name one of them."
        )
    oracle = Oracle(options.errors, options.unsure)
    folder = resolve("The folder", options.out)
    for name in (RESULTS, FIGURE, PAGE):
        check_place(folder / name, makes_folder=True)
    seeds = tuple(range(1, options.seeds + 1))
    surveys = _surveys(options, folder, seeds)
    rehearsal = Rehearsal(arms, seeds, surveys, oracle, folder)
    processes = options.processes or 1
    with (
        open_engine(options.scheduler, processes=processes) as engine,
        Bar("Rehearsing", "campaigns") as bar,
    ):
        results = rehearse(rehearsal, engine, bar.show)
    described = (
        f"{len(seeds)} {one_or_many(len(seeds), 'seed', 'seeds')}; batches of {options.batch} up "
        f"to {options.labels} labels; recipe "
        f"{options.recipe}; {options.errors:.0%} of the answers are wrong, {options.unsure:.0%} "
        f"unsure; {arms[0].n_looks} of a batch are second looks at answers that the network "
        f"contradicts. Survey: {_describe(options)}."
    )
    write_report(results, [arm.title for arm in arms], baseline, folder, described)
    say(f"{described}\n\nWritten to {folder}: {RESULTS}, {FIGURE}, {PAGE}.")


def _describe(options: argparse.Namespace) -> str:
    if options.pool:
        return f"{options.pool.name}, the same for all seeds"
    said = " and ".join(f"{share:.2%} {name}" for name, share in _shares(options).items())
    return (
        f"{options.case}, simulated anew for each seed, {options.pool_size or POOL_SIZE} spectra, "
        f"{said}"
    )


def _shares(options: argparse.Namespace) -> dict[str, float]:
    return choose_shares(find_case(options.case), given_shares(options, SHARES), SHARES)


def _surveys(
    options: argparse.Namespace, folder: Path, seeds: tuple[int, ...]
) -> dict[int, Survey]:
    given = [getattr(options, name) for name in _FILES]
    if any(given):
        sizes = {"pool_size": options.pool_size}
        sizes |= {f"{name}_share": one for name, one in given_shares(options, SHARES).items()}
        for name, value in sizes.items():
            if value is not None:
                option = name.replace("_", "-")
                raise ExperimentError(
                    f"--{option} {value:g} is of a survey that is simulated, and files of a survey "
                    "are given: leave one of them out."
                )
        for name, file in zip(_FILES, given, strict=True):
            if file is None:
                raise ExperimentError(
                    f"A survey of your own needs --{', --'.join(_FILES)}: --{name} is missing."
                )
            if not os.path.isfile(file):  # noqa: PTH113 - also of names too long
                raise ExperimentError(f"There is no file {file}: give --{name} another one.")
        training, pool, truth = (file.resolve() for file in given)
        own = Survey(training, pool, truth, options.case)
        return dict.fromkeys(seeds, own)
    return {seed: _simulated(folder, seed, options) for seed in seeds}


def _simulated(folder: Path, seed: int, options: argparse.Namespace) -> Survey:
    case, shares = find_case(options.case), _shares(options)
    pool_size = options.pool_size or POOL_SIZE
    parts = [str(pool_size), *(f"{share:g}" for share in shares.values()), str(seed)]
    if case.name != DEFAULT_CASE:
        parts.insert(0, case.name)
    place = folder / "surveys" / "-".join(parts)
    files = Survey(
        place / "training.csv", place / "pool.h5", place / "truth" / "truth.csv", case.name
    )
    if not (place / "complete").exists():
        write_survey(
            place,
            case,
            shares,
            pool_size=pool_size,
            training_size=TRAINING_SIZE,
            n_fits=0,
            seed=seed,
        )
        (place / "complete").touch()
    return files
