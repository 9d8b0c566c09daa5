"""SDSS and BOSS, R ≈ 2000: tables (``spec-*.fits``, DR8 on) and images (``spSpec``, to DR7)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from active_cnn.errors import SpectrumError
from active_cnn.records import Medium, Spectrum
from active_cnn.spectra.readers import fits_file
from active_cnn.spectra.readers.assembly import assemble, ivar_of
from active_cnn.spectra.readers.axis import coefficient_axis, from_log10

# York et al. (2000), AJ, 120, 1579; Smee et al. (2013), AJ, 146, 32: 1500-2600 with wavelength.
RESOLVING_POWER = 2000.0

# SPEC_CLN of the spSpec files, by its number.
SPECTRAL_CLASSES = (
    "UNKNOWN",
    "STAR",
    "GALAXY",
    "QSO",
    "HIZ_QSO",
    "SKY",
    "STAR_LATE",
    "GAL_EM",
)

# SN_MEDIAN holds u, g, r, i, z.
R_BAND = 2

# DR18 shows the spectra of all releases before it too.
PAGE = "https://dr18.sdss.org/optical/spectrum/view?plateid={}&mjd={}&fiberid={}"


def recognises(hdus: fits.HDUList) -> bool:
    """Tell whether this is a table with LOGLAM and FLUX, or an SDSS image with COEFF0."""
    return _is_image(hdus) or {"loglam", "flux"} <= set(
        fits_file.column_names(fits_file.extension(hdus, 1))
    )


def _is_sdss(header: fits.Header) -> bool:
    return fits_file.text(header, "TELESCOP").upper().startswith("SDSS")


def _is_image(hdus: fits.HDUList) -> bool:
    header = hdus[0].header
    return _is_sdss(header) and len(fits_file.image_shape(hdus[0])) == 2 and "COEFF0" in header


def read(hdus: fits.HDUList, path: Path) -> Spectrum:
    """Read it."""
    return _read_image(hdus[0], path) if _is_image(hdus) else _read_table(hdus, path)


def _read_table(hdus: fits.HDUList, path: Path) -> Spectrum:
    header, table = hdus[0].header, hdus[1]
    names = fits_file.column_names(table)
    ivar = fits_file.column(table, "ivar") if "ivar" in names else None
    mask = None
    if ivar is not None and "and_mask" in names:
        mask = (fits_file.column(table, "and_mask") != 0) | (ivar == 0)
    return assemble(
        path,
        fits_file.medium(header, Medium.VACUUM),
        from_log10(fits_file.column(table, "loglam")),
        fits_file.column(table, "flux"),
        ivar,
        mask,
        resolving_power=RESOLVING_POWER,
        **_catalogue(header, fits_file.extension(hdus, 2)),
        page=_page(header),
    )


def _catalogue(header: fits.Header, catalogue: Any) -> dict[str, Any]:
    # RA and DEC of the header are those of the plate; the object's are PLUG_RA and PLUG_DEC.
    ra, dec = fits_file.position(header, ("PLUG_RA",), ("PLUG_DEC",))
    if np.isnan(ra):
        ra, dec = fits_file.on_sky(
            fits_file.as_number(fits_file.cell(catalogue, "plug_ra", "ra")),
            fits_file.as_number(fits_file.cell(catalogue, "plug_dec", "dec")),
        )
    snr = np.ravel(fits_file.cell(catalogue, "sn_median"))
    pipeline_class = [fits_file.cell(catalogue, name) or "" for name in ("class", "subclass")]
    return {
        "ra": ra,
        "dec": dec,
        "snr_r": fits_file.as_number(snr[R_BAND]) if snr.size > R_BAND else float("nan"),
        "pipeline_class": " ".join(str(part).strip() for part in pipeline_class).strip(),
    }


def _read_image(hdu: Any, path: Path) -> Spectrum:
    header = hdu.header
    rows = fits_file.array(hdu)
    if len(rows) < 4:
        raise SpectrumError(f"is no SDSS spectrum: {len(rows)} rows, expected at least 4")
    # Rows: flux, continuum-subtracted flux, noise (standard deviation), mask.
    flux, ivar, mask = rows[0], ivar_of(rows[2]), rows[3]
    ra, dec = fits_file.position(header, ("RAOBJ",), ("DECOBJ",))
    return assemble(
        path,
        fits_file.medium(header, Medium.VACUUM),
        coefficient_axis(header, rows.shape[1]),
        flux,
        ivar,
        (mask != 0) | (ivar == 0),
        resolving_power=RESOLVING_POWER,
        ra=ra,
        dec=dec,
        snr_r=fits_file.number(header, "SN_R"),
        pipeline_class=_spectral_class(fits_file.number(header, "SPEC_CLN")),
        page=_page(header),
    )


def _page(header: fits.Header) -> str:
    # Other surveys write the same tables, with plates of their own.
    numbers = [fits_file.integer(header, key) for key in ("PLATEID", "MJD", "FIBERID")]
    if not _is_sdss(header) or not all(n is not None and 0 < n < 1_000_000 for n in numbers):
        return ""
    return PAGE.format(*numbers)


def _spectral_class(code: float) -> str:
    return SPECTRAL_CLASSES[int(code)] if 0 <= code < len(SPECTRAL_CLASSES) else ""
