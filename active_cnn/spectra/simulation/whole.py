"""Whole LAMOST spectra, 3700-9100 Å, as LAMOST DR5 writes them: gzipped images of five rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from active_cnn.spectra.simulation.instruments import COEFF0, COEFF1

N_PIXELS = 3909
SUFFIX = ".gz"  # of the files' names, after the identifier
WAVELENGTH = np.power(10.0, COEFF0 + COEFF1 * np.arange(N_PIXELS))  # Å, vacuum
_BLOCK, _CARD = 2880, 80  # bytes of FITS

Value = str | bool | int | float


@dataclass(frozen=True)
class Target:
    """One fibre of one exposure; `number` is the spectrum's own, `star` that of its first visit."""

    filename: str
    number: int
    star: int
    designation: str
    mjd: int
    plan: str
    spectrograph: int
    fibre: int
    ra: float
    dec: float
    snr: float
    coarse_class: str
    subclass: str


def write_fits(
    path: Path, target: Target, flux: NDArray[np.floating], sigma: NDArray[np.floating]
) -> None:
    """Write one spectrum as a LAMOST DR5 low-resolution FITS file, gzipped as they are published.

    A file takes 0.3 ms so; astropy, which gives the same bytes, takes 2 ms.

    Parameters
    ----------
    path : Path
        Where to write.
    target : Target
        What the header tells.
    flux, sigma : ndarray, shape (N_PIXELS,)
        Flux and its standard deviation; where that is zero, there is no weight.
    """
    rows = np.zeros((5, N_PIXELS), dtype=">f4")
    rows[0] = flux
    known = sigma > 0
    rows[1, known] = 1 / sigma[known].astype(np.float64) ** 2
    rows[2] = WAVELENGTH
    content = _header(target) + rows.tobytes()
    content += bytes(-len(content) % _BLOCK)
    packing = isal_zlib.compressobj(level=1, wbits=31)
    path.write_bytes(packing.compress(content) + packing.flush())


def _header(target: Target) -> bytes:
    day = np.datetime64("1858-11-17") + target.mjd
    cards: list[tuple[str, Value, str]] = [
        ("SIMPLE", True, ""),
        ("BITPIX", -32, ""),
        ("NAXIS", 2, ""),
        ("NAXIS1", N_PIXELS, ""),
        ("NAXIS2", 5, ""),
        ("FILENAME", target.filename, ""),
        ("OBSID", 900_000_000 + target.number, "Unique number ID of this spectrum"),
        ("AUTHOR", "Active CNN demo", "Simulated: no telescope saw this"),
        ("DATA_V", "LAMOST DR5", "Layout of the file"),
        ("EXTEN0", "Flux, Inverse, Wavelength, Andmask, Ormask", ""),
        ("EXTNAME", "Flux", ""),
        ("ORIGIN", "SIMULATION", ""),
        ("TELESCOP", "LAMOST", "The telescope that is imitated"),
        ("DATE-OBS", f"{day}T14:00:00", "The observation median UTC"),
        ("LMJD", target.mjd, "Local Modified Julian Day"),
        ("MJD", target.mjd - 1, "Modified Julian Day"),
        ("PLANID", target.plan, "Plan ID in use"),
        ("RA", target.ra, "[deg] Right ascension of object"),
        ("DEC", target.dec, "[deg] Declination of object"),
        ("DESIG", target.designation, "Designation of LAMOST target"),
        ("FIBERID", target.fibre, "Fiber ID of Object"),
        ("OBJNAME", f"SIM {target.star}", "Name of object"),
        ("OBJTYPE", "Star", ""),
        ("FIBERTYP", "Obj", "Fiber type of object"),
        ("FIBERMAS", 0, "Bitmask of warning values, 0 means all is well"),
        ("SPID", target.spectrograph, "Spectrograph ID"),
        ("HELIO", True, "Heliocentric correction"),
        ("VACUUM", True, "Wavelengths are in vacuum"),
        ("NWORDER", 2, "Number of linear-log10 coefficients"),
        ("WFITTYPE", "LOG-LINEAR", "Linear-log10 dispersion"),
        ("COEFF0", COEFF0, "Central wavelength (log10) of first pixel"),
        ("COEFF1", COEFF1, "Log10 dispersion per pixel"),
        ("CRVAL1", COEFF0, "Central wavelength (log10) of first pixel"),
        ("CD1_1", COEFF1, "Log10 dispersion per pixel"),
        ("CRPIX1", 1, "Starting pixel (1-indexed)"),
        ("CTYPE1", "LINEAR", ""),
        ("DC-FLAG", 1, "Log-linear flag"),
        ("CLASS", target.coarse_class, "Class of object"),
        ("SUBCLASS", target.subclass, "Subclass of object"),
        ("Z", 0.0, "Redshift of object"),
        ("SNRG", round(0.8 * target.snr, 2), "SNR of g filter"),
        ("SNRR", target.snr, "SNR of r filter"),
        ("SNRI", round(1.1 * target.snr, 2), "SNR of i filter"),
    ]
    text = "".join(_card(*card) for card in cards) + "END".ljust(_CARD)
    return (text + " " * (-len(text) % _BLOCK)).encode("ascii")


def _card(keyword: str, value: Value, comment: str) -> str:
    # The fixed format of FITS; none of these texts holds an apostrophe.
    if isinstance(value, str):
        shown = f"'{value:<8}'".ljust(20)
    elif isinstance(value, bool):
        shown = ("T" if value else "F").rjust(20)
    else:
        shown = str(value).upper().rjust(20)
    said = f"{keyword:<8}= {shown}" + (f" / {comment}" if comment else "")
    return said[:_CARD].ljust(_CARD)
