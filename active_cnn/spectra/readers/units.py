"""Units of wavelength as headers spell them."""

from __future__ import annotations

import math
import re
from typing import Any

_NAMES = {
    1.0: ("a", "aa", "å", "ang", "angstrom", "angstroms", "angstroem", "0.1nm", "0.1 nm"),
    10.0: ("nm", "nanometer", "nanometers", "nanometre", "nanometres"),
    1e4: ("um", "mum", "µm", "μm", "micron", "microns", "micrometer", "micrometers"),
    0.01: ("pm", "picometer", "picometers"),
    1e7: ("mm",),
    1e8: ("cm",),
    1e10: ("m", "meter", "meters", "metre", "metres"),
}
ANGSTROMS = {name: factor for factor, names in _NAMES.items() for name in names}

# What is worth being parsed: 10**9999999 would keep the parser busy for ever.
_HARMLESS = re.compile(r"(?!.*\d{3})[\w\s.*/^()+-]{1,40}")


def without_logarithm(unit: str) -> tuple[str, float | None]:
    """Split ``log(nm)``, ``dex(AA)`` or ``ln(m)`` into the unit and the base of the logarithm."""
    match = re.fullmatch(r"(log10|log|dex|ln)\s*[(\[]?\s*([^()\[\]]*)[)\]]?", unit, re.IGNORECASE)
    if not match:
        return unit, None
    return match[2].strip(), math.e if match[1].lower() == "ln" else 10.0


def angstroms_a_unit(unit: str) -> float | None:
    """How many angstroms a unit is; None if it is no length or not known."""
    known = ANGSTROMS.get(unit.strip().lower())
    if known is not None or not unit:
        return known
    parsed = _parsed(unit)
    from astropy import units

    if parsed is None or parsed.physical_type != "length":
        return None
    return float(parsed.to(units.AA))


def quantity(unit: str) -> str:
    """What is measured in a unit, such as ``speed/velocity``; empty if that is not known."""
    parsed = _parsed(unit) if unit else None
    name = "" if parsed is None else str(parsed.physical_type)
    return "" if name in ("unknown", "dimensionless") else name


def _parsed(unit: str) -> Any:
    # Imported here: few files write a unit that is not in the list above.
    from astropy import units

    if not _HARMLESS.fullmatch(unit):
        return None
    try:
        return units.Unit(unit)
    except (ValueError, TypeError, ArithmeticError):
        return None
