"""The most promising first: as many finds an hour as there can be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from active_cnn.query.scored import Scored


def p_target(scored: Scored, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Most probable targets: the surest finds, one after the other.

    References
    ----------
    Jiang et al. (2017), ICML, PMLR 70, 1714, where it is the greedy baseline of active search;
    Warmuth et al. (2003), J. Chem. Inf. Comput. Sci., 43, 667.
    """
    return scored.p_target[rows]
