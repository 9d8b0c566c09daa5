"""Pools and training sets whose spectra came scaled, so that the zero of their flux is lost."""

import csv
import shutil

import h5py
import numpy as np
import pytest

from active_cnn.campaign.creation import create_campaign
from active_cnn.errors import CampaignError
from active_cnn.grid import Grid
from active_cnn.learning.augmentation import Augmentation, in_continuum_units
from active_cnn.spectra.pool_file import find_group
from active_cnn.spectra.preprocessing import find_defects, rescale
from active_cnn.spectra.scaling import Scaling


@pytest.fixture
def scaled_pool(survey, tmp_path):
    path = tmp_path / "scaled.h5"
    shutil.copy(survey.pool, path)
    with h5py.File(path, "r+") as file:
        spectra = find_group(file, path)["spectra"]
        flux = spectra[:]
        usable = find_defects(flux) == 0
        flux[usable] = rescale(flux[usable])
        spectra[:] = flux
    return path


@pytest.fixture
def scaled_training(survey, tmp_path):
    with survey.training.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    flux = np.array([row[-140:] for row in rows], dtype=float)
    path = tmp_path / "scaled.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(header)
        table.writerows(
            [*row[:-140], *one.tolist()] for row, one in zip(rows, rescale(flux), strict=True)
        )
    return path


def test_a_scaled_pool_beside_a_training_set_of_flux_is_refused(store, survey, scaled_pool):
    with pytest.raises(CampaignError, match="scaled already .* Give a pool of flux"):
        create_campaign(store, "scaled", survey.training, scaled_pool)
    assert store.campaign_names() == []
    assert not (store.home / "scaled").exists()


def test_both_scaled_are_taken(store, scaled_pool, scaled_training):
    create_campaign(store, "scaled", scaled_training, scaled_pool)
    assert store.campaign("scaled").grid == Grid()


def test_a_scaled_training_set_beside_a_pool_of_flux_is_taken(store, survey, scaled_training):
    create_campaign(store, "archive", scaled_training, survey.pool)


def test_the_noise_of_a_scaled_pool_is_that_of_its_spectra_as_they_are_shown():
    rng = np.random.default_rng(3)
    pixels = np.arange(140)
    line = 1 + 0.8 * np.exp(-0.5 * ((pixels - 70) / 3) ** 2)
    flux = 50 * line * (1 + 0.02 * rng.normal(size=(300, 140)))
    shown = in_continuum_units(rescale(flux))
    expected = np.median(np.std(np.diff(shown[:, :50], axis=1), axis=1)) / np.sqrt(2)
    found = Augmentation.of_pool(rescale(flux), shown[:9], np.arange(9) < 5, Scaling())
    assert np.median(found.noise) == pytest.approx(expected, rel=0.2)
