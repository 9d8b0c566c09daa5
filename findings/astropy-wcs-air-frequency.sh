#!/bin/sh
# astropy 8.0.2: the frequency of a pixel of an axis in air (CTYPE1 = 'AWAV') is that of a vacuum wavelength of the same number.
#
# Guess: AWAV and WAVE are two types of axis (Greisen et al. 2006, A&A 446, 747, table 1), so that `WCS.pixel_to_world` gives
#        spectral coordinates of the same photon different frequencies only by the rounding of the axis.
# Seen:  both give 456.8057 THz for 6562.8 Å, although the air wavelength belongs to 456.6795 THz (83 km/s away); only
#        `world_axis_physical_types` tells them apart (em.wl;obs.atmos).
# So:    take the medium from CTYPE1 yourself, and convert before anything else than a wavelength is asked for.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check astropy==8.0.2 numpy==2.4.6 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import astropy
from astropy.io import fits
from astropy.wcs import WCS

print("astropy", astropy.__version__)
header = fits.Header(
    {"NAXIS": 1, "NAXIS1": 10, "CUNIT1": "Angstrom", "CRVAL1": 6562.8, "CDELT1": 1.0, "CRPIX1": 1.0}
)
seen = {}
for kind in ("AWAV", "WAVE"):
    header["CTYPE1"] = kind
    wcs = WCS(header)
    seen[kind] = wcs.pixel_to_world(0).to_value("THz")
    print(kind, wcs.world_axis_physical_types, f"{seen[kind]:.4f} THz")
index_of_air = 1.0002762  # at 6562.8 Å: Ciddor (1996), Appl. Opt. 35, 1566
print(f"right for air: {seen['WAVE'] / index_of_air:.4f} THz")
assert seen["AWAV"] == seen["WAVE"], "the medium is taken into account now"
PYTHON
