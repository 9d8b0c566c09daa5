"""CCD700 of the Ondřejov 2 m telescope, R ≈ 13 000, in air: 1-D images and VO tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from astropy.io import fits

from active_cnn.records import Medium, Spectrum
from active_cnn.spectra.readers import fits_file
from active_cnn.spectra.readers.assembly import assemble
from active_cnn.spectra.readers.axis import linear_axis

# Škoda, Podsztavek & Tvrdík (2020), A&A, 643, A122, section 2.
RESOLVING_POWER = 13_000.0

ARCHIVE = "ivo://asu.cas.cz/stel/ccd700"


def recognises(hdus: fits.HDUList) -> bool:
    """Tell whether this is a CCD700 spectrum from the telescope or from its VO archive."""
    return _is_image(hdus[0]) or _is_table(fits_file.extension(hdus, 1))


def _is_image(hdu: Any) -> bool:
    return (
        fits_file.text(hdu.header, "OBSERVAT").upper() == "ONDREJOV"
        and "700" in fits_file.text(hdu.header, "INSTRUME")
        and len(fits_file.image_shape(hdu)) == 1
    )


def _is_table(hdu: Any) -> bool:
    return {"spectral", "flux"} <= set(fits_file.column_names(hdu)) and fits_file.text(
        hdu.header, "DS_IDPUB"
    ).lower().startswith(ARCHIVE)


def read(hdus: fits.HDUList, path: Path) -> Spectrum:
    """Read it."""
    if _is_image(hdus[0]):
        header, flux = hdus[0].header, fits_file.array(hdus[0])
        wavelength = linear_axis(header, flux.size)
    else:
        header = hdus[1].header
        wavelength = fits_file.column(hdus[1], "spectral")
        flux = fits_file.column(hdus[1], "flux")
    # EQUINOX is the day of the observation, but RA and DEC come from a catalogue of J2000.
    ra, dec = fits_file.position(header, ("RA",), ("DEC",))
    return assemble(
        path,
        fits_file.medium(header, Medium.AIR),
        wavelength,
        flux,
        resolving_power=RESOLVING_POWER,
        designation=fits_file.text(header, "OBJECT"),
        ra=ra,
        dec=dec,
    )
