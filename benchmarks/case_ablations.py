"""The default recipe without one part of its augmentation, for `benchmarks.cases --without`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from active_cnn.campaign.demo import PRESETS
from active_cnn.campaign.presets import read_preset
from active_cnn.evaluation.calibration import log_odds
from active_cnn.learning import augmentation, batches
from active_cnn.learning.presentation import Labelled
from active_cnn.learning.training import train
from active_cnn.recipes import DEFAULT_RECIPE, RECIPES
from active_cnn.spectra.scaling import Scaling
from benchmarks.case_learners import Learned, Learner, rank_pool
from benchmarks.case_results import WITHOUT
from benchmarks.case_surveys import Search


def _as_it_is(spectra: NDArray[np.float32], *_: object) -> NDArray[np.float32]:
    return spectra


def _nothing_done(*_: object) -> None:
    return None


def _no_noise(shape: tuple[int, int], *_: object) -> NDArray[np.float32]:
    return np.zeros(shape, dtype=np.float32)


def _no_tilt(shape: tuple[int, int], *_: object) -> NDArray[np.float32]:
    return np.ones((shape[0], 1), dtype=np.float32)


# What stands in for each part, module by module; all else stays.
PARTS: Mapping[str, tuple[tuple[Any, str, Any], ...]] = {
    "nothing": (),
    "move": ((augmentation, "_move", _as_it_is),),
    "blur": ((augmentation, "_blur", _as_it_is),),
    "noise": ((augmentation, "_noise", _no_noise),),
    "tilt": ((augmentation, "_tilt", _no_tilt),),
    "spikes": ((augmentation, "_add_spikes", _nothing_done),),
    "dead pixels": ((augmentation, "_dim_pixels", _nothing_done),),
    "planting": ((batches, "PLANTED", 0.0),),
}


@contextmanager
def leave_out(part: str) -> Iterator[None]:
    """Leave a part of the augmentation out, in this process."""
    with ExitStack() as stack:
        for one in PARTS[part]:
            stack.enter_context(patch.object(*one))
        yield


def without(part: str) -> Learner:
    """Give a learner that is the default recipe without a part of its augmentation."""

    def learn(search: Search, labelled: Labelled, seed: int, _epochs: int) -> Learned:
        settings = replace(RECIPES[DEFAULT_RECIPE], seed=seed)
        # As a campaign on the case has its windows scaled.
        method = read_preset(PRESETS[search.case.name]).search.scaling
        scaling = Scaling(search.case.grid, method)
        labelled = replace(labelled, scaling=scaling)
        rng = np.random.default_rng(seed)
        drawn = rng.permutation(len(search.flux))[: settings.background]
        with leave_out(part):
            trained = train(labelled, settings, lambda *_: None, search.flux[drawn])
        targets = np.flatnonzero(labelled.is_target).tolist()

        def rank(windows: NDArray[np.floating]) -> NDArray[np.floating]:
            said = trained.network.predict(windows, batch_size=1024, verbose=0)
            return log_odds(said, targets)

        notes = (*trained.notices, *(alarm.text for alarm in trained.alarms))
        return Learned(rank_pool(search, rank, scaling), notes)

    return learn


ABLATIONS: dict[str, Learner] = {WITHOUT + part: without(part) for part in PARTS}
