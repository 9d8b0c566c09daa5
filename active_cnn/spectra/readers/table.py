"""Any other spectrum that is a table: a column of flux, one of wavelengths with its unit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.records import Medium, Spectrum
from active_cnn.spectra.readers import companions, fits_file, surveys
from active_cnn.spectra.readers.assembly import assemble, ivar_of
from active_cnn.spectra.readers.units import angstroms_a_unit, quantity, without_logarithm

WAVELENGTH = re.compile(
    r"(?P<name>waves?|wavelengths?|lambda|lam|spectral_axis)(_?(?P<medium>air|vac|vacuum))?"
)
OTHER_AXIS = re.compile(r"freq(uency)?|energy|wavenumber|(speed/)?velocity|redshift")
FLUX = ("flux",)
IVAR = ("ivar", "invvar")
SIGMA = ("err", "error", "sigma", "flux_err", "flux_error", "err_flux", "e_flux", "uncertainty")


def recognises(hdus: fits.HDUList) -> bool:
    """Tell whether there is such a table."""
    return bool(_tables(hdus))


def _tables(hdus: fits.HDUList) -> list[Any]:
    tables = [hdu for hdu in companions.extensions(hdus) if _wavelengths(hdu) and _first(hdu, FLUX)]
    return [hdu for hdu in tables if fits_file.n_rows(hdu)] or tables


def _wavelengths(hdu: Any) -> str:
    names = fits_file.column_names(hdu)
    found = [name for name in names if WAVELENGTH.fullmatch(name)]
    return next(iter(found or [name for name in names if OTHER_AXIS.fullmatch(name)]), "")


def _first(hdu: Any, names: tuple[str, ...]) -> str:
    known = fits_file.column_names(hdu)
    return next((name for name in names if name in known), "")


def read(hdus: fits.HDUList, path: Path) -> Spectrum:
    """Read it."""
    tables = _tables(hdus)
    if len(tables) > 1:
        raise SpectrumError(f"holds spectra in {len(tables)} tables: expected one a file")
    table = tables[0]
    flux_name, name = _first(table, FLUX), _wavelengths(table)
    n_a_row, n = (np.size(fits_file.cell(table, one)) for one in (flux_name, name))
    if n == 1 < n_a_row:
        raise SpectrumError(f"holds {n_a_row} spectra in column {flux_name!r}: expected one a file")
    flux = fits_file.column(table, flux_name)
    wavelength = _in_angstrom(table, name)
    headers = surveys.headers_of(hdus, table)
    return assemble(
        path,
        _medium(table, name, headers, wavelength),
        wavelength,
        flux,
        _ivar(table),
        _bad(table),
        **surveys.describe(headers),
    )


def _in_angstrom(table: Any, name: str) -> NDArray[np.float64]:
    written = fits_file.column_unit(table, name)
    if not written:
        raise SpectrumError(f"does not say the unit of its axis: column {name!r} has no TUNIT")
    unit, base = without_logarithm(written)
    factor = angstroms_a_unit(unit)
    if factor is None:
        is_in = f"{written!r} ({quantity(unit)})" if quantity(unit) else repr(written)
        raise SpectrumError(f"has no usable axis: it is in {is_in}, expected wavelengths")
    values = fits_file.column(table, name)
    with np.errstate(over="ignore"):
        return factor * (values if base is None else np.power(base, values))


def _medium(
    table: Any, name: str, headers: surveys.Headers, wavelength: NDArray[np.float64]
) -> Medium:
    match = WAVELENGTH.fullmatch(name)
    if match and match["medium"]:
        return Medium.AIR if match["medium"] == "air" else Medium.VACUUM
    ucd = fits_file.column_card(table, name, "TUCD")
    if "obs.atmos" in ucd:
        return Medium.AIR
    # "ESO Science Data Products Standard": em.wl alone is in vacuum.
    if ucd == "em.wl" and surveys.text(headers, "ORIGIN").upper().startswith("ESO"):
        return surveys.medium(headers, Medium.VACUUM)
    return surveys.medium(headers, wavelength=wavelength)


def _ivar(table: Any) -> NDArray[np.float64] | None:
    if name := _first(table, IVAR):
        ivar = fits_file.column(table, name)
    elif name := _first(table, SIGMA):
        # In another unit than the flux, an uncertainty is no standard deviation.
        if fits_file.column_unit(table, name) != fits_file.column_unit(table, _first(table, FLUX)):
            return None
        ivar = ivar_of(fits_file.column(table, name))
    else:
        return None
    ivar = np.where(np.isfinite(ivar) & (ivar > 0), ivar, 0.0)
    return ivar if ivar.any() else None


def _bad(table: Any) -> NDArray[np.bool_] | None:
    # Of logical values, as specutils writes them: true is bad, as in numpy.
    if not re.fullmatch(r"\d*L", fits_file.column_card(table, "mask", "TFORM")):
        return None
    bad = fits_file.column(table, "mask") != 0
    return None if bad.all() else bad
