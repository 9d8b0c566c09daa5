"""The resolving power of a pool: what ingest brings to it, refuses, marks, leaves and says."""

from dataclasses import asdict
from itertools import pairwise

import h5py
import numpy as np
import pytest
from astropy.io import fits

from active_cnn.cli import main
from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.spectra import ingest as ingest_module
from active_cnn.spectra.ingest import ingest
from active_cnn.spectra.joining import read_report
from active_cnn.spectra.limits import LIMITS
from active_cnn.spectra.pool import Pool, index_pool
from active_cnn.spectra.pool_file import open_pool
from active_cnn.spectra.pool_index import find_resolution
from active_cnn.spectra.preprocessing import prepare
from active_cnn.spectra.readers import read
from active_cnn.spectra.resolving_power import (
    AS_IS,
    NOT_STATED,
    Blurrier,
    PoolResolution,
    write_resolution,
)
from active_cnn.spectra.shards import write_manifest
from tests.lamost_files import write_spectrum

GRID = Grid.of(6519.0, 6732.0, 2000)
LINE = 6620.0
FWHM_PER_SIGMA = 2.35482
OF_1800, MARKING = PoolResolution(1800.0), PoolResolution(1800.0, Blurrier.MARK)


def write_line(path, resolving_power, *, is_stated=True, step=0.05):
    """Write an emission line that is as narrow as the instrument can show it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    wavelength = np.arange(6400.0, 6850.0, step)
    sigma = LINE / resolving_power / FWHM_PER_SIGMA
    flux = 1 + np.exp(-0.5 * ((wavelength - LINE) / sigma) ** 2)
    hdu = fits.PrimaryHDU(flux)
    hdu.header.update(CRVAL1=wavelength[0], CRPIX1=1, CDELT1=step, CTYPE1="WAVE", CUNIT1="Angstrom")
    if is_stated:
        hdu.header["SPE_RPOW"] = resolving_power
    hdu.writeto(path)
    return path


def fwhm(window):
    above = np.flatnonzero(window - 1 >= (window.max() - 1) / 2)
    return GRID.wavelength[above[-1]] - GRID.wavelength[above[0]]


def stored(path):
    """Give windows and resolving powers of a pool, and what its attributes say of these."""
    with h5py.File(path) as file:
        pool = file["pool"]
        names = pool["filenames"].asstr()[:].tolist()
        windows = dict(zip(names, pool["spectra"][:], strict=True))
        powers = dict(zip(names, pool["resolving_power"][:].tolist(), strict=True))
        said = {name: one for name, one in pool.attrs.items() if name not in asdict(LIMITS)}
        return windows, powers, said


def as_of_an_earlier_version(path):
    with h5py.File(path, "r+") as file:
        for name in list(file["pool"].attrs):
            del file["pool"].attrs[name]
        del file["pool/resolving_power"]


@pytest.fixture
def sharp(tmp_path):
    return write_line(tmp_path / "in" / "sharp.fits", 13_000.0)


@pytest.mark.parametrize("resolving_power", [1800.0, 5000.0, 13_000.0])
def test_nothing_is_degraded_unless_it_is_asked_for(tmp_path, resolving_power):
    path = write_line(tmp_path / "a.fits", resolving_power)
    report = ingest([path], tmp_path / "pool.h5", grid=GRID)
    windows, powers, attributes = stored(tmp_path / "pool.h5")
    assert fwhm(windows["a.fits"]) == pytest.approx(LINE / resolving_power, rel=0.02, abs=0.2)
    assert powers == {"a.fits": resolving_power}
    assert attributes == {"resolving_power": "as-is"}
    assert report.powers.describe() == (
        f"Resolving power as-is: nothing was degraded. R is {resolving_power:.0f}."
    )


@pytest.mark.parametrize("wanted", [500.0, 1800.0, 6000.0])
def test_a_sharper_spectrum_is_brought_to_the_width_of_a_line_that_is_asked_for(
    sharp, tmp_path, wanted
):
    report = ingest([sharp], tmp_path / "pool.h5", grid=GRID, resolution=PoolResolution(wanted))
    windows, powers, attributes = stored(tmp_path / "pool.h5")
    assert fwhm(windows["sharp.fits"]) == pytest.approx(LINE / wanted, rel=0.02, abs=0.2)
    assert powers == {"sharp.fits": 13_000.0}
    assert attributes == {"resolving_power": wanted, "blurrier": "refuse"}
    assert report.powers.describe() == (
        f"Resolving power: 1 spectra were brought from up to R = 13000 to R = {wanted:g}."
    )


def test_a_blurrier_spectrum_is_refused_with_both_resolving_powers(sharp, tmp_path):
    write_line(sharp.parent / "blurred.fits", 200.0)
    write_line(sharp.parent / "about.fits", 1750.0)
    report = ingest([sharp.parent], tmp_path / "pool.h5", grid=GRID, resolution=OF_1800)
    assert (report.accepted, report.reasons) == (2, {"is blurrier than the pool": 1})
    with h5py.File(tmp_path / "pool.h5") as file:
        (reason,) = file["refused/reason"].asstr()[:]
    assert reason == "is blurrier than the pool: R = 200, the pool's is R = 1800"
    assert report.powers.n_blurrier == 0


def test_a_blurrier_spectrum_is_marked_where_that_is_asked_for(sharp, tmp_path):
    write_line(sharp.parent / "blurred.fits", 200.0)
    report = ingest([sharp.parent], tmp_path / "pool.h5", grid=GRID, resolution=MARKING)
    windows, powers, attributes = stored(tmp_path / "pool.h5")
    assert powers == {"sharp.fits": 13_000.0, "blurred.fits": 200.0}
    assert fwhm(windows["blurred.fits"]) == pytest.approx(LINE / 200.0, rel=0.02)
    assert attributes == {"resolving_power": 1800.0, "blurrier": "mark"}
    assert "1 are blurrier, down to R = 200, and marked" in report.powers.describe()
    assert read_report(tmp_path / "pool.h5") == report


def test_a_spectrum_of_unknown_resolving_power_is_taken_counted_and_said(sharp, tmp_path):
    write_line(sharp.parent / "unknown.fits", 200.0, is_stated=False)
    for resolution, said in (
        (AS_IS, "Of 1 spectra it is not known."),
        (OF_1800, "Of 1 spectra it is not known: two pixels a FWHM were taken for it."),
    ):
        out = tmp_path / f"{resolution.text}.h5"
        report = ingest([sharp.parent], out, grid=GRID, resolution=resolution)
        assert (report.accepted, report.powers.n_unknown) == (2, 1)
        assert report.powers.describe().endswith(said)
        assert np.isnan(stored(out)[1]["unknown.fits"])


@pytest.mark.parametrize("fast", [True, False])
def test_lamost_s_low_resolution_is_brought_down_the_fast_way_and_the_general_one(tmp_path, fast):
    path = write_spectrum(tmp_path / "a.fits", **({} if fast else {"BSCALE": 1.0}))
    lamost = Grid.of(n=140)
    ingest([path], tmp_path / "same.h5", grid=lamost, resolution=OF_1800)
    ingest([path], tmp_path / "as-is.h5", grid=lamost)
    ingest([path], tmp_path / "lower.h5", grid=lamost, resolution=PoolResolution(900.0))
    same, as_is, lower = (
        stored(tmp_path / f"{n}.h5")[0]["a.fits"] for n in ("same", "as-is", "lower")
    )
    np.testing.assert_array_equal(same, as_is)
    np.testing.assert_array_equal(lower, prepare(read(path), lamost, 900.0).astype(np.float32))
    assert np.ptp(lower) < np.ptp(same) / 1.3


def test_the_gap_that_is_bridged_is_one_resolution_element_of_the_pool(tmp_path):
    wavelength = np.arange(6400.0, 6850.0, 0.05)
    kept = (wavelength < 6600) | (wavelength > 6602)  # 2 Å: the element at R = 3300
    flux = np.random.default_rng(1).normal(1, 0.01, wavelength.size)
    columns = [
        fits.Column("WAVELENGTH", "D", unit="Angstrom", array=wavelength[kept]),
        fits.Column("FLUX", "D", array=flux[kept]),
    ]
    table = fits.BinTableHDU.from_columns(columns)
    table.header.update(SPE_RPOW=13_000.0, VACUUM=True)
    table.writeto(tmp_path / "a.fits")
    spectrum = read(tmp_path / "a.fits")
    assert spectrum.resolving_power == 13_000.0
    for resolving_power in (1800.0, 3000.0):
        assert np.isfinite(prepare(spectrum, GRID, resolving_power)).all()
    for resolving_power, most in ((4000.0, 1.6), (None, 0.5)):  # ten steps of the axis at least
        with pytest.raises(SpectrumError, match=f"at most {most} Å are bridged"):
            prepare(spectrum, GRID, resolving_power)


def interrupted(monkeypatch, *arguments, **options):
    def stop(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(ingest_module, "BATCH", 1)
    with pytest.raises(KeyboardInterrupt):
        ingest(*arguments, grid=GRID, progress=stop, **options)


@pytest.mark.parametrize(
    ("begun", "other", "said"),
    [
        (AS_IS, OF_1800, "--pool-resolving-power as-is, not 1800"),
        (OF_1800, AS_IS, "--pool-resolving-power 1800, not as-is"),
        (OF_1800, PoolResolution(1800.5), "--pool-resolving-power 1800, not 1800.5"),
        (OF_1800, MARKING, "--blurrier refuse, not mark"),
    ],
)
def test_an_interrupted_ingest_goes_on_with_what_it_was_begun_with_alone(
    sharp, tmp_path, monkeypatch, begun, other, said
):
    write_line(sharp.parent / "second.fits", 4000.0)
    out = tmp_path / "pool.h5"
    interrupted(monkeypatch, [sharp.parent], out, resolution=begun)
    with pytest.raises(SpectrumError, match=f"was begun with {said}. Resume with that one"):
        ingest([sharp.parent], out, grid=GRID, resume=True, resolution=other)
    assert ingest([sharp.parent], out, grid=GRID, resume=True, resolution=begun).accepted == 2


def test_an_ingest_that_an_earlier_version_began_goes_on_with_1800(sharp, tmp_path, monkeypatch):
    write_line(sharp.parent / "zz.fits", 4000.0)
    out = tmp_path / "pool.h5"
    interrupted(monkeypatch, [sharp.parent], out, resolution=OF_1800)
    as_of_an_earlier_version(next((tmp_path / "pool.h5.partial").glob("part-*")))
    with pytest.raises(SpectrumError, match="--pool-resolving-power 1800, not as-is"):
        ingest([sharp.parent], out, grid=GRID, resume=True)
    report = ingest([sharp.parent], out, grid=GRID, resume=True, resolution=MARKING)
    assert (report.powers.n_unknown, report.powers.n_degraded) == (1, 1)
    assert np.isnan(stored(out)[1]["sharp.fits"])


class TestPoolsAsSources:
    @pytest.fixture
    def sources(self, tmp_path):
        for resolving_power in (13_000.0, 4000.0, 1800.0):
            write_line(tmp_path / "in" / f"{resolving_power:.0f}.fits", resolving_power)
        ingest([tmp_path / "in"], tmp_path / "as-is.h5", grid=GRID)
        return tmp_path / "as-is.h5"

    def test_as_is_into_as_is_changes_nothing(self, sources, tmp_path):
        report = ingest([sources], tmp_path / "out.h5", grid=GRID)
        before, after = stored(sources), stored(tmp_path / "out.h5")
        for name, window in before[0].items():
            np.testing.assert_array_equal(window, after[0][name])
        assert before[1:] == after[1:]
        assert report.not_stated == ()

    def test_each_sharper_row_is_brought_down_from_its_own(self, sources, tmp_path):
        report = ingest([sources], tmp_path / "out.h5", grid=GRID, resolution=OF_1800)
        windows, powers, _ = stored(tmp_path / "out.h5")
        for name in ("13000.fits", "4000.fits", "1800.fits"):
            assert fwhm(windows[name]) == pytest.approx(LINE / 1800, rel=0.02, abs=0.2)
        assert report.powers.n_degraded == 2
        # What came in once at 13000 comes from that pool at 1800.
        ingest([tmp_path / "out.h5"], tmp_path / "again.h5", grid=GRID)
        assert set(stored(tmp_path / "again.h5")[1].values()) == {1800.0}
        assert powers["13000.fits"] == 13_000.0

    def test_rows_of_a_blurrier_pool_are_refused_with_both(self, sources, tmp_path):
        ingest([sources], tmp_path / "low.h5", grid=GRID, resolution=PoolResolution(1000.0))
        with pytest.raises(SpectrumError, match=r"None of the 3 .* is blurrier than the pool"):
            ingest([tmp_path / "low.h5"], tmp_path / "no.h5", grid=GRID, resolution=OF_1800)
        both = [tmp_path / "low.h5", write_line(tmp_path / "x.fits", 5000.0)]
        report = ingest(both, tmp_path / "out.h5", grid=GRID, resolution=OF_1800)
        assert (report.accepted, report.refused) == (1, 3)
        with h5py.File(tmp_path / "out.h5") as file:
            reasons = set(file["refused/reason"].asstr()[:])
        assert reasons == {"is blurrier than the pool: R = 1000, the pool's is R = 1800"}

    def test_a_pool_that_states_nothing_is_taken_for_1800_and_named(self, sources, tmp_path):
        old = tmp_path / "old.h5"
        ingest([sources], old, grid=GRID, resolution=OF_1800)
        as_of_an_earlier_version(old)
        assert find_resolution(old, GRID) == NOT_STATED
        for resolution in (AS_IS, OF_1800):
            out = tmp_path / f"from-old-{resolution.text}.h5"
            report = ingest([old], out, grid=GRID, resolution=resolution)
            assert report.not_stated == (str(old),)
            windows, powers, _ = stored(out)
            assert set(powers.values()) == {1800.0}
            with h5py.File(old) as file:
                np.testing.assert_array_equal(list(windows.values()), file["pool/spectra"][:])
        ingest([old], tmp_path / "lower.h5", grid=GRID, resolution=PoolResolution(900.0))
        for window in stored(tmp_path / "lower.h5")[0].values():
            assert fwhm(window) == pytest.approx(LINE / 900, rel=0.02)
        with pytest.raises(SpectrumError, match="is blurrier than the pool"):
            ingest([old], tmp_path / "no.h5", grid=GRID, resolution=PoolResolution(3000.0))

    def test_a_pool_without_the_column_is_what_its_attribute_says(self, sources, tmp_path):
        with h5py.File(sources, "r+") as file:
            del file["pool/resolving_power"]
            write_resolution(file["pool"], PoolResolution(4000.0))
        report = ingest([sources], tmp_path / "out.h5", grid=GRID, resolution=OF_1800)
        assert (report.powers.n_degraded, report.powers.highest) == (3, 4000.0)


def test_all_shards_state_it_and_one_that_differs_is_named(sharp, tmp_path):
    write_line(sharp.parent / "second.fits", 4000.0)
    out = tmp_path / "shards.pool"
    report = ingest([sharp.parent], out, grid=GRID, shard_size=1, resolution=OF_1800)
    assert report.powers.n_degraded == 2
    assert find_resolution(out, GRID) == OF_1800
    index_pool(out, tmp_path / "index", GRID)
    assert Pool(out, tmp_path / "index").count_powers() == report.powers
    # One that an earlier version made counts as what it is taken for; the whole states nothing.
    as_of_an_earlier_version(tmp_path / "shards-0000.h5")
    found = find_resolution(out, GRID)
    assert (found.power, found.is_stated) == (1800.0, False)
    with h5py.File(tmp_path / "shards-0001.h5", "r+") as file:
        write_resolution(file["pool"], AS_IS)
    with pytest.raises(SpectrumError, match=r"shards-0000.h5 is of R = 1800 .*0001.h5 is as-is"):
        index_pool(out, tmp_path / "index", GRID)


def test_a_manifest_of_pools_of_two_resolving_powers_is_refused(tmp_path):
    for n, resolving_power in enumerate((1800.0, 3000.0)):
        path = write_line(tmp_path / f"{n}.fits", 13_000.0)
        resolution = PoolResolution(resolving_power)
        ingest([path], tmp_path / f"{n}.h5", grid=GRID, resolution=resolution)
    write_manifest(tmp_path / "all.pool", [(tmp_path / "0.h5", 1), (tmp_path / "1.h5", 1)])
    with pytest.raises(SpectrumError, match="must be of one resolving power"):
        index_pool(tmp_path / "all.pool", tmp_path / "index", GRID)


@pytest.mark.parametrize(
    "attributes",
    [
        {"resolving_power": 0.0},
        {"resolving_power": np.nan},
        {"resolving_power": "sharp"},
        {"resolving_power": [1800.0, 1800.0]},
        {"resolving_power": h5py.Empty("f8")},
        {"resolving_power": 1800.0, "blurrier": "keep"},
    ],
)
def test_attributes_that_cannot_be_are_refused_with_what_is_expected(sharp, tmp_path, attributes):
    ingest([sharp], tmp_path / "pool.h5", grid=GRID)
    with h5py.File(tmp_path / "pool.h5", "r+") as file:
        file["pool"].attrs.update(attributes)
    expected = "Give a number from 10 to 1000000 or 'as-is'"
    with pytest.raises(SpectrumError, match=expected), open_pool(tmp_path / "pool.h5", GRID):
        pass


@pytest.mark.parametrize("said", [1800, 1800.0, np.float32(1800), np.array([1800]), b"as-is"])
def test_attributes_may_be_written_in_any_type(sharp, tmp_path, said):
    ingest([sharp], tmp_path / "pool.h5", grid=GRID)
    with h5py.File(tmp_path / "pool.h5", "r+") as file:
        file["pool"].attrs["resolving_power"] = said
    assert find_resolution(tmp_path / "pool.h5", GRID) == (AS_IS if said == b"as-is" else OF_1800)


@pytest.mark.parametrize("power", [0.0, -1.0, np.nan, np.inf, 9.0, 1e9])
def test_a_resolving_power_that_no_pool_can_have_is_refused(power):
    with pytest.raises(SpectrumError, match="a number from 10 to 1000000, or as-is"):
        PoolResolution(power)


class TestTheCommand:
    @pytest.fixture
    def run(self, tmp_path, capsys):
        def run(*options):
            n = len(list(tmp_path.glob("*.h5")))
            with pytest.raises(SystemExit) as ended:
                main(["ingest", *map(str, options), "--out", str(tmp_path / f"{n}.h5"),
                      "--grid", "6519", "6732", "2000", "--processes", "1"])  # fmt: skip
            return ended.value.code, *capsys.readouterr()

        return run

    def test_it_says_what_was_done(self, run, sharp):
        code, said, _ = run(sharp.parent)
        assert not code
        assert "Resolving power as-is: nothing was degraded. R is 13000." in said
        write_line(sharp.parent / "blurred.fits", 200.0)
        _, said, _ = run(sharp.parent, "--pool-resolving-power", "1800")
        assert "1 spectra were brought from up to R = 13000 to R = 1800." in said
        assert "       1  is blurrier than the pool\n" in said
        options = ["--pool-resolving-power", "1800", "--blurrier", "mark"]
        _, said, _ = run(sharp.parent, *options)
        assert "1 are blurrier, down to R = 200, and marked by the column 'resolving_power'" in said
        _, said, _ = run(write_spectrum(sharp.parent / "lamost.fits"), *options)
        assert "Resolving power: R = 1800; none is known to be sharper." in said

    def test_it_names_a_pool_that_states_nothing(self, run, sharp, tmp_path):
        run(sharp)
        as_of_an_earlier_version(tmp_path / "0.h5")
        _, said, _ = run(tmp_path / "0.h5")
        assert f"{tmp_path / '0.h5'} does not state its resolving power: R = 1800 was taken" in said

    @pytest.mark.parametrize("text", ["0", "-1", "nan", "1e9", "sharp", "", "inf"])
    def test_a_bad_resolving_power_is_one_line_with_what_is_expected(self, run, sharp, text):
        code, said, complained = run(sharp, f"--pool-resolving-power={text}")
        assert (code, said, complained.count("\n")) == (2, "", 1)
        assert f"{text!r} is no resolving power" in complained
        assert "a number from 10 to 1000000, or as-is" in complained

    @pytest.mark.parametrize("options", [["--blurrier", "mark"], ["--blurrier", "keep"]])
    def test_what_means_nothing_is_refused_in_one_line(self, run, sharp, options):
        code, said, complained = run(sharp, *options)
        assert (code, said, complained.count("\n")) == (code or 1, "", 1)
        assert "--blurrier" in complained


def test_lines_get_broader_the_lower_the_resolving_power(sharp, tmp_path):
    widths = []
    for wanted in (13_000.0, 5000.0, 2000.0, 800.0):
        out = tmp_path / f"{wanted:.0f}.h5"
        ingest([sharp], out, grid=GRID, resolution=PoolResolution(wanted))
        widths.append(fwhm(stored(out)[0]["sharp.fits"]))
    assert all(after > 2 * before for before, after in pairwise(widths))
