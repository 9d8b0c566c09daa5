"""The input pipeline: what a network is shown, batch by batch, the same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import keras
import numpy as np
from numpy.typing import NDArray

from active_cnn.learning.augmentation import Augmentation

# Windows, allowed classes and weights, as Keras takes them.
Batch = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]

# Share of the targets whose line is planted into a spectrum of the pool.
PLANTED = 0.5

# An epoch is at least so many spectra, so that few labels do not make an epoch of two batches.
LEAST_EPOCH = 4096


@dataclass(frozen=True, eq=False)
class Examples:
    """Spectra and what each of them may be called.

    Parameters
    ----------
    spectra : ndarray of float32, shape (n, n_wavelengths)
        In units of the continuum.
    allowed : ndarray of float32, shape (n, n_classes)
        1 for each class that the spectrum may belong to: one for a labelled spectrum, all that
        are no targets for a spectrum of the pool that nobody has looked at.
    is_target : ndarray of bool, shape (n,)
        Whether a line must stay visible.
    noise : ndarray, shape (n, n_windows)
        That they have already, as `noise_level` gives it; infinite where none is to be added.
    weight : ndarray of float32, shape (n,)
        What each counts in the loss.
    """

    spectra: NDArray[np.float32]
    allowed: NDArray[np.float32]
    is_target: NDArray[np.bool_]
    noise: NDArray[np.float64]
    weight: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.spectra)

    def take(self, rows: NDArray[np.integer] | slice) -> Examples:
        """Give some of them, in the order asked."""
        return Examples(*(getattr(self, field.name)[rows] for field in fields(self)))

    def joined(self, others: Examples) -> Examples:
        """Give these and after them others."""
        pairs = ((getattr(self, f.name), getattr(others, f.name)) for f in fields(self))
        return Examples(*(np.concatenate(pair) for pair in pairs))


class PlainBatches(keras.utils.PyDataset):
    """Labelled spectra as they are, each once an epoch, in an order drawn anew.

    Parameters
    ----------
    examples : Examples
        Their spectra are rescaled already.
    batch_size : int
        Spectra a batch; the last one may be smaller.
    seed : int
        The same seed gives the same batches.
    """

    def __init__(self, examples: Examples, batch_size: int, seed: int) -> None:
        super().__init__()
        self._examples, self._batch_size = examples, batch_size
        self._rng = np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        return -(-len(self._examples) // self._batch_size)

    @property
    def n_spectra(self) -> int:
        """Spectra that are shown in an epoch."""
        return len(self._examples)

    def on_epoch_end(self) -> None:
        """Draw the order of the next epoch."""
        self._order = self._rng.permutation(len(self._examples))

    def __getitem__(self, batch: int) -> Batch:
        rows = self._order[batch * self._batch_size : (batch + 1) * self._batch_size]
        shown = self._examples.take(rows)
        return shown.spectra, shown.allowed, shown.weight


class AugmentedBatches(keras.utils.PyDataset):
    """Labelled spectra, and as many of the pool, as the pool's instrument would have taken them.

    Parameters
    ----------
    labelled, background : Examples
        The labelled ones, each of which is shown equally often, and spectra of the pool (or none),
        which make half of each batch.
    augmentation : Augmentation
        What is done to them each time.
    batch_size : int
        Spectra a batch.
    seed : int
        The same seed gives the same batches.
    """

    def __init__(
        self,
        labelled: Examples,
        background: Examples,
        augmentation: Augmentation,
        batch_size: int,
        seed: int,
    ) -> None:
        super().__init__()
        self._labelled, self._background = labelled, background
        self._augmentation = augmentation
        self._seed = seed
        self._n_background = batch_size // 2 if len(background) else 0
        self._n_labelled = batch_size - self._n_background
        self._n = max(len(labelled), LEAST_EPOCH // (2 if len(background) else 1))
        self._epoch = -1
        self._start_epoch()

    def __len__(self) -> int:
        return -(-self._n // self._n_labelled)

    @property
    def n_spectra(self) -> int:
        """Spectra that are shown in an epoch."""
        return len(self) * (self._n_labelled + self._n_background)

    def on_epoch_end(self) -> None:
        """Draw the order of the next epoch."""
        self._start_epoch()

    def _start_epoch(self) -> None:
        self._epoch += 1
        rng = np.random.default_rng([self._seed, self._epoch])
        n_shown = len(self) * self._n_labelled
        rounds = -(-n_shown // len(self._labelled))
        orders = [rng.permutation(len(self._labelled)) for _ in range(rounds)]
        self._order = np.concatenate(orders)[:n_shown]

    def __getitem__(self, batch: int) -> Batch:
        rng = np.random.default_rng([self._seed, self._epoch, batch])
        rows = self._order[batch * self._n_labelled : (batch + 1) * self._n_labelled]
        shown = self._labelled.take(rows)
        if self._n_background:
            if self._augmentation.line is not None:
                shown = self._planted(shown, rng)
            rows = rng.integers(0, len(self._background), self._n_background)
            shown = shown.joined(self._background.take(rows))
        return augmented(shown, self._augmentation, rng)

    def _planted(self, shown: Examples, rng: np.random.Generator) -> Examples:
        is_planted = shown.is_target & (rng.random(len(shown)) < PLANTED)
        rows = rng.integers(0, len(self._background), int(is_planted.sum()))
        spectra, noise = shown.spectra.copy(), shown.noise.copy()
        spectra[is_planted] = self._augmentation.plant(
            shown.spectra[is_planted], self._background.spectra[rows], rng
        )
        noise[is_planted] = np.inf
        return replace(shown, spectra=spectra, noise=noise)


def augmented(examples: Examples, augmentation: Augmentation, rng: np.random.Generator) -> Batch:
    """Give windows as the network sees them, augmented and rescaled, what is allowed, weights."""
    shown = augmentation(examples.spectra, examples.noise, examples.is_target, rng)
    return augmentation.scaling(shown), examples.allowed, examples.weight
