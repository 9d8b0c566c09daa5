"""Reading spectra: one file per family; `read` finds the family by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from astropy.io import fits

from active_cnn.errors import SpectrumError
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


def read(path: str | Path) -> Spectrum:
    """Read the spectrum in a FITS file, gzipped or not.

    Parameters
    ----------
    path : str or Path
        The file; its name without ``.gz`` becomes the spectrum's identifier.

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
        return find_family(hdus).read(hdus, path)


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
