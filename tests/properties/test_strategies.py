"""What every query strategy promises, whichever it is, and what each promises by itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from active_cnn.errors import AcquisitionError
from active_cnn.query.direct import find_border
from active_cnn.query.mixture import apportion
from active_cnn.query.scored import Scored
from active_cnn.query.selection import select
from active_cnn.query.similar import similarity
from active_cnn.query.strategies import PLAIN, STRATEGIES, find_strategy, mix

each_strategy = pytest.mark.parametrize("name", STRATEGIES)


class Vectors:
    """Features in memory."""

    def __init__(self, vectors):
        self.vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def take(self, rows):
        return self.vectors[rows].astype(np.float32)

    def chunks(self, size):
        for start in range(0, len(self.vectors), size):
            rows = slice(start, min(start + size, len(self.vectors)))
            yield rows, self.vectors[rows].astype(np.float32)


@st.composite
def questions(draw):
    """A predicted pool with answers, the rows that are open, and how many to take."""
    n = draw(st.integers(4, 90))
    n_classes = draw(st.integers(2, 5))
    targets = tuple(sorted(draw(st.sets(st.integers(0, n_classes - 1), min_size=1))))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    probabilities = rng.dirichlet(np.full(n_classes, 0.5), n).astype(np.float32)
    # A pool has repeated spectra: ties have to be part of every trial.
    probabilities[n // 2 :] = probabilities[0]
    probabilities[0, :] = 0
    probabilities[0, targets[0]] = 1
    answered = rng.permutation(np.arange(1, n))[: n // 4]
    answers = rng.integers(0, n_classes, len(answered))
    if len(answered):
        answers[0] = targets[0]
    else:
        answered, answers = np.array([n - 1]), np.array([targets[0]])
    features = Vectors(rng.normal(size=(n, 6)) + 0.01)
    scored = Scored(probabilities, targets, answered, answers, features)
    open_rows = np.setdiff1d(np.arange(n), answered)
    rows = open_rows[(rng.random(len(open_rows)) < 0.8) | (open_rows == 0)]
    n_targets = int(scored.is_target[rows].sum())
    return scored, rows, draw(st.integers(1, n_targets)), draw(st.integers(0, 1000))


def ask(name, scored, rows, size, seed):
    return find_strategy(name)(scored, rows, size, np.random.default_rng(seed))


@each_strategy
@given(question=questions())
@settings(max_examples=25, deadline=None)
def test_as_many_open_rows_as_asked_for_each_once_with_finite_scores(name, question):
    scored, rows, size, seed = question
    choice = ask(name, scored, rows, size, seed)
    assert choice.rows.shape == choice.scores.shape == (size,)
    assert np.issubdtype(choice.rows.dtype, np.integer)
    assert len(set(choice.rows.tolist())) == size == len(choice.chosen_by)
    assert set(choice.rows.tolist()) <= set(rows.tolist())
    by_chance = np.isin(choice.chosen_by, ["random", "random-target"])
    assert np.isfinite(choice.scores[~by_chance]).all()
    assert np.isnan(choice.scores[by_chance]).all()


@each_strategy
@given(question=questions())
@settings(max_examples=10, deadline=None)
def test_the_same_seed_gives_the_same_rows_and_leaves_everything_as_it_was(name, question):
    scored, rows, size, seed = question
    before = [one.copy() for one in (scored.probabilities, scored.answered, scored.answers, rows)]
    first, second = ask(name, *question), ask(name, *question)
    np.testing.assert_array_equal(first.rows, second.rows)
    after = (scored.probabilities, scored.answered, scored.answers, rows)
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


def equal(n):
    """A pool in which the network says the same of every spectrum, with one confirmed target."""
    probabilities = np.tile(np.float32([0.4, 0.6]), (n, 1))
    features = Vectors(np.random.default_rng(0).normal(size=(n, 4)))
    return Scored(probabilities, (1,), np.array([n - 1]), np.array([1]), features)


@each_strategy
@pytest.mark.parametrize("size", [-1, 0, 11])
def test_more_than_there_is_or_less_than_one_is_refused(name, size):
    with pytest.raises(AcquisitionError, match=f"{size} spectra: there are 10"):
        ask(name, equal(11), np.arange(10), size, 0)


@pytest.mark.parametrize("name", sorted(set(PLAIN) - {"similar"}))
def test_equal_predictions_are_drawn_uniformly(name):
    n, size, n_draws = 40, 8, 300
    scored = equal(n + 1)
    rng = np.random.default_rng(4)
    times = np.zeros(n)
    for _ in range(n_draws):
        times[PLAIN[name](scored, np.arange(n), size, rng).rows] += 1
    expected = n_draws * size / n
    # Chi squared of 39 degrees of freedom stays below 72.1 in 99.9 % of all trials.
    assert ((times - expected) ** 2 / expected).sum() < 72.1


def test_what_compares_spectra_says_that_features_are_missing():
    scored = equal(20)
    without = Scored(scored.probabilities, scored.targets, scored.answered, scored.answers)
    with pytest.raises(AcquisitionError, match="none were kept of this iteration. Train it again"):
        ask("similar", without, np.arange(10), 3, 0)


def test_similar_says_that_nothing_has_been_confirmed():
    scored = equal(20)
    nobody = Scored(scored.probabilities, scored.targets, features=scored.features)
    with pytest.raises(AcquisitionError, match="none has been confirmed"):
        ask("similar", nobody, np.arange(10), 3, 0)


def test_an_unknown_strategy_is_refused_with_those_that_there_are():
    with pytest.raises(AcquisitionError, match="'magic'. Choose one of mixed, random"):
        find_strategy("magic")


# each by itself

PROBABILITIES = np.float32(
    [[0.98, 0.01, 0.01], [0.5, 0.49, 0.01], [0.4, 0.3, 0.3], [0.1, 0.2, 0.7], [0.02, 0.9, 0.08]]
)


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("entropy", [2, 3, 1, 4, 0]),
        ("margin", [1, 2, 3, 4, 0]),
        ("greedy", [4, 3, 2, 1, 0]),
    ],
)
def test_scores_order_spectra_as_their_papers_define_them(name, order):
    scored = Scored(PROBABILITIES, (1, 2))
    assert ask(name, scored, np.arange(5), 5, 0).rows.tolist() == order


def test_entropy_is_that_of_shannon():
    found = ask("entropy", Scored(PROBABILITIES, (1,)), np.arange(5), 1, 0)
    p = np.array([0.4, 0.3, 0.3])
    assert found.scores[0] == pytest.approx(-(p * np.log(p)).sum(), rel=1e-6)


@given(question=questions())
@settings(max_examples=25, deadline=None)
def test_random_target_takes_predicted_targets_only(question):
    assert question[0].is_target[ask("random-target", *question).rows].all()


def test_direct_finds_the_border_with_the_most_agreement():
    scores = np.array([-0.9, -0.5, 0.1, 0.2, 0.6, 0.8])
    is_one = np.array([False, False, False, True, True, True])
    low, best, high = find_border(scores, is_one)
    assert (low, high) == (0.1, 0.2)
    assert best == pytest.approx(0.15)
    wrong = is_one.copy()
    wrong[0] = True  # one wrong label moves nothing
    assert find_border(scores, wrong) == (low, best, high)


@pytest.mark.parametrize(("said", "expected"), [([], (-1, 0, 1)), ([True], (-1, 0, 0.5))])
def test_without_answers_of_both_kinds_the_border_is_the_network_s_own(said, expected):
    found = find_border(np.full(len(said), 0.5), np.array(said, dtype=bool))
    assert found == pytest.approx(expected)


def test_direct_asks_on_both_sides_of_the_border():
    p = np.linspace(0.001, 0.999, 1000)
    probabilities = np.column_stack([1 - p, p]).astype(np.float32)
    answered = np.array([100, 600, 790, 810, 900])
    scored = Scored(probabilities, (1,), answered, np.array([0, 0, 0, 1, 1]))
    rows = np.setdiff1d(np.arange(1000), answered)
    chosen = ask("direct", scored, rows, 20, 0).rows
    assert 770 <= chosen.min() < 800 <= chosen.max() <= 830
    assert abs((chosen < 800).sum() - 10) <= 2


def test_similar_is_exact():
    rng = np.random.default_rng(3)
    features = Vectors(rng.normal(size=(500, 8)))
    probabilities = np.tile(np.float32([0.9, 0.1]), (500, 1))
    answered = np.array([10, 20, 30])
    scored = Scored(probabilities, (1,), answered, np.array([1, 0, 1]), features)
    rows = np.setdiff1d(np.arange(500), answered)
    cosine = (features.vectors[rows] @ features.vectors[[10, 30]].T).max(axis=1)
    expected = rows[np.argsort(-cosine)[:12]]
    np.testing.assert_array_equal(ask("similar", scored, rows, 12, 0).rows, expected)
    nearness = similarity(features, features.take(np.array([10])), 500)
    assert nearness[10] == pytest.approx(1, abs=1e-6)


def test_a_mixture_has_its_shares_and_gives_away_what_a_part_cannot_fill():
    scored, rows = equal(100), np.arange(99)
    found = mix({"entropy": 3, "random": 1})(scored, rows, 20, np.random.default_rng(0))
    assert [found.chosen_by.count(name) for name in ("entropy", "random")] == [15, 5]
    nobody = Scored(scored.probabilities, scored.targets)
    found = mix({"similar": 1, "random": 1})(nobody, rows, 20, np.random.default_rng(0))
    assert set(found.chosen_by) == {"random"}
    assert len(set(found.rows.tolist())) == 20


@pytest.mark.parametrize("shares", [{}, {"random": 0}, {"random": -1}, {"random": np.nan}])
def test_shares_that_make_no_mixture_are_refused(shares):
    with pytest.raises(AcquisitionError, match="share"):
        mix(shares)
    with pytest.raises(AcquisitionError, match="no strategy 'luck'"):
        mix({"luck": 1})


@given(
    shares=st.lists(st.floats(0.01, 1), min_size=1, max_size=6),
    size=st.integers(1, 500),
)
def test_apportioned_numbers_add_up_and_are_within_one_of_their_quota(shares, size):
    total = sum(shares)
    quotas = {str(n): share / total for n, share in enumerate(shares)}
    sizes = apportion(quotas, size)
    assert sum(sizes.values()) == size
    assert all(abs(sizes[name] - quota * size) < 1 + 1e-9 for name, quota in quotas.items())


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
