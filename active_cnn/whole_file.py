"""Files for the user that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from active_cnn.errors import StoreError


def write_whole(path: Path, data: bytes) -> None:
    """Write a file beside its place and put it there once it is on the disk.

    Raises
    ------
    StoreError
        If the file cannot be written; what stood there before is still there.
    """
    unfinished = path.with_name(f"unfinished-{path.name}")
    try:
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        raise StoreError(
            f"Cannot write {path}: {error.strerror}. Give a file in a folder that exists and "
            "that you may write to."
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)
