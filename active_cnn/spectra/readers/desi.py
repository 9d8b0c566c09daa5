"""DESI files, which hold many targets: named as such and refused."""

from __future__ import annotations

from pathlib import Path

from astropy.io import fits

from active_cnn.errors import SpectrumError
from active_cnn.records import Spectrum
from active_cnn.spectra.readers import fits_file


def recognises(hdus: fits.HDUList) -> bool:
    """Tell whether this is a DESI file of spectra or coadds."""
    return (
        fits_file.extension(hdus, "FIBERMAP") is not None
        and len(fits_file.image_shape(fits_file.extension(hdus, "R_FLUX"))) == 2
    )


def read(hdus: fits.HDUList, _: Path) -> Spectrum:
    """Refuse it: which of its spectra is meant cannot be said by a path."""
    n_spectra = fits_file.image_shape(hdus["R_FLUX"])[0]
    raise SpectrumError(f"holds {n_spectra} spectra: save each target to a file of its own")
