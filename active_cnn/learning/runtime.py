"""What computes a trained network's predictions: an inference runtime, or Keras itself.

Workers that predict with the former never import Keras: they begin at once and stay small.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import CampaignError

# Rows at a time: what passes between the layers must stay in the processor's caches.
CPU_BATCH = 512
EXPORTED = ".xml"  # OpenVINO's own format; its weights lie beside it


class Runtime(Protocol):
    """Computes predictions; may be called from several threads."""

    name: str

    def predict(
        self, windows: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Give what a network says of rescaled windows.

        Returns
        -------
        probabilities : ndarray of float32, shape (n_spectra, n_classes)
        features : ndarray of float32, shape (n_spectra, n_features)
            See `network.with_features`.
        """


class OpenVinoRuntime:
    """OpenVINO on the CPU, one thread for each of those that call.

    Parameters
    ----------
    path : Path
        An exported network.
    n_threads : int
        From how many threads it is called.

    Raises
    ------
    ImportError
        If OpenVINO is not installed.
    RuntimeError
        If it cannot load the network.
    """

    def __init__(self, path: Path, n_threads: int) -> None:
        import openvino

        self.name = f"OpenVINO {openvino.__version__.partition('-')[0]} on CPU"
        # As exact as Keras: without it, some processors would compute with 16 bits.
        options = {
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": n_threads,
            "NUM_STREAMS": str(n_threads),
        }
        core = openvino.Core()
        model = core.read_model(path)
        model.reshape([CPU_BATCH, model.input(0).partial_shape[1].get_length()])
        self._compiled = core.compile_model(model, "CPU", options)
        self._sizes = [one.partial_shape[1].get_length() for one in model.outputs]
        self._mine = threading.local()

    def predict(
        self, windows: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Give probabilities and features of rescaled windows; see `Runtime.predict`."""
        if not hasattr(self._mine, "request"):
            self._mine.request = self._compiled.create_infer_request()
        request: Any = self._mine.request
        probabilities, features = (
            np.empty((len(windows), size), dtype=np.float32) for size in self._sizes
        )
        for start in range(0, len(windows), CPU_BATCH):
            batch = windows[start : start + CPU_BATCH]
            n = len(batch)
            if n < CPU_BATCH:  # the same batch each time, so that no row depends on how many follow
                batch = np.pad(batch, ((0, CPU_BATCH - n), (0, 0)))
            request.infer([batch], share_inputs=True)
            probabilities[start : start + n] = request.get_output_tensor(0).data[:n]
            features[start : start + n] = request.get_output_tensor(1).data[:n]
        return probabilities, features


def load_runtime(path: Path, n_threads: int) -> Runtime:
    """Load an exported network, or a saved one of Keras.

    Raises
    ------
    CampaignError
        If it cannot be loaded.
    """
    if path.suffix != EXPORTED:
        from active_cnn.learning.keras_runtime import KerasRuntime
        from active_cnn.learning.network import load_network

        return KerasRuntime(load_network(path))
    try:
        return OpenVinoRuntime(path, n_threads)
    except (ImportError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise CampaignError(
            f"Cannot load the exported network {path}: {reason}. Is OpenVINO installed, and the "
            "folder the same for all workers?"
        ) from error
