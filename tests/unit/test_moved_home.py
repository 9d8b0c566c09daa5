"""A home that is copied or restored works; a pool that was changed is noticed."""

import os
import shutil
from pathlib import Path

import h5py
import pytest

from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.files import open_pool
from active_cnn.campaign.store import Store
from active_cnn.errors import CampaignError
from active_cnn.spectra.simulation import write_demo


@pytest.fixture
def home(tmp_path: Path) -> Path:
    files = write_demo(tmp_path / "home" / "survey", pool_size=60, training_size=40, n_fits=2)
    with Store(tmp_path / "home") as store:
        create_campaign(store, "stars", files.training, files.pool)
    return tmp_path / "home"


def test_a_copied_home_works_where_it_is(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home, tmp_path / "elsewhere", copy_function=shutil.copyfile)
    shutil.rmtree(home)
    with Store(tmp_path / "elsewhere") as store:
        assert open_pool(store, store.campaign()).n == 60


def test_a_lost_index_is_made_anew(home: Path) -> None:
    (home / "stars" / "pool-index.h5").unlink()
    with Store(home) as store:
        assert open_pool(store, store.campaign()).n == 60


def test_a_changed_pool_is_refused_until_it_is_put_back(home: Path) -> None:
    pool = home / "survey" / "pool.h5"
    shutil.copyfile(pool, home / "kept.h5")
    # The clock of a file system may be coarser than this test is quick.
    os.utime(home / "kept.h5", (1e9, 1e9))
    with h5py.File(pool, "r+") as file:
        file["lamost_dr2/spectra"][0] *= 2
    with Store(home) as store:
        for _ in range(2):
            with pytest.raises(CampaignError, match="has changed since the campaign was created"):
                open_pool(store, store.campaign())
        (home / "kept.h5").replace(pool)
        assert open_pool(store, store.campaign()).n == 60
