"""The Overview page: what a campaign holds, and new campaigns."""

from __future__ import annotations

from pathlib import Path

import h5py
import pytest

from active_cnn.campaign.files import open_pool
from active_cnn.campaign.status import summarise
from active_cnn.campaign.store import Store
from active_cnn.spectra.simulation import write_demo
from active_cnn.ui.text import plain

PAGE = "1_Overview"


def metrics(at):
    return {metric.label: metric.value for metric in at.metric}


@pytest.mark.usefixtures("empty_home")
def test_an_empty_home_offers_the_demo_and_a_form(open_page):
    at = open_page(PAGE)
    assert "no campaign" in at.info[0].value
    assert at.button(key="make-demo")
    assert at.text_input(key="new_name")


def test_the_summary_counts_pool_training_set_and_answers(store, campaign, open_page):
    pool = open_pool(store, campaign)
    shown = metrics(open_page(PAGE))
    assert shown["Spectra in the pool"] == str(pool.n)
    assert shown["Usable"] == str(int(pool.usable.sum()))
    assert shown["Initial training set"] == "120"
    assert shown["Answers"] == "0"


def test_the_summary_says_how_many_positions_are_not_known(store, campaign, open_page):
    with h5py.File(store.home / campaign.pool_path, "r+") as file:
        (group,) = (one for one in file.values() if "spectra" in one)
        group["ra"][:10] = group["dec"][:10] = 0
    shown = " ".join(caption.value for caption in open_page(PAGE).caption)
    assert "The position is not known of 10 of" in shown
    assert "RA 0, Dec 0 (10)" in shown


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"resolving_power": 1800.0}, "Resolving power: R = 1800; none is known to be sharper."),
        ({"resolving_power": "as-is"}, "Resolving power as-is: nothing was degraded. R is 1800."),
        ({"resolving_power": 500.0}, "were brought from up to R = 1800 to R = 500."),
        (
            {"resolving_power": 3000.0, "blurrier": "mark"},
            " are blurrier, down to R = 1800, and marked",
        ),
        ({}, "not stated in the pool; R = 1800 is taken"),
    ],
)
def test_the_summary_says_what_resolving_power_the_pool_has(
    store, campaign, open_page, attributes, expected
):
    with h5py.File(store.home / campaign.pool_path, "r+") as file:
        (group,) = (one for one in file.values() if "spectra" in one)
        for name in list(group.attrs):
            del group.attrs[name]
        group.attrs.update(attributes)
    assert plain(expected) in " ".join(caption.value for caption in open_page(PAGE).caption)
    said = attributes.get("resolving_power")
    assert summarise(store, campaign)["resolving_power"] == said


@pytest.mark.parametrize("source", ["training set", "predictions"])
@pytest.mark.usefixtures("store")
def test_the_gallery_shows_seeded_spectra_of_a_class(open_page, source):
    at = open_page(PAGE, section="Gallery", gallery=source, **{"class": "emission"})
    assert at.selectbox(key="class").value == "emission"
    assert any("drawn at random" in caption.value for caption in at.caption)


@pytest.mark.usefixtures("new_store")
def test_a_new_campaign_has_a_gallery_of_its_training_set_alone(open_page):
    at = open_page(PAGE, section="Gallery")
    assert at.selectbox(key="gallery").options == ["training set"]


def test_refused_spectra_are_counted_by_reason(store, campaign, open_page):
    at = open_page(PAGE, section="Refused")
    n_refused = int((~open_pool(store, campaign).usable).sum())
    if n_refused:
        assert at.dataframe[0].value["n"].sum() == n_refused
    else:
        assert "none was refused" in at.success[0].value


def test_a_link_with_an_identifier_alone_shows_that_spectrum(store, campaign, open_page):
    pool = open_pool(store, campaign)
    row = int(pool.usable.nonzero()[0][0])
    (identifier,) = pool.identifiers([row])
    at = open_page(PAGE, identifier=identifier)
    assert at.text_input(key="identifier").value == identifier
    steps = "\n".join(text.value for text in at.markdown)
    assert "in vacuum already, kept" in steps
    assert "from 6519 to 6732 Å" in steps


@pytest.mark.usefixtures("store")
def test_an_unknown_identifier_is_a_message(open_page):
    at = open_page(PAGE, identifier="no-such-spectrum")
    assert "no-such-spectrum" in at.error[0].value


@pytest.mark.usefixtures("store")
def test_without_an_identifier_it_says_where_to_find_one(open_page):
    assert "Enter the identifier" in open_page(PAGE, section="One spectrum").info[0].value


def test_a_spectrum_whose_file_is_gone_still_shows_its_window(store, campaign, open_page):
    pool = open_pool(store, campaign)
    row = int(pool.usable.nonzero()[0][0])
    view = pool.metadata([row]).iloc[0]
    Path(view["path"]).unlink()
    at = open_page(PAGE, identifier=view["identifier"])
    assert any("cannot be shown" in caption.value for caption in at.caption)


def create(at, name, training, pool):
    at.text_input(key="new_name").set_value(name)
    at.text_input(key="new_training").set_value(str(training))
    at.text_input(key="new_pool").set_value(str(pool))
    return at.button(key="create-campaign").click().run()


def test_a_campaign_is_created_from_files_of_the_server(empty_home, tmp_path, open_page):
    files = write_demo(tmp_path / "files", pool_size=60, training_size=60, n_fits=0, seed=2)
    at = create(open_page(PAGE), "mine", files.training, files.pool)
    assert not at.exception
    with Store(empty_home) as store:
        campaign = store.campaign("mine")
    assert [c.name for c in campaign.classes][:2] == ["absorption", "emission"]
    assert campaign.grid.n == 140


@pytest.mark.parametrize(
    ("name", "training", "said"),
    [
        ("../up", "x.csv", "cannot be the name"),
        ("mine", "", "path of the training set is empty"),
        ("mine", "/nowhere/x.csv", "cannot be read"),
    ],
)
def test_a_refused_campaign_is_a_message_and_leaves_nothing(
    empty_home, open_page, name, training, said
):
    at = create(open_page(PAGE), name, training, "/nowhere/pool.h5")
    assert said in at.error[0].value.replace("\\", "")
    assert not at.get("progress")
    with Store(empty_home) as store:
        assert not store.campaign_names()
