"""When to stop: each criterion with its figure and its goal, and a sentence of advice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from active_cnn.errors import EvaluationError
from active_cnn.wording import one_or_many, percent

ROUNDS = 3  # successive networks that have to agree


@dataclass(frozen=True)
class Goals:
    """What a campaign is to reach before it stops.

    Parameters
    ----------
    precision : float
        One-sided 95 % lower bound of each target class, of what is predicted together with what was
        confirmed.
    recall : float
        Lower limit of the audited recall.
    agreement : float
        Cohen's kappa of successive networks on the whole pool, over `ROUNDS` rounds.
    yield_ : float
        New targets per 100 labels below which, in two rounds, another round does not pay.
    """

    precision: float = 0.9
    recall: float = 0.8
    agreement: float = 0.99
    yield_: float = 2.0

    def __post_init__(self) -> None:
        for name in ("precision", "recall", "agreement"):
            if not 0 < getattr(self, name) < 1:
                raise EvaluationError(
                    f"A goal of {getattr(self, name):g} for the {name} is none: give a number "
                    "between 0 and 1."
                )
        if not 0 <= self.yield_ <= 100:
            raise EvaluationError(
                f"A goal of {self.yield_:g} new targets per 100 labels is none: give 0 to 100."
            )


class Light(StrEnum):
    """How a criterion stands."""

    MET = "met"
    NEAR = "near"
    FAR = "not met"
    UNKNOWN = "not known"


@dataclass(frozen=True)
class Criterion:
    """One reason to stop or to go on.

    Parameters
    ----------
    name : str
        What is looked at.
    figure, goal : str
        What it is, and what it should be.
    light : Light
        How that stands.
    """

    name: str
    figure: str
    goal: str
    light: Light


@dataclass(frozen=True)
class Stopping:
    """Whether to stop.

    Parameters
    ----------
    criteria : tuple of Criterion
        Each with its figure.
    is_advised : bool
        Whether all that has to hold does.
    advice : str
        In a sentence or two.
    """

    criteria: tuple[Criterion, ...]
    is_advised: bool
    advice: str


def judge_stopping(
    goals: Goals,
    precision: Mapping[str, float | None],
    agreement: Sequence[float],
    recall: float | None,
    yields: Sequence[float],
    round_size: int = 100,
) -> Stopping:
    """Judge whether a campaign may stop.

    Parameters
    ----------
    goals : Goals
        What is to be reached.
    precision : mapping of str to float or None
        One-sided lower bound of each target class, of what is predicted together with what was
        confirmed; None where nothing has been judged.
    agreement : sequence of float
        Cohen's kappa between successive networks, the newest last.
    recall : float or None
        Lower limit of the audited recall; None without an audit.
    yields : sequence of float
        New targets per 100 labels of the finished rounds, the newest last.
    round_size : int
        Labels of the round that the advice speaks of.

    Returns
    -------
    Stopping

    References
    ----------
    Agreement of successive networks: Bloodgood & Vijay-Shanker (2009), CoNLL, 39; its bound on
    the change of the F measure: Bloodgood & Grothendieck (2013), CoNLL, 10.
    """
    criteria = [
        Criterion(
            f"precision of {name} (confirmed ones included)",
            "nothing judged" if low is None else f"{percent(low, 1)} at least",
            f"{percent(goals.precision)} at least (one-sided 95 %)",
            _light(low, goals.precision, 0.05),
        )
        for name, low in precision.items()
    ]
    n_pure = sum(one.light is Light.MET for one in criteria)
    last = list(agreement[-ROUNDS:])
    is_stable = len(last) == ROUNDS and min(last) >= goals.agreement
    stable = Light.MET if is_stable else _light(min(last), goals.agreement, 0.02) if last else None
    if stable is Light.MET and not is_stable:
        stable = Light.NEAR
    criteria.append(
        Criterion(
            "agreement with the networks before",
            ", ".join(f"κ = {value:.4f}" for value in last) or "one network so far",
            f"κ ≥ {goals.agreement:g} in {ROUNDS} rounds",
            stable or Light.UNKNOWN,
        )
    )
    complete = _light(recall, goals.recall, 0.1)
    criteria.append(
        Criterion(
            "audited recall",
            "no audit" if recall is None else f"{percent(recall, 1)} at least",
            f"{percent(goals.recall)} at least (lower 95 % limit)",
            complete,
        )
    )
    two = list(yields[-2:])
    is_dry = len(two) == 2 and max(two) < goals.yield_
    dry = Light.UNKNOWN if not two else Light.MET if is_dry else Light.FAR
    if two and not is_dry and two[-1] < goals.yield_:
        dry = Light.NEAR
    criteria.append(
        Criterion(
            "new targets per 100 labels",
            ", ".join(f"{value:.1f}" for value in two) or "no round yet",
            f"below {goals.yield_:g} in two rounds",
            dry,
        )
    )
    is_pure = n_pure == len(precision)
    is_advised = is_pure and is_stable and (complete is Light.MET or is_dry)
    return Stopping(tuple(criteria), is_advised, _advise(is_advised, criteria, yields, round_size))


def _light(value: float | None, goal: float, near: float) -> Light:
    if value is None:
        return Light.UNKNOWN
    if value >= goal:
        return Light.MET
    return Light.NEAR if value >= goal - near else Light.FAR


def _advise(
    is_advised: bool, criteria: Sequence[Criterion], yields: Sequence[float], size: int
) -> str:
    expected = ""
    if yields:
        n = yields[-1] * size / 100
        expected = f"Another round of {size} is expected to find about {n:.0f} new "
        expected += one_or_many(round(n), "target", "targets")
        expected += f", as the last one did ({yields[-1]:.0f} per 100 labels)."
    if is_advised:
        return f"All that has to hold does: the campaign may stop. {expected}".strip()
    lacking = [
        f"{one.name} {'is not known yet' if one.light is Light.UNKNOWN else 'is not there yet'}"
        for one in criteria
        if one.light is not Light.MET
    ]
    said = "; ".join(lacking)
    return f"Go on. {expected} {said[:1].upper()}{said[1:]}.".replace("  ", " ")
