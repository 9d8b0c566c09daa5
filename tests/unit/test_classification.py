"""Classifying any spectra: what gets a row, what is refused, and where the table may be."""

import csv
import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from astropy.io import fits

from active_cnn.campaign.classification import classify
from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.files import iteration_folder
from active_cnn.campaign.store import Store
from active_cnn.delivery.columns import probability_columns
from active_cnn.errors import CampaignError, SpectrumError, StoreError
from active_cnn.grid import Grid
from active_cnn.learning.network import build_network, load_network, save_network
from active_cnn.learning.scoring import predict
from active_cnn.spectra.degrading import degrade
from active_cnn.spectra.preprocessing import DEFECTS, prepare, rescale
from active_cnn.spectra.readers import read
from active_cnn.spectra.simulation import write_demo
from tests import reading_tasks

POOL_SIZE, FLAT_ROW, NAN_ROW = 40, 7, 11


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    files = write_demo(
        tmp_path_factory.mktemp("demo"), pool_size=POOL_SIZE, training_size=30, n_fits=4, seed=2
    )
    shown = {path.stem for path in files.fits}
    with h5py.File(files.pool, "r+") as file:
        (group,) = file.values()
        assert not shown & set(group["filenames"].asstr()[[FLAT_ROW, NAN_ROW]])
        group["spectra"][FLAT_ROW] = 1.0
        group["spectra"][NAN_ROW] = np.nan
    return files


@pytest.fixture(scope="module")
def trained(tmp_path_factory, demo, fill_iteration):
    """A campaign whose iteration has a real network that was never trained."""
    with Store(tmp_path_factory.mktemp("trained")) as store:
        campaign = create_campaign(store, "halpha", demo.training, demo.pool)
        n_classes = len(campaign.network_classes)
        probabilities = np.full((POOL_SIZE, n_classes), 1 / n_classes, np.float32)
        saved = tmp_path_factory.mktemp("network") / "network.keras"
        save_network(build_network("paper", campaign.grid.n, n_classes), saved)
        iteration = fill_iteration(store, campaign, probabilities, saved)
        yield store, campaign, iteration_folder(store, iteration) / iteration.result.network_file


@pytest.fixture
def run(trained, tmp_path):
    """Give a function that classifies sources and gives the counts and the rows."""
    store, campaign, _ = trained

    def run(*sources, out=tmp_path / "table.csv", **options):
        counts = classify(store, campaign, sources, out, **options)
        with out.open(newline="", encoding="utf-8") as file:
            return counts, list(csv.DictReader(file))

    return run


def test_spectra_are_called_by_name_path_or_card(tmp_path, demo, run):
    for night in ("n1", "n2"):
        (tmp_path / "in" / night).mkdir(parents=True)
        shutil.copy(demo.fits[0], tmp_path / "in" / night / "a.fits")
    with fits.open(tmp_path / "in/n2/a.fits", "update") as hdus:
        hdus[0].header["MYNAME"] = " star 7 "
    _, rows = run(tmp_path / "in")
    assert [row["identifier"] for row in rows] == ["a.fits", "a.fits"]
    _, rows = run(tmp_path / "in", identifier="path")
    assert [row["identifier"] for row in rows] == ["n1/a.fits", "n2/a.fits"]
    counts, rows = run(tmp_path / "in", identifier="header:MYNAME")
    assert counts == (1, 1)
    assert [row["identifier"] for row in rows] == ["", "star 7"]
    assert "nothing under MYNAME" in rows[0]["reason"]
    with pytest.raises(SpectrumError, match="give name, path or header:CARD"):
        run(tmp_path / "in", identifier="night")


@pytest.fixture
def folder(tmp_path, demo):
    """A folder with one good spectrum, below `in`."""
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(demo.fits[0], folder / "good.fits")
    return folder


def paths(rows):
    return [row["path"] for row in rows]


def reasons(rows):
    return {Path(row["path"]).name: row["reason"] for row in rows}


def write_image(path, **cards):
    """Write a sharp line on a fine axis, as another instrument might."""
    wavelength = np.arange(6400.0, 6850.0, 0.1)
    flux = 100 + 50 * np.exp(-0.5 * ((wavelength - 6600) / 0.3) ** 2) + np.sin(wavelength / 20)
    hdu = fits.PrimaryHDU(flux)
    hdu.header.update(
        CRVAL1=6400.0, CRPIX1=1, CDELT1=0.1, CTYPE1="WAVE", CUNIT1="Angstrom", **cards
    )
    hdu.writeto(path)
    return path


@pytest.fixture
def stating(demo):
    """Give a function that makes the campaign's pool state another resolving power."""
    with h5py.File(demo.pool) as file:
        (group,) = file.values()
        before = dict(group.attrs)

    def state(**attributes):
        with h5py.File(demo.pool, "r+") as file:
            (group,) = file.values()
            for name in list(group.attrs):
                del group.attrs[name]
            group.attrs.update(attributes)

    yield state
    state(**before)


MARKING = {"resolving_power": 1800.0, "blurrier": "mark"}


@pytest.mark.parametrize(
    ("stated", "power"),
    [
        ({"resolving_power": 1800.0}, 1800.0),
        ({"resolving_power": 900.0}, 900.0),
        ({"resolving_power": "as-is"}, None),
        ({}, 1800.0),  # by an earlier version
    ],
)
def test_a_file_is_brought_to_the_resolving_power_of_the_campaign_s_pool(
    run, trained, tmp_path, stating, stated, power
):
    _, campaign, network = trained
    path = write_image(tmp_path / "sharp.fits", SPE_RPOW=9000)
    stating(**stated)
    counts, (row,) = run(path)
    assert (counts, row["reason"]) == ((1, 0), "")
    window = rescale(prepare(read(path), campaign.grid, power)[None])
    expected = predict(load_network(network), window)[0]
    found = [float(row[column]) for column in columns_of(campaign)]
    np.testing.assert_allclose(found, expected, atol=2e-6)


BLURRIER = "is blurrier than the pool: R = 200, the pool's is R = 1800"


@pytest.mark.parametrize(
    ("stated", "is_refused", "reason"),
    [
        ({"resolving_power": 1800.0}, True, BLURRIER),
        (MARKING, False, BLURRIER),
        ({}, False, BLURRIER),
        ({"resolving_power": "as-is"}, False, ""),
    ],
)
def test_a_blurrier_file_is_refused_or_said_to_be_so_as_the_pool_has_it(
    run, tmp_path, stating, stated, is_refused, reason
):
    path = write_image(tmp_path / "blurred.fits", SPE_RPOW=200)
    stating(**stated)
    counts, (row,) = run(path)
    assert counts == ((0, 1) if is_refused else (1, 0))
    assert (row["label"] == "", row["reason"]) == (is_refused, reason)


def test_rows_of_another_pool_are_brought_to_the_campaign_s_too(run, trained, tmp_path):
    _, campaign, network = trained
    other = write_pool(tmp_path / "other.h5", Grid().n)
    with h5py.File(other, "r+") as file:
        file["pool"].attrs["resolving_power"] = "as-is"
        file["pool/resolving_power"] = np.array([2000, 1800, 200], np.float32)
        flux = file["pool/spectra"][:].astype(float)
    counts, rows = run(other)
    assert counts == (2, 1)
    assert [row["reason"] for row in rows] == ["", "", BLURRIER]
    flux[0] = degrade(Grid().wavelength, flux[0], 2000.0, 1800.0)
    expected = predict(load_network(network), rescale(flux[:2]))
    found = [[float(row[column]) for column in columns_of(campaign)] for row in rows[:2]]
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_a_pool_that_is_gone_is_one_message(run, demo, tmp_path):
    demo.pool.rename(tmp_path / "moved.h5")
    try:
        with pytest.raises(SpectrumError, match=f"{demo.pool} does not exist"):
            run(demo.fits[0])
    finally:
        (tmp_path / "moved.h5").rename(demo.pool)


def columns_of(campaign):
    return probability_columns(campaign.network_classes).values()


def test_a_table_has_a_row_for_each_file_and_each_row_of_a_pool_in_order(run, demo, trained):
    _, campaign, _ = trained
    counts, rows = run(demo.fits[1], demo.pool, demo.fits[0])
    assert counts == (POOL_SIZE, 2)
    of_classes = ["p_not_interesting", "p_emission", "p_double_peak"]
    assert list(rows[0]) == ["path", "identifier", "label", *of_classes, "reason"]
    with h5py.File(demo.pool) as file:
        (group,) = file.values()
        names = list(group["filenames"].asstr())
    expected = [demo.fits[1].stem, *names, demo.fits[0].stem]  # without .gz
    assert [row["identifier"] for row in rows] == expected
    assert (rows[0]["path"], rows[-1]["path"]) == (str(demo.fits[1]), str(demo.fits[0]))
    assert {n: row["reason"] for n, row in enumerate(rows) if row["reason"]} == {
        1 + FLAT_ROW: DEFECTS[3],
        1 + NAN_ROW: DEFECTS[1],
    }


def test_probabilities_are_the_network_s_sum_to_one_and_give_the_label(run, demo, trained):
    _, campaign, network = trained
    _, rows = run(demo.fits[0], demo.pool)
    for row in rows:
        values = [row[column] for column in columns_of(campaign)]
        if row["reason"]:
            assert [row["label"], *values] == [""] * (1 + len(values))
        else:
            p = np.array(values, float)
            assert p.sum() == pytest.approx(1, abs=5e-6)
            assert row["label"] == campaign.network_classes[p.argmax()]
    window = rescale(prepare(read(demo.fits[0]), campaign.grid)[None])
    said = predict(load_network(network), window)[0]
    first = [float(rows[0][column]) for column in columns_of(campaign)]
    np.testing.assert_allclose(first, said, atol=2e-6)


def test_a_file_is_classified_like_its_row_in_the_pool(run, demo, trained):
    _, campaign, _ = trained
    _, rows = run(demo.pool, *demo.fits)
    in_pool = {row["identifier"]: row for row in rows[:POOL_SIZE]}
    for row in rows[POOL_SIZE:]:
        other = in_pool[row["identifier"]]
        assert row["label"] == other["label"]
        for column in columns_of(campaign):
            assert float(row[column]) == pytest.approx(float(other[column]), abs=1e-3)


def test_progress_ends_with_the_number_of_spectra(run, demo):
    told = []
    run(demo.pool, demo.fits[0], progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (POOL_SIZE + 1, POOL_SIZE + 1)


def test_every_file_of_a_folder_has_its_row_named_the_way_the_folder_was(
    run, folder, demo, tmp_path, monkeypatch
):
    (folder / ".hidden.fits").write_bytes(b"")
    (folder / "notes.txt").write_text("good.fits\n")
    (folder / "gone.fits").symlink_to("nowhere.fits")
    (folder / "b").mkdir()
    shutil.copy(demo.fits[1], folder / "b" / "deep.fits")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(demo.fits[2], elsewhere / "far.fits")
    (folder / "a").symlink_to(elsewhere)
    (elsewhere / "circle").symlink_to(folder)
    os.mkfifo(folder / "pipe.fits")
    monkeypatch.chdir(tmp_path)
    counts, rows = run(Path("in"))
    names = [".hidden.fits", "gone.fits", "good.fits", "notes.txt", "a/far.fits", "b/deep.fits"]
    assert paths(rows) == [f"in/{name}" for name in names]
    assert counts == (3, 3)
    assert reasons(rows)["gone.fits"] == "does not exist"
    assert "not" in reasons(rows)["notes.txt"]


def test_a_folder_that_cannot_be_searched_is_refused(run, folder, tmp_path, monkeypatch):
    # Deeper than any path may be long: nobody can search it, whatever the permissions.
    with monkeypatch.context() as moved:
        moved.chdir(folder)
        for _ in range(20):
            Path("d" * 250).mkdir()
            os.chdir("d" * 250)
    with pytest.raises(SpectrumError, match="cannot be searched: File name too long"):
        run(folder)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []
    shutil.rmtree(folder)


def write_pool(path, n_wavelengths, n=3):
    with h5py.File(path, "w") as file:
        file["pool/filenames"] = [f"{path.stem}-{i}" for i in range(n)]
        rng = np.random.default_rng(5)
        file["pool/spectra"] = rng.normal(100, 5, (n, n_wavelengths)).astype(np.float32)
    return path


@pytest.mark.parametrize("named", ["in a folder", "directly"])
def test_a_pool_that_cannot_be_read_is_one_refused_row_and_the_rest_goes_on(run, folder, named):
    (folder / "broken.h5").write_bytes(b"no HDF5")
    write_pool(folder / "other.h5", 7)
    write_pool(folder / "right.h5", Grid().n)
    counts, rows = run(*([folder] if named == "in a folder" else sorted(folder.iterdir())))
    assert counts == (4, 2)
    assert [row["identifier"] for row in rows] == [
        "broken.h5", "good.fits", "other.h5", "right-0", "right-1", "right-2",
    ]  # fmt: skip
    assert "cannot be read as HDF5" in reasons(rows)["broken.h5"]
    assert "'spectra' has the shape (3, 7)" in reasons(rows)["other.h5"]


def test_what_of_a_pool_is_damaged_is_said_and_not_blamed_on_the_table(run, folder):
    path = folder / "pool.h5"
    flux = np.random.default_rng(5).normal(100, 5, (2000, Grid().n)).astype(np.float32)
    with h5py.File(path, "w") as file:
        file["pool/filenames"] = [f"{i}" for i in range(len(flux))]
        spectra = file.create_dataset(
            "pool/spectra", data=flux, chunks=(1000, flux.shape[1]), compression="gzip"
        )
        chunk = spectra.id.get_chunk_info(1)
        offset, size = chunk.byte_offset, chunk.size
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * size)
    counts, rows = run(path, folder / "good.fits")
    assert counts == (1, 1)
    assert rows[0]["path"] == str(path)
    assert "cannot be read as HDF5" in rows[0]["reason"]
    assert rows[1]["label"]


def test_rows_before_the_damage_keep_their_predictions(run, tmp_path):
    path = tmp_path / "pool.h5"
    flux = np.random.default_rng(5).normal(100, 5, (1100, Grid().n)).astype(np.float32)
    with h5py.File(path, "w") as file:
        spectra = file.create_dataset(
            "pool/spectra", data=flux, chunks=(1024, flux.shape[1]), compression="gzip"
        )
        file["pool/filenames"] = [f"{i}" for i in range(len(flux))]
        chunk = spectra.id.get_chunk_info(1)
        offset, size = chunk.byte_offset, chunk.size
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * size)
    counts, rows = run(path)
    assert counts == (1024, 1)
    assert rows[-1]["reason"].startswith("from row 1024 on nothing could be read: ")


def test_a_list_stands_for_what_its_lines_name(run, folder, tmp_path):
    write_pool(tmp_path / "right.h5", Grid().n)
    listing = tmp_path / "list.txt"
    listing.write_text(f"in\n\n  right.h5 \r\n{folder / 'good.fits'}\n")
    counts, rows = run(listing)
    assert counts == (5, 0)
    good = str(folder / "good.fits")
    assert paths(rows) == [good, *[str(tmp_path / "right.h5")] * 3, good]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("6500.0 1.02\n6501.0 1.01\n", "line 1 names '6500.0 1.02', not found"),
        ("in/good.fits\nin/bad.fits\n", "line 2 names 'in/bad.fits', not found"),
        ("in/good.fits\n" + "x" * 5000, "line 2 names"),
        ("\n \n", "it has no lines"),
    ],
)
def test_a_text_that_is_no_list_is_a_refused_file(run, folder, tmp_path, text, reason):
    path = tmp_path / "spectrum.txt"
    path.write_text(text)
    counts, rows = run(path, folder)
    assert counts == (1, 1)
    assert (rows[0]["path"], rows[0]["identifier"]) == (str(path), "spectrum.txt")
    assert reason in rows[0]["reason"]


def test_a_name_that_is_not_utf_8_is_written_with_its_bytes(run, folder, demo):
    shutil.copy(demo.fits[0], os.fsencode(folder) + b"/\xe9toile.fits")
    counts, rows = run(folder)
    assert counts == (2, 0)
    assert paths(rows) == [f"{folder}/good.fits", f"{folder}/\\udce9toile.fits"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("table.txt", "its name ends in '.txt', the table is CSV. Give a name that ends in .csv"),
        ("table", "its name ends in ''"),
        ("folder.csv", "is a folder. Give the path of a file"),
        ("missing/table.csv", "missing does not exist. Make it"),
        ("/proc/table.csv", "write to"),
    ],
)
def test_a_place_where_no_table_can_be_is_refused(run, folder, tmp_path, name, message):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(StoreError, match="Cannot write .*") as caught:
        run(folder, out=tmp_path / name)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to_is_refused(run, folder, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    with pytest.raises(StoreError, match="you may not write to the folder"):
        run(folder, out=closed / "table.csv")


def test_the_place_of_the_table_is_looked_at_first(store, campaign, tmp_path):
    with pytest.raises(StoreError, match=r"ends in '\.fits'"):
        classify(store, campaign, [tmp_path / "missing"], tmp_path / "table.fits")
    with pytest.raises(CampaignError, match="has no network yet"):
        classify(store, campaign, [tmp_path / "missing"], tmp_path / "table.csv")


@pytest.mark.parametrize("link", [False, True])
def test_a_table_never_overwrites_a_source(run, folder, link):
    source = folder / "table.csv"
    source.write_text("precious")
    if link:
        (folder / "link.fits").symlink_to(source)
    named = folder / "link.fits" if link else folder
    with pytest.raises(StoreError, match="it is among the sources"):
        run(named, out=folder / ".." / "in" / "table.csv")
    assert source.read_text() == "precious"


def test_an_older_table_is_replaced_and_nothing_is_left_beside_it(run, folder, tmp_path):
    (tmp_path / "table.csv").write_text("older")
    counts, _ = run(folder)
    assert counts == (1, 0)
    assert sorted(path.name for path in tmp_path.glob("*.csv")) == ["table.csv"]


def test_a_failure_keeps_the_older_table(run, folder, tmp_path, trained):
    (tmp_path / "table.csv").write_text("older")
    _, _, network = trained
    moved = network.rename(network.with_suffix(".moved"))
    try:
        with pytest.raises(CampaignError, match="Cannot load the network"):
            run(folder)
    finally:
        moved.rename(network)
    assert (tmp_path / "table.csv").read_text() == "older"
    assert [path.name for path in tmp_path.glob("*.csv")] == ["table.csv"]


def test_a_full_disk_is_blamed_on_the_table(run, folder, tmp_path, full_disk):
    with (
        full_disk(10),
        pytest.raises(StoreError, match=r"Cannot write .*table\.csv: File too large"),
    ):
        run(folder)
    assert not list(tmp_path.glob("*.csv"))


def test_missing_sources_and_empty_folders_are_refused(run, tmp_path):
    with pytest.raises(SpectrumError, match="missing does not exist"):
        run(tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SpectrumError, match=r"There are no spectra in .*empty"):
        run(tmp_path / "empty")


def test_whatever_a_reader_does_costs_that_file_only(run, folder, monkeypatch):
    monkeypatch.setattr("active_cnn.campaign.classification.read_window", reading_tasks.read_badly)
    monkeypatch.setattr("active_cnn.campaign.classification.SECONDS", 1.0)
    faults = ("RecursionError", "UnreadableNameError", "hangs")
    for name in faults:
        (folder / f"{name}.fits").write_bytes(b"")
    (folder / os.fsdecode(b"undecodable\xff\n.fits")).write_bytes(b"")
    counts, rows = run(folder)
    assert counts == (1, len(faults) + 1)
    said = reasons(rows)
    assert said.pop("good.fits") == ""
    assert said.pop("undecodable\\udcff\n.fits") == "is empty"
    assert said["hangs.fits"] == "takes too long to read: more than 1 s of computing"
    assert all(reason.isprintable() and reason for reason in said.values())
