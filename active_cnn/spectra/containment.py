"""An HDF5 file from elsewhere must hold what it claims to hold, and nothing of other files.

HDF5 can take data from any file that the reader may read (external links, external raw storage,
virtual datasets), and a small file can claim any amount of data (what was never written is read
as a fill value, what repeats is compressed).
"""

from __future__ import annotations

import math
from typing import Any

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
    names: list[bytes] = []

    def visit(name: bytes, link: Any) -> str | None:
        if link.type == h5py.h5l.TYPE_HARD:
            names.append(name)
        # A soft link stays within the file as long as no external one continues it.
        elif link.type != h5py.h5l.TYPE_SOFT:
            return f"{_quoted(name)} is a link to another file"
        return f"it has more than {MOST_OBJECTS} objects" if len(names) > MOST_OBJECTS else None

    # Every reading call opens its file, so this is done with what costs the least.
    try:
        fault = file.id.links.visit(visit, info=True) or _find_fault(file, names)
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


def _find_fault(file: h5py.File, names: list[bytes]) -> str | None:
    claimed, held = 0, file.id.get_filesize()
    for name in names:
        dataset = h5py.h5o.open(file.id, name)
        if not isinstance(dataset, h5py.h5d.DatasetID):
            continue
        value = dataset.get_type().get_size()
        fault = _find_fault_of(dataset.get_create_plist(), value)
        if fault:
            return f"{_quoted(name)} {fault}"
        claimed += dataset.get_space().get_simple_extent_npoints() * value
    if claimed > MOST_UNWRITTEN + MOST_COMPRESSED * held:
        return f"it claims {claimed:.1e} bytes of data and is {held} bytes long"
    return None


def _find_fault_of(made: h5py.h5p.PropDCID, value: int) -> str | None:
    if made.get_layout() == h5py.h5d.VIRTUAL:
        return "is a virtual dataset, made of other ones"
    if made.get_external_count():
        return "keeps its data in another file"
    if value > MOST_A_VALUE:
        return f"has values of {value} bytes, more than {MOST_A_VALUE}"
    if made.get_layout() == h5py.h5d.CHUNKED and math.prod(made.get_chunk()) * value > MOST_A_CHUNK:
        return f"has chunks of more than {MOST_A_CHUNK} bytes"
    return None


def _quoted(name: bytes) -> str:
    return repr(name[:60].decode("utf-8", "backslashreplace"))
