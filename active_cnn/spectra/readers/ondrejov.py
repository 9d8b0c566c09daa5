"""CCD700 of the Ondřejov 2 m telescope, R ≈ 13 000, in air: 1-D images and VO tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from astropy.io import fits

from active_cnn.records import Spectrum
from active_cnn.spectra.readers import fits_file, surveys
from active_cnn.spectra.readers.assembly import assemble
from active_cnn.spectra.readers.axis import header_axis


def recognises(hdus: fits.HDUList) -> bool:
    """Tell whether this is a CCD700 spectrum from the telescope or from its VO archive."""
    return _is_image(hdus[0]) or _is_table(fits_file.extension(hdus, 1))


def _is_image(hdu: Any) -> bool:
    return surveys.is_ondrejov((hdu.header,)) and len(fits_file.image_shape(hdu)) == 1


def _is_table(hdu: Any) -> bool:
    has_columns = {"spectral", "flux"} <= set(fits_file.column_names(hdu))
    return has_columns and surveys.is_ondrejov((hdu.header,))


def read(hdus: fits.HDUList, path: Path) -> Spectrum:
    """Read it."""
    if _is_image(hdus[0]):
        hdu = hdus[0]
        flux = fits_file.array(hdu)
        wavelength = header_axis(hdu.header, flux.shape)
    else:
        hdu = hdus[1]
        flux = fits_file.column(hdu, "flux")
        wavelength = fits_file.column(hdu, "spectral")
    headers = surveys.headers_of(hdus, hdu)
    return assemble(path, surveys.medium(headers), wavelength, flux, **surveys.describe(headers))
