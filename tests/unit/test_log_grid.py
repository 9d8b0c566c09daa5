"""Grids in equal steps of the logarithm, from ingest to the labelling page."""

import numpy as np
import pytest

from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.definition import parse_definition
from active_cnn.campaign.definition_text import write_definition
from active_cnn.campaign.files import open_pool
from active_cnn.cli import main
from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid, Spacing
from active_cnn.records import Medium, OracleClass, Spectrum
from active_cnn.search import Search
from active_cnn.spectra.ingest import ingest
from active_cnn.spectra.pool import Pool
from active_cnn.spectra.pool_file import open_pool as open_file
from active_cnn.spectra.preprocessing import prepare
from tests.lamost_files import write_folder

GRID = Grid.of(6400.0, 6800.0, 200, Spacing.LOG)


def test_each_step_is_the_same_velocity():
    ratio = GRID.wavelength[1:] / GRID.wavelength[:-1]
    np.testing.assert_allclose(ratio, (6800 / 6400) ** (1 / 199), rtol=1e-12)
    assert GRID.wavelength[[0, -1]].tolist() == [6400.0, 6800.0]
    assert str(GRID) == "6400-6800 Å × 200 in log steps"


@pytest.mark.parametrize("grid", [GRID, Grid()], ids=str)
def test_a_grid_is_kept_in_files(grid):
    assert Grid.from_numbers(np.array(grid.numbers)) == grid
    assert Grid.from_numbers([6519.0, 6732.0, 140]) == Grid()  # as earlier versions wrote it


def test_a_spectrum_is_brought_to_it():
    wavelength = np.arange(6300.0, 6900.0, 0.1)
    flux = 2 + np.sin(wavelength / 30)
    spectrum = Spectrum("a", wavelength, flux, Medium.VACUUM)
    window = prepare(spectrum, GRID, None)
    np.testing.assert_allclose(window, 2 + np.sin(GRID.wavelength / 30), atol=1e-4)


@pytest.fixture
def pool(tmp_path):
    files = write_folder(tmp_path / "files", 12)
    given = ["--grid", "6400", "6800", "200", "--spacing", "log", "--processes", "1"]
    with pytest.raises(SystemExit) as ended:
        main(["ingest", str(files), "--out", str(tmp_path / "pool.h5"), *given])
    assert ended.value.code == 0
    return tmp_path / "pool.h5"


def test_a_pool_of_it_is_made_and_opened_on_no_other(pool):
    with open_file(pool, GRID) as group:
        assert group["spectra"].shape == (12, 200)
    with (
        pytest.raises(SpectrumError, match="Choose the grid that the pool was made for"),
        open_file(pool, Grid.of(6400.0, 6800.0, 200)),
    ):
        pass


def test_an_interrupted_ingest_is_resumed_on_the_same_spacing_alone(tmp_path, pool):
    files, out = pool.parent / "files", tmp_path / "other.h5"

    def stop(progress):
        if progress.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest([files], out, grid=GRID, progress=stop)
    with pytest.raises(SpectrumError, match="in log steps, not 6400-6800 Å × 200"):
        ingest([files], out, grid=Grid.of(6400.0, 6800.0, 200), resume=True)
    assert ingest([files], out, grid=GRID, resume=True).accepted == 12


def test_a_campaign_on_it_is_kept_and_written_again(store, pool, tmp_path):
    with open_file(pool, GRID) as group:
        flux = group["spectra"][:]
    names = ",".join(f"{one:.5f}" for one in GRID.wavelength)
    rows = [
        ",".join([f"t{i}", "odd" if i < 3 else "rest", *map(str, row.tolist())])
        for i, row in enumerate(flux)
    ]
    training = tmp_path / "training.csv"
    training.write_text("\n".join([f"id,label,{names}", *rows]), encoding="utf-8")
    classes = (OracleClass("odd", "o", "odd", is_target=True), OracleClass("rest", "r", "rest"))
    create_campaign(store, "log", training, pool, grid=GRID, classes=classes, search=Search())
    campaign = store.campaign("log")
    assert campaign.grid == GRID
    assert parse_definition(write_definition(campaign).encode(), "x").grid == GRID
    assert open_pool(store, campaign).grid == GRID
    index = store.home / "log" / "pool-index.h5"
    assert Pool(pool, index).grid == GRID
