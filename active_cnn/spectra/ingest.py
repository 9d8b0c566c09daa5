"""From files to a pool: read, prepare and check every spectrum; interruptible at any moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.records import Grid
from active_cnn.spectra.joining import IngestReport, join_parts, read_report
from active_cnn.spectra.parts import Parts, Refusal, Row, digest
from active_cnn.spectra.pool_file import (
    METADATA,
    find_unusable,
    open_pool,
    publish,
    read_column,
    read_texts,
)
from active_cnn.spectra.preprocessing import DEFECTS, prepare
from active_cnn.spectra.readers import read
from active_cnn.spectra.sources import count_spectra, find_files, is_pool

DEFAULT_GRID = Grid()
BATCH = 1024  # spectra that an interruption can cost at most
REPORT_EVERY = 0.1  # seconds


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
        The pool to write. Paths below its folder are stored relative to it, others absolute.
    grid : Grid
        The wavelengths of the pool.
    resume : bool
        Whether to go on with an interrupted ingest; if there is none, begin one.
    progress : callable, optional
        Called some times a second.

    Returns
    -------
    IngestReport
        The pool's group `refused` lists every refused file with its own reason.

    Raises
    ------
    SpectrumError
        If a source is missing, `out` exists or cannot be written, or no spectrum is usable.
    """
    out = Path(out).resolve()
    parts = Parts(out, grid)
    interrupted = parts.folder.exists()
    if out.exists():
        if resume and interrupted:  # nothing was left to do but to remove the parts
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
    total = count_spectra(sources, grid)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with parts.locked():
            entries = _read_all(sources, parts)
            for batch in _batches(_reported(entries, total, progress)):
                parts.append(batch)
            joined = parts.folder / "joined.tmp"
            report = join_parts(parts, joined)
            if report.accepted:
                publish(joined, out)
            parts.remove()
    except OSError as error:
        raise SpectrumError(
            f"{out} cannot be written: {error}. "
            "Check its folder for permission and room; then go on by resuming (--resume)."
        ) from error
    if not report.accepted:
        listed = "; ".join(f"{reason} ({n})" for reason, n in report.reasons.items())
        raise SpectrumError(
            f"None of the {report.refused} spectra can be used, so {out} was not written. "
            f"Why, and how many: {listed}. Check the sources and the grid {grid}."
        )
    return report


def _read_all(sources: Sequence[str | Path], parts: Parts) -> Iterator[Row | Refusal | None]:
    """Read what is not in the parts yet; None stands for what is."""
    done = parts.done()
    folder = parts.out.parent
    for path in find_files(sources):
        if is_pool(path):
            yield from _copy_pool(path, parts.grid, done, folder)
            continue
        # A name of bytes that are not UTF-8 cannot be stored: only its printable form can.
        source = str(path).encode("utf-8", "backslashreplace").decode()
        if _is_among([source], done)[0]:
            yield None
        elif source != str(path):
            yield Refusal(source, source, "has a name that is not valid text: rename the file")
        else:
            yield _read_file(path, parts.grid, folder)


def _read_file(path: Path, grid: Grid, folder: Path) -> Row | Refusal:
    stored = _relative(path, folder)
    try:
        spectrum = read(path)
        window = prepare(spectrum, grid)
    except SpectrumError as error:
        return Refusal(str(path), stored, " ".join(str(error).split()))
    return Row(
        source=str(path),
        filenames=spectrum.identifier,
        spectra=window,
        ra=spectrum.ra,
        dec=spectrum.dec,
        snr_r=spectrum.snr_r,
        designation=spectrum.designation,
        pipeline_class=spectrum.pipeline_class,
        path=stored,
    )


def _copy_pool(
    path: Path, grid: Grid, done: NDArray[np.bytes_], folder: Path
) -> Iterator[Row | Refusal | None]:
    with open_pool(path, grid) as group:
        n = len(group["spectra"])
        for start in range(0, n, BATCH):
            rows = slice(start, min(start + BATCH, n))
            sources = [f"{path}#{row}" for row in range(rows.start, rows.stop)]
            is_done = _is_among(sources, done)
            if is_done.all():
                yield from [None] * len(sources)
                continue
            stored = group["spectra"][rows]
            defects = find_unusable(group, rows, stored)
            flux = stored.astype(np.float64)
            names = read_texts(group["filenames"], rows)
            columns = {name: read_column(name, group, rows) for name in METADATA}
            for i, source in enumerate(sources):
                if is_done[i]:
                    yield None
                    continue
                values = {name: column[i] for name, column in columns.items()}
                if values["path"]:
                    values["path"] = _relative(path.parent / values["path"], folder)
                if defects[i] or not names[i]:
                    reason = DEFECTS[int(defects[i])] if defects[i] else "has no identifier"
                    yield Refusal(source, values["path"] or source, reason)
                else:
                    yield Row(source=source, filenames=names[i], spectra=flux[i], **values)


def _is_among(sources: Sequence[str], done: NDArray[np.bytes_]) -> NDArray[np.bool_]:
    digests = digest(sources)
    if not done.size:
        return np.zeros(len(digests), dtype=bool)
    return done[np.minimum(np.searchsorted(done, digests), len(done) - 1)] == digests


def _relative(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _reported(
    entries: Iterable[Row | Refusal | None],
    total: int,
    progress: Callable[[IngestProgress], None] | None,
) -> Iterator[Row | Refusal]:
    accepted = refused = resumed = 0
    reported_at = -np.inf
    for entry in entries:
        accepted += isinstance(entry, Row)
        refused += isinstance(entry, Refusal)
        resumed += entry is None
        done = accepted + refused + resumed
        if progress and (done == total or time.monotonic() - reported_at >= REPORT_EVERY):
            progress(IngestProgress(done, total, accepted, refused, resumed))
            reported_at = time.monotonic()
        if entry is not None:
            yield entry


def _batches(entries: Iterable[Row | Refusal]) -> Iterator[list[Row | Refusal]]:
    entries = iter(entries)
    while batch := list(islice(entries, BATCH)):
        yield batch
