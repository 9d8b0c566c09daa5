"""Frozen values that cross the borders between the rooms of the library."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import CampaignError
from active_cnn.grid import Grid
from active_cnn.keys import assign_keys, check_keys, heard, shared_keys
from active_cnn.recipes import TrainingSettings
from active_cnn.search import HALPHA_EMISSION, ScalingMethod, Search
from active_cnn.verdicts import Alarm, Ranking


class Medium(StrEnum):
    """What the light's wavelength was measured in."""

    AIR = "air"
    VACUUM = "vacuum"


@dataclass(frozen=True)
class Line:
    """A spectral line to mark: its name and vacuum wavelength in angstrom."""

    name: str
    wavelength: float

    def __post_init__(self) -> None:
        if not self.name or not 0 < self.wavelength < np.inf:
            raise CampaignError(
                f"The line {self.name!r} at {self.wavelength} Å cannot be marked: "
                "give a name and a positive wavelength."
            )


@dataclass(frozen=True)
class OracleClass:
    """One thing that the oracle can say about a spectrum.

    Parameters
    ----------
    name : str
        What is stored and shown.
    key : str
        The keyboard key that says it.
    network_class : str or None
        The class of the network that such an answer trains; None = never trained on.
    is_target : bool
        Whether spectra of this class are what the campaign looks for.
    """

    name: str
    key: str
    network_class: str | None
    is_target: bool = False

    def __post_init__(self) -> None:
        if not self.name:
            raise CampaignError("An answer has no name: give it one.")
        if not (len(self.key) == 1 and self.key.isascii() and self.key.isalnum()):
            raise CampaignError(
                f"The answer {self.name!r} has the key {self.key!r}: give one letter or digit."
            )
        if self.is_target and not self.network_class:
            raise CampaignError(
                f"The answer {self.name!r} is a target but trains no class of the network: "
                "name that class, or do not make it a target."
            )


OTHER = "other"


def plain_names(network_class: str) -> tuple[str, ...]:
    """Name the answers that say nothing but that a spectrum is of a class of the network."""
    return network_class, OTHER, f"{OTHER} {network_class}"


@dataclass(frozen=True, eq=False)
class Spectrum:
    """One spectrum as its file gives it, with its place in the sky.

    Parameters
    ----------
    identifier : str
        Unique name of the spectrum (not of the object) within a pool.
    wavelength : ndarray, shape (n_pixels,)
        Increasing wavelengths in angstrom, measured in `medium`.
    flux : ndarray, shape (n_pixels,)
        Flux in the file's own unit.
    medium : Medium
        Whether `wavelength` is in air or in vacuum.
    ivar : ndarray, shape (n_pixels,), optional
        Inverse variance of `flux`.
    mask : ndarray of bool, shape (n_pixels,), optional
        True where the pipeline calls the pixel bad.
    resolving_power : float, optional
        R = wavelength / FWHM, where the instrument is known.
    designation : str
        Name of the object.
    ra, dec : float
        Right ascension and declination in degrees (ICRS); NaN if unknown.
    snr_r : float
        Signal-to-noise ratio in r; NaN if unknown.
    pipeline_class : str
        What the survey's pipeline says that the object is.
    path : str
        The file that it was read from.
    page : str
        Address of the survey's own page about it; '' if unknown.
    """

    identifier: str
    wavelength: NDArray[np.float64]
    flux: NDArray[np.float64]
    medium: Medium
    ivar: NDArray[np.float64] | None = None
    mask: NDArray[np.bool_] | None = None
    resolving_power: float | None = None
    designation: str = ""
    ra: float = float("nan")
    dec: float = float("nan")
    snr_r: float = float("nan")
    pipeline_class: str = ""
    path: str = ""
    page: str = ""


@dataclass(frozen=True)
class Campaign:
    """A search in one pool: what is looked for, in which window, from which first labels.

    Parameters
    ----------
    name : str
        Unique in the home; also the name of the campaign's folder.
    created_at : str
        ISO 8601, UTC.
    grid : Grid
        The window that the network sees.
    classes : tuple of OracleClass
        What the oracle can say, in the order of the buttons.
    lines : tuple of Line
        Lines to mark in plots.
    training_path, pool_path : str
        Files of the initial training set and of the pool, as they stand in the store.
    training_sha256, pool_fingerprint : str
        What these files held when the campaign was created.
    seed : int
        From it all seeds of the campaign are derived.
    folders : tuple of str
        Below these lie the files of spectra that may be shown, besides the pool's own folder.
    chosen_keys : dict of str to str
        Keys of the labelling page that a person has changed, by action.
    search : Search
        What marks the targets.
    begins_with_examples : bool
        Whether its initial training set is a handful of examples: until there is enough to train
        a network on, the pool is ranked by its likeness to them.
    """

    name: str
    created_at: str
    grid: Grid
    classes: tuple[OracleClass, ...]
    lines: tuple[Line, ...]
    training_path: str
    training_sha256: str
    pool_path: str
    pool_fingerprint: str
    seed: int
    folders: tuple[str, ...] = ()
    chosen_keys: dict[str, str] = field(default_factory=dict)
    search: Search = HALPHA_EMISSION
    begins_with_examples: bool = False

    def __post_init__(self) -> None:
        names = [c.name for c in self.classes]
        keys = [c.key for c in self.classes]
        lines = [line.name for line in self.lines]
        for what, values in (("class", names), ("key", keys), ("line", lines)):
            repeated = sorted({v for v in values if values.count(v) > 1})
            if repeated:
                raise CampaignError(f"The {what} {repeated[0]!r} is given twice: make it unique.")
        if len(self.network_classes) < 2 or not self.targets:
            raise CampaignError(
                "A campaign needs at least two classes for the network, one of them a target; "
                f"these classes give {list(self.network_classes)} "
                f"with the targets {list(self.targets)}."
            )

    @cached_property
    def network_classes(self) -> tuple[str, ...]:
        """What the network tells apart, in the order of its outputs."""
        return tuple(dict.fromkeys(c.network_class for c in self.classes if c.network_class))

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """The network's classes that are looked for."""
        return tuple(
            dict.fromkeys(c.network_class for c in self.classes if c.is_target and c.network_class)
        )

    @cached_property
    def target_answers(self) -> tuple[str, ...]:
        """The answers that say so of a spectrum."""
        return tuple(c.name for c in self.classes if c.is_target)

    @cached_property
    def trains(self) -> dict[str, str]:
        """Class of the network that each trainable answer trains."""
        return {c.name: c.network_class for c in self.classes if c.network_class}

    @cached_property
    def keys(self) -> dict[str, str]:
        """Key of each action on the labelling page, see `active_cnn.keys`."""
        return assign_keys((c.key for c in self.classes), self.chosen_keys)

    @cached_property
    def class_keys(self) -> dict[str, str]:
        """Key of each answer on the labelling page; empty where it would give several."""
        shared = shared_keys(self._named_keys)
        return {name: "" if heard(key) in shared else heard(key) for name, key in self._named_keys}

    @cached_property
    def shared_keys(self) -> dict[str, list[str]]:
        """Keys that several answers have, with their names; earlier versions let them pass."""
        return shared_keys(self._named_keys)

    @cached_property
    def _named_keys(self) -> tuple[tuple[str, str], ...]:
        return tuple((c.name, c.key) for c in self.classes)

    def check_keys(self) -> None:
        """Refuse keys that the labelling page cannot tell apart; see `active_cnn.keys`.

        Raises
        ------
        CampaignError
            If there are any.
        """
        check_keys(self._named_keys, self.chosen_keys)

    def confirms(self, network_class: str) -> OracleClass:
        """Tell which answer says that a prediction is right, and no more than that."""
        same = [c for c in self.classes if c.network_class == network_class]
        return next((c for c in same if c.name in plain_names(network_class)), same[0])


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """What one training and the prediction after it left behind.

    Everything that is needed to trace or repeat it: settings, seed, versions, device, hashes.
    `recovery_file` is that of planted lines; '' where none were planted. `alarms` say what has
    gone wrong. `rankings` say how well network and baseline rank the spectra of `HELD_OUT` and of
    `PLANTED` (see `verdicts`); either may be missing. `settings` are those of the network that
    came out: gentler than those asked for where these came to nothing. `is_ranking`: there was too
    little to train a network on, and the pool was ranked by its likeness to the examples; then
    there are no epochs, no hold-out and no baseline, and `network_file` holds the ranking.
    `scaling` is that of the windows which the network expects.
    """

    settings: TrainingSettings
    network_file: str
    network_sha256: str
    predictions_file: str
    predictions_sha256: str
    training_sha256: str
    pool_fingerprint: str
    n_training: int
    counts_before: dict[str, int]
    counts_after: dict[str, int]
    history: dict[str, list[float]]
    validation: dict[str, Any]
    predicted_counts: dict[str, int]
    notices: tuple[str, ...]
    device: str
    versions: dict[str, str]
    seconds: dict[str, float]
    recovery_file: str = ""
    recovery_sha256: str = ""
    alarms: tuple[Alarm, ...] = ()
    rankings: dict[str, Ranking] = field(default_factory=dict)
    is_ranking: bool = False
    scaling: ScalingMethod = ScalingMethod.MINMAX

    @property
    def failure(self) -> str:
        """That the training has learned nothing, and what to do; '' where it has learned."""
        advice = [one.advice for one in self.alarms if one.is_failure]
        if not advice:
            return ""
        return (
            f"This training has learned nothing. {' '.join(one.text for one in self.alarms)} "
            f"Nothing that comes of its predictions can be relied upon. {advice[0]}"
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What has gone wrong with a training that has learned something, and what to do."""
        return () if self.failure else tuple(str(one) for one in self.alarms)


@dataclass(frozen=True, eq=False)
class Iteration:
    """One round: a training, the questions that came from it, and the answers to them.

    Parameters
    ----------
    number : int
        0 for the first.
    seed : int
        Default seed of its training.
    answers_through : int
        Sequence number of the last answer that its training set knows.
    job : int or None
        The job that `result` came from; queries drawn from an earlier one no longer count.
    result : TrainingResult or None
        None until the pool has been scored.
    """

    campaign: str
    number: int
    seed: int
    answers_through: int
    created_at: str
    scored_at: str | None = None
    closed_at: str | None = None
    job: int | None = None
    result: TrainingResult | None = None

    @property
    def state(self) -> str:
        """What can be done with it: "new", "scored" or "closed"."""
        if self.closed_at:
            return "closed"
        return "scored" if self.result else "new"


class Purpose(StrEnum):
    """Why the oracle is asked."""

    PERFORMANCE = "performance"
    AUDIT = "audit"
    RELABEL = "relabel"


@dataclass(frozen=True, slots=True)
class QueryItem:
    """One spectrum that the oracle is asked about, with what the network said.

    Parameters
    ----------
    position : int
        Place in the query.
    identifier : str
        Of the spectrum.
    predicted : str
        Its predicted class.
    probabilities : tuple of float
        Of the network's classes.
    score : float or None
        By which it was chosen; None where chance chose it.
    chosen_by : str
        What chose it within the query: a strategy of a mixture, a stratum of an audit.
    is_repeat : bool
        Whether it is asked about once more, to see whether the same person says the same.
    """

    position: int
    identifier: str
    predicted: str
    probabilities: tuple[float, ...]
    score: float | None
    chosen_by: str = ""
    is_repeat: bool = False


@dataclass(frozen=True, eq=False)
class Query:
    """A batch of questions, fixed when it was drawn.

    `design` holds what its statistics need to know of how it was drawn, as plain values (JSON).
    """

    number: int
    campaign: str
    iteration: int
    job: int
    purpose: Purpose
    strategy: str
    size: int
    seed: int
    created_at: str
    notice: str = ""
    items: tuple[QueryItem, ...] = ()
    design: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AnswerEvent:
    """One act of an oracle, before it is stored.

    Parameters
    ----------
    event : str
        Unique name of the act: the same one twice is stored once.
    query : int
        The query that asked.
    identifier : str
        Of the spectrum.
    answer : str or None
        Name of one of the campaign's classes; None takes this oracle's earlier answer back.
    note : str
        Anything else worth keeping.
    seconds : float or None
        How long the oracle looked at it.
    undoes : str or None
        The event that this one undoes.
    """

    event: str
    query: int
    identifier: str
    answer: str | None
    note: str = ""
    seconds: float | None = None
    undoes: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What an oracle said of one spectrum; `answer` is None where an earlier one was taken back.

    An adjudication settles what was in doubt: oracles differed, or the network contradicted them.
    """

    sequence: int
    event: str
    campaign: str
    query: int
    iteration: int
    purpose: Purpose
    identifier: str
    answer: str | None
    note: str
    oracle: str
    at: str
    seconds: float | None = None
    undoes: str | None = None
    is_adjudication: bool = False


class SharingMode(StrEnum):
    """How several people share the spectra that are asked about."""

    FREE = "free"
    DIVIDE = "divide"
    DOUBLE = "double"


class Resolution(StrEnum):
    """Which answer counts where people differ and nobody has adjudicated.

    The latest one; that of more people than any other (a tie leaves the spectrum out); only one
    that all agree on.
    """

    LATEST = "latest"
    MAJORITY = "majority"
    UNANIMOUS = "unanimous"


@dataclass(frozen=True)
class Sharing:
    """How a campaign's spectra are shared among its people.

    Parameters
    ----------
    mode : SharingMode
        Everybody sees all that is open; each spectrum goes to one person; each goes to
        `n_judges`, who do not see each other's answers.
    n_judges : int
        How many judge each spectrum in the mode "double".
    resolution : Resolution
        Which answer counts where they differ.
    """

    mode: SharingMode = SharingMode.FREE
    n_judges: int = 2
    resolution: Resolution = Resolution.LATEST

    def __post_init__(self) -> None:
        if not 2 <= self.n_judges <= 20:
            raise CampaignError(
                f"Each spectrum cannot be judged by {self.n_judges}: give from 2 to 20 people."
            )

    @property
    def n_wanted(self) -> int:
        """How many people are to judge each spectrum."""
        return self.n_judges if self.mode is SharingMode.DOUBLE else 1


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def is_active(self) -> bool:
        """Whether a process works on it or is about to."""
        return self in (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, eq=False)
class Job:
    """Work in a process of its own: train the network and predict the pool."""

    number: int
    campaign: str
    iteration: int
    settings: TrainingSettings
    state: JobState
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None
    heartbeat_at: str | None = None
    host: str = ""
    pid: int | None = None
    pid_started: float | None = None
    phase: str = ""
    done: int = 0
    total: int = 0
    details: dict[str, Any] = field(default_factory=dict)
    is_cancel_requested: bool = False
    error: str = ""
