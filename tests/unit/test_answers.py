"""What the oracle says: appended, never changed, never lost, and trained on at the right time."""

import re
import sqlite3
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from active_cnn.campaign.campaign import close_iteration, record_answer
from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.files import open_pool
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.sampling import draw_performance_sample
from active_cnn.campaign.store import FILE_NAME
from active_cnn.campaign.training_data import build_training_set, trained_answers
from active_cnn.errors import CampaignError
from active_cnn.records import AnswerEvent

WRITE = """
import sys
from pathlib import Path
from active_cnn.campaign.campaign import record_answer
from active_cnn.campaign.store import Store
home, campaign, query, oracle = Path(sys.argv[1]), *sys.argv[2:]
with Store(home) as store:
    asked = store.query(int(query))
    sys.stdin.readline()
    for item in asked.items:
        for answer in ("absorption", None, "emission"):
            record_answer(store, asked, item.identifier, answer, oracle=oracle)
"""


@pytest.fixture
def query(store, campaign, score):
    score()
    return draw_relabel_query(store, campaign, size=12)


@pytest.fixture
def identifiers(query):
    return [item.identifier for item in query.items]


def say(store, query, identifier, answer, **more):
    record_answer(store, query, identifier, answer, oracle="ann", **more)


def current(store, campaign, through=None):
    as_of = store.iteration(campaign.name)
    known = None if through is None else replace(as_of, answers_through=through)
    return {i: a.answer for i, a in store.current_answers(campaign.name, known).items()}


def test_an_answer_is_kept_with_who_when_what_and_from_which_query(
    store, campaign, query, identifiers
):
    say(store, query, identifiers[3], "emission", note="  two peaks? Hα ✓ \n", event="e1")
    (answer,) = store.answer_log(campaign.name)
    assert (answer.event, answer.campaign, answer.query) == ("e1", campaign.name, query.number)
    assert (answer.identifier, answer.answer, answer.oracle) == (identifiers[3], "emission", "ann")
    assert (answer.note, answer.iteration, answer.purpose) == ("two peaks? Hα ✓", 0, "relabel")
    assert answer.at >= query.created_at


def test_the_database_refuses_to_change_or_remove_an_answer(store, campaign, query, identifiers):
    say(store, query, identifiers[0], "emission")
    connection = sqlite3.connect(store.home / FILE_NAME)
    for statement in ("UPDATE answer SET answer = 'noise'", "DELETE FROM answer"):
        with pytest.raises(sqlite3.IntegrityError, match="only ever added"):
            connection.execute(statement)
    connection.close()
    assert current(store, campaign) == {identifiers[0]: "emission"}


def test_the_same_event_twice_is_stored_once(store, campaign, query, identifiers):
    for _ in range(3):
        say(store, query, identifiers[0], "emission", event="same")
    assert len(store.answer_log(campaign.name)) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"answer": "noise"}, "stored with answer 'emission', not 'noise'"),
        ({"answer": None}, "stored with answer 'emission', not None"),
        ({"identifier": 1}, "stored with identifier"),
        ({"note": "a note"}, "stored with note '', not 'a note'"),
    ],
)
def test_an_event_with_the_name_of_another_one_is_refused_not_acknowledged(
    store, campaign, query, identifiers, change, said
):
    act = AnswerEvent("same", query.number, identifiers[0], "emission")
    assert store.add_answers(campaign.name, [act], "ann") == {}
    if "identifier" in change:
        change = {"identifier": identifiers[1]}
    other = replace(act, **change)
    fresh = replace(act, event="fresh", identifier=identifiers[2])
    refused = store.add_answers(campaign.name, [other, fresh], "ann")
    assert list(refused) == ["same"]
    assert said in refused["same"]
    assert "was not stored" in refused["same"]
    assert current(store, campaign) == {identifiers[0]: "emission", identifiers[2]: "emission"}


def test_an_event_of_somebody_else_is_refused_without_telling_what_was_said(
    store, campaign, query, identifiers
):
    act = AnswerEvent("same", query.number, identifiers[0], "emission")
    store.add_answers(campaign.name, [act], "ann")
    refused = store.add_answers(campaign.name, [replace(act, answer="noise")], "bob")
    assert "somebody else gave" in refused["same"]
    assert "emission" not in refused["same"]
    assert [one.oracle for one in store.answer_log(campaign.name)] == ["ann"]


def test_of_two_acts_of_one_name_in_a_message_the_second_is_refused(
    store, campaign, query, identifiers
):
    act = AnswerEvent("same", query.number, identifiers[0], "emission")
    again = replace(act, seconds=3.0)
    assert store.add_answers(campaign.name, [act, again], "ann") == {}
    other = replace(act, answer="noise")
    assert list(store.add_answers(campaign.name, [act, other], "ann")) == ["same"]
    assert current(store, campaign) == {identifiers[0]: "emission"}


def test_a_repeated_event_does_not_undo_a_later_correction(store, campaign, query, identifiers):
    say(store, query, identifiers[0], "emission", event="first")
    say(store, query, identifiers[0], "noise", event="second")
    say(store, query, identifiers[0], "emission", event="first")
    assert current(store, campaign) == {identifiers[0]: "noise"}


def test_a_correction_replaces_the_answer_and_the_log_keeps_both(
    store, campaign, query, identifiers
):
    say(store, query, identifiers[0], "emission")
    say(store, query, identifiers[1], "absorption")
    say(store, query, identifiers[0], "double-peak")
    assert current(store, campaign) == {
        identifiers[1]: "absorption", identifiers[0]: "double-peak"
    }  # fmt: skip
    assert [a.answer for a in store.answer_log(campaign.name)] == [
        "emission", "absorption", "double-peak"
    ]  # fmt: skip


def test_an_answer_can_be_taken_back_and_given_again(store, campaign, query, identifiers):
    say(store, query, identifiers[0], "emission")
    say(store, query, identifiers[0], None)
    assert current(store, campaign) == {}
    say(store, query, identifiers[0], "noise")
    assert current(store, campaign) == {identifiers[0]: "noise"}
    assert [a.answer for a in store.answer_log(campaign.name)] == ["emission", None, "noise"]


def test_answers_through_an_event_do_not_know_later_ones(store, campaign, query, identifiers):
    for answer in ("emission", "noise", None):
        say(store, query, identifiers[0], answer)
    first, second, third = (a.sequence for a in store.answer_log(campaign.name))
    assert current(store, campaign, through=0) == {}
    assert current(store, campaign, through=first) == {identifiers[0]: "emission"}
    assert current(store, campaign, through=second) == {identifiers[0]: "noise"}
    assert current(store, campaign, through=third) == {}


def test_a_spectrum_that_was_not_asked_about_is_refused(store, campaign, query):
    with pytest.raises(CampaignError, match="does not ask about 'no-such-spectrum'"):
        say(store, query, "no-such-spectrum", "emission")
    pool = open_pool(store, campaign)
    asked = {item.identifier for item in query.items}
    other = next(i for i in pool.identifiers(np.arange(20)) if i not in asked)
    with pytest.raises(CampaignError, match="was not stored"):
        say(store, query, other, "emission")
    assert store.answer_log(campaign.name) == []


@pytest.mark.parametrize("answer", ["", "Emission", "not-interesting", "nova"])
def test_a_class_that_the_campaign_does_not_have_is_refused(
    store, campaign, query, identifiers, answer
):
    with pytest.raises(CampaignError, match=f"'{answer}' is not an answer .* absorption, emission"):
        say(store, query, identifiers[0], answer)
    assert store.answer_log(campaign.name) == []


def test_a_query_of_another_campaign_cannot_be_answered_here(store, campaign, query, identifiers):
    other = create_campaign(
        store, "other", store.home / campaign.training_path, store.home / campaign.pool_path
    )
    event = AnswerEvent("e", query.number, identifiers[0], "emission")
    refused = store.add_answers(other.name, [event], "ann")
    assert "does not ask" in refused["e"]
    assert store.answer_log(other.name) == store.answer_log(campaign.name) == []


def test_an_old_query_can_be_answered_and_corrected_after_its_iteration_is_closed(
    store, campaign, query, identifiers
):
    say(store, query, identifiers[0], "emission")
    close_iteration(store, campaign)
    say(store, query, identifiers[0], "noise")
    say(store, query, identifiers[1], "emission")
    assert current(store, campaign) == {identifiers[0]: "noise", identifiers[1]: "emission"}


def test_two_processes_that_answer_at_once_lose_nothing(store, campaign, query, identifiers):
    processes = [
        subprocess.Popen(
            [
                sys.executable, "-c", WRITE,
                str(store.home), campaign.name, str(query.number), oracle,
            ],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for oracle in ("ann", "ben")
    ]  # fmt: skip
    said = [process.communicate("go\n", timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], "".join(said)
    log = store.answer_log(campaign.name)
    assert [a.sequence for a in log] == list(range(1, 6 * len(identifiers) + 1))
    for oracle in ("ann", "ben"):
        assert [(a.identifier, a.answer) for a in log if a.oracle == oracle] == [
            (identifier, answer)
            for identifier in identifiers
            for answer in ("absorption", None, "emission")
        ]
    assert current(store, campaign) == dict.fromkeys(identifiers, "emission")


# what is trained on


def labels_of(store, campaign, number):
    training_set = build_training_set(store, campaign, store.iteration(campaign.name, number))
    names = [campaign.network_classes[label] for label in training_set.labels]
    assert len(training_set.identifiers) == len(training_set.flux) == len(names)
    return dict(zip(training_set.identifiers, names, strict=True))


def test_the_first_training_set_is_the_initial_one(store, campaign):
    assert len(labels_of(store, campaign, 0)) == 90


def test_each_answer_brings_its_own_spectrum_into_the_next_training_set(
    store, campaign, query, identifiers
):
    said = {
        identifiers[8]: "double-peak",
        identifiers[2]: "noise",
        identifiers[5]: "emission",
    }
    for identifier, answer in said.items():
        say(store, query, identifier, answer)
    iteration = close_iteration(store, campaign)
    training_set = build_training_set(store, campaign, iteration)
    assert training_set.identifiers[90:] == tuple(said)
    np.testing.assert_array_equal(training_set.labels[90:], [2, 0, 1])
    pool = open_pool(store, campaign)
    assert training_set.is_of_pool.tolist() == [False] * 90 + [True] * 3
    for identifier, flux in zip(said, training_set.flux[90:], strict=True):
        np.testing.assert_array_equal(flux, pool.flux(pool.rows([identifier]))[0])


def test_a_correction_of_an_old_answer_changes_its_label_and_adds_no_row(
    store, campaign, query, identifiers, score
):
    say(store, query, identifiers[0], "emission")
    say(store, query, identifiers[1], "emission")
    close_iteration(store, campaign)
    score()
    say(store, query, identifiers[0], "absorption")
    close_iteration(store, campaign)
    before, after = labels_of(store, campaign, 1), labels_of(store, campaign, 2)
    assert (len(before), len(after)) == (92, 92)
    assert (before[identifiers[0]], after[identifiers[0]]) == ("emission", "not-interesting")
    assert after[identifiers[1]] == "emission"


def test_a_training_set_does_not_change_while_answers_come_in(store, campaign, query, identifiers):
    iteration = close_iteration(store, campaign)
    before = build_training_set(store, campaign, iteration).sha256
    say(store, query, identifiers[0], "emission")
    assert build_training_set(store, campaign, iteration).sha256 == before


def test_an_answer_taken_back_leaves_the_next_training_set(store, campaign, query, identifiers):
    say(store, query, identifiers[0], "emission")
    say(store, query, identifiers[0], None)
    close_iteration(store, campaign)
    assert len(labels_of(store, campaign, 1)) == 90


def test_unsure_is_stored_but_never_trained_on(store, campaign, query, identifiers):
    say(store, query, identifiers[0], "unsure", note="come back with a better spectrum")
    say(store, query, identifiers[1], "emission")
    iteration = close_iteration(store, campaign)
    assert set(current(store, campaign)) == {identifiers[0], identifiers[1]}
    assert set(trained_answers(store, campaign, iteration)) == {identifiers[1]}
    assert identifiers[0] not in labels_of(store, campaign, 1)


def test_an_answer_that_becomes_unsure_leaves_the_next_training_set(
    store, campaign, query, identifiers, score
):
    say(store, query, identifiers[0], "emission")
    close_iteration(store, campaign)
    score()
    say(store, query, identifiers[0], "unsure")
    close_iteration(store, campaign)
    assert identifiers[0] in labels_of(store, campaign, 1)
    assert identifiers[0] not in labels_of(store, campaign, 2)


def test_performance_answers_are_trained_on_in_the_next_iteration_only(store, campaign, score):
    score()
    sample = draw_performance_sample(store, campaign, size=5)
    for item in sample.items:
        say(store, sample, item.identifier, "emission")
    drawn = {item.identifier for item in sample.items}
    assert not drawn & set(labels_of(store, campaign, 0))
    # A second training of the same iteration knows none of them either.
    score()
    assert not drawn & set(labels_of(store, campaign, 0))
    close_iteration(store, campaign)
    assert drawn <= set(labels_of(store, campaign, 1))


def test_what_was_trained_on_is_not_drawn_to_measure_the_same_iteration(store, campaign, score):
    score()
    targets = draw_relabel_query(store, campaign, strategy="random-target", size=40)
    trained = {item.identifier for item in targets.items}
    for identifier in trained:
        say(store, targets, identifier, "emission")
    close_iteration(store, campaign)
    score()
    sample = draw_performance_sample(store, campaign, size=100)
    assert not trained & {item.identifier for item in sample.items}
    assert len(sample.items) == 20


def test_a_training_file_that_was_changed_is_refused_with_its_path(store, survey, tmp_path):
    path = tmp_path / "training.csv"
    path.write_bytes(survey.training.read_bytes())
    campaign = create_campaign(store, "a", path, survey.pool)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    with pytest.raises(CampaignError, match="has changed since the campaign was created") as caught:
        build_training_set(store, campaign, store.iteration("a"))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("change", "oracle", "reason"),
    [
        ({}, "a" * 81, "'aaa.*cannot sign answers: give a name of 1 to 80"),
        ({}, "ann\0", r"'ann.x00' cannot sign answers"),
        ({}, " ann", "without spaces around"),
        ({"event": "e" * 101}, "ann", "1 to 100 characters"),
        ({"event": "e\x1b[2J"}, "ann", "1 to 100 characters that can be seen"),
        ({"seconds": float("inf")}, "ann", "took inf s: give 0 to"),
        ({"seconds": float("nan")}, "ann", "took nan s: give 0 to"),
        ({"seconds": -1.0}, "ann", "took -1.0 s: give 0 to"),
        ({"seconds": 1e308}, "ann", "took 1e.308 s: give 0 to"),
    ],
)
def test_what_an_import_refuses_is_not_stored_from_a_page_either(
    store, campaign, query, identifiers, change, oracle, reason
):
    act = replace(AnswerEvent("e1", query.number, identifiers[0], "noise"), **change)
    (said,) = store.add_answers(campaign.name, [act], oracle).values()
    assert re.search(reason, said)
    assert store.answer_log(campaign.name) == []
