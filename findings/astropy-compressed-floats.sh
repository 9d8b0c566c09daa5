#!/bin/sh
# astropy 8.0.2: fluxes that CompImageHDU packs with GZIP are not the ones that were given, although gzip loses nothing.
#
# Guess: compression_type "GZIP_1" or "GZIP_2" of a float image is lossless, since gzip is, so that a spectrum comes back bit for bit.
# Seen:  the default quantize_level of 16 makes whole numbers of the fluxes first, in steps of 1/16 of the noise that it finds:
#        here nearly no pixel comes back as it was. Only quantize_level=0 keeps them. The file says so in ZQUANTIZ alone.
# So:    give quantize_level=0 where a spectrum has to be the same afterwards (fingerprints, differences, faint lines).
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check astropy==8.0.2 numpy==2.4.6 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import astropy
import numpy as np
from astropy.io import fits

print("astropy", astropy.__version__)
flux = np.random.default_rng(1).normal(100.0, 3.0, (5, 3900)).astype("f4")
shares = {}
for how in ({}, {"quantize_level": 0}):
    name = f"packed-{len(how)}.fits"
    packed = fits.CompImageHDU(flux, compression_type="GZIP_2", **how)
    fits.HDUList([fits.PrimaryHDU(), packed]).writeto(name)
    with fits.open(name) as hdus:
        same = hdus[1].data == flux
        shares[len(how)] = same.mean()
        largest = np.abs(hdus[1].data - flux).max()
    print(how or "default", f"the same: {same.mean():.4f} of the pixels; largest difference {largest:.3f}")
assert shares[0] < 0.01, "the default keeps what it is given now"
assert shares[1] == 1.0, "quantize_level=0 does not keep them any more"
PYTHON
