"""What belongs to a campaign from its creation, read from a TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from active_cnn.campaign.campaign import DEFAULT_CLASSES
from active_cnn.errors import CampaignError
from active_cnn.keys import check_keys
from active_cnn.names import trim
from active_cnn.records import Grid, Line, OracleClass
from active_cnn.spectra.wavelength import LINES


@dataclass(frozen=True)
class Definition:
    """Grid, classes and lines of a campaign, by default those of the method's authors, and keys.

    `keys` holds the keys of the labelling page that are not to be the usual ones, by action.
    """

    grid: Grid = Grid()
    classes: tuple[OracleClass, ...] = DEFAULT_CLASSES
    lines: tuple[Line, ...] = LINES
    keys: dict[str, str] = field(default_factory=dict)


def read_definition(path: Path) -> Definition:
    """Read a definition such as this one; each of the four parts may be left out.

    ::

        [grid]
        start = 6519.0
        end = 6732.0
        n = 140

        [[class]]
        name = "emission"
        key = "e"
        network_class = "emission"   # left out: stored, never trained on
        is_target = true             # left out: false

        [[line]]
        name = "Hα"
        wavelength = 6564.614        # vacuum, angstrom

        [keys]
        undo = "Backspace"           # actions and names of keys: `active_cnn.keys`

    Raises
    ------
    CampaignError
        If the file cannot be read, holds a name or value that does not belong there, or gives a
        key twice.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CampaignError(
            f"Cannot read the definition {path}: {error}. Give a TOML file with [grid], "
            "[[class]], [[line]] and [keys]."
        ) from error
    unknown = sorted(set(content) - {"grid", "class", "line", "keys"})
    if unknown:
        raise CampaignError(
            f"{path} holds {unknown[0]!r}: only [grid], [[class]], [[line]] and [keys] are known."
        )
    default = Definition()
    grid = default.grid
    if "grid" in content:
        given = _take(path, "[grid]", content["grid"], {"start": float, "end": float, "n": int}, ())
        grid = Grid(given["start"], given["end"], given["n"])
    for name in ("class", "line"):
        if not isinstance(content.get(name, []), list):
            raise CampaignError(
                f"{path}: {name} is {content[name]!r}: write each one under [[{name}]]."
            )
    classes = tuple(
        OracleClass(
            given["name"], given["key"], given.get("network_class"), given.get("is_target", False)
        )
        for given in (
            _take(
                path,
                "[[class]]",
                one,
                {"name": str, "key": str, "network_class": str, "is_target": bool},
                ("network_class", "is_target"),
            )
            for one in content.get("class", ())
        )
    )
    lines = tuple(
        Line(given["name"], given["wavelength"])
        for given in (
            _take(path, "[[line]]", one, {"name": str, "wavelength": float}, ())
            for one in content.get("line", ())
        )
    )
    classes = classes or default.classes
    keys = _take_keys(path, content.get("keys", {}), classes)
    return Definition(grid, classes, lines or default.lines, keys)


def _take_keys(path: Path, given: Any, classes: tuple[OracleClass, ...]) -> dict[str, str]:
    if not isinstance(given, dict):
        raise CampaignError(f"{path}: keys is {given!r}: write them under [keys].")
    for action, key in given.items():
        if not isinstance(key, str):
            raise CampaignError(f"{path}: {action} in [keys] is {key!r}: give a str.")
    try:
        check_keys(((one.name, one.key) for one in classes), given)
    except CampaignError as error:
        raise CampaignError(f"{path}: [keys]: {error}") from error
    return given


def _take(
    path: Path, part: str, given: Any, kinds: dict[str, type], optional: tuple[str, ...]
) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise CampaignError(f"{path}: {part} is {given!r}: give names with values.")
    for name in given:
        if name not in kinds:
            raise CampaignError(f"{path}: {part} has no {name!r}: it has {', '.join(kinds)}.")
    taken: dict[str, Any] = {}
    for name, kind in kinds.items():
        if name not in given:
            if name in optional:
                continue
            raise CampaignError(f"{path}: {part} lacks {name!r}: add it.")
        value = float(given[name]) if kind is float and type(given[name]) is int else given[name]
        if type(value) is not kind:
            raise CampaignError(f"{path}: {name} in {part} is {value!r}: give a {kind.__name__}.")
        taken[name] = trim(value) if isinstance(value, str) else value
    return taken
