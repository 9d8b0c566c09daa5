"""How commands and the options that several of them share are parsed."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeAlias

from active_cnn.campaign.store import FILE_NAME, Store
from active_cnn.cli.output import complain
from active_cnn.engine import count_cores
from active_cnn.errors import StoreError
from active_cnn.settings import Settings


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Complain and exit with status 2."""
        complain(f"{message}. See `{self.prog} --help`.")
        sys.exit(2)


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def add_command(
    commands: Commands, name: str, run: Callable[[argparse.Namespace], None], text: str
) -> Parser:
    """Add a command; `run` is called with its options."""
    command = commands.add_parser(name, help=text, description=text)
    command.set_defaults(run=run)
    return command


def path(text: str) -> Path:
    """Read a path that has been given."""
    # An empty path would mean the working folder; it comes from a variable that is not set.
    if not text:
        raise argparse.ArgumentTypeError("a path is empty")
    return Path(text)


def positive(text: str) -> int:
    """Read a whole number from 1 on."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is none: give a whole number from 1 on")
    return int(text)


def add_engine(command: Parser) -> None:
    """Add the options that say who works: see `engine.open_engine`."""
    who = command.add_mutually_exclusive_group()
    who.add_argument(
        "--processes",
        type=positive,
        metavar="N",
        help=f"processes of this machine (default: one a core, {count_cores()})",
    )
    who.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="Dask: the address of a scheduler, such as tcp://host:8786, or local[N] "
        "(needs active-cnn[cluster])",
    )


def add_home(command: Parser) -> None:
    """Add the option that gives the home."""
    command.add_argument(
        "--home",
        type=path,
        default=Settings.from_environment().home,
        metavar="DIR",
        help="folder of the campaigns (default: $ACTIVE_CNN_HOME, else ./data)",
    )


def add_campaign(command: Parser, default: str = "the newest one") -> None:
    """Add the options that give the home and one of its campaigns."""
    add_home(command)
    command.add_argument("--campaign", metavar="NAME", help=f"default: {default}")


def open_store(options: argparse.Namespace) -> Store:
    """Open the store of the home, which must hold one already.

    Raises
    ------
    StoreError
        If there is none, or it cannot be read.
    """
    if not os.path.exists(options.home / FILE_NAME):  # noqa: PTH110 - also of names too long
        raise StoreError(
            f"There is no campaign in {options.home} yet. "
            "Create one with `active-cnn create`, or make the demo with `active-cnn demo`."
        )
    return Store(options.home)
