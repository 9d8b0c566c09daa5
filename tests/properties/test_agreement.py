"""What every measure of agreement promises, whoever said what."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import fleiss_kappa

from active_cnn.evaluation.agreement import overall_agreement, pairwise_agreement
from active_cnn.evaluation.consensus import consensus, disagreements
from active_cnn.records import Resolution

CLASSES = ("a", "b", "c")
ORACLES = ("ann", "ben", "cleo", "dan", "eve")

names = st.sampled_from(CLASSES)
judgements = st.dictionaries(st.sampled_from(ORACLES), names)
opinions_of_all = st.dictionaries(st.text("0123456789", min_size=1, max_size=3), judgements)


def measure(opinions, classes=CLASSES):
    return overall_agreement(opinions, classes, np.random.default_rng(0), n_resamples=50)


@given(opinions=opinions_of_all)
@settings(deadline=None)
def test_kappas_and_their_intervals_are_possible_or_undefined(opinions):
    for found in (measure(opinions), *pairwise_agreement(opinions, CLASSES)):
        for value in (found.kappa, found.low, found.high):
            assert math.isnan(value) or -1 - 1e-9 <= value <= 1 + 1e-9
        assert math.isnan(found.low) == math.isnan(found.high)
    for pair in pairwise_agreement(opinions, CLASSES):
        assert math.isnan(pair.kappa) or pair.low <= pair.kappa <= pair.high


@given(opinions=opinions_of_all)
@settings(deadline=None)
def test_pairs_count_every_shared_spectrum_once(opinions):
    pairs = pairwise_agreement(opinions, CLASSES)
    n_people = [len(judged) for judged in opinions.values()]
    assert sum(pair.n_shared for pair in pairs) == sum(n * (n - 1) // 2 for n in n_people)
    assert [(p.first, p.second) for p in pairs] == sorted({(p.first, p.second) for p in pairs})
    for pair in pairs:
        assert pair.confusion.sum() == pair.n_shared
        assert pair.confusion.trace() == pair.n_agree
        assert pair.agreement == pair.n_agree / pair.n_shared


@given(opinions=opinions_of_all, classes=st.permutations(CLASSES))
@settings(deadline=None)
def test_the_order_of_spectra_and_people_changes_nothing(opinions, classes):
    turned = {
        identifier: dict(reversed(judged.items()))
        for identifier, judged in reversed(opinions.items())
    }
    assert repr(measure(turned)) == repr(measure(opinions))
    kappas = [pair.kappa for pair in pairwise_agreement(turned, classes)]
    expected = [pair.kappa for pair in pairwise_agreement(opinions, CLASSES)]
    assert kappas == pytest.approx(expected, nan_ok=True)


@given(spectra=st.lists(st.lists(names, min_size=4, max_size=4), min_size=1, max_size=20))
def test_with_equal_numbers_it_is_the_kappa_of_fleiss(spectra):
    assume(len({name for said in spectra for name in said}) > 1)
    opinions = {str(i): dict(zip(ORACLES, said, strict=False)) for i, said in enumerate(spectra)}
    counts = [[said.count(name) for name in CLASSES] for said in spectra]
    assert measure(opinions).kappa == pytest.approx(fleiss_kappa(counts), abs=1e-12)


@given(opinions=opinions_of_all)
def test_kappa_is_one_less_the_share_of_differing_pairs_over_that_of_chance(opinions):
    # Each spectrum weighs as much as it has people beyond the first.
    several = [list(judged.values()) for judged in opinions.values() if len(judged) > 1]
    said = [name for given_names in several for name in given_names]
    assume(len(set(said)) > 1)
    observed = sum(
        (len(given_names) - 1) * np.mean([x != y for x, y in combinations(given_names, 2)])
        for given_names in several
    ) / sum(len(given_names) - 1 for given_names in several)
    chance = np.mean([x != y for x in said for y in said])
    assert measure(opinions).kappa == pytest.approx(1 - observed / chance, abs=1e-12)


@given(judged=judgements)
def test_a_stricter_rule_never_names_another_class(judged):
    unanimous = consensus(judged, Resolution.UNANIMOUS)
    majority = consensus(judged, Resolution.MAJORITY)
    latest = consensus(judged, Resolution.LATEST)
    assert unanimous in (None, majority)
    assert unanimous in (None, latest)
    assert (latest is None) == (not judged)
    assert {unanimous, majority, latest} <= {None, *judged.values()}


@given(opinions=opinions_of_all)
def test_disagreements_are_the_spectra_without_unanimity_each_once(opinions):
    found = disagreements(opinions)
    assert len(found) == len(set(found))
    assert set(found) == {
        identifier
        for identifier, judged in opinions.items()
        if judged and consensus(judged, Resolution.UNANIMOUS) is None
    }
