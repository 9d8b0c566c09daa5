"""The home page: campaigns at a glance."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.files import training_path

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.usefixtures("empty_home")
def test_an_empty_home_says_how_to_get_a_campaign(open_page):
    at = open_page()
    assert any("make the demo" in text.value for text in at.markdown)
    assert not at.dataframe


@pytest.mark.usefixtures("store")
def test_campaigns_are_listed_with_their_state(open_page):
    at = open_page()
    row = at.dataframe[0].value.iloc[0]
    assert (row["campaign"], row["iteration"], row["state"]) == ("small", 0, "scored, open")
    assert row["predicted targets"] > 0


def test_each_campaign_has_its_next_step(new_store, open_page):
    create_campaign(
        new_store,
        "other",
        training_path(new_store, new_store.campaign("small")),
        new_store.home / new_store.campaign("small").pool_path,
    )
    links = [element.label for element in open_page().get("page_link")]
    assert links.count("Next: train the network and predict the pool") == 2


@pytest.mark.usefixtures("store")
def test_an_unknown_campaign_in_the_url_is_named_and_the_newest_shown(open_page):
    at = open_page(campaign="nowhere")
    assert "There is no campaign" in at.error[0].value
    assert at.selectbox(key="campaign").value == "small"


def test_a_database_that_cannot_be_read_is_an_error_banner(empty_home, open_page):
    empty_home.mkdir()
    (empty_home / "campaign.db").write_bytes(b"this is no database" * 100)
    at = open_page()
    assert "Cannot read the store" in at.error[0].value


PAGES_WITHOUT_TENSORFLOW = """
import sys
from streamlit.testing.v1 import AppTest
at = AppTest.from_file("app.py", default_timeout=60).run()
for page in ("1_Overview", "2_Train", "3_Performance", "4_Relabel", "5_Candidates"):
    at.switch_page(f"pages/{page}.py").run()
    assert not at.exception, at.exception[0].value
assert "streamlit" in sys.modules
loaded = {"tensorflow", "keras", "jax", "torch"} & set(sys.modules)
assert not loaded, loaded
"""


@pytest.mark.usefixtures("store")
def test_no_page_imports_tensorflow_or_keras():
    done = subprocess.run(
        [sys.executable, "-c", PAGES_WITHOUT_TENSORFLOW],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("store")
def test_another_campaign_can_be_begun_from_home(open_page):
    (link,) = (one for one in open_page().get("page_link") if "another campaign" in one.proto.label)
    assert link.proto.query_string == "section=New+campaign"
