"""What the files named in the form for a new campaign say of themselves, as soon as they are named.

Nothing is opened or asked for but what `locate` allows. What was read is kept until the file
changes: a training set can be large, and the form is run at each change of a field.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from active_cnn.campaign.creation import check_powers
from active_cnn.campaign.reach import locate
from active_cnn.errors import ActiveCnnError, CampaignError
from active_cnn.grid import Grid, Spacing
from active_cnn.search import Search
from active_cnn.spectra.limits import LIMITS
from active_cnn.spectra.pool_terms import read_stated, read_terms
from active_cnn.spectra.resolving_power import PoolResolution
from active_cnn.spectra.training_outline import Outline, read_outline
from active_cnn.spectra.training_set import WAVELENGTH_TOLERANCE
from active_cnn.wording import one_or_many

# A manifest does not change when one of its files does.
_SECONDS_KEPT = 60


@dataclass(frozen=True)
class NamedTraining:
    """A training set that was named: its path, what it holds, or why that cannot be told.

    `state` is another one when the file has changed; all is empty where none is named.
    """

    path: Path | None = None
    state: int = 0
    outline: Outline | None = None
    problem: str = ""

    @property
    def labels(self) -> dict[str, int]:
        """How many examples each label has; empty where that is not known."""
        return self.outline.labels if self.outline else {}

    @property
    def checked_path(self) -> Path:
        """The path.

        Raises
        ------
        CampaignError
            If there is none, or it may not be named.
        """
        return _checked(self.path, self.problem, "training set")

    def find_conflict(self, grid: Grid) -> str:
        """Say in what it contradicts the window of the campaign, and what to do; '' if in nothing.

        Parameters
        ----------
        grid : Grid
            The window.
        """
        own = self.outline.grid if self.outline else None
        if own is None:
            return ""
        if own.n == grid.n and abs(own.wavelength - grid.wavelength).max() <= WAVELENGTH_TOLERANCE:
            return ""
        return (
            f"The training set is on {own}, {_describe(grid)}: change the window below to that "
            "of the training set, or give another training set."
        )


@dataclass(frozen=True)
class NamedPool:
    """A pool that was named: its path, what it says of itself, or why that cannot be told.

    The grid is None where the pool does not tell its wavelengths; all is empty where none is named.
    """

    path: Path | None = None
    grid: Grid | None = None
    resolution: PoolResolution | None = None
    problem: str = ""

    @property
    def checked_path(self) -> Path:
        """The path; see `NamedTraining.checked_path`."""
        return _checked(self.path, self.problem, "pool")

    def describe(self) -> str:
        """Say on what terms its spectra are; '' where that is not known."""
        if self.resolution is None:
            return ""
        grid = f"{self.grid} (vacuum)" if self.grid else "not told by the pool"
        power = self.resolution.power
        said = "as-is, each spectrum has its own" if power is None else f"R = {power:g}"
        not_stated = "" if self.resolution.is_stated else " (not stated; of earlier versions)"
        limits = self.resolution.limits
        missing = f" {limits.describe()}" if limits != LIMITS else ""
        noun = self.grid.noun.capitalize() if self.grid else "Window"
        return f"{noun}: {grid}. Resolving power: {said}{not_stated}.{missing}"

    def find_conflict(self, grid: Grid | None, search: Search | None) -> str:
        """Say in what it contradicts the campaign, and what to do; '' if in nothing.

        Parameters
        ----------
        grid : Grid or None
            The window, if there is one yet.
        search : Search or None
            What marks the targets, if that was said.
        """
        if self.path is None or self.resolution is None:
            return ""
        if grid is not None and (conflict := self._find_conflict_with(self.path, grid)):
            return conflict
        power = self.resolution.power
        if search is not None and power is not None:
            try:
                check_powers(search, self.path, power, power)
            except CampaignError as error:
                return str(error)
        return ""

    def _find_conflict_with(self, path: Path, grid: Grid) -> str:
        state = _changed_at(path)
        conflict = (_kept_conflict if state else _read_conflict)(str(path), grid.numbers, state)
        if not conflict or self.grid is None:
            return conflict
        return (
            f"The pool is on {self.grid}, {_describe(grid)}: ingest the spectra with "
            f"{_options(grid)}, or give a training set on the pool's {self.grid.noun} and that "
            f"{self.grid.noun} below."
        )


def _describe(grid: Grid) -> str:
    verb = one_or_many(len(grid.windows), "is", "are")
    return f"the campaign's {grid.noun} {verb} {grid}"


def _options(grid: Grid) -> str:
    options = [f"--grid {one.start:.10g} {one.end:.10g} {one.n}" for one in grid.windows]
    spacings = {one.spacing for one in grid.windows}
    if len(spacings) > 1:
        return "--definition and a file that names these windows"
    if Spacing.LOG in spacings:
        options.append("--spacing log")
    return " ".join(options)


def _checked(path: Path | None, problem: str, what: str) -> Path:
    if path is None:
        raise CampaignError(
            problem or f"The path of the {what} is empty: give a file on the server."
        )
    return path


def look_at_training(
    text: str, reach: tuple[Path, ...] | None, made: Path | None = None
) -> NamedTraining:
    """Read the outline of a training set.

    Parameters
    ----------
    text : str
        Its path as it was typed.
    reach : tuple of Path or None
        From `browser_folders`.
    made : Path, optional
        The same if the form has made it, wherever the home lies.
    """
    if not text.strip():
        return NamedTraining()
    try:
        path = made or locate("training set", text.strip(), reach)
    except ActiveCnnError as error:
        return NamedTraining(problem=str(error))
    state = _changed_at(path)
    outline, problem = (_kept_outline if state else _read_outline)(str(path), state)
    return NamedTraining(path, state, outline, problem)


def look_at_pool(text: str, reach: tuple[Path, ...] | None) -> NamedPool:
    """Read on what terms the spectra of a pool are; see `look_at_training`."""
    if not text.strip():
        return NamedPool()
    try:
        path = locate("pool", text.strip(), reach)
    except ActiveCnnError as error:
        return NamedPool(problem=str(error))
    state = _changed_at(path)
    return (_kept_pool if state else _read_pool)(str(path), state)


def _changed_at(path: Path) -> int:
    # Not when it was written: to be allowed to read it, changes it too. 0 = the reader explains.
    try:
        return path.stat().st_ctime_ns
    except (OSError, ValueError):
        return 0


def _read_outline(path: str, state: int) -> tuple[Outline | None, str]:  # noqa: ARG001
    try:
        return read_outline(Path(path)), ""
    except ActiveCnnError as error:
        return None, str(error)


def _read_pool(path: str, state: int) -> NamedPool:  # noqa: ARG001
    try:
        grid, resolution = read_stated(Path(path))
    except ActiveCnnError as error:
        return NamedPool(Path(path), problem=str(error))
    return NamedPool(Path(path), grid, resolution)


def _read_conflict(path: str, grid: tuple[float, ...], state: int) -> str:  # noqa: ARG001
    try:
        read_terms(Path(path), Grid.from_numbers(grid))
    except ActiveCnnError as error:
        return str(error)
    return ""


# What a result depends on is an argument, the file's state among it.
_kept_outline = st.cache_data(max_entries=16, show_spinner="Reading the training set …")(
    _read_outline
)
_kept_pool = st.cache_data(max_entries=16, ttl=_SECONDS_KEPT, show_spinner=False)(_read_pool)
_kept_conflict = st.cache_data(max_entries=32, ttl=_SECONDS_KEPT, show_spinner=False)(
    _read_conflict
)
