"""Charts of spectra: arrays in, Altair chart out; no reading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from active_cnn.campaign.overview import Gallery
from active_cnn.grid import Grid
from active_cnn.records import Line, Medium, Spectrum
from active_cnn.spectra.preprocessing import find_valued
from active_cnn.spectra.thinning import thin_out
from active_cnn.spectra.wavelength import vacuum_to_air
from active_cnn.ui.palette import MARK, SPECTRUM

MARGIN = 60.0  # angstrom around the window in the view of what preparation started from


def window(
    flux: NDArray[np.float32], grid: Grid, lines: Sequence[Line], height: int = 290
) -> alt.LayerChart:
    """Draw a scaled window, as the network sees it.

    Parameters
    ----------
    flux : ndarray, shape (grid.n,)
        As `Scaling` gives it.
    grid : Grid
        Its wavelengths.
    lines : sequence of Line
        To mark.
    height : int
        In pixels.
    """
    return _spectrum(
        grid.wavelength,
        flux,
        f"wavelength in vacuum (Å); {grid.n} points",
        "flux, scaled",
        _inside(lines, grid.start, grid.end),
        height,
    )


def whole(spectrum: Spectrum, lines: Sequence[Line], height: int = 210) -> alt.LayerChart:
    """Draw all of a spectrum in its own medium, the lines marked where they are in it."""
    return _raw(spectrum, spectrum.wavelength[0], spectrum.wavelength[-1], lines, height)


def before(
    spectrum: Spectrum, grid: Grid, lines: Sequence[Line], height: int = 290
) -> alt.LayerChart:
    """Draw a spectrum around the window as its file gives it, in its own medium."""
    return _raw(spectrum, grid.start - MARGIN, grid.end + MARGIN, lines, height)


def _raw(
    spectrum: Spectrum, start: float, end: float, lines: Sequence[Line], height: int
) -> alt.LayerChart:
    shown = (spectrum.wavelength >= start) & (spectrum.wavelength <= end)
    valued = find_valued(spectrum, spectrum.wavelength, shown)
    wavelength, flux = thin_out(spectrum.wavelength[shown][valued], spectrum.flux[shown][valued])
    if spectrum.medium is Medium.AIR:
        in_air = vacuum_to_air(np.array([line.wavelength for line in lines]))
        lines = [Line(line.name, float(place)) for line, place in zip(lines, in_air, strict=True)]
    return _spectrum(
        wavelength,
        flux,
        f"wavelength in {spectrum.medium.value} (Å)",
        "flux, as in the file" if valued.all() else "flux, pixels without a value left out",
        _inside(lines, start, end),
        height,
    )


def _inside(lines: Sequence[Line], start: float, end: float) -> list[Line]:
    return [line for line in lines if start <= line.wavelength <= end]


def _spectrum(
    wavelength: NDArray[np.float64],
    flux: NDArray[Any],
    x_title: str,
    y_title: str,
    lines: Sequence[Line],
    height: int,
) -> alt.LayerChart:
    data = pd.DataFrame({"wavelength": wavelength, "flux": flux})
    curve = (
        alt.Chart(data)
        .mark_line(strokeWidth=1.3, color=SPECTRUM, interpolate="linear")
        .encode(
            x=alt.X(
                "wavelength:Q",
                title=x_title,
                scale=alt.Scale(zero=False, nice=False),
                axis=alt.Axis(format="d", grid=False),
            ),
            y=alt.Y(
                "flux:Q", title=y_title, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5)
            ),
        )
    )
    least_distance = 0.08 * float(np.ptp(wavelength)) if len(wavelength) else 0.0
    marks = pd.DataFrame(
        {
            "wavelength": [line.wavelength for line in lines],
            "line": [line.name for line in lines],
            "row": _stagger([line.wavelength for line in lines], least_distance),
        }
    )
    rules = (
        alt.Chart(marks)
        .mark_rule(color=MARK, strokeDash=[4, 3], strokeWidth=1.2)
        .encode(x="wavelength:Q", tooltip=["line", alt.Tooltip("wavelength:Q", format=".2f")])
    )
    chart = curve + rules
    for row in sorted(set(marks["row"])):
        chart += (
            alt.Chart(marks[marks["row"] == row])
            .mark_text(align="left", baseline="top", dx=4, dy=2, color=MARK, fontWeight=600)
            .encode(x="wavelength:Q", y=alt.value(14 * row), text="line:N")
        )
    return chart.properties(height=height)


def _stagger(places: Sequence[float], least: float) -> list[int]:
    """Give names that would overlap rows of their own."""
    last: list[float] = []  # on each row
    rows = {}
    for place in sorted(places):
        free = (row for row, other in enumerate(last) if place - other > least)
        rows[place] = next(free, len(last))
        last[rows[place] : rows[place] + 1] = [place]
    return [rows[place] for place in places]


def gallery(
    shown: Gallery, grid: Grid, lines: Sequence[Line], colour: str, columns: int = 4
) -> alt.FacetChart:
    """Draw some windows side by side, each under its name."""
    n, n_wavelengths = shown.windows.shape
    data = pd.DataFrame(
        {
            "identifier": np.repeat(np.array(shown.identifiers, dtype=object), n_wavelengths),
            "wavelength": np.tile(grid.wavelength, n),
            "flux": shown.windows.ravel(),
        }
    )
    x = alt.X(
        "wavelength:Q",
        title=None,
        scale=alt.Scale(zero=False, nice=False),
        axis=alt.Axis(format="d", tickCount=3, grid=False),
    )
    curve = (
        alt.Chart()
        .mark_line(strokeWidth=1.1, color=colour)
        .encode(x=x, y=alt.Y("flux:Q", title=None, axis=None))
    )
    # One rule in each panel, not one for each of its points.
    panel = alt.Chart().transform_aggregate(n="count()", groupby=["identifier"])
    layers: list[Any] = [
        panel.mark_rule(color=MARK, strokeDash=[3, 3]).encode(x=alt.datum(line.wavelength))
        for line in _inside(lines, grid.start, grid.end)
    ]
    return (
        alt.layer(*layers, curve, data=data)
        .properties(width=190, height=95)
        .facet(
            facet=alt.Facet(
                "identifier:N",
                title=None,
                sort=None,
                header=alt.Header(labelFontSize=10, labelLimit=190),
            ),
            columns=columns,
            spacing=14,
        )
    )
