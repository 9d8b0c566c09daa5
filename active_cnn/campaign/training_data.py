"""What an iteration's network is trained on: the initial set and the answers it may know."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from active_cnn.campaign.files import hash_file, open_pool, training_path
from active_cnn.campaign.store import Store
from active_cnn.errors import CampaignError
from active_cnn.records import (
    Answer,
    Campaign,
    Iteration,
)
from active_cnn.spectra.training_set import TrainingSet, read_training_csv


@dataclass(frozen=True, eq=False)
class LabelledWindows:
    """What a network is trained on.

    Parameters
    ----------
    identifiers : tuple of str
        Of the initial training set and of the answered spectra.
    windows : ndarray of float32, shape (n_spectra, n_wavelengths)
        Rescaled.
    labels : ndarray of int, shape (n_spectra,)
        Position of each one's class among the network's classes.
    sha256 : str
        Hash of all three.
    """

    identifiers: tuple[str, ...]
    windows: NDArray[np.float32]
    labels: NDArray[np.int64]
    sha256: str


def trained_answers(store: Store, campaign: Campaign, iteration: Iteration) -> dict[str, Answer]:
    """Give the answers that are in an iteration's training set, by identifier.

    These are the current ones at the time when the iteration began, so that no answer is ever
    trained on in the iteration that it measures. `unsure` is not among them.
    """
    answers = store.current_answers(campaign.name, iteration)
    return {i: answer for i, answer in answers.items() if answer.answer in campaign.trains}


def read_initial_set(store: Store, campaign: Campaign) -> TrainingSet:
    """Read the initial training set.

    Raises
    ------
    SpectrumError
        If its file is missing or damaged.
    CampaignError
        If it has changed since the campaign was created.
    """
    path = training_path(store, campaign)
    initial = read_training_csv(path, campaign.grid, campaign.trains)
    found = hash_file(path)
    if found != campaign.training_sha256:
        raise CampaignError(
            f"The initial training set {path} has changed since the campaign was created "
            f"(SHA-256 {found[:12]}…, not {campaign.training_sha256[:12]}…). "
            "Put the file back, or create a new campaign on the new one."
        )
    return initial


def build_training_set(store: Store, campaign: Campaign, iteration: Iteration) -> LabelledWindows:
    """Join the initial training set and the answers that the iteration knows.

    What the oracle said of a spectrum replaces what the initial training set says of it.

    Raises
    ------
    CampaignError
        If the file of the initial training set has changed since the campaign was created.
    """
    initial = read_initial_set(store, campaign)
    answered = store.current_answers(campaign.name, iteration)
    kept = np.array([name not in answered for name in initial.identifiers], dtype=bool)
    answers = trained_answers(store, campaign, iteration)
    said = [campaign.trains[answer.answer] for answer in answers.values() if answer.answer]
    pool = open_pool(store, campaign)
    windows = np.concatenate([initial.windows[kept], pool.windows(pool.rows(list(answers)))])
    labels = _positions(
        campaign, [*(campaign.trains[name] for name in compress(initial.labels, kept)), *said]
    )
    identifiers = (*compress(initial.identifiers, kept), *answers)
    digest = hashlib.sha256(windows.tobytes())
    digest.update(labels.tobytes())
    digest.update("\n".join(identifiers).encode())
    return LabelledWindows(identifiers, windows, labels, digest.hexdigest())


def _positions(campaign: Campaign, names: Sequence[str]) -> NDArray[np.int64]:
    position = {name: i for i, name in enumerate(campaign.network_classes)}
    return np.array([position[name] for name in names], dtype=np.int64)
