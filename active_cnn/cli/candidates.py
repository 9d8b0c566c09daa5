"""The command that writes the candidates: `export`."""

from __future__ import annotations

import argparse

from active_cnn.campaign.confidence import THRESHOLD
from active_cnn.cli.options import Commands, add_campaign, add_command, open_store, path
from active_cnn.cli.output import say
from active_cnn.delivery.candidates import (
    above_threshold,
    describe_candidates,
    describe_threshold,
    list_candidates,
)
from active_cnn.delivery.origin import trace_origin
from active_cnn.delivery.tables import FORMATS, write_candidates
from active_cnn.errors import StoreError
from active_cnn.whole_file import check_place
from active_cnn.wording import one_or_many


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
    n = len(candidates)
    say(f"{n} {one_or_many(n, 'candidate is', 'candidates are')} in {options.out}.")
