"""What a user names as sources: files, folders, lists of files and pools; gone through in order."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from active_cnn.errors import SpectrumError
from active_cnn.records import Grid
from active_cnn.spectra.pool_file import open_pool

FITS_SUFFIXES = (".fits", ".fit", ".fits.gz", ".fit.gz")
POOL_SUFFIXES = (".h5", ".hdf5")
LIST_SUFFIX = ".txt"


def find_files(sources: Iterable[str | Path]) -> Iterator[Path]:
    """Go through the files that sources stand for, always in the same order.

    Parameters
    ----------
    sources : iterable of str or Path
        Files, folders (searched at every depth for `FITS_SUFFIXES` in small letters or capitals)
        and lists: ``.txt`` files with a source a line, relative to the folder of the list.

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
        if path.suffix.lower() == LIST_SUFFIX and path.is_file():
            for line, listed in _listed(path):
                yield from _below(path.parent / listed, f" (line {line} of {path})")
        else:
            yield from _below(path, "")


def is_pool(path: Path) -> bool:
    """Whether a file holds many prepared spectra instead of one to be read."""
    return path.suffix.lower() in POOL_SUFFIXES


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


def _below(path: Path, where: str) -> Iterator[Path]:
    try:
        is_folder = path.is_dir()
        if not (is_folder or path.exists()):
            raise SpectrumError(f"The source {path}{where} does not exist. Check its path.")
        # A link keeps its own name: that may be the only one that tells spectra apart.
        place = path.resolve() if is_folder else path.parent.resolve() / path.name
    except OSError as error:
        raise SpectrumError(
            f"The source {path}{where} cannot be reached: {error.strerror}. Check its permissions."
        ) from error
    if is_folder:
        yield from _walk(place)
    else:
        yield place


def _walk(folder: Path) -> Iterator[Path]:
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
            if name.lower().endswith(FITS_SUFFIXES):
                yield Path(place, name)


def _refuse_folder(error: OSError) -> None:
    raise SpectrumError(
        f"The folder {error.filename} cannot be searched: {error.strerror}. "
        "Make it readable or leave it out."
    ) from error


def _listed(path: Path) -> Iterator[tuple[int, str]]:
    try:
        # Names of files are bytes, which need not be UTF-8.
        with path.open(encoding="utf-8", errors="surrogateescape") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield number, line.strip()
    except OSError as error:
        raise SpectrumError(
            f"The list {path} cannot be read: {error.strerror}. Check its permissions."
        ) from error
