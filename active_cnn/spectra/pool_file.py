"""The layout of a pool file (HDF5), and how it is opened, checked and read in stretches of rows.

One group (of any name) holds `filenames` (the identifiers) and `spectra` (n, grid.n), not rescaled;
optionally `wavelengths` (grid.n), `corrupted` (bool), `bridged`, `resolving_power` and the columns
of `METADATA`. Its attributes tell the pool's resolving power and what its spectra may lack, see
`resolving_power` and `limits`. A group `refused` lists with `path` and `reason` what ingest
refused.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import ActiveCnnError, SpectrumError
from active_cnn.grid import Grid
from active_cnn.names import trim
from active_cnn.regular_file import open_regular
from active_cnn.spectra.containment import check_contained
from active_cnn.spectra.preprocessing import find_defects
from active_cnn.spectra.resolving_power import COLUMN as RESOLVING_POWER
from active_cnn.spectra.resolving_power import read_resolution

NUMBERS = ("ra", "dec", "snr_r")
TEXTS = ("designation", "pipeline_class", "path")
METADATA = (*NUMBERS, *TEXTS)
BRIDGED = "bridged"  # how many pixels of the window had no value, see `gaps`
REFUSED = "refused"

WAVELENGTH_TOLERANCE = 1e-3  # angstrom
CORRUPTED = 4  # the key of DEFECTS for rows that the pool itself marks

# Rows nearer to each other than this are read in one go: a few rows more cost less than a seek.
NEAR = 4


@contextmanager
def open_hdf5(path: Path) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading.

    Raises
    ------
    SpectrumError
        If it cannot be read, or leads to other files or to endless data (see `check_contained`).
    """
    # HDF5 opens by name only: to open a pipe would wait for ever for somebody who writes to it.
    with readable(path), open_regular(path), h5py.File(path, "r") as file:
        check_contained(file, path)
        yield file


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Tell in words why a file, or a part of it, cannot be read."""
    try:
        yield
    except FileNotFoundError as error:
        raise SpectrumError(f"{path} does not exist. Check the path.") from error
    except OSError as error:
        raise SpectrumError(
            f"{path} cannot be read as HDF5: {' '.join((error.strerror or str(error)).split())}. "
            "Check that it is a complete HDF5 file that you may read."
        ) from error
    # What h5py raises where a file is damaged; anything else of that kind is a bug of ours.
    except (AttributeError, LookupError, MemoryError, RuntimeError, TypeError, ValueError) as error:
        if isinstance(error, ActiveCnnError) or not _is_of_h5py(error):
            raise
        raise SpectrumError(
            f"{path} is damaged: {' '.join(str(error).split())[:160]}. "
            "Give a whole copy, or write the file again."
        ) from error


def _is_of_h5py(error: BaseException) -> bool:
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return "h5py" in Path(frame.f_code.co_filename).parts


@contextmanager
def open_pool(path: Path, grid: Grid) -> Iterator[h5py.Group]:
    """Open a pool file whose layout fits the grid.

    Parameters
    ----------
    path : Path
        The HDF5 file.
    grid : Grid
        The wavelengths that its spectra must have.

    Yields
    ------
    h5py.Group
        The group with `filenames` and `spectra`.

    Raises
    ------
    SpectrumError
        If the file cannot be read, or its layout is another one; the text says what was found.
    """
    with open_hdf5(path) as file:
        group = find_group(file, path)
        _check_layout(group, grid)
        yield group


def find_group(file: h5py.File, path: Path) -> h5py.Group:
    """Give the one group of a pool's file; what is in it is still to be checked.

    Raises
    ------
    SpectrumError
        If there is none, or more than one.
    """
    names = [name for name in file if name != REFUSED and isinstance(file.get(name), h5py.Group)]
    if len(names) != 1 or not isinstance(names[0], str):
        found = ", ".join(f"'{name}'" for name in _names(file)) or "nothing"
        raise SpectrumError(
            f"{path} holds {found}; a pool has one group with 'filenames' and 'spectra'."
        )
    return file[names[0]]


def read_texts(
    dataset: h5py.Dataset, rows: slice, *, errors: str = "strict"
) -> NDArray[np.object_]:
    """Read strings of contiguous rows; `errors` says what becomes of text that is not UTF-8."""
    return _decode(dataset, dataset[rows], f"{rows.start}-{rows.stop - 1}", errors)


def read_names(group: h5py.Group, rows: slice) -> NDArray[np.object_]:
    """Read the identifiers of contiguous rows, trimmed."""
    return trim_all(read_texts(group["filenames"], rows, errors="replace"))


def pick_names(group: h5py.Group, rows: NDArray[np.int64]) -> NDArray[np.object_]:
    """Read the identifiers of rows with increasing numbers, trimmed."""
    return trim_all(pick_texts(group["filenames"], rows))


def trim_all(texts: NDArray[np.object_]) -> NDArray[np.object_]:
    """Trim each of some texts; see `names.trim`."""
    trimmed = np.empty(len(texts), dtype=object)
    trimmed[:] = [trim(text) for text in texts]
    return trimmed


def read_column(name: str, group: h5py.Group, rows: slice) -> NDArray[Any]:
    """Read contiguous rows of a metadata column; NaN or '' where the pool does not know it."""
    if name not in group:
        return _unknown(name, rows.stop - rows.start)
    if name in TEXTS:
        return _unpadded(name, group, read_texts(group[name], rows, errors="replace"))
    return _measured(group[name][rows])


def find_refused(file: h5py.File) -> h5py.Group | None:
    """Give the list of what ingest refused, if the file has one."""
    try:
        listed = file[REFUSED]
        path, reason = listed["path"], listed["reason"]
    # No such thing, something else of that name, or a link that leads nowhere.
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        return None
    are_texts = all(
        isinstance(one, h5py.Dataset) and one.ndim == 1 and h5py.check_string_dtype(one.dtype)
        for one in (path, reason)
    )
    return listed if are_texts and path.shape == reason.shape else None


def _measured(values: NDArray[Any]) -> NDArray[np.float64]:
    # Nothing that is infinite has been measured: some pipelines give such an S/N to spectra without
    # noise, which would come before all others.
    numbers = widen(values)
    return np.where(np.isinf(numbers), np.nan, numbers)


def widen(values: NDArray[Any]) -> NDArray[np.float64]:
    """Give numbers in double precision, as they are if they have it."""
    # A damaged file holds NaN of every kind, and a wider type what becomes infinite here: both are
    # looked for where it matters.
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(np.float64, copy=False)


def read_points(dataset: h5py.Dataset, rows: NDArray[np.int64]) -> NDArray[Any]:
    """Read some values of a column in one go, by increasing row numbers.

    Picking them with h5py's own brackets is 15 times slower, and slices are slower still.
    """
    values = np.empty(len(rows), dataset.dtype)
    if len(rows):
        where = dataset.id.get_space()
        where.select_elements(rows[:, None])
        dataset.id.read(h5py.h5s.create_simple(values.shape), where, values)
    return values


def pick_texts(dataset: h5py.Dataset, rows: NDArray[np.int64]) -> NDArray[np.object_]:
    """Read strings of rows with increasing numbers."""
    where = f"{rows.min(initial=0)}-{rows.max(initial=0)}"
    return _decode(dataset, read_points(dataset, rows), where, "strict")


def pick_column(name: str, group: h5py.Group, rows: NDArray[np.int64]) -> NDArray[Any]:
    """Read rows with increasing numbers of a column; NaN or '' where the pool does not know it."""
    if name not in group:
        return _unknown(name, len(rows))
    if name in TEXTS:
        texts = _decode(group[name], read_points(group[name], rows), "", "replace")
        return _unpadded(name, group, texts)
    return _measured(read_points(group[name], rows))


def pick_spectra(spectra: h5py.Dataset, rows: NDArray[np.int64]) -> NDArray[np.floating]:
    """Read the flux of rows with increasing numbers as it is stored, shape (n_rows, grid.n)."""
    flux = np.empty((len(rows), spectra.shape[1]), spectra.dtype)
    at = 0
    for near in np.split(rows, np.flatnonzero(np.diff(rows) > NEAR) + 1):
        if len(near):
            flux[at : at + len(near)] = spectra[near[0] : near[-1] + 1][near - near[0]]
            at += len(near)
    return flux


def hash_texts(texts: Iterable[str]) -> NDArray[np.uint64]:
    """Hash strings to 64 bits, the same on every machine."""
    # A name that is no valid text, as a command line can give it, is no reason to fail here.
    encoded = (text.encode("utf-8", "surrogatepass") for text in texts)
    digests = b"".join(hashlib.blake2b(text, digest_size=8).digest() for text in encoded)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def find_unusable(
    group: h5py.Group, rows: slice, flux: NDArray[np.floating], grid: Grid
) -> NDArray[np.uint8]:
    """Tell why rows cannot be used, by their flux and by the pool's own mark; 0 = usable."""
    defects = find_defects(flux, grid.parts)
    if "corrupted" in group:
        defects[widen(group["corrupted"][rows]) != 0] = CORRUPTED
    return defects


def categorise(reason: str) -> str:
    """Shorten a reason to what files share that are refused for the same one."""
    return re.sub(r"\b\d+(\.\d+)?(e[-+]?\d+)?", "…", reason.partition(":")[0])


@contextmanager
def new_hdf5(path: Path) -> Iterator[h5py.File]:
    """Make a small HDF5 file, which appears whole or not at all.

    It is built in memory, because HDF5 brings the process down when a disk fills up under an open
    file; written in one piece, a full disk is an OSError like any other.
    """
    image = io.BytesIO()
    with h5py.File(image, "w") as file:
        yield file
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        temporary.write_bytes(image.getbuffer())
        publish(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def publish(temporary: Path, path: Path) -> None:
    """Give a finished file its name, so that even after a power cut it is whole or absent."""
    sync(temporary)
    temporary.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _decode(
    dataset: h5py.Dataset, values: NDArray[Any], where: str, errors: str
) -> NDArray[np.object_]:
    texts = np.empty(len(values), dtype=object)
    try:
        texts[:] = [value.decode("utf-8", errors) for value in values.tolist()]
    except UnicodeDecodeError as error:
        raise SpectrumError(
            f"{dataset.file.filename}: '{dataset.name}' holds text that is not UTF-8 in the rows "
            f"{where}. Write the pool again with UTF-8 text."
        ) from error
    return texts


def _unpadded(name: str, group: h5py.Group, texts: NDArray[np.object_]) -> NDArray[np.object_]:
    # A file's name may end in a blank, but not where blanks are what fills the field.
    is_padded = h5py.check_string_dtype(group[name].dtype).length is not None
    return trim_all(texts) if name != "path" or is_padded else texts


def _unknown(name: str, n: int) -> NDArray[Any]:
    return np.full(n, "", dtype=object) if name in TEXTS else np.full(n, np.nan)


def _names(group: h5py.Group) -> list[str]:
    # Few, short and of one line, whatever the file calls its parts.
    # They are bytes where they are no UTF-8.
    return [" ".join(os.fsdecode(name).split())[:60] for name in islice(group, 12)]


def _check_layout(group: h5py.Group, grid: Grid) -> None:
    where = f"{group.file.filename}, group '{group.name.strip('/')}'"
    for name in ("filenames", "spectra"):
        if not isinstance(group.get(name), h5py.Dataset):
            raise SpectrumError(
                f"{where} has no dataset '{name}', only {', '.join(_names(group)) or 'nothing'}. "
                "A pool needs 'filenames' (the identifiers) and 'spectra'."
            )
    read_resolution(group)
    for name in ("corrupted", "wavelengths", BRIDGED, RESOLVING_POWER, *METADATA):
        if name in group and not isinstance(group.get(name), h5py.Dataset):
            raise SpectrumError(
                f"{where}: '{name}' is no dataset, but a group, a type, or a link that leads "
                "nowhere. Write it as a dataset, or leave it out."
            )
    spectra = group["spectra"]
    if spectra.dtype.kind != "f" or spectra.dtype.itemsize not in (4, 8):
        raise SpectrumError(
            f"{where}: 'spectra' is of type {spectra.dtype}. Write it as float32 or float64."
        )
    if spectra.ndim != 2 or spectra.shape[1] != grid.n:
        raise SpectrumError(
            f"{where}: 'spectra' has the shape {spectra.shape}, the grid {grid} needs "
            f"(n, {grid.n}). Choose the grid that the pool was made for."
        )
    if not len(spectra):
        raise SpectrumError(f"{where} holds no spectra. Give a pool with at least one.")
    for name in ("filenames", "corrupted", BRIDGED, RESOLVING_POWER, *METADATA):
        if name in group:
            _check_column(group[name], name, len(spectra), where)
    if "wavelengths" in group:
        _check_wavelengths(group["wavelengths"], where, grid)


def _check_column(column: h5py.Dataset, name: str, n: int, where: str) -> None:
    if column.shape != (n,):
        raise SpectrumError(
            f"{where}: '{name}' has the shape {column.shape}, 'spectra' has {n} rows. "
            "Every row needs one value."
        )
    expects_text = name in ("filenames", *TEXTS)
    is_text = h5py.check_string_dtype(column.dtype) is not None
    if is_text is not expects_text or not (is_text or column.dtype.kind in "fiub"):
        raise SpectrumError(
            f"{where}: '{name}' is of type {column.dtype}. "
            f"Write it as {'strings' if expects_text else 'numbers'}."
        )


def _check_wavelengths(dataset: h5py.Dataset, where: str, grid: Grid) -> None:
    if dataset.shape != (grid.n,):
        raise SpectrumError(
            f"{where}: 'wavelengths' has the shape {dataset.shape}, the grid {grid} needs "
            f"({grid.n},). Choose the grid that the pool was made for."
        )
    if dataset.dtype.kind not in "fiu":
        raise SpectrumError(
            f"{where}: 'wavelengths' is of type {dataset.dtype}. Write it as numbers (Å)."
        )
    wavelengths = widen(dataset[:])
    # Asked this way round, a NaN counts as off the grid.
    off = ~(abs(wavelengths - grid.wavelength) <= WAVELENGTH_TOLERANCE)
    if off.any():
        first = int(np.argmax(off))
        raise SpectrumError(
            f"{where}: wavelength {first} is {wavelengths[first]:.4f} Å, on the grid {grid} it is "
            f"{grid.wavelength[first]:.4f} Å. Choose the grid that the pool was made for."
        )
