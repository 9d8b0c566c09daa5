"""What a methods section says of iterations whose pool was ranked, before there was a network."""

from __future__ import annotations

from collections.abc import Sequence

from active_cnn.records import Iteration
from active_cnn.wording import one_or_many

REFERENCE = (
    "Kraut, S., Scharf, L. L., McWhorter, L. T. 2001, IEEE Trans. Signal Process., 49, 1 (ranking "
    "by likeness)"
)


def describe_ranked(iterations: Sequence[Iteration]) -> str:
    """Say which iterations were ranked by likeness to examples, and how; '' if none was."""
    scored = [(one.number, one.result) for one in iterations if one.result]
    ranked = [(number, result) for number, result in scored if result.is_ranking]
    if not ranked:
        return ""
    first, (last, result) = ranked[0][0], ranked[-1]
    which = f"iteration {last}" if first == last else f"the iterations {first} to {last}"
    counts = ", ".join(f"{n:,} {name}" for name, n in result.counts_before.items() if n)
    n = result.n_training
    return (
        f"In {which} too little was labelled to train a network, and the pool was ranked by its "
        "likeness to the examples: spectra were projected onto principal components of the pool, "
        "each divided by its scatter, and brought to unit length (Kraut et al. 2001); a logistic "
        "regression parted the examples from spectra drawn from the pool, which stood for the "
        f"rest. The last ranking had {n:,} labelled {one_or_many(n, 'spectrum', 'spectra')} "
        f"({counts})." + (" No network has been trained yet." if len(ranked) == len(scored) else "")
    )
