"""The commands that read spectra: `ingest` and `predict`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from active_cnn.campaign.definition import Definition
from active_cnn.cli.definition_options import add_definition, agreed_grid, given_definition
from active_cnn.cli.options import (
    Commands,
    add_campaign,
    add_command,
    add_engine,
    open_store,
    path,
    positive,
)
from active_cnn.cli.output import Bar, say
from active_cnn.cli.source_options import (
    add_grid,
    add_limits,
    add_resolving_power,
    add_source,
    given_limits,
)
from active_cnn.engine import count_cores
from active_cnn.errors import CampaignError, SpectrumError
from active_cnn.grid import Grid
from active_cnn.spectra.ingest import SHARD, IngestProgress, ingest
from active_cnn.spectra.limits import LIMITS
from active_cnn.spectra.resolving_power import NOT_STATED, Blurrier, PoolResolution
from active_cnn.spectra.sources import describe_passed_over
from active_cnn.wording import one_or_many


def add_ingest(commands: Commands) -> None:
    """Add the command that reads spectra into a pool."""
    command = add_command(commands, "ingest", _ingest, "read spectra into a pool")
    add_source(command)
    command.add_argument(
        "--out",
        type=path,
        required=True,
        metavar="FILE",
        help="the pool: one file (.h5), or a list (.pool) of shards beside it",
    )
    command.add_argument(
        "--shard-size",
        type=positive,
        metavar="N",
        help=f"most spectra of a shard (default: {SHARD})",
    )
    command.add_argument(
        "--resume", action="store_true", help="go on with a pool that was not finished"
    )
    add_grid(command)
    add_definition(command, "its windows, and the resolving power that its search asks for")
    add_resolving_power(command)
    command.add_argument(
        "--blurrier",
        choices=[one.value for one in Blurrier],
        help="what becomes of spectra with a lower R than that: refused, or marked in the pool "
        f"(default: {Blurrier.REFUSE.value})",
    )
    add_limits(command)
    add_engine(command)


def _resolution(options: argparse.Namespace, definition: Definition | None) -> PoolResolution:
    power = options.pool_resolving_power
    if power is None and definition and definition.search:
        power = definition.search.resolving_power
    if options.blurrier and power is None:
        raise CampaignError(
            f"--blurrier {options.blurrier} means nothing for a pool as-is: no spectrum is "
            "blurrier than that. Give --pool-resolving-power R, or leave it out."
        )
    return PoolResolution(
        power,
        Blurrier(options.blurrier or Blurrier.REFUSE),
        limits=given_limits(options) or LIMITS,
    )


def _ingest(options: argparse.Namespace) -> None:
    definition = given_definition(options)
    grid = agreed_grid(options, definition) or Grid()
    resolution = _resolution(options, definition)
    with Bar("Ingesting", "spectra") as bar:

        def show(progress: IngestProgress) -> None:
            bar.show(progress.done, progress.total, known=progress.resumed)

        report = ingest(
            options.source,
            options.out,
            grid=grid,
            resume=options.resume,
            shard_size=options.shard_size,
            processes=options.processes or count_cores(),
            scheduler=options.scheduler,
            identifier=options.identifier,
            resolution=resolution,
            progress=show,
        )
    accepted = one_or_many(report.accepted, "spectrum is", "spectra are")
    say(f"{report.accepted} {accepted} in {options.out}; {_refused(report.refused)}.")
    if report.bridged:
        of_them = one_or_many(report.accepted, "it", f"{report.bridged} of them")
        say(
            f"In {of_them} pixels of the {grid.noun} have no value (not finite, or "
            f"weight 0), at most {report.most_bridged}: straight lines bridge these."
        )
    if resolution.limits != LIMITS:
        say(resolution.limits.describe())
    say(report.powers.describe())
    if report.not_stated:
        first, *others = report.not_stated
        more = f" (and {len(others)} more)" if others else ""
        say(
            f"{first}{more} does not state its resolving power: R = {NOT_STATED.power:g} was "
            "taken, to which earlier versions brought every sharper spectrum."
        )
    for reason, count in report.reasons.items():
        say(f"{count:8d}  {reason}")
    if report.passed_over:
        say(describe_passed_over(report.passed_over))


def add_predict(commands: Commands) -> None:
    """Add the command that classifies spectra."""
    command = add_command(
        commands, "predict", _predict, "classify spectra with the newest trained network"
    )
    add_campaign(command)
    add_source(command)
    command.add_argument("--out", type=path, required=True, metavar="FILE.csv")


def _predict(options: argparse.Namespace) -> None:
    _silence_libraries()
    # The network's backend takes seconds to import, so that only this command does.
    from active_cnn.campaign.classification import classify

    with open_store(options) as store, Bar("Classifying", "spectra") as bar:
        campaign = store.campaign(options.campaign)
        n_classified, n_refused = classify(
            store,
            campaign,
            options.source,
            options.out,
            identifier=options.identifier,
            progress=bar.show,
        )
    say_classified(n_classified, n_refused, options.out)


def say_classified(n_classified: int, n_refused: int, out: Path) -> None:
    """Say how many spectra have been classified.

    Raises
    ------
    SpectrumError
        If none was.
    """
    if not n_classified:
        which = one_or_many(
            n_refused, "The only spectrum cannot", f"None of the {n_refused} spectra can"
        )
        raise SpectrumError(f"{which} be classified: {out} tells why. Check the sources.")
    classified = one_or_many(n_classified, "spectrum is", "spectra are")
    say(f"{n_classified} {classified} classified in {out}; {_refused(n_refused)}.")


def _refused(n: int) -> str:
    return f"{n} {one_or_many(n, 'was', 'were')} refused"


def _silence_libraries() -> None:
    # The backend's native code chatters on the stderr of the process, whatever it is told;
    # there it would bury the one line that a user has to read. Python's stderr stays.
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
