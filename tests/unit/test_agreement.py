"""How far people agree: kappa of pairs and of all, consensus, disagreements."""

import math

import numpy as np
import pytest
from statsmodels.stats.inter_rater import fleiss_kappa

from active_cnn.errors import CampaignError
from active_cnn.evaluation.agreement import (
    overall_agreement,
    pairwise_agreement,
    self_agreement,
)
from active_cnn.evaluation.consensus import consensus, disagreements
from active_cnn.records import Resolution

CLASSES = ("emission", "double-peak", "absorption")
E, D, A = CLASSES

# Fleiss (1971), table 1: 30 patients; how many of six psychiatrists gave each of five diagnoses.
FLEISS_1971 = """
00060 03003 01401 00006 03030 20400 00402 20310 20040 00006
10050 11040 03300 10050 02031 00501 30012 51000 02040 10203
00006 01050 02013 20040 10041 05010 40002 02040 10500 00006
"""

# Fleiss, Levin & Paik (2003), page 612: judges of each of 25 subjects, and how many said yes.
JUDGES = [2, 2, 3, 4, 3, 4, 3, 5, 2, 4, 5, 3, 4, 4, 2, 2, 3, 2, 4, 5, 3, 4, 3, 3, 2]
POSITIVE = [2, 0, 2, 3, 3, 1, 0, 0, 0, 4, 5, 3, 4, 3, 0, 2, 1, 1, 1, 4, 2, 0, 0, 3, 2]


def as_opinions(counts):
    """Opinions that give these numbers of judgements, spectrum by class."""
    opinions = {}
    for number, row in enumerate(counts):
        names = [str(position) for position, n in enumerate(row) for _ in range(n)]
        opinions[f"spectrum-{number}"] = {f"oracle-{i}": name for i, name in enumerate(names)}
    return opinions


def as_pair(table):
    """Opinions of two people that give this confusion matrix."""
    cells = [cell for cell in np.ndindex(table.shape) for _ in range(table[cell])]
    return {
        f"spectrum-{number}": {"ann": CLASSES[row], "ben": CLASSES[column]}
        for number, (row, column) in enumerate(cells)
    }


def measure(opinions, classes=CLASSES, seed=0, **options):
    return overall_agreement(opinions, classes, np.random.default_rng(seed), **options)


def test_a_pair_has_the_kappa_of_the_published_example():
    # Fleiss, Cohen & Everitt (1969): 200 cases, kappa .429, variance .002885.
    table = np.array([[106, 10, 4], [22, 28, 10], [2, 12, 6]])
    (pair,) = pairwise_agreement(as_pair(table), CLASSES)
    assert (pair.first, pair.second, pair.n_shared, pair.n_agree) == ("ann", "ben", 200, 140)
    assert pair.agreement == pytest.approx(0.7)
    assert pair.kappa == pytest.approx(0.429, abs=5e-4)
    assert (pair.high - pair.low) / 2 == pytest.approx(1.95996 * math.sqrt(0.002885), rel=1e-4)
    assert (pair.low + pair.high) / 2 == pytest.approx(pair.kappa)
    np.testing.assert_array_equal(pair.confusion, table)


def test_the_confusion_matrix_has_the_first_person_in_its_rows():
    (pair,) = pairwise_agreement({"s1": {"zoe": E, "ann": A}, "s2": {"ann": D, "zoe": D}}, CLASSES)
    assert (pair.first, pair.second) == ("ann", "zoe")
    np.testing.assert_array_equal(pair.confusion, [[0, 0, 0], [0, 1, 0], [1, 0, 0]])
    with pytest.raises(ValueError, match="read-only"):
        pair.confusion[0, 0] = 1


def test_only_pairs_that_share_a_spectrum_are_compared():
    opinions = {
        "s1": {"cleo": E, "ann": E},
        "s2": {"ben": A, "ann": D},
        "s3": {"ann": D, "ben": D},
        "s4": {"dan": E},
    }
    pairs = pairwise_agreement(opinions, CLASSES)
    assert [(p.first, p.second, p.n_shared, p.n_agree) for p in pairs] == [
        ("ann", "ben", 2, 1),
        ("ann", "cleo", 1, 1),
    ]


def test_a_pair_that_knows_one_class_only_has_no_kappa():
    (pair,) = pairwise_agreement(as_pair(np.diag([5, 0, 0])), CLASSES)
    assert pair.agreement == 1
    assert all(math.isnan(value) for value in (pair.kappa, pair.low, pair.high))


@pytest.mark.parametrize(
    ("table", "kappa"),
    [
        ([[5, 3, 0], [0, 0, 0], [0, 0, 0]], 0),
        ([[0, 4, 2], [0, 0, 0], [0, 0, 0]], 0),
        ([[0, 7, 0], [0, 0, 0], [0, 0, 0]], 0),
        ([[4, 0, 0], [0, 3, 0], [0, 0, 0]], 1),
        ([[0, 4, 0], [4, 0, 0], [0, 0, 0]], -1),
    ],
)
def test_where_the_standard_error_vanishes_the_interval_has_no_width(table, kappa):
    (pair,) = pairwise_agreement(as_pair(np.array(table)), CLASSES)
    # Rounding in the variance is magnified by the root.
    assert (pair.low, pair.kappa, pair.high) == pytest.approx((kappa,) * 3, abs=1e-7)


def test_the_interval_of_a_pair_stays_within_what_kappa_can_be():
    (pair,) = pairwise_agreement(as_pair(np.array([[3, 0, 0], [0, 2, 1], [0, 0, 0]])), CLASSES)
    assert pair.low < pair.kappa < pair.high == 1
    (pair,) = pairwise_agreement(as_pair(np.array([[0, 2, 0], [3, 0, 1], [0, 0, 0]])), CLASSES)
    assert -1 == pair.low < pair.kappa < pair.high


def test_a_person_asked_twice_has_the_kappa_of_the_published_example():
    # Fleiss, Cohen & Everitt (1969) again, the two raters taken as two times.
    table = np.array([[106, 10, 4], [22, 28, 10], [2, 12, 6]])
    pairs = {name: (said["ann"], said["ben"]) for name, said in as_pair(table).items()}
    bob, cleo = self_agreement({"cleo": pairs, "bob": {"s1": (E, E), "s2": (E, E)}}, CLASSES)
    assert (cleo.oracle, cleo.n_repeated, cleo.n_same) == ("cleo", 200, 140)
    assert cleo.agreement == pytest.approx(0.7)
    assert cleo.kappa == pytest.approx(0.429, abs=5e-4)
    assert (cleo.high - cleo.low) / 2 == pytest.approx(1.95996 * math.sqrt(0.002885), rel=1e-4)
    assert (bob.oracle, bob.n_repeated, bob.n_same, bob.agreement) == ("bob", 2, 2, 1)
    assert all(math.isnan(value) for value in (bob.kappa, bob.low, bob.high))


def test_a_repeated_answer_that_is_no_class_is_refused_with_its_spectrum():
    with pytest.raises(CampaignError, match="'s1' 'nova'"):
        self_agreement({"ann": {"s1": (E, "nova")}}, CLASSES)
    assert self_agreement({}, CLASSES) == ()


def test_all_together_have_the_kappa_of_the_published_example():
    counts = [[int(digit) for digit in row] for row in FLEISS_1971.split()]
    overall = measure(as_opinions(counts), "01234")
    assert (overall.n_spectra, overall.n_judgements) == (30, 180)
    assert overall.kappa == pytest.approx(0.430, abs=5e-4)
    assert overall.kappa == pytest.approx(fleiss_kappa(counts))
    assert overall.low < overall.kappa < overall.high


def test_an_unequal_number_of_judgements_gives_the_kappa_of_the_published_example():
    counts = [(n - yes, yes) for n, yes in zip(JUDGES, POSITIVE, strict=True)]
    overall = measure(as_opinions(counts), "01")
    assert (overall.n_spectra, overall.n_judgements) == (25, 81)
    assert overall.kappa == pytest.approx(0.5415, abs=5e-5)


def test_spectra_of_one_person_do_not_count_among_all():
    judged = as_opinions([(2, 0, 0), (0, 3, 0), (1, 1, 0), (0, 1, 2)])
    alone = {f"alone-{n}": {"ann": "2"} for n in range(50)}
    assert measure(judged | alone, "012") == measure(judged, "012")
    assert measure(judged, "012").unanimous == 0.5


def test_the_bootstrap_is_that_of_whole_spectra():
    rng = np.random.default_rng(3)
    counts = rng.multinomial(4, [0.5, 0.3, 0.2], size=40)
    counts[:20] = 4 * np.eye(3, dtype=int)[rng.integers(0, 3, 20)]
    resampled = [fleiss_kappa(counts[rng.integers(0, 40, 40)]) for _ in range(2000)]
    overall = measure(as_opinions(counts), "012", n_resamples=2000)
    expected = np.percentile(resampled, [2.5, 97.5])
    assert (overall.low, overall.high) == pytest.approx(expected, abs=0.02)


def test_the_interval_narrows_with_more_spectra():
    counts = np.random.default_rng(1).multinomial(3, [0.6, 0.3, 0.1], size=25)
    few, many = measure(as_opinions(counts), "012"), measure(as_opinions([*counts] * 16), "012")
    assert (many.high - many.low) / (few.high - few.low) == pytest.approx(1 / 4, abs=0.05)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    opinions = as_opinions(np.random.default_rng(1).multinomial(3, [0.6, 0.3, 0.1], size=25))
    assert measure(opinions, "012") == measure(opinions, "012")
    assert measure(opinions, "012").low != measure(opinions, "012", seed=1).low


@pytest.mark.parametrize("opinions", [{}, {"s1": {"ann": E}}, {"s1": {}}])
def test_without_a_spectrum_judged_twice_there_is_no_agreement(opinions):
    overall = measure(opinions)
    assert (overall.n_spectra, overall.n_judgements) == (0, 0)
    assert all(math.isnan(x) for x in (overall.unanimous, overall.kappa, overall.low, overall.high))
    assert pairwise_agreement(opinions, CLASSES) == ()
    assert disagreements(opinions) == []


def test_one_class_throughout_has_no_overall_kappa():
    overall = measure(as_opinions([(3, 0, 0), (2, 0, 0)]), "012")
    assert overall.unanimous == 1
    assert all(math.isnan(value) for value in (overall.kappa, overall.low, overall.high))


def test_resamples_of_one_class_are_left_out_of_the_interval():
    overall = measure(as_opinions([(3, 0, 0), (0, 2, 0)]), "012")
    assert (overall.low, overall.kappa, overall.high) == (1, 1, 1)


def test_a_single_spectrum_gives_a_kappa_without_an_interval():
    overall = measure(as_opinions([(2, 1, 0)]), "012")
    assert overall.kappa == pytest.approx(-0.5)
    assert math.isnan(overall.low)
    assert math.isnan(overall.high)


@pytest.mark.parametrize("function", [measure, pairwise_agreement])
def test_an_opinion_that_is_no_class_is_refused_with_what_would_do(function):
    with pytest.raises(CampaignError, match="ann calls 's1' 'comet'.*'absorption'.*leave"):
        function({"s1": {"ann": "comet", "ben": E}}, CLASSES)


@pytest.mark.parametrize(
    ("answers", "latest", "majority", "unanimous"),
    [
        ([], None, None, None),
        ([E], E, E, E),
        ([E, E, E], E, E, E),
        ([E, D], D, None, None),
        ([E, D, E, A], A, E, None),
        ([D, E, E], E, E, None),
        ([E, E, D, D, A], A, None, None),
    ],
)
def test_consensus_follows_the_rule(answers, latest, majority, unanimous):
    opinions = {f"oracle-{number}": name for number, name in enumerate(answers)}
    assert consensus(opinions, Resolution.LATEST) == latest
    assert consensus(opinions, Resolution.MAJORITY) == majority
    assert consensus(opinions, Resolution.UNANIMOUS) == unanimous


def test_the_latest_opinion_is_the_last_in_time_not_in_the_alphabet():
    assert consensus({"zoe": E, "ann": D}, Resolution.LATEST) == D


def test_the_most_divided_spectra_come_first_and_equal_ones_as_given():
    opinions = {
        "three-to-one": dict(zip("abcd", [E, E, D, E], strict=True)),
        "agreed": {"a": E, "b": E},
        "two-to-two": dict(zip("abcd", [E, D, D, E], strict=True)),
        "one-to-one": {"a": E, "b": A},
        "alone": {"a": E},
        "two-to-one": {"a": E, "b": D, "c": D},
        "all-differ": {"a": E, "b": D, "c": A},
    }
    assert disagreements(opinions) == [
        "one-to-one",
        "all-differ",
        "two-to-two",
        "two-to-one",
        "three-to-one",
    ]
