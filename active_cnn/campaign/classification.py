"""Classify any readable spectra with a campaign's newest network."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from active_cnn.campaign.campaign import iteration_folder, last_scored
from active_cnn.campaign.store import Store
from active_cnn.delivery.candidates import probability_column
from active_cnn.errors import CampaignError, SpectrumError, StoreError
from active_cnn.learning.network import load_network
from active_cnn.learning.scoring import BATCH, predict
from active_cnn.records import Campaign, Grid
from active_cnn.spectra.pool_file import (
    find_unusable,
    open_pool,
    read_column,
    read_flux,
    read_texts,
)
from active_cnn.spectra.preprocessing import DEFECTS, prepare, rescale
from active_cnn.spectra.readers import read
from active_cnn.spectra.sources import is_pool


@dataclass(frozen=True, eq=False)
class _Found:
    """A spectrum to classify: its prepared flux, or the reason why there is none."""

    path: str
    identifier: str
    flux: NDArray[np.float64] | None
    reason: str


def classify(
    store: Store,
    campaign: Campaign,
    sources: Sequence[Path],
    out: Path,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[int, int]:
    """Write the predicted class of each spectrum of `sources` to a CSV file.

    Columns path, identifier, label, p_<class> of each class, reason; a row for each file, and for
    each row of a pool. A refused one has no label but its reason.

    Parameters
    ----------
    store, campaign : Store, Campaign
        Whose newest network is used.
    sources : sequence of Path
        Files, folders (searched at every depth) and pools.
    out : Path
        Of the CSV file; it appears when it is complete.
    progress : callable, optional
        Told how many spectra are done, and of how many.

    Returns
    -------
    n_classified, n_refused : int

    Raises
    ------
    CampaignError
        If nothing has been trained yet.
    SpectrumError
        If a source is missing or a pool has another grid.
    StoreError
        If `out` cannot be written.
    """
    iteration = last_scored(store, campaign.name)
    if iteration is None or iteration.result is None:
        raise CampaignError(
            f"Campaign {campaign.name!r} has no network yet. Train its first iteration."
        )
    listed = [pair for source in sources for pair in _list(source)]
    total = sum(_count(path, campaign.grid) for path, _ in listed)
    if not total:
        raise SpectrumError(
            f"There are no spectra in {', '.join(map(str, sources))}. "
            "Give FITS files, folders that hold some, or pools (.h5)."
        )
    network = load_network(iteration_folder(store, iteration) / iteration.result.network_file)
    classes = campaign.network_classes
    done = n_refused = 0
    unfinished = out.with_name(f"unfinished-{out.name}")
    try:
        with unfinished.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(
                ["path", "identifier", "label", *map(probability_column, classes), "reason"]
            )
            for found in _batches(_find(listed, campaign.grid)):
                usable = [one.flux for one in found if one.flux is not None]
                probabilities: NDArray[np.float32] = np.empty((0, len(classes)), np.float32)
                if usable:
                    probabilities = predict(network, rescale(np.stack(usable)))
                said = iter(
                    [classes[int(p.argmax())], *(f"{x:.6f}" for x in p)] for p in probabilities
                )
                blank = [""] * (1 + len(classes))
                for one in found:
                    prediction = blank if one.flux is None else next(said)
                    writer.writerow([one.path, one.identifier, *prediction, one.reason])
                n_refused += len(found) - len(usable)
                done += len(found)
                if progress:
                    progress(done, total)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(out)
    except OSError as error:
        raise StoreError(
            f"Cannot write {out}: {error.strerror}. Give a file in a folder that exists and that "
            "you may write to."
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return done - n_refused, n_refused


def _list(source: Path) -> list[tuple[Path, str]]:
    # Each file is named in the table the way that the user named its source; whatever lies in a
    # folder gets its row, so that nothing is passed over in silence.
    if source.is_dir():
        return [(path, str(path)) for path in sorted(source.rglob("*")) if path.is_file()]
    if not source.exists():
        raise SpectrumError(f"The source {source} does not exist. Check its path.")
    return [(source, str(source))]


def _count(path: Path, grid: Grid) -> int:
    if not is_pool(path):
        return 1
    with open_pool(path, grid) as group:
        return len(group["spectra"])


def _find(listed: Sequence[tuple[Path, str]], grid: Grid) -> Iterator[_Found]:
    for path, name in listed:
        if is_pool(path):
            yield from _find_in_pool(path, grid)
            continue
        identifier = path.name
        try:
            spectrum = read(path)
            identifier = spectrum.identifier
            yield _Found(name, identifier, prepare(spectrum, grid), "")
        except SpectrumError as error:
            yield _Found(name, identifier, None, str(error))


def _find_in_pool(path: Path, grid: Grid) -> Iterator[_Found]:
    with open_pool(path, grid) as group:
        n = len(group["spectra"])
        for start in range(0, n, BATCH):
            rows = slice(start, min(start + BATCH, n))
            flux = read_flux(group["spectra"], rows)
            defects = find_unusable(group, rows, flux)
            names = read_texts(group["filenames"], rows)
            files = read_column("path", group, rows)
            for position, defect in enumerate(defects):
                yield _Found(
                    str(files[position] or path),
                    names[position],
                    None if defect else flux[position],
                    DEFECTS[int(defect)] if defect else "",
                )


def _batches(found: Iterator[_Found]) -> Iterator[list[_Found]]:
    while batch := list(islice(found, BATCH)):
        yield batch
