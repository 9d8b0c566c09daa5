"""From files to a pool: read, prepare and check every spectrum; interruptible at any moment."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from active_cnn.engine import Engine, open_engine
from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.spectra.batches import Files, PoolRows, read_batch
from active_cnn.spectra.joining import IngestReport, Joined, join_parts, read_report
from active_cnn.spectra.naming import NAME, read_naming
from active_cnn.spectra.parts import Parts, digest
from active_cnn.spectra.pool_file import open_pool, publish, sync
from active_cnn.spectra.resolving_power import AS_IS, PoolResolution
from active_cnn.spectra.shards import MANIFEST_SUFFIX, is_manifest, write_manifest
from active_cnn.spectra.sources import (
    describe_passed_over,
    find_files,
    is_pool,
    take_census,
)
from active_cnn.whole_file import check_place
from active_cnn.wording import one_or_many

DEFAULT_GRID = Grid()

# Spectra that are read at once. An interruption costs those of each worker that is at work.
BATCH = 1024

SHARD = 1_000_000  # spectra: 600 MB


@dataclass(frozen=True)
class IngestProgress:
    """How far an ingest is.

    Parameters
    ----------
    done, total : int
        Spectra dealt with, and in all.
    accepted, refused : int
        Of those dealt with in this run.
    resumed : int
        Spectra that an earlier run had dealt with.
    """

    done: int
    total: int
    accepted: int
    refused: int
    resumed: int


def ingest(
    sources: Sequence[str | Path],
    out: Path,
    *,
    grid: Grid = DEFAULT_GRID,
    resume: bool = False,
    shard_size: int | None = None,
    processes: int = 1,
    scheduler: str | None = None,
    identifier: str = NAME,
    resolution: PoolResolution = AS_IS,
    progress: Callable[[IngestProgress], None] | None = None,
) -> IngestReport:
    """Make a pool of every usable spectrum in the sources.

    What is done stands in a folder ``<out>.partial`` until the pool is complete, so that an
    interrupted ingest can be resumed, also with more sources; nothing is read twice.

    Parameters
    ----------
    sources : sequence of str or Path
        FITS files, folders, lists of files (``.txt``) and pools (``.h5``); see
        `sources.find_files`.
    out : Path
        The pool to write: an HDF5 file, or a manifest (``.pool``) of shards that come beside it,
        ``<out>-0000.h5`` and so on. Paths below its folder are stored relative to it, others
        absolute.
    grid : Grid
        The wavelengths of the pool.
    resume : bool
        Whether to go on with an interrupted ingest; if there is none, begin one.
    shard_size : int, optional
        Most spectra of a shard; by default `SHARD`.
    processes, scheduler
        Who reads; see `engine.open_engine`. The pool is the same whoever does.
    identifier : str
        What spectra of files are called by: ``name`` of the file, ``path`` below the folder in
        which all sources lie, or ``header:CARD``, a card of its headers. Rows of pools keep theirs.
    resolution : PoolResolution
        What sharper spectra are brought to, and what becomes of blurrier ones.
    progress : callable, optional
        Called whenever a batch is safe on the disk.

    Returns
    -------
    IngestReport
        The pool's group `refused` lists every refused file with its own reason.

    Raises
    ------
    SpectrumError
        If a source is missing, `out` exists or cannot be written, or no spectrum is usable.
    StoreError
        If nothing can be written at `out`.
    EngineError
        If the processes or the scheduler cannot be used, or die of a batch again and again.
    """
    out = check_place(Path(out), makes_folder=True)
    parts = Parts(out, grid, read_naming(identifier).within(sources), resolution)
    with _blamed_on(out):
        interrupted = parts.folder.exists()
    if out.exists():
        if resume and interrupted:  # nothing was left to do but to remove the parts
            parts.go_on()
            report = read_report(out)
            parts.remove()
            return report
        raise SpectrumError(
            f"{out} exists already, and only an unfinished pool can be resumed. "
            "Choose another file, or remove that one first."
        )
    if interrupted and not resume:
        raise SpectrumError(
            f"An ingest into {out} was interrupted. "
            f"Go on with it by resuming (--resume), or remove {parts.folder} to begin anew."
        )
    if shard_size is not None and (shard_size < 1 or not is_manifest(out)):
        raise SpectrumError(
            f"{out} cannot be in shards of {shard_size} spectra. "
            f"Give a number from 1 on, and a name that ends in {MANIFEST_SUFFIX}."
        )
    if not interrupted and is_manifest(out) and (taken := sorted(_shard_names(out))):
        raise SpectrumError(
            f"{taken[0]} exists already, which could be a shard of {out}. "
            "Choose another name, or remove that file first."
        )
    parts.go_on()
    census = take_census(sources, grid)
    if processes > 1:  # more than there are batches would have nothing to do
        processes = max(1, min(processes, -(-census.n // BATCH)))
    with _blamed_on(out), open_engine(scheduler, processes) as engine:
        out.parent.mkdir(parents=True, exist_ok=True)
        with parts.locked():
            _read_all(engine, sources, parts, _Progress(census.n, progress))
            joined, report = join_parts(parts, (shard_size or SHARD) if is_manifest(out) else None)
            if report.accepted:
                _publish(joined, out)
            parts.remove()
    if not report.accepted:
        listed = "; ".join(f"{reason} ({n})" for reason, n in report.reasons.items())
        n = report.refused
        none = one_or_many(n, "The only spectrum cannot", f"None of the {n} spectra can")
        raise SpectrumError(
            f"{none} be used, so {out} was not written. "
            f"Why, and how many: {listed}. Check the sources and the grid {grid}. "
            f"{describe_passed_over(census.passed_over)}".strip()
        )
    return replace(
        report, passed_over=dict(census.passed_over), not_stated=tuple(census.not_stated)
    )


@contextmanager
def _blamed_on(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SpectrumError(
            f"{out} cannot be written: {error}. "
            "Check its folder for permission and room; then go on by resuming (--resume)."
        ) from error


def _publish(joined: Sequence[Joined], out: Path) -> None:
    if not is_manifest(out):
        publish(joined[0].path, out)
        return
    # The pool is there when its manifest is, which comes last; until then all is written again.
    shards = [(out.with_name(f"{out.stem}-{i:04d}.h5"), one.n) for i, one in enumerate(joined)]
    for one, (shard, _) in zip(joined, shards, strict=True):
        publish(one.path, shard)
    write_manifest(out, shards)
    sync(out.parent)


def _shard_names(out: Path) -> Iterator[Path]:
    pattern = re.compile(re.escape(out.stem) + r"-\d{4,}\.h5")
    return (path for path in out.parent.glob("*.h5") if pattern.fullmatch(path.name))


class _Progress:
    """Counts what is done, and tells it."""

    def __init__(self, total: int, tell: Callable[[IngestProgress], None] | None) -> None:
        self._now = IngestProgress(0, total, 0, 0, 0)
        self._tell = tell

    def count(self, accepted: int = 0, refused: int = 0, resumed: int = 0) -> None:
        now = self._now
        self._now = replace(
            now,
            done=now.done + accepted + refused + resumed,
            accepted=now.accepted + accepted,
            refused=now.refused + refused,
            resumed=now.resumed + resumed,
        )
        if self._tell:
            self._tell(self._now)


def _read_all(
    engine: Engine, sources: Sequence[str | Path], parts: Parts, progress: _Progress
) -> None:
    """Read what is not in the parts yet; each batch becomes a part, in the order of the sources."""
    for _, outcome in engine.run(read_batch, _batches(sources, parts, progress)):
        parts.append(outcome)
        progress.count(accepted=len(outcome.rows), refused=len(outcome.refused))


def _batches(
    sources: Sequence[str | Path], parts: Parts, progress: _Progress
) -> Iterator[Files | PoolRows]:
    done, grid, folder = parts.done(), parts.grid, str(parts.out.parent)
    for are_pools, paths in groupby(find_files(sources), is_pool):
        if are_pools:
            for path in paths:
                yield from _batches_of_pool(Path(path), parts, done, progress)
            continue
        while some := list(islice(paths, BATCH)):
            wanted = [
                path for path, known in zip(some, _is_among(some, done), strict=True) if not known
            ]
            if len(wanted) < len(some):
                progress.count(resumed=len(some) - len(wanted))
            if wanted:
                yield Files(tuple(wanted), grid, folder, parts.naming, parts.resolution)


def _batches_of_pool(
    path: Path, parts: Parts, done: NDArray[np.bytes_], progress: _Progress
) -> Iterator[PoolRows]:
    with open_pool(path, parts.grid) as group:
        n = len(group["spectra"])
    for start in range(0, n, BATCH):
        every = np.ones(min(BATCH, n - start), dtype=bool)
        folder = str(parts.out.parent)
        batch = PoolRows(str(path), start, every, parts.grid, folder, parts.resolution)
        batch = replace(batch, wanted=~_is_among(batch.sources, done))
        if not batch.wanted.all():
            progress.count(resumed=int((~batch.wanted).sum()))
        if batch.wanted.any():
            yield batch


def _is_among(sources: Sequence[str], done: NDArray[np.bytes_]) -> NDArray[np.bool_]:
    if not done.size:
        return np.zeros(len(sources), dtype=bool)
    digests = digest(sources)
    return done[np.minimum(np.searchsorted(done, digests), len(done) - 1)] == digests
