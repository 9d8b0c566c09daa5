"""Opening what a user names as a file: a regular file only, which is judged when it is open."""

from __future__ import annotations

import errno
import os
import stat
from os import PathLike
from typing import IO, Any

NO_FILE = "it is a pipe, a socket or a device, not a file"
FOLDER = "it is a folder, not a file"

# To open a pipe would otherwise wait for ever for somebody who writes to it.
_FLAGS = os.O_NONBLOCK | os.O_NOCTTY if hasattr(os, "O_NONBLOCK") else 0


def open_regular(path: str | PathLike[str], mode: str = "rb", **options: Any) -> IO[Any]:
    """Open a regular file for reading; links are followed.

    What is looked at is what has been opened, so that nothing can take its place between the two.

    Parameters
    ----------
    path : str or Path
        The file.
    mode : str
        ``rb`` or ``r``.
    **options
        Of `open`: `encoding`, `errors`, `newline`.

    Returns
    -------
    file object

    Raises
    ------
    OSError
        Whose `strerror` says in words what is wrong: IsADirectoryError for a folder,
        FileNotFoundError also for what cannot be the name of a file, and OSError itself
        (`strerror` is `NO_FILE`) for a pipe, a socket or a device.
    """
    try:
        return open(path, mode, opener=_open_descriptor, **options)  # noqa: PTH123 - a Path has no opener
    except ValueError as error:  # NUL in the name, or what is no text of this system
        raise FileNotFoundError(errno.ENOENT, "no file can have such a name", path) from error


def _open_descriptor(path: str, flags: int) -> int:
    try:
        descriptor = os.open(path, flags | _FLAGS)
    except OSError as error:
        if error.errno == errno.ENXIO:  # so sockets answer
            raise OSError(errno.ENXIO, NO_FILE, path) from error
        raise
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, FOLDER, path)
    raise OSError(errno.EINVAL, NO_FILE, path)
