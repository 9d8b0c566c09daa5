"""The resolving power R = wavelength / FWHM of a pool: what it is, and what it asks of a spectrum.

It stands in the pool's file as attributes of the group: `resolving_power`, a number or "as-is",
and `blurrier`. The column `resolving_power` says what each spectrum had before it came into the
pool: a sharper one was degraded, one that is blurrier by more than `TOLERANCE` is marked by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.excerpt import shorten
from active_cnn.spectra.limits import LIMITS, Limits, plain_attribute, read_limits, write_limits

# What a header may say of R; other numbers are slips, and tell no more than none.
RANGE = (10.0, 1e6)
AS_IS_TEXT = "as-is"

# By how much of it R may be lower than the pool's: instruments of one survey differ by that much.
TOLERANCE = 0.05

COLUMN = "resolving_power"
_ATTRIBUTE = "resolving_power"
_ATTRIBUTE_BLURRIER = "blurrier"


def believe(said: float | None) -> float | None:
    """Give a resolving power that is stated; None where there is none, or it cannot be true."""
    return said if said is not None and RANGE[0] <= said <= RANGE[1] else None


class Blurrier(StrEnum):
    """What becomes of a spectrum whose resolving power is lower than the pool's."""

    REFUSE = "refuse"
    MARK = "mark"


@dataclass(frozen=True)
class PoolResolution:
    """The resolving power that the spectra of a pool are brought to, and what they may lack.

    Parameters
    ----------
    power : float or None
        Sharper spectra are degraded to it; None = as-is, each spectrum keeps its own.
    blurrier : Blurrier
        What becomes of blurrier ones; without a meaning for as-is.
    is_stated : bool
        Whether the pool says so itself.
    limits : Limits
        How much may be missing of its spectra.

    Raises
    ------
    SpectrumError
        If no spectrum can have such a resolving power.
    """

    power: float | None = None
    blurrier: Blurrier = Blurrier.REFUSE
    is_stated: bool = True
    limits: Limits = LIMITS

    def __post_init__(self) -> None:
        if self.power is not None and believe(self.power) is None:
            raise SpectrumError(
                f"A pool cannot have the resolving power {self.power:g}. Give R = wavelength / "
                f"FWHM, a number from {RANGE[0]:g} to {RANGE[1]:.0f}, or {AS_IS_TEXT}."
            )

    @property
    def text(self) -> str:
        """As it is given on the command line."""
        return AS_IS_TEXT if self.power is None else f"{self.power:.10g}"

    def is_blurrier(self, own: float | None) -> bool:
        """Whether a spectrum is too blurred for the pool; never if its own R is not known."""
        return own is not None and self.power is not None and own < (1 - TOLERANCE) * self.power

    def refuses(self, own: float | None) -> bool:
        """Whether a spectrum of this resolving power is refused."""
        return self.blurrier is Blurrier.REFUSE and self.is_blurrier(own)

    def describe_blurrier(self, own: float | None) -> str:
        """Say that a spectrum is blurrier, with both resolving powers; '' if it is not."""
        if not self.is_blurrier(own):
            return ""
        return f"is blurrier than the pool: R = {own:g}, the pool's is R = {self.power:g}"

    def refuse_blurrier(self, own: float | None) -> None:
        """Refuse a spectrum that is blurrier, if the pool does so.

        Raises
        ------
        SpectrumError
            With the resolving power of both.
        """
        if self.refuses(own):
            raise SpectrumError(self.describe_blurrier(own))


AS_IS = PoolResolution()

# Earlier versions brought every sharper spectrum to this, let blurrier ones in, and wrote nothing
# of it into the pool.
NOT_STATED = PoolResolution(1800.0, Blurrier.MARK, is_stated=False)


def write_resolution(group: h5py.Group, resolution: PoolResolution) -> None:
    """Write into a pool's group what its resolving power is."""
    group.attrs[_ATTRIBUTE] = AS_IS_TEXT if resolution.power is None else resolution.power
    if resolution.power is not None:
        group.attrs[_ATTRIBUTE_BLURRIER] = resolution.blurrier.value
    write_limits(group, resolution.limits)


def read_resolution(group: h5py.Group) -> PoolResolution:
    """Read from a pool's group what its resolving power is; `NOT_STATED` if it does not say.

    Raises
    ------
    SpectrumError
        If it says what cannot be.
    """
    limits = read_limits(group)
    said = plain_attribute(group.attrs.get(_ATTRIBUTE))
    if said is None:
        return replace(NOT_STATED, limits=limits)
    if said == AS_IS_TEXT:
        return PoolResolution(limits=limits)
    blurrier = plain_attribute(group.attrs.get(_ATTRIBUTE_BLURRIER, Blurrier.REFUSE.value))
    if isinstance(said, float) and believe(said) and blurrier in list(Blurrier):
        return PoolResolution(said, Blurrier(blurrier), limits=limits)
    raise SpectrumError(
        f"{group.file.filename}, group '{group.name.strip('/')}': the attributes "
        f"'{_ATTRIBUTE}' and '{_ATTRIBUTE_BLURRIER}' are {shorten(said)} and {shorten(blurrier)}. "
        f"Give a number from {RANGE[0]:g} to {RANGE[1]:.0f} or '{AS_IS_TEXT}', and "
        f"'{Blurrier.REFUSE}' or '{Blurrier.MARK}'; or leave both out."
    )


def agree(stated: Iterable[tuple[Path, PoolResolution]]) -> PoolResolution:
    """Give the resolving power that the files of a pool have in common.

    Parameters
    ----------
    stated : iterable of (Path, PoolResolution)
        At least one. Files that state nothing are of R = 1800, as those that state that.

    Raises
    ------
    SpectrumError
        If they differ.
    """
    (first, common), *others = stated
    for path, one in others:
        if one.power != common.power:
            raise SpectrumError(
                f"The shards of a pool must be of one resolving power: {first} is "
                f"{_name(common)}, {path} is {_name(one)}. Ingest them into one pool with "
                "--pool-resolving-power."
            )
        if one.limits != common.limits:
            raise SpectrumError(
                f"The shards of a pool must be made with one set of limits: {first} has "
                f"{common.limits}, {path} has {one.limits}. Ingest their files into one pool."
            )
        is_marking = Blurrier.MARK in (common.blurrier, one.blurrier)
        common = PoolResolution(
            common.power,
            Blurrier.MARK if is_marking else Blurrier.REFUSE,
            common.is_stated and one.is_stated,
            common.limits,
        )
    return common


def read_powers(
    group: h5py.Group, rows: slice, sampling: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Tell what resolving power rows of a pool have now.

    Parameters
    ----------
    group : h5py.Group
        Of the pool.
    rows : slice
        Contiguous rows.
    sampling : float
        The highest R that the pool's grid can carry.

    Returns
    -------
    known : ndarray, shape (n_rows,)
        As far as it is known; else NaN.
    taken : ndarray, shape (n_rows,)
        The same, but where it is not known the pool's, or of a pool as-is `sampling`.
    """
    resolution = read_resolution(group)
    n = rows.stop - rows.start
    if COLUMN in group:
        known = group[COLUMN][rows].astype(np.float64)
        known[~is_believable(known)] = np.nan
    else:
        known = np.full(n, np.nan)
    if resolution.power is not None:
        # Without the column, the pool speaks for all.
        is_of_pool = known > resolution.power if COLUMN in group else np.ones(n, dtype=bool)
        known[is_of_pool] = resolution.power
    return known, np.where(np.isnan(known), resolution.power or sampling, known)


def is_believable(powers: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Tell which of some resolving powers can be true; see `believe`."""
    return (powers >= RANGE[0]) & (powers <= RANGE[1])


@dataclass(frozen=True)
class PowerCounts:
    """What resolving powers the spectra of a pool had, and what became of them.

    Parameters
    ----------
    resolution : PoolResolution
        Of the pool.
    n_unknown : int
        Spectra whose own R is not known.
    n_degraded, n_blurrier : int
        Those that were brought to the pool's R, and those that are marked as blurrier.
    lowest, highest : float
        The least and the greatest R; 0 if none is known.
    """

    resolution: PoolResolution
    n_unknown: int
    n_degraded: int
    n_blurrier: int
    lowest: float
    highest: float

    def describe(self) -> str:
        """Say it in sentences."""
        power = self.resolution.power
        if not self.resolution.is_stated:
            return (
                f"Resolving power: not stated in the pool; R = {power:g} is taken, to which "
                "earlier versions brought every sharper spectrum."
            )
        said = []
        if power is None:
            said.append("Resolving power as-is: nothing was degraded.")
            if self.highest:
                low, high = f"{self.lowest:.0f}", f"{self.highest:.0f}"
                said.append(f"R is {low}." if low == high else f"R is {low} to {high}.")
        elif self.n_degraded:
            said.append(
                f"Resolving power: {self.n_degraded} spectra were brought from up to "
                f"R = {self.highest:.0f} to R = {power:g}."
            )
        else:
            said.append(f"Resolving power: R = {power:g}; none is known to be sharper.")
        if self.n_unknown:
            taken = "" if power is None else ": two pixels a FWHM were taken for it"
            said.append(f"Of {self.n_unknown} spectra it is not known{taken}.")
        if self.n_blurrier:
            said.append(
                f"{self.n_blurrier} are blurrier, down to R = {self.lowest:.0f}, and marked by "
                f"the column '{COLUMN}'."
            )
        return " ".join(said)


def count_powers(resolution: PoolResolution, powers: NDArray[np.floating[Any]]) -> PowerCounts:
    """Count what a pool's column of resolving powers says.

    Parameters
    ----------
    resolution : PoolResolution
        Of the pool.
    powers : ndarray, shape (n_spectra,)
        The column, NaN where nothing is known.
    """
    # In the width of the column: R = 6800.1 is no sharper than itself.
    with np.errstate(over="ignore"):
        powers = powers.astype(np.float32, copy=False)
    known = powers[is_believable(powers)]
    most = np.float32(np.inf if resolution.power is None else resolution.power)
    least = 0 if resolution.power is None else np.float32((1 - TOLERANCE) * resolution.power)
    return PowerCounts(
        resolution,
        n_unknown=len(powers) - len(known),
        n_degraded=int((known > most).sum()),
        n_blurrier=int((known < least).sum()),
        lowest=float(known.min(initial=np.inf)) if known.size else 0.0,
        highest=float(known.max(initial=0.0)),
    )


def _name(resolution: PoolResolution) -> str:
    if resolution.power is None:
        return AS_IS_TEXT
    return f"of R = {resolution.power:g}{'' if resolution.is_stated else ' (not stated)'}"
