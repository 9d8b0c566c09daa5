"""Distances on the sky, where the formula is known to be delicate."""

import numpy as np
import pytest

from active_cnn.spectra.readers import position
from active_cnn.spectra.sky import is_place, separation


@pytest.mark.parametrize(
    ("one", "other", "arcsec"),
    [
        ((10.0, 5.0), (10.0, 5.0), 0.0),
        ((10.0, 5.0), (10.0, 5.0 + 1e-7), 3.6e-4),
        ((0.0, 60.0), (2.0 / 3600, 60.0), 1.0),
        ((359.9999, 0.0), (0.0001, 0.0), 0.72),
        ((360.0, 40.0), (0.0, 40.0), 0.0),
        ((17.0, 90.0), (250.0, 90.0), 0.0),
        ((0.0, 89.0), (180.0, 89.0), 7200.0),
        ((0.0, 90.0), (0.0, -90.0), 648_000.0),
        ((33.0, 12.0), (213.0, -12.0), 648_000.0),
    ],
)
def test_the_separation_is_that_of_the_great_circle(one, other, arcsec):
    assert separation(*one, *other) == pytest.approx(arcsec, rel=1e-7, abs=1e-9)
    assert separation(*other, *one) == pytest.approx(arcsec, rel=1e-7, abs=1e-9)


def test_fill_values_and_nan_are_no_place():
    ra = np.array([0.0, 360.0, -9999.0, 361.0, np.nan, 10.0, 10.0, np.inf])
    dec = np.array([90.0, -90.0, -9999.0, 0.0, 0.0, np.nan, 90.1, 0.0])
    np.testing.assert_array_equal(is_place(ra, dec), [True, True] + [False] * 6)


@pytest.mark.parametrize(
    ("ra", "dec", "expected"),
    [
        (0.0, 0.0, False),
        (-0.0, 0.0, False),
        (-1.0, -1.0, False),
        (999.0, 999.0, False),
        (-9999.0, -9999.0, False),
        (99.0, 99.0, False),
        (float("nan"), float("nan"), False),
        # Real stars on an edge of the coordinates.
        (0.0003, 0.0, True),
        (0.0, 0.0003, True),
        (0.0, -12.5, True),
        (83.6, 0.0, True),
        (150.0, -1.0, True),
        (1.0, -1.0, True),
    ],
)
def test_only_both_zero_are_no_place(ra, dec, expected):
    assert bool(is_place(ra, dec)) is expected
    assert is_place(np.array([ra]), np.array([dec])).tolist() == [expected]
    assert np.isfinite(position.on_sky(ra, dec)).all() == expected
