"""What spectra of files are called, and what lies in a folder and is not looked at."""

import bz2
import gzip
import pickle

import h5py
import numpy as np
import pytest
from astropy.io import fits

from active_cnn import cli
from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.spectra import ingest as ingest_module
from active_cnn.spectra.batches import Files, read_batch
from active_cnn.spectra.ingest import ingest
from active_cnn.spectra.naming import read_naming
from active_cnn.spectra.readers import read
from active_cnn.spectra.readers.lamost_fast import read_stretch
from active_cnn.spectra.sources import find_files
from tests.lamost_files import write_folder, write_spectrum

GRID = Grid.of(n=40)


def names_in(pool):
    with h5py.File(pool) as file:
        return [name.decode() for name in file["pool/filenames"][:]]


def refused_in(pool):
    with h5py.File(pool) as file:
        listed = file["refused"]
        columns = (listed[name][:] for name in ("path", "reason"))
        return {path.decode(): reason.decode() for path, reason in zip(*columns, strict=True)}


@pytest.fixture
def nights(tmp_path):
    """Two nights' folders with files of the same names, each with its number in the header."""
    for number, night in enumerate(("n1", "n2")):
        for file in range(3):
            obsid = 100 * number + file
            write_spectrum(tmp_path / night / f"spec-{file}.fits", seed=obsid, OBSID=obsid)
    return tmp_path


def test_names_of_two_nights_collide_and_the_refusal_says_how_they_are_told_apart(nights):
    report = ingest([nights / "n1", nights / "n2"], nights / "pool.h5", grid=GRID)
    assert (report.accepted, report.refused) == (3, 3)
    reason = refused_in(nights / "pool.h5")["n2/spec-0.fits"]
    assert f"'spec-0.fits' is taken by {nights / 'n1/spec-0.fits'}" in reason
    assert "with --identifier path, or header:CARD" in reason
    assert list(report.reasons) == ["has the identifier of another spectrum"]


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (["."], ["n1/spec-0.fits", "n2/spec-0.fits"]),
        (["n1", "n2"], ["n1/spec-0.fits", "n2/spec-0.fits"]),
        (["n1/spec-0.fits", "n2/spec-0.fits"], ["n1/spec-0.fits", "n2/spec-0.fits"]),
        (["n1"], ["spec-0.fits"]),
        (["list.txt"], ["n1/spec-0.fits", "n2/spec-0.fits"]),
    ],
)
def test_paths_are_identifiers_below_the_folder_of_all_sources(nights, sources, expected):
    (nights / "list.txt").write_text("n1\nn2/spec-0.fits\n", encoding="utf-8")
    given = [nights / source for source in sources]
    report = ingest(given, nights / "out" / "pool.h5", grid=GRID, identifier="path")
    assert report.refused == 0
    names = names_in(nights / "out" / "pool.h5")
    assert [name for name in names if name.endswith("spec-0.fits")] == expected


def test_a_card_of_the_header_is_the_identifier(nights, monkeypatch):
    monkeypatch.setattr(ingest_module, "BATCH", 2)
    # Read fast, and by the general reader.
    assert read_stretch(str(nights / "n1/spec-0.fits"), GRID, "OBSID") is not None
    write_spectrum(nights / "n3/odd.fits", OBSID=777, TELESCOP="other", CRVAL1=6500.0, CDELT1=1.0)
    write_spectrum(nights / "n3/none.fits")
    report = ingest(
        [nights], nights / "pool.pool", grid=GRID, identifier=" header:obsid ", shard_size=4,
    )  # fmt: skip
    names = [name for shard in sorted(nights.glob("pool-*.h5")) for name in names_in(shard)]
    assert names == ["0", "1", "2", "100", "101", "102"]
    assert report.reasons["has no identifier"] == 1
    assert "nothing under OBSID" in refused_in(nights / "pool-0000.h5")["n3/none.fits"]


def test_other_processes_are_told_how_spectra_are_called(nights):
    naming = read_naming("path").within([nights])
    batch = Files((str(nights / "n1/spec-0.fits"),), GRID, str(nights), naming)
    assert [row[1] for row in read_batch(pickle.loads(pickle.dumps(batch))).rows] == [
        "n1/spec-0.fits"
    ]


def test_a_card_is_found_in_the_extension_and_as_text(tmp_path):
    path = write_spectrum(tmp_path / "a.fits")
    with fits.open(path) as hdus:
        hdus[0].header["NAME"] = " star 7  "
        hdus[0].header["HIERARCH ESO OBS ID"] = 2007
        extension = fits.ImageHDU(hdus[0].data[0][None, :], hdus[0].header)
        fits.HDUList([hdus[0], extension]).writeto(tmp_path / "b.fits")
    assert read(tmp_path / "b.fits", "NAME").identifier == "star 7"
    assert read(tmp_path / "b.fits", "ESO OBS ID").identifier == "2007"
    with pytest.raises(SpectrumError, match="has no identifier: .* nothing under OBSID"):
        read(tmp_path / "b.fits", "OBSID")


def test_two_files_of_one_card_are_refused_with_both(nights):
    write_spectrum(nights / "n3/again.fits", OBSID=101)
    ingest([nights], nights / "pool.h5", grid=GRID, identifier="header:OBSID")
    reason = refused_in(nights / "pool.h5")["n3/again.fits"]
    assert reason.endswith(f"'101' is taken by {nights / 'n2/spec-1.fits'}")


def test_rows_of_pools_keep_their_names(nights):
    ingest([nights / "n1"], nights / "first.h5", grid=GRID)
    ingest([nights / "first.h5", nights / "n2"], nights / "second.h5", grid=GRID, identifier="path")
    assert names_in(nights / "second.h5") == [f"spec-{n}.fits" for n in range(3)]
    assert len(refused_in(nights / "second.h5")) == 3
    ingest(
        [nights / "first.h5", nights / "n2"], nights / "third.h5", grid=GRID,
        identifier="header:OBSID",
    )  # fmt: skip
    assert names_in(nights / "third.h5")[3:] == ["100", "101", "102"]


def interrupted(monkeypatch, *arguments, **options):
    def stop(progress):
        if progress.done:
            raise KeyboardInterrupt

    monkeypatch.setattr(ingest_module, "BATCH", 2)
    with pytest.raises(KeyboardInterrupt):
        ingest(*arguments, grid=GRID, progress=stop, **options)


def test_resuming_goes_on_with_the_same_identifiers_and_refuses_others(nights, monkeypatch):
    out = nights / "pool.h5"
    sources = [nights / "n1", nights / "n2"]
    interrupted(monkeypatch, sources, out, identifier="path")
    with pytest.raises(SpectrumError, match="begun with --identifier path, not name"):
        ingest(sources, out, grid=GRID, resume=True)
    with pytest.raises(SpectrumError, match="begun with --identifier path, not header:OBSID"):
        ingest(sources, out, grid=GRID, resume=True, identifier="header:OBSID")
    # Fewer sources lie deeper; their paths are still from where it was begun.
    ingest([nights / "n2"], out, grid=GRID, resume=True, identifier="path")
    assert names_in(out) == [
        "n1/spec-0.fits", "n1/spec-1.fits", *(f"n2/spec-{n}.fits" for n in range(3))
    ]  # fmt: skip


def test_sources_outside_the_folder_of_an_interrupted_ingest_are_refused(nights, monkeypatch):
    out = nights / "pool.h5"
    interrupted(monkeypatch, [nights / "n1"], out, identifier="path")
    with pytest.raises(SpectrumError, match="paths below .*n1, and some sources lie outside"):
        ingest([nights / "n1", nights / "n2"], out, grid=GRID, resume=True, identifier="path")


def test_an_ingest_of_an_earlier_version_is_resumed_by_names(nights, monkeypatch):
    out = nights / "pool.h5"
    interrupted(monkeypatch, [nights / "n1"], out)
    for part in (nights / "pool.h5.partial").glob("part-*.h5"):
        with h5py.File(part, "r+") as file:
            del file.attrs["identifier"]
    assert ingest([nights / "n1"], out, grid=GRID, resume=True).accepted == 3


@pytest.mark.parametrize("text", ["", "names", "header", "header:", "path:x", "header:Ä", "name:"])
def test_a_way_that_there_is_not_is_refused(nights, text):
    if text == "name:":
        assert str(read_naming(text)) == "name"
        return
    with pytest.raises(SpectrumError, match="give name, path or header:CARD"):
        ingest([nights], nights / "pool.h5", identifier=text)
    assert not list(nights.glob("pool*"))


# What is looked for


def test_every_usual_name_of_a_fits_file_is_found(tmp_path):
    plain = write_spectrum(tmp_path / "a.fits", OBSID=5)
    content = plain.read_bytes()
    (tmp_path / "b.FTS").write_bytes(content)
    (tmp_path / "c.fit.gz").write_bytes(gzip.compress(content))
    (tmp_path / "d.fits.bz2").write_bytes(bz2.compress(content))
    with fits.open(plain) as hdus:
        # LAMOST's image as fpack leaves it: in the first extension, here without loss.
        packed = fits.CompImageHDU(
            hdus[0].data, hdus[0].header, compression_type="GZIP_2", quantize_level=0
        )
        fits.HDUList([fits.PrimaryHDU(), packed]).writeto(tmp_path / "e.fits.fz")
    report = ingest([tmp_path], tmp_path / "out" / "pool.h5", grid=GRID)
    assert (report.accepted, report.refused, report.passed_over) == (5, 0, {})
    assert names_in(tmp_path / "out" / "pool.h5") == [
        "a.fits", "b.FTS", "c.fit", "d.fits", "e.fits"
    ]  # fmt: skip
    with h5py.File(tmp_path / "out" / "pool.h5") as file:
        spectra = file["pool/spectra"][:]
    assert (spectra == spectra[0]).all()
    assert read(tmp_path / "e.fits.fz", "OBSID").identifier == "5"


def test_a_rice_compressed_spectrum_is_read_to_its_noise(tmp_path):
    plain = write_spectrum(tmp_path / "a.fits")
    with fits.open(plain) as hdus:
        packed = fits.CompImageHDU(hdus[0].data, hdus[0].header, compression_type="RICE_1")
        fits.HDUList([fits.PrimaryHDU(), packed]).writeto(tmp_path / "a.fits.fz")
    one, other = read(plain), read(tmp_path / "a.fits.fz")
    np.testing.assert_array_equal(one.wavelength, other.wavelength)
    np.testing.assert_allclose(one.flux, other.flux, atol=5)  # the noise is 30
    assert (one.medium, one.identifier) == (other.medium, other.identifier)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda content: content[:-200], "is truncated: the bzip2 stream ends too early"),
        (
            lambda content: content[:40] + b"\0" * 400 + content[440:],
            "is a damaged bzip2 file: Invalid",
        ),
    ],
)
def test_a_damaged_bzip2_file_is_refused_with_its_reason(tmp_path, spoil, said):
    path = tmp_path / "a.fits.bz2"
    path.write_bytes(spoil(bz2.compress(write_spectrum(tmp_path / "a.fits").read_bytes())))
    with pytest.raises(SpectrumError, match=said):
        read(path)


def test_a_bzip2_file_is_unpacked_up_to_a_limit(tmp_path, monkeypatch):
    from active_cnn.spectra.readers import fits_file

    path = tmp_path / "a.fits.bz2"
    path.write_bytes(bz2.compress(write_spectrum(tmp_path / "a.fits").read_bytes()))
    monkeypatch.setattr(fits_file, "MOST_CONTENT", 4096)
    with pytest.raises(SpectrumError, match="unpacks to more than the 4096 bytes"):
        read(path)


def test_what_is_passed_over_in_folders_is_counted_by_kind(tmp_path, capsys):
    write_folder(tmp_path / "survey", 2)
    others = ["a.dat", "b.dat", "sub/c.DAT", "d.csv", "e.fits.Z", "f.vot", "README", "g.h5"]
    for name in others:
        (tmp_path / "survey" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "survey" / name).touch()
    with pytest.raises(SystemExit) as ended:
        cli.main(["ingest", str(tmp_path / "survey"), "--out", str(tmp_path / "survey/pool.h5")])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert "8 files passed over in folders: 3 .dat, 1 without a suffix, 1 .csv, 1 .fits.z" in said
    assert "name other files themselves" in said


def test_what_an_ingest_has_done_in_the_folder_itself_is_not_counted(tmp_path, monkeypatch):
    survey = write_folder(tmp_path / "survey", 4)
    interrupted(monkeypatch, [survey], survey / "pool.h5")
    report = ingest([survey], survey / "pool.h5", grid=GRID, resume=True)
    assert (report.accepted, report.passed_over) == (4, {})


def test_a_folder_with_other_files_alone_says_so(tmp_path):
    (tmp_path / "survey").mkdir()
    (tmp_path / "survey" / "a.dat").touch()
    with pytest.raises(SpectrumError, match=r"1 file passed over in folders: 1 \.dat\."):
        ingest([tmp_path / "survey"], tmp_path / "pool.h5")


def test_a_file_that_is_named_itself_is_read_whatever_it_is_called(tmp_path):
    path = write_spectrum(tmp_path / "spectrum.dat")
    assert list(find_files([path])) == [str(path)]
    assert ingest([path], tmp_path / "pool.h5", grid=GRID).accepted == 1
