"""A campaign's definition as a TOML file that makes another campaign of the same kind."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import tomli_w

from active_cnn.records import Campaign
from active_cnn.search import Search


def write_definition(campaign: Campaign) -> str:
    """Write what `read_definition` reads: grid, classes, lines, search and keys of a campaign."""
    windows = [{**asdict(one), "spacing": str(one.spacing)} for one in campaign.grid.windows]
    content: dict[str, Any] = {
        **({"grid": windows[0]} if len(windows) == 1 else {"window": windows}),
        "class": [_stated(asdict(one)) for one in campaign.classes],
        "line": [asdict(one) for one in campaign.lines],
        "search": _search(campaign.search),
    }
    if campaign.chosen_keys:
        content["keys"] = campaign.chosen_keys
    return tomli_w.dumps(content)


def _search(search: Search) -> dict[str, Any]:
    written = _stated(asdict(search))
    lines, bands = written.pop("lines"), written.pop("bands")
    written |= {
        "frame": str(search.frame),
        "redshift": list(search.redshift),
        "scaling": str(search.scaling),
    }
    if lines:
        written["line"] = [_stated({**one, "sign": str(one["sign"])}) for one in lines]
    if bands:
        written["band"] = list(bands)
    return written


def _stated(given: dict[str, Any]) -> dict[str, Any]:
    # TOML has no value for what is not there.
    return {name: value for name, value in given.items() if value is not None}
