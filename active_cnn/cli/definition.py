"""The command that writes a campaign's definition, or changes the campaign by it: `definition`."""

from __future__ import annotations

import argparse

from active_cnn.campaign.definition import read_definition
from active_cnn.campaign.definition_text import write_definition
from active_cnn.campaign.redefinition import redefine
from active_cnn.cli.options import Commands, add_campaign, add_command, open_store, path
from active_cnn.cli.output import say
from active_cnn.whole_file import check_place, write_whole


def add_definition(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands, "definition", _definition, "write a campaign's definition, or change it"
    )
    add_campaign(command)
    given = command.add_mutually_exclusive_group()
    given.add_argument("--out", type=path, metavar="FILE.toml", help="without it, to the screen")
    given.add_argument(
        "--change",
        type=path,
        metavar="FILE.toml",
        help="take over an edited one, as far as networks and answers allow",
    )


def _definition(options: argparse.Namespace) -> None:
    if options.out is not None:
        check_place(options.out)
    with open_store(options) as store:
        campaign = store.campaign(options.campaign)
        if options.change is not None:
            campaign = redefine(store, campaign, read_definition(options.change))
            say(f"Campaign {campaign.name!r} is defined by {options.change} now.")
            return
        text = write_definition(campaign)
    if options.out is None:
        say(text.rstrip())
        return
    write_whole(options.out, text.encode())
    say(f"The definition of {campaign.name!r} is in {options.out}.")
