"""Charts: the right data on named axes, whatever the data are."""

from __future__ import annotations

import numpy as np
import pytest

from active_cnn.campaign.overview import Gallery, Histogram
from active_cnn.evaluation.precision import Judgement, estimate_precision
from active_cnn.grid import Grid, Window
from active_cnn.records import Line, Medium, Spectrum
from active_cnn.spectra.thinning import thin_out
from active_cnn.spectra.wavelength import LINES, vacuum_to_air
from active_cnn.ui import charts, spectrum_charts
from active_cnn.ui.palette import class_colours
from active_cnn.ui.text import duration, plain
from active_cnn.ui.wavelength_axis import WavelengthAxis

CLASSES = ("not-interesting", "emission", "double-peak")
COLOURS = class_colours(CLASSES, CLASSES[1:])


def rows(chart):
    return [row for data in chart.to_dict()["datasets"].values() for row in data]


def titles(chart):
    """Give all axis titles of a chart."""
    found = set()

    def walk(node):
        if isinstance(node, dict):
            for channel in ("x", "y"):
                if isinstance(node.get(channel), dict) and node[channel].get("title"):
                    found.add(node[channel]["title"])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(chart.to_dict())
    return found


def spectrum(medium, n=4000):
    wavelength = np.linspace(3700, 9100, n)
    flux = np.ones(n)
    flux[n // 3] = 50.0
    return Spectrum("one", wavelength, flux, medium)


def test_classes_are_told_apart_by_colour_and_targets_are_vivid():
    assert len(set(COLOURS.values())) == len(CLASSES)
    assert class_colours(CLASSES, CLASSES[1:]) == COLOURS


@pytest.mark.parametrize("medium", list(Medium))
def test_a_whole_spectrum_states_its_medium_and_marks_lines_in_it(medium):
    chart = spectrum_charts.whole(spectrum(medium), LINES)
    assert f"wavelength in {medium.value} (Å)" in titles(chart)
    marked = {row["wavelength"] for row in rows(chart) if row.get("line") == "Hα"}
    expected = LINES[0].wavelength
    if medium is Medium.AIR:
        expected = float(vacuum_to_air(np.array([expected]))[0])
    assert marked == {expected}


def test_thinning_out_keeps_every_peak_and_the_order():
    one = spectrum(Medium.VACUUM, 100_000)
    wavelength, flux = thin_out(one.wavelength, one.flux, 1000)
    assert len(flux) <= 1000
    assert flux.max() == 50.0
    assert (np.diff(wavelength) >= 0).all()


def test_thinning_out_marks_what_is_not_finite_as_a_gap():
    wavelength, flux = thin_out(np.arange(5.0), np.array([1.0, np.nan, np.inf, 2.0, 3.0]))
    np.testing.assert_array_equal(flux, [1.0, np.nan, 2.0, 3.0])
    assert wavelength.tolist() == [0.0, 1.5, 3.0, 4.0]
    assert thin_out(np.arange(3.0), np.full(3, np.nan))[1].size == 0


@pytest.mark.parametrize("n", [500, 50_000])
def test_thinning_out_keeps_the_gap_between_two_arms(n):
    arms = np.concatenate([np.linspace(3700, 5800, n), np.linspace(6200, 9000, n)])
    wavelength, flux = thin_out(arms, np.ones(2 * n))
    np.testing.assert_allclose(wavelength[np.isnan(flux)], 6000.0)
    assert (np.diff(wavelength) >= 0).all()


def test_names_of_near_lines_stand_on_rows_of_their_own():
    near = (Line("Hα", 6564.6), Line("[N II]", 6585.3), Line("He I", 8000.0))
    chart = spectrum_charts.whole(spectrum(Medium.VACUUM), near)
    rows_of = {row["line"]: row["row"] for row in rows(chart) if "row" in row}
    assert rows_of == {"Hα": 0, "[N II]": 1, "He I": 0}


def test_a_spectrum_without_pixels_near_the_window_is_an_empty_chart():
    far = Spectrum("far", np.linspace(4000, 5000, 50), np.ones(50), Medium.AIR)
    assert spectrum_charts.before(far, Grid(), LINES).to_dict()


def test_a_pixel_without_weight_is_neither_drawn_nor_sets_the_range():
    wavelength = np.arange(6400.0, 6850.0)
    flux, ivar = 100 + np.sin(wavelength), np.ones(wavelength.size)
    flux[250], ivar[250] = 1e9, 0
    spiky = Spectrum("a", wavelength, flux, Medium.VACUUM, ivar=ivar)
    for chart in (
        spectrum_charts.whole(spiky, LINES),
        spectrum_charts.before(spiky, Grid(), LINES),
    ):
        assert max(row["flux"] for row in rows(chart) if "flux" in row) < 102
        assert "flux, pixels without a value left out" in titles(chart)


def test_a_gallery_has_a_panel_for_each_spectrum():
    grid = Grid()
    shown = Gallery(("b", "a"), np.zeros((2, grid.n), dtype=np.float32), 9)
    chart = spectrum_charts.gallery(shown, grid, LINES, "#123456")
    assert {row["identifier"] for row in rows(chart)} == {"a", "b"}


SEVERAL = Grid((Window(6519.0, 6612.0, 62), Window(4830.0, 4900.0, 60), Window(8480.0, 8700.0, 90)))


def test_windows_stand_side_by_side_with_nothing_between():
    axis = WavelengthAxis.of(SEVERAL)
    places = axis.place(SEVERAL.wavelength)
    assert (np.diff(places) > 0).all()
    assert places[0] == pytest.approx(0)
    assert places[-1] == pytest.approx(100)
    for (start, end), one, other in zip(axis.gaps, SEVERAL.parts, SEVERAL.parts[1:], strict=False):
        assert places[one][-1] == pytest.approx(start)
        assert places[other][0] == pytest.approx(end)
    assert [line.name for line in axis.inside(LINES)][:1] == ["Hα"]
    near = WavelengthAxis.of(SEVERAL, margin=1000.0)
    assert near.gaps == []  # what overlaps is one stretch
    assert near.place(SEVERAL.wavelength) is SEVERAL.wavelength


def test_no_curve_leads_from_one_window_to_another():
    flux = np.zeros(SEVERAL.n, dtype=np.float32)
    chart = spectrum_charts.window(flux, SEVERAL, (*LINES, Line("far", 5500.0)))
    pieces = [row["piece"] for row in rows(chart) if "piece" in row]
    assert [pieces.count(one) for one in sorted(set(pieces))] == [60, 62, 90]
    assert "far" not in {row.get("line") for row in rows(chart)}
    shown = Gallery(("b", "a"), np.zeros((2, SEVERAL.n), dtype=np.float32), 9)
    small = spectrum_charts.gallery(shown, SEVERAL, LINES, "#123456")
    assert {row["piece"] for row in rows(small)} == {0, 1, 2}


def test_no_curve_leads_over_a_masked_gap():
    wavelength = np.arange(6400.0, 6850.0)
    flux = np.ones(wavelength.size)
    flux[200:230] = np.nan
    holed = Spectrum(
        "a", np.delete(wavelength, np.s_[300:330]), np.delete(flux, np.s_[300:330]), Medium.VACUUM
    )
    chart = spectrum_charts.before(holed, Grid(), LINES)
    pieces = [row["piece"] for row in rows(chart) if "piece" in row]
    assert sorted(pieces.count(one) for one in set(pieces)) == [63, 70, 141]


def test_the_loss_curves_have_a_hold_out_only_where_there_is_one():
    with_holdout = charts.loss_curves({"loss": [1.0, 0.5], "val_loss": [1.1, 0.6]})
    without = charts.loss_curves({"loss": [1.0, 0.5]})
    assert {row["of"] for row in rows(with_holdout)} == {"training set", "hold-out"}
    assert {row["of"] for row in rows(without)} == {"training set"}


def test_the_confusion_matrix_counts_label_by_prediction():
    chart = charts.confusion_matrix([[5, 1, 0], [0, 4, 2], [0, 0, 0]], CLASSES)
    cells = {(row["label"], row["prediction"]): row["spectra"] for row in rows(chart)}
    assert cells["not-interesting", "emission"] == 1
    assert cells["emission", "double-peak"] == 2


def test_precision_is_drawn_only_where_something_was_judged():
    precision = {
        "emission": estimate_precision([Judgement.RIGHT, Judgement.WRONG]),
        "double-peak": estimate_precision([Judgement.OPEN]),
    }
    assert [row["class"] for row in rows(charts.precision_bars(precision, COLOURS, 0))] == [
        "emission"
    ]
    assert charts.precision_curve({0: precision, 1: precision}, COLOURS).to_dict()


def test_bars_and_histograms_are_charts():
    assert charts.class_bars({"a": 1}, {"a": "#000000"}).to_dict()
    assert charts.probability_bars([0.1, 0.7, 0.2], CLASSES, COLOURS).to_dict()
    histogram = Histogram(np.array([1.0, 2.0, 4.0]), np.array([3, 5]), 0)
    assert [row["spectra"] for row in rows(charts.snr_bars(histogram))] == [3, 5]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (75, "1 min 15 s"), (3700, "1 h 1 min"), (float("inf"), "unknown")],
)
def test_durations_are_said_in_words(seconds, said):
    assert duration(seconds) == said


def test_names_cannot_smuggle_markdown():
    assert plain("[a](http://x) **b** :red[c] <i>") == (
        r"\[a\](http\://x) \*\*b\*\* \:red\[c\] \<i\>"
    )


@pytest.mark.parametrize("most", [7, 1415, 4_100_000])
def test_the_number_at_the_longest_bar_has_room(most):
    chart = charts.class_bars({"emission": most, "other": 1}, {"emission": "red", "other": "blue"})
    (low, high), digits = (
        chart.to_dict()["layer"][0]["encoding"]["x"]["scale"]["domain"],
        f"{most:,}",
    )
    # Of a plot of 130 pixels, the narrowest on a page, each digit takes 6.
    assert low == 0
    assert 130 * (1 - most / high) >= 4 + 6 * len(digits)
