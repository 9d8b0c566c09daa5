"""The commands about how a campaign stands and goes on: `next`, `status`, `export`, `report`."""

from __future__ import annotations

import argparse
import json

from active_cnn.campaign import jobs
from active_cnn.campaign.campaign import close_iteration
from active_cnn.campaign.confidence import THRESHOLD
from active_cnn.campaign.status import summarise
from active_cnn.campaign.training_data import trained_answers
from active_cnn.cli.options import Commands, add_campaign, add_command, open_store, path
from active_cnn.cli.output import say
from active_cnn.delivery.candidates import (
    above_threshold,
    describe_candidates,
    describe_threshold,
    list_candidates,
)
from active_cnn.delivery.methods import describe_methods
from active_cnn.delivery.origin import trace_origin
from active_cnn.delivery.tables import FORMATS, write_candidates
from active_cnn.errors import StoreError
from active_cnn.whole_file import check_place, write_whole


def add_next(commands: Commands) -> None:
    """Add the command that begins the next iteration."""
    command = add_command(
        commands, "next", _next, "close the open iteration and begin the next one"
    )
    add_campaign(command)


def _next(options: argparse.Namespace) -> None:
    with open_store(options) as store:
        campaign = store.campaign(options.campaign)
        jobs.refresh(store, campaign)
        iteration = close_iteration(store, campaign)
        n = len(trained_answers(store, campaign, iteration))
    say(
        f"Iteration {iteration.number} of {campaign.name!r} is open: {n} answers join its training."
    )


def add_status(commands: Commands) -> None:
    """Add the command that tells how a campaign stands."""
    command = add_command(commands, "status", _status, "tell how a campaign stands")
    add_campaign(command)
    command.add_argument("--json", action="store_true", help="as JSON")


def _status(options: argparse.Namespace) -> None:
    with open_store(options) as store:
        campaign = store.campaign(options.campaign)
        jobs.refresh(store, campaign)
        status = summarise(store, campaign)
    if options.json:
        say(json.dumps(status, indent=2, allow_nan=False))
        return
    for name, value in status.items():
        say(f"{name.replace('_', ' '):>20}  {_in_words(value)}")


def _in_words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_in_words(one)}" for name, one in value.items()) or "-"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, list):
        return ", ".join(map(_in_words, value)) or "-"
    return "-" if value is None else str(value)


def add_export(commands: Commands) -> None:
    """Add the command that writes the candidates."""
    command = add_command(commands, "export", _export, "write the candidates")
    add_campaign(command)
    command.add_argument(
        "--out", type=path, required=True, metavar="FILE", help=f"ending: {', '.join(FORMATS)}"
    )
    command.add_argument(
        "--threshold",
        type=float,
        default=THRESHOLD,
        metavar="P",
        help="least probability, calibrated where there are answers enough, of what only the "
        "network says (default: %(default)s)",
    )


def _export(options: argparse.Namespace) -> None:
    if not 0 <= options.threshold <= 1:
        raise StoreError(f"--threshold is {options.threshold}: give a probability from 0 to 1.")
    check_place(options.out)
    with open_store(options) as store:
        campaign = store.campaign(options.campaign)
        listed = above_threshold(list_candidates(store, campaign), options.threshold, campaign)
        candidates = describe_candidates(store, campaign, listed)
        origin = trace_origin(store, campaign, describe_threshold(options.threshold))
    write_candidates(candidates, options.out, origin)
    say(f"{len(candidates)} candidates are in {options.out}.")


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
