"""Options of the commands that make something for a campaign to be: its definition, or a preset."""

from __future__ import annotations

import argparse

from active_cnn.campaign.definition import Definition, read_definition
from active_cnn.campaign.presets import read_preset
from active_cnn.cli.options import Parser, path
from active_cnn.cli.source_options import given_grid
from active_cnn.errors import CampaignError
from active_cnn.grid import Grid


def add_definition(command: Parser, what: str) -> None:
    """Add the options that give a definition; `what` says what is taken from it."""
    search = command.add_mutually_exclusive_group()
    search.add_argument(
        "--definition",
        type=path,
        metavar="FILE.toml",
        help=f"of the campaign that it is for: {what}",
    )
    search.add_argument(
        "--preset",
        metavar="NAME",
        help="the same of a search that others have made; `active-cnn presets` lists them",
    )


def given_definition(options: argparse.Namespace) -> Definition | None:
    """Read the definition that was named, if one was.

    Raises
    ------
    CampaignError
        If it cannot be read.
    """
    if options.preset:
        return read_preset(options.preset)
    return read_definition(options.definition) if options.definition else None


def whose(options: argparse.Namespace) -> str:
    """Say of which definition something is."""
    return f"of {options.preset or options.definition}"


def agreed_grid(options: argparse.Namespace, definition: Definition | None) -> Grid | None:
    """Give the grid of a definition, or the one that was asked for; None without both.

    Raises
    ------
    CampaignError
        If both are given and differ.
    """
    grid = given_grid(options)
    if definition is None:
        return grid
    if grid and grid != definition.grid:
        raise CampaignError(
            f"--grid is {grid}, the grid {whose(options)} is {definition.grid}. "
            "Leave one of them out."
        )
    return definition.grid
