"""The commands about how a campaign stands and goes on: `next` and `status`."""

from __future__ import annotations

import argparse
import json

from active_cnn.campaign import jobs
from active_cnn.campaign.campaign import close_iteration
from active_cnn.campaign.status import summarise
from active_cnn.campaign.training_data import trained_answers
from active_cnn.cli.options import Commands, add_campaign, add_command, open_store
from active_cnn.cli.output import say
from active_cnn.wording import one_or_many


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
    joining = one_or_many(n, "answer joins", "answers join")
    say(f"Iteration {iteration.number} of {campaign.name!r} is open: {n} {joining} its training.")


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
