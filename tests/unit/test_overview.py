"""Read-only views of a campaign: what comes next, what joins, one spectrum in full."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from active_cnn.campaign.campaign import close_iteration, record_answer
from active_cnn.campaign.files import open_pool, spectrum_file
from active_cnn.campaign.overview import (
    Step,
    epochs_to_patience,
    joining_answers,
    next_step,
    predicted_gallery,
    prepare_file,
    read_whole,
    snr_histogram,
    training_gallery,
    view_spectra,
)
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.sampling import draw_performance_sample
from active_cnn.campaign.training_data import read_initial_set
from active_cnn.errors import SpectrumError
from active_cnn.recipes import RECIPES, TrainingSettings
from active_cnn.spectra.resolving_power import AS_IS, PoolResolution
from active_cnn.spectra.scaling import Scaling


def answer_all(store, query, answer):
    for item in query.items:
        record_answer(store, query, item.identifier, answer, oracle="tester")


def test_the_loop_leads_from_step_to_step(store, campaign, score):
    assert next_step(store, campaign) is Step.TRAIN
    score()
    assert next_step(store, campaign) is Step.MEASURE
    answer_all(store, draw_performance_sample(store, campaign, 2), "emission")
    assert next_step(store, campaign) is Step.RELABEL
    answer_all(store, draw_relabel_query(store, campaign, size=3), "noise")
    assert next_step(store, campaign) is Step.GO_ON
    close_iteration(store, campaign)
    assert next_step(store, campaign) is Step.TRAIN


def test_only_new_and_changed_answers_join(store, campaign, score):
    score()
    query = draw_relabel_query(store, campaign, size=3)
    answer_all(store, query, "emission")
    assert joining_answers(store, campaign)["emission"] == 3
    close_iteration(store, campaign)
    assert sum(joining_answers(store, campaign).values()) == 0
    record_answer(store, query, query.items[0].identifier, "noise", oracle="tester")
    assert joining_answers(store, campaign)["noise"] == 1


@pytest.mark.parametrize(
    ("losses", "left"),
    [
        ([], 10),
        ([1.0, 0.5, 0.4], 10),
        ([1.0, 0.5, 0.4999, 0.4995], 8),
        # Not better than the best by min_delta, epoch by epoch: no improvement at all.
        ([0.5, 0.4995, 0.499, 0.4991], 7),
        ([1.0] * 20, 0),
    ],
)
def test_the_patience_that_is_left_counts_from_the_last_improvement(losses, left):
    assert epochs_to_patience(losses, RECIPES["notebook"]) == left


def test_with_a_cosine_no_patience_is_lost_while_the_rate_is_high():
    settings = TrainingSettings(patience=10, max_epochs=40)
    assert epochs_to_patience([], settings) == 30
    assert epochs_to_patience([0.1] + [1.0] * 18, settings) == 11
    assert epochs_to_patience([0.1] + [1.0] * 22, settings) == 8
    assert TrainingSettings(patience=10, max_epochs=3).unwatched_epochs == 1


def test_the_histogram_counts_every_usable_spectrum(store, campaign):
    histogram = snr_histogram(store, campaign)
    assert histogram.counts.sum() + histogram.n_unknown == 298
    assert (np.diff(histogram.edges) > 0).all()


def test_galleries_are_seeded_and_of_their_class(store, campaign, score):
    score()
    training = read_initial_set(store, campaign)
    first = training_gallery(training, "emission", 4, seed=1)
    assert first.identifiers == training_gallery(training, "emission", 4, seed=1).identifiers
    assert first.n_in_class == training.labels.count("emission")
    shown = predicted_gallery(store, campaign, 0, "double-peak", 100, seed=1)
    assert len(shown.identifiers) == shown.n_in_class
    assert shown.windows.shape == (shown.n_in_class, campaign.grid.n)


def test_an_unusable_spectrum_has_no_window(store, campaign):
    names = open_pool(store, campaign).identifiers([7, 8])
    flat, usable = view_spectra(store, campaign, names)
    assert flat.window is None
    assert usable.window is not None
    assert usable.metadata["snr_r"] > 0


def test_a_spectrum_without_a_file_says_so(store, campaign):
    with pytest.raises(SpectrumError, match="is not named in the pool"):
        spectrum_file(store, campaign, "")


def test_a_missing_file_is_named():
    with pytest.raises(SpectrumError, match=r"/nowhere/a\.fits cannot be shown"):
        read_whole("/nowhere/a.fits")


def test_preparing_a_real_file_says_what_was_done(real_spectra: Path):
    path = next(p for p in sorted(real_spectra.rglob("*.fits*")) if "ondrejov" in str(p).lower())
    prepared = prepare_file(path, Scaling(), PoolResolution(1800.0))
    assert prepared.window.min() == -1
    assert prepared.window.max() == 1
    assert "from standard air to vacuum" in prepared.steps[0]
    assert prepared.steps[1] == "Resolution: R = 13000 brought to R = 1800 with a Gaussian."
    as_is = prepare_file(path, Scaling(), AS_IS)
    assert as_is.steps[1] == "Resolution: R = 13000, kept."
    assert np.abs(np.diff(as_is.window)).sum() > np.abs(np.diff(prepared.window)).sum()
    blurrier = prepare_file(path, Scaling(), PoolResolution(20_000.0))
    assert blurrier.steps[1] == "Resolution: R = 13000, kept, blurrier than the pool (R = 20000)."
