"""A batch of sources, and what comes of it: rows of a pool to be, and refusals.

Batches are read by whatever process is asked to; `ingest` puts them together.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid, Window
from active_cnn.plain_text import MOST_TEXT, plain
from active_cnn.spectra.confined import SECONDS, confined
from active_cnn.spectra.gaps import has_value
from active_cnn.spectra.naming import Naming
from active_cnn.spectra.pool_file import (
    BRIDGED,
    METADATA,
    RESOLVING_POWER,
    open_pool,
    read_column,
    read_names,
)
from active_cnn.spectra.pool_rows import read_rows
from active_cnn.spectra.preprocessing import (
    DEFECTS,
    MARGIN,
    bridge_pixels,
    find_defects,
    find_resolving_power,
    prepare_and_count,
    resample,
    to_window,
)
from active_cnn.spectra.readers import read
from active_cnn.spectra.readers.lamost_fast import Axis, Stretch, read_stretch
from active_cnn.spectra.readers.lamost_lrs import RESOLVING_POWER as LAMOST_RESOLVING_POWER
from active_cnn.spectra.resolving_power import AS_IS, PoolResolution

DTYPE = np.float32  # of the pool

# The columns of an accepted spectrum but for `spectra`; `source` says where it was read from.
COLUMNS = ("source", "filenames", BRIDGED, RESOLVING_POWER, *METADATA)
REFUSAL = ("source", "path", "reason")

_told = itemgetter(*METADATA[:-1])  # all but the path, which is told by the batch


@dataclass(frozen=True, eq=False)
class Files:
    """A batch of files with a spectrum each; paths below `folder` are stored relative to it."""

    paths: tuple[str, ...]
    grid: Grid
    folder: str
    naming: Naming = Naming()
    resolution: PoolResolution = AS_IS

    def __str__(self) -> str:
        return f"{len(self.paths)} files from {self.paths[0]} on"


@dataclass(frozen=True, eq=False)
class PoolRows:
    """A batch of rows of a pool: of those from `start` on the `wanted` ones."""

    path: str
    start: int
    wanted: NDArray[np.bool_]
    grid: Grid
    folder: str
    resolution: PoolResolution = AS_IS

    def __str__(self) -> str:
        return f"{len(self.wanted)} rows of {self.path} from {self.start} on"

    @property
    def sources(self) -> list[str]:
        """What the rows are called in the parts of an ingest, wanted or not."""
        return [f"{self.path}#{self.start + i}" for i in range(len(self.wanted))]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a batch.

    Parameters
    ----------
    spectra : ndarray of float32, shape (n_accepted, grid.n)
        Windows that can be used.
    rows : list of tuple, length n_accepted
        The `COLUMNS` of each.
    refused : list of tuple
        The `REFUSAL` of each that was not accepted.
    """

    spectra: NDArray[np.float32]
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    refused: list[tuple[str, str, str]] = field(default_factory=list)


def read_batch(batch: Files | PoolRows) -> Outcome:
    """Read and prepare a batch; each spectrum is accepted or refused.

    Raises
    ------
    SpectrumError
        If a pool or a whole folder cannot be read any more.
    """
    if isinstance(batch, Files):
        return _read_files(batch)
    try:
        return _copy_rows(batch)
    except SpectrumError:
        raise
    except Exception as error:  # a damaged file can make HDF5 raise anything
        raise SpectrumError(
            f"{printable(str(batch))} cannot be read: {plain(str(error), MOST_TEXT)}. "
            "Write the pool again."
        ) from error


def _read_files(batch: Files) -> Outcome:
    naming = batch.naming
    stretches = [read_stretch(path, batch.grid, naming.card) for path in batch.paths]
    windows = np.empty((len(batch.paths), batch.grid.n), DTYPE)
    n_bridged = np.zeros(len(batch.paths), dtype=np.int64)
    is_prepared = _prepare_alike(stretches, batch, windows, n_bridged)
    rows: list[tuple[Any, ...]] = []
    refused = []
    accepted = []
    for i, (path, stretch) in enumerate(zip(batch.paths, stretches, strict=True)):
        stored = relative(path, batch.folder)
        try:
            _refuse_odd_name(path)
            if stretch is not None and is_prepared[i]:
                metadata = stretch.metadata | {RESOLVING_POWER: LAMOST_RESOLVING_POWER}
            else:
                window, metadata = _read_slowly(path, batch, is_known=stretch is not None)
                windows[i], n_bridged[i] = _stored(window, batch.grid), metadata[BRIDGED]
            name = metadata["identifier"] if naming.card else naming.of(path)
        except SpectrumError as error:
            _refuse_vanished(path)
            reason = plain(" ".join(str(error).split()))
            refused.append((printable(path), printable(stored), reason))
            continue
        accepted.append(i)
        told = int(n_bridged[i]), metadata[RESOLVING_POWER], *_told(metadata)
        rows.append((path, name, *told, stored))
    return Outcome(windows[accepted], rows, refused)


def _read_slowly(
    path: str, batch: Files, *, is_known: bool
) -> tuple[NDArray[np.float64], dict[str, Any]]:
    asked = path, batch.grid, batch.naming.card, batch.resolution
    # One that was read already, and only gave no window, harms nobody; the way is shorter here.
    if is_known:
        try:
            return read_window(*asked)
        except SpectrumError:
            raise
        except Exception:  # noqa: S110 - said below, as of any other file
            pass
    return confined(SECONDS, read_window, *asked)


def read_window(
    path: str | Path, grid: Grid, card: str = "", resolution: PoolResolution = AS_IS
) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """Read and prepare a file by the general way.

    Parameters
    ----------
    path : str or Path
        The file.
    grid : Grid
        The window.
    card : str
        See `readers.read`.
    resolution : PoolResolution
        Of the pool.

    Returns
    -------
    ndarray, shape (grid.n,)
        As `prepare` gives it.
    dict
        Identifier and metadata by the names of `Spectrum`, `BRIDGED`, and `RESOLVING_POWER` of the
        file (NaN if it does not say).

    Raises
    ------
    SpectrumError
        If it cannot be read, gives no window, or is blurrier than the pool allows.
    """
    spectrum = read(path, card)
    window, n_bridged = prepare_and_count(spectrum, grid, resolution.power, resolution.limits)
    own = find_resolving_power(spectrum)
    resolution.refuse_blurrier(own)
    known = {name: getattr(spectrum, name) for name in ("identifier", *METADATA)}
    return window, {**known, BRIDGED: n_bridged, RESOLVING_POWER: own or float("nan")}


def _prepare_alike(
    stretches: Sequence[Stretch | None],
    batch: Files,
    windows: NDArray[np.float32],
    n_bridged: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Prepare at once the spectra that share an axis; tell which have a window that can be used.

    LAMOST's low resolution is that of most pools, or is left as it is, so that `prepare` would only
    bridge and resample them.
    """
    is_prepared = np.zeros(len(stretches), dtype=bool)
    if batch.resolution.refuses(LAMOST_RESOLVING_POWER):
        return is_prepared
    members: dict[Axis, list[int]] = {}
    for i, stretch in enumerate(stretches):
        if stretch is not None:
            members.setdefault(stretch.axis, []).append(i)
    for axis, alike in members.items():
        some = [stretch for i in alike if (stretch := stretches[i]) is not None]
        with (
            suppress(Exception),  # what it is, the general way says of each
            np.errstate(over="ignore", invalid="ignore"),  # whatever a damaged file holds
        ):
            flux, ivar = (
                np.array([getattr(one, name) for one in some], dtype=np.float64)
                for name in ("flux", "ivar")
            )
            is_whole = np.ones(len(alike), dtype=bool)
            for window, part in zip(batch.grid.windows, batch.grid.parts, strict=True):
                near = window.near(axis.wavelength, 2 * MARGIN)
                prepared, n, is_good = _prepare_window(
                    axis.wavelength[near], flux[:, near], ivar[:, near], window, batch.resolution
                )
                windows[alike, part] = prepared
                n_bridged[alike] += n
                is_whole &= is_good
            is_prepared[alike] = is_whole
    # What was not prepared here is counted by who prepares it.
    n_bridged[~is_prepared] = 0
    return is_prepared


def _prepare_window(
    wavelength: NDArray[np.float64],
    flux: NDArray[np.float64],
    ivar: NDArray[np.float64],
    window: Window,
    resolution: PoolResolution,
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.bool_]]:
    power = resolution.power
    element = window.start / (power or LAMOST_RESOLVING_POWER)
    n_bridged = np.zeros(len(flux), dtype=np.int64)
    is_whole = np.all(has_value(flux, ivar), axis=1)
    for row in np.flatnonzero(~is_whole):
        # Why one is refused, `prepare` says, which looks at the whole of its file.
        with suppress(SpectrumError):
            flux[row], n_bridged[row] = bridge_pixels(
                wavelength,
                flux[row],
                ivar[row],
                window,
                LAMOST_RESOLVING_POWER,
                element,
                resolution.limits,
            )
            is_whole[row] = True
    prepared = np.zeros((len(flux), window.n), DTYPE)
    if power is None or power >= LAMOST_RESOLVING_POWER:
        prepared[:] = resample(wavelength, flux, window)
    else:
        for row in np.flatnonzero(is_whole):
            prepared[row] = to_window(wavelength, flux[row], window, LAMOST_RESOLVING_POWER, power)
    return prepared, n_bridged, is_whole & (find_defects(prepared) == 0)


def _stored(window: NDArray[np.float64], grid: Grid) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # of fluxes beyond float32
        stored = window.astype(DTYPE)
    defect = int(find_defects(stored[None, :], grid.parts)[0])
    if defect:
        raise SpectrumError(DEFECTS[defect])
    return stored


def _copy_rows(batch: PoolRows) -> Outcome:
    path = Path(batch.path)
    with open_pool(path, batch.grid) as group:
        rows = slice(batch.start, batch.start + len(batch.wanted))
        found = read_rows(group, rows, batch.grid, batch.resolution)
        with np.errstate(over="ignore"):
            windows = found.flux.astype(DTYPE)
        usable, refusals = found.usable, found.refusals
        defects = np.zeros(len(windows), dtype=np.uint8)
        # Of fluxes beyond float32.
        defects[usable] = find_defects(windows[usable], batch.grid.parts)
        names = read_names(group, rows)
        bridged = np.nan_to_num(read_column(BRIDGED, group, rows))
        columns = {
            # A count from elsewhere may be anything.
            BRIDGED: np.clip(bridged, 0, batch.grid.n).astype(np.int64),
            RESOLVING_POWER: found.known,
            **{name: read_column(name, group, rows) for name in METADATA},
        }
    # What cannot be stored as a text names no spectrum.
    is_named = np.array([bool(name) and _is_storable(name) for name in names], dtype=bool)
    outcome = Outcome(windows[batch.wanted & usable & (defects == 0) & is_named])
    for i, source in enumerate(batch.sources):
        if not batch.wanted[i]:
            continue
        values = {name: column[i] for name, column in columns.items()}
        values |= {
            name: plain(values[name], MOST_TEXT) for name in ("designation", "pipeline_class")
        }
        values["path"] = values["path"].replace("\0", "")
        if values["path"]:
            file = str(path.parent / values["path"])
            values["path"] = printable(relative(file, batch.folder))
        source = printable(source)
        reason = refusals[i] or (DEFECTS[int(defects[i])] if defects[i] else "")
        if not reason and not is_named[i]:
            reason = "has an identifier that is no plain text" if names[i] else "has no identifier"
        if reason:
            outcome.refused.append((source, values["path"] or source, reason))
        else:
            outcome.rows.append((source, names[i], *values.values()))
    return outcome


def _is_storable(name: str) -> bool:
    return "\0" not in name and "\ufffd" not in name


def relative(path: str, folder: str) -> str:
    """Give the path as it is stored: relative if it is below the folder, else as it is."""
    below = folder if folder.endswith("/") else f"{folder}/"
    return path.removeprefix(below)


def _refuse_odd_name(path: str) -> None:
    # A name of bytes that are not UTF-8 cannot be stored: only its printable form can.
    if not path.isascii() and printable(path) != path:
        raise SpectrumError("has a name that is not valid text: rename the file")


def printable(path: str) -> str:
    """Give a path as it is stored and shown: bytes that are no UTF-8 are written out."""
    return path.encode("utf-8", "backslashreplace").decode()


def _refuse_vanished(path: str) -> None:
    folder = Path(path).parent
    if not folder.exists():
        raise SpectrumError(
            f"The folder {printable(str(folder))} cannot be found on {socket.gethostname()} "
            "(any more), so that nothing in it can be read. Make it available there; then go on "
            "by resuming (--resume)."
        )
