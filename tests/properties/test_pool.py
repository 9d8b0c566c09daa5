"""What holds for every pool, however its rows are asked for."""

from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from active_cnn.records import Grid
from active_cnn.spectra.pool import Pool, index_pool

GRID = Grid(n=Grid.shortest)

identifiers = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12
)


@st.composite
def pools(draw: st.DrawFn) -> tuple[list[str], np.ndarray, np.ndarray]:
    names = draw(st.lists(identifiers, unique=True, min_size=1, max_size=25))
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
        assert pool.identifiers(rows) == shuffled
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
