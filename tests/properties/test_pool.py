"""What holds for every pool, however its rows are asked for."""

from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
from astropy import units
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from active_cnn.grid import Grid
from active_cnn.names import trim
from active_cnn.spectra.place_doubts import FEWEST
from active_cnn.spectra.pool import Pool, index_pool
from active_cnn.spectra.shards import write_manifest
from active_cnn.spectra.sky import is_place

GRID = Grid.of(n=Grid.shortest)

identifiers = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12
).filter(trim)


@st.composite
def pools(draw: st.DrawFn) -> tuple[list[str], np.ndarray, np.ndarray]:
    names = draw(st.lists(identifiers, unique_by=trim, min_size=1, max_size=25))
    levels = draw(arrays(np.float64, len(names), elements=st.floats(-1e6, 1e6)))
    lines = draw(arrays(np.float64, len(names), elements=st.sampled_from([0, 1e-3, 1, np.nan])))
    profile = np.sin(np.arange(GRID.n))
    return names, levels[:, None] + lines[:, None] * profile, draw(st.permutations(names))


@settings(max_examples=60, deadline=None)
@given(pools(), st.integers(1, 30))
def test_rows_and_chunks_give_the_same_windows_for_the_same_identifiers(
    drawn: tuple[list[str], np.ndarray, list[str]], size: int
) -> None:
    names, flux, shuffled = drawn
    with TemporaryDirectory() as folder:
        path = Path(folder, "pool.h5")
        with h5py.File(path, "w") as file:
            file["any/filenames"] = names
            file["any/spectra"] = flux
        index_pool(path, Path(folder, "index"), GRID)
        pool = Pool(path, Path(folder, "index"))

        rows = pool.rows(shuffled)
        assert pool.identifiers(rows) == [trim(name) for name in shuffled]
        np.testing.assert_array_equal(rows, [names.index(name) for name in shuffled])
        np.testing.assert_array_equal(pool.flux(rows), flux[rows])

        windows = {}
        for chunk, usable, values in pool.chunks(size):
            numbers = np.arange(chunk.start, chunk.stop)[usable]
            windows |= dict(zip(pool.identifiers(numbers), values, strict=True))
        usable_rows = rows[pool.usable[rows]]
        assert set(windows) == set(pool.identifiers(usable_rows))
        for name, window in zip(
            pool.identifiers(usable_rows), pool.windows(usable_rows), strict=True
        ):
            np.testing.assert_array_equal(window, windows[name])
            assert (window.min(), window.max()) == (-1, 1)


@settings(max_examples=40, deadline=None)
@given(pools(), st.data())
def test_a_pool_is_the_same_however_its_rows_are_divided_among_files(
    drawn: tuple[list[str], np.ndarray, list[str]], data: st.DataObject
) -> None:
    names, flux, shuffled = drawn
    n = len(names)
    borders = sorted({0, n} | data.draw(st.sets(st.integers(0, n), max_size=4), label="borders"))
    rows = np.array(data.draw(st.lists(st.integers(0, n - 1), max_size=8), label="rows"), int)
    with TemporaryDirectory() as place:
        folder = Path(place)
        shards = []
        for start, stop in pairwise(borders):
            path = folder / f"{start}.h5"
            with h5py.File(path, "w") as file:
                file["any/filenames"] = names[start:stop]
                file["any/spectra"] = flux[start:stop]
            shards.append((path, stop - start))
        write_manifest(folder / "survey.pool", shards)
        with h5py.File(folder / "whole.h5", "w") as file:
            file["any/filenames"] = names
            file["any/spectra"] = flux
        pools = []
        for name in ("survey.pool", "whole.h5"):
            index_pool(folder / name, folder / f"{name}.index", GRID)
            pools.append(Pool(folder / name, folder / f"{name}.index"))
        sharded, whole = pools
        assert sharded.fingerprint == whole.fingerprint
        assert sharded.identifiers(rows) == whole.identifiers(rows)
        np.testing.assert_array_equal(sharded.flux(rows), whole.flux(rows))
        np.testing.assert_array_equal(sharded.rows(shuffled), whole.rows(shuffled))
        run = slice(*sorted(data.draw(st.tuples(*[st.integers(0, n)] * 2), label="run")))
        for one, other in zip(sharded.chunks(3, run), whole.chunks(3, run), strict=True):
            np.testing.assert_equal(one, other)


@st.composite
def skies(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Crowds of stars a few arcsec wide, wherever spherical coordinates are awkward."""
    n = draw(st.integers(1, FEWEST - 1))  # more at one place would make it doubtful
    centre = (
        draw(st.sampled_from([0.0, 1e-4, 120.0, 180.0, 359.9999, 360.0])),
        draw(st.sampled_from([-90.0, -89.9995, -30.0, 0.0, 60.0, 89.999, 90.0])),
    )
    offsets = draw(arrays(np.float64, (2, n), elements=st.floats(-8, 8).map(lambda x: x / 3600)))
    dec = np.clip(centre[1] + offsets[1], -90, 90)
    # Near a pole a few arcsec are any right ascension.
    stretch = min(1 / max(np.cos(np.radians(centre[1])), 1e-9), 1e5)
    ra = (centre[0] + stretch * offsets[0]) % 360
    is_unknown = draw(arrays(bool, n, elements=st.booleans())) & draw(st.booleans())
    return np.where(is_unknown, np.nan, ra), dec


@settings(max_examples=80, deadline=None)
@given(skies(), st.floats(0.01, 20))
def test_visits_are_the_others_within_the_radius(
    sky: tuple[np.ndarray, np.ndarray], radius: float
) -> None:
    ra, dec = sky
    names = [f"{row}.fits" for row in range(len(ra))]
    with TemporaryDirectory() as folder:
        path = Path(folder, "pool.h5")
        with h5py.File(path, "w") as file:
            file["any/filenames"] = names
            file["any/spectra"] = np.tile(np.sin(np.arange(GRID.n)), (len(ra), 1))
            file["any/ra"], file["any/dec"] = ra, dec
        index_pool(path, Path(folder, "index"), GRID)
        found = Pool(path, Path(folder, "index")).visits(names, radius)

    places = SkyCoord(np.nan_to_num(ra) * units.deg, dec * units.deg)
    is_known = is_place(ra, dec)
    for row, others in enumerate(found):
        distance = places[row].separation(places).arcsec
        distance[~(is_known & is_known[row])] = np.inf
        distance[row] = np.inf
        rows = [names.index(name) for name in others]
        # Rounding decides what lies on the circle itself, and which of two comes first.
        assert set(np.flatnonzero(distance < radius - 1e-6)) <= set(rows)
        assert set(rows) <= set(np.flatnonzero(distance < radius + 1e-6))
        assert (np.diff(distance[rows]) > -1e-6).all()
