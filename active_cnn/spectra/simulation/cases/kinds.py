"""The kinds of sources that the cases are made of, by name."""

from __future__ import annotations

from collections.abc import Callable

from active_cnn.spectra.simulation.cases import absorbers, emitters
from active_cnn.spectra.simulation.cases.absorbers import Random, Sources

KINDS: dict[str, Callable[[int, Random], Sources]] = {
    "star": absorbers.star,
    "M star": absorbers.m_star,
    "metal-rich star": absorbers.metal_rich_star,
    "giant": absorbers.giant,
    "badly calibrated star": absorbers.badly_calibrated_star,
    "reddened star": absorbers.reddened_star,
    "white dwarf": absorbers.white_dwarf,
    "galaxy": emitters.galaxy,
    "nebula": emitters.nebula,
    "quasar": emitters.quasar,
    "Be star": emitters.be_star,
    "active M dwarf": emitters.active_m_dwarf,
    "Li-rich giant": absorbers.lithium_giant,
    "carbon star": absorbers.carbon_star,
    "cataclysmic variable": emitters.cataclysmic_variable,
}
