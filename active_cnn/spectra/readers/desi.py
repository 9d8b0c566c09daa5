"""DESI coadds and spectra, in vacuum: the arms of one target are joined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.records import Medium, Spectrum
from active_cnn.spectra.readers import fits_file, surveys
from active_cnn.spectra.readers.assembly import assemble
from active_cnn.spectra.readers.position import on_sky

# By the resolution matrix of a coadd, a Gaussian of 0.81 pixels of 0.8 Å at 6563 Å.
RESOLVING_POWER = 4300.0

# Alone, or joined by desispec's coadd_cameras.
ARMS = ("B", "R", "Z", "BR", "RZ", "BZ", "BRZ")

# The arms share one grid of 0.8 Å where they overlap; so near are two wavelengths the same.
SAME = 1e-4  # angstrom


def recognises(hdus: fits.HDUList) -> bool:
    """Tell whether this is a DESI file of spectra or coadds."""
    return fits_file.extension(hdus, "FIBERMAP") is not None and bool(_arms(hdus))


def _arms(hdus: fits.HDUList) -> list[str]:
    return [
        arm
        for arm in ARMS
        if len(fits_file.image_shape(fits_file.extension(hdus, f"{arm}_FLUX"))) == 2
    ]


def read(hdus: fits.HDUList, path: Path) -> Spectrum:
    """Read its only target."""
    arms = _arms(hdus)
    n_spectra = fits_file.image_shape(hdus[f"{arms[0]}_FLUX"])[0]
    # Which of its spectra is meant cannot be said by a path.
    target = fits_file.extension(hdus, "FIBERMAP")
    if n_spectra != 1 and fits_file.n_distinct(target, "targetid") == 1:
        raise SpectrumError(f"holds {n_spectra} spectra of one target: coadd its exposures first")
    if n_spectra != 1:
        raise SpectrumError(f"holds {n_spectra} spectra: save each target to a file of its own")
    wavelength, flux, ivar, bad = _joined([_arm(hdus, arm) for arm in arms])
    headers = surveys.headers_of(hdus, hdus[f"{arms[0]}_FLUX"])
    return assemble(
        path,
        surveys.medium(headers, Medium.VACUUM),
        wavelength,
        flux,
        ivar,
        bad,
        resolving_power=RESOLVING_POWER,
        **_target(target),
        snr_r=fits_file.as_number(
            fits_file.cell(fits_file.extension(hdus, "SCORES"), "median_coadd_snr_r")
        ),
    )


def _target(table: Any) -> dict[str, Any]:
    """Name and position of the only row of a FIBERMAP."""
    if fits_file.n_rows(table) != 1:
        return {}
    number = fits_file.cell(table, "targetid")
    name = str(fits_file.cell(table, "desiname") or "").strip()
    ra, dec = on_sky(
        *(fits_file.as_number(fits_file.cell(table, f"target_{axis}")) for axis in ("ra", "dec"))
    )
    unnamed = "" if number is None else f"DESI {number}"
    return {"designation": name or unnamed, "ra": ra, "dec": dec}


def _arm(hdus: fits.HDUList, arm: str) -> list[NDArray[np.float64]]:
    """Wavelength, flux, inverse variance and mask (1 is bad) of an arm, shape (n_pixels,) each."""
    parts = {}
    for part in ("WAVELENGTH", "FLUX", "IVAR", "MASK"):
        hdu = fits_file.extension(hdus, f"{arm}_{part}")
        if fits_file.image_shape(hdu):
            parts[part] = fits_file.array(hdu).ravel()
    missing = {"WAVELENGTH", "FLUX", "IVAR"} - set(parts)
    if missing:
        raise SpectrumError(f"has no extension {arm}_{min(missing)}")
    if len({part.size for part in parts.values()}) != 1:
        raise SpectrumError(f"has no usable axis: the parts of its arm {arm} differ in length")
    bad = (parts.get("MASK", np.zeros_like(parts["FLUX"])) != 0) | ~(parts["IVAR"] > 0)
    return [parts["WAVELENGTH"], parts["FLUX"], parts["IVAR"], bad.astype(np.float64)]


def _joined(arms: list[list[NDArray[np.float64]]]) -> list[Any]:
    """Join arms, weighted by inverse variance where they overlap, as desispec does."""
    wavelength, flux, ivar, bad = (np.concatenate(parts) for parts in zip(*arms, strict=True))
    order = np.argsort(wavelength, kind="stable")
    wavelength, flux, ivar, bad = (part[order] for part in (wavelength, flux, ivar, bad))
    starts = np.flatnonzero(np.diff(wavelength, prepend=-np.inf) > SAME)
    weight = np.where(bad == 0, ivar, 0.0)
    total = np.add.reduceat(weight, starts)
    weighted = np.add.reduceat(weight * np.where(weight > 0, flux, 0.0), starts)
    count = np.diff(np.append(starts, wavelength.size))
    mean = np.add.reduceat(flux, starts) / count
    joined = np.where(total > 0, weighted / np.where(total > 0, total, 1.0), mean)
    return [wavelength[starts], joined, total, total == 0]
