"""How a network is trained: the settings, and the recipes that set all of them at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from active_cnn.errors import CampaignError

BALANCINGS = ("none", "class weights", "logit adjustment", "smote")
SCHEDULES = ("constant", "cosine")
HELD_OUT = "held-out loss"
MONITORS = (HELD_OUT, "training loss")
# Of each class: one to be trained on, one to be held out.
LEAST_EXAMPLES = 2
# A campaign that begins with examples is ranked by their likeness until so many targets, of all
# target classes together, and so much else are labelled (docs/training.md).
ENOUGH_TARGETS = 40
ENOUGH_OTHERS = 40


@dataclass(frozen=True)
class TrainingSettings:
    """What a person may set before a training.

    Parameters
    ----------
    network : str
        Name of the network's architecture.
    augmentation : bool
        Whether the labelled spectra are shown as the pool's instrument would have taken them.
    background : int
        How many spectra of the pool, drawn at random, are shown as no targets: nearly all are
        none. Needs the augmentation.
    answer_weight : int
        How often a spectrum that the oracle has answered is shown for each time that one of the
        initial training set is. Needs the augmentation, without which it is shown as often.
    balancing : str
        One of `BALANCINGS`: what is done about classes of different sizes.
    schedule : str
        One of `SCHEDULES`: whether the learning rate falls to 0 over `max_epochs`.
    learning_rate : float
        Of Adam, at the beginning.
    monitor : str
        One of `MONITORS`: the loss by which the training is stopped.
    min_delta, patience : float, int
        The training stops when that loss did not fall by `min_delta` in `patience` epochs.
    max_epochs : int
        The training ends here at the latest.
    batch_size : int
        Spectra per gradient step.
    holdout : float
        Share of the training set that is held out for the validation figures, 0-0.5.
    seed : int
        Seed of everything random: hold-out, background, augmentation, SMOTE, weights, batches.
    """

    network: str = "compact"
    augmentation: bool = True
    background: int = 10_000
    answer_weight: int = 5
    balancing: str = "none"
    schedule: str = "cosine"
    learning_rate: float = 2e-3
    monitor: str = HELD_OUT
    min_delta: float = 0.0
    patience: int = 10
    max_epochs: int = 40
    batch_size: int = 256
    holdout: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        allowed = {
            "background": (0 <= self.background <= 1_000_000, "from 0 to 1000000"),
            "answer_weight": (1 <= self.answer_weight <= 1000, "from 1 to 1000"),
            "learning_rate": (0 < self.learning_rate <= 1, "above 0 and up to 1"),
            "min_delta": (0 <= self.min_delta < 1, "from 0 to below 1"),
            "patience": (1 <= self.patience <= 1000, "from 1 to 1000"),
            "max_epochs": (1 <= self.max_epochs <= 10_000, "from 1 to 10000"),
            "batch_size": (1 <= self.batch_size <= 65_536, "from 1 to 65536"),
            "holdout": (0 <= self.holdout <= 0.5, "from 0 to 0.5"),
            "seed": (0 <= self.seed < 2**32, "from 0 to 4294967295"),
            "balancing": (self.balancing in BALANCINGS, f"of {', '.join(BALANCINGS)}"),
            "schedule": (self.schedule in SCHEDULES, f"of {', '.join(SCHEDULES)}"),
            "monitor": (self.monitor in MONITORS, f"of {', '.join(MONITORS)}"),
        }
        for name, (is_allowed, limits) in allowed.items():
            if not is_allowed:
                raise CampaignError(
                    f"{name.replace('_', ' ')} is {getattr(self, name)}: give a value {limits}."
                )
        if self.answer_weight > 1 and not self.augmentation:
            raise CampaignError(
                f"answer weight is {self.answer_weight} without augmentation: the very same "
                "spectra would be learned by heart. Set it to 1, or augment."
            )
        if self.background and not self.augmentation:
            raise CampaignError(
                f"background is {self.background} without augmentation: spectra of the pool would "
                "be told from the labelled ones by their noise. Set it to 0, or augment."
            )

    @property
    def unwatched_epochs(self) -> int:
        """How many epochs pass before patience is lost.

        While the rate of the cosine is near its height the loss that is watched jumps about: a
        lucky epoch would end the training long before the rate falls.
        """
        if self.schedule != "cosine":
            return 0
        return min(self.max_epochs // 2, 2 * self.patience)

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> TrainingSettings:
        """Read what a store holds, that of a version before the compact recipe too."""
        if "balance" in stored:
            stored = {**asdict(RECIPES["notebook"]), **stored}
            stored["balancing"] = "smote" if stored.pop("balance") else "none"
        return cls(**{"answer_weight": 1, **stored})


_SEED = TrainingSettings(
    network="paper",
    augmentation=False,
    background=0,
    answer_weight=1,
    balancing="smote",
    schedule="constant",
    learning_rate=1e-3,
    monitor="training loss",
    max_epochs=1000,
    batch_size=64,
)
# Our own recipe, and the method's authors' as their code and as their text have it, which differ.
RECIPES = {
    "compact": TrainingSettings(),
    "notebook": replace(_SEED, min_delta=1e-3, patience=10),
    "paper": replace(_SEED, min_delta=1e-5, patience=50),
}
DEFAULT_RECIPE = "compact"
