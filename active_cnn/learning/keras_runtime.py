"""Predicting with Keras itself, and exporting its networks to a quicker runtime."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import keras
import numpy as np
from numpy.typing import NDArray

from active_cnn.learning.network import with_features
from active_cnn.learning.runtime import EXPORTED, OpenVinoRuntime

KERAS_BATCH = 1024  # rows at a time
GPU_BATCH = 65_536

# The exported network is trusted if no probability differs from Keras's by more.
TOLERANCE = 1e-5

Result = TypeVar("Result")


class KerasRuntime:
    """Keras, on whatever device its backend has.

    Parameters
    ----------
    network : keras.Model
        A trained network.
    """

    def __init__(self, network: keras.Model) -> None:
        self.name = f"Keras on {keras.config.backend()}"
        self._network = with_features(network)
        self._batch = GPU_BATCH if has_gpu() else KERAS_BATCH
        self._lock = threading.Lock()

    def predict(
        self, windows: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Give probabilities and features of rescaled windows; see `Runtime.predict`."""

        def predict(batch: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            probabilities, features = self._network.predict(windows, batch_size=batch, verbose=0)
            return probabilities, features

        with self._lock:
            found, self._batch = halving(predict, self._batch)
        return found


def export_network(
    network: keras.Model, path: Path, windows: NDArray[np.float32]
) -> tuple[Path | None, str]:
    """Export a network for the CPU's inference runtime, and see whether it says the same.

    Parameters
    ----------
    network : keras.Model
        A trained network.
    path : Path
        Of the exported network; its suffix becomes `EXPORTED`.
    windows : ndarray of float32, shape (n_spectra, n_wavelengths)
        Rescaled windows on which both must agree within `TOLERANCE`.

    Returns
    -------
    path : Path or None
        None where Keras itself should be used.
    reason : str
        Why, for the person who waits longer; '' with a GPU, where Keras is the faster one.
    """
    if has_gpu():
        return None, ""
    path = path.with_suffix(EXPORTED)
    try:
        with_features(network).export(str(path), format="openvino", verbose=False)
        exported, _ = OpenVinoRuntime(path, 1).predict(windows)
    # A runtime that is not installed, or that does not know a layer, raises anything.
    except Exception as error:
        remove_export(path)
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        return None, f"The network could not be exported to OpenVINO ({reason}): Keras predicts."
    expected, _ = KerasRuntime(network).predict(windows)
    difference = float(np.abs(exported - expected).max(initial=0))
    if not difference <= TOLERANCE:
        remove_export(path)
        return None, (
            f"The exported network differs from Keras by {difference:.1e} in a probability, more "
            f"than {TOLERANCE:g}: Keras predicts."
        )
    return path, ""


def remove_export(path: Path) -> None:
    """Remove an exported network and its weights."""
    path.unlink(missing_ok=True)
    path.with_suffix(".bin").unlink(missing_ok=True)


def has_gpu() -> bool:
    """Whether Keras computes on a GPU."""
    return any(device.startswith("gpu") for device in keras.distribution.list_devices())


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a backend says that its device has no memory left."""
    # TensorFlow: ResourceExhaustedError, 'OOM when allocating'; JAX: RESOURCE_EXHAUSTED.
    text = f"{type(error).__name__} {error}"
    return any(sign in text for sign in ("ResourceExhausted", "RESOURCE_EXHAUSTED", "OOM when"))


def halving(compute: Callable[[int], Result], size: int) -> tuple[Result, int]:
    """Compute with a batch size, with half of it when the device has no memory for it, and so on.

    Returns
    -------
    result
        Of `compute`.
    size : int
        With which it came.
    """
    while True:
        try:
            return compute(size), size
        except Exception as error:
            if not is_out_of_memory(error) or size == 1:
                raise
            size //= 2
