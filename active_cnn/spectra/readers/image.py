"""Any other spectrum that is a 1-D image, with its axis in the header or in another extension."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.records import Medium, Spectrum
from active_cnn.spectra.readers import companions, fits_file, surveys
from active_cnn.spectra.readers.assembly import assemble, ivar_of
from active_cnn.spectra.readers.axis import (
    agree,
    header_axis,
    medium_of_axis,
    refuse_implausible,
    spectral_axis,
)


def recognises(hdus: fits.HDUList) -> bool:
    """Tell whether the first data of the file are an image."""
    return _flux_image(hdus) is not None


def _flux_image(hdus: fits.HDUList) -> Any:
    found = []
    for hdu in companions.extensions(hdus):
        if fits_file.column_names(hdu):
            break
        if fits_file.image_shape(hdu):
            found.append(hdu)
    fluxes = [hdu for hdu in found if not companions.role(hdu)]
    return next(iter(fluxes or found), None)


def read(hdus: fits.HDUList, path: Path) -> Spectrum:
    """Read it."""
    hdu = _flux_image(hdus)
    _refuse_several(hdu)
    companions.refuse_other_spectra(hdus, hdu)
    wavelength, medium = _axis(hdus, hdu)
    flux, ivar = _bands(hdu)
    bad = None
    if _n_spectra(hdu) == 1:
        ivar = companions.ivar_of_companion(hdus, hdu) if ivar is None else ivar
        bad = companions.bad_of_companion(hdus, hdu)
    return assemble(
        path,
        medium,
        wavelength,
        flux,
        ivar,
        bad,
        **surveys.describe(surveys.headers_of(hdus, hdu)),
    )


def _n_spectra(hdu: Any) -> int:
    shape = fits_file.image_shape(hdu)
    return math.prod(shape) // shape[-spectral_axis(hdu.header, shape)]


def _refuse_several(hdu: Any) -> None:
    header, shape = hdu.header, fits_file.image_shape(hdu)
    n_spectra = _n_spectra(hdu)
    # IRAF stacks the bands of one extraction on the third axis and names them BANDIDn.
    has_bands = len(shape) == 3 and shape[1] == 1 and fits_file.text(header, "BANDID1")
    if n_spectra == 1 or has_bands:
        return
    size = " × ".join(str(n) for n in reversed(shape))
    if fits_file.text(header, "CTYPE1") != "MULTISPE":
        try:
            refuse_implausible(header_axis(header, shape))
        except SpectrumError as error:
            raise SpectrumError(f"has no spectral axis: an image of {size} pixels") from error
    raise SpectrumError(f"holds {n_spectra} spectra: an image of {size} pixels, expected one")


def _axis(hdus: fits.HDUList, hdu: Any) -> tuple[NDArray[np.float64], Medium]:
    headers, shape = surveys.headers_of(hdus, hdu), fits_file.image_shape(hdu)
    axis = spectral_axis(hdu.header, shape)
    crval = f"CRVAL{axis}"
    # The cards of an axis belong together: they are taken from one header.
    header = next((one for one in headers if crval in one or "COEFF0" in one), headers[0])
    beside = companions.wavelengths_of_companion(hdus, hdu) if _n_spectra(hdu) == 1 else None
    if beside is None:
        wavelength = header_axis(header, shape)
        return wavelength, surveys.medium((header, *headers), wavelength=wavelength, axis=axis)
    name, companion, wavelength = beside
    if not (crval in header or "COEFF0" in header):
        return wavelength, _medium(name, (companion.header, *headers), wavelength, axis)
    in_header = header_axis(header, shape)
    if not agree(in_header, wavelength):
        raise SpectrumError(
            f"contradicts itself about its wavelengths: {in_header[0]:.2f}-{in_header[-1]:.2f} Å "
            f"by its header, {wavelength[0]:.2f}-{wavelength[-1]:.2f} Å by its extension {name}"
        )
    all_headers = (header, companion.header, *headers)
    return in_header, _medium(name, all_headers, wavelength, axis)


def _medium(
    name: str, headers: surveys.Headers, wavelength: NDArray[np.float64], axis: int
) -> Medium:
    """Tell the medium by what headers say, and by the name of what holds the wavelengths."""
    by_name = medium_of_axis(name)
    if by_name is None:
        return surveys.medium(headers, wavelength=wavelength, axis=axis)
    if surveys.medium(headers, by_name, axis=axis) is not by_name:
        raise SpectrumError(
            f"contradicts itself about air and vacuum: its wavelengths are called {name}, its "
            "headers say another medium"
        )
    return by_name


def _bands(hdu: Any) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    values = fits_file.array(hdu)
    if _n_spectra(hdu) == 1:
        return values.ravel(), None
    bands = values.reshape(-1, values.shape[-1])
    names = [fits_file.text(hdu.header, f"BANDID{i}").lower() for i in range(1, len(bands) + 1)]
    spectrum = next((i for i, name in enumerate(names) if name.startswith("spectrum")), 0)
    sigma = next((i for i, name in enumerate(names) if name.startswith("sigma")), None)
    return bands[spectrum], None if sigma is None else ivar_of(bands[sigma])
