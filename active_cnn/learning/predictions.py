"""The file of an iteration's predictions: a row for each row of the pool, and nothing larger."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError, StoreError
from active_cnn.spectra.pool_file import open_hdf5, publish

# Left free on the disk for the store, which must go on.
ROOM_LEFT = 50 * 2**20  # bytes

# More rows than these are picked from the whole. The time of HDF5's selections grows with the
# square of their number: 1000 take as long as reading four million rows, 40 000 two minutes.
MOST_SELECTED = 1000

# Predicted class of a row that holds no usable spectrum.
NOT_PREDICTED = 255


def entropy(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the Shannon entropy of each prediction, −Σ p ln p, in nats.

    Parameters
    ----------
    probabilities : ndarray, shape (n_spectra, n_classes)
        Rows that sum to 1.

    Returns
    -------
    ndarray, shape (n_spectra,)
        From 0 (certain) to ln(n_classes) (undecided).

    References
    ----------
    Shannon (1948), Bell System Technical Journal, 27, 379.
    """
    from scipy.special import entr  # slow to load, and most commands need it not

    return entr(probabilities).sum(axis=1)


class PredictionsWriter:
    """Writes predictions in chunks; the file has its name only when it is complete.

    Parameters
    ----------
    path : Path
        Where the finished file will be.
    n_rows : int
        Number of rows of the pool.
    classes : tuple of str
        Classes of the network.
    pool_fingerprint : str
        Which pool the rows belong to.

    Raises
    ------
    StoreError
        If the disk has no room for them.
    """

    def __init__(
        self, path: Path, n_rows: int, classes: tuple[str, ...], pool_fingerprint: str
    ) -> None:
        self._path = path
        self._unfinished = path.with_name(f"unfinished-{path.name}")
        # HDF5 brings the process down when a disk fills up under an open file.
        needed = n_rows * (4 * len(classes) + 1 + 4) + ROOM_LEFT
        free = shutil.disk_usage(path.parent).free
        if free < needed:
            raise StoreError(
                f"The predictions of {n_rows} spectra need {needed / 1e6:.0f} MB in {path.parent}, "
                f"{free / 1e6:.0f} MB are free. Make room, then restart."
            )
        self._file = h5py.File(self._unfinished, "w")
        self._file.attrs["classes"] = list(classes)
        self._file.attrs["pool_fingerprint"] = pool_fingerprint
        self._file.create_dataset(
            "probabilities", (n_rows, len(classes)), "f4", fillvalue=np.nan, chunks=None
        )
        self._file.create_dataset("label", (n_rows,), "u1", fillvalue=NOT_PREDICTED)
        self._file.create_dataset("entropy", (n_rows,), "f4", fillvalue=np.nan)

    def write(
        self, rows: slice, usable: NDArray[np.bool_], probabilities: NDArray[np.float32]
    ) -> NDArray[np.uint8]:
        """Write a run of rows.

        Parameters
        ----------
        rows : slice
            Where in the pool.
        usable : ndarray of bool, shape (n_rows,)
            Which of them hold a usable spectrum.
        probabilities : ndarray of float32, shape (n_usable, n_classes)
            Predictions for these.

        Returns
        -------
        ndarray of uint8, shape (n_usable,)
            The predicted classes.
        """
        labels = probabilities.argmax(axis=1).astype(np.uint8)
        for name, values, missing in (
            ("probabilities", probabilities, np.nan),
            ("label", labels, NOT_PREDICTED),
            ("entropy", entropy(probabilities), np.nan),
        ):
            dataset = self._file[name]
            block = np.full((len(usable), *dataset.shape[1:]), missing, dtype=dataset.dtype)
            block[usable] = values
            dataset[rows] = block
        return labels

    def finish(self) -> None:
        """Put the complete file in its place."""
        self._file.close()
        publish(self._unfinished, self._path)

    def discard(self) -> None:
        """Remove what has been written."""
        self._file.close()
        self._unfinished.unlink(missing_ok=True)


@dataclass(frozen=True)
class PredictionsFile:
    """Predictions on the disk; each call reads what it gives and holds nothing open.

    Parameters
    ----------
    path : Path
        The file.
    pool_fingerprint : str
        The pool that its rows must belong to.

    Raises
    ------
    StoreError
        If the file is missing, unreadable or belongs to another pool.
    """

    path: Path
    pool_fingerprint: str

    def _read(self, read: Callable[[h5py.File], object]) -> object:
        try:
            with open_hdf5(self.path) as file:
                found = str(file.attrs["pool_fingerprint"])
                if found != self.pool_fingerprint:
                    raise StoreError(
                        f"The predictions {self.path} belong to another pool ({found[:12]}…, "
                        f"not {self.pool_fingerprint[:12]}…). Train the iteration again."
                    )
                return read(file)
        # What h5py raises when a file is damaged, or of another layout.
        except (AttributeError, LookupError, RuntimeError, SpectrumError, TypeError) as error:
            reason = " ".join(str(error).split()).rstrip(".")
            raise StoreError(
                f"Cannot read the predictions {self.path}: {reason}. Train the iteration again, "
                "or restore the file from a copy."
            ) from error

    def labels(self) -> NDArray[np.uint8]:
        """Give the predicted class of each row of the pool, `NOT_PREDICTED` where there is none."""
        return self._read(lambda file: file["label"][:])  # type: ignore[return-value]

    def entropy(self) -> NDArray[np.float32]:
        """Give the entropy in nats of each row of the pool, NaN where there is none."""
        return self._read(lambda file: file["entropy"][:])  # type: ignore[return-value]

    def all_probabilities(self) -> NDArray[np.float32]:
        """Give the probabilities of each row of the pool, NaN where there are none."""
        return self._read(lambda file: file["probabilities"][:])  # type: ignore[return-value]

    def probabilities(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Give the probabilities of some rows of the pool, shape (n, n_classes), in their order."""
        order, back = np.unique(rows, return_inverse=True)

        def read(file: h5py.File) -> object:
            dataset = file["probabilities"]
            if len(order) > MOST_SELECTED:
                return dataset[:][order]
            return dataset[order]

        return self._read(read)[back]  # type: ignore[index]
