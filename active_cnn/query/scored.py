"""What a strategy may look at, and what it gives back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import AcquisitionError

NOBODY = np.zeros(0, dtype=np.int64)


class Features(Protocol):
    """What the network has made of each spectrum before it decides: vectors of length 1."""

    def take(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Give those of some rows of the pool, shape (n_rows, n_features), in their order."""

    def chunks(self, size: int) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Stream through all rows of the pool, `size` at a time."""


@dataclass(frozen=True, eq=False)
class Scored:
    """A pool that a network has predicted, row by row.

    Parameters
    ----------
    probabilities : ndarray of float32, shape (n_pool, n_classes)
        What the network says; NaN where it could not say anything.
    targets : tuple of int
        Positions of the classes that are looked for.
    answered, answers : ndarray of int, shape (n_answered,)
        Rows of the pool that the oracle has named a class for, and the position of that class.
    features : Features, optional
        None where none were kept.
    """

    probabilities: NDArray[np.float32]
    targets: tuple[int, ...]
    answered: NDArray[np.int64] = field(default_factory=NOBODY.copy)
    answers: NDArray[np.int64] = field(default_factory=NOBODY.copy)
    features: Features | None = None

    @cached_property
    def p_target(self) -> NDArray[np.float32]:
        """Probability that a spectrum is of any class that is looked for, shape (n_pool,)."""
        return self.probabilities[:, list(self.targets)].sum(axis=1)

    @cached_property
    def is_target(self) -> NDArray[np.bool_]:
        """Whether each spectrum is predicted to be what is looked for, shape (n_pool,)."""
        return np.isin(self.probabilities.argmax(axis=1), self.targets)

    @property
    def confirmed(self) -> NDArray[np.int64]:
        """Rows that the oracle has called targets."""
        return self.answered[np.isin(self.answers, self.targets)]

    def need_features(self, strategy: str) -> Features:
        """Give the features.

        Raises
        ------
        AcquisitionError
            If there are none.
        """
        if self.features is None:
            raise AcquisitionError(
                f"The strategy {strategy!r} compares spectra by the network's features, and none "
                "were kept of this iteration. Train it again, or choose another strategy."
            )
        return self.features


@dataclass(frozen=True, eq=False)
class Choice:
    """Spectra to ask about, the one to ask about first at the beginning.

    Parameters
    ----------
    rows : ndarray of int, shape (n,)
        Of the pool, each once.
    scores : ndarray, shape (n,)
        By which each was chosen; NaN where chance alone chose.
    chosen_by : tuple of str, shape (n,)
        The strategy that chose each.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.floating]
    chosen_by: tuple[str, ...]

    @classmethod
    def by(cls, strategy: str, rows: NDArray[np.int64], scores: NDArray[np.floating]) -> Choice:
        """Make the choice of a single strategy."""
        return cls(rows.astype(np.int64), np.asarray(scores, dtype=float), (strategy,) * len(rows))

    @classmethod
    def by_chance(cls, strategy: str, rows: NDArray[np.int64]) -> Choice:
        """Make a choice that no score has made."""
        return cls.by(strategy, rows, np.full(len(rows), np.nan))

    @classmethod
    def of_all(cls, choices: list[Choice]) -> Choice:
        """Join choices, in their order."""
        return cls(
            np.concatenate([one.rows for one in choices]),
            np.concatenate([one.scores for one in choices]),
            tuple(name for one in choices for name in one.chosen_by),
        )

    def take(self, places: NDArray[np.integer] | NDArray[np.bool_]) -> Choice:
        """Give some of them."""
        names = np.array(self.chosen_by, dtype=object)[places]
        return Choice(self.rows[places], self.scores[places], tuple(names))

    def __len__(self) -> int:
        return len(self.rows)
