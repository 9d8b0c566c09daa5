"""Ingest: what becomes a row, what is refused, and what an interruption costs."""

import gzip
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest

from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.spectra import ingest as ingest_module
from active_cnn.spectra.ingest import ingest
from active_cnn.spectra.pool import Pool, index_pool
from active_cnn.spectra.preprocessing import prepare
from active_cnn.spectra.readers import read
from tests.lamost_files import (
    contents,
    parts_of,
    spoil_what_is_done,
    write_folder,
    write_spectrum,
    write_survey,
)

GRID = Grid.of(n=40)
FULL_GRID = Grid()


def write_pool(target: Path, names: list[str], **columns: object) -> Path:
    flux = np.random.default_rng(9).normal(100, 5, (len(names), GRID.n)).astype(np.float32)
    with h5py.File(target, "w") as file:
        for name, values in {"filenames": names, "spectra": flux, **columns}.items():
            file[f"lamost_dr2/{name}"] = values
    return target


def open_indexed(path: Path, grid: Grid = GRID) -> Pool:
    index_pool(path, path.with_suffix(".index"), grid)
    return Pool(path, path.with_suffix(".index"))


def test_a_row_is_the_prepared_spectrum_with_what_its_header_says(tmp_path: Path) -> None:
    path = write_spectrum(
        tmp_path / "in" / "a.fits", SN_R=31.5, RA=10.25, DEC=-5.5, DESIG="LAMOST J0", CLASS="STAR"
    )
    report = ingest([path], tmp_path / "pool.h5", grid=GRID)
    assert (report.accepted, report.refused, report.reasons) == (1, 0, {})
    pool = open_indexed(tmp_path / "pool.h5")
    np.testing.assert_array_equal(pool.flux([0])[0], prepare(read(path), GRID).astype(np.float32))
    assert pool.metadata([0]).to_dict("records") == [
        {
            "identifier": "a.fits",
            "ra": 10.25,
            "dec": -5.5,
            "snr_r": 31.5,
            "designation": "LAMOST J0",
            "pipeline_class": "STAR",
            "path": str(path),
        }
    ]
    assert not (tmp_path / "pool.h5.partial").exists()


def test_folders_are_searched_at_every_depth_for_fits_files(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for name in ("b.FITS", "a.fit", "deep/er/c.fits"):
        write_spectrum(folder / name)
    packed = write_spectrum(folder / "x.fits")
    (folder / "d.Fits.GZ").write_bytes(gzip.compress(packed.read_bytes()))
    packed.unlink()
    (folder / "notes.txt").write_text("not a spectrum")
    (folder / "deep" / "round").symlink_to(folder, target_is_directory=True)
    ingest([folder], tmp_path / "pool.h5", grid=GRID)
    pool = open_indexed(tmp_path / "pool.h5")
    assert pool.identifiers(np.arange(pool.n)) == ["a.fit", "b.FITS", "d.Fits", "c.fits"]


def test_a_list_names_sources_relative_to_its_folder(tmp_path: Path) -> None:
    write_spectrum(tmp_path / "lists" / "a.fits")
    other = write_spectrum(tmp_path / "b.fits")
    write_folder(tmp_path / "more", 2)
    listed = tmp_path / "lists" / "list.txt"
    listed.write_text(f"a.fits\n\n{other}\r\n../more\n")
    report = ingest([listed], tmp_path / "pool.h5", grid=GRID)
    assert report.accepted == 4
    pool = open_indexed(tmp_path / "pool.h5")
    assert pool.metadata([0])["path"][0] == str(tmp_path / "lists" / "a.fits")


def test_paths_below_the_folder_of_the_pool_move_with_it(tmp_path: Path) -> None:
    below = write_spectrum(tmp_path / "survey" / "in" / "a.fits")
    beside = write_spectrum(tmp_path / "beside" / "b.fits")
    ingest([below, beside], tmp_path / "survey" / "pool.h5", grid=GRID)
    (tmp_path / "survey").rename(tmp_path / "moved")
    pool = open_indexed(tmp_path / "moved" / "pool.h5")
    paths = list(pool.metadata([0, 1])["path"])
    assert paths == [str(tmp_path / "moved" / "in" / "a.fits"), str(beside)]


def test_an_original_pool_is_copied_with_its_own_metadata(tmp_path: Path) -> None:
    source = write_pool(
        tmp_path / "old.h5",
        ["a", "b", "c"],
        snr_r=[1.0, 2.0, 3.0],
        path=["", "below/b.fits", "/abs/c.fits"],
        corrupted=[True, False, False],
    )
    report = ingest([source], tmp_path / "new" / "pool.h5", grid=GRID)
    assert (report.accepted, report.refused) == (2, 1)
    old, pool = open_indexed(source), open_indexed(tmp_path / "new" / "pool.h5")
    assert pool.identifiers([0, 1]) == ["b", "c"]
    np.testing.assert_array_equal(pool.flux([0, 1]), old.flux([1, 2]))
    np.testing.assert_array_equal(pool.column("snr_r"), [2, 3])
    assert np.isnan(pool.column("ra")).all()
    assert list(pool.metadata([0, 1])["path"]) == [str(tmp_path / "below/b.fits"), "/abs/c.fits"]
    refused = pool.refused_files(10)
    assert refused.to_dict("records") == [
        {"path": f"{source}#0", "reason": "is marked as corrupted in its pool"}
    ]


def test_refused_files_are_counted_by_reason_and_listed_with_their_own(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "in", 2)
    write_spectrum(folder / "short-1.fits", n=150)
    write_spectrum(folder / "short-2.fits", n=160)
    (folder / "text.fits").write_text("no FITS file")
    (folder / "empty.fits").touch()
    (folder / "torn.fits").write_bytes((folder / "spec-0000.fits").read_bytes()[:4000])
    (folder / "gone.fits").symlink_to(folder / "nowhere")
    report = ingest([folder], tmp_path / "pool.h5", grid=GRID)
    assert (report.accepted, report.refused) == (2, 6)
    assert report.reasons["covers …-… Å (vacuum), not the whole window …-… Å"] == 2
    assert sum(report.reasons.values()) == 6
    pool = open_indexed(tmp_path / "pool.h5")
    assert dict(pool.refused().itertuples(index=False)) == report.reasons
    listed = pool.refused_files(100).set_index("path")["reason"]
    assert listed[str(folder / "short-1.fits")].startswith("covers 6309.6-652")
    assert listed[str(folder / "empty.fits")] == "is empty"
    assert listed.str.count("\n").sum() == 0


def test_a_duplicate_identifier_is_refused_with_both_paths(tmp_path: Path) -> None:
    first = write_spectrum(tmp_path / "1" / "same.fits", seed=1)
    second = write_spectrum(tmp_path / "2" / "same.fits", seed=2)
    pool_source = write_pool(tmp_path / "3.h5", ["same.fits", "x", "x"])
    report = ingest([first, second, pool_source], tmp_path / "pool.h5", grid=GRID)
    assert (report.accepted, report.refused) == (2, 3)
    assert report.reasons == {"has the identifier of another spectrum": 3}
    pool = open_indexed(tmp_path / "pool.h5")
    np.testing.assert_array_equal(
        pool.flux(pool.rows(["same.fits"]))[0], prepare(read(first), GRID).astype(np.float32)
    )
    taken = "has the identifier of another spectrum: "
    assert pool.refused_files(10).to_dict("list") == {
        "path": [str(second), f"{pool_source}#0", f"{pool_source}#2"],
        "reason": [
            f"{taken}'same.fits' is taken by {first}; with --identifier path, or header:CARD, "
            "files of one name are told apart",
            f"{taken}'same.fits' is taken by {first}",
            f"{taken}'x' is taken by {pool_source}#1",
        ],
    }


def test_duplicates_are_found_across_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_module, "BATCH", 2)
    names = ["a", "b", "c", "a", "d", "b", "a"]
    source = write_pool(tmp_path / "in.h5", names)
    ingest([source], tmp_path / "pool.h5", grid=GRID)
    pool = open_indexed(tmp_path / "pool.h5")
    assert pool.identifiers(np.arange(pool.n)) == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(
        pool.flux(np.arange(4)), h5py.File(source)["lamost_dr2/spectra"][:][[0, 1, 2, 4]]
    )
    assert list(pool.refused_files(9)["reason"].str[-2:]) == ["#0", "#1", "#0"]


def test_what_is_named_twice_is_there_once(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "in", 3)
    (folder / "bad.fits").touch()
    sources = [folder, folder / "spec-0001.fits", folder / ".." / "in" / "bad.fits"]
    report = ingest(sources, tmp_path / "pool.h5", grid=GRID)
    assert (report.accepted, report.refused) == (3, 1)


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = write_spectrum(tmp_path / "in" / "a.fits")
    shutil.copy(path, os.fsencode(path.parent) + b"/\xff.fits")
    report = ingest([path.parent], tmp_path / "pool.h5", grid=GRID)
    assert (report.accepted, report.reasons) == (1, {"has a name that is not valid text": 1})


@pytest.mark.parametrize("name", ["none.fits", "none", "none.txt", "none.h5"])
def test_a_missing_source_is_an_error_before_anything_is_read(tmp_path: Path, name: str) -> None:
    folder = write_folder(tmp_path / "in", 1)
    with pytest.raises(SpectrumError, match=f"source {tmp_path / name} does not exist"):
        ingest([folder, tmp_path / name], tmp_path / "out" / "pool.h5", grid=GRID)
    assert not (tmp_path / "out").exists()


def test_a_missing_source_in_a_list_is_named_with_its_line(tmp_path: Path) -> None:
    write_spectrum(tmp_path / "a.fits")
    (tmp_path / "list.txt").write_text("a.fits\nb.fits\n")
    with pytest.raises(SpectrumError, match=r"b\.fits \(line 2 of .*list\.txt\) does not exist"):
        ingest([tmp_path / "list.txt"], tmp_path / "pool.h5", grid=GRID)


def test_a_pool_on_another_grid_is_an_error(tmp_path: Path) -> None:
    source = write_pool(tmp_path / "in.h5", ["a"])
    with pytest.raises(SpectrumError, match=r"shape \(1, 40\), the grid .* needs \(n, 140\)"):
        ingest([source], tmp_path / "pool.h5")


def test_sources_without_any_spectrum_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(SpectrumError, match="no spectra in .*in. Folders are searched for .fits"):
        ingest([tmp_path / "in"], tmp_path / "pool.h5", grid=GRID)


def test_no_usable_spectrum_is_an_error_with_the_reasons_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    write_spectrum(tmp_path / "in" / "a.fits", n=150)
    (tmp_path / "in" / "b.fits").touch()
    with pytest.raises(SpectrumError, match=r"None of the 2 spectra .* is empty \(1\)"):
        ingest([tmp_path / "in"], tmp_path / "pool.h5", grid=GRID)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize("resume", [False, True])
def test_a_finished_pool_is_never_overwritten(tmp_path: Path, resume: bool) -> None:
    folder = write_folder(tmp_path / "in", 1)
    ingest([folder], tmp_path / "pool.h5", grid=GRID)
    before = (tmp_path / "pool.h5").read_bytes()
    with pytest.raises(SpectrumError, match=r"pool\.h5 exists already"):
        ingest([folder], tmp_path / "pool.h5", grid=GRID, resume=resume)
    assert (tmp_path / "pool.h5").read_bytes() == before


def test_progress_counts_up_to_all(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "in", 5)
    (folder / "bad.fits").touch()
    calls = []
    ingest([folder], tmp_path / "pool.h5", grid=GRID, progress=calls.append)
    last = calls[-1]
    assert (last.done, last.total, last.accepted, last.refused, last.resumed) == (6, 6, 5, 1, 0)


DRIVER = """
import sys
from pathlib import Path
from active_cnn.grid import Grid
from active_cnn.spectra import ingest as module
module.BATCH = 8
module.ingest([sys.argv[1]], Path(sys.argv[2]), grid=Grid.of(n=40), resume="--resume" in sys.argv)
"""


def start(folder: Path, out: Path, *options: str, setup: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", setup + DRIVER, str(folder), str(out), *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def kill_after_parts(process: subprocess.Popen[str], out: Path, n: int, delay: float) -> None:
    deadline = time.monotonic() + 60
    while len(parts_of(out)) < n and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(delay)
    process.kill()
    process.communicate()


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_survey(tmp_path_factory.mktemp("survey") / "in")


def test_sigkill_costs_no_finished_batch_and_resuming_gives_the_same_pool(
    survey: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    shutil.copytree(survey, folder)
    whole, out = tmp_path / "whole.h5", tmp_path / "pool.h5"
    ingest([folder], whole, grid=GRID)

    n_done = []
    # The delays spread the kills over reading, writing and joining.
    for options, delay in (((), 0.0), (("--resume",), 0.003), (("--resume",), 0.011)):
        process = start(folder, out, *options)
        kill_after_parts(process, out, len(parts_of(out)) + 6, delay)
        assert process.returncode == -signal.SIGKILL
        assert not out.exists()
        n_done.append(spoil_what_is_done(out))
    assert 0 < n_done[0] < n_done[1] < n_done[2] < 300

    process = start(folder, out, "--resume")
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert contents(out) == contents(whole)
    assert not out.with_name("pool.h5.partial").exists()
    index_pool(out, tmp_path / "index", GRID)


def test_an_interrupted_ingest_is_neither_overwritten_nor_resumed_on_another_grid(
    survey: Path, tmp_path: Path
) -> None:
    out = tmp_path / "pool.h5"
    kill_after_parts(start(survey, out), out, 2, 0)
    n = len(parts_of(out))
    with pytest.raises(SpectrumError, match="was interrupted. Go on with it by resuming"):
        ingest([survey], out, grid=GRID)
    with pytest.raises(SpectrumError, match=r"begun with the grid 6519-6732 Å × 40, not .* × 50"):
        ingest([survey], out, grid=Grid.of(n=50), resume=True)
    assert len(parts_of(out)) == n


def test_torn_files_of_an_interruption_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_module, "BATCH", 2)
    folder, out = write_folder(tmp_path / "in", 5), tmp_path / "pool.h5"
    ingest([folder], tmp_path / "whole.h5", grid=GRID)

    def interrupt(_: ingest_module.IngestProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest([folder], out, grid=GRID, progress=interrupt)
    for name in ("part-000000.h5.tmp", "joined.tmp"):
        out.with_name("pool.h5.partial").joinpath(name).write_bytes(b"\x89HDF\r\n torn")
    report = ingest([folder], out, grid=GRID, resume=True)
    assert report.accepted == 5
    assert contents(out) == contents(tmp_path / "whole.h5")


def test_a_kill_between_naming_the_pool_and_removing_the_parts_is_mended(tmp_path: Path) -> None:
    folder, out = write_folder(tmp_path / "in", 3), tmp_path / "pool.h5"
    (folder / "bad.fits").touch()
    report = ingest([folder], out, grid=GRID)
    before = out.read_bytes()
    out.with_name("pool.h5.partial").mkdir()
    assert ingest([folder], out, grid=GRID, resume=True) == report
    assert out.read_bytes() == before
    assert not out.with_name("pool.h5.partial").exists()


def test_resuming_without_an_interruption_begins(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "in", 2)
    assert ingest([folder], tmp_path / "pool.h5", grid=GRID, resume=True).accepted == 2


def test_only_one_process_writes_a_pool_at_a_time(survey: Path, tmp_path: Path) -> None:
    out = tmp_path / "pool.h5"
    process = start(survey, out)
    while not parts_of(out) and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(SpectrumError, match="Another process is writing"):
            ingest([survey], out, grid=GRID, resume=True)
    finally:
        process.kill()
        process.communicate()


def test_a_full_disk_is_one_error_after_which_resuming_works(survey: Path, tmp_path: Path) -> None:
    out = tmp_path / "pool.h5"
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))\n"
    process = start(survey, out, setup=limit)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"SpectrumError: {out} cannot be written" in errors
    assert not out.exists()
    report = ingest([survey], out, grid=GRID, resume=True)
    assert (report.accepted, report.refused) == (290, 10)


def test_a_disk_without_room_for_the_pool_is_found_before_joining(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = write_folder(tmp_path / "in", 3), tmp_path / "pool.h5"
    full = shutil.disk_usage(tmp_path)._replace(free=100)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: full)
        with pytest.raises(SpectrumError, match="cannot be written: joining the parts needs"):
            ingest([folder], out, grid=GRID)
    assert ingest([folder], out, grid=GRID, resume=True).accepted == 3


def rows_of(paths: list[Path]) -> dict[str, str]:
    """Give the rows of the files of a pool one after the other."""
    rows: dict[str, list[object]] = {}
    for path in paths:
        with h5py.File(path) as file:
            for name in set(file["pool"]) - {"wavelengths"}:
                rows.setdefault(name, []).extend(file["pool"][name][:].tolist())
    return {name: repr(values) for name, values in rows.items()}


def test_shards_hold_the_rows_of_the_pool_in_one_file(survey: Path, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole.h5", tmp_path / "pool.pool"
    report = ingest([survey], whole, grid=GRID)
    assert ingest([survey], out, grid=GRID, shard_size=128) == report
    names = ["pool-0000.h5", "pool-0001.h5", "pool-0002.h5"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [*names, "pool.pool", "whole.h5"]
    assert rows_of([tmp_path / name for name in names]) == rows_of([whole])
    one, many = open_indexed(whole), open_indexed(out)
    assert many.n == one.n == 290
    assert many.fingerprint == one.fingerprint
    assert many.refused_files(20).equals(one.refused_files(20))
    again = ingest([out], tmp_path / "again.h5", grid=GRID)
    assert (again.accepted, again.refused) == (290, 0)
    assert rows_of([tmp_path / "again.h5"]) == rows_of([whole])


@pytest.mark.parametrize("n_published", [0, 1, 3])
def test_a_kill_while_shards_get_their_names_is_mended_by_resuming(
    survey: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_published: int
) -> None:
    out = tmp_path / "pool.pool"
    published = []

    def publish(temporary: Path, path: Path) -> None:
        if len(published) == n_published:
            raise KeyboardInterrupt
        published.append(path)
        temporary.replace(path)

    with monkeypatch.context() as patch:
        patch.setattr(ingest_module, "publish", publish)
        patch.setattr(ingest_module, "write_manifest", lambda *_: publish(out, out))
        with pytest.raises(KeyboardInterrupt):
            ingest([survey], out, grid=GRID, shard_size=100)
    assert not out.exists()
    assert ingest([survey], out, grid=GRID, shard_size=100, resume=True).accepted == 290
    assert open_indexed(out).n == 290
    assert not out.with_name("pool.pool.partial").exists()


def test_shards_never_overwrite_a_file(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "in", 3)
    (tmp_path / "pool-0001.h5").write_bytes(b"mine")
    with pytest.raises(SpectrumError, match="pool-0001.h5 exists already, which could be a shard"):
        ingest([folder], tmp_path / "pool.pool", grid=GRID)
    assert (tmp_path / "pool-0001.h5").read_bytes() == b"mine"


@pytest.mark.parametrize(("name", "size"), [("pool.h5", 10), ("pool.pool", 0)])
def test_shards_need_a_size_and_a_name_for_their_list(tmp_path: Path, name: str, size: int) -> None:
    folder = write_folder(tmp_path / "in", 1)
    with pytest.raises(SpectrumError, match=f"cannot be in shards of {size} spectra"):
        ingest([folder], tmp_path / name, grid=GRID, shard_size=size)


def test_fluxes_beyond_float32_are_refused_and_others_rounded_to_it(tmp_path: Path) -> None:
    flux = np.random.default_rng(1).normal(100, 5, (3, GRID.n))
    flux[1] *= 1e38
    flux[2] = 100 + 1e-9 * flux[2]
    path = tmp_path / "in.h5"
    with h5py.File(path, "w") as file:
        file["pool/filenames"], file["pool/spectra"] = ["a", "b", "c"], flux
    report = ingest([path], tmp_path / "pool.h5", grid=GRID)
    assert report.accepted == 1
    assert sorted(reason.split(" in the")[0] for reason in report.reasons) == [
        "is flat",
        "is not finite (NaN or infinite)",
    ]
    with h5py.File(tmp_path / "pool.h5") as file:
        assert file["pool/spectra"].dtype == np.float32
        np.testing.assert_array_equal(file["pool/spectra"][0], flux[0].astype(np.float32))


def test_every_real_file_is_accepted_or_refused_in_one_line(
    real_spectra: Path, tmp_path: Path
) -> None:
    out = tmp_path / "pool.h5"
    report = ingest([real_spectra], out)
    pool = open_indexed(out, FULL_GRID)
    rows = np.arange(pool.n)
    assert pool.n == report.accepted
    assert pool.usable.all()

    # Between them they name every file once: none got lost on the way.
    metadata, refused = pool.metadata(rows), pool.refused_files(10_000)
    suffixes = (".fits", ".fit", ".fits.gz", ".fit.gz")
    files = [str(p) for p in real_spectra.rglob("*") if p.name.lower().endswith(suffixes)]
    assert Counter([*metadata["path"], *refused["path"]]) == Counter(files)
    assert refused["reason"].str.fullmatch(r".+").all()
    for row in rows[::40]:
        window = prepare(read(metadata["path"][row]), FULL_GRID).astype(np.float32)
        np.testing.assert_array_equal(pool.flux([row])[0], window)
