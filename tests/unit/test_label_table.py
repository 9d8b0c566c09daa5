"""Tables of labels: which columns are taken, and what is said of tables that cannot be used."""

import gzip
import os

import numpy as np
import pytest
from astropy import units
from astropy.io import fits
from astropy.table import MaskedColumn, Table

from active_cnn.errors import SpectrumError
from active_cnn.spectra import table_texts
from active_cnn.spectra.confined import Confinement, confined
from active_cnn.spectra.label_table import Way, read_label_table
from active_cnn.spectra.table_texts import read_texts

pytestmark = pytest.mark.usefixtures("tables_in_one_process")

FORMATS = {"csv": "ascii.csv", "fits": "fits", "vot": "votable", "ecsv": "ascii.ecsv"}


def csv_of(tmp_path, text, name="labels.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def refusal_of(path, **options):
    with pytest.raises(SpectrumError) as caught:
        read_label_table(path, **options)
    said = str(caught.value)
    assert "\n" not in said
    assert str(path) in said
    return said


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("is_packed", [False, True])
def test_a_table_says_the_same_in_every_format(tmp_path, ending, is_packed):
    table = Table({"number": [1, 2, 3], "FileName": ["a.fits", "b.fits", "x y.fits"]})
    table["Label"] = MaskedColumn(["emission", "absorption", "noise"], mask=[False, False, True])
    path = tmp_path / f"labels.{ending}"
    table.write(path, format=FORMATS[ending])
    if is_packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    found = read_label_table(path)
    assert found.way is Way.PATH
    assert found.columns == {"label": "Label", "path": "FileName"}
    assert found.names == ["a.fits", "b.fits", "x y.fits"]
    assert found.labels == ["emission", "absorption", ""]
    assert found.problems == {2: "has no label"}
    assert "3 rows; labels from the column 'Label', spectra by their path" in found.describe()


@pytest.mark.parametrize("ending", FORMATS)
def test_identifiers_are_kept_as_they_are_written(tmp_path, ending):
    table = Table({"obsid": [101001, 101002], "class": [1, 2]})
    if ending == "csv":  # where 007 and 1e5 are no numbers
        table = Table({"obsid": ["007", "1e5"], "class": ["01", "2"]})
    table.write(tmp_path / "labels", format=FORMATS[ending])
    found = read_label_table(tmp_path / "labels")
    expected = ["007", "1e5"] if ending == "csv" else ["101001", "101002"]
    assert (found.way, found.names) == (Way.IDENTIFIER, expected)
    assert found.labels == (["01", "2"] if ending == "csv" else ["1", "2"])


def test_whole_numbers_that_are_stored_as_floats_are_whole(tmp_path):
    Table({"obsid": [101001.0, np.nan], "label": ["a", "b"]}).write(tmp_path / "t.fits")
    found = read_label_table(tmp_path / "t.fits")
    assert found.names == ["101001", ""]
    assert found.problems == {1: "has no identifier"}


@pytest.mark.parametrize("ending", ["fits", "vot", "ecsv"])
def test_positions_are_read_by_their_unit(tmp_path, ending):
    table = Table({"RAJ2000": [1.5, 12.0], "_DEJ2000": [-5.0, 10.0], "label": ["a", "b"]})
    table["RAJ2000"].unit, table["_DEJ2000"].unit = units.hourangle, units.deg
    if ending != "ecsv":  # whose units the standards of the others do not know
        table["RAJ2000"].unit = units.h
    table.write(tmp_path / "t", format=FORMATS[ending])
    found = read_label_table(tmp_path / "t")
    assert found.way is Way.POSITION
    np.testing.assert_allclose(found.places, [(22.5, -5.0), (180.0, 10.0)])


@pytest.mark.parametrize(
    ("ra", "dec", "place"),
    [
        ("10.25", "-5.5", (10.25, -5.5)),
        ("00:41:00", "-05:30:00", (10.25, -5.5)),
        ("00 41 00.0", "+05 30 00", (10.25, 5.5)),
        ("0h41m0s", "−5d30m00s", (10.25, -5.5)),
        ("00:41:00", "-00:30:00", (10.25, -0.5)),
    ],
)
def test_positions_may_be_numbers_or_sexagesimal(tmp_path, ra, dec, place):
    found = read_label_table(csv_of(tmp_path, f"ra,dec,label\n{ra},{dec},x\n"))
    assert found.places == [pytest.approx(place)]
    assert not found.problems


@pytest.mark.parametrize(
    ("ra", "dec"), [("", ""), ("abc", "1"), ("400", "1"), ("-9999", "-9999"), ("0", "0"), ("1", "")]
)
def test_what_is_no_position_is_a_problem_of_its_row(tmp_path, ra, dec):
    found = read_label_table(csv_of(tmp_path, f"ra,dec,label\n10,20,a\n{ra},{dec},x\n"))
    assert list(found.problems) == [1]
    assert "position" in found.problems[1]


def test_a_unit_that_is_no_angle_is_refused(tmp_path):
    table = Table({"ra": [1.5], "dec": [5.0], "label": ["a"]})
    table["ra"].unit = units.arcsec
    table.write(tmp_path / "t.fits")
    assert "'ra' in the unit 'arcsec'. Give it in deg or hourangle" in refusal_of(
        tmp_path / "t.fits"
    )


@pytest.mark.parametrize(("delimiter"), [",", "|", ";", "\t"])
def test_csv_may_have_any_usual_delimiter(tmp_path, delimiter):
    rows = [["obsid", "note", "class"], ["1", '"x"', " emission "]]
    text = "\r\n".join(delimiter.join(row) for row in rows)
    found = read_label_table(csv_of(tmp_path, f"\ufeff{text}\r\n\r\n"))
    assert (found.names, found.labels) == (["1"], ["emission"])


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("path,kind", "no column for the label (label or class): its columns are path, kind."),
        ("spectrum,label", "no column that names the spectra (a path, an identifier, or RA and D"),
        ("ra,label", "no column that names the spectra"),
        ("path,label,class", "several columns for the label ('label', 'class'): its columns are p"),
        ("path,label,LABEL", "several columns for the label ('label', 'LABEL')"),
        ("id,name,label", "several columns for the identifier ('id', 'name')"),
        ("path,path,label", "several columns for the path ('path', 'path')"),
        ("ra,ra,dec,label", "several columns for the ra ('ra', 'ra')"),
    ],
)
def test_a_column_that_is_missing_or_there_twice_is_refused_with_those_that_are_there(
    tmp_path, header, said
):
    row = ",".join("1" for _ in header.split(","))
    text = refusal_of(csv_of(tmp_path, f"{header}\n{row}\n"))
    assert said in text
    assert "Say which one it is (--column " in text


def test_a_column_that_is_named_is_taken_before_others(tmp_path):
    path = csv_of(tmp_path, "path,label,class,star\na.fits,x,y,HD 1\n")
    found = read_label_table(path, {"label": "class", "identifier": "star"})
    assert (found.way, found.labels, found.names) == (Way.IDENTIFIER, ["y"], ["HD 1"])
    assert "has no column 'Star'" in refusal_of(path, columns={"identifier": "Star"})
    with pytest.raises(SpectrumError, match="has no part 'flux': name a column for label, path"):
        read_label_table(path, {"flux": "class"})


def test_only_labels_that_may_occur_are_taken(tmp_path):
    path = csv_of(tmp_path, "id,label\n1,emission\n2,Emission\n")
    found = read_label_table(path, labels=["emission ", "noise"])
    assert found.labels == ["emission ", "Emission"]
    assert found.problems == {1: "has a label that is none of emission, noise: Emission"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"id,label\n", "has no rows"),
        (b"\n\n", "is empty"),
        (b"id,label\n1\n", "has 1 fields in line 2, but 2 in its header"),
        (b'id,label\n1,"x\n', "is not CSV: unexpected end of data in line 2"),
        (b"id,label\n1,\xe9\n", "is not text in UTF-8"),
        (b"\x89PNG\0\0", "is neither text nor FITS"),
        (b"\x1f\x8bxx", "is a damaged gzip file"),
        (gzip.compress(b"id,label\n1,a\n" * 99, mtime=0)[:-9], "is a truncated gzip file"),
        (b"SIMPLE  = T", "is a damaged FITS file"),
        (b"<?xml version='1.0'?><VOTABLE></VOTABLE>", "has no TABLE in it"),
        (b"<VOTABLE><TABLE>", "cannot be read"),
        (b"# %ECSV 1.0\n# ---\nx\n1\n", "cannot be read"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(tmp_path, content, said):
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    assert said in refusal_of(path)


def test_a_pipe_a_folder_and_nothing_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    assert "a pipe, a socket or a device, not a file" in refusal_of(tmp_path / "pipe.csv")
    assert "it is a folder" in refusal_of(tmp_path)
    assert "No such file" in refusal_of(tmp_path / "absent.csv")


def test_a_claim_of_a_huge_table_is_judged_by_the_file(tmp_path):
    path = tmp_path / "t.fits"
    Table({"id": [1], "label": ["a"]}).write(path)
    content = path.read_bytes()
    old = f"{'NAXIS2':8}= {1:>20}".encode()
    assert content.count(old) == 1
    path.write_bytes(content.replace(old, f"{'NAXIS2':8}= {10**12:>20}".encode()))
    assert "NAXIS2" in refusal_of(path) or "bytes" in refusal_of(path)


def test_an_image_and_a_column_of_arrays_are_no_table_of_labels(tmp_path):
    fits.PrimaryHDU(np.zeros((3, 4))).writeto(tmp_path / "image.fits")
    assert "has no table among its HDUs" in refusal_of(tmp_path / "image.fits")
    Table({"id": [[1, 2]], "label": ["a"]}).write(tmp_path / "t.fits")
    assert "more than one value a row in its column 'id'" in refusal_of(tmp_path / "t.fits")


@pytest.mark.parametrize("limit", ["MOST_BYTES", "MOST_ROWS", "MOST_COLUMNS"])
def test_a_table_beyond_the_limits_is_refused(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(Confinement, "call", lambda _, __, function, *args: function(*args))
    monkeypatch.setattr(table_texts, limit, 1 if limit == "MOST_COLUMNS" else 20)
    path = csv_of(tmp_path, "id,label\n" + "1,emission\n" * 21)
    said = refusal_of(path)
    assert "than 20" in said or "2 columns, more than 1" in said
    if limit == "MOST_BYTES":
        path.write_bytes(gzip.compress(b"id,label\n" * 2000))
        monkeypatch.setattr(table_texts, "MOST_BYTES", 100)
        assert "unpacks to more than 100 bytes" in refusal_of(path)


@pytest.mark.parametrize("prefix", ["", "v:"])
def test_a_votable_never_leads_to_another_file(tmp_path, prefix):
    (tmp_path / "secret").write_bytes(b"x" * 100)
    fields = "".join(
        f'<{prefix}FIELD name="{name}" datatype="char" arraysize="2"/>' for name in ("id", "label")
    )
    space = f'xmlns{":v" if prefix else ""}="http://www.ivoa.net/xml/VOTable/v1.3"'
    path = csv_of(
        tmp_path,
        f'<?xml version="1.0"?><{prefix}VOTABLE version="1.3" {space}><{prefix}RESOURCE>'
        f"<{prefix}TABLE>{fields}<{prefix}DATA><{prefix}BINARY><{prefix}STREAM encoding='>' "
        f'href="file://{tmp_path}/secret"/></{prefix}BINARY></{prefix}DATA></{prefix}TABLE>'
        f"</{prefix}RESOURCE></{prefix}VOTABLE>",
        "t.vot",
    )
    assert "keeps its data elsewhere: a STREAM of it has an href" in refusal_of(path)
    path.write_bytes(path.read_text().replace("?>", " encoding='UTF-16'?>", 1).encode())
    assert "is XML in 'UTF-16', not in UTF-8" in refusal_of(path)
    path.write_bytes(path.read_text().encode("utf-16"))
    assert "is neither text nor FITS" in refusal_of(path)


def test_reading_is_done_in_a_process_of_its_own(tmp_path):
    path = csv_of(tmp_path, "id,label\n1,a\n")
    assert confined(20, read_texts, path, str.islower).cells == {0: ["1"], 1: ["a"]}
