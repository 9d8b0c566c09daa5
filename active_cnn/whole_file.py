"""Files for the user that are there whole or not at all."""

from __future__ import annotations

import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from active_cnn.errors import StoreError

# Where the system names its devices, and what is open, such as /dev/stdout and /dev/fd/63.
_DEVICES, _PROCESSES = Path("/dev"), Path("/proc")


class WholeFile:
    """A file that is being written.

    Parameters
    ----------
    file : file object
        Where the content goes.
    path : Path
        What the user calls it.
    """

    def __init__(self, file: IO[Any], path: Path) -> None:
        self._file, self._path = file, path

    def write(self, data: bytes | str) -> None:
        """Add to the content.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        with _blamed_on(self._path):
            self._file.write(data)

    def flush(self) -> None:
        """Bring the content to the disk, while it has no name yet.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        with _blamed_on(self._path):
            self._file.flush()
            os.fsync(self._file.fileno())


def check_place(path: Path, *, makes_folder: bool = False) -> Path:
    """Refuse a place where no file can be written, before any work is done for it.

    Parameters
    ----------
    path : Path
        Where it shall be written.
    makes_folder : bool
        Whether a folder that is missing will be made.

    Returns
    -------
    Path
        The file itself: links are followed, so that one goes on leading to the file.

    Raises
    ------
    StoreError
        If a folder, pipe, socket or device stands there, or no file can be made in its folder.
    """
    with _blamed_on(path):
        try:
            real = Path(os.path.realpath(path))
        except ValueError as error:  # NUL, or what is no text of this system
            raise _refusal(path, "no file can have such a name") from error
        # What is open would have another file put in its place, and see nothing of it.
        named = Path(os.path.realpath(path.parent))
        if named == _DEVICES or _PROCESSES in (named, *named.parents):
            raise _refusal(path, "it stands for a device or for what a process has opened")
        with suppress(FileNotFoundError):
            kind = path.stat().st_mode
            if stat.S_ISDIR(kind):
                raise StoreError(f"Cannot write {path}: it is a folder. Give the path of a file.")
            if not stat.S_ISREG(kind):
                raise _refusal(path, "it is a pipe, a socket or a device, not a file")
        folder = real.parent
        while makes_folder and not folder.exists():
            folder = folder.parent
        if not folder.is_dir():
            raise StoreError(
                f"Cannot write {path}: the folder {folder} does not exist. "
                "Make it, or give a file in a folder that exists."
            )
        if not os.access(folder, os.W_OK | os.X_OK):
            raise _refusal(path, f"you may not write to the folder {folder}")
    return real


@contextmanager
def new_file(path: Path, mode: str = "wb", **options: Any) -> Iterator[WholeFile]:
    """Write a file beside its place and put it there once it is on the disk.

    Parameters
    ----------
    path : Path
        Where it shall be; a link is followed.
    mode : str
        ``wb`` or ``w``.
    **options
        Of `open`: `encoding`, `errors`, `newline`.

    Yields
    ------
    WholeFile
        To which the content is written.

    Raises
    ------
    StoreError
        If the file cannot be written; what stood there before is still there.
    """
    real = check_place(path)
    # Not its own name made longer, which may be as long as names can be.
    unfinished = real.with_name(f"unfinished-{uuid.uuid4().hex[:12]}")
    with _blamed_on(path):
        file = unfinished.open(mode.replace("w", "x"), **options)
    try:
        whole = WholeFile(file, path)
        yield whole
        whole.flush()
        with _blamed_on(path):
            file.close()
            unfinished.replace(real)
    finally:
        with suppress(OSError):
            file.close()
        with suppress(OSError):
            unfinished.unlink()


def write_whole(path: Path, data: bytes) -> None:
    """Write a file in one go, see `new_file`.

    Raises
    ------
    StoreError
        If the file cannot be written; what stood there before is still there.
    """
    with new_file(path) as file:
        file.write(data)


@contextmanager
def _blamed_on(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _refusal(path, error.strerror or str(error)) from error


def _refusal(path: Path, why: str) -> StoreError:
    return StoreError(
        f"Cannot write {path}: {why}. Give a file in a folder that exists and that you may "
        "write to."
    )
