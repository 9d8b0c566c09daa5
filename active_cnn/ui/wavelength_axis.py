"""Wavelengths of a chart: on one axis that leaves out what lies between several windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
from numpy.typing import NDArray

from active_cnn.grid import Grid
from active_cnn.records import Line

_LENGTH = 100.0  # of the axis, where it has gaps, in a unit of its own
_GAP = 2.5  # in that unit
_LEAST_SHARE = 0.6  # of the length that a stretch would have if all had the same


class WavelengthAxis:
    """Where wavelengths stand from left to right.

    A single stretch stands on the usual axis of wavelengths. Several stand side by side, each
    linear in wavelength, with a gap between.

    Parameters
    ----------
    stretches : sequence of (float, float, float)
        Start and end in angstrom, and what share of the axis it is to have, in any unit; those
        that overlap are joined.
    """

    def __init__(self, stretches: Sequence[tuple[float, float, float]]) -> None:
        joined: list[tuple[float, float, float]] = []
        for start, end, share in sorted(stretches):
            if joined and start <= joined[-1][1]:
                before = joined.pop()
                start, end, share = before[0], max(before[1], end), before[2] + share
            joined.append((start, end, share))
        self.start, self.end = (np.array([one[place] for one in joined]) for place in (0, 1))
        shares = np.array([one[2] for one in joined])
        shares = np.maximum(shares / shares.sum(), _LEAST_SHARE / len(joined))
        lengths = shares / shares.sum() * (_LENGTH - _GAP * (len(joined) - 1))
        self._left = np.cumsum(lengths + _GAP) - lengths - _GAP
        self._scale = (self.end - self.start) / lengths  # angstrom per unit

    @classmethod
    def of(cls, grid: Grid, margin: float = 0.0) -> WavelengthAxis:
        """Give each window a stretch, with so many angstrom on both sides."""
        return cls([(one.start - margin, one.end + margin, one.n) for one in grid.windows])

    @property
    def has_gaps(self) -> bool:
        """Whether there are several stretches."""
        return len(self.start) > 1

    def find(self, wavelength: NDArray[np.float64]) -> NDArray[np.intp]:
        """Tell in which stretch each wavelength lies; −1 in none."""
        found = np.searchsorted(self.start, wavelength, side="right") - 1
        return np.where((found >= 0) & (wavelength <= self.end[found]), found, -1)

    def place(self, wavelength: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the places of wavelengths that lie in a stretch."""
        if not self.has_gaps:
            return wavelength
        of = self.find(wavelength)
        places: NDArray[np.float64] = self._left[of] + (
            (wavelength - self.start[of]) / self._scale[of]
        )
        return places

    def inside(self, lines: Sequence[Line]) -> list[Line]:
        """Give the lines that lie in a stretch."""
        return [one for one in lines if self.find(np.array([one.wavelength]))[0] >= 0]

    @property
    def gaps(self) -> list[tuple[float, float]]:
        """From which place to which nothing stands."""
        return [(float(left) - _GAP, float(left)) for left in self._left[1:]]

    def channel(self, title: str | None, ticks: int | None = None) -> alt.X:
        """Make the x channel of a chart whose data have their place as `place`.

        Parameters
        ----------
        title : str or None
            Of the axis.
        ticks : int, optional
            About so many in all.
        """
        scale = alt.Scale(zero=False, nice=False)
        more: dict[str, Any] = {} if ticks is None else {"tickCount": ticks}
        if not self.has_gaps:
            axis = alt.Axis(format="d", grid=False, **more)
            return alt.X("place:Q", title=title, scale=scale, axis=axis)
        axis = alt.Axis(
            values=self._ticks(ticks or 12),
            labelExpr=self._label(),
            labelOverlap="greedy",
            labelSeparation=4,
            grid=False,
        )
        # The ends too: a stretch without pixels keeps its room.
        scale = alt.Scale(domain=[0, _LENGTH], nice=False)
        return alt.X("place:Q", title=title, scale=scale, axis=axis)

    def _ticks(self, most: int) -> list[float]:
        each = most // len(self.start)
        places: list[float] = []
        for start, end in zip(self.start, self.end, strict=True):
            rough = (end - start) / max(each, 4)
            power = 10 ** np.floor(np.log10(rough))
            step = power * next(one for one in (1, 2, 5, 10) if one * power >= rough)
            found = np.arange(np.ceil(start / step), np.floor(end / step) + 1) * step
            if each < 2:
                found = found[np.abs(found - (start + end) / 2).argmin()][None]
            places.extend(self.place(found).tolist())
        return places

    def _label(self) -> str:
        # From the place back to the wavelength, in the language of Vega.
        said = ""
        for place in range(len(self.start)):
            left, scale, start = self._left[place], self._scale[place], self.start[place]
            value = f"{start:.6f} + (datum.value - {left:.6f}) * {scale:.8f}"
            is_last = place == len(self.start) - 1
            until = left if is_last else self._left[place + 1] - _GAP / 2
            said += value if is_last else f"datum.value < {until:.6f} ? {value} : "
        return f"format({said}, 'd')"
