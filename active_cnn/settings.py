"""What the environment says, read once where a process begins."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from active_cnn.errors import StoreError


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
        """Read the settings from environment variables.

        Raises
        ------
        StoreError
            If a path in them leads nowhere.
        """
        oracle = environment.get("ACTIVE_CNN_ORACLE", "").strip()
        home = environment.get("ACTIVE_CNN_HOME") or "data"
        folders = environment.get("ACTIVE_CNN_FOLDERS", "").split(os.pathsep)
        return cls(
            home=resolve("The folder of ACTIVE_CNN_HOME", home),
            oracle=oracle or environment.get("USER") or environment.get("LOGNAME") or "oracle",
            is_oracle_fixed=bool(oracle),
            password=environment.get("ACTIVE_CNN_PASSWORD", ""),
            folders=tuple(
                resolve("The folder of ACTIVE_CNN_FOLDERS", text)
                for text in folders
                if text.strip()
            ),
            scheduler=environment.get("ACTIVE_CNN_SCHEDULER", "").strip(),
        )


def resolve(what: str, path: str | Path) -> Path:
    """Make a path absolute, with links followed; `~` is the home of a user.

    Raises
    ------
    StoreError
        If it leads nowhere: links go round in a circle, or there is no such user.
    """
    try:
        return Path(path).expanduser().resolve()
    # What each of them says.
    except (OSError, RuntimeError, ValueError) as error:
        raise StoreError(f"{what} {path} leads nowhere: {error}. Give another path.") from error
