"""The commands `backup` and `restore`."""

from __future__ import annotations

import argparse

from active_cnn.campaign.backup import back_up
from active_cnn.campaign.restoration import restore
from active_cnn.cli.options import Commands, add_command, add_home, open_store, path
from active_cnn.cli.output import Bar, say
from active_cnn.wording import one_or_many


def add_backup(commands: Commands) -> None:
    """Add the command that copies a home."""
    command = add_command(
        commands, "backup", _backup, "copy the database and all that it refers to"
    )
    add_home(command)
    command.add_argument(
        "--out", type=path, required=True, metavar="FOLDER", help="one that does not exist yet"
    )
    command.add_argument(
        "--without-pools", action="store_true", help="leave the pools in the home out"
    )


def _backup(options: argparse.Namespace) -> None:
    with open_store(options) as store, Bar("Copying", "bytes") as bar:
        report = back_up(
            store, options.out, with_pools=not options.without_pools, progress=bar.show
        )
    for notice in report.notices:
        say(notice)
    say(f"{_contents(report.n_files, report.n_bytes)} in {options.out}.")


def add_restore(commands: Commands) -> None:
    """Add the command that makes a home from a backup."""
    command = add_command(commands, "restore", _restore, "make a home from a backup")
    command.add_argument("folder", type=path, help="what `active-cnn backup` has made")
    command.add_argument(
        "--home", type=path, required=True, metavar="DIR", help="one without campaigns"
    )


def _restore(options: argparse.Namespace) -> None:
    with Bar("Restoring", "bytes") as bar:
        report = restore(options.folder, options.home, progress=bar.show)
    for notice in report.notices:
        say(notice)
    say(f"{_contents(report.n_files, report.n_bytes)} in {options.home}.")


def _contents(n: int, n_bytes: int) -> str:
    size = f"({n_bytes / 1e6:.1f} MB)"
    return f"{n} {one_or_many(n, f'file {size} is', f'files {size} are')}"
