"""The commands that make campaigns: `demo` and `create`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from active_cnn.campaign import demo
from active_cnn.campaign.beginning import begin_with_examples
from active_cnn.campaign.creation import create_campaign, with_scaling
from active_cnn.campaign.definition import Definition
from active_cnn.campaign.overview import describe_assumed, describe_unknown_places
from active_cnn.campaign.proposal import describe_proposal, propose
from active_cnn.campaign.reach import path_out_of_reach
from active_cnn.campaign.store import Store
from active_cnn.cli.cases import add_case, add_shares, given_shares
from active_cnn.cli.definition_options import given_definition
from active_cnn.cli.options import (
    Commands,
    Parser,
    add_command,
    add_home,
    path,
)
from active_cnn.cli.output import Bar, bars, say
from active_cnn.cli.source_options import SOURCES, add_identifier, add_matching
from active_cnn.engine import count_cores
from active_cnn.errors import CampaignError
from active_cnn.records import Campaign
from active_cnn.search import NARROW, ScalingMethod
from active_cnn.spectra.examples import Examples
from active_cnn.spectra.label_table import read_columns


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
    command.add_argument(
        "--training", type=path, metavar="FILE.csv", help="labelled spectra, if there is an archive"
    )
    command.add_argument("--pool", type=path, required=True, metavar="FILE.h5|FILE.pool")
    _add_examples(command)
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
        "given several times; default: the rare ones), or the label of examples that have none",
    )
    command.add_argument(
        "--scaling",
        choices=[one.value for one in ScalingMethod],
        help="how windows are scaled before the network sees them (default: what the definition "
        f"says, or else {ScalingMethod.MEDIAN} up to {NARROW} wavelengths, and "
        f"{ScalingMethod.MINMAX} of more and where emission is looked for); it cannot be changed "
        "later",
    )
    command.add_argument("--seed", type=int, default=1, metavar="S", help="default: %(default)s")


def _add_examples(command: Parser) -> None:
    command.add_argument(
        "--examples",
        type=path,
        metavar="TABLE",
        help="in place of a training set: a table of a few examples, as of `training-set --labels`"
        "; without a column of labels all are what is looked for",
    )
    command.add_argument(
        "--example",
        dest="typed",
        action="append",
        default=[],
        metavar="WHAT",
        help="one example of what is looked for: an identifier of the pool, 'RA DEC', or a file "
        "(may be given several times)",
    )
    command.add_argument(
        "--spectra",
        dest="sources",
        action="append",
        default=[],
        type=path,
        metavar="SOURCE",
        help=f"where examples are looked for besides the pool: {SOURCES} (may be given several "
        "times)",
    )
    add_matching(command)
    add_identifier(command)


def _scaling(options: argparse.Namespace) -> ScalingMethod | None:
    return ScalingMethod(options.scaling) if options.scaling else None


def _begin_with_training_set(
    options: argparse.Namespace, store: Store
) -> tuple[Campaign, Definition]:
    definition = given_definition(options) or propose(options.training, options.targets)
    with Bar("Reading the pool", "spectra") as bar:
        campaign = create_campaign(
            store,
            options.name,
            options.training,
            options.pool,
            grid=definition.grid,
            classes=definition.classes,
            lines=definition.lines,
            search=with_scaling(definition.search, definition.grid, _scaling(options)),
            chosen_keys=definition.keys,
            seed=options.seed,
            folders=options.folders,
            progress=bar.show,
        )
    return campaign, definition


def _begin_with_examples(options: argparse.Namespace, store: Store) -> tuple[Campaign, Definition]:
    examples = Examples(
        typed=tuple(options.typed),
        # Of a name that is too long Path.is_file would raise an error.
        files={one: Path(one) for one in options.typed if os.path.isfile(one)},  # noqa: PTH113
        table=options.examples,
        sources=tuple(options.sources),
        columns=read_columns(options.columns),
        radius=options.radius,
        identifier=options.identifier,
    )
    with bars("spectra") as show:
        begun = begin_with_examples(
            store,
            options.name,
            options.pool,
            examples,
            definition=given_definition(options),
            targets=options.targets,
            label=options.targets[0] if len(options.targets) == 1 else "",
            scaling=_scaling(options),
            seed=options.seed,
            folders=options.folders,
            processes=count_cores(),
            progress=show,
        )
    for line in begun.said:
        say(line)
    return begun.campaign, begun.definition


def _create(options: argparse.Namespace) -> None:
    if options.preset and options.definition:
        raise CampaignError(
            "Both --preset and --definition are given: choose one. To change a preset, save what "
            f"`active-cnn presets show {options.preset}` prints, and give that file."
        )
    has_examples = bool(options.typed or options.examples)
    if (options.preset or options.definition) and options.targets and not has_examples:
        raise CampaignError(
            "--target says what is looked for where no definition does: leave it out, or change "
            "is_target in the definition."
        )
    if has_examples == bool(options.training):
        raise CampaignError(
            "Give either a training set (--training FILE.csv) or examples (--examples TABLE, "
            "--example WHAT): a campaign begins with one of them."
        )
    if options.sources and not has_examples:
        raise CampaignError("--spectra says where examples are: without any, leave it out.")
    with Store(options.home) as store:
        begin = _begin_with_examples if has_examples else _begin_with_training_set
        campaign, definition = begin(options, store)
        file = path_out_of_reach(store, campaign)
        unknown = describe_unknown_places(store, campaign)
    if not (options.preset or options.definition):
        say(describe_proposal(definition, "the examples" if has_examples else "the training set"))
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
            f"this campaign may read. To show them, name the folder below which the files lie: "
            f"`active-cnn folders --campaign {campaign.name} --add DIR`."
        )
    say(f"Campaign {campaign.name!r} is ready in {options.home}.")
