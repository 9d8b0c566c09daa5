"""How much of a spectrum may be missing: what a pool was made with, and what follows it."""

import csv

import h5py
import numpy as np
import pytest
from astropy.io import fits

from active_cnn.campaign.overview import prepare_file
from active_cnn.cli import main
from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.query.instrumental import is_instrumental
from active_cnn.records import Medium, Spectrum
from active_cnn.spectra.batches import read_window
from active_cnn.spectra.ingest import ingest
from active_cnn.spectra.limits import LIMITS, Limits, read_limits
from active_cnn.spectra.pool_file import open_pool
from active_cnn.spectra.pool_terms import read_terms
from active_cnn.spectra.preprocessing import prepare, prepare_and_count
from active_cnn.spectra.resolving_power import PoolResolution
from active_cnn.spectra.scaling import Scaling
from active_cnn.spectra.shards import write_manifest

GRID = Grid()
AXIS = 10 ** (3.8 + 1e-4 * np.arange(420))  # 6310-6949 Å, LAMOST's steps


def spectrum(axis=AXIS, missing=(), flux=None, medium=Medium.VACUUM):
    noise = np.random.default_rng(1).normal(0, 0.01, axis.size)
    flux = np.linspace(100.0, 200.0, axis.size) + noise if flux is None else flux
    ivar = np.ones(axis.size)
    for start, end in missing:
        ivar[(axis >= start) & (axis <= end)] = 0
    return Spectrum("a", axis, flux, medium, ivar=ivar, resolving_power=1800.0)


def lamost(path, missing=(), to=9999.0):
    """Write a file of LAMOST's layout without weights in some ranges and beyond a wavelength."""
    rows = np.zeros((5, AXIS.size), np.float32)
    rows[0] = np.random.default_rng(3).normal(1000, 30, AXIS.size)
    rows[1], rows[2] = 1, AXIS
    for start, end in (*missing, (to, 9999.0)):
        rows[:2, (start <= AXIS) & (end >= AXIS)] = 0
    hdu = fits.PrimaryHDU(rows)
    hdu.header.update(
        TELESCOP="LAMOST", COEFF0=3.8, COEFF1=1e-4, VACUUM=True, DESIG=f"J{path.stem}",
        RA=15.5, DEC=5.1, SNRR=30.0, EXTEN0="Flux, Inverse, Wavelength",
    )  # fmt: skip
    hdu.writeto(path)
    return path


@pytest.fixture
def archive(tmp_path):
    """A whole spectrum, one with a gap of 20 pixels, and one that ends within the window."""
    folder = tmp_path / "archive"
    folder.mkdir()
    lamost(folder / "whole.fits")
    lamost(folder / "gap.fits", [(6600.0, 6630.0)])
    lamost(folder / "short.fits", to=6720.0)
    return folder


WIDE = Limits(largest_gap=30.0, most_bridged=0.3, coverage=0.9)


def test_wider_gaps_are_bridged_if_that_is_asked_for():
    gap = spectrum(missing=[(6600.0, 6630.0)])
    with pytest.raises(SpectrumError, match=r"too many .* at most 1\d\.\d Å are bridged"):
        prepare(gap, GRID)
    window, n_bridged = prepare_and_count(gap, GRID, limits=Limits(largest_gap=30.0))
    assert n_bridged == 20
    np.testing.assert_allclose(window, prepare(spectrum(), GRID), atol=0.1)


def test_fewer_or_more_pixels_are_bridged_if_that_is_asked_for():
    some = spectrum(missing=[(at, at + 6) for at in range(6530, 6720, 30)])
    assert prepare_and_count(some, GRID, limits=LIMITS)[1] > 15
    with pytest.raises(SpectrumError, match="at most 10 % are bridged"):
        prepare(some, GRID, limits=Limits(most_bridged=0.1))
    with pytest.raises(SpectrumError, match="at most 0 % are bridged"):
        prepare(spectrum(missing=[(6600.0, 6600.9)]), GRID, limits=Limits(most_bridged=0.0))


@pytest.mark.parametrize("medium", Medium)
@pytest.mark.parametrize("power", [None, 1000.0])
def test_what_a_spectrum_does_not_cover_gets_its_nearest_value_and_is_counted(medium, power):
    ends_early = spectrum(AXIS[AXIS < 6720.0], medium=medium)
    with pytest.raises(SpectrumError, match="not the whole window"):
        prepare(ends_early, GRID, power)
    window, n = prepare_and_count(ends_early, GRID, power, Limits(coverage=0.9))
    assert 7 <= n <= 9
    assert np.isfinite(window).all()
    assert len(set(window[-n:])) == 1
    assert (np.diff(window[: -n - 1]) > 0).all()
    with pytest.raises(SpectrumError, match=r"13\d of the 140 .* at least 99 % are asked for"):
        prepare(ends_early, GRID, power, Limits(coverage=0.99))


def test_a_spectrum_beside_the_window_covers_none_of_it():
    for axis in (AXIS[AXIS < 6500.0], AXIS[AXIS > 6750.0]):
        with pytest.raises(SpectrumError, match="not the whole window"):
            prepare(spectrum(axis), GRID, limits=Limits(coverage=0.1))
    with pytest.raises(SpectrumError):
        prepare(spectrum(AXIS[AXIS < 6525.0]), GRID, limits=Limits(coverage=0.5))


def test_values_that_end_within_the_window_are_filled_as_a_spectrum_that_ends_there():
    flux = np.where(AXIS < 6720.0, spectrum().flux, 0.0)
    weightless = spectrum(flux=flux, missing=[(6720.0, 9999.0)])
    whole = spectrum(AXIS[AXIS < 6720.0], flux=flux[AXIS < 6720.0])
    limits = Limits(coverage=0.9)
    for one, other in zip(
        prepare_and_count(weightless, GRID, None, limits),
        prepare_and_count(whole, GRID, None, limits),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_a_pool_says_its_limits_and_what_they_let_in(archive, tmp_path, capsys):
    strict = ingest([archive], tmp_path / "strict.h5")
    assert (strict.accepted, strict.refused) == (1, 2)
    with pytest.raises(SystemExit, match="0"):
        main(["ingest", str(archive), "--out", str(tmp_path / "wide.h5"), "--largest-gap", "30",
              "--most-bridged", "0.3", "--coverage", "0.9"])  # fmt: skip
    said = capsys.readouterr().out
    assert "gaps of 30 steps at most, and of up to 30 % of a window; 90 % of each window" in said
    with open_pool(tmp_path / "wide.h5", GRID) as group:
        assert read_limits(group) == WIDE
        bridged = dict(zip(group["filenames"].asstr(), group["bridged"], strict=True))
    assert bridged["whole.fits"] == 0
    assert bridged["gap.fits"] == 20
    assert 7 <= bridged["short.fits"] <= 9


def test_what_is_prepared_for_a_pool_follows_its_limits(archive, tmp_path):
    pool = tmp_path / "wide.h5"
    ingest([archive], pool, resolution=PoolResolution(limits=WIDE))
    _, resolution = read_terms(pool)
    assert resolution.limits == WIDE
    with h5py.File(pool) as file:
        expected = dict(zip(file["pool/filenames"].asstr(), file["pool/spectra"], strict=True))
    for name, flux in expected.items():
        window, _ = read_window(archive / name, GRID, resolution=resolution)
        np.testing.assert_array_equal(window.astype(np.float32), flux)
    prepared = prepare_file(archive / "short.fits", Scaling(), resolution)
    assert any("where the spectrum does not reach, given its nearest" in x for x in prepared.steps)
    labels = tmp_path / "labels.csv"
    labels.write_text("identifier,label\nshort.fits,a\nwhole.fits,b\n")
    given = ["training-set", "--labels", str(labels), str(archive), "--out"]
    with pytest.raises(SystemExit, match="0"):
        main([*given, str(tmp_path / "training.csv"), "--pool", str(pool)])
    with (tmp_path / "training.csv").open() as file:
        assert {row["id"] for row in csv.DictReader(file)} == {"short.fits", "whole.fits"}
    with pytest.raises(SystemExit, match="1"):
        main([*given, str(tmp_path / "b.csv"), "--pool", str(pool), "--coverage", "0.5"])


def test_an_interrupted_pool_is_resumed_with_its_own_limits_only(archive, tmp_path):
    out = tmp_path / "pool.h5"

    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest([archive], out, resolution=PoolResolution(limits=WIDE), progress=interrupt)
    with pytest.raises(SpectrumError, match=r"begun with --largest-gap 30, not 10\. Resume with"):
        ingest([archive], out, resume=True)
    assert ingest([archive], out, resume=True, resolution=PoolResolution(limits=WIDE)).accepted == 3


def test_shards_have_one_set_of_limits(archive, tmp_path):
    for name, limits in (("a", WIDE), ("b", LIMITS)):
        ingest(
            [archive / "whole.fits"],
            tmp_path / f"{name}.h5",
            resolution=PoolResolution(limits=limits),
        )
    write_manifest(tmp_path / "both.pool", [(tmp_path / "a.h5", 1), (tmp_path / "b.h5", 1)])
    with pytest.raises(SpectrumError, match="one set of limits"):
        read_terms(tmp_path / "both.pool")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("largest_gap", 0.0, "largest_gap cannot be 0: give steps of the axis, a number from 2"),
        ("most_bridged", -0.1, "most_bridged cannot be -0.1: give a share, a number from 0 to 1"),
        ("most_bridged", 1.5, "cannot be 1.5"),
        ("coverage", 0.0, "coverage cannot be 0: give a share, a number from above 0 to 1"),
        ("coverage", np.nan, "cannot be nan"),
        ("coverage", "most", "cannot be 'most': give a number"),
        ("coverage", [0.5, 0.5], "give a number"),
    ],
)
def test_damaged_limits_of_a_pool_are_named(archive, tmp_path, name, value, words):
    pool = tmp_path / "pool.h5"
    ingest([archive / "whole.fits"], pool)
    with h5py.File(pool, "r+") as file:
        file["pool"].attrs[name] = value
    with pytest.raises(SpectrumError, match=words) as refused:
        read_terms(pool)
    assert str(pool) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_pool_of_an_earlier_version_has_the_usual_limits(archive, tmp_path):
    pool = tmp_path / "pool.h5"
    ingest([archive / "whole.fits"], pool)
    with h5py.File(pool, "r+") as file:
        for name in ("largest_gap", "most_bridged", "coverage"):
            del file["pool"].attrs[name]
    assert read_terms(pool)[1].limits == LIMITS


@pytest.mark.parametrize("given", ["0", "-1", "2", "nan", "much"])
def test_the_command_refuses_what_is_no_coverage(archive, tmp_path, capsys, given):
    with pytest.raises(SystemExit):
        main(["ingest", str(archive), "--out", str(tmp_path / "a.h5"), f"--coverage={given}"])
    assert "--coverage" in capsys.readouterr().err
    assert not (tmp_path / "a.h5").exists()


def test_filled_ends_are_no_defect_of_the_instrument():
    axis = GRID.wavelength
    flux = 1 + 0.3 * np.exp(-0.5 * ((axis - 6564.6) / 5) ** 2)
    flux += np.random.default_rng(2).normal(0, 0.02, axis.size)
    flux[-9:] = flux[-9]
    assert is_instrumental(flux[None], axis).all()
    assert not is_instrumental(flux[None], axis, has_filled_ends=True).any()
    flux[60:66] = flux[60]
    assert is_instrumental(flux[None], axis, has_filled_ends=True).all()
