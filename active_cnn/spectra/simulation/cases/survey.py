"""Labelled spectra and pools of a case, with their truth, block by block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_cnn.spectra.simulation import exposures
from active_cnn.spectra.simulation.cases.definitions import HALPHA, Case
from active_cnn.spectra.simulation.cases.kinds import KINDS
from active_cnn.spectra.simulation.cases.light import render
from active_cnn.spectra.simulation.cases.sources import SOURCE
from active_cnn.spectra.simulation.cases.telescope import expose
from active_cnn.spectra.simulation.instruments import Lamost
from active_cnn.spectra.simulation.population import SNR_RANGE

BLOCK = 500  # spectra that are simulated at a time


@dataclass(frozen=True, eq=False)
class Spectra:
    """Simulated windows of known truth; every array has n_spectra rows.

    Parameters
    ----------
    flux : ndarray of float32, shape (n_spectra, grid.n)
        In counts, not rescaled.
    label : ndarray of int
        Position in the case's `classes`.
    kind : ndarray of int
        Position in the case's `kinds`.
    """

    flux: NDArray[np.float32]
    label: NDArray[np.int64]
    kind: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Survey:
    """Labelled spectra, and a pool of which the truth is known."""

    labelled: Spectra
    pool: Spectra


def simulate_case(
    case: Case,
    *,
    seed: int,
    n_pool: int = 40_000,
    target_share: float = 0.003,
    n_background: int = 2000,
    n_targets: int = 200,
) -> Survey:
    """Simulate labelled spectra and a pool for a case.

    Parameters
    ----------
    case : Case
        What is sought.
    seed : int
        The same seed gives the same spectra.
    n_pool : int
        Spectra of the pool.
    target_share : float
        Share of targets among them.
    n_background, n_targets : int
        Labelled spectra that are no targets, and that are.

    Returns
    -------
    Survey
    """
    for_labelled, for_pool = np.random.SeedSequence(seed).spawn(2)
    sought = round(n_pool * target_share)
    return Survey(
        _collect(case, n_background, n_targets, for_labelled, is_archive=True),
        _collect(case, n_pool - sought, sought, for_pool, is_archive=False),
    )


def _collect(
    case: Case, n_others: int, n_sought: int, seed: np.random.SeedSequence, *, is_archive: bool
) -> Spectra:
    n = n_others + n_sought
    flux = np.empty((n, case.grid.n), dtype=np.float32)
    parts = []
    start = 0
    for block in simulate_blocks(case, n_others, n_sought, seed, is_archive=is_archive):
        flux[start : start + len(block.flux)] = block.flux
        start += len(block.flux)
        parts.append((block.label, block.kind))
    label, kind = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Spectra(flux, label, kind)


def simulate_blocks(
    case: Case,
    n_others: int,
    n_sought: int,
    seed: np.random.SeedSequence,
    *,
    is_archive: bool = False,
) -> Iterator[Spectra]:
    """Simulate spectra block by block, so that memory does not grow with their number.

    Parameters
    ----------
    case : Case
        What is sought.
    n_others, n_sought : int
        Spectra that are no targets, and that are; in random order.
    seed : numpy.random.SeedSequence
        The same seed gives the same spectra.
    is_archive : bool
        Whether they are to be labelled: Hα's come from another telescope then.

    Yields
    ------
    Spectra
        Of `BLOCK` spectra at most.
    """
    for_kinds, for_blocks = seed.spawn(2)
    rng = np.random.default_rng(for_kinds)
    kind = shuffle_kinds(case, n_others, n_sought, rng)
    simulate = _simulate_halpha if case.name == HALPHA.name else _simulate
    starts = range(0, len(kind), BLOCK)
    for start, child in zip(starts, for_blocks.spawn(len(starts)), strict=True):
        some = kind[start : start + BLOCK]
        flux = simulate(case, some, np.random.default_rng(child), is_archive)
        yield Spectra(flux, label_kinds(case, some), some)


def shuffle_kinds(
    case: Case, n_others: int, n_sought: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Share spectra out among the kinds of a case, in random order; positions in `case.kinds`."""
    kind = np.concatenate(
        [_share_out(case.others, n_others), len(case.others) + _share_out(case.sought, n_sought)]
    )
    return rng.permutation(kind)


def label_kinds(case: Case, kind: NDArray[np.integer]) -> NDArray[np.int64]:
    """Give the position in `case.classes` of each kind (position in `case.kinds`)."""
    label = np.maximum(kind.astype(np.int64) - len(case.others) + 1, 0)
    return np.minimum(label, len(case.classes) - 1)


def _share_out(shares: Mapping[str, float], n: int) -> NDArray[np.int64]:
    weights = np.array(list(shares.values()))
    ends = np.round(n * np.cumsum(weights) / weights.sum()).astype(int)
    return np.repeat(np.arange(len(shares)), np.diff(ends, prepend=0))


def draw_sources(case: Case, kind: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.void]:
    """Draw sources of given kinds (positions in `case.kinds`) with their S/N, shape (n,)."""
    sources = np.zeros(len(kind), dtype=SOURCE)
    for code in np.unique(kind):
        rows = np.flatnonzero(kind == code)
        sources[rows] = KINDS[case.kinds[code]](len(rows), rng)
    median, spread = case.snr
    sources["snr"] = np.clip(rng.lognormal(np.log(median), spread, len(kind)), *SNR_RANGE)
    return sources


def _simulate(
    case: Case, kind: NDArray[np.int64], rng: np.random.Generator, _is_archive: bool
) -> NDArray[np.float32]:
    telescope = Lamost(case.grid)
    sources = draw_sources(case, kind, rng)
    light = render(sources, telescope)
    seen = expose(light, telescope, sources["snr"], sources["distortion"], case.struck, rng)
    return telescope.to_window(seen.flux).astype(np.float32)


def _simulate_halpha(
    case: Case, kind: NDArray[np.int64], rng: np.random.Generator, is_archive: bool
) -> NDArray[np.float32]:
    simulate = exposures.simulate_training if is_archive else exposures.simulate_pool
    # The kinds are the labels of that simulator.
    return simulate(kind.astype(np.int8), case.grid, rng).windows.astype(np.float32)
