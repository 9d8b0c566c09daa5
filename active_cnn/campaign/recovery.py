"""Lines planted into the pool, and what an iteration's network makes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from active_cnn.campaign.committee import target_positions
from active_cnn.campaign.files import hash_file, iteration_folder, open_pool
from active_cnn.campaign.store import Store
from active_cnn.campaign.training_data import initial_identifiers
from active_cnn.errors import SpectrumError, StoreError
from active_cnn.evaluation.calibration import log_odds
from active_cnn.evaluation.ranking import rank
from active_cnn.records import Campaign, Iteration
from active_cnn.search import TargetLine
from active_cnn.spectra.injection import (
    DIP,
    DOUBLE,
    MIXED,
    SINGLE,
    Profiles,
    draw_profiles,
    measure_hosts,
    plant,
)
from active_cnn.spectra.rule import line_significance
from active_cnn.spectra.wavelength import SPEED_OF_LIGHT
from active_cnn.verdicts import Ranking
from active_cnn.whole_file import write_whole

N_PLANTED = 10_000
LOG_ODDS = "log_odds"
RANKED = ("network", "network_without", "baseline", "baseline_without")

Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]
Score = Callable[[NDArray[np.float32]], NDArray[np.float64]]


def recover_planted(
    store: Store,
    campaign: Campaign,
    iteration: Iteration,
    labels: NDArray[np.uint8],
    predict: Predict,
    earlier: Sequence[Predict] = (),
    size: int = N_PLANTED,
    baseline: Score | None = None,
) -> pd.DataFrame:
    """Plant lines into spectra that are no targets, and predict these.

    Parameters
    ----------
    store : Store
        Read only.
    campaign, iteration : Campaign, Iteration
        Whose pool, and whose seed.
    labels : ndarray of uint8, shape (n_pool,)
        Predicted classes; what is predicted to be a target gets no line.
    predict : callable
        From rescaled windows to probabilities.
    earlier : sequence of callable
        The same of the networks that candidates are judged by together with this one.
    size : int
        Lines; fewer where the pool has fewer spectra that can host one.
    baseline : callable, optional
        From windows, scaled by minimum and maximum, to its log odds of being a target.

    Returns
    -------
    pandas.DataFrame
        A row for each spectrum: identifier, kind ("emission", "double-peak", "absorption", or
        "both" where the search has lines of either sign), equivalent_width (Å; of each line),
        fwhm, separation, velocity (km/s), snr (of a pixel beside the first line), rule (what
        `line_significance` says of it), log_odds (of being a target, the mean over these
        networks), and p_0, p_1 … of the newest one's classes. With a baseline also the log odds of
        the newest network and of the baseline, with the lines and without them (`RANKED`).

    Raises
    ------
    SpectrumError
        If the search names no line that could be planted, the grid does not hold one of them with
        continuum on both sides, or no spectrum is left that can host them.
    """
    rng = np.random.default_rng([iteration.seed, 1])
    wavelength, parts, lines = campaign.grid.wavelength, campaign.grid.parts, _lines(campaign)
    for line in lines:  # before anything is read
        measure_hosts(np.ones((1, len(wavelength))), wavelength, line.wavelength, parts)
    pool = open_pool(store, campaign)
    targets = target_positions(campaign)
    is_free = pool.usable & ~np.isin(labels, targets)
    known = pool.find([*store.opinions(campaign.name), *initial_identifiers(store, campaign)])
    is_free[known[known >= 0]] = False
    free = np.flatnonzero(is_free)
    rows = rng.choice(free, min(size, len(free)), replace=False)
    flux = pool.flux(rows)
    hosts = [measure_hosts(flux, wavelength, line.wavelength, parts) for line in lines]
    can_host = np.all([one.can_host for one in hosts], axis=0)
    rows, flux, snr = rows[can_host], flux[can_host], hosts[0].snr[can_host]
    if not len(rows):
        raise SpectrumError(
            "none of the pool's spectra has a continuum that an equivalent width could be "
            "measured in: give a pool that is not rescaled"
        )
    widest = max(float(np.diff(one.wavelength).max()) for one in campaign.grid.windows)
    step = SPEED_OF_LIGHT * widest / lines[0].wavelength
    profiles = draw_profiles(len(rows), step, rng, lines[0])
    planted = plant(flux, wavelength, lines, profiles, rng, parts)
    windows = pool.scaling(planted)
    probabilities = predict(windows)
    said = [probabilities, *(one(windows) for one in earlier)]
    ranked = {}
    if baseline is not None:
        without = pool.scaling(flux)
        of_network = [log_odds(one, targets) for one in (probabilities, predict(without))]
        plain = pool.scaling.plain
        scores = (*of_network, baseline(plain(planted)), baseline(plain(flux)))
        ranked = dict(zip(RANKED, scores, strict=True))
    return pd.DataFrame(
        {
            "identifier": pool.identifiers(rows),
            "kind": _kinds(lines, profiles),
            "equivalent_width": profiles.equivalent_width,
            "fwhm": profiles.fwhm,
            "separation": profiles.separation,
            "velocity": profiles.velocity,
            "snr": snr,
            "rule": line_significance(planted, wavelength, *lines, parts=parts),
            LOG_ODDS: np.mean([log_odds(one, targets) for one in said], axis=0),
            **{f"p_{i}": probabilities[:, i] for i in range(len(campaign.network_classes))},
            **ranked,
        }
    )


def rank_planted(table: pd.DataFrame) -> Ranking | None:
    """Say how network and baseline rank the spectra with lines before the same without.

    Returns
    -------
    Ranking or None
        None where there was no baseline.
    """
    if not set(RANKED) <= set(table):
        return None
    with_line, without, baseline, baseline_without = (table[name].to_numpy() for name in RANKED)
    return rank(
        np.concatenate([with_line, without]),
        np.concatenate([baseline, baseline_without]),
        np.repeat([True, False], len(table)),
    )


def _lines(campaign: Campaign) -> tuple[TargetLine, ...]:
    lines = campaign.search.fixed_lines
    if not lines:
        raise SpectrumError("the search names no line that could be planted")
    return lines


def _kinds(lines: Sequence[TargetLine], profiles: Profiles) -> NDArray[np.str_]:
    signs = {line.sign for line in lines}
    if len(signs) > 1:
        return np.full(len(profiles), MIXED)
    kinds = np.where(profiles.is_emission, SINGLE, DIP)
    return np.where(profiles.is_double, DOUBLE, kinds)


def write_recovery(table: pd.DataFrame, path: Path) -> str:
    """Write what became of planted lines as CSV; give its SHA-256."""
    write_whole(path, table.to_csv(index=False, float_format="%.6g").encode())
    return hash_file(path)


def read_recovery(store: Store, iteration: Iteration) -> pd.DataFrame | None:
    """Read what became of the lines that were planted after a training.

    Returns
    -------
    pandas.DataFrame or None
        As of `recover_planted`; None if none were planted.

    Raises
    ------
    StoreError
        If the file is missing or damaged.
    """
    if iteration.result is None or not iteration.result.recovery_file:
        return None
    path = iteration_folder(store, iteration) / iteration.result.recovery_file
    try:
        table = pd.read_csv(path)
        missing = {"equivalent_width", "snr", "rule", "p_0"} - set(table)
        if missing:
            raise ValueError(f"it has no column {min(missing)}")
    except (OSError, ValueError) as error:
        raise StoreError(
            f"Cannot read {path}: {error}. Train the iteration again, or restore the file from a "
            "copy."
        ) from error
    return table


def is_predicted(table: pd.DataFrame, campaign: Campaign) -> NDArray[np.bool_]:
    """Tell which of the lines of `recover_planted` the network calls targets."""
    labels = probabilities_of(table, len(campaign.network_classes)).argmax(axis=1)
    return np.isin(labels, target_positions(campaign))


def probabilities_of(table: pd.DataFrame, n_classes: int) -> NDArray[np.float64]:
    """Give the probabilities that a table of `recover_planted` holds, shape (n, n_classes)."""
    return table[[f"p_{i}" for i in range(n_classes)]].to_numpy(dtype=float)
