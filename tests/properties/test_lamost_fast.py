"""The fast way to LAMOST's files comes to what the general one comes to, whatever is in them."""

import gzip
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.spectra.batches import Files, read_batch
from active_cnn.spectra.limits import Limits
from active_cnn.spectra.preprocessing import prepare_and_count
from active_cnn.spectra.readers import lamost_fast, read
from active_cnn.spectra.resolving_power import AS_IS, Blurrier, PoolResolution

GRID = Grid()
N = 420
AXIS = (3.8, 1e-4)  # log10 of 6310 Å, and LAMOST's step
RESOLUTIONS = (
    AS_IS,
    PoolResolution(1800.0),
    PoolResolution(1000.0),
    PoolResolution(3000.0),
    PoolResolution(3000.0, Blurrier.MARK),
    PoolResolution(limits=Limits(largest_gap=40.0, most_bridged=0.5, coverage=0.7)),
    PoolResolution(1000.0, limits=Limits(largest_gap=2.0, most_bridged=0.02, coverage=0.9)),
)
METADATA = ("ra", "dec", "snr_r", "designation", "pipeline_class")
CARDS = {
    "TELESCOP": "LAMOST",
    "DESIG": "LAMOST J010203.04+050607.8",
    "RA": 15.51266,
    "DEC": 5.10216,
    "CLASS": "STAR",
    "SUBCLASS": "K5",
    "SNRR": 31.25,
    "VACUUM": True,
}


def flux(n=N):
    return np.random.default_rng(3).normal(1000, 30, n).astype(np.float32)


def image(third_row=True, dtype=np.float32, **cards):
    """Give a file of the layout of DR1 to DR7."""
    rows = np.zeros((5, N), dtype)
    rows[0], rows[1] = flux(), 1
    rows[2] = 10 ** (AXIS[0] + AXIS[1] * np.arange(N))
    hdu = fits.PrimaryHDU(rows)
    hdu.header.update(COEFF0=AXIS[0], COEFF1=AXIS[1], **CARDS)
    hdu.header["EXTEN0"] = "Flux, Inverse, Wavelength" if third_row else "Flux, Inverse, Nflux"
    hdu.header.update(cards)
    return hdu


def table(**cards):
    """Give a file of the layout of DR8 and later."""
    primary = fits.PrimaryHDU()
    primary.header.update({**CARDS, **cards})
    wavelength = 10 ** (AXIS[0] + AXIS[1] * np.arange(N))
    values = {"FLUX": flux(), "IVAR": np.ones(N), "WAVELENGTH": wavelength, "ANDMASK": np.zeros(N)}
    columns = [fits.Column(name, f"{N}E", array=[column]) for name, column in values.items()]
    return fits.HDUList([primary, fits.BinTableHDU.from_columns(columns, name="COADD")])


def content(hdus):
    with tempfile.TemporaryFile() as file:
        hdus.writeto(file)
        file.seek(0)
        return file.read()


def outcome(path, resolution):
    """What `read_batch` comes to, as text."""
    found = read_batch(Files((str(path),), GRID, "/nowhere", resolution=resolution))
    if found.refused:
        return found.refused[0][2]
    return repr(found.rows[0][2:-1]), found.spectra.tobytes()  # but for names and paths


def slow_outcome(path, resolution=AS_IS):
    """What the general reader comes to, as text."""
    try:
        spectrum = read(path)
        window, n_bridged = prepare_and_count(spectrum, GRID, resolution.power, resolution.limits)
        resolution.refuse_blurrier(spectrum.resolving_power)
    except SpectrumError as error:
        return " ".join(str(error).split())
    known = (getattr(spectrum, name) for name in METADATA)
    told = n_bridged, spectrum.resolving_power or np.nan, *known
    return repr(told), window.astype(np.float32).tobytes()


def assert_same_outcome(path):
    for resolution in RESOLUTIONS:
        assert outcome(path, resolution) == slow_outcome(path, resolution), resolution


def is_fast(path):
    return lamost_fast.read_stretch(str(path), GRID) is not None


KNOWN = {
    "image": image(),
    "image of DR1": image(third_row=False),
    "image of DR2": image(dtype=np.float64, SN_R=12.5),
    "unknown position": image(RA=-9999.0, DEC=-9999.0, SNRR=-9999.0),
    "position of 1950": image(RADECSYS="FK4", EQUINOX=1950.0),
    "position of a night": image(EPOCH=2011.5),
    "texts": image(DESIG="  it's, / so  ", CLASS="", SUBCLASS="a'b''c"),
    "whole numbers": image(RA=15, DEC=-5, DESIG=7),
    "table": table(),
}


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_files_of_the_known_layouts_are_read_fast_and_as_the_general_reader_does(
    tmp_path, name, packed
):
    path = tmp_path / "spec.fits"
    data = content(KNOWN[name])
    path.write_bytes(gzip.compress(data) if packed else data)
    assert is_fast(path)
    assert_same_outcome(path)
    assert isinstance(outcome(path, AS_IS), tuple)


def test_many_at_once_are_what_each_is_alone(tmp_path):
    for i, (name, hdus) in enumerate(KNOWN.items()):
        (tmp_path / f"{i}.fits").write_bytes(content(hdus))
        (tmp_path / f"{i}-bad.fits").write_bytes(content(hdus)[:-9000])
        assert name
    paths = sorted(map(str, tmp_path.iterdir()))
    together = read_batch(Files(tuple(paths), GRID, str(tmp_path)))
    alone = [read_batch(Files((path,), GRID, str(tmp_path))) for path in paths]
    assert repr(together.rows) == repr([row for one in alone for row in one.rows])
    assert together.refused == [refused for one in alone for refused in one.refused]
    assert together.spectra.tobytes() == b"".join(one.spectra.tobytes() for one in alone)


UNUSUAL = {
    "scaled": lambda: image(BSCALE=2.0),
    "in air": lambda: image(VACUUM=False),
    "another telescope": lambda: image(TELESCOP="HALE"),
    "no axis": lambda: image(COEFF1="none"),
    "another axis": lambda: image(COEFF1=1.1e-4),
    "axis that descends": lambda: image(third_row=False, COEFF0=3.842, COEFF1=-1e-4),
    "short axis": lambda: image(third_row=False, COEFF0=3.82),
    "long text": lambda: image(DESIG="x" * 100),
    "a card that astropy understands only": lambda: image(**{"HIERARCH long keyword": 1}),
    "an extension": lambda: fits.HDUList([image(), fits.ImageHDU(np.ones(3))]),
    "an image and a table": lambda: fits.HDUList([image(), table()[1]]),
    "two tables": lambda: fits.HDUList([*table(), table()[1]]),
    "no row": lambda: fits.HDUList(
        [table()[0], fits.BinTableHDU(table()[1].data[:0], name="COADD")]
    ),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_anything_unusual_is_left_to_the_general_reader(tmp_path, name):
    path = tmp_path / "spec.fits"
    path.write_bytes(content(UNUSUAL[name]()))
    assert not is_fast(path)
    assert_same_outcome(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 3e38, 1e-44])
@pytest.mark.parametrize("pixels", [slice(None), slice(10, 20), slice(200, 205), slice(130, 140)])
def test_odd_fluxes_are_accepted_and_refused_alike(tmp_path, value, pixels):
    hdu = image(third_row=False)
    hdu.data[0, pixels] = value
    path = tmp_path / "spec.fits"
    path.write_bytes(content(hdu))
    assert_same_outcome(path)


WEIGHTLESS = [slice(200, 203), slice(165, 179), slice(200, 260), slice(130, 155), slice(0, N, 4)]


@pytest.mark.parametrize("layout", ["image", "table"])
@pytest.mark.parametrize("pixels", WEIGHTLESS)
def test_pixels_without_weight_are_bridged_and_refused_alike(tmp_path, layout, pixels):
    line = 3000 * np.exp(-0.5 * ((np.arange(N) - 171.5) / 3) ** 2)
    for number, (weight, value) in enumerate(product([0, np.nan, -1], [None, np.nan, 0, 1e6])):
        hdus = image() if layout == "image" else table()
        rows = hdus.data if layout == "image" else hdus[1].data[0]
        seen, ivar = (rows[0], rows[1]) if layout == "image" else (rows["FLUX"], rows["IVAR"])
        seen += line.astype(np.float32)
        ivar[pixels] = weight
        if value is not None:
            seen[pixels] = value
        path = tmp_path / f"{number}.fits"
        hdus.writeto(path)
        assert is_fast(path)
        assert_same_outcome(path)


ORIGINALS = [content(KNOWN[name]) for name in ("image", "image of DR2", "table")]


@settings(max_examples=150, deadline=None)
@given(data=st.data(), original=st.sampled_from(ORIGINALS), packed=st.booleans())
def test_damaged_files_are_accepted_and_refused_alike(data, original, packed):
    content = bytearray(original)
    for _ in range(data.draw(st.integers(1, 3))):
        # Mostly where the cards are that mean something.
        at = data.draw(st.integers(0, 2400) | st.integers(0, len(content) - 1))
        content[at] = data.draw(st.sampled_from(b" '/=019.+-ETAZ\x00\xff") | st.integers(0, 255))
    if data.draw(st.integers(0, 4)) == 0:
        del content[data.draw(st.integers(0, len(content))) :]
    damaged = bytes(content)
    if packed:
        damaged = gzip.compress(damaged)[: data.draw(st.sampled_from([None, -1, -9]))]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "spec.fits")
        path.write_bytes(damaged)
        assert_same_outcome(path)


@given(st.binary(min_size=70, max_size=70) | st.text("0123456789 '/.+-EDTF", max_size=70))
def test_a_card_means_what_astropy_says(value):
    value = value if isinstance(value, bytes) else value.ljust(70).encode()
    card = b"RA      = " + value
    try:
        expected = fits.Card.fromstring(card).value
    except Exception as error:  # noqa: BLE001 - whatever it is, the fast reader meets the same
        with pytest.raises(type(error)):
            lamost_fast._value(card)
    else:
        found = lamost_fast._value(card)
        assert (type(found), repr(found)) == (type(expected), repr(expected))


def test_the_real_lamost_files_come_to_the_same_bit_for_bit(real_spectra):
    paths = sorted(
        path for path in real_spectra.rglob("*") if path.name.endswith((".fits", ".fits.gz"))
    )
    fast = [path for path in paths if is_fast(path)]
    assert len(fast) > 450
    together = read_batch(Files(tuple(map(str, fast)), GRID, "/"))
    accepted = iter(zip(together.rows, together.spectra, strict=True))
    refused = iter(together.refused)
    for path in fast:
        slow = slow_outcome(path)
        if isinstance(slow, str):
            assert next(refused)[2] == slow
        else:
            row, window = next(accepted)
            assert (repr(row[2:-1]), window.tobytes()) == slow
    assert next(accepted, None) is next(refused, None) is None


def test_the_real_headers_mean_what_astropy_says(real_spectra):
    cards = set()
    for path in real_spectra.rglob("spec-*.fits"):
        content = path.read_bytes()[:20_000]
        cards |= {content[at : at + 80] for at in range(0, content.find(b"END" + b" " * 77), 80)}
    cards = {card for card in cards if card[8:10] == b"= " and card.isascii()}
    assert len(cards) > 1000
    for card in cards:
        assert repr(lamost_fast._value(card)) == repr(fits.Card.fromstring(card).value)
