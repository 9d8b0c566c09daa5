"""The whole light of the sources around Hα, which their own simulator renders near it alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from active_cnn.spectra.simulation import lines
from active_cnn.spectra.simulation.cases import absorbers, emitters
from active_cnn.spectra.simulation.cases.absorbers import Random, Sources
from active_cnn.spectra.simulation.cases.opacity import COLUMN
from active_cnn.spectra.simulation.cases.sources import add_line, draw_stars
from active_cnn.spectra.simulation.others import log_uniform
from active_cnn.spectra.simulation.population import KNOTS
from active_cnn.spectra.simulation.stars import Kind
from active_cnn.spectra.wavelength import SPEED_OF_LIGHT

_TRIPLET = (8500.36, 8544.44, 8664.52)
_RAMAN = 6833.8  # O VI scattered by hydrogen, in symbiotic stars (air 6830)
_HOT_WIND = ((4687.02, 1.2), (5413.03, 0.3), (5877.25, 0.4), (5804.0, 0.5), (4655.0, 0.8))

# Of supernovae: rest wavelength (Å, vacuum) and the largest height against Hα's, which is first.
_EJECTA = (
    (lines.HALPHA, 1.0), (4862.69, 0.7), (4341.69, 0.5), (5877.25, 0.5), (5170.5, 0.4),
    (8544.0, 1.0),
)  # fmt: skip


def draw_whole(near: NDArray[np.void], rng: Random) -> Sources:
    """Draw full-range sources that are around Hα what is given.

    Parameters
    ----------
    near : structured ndarray of dtype `stars.SOURCE`, shape (n_sources,)
        Sources of the simulator around Hα.
    rng : numpy.random.Generator
        For what that does not tell: gravity, dust, the lines elsewhere.

    Returns
    -------
    structured ndarray of dtype `sources.SOURCE`, shape (n_sources,)
        Of the same temperature, velocity, rotation, metals and S/N, with lines as strong beyond
        the window as sources of their kind have them.
    """
    temperature = near["temperature"].astype(np.float64)
    whole = draw_stars(len(near), rng, temperature, metallicity=_metallicity(near, temperature))
    for name in ("rv", "vsini", "snr"):
        whole[name] = near[name]
    for kind, change in _CHANGES.items():
        rows = np.flatnonzero(near["kind"] == kind)
        if len(rows):
            whole[rows] = change(near[rows], whole[rows], rng)
    return whole


def _metallicity(near: NDArray[np.void], temperature: NDArray) -> NDArray:
    # The opacity of iron grows with the metals' power of 0.6; hot stars show none of it.
    iron = np.interp(temperature, KNOTS[0], KNOTS[4])
    known = (iron > 0.02) & (near["opacity"][:, 0] > 0)
    ratio = np.where(known, near["opacity"][:, 0], 1) / np.where(known, iron, 1)
    return np.clip(np.log10(ratio) / 0.6, -2.5, 0.6)


def _speeds(near: NDArray[np.void]) -> tuple[NDArray, NDArray]:
    # A disc of which the edge moves so fast has peaks about as far apart as its edges.
    disc = near["disc"] > 0.5
    sigma = np.where(disc, 0.45 * near["disc_velocity"], near["sigma"])
    return sigma, np.where(disc, 1.1 * near["disc_velocity"], 0)


def _with_balmer(low: float, high: float) -> Callable[[NDArray[np.void], Sources, Random], Sources]:
    """Emission in all Balmer lines, Hα's equivalent width `low` to `high` times Hβ's."""

    def change(near: NDArray[np.void], whole: Sources, rng: Random) -> Sources:
        decrement = rng.uniform(low, high, len(near))
        emitters.add_balmer(whole, near["strength"] / decrement, *_speeds(near), decrement)
        return whole

    return change


def _young(near: NDArray[np.void], whole: Sources, rng: Random) -> Sources:
    whole = _with_balmer(1.5, 4)(near, whole, rng)
    share = rng.uniform(0, 0.3, len(near))
    for slot, centre in enumerate(_TRIPLET, 6):
        add_line(whole, slot, centre, *_speeds(near), near["strength"] * share)
    whole["extinction"] = rng.exponential(1.2, len(near))
    return whole


def _windy(near: NDArray[np.void], whole: Sources, rng: Random) -> Sources:
    whole = _with_balmer(3, 6)(near, whole, rng)
    sigma, separation = _speeds(near)
    width = near["strength"] * rng.uniform(0, 0.15, len(near))
    for slot, centre in enumerate((5877.25, 7067.20), 6):
        add_line(whole, slot, centre, sigma, separation, width)
    return whole


def _nebular(near: NDArray[np.void], whole: Sources, rng: Random) -> Sources:
    sigma = np.full(len(near), 30.0)
    emitters.add_nebula(whole, near["strength"] / 2.9, sigma, rng)
    return whole


def _wolf_rayet(near: NDArray[np.void], whole: Sources, rng: Random) -> Sources:
    whole["strength"] = 0
    sigma = near["sigma"]
    add_line(whole, 0, lines.HALPHA, sigma, 0, near["strength"])
    for slot, (centre, share) in enumerate(_HOT_WIND, 1):
        width = near["strength"] * share * rng.uniform(0.4, 1.6, len(near))
        add_line(whole, slot, centre, sigma, 0, width)
    whole["extinction"] = rng.exponential(1.5, len(near))
    return whole


def _symbiotic(near: NDArray[np.void], whole: Sources, rng: Random) -> Sources:
    whole = _with_balmer(2, 5)(near, whole, rng)
    sigma, separation = _speeds(near)
    for slot, (centre, most) in enumerate(
        ((4687.02, 0.5), (5008.24, 0.5), (4960.30, 0.17), (5877.25, 0.12), (_RAMAN, 0.1)), 6
    ):
        add_line(
            whole, slot, centre, sigma, separation, near["strength"] * most * rng.random(len(near))
        )
    return whole


def _accreting(near: NDArray[np.void], whole: Sources, rng: Random) -> Sources:
    sigma, separation = _speeds(near)
    for slot, (centre, share) in enumerate(emitters.DISC):
        own = np.exp(rng.normal(0, 0.15, len(near))) / emitters.DISC[0][1]
        add_line(whole, slot, centre, sigma, separation, near["strength"] * share * own)
    add_line(whole, len(emitters.DISC), emitters.HELIUM_II, sigma, separation,
             near["strength"] * rng.uniform(0, 0.3, len(near)))  # fmt: skip
    return whole


def _white_dwarf(near: NDArray[np.void], _: Sources, rng: Random) -> Sources:
    whole = absorbers.white_dwarf(len(near), rng)
    for name in ("temperature", "rv", "snr"):
        whole[name] = near[name]
    whole["strength"][:, COLUMN["balmer_30"]] = near["balmer_wing"][:, 0]
    whole["strength"][:, COLUMN["helium_i"]] = 0
    return whole


def _choose_line(near: np.void, rest: NDArray, offsets: tuple[int, ...], rng: Random) -> int:
    """Choose which line of a list, redshifted, the strongest one of the window is.

    Where the window shows neighbours of that line in the list too, it is the line with which they
    are at the same redshift; otherwise any.
    """
    observed = float(near["feature"][0, 0])
    possible = np.flatnonzero(observed / rest > 1.002)
    agreeing = []
    for place in possible:
        stretch = observed / rest[place]
        shown = [
            (float(near["feature"][slot, 0]), place + offset)
            for slot, offset in enumerate(offsets, 1)
            if near["feature"][slot, 2] and 0 <= place + offset < len(rest)
        ]
        if all(np.isclose(at, rest[other] * stretch, rtol=1e-4) for at, other in shown):
            agreeing.append(place)
    return int(rng.choice(agreeing if agreeing else possible))


def _galaxy(near: NDArray[np.void], whole: Sources, rng: Random) -> Sources:
    # The stars' own lines are far from where the tables of a star at rest have them.
    whole["strength"] = 0
    whole["rv"] = 0
    for row, source in enumerate(near):
        observed, sigma, height = (float(value) for value in source["feature"][0])
        emits = height > 0
        rest = np.array(lines.GALAXY_EMISSION if emits else lines.GALAXY_ABSORPTION)
        shown = _choose_line(source, rest, (1, 2, -1, -2) if emits else (), rng)
        stretch = observed / rest[shown]
        speed = sigma / observed * SPEED_OF_LIGHT
        own = log_uniform(rng, 0.2, 1.0, len(rest))
        own[shown] = 1
        own *= height * sigma * np.sqrt(2 * np.pi)
        for slot, (centre, equivalent) in enumerate(zip(rest * stretch, own, strict=True)):
            whole["feature"][row, slot] = centre, speed, 0, equivalent
        whole["temperature"][row] = rng.uniform(4400, 6200) / stretch
    return whole


def _quasar(near: NDArray[np.void], _: Sources, rng: Random) -> Sources:
    whole = emitters.quasar(len(near), rng)
    whole["snr"] = near["snr"]
    rest, strength = np.array(emitters.QUASAR).T
    for row, source in enumerate(near):
        observed, sigma, height = (float(value) for value in source["feature"][0])
        shown = _choose_line(source, rest, (), rng)
        stretch, speed = observed / rest[shown], sigma / observed * SPEED_OF_LIGHT
        own = np.exp(rng.normal(0, 0.3, len(rest)))
        own[shown] = 1
        own *= height * sigma * np.sqrt(2 * np.pi) * strength / strength[shown]
        for slot, (line, width) in enumerate(zip(rest * stretch, own, strict=True)):
            whole["feature"][row, slot] = line, speed, 0, width
    return whole


def _supernova(near: NDArray[np.void], whole: Sources, rng: Random) -> Sources:
    whole["strength"] = 0
    whole["temperature"] = rng.uniform(5000, 12_000, len(near))
    peak, sigma, height = near["feature"][:, 0].astype(np.float64).T
    trough, _, depth = near["feature"][:, 1].astype(np.float64).T
    speed = sigma / peak * SPEED_OF_LIGHT
    slot = 0
    for rest, most in _EJECTA:
        share = most * rng.uniform(0.3, 1.0, len(near)) if slot else 1.0
        for centre, part in ((peak, height), (trough, depth)):
            at = centre * rest / lines.HALPHA
            width = part * share * speed * at / SPEED_OF_LIGHT * np.sqrt(2 * np.pi)
            add_line(whole, slot, at, speed, 0, width)
            slot += 1
    return whole


def _featureless(_near: NDArray[np.void], whole: Sources, rng: Random) -> Sources:
    whole["strength"] = 0
    whole["slope"] = rng.normal(0, 1.5, len(whole))
    whole["distortion"] = 0.15
    return whole


def _banded(near: NDArray[np.void], whole: Sources, rng: Random) -> Sources:
    # Carbon stars and brown dwarfs.
    carbon = absorbers.carbon_star(len(near), rng)
    is_carbon = rng.random(len(near)) < 0.5
    for name in ("temperature", "rv", "vsini", "snr"):
        carbon[name] = near[name]
    return np.where(is_carbon, carbon, whole)


_CHANGES: dict[Kind, Callable[[NDArray[np.void], Sources, Random], Sources]] = {
    Kind.WHITE_DWARF: _white_dwarf,
    Kind.GALAXY: _galaxy,
    Kind.QUASAR: _quasar,
    Kind.SUPERNOVA: _supernova,
    Kind.FEATURELESS: _featureless,
    Kind.BE: _with_balmer(3, 7),
    Kind.SHELL: _with_balmer(4, 8),
    Kind.DME: _with_balmer(0.75, 1.2),
    Kind.T_TAURI: _young,
    Kind.NEBULA: _nebular,
    Kind.P_CYGNI: _windy,
    Kind.WOLF_RAYET: _wolf_rayet,
    Kind.SYMBIOTIC: _symbiotic,
    Kind.BINARY: _accreting,
    Kind.BAND_STAR: _banded,
}
