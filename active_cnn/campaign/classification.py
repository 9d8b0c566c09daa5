"""Classify any readable spectra with a campaign's newest network."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import h5py
import keras
import numpy as np
from numpy.typing import NDArray

from active_cnn.campaign.files import (
    hash_file,
    iteration_folder,
    last_scored,
    pool_resolution,
)
from active_cnn.campaign.store import Store
from active_cnn.delivery.columns import probability_columns
from active_cnn.errors import CampaignError, SpectrumError, StoreError
from active_cnn.grid import Grid
from active_cnn.learning.network import load_network
from active_cnn.learning.scoring import predict
from active_cnn.records import Campaign, TrainingResult
from active_cnn.search import ScalingMethod
from active_cnn.spectra.batches import read_window
from active_cnn.spectra.confined import SECONDS, confined
from active_cnn.spectra.naming import NAME, Naming, read_naming
from active_cnn.spectra.pool_file import (
    RESOLVING_POWER,
    open_pool,
    read_column,
    read_names,
    widen,
)
from active_cnn.spectra.pool_rows import read_rows
from active_cnn.spectra.resolving_power import PoolResolution, believe
from active_cnn.spectra.scaling import Scaling
from active_cnn.spectra.shards import is_manifest, shards_of
from active_cnn.spectra.sources import is_folder, is_list, is_pool, read_list, walk
from active_cnn.spreadsheet import disarm
from active_cnn.whole_file import check_place, new_file

BATCH = 1024  # spectra at a time


@dataclass(frozen=True, eq=False)
class _Found:
    """A spectrum to classify: its prepared flux, or the reason why there is none."""

    path: str
    identifier: str
    flux: NDArray[np.float64] | None
    reason: str  # or, beside a flux, what is to be known of it


def classify(
    store: Store,
    campaign: Campaign,
    sources: Sequence[Path],
    out: Path,
    *,
    identifier: str = NAME,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[int, int]:
    """Write the predicted class of each spectrum of `sources` to a CSV file.

    Columns path, identifier, label, p_<class> of each class (named by `probability_columns`),
    reason; a row for each file, and for each row of a pool, in the order of the sources. A refused
    one, and a pool that cannot be read, has no label but its reason. Spectra are brought to the
    resolving power of the campaign's pool; one that is blurrier is refused, if that pool refused
    such, else it has a label and its reason says so. Files are named the way that their source is.
    Texts that a spreadsheet could take for formulas are written as `disarm` gives them.

    Parameters
    ----------
    store, campaign : Store, Campaign
        Whose newest network is used.
    sources : sequence of Path
        Files, folders (searched at every depth), pools (of many files too) and lists: ``.txt``
        files each of whose lines names one of these, relative to the folder of the list.
    out : Path
        Of the CSV file (``.csv``), none of the sources; it appears when it is complete.
    identifier : str
        What spectra of files are called by; see `ingest`.
    progress : callable, optional
        Told how many spectra are done, and of how many.

    Returns
    -------
    n_classified, n_refused : int

    Raises
    ------
    CampaignError
        If nothing has been trained yet, or the network is not the file that the training wrote.
    SpectrumError
        If a source is missing, a folder cannot be searched, there is nothing at all, or the
        campaign's pool, which says what to bring spectra to, cannot be read.
    StoreError
        If `out` cannot be written.
    """
    _refuse_place(out)
    naming = read_naming(identifier).within(sources)
    iteration = last_scored(store, campaign.name)
    if iteration is None or iteration.result is None:
        raise CampaignError(
            f"Campaign {campaign.name!r} has no network yet. Train its first iteration."
        )
    listed = [pair for source in sources for pair in _list(source)]
    if not listed:
        raise SpectrumError(
            f"There are no spectra in {', '.join(map(str, sources)) or 'no sources'}. "
            "Give FITS files, folders that hold some, or pools (.h5)."
        )
    _refuse_overwriting((path for path, _ in listed), out)
    resolution = pool_resolution(store, campaign)
    classes, scale = campaign.network_classes, Scaling(campaign.grid, campaign.search.scaling)
    done = n_refused = 0
    with _new_table(out) as write:
        write([["path", "identifier", "label", *probability_columns(classes).values(), "reason"]])
        total = sum(_count(path, campaign.grid) for path, _ in listed)
        network = _load(iteration_folder(store, iteration), iteration.result, scale.method)
        for found in _batches(_find(listed, campaign.grid, naming, resolution)):
            usable = [one.flux for one in found if one.flux is not None]
            probabilities: NDArray[np.float32] = np.empty((0, len(classes)), np.float32)
            if usable:
                probabilities = predict(network, scale(np.stack(usable)))
            said = iter(
                [disarm(classes[int(p.argmax())]), *(f"{x:.6f}" for x in p)] for p in probabilities
            )
            blank = [""] * (1 + len(classes))
            write(
                [
                    disarm(one.path),
                    disarm(one.identifier),
                    *(blank if one.flux is None else next(said)),
                    disarm(one.reason),
                ]
                for one in found
            )
            n_refused += len(found) - len(usable)
            done += len(found)
            if progress:
                progress(done, total)
    return done - n_refused, n_refused


def _load(folder: Path, result: TrainingResult, method: ScalingMethod) -> keras.Model:
    path = folder / result.network_file
    if result.scaling is not method:
        raise CampaignError(
            f"The network {path} expects windows that are scaled by {result.scaling!s}, not by "
            f"{method!s}. Train the iteration again."
        )
    try:
        found = hash_file(path)
    except OSError as error:
        raise CampaignError(
            f"Cannot load the network {path}: {error.strerror}. Train the iteration again, or "
            "restore the file from a copy."
        ) from error
    if found != result.network_sha256:
        raise CampaignError(
            f"The network {path} is not the one that the training wrote (SHA-256 {found[:12]}…, "
            f"not {result.network_sha256[:12]}…). Restore the file from a copy, or train the "
            "iteration again."
        )
    return load_network(path)


def _refuse_place(out: Path) -> None:
    if out.suffix.lower() != ".csv":
        raise StoreError(
            f"Cannot write {out}: its name ends in {out.suffix!r}, the table is CSV. "
            "Give a name that ends in .csv."
        )
    check_place(out)


def _refuse_overwriting(paths: Iterable[Path], out: Path) -> None:
    try:
        written = out.stat()
    except OSError:
        return
    for path in paths:
        with suppress(OSError):
            if os.path.samestat(path.stat(), written):
                raise StoreError(
                    f"Cannot write {out}: it is among the sources (as {path}) and would be "
                    "overwritten. Give a file outside the sources, or remove it first."
                )


@contextmanager
def _new_table(out: Path) -> Iterator[Callable[[Iterable[Sequence[str]]], None]]:
    # Gives a function that adds rows; the file appears when all of them are written.
    # Names of files are bytes, which need not be UTF-8.
    with new_file(out, "w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        yield csv.writer(file).writerows


def _list(source: Path) -> Iterator[tuple[Path, str]]:
    # With each file comes why it is no list, where it could have been one.
    if is_folder(source):
        yield from ((path, "") for path in _files_in(source))
    elif is_manifest(source):
        yield from ((shard.path, "") for shard in shards_of(source))
    elif not is_list(source):
        yield source, ""
    elif reason := _refuse_list(source):
        yield source, reason
    else:
        for line, entry in read_list(source):
            path = source.parent / entry
            if is_folder(path, f" (line {line} of {source})"):
                yield from ((file, "") for file in _files_in(path))
            else:
                yield path, ""


def _files_in(folder: Path) -> Iterator[Path]:
    # Whatever lies there gets its row, so that nothing is passed over in silence, not even a link
    # that leads nowhere; pipes, sockets and devices alone are no files.
    return (path for path in map(Path, walk(folder)) if path.is_file() or not path.exists())


def _refuse_list(path: Path) -> str:
    line = 0
    try:
        for line, entry in read_list(path):
            try:
                exists = (path.parent / entry).exists()
            except OSError:
                exists = False
            if not exists:
                return f"nor a list of sources: its line {line} names {entry[:60]!r}, not found"
    except SpectrumError as error:
        return f"nor a list of sources: {error}"
    return "" if line else "nor a list of sources: it has no lines"


def _count(path: Path, grid: Grid) -> int:
    if is_pool(path):
        with suppress(Exception), open_pool(path, grid) as group:
            return len(group["spectra"])
    return 1


def _find(
    listed: Sequence[tuple[Path, str]], grid: Grid, naming: Naming, resolution: PoolResolution
) -> Iterator[_Found]:
    for path, no_list in listed:
        if is_pool(path):
            yield from _find_in_pool(path, grid, resolution)
            continue
        at = f"{os.path.realpath(path.parent)}/{path.name}"
        name = "" if naming.card else naming.of(at)
        try:
            flux, known = confined(SECONDS, read_window, path, grid, naming.card, resolution)
        except SpectrumError as error:
            reason = f"{error}; {no_list}" if no_list else str(error)
            yield _Found(str(path), name, None, reason)
        else:
            name = known["identifier"] if naming.card else name
            own = believe(known[RESOLVING_POWER])
            yield _Found(str(path), name, flux, resolution.describe_blurrier(own))


def _find_in_pool(path: Path, grid: Grid, resolution: PoolResolution) -> Iterator[_Found]:
    n_read = 0
    try:
        with open_pool(path, grid) as group:
            n = len(group["spectra"])
            for start in range(0, n, BATCH):
                rows = slice(start, min(start + BATCH, n))
                yield from _find_in_rows(path, group, rows, grid, resolution)
                n_read = rows.stop
    except Exception as error:  # a damaged file can make HDF5 raise anything
        reason = str(error)
        if not isinstance(error, SpectrumError):
            reason = f"{path} is damaged: {' '.join(reason.split())}. Write the pool again."
        if n_read:
            reason = f"from row {n_read} on nothing could be read: {reason}"
        yield _Found(str(path), path.name, None, reason)


def _find_in_rows(
    path: Path, group: h5py.Group, rows: slice, grid: Grid, resolution: PoolResolution
) -> list[_Found]:
    found = read_rows(group, rows, grid, resolution)
    names = read_names(group, rows)
    files = read_column("path", group, rows)
    return [
        _Found(
            str(file or path),
            name,
            None if refusal else window,
            refusal or resolution.describe_blurrier(power),
        )
        for file, name, window, refusal, power in zip(
            files,
            names,
            widen(found.flux),
            found.refusals,
            found.taken.tolist(),
            strict=True,
        )
    ]


def _batches(found: Iterator[_Found]) -> Iterator[list[_Found]]:
    while batch := list(islice(found, BATCH)):
        yield batch
