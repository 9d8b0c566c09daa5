"""LAMOST medium resolution, R ≈ 7500: the combined spectra of both arms, one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.records import Medium, Spectrum
from active_cnn.spectra.readers import fits_file, surveys
from active_cnn.spectra.readers.assembly import assemble, bad_pixels
from active_cnn.spectra.readers.axis import from_log10
from active_cnn.spectra.readers.lamost_lrs import metadata, page

# "LAMOST MRS Data Release", section "Overview".
RESOLVING_POWER = 7500.0

# Some 4900-5400 Å and 6270-6850 Å.
ARMS = ("COADD_B", "COADD_R")


def recognises(hdus: fits.HDUList) -> bool:
    """Tell whether this is a LAMOST medium-resolution spectrum."""
    first = fits_file.extension(hdus, 1) if surveys.is_lamost((hdus[0].header,)) else None
    return first is not None and first.name.startswith(("COADD_", "B-", "R-"))


def read(hdus: fits.HDUList, path: Path) -> Spectrum:
    """Read both arms, between which there is a gap, or the red one alone."""
    blue, red = (fits_file.extension(hdus, name) for name in ARMS)
    if red is None:  # which comes last: the file may have been cut
        raise SpectrumError(f"has no combined spectrum of the red arm: {ARMS[1]} is missing")
    arms = [_arm(table) for table in (blue, red) if table is not None]
    if len(arms) == 2:  # where they overlap, the red one holds
        arms[0] = arms[0][:, arms[0][0] < arms[1][0].min()]
    wavelength, flux, ivar, and_mask = np.concatenate(arms, axis=1)
    headers = surveys.headers_of(hdus, red)
    return assemble(
        path,
        surveys.medium(headers, Medium.VACUUM),
        wavelength,
        flux,
        ivar,
        bad_pixels(and_mask, ivar),
        **metadata(headers)
        | {"resolving_power": RESOLVING_POWER, "snr_r": fits_file.number(red.header, "SNR")},
        page=page(hdus[0].header, "medspectrum"),
    )


def _arm(table: Any) -> NDArray[np.float64]:
    """Wavelength, flux, inverse variance and flags of an arm, shape (4, n_pixels)."""
    # One row a pixel with LOGLAM up to DR7, one row of vectors with WAVELENGTH later.
    if "loglam" in fits_file.column_names(table):
        wavelength = from_log10(fits_file.column(table, "loglam"))
    else:
        wavelength = fits_file.column(table, "wavelength")
    rest = [fits_file.column(table, name) for name in ("flux", "ivar", "andmask")]
    if len({len(one) for one in (wavelength, *rest)}) != 1:
        raise SpectrumError(
            f"is damaged: the columns of {table.name} have {len(wavelength)} wavelengths and "
            f"{', '.join(str(len(one)) for one in rest)} values"
        )
    return np.array([wavelength, *rest])
