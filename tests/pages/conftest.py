"""A small real campaign for the pages, and the pages as a visitor opens them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.store import Store
from active_cnn.records import Campaign
from active_cnn.spectra.simulation import write_demo
from tests import fakes

APP = Path(__file__).resolve().parents[2] / "app.py"

Open = Callable[..., AppTest]


@pytest.fixture(scope="session")
def new_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a campaign that has not been trained; to be copied."""
    home = tmp_path_factory.mktemp("home")
    with Store(home) as store:
        files = write_demo(
            home / "survey",
            pool_size=300,
            training_size=120,
            emission_share=0.1,
            double_peak_share=0.05,
            n_fits=300,
            seed=1,
        )
        create_campaign(store, "small", files.training, files.pool, seed=1)
    return home


@pytest.fixture(scope="session")
def scored_home(new_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, scored by the rule of the line's depth; to be copied."""
    home = tmp_path_factory.mktemp("scored") / "home"
    shutil.copytree(new_home, home)
    with Store(home) as store:
        fakes.train(store, store.campaign())
    return home


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return _use(tmp_path / "home", monkeypatch)


def _use(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ACTIVE_CNN_HOME", str(home))
    monkeypatch.setenv("ACTIVE_CNN_ORACLE", "tester")
    return home


@pytest.fixture
def new_store(new_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store of a campaign that has not been trained."""
    home = _use(tmp_path / "home", monkeypatch)
    shutil.copytree(new_home, home)
    with Store(home) as store:
        yield store


@pytest.fixture
def store(scored_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store of a campaign whose first iteration has been scored."""
    home = _use(tmp_path / "home", monkeypatch)
    shutil.copytree(scored_home, home)
    with Store(home) as store:
        yield store


@pytest.fixture
def campaign(store: Store) -> Campaign:
    return store.campaign()


@pytest.fixture
def open_page() -> Open:
    """Open a page as a visitor does: from the home page, or by a link with parameters."""

    def open_page(page: str = "", **parameters: str) -> AppTest:
        st.cache_data.clear()
        at = AppTest.from_file(str(APP), default_timeout=30)
        for name, value in parameters.items():
            at.query_params[name] = value
        at.run()
        if page:
            at.switch_page(f"pages/{page}.py")
            for name, value in parameters.items():
                at.query_params[name] = value
            at.run()
        assert not at.exception, at.exception[0].value
        return at

    return open_page
