"""The way of a search without an archive: five examples, rankings, answers, and a network."""

import csv

import numpy as np
import pytest

from active_cnn.campaign import worker
from active_cnn.campaign.beginning import begin_with_examples
from active_cnn.campaign.campaign import close_iteration, record_answer
from active_cnn.campaign.committee import predecessors
from active_cnn.campaign.files import open_pool, open_predictions
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.store import Store
from active_cnn.campaign.training_data import why_ranked
from active_cnn.delivery.candidates import list_candidates
from active_cnn.delivery.methods import describe_methods
from active_cnn.evaluation.ranking import average_precision
from active_cnn.recipes import TrainingSettings
from active_cnn.records import JobState
from active_cnn.spectra.examples import Examples
from active_cnn.spectra.simulation import write_case
from active_cnn.spectra.simulation.cases import CASES

SETTINGS = TrainingSettings(max_epochs=2, background=0, seed=1)


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    """A pool of 1000, 8 % of them targets."""
    folder = tmp_path_factory.mktemp("survey")
    sizes = {"pool_size": 1000, "training_size": 20, "n_fits": 0}
    return write_case(folder, CASES["lithium"], target_share=0.08, seed=5, **sizes)


@pytest.fixture(scope="module")
def truth(survey):
    with survey.truth.open(encoding="utf-8") as file:
        return {row["identifier"]: row["label"] for row in csv.DictReader(file)}


def train(store):
    iteration = store.iteration("li")
    job = store.add_job("li", iteration.number, SETTINGS)
    assert worker.run(store.home, job.number), store.job(job.number).error
    assert store.job(job.number).state is JobState.SUCCEEDED
    return store.iteration("li", iteration.number)


def answer(store, truth, size):
    """Answer a query by the truth; gives how many were targets."""
    campaign = store.campaign("li")
    query = draw_relabel_query(store, campaign, size=size)
    for item in query.items:
        record_answer(store, query, item.identifier, truth[item.identifier], oracle="ann")
    found = sum(truth[item.identifier] == "Li-rich" for item in query.items)
    close_iteration(store, campaign)
    return found


def test_a_search_goes_from_five_examples_to_a_network(tmp_path, survey, truth):
    examples = [name for name, label in truth.items() if label == "Li-rich"][:5]
    with Store(tmp_path / "home") as store:
        campaign = begin_with_examples(
            store, "li", survey.pool, Examples(tuple(examples)), label="Li-rich"
        ).campaign
        first = train(store)
        result = first.result
        assert result.is_ranking
        assert result.alarms == ()
        assert (result.history, result.rankings, result.validation["n"]) == ({}, {}, 0)
        assert "5 of 40 targets" in result.notices[0]
        pool = open_pool(store, campaign)
        rows = np.setdiff1d(np.flatnonzero(pool.usable), pool.find(examples))
        is_target = np.array([truth[name] == "Li-rich" for name in pool.identifiers(rows)])
        score = open_predictions(store, first).all_probabilities()[rows, 0]
        assert average_precision(score, is_target) > 0.5  # by chance 0.08
        assert "No network has been trained yet." in describe_methods(store, campaign)
        assert answer(store, truth, 60) > 20  # by chance 5

        second = train(store)
        assert second.result.is_ranking
        assert second.result.n_training == 65
        answer(store, truth, 60)

        last = store.iteration("li")
        assert why_ranked(store, campaign, last) == ""
        trained = train(store)
        assert not trained.result.is_ranking
        assert trained.result.history["loss"]
        assert predecessors(store, trained) == []
        assert len(list_candidates(store, campaign))
        said = describe_methods(store, campaign)
        assert "In the iterations 0 to 1 too little was labelled to train a network" in said
        assert "In each later iteration the network 'compact' was trained" in said
