"""Creating a campaign without an archive: on a pool and a handful of examples."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from active_cnn.campaign.creation import (
    check_folder,
    check_new_name,
    check_seed,
    create_campaign,
    make_folder,
    with_scaling,
)
from active_cnn.campaign.definition import Definition
from active_cnn.campaign.proposal import propose_for_examples
from active_cnn.campaign.store import Store
from active_cnn.errors import CampaignError, StoreError
from active_cnn.grid import Grid
from active_cnn.recipes import ENOUGH_OTHERS, ENOUGH_TARGETS
from active_cnn.records import Campaign
from active_cnn.search import ScalingMethod
from active_cnn.spectra.examples import Examples, build_examples_csv
from active_cnn.spectra.labelled import refused_beside
from active_cnn.spectra.pool_terms import read_stated, read_terms
from active_cnn.wording import one_or_many

FILE = "training-set.csv"  # in the folder of the campaign
# What examples are called where nothing says it.
TARGET = "target"


@dataclass(frozen=True)
class Begun:
    """A campaign that begins with examples.

    Parameters
    ----------
    campaign : Campaign
    definition : Definition
        That was given, or that the examples suggest.
    said : tuple of str
        What became of the examples, and what comes of it, in lines.
    """

    campaign: Campaign
    definition: Definition
    said: tuple[str, ...]


def begin_with_examples(
    store: Store,
    name: str,
    pool: Path,
    examples: Examples,
    *,
    definition: Definition | None = None,
    targets: Collection[str] = (),
    label: str = "",
    scaling: ScalingMethod | None = None,
    seed: int = 1,
    folders: Sequence[Path] = (),
    may_read: Callable[[str], bool] | None = None,
    processes: int = 1,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Begun:
    """Create a campaign on a pool and a handful of examples.

    The examples become its initial training set, `FILE` in its folder, with a list of what was
    refused beside it. Targets alone will do: spectra of the pool stand for the rest.

    Parameters
    ----------
    store, name, pool, seed, folders
        As of `create_campaign`.
    examples : Examples
    definition : Definition, optional
        By default the grid is the pool's, and the classes are what `propose_for_examples` proposes.
    targets : collection of str
        Labels that are looked for, where there is no definition.
    label : str
        Of examples that are named without one; by default the single label that is looked for.
    scaling : ScalingMethod, optional
        How windows are scaled, where the definition's search is not to say it.
    may_read, processes
        See `build_examples_csv`.
    progress : callable
        Told what is being done, how much of it is done, and of how much.

    Returns
    -------
    Begun

    Raises
    ------
    CampaignError
        As `create_campaign`; or if several labels are looked for and an example has none.
    SpectrumError
        If the pool or the table of examples cannot be read, or no example can be used.
    StoreError
        If nothing can be written. Whatever is raised, nothing is left behind.
    """
    check_new_name(store, name)
    check_seed(seed)
    for folder in folders:
        check_folder(folder)
    given = definition.grid if definition else read_stated(pool)[0] or Grid()
    grid, resolution = read_terms(pool, given)
    with _folder(store, name) as folder:
        report = build_examples_csv(
            examples,
            pool,
            folder / FILE,
            grid=grid,
            resolution=resolution,
            label=label or _label(definition, targets, examples),
            known_labels=[one.name for one in definition.classes if one.network_class]
            if definition
            else None,
            may_read=may_read,
            processes=processes,
            progress=progress,
        )
        definition = definition or propose_for_examples(report.labels, grid, targets)
        campaign = create_campaign(
            store,
            name,
            folder / FILE,
            pool,
            grid=grid,
            classes=definition.classes,
            lines=definition.lines,
            search=with_scaling(definition.search, grid, scaling),
            chosen_keys=definition.keys,
            seed=seed,
            folders=folders,
            begins_with_examples=True,
            progress=lambda done, total: progress("Reading the pool", done, total),
        )
    said = (*report.describe(), *_describe(campaign, report.labels))
    if report.reasons or report.n_unknown:
        said += (f"What was refused is listed in {refused_beside(folder / FILE)}.",)
    return Begun(campaign, definition, said)


def _label(definition: Definition | None, targets: Collection[str], examples: Examples) -> str:
    """Give the label of what was named without one."""
    named = list(targets)
    if definition:
        named = [one.name for one in definition.classes if one.is_target]
    if len(named) > 1 and examples.typed:
        raise CampaignError(
            f"Several things are looked for ({', '.join(named)}), and an example that is named "
            "alone does not say which one it is: give one label for all of them, or a table with a "
            "column of labels."
        )
    return named[0] if named else TARGET


@contextmanager
def _folder(store: Store, name: str) -> Iterator[Path]:
    """Make the folder of a campaign to be; what was written there goes if that comes to nothing."""
    folder = make_folder(store, name)
    folder = folder.resolve()
    written = [folder / FILE, refused_beside(folder / FILE)]
    if there := next((one for one in written if one.exists()), None):
        raise StoreError(
            f"There is a file {there} already, which would be overwritten. Choose another name, or "
            "move it."
        )
    try:
        yield folder
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        with suppress(OSError):  # somebody else's files lie there
            folder.rmdir()
        raise


def _describe(campaign: Campaign, labels: dict[str, int]) -> list[str]:
    n = dict.fromkeys(campaign.network_classes, 0)
    for label, count in labels.items():
        n[campaign.trains[label]] += count
    without = [name for name, count in n.items() if not count]
    said = []
    others = [name for name in without if name not in campaign.targets]
    if others:
        said.append(
            f"There is no example of {' and '.join(map(repr, others))}: spectra drawn from the "
            "pool stand for the rest."
        )
    if lacking := [name for name in without if name in campaign.targets]:
        said.append(
            f"There is no example of the {one_or_many(len(lacking), 'target', 'targets')} "
            f"{' and '.join(map(repr, lacking))}: nothing is predicted to be such until one is "
            "answered."
        )
    said.append(
        f"Until {ENOUGH_TARGETS} targets and {ENOUGH_OTHERS} others are labelled, a training ranks "
        "the pool by its likeness to the examples; then it trains a network."
    )
    return said
