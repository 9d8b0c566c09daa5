"""The wavelengths of a campaign: one window, or several."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import CampaignError

MOST_WINDOWS = 20
# Where the windows of spectra stand that have one, see `Grid.parts`.
WHOLE = (slice(None),)
_NUMBERS = 4  # that say of one of several windows what it is


class Spacing(StrEnum):
    """What is the same from each wavelength to the next one: the difference or the ratio."""

    LINEAR = "linear"
    LOG = "log"


@dataclass(frozen=True)
class Window:
    """Vacuum wavelengths in equal steps.

    Parameters
    ----------
    start, end : float
        First and last wavelength in angstrom (vacuum), both inclusive.
    n : int
        Number of wavelengths.
    spacing : Spacing
        Whether the steps are equal in wavelength or in its logarithm, which is in velocity.
    """

    start: float = 6519.0
    end: float = 6732.0
    n: int = 140
    spacing: Spacing = Spacing.LINEAR

    def __post_init__(self) -> None:
        if not (np.isfinite(self.start) and np.isfinite(self.end) and 0 < self.start < self.end):
            raise CampaignError(
                f"The window {self.start}-{self.end} Å is not a wavelength range. "
                "Give a positive start and a larger end, in Å (vacuum)."
            )
        if self.n < self.shortest:
            raise CampaignError(
                f"A window of {self.n} wavelengths is nothing for the network. "
                f"Give {self.shortest} at least, all windows together {Grid.shortest} to "
                f"{Grid.longest}."
            )

    shortest = 12

    @cached_property
    def wavelength(self) -> NDArray[np.float64]:
        """Wavelengths in angstrom (vacuum), shape (n,), read-only."""
        space = np.geomspace if self.spacing is Spacing.LOG else np.linspace
        wavelength = space(self.start, self.end, self.n)
        wavelength.setflags(write=False)
        return wavelength

    def __str__(self) -> str:
        steps = " in log steps" if self.spacing is Spacing.LOG else ""
        return f"{self.start:g}-{self.end:g} Å × {self.n}{steps}"

    def describe(self, what: str = "") -> str:
        """Say where its wavelengths are, as in "140 from 6519 to 6732 Å"; `what` names them."""
        steps = ", in equal steps of the logarithm" if self.spacing is Spacing.LOG else ""
        return f"{self.n} {what}from {self.start:g} to {self.end:g} Å{steps}"

    def holds(self, wavelength: float, margin: float = 0.0) -> bool:
        """Tell whether a wavelength (angstrom, vacuum) is within, or beside by so much."""
        return self.start - margin <= wavelength <= self.end + margin

    def near(self, wavelengths: NDArray[np.float64], margin: float = 0.0) -> NDArray[np.bool_]:
        """Tell which of some wavelengths are within, or beside by so much; shape of these."""
        return (wavelengths >= self.start - margin) & (wavelengths <= self.end + margin)


@dataclass(frozen=True)
class Grid:
    """Vacuum wavelengths that every spectrum is resampled to: those of all windows, one by one.

    Parameters
    ----------
    windows : tuple of Window
        Kept in the order of their wavelengths, however they are given; none overlaps another.
    """

    windows: tuple[Window, ...] = (Window(),)

    def __post_init__(self) -> None:
        windows = tuple(sorted(self.windows, key=lambda one: one.start))
        object.__setattr__(self, "windows", windows)
        if not 1 <= len(windows) <= MOST_WINDOWS:
            raise CampaignError(
                f"A search has 1 to {MOST_WINDOWS} windows, not {len(windows)}: join some of them."
            )
        for one, other in pairwise(windows):
            if other.start <= one.end:
                raise CampaignError(
                    f"The windows {one} and {other} overlap: make one of the two, or let the "
                    "second begin behind the end of the first."
                )
        # Three convolution blocks with valid padding leave nothing of a shorter window.
        if not self.shortest <= self.n <= self.longest:
            raise CampaignError(
                f"A grid of {self.n} wavelengths is nothing for the network. "
                f"Give {self.shortest} to {self.longest}."
            )

    shortest = 36
    longest = 10_000

    @classmethod
    def of(
        cls,
        start: float = Window.start,
        end: float = Window.end,
        n: int = Window.n,
        spacing: Spacing = Spacing.LINEAR,
    ) -> Grid:
        """Make a grid of one window, see `Window`."""
        return cls((Window(start, end, n, spacing),))

    @property
    def start(self) -> float:
        """First wavelength of all, in angstrom (vacuum)."""
        return self.windows[0].start

    @property
    def end(self) -> float:
        """Last wavelength of all, in angstrom (vacuum)."""
        return self.windows[-1].end

    @cached_property
    def n(self) -> int:
        """Number of wavelengths of all windows."""
        return sum(one.n for one in self.windows)

    @cached_property
    def parts(self) -> tuple[slice, ...]:
        """Where each window stands among all wavelengths."""
        ends = np.cumsum([0, *(one.n for one in self.windows)]).tolist()
        return tuple(slice(start, end) for start, end in pairwise(ends))

    @cached_property
    def wavelength(self) -> NDArray[np.float64]:
        """Wavelengths in angstrom (vacuum), shape (n,), read-only."""
        wavelength = np.concatenate([one.wavelength for one in self.windows])
        wavelength.setflags(write=False)
        return wavelength

    def holds(self, wavelength: float, margin: float = 0.0) -> bool:
        """Tell whether a wavelength (angstrom, vacuum) is in a window, or beside it by so much."""
        return any(one.holds(wavelength, margin) for one in self.windows)

    def __str__(self) -> str:
        return " + ".join(map(str, self.windows))

    @property
    def noun(self) -> str:
        """What it is called: a window, or windows."""
        return "window" if len(self.windows) == 1 else "windows"

    @property
    def ranges(self) -> str:
        """From where to where its windows reach, as in "window 6519-6732 Å"."""
        return f"{self.noun} {', '.join(f'{one.start:g}-{one.end:g} Å' for one in self.windows)}"

    def describe(self) -> str:
        """Say which wavelengths these are, in a part of a sentence."""
        if len(self.windows) == 1:
            return self.windows[0].describe("vacuum wavelengths ")
        windows = "; ".join(one.describe() for one in self.windows)
        return f"{self.n} vacuum wavelengths in {len(self.windows)} windows ({windows})"

    @property
    def numbers(self) -> tuple[float, ...]:
        """What `from_numbers` makes a grid of, for files.

        Start, end and number of one window, and 1 after it where its steps are logarithmic; of
        several windows these three, and 1 or 0, for each.
        """
        numbers = tuple(
            (one.start, one.end, float(one.n), float(one.spacing is Spacing.LOG))
            for one in self.windows
        )
        if len(numbers) == 1 and not numbers[0][-1]:
            return numbers[0][:-1]
        return tuple(number for one in numbers for number in one)

    @classmethod
    def from_numbers(cls, numbers: Iterable[float]) -> Grid:
        """Make a grid of what `numbers` has given.

        Raises
        ------
        ValueError
            If these are not the numbers of windows.
        CampaignError
            If no grid can be of these windows.
        """
        given = list(numbers)
        if len(given) == _NUMBERS - 1:
            given.append(0.0)
        if not given or len(given) % _NUMBERS:
            raise ValueError(f"{len(given)} numbers are no windows")
        return cls(
            tuple(
                Window(float(start), float(end), int(n), Spacing.LOG if is_log else Spacing.LINEAR)
                for start, end, n, is_log in zip(*[iter(given)] * _NUMBERS, strict=True)
            )
        )
