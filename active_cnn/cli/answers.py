"""The commands `answers export` and `answers import`."""

from __future__ import annotations

import argparse

from active_cnn.campaign.answer_log import export_answers, import_answers
from active_cnn.cli.options import Commands, add_campaign, add_command, open_store, path
from active_cnn.cli.output import say
from active_cnn.wording import one_or_many


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
    say(f"{n} {one_or_many(n, 'answer is', 'answers are')} in {options.out}.")


def _import(options: argparse.Namespace) -> None:
    with open_store(options) as store:
        report = import_answers(store, options.file, options.campaign)
    added = one_or_many(report.n_new, "answer was", "answers were")
    queries = one_or_many(report.n_queries, "query", "queries")
    known = one_or_many(report.n_known, "was", "were")
    say(
        f"{report.n_new} {added} added with {report.n_queries} {queries}; "
        f"{report.n_known} {known} there already."
    )
    if report.n_overtaken:
        overtaken = one_or_many(report.n_overtaken, "is", "are")
        them = one_or_many(report.n_overtaken, "it", "them")
        say(
            f"{report.n_overtaken} of them {overtaken} older than what the same person had said of "
            f"the same spectrum here. What was added last counts: look at {them} again."
        )
