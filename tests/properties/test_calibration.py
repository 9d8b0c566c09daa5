"""What calibration promises, whatever was predicted."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from active_cnn.evaluation.calibration import apply_temperature, fit_isotonic, fit_temperature
from active_cnn.evaluation.reliability import (
    expected_calibration_error,
    measure_reliability,
    reliability,
)


@st.composite
def predictions(draw):
    """Probabilities of 2 to 5 classes, some of them exactly 0 and 1, with true classes."""
    n, n_classes = draw(st.integers(4, 150)), draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    probabilities = rng.dirichlet(np.full(n_classes, draw(st.sampled_from([0.05, 0.5, 3]))), n)
    probabilities[0] = np.eye(n_classes)[0]
    return probabilities.astype(np.float32), rng.integers(n_classes, size=n)


confidences = st.floats(0, 1, width=32)
outcomes = st.lists(st.tuples(confidences, st.booleans()), min_size=1, max_size=150).map(
    lambda pairs: (np.array([c for c, _ in pairs]), np.array([r for _, r in pairs]))
)


@given(predictions(), st.floats(0.05, 100))
def test_a_temperature_keeps_the_order_of_the_classes(predicted, temperature):
    probabilities, _ = predicted
    scaled = apply_temperature(probabilities, temperature)
    np.testing.assert_allclose(scaled.sum(axis=1), 1)
    np.testing.assert_array_equal(scaled.argmax(axis=1), probabilities.argmax(axis=1))
    risen = np.take_along_axis(scaled, probabilities.argsort(axis=1), axis=1)
    assert (np.diff(risen) >= -1e-12).all()


@settings(max_examples=50, deadline=None)
@given(predictions())
def test_no_temperature_is_likelier_than_the_one_that_was_fitted(predicted):
    probabilities, labels = predicted

    def loss(temperature):
        scaled = apply_temperature(probabilities, temperature)
        return -np.log(scaled[np.arange(len(labels)), labels]).mean()

    best = loss(fit_temperature(probabilities, labels))
    assert all(best <= loss(one) + 1e-6 for one in np.geomspace(0.05, 100, 30))


@given(outcomes)
def test_an_isotonic_curve_rises_and_is_never_certain(judged):
    curve = fit_isotonic(*judged)
    found = curve.p_right(np.linspace(0, 1, 101)[:, None])
    assert (np.diff(found) >= -1e-12).all()
    assert 0 < found.min() <= found.max() < 1


@settings(deadline=None)
@given(outcomes, st.integers(1, 20))
def test_the_error_lies_within_0_and_1_and_is_that_of_the_diagram(judged, n_bins):
    error = expected_calibration_error(*judged, n_bins)
    bins = reliability(*judged, n_bins)
    n = sum(one.n for one in bins)
    assert n == len(judged[0])
    assert 0 <= error <= 1
    assert error == pytest.approx(sum(one.n * abs(one.share - one.confidence) for one in bins) / n)
    assert sum(one.n_right for one in bins) == judged[1].sum()


# Each trial does 20 fits.
@settings(max_examples=25, deadline=None)
@given(predictions(), st.integers(0, 100))
def test_whatever_is_predicted_can_be_measured_and_repeated(predicted, seed):
    first, second = (measure_reliability(*predicted, np.random.default_rng(seed)) for _ in range(2))
    assume(first.calibration is not None)
    assert first.after == second.after
    assert 0 <= first.error_after <= 1
    p_right = first.calibration.p_right(predicted[0])
    assert p_right.shape == predicted[1].shape
    assert ((p_right >= 0) & (p_right <= 1)).all()
