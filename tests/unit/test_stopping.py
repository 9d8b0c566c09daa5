"""When to stop: each criterion by itself, all of them together, and the campaign's own figures."""

import numpy as np
import pytest

from active_cnn.campaign.campaign import close_iteration, measure_precision, record_answer
from active_cnn.campaign.comparison import draw_disagreement_query
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.sampling import draw_performance_sample
from active_cnn.campaign.stopping import (
    FEWEST_ANSWERS,
    advise_stopping,
    finds_per_100,
    kappas,
    read_goals,
    set_goals,
)
from active_cnn.errors import AcquisitionError, EvaluationError
from active_cnn.evaluation.stopping import Goals, Light, judge_stopping

FULFILLED = {
    "precision": {"emission": 0.95, "double-peak": 0.93},
    "agreement": [0.995, 0.992, 0.999],
    "recall": 0.9,
    "yields": [20.0, 12.0],
}


def judge(**changes):
    return judge_stopping(Goals(), **{**FULFILLED, **changes})


def lights(found):
    return [one.light for one in found.criteria]


def test_it_is_advised_when_all_holds():
    found = judge()
    assert found.is_advised
    assert lights(found)[:4] == [Light.MET] * 4
    assert "may stop" in found.advice
    assert "about 12 new targets" in found.advice


@pytest.mark.parametrize(
    "changes",
    [
        {"precision": {"emission": 0.95, "double-peak": 0.85}},
        {"precision": {"emission": None, "double-peak": 0.95}},
        {"agreement": [0.999, 0.999]},
        {"agreement": [0.995, 0.985, 0.999]},
        {"recall": 0.7},
        {"recall": None},
    ],
)
def test_it_is_not_advised_when_one_thing_is_missing(changes):
    found = judge(**changes)
    assert not found.is_advised
    assert found.advice.startswith("Go on.")


def test_two_dry_rounds_stand_in_for_an_audit():
    assert judge(recall=None, yields=[9.0, 1.9, 1.0]).is_advised
    assert not judge(recall=None, yields=[1.0]).is_advised
    assert not judge(recall=None, yields=[2.0, 1.0]).is_advised


def test_two_agreeing_networks_are_near_but_not_there():
    assert lights(judge(agreement=[0.999, 0.999]))[2] is Light.NEAR
    assert lights(judge(agreement=[]))[2] is Light.UNKNOWN
    assert lights(judge(agreement=[0.5]))[2] is Light.FAR


@pytest.mark.parametrize("bad", [{"precision": 0}, {"recall": 1.0}, {"yield_": 101}])
def test_a_goal_that_is_none_is_refused(bad):
    with pytest.raises(EvaluationError, match="is none"):
        Goals(**bad)


def test_a_campaign_is_judged_by_its_own_figures(store, campaign, score, probabilities):
    assert advise_stopping(store, campaign) is None
    score()
    query = draw_relabel_query(store, campaign, "entropy", size=20)
    for n, item in enumerate(query.items):
        record_answer(store, query, item.identifier, ("noise", "emission")[n < 5], oracle="ann")
    sample = draw_performance_sample(store, campaign, size=10)
    for item in sample.items:
        record_answer(store, sample, item.identifier, item.predicted, oracle="ann")
    found = advise_stopping(store, campaign)
    # 10 of 10 right: the one-sided limit is 0.05^(1/10).
    assert found.criteria[0].figure == f"{100 * 0.05 ** (1 / 10):.1f} % at least"
    assert kappas(store, campaign) == []
    assert finds_per_100(store, campaign)[-1] >= 25.0
    close_iteration(store, campaign)
    score(probabilities[::-1].copy())
    (kappa,) = kappas(store, campaign)
    assert -0.2 < kappa < 0.5
    close_iteration(store, campaign)
    score(probabilities[::-1].copy())
    assert kappas(store, campaign)[-1] == 1.0
    assert np.isfinite(kappas(store, campaign)).all()


def test_what_was_confirmed_and_learned_counts_for_the_precision(store, campaign, score):
    score()
    first = draw_performance_sample(store, campaign, size=20)
    for item in first.items:
        record_answer(store, first, item.identifier, item.predicted, oracle="ann")
    close_iteration(store, campaign)
    iteration = score()
    sample = draw_performance_sample(store, campaign, size=10)
    for item in sample.items:
        record_answer(store, sample, item.identifier, "noise", oracle="ann")
    n_others = sample.design["population"]["emission"]
    assert n_others > 10
    figure = advise_stopping(store, campaign).criteria[0].figure
    assert figure == f"{2000 / (20 + n_others):.1f} % at least"
    assert measure_precision(store, campaign, iteration)["emission"].value == 0
    for item in first.items[:5]:
        record_answer(store, first, item.identifier, "noise", oracle="ann")
    n_right = 20 - sum(item.predicted == "emission" for item in first.items[:5])
    figure = advise_stopping(store, campaign).criteria[0].figure
    assert figure == f"{100 * n_right / (20 + n_others - (20 - n_right)):.1f} % at least"


def test_where_all_that_is_predicted_was_confirmed_there_is_nothing_to_sample(
    store, campaign, score
):
    score()
    sample = draw_performance_sample(store, campaign, size=1000)
    for item in sample.items:
        record_answer(store, sample, item.identifier, item.predicted, oracle="ann")
    close_iteration(store, campaign)
    score()
    with pytest.raises(AcquisitionError, match="nothing more to measure"):
        draw_performance_sample(store, campaign)
    assert lights(advise_stopping(store, campaign))[:2] == 2 * [Light.MET]


def test_judging_between_two_networks_is_no_round(store, campaign, score, probabilities):
    score()
    close_iteration(store, campaign)
    score(probabilities[::-1].copy())
    first, second = store.iterations(campaign.name)
    query = draw_disagreement_query(store, campaign, first, second, size=FEWEST_ANSWERS)
    assert len(query.items) == FEWEST_ANSWERS
    for item in query.items:
        record_answer(store, query, item.identifier, "noise", oracle="ann")
    assert finds_per_100(store, campaign) == []
    query = draw_relabel_query(store, campaign, "entropy", size=FEWEST_ANSWERS)
    for item in query.items:
        record_answer(store, query, item.identifier, "emission", oracle="ann")
    assert finds_per_100(store, campaign) == [100.0]


def test_goals_are_kept(store, campaign):
    assert read_goals(store, campaign) == Goals()
    set_goals(store, campaign, Goals(precision=0.8, yield_=5))
    assert read_goals(store, campaign) == Goals(precision=0.8, yield_=5)
