"""SDSS and BOSS, R ≈ 2000: tables (``spec-*.fits``, DR8 on) and images (``spSpec``, to DR7)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.records import Medium, Spectrum
from active_cnn.spectra.readers import companions, fits_file, surveys
from active_cnn.spectra.readers.assembly import assemble, bad_pixels, ivar_of
from active_cnn.spectra.readers.axis import coefficient_axis, from_log10
from active_cnn.spectra.readers.position import on_sky
from active_cnn.wording import one_or_many

# SN_MEDIAN holds u, g, r, i, z.
R_BAND = 2

# Rows of an spSpec: flux, continuum-subtracted flux, noise (standard deviation), mask, and more.
N_ROWS = range(4, 7)


def recognises(hdus: fits.HDUList) -> bool:
    """Tell whether this is a table with LOGLAM and FLUX, or an SDSS image with COEFF0."""
    return _is_image(hdus) or {"loglam", "flux"} <= set(
        fits_file.column_names(fits_file.extension(hdus, 1))
    )


def _is_image(hdus: fits.HDUList) -> bool:
    header = hdus[0].header
    return (
        surveys.is_sdss((header,))
        and len(fits_file.image_shape(hdus[0])) == 2
        and "COEFF0" in header
    )


def read(hdus: fits.HDUList, path: Path) -> Spectrum:
    """Read it."""
    return _read_image(hdus, path) if _is_image(hdus) else _read_table(hdus, path)


def _read_table(hdus: fits.HDUList, path: Path) -> Spectrum:
    table = hdus[1]
    headers = surveys.headers_of(hdus, table)
    names = fits_file.column_names(table)
    ivar = fits_file.column(table, "ivar") if "ivar" in names else None
    mask = None
    if ivar is not None and "and_mask" in names:
        mask = bad_pixels(fits_file.column(table, "and_mask"), ivar)
    said = surveys.describe(headers, surveys.SDSS)
    return assemble(
        path,
        surveys.medium(headers, Medium.VACUUM),
        from_log10(fits_file.column(table, "loglam")),
        fits_file.column(table, "flux"),
        ivar,
        mask,
        **_with_catalogue(said, fits_file.extension(hdus, 2)),
    )


def _with_catalogue(said: dict[str, Any], catalogue: Any) -> dict[str, Any]:
    if math.isnan(said["ra"]):
        said["ra"], said["dec"] = on_sky(
            fits_file.as_number(fits_file.cell(catalogue, "plug_ra", "ra")),
            fits_file.as_number(fits_file.cell(catalogue, "plug_dec", "dec")),
        )
    snr = np.ravel(fits_file.cell(catalogue, "sn_median"))
    if snr.size > R_BAND:
        said["snr_r"] = fits_file.as_number(snr[R_BAND])
    parts = [str(fits_file.cell(catalogue, name) or "").strip() for name in ("class", "subclass")]
    if any(parts):
        said["pipeline_class"] = " ".join(parts).strip()
    return said


def _read_image(hdus: fits.HDUList, path: Path) -> Spectrum:
    header, rows = hdus[0].header, fits_file.array(hdus[0])
    n_rows = len(rows)
    if n_rows > max(N_ROWS) or _is_plate(hdus, rows):
        raise SpectrumError(
            f"holds {n_rows} {one_or_many(n_rows, 'spectrum', 'spectra')}: it is an SDSS plate "
            "(spPlate), which is not read yet; "
            "take the spec files of its fibres"
        )
    if n_rows not in N_ROWS:
        raise SpectrumError(f"is no SDSS spectrum: {n_rows} rows, expected at least {min(N_ROWS)}")
    flux, ivar, mask = rows[0], ivar_of(rows[2]), rows[3]
    return assemble(
        path,
        surveys.medium((header,), Medium.VACUUM),
        coefficient_axis(header, rows.shape[1]),
        flux,
        ivar,
        bad_pixels(mask, ivar),
        **surveys.describe((header,)),
    )


def _is_plate(hdus: fits.HDUList, rows: NDArray[np.float64]) -> bool:
    """Tell a plate (spPlate), with a fibre a row, from the rows of one fibre."""
    others = (hdu for hdu in companions.images(hdus) if hdu is not hdus[0])
    if any(fits_file.image_shape(hdu) == rows.shape for hdu in others):
        return True
    # Marks of bad pixels are whole numbers, as no fluxes are.
    return len(rows) in N_ROWS and bool((rows[3] != np.round(rows[3])).any())
