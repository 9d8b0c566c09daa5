"""Where an object is on the sky, in ICRS, whatever system and equinox its header uses."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any

from astropy.io import fits

from active_cnn.spectra.readers import fits_file
from active_cnn.spectra.sky import is_place

UNKNOWN = (math.nan, math.nan)

# Between these a year is an equinox; FK4 ended with 1984.
EQUINOXES = (1800.0, 2100.0)
FIRST_OF_FK5 = 1984.0

SYSTEMS = ("FK4-NO-E", "FK4", "FK5", "ICRS")
SYSTEM_CARDS = ("RADESYS", "RADECSYS", "RADESYSA", "COORDSYS")
EQUINOX_CARDS = ("EQUINOX", "EQUINOXA")
EPOCH_CARDS = ("EPOCH",)

# Apparent places, galactic ones and others that are not brought to ICRS here.
ELSEWHERE = "elsewhere"
SAME = ("ICRS", "")


def position(
    header: fits.Header,
    ra_keys: tuple[str, ...],
    dec_keys: tuple[str, ...],
    others: tuple[fits.Header, ...] = (),
) -> tuple[float, float]:
    """Give right ascension and declination in ICRS degrees; (NaN, NaN) unless both are known.

    Numbers are degrees; sexagesimal texts are hours in right ascension and degrees in declination.

    Parameters
    ----------
    header : Header
        With the position.
    ra_keys, dec_keys : tuple of str
        Its cards.
    others : tuple of Header
        Where the system and its equinox are looked for, each if `header` does not tell it.
    """
    ra, dec = as_written(header, ra_keys, dec_keys)
    return UNKNOWN if math.isnan(ra) else in_icrs(ra, dec, header, *others)


def as_written(
    header: fits.Header, ra_keys: tuple[str, ...], dec_keys: tuple[str, ...]
) -> tuple[float, float]:
    """Give the position in degrees of whatever system it is in, or (NaN, NaN)."""
    ra = _angle(header, ra_keys, degrees_a_unit=15.0)
    dec = _angle(header, dec_keys, degrees_a_unit=1.0)
    return on_sky(ra, dec)


def on_sky(ra: float, dec: float) -> tuple[float, float]:
    """Give the position back, or (NaN, NaN) if it is not one."""
    return (ra, dec) if is_place(ra, dec) else UNKNOWN


def in_icrs(ra: float, dec: float, *headers: fits.Header) -> tuple[float, float]:
    """Bring a position from the system that the headers tell to ICRS; of each card, the first.

    References
    ----------
    Pence et al. (2010), A&A, 524, A42, section 8.3: RADESYS, EQUINOX and what they mean alone;
    EPOCH is an older name of EQUINOX, but the day of observation in many headers.
    """
    frame = _frame(*(_said(headers, cards) for cards in (SYSTEM_CARDS, EQUINOX_CARDS, EPOCH_CARDS)))
    if frame is None:
        return UNKNOWN
    return (ra, dec) if frame is SAME else _transformed(ra, dec, *frame)


def _said(headers: tuple[fits.Header, ...], cards: tuple[str, ...]) -> str:
    return next((said for header in headers if (said := fits_file.text(header, *cards))), "")


@lru_cache(maxsize=256)  # a survey has one system
def _frame(system: str, equinox: str, epoch: str) -> tuple[str, str] | None:
    """Name the frame and its equinox, as astropy writes it; SAME for ICRS, None if not known."""
    system, equinox, epoch = system.upper(), equinox.upper(), epoch.upper()
    system, in_system = _system(system)
    if equinox and math.isnan(_year(equinox)):
        # Some write the system here: FK4, ICRS, APPARENT.
        named, equinox = _system(equinox)
        if not named and not equinox:
            return None
        system = system or named
    equinox = _year_text(equinox) or in_system
    if system == "ICRS":
        return SAME
    if not equinox and (epoch := _year_text(epoch)):
        # A whole year alone is an equinox. Another is more likely the day of observation, and with
        # which equinox the position goes is not said.
        if not _year(epoch).is_integer():
            return None
        equinox = epoch
    year = _year(equinox) if equinox else 1950.0 if system.startswith("FK4") else 2000.0
    if system == ELSEWHERE or not EQUINOXES[0] <= year <= EQUINOXES[1]:
        return None
    if not system:
        is_old = equinox.startswith("B") or (not equinox.startswith("J") and year < FIRST_OF_FK5)
        system = "FK4" if is_old else "FK5"
    # At J2000, FK5 is ICRS to 0.03″.
    if system == "FK5" and year == 2000.0:
        return SAME
    return system, f"{'J' if system == 'FK5' else 'B'}{year}"


def _system(written: str) -> tuple[str, str]:
    """Split a text in capitals into a system and, if it tells that too, an equinox."""
    known = next((name for name in SYSTEMS if name in written), "")
    equinox = re.search(r"(?<![\d-])[BJ]?\d{4}(\.\d*)?(?![\d-])", written)  # and no date
    if not known and re.search(r"APP|GAL|ECL|AZ", written):
        known = ELSEWHERE
    return known, equinox[0] if equinox else ""


def _year_text(written: str) -> str:
    """Give back what is a year; empty for 0 and for anything else."""
    return written if _year(written) > 0 else ""


def _year(written: str) -> float:
    match = re.fullmatch(r"[BJ]?\s*([+-]?[\d.]+)", written)
    return fits_file.as_number(match[1]) if match else math.nan


def _transformed(ra: float, dec: float, system: str, equinox: str) -> tuple[float, float]:
    # Imported here: it takes longer than reading a thousand spectra, and few need it.
    from astropy import coordinates, units

    frames: dict[str, Any] = {
        "FK4": coordinates.FK4,
        "FK4-NO-E": coordinates.FK4NoETerms,
        "FK5": coordinates.FK5,
    }
    frame = frames[system](equinox=equinox)
    there = coordinates.SkyCoord(ra * units.deg, dec * units.deg, frame=frame)
    icrs = there.transform_to(coordinates.ICRS())
    return float(icrs.ra.deg), float(icrs.dec.deg)


def _angle(header: fits.Header, keys: tuple[str, ...], degrees_a_unit: float) -> float:
    for key in keys:
        value = fits_file.number(header, key)
        if math.isfinite(value):
            return value
        value = degrees_a_unit * sexagesimal(fits_file.text(header, key))
        if math.isfinite(value):
            return value
    return math.nan


def sexagesimal(written: str) -> float:
    """Read ``-05:26:37`` or ``23 17 22.7`` in its own unit; NaN for anything else."""
    parts = written.replace(":", " ").split()
    numbers = [fits_file.as_number(part) for part in parts]
    if len(parts) != 3 or not all(math.isfinite(part) for part in numbers):
        return math.nan
    size = abs(numbers[0]) + numbers[1] / 60 + numbers[2] / 3600
    return -size if parts[0].startswith("-") else size
