"""The commands `answers export` and `answers import`."""

from __future__ import annotations

import argparse

from active_cnn.campaign.answer_log import export_answers, import_answers
from active_cnn.cli.options import Commands, add_campaign, add_command, open_store, path
from active_cnn.cli.output import say


def add_answers(commands: Commands) -> None:
    """Add the commands that carry answers to another home."""
    text = "carry the log of answers to another home"
    answers = commands.add_parser("answers", help=text, description=text)
    acts = answers.add_subparsers(metavar="ACT", required=True)
    command = add_command(acts, "export", _export, "write every answer that was ever given")
    command.add_argument(
        "--out",
        type=path,
        required=True,
        metavar="FILE",
        help=".csv, or .json with the queries that asked",
    )
    add_campaign(command, "all of them")
    command = add_command(acts, "import", _import, "add the answers that are not there yet")
    command.add_argument(
        "file", type=path, help="what `active-cnn answers export` has written (.csv or .json)"
    )
    add_campaign(command, "all of them")


def _export(options: argparse.Namespace) -> None:
    with open_store(options) as store:
        n = export_answers(store, options.out, options.campaign)
    say(f"{n} answers are in {options.out}.")


def _import(options: argparse.Namespace) -> None:
    with open_store(options) as store:
        report = import_answers(store, options.file, options.campaign)
    say(
        f"{report.n_new} answers were added with {report.n_queries} queries; "
        f"{report.n_known} were there already."
    )
    if report.n_overtaken:
        say(
            f"{report.n_overtaken} of them are older than what the same person had said of the "
            "same spectrum here. What was added last counts: look at them again."
        )
