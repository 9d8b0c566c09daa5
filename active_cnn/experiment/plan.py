"""What is rehearsed: arms (a strategy with a way to train), seeds, a survey, an oracle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from active_cnn.errors import CampaignError, ExperimentError
from active_cnn.experiment.truth import Oracle
from active_cnn.query.strategies import find_strategy
from active_cnn.recipes import RECIPES, TrainingSettings

LOOKS_AGAIN = 0.05


@dataclass(frozen=True)
class Arm:
    """One way to run a campaign.

    Parameters
    ----------
    strategy : str
        Of the queries.
    shares : mapping of str to float
        Of a mixture; empty for the usual ones.
    recipe : str
        By which networks are trained, one of `RECIPES`.
    changes : mapping
        Training settings that differ from the recipe.
    n_labels : int
        Answers in all; a last batch that would hold second looks alone is left out.
    batch : int
        In each iteration.
    looks_again : bool
        Whether `LOOKS_AGAIN` of a batch are kept for a second look at the most doubtful answers,
        before the next training. What is not needed is not used otherwise.
    name : str
        As it is shown; by default made of the rest.
    """

    strategy: str
    shares: Mapping[str, float] = field(default_factory=dict)
    recipe: str = "compact"
    changes: Mapping[str, Any] = field(default_factory=dict)
    n_labels: int = 500
    batch: int = 100
    looks_again: bool = True
    name: str = ""

    def __post_init__(self) -> None:
        find_strategy(self.strategy, self.shares or None)
        if self.recipe not in RECIPES:
            raise ExperimentError(
                f"There is no recipe {self.recipe!r}. Choose one of {', '.join(RECIPES)}."
            )
        if not 1 <= self.batch <= self.n_labels:
            raise ExperimentError(
                f"Batches of {self.batch} of {self.n_labels} labels make no campaign: give from 1 "
                "to all of them."
            )
        self.settings(0)

    @property
    def n_looks(self) -> int:
        """How many answers of a batch are kept for a second look."""
        return round(LOOKS_AGAIN * self.batch) if self.looks_again else 0

    def settings(self, seed: int) -> TrainingSettings:
        """Give the settings of a training."""
        try:
            return replace(RECIPES[self.recipe], **{**self.changes, "seed": seed})
        except (CampaignError, TypeError) as error:
            raise ExperimentError(f"The training cannot be changed so: {error}") from error

    @property
    def title(self) -> str:
        """As it is shown."""
        return self.name or (
            self.strategy if self.recipe == "compact" else f"{self.strategy}, {self.recipe}"
        )


@dataclass(frozen=True)
class Survey:
    """The files of a survey whose truth is known, and the case that is sought in it."""

    training: Path
    pool: Path
    truth: Path
    case: str = "halpha"


@dataclass(frozen=True)
class Trial:
    """One campaign: an arm, a seed.

    Parameters
    ----------
    arm : Arm
        How it is run.
    seed : int
        Of the campaign: its networks and queries, and the person who answers.
    survey : Survey
        Where.
    oracle : Oracle
        Who answers.
    folder : Path
        Of the whole experiment.
    """

    arm: Arm
    seed: int
    survey: Survey
    oracle: Oracle
    folder: Path

    @property
    def key(self) -> str:
        """Name of its files; what it depends on makes it."""
        return f"{_slug(self.arm.title)}-{self.seed}-{_digest([asdict(self.arm), *self._rest])}"

    @property
    def start_key(self) -> str:
        """Name of its first iteration, which all strategies share that train alike."""
        settings = asdict(self.arm.settings(self.seed))
        return f"start-{self.seed}-{_digest([settings, *self._rest])}"

    @property
    def _rest(self) -> list[Any]:
        return [self.seed, asdict(self.survey), asdict(self.oracle)]

    @property
    def result_path(self) -> Path:
        """File of what came out."""
        return self.folder / "trials" / f"{self.key}.json"


def _digest(parts: object) -> str:
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _slug(title: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in title).strip("-")[:60]
