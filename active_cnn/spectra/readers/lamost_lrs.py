"""LAMOST low resolution, R ≈ 1800: images of five rows (DR1 to DR8) and tables (later)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.records import Medium, Spectrum
from active_cnn.spectra.readers import fits_file, surveys
from active_cnn.spectra.readers.assembly import assemble, bad_pixels
from active_cnn.spectra.readers.axis import agree, coefficient_axis

# "LAMOST LRS Data Release", section "Spectra": resolution of 1800 at 5500 Å.
RESOLVING_POWER = 1800.0

N_ROWS = 5

# Each of these releases has pages of its own reduction at such an address. The spectra of older
# releases, which are at no such address, are in the newest one under the same OBSID.
PAGE = "https://www.lamost.org/dr{release}/v2.0/{kind}/view?obsid={obsid}"
RELEASES = range(7, 12)


def recognises(hdus: fits.HDUList) -> bool:
    """Tell whether this is a LAMOST low-resolution spectrum of any release."""
    if not surveys.is_lamost((hdus[0].header,)):
        return False
    return len(fits_file.image_shape(hdus[0])) == 2 or _table(hdus) is not None


def read(hdus: fits.HDUList, path: Path) -> Spectrum:
    """Read it."""
    table = _table(hdus)
    headers = surveys.headers_of(hdus, hdus[0] if table is None else table)
    if table is None:
        wavelength, flux, ivar, and_mask = _image(hdus[0])
    else:
        wavelength, flux, ivar, and_mask = (
            fits_file.column(table, name) for name in ("wavelength", "flux", "ivar", "andmask")
        )
    return assemble(
        path,
        surveys.medium(headers, Medium.VACUUM),
        wavelength,
        flux,
        ivar,
        bad_pixels(and_mask, ivar),
        **metadata(headers) | {"resolving_power": RESOLVING_POWER},
        page=page(hdus[0].header, "spectrum"),
    )


def metadata(headers: surveys.Headers) -> dict[str, Any]:
    """Name, position, signal-to-noise ratio and class as every LAMOST header writes them."""
    parts = (surveys.text(headers, "CLASS"), surveys.text(headers, "SUBCLASS"))
    return surveys.describe(headers, surveys.LAMOST) | {"pipeline_class": " ".join(parts).strip()}


def page(header: fits.Header, kind: str) -> str:
    """Give the address of the survey's page of a spectrum.

    Parameters
    ----------
    header : Header
        The primary one.
    kind : str
        `spectrum` (low resolution) or `medspectrum` (medium resolution).

    Returns
    -------
    str
        Empty if the header does not say OBSID, as before DR3, or says it wrongly.
    """
    obsid, spectrograph, fibre = (
        fits_file.integer(header, key) for key in ("OBSID", "SPID", "FIBERID")
    )
    if obsid is None or spectrograph is None or fibre is None:
        return ""
    # OBSID ends with the numbers of the spectrograph and the fibre. In some files of DR3 it has
    # lost all but its lowest 16 bits, and would lead to another star.
    if not 0 < obsid < 10**10 or obsid % 100_000 != 1000 * spectrograph + fibre:
        return ""
    said = re.search(r"\bDR(\d{1,2})\b", fits_file.text(header, "DATA_V"))
    release = int(said[1]) if said and int(said[1]) in RELEASES else RELEASES[-1]
    return PAGE.format(release=release, kind=kind, obsid=obsid)


def _table(hdus: fits.HDUList) -> Any:
    return fits_file.extension(hdus, "COADD")


def _image(hdu: Any) -> tuple[NDArray[np.float64], ...]:
    rows = fits_file.array(hdu)
    if len(rows) != N_ROWS:
        raise SpectrumError(f"is no LAMOST spectrum: {len(rows)} rows, expected {N_ROWS}")
    # CRVAL1 repeats COEFF0, but CTYPE1 calls the axis LINEAR: only COEFF0 says log10 by its name.
    wavelength = coefficient_axis(hdu.header, rows.shape[1])
    # Row 2 is wavelength from DR2 on, but normalised flux in DR1; EXTEN0 tells which.
    says_wavelength = "wavelength" in fits_file.text(hdu.header, "EXTEN0").lower()
    if says_wavelength and not agree(wavelength, rows[2]):
        raise SpectrumError("has no usable axis: COEFF0 and COEFF1 contradict its third row")
    return wavelength, rows[0], rows[1], rows[3]
