"""Searches for rare objects as values: what is sought, in which window, among what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from active_cnn.grid import Grid
from active_cnn.records import Line, OracleClass
from active_cnn.spectra.wavelength import LINES


@dataclass(frozen=True)
class Case:
    """A search: what is sought, where, and among what.

    Parameters
    ----------
    name : str
        Short, for the command line.
    mark : str
        What marks a target.
    grid : Grid
        The window.
    classes, targets : tuple of str
        The network's classes, the first of which is no target, and those that are sought.
    contaminants : str
        What is taken for a target.
    literature : str
        Where the search comes from.
    others, sought : mapping of str to float
        Shares of the kinds among non-targets and targets.
    lines : tuple of Line
        To be marked, the one to zoom in on first.
    snr : tuple of float
        Median, and spread of the logarithm, of the S/N in r.
    struck : float
        Share of spectra with cosmic rays. Hα's simulator has its own of these two.
    """

    name: str
    mark: str
    grid: Grid
    classes: tuple[str, ...]
    targets: tuple[str, ...]
    contaminants: str
    literature: str
    others: Mapping[str, float]
    sought: Mapping[str, float]
    lines: tuple[Line, ...]
    snr: tuple[float, float] = (28.0, 0.95)
    struck: float = 0.06

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """Names of the kinds that occur."""
        return (*self.others, *self.sought)

    @cached_property
    def answers(self) -> tuple[OracleClass, ...]:
        """What can be said of a spectrum: each class, that it is an artefact, or nothing."""
        other, *_ = self.classes
        return (
            *(
                OracleClass(name, name[0].lower(), name, name in self.targets)
                for name in self.classes
            ),
            OracleClass("artefact", "x", other),
            OracleClass("unsure", "u", None),
        )


_METAL_LINES = (Line("Ca I 6718", 6719.54), Line("He I 6678", 6679.995))
_NEBULAR_LINES = (Line("[S II] 6716", 6718.29), Line("[S II] 6731", 6732.67))
_BAND_HEADS = (
    Line("C2 5165", 5166.4), Line("C2 4737", 4738.3), Line("C2 5636", 5637.6),
    Line("CN 4216", 4217.2), Line("CN 7876", 7878.2), Line("CN 8067", 8069.2),
    Line("CH 4313", 4314.2), Line("TiO 7054", 7055.9), Line("Na D", 5894.6), Line("Hα", 6564.614),
)  # fmt: skip
_BROAD_LINES = (
    Line("Hα", 6564.614), Line("Hβ", 4862.69), Line("Hγ", 4341.69), Line("Hδ", 4102.90),
    Line("He II 4686", 4687.02), Line("Bowen 4640", 4645.0), Line("He I 4471", 4472.73),
    Line("He I 5876", 5877.25), Line("He I 6678", 6679.995), Line("[O III] 5007", 5008.24),
)  # fmt: skip

_BROAD = {"badly calibrated star": 0.03, "galaxy": 0.015, "quasar": 0.005}

HALPHA = Case(
    "halpha",
    "emission in Hα, with one peak or two",
    Grid(),
    ("not-interesting", "emission", "double-peak"),
    ("emission", "double-peak"),
    "redshifted lines of galaxies and quasars, cosmic rays, residuals of the sky, noise",
    "Škoda, Podsztavek & Tvrdík (2020), A&A, 643, A122",
    {"absorption": 1.0},
    {"emission": 10 / 13, "double-peak": 3 / 13},
    LINES,
)
LITHIUM = Case(
    "lithium",
    "Li I 6708 in absorption, stronger than a giant should have it",
    Grid.of(6626.0, 6793.0, 110),
    ("other", "Li-rich"),
    ("Li-rich",),
    "giants without lithium, cool stars (TiO, Ca I 6718, Fe I 6707.4), cosmic rays, noise",
    "Casey et al. (2016), MNRAS, 461, 3336; Gao et al. (2019), ApJS, 245, 33",
    {"star": 0.60, "M star": 0.08, "metal-rich star": 0.067, "giant": 0.25, "galaxy": 0.003},
    {"Li-rich giant": 1.0},
    (Line("Li I 6708", 6709.66), *_METAL_LINES, *_NEBULAR_LINES),
    snr=(80.0, 0.6),
)
CARBON = Case(
    "carbon",
    "bands of C2 (4737, 5165, 5636 Å) and CN (4216, from 7876 Å on)",
    Grid.of(3900.0, 8898.0, 1667),
    ("other", "carbon"),
    ("carbon",),
    "M and K stars with TiO, metal-rich stars with Mg b, CH and CN, bad calibration, dust",
    "Ji et al. (2016), ApJS, 226, 1; Li et al. (2018), ApJS, 234, 31",
    {
        "star": 0.75, "M star": 0.08, "metal-rich star": 0.08, "reddened star": 0.03,
        "white dwarf": 0.01, **_BROAD,
    },
    {"carbon star": 1.0},
    _BAND_HEADS,
)  # fmt: skip
CV = Case(
    "cv",
    "broad emission in Balmer lines, He I 5876 and 6678 and He II 4686 at once",
    Grid.of(4000.0, 7000.0, 1501),
    ("other", "cv"),
    ("cv",),
    "Be stars, active M dwarfs, nebulae, quasars, galaxies, white dwarfs",
    "Warner (1995), Cataclysmic Variable Stars; Hou et al. (2020), AJ, 159, 43",
    {
        "star": 0.77, "M star": 0.05, "Be star": 0.02, "active M dwarf": 0.04, "nebula": 0.03,
        "white dwarf": 0.03, "reddened star": 0.01, **_BROAD,
    },
    {"cataclysmic variable": 1.0},
    _BROAD_LINES,
    snr=(16.0, 0.9),
)  # fmt: skip
CASES = {case.name: case for case in (HALPHA, LITHIUM, CARBON, CV)}
