"""Scores of what the network is least certain of: the higher, the sooner it is asked about.

References
----------
Settles (2009), Active Learning Literature Survey, section 3.1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from active_cnn.query.scored import Scored


def entropy(scored: Scored, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Highest entropy: undecided among all classes.

    References
    ----------
    Shannon (1948), Bell System Technical Journal, 27, 379; the code of Škoda, Podsztavek & Tvrdík
    (2020), A&A, 643, A122.
    """
    return entr(scored.probabilities[rows]).sum(axis=1)


def margin(scored: Scored, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Smallest margin: undecided between the two most probable classes.

    References
    ----------
    Scheffer, Decomain & Wrobel (2001), Advances in Intelligent Data Analysis, LNCS 2189, 309.
    """
    highest = np.partition(scored.probabilities[rows], -2, axis=1)
    return highest[:, -2] - highest[:, -1]
