"""The tables of `benchmarks.cases`, as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from active_cnn.spectra.simulation.cases import CASES

Record = dict[str, Any]


def print_tables(records: Sequence[Record]) -> None:
    """Print how well the pool is ranked, and how many targets are found per label."""
    print("\nAverage precision\n")
    _print(records, lambda one: one["average_precision"], "{:.3f}")
    print("\nAverage precision, counting the targets that nobody can see\n")
    _print([one for one in records if "of_all" in one], lambda one: one["of_all"], "{:.3f}")
    print("\nVisible targets confirmed, of those that there are\n")
    asked = [one for one in records if "confirmed" in one and one["labels"]]
    _print(asked, lambda one: one["confirmed"] / one["targets"], "{:.3f}")


def _print(records: Sequence[Record], value: Callable[[Record], float], form: str) -> None:
    stops = sorted({one["labels"] for one in records})
    print("| case | learner | seeds | " + " | ".join(f"{n} labels" for n in stops) + " |")
    print("|---|---|---|" + "---|" * len(stops))
    for case in CASES:
        of_case = [one for one in records if one["case"] == case]
        for learner in dict.fromkeys(one["learner"] for one in of_case):
            mine = [one for one in of_case if one["learner"] == learner]
            seeds = sorted({one["seed"] for one in mine})
            cells = []
            for stop in stops:
                at = sorted((one for one in mine if one["labels"] == stop), key=_seed)
                cells.append(_cell([value(one) for one in at], form))
            named = ", ".join(map(str, seeds))
            print(f"| {case} | {learner} | {named} | {' | '.join(cells)} |")


def _seed(record: Record) -> int:
    return record["seed"]


def _cell(values: Sequence[float], form: str) -> str:
    if not values:
        return "–"
    if len(values) == 1:
        return form.format(values[0])
    each = ", ".join(form.format(value) for value in values)
    spread = np.std(values, ddof=1)
    return f"{form.format(np.mean(values))} ± {form.format(spread)} ({each})"
