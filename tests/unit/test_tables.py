"""The files of candidates: read again with astropy, with units, UCDs and every letter."""

import io
import warnings

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.io.votable import parse as parse_votable
from astropy.io.votable.ucd import check_ucd
from astropy.table import Table

from active_cnn.campaign.campaign import record_answer
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.delivery.candidates import find_candidates
from active_cnn.delivery.tables import FORMATS, format_candidates, to_table, write_candidates
from active_cnn.errors import StoreError
from active_cnn.spreadsheet import disarm

NOTE = 'schön, "Hα" <6564,6 Å>; 二重ピーク & more'

every_format = pytest.mark.parametrize("ending", FORMATS)


@pytest.fixture
def candidates(store, campaign, score):
    score()
    query = draw_relabel_query(store, campaign, "random-target", size=10)
    for item, note in zip(query.items, [NOTE, "two\nlines", "", " = 1 + 1"], strict=False):
        record_answer(store, query, item.identifier, item.predicted, oracle="Zoë", note=note)
    return find_candidates(store, campaign)


@pytest.fixture
def empty(store, campaign, score):
    score(np.tile(np.float32([0.9, 0.06, 0.04]), (300, 1)))
    return find_candidates(store, campaign)


def read(path):
    options = {".csv": {"format": "ascii.csv"}, ".ecsv": {"format": "ascii.ecsv"}}
    return Table.read(path, **options.get(path.suffix, {}))


def texts(column):
    return ["" if value is np.ma.masked else str(value) for value in column]


@every_format
def test_a_file_of_candidates_is_read_again_as_it_was(candidates, tmp_path, ending):
    path = tmp_path / f"candidates{ending}"
    write_candidates(candidates, path)
    table = read(path)
    blank = [
        name
        for name in candidates
        if not (candidates[name].notna() & (candidates[name] != "")).any()
    ]
    assert {"p_calibrated", "path"} <= set(blank)
    left_out = blank if ending == ".csv" else []
    assert table.colnames == [name for name in candidates if name not in left_out]
    assert len(table) == len(candidates)
    for name in ("ra", "dec", "snr_r", "entropy", "p_emission", "iteration"):
        np.testing.assert_allclose(
            np.ma.filled(table[name].astype(float), np.nan), candidates[name], rtol=1e-6
        )
    for name in {"identifier", "label", "source", "answer", "designation", "pipeline_class"} - set(
        left_out
    ):
        assert texts(table[name]) == list(candidates[name])
    assert [path.name for path in tmp_path.glob("cand*")] == [path.name]


@pytest.mark.parametrize("ending", [".csv", ".ecsv", ".vot"])
def test_notes_keep_every_letter(candidates, tmp_path, ending):
    path = tmp_path / f"candidates{ending}"
    write_candidates(candidates, path)
    table = read(path)
    notes = dict(zip(texts(table["identifier"]), texts(table["note"]), strict=True))
    expected = dict(zip(candidates["identifier"], candidates["note"], strict=True))
    if ending == ".csv":
        expected = {identifier: disarm(note) for identifier, note in expected.items()}
    # A CSV reader may take blanks at the ends away.
    assert {i: n.strip() for i, n in notes.items()} == {
        i: n.strip() for i, n in expected.items()
    }  # fmt: skip
    assert NOTE in notes.values()


def test_fits_writes_other_letters_as_escapes_that_can_be_undone(candidates, tmp_path):
    path = tmp_path / "candidates.fits"
    write_candidates(candidates, path)
    notes = [str(note) for note in Table.read(path)["note"]]
    assert NOTE.encode("ascii", "backslashreplace").decode() in notes
    assert NOTE in [note.encode().decode("unicode_escape") for note in notes]


@pytest.mark.parametrize("ending", [".ecsv", ".fits", ".vot"])
def test_coordinates_carry_their_unit(candidates, tmp_path, ending):
    path = tmp_path / f"candidates{ending}"
    write_candidates(candidates, path)
    table = read(path)
    assert str(table["ra"].unit) == str(table["dec"].unit) == "deg"
    assert table["entropy"].unit is None


def test_every_ucd_is_one_that_the_standard_knows(candidates):
    table = to_table(candidates)
    for name in table.colnames:
        assert check_ucd(table[name].meta["ucd"], check_controlled_vocabulary=True), name
    assert table["ra"].meta["ucd"] == "pos.eq.ra;meta.main"


def test_a_votable_carries_ucds_and_descriptions(candidates, tmp_path):
    path = tmp_path / "candidates.vot"
    write_candidates(candidates, path)
    fields = parse_votable(path, verify="exception").get_first_table().fields
    expected = to_table(candidates)
    for field in fields:
        assert field.ucd == expected[field.name].meta["ucd"]
        assert field.description == expected[field.name].description
        if field.datatype == "unicodeChar":
            assert field.arraysize == "*"


def test_a_fits_file_is_a_valid_one(candidates, tmp_path):
    path = tmp_path / "candidates.fits"
    write_candidates(candidates, path)
    with fits.open(path) as hdus, warnings.catch_warnings():
        warnings.simplefilter("error")
        hdus.verify("exception")
        assert len(hdus[1].data) == len(candidates)


def test_a_fits_file_carries_ucds_and_descriptions(candidates, tmp_path):
    path = tmp_path / "candidates.fits"
    write_candidates(candidates, path)
    header = fits.getheader(path, 1)
    for number, column in enumerate(to_table(candidates).itercols(), 1):
        assert header[f"TTYPE{number}"] == column.name
        assert header[f"TUCD{number}"] == column.meta["ucd"]
        assert header[f"TCOMM{number}"] == column.description


def test_an_ecsv_carries_ucds(candidates, tmp_path):
    path = tmp_path / "candidates.ecsv"
    write_candidates(candidates, path)
    table = read(path)
    assert table["ra"].meta["ucd"] == "pos.eq.ra;meta.main"
    assert table["ra"].description == "Right ascension (ICRS)"


@every_format
def test_an_empty_list_of_candidates_is_a_file_with_columns_and_no_rows(empty, tmp_path, ending):
    path = tmp_path / f"candidates{ending}"
    write_candidates(empty, path)
    table = read(path)
    assert table.colnames == list(empty.columns)
    assert len(table) == 0
    if ending in (".fits", ".ecsv"):
        assert table["identifier"].dtype.kind in "SU"
        assert table["ra"].dtype.kind == "f"


def test_an_unknown_place_in_the_sky_stays_unknown(candidates, tmp_path):
    unplaced = candidates.assign(ra=np.nan, dec=np.nan, snr_r=np.nan, designation="")
    for ending in FORMATS:
        path = tmp_path / f"candidates{ending}"
        write_candidates(unplaced, path)
        table = read(path)
        if ending == ".csv":
            assert "ra" not in table.colnames
        else:
            assert np.isnan(np.ma.filled(np.ma.asarray(table["ra"]).astype(float), np.nan)).all()


@pytest.mark.parametrize("name", ["candidates.xlsx", "candidates", "candidates.csv.gz"])
def test_an_unknown_ending_is_refused_with_those_that_can_be_written(candidates, tmp_path, name):
    with pytest.raises(StoreError, match=r"use one of \.csv, \.ecsv, \.fits, \.vot"):
        write_candidates(candidates, tmp_path / name)
    assert list(tmp_path.glob("cand*")) == []


def test_capitals_in_the_ending_do_not_matter(candidates, tmp_path):
    write_candidates(candidates, tmp_path / "CANDIDATES.FITS")
    assert len(Table.read(tmp_path / "CANDIDATES.FITS")) == len(candidates)


def test_a_folder_that_does_not_exist_is_refused_with_the_path(candidates, tmp_path):
    path = tmp_path / "missing" / "candidates.csv"
    with pytest.raises(StoreError, match=f"Cannot write {path}: the folder .* does not exist"):
        write_candidates(candidates, path)


def test_writing_replaces_an_earlier_file(candidates, tmp_path):
    path = tmp_path / "candidates.csv"
    path.write_text("old")
    write_candidates(candidates, path)
    assert len(pd.read_csv(path)) == len(candidates)


def test_a_csv_is_plain_utf8_with_one_header(candidates):
    frame = pd.read_csv(
        io.BytesIO(format_candidates(candidates, ".csv")), keep_default_na=False, encoding="utf-8"
    )
    assert list(frame["note"]) == [disarm(note) for note in candidates["note"]]
    assert list(frame["identifier"]) == list(candidates["identifier"])


def test_the_candidates_are_left_as_they_were(candidates):
    before = candidates.copy(deep=True)
    for ending in FORMATS:
        format_candidates(candidates, ending)
    pd.testing.assert_frame_equal(candidates, before)
