"""What an iteration's network is trained on: the initial set and the answers it may know."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from active_cnn.campaign.files import hash_file, open_pool, training_path
from active_cnn.campaign.store import Store
from active_cnn.errors import CampaignError
from active_cnn.recipes import ENOUGH_OTHERS, ENOUGH_TARGETS, LEAST_EXAMPLES
from active_cnn.records import (
    Answer,
    Campaign,
    Iteration,
)
from active_cnn.spectra.pool import Pool
from active_cnn.spectra.training_set import TrainingSet, read_identifiers, read_training_csv

# So many spectra of the pool tell what its noise is like.
NOISE_SAMPLE = 2000


@dataclass(frozen=True, eq=False)
class LabelledFlux:
    """What a network is trained on.

    Parameters
    ----------
    identifiers : tuple of str
        Of the initial training set and, after it, of the answered spectra.
    flux : ndarray of float64, shape (n_spectra, n_wavelengths)
        Not rescaled.
    labels : ndarray of int, shape (n_spectra,)
        Position of each one's class among the network's classes.
    is_of_pool : ndarray of bool, shape (n_spectra,)
        Which of them the pool's instrument has taken: the answered ones, and examples of the pool.
    sha256 : str
        Hash of identifiers, flux and labels.
    """

    identifiers: tuple[str, ...]
    flux: NDArray[np.float64]
    labels: NDArray[np.int64]
    is_of_pool: NDArray[np.bool_]
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
    initial = read_training_csv(path, campaign.grid, campaign.trains, campaign.search.scaling)
    found = hash_file(path)
    if found != campaign.training_sha256:
        raise CampaignError(
            f"The initial training set {path} has changed since the campaign was created "
            f"(SHA-256 {found[:12]}…, not {campaign.training_sha256[:12]}…). "
            "Put the file back, or create a new campaign on the new one."
        )
    return initial


def initial_identifiers(store: Store, campaign: Campaign) -> Sequence[str]:
    """Name the spectra of the initial training set; see `read_initial_set` for errors."""
    path = training_path(store, campaign)
    if not path.is_file() or hash_file(path) != campaign.training_sha256:
        return read_initial_set(store, campaign).identifiers  # which says what is wrong
    # The very file was checked when the campaign was created. To read only the names of some
    # thousand spectra takes a fifth of the time.
    return read_identifiers(path)


def build_training_set(store: Store, campaign: Campaign, iteration: Iteration) -> LabelledFlux:
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
    flux = np.concatenate([initial.flux[kept], _usable_flux(pool, pool.rows(list(answers)))])
    labels = _positions(
        campaign, [*(campaign.trains[name] for name in compress(initial.labels, kept)), *said]
    )
    identifiers = (*compress(initial.identifiers, kept), *answers)
    digest = hashlib.sha256(flux.tobytes())
    digest.update(labels.tobytes())
    digest.update("\n".join(identifiers).encode())
    is_of_pool = np.arange(len(labels)) >= kept.sum()
    if campaign.begins_with_examples:  # which are named in the pool more often than elsewhere
        is_of_pool |= pool.find(list(identifiers)) >= 0
    return LabelledFlux(identifiers, flux, labels, is_of_pool, digest.hexdigest())


def why_ranked(store: Store, campaign: Campaign, iteration: Iteration) -> str:
    """Say why an iteration's pool is ranked by likeness to examples; '' if a network is trained.

    A campaign that was created on a whole training set always trains a network.
    """
    if not campaign.begins_with_examples:
        return ""
    initial = read_initial_set(store, campaign)
    answered = store.current_answers(campaign.name, iteration)
    labels = [
        label
        for name, label in zip(initial.identifiers, initial.labels, strict=True)
        if name not in answered
    ]
    answers = trained_answers(store, campaign, iteration)
    labels += [answer.answer for answer in answers.values() if answer.answer]
    return describe_shortage(campaign, Counter(campaign.trains[label] for label in labels))


def describe_shortage(campaign: Campaign, counts: Mapping[str, int]) -> str:
    """Say what is lacking for a network, and what is done instead; '' if nothing is lacking.

    Parameters
    ----------
    campaign : Campaign
        One that begins with examples.
    counts : mapping of str to int
        Labelled spectra of each class of the network; 0 where a class is not named.
    """
    n = {name: counts.get(name, 0) for name in campaign.network_classes}
    n_targets = sum(n[name] for name in campaign.targets)
    n_others = sum(n.values()) - n_targets
    lacking = []
    if n_targets < ENOUGH_TARGETS:
        lacking.append(f"{n_targets} of {ENOUGH_TARGETS} targets")
    if n_others < ENOUGH_OTHERS:
        lacking.append(f"{n_others} of {ENOUGH_OTHERS} others")
    if not lacking:
        few = [name for name in n if n[name] < LEAST_EXAMPLES]
        lacking = [f"{n[name]} of {LEAST_EXAMPLES} of {name!r}" for name in few]
    if not lacking:
        return ""
    return (
        f"Too little is labelled to train a network ({', '.join(lacking)}): the pool is ranked by "
        "its likeness to the examples. A network takes over by itself when there is enough."
    )


def draw_background(pool: Pool, known: Sequence[str], size: int, seed: int) -> NDArray[np.float64]:
    """Draw usable spectra of the pool that nobody has looked at.

    Parameters
    ----------
    pool : Pool
        What is drawn from.
    known : sequence of str
        Identifiers that are left out, in the pool or not.
    size : int
        How many; at least `NOISE_SAMPLE` are drawn, or what there is.
    seed : int
        Of the draw.

    Returns
    -------
    ndarray of float64, shape (n_drawn, n_wavelengths)
        Their flux, not rescaled, in an order drawn too.
    """
    is_free = pool.usable.copy()
    rows = pool.find(known)
    is_free[rows[rows >= 0]] = False
    free = np.flatnonzero(is_free)
    rng = np.random.default_rng(seed)
    n = min(max(size, NOISE_SAMPLE), len(free))
    return pool.flux(rng.choice(free, n, replace=False))


def _usable_flux(pool: Pool, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    unusable = rows[~pool.usable[rows]]
    if unusable.size:
        raise CampaignError(
            f"The answered spectrum {pool.identifiers(unusable[:1])[0]!r} cannot be used. "
            "Answer it as unsure."
        )
    return pool.flux(rows)


def _positions(campaign: Campaign, names: Sequence[str]) -> NDArray[np.int64]:
    position = {name: i for i, name in enumerate(campaign.network_classes)}
    return np.array([position[name] for name in names], dtype=np.int64)
