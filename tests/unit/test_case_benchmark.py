"""The benchmark of the cases: what it keeps, what others are given, what it leaves out."""

import numpy as np
import pytest

from active_cnn.learning.presentation import Labelled
from active_cnn.spectra.scaling import Scaling
from active_cnn.spectra.simulation.cases import CASES
from benchmarks.case_results import Results, lay_out
from benchmarks.case_surveys import Search


def piece(seed, labels, value, learner="default"):
    return {
        "case": "lithium", "seed": seed, "learner": learner, "labels": labels,
        "average_precision": value,
    }  # fmt: skip


def test_what_has_been_measured_is_kept_and_half_a_line_is_measured_again(tmp_path, capsys):
    path = tmp_path / "results.jsonl"
    Results(path).add(piece(4, 0, 0.5))
    with path.open("a") as file:
        file.write('{"case": "lith')
    results = Results(path)
    assert "half a line is left out" in capsys.readouterr().out
    assert results.has(case="lithium", seed=4, learner="default", labels=0)
    assert not results.has(case="lithium", seed=5, learner="default", labels=0)
    results.add(piece(5, 0, 0.6))
    assert Results(path).records == [piece(4, 0, 0.5), piece(5, 0, 0.6)]


def test_a_table_has_mean_and_spread_over_the_seeds_and_says_what_is_missing():
    measured = [piece(5, 0, 0.6), piece(4, 0, 0.5), piece(4, 200, 0.9), piece(4, 0, 0.4, "paper")]
    _, _, ours, theirs = lay_out(measured, lambda one: one["average_precision"]).splitlines()
    assert ours == "| lithium | default | 4, 5 | 0.550 ± 0.071 (0.500, 0.600) | 0.900 |"
    assert theirs == "| lithium | paper | 4 | 0.400 | – |"


def test_others_learn_from_what_was_answered_and_from_nothing_that_is_unsure():
    case = CASES["lithium"]
    flux = np.random.default_rng(1).normal(size=(6, case.grid.n)).astype(np.float32)
    initial = Labelled(
        flux[:2], np.array([0, 1]), np.zeros(2, bool), case.classes, case.targets,
        Scaling(case.grid),
    )  # fmt: skip
    none = np.zeros(4, bool)
    search = Search(case, initial, ("a", "b", "c", "d"), flux[2:], none, none, np.full(4, "star"))
    known = search.labelled([("d", "Li-rich"), ("a", "unsure"), ("b", "artefact")])
    assert known.labels.tolist() == [0, 1, 1, 0]
    assert known.is_of_pool.tolist() == [False, False, True, True]
    assert (known.flux[2:] == flux[[5, 3]]).all()


@pytest.mark.parametrize("part", ["move", "blur", "noise", "tilt", "spikes", "dead pixels"])
def test_a_part_that_is_left_out_changes_what_is_shown_and_comes_back(part):
    from active_cnn.learning.augmentation import Augmentation
    from benchmarks.case_ablations import leave_out

    case = CASES["lithium"]
    rng = np.random.default_rng(2)
    spectra = (1 + 0.1 * rng.normal(size=(200, case.grid.n))).astype(np.float32)
    augmentation = Augmentation(np.full((1, 1), 0.3), 55, Scaling(case.grid))

    def shown():
        no_noise, is_target = np.zeros((200, 1)), np.zeros(200, bool)
        return augmentation(spectra, no_noise, is_target, np.random.default_rng(3))

    whole = shown()
    with leave_out(part):
        without = shown()
    assert np.isfinite(without).all()
    assert (without != whole).any()
    np.testing.assert_array_equal(shown(), whole)
