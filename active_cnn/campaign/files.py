"""Where the files of a campaign lie, and how they are opened."""

from __future__ import annotations

import hashlib
from pathlib import Path

from active_cnn.campaign.store import Store
from active_cnn.errors import CampaignError, SpectrumError
from active_cnn.learning.features import FeaturesFile
from active_cnn.learning.predictions import PredictionsFile
from active_cnn.records import (
    Campaign,
    Iteration,
)
from active_cnn.regular_file import open_regular
from active_cnn.spectra.pool import Pool, index_pool, is_indexed
from active_cnn.spectra.pool_index import find_resolution
from active_cnn.spectra.resolving_power import PoolResolution

POOL_INDEX = "pool-index.h5"


def stored_path(store: Store, path: Path) -> str:
    """Give a file's path as the store keeps it.

    One within the home is relative to it, so that it is found again when the home moves.

    Raises
    ------
    CampaignError
        If it is a link that leads in a circle.
    """
    try:
        path, home = path.resolve(), store.home.resolve()
    except RuntimeError as error:  # so says Python
        raise CampaignError(
            f"The link {path} leads in a circle: give the file that it should lead to."
        ) from error
    return str(path.relative_to(home) if path.is_relative_to(home) else path)


def hash_file(path: Path) -> str:
    """Give the SHA-256 of a file's content."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def training_path(store: Store, campaign: Campaign) -> Path:
    """Give the file of the initial training set."""
    return store.home / campaign.training_path


def open_pool(store: Store, campaign: Campaign, *, is_held_open: bool = False) -> Pool:
    """Give the campaign's pool; see `Pool` for `is_held_open`.

    Raises
    ------
    SpectrumError
        If its file is missing or damaged.
    CampaignError
        If it is no longer the one that the campaign was created on.
    """
    path = store.home / campaign.pool_path
    index = store.home / campaign.name / POOL_INDEX
    if not is_indexed(path, index):
        # The index can be made anew at any time, as in a home that was copied or restored;
        # whether the pool is still the same one is told by its content.
        index_pool(path, index, campaign.grid)
    method = campaign.search.scaling
    pool = Pool(path, index, is_held_open=is_held_open, method=method)
    if pool.fingerprint != campaign.pool_fingerprint:
        raise CampaignError(
            f"The pool {path} has changed since the campaign was created (fingerprint "
            f"{pool.fingerprint[:12]}…, not {campaign.pool_fingerprint[:12]}…). "
            "Put the old file back, or create a new campaign on this one."
        )
    return pool


def pool_resolution(store: Store, campaign: Campaign) -> PoolResolution:
    """Tell what resolving power the campaign's spectra are brought to.

    Raises
    ------
    SpectrumError
        If the pool, which says so, cannot be read.
    """
    return find_resolution(store.home / campaign.pool_path, campaign.grid)


def spectrum_file(store: Store, campaign: Campaign, path: str) -> Path:
    """Give the file of a spectrum of the pool, if the campaign may read it.

    A pool may name any file. Only those below its own folder, below the home, and below the
    folders that the campaign was given are opened; links are followed before this is decided.

    Raises
    ------
    SpectrumError
        If the pool names no file, or one that lies elsewhere.
    """
    if not path:
        raise SpectrumError("is not named in the pool")
    try:
        file = Path(path).resolve()
    except RuntimeError as error:  # so says Python
        raise SpectrumError("is a link that leads in a circle: mend the link") from error
    pool = (store.home / campaign.pool_path).resolve().parent
    allowed = [pool, store.home.resolve(), *(Path(one).resolve() for one in campaign.folders)]
    if not any(file.is_relative_to(folder) for folder in allowed):
        raise SpectrumError(
            "lies outside the folders that this campaign may read "
            f"({', '.join(map(str, dict.fromkeys(allowed)))}): add its folder (Settings, "
            "or `active-cnn folders --add`), or move the file"
        )
    return file


def iteration_folder(store: Store, iteration: Iteration) -> Path:
    """Give the folder of an iteration's files."""
    return store.home / iteration.campaign / "iterations" / f"{iteration.number:03d}"


def open_predictions(store: Store, iteration: Iteration) -> PredictionsFile:
    """Give the predictions of an iteration.

    Raises
    ------
    CampaignError
        If it has not been scored.
    """
    if iteration.result is None:
        raise CampaignError(
            f"Iteration {iteration.number} of {iteration.campaign!r} has no predictions yet. "
            "Train it first."
        )
    return PredictionsFile(
        iteration_folder(store, iteration) / iteration.result.predictions_file,
        iteration.result.pool_fingerprint,
    )


def features_path(store: Store, campaign: str, job: int) -> Path:
    """Give the file of the features that a job keeps of the pool."""
    return store.home / campaign / f"features-{job}.npy"


def open_features(store: Store, iteration: Iteration) -> FeaturesFile | None:
    """Give the features of an iteration's network; None where they were not kept."""
    if iteration.job is None:
        return None
    try:
        return FeaturesFile(features_path(store, iteration.campaign, iteration.job))
    except (OSError, ValueError):  # only those of the newest network are kept, and not always
        return None


def last_scored(store: Store, campaign: str) -> Iteration | None:
    """Give the newest iteration that has predictions."""
    return next((i for i in reversed(store.iterations(campaign)) if i.result), None)
