"""The commands that make campaigns: `demo` and `create`."""

from __future__ import annotations

import argparse
from dataclasses import replace

from active_cnn.campaign import demo
from active_cnn.campaign.creation import assume_search, create_campaign
from active_cnn.campaign.definition import Definition, read_definition
from active_cnn.campaign.overview import describe_assumed, describe_unknown_places
from active_cnn.campaign.presets import read_preset
from active_cnn.campaign.proposal import describe_proposal, propose
from active_cnn.campaign.reach import path_out_of_reach
from active_cnn.campaign.store import Store
from active_cnn.cli.cases import add_case, add_shares, given_shares
from active_cnn.cli.options import (
    Commands,
    add_command,
    add_home,
    path,
)
from active_cnn.cli.output import Bar, say
from active_cnn.errors import CampaignError
from active_cnn.search import HALPHA_EMISSION, ScalingMethod, Search


def add_demo(commands: Commands) -> None:
    """Add the command that makes a simulated survey."""
    command = add_command(commands, "demo", _demo, "make a simulated survey and a campaign on it")
    add_home(command)
    add_case(command)
    command.add_argument(
        "--name", help=f"default: {demo.DEMO_NAME}, or {demo.DEMO_NAME}-CASE for another case"
    )
    command.add_argument(
        "--pool-size", type=int, default=demo.POOL_SIZE, metavar="N", help="default: %(default)s"
    )
    command.add_argument(
        "--training-size",
        type=int,
        default=demo.TRAINING_SIZE,
        metavar="N",
        help="default: %(default)s",
    )
    command.add_argument(
        "--files",
        type=int,
        metavar="N",
        help="whole spectra of the pool to write: targets first, then what may be taken for one "
        f"(default: {demo.MOST_FILES}; a file has 45 kB)",
    )
    add_shares(command, demo.SHARES)
    command.add_argument("--seed", type=int, default=1, metavar="S", help="default: %(default)s")
    command.add_argument(
        "--processes",
        type=int,
        metavar="N",
        help="most processes to simulate a large pool with; they change nothing in it "
        "(default: one for each core)",
    )
    command.add_argument(
        "--if-empty", action="store_true", help="do nothing when the home holds a campaign"
    )


def _demo(options: argparse.Namespace) -> None:
    with Store(options.home) as store:
        if options.if_empty and store.campaign_names():
            return
        with Bar("Simulating", "spectra") as bar:
            try:
                campaign = demo.create_demo(
                    store,
                    case=options.case,
                    name=options.name,
                    pool_size=options.pool_size,
                    training_size=options.training_size,
                    shares=given_shares(options, demo.SHARES),
                    n_files=options.files,
                    seed=options.seed,
                    processes=options.processes,
                    progress=bar.show,
                )
            except CampaignError:
                # Another process may have made it in the meantime.
                if options.if_empty and store.campaign_names():
                    return
                raise
    say(f"Campaign {campaign.name!r} is ready in {options.home}.")


def add_create(commands: Commands) -> None:
    """Add the command that makes a campaign on given files."""
    command = add_command(
        commands, "create", _create, "create a campaign on a training set and a pool"
    )
    add_home(command)
    command.add_argument("--name", required=True)
    command.add_argument("--training", type=path, required=True, metavar="FILE.csv")
    command.add_argument("--pool", type=path, required=True, metavar="FILE.h5|FILE.pool")
    command.add_argument(
        "--folder",
        dest="folders",
        action="append",
        default=[],
        type=path,
        metavar="DIR",
        help="folder below which the files of the pool's spectra lie, if not below the pool's own "
        "(may be given several times)",
    )
    command.add_argument(
        "--definition",
        type=path,
        metavar="FILE.toml",
        help="grid, classes, lines and search of the campaign (default: what header and labels of "
        "the training set suggest)",
    )
    command.add_argument(
        "--preset",
        metavar="NAME",
        help="the same of a search that others have made; `active-cnn presets` lists them",
    )
    command.add_argument(
        "--target",
        dest="targets",
        action="append",
        default=[],
        metavar="LABEL",
        help="label of the training set that is looked for, where no definition says it (may be "
        "given several times; default: the rare ones)",
    )
    command.add_argument(
        "--scaling",
        choices=[one.value for one in ScalingMethod],
        help="how windows are scaled before the network sees them (default: what the definition "
        f"says, or else {Search().scaling}, {HALPHA_EMISSION.scaling} of {HALPHA_EMISSION.title}); "
        "it cannot be changed later",
    )
    command.add_argument("--seed", type=int, default=1, metavar="S", help="default: %(default)s")


def _define(options: argparse.Namespace) -> Definition:
    if options.preset:
        return read_preset(options.preset)
    if options.definition:
        return read_definition(options.definition)
    return propose(options.training, options.targets)


def _create(options: argparse.Namespace) -> None:
    if options.preset and options.definition:
        raise CampaignError(
            "Both --preset and --definition are given: choose one. To change a preset, save what "
            f"`active-cnn presets show {options.preset}` prints, and give that file."
        )
    if (options.preset or options.definition) and options.targets:
        raise CampaignError(
            "--target says what is looked for where no definition does: leave it out, or change "
            "is_target in the definition."
        )
    definition = _define(options)
    search = definition.search
    if options.scaling:
        search = search or assume_search(definition.grid)
        search = replace(search, scaling=ScalingMethod(options.scaling))
    with Store(options.home) as store:
        with Bar("Reading the pool", "spectra") as bar:
            campaign = create_campaign(
                store,
                options.name,
                options.training,
                options.pool,
                grid=definition.grid,
                classes=definition.classes,
                lines=definition.lines,
                search=search,
                chosen_keys=definition.keys,
                seed=options.seed,
                folders=options.folders,
                progress=bar.show,
            )
        file = path_out_of_reach(store, campaign)
        unknown = describe_unknown_places(store, campaign)
    if not (options.preset or options.definition):
        say(describe_proposal(definition))
    if definition.search is None:
        say(
            f"{describe_assumed(campaign.search)} To say it, create the campaign with a definition "
            "that has [search]."
        )
    if unknown:
        say(unknown)
    if file:
        # Quoted, so that whatever the pool says stays in one line.
        say(
            f"Whole spectra cannot be shown: the pool names {file!r}, outside the folders that "
            "this campaign may read. To show them, create a campaign with `--folder DIR`, below "
            "which the files lie."
        )
    say(f"Campaign {campaign.name!r} is ready in {options.home}.")
