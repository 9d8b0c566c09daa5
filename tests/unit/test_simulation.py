"""The demo survey: its files, the truth that it states, and whether its lines look like lines."""

import csv
from collections import Counter
from dataclasses import replace

import h5py
import numpy as np
import pytest
from astropy.io import fits

from active_cnn.engine import open_engine
from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.spectra import readers, sky
from active_cnn.spectra.pool import Pool, index_pool
from active_cnn.spectra.preprocessing import find_defects, prepare
from active_cnn.spectra.simulation import exposures, instruments, write_demo
from active_cnn.spectra.simulation import survey as survey_module
from active_cnn.spectra.simulation.choice import Judge
from active_cnn.spectra.simulation.exposures import simulate_pool, simulate_training
from active_cnn.spectra.simulation.lines import HALPHA, HELIUM, NII
from active_cnn.spectra.simulation.population import POOL, draw
from active_cnn.spectra.simulation.stars import Kind, no_sources, render
from active_cnn.spectra.simulation.visibility import look
from active_cnn.spectra.simulation.visits import first_visits
from active_cnn.spectra.wavelength import SPEED_OF_LIGHT

GRID = Grid()
X = GRID.wavelength
ABSORPTION, EMISSION, DOUBLE_PEAK = range(3)


def labels(label, n):
    return np.full(n, label, dtype=np.int8)


def near(wavelength, centre, reach):
    return np.abs(wavelength - centre) < reach


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    return write_demo(
        tmp_path_factory.mktemp("demo"),
        pool_size=600,
        training_size=200,
        emission_share=0.05,
        double_peak_share=0.02,
        n_fits=12,
        seed=7,
    )


@pytest.fixture(scope="module")
def truth(survey):
    with survey.truth.open() as file:
        return list(csv.DictReader(file))


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


# Files


def test_the_same_seed_writes_the_same_files_and_another_one_does_not(tmp_path):
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        write_demo(tmp_path / name, pool_size=50, training_size=30, n_fits=3, seed=seed)
    one, again, other = (contents(tmp_path / name) for name in ("one", "again", "other"))
    assert one == again
    assert one["training.csv"] != other["training.csv"]
    assert one["pool.h5"] != other["pool.h5"]


def test_the_number_of_processes_changes_nothing_in_the_files(tmp_path, monkeypatch):
    monkeypatch.setattr(survey_module, "FEW", 0)
    for processes in (1, 2):
        write_demo(
            tmp_path / str(processes),
            pool_size=survey_module.BLOCK + 300,
            training_size=30,
            n_fits=3,
            processes=processes,
        )
    one, two = (contents(tmp_path / name) for name in ("1", "2"))
    assert one == two
    assert len(one) == 6


def test_a_survey_is_simulated_with_one_process_where_that_is_sooner(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        survey_module,
        "open_engine",
        lambda processes: asked.append(processes) or open_engine(processes=processes),
    )
    write_demo(tmp_path, pool_size=50, training_size=30, n_fits=0, processes=8)
    assert asked == [1]


def test_no_unfinished_file_is_left_behind(survey):
    assert not list(survey.pool.parent.rglob("*.tmp"))


def test_the_training_csv_has_the_columns_and_the_shares_of_the_archive(survey):
    with survey.training.open() as file:
        header, *rows = csv.reader(file)
    assert ",".join(header[:12]) == (
        "id,label,object,ra,dec,expval,gratang,detector,chipid,specfilt,date-obs,dichmir"
    )
    np.testing.assert_allclose([float(name) for name in header[12:]], X, atol=0.001)
    assert len({row[0] for row in rows}) == len(rows) == 200
    count = [sum(row[1] == label for row in rows) for label in exposures.LABELS]
    assert count == [94, 82, 24]
    flux = np.array([[float(value) for value in row[12:]] for row in rows])
    assert not find_defects(flux).any()


def test_the_pool_has_the_layout_of_the_archive_and_one_name_a_row(survey):
    with h5py.File(survey.pool) as file:
        assert list(file) == ["lamost_dr2"]
        group = file["lamost_dr2"]
        assert group["spectra"].shape == (600, 140)
        assert group["spectra"].dtype == np.float32
        np.testing.assert_array_equal(group["wavelengths"][:], X)
        names = group["filenames"].asstr()[:]
        assert len(set(names)) == 600
        assert all(name.startswith("spec-") and name.endswith(".fits") for name in names)
        assert np.isfinite(group["spectra"][:]).all()
        assert ((group["ra"][:] >= 0) & (group["ra"][:] < 360)).all()
        assert (np.abs(group["dec"][:]) <= 90).all()
        assert ((group["snr_r"][:] >= 2) & (group["snr_r"][:] <= 200)).all()
        designations = group["designation"].asstr()[:]
        assert all(name.startswith("LAMOST J") for name in designations)


def test_the_truth_names_every_row_of_the_pool_and_keeps_the_shares(survey, truth):
    with h5py.File(survey.pool) as file:
        names = file["lamost_dr2/filenames"].asstr()[:]
    assert [row["identifier"] for row in truth] == names.tolist()
    count = {label: sum(row["label"] == label for row in truth) for label in exposures.LABELS}
    assert (count["emission"], count["double-peak"]) == (30, 12)
    assert survey.truth.parent != survey.pool.parent


def test_a_fits_file_shows_the_same_window_and_star_as_its_row_of_the_pool(survey):
    with h5py.File(survey.pool) as file:
        group = file["lamost_dr2"]
        paths = group["path"].asstr()[:]
        rows = np.flatnonzero(paths != "")
        assert {survey.pool.parent / path for path in paths[rows]} == set(survey.fits)
        assert len(survey.fits) == 12
        for row in rows:
            spectrum = readers.read(survey.pool.parent / paths[row])
            np.testing.assert_allclose(
                prepare(spectrum, GRID), group["spectra"][row], rtol=1e-6, atol=1e-3
            )
            assert spectrum.identifier == group["filenames"].asstr()[row]
            assert spectrum.designation == group["designation"].asstr()[row]
            assert spectrum.pipeline_class == group["pipeline_class"].asstr()[row]
            place = (spectrum.ra, spectrum.dec, spectrum.snr_r)
            assert place == (group["ra"][row], group["dec"][row], group["snr_r"][row])


def test_a_fits_file_is_laid_out_as_lamost_does(survey):
    with fits.open(survey.fits[0]) as hdus:
        hdus.verify("exception")
        header, data = hdus[0].header, hdus[0].data
    assert data.shape == (5, 3909)
    wavelength = 10 ** (header["COEFF0"] + header["COEFF1"] * np.arange(3909))
    np.testing.assert_allclose(data[2], wavelength, rtol=1e-6)
    assert (data[1] > 0).all()
    assert header["TELESCOP"] == "LAMOST"
    assert survey.fits[0].name.endswith(".fits.gz")
    assert "simulated" in header.comments["AUTHOR"].lower()


def test_no_page_of_the_survey_is_named_for_what_it_has_not_seen(survey):
    assert {readers.read(path).page for path in survey.fits} == {""}


def test_targets_have_files_first_then_what_looks_like_one(survey, truth):
    known = {row["identifier"]: row for row in truth}
    shown = [known[path.name.removesuffix(".gz")] for path in survey.fits]
    others = [row for row in shown if row["label"] not in ("emission", "double-peak")]
    assert len(shown) - len(others) == 6  # half of them, as long as there are as many
    # Ordinary stars are nine tenths of the pool.
    assert sum(row["label"] == "noise" or row["kind"] != "star" for row in others) >= 3


def test_every_target_and_every_other_visit_of_it_has_a_file(tmp_path):
    files = write_demo(
        tmp_path, pool_size=3000, training_size=40, emission_share=0.05, n_fits=800, seed=5
    )
    with files.truth.open() as file:
        rows = list(csv.DictReader(file))
    shown = {path.name.removesuffix(".gz") for path in files.fits}
    assert len(shown) == 800
    targets = [row for row in rows if row["label"] in ("emission", "double-peak")]
    assert {row["identifier"] for row in targets} <= shown
    assert any(row["identifier"] != row["first_visit"] for row in targets)
    by_kind = {
        kind: np.mean([row["identifier"] in shown for row in rows if row["kind"] == kind])
        for kind in ("star", "quasar", "galaxy")
    }
    assert by_kind["galaxy"] > 2 * by_kind["star"]
    assert by_kind["quasar"] > 2 * by_kind["star"]


def test_blocks_do_not_show_in_the_files(tmp_path):
    sizes = []
    write_demo(
        tmp_path,
        pool_size=survey_module.BLOCK + 100,
        training_size=30,
        n_fits=0,
        progress=lambda done, total: sizes.append((done, total)),
    )
    total = survey_module.BLOCK + 130
    assert sizes == [(30, total), (survey_module.BLOCK + 30, total), (total, total)]
    with h5py.File(tmp_path / "pool.h5") as file:
        assert (np.abs(file["lamost_dr2/spectra"][:]).sum(axis=1) > 0).mean() > 0.99


# Visits


@pytest.fixture(scope="module")
def revisited(tmp_path_factory):
    """A pool of two plates, and its truth."""
    folder = tmp_path_factory.mktemp("revisited")
    survey = write_demo(
        folder,
        pool_size=survey_module.BLOCK + 1500,
        training_size=30,
        emission_share=0.06,
        double_peak_share=0.03,
        n_fits=0,
        seed=3,
    )
    index_pool(survey.pool, folder / "index", GRID)
    with survey.truth.open() as file:
        return Pool(survey.pool, folder / "index"), list(csv.DictReader(file))


def test_a_twentieth_of_the_pool_are_second_and_third_visits_of_its_stars(revisited):
    _, truth = revisited
    visits = Counter(row["first_visit"] for row in truth)
    n_further = sum(row["identifier"] != row["first_visit"] for row in truth)
    assert 0.04 < n_further / len(truth) < 0.06
    assert set(visits.values()) == {1, 2, 3}
    count = Counter(row["label"] for row in truth)
    assert (count["emission"], count["double-peak"]) == (330, 165)
    for label in ("emission", "double-peak"):
        assert any(row["label"] == label and visits[row["first_visit"]] > 1 for row in truth)


def test_the_visits_of_a_star_agree_on_what_it_is_and_where(revisited):
    pool, truth = revisited
    rows = {row["identifier"]: row for row in truth}
    known = pool.metadata(np.arange(pool.n)).set_index("identifier")
    stars = set()
    for row in truth:
        first = rows[row["first_visit"]]
        assert first["first_visit"] == first["identifier"]
        for name in ("kind", "temperature", "rv", "vsini", "ew", "fwhm"):
            assert row[name] == first[name]
        one, other = (known.loc[visit["identifier"]] for visit in (row, first))
        assert one["designation"] == other["designation"]
        assert sky.separation(one["ra"], one["dec"], other["ra"], other["dec"]) < 0.5
        interesting = {"emission", "double-peak"} & {row["label"], first["label"]}
        assert not interesting or row["label"] == first["label"]
        stars.add(one["designation"])
    assert len(stars) == len({row["first_visit"] for row in truth})


def test_the_visits_of_a_star_differ_in_noise_signal_and_night(revisited):
    pool, truth = revisited
    pairs = [
        (row["first_visit"], row["identifier"])
        for row in truth
        if row["identifier"] != row["first_visit"]
    ]
    first, further = (pool.rows(names) for names in zip(*pairs, strict=True))
    snr = pool.column("snr_r")
    assert np.mean(snr[first] != snr[further]) > 0.95
    assert 0.2 < np.log(snr[further] / snr[first]).std() < 0.6
    assert not (pool.flux(first) == pool.flux(further)).all(axis=1).any()
    for one, other in pairs:
        # spec-<night>-<field>_sp<spectrograph>-<fibre>.fits
        night, field = (
            {name.split("-")[1] for name in (one, other)},
            {name.split("-", 2)[2].split("_sp")[0] for name in (one, other)},
        )
        assert (len(night), len(field)) == (2, 1)


def test_the_pool_finds_the_other_visits_that_the_truth_knows(revisited):
    pool, truth = revisited
    by_star = {}
    for row in truth:
        by_star.setdefault(row["first_visit"], []).append(row["identifier"])
    usable = set(pool.identifiers(np.flatnonzero(pool.usable)))
    again = [name for names in by_star.values() if len(names) > 1 for name in names]
    found = dict(zip(again, pool.visits(again), strict=True))
    star = {row["identifier"]: row["first_visit"] for row in truth}
    n_strangers = 0
    for name in again:
        others = set(by_star[star[name]]) & usable - {name}
        assert others <= set(found[name])
        n_strangers += len(set(found[name]) - others)
    # Of thousands of stars in a field, few lie by chance within the radius of another.
    assert n_strangers < 5


def test_visits_share_a_group_and_the_first_comes_first():
    group = np.random.default_rng(1).integers(0, 4, 3000)
    first = first_visits(group, 0.2, np.random.default_rng(2))
    assert (first <= np.arange(3000)).all()
    np.testing.assert_array_equal(first[first], first)
    np.testing.assert_array_equal(group[first], group)
    assert np.mean(first != np.arange(3000)) == pytest.approx(0.2, abs=0.03)
    assert np.bincount(first).max() == 3


def test_where_all_or_none_are_to_be_further_visits_a_star_has_three_at_most():
    rng = np.random.default_rng(3)
    np.testing.assert_array_equal(first_visits(np.zeros(9, int), 0.0, rng), np.arange(9))
    for n in range(12):
        first = first_visits(np.zeros(n, int), 1.0, rng)
        assert np.sum(first != np.arange(n)) == n // 3
        assert not n or np.bincount(first).max() <= 3


# Refusals


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"pool_size": 0}, "pool of 0"),
        ({"pool_size": -5}, "pool of -5"),
        ({"training_size": 0}, "training set of 0"),
        ({"training_size": 10}, "fewer than 2 double-peak"),
        ({"emission_share": -0.1}, "share of -0.1 emission"),
        ({"double_peak_share": 1.5}, "share of 1.5 double-peak"),
        ({"emission_share": 0.7, "double_peak_share": 0.6}, "more than 1"),
        ({"emission_share": float("nan")}, "share of nan"),
        ({"n_fits": -1}, "-1 FITS files"),
        ({"processes": 0}, "by 0 processes"),
        ({"n_fits": 21, "pool_size": 20}, "21 FITS files"),
        ({"grid": Grid.of(7000, 7200, 140)}, "7000-7200"),
        ({"grid": Grid.of(6560, 6700, 140)}, "6560-6700"),
    ],
)
def test_sizes_shares_and_grids_that_make_no_sense_are_refused(tmp_path, options, text):
    with pytest.raises(SpectrumError, match=text):
        write_demo(tmp_path / "demo", **options)
    assert not (tmp_path / "demo").exists()


def test_a_folder_that_cannot_be_written_is_an_error_that_names_it(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SpectrumError, match="file"):
        write_demo(tmp_path / "file" / "demo", pool_size=20, training_size=20, n_fits=0)


def test_another_grid_around_halpha_can_be_simulated(tmp_path):
    grid = Grid.of(6480, 6680, 100)
    survey = write_demo(tmp_path, pool_size=60, training_size=30, n_fits=4, grid=grid)
    with h5py.File(survey.pool) as file:
        assert file["lamost_dr2/spectra"].shape == (60, 100)


# Lines


def test_absorption_spectra_dip_at_halpha():
    batch = simulate_pool(labels(ABSORPTION, 500), GRID, np.random.default_rng(1))
    stars = (batch.sources["kind"] == Kind.STAR) & (batch.sources["temperature"] > 4600)
    stars &= (batch.sources["snr"] > 30) & (np.abs(batch.sources["rv"]) < 60)
    windows = batch.windows[stars]
    line = windows[:, near(X, HALPHA, 2.5)].min(axis=1)
    continuum = np.median(windows[:, near(X, HALPHA + 45, 15)], axis=1)
    assert stars.sum() > 100
    assert np.mean(line < 0.93 * continuum) > 0.99
    assert not batch.look.is_visible.any()


@pytest.mark.parametrize("simulate", [simulate_pool, simulate_training])
def test_emission_spectra_have_more_flux_at_halpha_than_beside_it(simulate):
    batch = simulate(labels(EMISSION, 200), GRID, np.random.default_rng(2))
    seen = batch.look.is_visible
    assert seen.mean() > (0.9 if simulate is simulate_pool else 0.9999)
    assert (batch.look.equivalent_width[seen] > 0).all()
    strong = seen & (batch.look.equivalent_width > 8) & (batch.sources["snr"] > 20)
    strong &= batch.look.fwhm < 15
    windows = batch.windows[strong]
    peak = windows[:, near(X, HALPHA, 8)].max(axis=1)
    assert strong.sum() > 20
    assert np.mean(peak > 1.2 * np.median(windows, axis=1)) > 0.97


@pytest.mark.parametrize("simulate", [simulate_pool, simulate_training])
def test_double_peaks_have_two_maxima_within_the_line(simulate):
    batch = simulate(labels(DOUBLE_PEAK, 100), GRID, np.random.default_rng(3))
    assert batch.look.is_double.all()
    assert (batch.look.separation > 100).all()
    clear = batch.sources["snr"] > 60
    assert clear.sum() > 15
    for window, separation in zip(batch.windows[clear], batch.look.separation[clear], strict=True):
        reach = 0.5 * separation / SPEED_OF_LIGHT * HALPHA + 12
        line = window[near(X, HALPHA, reach)]
        maxima = (line[1:-1] > line[:-2]) & (line[1:-1] >= line[2:])
        assert maxima.sum() >= 2


def test_emission_lines_are_never_labelled_single_when_they_look_double():
    batch = simulate_training(labels(EMISSION, 300), GRID, np.random.default_rng(4))
    assert not batch.look.is_double.any()


def one_star(**fields):
    star = no_sources(1)
    star["snr"] = 1000
    for name, value in fields.items():
        star[name] = value
    return star


def test_a_receding_star_has_its_lines_at_longer_wavelengths():
    fine = np.geomspace(6500, 6750, 2000)
    for rv in (-300, 0, 300):
        star = one_star(rv=rv, balmer_core=(0.6, 0.8))
        flux = render(star, fine).flux[0]
        assert fine[flux.argmin()] == pytest.approx(HALPHA * (1 + rv / SPEED_OF_LIGHT), abs=0.2)


def test_metal_lines_move_with_the_star():
    fine = np.geomspace(6500, 6750, 1200)
    still, moving = (
        render(one_star(rv=rv, opacity=np.eye(16)[0]), fine).flux[0] for rv in (0, 200)
    )
    expected = np.interp(fine / (1 + 200 / SPEED_OF_LIGHT), fine, still)
    inner = slice(50, -50)
    np.testing.assert_allclose(moving[inner], expected[inner], atol=0.03)


def test_the_equivalent_width_of_a_line_is_what_was_asked_for():
    fine = np.linspace(6450, 6700, 4000)
    for disc, velocity in ((0.0, 100), (1.0, 150), (0.6, 250)):
        star = one_star(strength=5.0, disc=disc, disc_velocity=velocity, wings=(0.2, 400))
        light = render(star, fine)
        width = np.trapezoid(light.flux[0] - light.quiet[0], fine)
        assert width == pytest.approx(5.0, rel=0.03)


def test_helium_appears_in_hot_stars_and_molecules_in_cool_ones():
    hot, cool = (
        draw(np.full(50, Kind.STAR, np.int8), types, np.random.default_rng(5), "absorption")
        for types in (_only("B"), _only("M"))
    )
    fine = np.geomspace(6500, 6760, 800)
    dip = near(fine, HELIUM, 1.5), near(fine, HELIUM + 12, 3)
    flux = render(hot, fine).flux
    assert np.mean(flux[:, dip[0]].mean(axis=1) < flux[:, dip[1]].mean(axis=1)) > 0.9
    flux = render(cool, fine).flux
    head = near(fine, 6725, 5), near(fine, 6710, 4)
    assert np.mean(flux[:, head[0]].mean(axis=1) < flux[:, head[1]].mean(axis=1)) > 0.9


def _only(letter):
    return replace(POOL, types={letter: 1.0})


def test_nebulae_have_nitrogen_lines_in_their_ratio_of_three():
    rng = np.random.default_rng(6)
    nebulae = draw(np.full(30, Kind.NEBULA, np.int8), POOL, rng, "emission")
    centre, _, height = nebulae["feature"].transpose(2, 0, 1)
    np.testing.assert_allclose(height[:, 1] / height[:, 0], 3.05, rtol=1e-4)
    np.testing.assert_allclose(centre[:, 1] / centre[:, 0], NII[1] / NII[0], rtol=1e-6)


def test_redshifted_lines_of_galaxies_keep_away_from_halpha():
    rng = np.random.default_rng(7)
    galaxies = draw(np.full(500, Kind.GALAXY, np.int8), POOL, rng, "absorption")
    strongest = galaxies["feature"][:, 0]
    assert (np.abs(strongest[:, 0] - HALPHA) > 8).all()


# Noise


@pytest.mark.parametrize("snr", [3.0, 10.0, 50.0])
def test_the_noise_scatters_as_the_stated_signal_to_noise_says(snr):
    wavelength = np.linspace(6600, 6740, 100)
    n = 2000
    grain = instruments.noise(
        wavelength, np.ones((n, 100)), np.full(n, snr), np.random.default_rng(8)
    )
    expected = np.hypot(instruments.SCATTER / snr, instruments.FLOOR)
    assert grain.std() == pytest.approx(expected, rel=0.03)
    assert abs(grain.mean()) < 0.02 * expected
    neighbours = (grain[:, 1:] * grain[:, :-1]).mean() / grain.var()
    assert 0.2 < neighbours < 0.6


def test_a_spectrum_of_the_pool_scatters_as_its_row_says():
    batch = simulate_pool(labels(ABSORPTION, 4000), GRID, np.random.default_rng(9))
    sources = batch.sources
    calm = (sources["kind"] == Kind.STAR) & (sources["temperature"] > 6500)
    calm &= sources["temperature"] < 9500
    quiet = near(X, 6640, 28)
    windows = batch.windows[calm][:, quiet]
    windows = windows[(windows != 0).all(axis=1)]
    snr = sources["snr"][calm][(batch.windows[calm][:, quiet] != 0).all(axis=1)]
    t = np.linspace(-1, 1, quiet.sum())
    smooth = np.polynomial.polynomial.polyval(t, np.polynomial.polynomial.polyfit(t, windows.T, 3))
    scatter = 1.48 * np.median(np.abs(windows - smooth), axis=1) / np.median(windows, axis=1)
    faint = snr < 20
    # Interpolation to the grid and the fitted curve take a fifth of the scatter away.
    expected = pytest.approx(0.8 * instruments.SCATTER, rel=0.15)
    assert np.median(scatter[faint] * snr[faint]) == expected


def test_cosmic_rays_and_dead_pixels_strike_few_spectra():
    flux = np.ones((5000, 160))
    instruments.add_defects(flux, 0.02, np.random.default_rng(10))
    struck = (flux != 1).any(axis=1)
    assert 0.015 < struck.mean() < 0.04
    assert (flux >= 0).all()


def test_hidden_emission_is_rare_and_marked_as_not_visible():
    batch = simulate_pool(labels(EMISSION, 600), GRID, np.random.default_rng(11))
    assert 0.0 < (~batch.look.is_visible).mean() < 0.05


# Looking


def test_a_line_below_the_noise_is_not_seen():
    star = one_star(strength=1.0)
    light = instruments.Lamost(GRID).expose(star)
    wavelength = instruments.Lamost(GRID).wavelength
    assert look(wavelength, light, np.array([200.0])).is_visible[0]
    assert not look(wavelength, light, np.array([2.0])).is_visible[0]


def test_emission_that_only_fills_an_absorption_line_is_not_seen():
    star = one_star(strength=1.0, balmer_core=(0.7, 1.2), disc=0.0, sigma=55)
    telescope = instruments.Lamost(GRID)
    assert not look(telescope.wavelength, telescope.expose(star), np.array([200.0])).is_visible[0]


def test_the_separation_of_the_peaks_is_that_of_the_disc():
    telescope = instruments.Lamost(GRID)
    star = one_star(strength=20.0, disc=1.0, disc_velocity=250)
    seen = look(telescope.wavelength, telescope.expose(star), np.array([200.0]))
    assert seen.is_double[0]
    assert seen.separation[0] == pytest.approx(500, abs=140)


# Which spectra get a file


def test_the_judge_prefers_what_looks_like_the_labelled_targets():
    rng = np.random.default_rng(3)
    known, others = (
        simulate_training(np.repeat([ABSORPTION, EMISSION], n).astype(np.int8), GRID, rng)
        for n in (60, 40)
    )
    judge = Judge(known.windows, known.label == EMISSION)
    score = judge.score(others.windows)
    assert np.mean(score[others.label == EMISSION] > np.median(score[:40])) > 0.9


def test_the_judge_puts_what_cannot_be_used_last():
    batch = simulate_training(labels(ABSORPTION, 40), GRID, np.random.default_rng(4))
    judge = Judge(batch.windows, np.arange(40) < 10)
    broken = batch.windows[:3].copy()
    broken[0], broken[1, 5] = 0, np.nan
    assert np.isneginf(judge.score(broken)).tolist() == [True, True, False]
    assert np.isneginf(judge.score(broken[:2])).all()
