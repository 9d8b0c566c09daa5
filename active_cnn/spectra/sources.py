"""What a user names as sources: files, folders, lists of files and pools; gone through in order."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from active_cnn.errors import SpectrumError
from active_cnn.lines import open_lines
from active_cnn.records import Grid
from active_cnn.spectra.pool_file import open_pool
from active_cnn.spectra.shards import is_manifest, read_manifest

FITS_SUFFIXES = (".fits", ".fit", ".fits.gz", ".fit.gz")
POOL_SUFFIXES = (".h5", ".hdf5")
LIST_SUFFIX = ".txt"


def find_files(sources: Iterable[str | Path]) -> Iterator[Path]:
    """Go through the files that sources stand for, always in the same order.

    Parameters
    ----------
    sources : iterable of str or Path
        Files, folders (searched at every depth for `FITS_SUFFIXES` in small letters or capitals)
        and lists: ``.txt`` files with a source a line, relative to the folder of the list. A pool
        of many shards (``.pool``) stands for these.

    Yields
    ------
    Path
        Absolute; FITS files, pools (see `is_pool`) and whatever else was named.

    Raises
    ------
    SpectrumError
        If a source is missing or a folder cannot be searched.
    """
    for source in sources:
        path = Path(source)
        if is_list(path):
            for line, listed in read_list(path):
                yield from _below(path.parent / listed, f" (line {line} of {path})")
        else:
            yield from _below(path, "")


def is_pool(path: Path) -> bool:
    """Whether a file holds many prepared spectra instead of one to be read."""
    return path.suffix.lower() in POOL_SUFFIXES


def is_list(path: Path) -> bool:
    """Whether a source is by its name a list of other sources; see `is_folder` for errors."""
    return path.suffix.lower() == LIST_SUFFIX and not is_folder(path)


def count_spectra(sources: Iterable[str | Path], grid: Grid) -> int:
    """Count the spectra of sources; that each exists and each pool fits the grid is checked too.

    Raises
    ------
    SpectrumError
        If a source is missing, a pool has another grid, or there is nothing at all.
    """
    sources = list(sources)
    n = 0
    for path in find_files(sources):
        if is_pool(path):
            with open_pool(path, grid) as group:
                n += len(group["spectra"])
        else:
            n += 1
    if not n:
        raise SpectrumError(
            f"There are no spectra in {', '.join(map(str, sources)) or 'no sources'}. "
            f"Folders are searched for {', '.join(FITS_SUFFIXES)}; name other files themselves."
        )
    return n


def is_folder(path: Path, where: str = "") -> bool:
    """Tell a folder from a file.

    Raises
    ------
    SpectrumError
        If there is nothing of that path, or it cannot be reached; `where` tells who named it.
    """
    try:
        if path.is_dir():
            return True
        exists = path.exists()
    except OSError as error:
        raise SpectrumError(
            f"The source {path}{where} cannot be reached: {error.strerror}. Check its permissions."
        ) from error
    if not exists:
        raise SpectrumError(f"The source {path}{where} does not exist. Check its path.")
    return False


def walk(folder: Path) -> Iterator[Path]:
    """Go through all that is no folder in a folder, at every depth, always in the same order.

    What lies in a folder itself comes before what lies in the folders within it.

    Raises
    ------
    SpectrumError
        If a folder cannot be searched.
    """
    seen = set()
    for place, folders, names in os.walk(folder, onerror=_refuse_folder, followlinks=True):
        # Links to folders are followed, but not round in circles.
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        for name in sorted(names):
            yield Path(place, name)


def read_list(path: Path) -> Iterator[tuple[int, str]]:
    """Go through the lines of a list that are not empty, each with its number from 1 on.

    Raises
    ------
    SpectrumError
        If the list cannot be read.
    """
    try:
        # Names of files are bytes, which need not be UTF-8.
        with open_lines(path, encoding="utf-8", errors="surrogateescape") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield number, line.strip()
    except OSError as error:
        raise SpectrumError(
            f"The list {path} cannot be read: {error.strerror}. Give a text file with a path a "
            "line that you may read."
        ) from error


def _below(path: Path, where: str) -> Iterator[Path]:
    if is_manifest(path) and not is_folder(path, where):
        yield from (shard.path.resolve() for shard in read_manifest(path))
    elif is_folder(path, where):
        for file in walk(path.resolve()):
            if file.name.lower().endswith(FITS_SUFFIXES):
                yield file
    else:
        # A link keeps its own name: that may be the only one that tells spectra apart.
        yield path.parent.resolve() / path.name


def _refuse_folder(error: OSError) -> None:
    raise SpectrumError(
        f"The folder {error.filename} cannot be searched: {error.strerror}. "
        "Make it readable or leave it out."
    ) from error
