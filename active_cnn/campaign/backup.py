"""Backups of a home: its database and the files that it refers to, each with its hash."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from pathlib import Path

from active_cnn import __version__
from active_cnn.campaign.backup_files import (
    FILES,
    FORMAT,
    MANIFEST,
    ByteCounter,
    Progress,
    Report,
    copy_file,
    describe_file,
    sync_folders,
)
from active_cnn.campaign.references import Reference, references
from active_cnn.campaign.store import FILE_NAME, Store, utc_now
from active_cnn.campaign.store.copying import sync
from active_cnn.errors import StoreError

_ATTEMPTS = 5


class _SupersededError(Exception):
    """A training has replaced the files of an iteration while they were being copied."""


def back_up(
    store: Store, folder: Path, *, with_pools: bool = True, progress: Progress | None = None
) -> Report:
    """Copy a home's database and the files that it refers to, while people work.

    The files are copied, never linked: what damages the home must not damage its backup. Those
    outside the home are only named in the manifest. Logs of jobs are left out, and indices of
    pools, which can be made anew.

    Parameters
    ----------
    store : Store
        Of the home.
    folder : Path
        Is made; it appears when it is complete.
    with_pools : bool
        Whether the pools that lie in the home are copied too; training sets always are.
    progress : callable, optional
        Told how many bytes have been copied, and of how many.

    Returns
    -------
    Report

    Raises
    ------
    StoreError
        If the folder exists already or cannot be written, or a file cannot be read.
    """
    if os.path.lexists(folder):
        raise StoreError(f"There is a {folder} already. Give a folder that does not exist yet.")
    # Not its own name made longer, which may be as long as names can be.
    unfinished = folder.with_name(f".{uuid.uuid4().hex[:12]}.unfinished")
    try:
        for _ in range(_ATTEMPTS):
            unfinished.mkdir(parents=True)
            try:
                report = _fill(store, unfinished, with_pools, progress)
                break
            except _SupersededError:
                shutil.rmtree(unfinished)
        else:
            raise StoreError(
                f"The files in {store.home} were replaced each of {_ATTEMPTS} times that they were "
                "being copied. Make the backup while no network is trained."
            )
        unfinished.rename(folder)
        sync(folder.absolute().parent)
    except (OSError, ValueError) as error:  # so says Python of a name with NUL
        raise StoreError(
            f"Cannot make the backup {folder}: {error}. See whether the disk is full, and whether "
            "you may read the home and write there."
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return report


def _fill(store: Store, folder: Path, with_pools: bool, progress: Progress | None) -> Report:
    home = folder / FILES
    home.mkdir()
    store.copy_to(home / FILE_NAME)
    with Store(home) as copy:
        needed = references(copy)
        campaigns = [
            {
                "name": name,
                "n_iterations": len(copy.iterations(name)),
                "n_queries": copy.count_queries(name),
                "n_events": copy.count_events(name),
            }
            for name in reversed(copy.campaign_names())
        ]
        migrations = copy.migrations()
    files = {FILE_NAME: describe_file(home / FILE_NAME)}
    wanted, left_out, notices = _choose(store, needed, with_pools)
    count = ByteCounter(progress, sum(_size(store.home / name) for name in wanted))
    for name, one in wanted.items():
        try:
            files[name] = copy_file(store.home / name, home / name, count)
        except FileNotFoundError as error:
            _refuse_superseded(store, one)
            raise StoreError(
                f"{one} vanished while it was being copied. Make the backup again."
            ) from error
        if one.sha256 not in ("", files[name].sha256):
            notices.append(
                f"{one} is not what it was when the store noted it (SHA-256 "
                f"{files[name].sha256[:12]}…, not {one.sha256[:12]}…); it is in the backup as "
                "it is now."
            )
    manifest = {
        "format": FORMAT,
        "active_cnn": __version__,
        "created_at": utc_now(),
        "migrations": migrations,
        "campaigns": campaigns,
        "files": {name: {"sha256": f.sha256, "size": f.size} for name, f in files.items()},
        "left_out": left_out,
    }
    path = folder / MANIFEST
    path.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    sync(path)
    sync_folders(folder)
    return Report(len(files), sum(f.size for f in files.values()), tuple(notices))


def _choose(
    store: Store, needed: list[Reference], with_pools: bool
) -> tuple[dict[str, Reference], list[dict[str, str]], list[str]]:
    wanted: dict[str, Reference] = {}
    left_out, notices = [], []
    for one in needed:
        name = _below_home(store.home, one.path)
        if name is None:
            reason = "it lies outside the home"
        elif not (store.home / name).is_file():
            _refuse_superseded(store, one)
            reason = "it is missing"
        elif one.what == "pool" and not with_pools:
            reason = "pools were left out"
        else:
            wanted.setdefault(name, one)
            continue
        left_out.append({**_named(one), "reason": reason})
        notices.append(f"{one} is not in the backup: {reason}.")
    return wanted, left_out, notices


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _refuse_superseded(store: Store, one: Reference) -> None:
    if one.iteration is not None:
        now = store.iteration(one.campaign, one.iteration)
        if now.job != one.job:
            raise _SupersededError


def _below_home(home: Path, path: str) -> str | None:
    file, home = (home / path).resolve(), home.resolve()
    if ".." in Path(path).parts or not file.is_relative_to(home) or Path(path).is_absolute():
        return None
    return Path(path).as_posix()


def _named(one: Reference) -> dict[str, str]:
    named = {"campaign": one.campaign, "what": one.what, "path": one.path}
    if one.fingerprint:
        named["fingerprint"] = one.fingerprint
    if one.sha256:
        named["sha256"] = one.sha256
    return named
