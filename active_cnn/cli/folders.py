"""The command that tells or changes where a campaign's whole spectra lie: `folders`."""

from __future__ import annotations

import argparse

from active_cnn.campaign.folders import add_folder, describe_folders, remove_folder
from active_cnn.campaign.reach import path_out_of_reach
from active_cnn.cli.options import Commands, add_campaign, add_command, open_store, path
from active_cnn.cli.output import say


def add_folders(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "folders",
        _folders,
        "tell or change below which folders the files of a campaign's whole spectra lie",
    )
    add_campaign(command)
    for what, text in (
        ("add", "one more folder"),
        ("remove", "a folder that is to be read no more"),
    ):
        command.add_argument(
            f"--{what}",
            action="append",
            default=[],
            type=path,
            metavar="DIR",
            help=f"{text} (may be given several times)",
        )


def _folders(options: argparse.Namespace) -> None:
    with open_store(options) as store:
        campaign = store.campaign(options.campaign)
        for folder in options.remove:
            campaign = remove_folder(store, campaign, folder)
        for folder in options.add:
            campaign = add_folder(store, campaign, folder)
        file = path_out_of_reach(store, campaign)
    say(f"Campaign {campaign.name!r}: {describe_folders(campaign)}")
    if file:
        say(f"The pool names {file!r}, which lies elsewhere and cannot be shown.")
