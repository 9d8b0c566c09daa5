"""What belongs to a campaign from its creation, read from a TOML file."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from active_cnn.campaign.creation import DEFAULT_CLASSES
from active_cnn.errors import CampaignError
from active_cnn.excerpt import explain, shorten
from active_cnn.grid import Grid, Spacing, Window
from active_cnn.keys import check_keys
from active_cnn.lines import read_bounded
from active_cnn.names import trim
from active_cnn.records import Line, OracleClass
from active_cnn.search import Band, Frame, ScalingMethod, Search, Sign, TargetLine, usual_scaling

MOST_BYTES = 2**20
MOST_OF_A_KIND = 1000
LONGEST_TEXT = 200  # characters
_EXPECTED = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: f"a text of at most {LONGEST_TEXT} characters",
}
MOST_PARTS = 32  # of a dotted name; those of a definition have two
_BETWEEN = re.compile(r"[=,\[\]{}]")
_DOT = re.compile(r"\.[ \t]*(?=[^\s.])")


@dataclass(frozen=True)
class Definition:
    """Grid, classes and lines of a campaign, its search and its keys.

    What is None is assumed when the campaign is created, see `create_campaign`; grid and classes
    are by default those of the method's authors. `keys` holds the keys of the labelling page that
    are not to be the usual ones, by action.
    """

    grid: Grid = Grid()
    classes: tuple[OracleClass, ...] = DEFAULT_CLASSES
    lines: tuple[Line, ...] | None = None
    search: Search | None = None
    keys: dict[str, str] = field(default_factory=dict)


def read_definition(path: Path) -> Definition:
    """Read a definition such as this one; each of the five parts may be left out.

    ::

        [grid]
        start = 6519.0
        end = 6732.0
        n = 140
        spacing = "linear"           # or "log"

        [[window]]                   # in place of [grid], each of several windows
        start = 4800.0
        end = 4920.0
        n = 80

        [[class]]
        name = "emission"
        key = "e"
        network_class = "emission"   # left out: stored, never trained on
        is_target = true             # left out: false

        [[line]]
        name = "Hα"
        wavelength = 6564.614        # vacuum, angstrom

        [search]
        title = "Hα emission"
        scaling = "minmax"           # or "robust", "median", "continuum"; left out: by the window

        [[search.line]]
        name = "Hα"
        wavelength = 6564.614
        sign = "emission"            # or "absorption", "either"

        [keys]
        undo = "Backspace"           # actions and names of keys: `active_cnn.keys`

    Raises
    ------
    CampaignError
        If the file cannot be read, holds a name or value that does not belong there, or gives a
        key twice.
    """
    try:
        content = read_bounded(path, MOST_BYTES)
    except OSError as error:
        raise _unreadable(str(path), error.strerror or str(error)) from error
    except ValueError as error:  # longer than that
        raise _unreadable(str(path), explain(error)) from error
    return parse_definition(content, str(path))


def parse_definition(written: bytes, path: str) -> Definition:
    """Read the content of a definition; `path` names it in errors. See `read_definition`."""
    content = _parse(written, path)
    unknown = sorted(set(content) - {"grid", "window", "class", "line", "search", "keys"})
    if unknown:
        raise CampaignError(
            f"{path} holds {shorten(unknown[0])}: only [grid], [[window]], [[class]], [[line]], "
            "[search] and [keys] are known."
        )
    default = Definition()
    for name in ("class", "line", "window"):
        _check_list(path, name, content.get(name, []))
    grid = _take_grid(path, content) or default.grid
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
    # No line at all can be said too: `line = []`.
    lines = (
        None
        if "line" not in content
        else tuple(
            Line(given["name"], given["wavelength"])
            for given in (
                _take(path, "[[line]]", one, {"name": str, "wavelength": float}, ())
                for one in content["line"]
            )
        )
    )
    classes = classes or default.classes
    search = _take_search(path, content["search"], grid) if "search" in content else None
    if search:
        _check_windows(path, search, grid)
    keys = _take_keys(path, content.get("keys", {}), classes)
    return Definition(grid, classes, lines, search, keys)


_OF_A_WINDOW = {"start": float, "end": float, "n": int, "spacing": Spacing}


def _take_grid(path: str, content: dict[str, Any]) -> Grid | None:
    windows = content.get("window", [])
    if "grid" in content and windows:
        raise CampaignError(
            f"{path} has a [grid] and [[window]]: write one window as [grid], or each of several "
            "as [[window]]."
        )
    given = [("[grid]", content["grid"])] if "grid" in content else []
    given += [("[[window]]", one) for one in windows]
    if not given:
        return None
    taken = [_take(path, part, one, _OF_A_WINDOW, ("spacing",)) for part, one in given]
    try:
        return Grid(tuple(Window(**one) for one in taken))
    except CampaignError as error:
        raise CampaignError(f"{path}: {error}") from error


def _check_list(path: str, name: str, given: Any) -> None:
    if not isinstance(given, list):
        raise CampaignError(f"{path}: {name} is {shorten(given)}: write each one under [[{name}]].")
    if len(given) > MOST_OF_A_KIND:
        raise CampaignError(f"{path} has {len(given)} [[{name}]]: give {MOST_OF_A_KIND} at most.")


def _check_windows(path: str, search: Search, grid: Grid) -> None:
    try:
        search.check_windows(grid)
    except CampaignError as error:
        raise CampaignError(f"{path}: {error}") from error


_OF_A_SEARCH = {
    "title": str,
    "sigma": float,
    "resolving_power": float,
    "frame": Frame,
    "redshift": tuple,
    "source": str,
    "scaling": ScalingMethod,
}
_OF_A_LINE = {
    "name": str, "wavelength": float, "sign": Sign, "fwhm": tuple, "equivalent_width": tuple,
    "separation": tuple, "within": tuple,
}  # fmt: skip
_OF_A_BAND = {"name": str, "start": float, "end": float}


def _take_search(path: str, given: Any, grid: Grid) -> Search:
    if not isinstance(given, dict):
        raise CampaignError(f"{path}: search is {shorten(given)}: write it under [search].")
    own = dict(given)
    parts = {name: own.pop(name, []) for name in ("line", "band")}
    for name, listed in parts.items():
        _check_list(path, f"search.{name}", listed)
    taken = _take(path, "[search]", own, _OF_A_SEARCH, tuple(_OF_A_SEARCH))
    optional = tuple(set(_OF_A_LINE) - {"name", "wavelength", "sign"})
    lines = [_take(path, "[[search.line]]", one, _OF_A_LINE, optional) for one in parts["line"]]
    bands = [_take(path, "[[search.band]]", one, _OF_A_BAND, ()) for one in parts["band"]]
    try:
        targets = tuple(TargetLine(**one) for one in lines)
        return Search(
            lines=targets,
            bands=tuple(Band(**one) for one in bands),
            **{"scaling": usual_scaling(grid, targets), **taken},
        )
    except CampaignError as error:
        raise CampaignError(f"{path}: {error}") from error


def _parse(given: bytes, path: str) -> dict[str, Any]:
    try:
        text = given.decode("utf-8-sig")
        _refuse_long_names(text)
        return tomllib.loads(text)
    # No UTF-8, no TOML, a number of thousands of digits.
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, explain(error)) from error


def _unreadable(path: str, reason: str) -> CampaignError:
    return CampaignError(
        f"Cannot read the definition {path}: {reason}. Give a TOML file with [grid] "
        "or [[window]], [[class]], [[line]], [search] and [keys]."
    )


def _refuse_long_names(text: str) -> None:
    # The parser's time grows with the third power of their parts.
    for number, line in enumerate(text.splitlines(), 1):
        for part in _BETWEEN.split(line) if line.count(".") > MOST_PARTS else ():
            if len(_DOT.findall(part)) > MOST_PARTS and not line.lstrip().startswith("#"):
                raise ValueError(f"line {number} has a name of more than {MOST_PARTS} parts")


def _take_keys(path: str, given: Any, classes: tuple[OracleClass, ...]) -> dict[str, str]:
    if not isinstance(given, dict):
        raise CampaignError(f"{path}: keys is {shorten(given)}: write them under [keys].")
    for action, key in given.items():
        if not isinstance(key, str):
            raise CampaignError(
                f"{path}: {shorten(action)} in [keys] is {shorten(key)}: give {_EXPECTED[str]}."
            )
    try:
        check_keys(((one.name, one.key) for one in classes), given)
    except CampaignError as error:
        raise CampaignError(f"{path}: [keys]: {error}") from error
    return given


def _take(
    path: str, part: str, given: Any, kinds: dict[str, type], optional: tuple[str, ...]
) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise CampaignError(f"{path}: {part} is {shorten(given)}: give names with values.")
    for name in given:
        if name not in kinds:
            raise CampaignError(
                f"{path}: {part} has no {shorten(name)}: it has {', '.join(kinds)}."
            )
    taken: dict[str, Any] = {}
    for name, kind in kinds.items():
        if name not in given:
            if name in optional:
                continue
            raise CampaignError(f"{path}: {part} lacks {name!r}: add it.")
        value = given[name]
        if kind is tuple:
            taken[name] = _take_range(path, part, name, value)
            continue
        if issubclass(kind, StrEnum):
            taken[name] = _take_one_of(path, part, name, value, kind)
            continue
        if kind is float and type(value) is int and not _is_too_large(value):
            value = float(value)
        if type(value) is not kind or _is_too_large(value):
            raise CampaignError(
                f"{path}: {name} in {part} is {shorten(value)}: give {_EXPECTED[kind]}."
            )
        taken[name] = trim(value) if isinstance(value, str) else value
    return taken


def _take_range(path: str, part: str, name: str, value: Any) -> tuple[float, float]:
    is_pair = isinstance(value, list) and len(value) == 2
    if not is_pair or not all(type(one) in (int, float) and abs(one) < 2**63 for one in value):
        raise CampaignError(
            f"{path}: {name} in {part} is {shorten(value)}: give two numbers, [from, to]."
        )
    return float(value[0]), float(value[1])


def _take_one_of(path: str, part: str, name: str, value: Any, kind: type[StrEnum]) -> StrEnum:
    known = [one.value for one in kind]
    if value not in known:
        raise CampaignError(
            f"{path}: {name} in {part} is {shorten(value)}: give one of {', '.join(known)}."
        )
    return kind(value)


def _is_too_large(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) > LONGEST_TEXT
    return isinstance(value, int) and abs(value) >= 2**63
