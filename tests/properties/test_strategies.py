"""What every query strategy promises, whichever it is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from active_cnn.errors import AcquisitionError
from active_cnn.learning.predictions import entropy
from active_cnn.query.strategies import STRATEGIES, Predictions, select

each_strategy = pytest.mark.parametrize("name", STRATEGIES)


@st.composite
def questions(draw):
    """Predictions of a pool, the rows that are open, and how many to take."""
    n = draw(st.integers(2, 120))
    n_classes = draw(st.integers(2, 5))
    targets = tuple(draw(st.sets(st.integers(0, n_classes - 1), min_size=1)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    probabilities = rng.dirichlet(np.full(n_classes, 0.5), n).astype(np.float32)
    # A pool has repeated spectra: ties have to be part of every trial.
    probabilities[n // 2 :] = probabilities[0]
    probabilities[0, :] = 0
    probabilities[0, targets[0]] = 1
    labels = probabilities.argmax(axis=1).astype(np.uint8)
    predictions = Predictions(labels, entropy(probabilities), targets)
    rows = np.flatnonzero((rng.random(n) < 0.7) | (np.arange(n) == 0))
    n_targets = int(predictions.is_target[rows].sum())
    return predictions, rows, draw(st.integers(1, n_targets)), draw(st.integers(0, 1000))


def ask(name, predictions, rows, size, seed):
    return STRATEGIES[name](predictions, rows, size, np.random.default_rng(seed))


@each_strategy
@given(question=questions())
def test_as_many_rows_as_asked_for_come_from_the_open_ones_each_once(name, question):
    predictions, rows, size, seed = question
    chosen = ask(name, predictions, rows, size, seed)
    assert chosen.shape == (size,)
    assert np.issubdtype(chosen.dtype, np.integer)
    assert len(set(chosen.tolist())) == size
    assert set(chosen.tolist()) <= set(rows.tolist())


@each_strategy
@given(question=questions())
def test_the_same_seed_gives_the_same_rows(name, question):
    np.testing.assert_array_equal(ask(name, *question), ask(name, *question))


@each_strategy
@given(question=questions())
def test_the_arguments_are_left_unchanged(name, question):
    predictions, rows, size, seed = question
    before = [array.copy() for array in (predictions.labels, predictions.entropy, rows)]
    ask(name, predictions, rows, size, seed)
    after = (predictions.labels, predictions.entropy, rows)
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


@each_strategy
@pytest.mark.parametrize("size", [-1, 0, 11])
def test_more_than_there_is_or_less_than_one_is_refused(name, size):
    predictions = Predictions(np.ones(10, np.uint8), np.zeros(10, np.float32), (1,))
    with pytest.raises(AcquisitionError, match=f"{size} spectra: there are 10"):
        ask(name, predictions, np.arange(10), size, 0)


@each_strategy
def test_equal_predictions_are_drawn_uniformly(name):
    n, size, n_draws = 40, 8, 400
    predictions = Predictions(np.ones(n, np.uint8), np.full(n, 0.5, np.float32), (1,))
    rng = np.random.default_rng(4)
    times = np.zeros(n)
    for _ in range(n_draws):
        times[STRATEGIES[name](predictions, np.arange(n), size, rng)] += 1
    expected = n_draws * size / n
    # Chi squared of 39 degrees of freedom stays below 72.1 in 99.9 % of all trials.
    assert ((times - expected) ** 2 / expected).sum() < 72.1


@given(question=questions())
def test_random_target_takes_predicted_targets_only(question):
    predictions = question[0]
    assert predictions.is_target[ask("random-target", *question)].all()


@given(question=questions())
def test_entropy_takes_the_highest_and_the_highest_first(question):
    predictions, rows, size, _seed = question
    taken = predictions.entropy[ask("entropy", *question)]
    np.testing.assert_array_equal(taken, np.sort(predictions.entropy[rows])[::-1][:size])


@given(
    scores=st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=60),
    seed=st.integers(0, 100),
    share=st.floats(0, 1),
)
@settings(max_examples=60)
def test_select_gives_the_positions_of_the_highest_scores(scores, seed, share):
    scores = np.array(scores, dtype=np.float32)
    size = max(1, round(share * len(scores)))
    chosen = select(scores, size, np.random.default_rng(seed))
    np.testing.assert_array_equal(scores[chosen], np.sort(scores)[::-1][:size])
    assert len(set(chosen.tolist())) == size
