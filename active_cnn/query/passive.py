"""Drawing by chance: what active learning has to beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from active_cnn.query.scored import Choice, Scored
from active_cnn.query.selection import refuse_size


def random(
    scored: Scored,  # noqa: ARG001  every strategy is called alike
    rows: NDArray[np.int64],
    size: int,
    rng: np.random.Generator,
) -> Choice:
    """Uniformly among all spectra: passive learning."""
    refuse_size(size, len(rows))
    return Choice.by_chance("random", rng.choice(rows, size, replace=False))


def random_target(
    scored: Scored, rows: NDArray[np.int64], size: int, rng: np.random.Generator
) -> Choice:
    """Uniformly among the predicted targets, as the method's authors did.

    References
    ----------
    Škoda, Podsztavek & Tvrdík (2020), A&A, 643, A122, section 4.
    """
    targets = rows[scored.is_target[rows]]
    refuse_size(size, len(targets), "predicted targets that have not been answered")
    return Choice.by_chance("random-target", rng.choice(targets, size, replace=False))
