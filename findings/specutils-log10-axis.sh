#!/bin/sh
# specutils 2.4.0: a spectrum that IRAF wrote in steps of log10 of the wavelength is read as one at 3.8 Å.
#
# Guess: DC-FLAG = 1 says that the axis is log10 of the wavelength (IRAF, onedspec package), so that CRVAL1 = 3.8 is 6310 Å.
# Seen:  without an error or a warning, wavelengths of 3.8 to 3.81 Å. SDSS and LAMOST write the same cards.
# So:    look whether the first wavelength is one of light that the telescope could see before you trust an axis.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check specutils==2.4.0 astropy==8.0.2 numpy==2.4.6 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import warnings
from importlib.metadata import version

import numpy as np
from astropy.io import fits
from specutils import Spectrum

print("specutils", version("specutils"))
header = fits.Header(
    {
        "CTYPE1": "LINEAR", "CRVAL1": 3.8, "CDELT1": 1e-4, "CRPIX1": 1, "DC-FLAG": 1,
        "WAT0_001": "system=linear", "WAT1_001": "wtype=linear label=Wavelength units=angstroms",
    }
)  # fmt: skip
fits.PrimaryHDU(np.ones(100, "f4"), header).writeto("log10.fits")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    axis = Spectrum.read("log10.fits").spectral_axis
about_axis = [str(w.message) for w in caught if "log" in str(w.message).lower()]
print(f"read: {axis[0]} to {axis[-1]}; warnings about it: {about_axis}")
print(f"meant: {10**3.8:.2f} Å to {10**(3.8 + 99e-4):.2f} Å")
assert np.isclose(axis[0].value, 3.8), "it is read otherwise now"
assert not about_axis, "it is warned of now"
PYTHON
