"""What a training minimises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

# Stands for the logit of a class that is not allowed: e to this power is 0 in any float.
_NEVER = -1e9


def partial_label_loss(prior: NDArray[np.floating] | None = None) -> Callable[[Any, Any], Any]:
    """Make the loss −ln Σ p over the classes that a spectrum may belong to, from logits.

    With one class allowed it is the cross-entropy. Nothing is added to a probability that has
    become small: a network that is wrong and sure of it keeps a gradient of 1 that leads it back.

    Parameters
    ----------
    prior : ndarray, shape (n_classes,), optional
        Shares of the classes in training for logit adjustment: the network learns what it would
        say if all classes were equally frequent.

    Returns
    -------
    callable
        From allowed, shape (n, n_classes), 0 or 1 with a 1 in each row, and logits of that shape
        to the loss of each spectrum, shape (n,).

    References
    ----------
    Cour, Sapp & Taskar (2011), JMLR, 12, 1501; Menon et al. (2021), ICLR, arXiv:2007.07314.
    """
    log_prior = None if prior is None else np.log(np.asarray(prior, dtype=np.float32))

    def loss(allowed: Any, logits: Any) -> Any:
        if log_prior is not None:
            logits = logits + log_prior
        of_allowed = ops.where(allowed > 0, logits, _NEVER)
        return ops.logsumexp(logits, axis=-1) - ops.logsumexp(of_allowed, axis=-1)

    return loss
