"""A pool of many files: what its manifest may say, and that it is read like one file."""

import json
import os
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.files import open_pool, spectrum_file
from active_cnn.campaign.store import Store
from active_cnn.errors import SpectrumError, StoreError
from active_cnn.grid import Grid
from active_cnn.records import Campaign
from active_cnn.spectra import external_sort, index_file, pool_index, pool_reader
from active_cnn.spectra import pool as pool_module
from active_cnn.spectra.external_sort import KEY, ExternalSort
from active_cnn.spectra.pool import Pool, index_pool, is_indexed
from active_cnn.spectra.shards import read_manifest, write_manifest
from active_cnn.spectra.simulation.survey import DemoFiles

GRID = Grid.of(n=40)
SIZES = (7, 1, 12, 10)
N = sum(SIZES)
STARTS = np.cumsum([0, *SIZES])


@pytest.fixture
def columns() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    spectra = rng.normal(100, 5, (N, GRID.n)).astype(np.float32)
    spectra[3], spectra[7], spectra[20, 2] = 0, 17, np.nan
    return {
        "filenames": np.array([f"spec-{row:02d}.fits" for row in range(N)], dtype=object),
        "spectra": spectra,
        "ra": np.repeat(rng.uniform(0, 360, N // 2), 2),
        "dec": np.repeat(rng.uniform(-90, 90, N // 2), 2),
        "snr_r": rng.lognormal(3, 1, N),
        "path": np.array([f"fits/{row:02d}.fits" for row in range(N)], dtype=object),
    }


def write_file(path: Path, columns: dict[str, np.ndarray], rows: slice, group: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, values in columns.items():
            file[f"{group}/{name}"] = values[rows]
        file["refused/path"] = [f"bad-{group}.fits"]
        file["refused/reason"] = ["is zero everywhere in the window"]
    return path


def write_shards(folder: Path, columns: dict[str, np.ndarray]) -> Path:
    shards = [
        (
            write_file(
                folder / f"night-{number % 2}" / f"{number}.h5",
                columns,
                slice(start, start + n),
                f"group{number}",
            ),
            n,
        )
        for number, (start, n) in enumerate(zip(STARTS, SIZES, strict=False))
    ]
    write_manifest(folder / "survey.pool", shards)
    return folder / "survey.pool"


def open_indexed(path: Path, **options: bool) -> Pool:
    index = path.parent / f"{path.name}.index"
    index_pool(path, index, GRID)
    return Pool(path, index, **options)


@pytest.fixture
def manifest(tmp_path: Path, columns: dict[str, np.ndarray]) -> Path:
    return write_shards(tmp_path, columns)


@pytest.fixture
def whole(tmp_path: Path, columns: dict[str, np.ndarray]) -> Pool:
    return open_indexed(write_file(tmp_path / "whole.h5", columns, slice(None), "pool"))


def shard(manifest: Path, number: int) -> Path:
    return manifest.parent / f"night-{number % 2}" / f"{number}.h5"


@pytest.mark.parametrize("is_held_open", [False, True])
def test_shards_are_read_like_one_file(
    manifest: Path, whole: Pool, is_held_open: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_reader, "MOST_HELD", 2)
    pool = open_indexed(manifest, is_held_open=is_held_open)
    assert (pool.n, pool.grid, pool.fingerprint) == (N, GRID, whole.fingerprint)
    np.testing.assert_array_equal(pool.defects, whole.defects)
    rows = np.array([29, 0, 7, 8, 7, 6, 19, 20])
    names = whole.identifiers(rows)
    assert pool.identifiers(rows) == names
    np.testing.assert_array_equal(pool.rows(names), rows)
    np.testing.assert_array_equal(pool.find(["none", names[0]]), [-1, 29])
    np.testing.assert_array_equal(pool.flux(rows), whole.flux(rows))
    usable = np.flatnonzero(whole.usable)
    np.testing.assert_array_equal(pool.windows(usable), whole.windows(usable))
    of_both = [found.drop(columns="path") for found in (pool.metadata(rows), whole.metadata(rows))]
    pd.testing.assert_frame_equal(*of_both)
    assert pool.visits(names) == whole.visits(names) != [[]] * len(names)
    for name in ("ra", "dec", "snr_r"):
        np.testing.assert_array_equal(pool.column(name), whole.column(name))


@pytest.mark.parametrize("size", [3, 8, 100])
@pytest.mark.parametrize("run", [None, slice(5, 21), slice(7, 8), slice(20, None), slice(4, 4)])
def test_chunks_cross_the_borders_of_shards(
    manifest: Path, whole: Pool, size: int, run: slice | None
) -> None:
    pool = open_indexed(manifest)
    chunks, expected = list(pool.chunks(size, run)), list(whole.chunks(size, run))
    for one, other in zip(chunks, expected, strict=True):
        assert one[0] == other[0]
        np.testing.assert_array_equal(one[1], other[1])
        np.testing.assert_array_equal(one[2], other[2])
    numbers = [row for rows, _, _ in chunks for row in range(rows.start, rows.stop)]
    assert numbers == list(range(N))[run or slice(None)]


@pytest.mark.parametrize("run", [slice(-3, 4), slice(0, N + 1), slice(5, 4), slice(0, 8, 2)])
def test_a_run_of_rows_that_the_pool_does_not_have_is_refused(manifest: Path, run: slice) -> None:
    with pytest.raises(SpectrumError, match=f"no run of rows .* it has {N} rows"):
        next(open_indexed(manifest).chunks(8, run))


def test_paths_and_refusals_are_of_each_shard(manifest: Path) -> None:
    pool = open_indexed(manifest)
    expected = [manifest.parent / f"night-{i}" / "fits" for i in (0, 1, 0, 1)]
    paths = pool.metadata(STARTS[:4])["path"]
    assert [Path(path).parent for path in paths] == expected
    assert pool.refused()["n"].sum() == 4 + 3
    listed = pool.refused_files(3)["path"]
    assert list(listed) == [
        str(shard(manifest, i).with_name(f"bad-group{i}.fits")) for i in range(3)
    ]
    assert len(pool.refused_files(100)) == 7


def test_a_pool_and_its_index_that_move_together_are_still_indexed(
    manifest: Path, tmp_path: Path
) -> None:
    pool = open_indexed(manifest)
    manifest.parent.rename(tmp_path.with_name("moved"))
    moved = tmp_path.with_name("moved") / manifest.name
    index = moved.with_name(pool.index_path.name)
    assert is_indexed(moved, index)
    assert Pool(moved, index).identifiers([8]) == ["spec-08.fits"]


def test_a_campaign_on_one_file_goes_on_when_it_is_divided(
    store: Store, campaign: Campaign, survey: DemoFiles
) -> None:
    folder = store.home / "divided"
    folder.mkdir()
    with h5py.File(survey.pool) as file:
        (group,) = (group for group in file.values() if "spectra" in group)
        columns = {name: group[name][:] for name in group if name != "wavelengths"}
    n = len(columns["spectra"])
    shards = []
    for start in range(0, n, 110):
        rows = slice(start, min(start + 110, n))
        shards.append(
            (write_file(folder / f"{start}.h5", columns, rows, "pool"), rows.stop - start)
        )
    write_manifest(folder / "survey.pool", shards)
    divided = create_campaign(store, "divided", survey.training, folder / "survey.pool")
    assert divided.pool_fingerprint == campaign.pool_fingerprint
    one, many = open_pool(store, campaign), open_pool(store, divided)
    rows = np.array([299, 0, 150])
    assert one.identifiers(rows) == many.identifiers(rows)
    below = folder / "night" / "a.fits"
    assert spectrum_file(store, divided, str(below)) == below
    with pytest.raises(SpectrumError, match="lies outside the folders"):
        spectrum_file(store, divided, str(survey.pool))


def test_a_shard_that_vanishes_or_changes_is_named(manifest: Path) -> None:
    pool = open_indexed(manifest)
    third = shard(manifest, 2)
    third.rename(third.with_suffix(".away"))
    assert pool.identifiers([0]) == ["spec-00.fits"]
    for read in (lambda: pool.flux([8]), lambda: list(pool.chunks(5)), lambda: pool.column("ra")):
        with pytest.raises(SpectrumError, match=r"shard .*/2\.h5 cannot be read: No such file"):
            read()
    with pytest.raises(SpectrumError, match=r"shard .*/2\.h5 cannot be read: No such file"):
        is_indexed(manifest, pool.index_path)
    third.with_suffix(".away").rename(third)
    assert pool.identifiers([8]) == ["spec-08.fits"]
    os.utime(third, ns=(0, 1))
    with pytest.raises(SpectrumError, match=r"shard .*/2\.h5 has changed since it was indexed"):
        pool.flux([8])
    assert not is_indexed(manifest, pool.index_path)


def test_a_manifest_that_changes_is_noticed(manifest: Path) -> None:
    pool = open_indexed(manifest)
    content = json.loads(manifest.read_text())
    content["shards"].reverse()
    manifest.write_text(json.dumps(content))
    assert not is_indexed(manifest, pool.index_path)
    with pytest.raises(SpectrumError, match="not made of the same 4 files"):
        Pool(manifest, pool.index_path)
    assert open_indexed(manifest).fingerprint != pool.fingerprint


@pytest.mark.parametrize("is_held_open", [False, True])
def test_a_block_that_cannot_be_read_is_told_with_its_shard(
    manifest: Path, columns: dict[str, np.ndarray], is_held_open: bool
) -> None:
    path = shard(manifest, 2)
    with h5py.File(path, "r+") as file:
        del file["group2/spectra"]
        spectra = file["group2"].create_dataset(
            "spectra", data=columns["spectra"][8:20], chunks=(6, GRID.n), compression="gzip"
        )
        where = spectra.id.get_chunk_info(1)
    pool = open_indexed(manifest, is_held_open=is_held_open)
    before = path.stat()
    with path.open("r+b") as raw:
        raw.seek(where.byte_offset)
        raw.write(b"\xff" * where.size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert pool.flux([8]).shape == (1, GRID.n)
    for read in (lambda: pool.flux([19]), lambda: list(pool.chunks(100))):
        with pytest.raises(SpectrumError, match=r"/2\.h5 cannot be read as HDF5: .* Check that it"):
            read()
    with pytest.raises(SpectrumError, match=r"/2\.h5 cannot be read as HDF5"):
        open_indexed(manifest)


def test_a_shard_that_is_not_what_the_manifest_says_is_named(
    manifest: Path, columns: dict[str, np.ndarray]
) -> None:
    second = shard(manifest, 1)
    write_file(second, columns, slice(7, 9), "pool")
    with pytest.raises(SpectrumError, match=r"shard .*/1\.h5 has 2 rows, its manifest says 1"):
        open_indexed(manifest)
    write_file(second, columns | {"spectra": columns["spectra"][:, :39]}, slice(7, 8), "pool")
    with pytest.raises(SpectrumError, match=r"/1\.h5, group 'pool': 'spectra' has the shape"):
        open_indexed(manifest)
    second.write_bytes(shard(manifest, 3).read_bytes()[:3000])
    with pytest.raises(SpectrumError, match=r"/1\.h5 cannot be read as HDF5"):
        open_indexed(manifest)
    second.unlink()
    with pytest.raises(SpectrumError, match=r"shard .*/1\.h5 cannot be read: No such file"):
        open_indexed(manifest)
    assert not list(manifest.parent.glob("*.index*"))


def test_an_identifier_of_two_shards_is_refused_with_both(
    manifest: Path, columns: dict[str, np.ndarray]
) -> None:
    columns["filenames"][28] = "spec-02.fits"
    write_file(shard(manifest, 3), columns, slice(20, 30), "pool")
    with pytest.raises(
        SpectrumError,
        match=r"0\.h5: .* 'spec-02\.fits' comes twice, in row 2 and in row 8 of .*/3\.h5",
    ):
        open_indexed(manifest)


def listing(*shards: object, **others: object) -> str:
    content = {"format": "active-cnn pool", "version": 1, "shards": list(shards)}
    return json.dumps(content | others)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ('{"version": ' + "9" * 5000 + "}", "read: it has a number of too many digits. Give"),
        ("[" * 100_000, "is not JSON"),
        ("\xff", "is not JSON"),
        ("[]", "is not a pool's manifest"),
        ('{"format": "another"}', "is not a pool's manifest"),
        (
            listing({"path": "0.h5", "n": 1}, version=2),
            "of version 2; this program reads version 1",
        ),
        (listing(), "lists no shards"),
        (listing(shards={}), "lists no shards"),
        (listing("0.h5"), r"shard 0 \(counted from 0\), is '0.h5': give 'path' and 'n'"),
        (listing({"path": "0.h5"}), "give 'path' and 'n'"),
        (listing({"path": "0.h5", "n": 1, "m": 1}), "give 'path' and 'n', nothing else"),
        (listing({"path": "0.h5", "n": 0}), "'n' is 0. Give its number of rows"),
        (listing({"path": "0.h5", "n": True}), "'n' is True"),
        (listing({"path": "0.h5", "n": 1.0}), "'n' is 1.0"),
        (listing({"path": 7, "n": 1}), "'path' is 7"),
        (listing({"path": "", "n": 1}), "'path' is ''"),
        (listing({"path": "a\0b", "n": 1}), r"'path' is 'a\\x00b'"),
        (listing({"path": "x" * 5000, "n": 1}), "leads nowhere|cannot be read: File name too long"),
        (listing({"path": "survey.pool", "n": 1}), "is the manifest 'survey.pool'"),
        (listing({"path": "/etc/passwd", "n": 1}), "'/etc/passwd' lies outside the folder"),
        (listing({"path": "../0.h5", "n": 1}), "'../0.h5' lies outside the folder"),
        (listing({"path": "b/../0.h5", "n": 1}), "lies outside the folder"),
        (listing({"path": "link.h5", "n": 1}), "'link.h5' lies outside the folder"),
        (listing({"path": "linked/0.h5", "n": 1}), "'linked/0.h5' lies outside the folder"),
        (listing({"path": "circle.h5", "n": 1}), "'circle.h5' leads nowhere"),
        (listing({"path": "0.h5", "n": 1}, {"path": "./0.h5", "n": 1}), "lists one file twice"),
    ],
)
def test_a_manifest_that_cannot_be_followed_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "0.h5").write_text("secret")
    (folder / "link.h5").symlink_to(tmp_path / "0.h5")
    (folder / "linked").symlink_to(tmp_path)
    (folder / "circle.h5").symlink_to("circle.h5")
    manifest = folder / "survey.pool"
    manifest.write_text(text, encoding="latin-1")
    with pytest.raises(SpectrumError, match=message) as caught:
        index_pool(manifest, folder / "index", GRID)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000 + 5000 * ("x" * 5000 in text)
    assert not (folder / "index").exists()


def test_a_manifest_that_is_missing_or_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpectrumError, match=r"none\.pool cannot be read: No such file"):
        read_manifest(tmp_path / "none.pool")
    (tmp_path / "folder.pool").mkdir()
    os.mkfifo(tmp_path / "pipe.pool")
    for name in ("folder.pool", "pipe.pool"):
        with pytest.raises(SpectrumError, match=f"{name} cannot be read: it is a .*, not a file"):
            read_manifest(tmp_path / name)


def test_a_manifest_that_could_not_be_read_is_not_written(tmp_path: Path) -> None:
    inside = tmp_path / "folder" / "0.h5"
    inside.parent.mkdir()
    path = inside.with_name("survey.pool")
    for shards, message in (
        ([], "lists no shards"),
        ([(inside, 0)], "'n' is 0"),
        ([(tmp_path / "0.h5", 3)], "lies outside the folder"),
        ([(inside, 3), (inside, 3)], "lists one file twice"),
    ):
        with pytest.raises(SpectrumError, match=message):
            write_manifest(path, shards)
    with pytest.raises(SpectrumError, match=r"end its name in \.pool"):
        write_manifest(path.with_suffix(".json"), [(inside, 3)])
    with pytest.raises(StoreError, match="Cannot write"):
        write_manifest(path.parent / "none" / "survey.pool", [(path.parent / "none" / "0.h5", 3)])
    assert list(path.parent.iterdir()) == []
    write_manifest(path, [(inside, 3)])
    assert [(one.path, one.name, one.n) for one in read_manifest(path)] == [(inside, "0.h5", 3)]


@pytest.mark.parametrize("is_alike", [False, True])
def test_a_pool_of_many_blocks_and_runs_is_found_through(
    manifest: Path, whole: Pool, is_alike: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = whole.identifiers(np.arange(N))
    visits = whole.visits(names)
    if is_alike:  # hashes: those of many identifiers, over the borders of blocks
        for module in (pool_module, pool_index):
            monkeypatch.setattr(
                module, "hash_texts", lambda texts: np.array([ord(t[6]) for t in texts], np.uint64)
            )
    monkeypatch.setattr(external_sort, "RUN", 6)
    monkeypatch.setattr(external_sort, "STEP", 2)
    monkeypatch.setattr(pool_index, "BLOCK", 4)
    for module in (index_file, pool_index):
        monkeypatch.setattr(module, "FENCE", 3)
    pool = open_indexed(manifest)
    np.testing.assert_array_equal(pool.rows(names), np.arange(N))
    np.testing.assert_array_equal(pool.find([f"{name}?" for name in names]), np.full(N, -1))
    assert pool.visits(names) == visits


def test_a_full_disk_leaves_no_index(manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_path: Path) -> object:
        return type("Usage", (), {"free": 100})

    monkeypatch.setattr(index_file.shutil, "disk_usage", full)
    before = sorted(manifest.parent.iterdir())
    with pytest.raises(SpectrumError, match="index .* cannot be written: .*No space left"):
        open_indexed(manifest)
    assert sorted(manifest.parent.iterdir()) == before


@pytest.mark.parametrize("n", [0, 1, 5, 6, 47, 48])
@pytest.mark.parametrize("n_keys", [1, 4, 10_000])
def test_records_are_sorted_in_runs_as_they_would_be_in_memory(
    tmp_path: Path, n: int, n_keys: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(external_sort, "RUN", 6)
    monkeypatch.setattr(external_sort, "STEP", 2)
    keys, rows = np.random.default_rng(n).integers(0, n_keys, n), np.arange(n)
    with ExternalSort(tmp_path, [(KEY, "<i8"), ("row", "<i8")]) as sort:
        for start in range(0, n, 5):
            sort.add(**{KEY: keys[start : start + 5]}, row=rows[start : start + 5])
        assert list(tmp_path.iterdir()) == []
        pieces = list(sort.pieces())
    order = np.argsort(keys, kind="stable")
    assert [row for piece in pieces for row in piece["row"]] == list(order)
    assert [key for piece in pieces for key in piece[KEY]] == list(keys[order])
    ends = [(one[KEY][-1], other[KEY][0]) for one, other in zip(pieces, pieces[1:], strict=False)]
    assert all(last < first for last, first in ends)
    if n_keys > 4 and n > 6:
        assert max(map(len, pieces)) < n
