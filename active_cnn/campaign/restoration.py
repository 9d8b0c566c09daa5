"""A home made anew from a backup."""

from __future__ import annotations

import json
import os
from pathlib import Path, PurePosixPath
from typing import Any

from active_cnn import __version__
from active_cnn.campaign.backup_files import (
    FILES,
    FORMAT,
    MANIFEST,
    ByteCounter,
    HashedFile,
    Progress,
    Report,
    copy_file,
    describe_file,
    sync_folders,
)
from active_cnn.campaign.references import references
from active_cnn.campaign.store import FILE_NAME, Store
from active_cnn.campaign.store.connection import unknown_migrations
from active_cnn.errors import StoreError
from active_cnn.excerpt import explain
from active_cnn.lines import read_bounded

MOST_MANIFEST = 64 * 2**20  # bytes


def restore(folder: Path, home: Path, *, progress: Progress | None = None) -> Report:
    """Make a home from a backup; every file is checked before the first one is written.

    Parameters
    ----------
    folder : Path
        The backup.
    home : Path
        Where no campaigns are yet; it is made when it is missing.
    progress : callable, optional
        Told how many bytes have been checked or written, and of how many.

    Returns
    -------
    Report
        Its notices name what the campaigns refer to and is not there.

    Raises
    ------
    StoreError
        If the home holds campaigns already or files that would be written over, or the backup is
        incomplete, damaged, or made by a newer version.
    """
    manifest = _read_manifest(folder)
    try:
        _refuse_used(home)
        files: dict[str, HashedFile] = manifest["files"]
        count = ByteCounter(progress, 2 * sum(file.size for file in files.values()))
        for name, noted in files.items():
            _check(_only_below(folder / FILES, name), _only_below(home, name), noted, count)
        # The database comes last: until then there is nothing that could be taken for the home.
        for name in sorted(files, key=lambda name: name == FILE_NAME):
            _put(folder / FILES / name, home / name, files[name], count)
        with Store(home) as store:
            notices = tuple(
                f"{one} is not at {home / one.path}: put it there."
                for one in references(store)
                if not (home / one.path).is_file()
            )
            # Of a campaign that has no files yet, the folder is still needed.
            for name in store.campaign_names():
                (home / name).mkdir(exist_ok=True)
        sync_folders(home)
    except OSError as error:
        raise StoreError(
            f"Cannot restore {folder} to {home}: {error}. See whether the disk is full, and "
            "whether you may read the backup and write there; then restore again."
        ) from error
    return Report(len(files), sum(one.size for one in files.values()), notices)


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = json.loads(read_bounded(path, MOST_MANIFEST))
        if manifest["format"] != FORMAT:
            raise StoreError(
                f"The backup {folder} has the format {manifest['format']!r}; this version of "
                f"Active CNN ({__version__}) reads {FORMAT}. Upgrade Active CNN on this machine."
            )
        unknown = unknown_migrations([str(name) for name in manifest["migrations"]])
        manifest["files"] = {
            name: HashedFile(str(one["sha256"]), int(one["size"]))
            for name, one in manifest["files"].items()
        }
    except OSError as error:
        raise StoreError(
            f"Cannot read {path}: {error.strerror}. "
            "Give a folder that `active-cnn backup` has made."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StoreError(
            f"{path} is not the manifest of a backup ({type(error).__name__}: {explain(error)}). "
            "Give a folder that `active-cnn backup` has made."
        ) from error
    if unknown:
        raise StoreError(
            f"The backup {folder} was made by a newer version of Active CNN "
            f"({manifest.get('active_cnn')}; this one, {__version__}, does not know the change "
            f"{unknown[0]!r}). Upgrade Active CNN on this machine."
        )
    if FILE_NAME not in manifest["files"]:
        raise StoreError(
            f"{path} names no {FILE_NAME}: it is not a backup of campaigns. "
            "Give a folder that `active-cnn backup` has made."
        )
    return manifest


def _refuse_used(home: Path) -> None:
    # A log that was left beside a database would be taken for that of the restored one.
    for ending in ("", "-wal", "-shm", "-journal"):
        path = home / f"{FILE_NAME}{ending}"
        if os.path.lexists(path):
            raise StoreError(
                f"{home} holds a {path.name} already: nothing was restored over it. "
                "Give another home, or move this one out of the way."
            )


def _check(path: Path, target: Path, noted: HashedFile, count: ByteCounter) -> None:
    if not path.is_file():
        raise StoreError(
            f"{path} is missing in the backup: nothing was restored. Take another backup."
        )
    found = describe_file(path, count)
    if found != noted:
        raise StoreError(
            f"{path} is damaged: it has {found.size} bytes and the SHA-256 {found.sha256}, "
            f"the manifest says {noted.size} and {noted.sha256}. Nothing was restored; "
            "take another backup."
        )
    # What a restoration that broke off has left is not in the way.
    if os.path.lexists(target) and (not target.is_file() or describe_file(target) != noted):
        raise StoreError(
            f"There is another {target} already: nothing was restored over it. Give another home."
        )


def _only_below(folder: Path, name: str) -> Path:
    parts = PurePosixPath(name)
    try:
        is_below = (
            str(parts) == name
            and name != "."
            and not parts.is_absolute()
            and ".." not in parts.parts
            # Links are followed: they could lead out again.
            and (folder / name).resolve().is_relative_to(folder.resolve())
        )
    except (ValueError, RuntimeError):  # no name of a file at all, or links in a circle
        is_below = False
    if not is_below:
        raise StoreError(
            f"The manifest names {name!r}, which does not lie below {folder}: only files below "
            "the folder are restored. Nothing was restored; take another backup."
        )
    return folder / name


def _put(source: Path, target: Path, noted: HashedFile, count: ByteCounter) -> None:
    if target.is_file():
        return
    unfinished = target.with_name(f"{target.name}.unfinished")
    try:
        if copy_file(source, unfinished, count) != noted:
            raise StoreError(
                f"{source} has changed while it was being restored. Restore again, "
                "or take another backup."
            )
        if os.path.lexists(target):
            raise StoreError(f"Somebody else has made {target} meanwhile. Give another home.")
        unfinished.rename(target)
    finally:
        unfinished.unlink(missing_ok=True)
