"""What is written where a position is not known makes no visits, no links and no look-alikes."""

import shutil

import h5py
import numpy as np
import pytest

from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.files import open_pool
from active_cnn.campaign.overview import describe_unknown_places
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.sheets import make_sheets
from active_cnn.campaign.training_data import read_initial_set
from active_cnn.delivery.candidates import find_candidates
from active_cnn.spectra.pool import Pool, index_pool
from tests.unit.test_pool import GRID, write_pool

N = 40


def open_with_places(folder, ra, dec, **columns):
    n = len(ra)
    path = write_pool(
        folder / "pool.h5",
        filenames=[f"spec-{row:03d}" for row in range(n)],
        spectra=np.random.default_rng(1).normal(100, 5, (n, GRID.n)),
        ra=np.asarray(ra, dtype=float),
        dec=np.asarray(dec, dtype=float),
        **columns,
    )
    index_pool(path, folder / "index", GRID)
    return Pool(path, folder / "index")


def is_known(pool):
    return np.isfinite(pool.places(np.arange(pool.n))[0])


@pytest.fixture
def unplaced(store, survey, tmp_path, fill_iteration, probabilities):
    """A scored campaign on a pool whose positions are all RA 0, Dec 0."""
    path = tmp_path / "pool.h5"
    shutil.copy(survey.pool, path)
    with h5py.File(path, "r+") as file:
        (group,) = (one for one in file.values() if "spectra" in one)
        for name in ("ra", "dec"):
            group[name][:] = 0
    campaign = create_campaign(store, "unplaced", survey.training, path)
    fill_iteration(store, campaign, probabilities)
    return campaign


def test_spectra_without_a_position_are_no_visits_of_one_star(store, unplaced):
    pool = open_pool(store, unplaced)
    names = pool.identifiers(np.arange(5))
    assert pool.visits(names) == [[]] * 5
    assert len(draw_relabel_query(store, unplaced, "entropy", size=20).items) == 20


def test_an_unknown_position_is_blank_in_tables_and_has_no_links(store, unplaced):
    candidates = find_candidates(store, unplaced)
    assert len(candidates) > 10
    assert candidates[["ra", "dec"]].isna().all(axis=None)
    training = read_initial_set(store, unplaced)
    pool = open_pool(store, unplaced)
    (sheet,) = make_sheets(store, unplaced, pool, training, pool.identifiers([0]))
    assert sheet["links"] == []
    assert sheet["facts"]["ra"] is None
    assert np.isnan(pool.column("ra")).all()


def test_how_many_positions_are_not_known_is_said(store, unplaced):
    said = describe_unknown_places(store, unplaced)
    assert said.startswith(
        "The position is not known of 298 of 298 usable spectra: RA 0, Dec 0 (298)"
    )


def test_nothing_is_said_where_all_positions_are_known(store, campaign):
    assert describe_unknown_places(store, campaign) == ""


def test_each_kind_of_fill_value_is_counted(tmp_path):
    ra = np.linspace(10, 20, N)
    dec = np.linspace(-30, 30, N)
    ra[:6] = [0, 0, -1, 999, -9999, np.nan]
    dec[:6] = [0, 0, -1, 999, -9999, np.nan]
    ra[6:8], dec[6:8] = (0, 10.0), (12.0, 0)
    pool = open_with_places(tmp_path, ra, dec)
    assert is_known(pool).tolist() == [False] * 6 + [True] * (N - 6)
    assert sum(pool.unknown_places.values()) == 6
    assert pool.unknown_places["RA 0, Dec 0"] == 2
    assert pool.unknown_places["not given"] == 1


def test_the_place_of_most_of_a_pool_is_no_position(tmp_path):
    ra, dec = np.linspace(10, 20, N), np.linspace(-30, 30, N)
    ra[:25], dec[:25] = 150.5, -2.25
    pool = open_with_places(tmp_path, ra, dec)
    assert is_known(pool).tolist() == [False] * 25 + [True] * 15
    assert pool.unknown_places == {
        "RA 150.50000°, Dec −2.25000°, which many objects cannot share": 25
    }
    assert pool.visits(["spec-000"]) == [[]]
    assert np.isnan(pool.metadata(np.array([0]))["ra"][0])


def test_the_centres_of_plates_are_told_by_the_names_of_their_stars(tmp_path):
    # Four plates of ten fibres: no place is that of most of the pool.
    plate = np.repeat(np.arange(4.0), 10)
    names = [f"star {row}" for row in range(N)]
    pool = open_with_places(tmp_path, 100 + plate, 10 + plate, designation=names)
    assert not is_known(pool).any()
    assert pool.unknown_places == {"at 4 positions that many objects cannot share": N}


def test_many_visits_of_one_star_stay_visits(tmp_path):
    # An archive of two stars, each with its own name; one has most of the spectra.
    ra, names = np.repeat([14.2, 83.6], [28, 12]), np.repeat(["gam Cas", "zet Tau"], [28, 12])
    dec = np.repeat([60.7, 21.1], [28, 12])
    pool = open_with_places(tmp_path, ra, dec, designation=names.astype("S"))
    assert is_known(pool).all()
    assert len(pool.visits(["spec-000"])[0]) == 27


def test_few_spectra_of_one_star_are_its_visits_though_they_are_most_of_the_pool(tmp_path):
    pool = open_with_places(tmp_path, [14.2] * 9, [60.7] * 9)
    assert len(pool.visits(["spec-000"])[0]) == 8


def test_shared_places_are_found_in_shards_and_beyond_one_piece(tmp_path, monkeypatch):
    from active_cnn.spectra import external_sort, pool_index
    from active_cnn.spectra.shards import write_manifest

    for name, value in (("RUN", 32), ("STEP", 4)):
        monkeypatch.setattr(external_sort, name, value)
    monkeypatch.setattr(pool_index, "BLOCK", 16)
    rng = np.random.default_rng(2)
    shards = []
    for number in range(3):
        ra, dec = rng.uniform(1, 359, 100), rng.uniform(-80, 80, 100)
        ra[::2], dec[::2] = 200.0, 33.0
        path = write_pool(
            tmp_path / f"p-{number}.h5",
            filenames=[f"spec-{number}-{row}" for row in range(100)],
            spectra=rng.normal(100, 5, (100, GRID.n)),
            ra=ra,
            dec=dec,
            designation=[f"star {number} {row}" for row in range(100)],
        )
        shards.append((path, 100))
    write_manifest(tmp_path / "p.pool", shards)
    index_pool(tmp_path / "p.pool", tmp_path / "index", GRID)
    pool = Pool(tmp_path / "p.pool", tmp_path / "index")
    assert is_known(pool).tolist() == [False, True] * 150
    assert pool.visits(["spec-1-0", "spec-1-1"]) == [[], []]
