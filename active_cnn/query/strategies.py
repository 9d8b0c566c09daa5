"""Which spectra the oracle is asked about: a registry of strategies under one contract.

A strategy is a pure function of what the network says, of the rows that may be asked about, of how
many are wanted, and of a generator. It gives each row at most once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import AcquisitionError
from active_cnn.query import greedy, uncertainty
from active_cnn.query.direct import direct
from active_cnn.query.mixture import apportion, check_shares, interleave
from active_cnn.query.passive import random, random_target
from active_cnn.query.scored import Choice, Scored
from active_cnn.query.selection import refuse_size, select
from active_cnn.query.similar import similar

Strategy = Callable[[Scored, NDArray[np.int64], int, np.random.Generator], Choice]
Score = Callable[[Scored, NDArray[np.int64]], NDArray[np.float32]]

MIXED = "mixed"
DEFAULT_STRATEGY = MIXED
# Of a batch: about the border of each rare class to learn from, and the surest finds.
DEFAULT_SHARES = {"direct": 0.4, "greedy": 0.45, "margin": 0.15}


def _highest(name: str, score: Score) -> Strategy:
    def strategy(
        scored: Scored, rows: NDArray[np.int64], size: int, rng: np.random.Generator
    ) -> Choice:
        refuse_size(size, len(rows))
        scores = score(scored, rows)
        chosen = select(scores, size, rng)
        return Choice.by(name, rows[chosen], scores[chosen])

    strategy.__doc__ = f"{_first_line(score)}."
    return strategy


def _first_line(function: Callable[..., object]) -> str:
    return (function.__doc__ or "").strip().splitlines()[0].rstrip(".")


_SCORES: dict[str, Score] = {
    "entropy": uncertainty.entropy,
    "margin": uncertainty.margin,
    "greedy": greedy.p_target,
}

# What a mixture can be made of.
PLAIN: dict[str, Strategy] = {
    "random": random,
    "random-target": random_target,
    **{name: _highest(name, score) for name, score in _SCORES.items()},
    "direct": direct,
    "similar": similar,
}


def mix(shares: Mapping[str, float]) -> Strategy:
    """Make a strategy that shares each batch out among others.

    A part that has nothing to ask about leaves its share to the parts after it, and the last ones
    to the first: the batch is as large as was asked for.

    Parameters
    ----------
    shares : mapping of str to float
        By the name of the strategy, in any unit. They choose in this order.

    Raises
    ------
    AcquisitionError
        If a share is none, or of no strategy.
    """
    asked = check_shares(shares, PLAIN)

    def mixed(
        scored: Scored, rows: NDArray[np.int64], size: int, rng: np.random.Generator
    ) -> Choice:
        refuse_size(size, len(rows))
        is_free = np.zeros(len(scored.probabilities), dtype=bool)
        is_free[rows] = True
        parts: list[Choice] = []
        missing, refusal = size, AcquisitionError("")
        sizes = apportion(asked, size)
        # What a part could not fill is offered to all others once more.
        for wanted in (sizes, dict.fromkeys(asked, size)):
            for name, most in wanted.items():
                n = min(most, missing)
                if not n:
                    continue
                try:
                    found = PLAIN[name](scored, np.flatnonzero(is_free), n, rng)
                except AcquisitionError as error:
                    refusal = error
                    continue
                is_free[found.rows] = False
                missing -= len(found)
                parts.append(found)
        if missing:
            raise refusal
        order = interleave([len(part) for part in parts], rng)
        return Choice.of_all(parts).take(order)

    return mixed


def find_strategy(name: str, shares: Mapping[str, float] | None = None) -> Strategy:
    """Find a strategy by its name.

    Parameters
    ----------
    name : str
        One of `STRATEGIES`.
    shares : mapping of str to float, optional
        Of a mixture.

    Raises
    ------
    AcquisitionError
        If there is none of that name, or the shares make no mixture.
    """
    if name == MIXED:
        return mix(DEFAULT_SHARES if shares is None else shares)
    if name not in PLAIN:
        raise AcquisitionError(
            f"There is no query strategy {name!r}. Choose one of {', '.join(STRATEGIES)}."
        )
    return PLAIN[name]


# By name, what each asks about in a line.
STRATEGIES: dict[str, str] = {
    MIXED: "Shares each batch out among several strategies.",
    **{name: f"{_first_line(strategy)}." for name, strategy in PLAIN.items()},
}
