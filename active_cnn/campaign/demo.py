"""Demo campaigns: simulated surveys to try the product on, one for each case."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from active_cnn.campaign.creation import (
    DEFAULT_CLASSES,
    check_new_name,
    check_seed,
    create_campaign,
)
from active_cnn.campaign.presets import read_preset
from active_cnn.campaign.store import Store
from active_cnn.records import Campaign
from active_cnn.spectra.simulation.cases import Case
from active_cnn.spectra.simulation.cases.definitions import CASES, HALPHA
from active_cnn.spectra.simulation.named import choose_shares, find_case, write_survey

DEMO_NAME = "demo"
DEFAULT_CASE = HALPHA.name
# Name of each case, and what marks its targets.
DEMO_CASES = {case.name: case.mark for case in CASES.values()}
# What marks the targets of each case is what the preset of that search says.
PRESETS = {
    "halpha": "halpha-emission",
    "lithium": "li-rich-giants",
    "carbon": "carbon-stars",
    "cv": "cataclysmic-variables",
}
POOL_SIZE = 20_000
TRAINING_SIZE = 3000
# Shares of the pool: of Hα's two kinds of targets, and of the targets of any other case.
SHARES = {"emission": 0.01, "double-peak": 0.003, "target": 0.01}
# Whole spectra: all targets, all that is odd, and some of what is neither.
MOST_FILES = 4000


def demo_name(case: str) -> str:
    """Give the usual name of the demo campaign of a case."""
    return DEMO_NAME if case == DEFAULT_CASE else f"{DEMO_NAME}-{case}"


def target_share(case: str) -> float:
    """Give the usual share of targets in the pool of a case."""
    return sum(choose_shares(find_case(case), {}, SHARES).values())


def create_demo(
    store: Store,
    *,
    case: str = DEFAULT_CASE,
    name: str | None = None,
    pool_size: int = POOL_SIZE,
    training_size: int = TRAINING_SIZE,
    shares: Mapping[str, float | None] | None = None,
    n_files: int | None = None,
    seed: int = 1,
    processes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Campaign:
    """Simulate a survey in the home and create a campaign on it.

    The truth is written beside the pool, into a folder of its own; no campaign reads it.

    Parameters
    ----------
    store : Store
        Where the campaign will be kept.
    case : str
        Which of `DEMO_CASES`.
    name : str, optional
        Name of the campaign, by default `demo_name`; the survey lies in its folder.
    pool_size, training_size : int
        Numbers of spectra.
    shares : mapping of str to float or None, optional
        Shares of targets in the pool that are not the usual ones, by the names of `SHARES`.
    n_files : int, optional
        Whole spectra of the pool to write, by default `MOST_FILES` or all: targets first, then what
        may be taken for one.
    seed : int
        The same seed gives the same survey.
    processes : int, optional
        Most processes to simulate a large pool with, by default one for each core.
    progress : callable, optional
        Told how many spectra have been simulated, and of how many.

    Returns
    -------
    Campaign

    Raises
    ------
    CampaignError
        If the name is taken.
    SpectrumError
        If there is no such case, or a size or a share makes no sense in it.
    """
    check_seed(seed)
    sought = find_case(case)
    chosen = choose_shares(sought, shares or {}, SHARES)
    name = demo_name(case) if name is None else name
    with _alone(store.home):
        check_new_name(store, name)
        # Until the survey is whole it has another name; what is left of a broken-off one goes.
        folder, unfinished = store.home / name / "survey", store.home / name / "unfinished-survey"
        for leftover in (folder, unfinished):
            shutil.rmtree(leftover, ignore_errors=True)
        try:
            write_survey(
                unfinished,
                sought,
                chosen,
                pool_size=pool_size,
                training_size=training_size,
                n_fits=min(MOST_FILES, pool_size) if n_files is None else n_files,
                seed=seed,
                processes=processes,
                progress=progress,
            )
            unfinished.rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        training, pool = folder / "training.csv", folder / "pool.h5"
        return create_on_case(store, name, sought, training, pool, seed=seed)


def create_on_case(
    store: Store, name: str, case: Case, training: Path, pool: Path, *, seed: int
) -> Campaign:
    """Create a campaign that seeks what a case does, in its window, with its classes and lines.

    Raises
    ------
    CampaignError, SpectrumError
        See `create_campaign`.
    """
    return create_campaign(
        store,
        name,
        training,
        pool,
        grid=case.grid,
        classes=DEFAULT_CLASSES if case is HALPHA else case.answers,
        lines=case.lines,
        search=read_preset(PRESETS[case.name]).search,
        seed=seed,
    )


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    # Two that make the demo at once would take each other's half-written survey for a leftover.
    with (home / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
