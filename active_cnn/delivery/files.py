"""Files of candidates for who asks a server for them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from active_cnn.campaign.store import Store
from active_cnn.delivery.candidates import describe_candidates
from active_cnn.delivery.origin import trace_origin
from active_cnn.delivery.tables import format_candidates
from active_cnn.engine import open_engine
from active_cnn.errors import EngineError, StoreError
from active_cnn.records import Campaign

LARGE = 5000  # candidates; the file of fewer is there before another process has started


@dataclass(frozen=True, eq=False)
class _Task:
    home: Path
    campaign: Campaign
    listed: pd.DataFrame
    ending: str
    selection: str


def make_file(
    home: Path, campaign: Campaign, listed: pd.DataFrame, ending: str, selection: str
) -> bytes:
    """Give the bytes of a file of candidates, with all that is known of them.

    Parameters
    ----------
    home : Path
        Of the campaign.
    campaign : Campaign
        Which campaign.
    listed : pandas.DataFrame
        Some rows of `list_candidates`, in any order.
    ending : str
        One of `FORMATS`.
    selection : str
        Which of the candidates these are, in words; see `trace_origin`.

    Raises
    ------
    StoreError
        If there is no such format, or the process that makes a large file is killed.
    """
    task = _Task(home, campaign, listed, ending, selection)
    if len(listed) < LARGE:
        return _make(task)
    # It takes seconds and hundreds of MB, which a server would never give back; meanwhile others
    # label. Of these two processes only the one starts that has something to do.
    try:
        with open_engine(processes=2) as engine:
            ((_, file),) = engine.run(_make, [task])
    except EngineError as error:
        raise StoreError(
            f"The file of {len(listed):,} candidates was not made: the process that made it was "
            "killed, which is what happens when memory runs out. Ask for fewer candidates."
        ) from error
    return file


def _make(task: _Task) -> bytes:
    with Store(task.home) as store:
        candidates = describe_candidates(store, task.campaign, task.listed)
        origin = trace_origin(store, task.campaign, task.selection)
    return format_candidates(candidates, task.ending, origin)
