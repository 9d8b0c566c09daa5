"""Any other spectrum that is a 1-D image with its axis in the header; air unless it says vacuum."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.records import Medium, Spectrum
from active_cnn.spectra.readers import fits_file
from active_cnn.spectra.readers.assembly import assemble, ivar_of
from active_cnn.spectra.readers.axis import linear_axis, refuse_implausible


def recognises(hdus: fits.HDUList) -> bool:
    """Tell whether the first data of the file are an image."""
    return _first_image(hdus) is not None


def _first_image(hdus: fits.HDUList) -> Any:
    for hdu in (hdus[0], fits_file.extension(hdus, 1)):
        if fits_file.image_shape(hdu):
            return hdu
    return None


def read(hdus: fits.HDUList, path: Path) -> Spectrum:
    """Read it."""
    hdu = _first_image(hdus)
    header = hdu.header
    wavelength = _axis_of_only_spectrum(hdu)
    flux, ivar = _bands(hdu)
    ra, dec = _position(header)
    # SPE_RPOW is how the BeSS database of Be stars writes the resolving power.
    resolving_power = fits_file.number(header, "SPE_RPOW")
    return assemble(
        path,
        fits_file.medium(header, Medium.AIR),
        wavelength,
        flux,
        ivar,
        resolving_power=resolving_power if resolving_power > 0 else None,
        designation=fits_file.text(header, "OBJNAME", "OBJECT"),
        ra=ra,
        dec=dec,
    )


def _axis_of_only_spectrum(hdu: Any) -> NDArray[np.float64]:
    header, shape = hdu.header, fits_file.image_shape(hdu)
    n_spectra = math.prod(shape[:-1])
    # IRAF stacks the bands of one extraction on the third axis and names them BANDIDn.
    has_bands = len(shape) == 3 and shape[1] == 1 and fits_file.text(header, "BANDID1")
    if n_spectra == 1 or has_bands:
        return linear_axis(header, shape[-1])
    size = " × ".join(str(n) for n in reversed(shape))
    if fits_file.text(header, "CTYPE1") != "MULTISPE":
        try:
            refuse_implausible(linear_axis(header, shape[-1]))
        except SpectrumError as error:
            raise SpectrumError(f"has no spectral axis: an image of {size} pixels") from error
    raise SpectrumError(f"holds {n_spectra} spectra: an image of {size} pixels, expected one")


def _bands(hdu: Any) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    bands = fits_file.array(hdu)
    bands = bands.reshape(-1, bands.shape[-1])
    return bands[0], _ivar_of_bands(hdu.header, bands)


def _ivar_of_bands(header: fits.Header, bands: NDArray[np.float64]) -> NDArray[np.float64] | None:
    for i, band in enumerate(bands, start=1):
        if fits_file.text(header, f"BANDID{i}").lower().startswith("sigma"):
            return ivar_of(band)
    return None


def _position(header: fits.Header) -> tuple[float, float]:
    ra, dec = fits_file.position(header, ("RA", "OBJRA"), ("DEC", "OBJDEC"))
    if "STARIDEN" in header and math.isfinite(fits_file.number(header, "RA")):
        ra, dec = _stelib_position(header)
    if fits_file.text(header, "EQUINOX").upper().lstrip("BJ").startswith("1950"):
        return _icrs(ra, dec)
    return ra, dec


def _stelib_position(header: fits.Header) -> tuple[float, float]:
    # STELIB, the library with STARIDEN, writes radians, of which one declination is wrong, and
    # the sexagesimal source of them into the comment: "Mean Dec  -5 26 37".
    ra = fits_file.sexagesimal(fits_file.comment(header, "RA").removeprefix("Mean RA"))
    dec = fits_file.sexagesimal(fits_file.comment(header, "DEC").removeprefix("Mean Dec"))
    return fits_file.on_sky(15 * ra, dec)


def _icrs(ra: float, dec: float) -> tuple[float, float]:
    # Imported here: it takes longer than reading a thousand spectra, and few are of B1950.
    from astropy import units
    from astropy.coordinates import FK4, ICRS, SkyCoord

    if math.isnan(ra):
        return ra, dec
    position = SkyCoord(ra * units.deg, dec * units.deg, frame=FK4(equinox="B1950"))
    icrs = position.transform_to(ICRS())
    return float(icrs.ra.deg), float(icrs.dec.deg)
