"""The demo campaign: a simulated survey to try the product on."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from active_cnn.campaign.campaign import check_new_name, check_seed, create_campaign
from active_cnn.campaign.store import Store
from active_cnn.records import Campaign
from active_cnn.spectra.simulation import write_demo

DEMO_NAME = "demo"
POOL_SIZE = 20_000
TRAINING_SIZE = 3000
EMISSION_SHARE = 0.01
DOUBLE_PEAK_SHARE = 0.003


def create_demo(
    store: Store,
    *,
    name: str = DEMO_NAME,
    pool_size: int = POOL_SIZE,
    training_size: int = TRAINING_SIZE,
    emission_share: float = EMISSION_SHARE,
    double_peak_share: float = DOUBLE_PEAK_SHARE,
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
    name : str
        Name of the campaign; the survey lies in its folder.
    pool_size, training_size : int
        Numbers of spectra.
    emission_share, double_peak_share : float
        Shares of the two kinds of targets in the pool.
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
        If a size or a share makes no sense.
    """
    check_seed(seed)
    with _alone(store.home):
        check_new_name(store, name)
        # Until the survey is whole it has another name; what is left of a broken-off one goes.
        folder, unfinished = store.home / name / "survey", store.home / name / "unfinished-survey"
        for leftover in (folder, unfinished):
            shutil.rmtree(leftover, ignore_errors=True)
        try:
            write_demo(
                unfinished,
                pool_size=pool_size,
                training_size=training_size,
                emission_share=emission_share,
                double_peak_share=double_peak_share,
                n_fits=min(60, pool_size),
                seed=seed,
                processes=processes,
                progress=progress,
            )
            unfinished.rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        return create_campaign(store, name, folder / "training.csv", folder / "pool.h5", seed=seed)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    # Two that make the demo at once would take each other's half-written survey for a leftover.
    with (home / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
