#!/bin/sh
# specutils 2.4.0: the wavelengths of an SDSS plate (spPlate) are one pixel too red.
#
# Guess: COEFF0 is log10 of the wavelength of the first pixel (SDSS data model, spPlate), as the loader of single spectra
#        (spec-*.fits) has it, so that the axis begins at 10**COEFF0.
# Seen:  it begins at 10**(COEFF0 + COEFF1): 69 km/s too red, everywhere. Single spectra are right, so that the same star read
#        from both files has two velocities.
# So:    read plates by COEFF0 and COEFF1 yourself, or shift the axis by a pixel.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check specutils==2.4.0 astropy==8.0.2 numpy==2.4.6 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import numpy as np
from astropy.io import fits
from specutils import Spectrum

print("specutils", version("specutils"))
n_fibres, n_pixels, coeff0, coeff1 = 4, 300, 3.8, 1e-4
header = fits.Header(
    {
        "TELESCOP": "SDSS 2.5-M", "PLATEID": 1000, "MJD": 52000, "BUNIT": "1E-17 erg/cm^2/s/Ang",
        "COEFF0": coeff0, "COEFF1": coeff1, "CRVAL1": coeff0, "CD1_1": coeff1, "CRPIX1": 1,
        "CTYPE1": "LINEAR", "DC-FLAG": 1,
    }
)  # fmt: skip
flux = np.ones((n_fibres, n_pixels), "f4")
plugmap = fits.BinTableHDU.from_columns(
    [
        fits.Column("FIBERID", "J", array=np.arange(1, n_fibres + 1)),
        fits.Column("RA", "D", array=np.ones(n_fibres)),
        fits.Column("DEC", "D", array=np.ones(n_fibres)),
    ],
    name="PLUGMAP",
)
fits.HDUList(
    [
        fits.PrimaryHDU(flux, header),
        fits.ImageHDU(flux, name="IVAR"),
        fits.ImageHDU(np.zeros((n_fibres, n_pixels), "i4"), name="ANDMASK"),
        fits.ImageHDU(np.zeros((n_fibres, n_pixels), "i4"), name="ORMASK"),
        fits.ImageHDU(flux, name="WAVEDISP"),
        plugmap,
        fits.ImageHDU(flux, name="SKY"),
    ]
).writeto("spPlate-1000-52000.fits")
axis = Spectrum.read("spPlate-1000-52000.fits", format="SDSS spPlate").spectral_axis
first = axis[0].to_value("Angstrom")
print(f"first pixel read: {first:.3f} Å, by COEFF0: {10**coeff0:.3f} Å")
assert np.isclose(first, 10 ** (coeff0 + coeff1), rtol=1e-9), "the axis begins elsewhere now"
PYTHON
