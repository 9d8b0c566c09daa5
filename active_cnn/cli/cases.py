"""The options of commands that simulate a survey: what is sought in it, and how rare that is."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping

from active_cnn.campaign.demo import DEFAULT_CASE, DEMO_CASES
from active_cnn.cli.options import Parser


def add_case(command: Parser) -> None:
    """Add the option that says what is sought in a simulated survey."""
    command.add_argument(
        "--case",
        choices=list(DEMO_CASES),
        default=DEFAULT_CASE,
        metavar="NAME",
        help="what is sought: "
        + "; ".join(f"{name} ({mark})" for name, mark in DEMO_CASES.items())
        + " (default: %(default)s)",
    )


def add_shares(command: Parser, usual: Mapping[str, float]) -> None:
    """Add the options that say how many targets a simulated pool holds."""
    for name, share in usual.items():
        what = "targets in the pool, of other cases" if name == "target" else f"{name} spectra"
        command.add_argument(
            f"--{name}-share", type=float, metavar="P", help=f"share of {what} (default: {share})"
        )


def given_shares(options: argparse.Namespace, names: Iterable[str]) -> dict[str, float | None]:
    """Collect the shares that were given, by name; None where one was not."""
    return {name: getattr(options, f"{name.replace('-', '_')}_share") for name in names}
