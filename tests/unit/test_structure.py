"""No claim of a header is believed before it is held against the file."""

import gzip
import io

import numpy as np
import pytest
from astropy.io import fits

from active_cnn.errors import SpectrumError
from active_cnn.spectra.readers import fits_file, read, structure

CARD, BLOCK = 80, 2880
FLUX = np.linspace(1, 2, 400, dtype=np.float32)


def image():
    hdu = fits.PrimaryHDU(FLUX)
    hdu.header.update(CRVAL1=6500.0, CDELT1=1.0, CRPIX1=1.0)
    return hdu


def compressed(kind="RICE_1"):
    plain = fits.PrimaryHDU(np.arange(2000, dtype=np.int16))
    plain.header.update(CRVAL1=6000.0, CDELT1=1.0, CRPIX1=1.0)
    return [fits.PrimaryHDU(), fits.CompImageHDU(plain.data, plain.header, compression_type=kind)]


def table():
    columns = [
        fits.Column("loglam", "D", array=np.log10(np.linspace(6000, 7000, 300))),
        fits.Column("flux", "E", array=np.linspace(1, 2, 300)),
    ]
    return [fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns)]


def content_of(*hdus):
    file = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(file)
    return file.getvalue()


def claiming(content, keyword, value):
    """Change the last card of that keyword."""
    at = content.rindex(keyword.ljust(8).encode() + b"= ")
    return content[:at] + f"{keyword:8}= {value:>20}".encode().ljust(CARD) + content[at + CARD :]


def refusal_of(tmp_path, content):
    path = tmp_path / "a.fits"
    path.write_bytes(content)
    with pytest.raises(SpectrumError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


IMAGE, COMPRESSED, TABLE = content_of(image()), content_of(*compressed()), content_of(*table())


@pytest.mark.parametrize(
    ("content", "keyword", "value", "reason"),
    [
        (IMAGE, "NAXIS", 10**9, "HDU 0, NAXIS is 1000000000, expected a number from 0 to 999"),
        (IMAGE, "NAXIS", -1, "HDU 0, NAXIS is -1, expected"),
        (IMAGE, "NAXIS", "1.5", "HDU 0, NAXIS is '1.5', expected a whole number"),
        (IMAGE, "NAXIS1", -400, "HDU 0, NAXIS1 is -400, expected a number from 0 on"),
        (IMAGE, "NAXIS1", 10**9, "is truncated: its data need 4000002880 bytes, it has 5760"),
        (IMAGE, "NAXIS1", 10**18, "HDU 0, its data would be 4e+18 bytes"),
        (IMAGE, "NAXIS1", "9" * 60, "HDU 0, NAXIS1 is '999"),
        (IMAGE, "BITPIX", 7, "HDU 0, BITPIX is 7, expected one of 8, 16, 32, 64, -32, -64"),
        (TABLE, "TFIELDS", 10**9, "HDU 1, TFIELDS is 1000000000, expected a number from 0 to 999"),
        (TABLE, "NAXIS2", 10**9, "is truncated: its data need 12000005760 bytes"),
        (TABLE, "PCOUNT", 10**11, "is truncated: its data need"),
        (TABLE, "PCOUNT", -1, "HDU 1, PCOUNT is -1, expected a number from 0 on"),
        (TABLE, "GCOUNT", 10**18, "HDU 1, its data would be"),
        (TABLE, "TFORM2", "'20000000E'", "its columns take 80000008 bytes a row, NAXIS1 is 12"),
        (COMPRESSED, "ZNAXIS", 10**9, "HDU 1, ZNAXIS is 1000000000, expected"),
        (COMPRESSED, "ZTILE1", 0, "HDU 1, ZTILE1 is 0, expected a number from 1 on"),
        (COMPRESSED, "ZNAXIS1", 10**9, "holds 1000000000 values, more than the 8388608"),
    ],
)
def test_an_absurd_claim_is_refused_with_its_value(content, keyword, value, reason, tmp_path):
    assert reason in refusal_of(tmp_path, claiming(content, keyword, value))


@pytest.mark.parametrize("card", ["HIERARCH NAXIS1 = 500", "NAXIS1  = 500", "naxis1= 500"])
def test_cards_that_contradict_each_other_are_refused(card, tmp_path):
    extend = fits.Card("EXTEND", True)
    content = content_of(image()).replace(str(extend).encode(), card.ljust(CARD).encode())
    assert "HDU 0, NAXIS1 is '400' and '500'" in refusal_of(tmp_path, content)


def test_spectra_of_every_layout_are_read_as_before(tmp_path):
    for i, content in enumerate((IMAGE, COMPRESSED, TABLE, content_of(*compressed("GZIP_1")))):
        for suffix, pack in (("", bytes), (".gz", gzip.compress)):
            path = tmp_path / f"{i}.fits{suffix}"
            path.write_bytes(pack(content))
            assert read(path).flux.size in (300, 400, 2000)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_header_that_does_not_end_is_read_to_a_limit(pack, tmp_path, monkeypatch):
    monkeypatch.setattr(structure, "MOST_HEADER", 3 * BLOCK)
    content = IMAGE[: 5 * CARD] + b"COMMENT".ljust(CARD) * 200 + IMAGE[5 * CARD :]
    assert "HDU 0, its header has more than 108 cards" in refusal_of(tmp_path, pack(content))
    without_end = IMAGE[:BLOCK].replace(b"END", b"   ")
    assert "HDU 0, its header has no END" in refusal_of(tmp_path, pack(without_end))


def test_a_gzipped_claim_is_judged_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(fits_file, "MOST_CONTENT", 4 * BLOCK)
    content = claiming(IMAGE, "NAXIS", 10**9) + bytes(100 * BLOCK)
    assert "NAXIS is 1000000000" in refusal_of(tmp_path, gzip.compress(content))
    content = claiming(IMAGE, "NAXIS1", 100_000) + bytes(100 * BLOCK)
    assert refusal_of(tmp_path, gzip.compress(content)).startswith("unpacks to more than the 11520")


def test_an_array_longer_than_any_spectrum_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(fits_file, "MOST_VALUES", 299)
    for content in (IMAGE, COMPRESSED, TABLE):
        assert "more than the 299 of a spectrum" in refusal_of(tmp_path, content)


def test_what_follows_the_last_hdu_is_not_looked_at(tmp_path, monkeypatch):
    path = tmp_path / "a.fits"
    for rest in (bytes(50_000), b"x" * 50_000, b"\xff" * 100):
        path.write_bytes(IMAGE + rest)
        assert read(path).flux.size == 400
    monkeypatch.setattr(fits_file, "MOST_CONTENT", BLOCK)
    assert "something else after 5760 bytes" in refusal_of(tmp_path, IMAGE + bytes(BLOCK))


def test_a_damaged_extension_costs_only_what_is_in_it(tmp_path):
    path = tmp_path / "a.fits"
    extension = content_of(fits.PrimaryHDU(), fits.ImageHDU(FLUX))[BLOCK:]
    path.write_bytes(IMAGE + claiming(extension, "NAXIS", 10**9))
    assert read(path).flux.size == 400
    assert "HDU 1, NAXIS is" in refusal_of(tmp_path, claiming(TABLE, "NAXIS", 10**9))


def test_only_so_many_hdus_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(structure, "MOST_HDUS", 3)
    content = content_of(fits.PrimaryHDU(), *(fits.ImageHDU() for _ in range(5)))
    assert "HDU 3, expected at most 3 HDUs" in refusal_of(tmp_path, content)


def test_texts_of_a_header_are_made_plain(tmp_path):
    hdu = image()
    hdu.header["OBJECT"] = "A1B2"
    path = tmp_path / "a.fits"
    path.write_bytes(content_of(hdu).replace(b"A1B2", b"A\x00\x1bB"))
    assert read(path).designation == "AB"


@pytest.mark.parametrize(
    ("written", "read_as"),
    [(b"S\0T\x1bA\nR", "STA R"), (b"STAR\xe9\xff", "STAR��"), (b"Be ", "Be")],
)
def test_texts_of_a_table_are_made_plain(written, read_as, tmp_path):
    catalogue = fits.BinTableHDU.from_columns([fits.Column("CLASS", "9A", array=["A1B2C3D4E"])])
    path = tmp_path / "a.fits"
    content = content_of(*table(), catalogue).replace(b"A1B2C3D4E", written.ljust(9))
    path.write_bytes(content)
    assert read(path).pipeline_class == read_as
