"""What a training is judged by: alarms, and how it ranks beside the plainest method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# What network and baseline have ranked.
HELD_OUT = "held_out"
PLANTED = "planted"


@dataclass(frozen=True)
class Alarm:
    """Something about a training that a person has to know.

    Parameters
    ----------
    code : str
        Which of `active_cnn.evaluation.alarms`; it never changes.
    text : str
        What happened, with which value.
    advice : str
        What to do.
    is_failure : bool
        Whether the training has learned nothing.
    """

    code: str
    text: str
    advice: str
    is_failure: bool = False

    def __str__(self) -> str:
        return f"{self.text} {self.advice}"


@dataclass(frozen=True)
class Ranking:
    """How well network and baseline rank targets before others, on the same spectra.

    Parameters
    ----------
    network, baseline : float
        Average precision: 1 where all targets come first, `n_targets / n` by chance.
    n, n_targets : int
        Spectra, and targets among them.
    """

    network: float
    baseline: float
    n: int
    n_targets: int

    def __str__(self) -> str:
        return (
            f"{self.network:.3f} (baseline {self.baseline:.3f}; {self.n_targets:,} targets among "
            f"{self.n:,})"
        )


def describe_rankings(rankings: Mapping[str, Ranking]) -> str:
    """Say in a sentence how network and baseline rank; '' where nothing is known."""
    named = {HELD_OUT: "held-out spectra", PLANTED: "planted lines"}
    parts = [f"{named[name]} {one}" for name, one in rankings.items()]
    return f"Average precision of {' and of '.join(parts)}." if parts else ""
