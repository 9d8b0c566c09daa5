"""The networks: build, save and load; Keras alone, so that any of its backends serves."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from textwrap import shorten
from typing import Any

import keras
from keras import layers

from active_cnn.errors import CampaignError
from active_cnn.spectra.pool_file import publish


def build_paper_network(n_wavelengths: int, n_classes: int) -> keras.Model:
    """Build the network of Škoda, Podsztavek & Tvrdík (2020), A&A, 643, A122.

    Three blocks of two convolutions and a pooling, then two dense layers with dropout.
    For 140 wavelengths and 3 classes it has 2 481 731 parameters.

    Parameters
    ----------
    n_wavelengths : int
        Length of a window.
    n_classes : int
        Number of outputs.

    Returns
    -------
    keras.Model
        From windows of shape (n, n_wavelengths) to probabilities of shape (n, n_classes).
    """
    inputs = keras.Input((n_wavelengths,))
    x = layers.Reshape((n_wavelengths, 1))(inputs)
    for filters in (64, 128, 256):
        x = layers.Conv1D(filters, 3, activation="relu")(x)
        x = layers.Conv1D(filters, 3, activation="relu")(x)
        x = layers.MaxPooling1D(2)(x)  # (n, 68, 64), (n, 32, 128), (n, 14, 256)
    x = layers.Flatten()(x)  # (n, 3584)
    for _ in range(2):
        x = layers.Dense(512, activation="relu")(x)
        x = layers.Dropout(0.5)(x)
    return _with_outputs(inputs, x, n_classes, "paper")


# Positions that the first convolution of the compact network leaves of a window, at most.
MOST_POSITIONS = 80

# Weight of what batches before had, in the means that are used outside training. With the usual
# 0.99 the held-out loss says for hundreds of steps what the network was at its beginning.
MEMORY = 0.9


def build_compact_network(n_wavelengths: int, n_classes: int) -> keras.Model:
    """Build a network that is small enough for a laptop's processor.

    Three convolutions, each of which halves the number of pixels, and a dense layer that sees
    where in the window everything lies: pooled over the window, a spike anywhere would look like
    the line. For 140 wavelengths and 3 classes it has 64 723 parameters.

    In a window of more than twice `MOST_POSITIONS` wavelengths the first convolution takes longer
    steps, and is as much wider: what follows has the same work whatever the window, and the same
    number of weights, so that one learning rate suits all of them. Such a window is brought to
    mean 0 and variance 1 first: a single spike would otherwise rule the scale of thousands of
    pixels.

    Parameters
    ----------
    n_wavelengths : int
        Length of a window.
    n_classes : int
        Number of outputs.

    Returns
    -------
    keras.Model
        From windows of shape (n, n_wavelengths) to probabilities of shape (n, n_classes).
    """
    x = inputs = keras.Input((n_wavelengths,))
    step = max(2, -(-n_wavelengths // MOST_POSITIONS))
    if step > 2:
        x = layers.LayerNormalization(center=False, scale=False)(x)
    x = layers.Reshape((n_wavelengths, 1))(x)
    for filters, width, stride in ((16, 2 * step + 1, step), (32, 5, 2), (64, 3, 2)):
        x = layers.Conv1D(filters, width, strides=stride, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=MEMORY)(x)
        x = layers.ReLU()(x)  # (n, 70, 16), (n, 35, 32), (n, 18, 64)
    x = layers.Flatten()(x)  # (n, 1152)
    x = layers.Dropout(0.2)(x)
    x = layers.Dense(48, activation="relu")(x)
    return _with_outputs(inputs, x, n_classes, "compact")


def _with_outputs(inputs: Any, features: Any, n_classes: int, name: str) -> keras.Model:
    # The softmax is a layer of its own, so that the logits can be had without it.
    probabilities = layers.Softmax()(layers.Dense(n_classes)(features))
    return keras.Model(inputs, probabilities, name=name)


MOST_FEATURES = 64

# What Keras raises for a file that is damaged, or that holds code or objects of others.
_REFUSALS = (
    AttributeError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
)

NETWORKS: dict[str, Callable[[int, int], keras.Model]] = {
    "compact": build_compact_network,
    "paper": build_paper_network,
}


def build_network(name: str, n_wavelengths: int, n_classes: int) -> keras.Model:
    """Build a network of `NETWORKS` by its name.

    Raises
    ------
    CampaignError
        If there is none of that name.
    """
    if name not in NETWORKS:
        raise CampaignError(f"There is no network {name!r}. Choose one of {', '.join(NETWORKS)}.")
    return NETWORKS[name](n_wavelengths, n_classes)


def with_logits(network: keras.Model) -> keras.Model:
    """Give a network of `build_network` without its softmax; both have the same weights.

    Returns
    -------
    keras.Model
        From windows to logits of shape (n, n_classes).
    """
    return keras.Model(network.input, network.layers[-1].input)


def with_features(network: keras.Model) -> keras.Model:
    """Give a network that tells its features besides its probabilities.

    The features are what goes into its last dense layer. More than `MOST_FEATURES` of them are
    projected onto so many random directions, which keeps the angles between them (Johnson &
    Lindenstrauss, 1984, Contemp. Math., 26, 189).

    Returns
    -------
    keras.Model
        From windows to probabilities of shape (n, n_classes) and features of shape
        (n, n_features).
    """
    # Networks of earlier versions have no layer behind that one: their softmax is within it.
    last = next(one for one in reversed(network.layers) if isinstance(one, layers.Dense))
    features = last.input
    if features.shape[-1] > MOST_FEATURES:
        directions = keras.initializers.RandomNormal(seed=0)
        features = layers.Dense(
            MOST_FEATURES, use_bias=False, kernel_initializer=directions, name="features"
        )(features)
    return keras.Model(network.input, [network.output, features])


def save_network(network: keras.Model, path: Path) -> None:
    """Save a network so that `path` either holds all of it or does not exist.

    Raises
    ------
    CampaignError
        If it cannot be written.
    """
    unfinished = path.with_name(f"unfinished-{path.name}")
    try:
        network.save(unfinished)
        publish(unfinished, path)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise CampaignError(
            f"Cannot write the network {path}: {error.strerror or error}. "
            "See whether the disk has room and the folder can be written to, then restart."
        ) from error


def load_network(path: Path) -> keras.Model:
    """Load a saved network; code inside the file is never run.

    Raises
    ------
    CampaignError
        If the file is missing or is not a saved network.
    """
    # Keras would take folders and older formats too, which we never write.
    if not zipfile.is_zipfile(path):
        what = "it is not a Keras file" if path.exists() else "it does not exist"
        raise CampaignError(f"Cannot load the network {path}: {what}. Train the iteration again.")
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except _REFUSALS as error:
        reason = shorten(str(error), 160, placeholder="…") or type(error).__name__
        raise CampaignError(
            f"Cannot load the network {path}: {reason}. Train the iteration again."
        ) from error
