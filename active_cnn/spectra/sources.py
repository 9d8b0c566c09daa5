"""What a user names as sources: files, folders, lists of files and pools; gone through in order."""

from __future__ import annotations

import codecs
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.lines import open_lines
from active_cnn.names import PACKED_SUFFIXES, trim
from active_cnn.regular_file import open_regular
from active_cnn.spectra.pool_file import open_pool
from active_cnn.spectra.resolving_power import read_resolution
from active_cnn.spectra.shards import is_manifest, read_manifest
from active_cnn.wording import one_or_many

PLAIN_SUFFIXES = (".fits", ".fit", ".fts")
FITS_SUFFIXES = (
    *PLAIN_SUFFIXES,
    *(plain + packed for plain in PLAIN_SUFFIXES for packed in PACKED_SUFFIXES),
)
POOL_SUFFIXES = (".h5", ".hdf5")
LIST_SUFFIX = ".txt"
PARTIAL_SUFFIX = ".partial"
COMPRESSIONS = (*PACKED_SUFFIXES, ".z", ".xz", ".zip", ".zst")
LONGEST_KIND = 12  # characters of a suffix that are shown
MOST_KINDS = 8  # that are told one by one


def find_files(
    sources: Iterable[str | Path], passed_over: Counter[str] | None = None
) -> Iterator[str]:
    """Give the paths of the files that sources stand for, always in the same order.

    Parameters
    ----------
    sources : iterable of str or Path
        Files, folders (searched at every depth for `FITS_SUFFIXES` in small letters or capitals)
        and lists: ``.txt`` files with a source a line, relative to the folder of the list. A pool
        of many shards (``.pool``) stands for these.
    passed_over : Counter of str, optional
        Counts by suffix what lies in folders and is not looked for there.

    Yields
    ------
    str
        Absolute paths of FITS files, pools (see `is_pool`) and whatever else was named; making a
        `Path` of each would cost more than finding them.

    Raises
    ------
    SpectrumError
        If a source is missing or a folder cannot be searched.
    """
    for source in sources:
        path = Path(source)
        if is_list(path):
            for line, listed in read_list(path):
                where = f" (line {line} of {path})"
                yield from _below(path.parent / listed, where, passed_over)
        else:
            yield from _below(path, "", passed_over)


def home_of_sources(sources: Iterable[str | Path]) -> Path:
    """Give the folder in which all lies that is not a pool: folders, and the folders of files.

    Raises
    ------
    SpectrumError
        If a source is missing.
    """
    homes: set[str] = set()
    for source in sources:
        path = Path(source)
        named = [(path, "")]
        if is_list(path):
            named = [
                (path.parent / one, f" (line {line} of {path})") for line, one in read_list(path)
            ]
        for one, where in named:
            if is_folder(one, where):
                homes.add(str(one.resolve()))
            elif not (is_pool(one) or is_manifest(one)):
                homes.add(str(one.parent.resolve()))
    return Path(os.path.commonpath(homes)) if homes else Path()


def is_pool(path: str | Path) -> bool:
    """Whether a file holds many prepared spectra instead of one to be read."""
    return str(path).lower().endswith(POOL_SUFFIXES)


def is_list(path: Path) -> bool:
    """Whether a source is by its name a list of other sources; see `is_folder` for errors."""
    return path.suffix.lower() == LIST_SUFFIX and not is_folder(path)


@dataclass(frozen=True)
class Census:
    """How many spectra there are in sources, and what there is to be said of them.

    Parameters
    ----------
    n : int
        Spectra, those named twice counted twice.
    n_out_of_reach : int
        Files that may not be read.
    passed_over : Counter of str
        Files in folders that were not looked at, by suffix.
    not_stated : list of str
        Pools that do not state their resolving power.
    """

    n: int
    n_out_of_reach: int
    passed_over: Counter[str]
    not_stated: list[str]


def take_census(
    sources: Iterable[str | Path], grid: Grid, may_read: Callable[[str], bool] | None = None
) -> Census:
    """Count the spectra of sources; that each exists and each pool fits the grid is checked too.

    Parameters
    ----------
    sources
        See `find_files`.
    grid : Grid
        That pools must have.
    may_read : callable, optional
        Tells of a file whether it may be read; by default any may.

    Raises
    ------
    SpectrumError
        If a source is missing, a pool has another grid, or there is nothing at all.
    """
    sources = list(sources)
    passed_over: Counter[str] = Counter()
    not_stated = []
    n = n_out_of_reach = 0
    for path in find_files(sources, passed_over):
        if may_read and not may_read(path):
            n_out_of_reach += 1
        elif is_pool(path):
            with open_pool(Path(path), grid) as group:
                n += len(group["spectra"])
                if not read_resolution(group).is_stated:
                    not_stated.append(path)
        else:
            n += 1
    if not n:
        raise SpectrumError(
            f"There are no spectra in {', '.join(map(str, sources)) or 'no sources'}. "
            f"{describe_passed_over(passed_over) or describe_search()}"
        )
    return Census(n, n_out_of_reach, passed_over, not_stated)


def describe_search() -> str:
    """Say what folders are searched for."""
    return (
        f"Folders are searched for {', '.join(PLAIN_SUFFIXES)}, also with "
        f"{', '.join(PACKED_SUFFIXES)}; name other files themselves."
    )


def describe_passed_over(passed_over: Mapping[str, int] | None) -> str:
    """Say how many files in folders were passed over, by kind; '' if none."""
    if not passed_over:
        return ""
    kinds = sorted(passed_over.items(), key=lambda one: (-one[1], one[0]))
    listed = ", ".join(f"{n} {kind or 'without a suffix'}" for kind, n in kinds[:MOST_KINDS])
    others = sum(n for _, n in kinds[MOST_KINDS:])
    listed += f", {others} {one_or_many(others, 'other', 'others')}" if others else ""
    n = sum(passed_over.values())
    files = one_or_many(n, "file", "files")
    return f"{n} {files} passed over in folders: {listed}. {describe_search()}"


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


def walk(folder: Path) -> Iterator[str]:
    """Give the path of all that is no folder in a folder, at every depth, always in one order.

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
        within = place if place.endswith("/") else f"{place}/"
        for name in sorted(names):
            yield within + name


def read_list(path: Path) -> Iterator[tuple[int, str]]:
    """Go through the lines of a list that are not empty, each with its number from 1 on.

    Raises
    ------
    SpectrumError
        If the list cannot be read.
    """
    try:
        with open_regular(path) as file:
            is_utf16 = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        # Names of files are bytes, which need not be UTF-8; what spreadsheets save may be UTF-16.
        encoding, errors = ("utf-16", "replace") if is_utf16 else ("utf-8-sig", "surrogateescape")
        with open_lines(path, encoding=encoding, errors=errors) as lines:
            for number, line in enumerate(lines, 1):
                if name := trim(line):
                    yield number, name
    except OSError as error:
        raise SpectrumError(
            f"The list {path} cannot be read: {error.strerror}. Give a text file with a path a "
            "line that you may read."
        ) from error


def _below(path: Path, where: str, passed_over: Counter[str] | None) -> Iterator[str]:
    if is_manifest(path) and not is_folder(path, where):
        yield from (str(shard.path.resolve()) for shard in read_manifest(path))
    elif is_folder(path, where):
        for file in walk(path.resolve()):
            if file.lower().endswith(FITS_SUFFIXES):
                yield file
            elif passed_over is not None and not _is_unfinished(Path(file)):
                passed_over[_kind(Path(file))] += 1
    else:
        # A link keeps its own name: that may be the only one that tells spectra apart.
        yield str(path.parent.resolve() / path.name)


def _is_unfinished(file: Path) -> bool:
    # What an ingest into this very folder has done so far.
    return file.parent.suffix == PARTIAL_SUFFIX


def _kind(file: Path) -> str:
    # Of a compressed file both suffixes tell: .fits.z, .tar.gz.
    kinds = [one.lower() for one in file.suffixes[-2:]]
    if len(kinds) == 2 and (kinds[1] in COMPRESSIONS):
        return "".join(kinds)
    return kinds[-1][:LONGEST_KIND] if kinds else ""


def _refuse_folder(error: OSError) -> None:
    raise SpectrumError(
        f"The folder {error.filename} cannot be searched: {error.strerror}. "
        "Make it readable or leave it out."
    ) from error
