"""A batch that several strategies share."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import AcquisitionError


def check_shares(shares: Mapping[str, float], known: Mapping[str, object]) -> dict[str, float]:
    """Give shares that add up to 1, without those that are 0.

    Parameters
    ----------
    shares : mapping of str to float
        By strategy, in any unit.
    known : mapping
        The strategies that there are.

    Raises
    ------
    AcquisitionError
        If there is no such strategy, a share is negative, or all are 0.
    """
    for name, share in shares.items():
        if name not in known:
            raise AcquisitionError(
                f"There is no strategy {name!r} to mix in. Choose of {', '.join(known)}."
            )
        if not (math.isfinite(share) and share >= 0):
            raise AcquisitionError(f"The share of {name!r} is {share}: give a number from 0 on.")
    total = sum(shares.values())
    if not total:
        raise AcquisitionError("No strategy has a share of the batch: give one of them at least.")
    return {name: share / total for name, share in shares.items() if share}


def apportion(shares: Mapping[str, float], size: int) -> dict[str, int]:
    """Give the strategies whole numbers of spectra by the largest remainders, `size` in all.

    References
    ----------
    Balinski & Young (2001), Fair Representation, Hamilton's method.
    """
    quotas = {name: share * size for name, share in shares.items()}
    sizes = {name: int(quota) for name, quota in quotas.items()}
    rest = size - sum(sizes.values())
    for name in sorted(quotas, key=lambda name: (sizes[name] - quotas[name], name))[:rest]:
        sizes[name] += 1
    return sizes


def interleave(lengths: list[int], rng: np.random.Generator) -> NDArray[np.int64]:
    """Give an order in which parts of such lengths are mixed, each in its own order."""
    part = rng.permutation(np.repeat(np.arange(len(lengths)), lengths))
    places = np.empty(len(part), dtype=np.int64)
    start = 0
    for number, length in enumerate(lengths):
        places[part == number] = start + np.arange(length)
        start += length
    return places
