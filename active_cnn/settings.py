"""What the environment says, read once where a process begins."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Settings of one process.

    Parameters
    ----------
    home : Path
        Folder of the campaigns (`ACTIVE_CNN_HOME`, by default `data` in the working folder).
    oracle : str
        Name of whoever runs the process (`ACTIVE_CNN_ORACLE`, by default the login name).
    is_oracle_fixed : bool
        Whether `ACTIVE_CNN_ORACLE` names it: then nobody is asked for another one.
    password : str
        That everybody must give to see a page (`ACTIVE_CNN_PASSWORD`, by default none).
    folders : tuple of Path
        Folders that campaigns made in the browser may read from (`ACTIVE_CNN_FOLDERS`, separated
        as in `PATH`; by default none).
    scheduler : str
        Of Dask, on whose workers pools are predicted (`ACTIVE_CNN_SCHEDULER`, by default none:
        this machine alone).
    """

    home: Path
    oracle: str
    is_oracle_fixed: bool = False
    password: str = field(default="", repr=False)
    folders: tuple[Path, ...] = ()
    scheduler: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings from environment variables."""
        oracle = environment.get("ACTIVE_CNN_ORACLE", "").strip()
        folders = environment.get("ACTIVE_CNN_FOLDERS", "").split(os.pathsep)
        return cls(
            home=_folder(environment.get("ACTIVE_CNN_HOME") or "data"),
            oracle=oracle or environment.get("USER") or environment.get("LOGNAME") or "oracle",
            is_oracle_fixed=bool(oracle),
            password=environment.get("ACTIVE_CNN_PASSWORD", ""),
            folders=tuple(_folder(text) for text in folders if text.strip()),
            scheduler=environment.get("ACTIVE_CNN_SCHEDULER", "").strip(),
        )


def _folder(text: str) -> Path:
    return Path(text).expanduser().resolve()
