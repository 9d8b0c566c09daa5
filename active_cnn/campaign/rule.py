"""What the plain rule says of a campaign's pool, kept in a file beside what the networks say."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from active_cnn.campaign.files import open_pool
from active_cnn.campaign.store import Store
from active_cnn.engine import Engine
from active_cnn.errors import SpectrumError, StoreError
from active_cnn.learning.predictions import ROOM_LEFT
from active_cnn.records import Campaign
from active_cnn.search import HALPHA_EMISSION, TargetLine
from active_cnn.spectra.pool import Pool
from active_cnn.spectra.pool_file import publish
from active_cnn.spectra.rule import line_significance, place_bands

STRETCH = 16_384  # rows of a task

_KIND = np.dtype("<f4")
_WHAT = "applying the rule"


@dataclass(frozen=True)
class RuleStretch:
    """Rows of a pool that the rule is applied to; any process that sees the files can do it.

    Parameters
    ----------
    pool, index : Path
        The pool and its index.
    start, stop : int
        The rows.
    lines : tuple of TargetLine
        What the rule looks for.
    """

    pool: Path
    index: Path
    start: int
    stop: int
    lines: tuple[TargetLine, ...]


def rule_path(store: Store, campaign: Campaign) -> Path:
    """Give the file of the rule's significances; its name tells of which pool and which lines."""
    lines = campaign.search.fixed_lines
    # Versions that knew no other line left it out of the name.
    of = "" if lines == HALPHA_EMISSION.lines else f"-{_digest(lines)}"
    return store.home / campaign.name / f"rule-{campaign.pool_fingerprint[:12]}{of}.npy"


def _digest(lines: tuple[TargetLine, ...]) -> str:
    return hashlib.sha256(repr(lines).encode()).hexdigest()[:12]


def rule_significance(store: Store, campaign: Campaign) -> NDArray[np.float32] | None:
    """Read how far each spectrum stands out at the search's lines; see `line_significance`.

    Parameters
    ----------
    store, campaign : Store, Campaign
        Whose pool it is.

    Returns
    -------
    ndarray of float32, shape (n_pool,), or None
        Mapped from the file, read-only, NaN for rows that cannot be used. None if it has not been
        computed, or the file is damaged: `compute_rule` makes it anew.
    """
    path = rule_path(store, campaign)
    try:
        found = np.load(path, mmap_mode="r")
        is_whole = path.stat().st_size == found.offset + found.nbytes
    # What numpy raises when the file is missing, cut off, or something else.
    except (AttributeError, EOFError, OSError, ValueError):
        return None
    return found if is_whole and found.ndim == 1 and found.dtype == _KIND else None


def compute_rule(
    store: Store,
    campaign: Campaign,
    engine: Engine,
    report: Callable[[str, int, int, dict[str, Any]], None],
) -> NDArray[np.float32]:
    """Apply the rule to each usable spectrum of the pool, unless this has been done.

    The file appears when all rows are written. Of two that compute it at once the second one
    waits, and finds it.

    Parameters
    ----------
    store, campaign : Store, Campaign
        Whose pool it is; it is read in stretches, and memory does not grow with it.
    engine : Engine
        Does the stretches; its threads or processes must see the same files.
    report : callable
        Told what is done, how many rows are done, of how many, and details; what it raises ends
        the work.

    Returns
    -------
    ndarray of float32, shape (n_pool,)
        As `rule_significance` gives it.

    Raises
    ------
    SpectrumError
        If the search names no line that could be looked for, the campaign's grid does not hold
        one with continuum on both sides, or the pool cannot be read.
    CampaignError
        If the pool is no longer the one that the campaign was created on.
    StoreError
        If the file cannot be written, or the disk has no room for it.
    """
    if not campaign.search.fixed_lines:
        raise SpectrumError("the search names no line that could be looked for at one wavelength")
    for line in campaign.search.fixed_lines:
        place_bands(campaign.grid.wavelength, line.range, campaign.grid.parts)
    pool = open_pool(store, campaign)
    path = rule_path(store, campaign)
    with _alone(path):
        found = rule_significance(store, campaign)
        if found is None or len(found) != pool.n:
            _write(path, pool, campaign.search.fixed_lines, engine, report)
            found = rule_significance(store, campaign)
    if found is None:
        raise StoreError(
            f"What was written to {path} cannot be read back. See whether the disk is sound, "
            "then try again."
        )
    return found


def _write(
    path: Path,
    pool: Pool,
    lines: tuple[TargetLine, ...],
    engine: Engine,
    report: Callable[[str, int, int, dict[str, Any]], None],
) -> None:
    stretches = (
        RuleStretch(pool.path, pool.index_path, start, min(start + STRETCH, pool.n), lines)
        for start in range(0, pool.n, STRETCH)
    )
    report(_WHAT, 0, pool.n, {})
    began = time.monotonic()
    try:
        with _new_file(path, pool.n) as write:
            for stretch, significance in engine.run(measure_stretch, stretches):
                write(significance)
                seconds = time.monotonic() - began
                speed = stretch.stop / max(seconds, 1e-9)
                details = {"spectra_per_second": speed, "seconds": seconds}
                report(_WHAT, stretch.stop, pool.n, details)
    finally:
        _pool_of.cache_clear()


def measure_stretch(stretch: RuleStretch) -> NDArray[np.float32]:
    """Apply the rule to a stretch of a pool, shape (n_rows,); NaN for rows that cannot be used."""
    pool = _pool_of(stretch.pool, stretch.index)
    rows = slice(stretch.start, stretch.stop)
    ((_, usable, windows),) = pool.chunks(stretch.stop - stretch.start, rows)
    significance = np.full(len(usable), np.nan, dtype=np.float32)
    significance[usable] = line_significance(
        windows, pool.grid.wavelength, *stretch.lines, parts=pool.grid.parts
    )
    return significance


# A worker does many stretches of one pool. Its windows are scaled by minimum and maximum, to which
# the rule is invariant, however those of the campaign are.
@lru_cache(maxsize=1)
def _pool_of(path: Path, index: Path) -> Pool:
    return Pool(path, index)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    # Two that write at once would take the unfinished file away from each other.
    with _blamed_on(path):
        lock = (path.parent / "rule.lock").open("w")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _new_file(path: Path, n: int) -> Iterator[Callable[[NDArray[np.float32]], None]]:
    # Gives a function that adds rows; the file appears when all of them are written.
    needed = n * _KIND.itemsize + ROOM_LEFT
    free = shutil.disk_usage(path.parent).free
    if free < needed:
        raise StoreError(
            f"What the rule says of {n} spectra needs {needed / 1e6:.0f} MB in {path.parent}, "
            f"{free / 1e6:.0f} MB are free. Make room, then try again."
        )
    unfinished = path.with_name(f"unfinished-{path.name}")
    with _blamed_on(path):
        file = unfinished.open("wb")

    def write(values: NDArray[np.float32]) -> None:
        with _blamed_on(path):
            file.write(values.astype(_KIND, copy=False).tobytes())

    try:
        with _blamed_on(path):
            header = {"descr": _KIND.str, "fortran_order": False, "shape": (n,)}
            np.lib.format.write_array_header_1_0(file, header)
        yield write
        with _blamed_on(path):
            file.close()
            publish(unfinished, path)
    finally:
        with suppress(OSError):
            file.close()
        unfinished.unlink(missing_ok=True)


@contextmanager
def _blamed_on(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"Cannot write {path}: {error.strerror or error}. See whether the disk is full, and "
            "whether you may write there; then try again."
        ) from error
