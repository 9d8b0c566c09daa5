"""What marks the targets of a campaign: a value that belongs to it, not to the code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from active_cnn.errors import CampaignError
from active_cnn.grid import Grid

# Of the wavelength, on either side of rest, where nothing else is said: 160 km/s, and stars are
# seldom faster.
REACH = 5.34e-4

MOST_LINES = 30
LARGEST_REDSHIFT = 20.0


class Sign(StrEnum):
    """What a line of a target does to the continuum."""

    EMISSION = "emission"
    ABSORPTION = "absorption"
    EITHER = "either"


class Frame(StrEnum):
    """Which wavelengths the spectra of training set and pool have."""

    OBSERVED = "observed"
    REST = "rest"


class ScalingMethod(StrEnum):
    """How a window is scaled before a network sees it; see `active_cnn.spectra.scaling`."""

    MINMAX = "minmax"
    ROBUST = "robust"
    MEDIAN = "median"
    CONTINUUM = "continuum"

    @property
    def words(self) -> str:
        """What becomes of a window, in a part of a sentence."""
        return _SCALED[self]


_SCALED = {
    ScalingMethod.MINMAX: "brought from −1, its minimum, to 1, its maximum",
    ScalingMethod.ROBUST: "brought to a scale on which the middle 90 % of its fluxes are from −1 "
    "to 1",
    ScalingMethod.MEDIAN: "divided by its median, less 1",
    ScalingMethod.CONTINUUM: "divided by its continuum, a smooth curve, less 1",
}


# Å: from what nobody would see to what nobody would miss.
EQUIVALENT_WIDTHS = {
    Sign.EMISSION: (0.3, 30.0),
    Sign.ABSORPTION: (0.05, 5.0),
    Sign.EITHER: (0.1, 5.0),
}


_SIGN = {
    Sign.EMISSION: "emission",
    Sign.ABSORPTION: "absorption",
    Sign.EITHER: "emission or absorption",
}
_WHERE = {Sign.EMISSION: "above", Sign.ABSORPTION: "below", Sign.EITHER: "off"}


@dataclass(frozen=True)
class TargetLine:
    """A line that marks a target.

    Parameters
    ----------
    name : str
        Of the line.
    wavelength : float
        At rest, in angstrom (vacuum).
    sign : Sign
        Emission, absorption, or either.
    fwhm : tuple of float
        From how narrow to how wide it is observed, in km/s.
    equivalent_width : tuple of float, optional
        From how faint to how strong, in angstrom; by default `EQUIVALENT_WIDTHS`.
    separation : tuple of float, optional
        Of the peaks where an emission line can have two, in km/s; by default it has one.
    within : tuple of float, optional
        From where to where its extreme may lie, in angstrom (vacuum); by default `REACH` on
        either side of rest.
    """

    name: str
    wavelength: float
    sign: Sign
    fwhm: tuple[float, float] = (100.0, 700.0)
    equivalent_width: tuple[float, float] | None = None
    separation: tuple[float, float] | None = None
    within: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not self.name or not 0 < self.wavelength < np.inf:
            raise CampaignError(
                f"The target line {self.name!r} at {self.wavelength} Å cannot be looked for: "
                "give a name and a positive wavelength in vacuum."
            )
        _check_range(f"The fwhm of the target line {self.name!r}", self.fwhm, "km/s")
        for what, unit in (("equivalent_width", "Å"), ("separation", "km/s"), ("within", "Å")):
            given = getattr(self, what)
            if given is not None:
                _check_range(f"The {what} of the target line {self.name!r}", given, unit)
        if self.separation and self.sign is not Sign.EMISSION:
            raise CampaignError(
                f"The target line {self.name!r} has a separation of peaks but is no emission line: "
                "leave the separation out."
            )
        low, high = self.range
        if not low <= self.wavelength <= high:
            raise CampaignError(
                f"The target line {self.name!r} at {self.wavelength:g} Å is not within its own "
                f"range {low:g}-{high:g} Å: give a range that holds it."
            )

    @property
    def range(self) -> tuple[float, float]:
        """From where to where its extreme may lie, in angstrom (vacuum)."""
        return self.within or (self.wavelength * (1 - REACH), self.wavelength * (1 + REACH))

    @property
    def widths(self) -> tuple[float, float]:
        """From how faint to how strong it is, in angstrom of equivalent width."""
        return self.equivalent_width or EQUIVALENT_WIDTHS[self.sign]


@dataclass(frozen=True)
class Band:
    """A stretch of a spectrum, wider than a line, that marks a target: in angstrom (vacuum)."""

    name: str
    start: float
    end: float

    def __post_init__(self) -> None:
        if not self.name:
            raise CampaignError("A band has no name: give it one.")
        _check_range(f"The band {self.name!r}", (self.start, self.end), "Å")


@dataclass(frozen=True)
class Search:
    """What marks the targets of a campaign, and where it stands.

    Parameters
    ----------
    title : str
        What is looked for, as pages and texts name it; '' where nothing can be named.
    lines : tuple of TargetLine
        Lines that mark a target, the one that tells most first.
    bands : tuple of Band
        Bands that do.
    sigma : float
        From how many times the noise on the plain rule calls an extreme at a line a target.
    resolving_power : float, optional
        That pool and training set are to have; left out, whatever they have.
    frame : Frame
        Which wavelengths the spectra have.
    redshift : tuple of float
        From which to which redshift the targets are in that frame.
    source : str
        Where this is published.
    scaling : ScalingMethod
        How windows are scaled before the network sees them; of new searches see `usual_scaling`.
    """

    title: str = ""
    lines: tuple[TargetLine, ...] = ()
    bands: tuple[Band, ...] = ()
    sigma: float = 13.0
    resolving_power: float | None = None
    frame: Frame = Frame.OBSERVED
    redshift: tuple[float, float] = field(default=(0.0, 0.0))
    source: str = ""
    scaling: ScalingMethod = ScalingMethod.MINMAX

    def __post_init__(self) -> None:
        if len(self.lines) > MOST_LINES or len(self.bands) > MOST_LINES:
            raise CampaignError(
                f"The search names {len(self.lines)} lines and {len(self.bands)} bands: "
                f"give {MOST_LINES} of each at most."
            )
        if not 0 < self.sigma < np.inf:
            raise CampaignError(f"The search has sigma = {self.sigma}: give a positive number.")
        if self.resolving_power is not None and not 10 <= self.resolving_power <= 1e6:
            raise CampaignError(
                f"The search has resolving_power = {self.resolving_power}: give R = wavelength / "
                "FWHM from 10 to 1000000, or leave it out."
            )
        low, high = self.redshift
        if not -0.01 <= low <= high <= LARGEST_REDSHIFT:
            raise CampaignError(
                f"The search has redshifts from {low} to {high}: give two numbers from 0 to "
                f"{LARGEST_REDSHIFT:g}, the smaller one first."
            )
        for what, names in (
            ("target line", [one.name for one in self.lines]),
            ("band", [one.name for one in self.bands]),
        ):
            repeated = next((name for name in names if names.count(name) > 1), None)
            if repeated:
                raise CampaignError(f"The {what} {repeated!r} is given twice: make it unique.")

    def described_as(self, other: Search) -> Search:
        """Give the same search with the title and the source of another one."""
        return replace(self, title=other.title, source=other.source)

    @property
    def fixed_lines(self) -> tuple[TargetLine, ...]:
        """The lines that are looked for at one wavelength: none where redshifts move them away."""
        return () if max(map(abs, self.redshift)) > REACH else self.lines

    def describe(self) -> str:
        """Say what marks the targets and in which frame, in half a sentence."""
        marks = [f"{one.name} {one.wavelength:.2f} Å ({_SIGN[one.sign]})" for one in self.lines]
        marks += [f"{one.name} {one.start:g}–{one.end:g} Å" for one in self.bands]
        title = self.title or ("" if marks else "no line or band is named")
        said = ": ".join(part for part in (title, ", ".join(marks)) if part)
        low, high = self.redshift
        redshift = f", redshift {low:g} to {high:g}" if (low, high) != (0, 0) else ""
        return f"{said}; {self.frame} wavelengths{redshift}"

    def describe_rule(self) -> str:
        """Say when the plain rule calls a spectrum a target; '' where it has no line for it."""
        places = [
            f"{line.range[0]:g}–{line.range[1]:g} Å that is {self.sigma:g} σ {_WHERE[line.sign]}"
            for line in self.fixed_lines
        ]
        if not places:
            return ""
        return f"a pixel within {', or one within '.join(places)} the local continuum"

    def check_windows(self, grid: Grid) -> None:
        """Refuse what marks a target but lies outside of all windows.

        Parameters
        ----------
        grid : Grid
            The windows.

        Raises
        ------
        CampaignError
            If a fixed line is outside, or a band is not at least partly inside.
        """
        for line in self.fixed_lines:
            if not grid.holds(line.wavelength):
                raise CampaignError(
                    f"The target line {line.name!r} at {line.wavelength:g} Å is outside of the "
                    f"{grid.ranges}: widen it, add a window, or leave the line out."
                )
        low, high = (1 + z for z in self.redshift)
        for band in self.bands:
            reach = band.start * low, band.end * high
            if not any(one.start <= reach[1] and reach[0] <= one.end for one in grid.windows):
                raise CampaignError(
                    f"The band {band.name!r} at {band.start:g}-{band.end:g} Å is outside of the "
                    f"{grid.ranges}: widen it, add a window, or leave the band out."
                )


# Wavelengths up to which networks do not bring windows to one scale by themselves
# (`active_cnn.learning.network`).
NARROW = 160


def usual_scaling(grid: Grid, lines: Sequence[TargetLine] = ()) -> ScalingMethod:
    """Give the scaling of new searches that name none; docs/cases.md says why.

    In narrow windows the median, unless all lines that mark a target are emission: by minimum and
    maximum, a narrow absorption line is as deep as the noise lets it. Of emission in narrow
    windows, and in wide windows, the median is no better.
    """
    is_emission = bool(lines) and all(one.sign is Sign.EMISSION for one in lines)
    return ScalingMethod.MINMAX if is_emission or grid.n > NARROW else ScalingMethod.MEDIAN


def _check_range(what: str, given: tuple[float, float], unit: str) -> None:
    low, high = given
    if not 0 < low < high < np.inf:
        raise CampaignError(
            f"{what} is from {low} to {high} {unit}: give a positive start and a larger end."
        )


# The search of Škoda, Podsztavek & Tvrdík (2020), and of every campaign of versions that knew no
# other. A peak is looked for where Shridharan et al. (2021, arXiv:2108.08025) do; widths and
# separations as Be stars have them (Porter & Rivinius 2003, PASP, 115, 1153). 13 σ has the best F1
# among whole numbers on three simulated surveys of 100 000 spectra with 130 targets each:
# precision 0.65, recall 0.69. From 11 to 18 F1 hardly changes (0.65-0.67); at 5, where 84 % are
# found, nine of ten peaks are none. It has to be so far above the noise because side bands hold
# more than noise, and spectra without emission are hundreds of times as many.
HALPHA = TargetLine(
    "Hα",
    6564.614,
    Sign.EMISSION,
    fwhm=(100.0, 700.0),
    equivalent_width=(0.3, 30.0),
    separation=(100.0, 600.0),
    within=(6561.0, 6568.0),
)
HALPHA_EMISSION = Search(
    "Hα emission",
    (HALPHA,),
    sigma=13.0,
    resolving_power=1800.0,
    source="Škoda, Podsztavek & Tvrdík (2020), A&A, 643, A122",
    scaling=ScalingMethod.MINMAX,
)
