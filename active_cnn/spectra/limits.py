"""How much may be missing of a spectrum in a window: what a pool was made with.

It stands in the pool's file as attributes of the group; pools of earlier versions have none, and
were made with `LIMITS`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

import h5py
import numpy as np

from active_cnn.errors import SpectrumError
from active_cnn.excerpt import shorten

# Between any two pixels is a step; a gap begins behind that.
LEAST_GAP, MOST_GAP = 2.0, 10_000.0


@dataclass(frozen=True)
class Limits:
    """How much may be missing.

    Parameters
    ----------
    largest_gap : float
        The widest gap that is bridged, in steps of the axis; or one resolution element of the pool
        (of a pool as-is: of the spectrum) where that is wider: what is narrower than that leaves
        no gap once the spectrum is degraded.
    most_bridged : float
        The largest share of the pixels in a window that is bridged. Of 743 real spectra, the worst
        that a person can still judge lacks 15 of 140.
    coverage : float
        The least share of a window's wavelengths that lies within the spectrum. What lies outside
        gets the value of the nearest pixel that has one; by default nothing does.

    Raises
    ------
    SpectrumError
        If one of them is none.
    """

    largest_gap: float = 10.0
    most_bridged: float = 0.2
    coverage: float = 1.0

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("largest_gap", self.largest_gap, LEAST_GAP, MOST_GAP),
            ("most_bridged", self.most_bridged, 0.0, 1.0),
            ("coverage", self.coverage, 0.0, 1.0),
        ):
            is_none = name == "coverage" and value == 0
            if is_none or not low <= value <= high:  # asked this way round, NaN is refused
                what = "steps of the axis" if name == "largest_gap" else "a share"
                above = "above " if name == "coverage" else ""
                raise SpectrumError(
                    f"{name} cannot be {value:g}: give {what}, a number from {above}{low:g} to "
                    f"{high:g}."
                )

    def describe(self) -> str:
        """Say what is bridged, and what a spectrum has to cover, in a sentence."""
        covered = (
            "all of each window has to be covered"
            if self.coverage == 1
            else f"{100 * self.coverage:g} % of each window have to be covered"
        )
        return (
            f"Pixels without a value are bridged in gaps of {self.largest_gap:g} steps at most, "
            f"and of up to {100 * self.most_bridged:g} % of a window; {covered}."
        )


LIMITS = Limits()


def write_limits(group: h5py.Group, limits: Limits) -> None:
    """Write into a pool's group what its limits are."""
    group.attrs.update(asdict(limits))


def read_limits(group: h5py.Group) -> Limits:
    """Read from a pool's group what its limits are; `LIMITS` where it does not say.

    Raises
    ------
    SpectrumError
        If it says what cannot be.
    """
    said = {
        one.name: plain_attribute(group.attrs[one.name])
        for one in fields(Limits)
        if one.name in group.attrs
    }
    try:
        for name, value in said.items():
            if not isinstance(value, float):
                raise SpectrumError(f"{name} cannot be {shorten(value)}: give a number.")
        return Limits(**said)
    except SpectrumError as error:
        raise SpectrumError(
            f"{group.file.filename}, group '{group.name.strip('/')}': the attribute {error} "
            "Or leave it out."
        ) from error


def plain_attribute(said: Any) -> Any:
    """Give an attribute as text, a float, or else as whatever it is."""
    if isinstance(said, bytes):
        return said.decode("utf-8", "replace")
    if isinstance(said, np.generic | np.ndarray):
        is_number = said.size == 1 and said.dtype.kind in "fiu"
        return float(said.item()) if is_number else said.tolist()
    return said
