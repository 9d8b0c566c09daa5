"""Definitions of searches that others have made, to begin with."""

from __future__ import annotations

from pathlib import Path

import active_cnn
from active_cnn.campaign.definition import Definition, read_definition
from active_cnn.errors import CampaignError

_FOLDER = Path(active_cnn.__file__).with_name("presets")


def preset_names() -> list[str]:
    """Name the presets, in the order of the alphabet."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def read_preset(name: str) -> Definition:
    """Read a preset.

    Raises
    ------
    CampaignError
        If there is none of that name.
    """
    return read_definition(_find(name))


def preset_text(name: str) -> str:
    """Give a preset as its file has it.

    Raises
    ------
    CampaignError
        If there is none of that name.
    """
    return _find(name).read_text(encoding="utf-8")


def _find(name: str) -> Path:
    known = preset_names()
    if name not in known:
        raise CampaignError(f"There is no preset {name!r}. There is: {', '.join(known)}.")
    return _FOLDER / f"{name}.toml"
