"""What the tables of the form say of a search."""

from __future__ import annotations

import pandas as pd
import pytest

from active_cnn.errors import CampaignError
from active_cnn.search import HALPHA, HALPHA_EMISSION, Band, Sign, TargetLine
from active_cnn.ui.search_form import read_search

BANDS = pd.DataFrame([], columns=["name", "start", "end"])


def lines(*rows):
    return pd.DataFrame(rows, columns=["name", "wavelength", "sign"])


SAME = ("Hα", 6564.614, "emission")


def test_what_was_not_edited_stays_as_it_was():
    assert read_search(HALPHA_EMISSION, " Hα emission ", lines(SAME), BANDS) == HALPHA_EMISSION
    other = read_search(HALPHA_EMISSION, "Be stars", lines(SAME), BANDS)
    assert (other.title, other.lines, other.source) == (
        "Be stars", (HALPHA,), HALPHA_EMISSION.source,
    )  # fmt: skip


def test_lines_and_bands_are_added_and_changed():
    added = read_search(
        HALPHA_EMISSION,
        "odd",
        lines(SAME, ("Li I", 6709.66, "absorption")),
        pd.DataFrame([("C2", 5040.0, 5167.0)], columns=["name", "start", "end"]),
    )
    assert added.lines == (HALPHA, TargetLine("Li I", 6709.66, Sign.ABSORPTION))
    assert added.bands == (Band("C2", 5040.0, 5167.0),)
    assert (added.resolving_power, added.source) == (1800.0, "")
    (moved,) = read_search(HALPHA_EMISSION, "", lines(("Hα", 6600.0, "emission")), BANDS).lines
    assert (moved.within, moved.fwhm, moved.separation) == (None, HALPHA.fwhm, HALPHA.separation)
    (turned,) = read_search(HALPHA_EMISSION, "", lines(("Hα", 6564.614, "either")), BANDS).lines
    assert (turned.separation, turned.equivalent_width, turned.within) == (
        None,
        None,
        HALPHA.within,
    )


@pytest.mark.parametrize("row", [
    (None, 6564.6, "emission"), ("Hα", None, "emission"), ("Hα", 6564.6, None),
])  # fmt: skip
def test_a_row_that_is_no_line_is_refused(row):
    with pytest.raises(CampaignError, match="lacks its name, its wavelength or whether"):
        read_search(HALPHA_EMISSION, "", lines(row), BANDS)


def test_a_line_that_is_given_twice_is_refused():
    with pytest.raises(CampaignError, match="given twice"):
        read_search(HALPHA_EMISSION, "", lines(SAME, SAME), BANDS)


@pytest.mark.parametrize(("row", "words"), [
    (("C2", 5040.0, None), "lacks its name, its start or its end"),
    (("C2", 5167.0, 5040.0), "give a positive start and a larger end"),
])  # fmt: skip
def test_a_row_that_is_no_band_is_refused(row, words):
    bands = pd.DataFrame([row], columns=["name", "start", "end"])
    with pytest.raises(CampaignError, match=words):
        read_search(HALPHA_EMISSION, "", lines(), bands)
