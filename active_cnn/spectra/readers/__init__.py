"""Reading spectra: one file per family; `read` finds the family by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from astropy.io import fits

from active_cnn.errors import SpectrumError
from active_cnn.names import trim
from active_cnn.records import Spectrum
from active_cnn.spectra.readers import (
    desi,
    fits_file,
    image,
    lamost_lrs,
    lamost_mrs,
    ondrejov,
    sdss,
    table,
)


@dataclass(frozen=True)
class Family:
    """Files of one survey or instrument: their name, how they are told, how they are read."""

    name: str
    recognises: Callable[[fits.HDUList], bool]
    read: Callable[[fits.HDUList, Path], Spectrum]


# In this order: the first that recognises a file reads it, and the general one comes last.
FAMILIES = (
    Family("LAMOST low resolution", lamost_lrs.recognises, lamost_lrs.read),
    Family("LAMOST medium resolution", lamost_mrs.recognises, lamost_mrs.read),
    Family("Ondřejov CCD700", ondrejov.recognises, ondrejov.read),
    Family("SDSS/BOSS", sdss.recognises, sdss.read),
    Family("DESI", desi.recognises, desi.read),
    Family("1-D image", image.recognises, image.read),
    Family("Table of one spectrum", table.recognises, table.read),
)


def read(path: str | Path, card: str = "") -> Spectrum:
    """Read the spectrum in a FITS file, compressed or not.

    Parameters
    ----------
    path : str or Path
        The file; its name without a suffix such as ``.gz`` becomes the spectrum's identifier.
    card : str
        Keyword of a card of the first two headers whose value is the identifier instead.

    Returns
    -------
    Spectrum
        With wavelengths in angstrom in the medium that the file uses.

    Raises
    ------
    SpectrumError
        If no spectrum can be read: one line that says what the file is or lacks, without its
        path. The text before the first colon is the same for files refused for the same reason
        (but for counts).
    """
    path = Path(path)
    with fits_file.opened(path) as hdus:
        spectrum = find_family(hdus).read(hdus, path)
        return replace(spectrum, identifier=_value_of(card, hdus)) if card else spectrum


def _value_of(card: str, hdus: fits.HDUList) -> str:
    for hdu in (hdus[0], fits_file.extension(hdus, 1)):
        if hdu is not None and (value := trim(fits_file.text(hdu.header, card))):
            return value
    raise SpectrumError(f"has no identifier: its headers say nothing under {card}")


def find_family(hdus: fits.HDUList) -> Family:
    """Tell which family an open file belongs to.

    Raises
    ------
    SpectrumError
        If it belongs to none.
    """
    for family in FAMILIES:
        if family.recognises(hdus):
            return family
    names = fits_file.column_names(fits_file.extension(hdus, 1))
    if names:
        columns = ", ".join(names[:8])
        raise SpectrumError(f"is a table of no known layout: its columns are {columns}")
    raise SpectrumError("holds no data")
