"""What the newest networks say together: each of them errs in its own way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from active_cnn.campaign.files import open_predictions
from active_cnn.campaign.store import Store
from active_cnn.evaluation.calibration import log_odds
from active_cnn.records import Campaign, Iteration

SIZE = 3


def predecessors(store: Store, iteration: Iteration) -> list[Iteration]:
    """Give the iterations before one whose networks are heard together with its own."""
    known = store.iterations(iteration.campaign)[: iteration.number]
    return [one for one in known if one.result][1 - SIZE :]


def target_positions(campaign: Campaign) -> tuple[int, ...]:
    """Give the positions of the network's classes that are sought."""
    return tuple(campaign.network_classes.index(target) for target in campaign.targets)


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

    def odds(of: Iteration) -> NDArray[np.float64]:
        file = open_predictions(store, of)
        said = file.all_probabilities() if rows is None else file.probabilities(rows)
        return log_odds(said, positions)

    total = odds(iteration)
    others = predecessors(store, iteration)
    for one in others:
        total += odds(one)
    return total / (1 + len(others))
