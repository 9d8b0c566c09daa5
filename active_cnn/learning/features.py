"""The file of a pool's features: what the newest network makes of each spectrum.

It serves the search for similar spectra and can be made anew by training again: only the newest
one is kept, and a disk without room for it holds nothing up.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from active_cnn.learning.predictions import ROOM_LEFT
from active_cnn.spectra.pool_file import publish


def unit_vectors(features: NDArray[np.float32]) -> NDArray[np.float16]:
    """Give vectors of length 1, so that their products are cosines."""
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return (features / np.maximum(length, 1e-12)).astype(np.float16)


class FeaturesWriter:
    """Writes the features of a pool, row after row; the file has its name when it is complete.

    Parameters
    ----------
    path : Path or None
        Where the finished file will be; None writes nothing.
    n_rows : int
        Of the pool.
    network : str
        Name of the network's file, as it stands in the notice.

    Attributes
    ----------
    notice : str
        Why there are none, where there are none; else ''.
    """

    def __init__(self, path: Path | None, n_rows: int, network: str) -> None:
        self.notice = ""
        self._path, self._n_rows, self._network = path, n_rows, network
        self._file: IO[bytes] | None = None
        self._is_given_up = path is None

    def append(self, usable: NDArray[np.bool_], vectors: NDArray[np.float16]) -> None:
        """Write the next rows; those that are not usable are like nothing (zeros)."""
        if self._is_given_up:
            return
        block = np.zeros((len(usable), vectors.shape[1]), dtype=np.float16)
        block[usable] = vectors
        try:
            if self._file is None:
                self._open(vectors.shape[1])
            if self._file:
                self._file.write(block.tobytes())
        except OSError as error:
            self._give_up(str(error.strerror or error))

    def _open(self, n_features: int) -> None:
        path = self._unfinished()
        needed = 2 * self._n_rows * n_features
        free = shutil.disk_usage(path.parent).free
        if free < needed + ROOM_LEFT:
            self._give_up(f"they need {needed / 1e6:.0f} MB, {free / 1e6:.0f} MB are free")
            return
        self._file = path.open("wb")
        header = {"descr": "<f2", "fortran_order": False, "shape": (self._n_rows, n_features)}
        np.lib.format.write_array_header_1_0(self._file, header)

    def _unfinished(self) -> Path:
        path = self._path or Path()
        return path.with_name(f"unfinished-{path.name}")

    def _give_up(self, why: str) -> None:
        self.discard()
        self.notice = (
            f"The features of {self._network} were not kept ({why}): strategies that compare "
            "spectra, and the search for similar ones, have to wait for the next training."
        )

    def finish(self) -> None:
        """Put the complete file in its place."""
        if self._file and self._path:
            self._file.close()
            publish(self._unfinished(), self._path)

    def discard(self) -> None:
        """Remove what has been written."""
        if self._file:
            with suppress(OSError):
                self._file.close()
            self._unfinished().unlink(missing_ok=True)
        self._file, self._is_given_up = None, True


class FeaturesFile:
    """Features on the disk; what is asked for is read, the rest stays there.

    Parameters
    ----------
    path : Path
        Of a file that `FeaturesWriter` has finished.
    """

    def __init__(self, path: Path) -> None:
        self._vectors = np.load(path, mmap_mode="r")

    def take(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Give those of some rows of the pool, shape (n_rows, n_features), in their order."""
        return self._vectors[rows].astype(np.float32)

    def chunks(self, size: int) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Stream through all rows of the pool, `size` at a time."""
        for start in range(0, len(self._vectors), size):
            rows = slice(start, min(start + size, len(self._vectors)))
            yield rows, self._vectors[rows].astype(np.float32)
