"""LAMOST medium resolution, R ≈ 7500: the combined spectrum of the red arm, where Hα is."""

from __future__ import annotations

from pathlib import Path

from astropy.io import fits

from active_cnn.errors import SpectrumError
from active_cnn.records import Medium, Spectrum
from active_cnn.spectra.readers import fits_file, surveys
from active_cnn.spectra.readers.assembly import assemble, bad_pixels
from active_cnn.spectra.readers.axis import from_log10
from active_cnn.spectra.readers.lamost_lrs import metadata, page

# "LAMOST MRS Data Release", section "Overview".
RESOLVING_POWER = 7500.0


def recognises(hdus: fits.HDUList) -> bool:
    """Tell whether this is a LAMOST medium-resolution spectrum."""
    first = fits_file.extension(hdus, 1) if surveys.is_lamost((hdus[0].header,)) else None
    return first is not None and first.name.startswith(("COADD_", "B-", "R-"))


def read(hdus: fits.HDUList, path: Path) -> Spectrum:
    """Read its red arm."""
    table = fits_file.extension(hdus, "COADD_R")
    if table is None:
        raise SpectrumError("has no combined spectrum of the red arm: COADD_R is missing")
    headers = surveys.headers_of(hdus, table)
    # One row a pixel with LOGLAM up to DR7, one row of vectors with WAVELENGTH later.
    if "loglam" in fits_file.column_names(table):
        wavelength = from_log10(fits_file.column(table, "loglam"))
    else:
        wavelength = fits_file.column(table, "wavelength")
    ivar = fits_file.column(table, "ivar")
    return assemble(
        path,
        surveys.medium(headers, Medium.VACUUM),
        wavelength,
        fits_file.column(table, "flux"),
        ivar,
        bad_pixels(fits_file.column(table, "andmask"), ivar),
        **metadata(headers)
        | {"resolving_power": RESOLVING_POWER, "snr_r": fits_file.number(table.header, "SNR")},
        page=page(hdus[0].header, "medspectrum"),
    )
