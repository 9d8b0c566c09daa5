"""The command that writes the methods section: `report`."""

from __future__ import annotations

import argparse

from active_cnn.cli.options import Commands, add_campaign, add_command, open_store, path
from active_cnn.cli.output import say
from active_cnn.delivery.methods import describe_methods
from active_cnn.whole_file import check_place, write_whole


def add_report(commands: Commands) -> None:
    """Add the command that writes the methods section."""
    command = add_command(
        commands, "report", _report, "write a methods section with the campaign's own numbers"
    )
    add_campaign(command)
    command.add_argument(
        "--out", type=path, metavar="FILE", help="Markdown; without it, to the screen"
    )


def _report(options: argparse.Namespace) -> None:
    if options.out is not None:
        check_place(options.out)
    with open_store(options) as store:
        text = describe_methods(store, store.campaign(options.campaign))
    if options.out is None:
        say(text)
        return
    write_whole(options.out, text.encode())
    say(f"The methods section is in {options.out}.")
