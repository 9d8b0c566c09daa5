"""The command that shows what a campaign can begin with: `presets`."""

from __future__ import annotations

import argparse

from active_cnn.campaign.presets import preset_names, preset_text, read_preset
from active_cnn.cli.options import Commands, add_command
from active_cnn.cli.output import say


def add_presets(commands: Commands) -> None:
    """Add the command that lists the presets, or shows one."""
    command = add_command(
        commands, "presets", _presets, "list the searches that a campaign can begin with"
    )
    command.add_argument(
        "what", nargs="?", choices=["show"], metavar="show", help="show one as it is defined"
    )
    command.add_argument("name", nargs="?", metavar="NAME", help="which one")


def _presets(options: argparse.Namespace) -> None:
    if options.what and options.name:
        say(preset_text(options.name).rstrip())
        return
    if options.what:
        say(f"Name the preset to show: active-cnn presets show {preset_names()[0]}")
    for name in preset_names():
        preset = read_preset(name)
        search = preset.search
        said = f"{search.title}; {search.source}" if search else ""
        say(f"{name}: {preset.grid} (vacuum); {said}")
