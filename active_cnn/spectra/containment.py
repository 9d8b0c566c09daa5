"""An HDF5 file from elsewhere must hold what it claims to hold, and nothing of other files.

HDF5 can take data from any file that the reader may read (external links, external raw storage,
virtual datasets), and a small file can claim any amount of data (what was never written is read
as a fill value, what repeats is compressed).
"""

from __future__ import annotations

import math

import h5py

from active_cnn.errors import SpectrumError

# zlib compresses to 1/1032 at best: https://zlib.net/zlib_tech.html.
MOST_COMPRESSED = 1032
# Columns of a true pool may be left to their fill value: 16 bytes for 16 million spectra.
MOST_UNWRITTEN = 256 * 2**20  # bytes
# A chunk is decompressed as a whole, whatever is read of it.
MOST_A_CHUNK = 512 * 2**20  # bytes
MOST_A_VALUE = 64 * 2**10  # bytes, of one text of fixed length
MOST_OBJECTS = 1000


def check_contained(file: h5py.File, path: object) -> None:
    """Refuse a file that leads out of itself or claims more than it can hold.

    Nothing that a link or a dataset names outside the file is opened.

    Parameters
    ----------
    file : h5py.File
        Open for reading.
    path : Path or str
        Its name for the text of the error.

    Raises
    ------
    SpectrumError
        If it has an external link, a dataset with external raw storage or a virtual dataset, more
        than `MOST_OBJECTS` objects, or data that cannot all be in a file of its size.
    """
    names: list[str] = []

    def visit(name: str, link: object) -> str | None:
        if isinstance(link, h5py.HardLink):
            names.append(name)
        # A soft link stays within the file as long as no external one continues it.
        elif not isinstance(link, h5py.SoftLink):
            return f"{_quoted(name)} is a link to another file"
        return f"it has more than {MOST_OBJECTS} objects" if len(names) > MOST_OBJECTS else None

    try:
        fault = file.visititems_links(visit) or _find_fault(file, names)
    # What h5py raises when a file is damaged.
    except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise SpectrumError(
            f"{path} cannot be read as HDF5: {' '.join(str(error).split())[:160]}. "
            "Check that it is complete and readable."
        ) from error
    if fault:
        raise SpectrumError(
            f"{path} is refused: {fault}. Write all of its data into the file itself, in arrays of "
            "their true size."
        )


def _find_fault(file: h5py.File, names: list[str]) -> str | None:
    claimed, held = 0, file.id.get_filesize()
    for name in names:
        dataset = file[name]
        if isinstance(dataset, h5py.Dataset):
            fault = _find_fault_of(dataset, name)
            if fault:
                return fault
            claimed += _size(dataset)
    if claimed > MOST_UNWRITTEN + MOST_COMPRESSED * held:
        return f"it claims {claimed:.1e} bytes of data and is {held} bytes long"
    return None


def _find_fault_of(dataset: h5py.Dataset, name: str) -> str | None:
    if dataset.is_virtual:
        return f"{_quoted(name)} is a virtual dataset, made of other ones"
    if dataset.external:
        return f"{_quoted(name)} keeps its data in another file"
    value = dataset.id.get_type().get_size()
    if value > MOST_A_VALUE:
        return f"each value of {_quoted(name)} takes {value} bytes, more than {MOST_A_VALUE}"
    if dataset.chunks and math.prod(dataset.chunks) * value > MOST_A_CHUNK:
        return f"the chunks of {_quoted(name)} are larger than {MOST_A_CHUNK} bytes"
    return None


def _size(dataset: h5py.Dataset) -> int:
    n_values = dataset.id.get_space().get_simple_extent_npoints()
    return n_values * dataset.id.get_type().get_size()


def _quoted(name: str) -> str:
    return repr(name if len(name) <= 60 else f"{name[:60]}…")
