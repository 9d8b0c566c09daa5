"""What the newest networks say together: each of them errs in its own way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from active_cnn.campaign.files import open_predictions
from active_cnn.campaign.store import Store
from active_cnn.evaluation.calibration import log_odds
from active_cnn.learning.predictions import PredictionsFile
from active_cnn.records import Campaign, Iteration

SIZE = 3
_HALF = 0.999 * np.log(2)  # nats; a little less, for entropies are kept as float32


def predecessors(store: Store, iteration: Iteration) -> list[Iteration]:
    """Give the iterations before one whose networks are heard together with its own.

    A ranking by likeness is no network, and knew less than those after it.
    """
    known = store.iterations(iteration.campaign)[: iteration.number]
    return [one for one in known if one.result and not one.result.is_ranking][1 - SIZE :]


def target_positions(campaign: Campaign) -> tuple[int, ...]:
    """Give the positions of the network's classes that are sought."""
    return tuple(campaign.network_classes.index(target) for target in campaign.targets)


def possible_targets(store: Store, campaign: Campaign, iteration: Iteration) -> NDArray[np.int64]:
    """Give the rows of the pool whose log odds of `mean_log_odds` may be positive.

    They are few, and are found without reading all probabilities.

    Parameters
    ----------
    store : Store
        Read only.
    campaign, iteration : Campaign, Iteration
        Whose networks; it has been scored.

    Returns
    -------
    ndarray of int
        Rising.

    Notes
    -----
    The mean is positive only if one network has positive log odds. That one predicts a target, or
    gives no class more than 1/2; then its entropy is ln 2 at least, since the entropy of any
    distribution is no less than -ln of its largest probability.
    """
    targets = target_positions(campaign)
    files = _predictions(store, iteration)
    may_be = [np.isin(one.labels(), targets) | (one.entropy() > _HALF) for one in files]
    return np.flatnonzero(np.any(may_be, axis=0))


def mean_log_odds(
    store: Store, campaign: Campaign, iteration: Iteration, rows: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """Give the log odds of being a target, averaged over the newest networks of an iteration.

    Parameters
    ----------
    store : Store
        Read only.
    campaign, iteration : Campaign, Iteration
        Whose networks; it has been scored.
    rows : ndarray of int, shape (n,), optional
        Of the pool; by default all.

    Returns
    -------
    ndarray, shape (n,)
        NaN where nothing was predicted.

    Raises
    ------
    StoreError
        If the predictions of one of them are missing or damaged.

    References
    ----------
    Genest & Zidek (1986), Statistical Science 1, 114 (the logarithmic opinion pool);
    Lakshminarayanan, Pritzel & Blundell (2017), NeurIPS 30, 6402 (networks that differ in their
    random beginnings).
    """
    positions = target_positions(campaign)
    said = (
        one.all_probabilities() if rows is None else one.probabilities(rows)
        for one in _predictions(store, iteration)
    )
    odds: NDArray[np.float64] = np.mean([log_odds(one, positions) for one in said], axis=0)
    return odds


def _predictions(store: Store, iteration: Iteration) -> list[PredictionsFile]:
    networks = [iteration, *predecessors(store, iteration)]
    return [open_predictions(store, one) for one in networks]
