"""The wavelength axis that a header describes, in angstrom whatever its unit and its law.

What a standard header says is worked out by wcslib. Around it stands what real headers say instead
of the standard: names of axes, units and logarithms.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.records import Medium
from active_cnn.spectra.readers import fits_file
from active_cnn.spectra.readers.units import angstroms_a_unit, quantity, without_logarithm

# Outside of this an axis is in another unit, in pixels or of another kind (angstrom).
PLAUSIBLE = (900.0, 100_000.0)

# Greisen et al. (2006), A&A, 446, 747, table 1.
MEDIA = {"WAVE": Medium.VACUUM, "AWAV": Medium.AIR}
OTHER_AXES = {
    "FREQ": "frequencies",
    "AFRQ": "angular frequencies",
    "ENER": "energies",
    "WAVN": "wavenumbers",
    "VRAD": "radio velocities",
    "VOPT": "optical velocities",
    "ZOPT": "redshifts",
    "VELO": "velocities",
    "FELO": "velocities",
    "BETA": "velocities",
}
STANDARD = re.compile(rf"({'|'.join((*MEDIA, *OTHER_AXES))})(-\w*)?")

# What else CTYPE1 may say of an axis that is linear in wavelength or in its logarithm.
OTHER_NAMES = re.compile(r"|LINEAR|LAM.*|WAVELEN.*|ANG.*|LOG.*|LN.*")

# Of pixel and world axes; the standard allows more, but they have nothing to do with a spectrum.
MOST_AXES = 9

METRE = 1e10  # angstrom

# Two axes are the same that differ by less everywhere (angstrom).
SAME = 0.05


@dataclass(frozen=True)
class Law:
    """What the cards of one axis say of its values."""

    number: int
    kind: str
    factors: tuple[float, ...]  # angstroms a unit; of several, the one that gives wavelengths
    bases: tuple[float, ...]  # of the logarithm, likewise

    @property
    def is_standard(self) -> bool:
        """Tell whether wcslib knows what the values are."""
        return self.kind[:4] in MEDIA and not self.bases


def medium_of_axis(kind: str) -> Medium | None:
    """Tell what CTYPE1 says of the medium, if anything."""
    kind = kind.upper()
    if STANDARD.fullmatch(kind):
        return MEDIA.get(kind[:4])
    if "VAC" in kind:
        return Medium.VACUUM
    return Medium.AIR if re.search(r"(?<![A-Z])AIR(?![A-Z])", kind) else None


def spectral_axis(header: fits.Header, shape: tuple[int, ...]) -> int:
    """Number of the axis with the wavelengths, 1 for the one that varies fastest."""
    numbers = range(1, len(shape) + 1)
    kinds = {i: fits_file.text(header, f"CTYPE{i}").upper() for i in numbers}
    named = [i for i, kind in kinds.items() if STANDARD.fullmatch(kind)]
    long = [i for i in numbers if shape[-i] > 1]
    if len(named) == 1:
        return named[0]
    return long[0] if len(long) == 1 else 1


def header_axis(header: fits.Header, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Wavelengths in angstrom along the spectral axis of an image.

    Parameters
    ----------
    header : Header
        With CRVAL1, CRPIX1 (1 if missing) and a step: CDELT1, with PC1_1 if there is one, or CD1_1.
        CTYPE1 may be a standard one (WAVE, AWAV with any law but a table) or what others write.
        DC-FLAG = 1 or a CTYPE1 that begins with LOG means a logarithm; COEFF0 and COEFF1 may stand
        for an axis in log10.
    shape : tuple of int
        Of the image, the fastest axis last.

    Returns
    -------
    ndarray, shape (n_pixels,)

    Raises
    ------
    SpectrumError
        If there is no such axis or it is none of wavelengths.
    """
    number = spectral_axis(header, shape)
    n = shape[-number]
    law = _law(header, number)
    if f"CRVAL{number}" not in header and "COEFF0" in header:
        return coefficient_axis(header, n)
    reference = fits_file.axis_number(header, f"CRVAL{number}")
    row = _steps(header, number, len(shape))
    if math.isnan(reference) or math.isnan(row[number - 1]):
        raise SpectrumError(
            f"has no spectral axis: CRVAL{number} and CDELT{number} or CD{number}_{number} "
            "are not both given"
        )
    if row[number - 1] == 0:
        raise SpectrumError(f"has no usable axis: CDELT{number} is 0")
    found = [
        wavelength
        for factor in law.factors
        for wavelength in _wavelengths(header, law, factor, reference, row, n)
    ]
    plausible = [wavelength for wavelength in found if is_plausible(wavelength)]
    wavelength = (plausible or found)[0]
    if not {"COEFF0", "COEFF1"} <= set(header):
        return wavelength
    # Of SDSS and LAMOST, whose CRVAL1 is COEFF0 under whatever name of the axis.
    by_coefficients = coefficient_axis(header, n)
    if not plausible and reference == fits_file.axis_number(header, "COEFF0"):
        return by_coefficients
    if plausible and is_plausible(by_coefficients) and not agree(wavelength, by_coefficients):
        raise SpectrumError(
            f"contradicts itself about its wavelengths: {wavelength[0]:.2f}-{wavelength[-1]:.2f} Å "
            f"by CRVAL{number}, {by_coefficients[0]:.2f}-{by_coefficients[-1]:.2f} Å by COEFF0"
        )
    return wavelength


def _law(header: fits.Header, number: int) -> Law:
    kind = fits_file.text(header, f"CTYPE{number}").upper()
    name = f"CTYPE{number} = {fits_file.text(header, f'CTYPE{number}')!r}"
    if STANDARD.fullmatch(kind) and kind[:4] not in MEDIA:
        raise SpectrumError(f"has no usable axis: {name} are {OTHER_AXES[kind[:4]]}, "
                            "expected wavelengths")  # fmt: skip
    if kind.endswith("-TAB"):
        raise SpectrumError(f"has no usable axis: {name} is in a table, which is not read")
    if not STANDARD.fullmatch(kind) and not OTHER_NAMES.fullmatch(kind):
        raise SpectrumError(f"has no usable axis: {name}, expected wavelengths")
    if fits_file.number(header, "DC-FLAG") == -1:
        raise SpectrumError("is not calibrated in wavelength: DC-FLAG = -1")
    unit, base = without_logarithm(fits_file.text(header, f"CUNIT{number}"))
    bases: tuple[float, ...] = (base,) if base else ()
    if not STANDARD.fullmatch(kind[:4]) and re.search(r"LOG|^LN", kind):
        # "log" is log10 for most and ln for some; no wavelength is plausible as both.
        bases = bases or ((10.0, math.e) if "LOG" in kind else (math.e,))
    elif fits_file.number(header, "DC-FLAG") == 1 and "-" not in kind:
        bases = bases or (10.0,)
    return Law(number, kind, _factors(header, number, unit, kind), bases)


def _factors(header: fits.Header, number: int, unit: str, kind: str) -> tuple[float, ...]:
    factor = angstroms_a_unit(unit)
    if factor is not None:
        return (factor,)
    # IRAF says the unit in WAT1, whatever another program has put into CUNIT1 (deg, pixel).
    cards = (fits_file.text(header, f"WAT{number}_{i:03d}") for i in range(1, 4))
    said = re.search(r"units=\"?([^\s\"]+)", "".join(card.ljust(68) for card in cards))
    in_iraf = said[1] if said else ""
    factor = angstroms_a_unit(in_iraf)
    if factor is not None and quantity(unit) in ("", "angle"):
        return (factor,)
    if unit or in_iraf:
        wrong = unit or in_iraf
        is_in = f"{wrong!r} ({quantity(wrong)})" if quantity(wrong) else repr(wrong)
        raise SpectrumError(f"has no usable axis: it is in {is_in}, expected wavelengths")
    # Metres by the standard, but many forget the card.
    return (METRE, 1.0) if kind[:4] in MEDIA else (1.0,)


def _wavelengths(
    header: fits.Header,
    law: Law,
    factor: float,
    reference: float,
    row: list[float],
    n: int,
) -> list[NDArray[np.float64]]:
    if law.is_standard:
        scale = factor / METRE
        metres = _world(header, law, reference * scale, [step * scale for step in row], n)
        return [METRE * metres]
    values = _world(header, law, reference, row, n)
    if not law.bases:
        return [factor * values]
    with np.errstate(over="ignore"):
        return [factor * np.power(base, values) for base in law.bases]


def _world(
    header: fits.Header, law: Law, reference: float, row: list[float], n: int
) -> NDArray[np.float64]:
    # Imported here: LAMOST, of which there are millions of files, does not need it.
    from astropy.wcs import WCS

    axis = law.number - 1
    at = [fits_file.axis_number(header, f"CRPIX{i + 1}", default=1.0) for i in range(len(row))]
    # The other axes have one pixel: what they add is as good as another reference pixel.
    beside = sum(step * (1 - at[i]) for i, step in enumerate(row) if i != axis)
    wcs = WCS(naxis=1)
    wcs.wcs.crpix = [at[axis] - beside / row[axis]]
    wcs.wcs.cdelt, wcs.wcs.crval = [row[axis]], [reference]
    if law.is_standard:
        wcs.wcs.ctype, wcs.wcs.cunit = [law.kind], ["m"]
        wcs.wcs.restwav = fits_file.axis_number(header, "RESTWAV", 0.0)
        wcs.wcs.restfrq = fits_file.axis_number(header, "RESTFRQ", 0.0)
        keys = {i: f"PV{law.number}_{i}" for i in range(7)}
        wcs.wcs.set_pv(
            [(1, i, fits_file.axis_number(header, key)) for i, key in keys.items() if key in header]
        )
    try:
        pixels = np.arange(1, n + 1, dtype=np.float64)
        return np.asarray(wcs.wcs_pix2world(pixels[:, None], 1)[:, 0], dtype=np.float64)
    except ValueError as error:  # of which every error of wcslib is one
        reason = str(error).strip().splitlines()[-1][:120].rstrip(".")
        raise SpectrumError(
            f"has no usable axis: CTYPE{law.number} = {law.kind!r}: {reason}"
        ) from error


def _steps(header: fits.Header, number: int, n_dimensions: int) -> list[float]:
    """What a step along each pixel axis adds to the spectral one; NaN if that is not given."""
    n_said = fits_file.integer(header, "WCSAXES") or 0
    others = range(1, min(max(n_dimensions, n_said), MOST_AXES) + 1)
    cd = [fits_file.axis_number(header, f"CD{number}_{j}", 0.0) for j in others]
    pc_keys = [_pc_key(header, number, j) for j in others]
    pc = [
        fits_file.axis_number(header, key, float(j == number))
        for j, key in zip(others, pc_keys, strict=True)
    ]
    has_pc = any(key in header for key in pc_keys)
    cdelt = fits_file.axis_number(header, f"CDELT{number}", 1.0 if has_pc else math.nan)
    if not any(cd):
        return [cdelt * element for element in pc]
    here, elsewhere = cd[number - 1], cdelt * pc[number - 1]
    if here == 0:
        raise SpectrumError(f"has no usable axis: CD{number}_{number} is 0")
    # In the standard CD1_1 overrules CDELT1, which is then 1 or missing; programs that write both
    # write them equal, and a file that was edited in one of them only cannot be trusted.
    is_said = has_pc or not (math.isnan(cdelt) or cdelt in (0, 1))
    if is_said and not math.isclose(here, elsewhere, rel_tol=1e-6):
        of = f"CDELT{number}" + (f" × PC{number}_{number}" if has_pc else "")
        raise SpectrumError(
            f"has no usable axis: CD{number}_{number} = {here:g} contradicts {of} = {elsewhere:g}"
        )
    return cd


def _pc_key(header: fits.Header, i: int, j: int) -> str:
    older = f"PC{i:03d}{j:03d}"  # of the drafts before the standard
    return older if older in header else f"PC{i}_{j}"


def from_log10(log_wavelength: NDArray[np.floating]) -> NDArray[np.float64]:
    """Wavelengths in angstrom; infinite where the logarithm cannot be one of a wavelength."""
    with np.errstate(over="ignore"):
        return np.power(10.0, log_wavelength)


def coefficient_axis(header: fits.Header, n: int) -> NDArray[np.float64]:
    """Wavelengths in angstrom by COEFF0 and COEFF1, as SDSS and LAMOST write them, shape (n,).

    Raises
    ------
    SpectrumError
        If one of the two is missing.
    """
    first = fits_file.axis_number(header, "COEFF0")
    step = fits_file.axis_number(header, "COEFF1")
    if math.isnan(first) or math.isnan(step):
        raise SpectrumError("has no spectral axis: COEFF0 and COEFF1 are not both given")
    with np.errstate(over="ignore", invalid="ignore"):  # a damaged header can hold any number
        return from_log10(np.asarray(first + step * np.arange(n), dtype=np.float64))


def agree(
    wavelength: NDArray[np.float64], other: NDArray[np.floating], tolerance: float = 0.1
) -> bool:
    """Tell whether two axes are the same everywhere, to 0.05 Å or `tolerance` pixels."""
    with np.errstate(invalid="ignore"):  # infinite wavelengths agree with nothing
        difference = np.abs(wavelength - other)
        if difference.max() <= SAME:
            return True
        allowed = np.maximum(tolerance * np.abs(np.diff(wavelength)), SAME)
        return bool((difference[:-1] <= allowed).all() and (difference[1:] <= allowed).all())


def is_plausible(wavelength: NDArray[np.float64]) -> bool:
    """Tell whether the ends of an axis are optical or infrared wavelengths in angstrom."""
    first, last = sorted((float(wavelength[0]), float(wavelength[-1])))
    return PLAUSIBLE[0] <= first < last <= PLAUSIBLE[1]


def refuse_implausible(wavelength: NDArray[np.float64]) -> None:
    """Refuse an axis whose ends are no optical or infrared wavelengths in angstrom."""
    if not is_plausible(wavelength):
        first, last = sorted((float(wavelength[0]), float(wavelength[-1])))
        raise SpectrumError(
            f"has no usable axis: it runs from {first:g} to {last:g}, not in wavelengths in Å"
        )
