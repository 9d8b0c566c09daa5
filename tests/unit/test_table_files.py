"""What other programs make of the files of candidates: names, gaps, where they came from."""

import csv
import io
import re
import shutil
import subprocess
import warnings

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.io.votable import parse as parse_votable
from astropy.io.votable import validate
from astropy.table import Table

from active_cnn.campaign.campaign import record_answer
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.delivery.candidates import describe_candidates, find_candidates, list_candidates
from active_cnn.delivery.columns import MEANINGS, probability_columns
from active_cnn.delivery.files import make_file
from active_cnn.delivery.origin import trace_origin
from active_cnn.delivery.tables import FORMATS, format_candidates, write_candidates

STILTS = shutil.which("stilts")

every_format = pytest.mark.parametrize("ending", FORMATS)


@pytest.fixture
def candidates(store, campaign, score):
    score()
    return find_candidates(store, campaign)


@pytest.fixture
def origin(store, campaign, candidates):
    assert len(candidates)
    return trace_origin(store, campaign, "probability ≥ 0.5 & <all>")


def read(content, ending):
    return Table.read(io.BytesIO(content), format=FORMATS[ending])


def fields(content):
    return parse_votable(io.BytesIO(content), verify="exception").get_first_table().fields


def stilts(*arguments):
    done = subprocess.run([STILTS, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("classes", "columns"),
    [
        (["not-interesting", "double-peak"], ["p_not_interesting", "p_double_peak"]),
        (["Be star", "be-star", "BE_STAR"], ["p_Be_star", "p_be_star_2", "p_BE_STAR_3"]),
        (["calibrated", "ath"], ["p_calibrated_2", "p_ath"]),
        (["a b", "a-b", "a_b_2"], ["p_a_b", "p_a_b_2", "p_a_b_2_2"]),
        (["étoile", "Hα", "二重星", "+"], ["p_etoile", "p_H", "p_class", "p_class_2"]),
        (["2", "x" * 100], ["p_2", "p_" + "x" * 60]),
    ],
)
def test_columns_are_names_that_no_program_misreads(classes, columns):
    assert probability_columns(classes) == dict(zip(classes, columns, strict=True))
    names = [*MEANINGS, *columns]
    assert all(re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) for name in names)
    assert len({name.lower() for name in names}) == len(names)


@every_format
def test_every_file_uses_these_names(candidates, origin, ending):
    names = read(format_candidates(candidates, ending, origin), ending).colnames
    assert {"p_not_interesting", "p_emission", "p_double_peak"} <= set(names)
    assert all(re.fullmatch("[a-z][a-z0-9_]*", name) for name in names)


@pytest.mark.parametrize("ending", [".ecsv", ".fits", ".vot"])
def test_the_description_tells_the_class_by_its_own_name(candidates, origin, ending):
    content = format_candidates(candidates, ending, origin)
    if ending == ".fits":
        header = fits.getheader(io.BytesIO(content), 1)
        numbers = [n for n in range(1, 30) if header.get(f"TTYPE{n}") == "p_double_peak"]
        said = header[f"TCOMM{numbers[0]}"]
    else:
        said = read(content, ending)["p_double_peak"].description
    assert said == "Probability of the class 'double-peak', by the newest network"


def test_a_votable_is_one_that_the_validator_has_nothing_against(candidates, origin, tmp_path):
    path = tmp_path / "candidates.vot"
    identifiers = re.findall(rb' ID="([^"]*)"', format_candidates(candidates, ".vot", origin))
    assert len(set(identifiers)) == len(identifiers) > len(candidates.columns)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for rows in (candidates, candidates[:0]):
            write_candidates(rows, path, origin)
            report = io.StringIO()
            assert validate(path, output=report), report.getvalue()


def test_positions_of_a_votable_are_in_a_system_of_coordinates(candidates, origin):
    votable = parse_votable(io.BytesIO(format_candidates(candidates, ".vot", origin)))
    (system,) = votable.resources[0].coordinate_systems
    assert system.system == "ICRS"
    by_name = {field.name: field for field in votable.get_first_table().fields}
    assert by_name["ra"].ref == by_name["dec"].ref == system.ID
    assert by_name["ra"].ucd == "pos.eq.ra;meta.main"
    assert by_name["snr_r"].ref is None


def test_a_votable_tells_what_it_came_from(store, campaign, candidates, origin):
    votable = parse_votable(io.BytesIO(format_candidates(candidates, ".vot", origin)))
    table = votable.get_first_table()
    said = {param.name: param.value for param in table.params}
    result = store.iteration(campaign.name).result
    assert said["campaign"] == campaign.name
    assert said["network_iteration"] == 0
    assert said["pool_fingerprint"] == result.pool_fingerprint
    assert said["selection"] == "probability ≥ 0.5 & <all>"
    assert said["calibration"].startswith("not calibrated")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", said["created_at"])
    assert set(said) >= {"network_sha256", "version"}
    assert table.description.startswith("Candidates of the search 'halpha' for emission")
    assert [(one.name, one.value) for one in votable.resources[0].infos] == [
        ("creator", "Active CNN")
    ]


def test_fits_and_ecsv_tell_it_too(campaign, candidates, origin):
    header = fits.getheader(io.BytesIO(format_candidates(candidates, ".fits", origin)), 1)
    assert (header["CAMPAIGN"], header["ITERATIO"]) == (campaign.name, 0)
    assert header["SELECTIO"].encode().decode("unicode_escape") == "probability ≥ 0.5 & <all>"
    assert header["RADESYS"] == "ICRS"
    meta = read(format_candidates(candidates, ".ecsv", origin), ".ecsv").meta
    assert meta["campaign"] == campaign.name
    assert meta["selection"] == "probability ≥ 0.5 & <all>"
    assert meta["creator"] == "Active CNN"


@every_format
def test_an_infinite_number_is_an_unknown_one(candidates, ending):
    numbers = candidates.select_dtypes("floating").columns
    infinite = candidates.copy()
    infinite.loc[0, numbers] = np.inf
    infinite.loc[1, numbers] = -np.inf
    content = format_candidates(infinite, ending)
    table = read(content, ending)
    for name in set(numbers) & set(table.colnames):
        values = np.ma.filled(np.ma.asarray(table[name]).astype(float), np.nan)
        assert np.isnan(values[:2]).all(), name
        assert np.isfinite(values[2:]).all() or name in ("p_calibrated", "rule_sigma"), name
    if ending in (".csv", ".vot"):
        assert b"inf" not in content.lower().replace(b"info", b"")


def test_a_csv_has_no_column_without_a_value_unless_it_has_no_rows(candidates):
    def columns(rows):
        return next(csv.reader(io.StringIO(format_candidates(rows, ".csv").decode())))

    assert not {"p_calibrated", "answer", "note"} & set(columns(candidates))
    said = candidates.assign(p_calibrated=[0.5] + [np.nan] * (len(candidates) - 1))
    assert "p_calibrated" in columns(said)
    assert columns(candidates[:0]) == list(candidates.columns)


def test_a_list_without_candidates_is_a_votable_with_a_table(candidates, origin):
    content = format_candidates(candidates[:0], ".vot", origin)
    assert b"<TABLEDATA" in content
    table = parse_votable(io.BytesIO(content), verify="exception").get_first_table()
    assert len(table.array) == 0
    assert [field.name for field in table.fields] == list(candidates.columns)
    full = fields(format_candidates(candidates, ".vot", origin))
    shown = [(one.datatype, one.arraysize) for one in table.fields]
    assert shown == [(one.datatype, one.arraysize) for one in full]


@every_format
def test_no_sign_in_a_text_spoils_a_file(candidates, origin, ending):
    odd = "a\x00b\x0bc\x1bd\x85\u2028\ufffed ü <&> ]]> \\n"
    noted = candidates.assign(note=[odd] + [""] * (len(candidates) - 1))
    content = format_candidates(noted, ending, origin)
    table = read(content, ending)
    assert len(table) == len(candidates)
    assert " <&> ]]> " in str(table["note"][0])


def test_a_download_tells_which_candidates_it_holds(store, campaign, candidates):
    listed = list_candidates(store, campaign).iloc[:3]
    assert len(candidates) > len(listed)
    content = make_file(store.home, campaign, listed, ".vot", "the first three")
    table = parse_votable(io.BytesIO(content)).get_first_table()
    assert {one.name: one.value for one in table.params}["selection"] == "the first three"
    assert list(table.array["identifier"]) == list(
        describe_candidates(store, campaign, listed)["identifier"]
    )


@pytest.mark.skipif(not STILTS, reason="STILTS is not installed")
@pytest.mark.parametrize("n", [0, 60])
def test_stilts_has_nothing_against_the_files(store, campaign, origin, tmp_path, n):
    query = draw_relabel_query(store, campaign, "random-target", size=1)
    record_answer(
        store, query, query.items[0].identifier, "emission", oracle="Zoë", note="α\x01 <&>"
    )
    shown = find_candidates(store, campaign).assign(snr_r=np.inf)[:n]
    for ending in (".vot", ".fits", *([".csv"] if n else [])):
        path = tmp_path / f"candidates{ending}"
        write_candidates(shown, path, origin)
        told = stilts(
            "tpipe", f"in={path}", "cmd=addcol sum p_double_peak+p_emission", "omode=count"
        )
        assert f"rows: {n}" in " ".join(told.split())
    assert stilts("votlint", str(tmp_path / "candidates.vot")) == ""


def test_a_table_is_the_same_for_pandas(candidates):
    again = pd.read_csv(io.BytesIO(format_candidates(candidates, ".csv")))
    expected = candidates["p_double_peak"].to_numpy()
    np.testing.assert_allclose(again.eval("p_double_peak + 0"), expected, rtol=1e-5)
