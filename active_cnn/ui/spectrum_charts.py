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
from active_cnn.ui.palette import GAP, MARK, SPECTRUM
from active_cnn.ui.wavelength_axis import WavelengthAxis

_LETTER = 0.014  # of the width of a chart, at most, that a letter of a line's name takes
_MOST_NARROW = 3  # windows that a panel of a quarter of the page can show
MARGIN = 60.0  # angstrom around the window in the view of what preparation started from


def window(
    flux: NDArray[np.float32], grid: Grid, lines: Sequence[Line], height: int = 290
) -> alt.LayerChart:
    """Draw a scaled window, or several side by side, as the network sees them.

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
        WavelengthAxis.of(grid),
        grid.wavelength,
        flux,
        f"wavelength in vacuum (Å); {grid.n} points",
        "flux, scaled",
        lines,
        height,
    )


def whole(spectrum: Spectrum, lines: Sequence[Line], height: int = 210) -> alt.LayerChart:
    """Draw all of a spectrum in its own medium, the lines marked where they are in it."""
    all_of_it = WavelengthAxis([(spectrum.wavelength[0], spectrum.wavelength[-1], 1.0)])
    return _raw(spectrum, all_of_it, lines, height)


def before(
    spectrum: Spectrum, grid: Grid, lines: Sequence[Line], height: int = 290
) -> alt.LayerChart:
    """Draw a spectrum around each window as its file gives it, in its own medium."""
    return _raw(spectrum, WavelengthAxis.of(grid, MARGIN), lines, height)


def _raw(
    spectrum: Spectrum, axis: WavelengthAxis, lines: Sequence[Line], height: int
) -> alt.LayerChart:
    shown = axis.find(spectrum.wavelength) >= 0
    valued = find_valued(spectrum, spectrum.wavelength, shown)
    flux = np.where(valued, spectrum.flux[shown], np.nan)
    wavelength, flux = thin_out(spectrum.wavelength[shown], flux)
    if spectrum.medium is Medium.AIR:
        in_air = vacuum_to_air(np.array([line.wavelength for line in lines]))
        lines = [Line(line.name, float(place)) for line, place in zip(lines, in_air, strict=True)]
    return _spectrum(
        axis,
        wavelength,
        flux,
        f"wavelength in {spectrum.medium.value} (Å)",
        "flux, as in the file" if valued.all() else "flux, pixels without a value left out",
        lines,
        height,
    )


def _spectrum(
    axis: WavelengthAxis,
    wavelength: NDArray[np.float64],
    flux: NDArray[Any],
    x_title: str,
    y_title: str,
    lines: Sequence[Line],
    height: int,
) -> alt.LayerChart:
    # A curve ends at each gap, whether of the axis or of the spectrum.
    finite = np.isfinite(flux)
    pieces = np.cumsum(~finite) + axis.find(wavelength)
    data = pd.DataFrame({"place": axis.place(wavelength), "flux": flux, "piece": pieces})[finite]
    curve = (
        alt.Chart(data)
        .mark_line(strokeWidth=1.3, color=SPECTRUM, interpolate="linear")
        .encode(
            x=axis.channel(x_title),
            y=alt.Y(
                "flux:Q", title=y_title, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5)
            ),
            detail="piece:N",
        )
    )
    inside = axis.inside(lines)
    places = axis.place(np.array([line.wavelength for line in inside])).tolist()
    longest = max((len(line.name) for line in inside), default=0)
    least_distance = (
        max(0.08, _LETTER * longest) * float(np.ptp(data["place"])) if len(data) else 0.0
    )
    marks = pd.DataFrame(
        {
            "place": places,
            "wavelength": [line.wavelength for line in inside],
            "line": [line.name for line in inside],
            "row": _stagger(places, least_distance),
        }
    )
    rules = (
        alt.Chart(marks)
        .mark_rule(color=MARK, strokeDash=[4, 3], strokeWidth=1.2)
        .encode(x="place:Q", tooltip=["line", alt.Tooltip("wavelength:Q", format=".2f")])
    )
    chart = curve + rules
    if axis.has_gaps:
        gaps = pd.DataFrame(axis.gaps, columns=["from", "to"])
        chart = alt.Chart(gaps).mark_rect(color=GAP).encode(x="from:Q", x2="to:Q") + chart
    for row in sorted(set(marks["row"])):
        chart += (
            alt.Chart(marks[marks["row"] == row])
            .mark_text(align="left", baseline="top", dx=4, dy=2, color=MARK, fontWeight=600)
            .encode(x="place:Q", y=alt.value(14 * row), text="line:N")
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


def gallery(shown: Gallery, grid: Grid, lines: Sequence[Line], colour: str) -> alt.FacetChart:
    """Draw some spectra side by side, each under its name, with all its windows."""
    axis = WavelengthAxis.of(grid)
    columns, width = (4, 190) if len(grid.windows) <= _MOST_NARROW else (2, 404)
    n, n_wavelengths = shown.windows.shape
    data = pd.DataFrame(
        {
            "identifier": np.repeat(np.array(shown.identifiers, dtype=object), n_wavelengths),
            "place": np.tile(axis.place(grid.wavelength), n),
            "flux": shown.windows.ravel(),
        }
    )
    curve = (
        alt.Chart()
        .mark_line(strokeWidth=1.1, color=colour)
        .encode(x=axis.channel(None, ticks=3), y=alt.Y("flux:Q", title=None, axis=None))
    )
    if axis.has_gaps:
        data["piece"] = np.tile(axis.find(grid.wavelength), n)
        curve = curve.encode(detail="piece:N")
    # One rule in each panel, not one for each of its points.
    panel = alt.Chart().transform_aggregate(n="count()", groupby=["identifier"])
    layers: list[Any] = [
        panel.mark_rect(color=GAP).encode(x=alt.datum(start), x2=alt.datum(end))
        for start, end in axis.gaps
    ]
    inside = axis.inside(lines)
    layers += [
        panel.mark_rule(color=MARK, strokeDash=[3, 3]).encode(x=alt.datum(float(place)))
        for place in axis.place(np.array([line.wavelength for line in inside]))
    ]
    return (
        alt.layer(*layers, curve, data=data)
        .properties(width=width, height=95)
        .facet(
            facet=alt.Facet(
                "identifier:N",
                title=None,
                sort=None,
                header=alt.Header(labelFontSize=10, labelLimit=width),
            ),
            columns=columns,
            spacing=14,
        )
    )
