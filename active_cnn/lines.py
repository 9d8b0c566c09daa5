"""Files that a user names, read in bounded memory: line by line, or whole where they are small."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from typing import IO, Any

from active_cnn.regular_file import open_regular

LONGEST_LINE = 2**24  # characters


@contextmanager
def open_lines(path: str | PathLike[str], **options: Any) -> Iterator[Iterator[str]]:
    """Open a regular file for its lines, each of at most `LONGEST_LINE` characters.

    Parameters
    ----------
    path : str or Path
        The file; links are followed.
    **options
        Of `open`: `encoding`, `errors`, `newline`.

    Yields
    ------
    iterator of str
        The lines with their ends.

    Raises
    ------
    OSError
        Whose `strerror` says in words what is wrong: as of `open_regular`, or that a line is
        too long.
    """
    with open_regular(path, "r", **options) as file:
        yield _lines(file, path)


def _lines(file: IO[str], path: str | PathLike[str]) -> Iterator[str]:
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            what = f"line {number} is longer than {LONGEST_LINE} characters"
            raise OSError(errno.EFBIG, what, str(path))
        yield line


def read_bounded(path: str | PathLike[str], most: int) -> bytes:
    """Read a regular file as a whole.

    Parameters
    ----------
    path : str or Path
        The file; links are followed.
    most : int
        Bytes that it may have.

    Raises
    ------
    OSError
        Whose `strerror` says in words what is wrong: as of `open_regular`, or that it is too long.
    """
    with open_regular(path) as file:
        content: bytes = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it is longer than {most} bytes", str(path))
    return content
