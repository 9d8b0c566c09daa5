"""The command that makes a training set: `training-set`."""

from __future__ import annotations

import argparse

from active_cnn.campaign.definition import Definition
from active_cnn.cli.definition_options import (
    add_definition,
    agreed_grid,
    given_definition,
    whose,
)
from active_cnn.cli.options import Commands, add_command, add_engine, path
from active_cnn.cli.output import bars, say
from active_cnn.cli.source_options import (
    add_grid,
    add_limits,
    add_matching,
    add_resolving_power,
    add_source,
    given_limits,
)
from active_cnn.engine import count_cores
from active_cnn.errors import CampaignError
from active_cnn.grid import Grid
from active_cnn.spectra.label_table import read_columns
from active_cnn.spectra.labelled import build_training_csv, refused_beside
from active_cnn.spectra.limits import LIMITS
from active_cnn.spectra.pool_terms import read_terms
from active_cnn.spectra.resolving_power import AS_IS_TEXT, PoolResolution


def add_training_set(commands: Commands) -> None:
    """Add the command that makes a training set of spectra and a table of their labels."""
    command = add_command(
        commands,
        "training-set",
        _training_set,
        "make a training set of spectra and a table of their labels",
    )
    command.add_argument(
        "--labels",
        type=path,
        required=True,
        metavar="TABLE",
        help="CSV, FITS, VOTable or ECSV with a label a row, and a path, an identifier, or RA and "
        "Dec",
    )
    add_source(command)
    command.add_argument("--out", type=path, required=True, metavar="FILE.csv")
    command.add_argument(
        "--refused",
        type=path,
        metavar="FILE.csv",
        help="list of what was refused and why (default: FILE-refused.csv beside --out)",
    )
    add_matching(command)
    add_grid(command)
    terms = command.add_mutually_exclusive_group()
    terms.add_argument(
        "--pool",
        type=path,
        metavar="FILE.h5|FILE.pool",
        help="the pool that it is for, whose grid and resolving power are taken",
    )
    add_resolving_power(terms)
    add_limits(command)
    add_definition(command, "its grid, its resolving power, and the labels that may occur")
    add_engine(command)


def _training_set(options: argparse.Namespace) -> None:
    definition = given_definition(options)
    grid, resolution, told = _terms(options, definition)
    with bars("spectra") as show:
        report = build_training_csv(
            options.labels,
            options.source,
            options.out,
            grid=grid,
            resolution=resolution,
            identifier=options.identifier,
            columns=read_columns(options.columns),
            known_labels=_labels_of(definition),
            radius=options.radius,
            refused=options.refused,
            processes=options.processes or count_cores(),
            scheduler=options.scheduler,
            progress=show,
        )
    for line in report.describe():
        say(line)
    say(told)
    say(f"What was refused is listed in {options.refused or refused_beside(options.out)}.")
    say(f"The training set is {options.out}.")


def _labels_of(definition: Definition | None) -> list[str] | None:
    if definition is None:
        return None
    return [one.name for one in definition.classes if one.network_class]


def _terms(
    options: argparse.Namespace, definition: Definition | None
) -> tuple[Grid, PoolResolution, str]:
    """Give grid and resolving power, and say whose they are."""
    grid, defined, limits = agreed_grid(options, definition), whose(options), given_limits(options)
    of_grid = defined if definition else "as was asked for"
    if options.pool:
        if limits:
            raise CampaignError(
                "What may be missing of a spectrum is said by --pool: leave out --largest-gap, "
                "--most-bridged and --coverage."
            )
        grid, resolution = read_terms(options.pool, grid)
        of_grid = f"of {options.pool}"
        of = of_grid if resolution.is_stated else f"{options.pool} does not state it"
    else:
        if not grid:
            grid, of_grid = Grid(), "the default"
        asked, of = options.pool_resolving_power, "as was asked for"
        if asked is None and definition and definition.search:
            asked, of = definition.search.resolving_power, defined
        resolution = PoolResolution(asked, limits=limits or LIMITS)
        if asked is None:
            of = "nothing is degraded"
    power = AS_IS_TEXT if resolution.power is None else f"R = {resolution.text}"
    told = f"Grid {grid} ({of_grid}); resolving power {power} ({of})."
    if resolution.limits != LIMITS:
        told += f" {resolution.limits.describe()}"
    return grid, resolution, told
