"""What `benchmarks.cases` has measured, and its tables, as Markdown."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from active_cnn.spectra.simulation.cases import CASES

Record = dict[str, Any]

DEFAULT, PAPER, BASELINE = "default", "paper", "baseline"
FORESTS = ("coniferest, windows", "coniferest, components")
ASKS = "coniferest asks"
ALL = (DEFAULT, PAPER, BASELINE, *FORESTS, ASKS)
WITHOUT = "default without "
STOPS = (0, 200, 500)  # answers after which the learners are compared


class Results:
    """What has been measured: a line of JSON for each piece."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records: list[Record] = []
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    self.records.append(json.loads(line))
                except ValueError:  # a run that was killed has left half a line
                    print(f"{path}: half a line is left out and measured again", flush=True)

    def has(self, **piece: object) -> bool:
        """Tell whether a piece has been measured."""
        return any(piece.items() <= record.items() for record in self.records)

    def add(self, record: Record) -> None:
        """Keep a piece."""
        self.records.append(record)
        ends_well = not self.path.exists() or self.path.read_bytes()[-1:] in (b"", b"\n")
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n" * (not ends_well) + json.dumps(record) + "\n")
        said = (f"{name} {value}" for name, value in record.items() if name != "missed")
        print("; ".join(said), flush=True)


def print_tables(records: Sequence[Record]) -> None:
    """Print how well the pool is ranked, and how many targets are found per label."""
    parts = [one for one in records if one["learner"].startswith(WITHOUT)]
    whole = [one for one in records if not one["learner"].startswith(WITHOUT)]
    ranked = [one for one in whole if one["labels"] in STOPS]
    asked = [one for one in whole if "confirmed" in one and one["labels"]]
    strict = [one for one in whole if "of_all" in one and one["learner"] != ASKS]
    for title, some, value in (
        ("Average precision", ranked, _precision),
        ("Average precision, counting the targets that nobody can see", strict, _strict),
        ("Share of the visible targets that is confirmed", asked, _confirmed),
        ("Average precision without a part of the augmentation", parts, _precision),
    ):
        if some:
            print(f"\n{title}\n\n{lay_out(some, value)}")


def _precision(record: Record) -> float:
    return record["average_precision"]


def _strict(record: Record) -> float:
    return record["of_all"]


def _confirmed(record: Record) -> float:
    return record["confirmed"] / record["targets"]


def lay_out(records: Sequence[Record], value: Callable[[Record], float]) -> str:
    """Make a table: mean, standard deviation and, in brackets, each seed."""
    stops = sorted({one["labels"] for one in records})
    lines = [
        "| case | learner | seeds | " + " | ".join(f"{n} labels" for n in stops) + " |",
        "|---|---|---|" + "---|" * len(stops),
    ]
    for case in CASES:
        of_case = [one for one in records if one["case"] == case]
        for learner in sorted({one["learner"] for one in of_case}, key=_place):
            mine = [one for one in of_case if one["learner"] == learner]
            seeds = sorted({one["seed"] for one in mine})
            found = [
                [value(one) for seed in seeds for one in mine if _is_at(one, seed, stop)]
                for stop in stops
            ]
            cells = " | ".join(map(_cell, found))
            lines.append(f"| {case} | {learner} | {', '.join(map(str, seeds))} | {cells} |")
    return "\n".join(lines)


def _place(learner: str) -> tuple[int, str]:
    return (ALL.index(learner) if learner in ALL else len(ALL), learner)


def _is_at(record: Record, seed: int, stop: int) -> bool:
    return (record["seed"], record["labels"]) == (seed, stop)


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "–"
    each = ", ".join(f"{value:.3f}" for value in values)
    if len(values) == 1:
        return each
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f} ({each})"
