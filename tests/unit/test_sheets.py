"""What the labelling page draws of a spectrum."""

import base64
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.files import open_pool
from active_cnn.campaign.sheets import class_means, links, make_sheets, pack
from active_cnn.campaign.training_data import read_initial_set
from active_cnn.spectra.preprocessing import rescale
from active_cnn.spectra.simulation import write_demo
from tests import reading_tasks


def unpack(packed):
    """What packing.js does."""
    steps = np.frombuffer(base64.b64decode(packed["data"]), "<i2").astype(float)
    values = packed["low"] + packed["step"] * (steps + 32767)
    return np.where(steps == -32768, np.nan, values)


@given(
    arrays(
        np.float64,
        st.integers(0, 30),
        elements=st.floats(-1e300, 1e300) | st.sampled_from([np.nan, np.inf, 1.7e308, -1.7e308]),
    )
)
def test_packing_keeps_values_to_a_step_and_marks_what_is_none(values):
    found = unpack(pack(values))
    finite = abs(values) < 7e307
    assert (np.isfinite(found) == finite).all()
    if finite.any():
        span = values[finite].max() / 65534 - values[finite].min() / 65534
        assert (
            abs(found[finite] / 2 - values[finite] / 2).max()
            <= 0.51 * span / 2 + 1e-12 * abs(values[finite]).max()
        )


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return write_demo(
        tmp_path_factory.mktemp("survey"),
        pool_size=60,
        training_size=60,
        emission_share=0.2,
        double_peak_share=0.1,
        n_fits=60,
        seed=2,
    )


@pytest.fixture
def look(store, demo):
    """Give a function that makes the sheet of a spectrum of the demo."""
    campaign = create_campaign(store, "demo", demo.training, demo.pool)

    def look(identifier, campaign=campaign):
        pool = open_pool(store, campaign)
        training = read_initial_set(store, campaign)
        return make_sheets(store, campaign, pool, training, [identifier])[0]

    look.campaign = campaign
    look.pool = open_pool(store, campaign)
    look.names = look.pool.identifiers(np.flatnonzero(look.pool.usable))
    look.store = store
    return look


def test_a_sheet_holds_the_window_the_file_around_it_and_all_of_it(look):
    name = look.names[0]
    sheet = look(name)
    row = look.pool.rows([name])
    (window,) = sheet["windows"]
    np.testing.assert_allclose(unpack(window), look.pool.flux(row)[0], rtol=1e-3)
    (raw,) = sheet["raw"]
    x, y, sigma = (unpack(raw[part]) for part in ("x", "y", "sigma"))
    assert x[0] < look.campaign.grid.start - 50
    assert x[-1] > look.campaign.grid.end + 50
    assert len(x) == len(y) == len(sigma)
    assert np.nanmin(sigma) > 0
    assert raw["bad"] == [] or max(raw["bad"]) < len(x)
    whole = unpack(sheet["whole"]["x"])
    assert len(whole) <= 1800
    assert whole[0] < 4000 < 8900 < whole[-1]
    assert sheet["trouble"] == ""
    assert sheet["facts"]["snr"] > 0
    assert [name for name, _ in sheet["links"]] == ["SIMBAD", "Aladin"]


def test_the_nearest_labelled_neighbour_is_the_nearest(look):
    name = look.names[3]
    nearest = look(name)["nearest"]
    training = read_initial_set(look.store, look.campaign)
    seen = rescale(look.pool.flux(look.pool.rows([name])))[0]
    distances = np.linalg.norm(training.windows - seen, axis=1)
    assert nearest["identifier"] == training.identifiers[int(distances.argmin())]


def test_the_mean_of_each_class_is_that_of_the_training_set(look):
    training = read_initial_set(look.store, look.campaign)
    means = class_means(look.campaign, training)
    rows = np.array(training.labels) == "emission"
    np.testing.assert_allclose(
        unpack(means["emission"][0]), training.windows[rows].mean(axis=0), atol=1e-3
    )


def test_a_spectrum_without_its_file_shows_its_window_and_says_why(store, survey):
    campaign = create_campaign(store, "bare", survey.training, survey.pool)
    pool = open_pool(store, campaign)
    name = pool.identifiers(np.flatnonzero(pool.usable)[:1])[0]
    training = read_initial_set(store, campaign)
    (sheet,) = make_sheets(store, campaign, pool, training, [name])
    assert (sheet["raw"], sheet["whole"]) == (None, None)
    assert "Only the window can be shown" in sheet["trouble"]


def point_to(pool, path):
    with h5py.File(pool, "r+") as file:
        (group,) = file.values()
        name = group["filenames"].asstr()[0]
        group["path"][0] = str(path)
    return name


@pytest.mark.parametrize("kind", ["above", "absolute", "link"])
def test_a_file_outside_the_folders_of_the_campaign_is_never_opened(store, tmp_path, kind):
    demo = write_demo(
        tmp_path / "survey", pool_size=20, training_size=60, emission_share=0.2,
        double_peak_share=0.1, n_fits=20, seed=2,
    )  # fmt: skip
    secret = tmp_path / "secret.fits"
    with h5py.File(demo.pool) as file:
        (group,) = file.values()
        real = demo.pool.parent / group["path"].asstr()[0]
    secret.write_bytes(real.read_bytes())
    link = demo.pool.parent / "link.fits"
    link.symlink_to(secret)
    path = {"above": Path("../secret.fits"), "absolute": secret, "link": Path("link.fits")}[kind]
    name = point_to(demo.pool, path)
    campaign = create_campaign(store, "demo", demo.training, demo.pool)
    training = read_initial_set(store, campaign)
    (sheet,) = make_sheets(store, campaign, open_pool(store, campaign), training, [name])
    assert sheet["raw"] is None
    assert "lies outside the folders" in sheet["trouble"]
    # A campaign that was given the folder may.
    other = create_campaign(store, "other", demo.training, demo.pool, folders=(tmp_path,))
    (sheet,) = make_sheets(store, other, open_pool(store, other), training, [name])
    assert sheet["raw"]


def test_a_file_that_is_a_link_in_a_circle_is_told_to_be_one(store, tmp_path):
    demo = write_demo(
        tmp_path / "survey", pool_size=20, training_size=60, emission_share=0.2,
        double_peak_share=0.1, n_fits=20, seed=2,
    )  # fmt: skip
    link = demo.pool.parent / "circle.fits"
    link.symlink_to(link)
    name = point_to(demo.pool, link.name)
    campaign = create_campaign(store, "demo", demo.training, demo.pool)
    training = read_initial_set(store, campaign)
    (sheet,) = make_sheets(store, campaign, open_pool(store, campaign), training, [name])
    assert "leads in a circle" in sheet["trouble"]


def test_addresses_hold_numbers_only():
    assert links(float("nan"), 1.0, "") == []
    found = dict(links(93.131930, -27.537140, "javascript:alert(1)"))
    assert set(found) == {"SIMBAD", "Aladin"}
    assert "93.131930%20-27.537140" in found["SIMBAD"]
    assert dict(links(1.0, 2.0, "https://example.org/1"))["Survey"] == "https://example.org/1"


def test_a_file_that_hangs_its_reader_costs_its_own_sheet_only(look, monkeypatch):
    hanging, other = look.names[:2]
    read = partial(reading_tasks.read_but_hang_at, f"{hanging}.gz")
    monkeypatch.setattr("active_cnn.campaign.sheets.read", read)
    monkeypatch.setattr("active_cnn.campaign.sheets.SECONDS_WATCHED", 1.0)
    training = read_initial_set(look.store, look.campaign)
    sheets = make_sheets(look.store, look.campaign, look.pool, training, [hanging, other])
    assert "takes too long to read: more than 1 s of computing" in sheets[0]["trouble"]
    assert sheets[0]["windows"]
    assert sheets[0]["raw"] is None
    assert sheets[1]["trouble"] == ""
    assert sheets[1]["raw"]
