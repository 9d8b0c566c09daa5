"""Fill up the smaller classes of a training set with synthetic spectra."""

from __future__ import annotations

import numpy as np
from imblearn.over_sampling import SMOTE
from numpy.typing import NDArray

from active_cnn.errors import CampaignError

K_NEIGHBOURS = 5


def balance(
    windows: NDArray[np.float32], labels: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.int64], dict[int, int]]:
    """Bring all classes to the size of the largest with SMOTE.

    Parameters
    ----------
    windows : ndarray of float32, shape (n_spectra, n_wavelengths)
        Rescaled windows; each class that occurs needs two at least.
    labels : ndarray of int, shape (n_spectra,)
        Class of each.
    rng : numpy.random.Generator
        Gives the seed of the synthesis.

    Returns
    -------
    windows : ndarray of float32, shape (n_balanced, n_wavelengths)
        The given windows first, the synthetic ones after them.
    labels : ndarray of int, shape (n_balanced,)
    reduced : dict of int to int
        Number of neighbours by class, where a small class allows fewer than `K_NEIGHBOURS`.

    Raises
    ------
    CampaignError
        If a class has a single member: nothing lies between one spectrum.

    References
    ----------
    Chawla et al. (2002), JAIR, 16, 321.
    """
    classes, counts = np.unique(labels, return_counts=True)
    if counts.min() < 2:
        raise CampaignError(
            f"Class {int(classes[counts.argmin()])} has {counts.min()} spectrum: SMOTE needs two. "
            "Label more spectra of it, or train without balancing."
        )
    largest = int(counts.max())
    reduced = {}
    synthetic_windows, synthetic_labels = [windows], [labels]
    for label, count in zip(classes, counts, strict=True):
        if count == largest:
            continue
        k = min(K_NEIGHBOURS, int(count) - 1)
        if k < K_NEIGHBOURS:
            reduced[int(label)] = k
        # SMOTE wants a second class beside the one that it fills up; one member is enough.
        members = np.concatenate([windows[labels == label], windows[labels != label][:1]])
        marks = np.arange(len(members)) < count
        smote = SMOTE(
            sampling_strategy={True: largest},
            k_neighbors=k,
            random_state=int(rng.integers(2**32, dtype=np.uint64)),
        )
        filled, _ = smote.fit_resample(members, marks)
        new = filled[len(members) :].astype(np.float32)
        synthetic_windows.append(new)
        synthetic_labels.append(np.full(len(new), label))
    return np.concatenate(synthetic_windows), np.concatenate(synthetic_labels), reduced
