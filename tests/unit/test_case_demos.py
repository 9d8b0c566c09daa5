"""The demo of every case: its files, their truth, whole spectra, and the campaign on it."""

import csv
import json

import h5py
import numpy as np
import pytest

from active_cnn import cli
from active_cnn.campaign.demo import DEMO_CASES, create_demo, demo_name, target_share
from active_cnn.campaign.files import open_pool
from active_cnn.campaign.sheets import make_sheets
from active_cnn.campaign.store import Store
from active_cnn.campaign.training_data import read_initial_set
from active_cnn.errors import CampaignError, SpectrumError
from active_cnn.experiment import trial
from active_cnn.experiment.plan import Arm, Survey
from active_cnn.experiment.truth import Oracle, read_truth
from active_cnn.records import Line
from active_cnn.spectra import readers
from active_cnn.spectra.preprocessing import find_defects, prepare
from active_cnn.spectra.simulation import write_case
from active_cnn.spectra.simulation.cases import CASES
from active_cnn.spectra.simulation.cases.sky import measure_detection
from active_cnn.spectra.simulation.cases.survey import draw_sources
from active_cnn.spectra.simulation.instruments import Lamost
from active_cnn.spectra.simulation.named import choose_shares, find_case

OTHERS = [name for name in CASES if name != "halpha"]
SIZES = {"pool_size": 400, "training_size": 60, "n_fits": 60}


@pytest.fixture(scope="module", params=OTHERS)
def survey(request, tmp_path_factory):
    """A small survey of a case, and its truth."""
    case = CASES[request.param]
    folder = tmp_path_factory.mktemp(case.name)
    files = write_case(folder, case, target_share=0.06, seed=3, **SIZES)
    with files.truth.open() as file:
        return case, files, list(csv.DictReader(file))


def test_the_files_have_the_window_the_labels_and_the_shares_of_the_case(survey):
    case, files, truth = survey
    with files.training.open() as file:
        header, *rows = csv.reader(file)
    np.testing.assert_allclose([float(x) for x in header[12:]], case.grid.wavelength, atol=0.001)
    assert [sum(row[1] == name for row in rows) for name in case.classes] == [55, 5]
    with h5py.File(files.pool) as file:
        (group,) = file.values()
        assert group["spectra"].shape == (400, case.grid.n)
        assert find_defects(group["spectra"][:]).sum() == 0
        names = group["filenames"].asstr()[:]
    assert [row["identifier"] for row in truth] == names.tolist()
    sought = [row for row in truth if row["label"] in case.targets]
    assert len(sought) == 24
    assert {row["kind"] for row in sought} == set(case.sought)
    assert {row["kind"] for row in truth} <= set(case.kinds)


def test_a_file_shows_the_same_window_and_star_as_its_row_of_the_pool(survey):
    case, files, _ = survey
    with h5py.File(files.pool) as file:
        (group,) = file.values()
        paths = group["path"].asstr()[:]
        rows = np.flatnonzero(paths != "")
        assert len(rows) == len(files.fits) == 60
        for row in rows:
            spectrum = readers.read(files.pool.parent / paths[row])
            np.testing.assert_allclose(
                prepare(spectrum, case.grid), group["spectra"][row], rtol=1e-5, atol=1e-3
            )
            assert spectrum.identifier == group["filenames"].asstr()[row]
            assert spectrum.designation == group["designation"].asstr()[row]
            assert spectrum.pipeline_class == group["pipeline_class"].asstr()[row]
            place = (spectrum.ra, spectrum.dec, spectrum.snr_r)
            assert place == (group["ra"][row], group["dec"][row], group["snr_r"][row])


def test_every_target_has_a_file_and_more_have_that_look_like_one(survey):
    case, files, truth = survey
    shown = {path.name.removesuffix(".gz") for path in files.fits}
    assert all(row["identifier"] in shown for row in truth if row["label"] in case.targets)
    assert len(shown) == 60


def test_a_file_goes_on_beyond_the_window_at_the_same_level(survey):
    case, files, truth = survey
    snr = {row["identifier"]: float(row["snr"]) for row in truth}
    jumps = []
    for path in files.fits:
        spectrum = readers.read(path)
        if snr[spectrum.identifier] < 30:
            continue
        # On the red side, where no star has its continuum fall as steeply as in the blue.
        edge = np.searchsorted(spectrum.wavelength, case.grid.end + 25)
        inside, outside = spectrum.flux[edge - 40 : edge], spectrum.flux[edge : edge + 40]
        jumps.append(np.median(inside) / np.median(outside))
    assert len(jumps) > 10
    assert np.abs(np.log(np.median(jumps))) < 0.1
    assert (np.abs(np.log(jumps)) < 0.4).mean() > 0.9


def test_the_uncertainties_of_a_file_are_those_of_its_noise(survey):
    # Where there are hardly any lines or airglow.
    _, files, truth = survey
    kinds = {row["identifier"]: row["kind"] for row in truth}
    ratio = []
    for path in files.fits:
        spectrum = readers.read(path)
        if spectrum.snr_r > 25 or kinds[spectrum.identifier] in ("M star", "active M dwarf"):
            continue
        calm = (spectrum.wavelength > 6050) & (spectrum.wavelength < 6290)
        noise = np.diff(spectrum.flux[calm], 2).std() / np.sqrt(6)
        ratio.append(noise * np.sqrt(spectrum.ivar[calm].mean()))
    # Neighbouring pixels share noise, which differences leave out.
    if len(ratio) > 5:
        assert 0.5 < np.median(ratio) < 1.1


def test_what_nobody_can_see_is_said_in_the_truth(survey):
    case, _, truth = survey
    for row in truth:
        sought = row["label"] in case.targets
        assert (float(row["detection"]) > 0) == sought
        assert row["is_visible"] == str(int(sought and float(row["detection"]) > 8.0))


@pytest.mark.parametrize("name", OTHERS)
def test_a_target_is_seen_the_better_the_less_noise_there_is(name):
    case = CASES[name]
    kind = np.full(100, len(case.kinds) - 1)
    sources = draw_sources(case, kind, np.random.default_rng(1))
    telescope = Lamost(case.grid)
    sources["snr"] = 20
    plain = measure_detection(sources, telescope)
    sources["snr"] = 40
    np.testing.assert_allclose(measure_detection(sources, telescope), 2 * plain, rtol=1e-4)
    sources["snr"] = 1e-3
    assert (measure_detection(sources, telescope) < 1).all()


def test_stars_are_visited_again_targets_too(tmp_path):
    case = CASES["lithium"]
    files = write_case(
        tmp_path, case, pool_size=3000, training_size=60, target_share=0.05, n_fits=0, seed=2
    )
    with files.truth.open() as file:
        rows = {row["identifier"]: row for row in csv.DictReader(file)}
    again = [row for row in rows.values() if row["identifier"] != row["first_visit"]]
    assert 0.03 < len(again) / len(rows) < 0.06
    assert any(row["label"] == "Li-rich" for row in again)
    for row in again:
        first = rows[row["first_visit"]]
        for name in ("label", "kind", "temperature", "gravity", "metallicity", "rv", "extinction"):
            assert row[name] == first[name]
    assert np.mean([row["snr"] != rows[row["first_visit"]]["snr"] for row in again]) > 0.9


def test_stars_differ_in_all_that_stars_differ_in(survey):
    _, _, truth = survey
    stars = [row for row in truth if row["kind"] in ("star", "giant", "metal-rich star")]
    spread = {
        name: np.percentile([float(row[name]) for row in stars], [5, 95])
        for name in ("temperature", "metallicity", "extinction", "rv")
    }
    assert spread["temperature"][1] > 1.5 * spread["temperature"][0]
    assert np.ptp(spread["metallicity"]) > 0.6
    assert np.ptp(spread["extinction"]) > 0.4  # magnitudes
    assert np.ptp(spread["rv"]) > 80  # km/s
    assert len({row["temperature"] for row in stars}) > 0.6 * len(stars)


def test_the_same_seed_writes_the_same_files(tmp_path):
    case = CASES["cv"]
    sizes = {"pool_size": 60, "training_size": 30, "n_fits": 5, "target_share": 0.1}
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        write_case(tmp_path / name, case, seed=seed, **sizes)
    one, again, other = (
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*") if path.is_file()}
        for name in ("one", "again", "other")
    )
    assert one == again
    assert one["pool.h5"] != other["pool.h5"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"pool_size": 0}, "pool of 0"),
        ({"training_size": 10}, "fewer than 2 Li-rich"),
        ({"target_share": 1.1}, r"share of 1\.1 target"),
        ({"target_share": float("nan")}, "share of nan"),
        ({"n_fits": 401}, "401 FITS files"),
        ({"processes": 0}, "by 0 processes"),
    ],
)
def test_sizes_and_shares_that_make_no_sense_are_refused(tmp_path, options, text):
    with pytest.raises(SpectrumError, match=text):
        write_case(tmp_path / "demo", CASES["lithium"], **SIZES | options)
    assert not (tmp_path / "demo").exists()


def test_halpha_keeps_its_own_simulator(tmp_path):
    with pytest.raises(SpectrumError, match="write_demo"):
        write_case(tmp_path, CASES["halpha"])


# Campaigns


@pytest.mark.parametrize("name", DEMO_CASES)
def test_a_demo_is_a_campaign_that_seeks_what_the_case_does(store, name):
    case = CASES[name]
    sizes = {"pool_size": 120, "training_size": 60, "shares": {}}
    campaign = create_demo(store, case=name, n_files=3, **sizes)
    assert campaign.name == demo_name(name)
    assert campaign.grid == case.grid
    assert campaign.network_classes == case.classes
    assert campaign.targets == case.targets
    assert campaign.lines == case.lines
    assert all(isinstance(line, Line) for line in campaign.lines)
    assert bool(campaign.search.lines or campaign.search.bands)
    assert {one.name for one in campaign.search.lines} <= {line.name for line in campaign.lines}
    pool = open_pool(store, campaign)
    survey = store.home / campaign.name / "survey"
    truth = read_truth(survey / "truth" / "truth.csv", campaign, pool)
    assert len(truth.labels) == pool.n == 120
    assert len(list((survey / "fits").iterdir())) == 3
    assert read_initial_set(store, campaign).windows.shape == (60, case.grid.n)


def test_the_labelling_page_has_all_of_a_target(store):
    campaign = create_demo(store, case="cv", pool_size=200, training_size=60, n_files=10)
    pool = open_pool(store, campaign)
    path = pool.metadata(np.arange(pool.n))["path"].astype(str).to_numpy()
    shown = pool.identifiers(np.flatnonzero(path != "")[:2])
    for sheet in make_sheets(store, campaign, pool, read_initial_set(store, campaign), shown):
        assert sheet["trouble"] == ""
        assert all(one["sigma"] for one in sheet["raw"])
        assert sheet["whole"]


def test_all_spectra_of_a_small_demo_have_files(store):
    campaign = create_demo(store, case="lithium", pool_size=50, training_size=30)
    assert len(list((store.home / campaign.name / "survey" / "fits").iterdir())) == 50


def test_the_lines_of_a_case_that_are_marked_lie_in_its_window():
    for case in CASES.values():
        first = case.lines[0].wavelength
        assert case.grid.start < first < case.grid.end
        inside = [case.grid.start < one.wavelength < case.grid.end for one in case.lines]
        assert np.mean(inside) > 0.8


def test_an_unknown_case_is_refused_with_the_names_that_exist(store):
    with pytest.raises(SpectrumError, match="'comet'.*halpha, lithium, carbon, cv"):
        create_demo(store, case="comet")
    assert not store.campaign_names()


def test_each_case_has_shares_of_its_own_targets_alone():
    usual = {"emission": 0.01, "double-peak": 0.003, "target": 0.02}
    halpha, lithium = find_case("halpha"), find_case("lithium")
    assert choose_shares(halpha, {"emission": 0.1}, usual) == {
        "emission": 0.1,
        "double-peak": 0.003,
    }
    assert choose_shares(lithium, {"emission": None}, usual) == {"target": 0.02}
    with pytest.raises(SpectrumError, match=r"emission.*'lithium'.*--target-share"):
        choose_shares(lithium, {"emission": 0.1}, usual)
    with pytest.raises(SpectrumError, match=r"target.*'halpha'.*--double-peak-share"):
        choose_shares(halpha, {"target": 0.1}, usual)
    assert target_share("halpha") == pytest.approx(0.013)


def test_the_demos_of_two_cases_live_side_by_side(store):
    for name in ("halpha", "lithium"):
        create_demo(store, case=name, pool_size=60, training_size=40, n_files=0)
    assert set(store.campaign_names()) == {"demo", "demo-lithium"}
    with pytest.raises(CampaignError, match="already"):
        create_demo(store, case="lithium", pool_size=60, training_size=40, n_files=0)


# The command line


@pytest.fixture
def run(capsys):
    """Run a command; gives its exit status, what it said and what it complained about."""

    def run_command(*arguments):
        with pytest.raises(SystemExit) as ended:
            cli.main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return run_command


def test_the_command_makes_the_demo_of_a_case(tmp_path, run):
    sizes = ("--pool-size", 60, "--training-size", 40, "--files", 4, "--target-share", 0.1)
    assert run("demo", "--home", tmp_path, "--case", "carbon", *sizes)[0] == 0
    status, said, _ = run("status", "--home", tmp_path, "--json")
    assert status == 0
    assert json.loads(said)["campaign"] == "demo-carbon"
    survey = tmp_path / "demo-carbon" / "survey"
    assert len(list((survey / "fits").iterdir())) == 4
    assert (survey / "truth" / "truth.csv").read_text().count(",carbon,") == 6


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--case", "comet"], "halpha"),
        (["--case", "cv", "--double-peak-share", "0.1"], "--target-share"),
        (["--target-share", "0.1"], "--emission-share"),
        (["--case", "cv", "--target-share", "2"], "not between 0 and 1"),
        (["--case", "cv", "--pool-size", "20", "--files", "21"], "ask for 0 to 20"),
    ],
)
def test_what_a_case_does_not_know_is_refused_in_one_line(tmp_path, run, arguments, text):
    status, said, complaint = run("demo", "--home", tmp_path / "h", *arguments)
    assert status != 0
    assert said == ""
    assert complaint.count("\n") == 1
    assert text in complaint
    assert not list(tmp_path.glob("h/demo*/*"))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--case", "comet"], "halpha"),
        (["--case", "cv", "--emission-share", "0.1"], "--target-share"),
        (["--target-share", "0.1"], "--double-peak-share"),
        (["--training", "a", "--pool", "b", "--truth", "c", "--pool-size", "9"], "--pool-size 9"),
        (["--training", "a", "--pool", "b", "--truth", "c", "--target-share", "0.5"],
         "--target-share 0.5"),
    ],
)  # fmt: skip
def test_a_comparison_that_a_case_does_not_know_is_refused(tmp_path, run, arguments, text):
    status, _, complaint = run("simulate", "--out", tmp_path / "out", *arguments)
    assert status != 0
    assert complaint.count("\n") == 1
    assert text in complaint
    assert not (tmp_path / "out").exists()


def test_a_rehearsal_seeks_what_its_case_does(tmp_path, monkeypatch):
    case = CASES["lithium"]
    files = write_case(tmp_path / "survey", case, **SIZES | {"n_fits": 0})
    survey = Survey(files.training, files.pool, files.truth, case.name)
    rehearsal = trial.Trial(Arm("random"), 1, survey, Oracle(), tmp_path / "out")
    monkeypatch.setattr(trial, "_train", lambda *_: None)
    trial.begin(rehearsal)
    with Store(tmp_path / "out" / "starts" / rehearsal.start_key) as store:
        campaign = store.campaign()
    assert campaign.grid == case.grid
    assert campaign.targets == case.targets
