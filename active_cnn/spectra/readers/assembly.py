"""What every reader ends with: arrays in order and checked, and a Spectrum out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.names import unpacked
from active_cnn.plain_text import MOST_TEXT, plain
from active_cnn.records import Medium, Spectrum
from active_cnn.spectra.readers.axis import refuse_implausible

# An error of so many times the usual one is none, but a mark.
MOST_ERROR = 1e6


def assemble(
    path: Path,
    medium: Medium,
    wavelength: NDArray[np.float64],
    flux: NDArray[np.float64],
    ivar: NDArray[np.float64] | None = None,
    mask: NDArray[np.bool_] | None = None,
    **metadata: Any,
) -> Spectrum:
    """Put a spectrum together, its wavelengths increasing.

    Parameters
    ----------
    path : Path
        The file; its name without a suffix such as ``.gz`` becomes the identifier.
    medium : Medium
        What `wavelength` is measured in.
    wavelength, flux, ivar, mask : ndarray, shape (n_pixels,)
        As the file gives them; a descending axis is turned round with all that belongs to it.
    **metadata
        The other fields of `Spectrum`; texts are made plain, of at most `MOST_TEXT` characters.

    Raises
    ------
    SpectrumError
        If the wavelengths are not a wavelength axis in angstrom of the length of the flux.
    """
    if wavelength.shape != flux.shape or wavelength.ndim != 1:
        raise SpectrumError(
            f"has no usable axis: {wavelength.size} wavelengths for {flux.size} fluxes"
        )
    for name, values in (("errors", ivar), ("marks of bad pixels", mask)):
        if values is not None and values.shape != flux.shape:
            raise SpectrumError(f"is damaged: {values.size} {name} for {flux.size} fluxes")
    if flux.size < 2:
        raise SpectrumError(f"holds no spectrum: {flux.size} pixels")
    with np.errstate(invalid="ignore"):  # infinite wavelengths are refused by their steps
        steps = np.diff(wavelength)
    if not np.isfinite(steps).all() or not ((steps > 0).all() or (steps < 0).all()):
        raise SpectrumError(
            "has no usable axis: its wavelengths do not increase from pixel to pixel"
        )
    refuse_implausible(wavelength)
    for name, value in metadata.items():
        if isinstance(value, str):
            metadata[name] = plain(value, MOST_TEXT)
    order = slice(None, None, -1) if steps[0] < 0 else slice(None)
    return Spectrum(
        identifier=unpacked(path.name),
        wavelength=np.ascontiguousarray(wavelength[order]),
        flux=np.ascontiguousarray(flux[order]),
        medium=medium,
        ivar=None if ivar is None else np.ascontiguousarray(ivar[order]),
        mask=None if mask is None else np.ascontiguousarray(mask[order]),
        path=str(path),
        **metadata,
    )


def bad_pixels(flags: NDArray[np.float64], ivar: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Pixels that are flagged or have no weight, shape of both.

    Raises
    ------
    SpectrumError
        If the two differ in length.
    """
    if flags.shape != ivar.shape:
        raise SpectrumError(f"is damaged: {flags.size} marks of bad pixels for {ivar.size} errors")
    return (flags != 0) | (ivar == 0)


def ivar_of(noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse variance of a standard deviation, shape of `noise`; 0 where there is none.

    Errors such as 1e10 or 1e30 are how some say that a pixel has no value.
    """
    with np.errstate(all="ignore"):
        ivar = 1.0 / noise**2
    is_known = (noise > 0) & np.isfinite(ivar)
    if is_known.any():
        is_known &= noise < MOST_ERROR * np.median(noise[is_known])
    return np.where(is_known, ivar, 0.0)
