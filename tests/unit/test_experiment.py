"""Campaigns are rehearsed: an oracle that errs, whole campaigns, and what they show."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, ttest_rel, wilcoxon

from active_cnn.campaign.files import open_pool
from active_cnn.engine import open_engine
from active_cnn.errors import ExperimentError
from active_cnn.experiment.analysis import (
    compare,
    label_saving,
    labels_to_reach,
    learning_curves,
)
from active_cnn.experiment.plan import Arm, Survey
from active_cnn.experiment.rehearsal import Rehearsal, rehearse
from active_cnn.experiment.report import FIGURE, PAGE, RESULTS, write_report
from active_cnn.experiment.trial import measure
from active_cnn.experiment.truth import Oracle, Truth, read_truth

# the oracle


@pytest.fixture
def truth():
    n = 4000
    labels = np.array(["absorption", "emission"])[(np.arange(n) % 4 == 0).astype(int)]
    positions = (labels == "emission").astype(int)
    hidden = np.arange(n) < 40
    is_target = labels == "emission"
    return Truth(tuple(labels), positions, is_target & ~hidden, is_target & hidden)


def test_the_oracle_errs_and_is_unsure_as_often_as_told(campaign, truth):
    named = {f"s{n}": n for n in range(100, 4000)}
    said = Oracle(0.1, 0.05, seed=3).judge(campaign, truth, named, list(named))
    n_unsure = sum(one == "unsure" for one in said.values())
    n_wrong = sum(
        one != "unsure" and campaign.trains[one] != campaign.trains[truth.labels[named[name]]]
        for name, one in said.items()
    )
    assert binom.cdf([n_unsure, n_wrong], 3900, [0.05, 0.1]) == pytest.approx(0.5, abs=0.499)
    assert set(said.values()) <= {*campaign.trains, "unsure"}


def test_it_is_the_same_person_in_whatever_order_it_is_asked(campaign, truth):
    named = {f"s{n}": n for n in range(500)}
    oracle = Oracle(0.2, 0.2, seed=1)
    forwards = oracle.judge(campaign, truth, named, list(named))
    backwards = oracle.judge(campaign, truth, named, list(named)[::-3])
    assert all(forwards[name] == said for name, said in backwards.items())
    assert forwards != Oracle(0.2, 0.2, seed=2).judge(campaign, truth, named, list(named))


def test_a_second_look_goes_wrong_as_often_as_the_first_and_not_on_the_same(campaign, truth):
    named = {f"s{n}": n for n in range(100, 4000)}
    oracle = Oracle(0.1, 0, seed=4)
    wrong = [
        {
            name
            for name, one in oracle.judge(campaign, truth, named, list(named), again).items()
            if campaign.trains[one] != campaign.trains[truth.labels[named[name]]]
        }
        for again in (False, True)
    ]
    assert binom.cdf([*map(len, wrong)], 3900, 0.1) == pytest.approx(0.5, abs=0.499)
    assert binom.cdf(len(wrong[0] & wrong[1]), 3900, 0.01) == pytest.approx(0.5, abs=0.499)


def test_of_a_batch_some_answers_are_kept_for_second_looks():
    assert Arm("mixed", batch=140, n_labels=560).n_looks == 7
    assert Arm("mixed", batch=140, n_labels=560, looks_again=False).n_looks == 0


def test_what_nobody_can_see_is_unsure(campaign, truth):
    named = {f"s{n}": n for n in range(40) if truth.is_hidden[n]}
    assert set(Oracle(0, 0).judge(campaign, truth, named, list(named)).values()) == {"unsure"}
    right = Oracle(0, 0).judge(campaign, truth, {"s44": 44}, ["s44"])
    assert right == {"s44": "emission"}


@pytest.mark.parametrize("shares", [(-0.1, 0), (0, 1.0)])
def test_an_oracle_that_cannot_be_is_refused(shares):
    with pytest.raises(ExperimentError, match="give a number from 0 to below 1"):
        Oracle(*shares)


# the truth


def test_the_truth_of_the_demo_is_read_row_by_row(store, campaign, survey):
    pool = open_pool(store, campaign)
    truth = read_truth(survey.truth, campaign, pool)
    assert len(truth.labels) == pool.n
    assert (truth.is_target.sum() + truth.is_hidden.sum()) == pytest.approx(45, abs=1)
    assert not (truth.is_target & truth.is_hidden).any()


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("identifier,klass\na,emission\n", "no column 'label'"),
        ("identifier,label\na,comet\n", "label 'comet'"),
        ("identifier,label\na,emission\n", "says nothing of 298 spectra"),
    ],
)
def test_a_truth_that_says_too_little_is_refused(store, campaign, tmp_path, text, match):
    (tmp_path / "truth.csv").write_text(text)
    with pytest.raises(ExperimentError, match=match):
        read_truth(tmp_path / "truth.csv", campaign, open_pool(store, campaign))


def test_a_truth_that_is_not_there_is_refused(store, campaign, tmp_path):
    with pytest.raises(ExperimentError, match="cannot be read"):
        read_truth(tmp_path / "none.csv", campaign, open_pool(store, campaign))


# what is rehearsed


@pytest.mark.parametrize(
    "change",
    [
        {"batch": 0},
        {"batch": 200, "n_labels": 100},
        {"recipe": "cake"},
        {"changes": {"max_epochs": -1}},
        {"changes": {"colour": 1}},
    ],
)
def test_an_arm_that_makes_no_campaign_is_refused(change):
    with pytest.raises(ExperimentError):
        Arm("entropy", **change)


# what it shows


def table(**arms):
    """Precision and recall after 0, 100, 200 labels for each arm, with a small step by seed."""
    rows = [
        {
            "arm": arm, "seed": seed, "labels": labels,
            "precision": value + 0.01 * seed, "recall": value, "average_precision": value,
            "share_found": value if labels else np.nan,
        }
        for arm, values in arms.items()
        for labels, value in zip((0, 100, 200), values, strict=True)
        for seed in range(1, 6)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_labels_are_counted_until_all_goals_are_reached():
    results = table(fast=(0.1, 0.8, 0.9), slow=(0.1, 0.3, 0.7))
    goals = {seed: {"precision": 0.5, "recall": 0.75} for seed in range(1, 6)}
    assert labels_to_reach(results, "fast", goals).tolist() == [100.0] * 5
    assert labels_to_reach(results, "slow", goals).isna().all()


def test_the_saving_is_against_what_the_other_has_at_its_end():
    results = table(fast=(0.1, 0.8, 0.9), slow=(0.1, 0.3, 0.7))
    saving = label_saving(results, "fast", "slow", ("precision", "recall"))
    assert (saving.n_reached, saving.needed, saving.baseline, saving.saved) == (5, 100, 200, 0.5)
    none = label_saving(results, "slow", "fast", ("precision", "recall"))
    assert none.n_reached == 0
    assert np.isnan(none.saved)


def test_a_difference_is_tested_seed_by_seed():
    rng = np.random.default_rng(0)
    results = table(one=(0.1, 0.5, 0.6), other=(0.1, 0.4, 0.5))
    results["recall"] += rng.normal(0, 0.02, len(results))
    found = compare(results, "one", "other", "recall")
    last = results[results["labels"] == 200].pivot_table(
        index="seed", columns="arm", values="recall"
    )
    assert found.mean == pytest.approx((last["one"] - last["other"]).mean())
    assert found.p == pytest.approx(wilcoxon(last["one"], last["other"]).pvalue)
    expected = ttest_rel(last["one"], last["other"]).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    same = compare(results, "one", "one", "recall")
    assert (same.mean, same.p) == (0, 1)


def test_curves_have_intervals_within_what_is_possible():
    curves = learning_curves(table(one=(0.99, 0.999, 1.0)))
    assert curves["high"].max() <= 1
    first = curves[(curves["measure"] == "precision") & (curves["labels"] == 0)].iloc[0]
    assert first["mean"] == pytest.approx(0.99 + 0.03)
    assert first["n"] == 5


# a rehearsal


def test_a_ranking_is_told_where_a_network_is_too_sure(campaign, truth):
    """Single precision has 1 for hundreds of spectra: what is left beside it still ranks them."""
    outside = np.where(truth.is_target, 1e-12, 1e-9)
    probabilities = np.stack([outside, 1 - outside, 0 * outside], axis=1).astype(np.float32)
    odds = np.zeros(len(probabilities))
    shown = measure(campaign, truth, probabilities, odds, None, np.array([], int), [])
    assert (probabilities[:, 1] == 1).all()
    assert shown["predicted_average_precision"] == 1


@pytest.mark.slow
def test_campaigns_are_run_resumed_and_reported(survey, tmp_path):
    quick = {"max_epochs": 2, "background": 200}
    arms = tuple(Arm(s, changes=quick, n_labels=16, batch=8) for s in ("mixed", "random"))
    files = Survey(survey.training, survey.pool, survey.truth)
    plan = Rehearsal(arms, (4,), {4: files}, Oracle(), tmp_path)
    with open_engine() as engine:
        first = rehearse(plan, engine)
        assert first.groupby("arm")["labels"].apply(list).to_dict() == {
            "mixed": [0, 8, 16], "random": [0, 8, 16]
        }  # fmt: skip
        assert first["recall"].between(0, 1).all()
        # A campaign that was broken off in its first iteration goes on to the same end.
        trial = plan.trials()[0]
        trial.result_path.unlink()
        shutil.copytree(tmp_path / "starts" / trial.start_key, tmp_path / "campaigns" / trial.key)
        steps = []
        second = rehearse(plan, engine, lambda *done: steps.append(done))
    assert steps == [(1, 2), (2, 2)]
    answers = json.loads(trial.result_path.read_text())["answers"]
    asked_in = [one["iteration"] for one in answers]
    assert asked_in == sorted(asked_in)
    assert len({one["identifier"] for one in answers}) == len(answers) == 16
    same = ["arm", "labels", "found", "candidates"]
    pd.testing.assert_frame_equal(first[same], second[same])
    write_report(second, ["mixed", "random"], "random", tmp_path, "Two arms & one seed.")
    page = (tmp_path / PAGE).read_text()
    assert "Two arms &amp; one seed." in page
    assert "vegaEmbed" in page
    assert "<script src" not in page  # it is read where there is no network
    assert (tmp_path / FIGURE).read_bytes().startswith(b"\x89PNG")
    assert len(pd.read_csv(tmp_path / RESULTS)) == len(second)
