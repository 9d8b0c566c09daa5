"""What a training minimises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray


def partial_label_loss(prior: NDArray[np.floating] | None = None) -> Callable[[Any, Any], Any]:
    """Make the loss −ln Σ p over the classes that a spectrum may belong to.

    With one class allowed it is the cross-entropy.

    Parameters
    ----------
    prior : ndarray, shape (n_classes,), optional
        Shares of the classes in training for logit adjustment: the network learns what it would
        say if all classes were equally frequent.

    Returns
    -------
    callable
        From allowed, shape (n, n_classes), 0 or 1, and probabilities of that shape to the loss of
        each spectrum, shape (n,).

    References
    ----------
    Cour, Sapp & Taskar (2011), JMLR, 12, 1501; Menon et al. (2021), ICLR, arXiv:2007.07314.
    """
    weights = None if prior is None else np.asarray(prior, dtype=np.float32)

    def loss(allowed: Any, probabilities: Any) -> Any:
        if weights is not None:
            probabilities = probabilities * weights
            probabilities = probabilities / ops.sum(probabilities, axis=-1, keepdims=True)
        return -ops.log(ops.sum(allowed * probabilities, axis=-1) + 1e-7)

    return loss
