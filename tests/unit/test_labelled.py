"""Training sets from spectra and a table of labels: every row is used, or refused and listed."""

import csv
import os
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest

from active_cnn.campaign.creation import create_campaign
from active_cnn.cli import main
from active_cnn.errors import SpectrumError, StoreError
from active_cnn.grid import Grid
from active_cnn.spectra import labelled, labelled_sources
from active_cnn.spectra.ingest import ingest
from active_cnn.spectra.labelled import LOOKING, READING, build_training_csv
from active_cnn.spectra.pool_terms import read_terms
from active_cnn.spectra.preprocessing import prepare
from active_cnn.spectra.readers import read
from active_cnn.spectra.resolving_power import AS_IS, Blurrier, PoolResolution
from active_cnn.spectra.training_set import read_training_csv
from tests.corpus import spectra as corpus
from tests.lamost_files import write_folder, write_spectrum

pytestmark = pytest.mark.usefixtures("tables_in_one_process")

GRID = Grid.of(n=40)
CLASSES = {"absorption": "not-interesting", "emission": "emission", "double-peak": "double-peak"}


@pytest.fixture
def table(tmp_path):
    """Give a function that writes a table of labels."""

    def write(header, *rows, name="labels.csv"):
        with (tmp_path / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header.split(","), *rows])
        return tmp_path / name

    return write


@pytest.fixture
def build(tmp_path):
    """Give a function that builds a training set; gives what it says, and what was refused."""

    def build(labels, *sources, **options):
        out = tmp_path / "training.csv"
        report = build_training_csv(labels, sources, out, **{"grid": GRID, **options})
        training = read_training_csv(
            out, options.get("grid", GRID), dict.fromkeys(report.labels, "")
        )
        assert Counter(training.labels) == report.labels
        found = dict(zip(training.identifiers, training.labels, strict=True))
        return report, found, refused_in(tmp_path / "training-refused.csv")

    return build


def refused_in(path):
    with path.open(newline="", encoding="utf-8") as file:
        return [(row["row"], row["reason"]) for row in csv.DictReader(file)]


@pytest.fixture
def folder(tmp_path):
    """Six files, each with its number in the header and a place of its own."""
    for i in range(6):
        write_spectrum(
            tmp_path / "in" / f"s{i}.fits", seed=i, OBSID=100 + i, RA=10.0 + i, DEC=-5.5,
            DESIG=f"star {i}",
        )  # fmt: skip
    return tmp_path / "in"


def test_what_is_written_is_what_a_pool_of_the_same_files_holds(tmp_path, folder, table, build):
    labels = table("path,label", ["in/s3.fits", "emission"], ["in/s1.fits", " absorption\t"])
    report, found, refused = build(labels, folder)
    assert found == {"s1.fits": "absorption", "s3.fits": "emission"}  # as the sources are ordered
    assert (report.n_rows, report.n_used, report.n_unnamed, refused) == (2, 2, 4, [])
    training = read_training_csv(tmp_path / "training.csv", GRID, CLASSES)
    ingest([folder], tmp_path / "pool.h5", grid=GRID)
    with h5py.File(tmp_path / "pool.h5") as file:
        pool = file["pool/spectra"][:][[1, 3]]
    np.testing.assert_array_equal(training.flux.astype(np.float32), pool)
    expected = prepare(read(folder / "s1.fits"), GRID).astype(np.float32)
    np.testing.assert_array_equal(pool[0], expected)
    said = "\n".join(report.describe())
    assert "2 spectra are labelled by 2 of 2 rows: absorption 1, emission 1." in said
    assert "4 spectra of the sources are named by no usable row." in said


def test_a_campaign_is_created_on_it(store, survey, table, tmp_path):
    with h5py.File(survey.pool) as file:
        (group,) = file.values()
        names = group["filenames"].asstr()[:6]
    classes = ["absorption", "emission", "double-peak"] * 2
    labels = table("id,class", *zip(names, classes, strict=True))
    grid, resolution = read_terms(survey.pool)
    assert grid == Grid()
    out = tmp_path / "t.csv"
    build_training_csv(labels, [survey.pool], out, grid=grid, resolution=resolution)
    campaign = create_campaign(store, "mine", out, survey.pool)
    assert Path(campaign.training_path) == out


@pytest.mark.parametrize("way", ["obsid", "filename", "absolute", "position", "identifier"])
@pytest.mark.parametrize("is_pool", [False, True])
def test_spectra_are_named_in_every_way_in_files_and_pools(
    tmp_path, folder, table, build, way, is_pool
):
    options = {"identifier": "header:OBSID"} if way == "obsid" else {}
    source = folder
    if is_pool:
        source = tmp_path / "pool.h5"
        ingest([folder], source, grid=GRID, **options)
    labels = {
        "obsid": lambda: table("obsid,label", [102, "a"], [104, "b"]),
        "filename": lambda: table("filename,label", ["s2.fits", "a"], ["./s4.fits.gz", "b"]),
        "absolute": lambda: table(
            "file,label", [folder / "s2.fits", "a"], [f"{folder}//s4.fits", "b"]
        ),
        "position": lambda: table(
            "ra,dec,label", [12.0005, -5.5, "a"], ["0:56:00", "-5:30:00", "b"]
        ),
        "identifier": lambda: table("name,label", ["s2.fits", "a"], ["s4.fits", "b"]),
    }[way]()
    report, found, refused = build(labels, source, **options)
    names = ["102", "104"] if way == "obsid" else ["s2.fits", "s4.fits"]
    assert found == dict(zip(names, "ab", strict=True))
    assert (report.n_unnamed, refused) == (4, [])


def test_every_row_that_is_not_used_is_listed_with_its_own_reason(tmp_path, folder, table, build):
    (folder / "bad.fits").write_bytes(b"no spectrum")
    write_spectrum(folder / "short.fits", n=100)
    write_spectrum(folder / "gap.fits", NAXIS2=5, COEFF0=3.81)
    labels = table(
        "path,label",
        ["s0.fits", "emission"],
        ["s1.fits", ""],
        ["", "emission"],
        ["absent.fits", "emission"],
        ["bad.fits", "=emission"],
        ["short.fits", "absorption"],
        ["s2.fits", "emission"],
        ["in/s2.fits", "absorption"],
        ["s3.fits", "absorption"],
        ["in/s3.fits", "absorption"],
    )
    report, found, refused = build(labels, folder)
    assert found == {"s0.fits": "emission", "s3.fits": "absorption"}
    assert (report.n_rows, report.n_used) == (10, 3)
    reasons = dict(refused)
    assert reasons.pop("2") == "has no label"
    assert reasons.pop("3") == "has no path"
    assert reasons.pop("4") == "names no spectrum of the sources"
    assert "not a FITS file" in reasons.pop("5")
    assert "covers" in reasons.pop("6")
    several = "names a spectrum that has several labels: 'emission' and 'absorption' (rows 7, 8)"
    assert reasons == {"7": several, "8": several}
    assert sum(report.reasons.values()) == len(refused) == 7
    assert report.reasons["names a spectrum that has several labels"] == 2
    with (tmp_path / "training-refused.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[3]["label"] == "'=emission"  # which a spreadsheet would calculate
    assert rows[3]["spectrum"] == str(folder / "bad.fits")


def test_a_name_that_stands_for_two_spectra_is_refused_unless_one_is_meant(tmp_path, table, build):
    for night in ("n1", "n2"):
        write_spectrum(tmp_path / "survey" / night / "s.fits")
    write_spectrum(tmp_path / "survey" / "n1" / "one.fits")
    paths = table("path,label", ["s.fits", "a"], ["n2/s.fits", "b"], ["one.fits", "c"])
    _, found, refused = build(paths, tmp_path / "survey")
    assert found == {"s.fits": "b", "one.fits": "c"}
    ((row, reason),) = refused
    first = tmp_path / "survey" / "n1" / "s.fits"
    assert row == "1"
    assert reason.startswith(f"names 2 spectra by one path: {first}, ")
    names = table("id,label", ["s.fits", "a"], ["one.fits", "c"], name="names.csv")
    _, found, refused = build(names, tmp_path / "survey")
    assert found == {"one.fits": "c"}
    assert "tell files apart by --identifier path" in refused[0][1]
    # From the table's folder on, a path is meant as it stands.
    write_spectrum(tmp_path / "s.fits")
    _, found, refused = build(paths, tmp_path / "survey", tmp_path / "s.fits", identifier="path")
    assert found == {"s.fits": "a", "survey/n2/s.fits": "b", "survey/n1/one.fits": "c"}


def test_of_spectra_with_one_identifier_the_first_is_taken(tmp_path, table, build):
    for night in ("n1", "n2"):
        write_spectrum(tmp_path / night / "s.fits")
    labels = table("path,label", ["n1/s.fits", "a"], ["n2/s.fits", "b"])
    report, found, refused = build(labels, tmp_path / "n2", tmp_path / "n1")
    assert found == {"s.fits": "b"}
    source = tmp_path / "n2" / "s.fits"
    assert refused == [
        ("1", f"has the identifier of another spectrum: 's.fits' is taken by {source}")
    ]
    assert report.reasons == {"has the identifier of another spectrum": 1}


def test_what_is_named_twice_among_the_sources_is_one_spectrum(tmp_path, folder, table, build):
    ingest([folder], tmp_path / "pool.h5", grid=GRID)
    (tmp_path / "list.txt").write_text("in\nin/s2.fits\npool.h5\npool.h5\n")
    labels = table("id,label", ["s2.fits", "a"], ["s4.fits", "b"])
    report, found, refused = build(labels, tmp_path / "list.txt")
    assert (found, refused) == ({"s2.fits": "a", "s4.fits": "b"}, [])
    assert report.n_unnamed == 3 * 4


def test_a_position_labels_every_visit_of_a_star(tmp_path, table, build):
    for i, offset in enumerate((0, 2.9, 3.1)):
        write_spectrum(tmp_path / "in" / f"v{i}.fits", RA=10.0, DEC=40 + offset / 3600)
    write_spectrum(tmp_path / "in" / "flat.fits", RA=10.0, DEC=40.0, n=100)
    labels = table("ra,dec,label", [10.0, 40.0, "a"], [10.0, 41.0, "b"])
    report, found, refused = build(labels, tmp_path / "in")
    assert found == {"v0.fits": "a", "v1.fits": "a"}
    assert report.n_used == 1
    assert [row for row, _ in refused] == ["1", "2"]
    assert refused[0][1].startswith("covers")
    assert refused[1][1] == "names no spectrum of the sources"
    _, found, _ = build(labels, tmp_path / "in", radius=4)
    assert len(found) == 3
    with pytest.raises(SpectrumError, match="A radius of -1 arcsec is none"):
        build(labels, tmp_path / "in", radius=-1)


def test_a_spectrum_near_rows_of_two_labels_is_refused_and_not_guessed(folder, table, build):
    labels = table(
        "ra,dec,label", [10, -5.5, "a"], [10, -5.5005, "b"], [11, -5.5, "a"], [11, -5.5001, "a"]
    )
    report, found, refused = build(labels, folder)
    assert found == {"s1.fits": "a"}
    assert (report.n_used, [row for row, _ in refused]) == (2, ["1", "2"])
    assert "several labels: 'a' and 'b' (rows 1, 2)" in refused[0][1]


def test_the_centre_of_a_plate_labels_none_of_its_fibres(tmp_path, folder, table, build):
    for i in range(12):
        write_spectrum(tmp_path / "plate" / f"p{i}.fits", RA=50.0, DEC=9.0, DESIG=f"fibre {i}")
    labels = table("ra,dec,label", [50.0, 9.0, "a"], [10.0, -5.5, "b"])
    _, found, refused = build(labels, tmp_path / "plate", folder)
    assert found == {"s0.fits": "b"}
    assert len(refused) == 12
    assert {reason for _, reason in refused} == {
        "is at the position of many objects: perhaps the centre of a plate"
    }


def test_files_of_which_nothing_is_known_are_listed_and_said(folder, table, build):
    (folder / "bad.fits").write_bytes(b"no spectrum")
    labels = table("obsid,label", [101, "a"], [999, "b"])
    report, found, refused = build(labels, folder, identifier="header:OBSID")
    assert found == {"101": "a"}
    assert refused[0] == ("2", "names no spectrum of the sources that could be read")
    assert refused[1][0] == ""
    assert "1 file could not be read" in "\n".join(report.describe())


def test_files_out_of_reach_are_not_read(tmp_path, folder, table, build):
    outside = write_spectrum(tmp_path / "outside" / "x.fits")
    (folder / "x.fits").symlink_to(outside)
    labels = table("path,label", ["s0.fits", "a"], ["x.fits", "b"])
    report, found, refused = build(
        labels, folder, may_read=lambda path: Path(path).resolve().is_relative_to(folder.resolve())
    )
    assert found == {"s0.fits": "a"}
    assert refused == [("2", "names no spectrum of the sources")]
    assert "1 file was not read: outside the folders that may be." in "\n".join(report.describe())


def test_the_resolving_power_is_that_of_the_pool(tmp_path, table, build):
    write_spectrum(tmp_path / "in" / "a.fits")
    labels = table("path,label", ["a.fits", "x"], ["b.fits", "y"])
    write_spectrum(tmp_path / "in" / "b.fits", TELESCOP="other", CRVAL1=6500.0, CDELT1=1.0)
    sharper = PoolResolution(5000.0)
    with pytest.raises(SpectrumError, match=r"is blurrier than the pool \(1\)"):
        build(table("path,label", ["a.fits", "x"]), tmp_path / "in", resolution=sharper)
    marking = PoolResolution(5000.0, Blurrier.MARK)
    report, found, _ = build(labels, tmp_path / "in" / "a.fits", resolution=marking)
    assert (found, report.n_blurrier) == ({"a.fits": "x"}, 1)
    assert "1 of them is blurrier than the pool." in report.describe()
    build(labels, tmp_path / "in" / "a.fits", resolution=PoolResolution(900.0))
    training = read_training_csv(tmp_path / "training.csv", GRID, {"x": ""})
    expected = prepare(read(tmp_path / "in" / "a.fits"), GRID, 900.0).astype(np.float32)
    np.testing.assert_array_equal(training.flux[0].astype(np.float32), expected)


def test_grid_and_resolving_power_are_read_from_a_pool(tmp_path, folder):
    grid = Grid.of(6530.0, 6700.0, 60)
    ingest([folder], tmp_path / "p.pool", grid=grid, shard_size=2, resolution=PoolResolution(1200))
    assert read_terms(tmp_path / "p.pool") == (grid, PoolResolution(1200.0))
    with pytest.raises(SpectrumError, match=r"the grid 6519-6732 Å × 40 needs"):
        read_terms(tmp_path / "p.pool", GRID)
    ingest([folder], tmp_path / "p.h5", grid=GRID)
    with h5py.File(tmp_path / "p.h5", "r+") as file:
        del file["pool/wavelengths"]
    with pytest.raises(SpectrumError, match="does not tell its wavelengths. Give the grid"):
        read_terms(tmp_path / "p.h5")
    assert read_terms(tmp_path / "p.h5", GRID) == (GRID, AS_IS)
    for odd in (np.zeros((2, 40)), np.arange(40.0)[::-1], np.array([b"x"] * 40), np.arange(3.0)):
        with h5py.File(tmp_path / "p.h5", "r+") as file:
            file["pool/wavelengths"] = odd
        with pytest.raises(SpectrumError, match=r"p\.h5"):
            read_terms(tmp_path / "p.h5")
        with h5py.File(tmp_path / "p.h5", "r+") as file:
            del file["pool/wavelengths"]


def test_nothing_is_written_when_nothing_can_be_used(tmp_path, folder, table):
    labels = table("id,label", ["star", "a"], ["s1.fits", ""])
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SpectrumError) as caught:
        build_training_csv(labels, [folder], tmp_path / "training.csv", grid=GRID)
    said = str(caught.value)
    assert "None of the 2 rows of" in said
    assert "has no label (1); names no spectrum of the sources (1)" in said
    assert "The first identifier of the table is 'star', that of the sources is 's0.fits'." in said
    assert sorted(tmp_path.rglob("*")) == before


def test_a_disk_that_is_full_leaves_nothing_half_written(tmp_path, folder, table, full_disk):
    labels = table("path,label", *([f"s{i}.fits", "a"] for i in range(6)))
    (tmp_path / "training.csv").write_text("before")
    with full_disk(1000), pytest.raises(StoreError, match="Cannot write"):
        build_training_csv(labels, [folder], tmp_path / "training.csv", grid=GRID)
    assert (tmp_path / "training.csv").read_text() == "before"
    assert not (tmp_path / "training-refused.csv").exists()
    assert not list(tmp_path.glob("unfinished*"))


def test_odd_names_and_labels_are_kept_but_told_in_one_line(tmp_path, table, build):
    names = ['a"b,c.fits', "new\nline.fits", " pad .fits", "=sum.fits", "ü.fits"]
    for i, name in enumerate(names):
        write_spectrum(tmp_path / "in" / name, seed=i)
    unnamed = Path(os.fsdecode(os.fsencode(tmp_path) + b"/in/\xff.fits"))
    write_spectrum(tmp_path / "x.fits", RA=20.0, DEC=5.0).rename(unnamed)
    labels = table("path,label", *([f"in/{name}", f"k\n{i}"] for i, name in enumerate(names)))
    report, found, refused = build(labels, tmp_path / "in")
    assert found == {name.strip(): f"k\n{i}" for i, name in enumerate(names)}
    assert refused == []
    assert all("\n" not in line for line in report.describe())
    write_spectrum(tmp_path / "in" / "y.fits", RA=10.0, DEC=5.0)
    _, found, refused = build(table("ra,dec,label", [20, 5, "a"], [10, 5, "b"]), tmp_path / "in")
    assert (found, refused) == (
        {"y.fits": "b"}, [("1", "has a name that is not valid text: rename the file")]
    )  # fmt: skip


def test_of_many_labels_the_most_frequent_are_told(folder, table, build, monkeypatch):
    monkeypatch.setattr(labelled, "MOST_LABELS", 2)
    rows = [[f"s{i}.fits", label] for i, label in enumerate("abcadb")]
    report, _, _ = build(table("path,label", *rows), folder)
    assert "by 6 of 6 rows: a 2, b 2, and 2 other labels." in "\n".join(report.describe())


def test_places_that_cannot_be_written_are_refused_before_any_work(tmp_path, folder, table):
    labels = table("path,label", ["s1.fits", "a"])
    for out, refused, said in (
        ("t.txt", None, "its name ends in '.txt', the table is CSV"),
        ("labels.csv", None, "cannot be one file"),
        ("t.csv", "t.csv", "cannot be one file"),
        ("absent/t.csv", None, "does not exist"),
    ):
        with pytest.raises(StoreError, match=said):
            build_training_csv(
                labels, [folder], tmp_path / out, grid=GRID, refused=refused and tmp_path / refused
            )
    source = tmp_path / "odd.csv"
    source.write_bytes((folder / "s1.fits").read_bytes())
    with pytest.raises(StoreError, match="it is among the sources"):
        build_training_csv(table("path,label", ["odd.csv", "a"]), [source], source, grid=GRID)
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(StoreError, match="a pipe"):
        build_training_csv(labels, [folder], tmp_path / "pipe.csv", grid=GRID)


def test_it_is_the_same_in_small_batches_and_other_processes(tmp_path, table, build, monkeypatch):
    folder = write_folder(tmp_path / "in", 25)
    ingest([folder], tmp_path / "pool.h5", grid=GRID)
    rows = [[f"spec-{i:04d}.fits", "ab"[i % 2]] for i in range(0, 25, 2)]
    for name, sources in (("files", [folder]), ("pool", [tmp_path / "pool.h5"])):
        whole = build(table("id,label", *rows), *sources), (tmp_path / "training.csv").read_bytes()
        with monkeypatch.context() as patch:
            for module in (labelled, labelled_sources):
                patch.setattr(module, "BATCH", 4)
            steps: list[tuple[str, int, int]] = []
            again = build(
                table("id,label", *rows), *sources, processes=2 if name == "files" else 1,
                progress=lambda *step, steps=steps: steps.append(step),
            )  # fmt: skip
        assert again[1:] == whole[0][1:]
        assert (tmp_path / "training.csv").read_bytes() == whole[1]
        assert (LOOKING, 25, 25) in steps
        assert steps[-1] == (READING, 13, 13)


def test_spectra_of_every_kind_are_labelled_or_refused(tmp_path, table, build):
    corpus_folder = tmp_path / "corpus"
    corpus.main(corpus_folder)
    names = sorted(path.name for path in corpus_folder.rglob("*") if path.is_file())
    labels = table("file,label", *([name, "x"] for name in names))
    report, found, refused = build(labels, corpus_folder)
    expected = ingest([corpus_folder], tmp_path / "pool.h5", grid=GRID)
    assert len(found) == expected.accepted
    assert report.n_used + len(refused) == report.n_rows == len(names)


def test_real_spectra_are_labelled_by_their_manifest(real_spectra, tmp_path, run):
    out, manifest = tmp_path / "t.csv", real_spectra / "MANIFEST.csv"
    status, said, _ = run(
        "training-set", "--labels", manifest, real_spectra, "--identifier", "path", "--out", out
    )
    assert status == 0
    with manifest.open(newline="", encoding="utf-8") as file:
        listed = list(csv.DictReader(file))
    labels = {row["label"] for row in listed}
    training = read_training_csv(out, Grid(), dict.fromkeys(labels, ""))
    expected = {row["path"].removesuffix(".gz"): row["label"] for row in listed}
    for name, label in zip(training.identifiers, training.labels, strict=True):
        assert expected[name] == label
    refused = {int(row) for row, _ in refused_in(tmp_path / "t-refused.csv")}
    assert len(training.labels) + len(refused) == len(listed)
    assert len(training.labels) > 600
    assert f"{len(training.labels)} spectra are labelled by {len(training.labels)} of" in said


@pytest.fixture
def run(capsys):
    def run_command(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return run_command


def test_the_command_takes_the_terms_of_the_pool_and_create_takes_what_it_makes(
    tmp_path, folder, table, run
):
    pool, out = tmp_path / "pool.h5", tmp_path / "training.csv"
    grid = ["--grid", 6530, 6700, 60]
    assert run("ingest", folder, "--out", pool, *grid, "--pool-resolving-power", 1800)[0] == 0
    definition = tmp_path / "d.toml"
    definition.write_text("[grid]\nstart = 6530\nend = 6700\nn = 60\n")
    labels = table("obsid,star,kind", ["101", "x", "emission"], ["102", "y", "absorption"],
                   ["103", "z", "unsure"], ["104", "z", "double-peak"])  # fmt: skip
    command = ["training-set", "--labels", labels, folder, "--out", out]
    command += ["--identifier", "header:OBSID", "--column", "label=kind"]
    status, said, complaint = run(*command, "--pool", pool, "--definition", definition)
    assert (status, complaint) == (0, "")
    assert f"Grid 6530-6700 Å × 60 (of {pool}); resolving power R = 1800 (of {pool})." in said
    assert "labels from the column 'kind', spectra by their identifier from 'obsid'" in said
    assert "3 spectra are labelled by 3 of 4 rows" in said
    assert "       1  has a label that is none of absorption, emission, double-peak" in said
    assert f"What was refused is listed in {tmp_path / 'training-refused.csv'}." in said
    home = ["--home", tmp_path / "home", "--name", "mine", "--definition", definition]
    header, *rows = out.read_text(encoding="utf-8").splitlines()
    twice = [header, *rows, *(f"second-{row}" for row in rows)]
    out.write_text("\n".join(twice), encoding="utf-8")
    status, said, complaint = run("create", *home, "--training", out, "--pool", pool)
    assert (status, complaint) == (0, "")
    assert "is ready" in said

    status, said, _ = run(*command, *grid, "--refused", tmp_path / "r.csv")
    assert (
        "Grid 6530-6700 Å × 60 (as was asked for); resolving power as-is (nothing is degraded)"
        in said
    )
    assert refused_in(tmp_path / "r.csv") == []  # no definition says which labels there are
    status, said, _ = run(*command)
    assert "Grid 6519-6732 Å × 140 (the default)" in said
    status, said, _ = run(*command, "--preset", "halpha-emission")
    whose = "(of halpha-emission)"
    assert f"Grid 6519-6732 Å × 140 {whose}; resolving power R = 1800 {whose}." in said
    status, said, _ = run(*command, "--preset", "halpha-emission", "--pool-resolving-power", 900)
    assert "resolving power R = 900 (as was asked for)" in said


def test_what_the_command_cannot_do_is_one_line(tmp_path, folder, table, run):
    labels = table("path,label", ["s1.fits", "a"])
    ingest([folder], tmp_path / "pool.h5", grid=GRID)
    (tmp_path / "d.toml").write_text("[grid]\nstart = 6530\nend = 6700\nn = 60\n")
    command = ["training-set", "--labels", labels, folder, "--out", tmp_path / "t.csv"]
    for options, expected, said in (
        (["--pool", tmp_path / "pool.h5", "--pool-resolving-power", 9000], 2, "not allowed with"),
        (["--pool", tmp_path / "pool.h5", "--grid", 6519, 6732, 41], 1, "needs (n, 41)"),
        (["--definition", tmp_path / "d.toml", "--grid", 6519, 6732, 40], 1, "Leave one of them"),
        (["--column", "kind=label"], 1, "names no column: give PART=NAME"),
        (["--column", "label=kind"], 1, "has no column 'kind': its columns are path, label."),
        (["--radius", "nan"], 1, "A radius of nan arcsec is none"),
        (["--grid", 3000, 3100, 40], 1, "The only row of"),
    ):
        status, _, complaint = run(*command, *options)
        assert (status, complaint.count("\n")) == (expected, 1)
        assert said in complaint
    assert not (tmp_path / "t.csv").exists()
