"""Which spectra of a survey are further visits of a star that it has observed before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Share of the spectra that are further visits. LAMOST's fields overlap, and some are repeated.
FURTHER = 0.05


def first_visits(
    group: NDArray[np.integer], share: float, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Choose which spectra show the same star; some are visited twice, as many three times.

    Parameters
    ----------
    group : ndarray of int, shape (n_spectra,)
        Only spectra of the same group can show the same star.
    share : float
        Share of further visits, which holds in expectation in each group of more than a few.
    rng : numpy.random.Generator
        Where every number comes from.

    Returns
    -------
    ndarray of int, shape (n_spectra,)
        For each spectrum the row of the first visit of its star, which is never a later row.
    """
    rows = np.arange(len(group))
    first = rows.copy()
    for number in np.unique(group):
        shuffled = rng.permutation(rows[group == number])
        n_further = min(rng.binomial(len(shuffled), share), len(shuffled) // 3)
        further, others = shuffled[:n_further], shuffled[n_further:]
        # Every second star that is visited again is visited twice again.
        first[further] = others[2 * np.arange(n_further) // 3]
    earliest = rows.copy()
    np.minimum.at(earliest, first, rows)
    return earliest[first]
