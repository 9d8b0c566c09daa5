"""What the environment says, read once where a process begins."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Settings of one process.

    Parameters
    ----------
    home : Path
        Folder of the campaigns (`ACTIVE_CNN_HOME`, by default `data` in the working folder).
    oracle : str
        Name that answers are stored under (`ACTIVE_CNN_ORACLE`, by default the login name).
    """

    home: Path
    oracle: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings from environment variables."""
        return cls(
            home=Path(environment.get("ACTIVE_CNN_HOME") or "data").expanduser().resolve(),
            oracle=environment.get("ACTIVE_CNN_ORACLE")
            or environment.get("USER")
            or environment.get("LOGNAME")
            or "oracle",
        )
