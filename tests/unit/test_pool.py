"""The pool: what is checked when it is indexed, and how it is read."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.spectra import pool as pool_module
from active_cnn.spectra import pool_index as index_module
from active_cnn.spectra.pool import Pool, index_pool, is_indexed
from active_cnn.spectra.preprocessing import DEFECTS, rescale

GRID = Grid.of(n=40)
N = 30


def names_of(n: int) -> list[str]:
    return [f"spec-{i:02d}.fits" for i in range(n)]


def write_pool(target: Path, group: str = "lamost_dr2", **columns: object) -> Path:
    columns = {
        "filenames": names_of(N),
        "spectra": np.random.default_rng(1).normal(100, 5, (N, GRID.n)),
        **columns,
    }
    with h5py.File(target, "w") as file:
        for name, values in columns.items():
            if values is not None:
                file[f"{group}/{name}"] = values
    return target


def open_indexed(path: Path, grid: Grid = GRID) -> Pool:
    index_pool(path, path.with_suffix(".index"), grid)
    return Pool(path, path.with_suffix(".index"))


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    """Row 3 is zero, 5 flat, 7 has a NaN, 9 is marked as corrupted."""
    spectra = np.random.default_rng(1).normal(100, 5, (N, GRID.n))
    spectra[3], spectra[5], spectra[7, 2] = 0, 17, np.nan
    path = write_pool(
        tmp_path / "pool.h5",
        spectra=spectra,
        corrupted=np.arange(N) == 9,
        wavelengths=GRID.wavelength,
        snr_r=np.linspace(2, 200, N),
        path=["", "below/a.fits", "/elsewhere/b.fits", *[""] * (N - 3)],
    )
    return open_indexed(path)


def test_the_layout_of_the_original_pool_is_read(tmp_path: Path) -> None:
    spectra = np.random.default_rng(2).normal(100, 5, (N, GRID.n))
    pool = open_indexed(write_pool(tmp_path / "pool.h5", spectra=spectra))
    assert (pool.n, pool.grid) == (N, GRID)
    assert pool.usable.all()
    np.testing.assert_array_equal(pool.flux(np.arange(N)), spectra)


@pytest.mark.parametrize("dtype", ["<f4", ">f4", ">f8"])
def test_flux_of_any_width_and_byte_order_is_read(tmp_path: Path, dtype: str) -> None:
    spectra = np.random.default_rng(2).normal(100, 5, (N, GRID.n)).astype(dtype)
    pool = open_indexed(write_pool(tmp_path / "pool.h5", spectra=spectra))
    np.testing.assert_array_equal(pool.windows([4]), rescale(spectra[[4]].astype(float)))
    assert pool.flux([4]).dtype == np.float64


def test_unusable_rows_are_found_with_their_reason(pool: Pool) -> None:
    expected = np.zeros(N, dtype=np.uint8)
    expected[[3, 5, 7, 9]] = [2, 3, 1, 4]
    np.testing.assert_array_equal(pool.defects, expected)
    np.testing.assert_array_equal(pool.usable, expected == 0)


def test_rows_come_in_the_order_asked_and_repeated(pool: Pool) -> None:
    rows = np.array([20, 0, 29, 0, 11])
    assert pool.identifiers(rows) == [f"spec-{row:02d}.fits" for row in rows]
    np.testing.assert_array_equal(pool.rows(pool.identifiers(rows)), rows)
    np.testing.assert_array_equal(pool.windows(rows), rescale(pool.flux(rows)))
    assert list(pool.metadata(rows)["identifier"]) == pool.identifiers(rows)
    np.testing.assert_array_equal(pool.metadata(rows)["snr_r"], pool.column("snr_r")[rows])


def test_an_infinite_number_has_not_been_measured(tmp_path: Path) -> None:
    spectra = np.random.default_rng(2).normal(100, 5, (N, GRID.n))
    snr = np.linspace(2, 200, N)
    snr[[4, 8]] = np.inf, -np.inf
    pool = open_indexed(write_pool(tmp_path / "pool.h5", spectra=spectra, snr_r=snr))
    for values in (pool.column("snr_r"), pool.metadata(np.arange(N))["snr_r"]):
        assert np.flatnonzero(np.isnan(values)).tolist() == [4, 8]


def test_nothing_is_read_for_no_rows(pool: Pool) -> None:
    assert pool.rows([]).shape == (0,)
    assert pool.identifiers([]) == []
    assert pool.windows([]).shape == (0, GRID.n)
    assert len(pool.metadata([])) == 0


def test_chunks_go_through_all_rows_and_leave_out_the_unusable(pool: Pool) -> None:
    seen = []
    for rows, usable, windows in pool.chunks(7):
        numbers = np.arange(rows.start, rows.stop)
        np.testing.assert_array_equal(usable, pool.usable[rows])
        np.testing.assert_array_equal(windows, pool.windows(numbers[usable]))
        assert windows.dtype == np.float32
        seen.extend(numbers)
    assert seen == list(range(N))


def test_a_chunk_without_usable_rows_is_empty(tmp_path: Path) -> None:
    pool = open_indexed(write_pool(tmp_path / "pool.h5", spectra=np.zeros((N, GRID.n))))
    assert [windows.shape for _, _, windows in pool.chunks(20)] == [(0, GRID.n)] * 2


def test_an_unusable_row_is_refused_by_name_and_reason(pool: Pool) -> None:
    with pytest.raises(SpectrumError, match=r"'spec-05\.fits' .* is flat in the window"):
        pool.windows([4, 5, 7])


def test_an_unknown_identifier_is_refused_by_name(pool: Pool) -> None:
    with pytest.raises(SpectrumError, match=r"no spectrum 'spec-99\.fits' in the pool"):
        pool.rows(["spec-01.fits", "spec-99.fits"])
    with pytest.raises(SpectrumError, match="no spectrum 'SPEC-01.fits' \\(nor 1 more"):
        pool.rows(["SPEC-01.fits", ""])
    # So a command line gives a name of bytes that are no text.
    assert list(pool.find(["spec-\udcff.fits", "spec-01.fits"])) == [-1, 1]


@pytest.mark.parametrize("row", [-1, N])
def test_a_row_outside_the_pool_is_refused(pool: Pool, row: int) -> None:
    with pytest.raises(SpectrumError, match=f"no row {row} .* it has {N} rows"):
        pool.flux([row])


def test_identifiers_that_share_a_hash_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A real collision of 64 bits cannot be found by searching, so the hash is made weaker.
    for module in (pool_module, index_module):
        monkeypatch.setattr(
            module, "hash_texts", lambda texts: np.array([ord(t[6]) for t in texts], np.uint64)
        )
    pool = open_indexed(write_pool(tmp_path / "pool.h5"))
    rows = np.random.default_rng(3).permutation(N)
    np.testing.assert_array_equal(pool.rows(pool.identifiers(rows)), rows)
    with pytest.raises(SpectrumError, match="no spectrum 'spec-x3"):
        pool.rows(["spec-x3.fits"])


ARCSEC = 1 / 3600


def open_with_places(folder: Path, ra: list[float], dec: list[float], **columns: object) -> Pool:
    far = N - len(ra)
    columns |= {"ra": [*ra, *[200.0] * far], "dec": [*dec, *(-60.0 + np.arange(far))]}
    return open_indexed(write_pool(folder / "pool.h5", **columns))


def test_the_other_visits_of_a_star_are_named_the_nearest_first(tmp_path: Path) -> None:
    pool = open_with_places(
        tmp_path, [10.0, 10.0, 10.0, 10.0], [5.0, 5 - 1.5 * ARCSEC, 5 + ARCSEC, 5 + 3.8 * ARCSEC]
    )
    first, second, third, fourth = names_of(4)
    assert pool.visits([first, "spec-20.fits", third]) == [
        [third, second],
        [],
        [first, second, fourth],
    ]
    assert pool.visits([first], radius=1.2) == [[third]]
    assert pool.visits([first], radius=5.0) == [[third, second, fourth]]
    assert pool.visits([]) == []


def test_visits_that_are_as_near_come_in_the_order_of_their_rows(tmp_path: Path) -> None:
    pool = open_with_places(tmp_path, [10.0] * 5, [5.0, 5 + ARCSEC, 5.0, 5.0, 5 + ARCSEC])
    assert pool.visits(["spec-02.fits"]) == [[f"spec-{row:02d}.fits" for row in (0, 3, 1, 4)]]


def test_visits_are_found_across_the_start_of_right_ascension_and_at_the_poles(
    tmp_path: Path,
) -> None:
    pool = open_with_places(
        tmp_path,
        [360 - 0.5 * ARCSEC, 0.5 * ARCSEC, 360.0, 17.0, 197.0, 0.0, 90.0],
        [0.0, 0.0, 0.0, 90 - ARCSEC, 90 - ARCSEC, -90.0, -90.0],
    )
    names = names_of(7)
    assert [set(others) for others in pool.visits(names)] == [
        {names[1], names[2]},
        {names[0], names[2]},
        {names[0], names[1]},
        {names[4]},
        {names[3]},
        {names[6]},
        {names[5]},
    ]


def test_visits_are_usable_and_of_known_place(tmp_path: Path) -> None:
    spectra = np.random.default_rng(1).normal(100, 5, (N, GRID.n))
    spectra[1] = 0
    pool = open_with_places(
        tmp_path,
        [10.0, 10.0, 10.0, np.nan, -9999.0, -9999.0],
        [5.0, 5.0, 5.0, np.nan, -9999.0, -9999.0],
        spectra=spectra,
    )
    first, broken, third, *unknown = names_of(6)
    assert pool.visits([first, broken, third]) == [[third], [first, third], [first]]
    assert pool.visits(unknown) == [[], [], []]


def test_a_pool_without_places_has_no_other_visits(pool: Pool) -> None:
    assert pool.visits(names_of(3)) == [[], [], []]


def test_visits_of_an_unknown_spectrum_and_a_radius_that_is_none_are_refused(pool: Pool) -> None:
    with pytest.raises(SpectrumError, match=r"no spectrum 'spec-99\.fits'"):
        pool.visits(["spec-99.fits"])
    for radius in (-1.0, np.nan, np.inf):
        with pytest.raises(SpectrumError, match=f"radius of {radius} arcsec is none"):
            pool.visits(["spec-01.fits"], radius)


def test_an_index_of_an_older_version_is_to_be_made_anew(pool: Pool) -> None:
    assert is_indexed(pool.path, pool.index_path)
    with h5py.File(pool.index_path, "a") as file:
        file.attrs["version"] = 1
    assert not is_indexed(pool.path, pool.index_path)
    with pytest.raises(SpectrumError, match=r"not a pool's index of version 4 \(found: 1\)"):
        Pool(pool.path, pool.index_path)


def test_metadata_that_the_pool_lacks_is_empty(pool: Pool) -> None:
    first = pool.metadata([0]).iloc[0]
    assert np.isnan(first["ra"])
    assert first["pipeline_class"] == ""
    assert np.isnan(pool.column("dec")).all()
    with pytest.raises(SpectrumError, match="no numeric column 'teff', only ra, dec, snr_r"):
        pool.column("teff")


def test_relative_paths_are_below_the_folder_of_the_pool(pool: Pool, tmp_path: Path) -> None:
    expected = ["", str(tmp_path / "below" / "a.fits"), "/elsewhere/b.fits"]
    assert list(pool.metadata([0, 1, 2])["path"]) == expected


def test_the_refused_are_counted_by_reason_without_their_numbers(pool: Pool) -> None:
    with h5py.File(pool.path, "a") as file:
        file["refused/path"] = ["below/c.fits", "/d.fits", "e.fits"]
        file["refused/reason"] = [
            "covers 3690.0-6600.5 Å (vacuum), not the whole window 6519-6732 Å",
            "covers 4000.0-5000.0 Å (vacuum), not the whole window 6519-6732 Å",
            DEFECTS[2],
        ]
    pool = open_indexed(pool.path)
    counts = dict(pool.refused().itertuples(index=False))
    assert counts == {
        "covers …-… Å (vacuum), not the whole window …-… Å": 2,
        DEFECTS[2]: 2,
        DEFECTS[1]: 1,
        "is flat in the window": 1,
        DEFECTS[4]: 1,
    }
    files = pool.refused_files(5)
    assert list(files["path"][:2]) == [str(pool.path.parent / "below" / "c.fits"), "/d.fits"]
    assert list(files["path"][3:]) == ["spec-03.fits", "spec-05.fits"]
    assert files["reason"][0].startswith("covers 3690.0-6600.5 Å")
    assert len(pool.refused_files(2)) == 2


def test_a_pool_that_refused_nothing_says_so(tmp_path: Path) -> None:
    pool = open_indexed(write_pool(tmp_path / "pool.h5"))
    assert list(pool.refused().columns) == ["reason", "n"]
    assert len(pool.refused()) == len(pool.refused_files(10)) == 0


def test_the_fingerprint_is_of_contents_and_not_of_storage(tmp_path: Path) -> None:
    spectra = np.random.default_rng(1).normal(100, 5, (N, GRID.n)).astype(np.float32)
    one = open_indexed(write_pool(tmp_path / "1.h5", spectra=spectra))
    same = open_indexed(write_pool(tmp_path / "2.h5", "other", spectra=spectra.astype(float)))
    spectra[8, 8] += 1
    other = open_indexed(write_pool(tmp_path / "3.h5", spectra=spectra))
    assert one.fingerprint == same.fingerprint != other.fingerprint


def test_a_pool_that_changed_after_it_was_indexed_is_refused(pool: Pool) -> None:
    before = pool.path.stat()
    os.utime(pool.path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    with pytest.raises(SpectrumError, match="has changed since it was indexed"):
        pool.windows([0])
    with pytest.raises(SpectrumError, match="Index it again"):
        Pool(pool.path, pool.index_path)


def test_progress_is_told_up_to_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "BLOCK", 16)
    calls = []
    path = write_pool(tmp_path / "pool.h5")
    index_pool(path, tmp_path / "index", GRID, lambda done, n: calls.append((done, n)))
    assert calls == [(16, N), (N, N)]


def repeated() -> list[str]:
    return [*names_of(N - 1), "spec-04.fits"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"filenames": repeated()}, r"'spec-04\.fits' comes twice, in the rows 4 and 29"),
        ({"filenames": ["", *names_of(N - 1)]}, "row 0 .* has no identifier"),
        ({"filenames": names_of(N - 1)}, r"'filenames' has the shape \(29,\), .* has 30 rows"),
        ({"filenames": np.arange(N)}, "'filenames' is of type int64. Write it as strings"),
        ({"filenames": None}, "no dataset 'filenames', only spectra"),
        ({"spectra": None}, "no dataset 'spectra', only filenames"),
        ({"spectra": np.ones((N, 50))}, r"the shape \(30, 50\), the grid .* needs \(n, 40\)"),
        ({"spectra": np.ones((N, GRID.n), int)}, "'spectra' is of type int64"),
        ({"spectra": np.ones((0, GRID.n)), "filenames": []}, "holds no spectra"),
        ({"snr_r": ["high"] * N}, "'snr_r' is of type object. Write it as numbers"),
        ({"wavelengths": GRID.wavelength + 0.01}, r"wavelength 0 is 6519\.0100 Å, on the grid"),
        ({"wavelengths": np.full(GRID.n, np.nan)}, "wavelength 0 is nan"),
        ({"wavelengths": np.ones(3)}, r"'wavelengths' has the shape \(3,\)"),
    ],
)
def test_a_layout_that_is_not_a_pool_is_refused(
    tmp_path: Path, columns: dict[str, object], message: str
) -> None:
    path = write_pool(tmp_path / "pool.h5", **columns)
    with pytest.raises(SpectrumError, match=message):
        index_pool(path, tmp_path / "index", GRID)
    assert not list(tmp_path.glob("index*"))


def test_a_file_with_two_groups_is_refused(tmp_path: Path) -> None:
    path = write_pool(tmp_path / "pool.h5")
    with h5py.File(path, "a") as file:
        file.create_group("second")
    with pytest.raises(SpectrumError, match="holds 'lamost_dr2', 'second'; a pool has one group"):
        index_pool(path, tmp_path / "index", GRID)


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    names = [b"spec-\xff.fits", *(name.encode() for name in names_of(N - 1))]
    path = write_pool(tmp_path / "pool.h5", filenames=np.array(names, dtype="S20"))
    with pytest.raises(SpectrumError, match="not UTF-8 in the rows 0-29"):
        index_pool(path, tmp_path / "index", GRID)


def test_a_missing_a_foreign_and_a_truncated_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpectrumError, match="none.h5 cannot be read: No such file"):
        index_pool(tmp_path / "none.h5", tmp_path / "index", GRID)
    (tmp_path / "text.h5").write_text("id,label\n")
    with pytest.raises(SpectrumError, match="cannot be read as HDF5"):
        index_pool(tmp_path / "text.h5", tmp_path / "index", GRID)
    path = write_pool(tmp_path / "pool.h5")
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(SpectrumError, match="cannot be read as HDF5"):
        index_pool(path, tmp_path / "index", GRID)


def test_an_index_that_is_missing_or_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    path = write_pool(tmp_path / "pool.h5")
    with pytest.raises(SpectrumError, match="index does not exist"):
        Pool(path, tmp_path / "index")
    with pytest.raises(SpectrumError, match="is not a pool's index of version"):
        Pool(path, path)
    with pytest.raises(SpectrumError, match="cannot be written"):
        index_pool(path, tmp_path / "nowhere" / "index", GRID)


def test_a_pool_is_read_while_it_is_being_streamed(pool: Pool) -> None:
    for _, _, windows in pool.chunks(10):
        assert windows.shape[1] == Pool(pool.path, pool.index_path).windows([0]).shape[1]
