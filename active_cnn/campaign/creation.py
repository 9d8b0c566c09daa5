"""Creating a campaign: everything is read through and checked before it is there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from active_cnn.campaign.files import POOL_INDEX, hash_file, stored_path
from active_cnn.campaign.plain_answers import with_plain_answers
from active_cnn.campaign.store import Store
from active_cnn.errors import CampaignError, StoreError
from active_cnn.grid import Grid
from active_cnn.recipes import LEAST_EXAMPLES
from active_cnn.records import Campaign, Line, OracleClass
from active_cnn.search import HALPHA_EMISSION, ScalingMethod, Search, usual_scaling
from active_cnn.spectra.continuum import is_scaled
from active_cnn.spectra.pool import Pool, index_pool
from active_cnn.spectra.preprocessing import DEFECTS, MARGIN
from active_cnn.spectra.resolving_power import TOLERANCE
from active_cnn.spectra.training_set import TrainingSet, read_training_csv
from active_cnn.spectra.wavelength import LINES
from active_cnn.wording import one_or_many

# The classes of Škoda, Podsztavek & Tvrdík (2020); a campaign may have its own.
DEFAULT_CLASSES = (
    OracleClass("absorption", "a", "not-interesting"),
    OracleClass("emission", "e", "emission", is_target=True),
    OracleClass("double-peak", "d", "double-peak", is_target=True),
    OracleClass("noise", "n", "not-interesting"),
    OracleClass("artefact", "x", "not-interesting"),
    OracleClass("other", "c", "not-interesting"),
    OracleClass("unsure", "u", None),
)

LARGEST_SEED = 2**31 - 1
LOOKED_AT = 200  # spectra of a pool, to tell whether they are scaled

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def create_campaign(
    store: Store,
    name: str,
    training: Path,
    pool: Path,
    *,
    grid: Grid | None = None,
    classes: tuple[OracleClass, ...] = DEFAULT_CLASSES,
    lines: tuple[Line, ...] | None = None,
    search: Search | None = None,
    seed: int = 1,
    chosen_keys: Mapping[str, str] | None = None,
    folders: Sequence[Path] = (),
    begins_with_examples: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Campaign:
    """Create a campaign on a training set and a pool; both are read through and checked.

    Parameters
    ----------
    store : Store
        Where it will be kept.
    name : str
        Letters, digits, dot, dash and underscore; also the name of its folder.
    training : Path
        CSV of the initial training set.
    pool : Path
        HDF5 file of the pool; it stays where it is and is never copied.
    grid
        The window; by default that of the method's authors.
    classes
        What the oracle can say; by default as the method's authors have it. Where an answer is
        missing that confirms what is no target, it is added, see `with_plain_answers`.
    lines : tuple of Line, optional
        Lines to mark; by default `assume_lines`.
    search : Search, optional
        What marks the targets; by default `assume_search`.
    seed : int
        From it all seeds of the campaign are derived.
    chosen_keys : mapping of str to str, optional
        Keys of the labelling page by action, where they are not to be the usual ones.
    folders : sequence of Path
        Below these lie the files of spectra that may be shown, besides the pool's own folder.
    begins_with_examples : bool
        Whether the training set is a handful of examples, see `Campaign`: one of a target will do.
    progress : callable, optional
        Told how many spectra of the pool have been read, and of how many.

    Returns
    -------
    Campaign

    Raises
    ------
    CampaignError
        If the name cannot be used or is taken, what marks a target lies outside of the window, the
        page could not tell the keys apart, or no row of the pool can be used.
    SpectrumError
        If one of the files cannot be used, with the row and the value.
    """
    check_new_name(store, name)
    check_seed(seed)
    for folder in folders:
        check_folder(folder)
    grid = grid or Grid()
    is_assumed = search is None
    search = assume_search(grid) if search is None else search
    search.check_windows(grid)
    campaign = Campaign(
        name=name,
        created_at=store.now(),
        grid=grid,
        classes=with_plain_answers(classes, chosen_keys or {}),
        lines=assume_lines(grid, search) if lines is None else lines,
        search=search,
        training_path=stored_path(store, training),
        training_sha256="",
        pool_path=stored_path(store, pool),
        pool_fingerprint="",
        seed=seed,
        chosen_keys=dict(chosen_keys or {}),
        folders=tuple(str(folder.resolve()) for folder in folders),
        begins_with_examples=begins_with_examples,
    )
    campaign.check_keys()
    known = read_training_csv(training, campaign.grid, campaign.trains)
    check_examples(campaign, known.labels)
    training_sha256 = hash_file(training)
    folder = make_folder(store, name)
    index = folder / POOL_INDEX
    index_pool(pool, index, campaign.grid, progress)
    indexed = Pool(pool, index)
    try:
        if not indexed.usable.any():
            raise _no_use(indexed)
        search = _at_its_resolution(search, indexed, is_assumed=is_assumed)
        _check_scale(training, known, indexed, seed)
    except CampaignError:
        index.unlink()
        with suppress(OSError):  # somebody else's files lie there
            folder.rmdir()
        raise
    campaign = replace(
        campaign,
        search=search,
        training_sha256=training_sha256,
        pool_fingerprint=indexed.fingerprint,
    )
    store.add_campaign(campaign, first_seed=seed)
    return campaign


def _check_scale(training: Path, known: TrainingSet, pool: Pool, seed: int) -> None:
    usable = np.flatnonzero(pool.usable)
    n = min(LOOKED_AT, len(usable))
    rows = np.sort(np.random.default_rng(seed).choice(usable, n, replace=False))
    if is_scaled(pool.flux(rows)) and not is_scaled(known.flux):
        raise CampaignError(
            f"The spectra of the pool {pool.path} are scaled already (all of {n} that were looked "
            "at have the same span or scatter), and their noise cannot be compared with the flux "
            f"of the training set {training}. Give a pool of flux, as `active-cnn ingest` makes "
            "it, or scale the training set in the same way."
        )


def check_examples(campaign: Campaign, labels: Sequence[str]) -> None:
    """Refuse a training set that a network cannot learn the targets from.

    Raises
    ------
    CampaignError
        If a class of the network has fewer than `LEAST_EXAMPLES` in it, or nothing is there but
        targets. Of a campaign that begins with examples: if none is of a target.
    """
    examples = Counter(campaign.trains[label] for label in labels)
    found = ", ".join(f"{name!r} ({n:,})" for name, n in examples.most_common())
    if campaign.begins_with_examples:
        if not any(examples[name] for name in campaign.targets):
            raise CampaignError(
                f"None of the examples is of a target ({', '.join(campaign.targets)}): they are "
                f"{found}. Name one at least, or say which label is looked for."
            )
        return
    for name in campaign.targets:
        if not examples[name]:
            raise CampaignError(
                f"The training set {campaign.training_path} has no example of the target {name!r}: "
                f"its spectra train {found}. Add some, or leave that class out."
            )
    if set(examples) <= set(campaign.targets):
        raise CampaignError(
            f"The training set {campaign.training_path} has nothing but targets: {found}. Add "
            "examples of what is not looked for."
        )
    for name in campaign.network_classes:
        if examples[name] < LEAST_EXAMPLES:
            raise CampaignError(
                f"The training set {campaign.training_path} has {examples[name]} of the "
                f"{LEAST_EXAMPLES} examples at least that a training needs of {name!r}: its "
                f"spectra train {found}. Add some, or leave that class out."
            )


def _at_its_resolution(search: Search, pool: Pool, *, is_assumed: bool) -> Search:
    try:
        check_resolution(search, pool)
    except CampaignError:
        if not is_assumed:
            raise
        return replace(search, resolving_power=None)  # which nobody has asked for
    return search


def check_resolution(search: Search, pool: Pool) -> None:
    """Refuse a pool of another resolving power than the search asks for.

    Spectra whose own is not known pass.

    Raises
    ------
    CampaignError
        If the pool, or one of its spectra, is known to be of another.
    """
    if search.resolving_power is not None:
        counts = pool.count_powers()
        power = counts.resolution.power
        low, high = (power, power) if power else (counts.lowest, counts.highest)
        check_powers(search, pool.path, low, high)


def check_powers(search: Search, pool: Path, low: float, high: float) -> None:
    """Refuse a pool from whose least to greatest resolving power it is not what is asked for.

    Raises
    ------
    CampaignError
        If either is off by more than `TOLERANCE`. Nothing is known where they are 0.
    """
    asked = search.resolving_power
    if asked is None or not high:
        return
    if low >= (1 - TOLERANCE) * asked and high <= (1 + TOLERANCE) * asked:
        return
    found = f"is of R = {low:g}" if low == high else f"has spectra of R = {low:g} to {high:g}"
    raise CampaignError(
        f"The search is for spectra of R = {asked:g}, and the pool {pool} {found}. Ingest it "
        f"with --pool-resolving-power {asked:g}, or give a definition whose [search] has another "
        "resolving_power or none."
    )


def assume_search(grid: Grid) -> Search:
    """Give the search of a campaign that says nothing: Hα emission, or no line outside of Hα."""
    try:
        HALPHA_EMISSION.check_windows(grid)
    except CampaignError:
        return Search(scaling=usual_scaling(grid))
    return HALPHA_EMISSION


def with_scaling(search: Search | None, grid: Grid, scaling: ScalingMethod | None) -> Search | None:
    """Give a search, or the one that is assumed, another scaling; the very same without one."""
    return search if scaling is None else replace(search or assume_search(grid), scaling=scaling)


def assume_lines(grid: Grid, search: Search) -> tuple[Line, ...]:
    """Give the lines that are marked where none are named: the search's, and others near by."""
    own = tuple(Line(one.name, one.wavelength) for one in search.fixed_lines)
    known = {one.name for one in own}
    return own + tuple(
        one for one in LINES if one.name not in known and grid.holds(one.wavelength, MARGIN)
    )


def _no_use(pool: Pool) -> CampaignError:
    counts = Counter(pool.defects.tolist()).most_common()
    reasons = "; ".join(f"{DEFECTS[code]} ({n})" for code, n in counts)
    return CampaignError(
        f"{one_or_many(pool.n, 'The only row', f'None of the {pool.n} rows')} of the pool "
        f"{pool.path} can be used: {reasons}. Give a pool "
        "with spectra on the campaign's grid."
    )


def check_folder(path: Path) -> None:
    """Refuse what cannot be one of the folders of a campaign's spectra.

    Raises
    ------
    CampaignError
        If there is no such folder.
    """
    try:
        is_folder = path.is_dir()
    except OSError:  # a name that is too long, or a folder above that may not be read
        is_folder = False
    if not is_folder:
        raise CampaignError(f"There is no folder {path}: give one that holds spectra.")


def make_folder(store: Store, name: str) -> Path:
    """Make the folder of a campaign to be, or take the one that is there.

    Raises
    ------
    StoreError
        If it cannot be made.
    """
    folder = store.home / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"Cannot make the campaign's folder {folder}: {error.strerror}. Choose another name."
        ) from error
    return folder


def check_new_name(store: Store, name: str) -> None:
    """Refuse a name that a new campaign cannot have.

    Raises
    ------
    CampaignError
        If it cannot be the name of a folder, or is taken.
    """
    if not _NAME.fullmatch(name):
        raise CampaignError(
            f"{name!r} cannot be the name of a campaign: use 1 to 64 letters, digits, dots, "
            "dashes or underscores, and begin with a letter or digit."
        )
    if name in store.campaign_names():
        raise CampaignError(
            f"There is a campaign {name!r} already in {store.home}. Choose another name."
        )


def check_seed(seed: int) -> None:
    """Refuse a seed that the seeds of a campaign cannot be derived from.

    Raises
    ------
    CampaignError
        If it is negative or too large.
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise CampaignError(f"The seed is {seed}: give a number from 0 to {LARGEST_SEED}.")
