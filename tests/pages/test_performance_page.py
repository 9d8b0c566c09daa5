"""The Performance page: draw a sample, judge it, read the precision."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from active_cnn.campaign.campaign import close_iteration, record_answer
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.reliability import MeasuredReliability, measure
from active_cnn.campaign.sampling import draw_performance_sample
from active_cnn.campaign.stopping import read_goals
from active_cnn.evaluation.precision import certify
from active_cnn.recipes import TrainingSettings
from active_cnn.records import Purpose
from active_cnn.search import Band, Search
from active_cnn.ui.precision import describe_certification
from active_cnn.ui.reliability import describe_source
from tests import fakes
from tests.components import act, give, mounted, settle, sheets, told

PAGE = "3_Performance"


def table_of(at, column):
    """Give the table of the page that has such a column."""
    return next(one.value for one in at.dataframe if column in one.value.columns)


@pytest.fixture
def sample(store, campaign):
    return draw_performance_sample(store, campaign, 3, seed=5)


@pytest.mark.usefixtures("new_store")
def test_before_the_first_training_there_is_nothing_to_measure(open_page):
    at = open_page(PAGE)
    assert "nothing to measure" in at.info[0].value
    assert "Train iteration 0" in [link.label for link in at.get("page_link")]
    assert not mounted(at)


@pytest.mark.usefixtures("store")
def test_without_a_sample_it_says_to_draw_one(open_page):
    at = open_page(PAGE)
    assert "No sample has been drawn" in at.info[0].value
    assert not mounted(at)


def test_a_sample_is_drawn_with_its_size_and_seed(store, campaign, open_page):
    at = open_page(PAGE)
    at.number_input(key="size-performance").set_value(2)
    at.number_input(key="seed-performance").set_value(9)
    at.run()
    at.button(key="draw-performance-small-0").click().run()
    (query,) = store.queries(store.iteration(campaign.name), Purpose.PERFORMANCE)
    assert (query.size, query.seed) == (2, 9)
    assert {item.predicted for item in query.items} <= set(campaign.targets)
    # It can be judged at once.
    assert told(at)["work"] == [item.identifier for item in query.items]


@pytest.mark.usefixtures("store")
def test_too_few_predicted_targets_are_said_and_taken(open_page):
    at = open_page(PAGE)
    at.number_input(key="size-performance").set_value(500).run()
    at.button(key="draw-performance-small-0").click().run()
    assert "fewer than asked for" in at.success[0].value


def test_the_sample_lies_on_the_desk_and_a_relabel_query_does_not(
    store, campaign, sample, open_page
):
    relabel = draw_relabel_query(store, campaign, size=4)
    reply = told(open_page(PAGE))
    assert reply["desk"]["task"] == "performance"
    assert reply["work"] == sheets(reply) == [item.identifier for item in sample.items]
    assert reply["nAsked"] == len(sample.items)
    assert told(open_page("4_Relabel"))["nAsked"] == len(relabel.items)


def test_a_judgement_moves_the_precision(store, campaign, sample, open_page):
    at = open_page(PAGE)
    first = sample.items[0]
    reply = give(at, act(sample, 0, campaign.confirms(first.predicted).name))
    assert reply["received"] == ["a.1.0"]
    settle(at)
    assert store.answer_log(campaign.name)[0].purpose is Purpose.PERFORMANCE
    table = table_of(at, "class").set_index("class")
    assert table.loc[first.predicted, "right"] == 1
    assert table.loc[first.predicted, "precision"] == 100
    assert 0 < table.loc[first.predicted, "95 % from"] < 100


def test_a_judgement_that_is_taken_back_is_counted_no_more(sample, open_page):
    at = open_page(PAGE)
    give(at, act(sample, 0, "noise"))
    assert table_of(at, "wrong")["wrong"].sum() == 1
    give(at, act(sample, 0, None, "a.2.0", undoes="a.1.0"))
    table = table_of(at, "right")
    assert table["right"].sum() + table["wrong"].sum() == 0


def test_unsure_answers_are_counted_apart(store, sample, open_page):
    record_answer(store, sample, sample.items[0].identifier, "unsure", oracle="tester")
    table = table_of(open_page(PAGE), "unsure")
    assert table["unsure"].sum() == 1
    assert table["right"].sum() + table["wrong"].sum() == 0


@pytest.mark.usefixtures("store")
def test_it_says_that_the_answers_are_not_trained_on(open_page):
    captions = " ".join(caption.value for caption in open_page(PAGE).caption)
    assert "never trained on in the iteration that they measure" in captions


def test_the_next_iteration_is_measured_when_it_has_been_trained(
    store, campaign, sample, open_page
):
    record_answer(store, sample, sample.items[0].identifier, "noise", oracle="tester")
    close_iteration(store, campaign)
    at = open_page(PAGE)
    assert "Iteration 1 has not been trained yet" in at.info[0].value
    assert not mounted(at)


def test_a_closed_iteration_stays_in_the_curve(store, campaign, sample, open_page):
    for item in sample.items:
        record_answer(store, sample, item.identifier, item.predicted, oracle="tester")
    close_iteration(store, campaign)
    fakes.train(store, campaign)
    second = draw_performance_sample(store, campaign, 2)
    record_answer(store, second, second.items[0].identifier, "noise", oracle="tester")
    at = open_page(PAGE, section="Iterations")
    assert "Precision over the iterations" in [heading.value for heading in at.subheader]


def test_with_one_iteration_there_is_nothing_to_compare(store, sample, open_page):
    at = open_page(PAGE, section="Iterations")
    assert "Train a second iteration" in at.info[0].value
    assert "Judge its random sample" in " ".join(one.value for one in at.caption)
    record_answer(store, sample, sample.items[0].identifier, "unsure", oracle="tester")
    at = open_page(PAGE, section="Iterations")
    assert not at.exception
    assert "Answers to what iteration 0 predicts" in [one.value for one in at.subheader]


def test_two_iterations_are_compared_by_their_disagreements(store, campaign, open_page):
    close_iteration(store, campaign)
    fakes.train(store, campaign)
    at = open_page(PAGE, section="Iterations")
    assert not at.exception
    # The rule learns nothing: it says the same again.
    assert "**0** of 300 spectra changed their class" in " ".join(one.value for one in at.markdown)
    (ask,) = [one for one in at.button if "disagreements" in one.label]
    assert ask.disabled


@pytest.mark.usefixtures("store")
def test_planted_lines_are_shown_as_a_map_and_in_words(open_page):
    at = open_page(PAGE, section="Planted lines")
    assert not at.exception
    words = " ".join(one.value for one in at.markdown)
    assert "Emission lines were planted into" in words
    assert "are predicted to be targets" in words
    table = table_of(at, "planted")
    assert table["planted"].sum() > 100
    at.selectbox(key="planted-way").set_value("called by the rule").run()
    assert "are called by the rule" in " ".join(one.value for one in at.markdown)
    at.selectbox(key="planted-shape").set_value("double-peak").run()
    at.selectbox(key="planted-axis").set_value("separation").run()
    assert not at.exception


def test_a_search_by_bands_has_neither_planted_lines_nor_a_simple_rule(store, campaign, open_page):
    by_bands = Search("carbon stars", bands=(Band("C2", 6520.0, 6600.0),))
    with store._write():
        stored = {"search": json.dumps(asdict(by_bands))}
        store._db.table("campaign").update(campaign.name, stored)
    at = open_page(PAGE, section="Planted lines")
    assert not at.exception
    (sections,) = [one for one in at.segmented_control if one.key == "section"]
    assert sections.options == ["Precision", "Completeness", "Iterations"]
    assert "simple rule" not in " ".join(one.value for one in at.caption)


def test_nothing_more_to_measure_is_a_message(store, campaign, open_page):
    draw_performance_sample(store, campaign, 1000)
    at = open_page(PAGE)
    at.button(key="draw-performance-small-1").click().run()
    assert "nothing more to measure" in at.error[0].value


def reliability_of(at):
    """Give what the section on probabilities says, and its figures."""
    place = [heading.value for heading in at.subheader].index("What a probability is worth")
    assert place == len(at.subheader) - 1
    said = " ".join(caption.value for caption in at.caption)
    return said, {metric.label: metric.value for metric in at.metric}


def answer(store, sample, n_wrong, n_unsure=0):
    wrong = dict.fromkeys(range(n_wrong), "noise")
    unsure = dict.fromkeys(range(n_wrong, n_wrong + n_unsure), "unsure")
    for place, item in enumerate(sample.items):
        name = (wrong | unsure).get(place, item.predicted)
        record_answer(store, sample, item.identifier, name, oracle="tester")


def keep_held_out(store, campaign, n):
    """Put the same training again in place of the last, with probabilities of its hold-out."""
    result = store.iteration(campaign.name).result
    rng = np.random.default_rng(0)
    kept = {
        "probabilities": rng.dirichlet(np.ones(3), n).round(7).tolist(),
        "labels": rng.integers(3, size=n).tolist(),
    }
    job = store.add_job(campaign.name, 0, TrainingSettings())
    store.start_job(job.number)
    result = replace(result, validation=result.validation | kept)
    assert store.finish_job(job.number, result)


@pytest.mark.usefixtures("store")
def test_without_answers_and_held_out_spectra_it_says_what_a_probability_needs(open_page):
    said, figures = reliability_of(open_page(PAGE))
    assert "This takes 20 answers that name a class; there are no usable answers" in said
    assert not figures


def test_answers_to_the_sample_tell_what_a_probability_is_worth(store, campaign, open_page):
    answer(store, draw_performance_sample(store, campaign, 20), n_wrong=24, n_unsure=2)
    measured = measure(store, campaign, store.iteration(campaign.name)).reliability
    said, figures = reliability_of(open_page(PAGE))
    assert measured.error_after < measured.error_before
    assert f"Measured on {measured.n} usable answers to the random sample, 2 unsure" in said
    assert f"Calibrated by {measured.calibration}, fitted to these {measured.n} spectra" in said
    assert figures["Error"] == f"{measured.error_before:.3f}"
    assert figures["Calibrated"] == f"{measured.error_after:.3f}"
    assert figures["By chance"] == f"{measured.error_by_chance:.3f}"


def test_a_single_answer_and_a_single_unsure_one_are_counted_in_the_singular():
    said = describe_source(MeasuredReliability(1, 1, None, None))
    assert "there is 1 usable answer to the random sample, 1 unsure left out, and" in said
    assert "there are no usable answers" in describe_source(MeasuredReliability(0, 0, None, None))


def test_a_calibration_that_makes_the_error_larger_is_left_and_that_is_said(
    store, campaign, open_page
):
    answer(store, draw_performance_sample(store, campaign, 20), n_wrong=6)
    measured = measure(store, campaign, store.iteration(campaign.name)).reliability
    assert measured.calibration is None
    assert not measured.after
    said, figures = reliability_of(open_page(PAGE))
    tried = f"{measured.error_after:.3f} instead of {measured.error_before:.3f}"
    assert "Not calibrated: " in said
    assert tried in said
    assert figures["Calibrated"] == "–"


def test_where_all_answers_agree_nothing_is_calibrated(store, campaign, open_page):
    answer(store, draw_performance_sample(store, campaign, 20), n_wrong=0)
    said, figures = reliability_of(open_page(PAGE))
    assert "Not calibrated: that takes at least 2 right and 2 wrong predictions." in said
    assert figures["Calibrated"] == "–"


def test_few_answers_are_not_measured_but_held_out_spectra_and_it_says_so(
    store, campaign, open_page
):
    keep_held_out(store, campaign, 40)
    answer(store, draw_performance_sample(store, campaign, 3), n_wrong=1)
    said, figures = reliability_of(open_page(PAGE))
    assert "20 are needed. Until then this is measured on 40 held-out spectra" in said
    assert figures["Error"]


def test_an_audit_is_planned_drawn_judged_and_read(store, campaign, open_page):
    at = open_page(PAGE, section="Completeness")
    at.number_input(key="audit-size").set_value(60)
    at.number_input(key="audit-below").set_value(4).run()
    promised = at.info[0].value
    assert "60 spectra to judge" in promised
    assert "interval of the recall will be about" in promised
    at.button(key="draw-audit-small-0").click().run()
    (query,) = store.queries(store.iteration(campaign.name), Purpose.AUDIT)
    assert len(query.items) == 60
    assert told(at)["desk"]["task"] == "audit"
    for item in query.items:
        said = "emission" if item.predicted in campaign.targets else "noise"
        record_answer(store, query, item.identifier, said, oracle="tester")
    at = open_page(PAGE, section="Completeness")
    assert "Recall among the" in " ".join(text.value for text in at.markdown)
    table = table_of(at, "unsure ones").set_index("unsure ones")
    assert table.loc["left out", "recall"] == 100
    assert "Look again" not in " ".join(text.value for text in at.markdown)
    slip = next(item for item in query.items if item.predicted not in campaign.targets)
    for said in ("only once so far: 1", "Each was named one twice"):
        record_answer(store, query, slip.identifier, "emission", oracle="tester")
        at = open_page(PAGE, section="Completeness")
        assert said in " ".join(text.value for text in at.markdown)
        assert list(table_of(at, "times named")["identifier"]) == [slip.identifier]
    assert 0 < table.loc["left out", "95 % from"] < 100
    close_iteration(store, campaign)
    fakes.train(store, campaign)
    at = open_page(PAGE, section="Completeness")
    assert "300 labels cannot be shared out to" in at.error[0].value
    at.number_input(key="audit-size").set_value(60).run()
    assert "60 spectra to judge" in at.info[0].value


def test_precision_says_what_certifying_it_takes(store, campaign, open_page):
    answer(store, draw_performance_sample(store, campaign, 20), n_wrong=1)
    said = " ".join(text.value for text in open_page(PAGE).markdown)
    assert "not certified: up to" in said
    assert "more labels without an error would do it" in said


def test_no_more_labels_are_promised_than_there_are():
    found = certify(6, 7, 0.065)
    assert "at the present rate of errors no number would" in describe_certification(found)
    assert describe_certification(found, 3).endswith("but only 3 are left to be judged.")


def test_the_panel_says_whether_to_stop_and_its_goals_can_be_set(store, campaign, open_page):
    at = open_page(PAGE)
    said = " ".join(text.value for text in at.markdown)
    assert "When to stop." in said
    assert "Precision of emission (confirmed ones included) is not known yet" in said
    at.number_input(key="goal-precision").set_value(75.0).run()
    at.button(key="keep-goals").click().run()
    assert read_goals(store, campaign).precision == 0.75
    said = " ".join(text.value for text in at.markdown)
    assert (
        "precision of emission (confirmed ones included) | nothing judged | 75 % at least" in said
    )
