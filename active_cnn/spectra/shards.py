"""The files of a pool: one, or the shards that a manifest lists, whose rows follow one another."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from active_cnn.errors import SpectrumError
from active_cnn.excerpt import explain, shorten
from active_cnn.lines import read_bounded
from active_cnn.whole_file import write_whole

MANIFEST_SUFFIX = ".pool"
FORMAT = "active-cnn pool"
VERSION = 1
MOST_MANIFEST = 64 * 2**20  # bytes: half a million shards


@dataclass(frozen=True)
class Shard:
    """A file of a pool.

    Parameters
    ----------
    path : Path
        The HDF5 file.
    name : str
        What the manifest calls it; '' = the pool is this file alone.
    n : int, optional
        How many rows the manifest says that it has.
    """

    path: Path
    name: str = ""
    n: int | None = None

    def __str__(self) -> str:
        return f"{'shard' if self.name else 'pool'} {self.path}"


@dataclass(frozen=True)
class Stamp:
    """By what a change of a file is told.

    Parameters
    ----------
    size : int
        In bytes.
    mtime_ns : int
        When it was modified, in ns since 1970.
    """

    size: int
    mtime_ns: int

    def __str__(self) -> str:
        written = datetime.fromtimestamp(self.mtime_ns / 1e9, tz=UTC)
        return f"{self.size} bytes of {written:%Y-%m-%d %H:%M:%S} UTC"


def shards_of(path: Path) -> tuple[Shard, ...]:
    """Name the files of a pool in the order of its rows.

    Parameters
    ----------
    path : Path
        A manifest, by its suffix `MANIFEST_SUFFIX`, or an HDF5 file.

    Raises
    ------
    SpectrumError
        If it is a manifest that cannot be read.
    """
    return read_manifest(path) if is_manifest(path) else (Shard(path),)


def is_manifest(path: Path) -> bool:
    """Whether a pool is by its name a list of shards."""
    return path.suffix.lower() == MANIFEST_SUFFIX


def read_manifest(path: Path) -> tuple[Shard, ...]:
    """Read which shards a pool is made of; none of them is opened.

    ::

        {"format": "active-cnn pool", "version": 1,
         "shards": [{"path": "survey-0000.h5", "n": 1000000}, …]}

    A manifest leads to nothing that lies elsewhere: the shards are below its own folder, links
    followed first.

    Raises
    ------
    SpectrumError
        If it cannot be read, is no manifest of this version, lists nothing or a shard twice, or
        leads out of its folder.
    """
    try:
        text = read_bounded(path, MOST_MANIFEST)
    except OSError as error:
        raise SpectrumError(
            f"The manifest {path} cannot be read: {error.strerror}. Give a pool's manifest that "
            "you may read."
        ) from error
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SpectrumError(
            f"The manifest {path} is not JSON that can be read: {explain(error)}. Give one that "
            "was written as docs/formats.md tells."
        ) from error
    return _check(path, content)


def write_manifest(path: Path, shards: Iterable[tuple[Path, int]]) -> None:
    """Write a manifest, which appears whole or not at all.

    Parameters
    ----------
    path : Path
        Where, with the suffix `MANIFEST_SUFFIX`.
    shards : iterable of (Path, int)
        The HDF5 files below the folder of the manifest in the order of the pool's rows, and how
        many rows each has.

    Raises
    ------
    SpectrumError
        If the manifest could not be read again.
    StoreError
        If it cannot be written.
    """
    if not is_manifest(path):
        raise SpectrumError(f"{path} cannot be a manifest: end its name in {MANIFEST_SUFFIX}.")
    folder = path.resolve().parent
    listed = []
    for shard, n in shards:
        # Links are followed in the folder only: a shard that is one keeps its own name.
        place = shard.parent.resolve() / shard.name
        inside = place.relative_to(folder) if place.is_relative_to(folder) else place
        listed.append({"path": inside.as_posix(), "n": int(n)})
    content = {"format": FORMAT, "version": VERSION, "shards": listed}
    _check(path, content)
    write_whole(path, json.dumps(content, indent=1).encode() + b"\n")


def stamp_of(shard: Shard) -> Stamp:
    """Tell the present state of a file of a pool.

    Raises
    ------
    SpectrumError
        If it cannot be read.
    """
    try:
        status = shard.path.stat()
    except OSError as error:
        raise SpectrumError(
            f"The {shard} cannot be read: {error.strerror}. Check its path and permissions."
        ) from error
    return Stamp(status.st_size, status.st_mtime_ns)


def _check(path: Path, content: Any) -> tuple[Shard, ...]:
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise SpectrumError(
            f"{path} is not a pool's manifest: it does not say "
            f'"format": "{FORMAT}". Give a manifest, or a pool in one HDF5 file.'
        )
    if content.get("version") != VERSION:
        raise SpectrumError(
            f"The manifest {path} is of version {shorten(content.get('version'))}; this program "
            f"reads version {VERSION}. Update the program, or write the manifest again."
        )
    listed = content.get("shards")
    if not isinstance(listed, list) or not listed:
        raise SpectrumError(
            f"The manifest {path} lists no shards. Name at least one under 'shards'."
        )
    folder = path.resolve().parent
    seen: dict[Path, str] = {}
    shards = []
    for number, one in enumerate(listed):
        shard = _check_shard(f"The manifest {path}, shard {number} (counted from 0)", folder, one)
        real = shard.path.resolve()
        if real in seen:
            raise SpectrumError(
                f"The manifest {path} lists one file twice, as {shorten(seen[real])} and as "
                f"{shorten(shard.name)}. List every shard once."
            )
        seen[real] = shard.name
        shards.append(shard)
    return tuple(shards)


def _check_shard(where: str, folder: Path, given: Any) -> Shard:
    if not isinstance(given, dict) or set(given) != {"path", "n"}:
        raise SpectrumError(f"{where}, is {shorten(given)}: give 'path' and 'n', nothing else.")
    name, n = given["path"], given["n"]
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise SpectrumError(f"{where}: 'path' is {shorten(name)}. Give the name of an HDF5 file.")
    if type(n) is not int or n < 1:
        raise SpectrumError(f"{where}: 'n' is {shorten(n)}. Give its number of rows, 1 or more.")
    path = folder / name
    if is_manifest(path):
        raise SpectrumError(
            f"{where}, is the manifest {shorten(name)}. List HDF5 files, not manifests."
        )
    try:
        real = path.resolve()
    except (OSError, RuntimeError) as error:  # a name too long, a link that leads in a circle
        raise SpectrumError(f"{where}: {shorten(name)} leads nowhere. Mend the path.") from error
    if Path(name).is_absolute() or ".." in Path(name).parts or not real.is_relative_to(folder):
        raise SpectrumError(
            f"{where}: {shorten(name)} lies outside the folder of the manifest. "
            "Move the file below that folder, and name it from there."
        )
    return Shard(path, name, n)
