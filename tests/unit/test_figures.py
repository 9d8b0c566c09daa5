"""Figures leave the page as SVG."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from active_cnn.delivery.figures import WIDTH, make_svg
from active_cnn.errors import StoreError
from active_cnn.ui.iteration_charts import agreement_curve, counts_matrix


def texts(svg):
    return {text for one in ET.fromstring(svg).iter() if (text := (one.text or "").strip())}


def test_a_figure_is_drawn_with_its_texts_and_as_wide_as_a_column():
    chart = agreement_curve({"0–1": 0.91, "1–2": 0.97}, 0.99)
    svg = make_svg(chart.to_json())
    assert {"0–1", "1–2"} <= texts(svg)
    assert float(ET.fromstring(svg).get("width")) > 0.8 * WIDTH


def test_a_matrix_has_a_number_in_each_cell():
    table = np.array([[5, 1], [0, 7]])
    chart = counts_matrix(table, ["a", "b"], ["a", "b"], "predicted", "answered")
    assert {"5", "1", "0", "7"} <= texts(make_svg(chart.to_json()))


def test_what_is_no_figure_is_refused():
    schema = "https://vega.github.io/schema/vega-lite/v6.1.0.json"
    with pytest.raises(StoreError, match="cannot be drawn as SVG"):
        make_svg(f'{{"$schema": "{schema}", "mark": 3}}')
