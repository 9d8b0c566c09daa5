"""Whole LAMOST spectra, 3700-9100 Å, around the simulated window, as LAMOST DR5 writes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from active_cnn.records import Grid
from active_cnn.spectra.simulation.instruments import COEFF0, COEFF1, FLOOR, SCATTER, Lamost
from active_cnn.spectra.simulation.lines import opacities
from active_cnn.spectra.simulation.stars import Kind
from active_cnn.spectra.wavelength import SPEED_OF_LIGHT

N_PIXELS = 3909

# Vacuum wavelengths (Å): the Balmer series with its strength against Hα, strong metal lines, the
# air's oxygen and water (wavelength, depth, width), and heads of TiO with their strength.
BALMER = ((4862.69, 0.9), (4341.69, 0.85), (4102.90, 0.8), (3971.20, 0.7), (3890.15, 0.6))
METALS = (
    (3934.78, 9.0), (3969.59, 8.0), (4227.92, 1.2), (4305.6, 4.0), (5168.76, 1.1), (5174.13, 1.4),
    (5185.05, 1.7), (5891.58, 0.9), (5897.56, 0.7), (8500.36, 1.4), (8544.44, 3.2), (8664.52, 2.6),
)  # fmt: skip
AIR = ((6870.0, 0.12, 9.0), (7605.0, 0.35, 16.0), (7190.0, 0.06, 25.0), (8230.0, 0.06, 35.0))
BANDS = ((4954.0, 0.5), (5167.0, 0.7), (5448.0, 0.6), (5847.0, 0.5), (6159.0, 0.7), (7054.0, 1.0))


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


def _sketch(source: np.void, wavelength: NDArray[np.float64]) -> NDArray[np.float64]:
    """Noiseless flux in units of the flux at Hα."""
    temperature = float(source["temperature"])
    x = 143_877_700.0 / temperature
    planck = wavelength**-5 / np.expm1(np.minimum(x / wavelength, 600))
    flux = planck / (6564.6**-5 / np.expm1(min(x / 6564.6, 600)))
    if source["kind"] in (Kind.GALAXY, Kind.QUASAR, Kind.FEATURELESS):
        return (wavelength / 6564.6) ** float(source["slope"])
    rest = wavelength / (1 + float(source["rv"]) / SPEED_OF_LIGHT)
    core, sigma = (float(value) for value in source["balmer_core"])
    wing, half = (float(value) for value in source["balmer_wing"])
    sigma = float(np.hypot(sigma, 1.3))
    for centre, share in BALMER:
        distance = rest - centre
        line = (
            core * np.exp(-0.5 * (distance / sigma) ** 2)
            + wing / (1 + (distance / half) ** 2) ** 1.25
        )
        flux *= 1 - np.minimum(share * line, 0.9)
    step = float(np.log(wavelength[1] / wavelength[0]))
    depth = source["opacity"] @ opacities(float(np.log(wavelength[0])), step, len(wavelength))
    flux *= np.exp(-np.interp(rest, wavelength, depth))
    iron = float(source["opacity"][0])
    for centre, width in METALS:
        depth = width * min(iron, 2.5) / (np.sqrt(2 * np.pi) * 1.8)
        flux *= np.exp(-depth * np.exp(-0.5 * ((rest - centre) / 1.8) ** 2))
    titanium = float(source["opacity"][2])
    for head, share in BANDS:
        behind = rest - head
        band = np.clip(1 + behind / 3, 0, 1) * np.exp(-np.maximum(behind, 0) / 90)
        flux *= np.exp(-share * titanium * band)
    for centre, depth, width in AIR:
        flux *= 1 - depth * np.exp(-0.5 * ((wavelength - centre) / width) ** 2)
    return flux


def write_fits(
    path: Path,
    target: Target,
    source: np.void,
    near_halpha: NDArray[np.floating],
    grid: Grid,
    rng: np.random.Generator,
) -> None:
    """Write one spectrum as a LAMOST DR5 low-resolution FITS file.

    Parameters
    ----------
    path : Path
        Where to write.
    target : Target
        What the header tells.
    source : void of dtype `SOURCE`
        What was observed.
    near_halpha : ndarray, shape (n_pixels,)
        The simulated pixels around the window, which the file repeats exactly.
    grid : Grid
        The window.
    rng : numpy.random.Generator
        For the noise outside of it.
    """
    wavelength = np.power(10.0, COEFF0 + COEFF1 * np.arange(N_PIXELS))
    pixels = Lamost(grid).pixels
    flux = _sketch(source, wavelength)
    sigma = np.hypot(SCATTER / target.snr, FLOOR) * np.sqrt(np.maximum(flux, 0.05))
    # LAMOST's sensitivity falls towards the ends of its range.
    sigma *= 1 + 3 * (np.clip(4200 - wavelength, 0, None) / 500) ** 2
    flux = flux + rng.normal(0, 1, N_PIXELS) * sigma
    counts = float(np.median(near_halpha)) or 1.0
    flux, sigma = flux * counts, sigma * abs(counts)
    # The parts meet at the same level of the continuum on both ends of the window.
    for edge, part in (
        (slice(None, 30), slice(None, pixels[0])),
        (slice(-30, None), slice(pixels[-1] + 1, None)),
    ):
        sketched, simulated = flux[pixels[edge]], near_halpha[edge]
        if np.median(sketched) > 0 and np.median(simulated) > 0:
            flux[part] *= np.percentile(simulated, 80) / np.percentile(sketched, 80)
    flux[pixels] = near_halpha
    rows = np.zeros((5, N_PIXELS), dtype=np.float32)
    rows[0], rows[1], rows[2] = flux, 1 / sigma**2, wavelength
    fits.PrimaryHDU(rows, _header(target)).writeto(path, overwrite=True)


def _header(target: Target) -> fits.Header:
    day = np.datetime64("1858-11-17") + target.mjd
    cards = [
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
    return fits.Header([fits.Card(*card) for card in cards])
