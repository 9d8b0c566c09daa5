"""The methods section: the campaign's own numbers, and no claim that was not measured."""

import re
import shutil
from dataclasses import replace

import h5py
import numpy as np
import pytest

from active_cnn import __version__
from active_cnn.campaign.audit import draw_audit
from active_cnn.campaign.campaign import close_iteration, record_answer
from active_cnn.campaign.confidence import THRESHOLD
from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.sampling import draw_performance_sample
from active_cnn.cli import main
from active_cnn.delivery.candidates import above_threshold, find_candidates
from active_cnn.delivery.methods import describe_methods
from active_cnn.errors import CampaignError
from active_cnn.search import Search
from active_cnn.spectra.simulation import write_case
from active_cnn.spectra.simulation.cases import CASES
from tests import fakes


def test_without_predictions_there_is_nothing_to_report(store, campaign):
    with pytest.raises(CampaignError, match="nothing to report"):
        describe_methods(store, campaign)


def test_nothing_is_claimed_that_was_not_measured(store, campaign, score):
    score()
    text = describe_methods(store, campaign)
    assert "was not measured" in text
    assert "completeness was not measured by an audit; none is claimed" in text
    assert "not calibrated" in text
    assert "Nobody has answered a spectrum yet" in text


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        (
            {"resolving_power": 1800.0},
            "Spectra of a higher resolving power than R = 1800 were degra",
        ),
        ({"resolving_power": "as-is"}, "Spectra were kept at their own resolving power. Each"),
        ({}, "Hα 6564.61 Å (emission); observed wavelengths. Each spectrum was resampled"),
    ],
)
def test_the_resolving_power_is_told_as_far_as_the_pool_states_it(
    store, survey, fill_iteration, probabilities, tmp_path, attributes, said
):
    pool = shutil.copy(survey.pool, tmp_path / "pool.h5")
    with h5py.File(pool, "r+") as file:
        (group,) = (one for one in file.values() if "spectra" in one)
        for name in list(group.attrs):
            del group.attrs[name]
        group.attrs.update(attributes)
    campaign = create_campaign(store, "halpha", survey.training, pool)
    fill_iteration(store, campaign, probabilities)
    assert said in describe_methods(store, campaign)


@pytest.mark.parametrize(("name", "says"), [("carbon", False), ("lithium", True)])
def test_planted_lines_are_told_of_where_training_shows_them(
    store, fill_iteration, tmp_path, name, says
):
    case = CASES[name]
    files = write_case(tmp_path / "survey", case, pool_size=60, training_size=40, n_fits=0)
    campaign = create_campaign(
        store,
        name,
        files.training,
        files.pool,
        grid=case.grid,
        classes=case.answers,
    )
    fill_iteration(store, campaign, np.tile([0.8, 0.2], (60, 1)))
    text = describe_methods(store, campaign)
    assert "shown with the noise of the pool" in text
    assert ("planted lines" in text) is says


def test_a_whole_campaign_is_told_with_its_own_numbers(store, campaign):
    fakes.train(store, campaign)
    query = draw_relabel_query(store, campaign, size=40)
    for item in query.items:
        record_answer(
            store,
            query,
            item.identifier,
            item.predicted.replace("not-interesting", "absorption"),
            oracle="ann",
        )
    close_iteration(store, campaign)
    result = fakes.train(store, campaign)
    sample = draw_performance_sample(store, campaign, 4)
    for item in sample.items:
        record_answer(store, sample, item.identifier, item.predicted, oracle="bob")
    audit = draw_audit(store, campaign, 60, 200, 10)
    for item in audit.items:
        record_answer(store, audit, item.identifier, "noise", oracle="bob")
    text = describe_methods(store, campaign)
    assert text == describe_methods(store, campaign)
    assert f"Active CNN {__version__}" in text
    assert "We searched 300 spectra, of which 298 can be used" in text
    assert "2 people answered" in text
    assert "by query strategy were: mixed 40" in text
    assert (
        f"{len(above_threshold(find_candidates(store, campaign), THRESHOLD, campaign)):,} spectra"
        in text
    )
    assert "drawn at random in" in text
    assert re.search(r"emission [01]\.\d+ \(\d of \d right; \d+ predicted; 95 % interval", text)
    assert "Emission lines were planted into" in text
    for value in (campaign.pool_fingerprint, campaign.training_sha256, result.network_sha256[:16]):
        assert value in text
    assert "mixed (direct 0.4, greedy 0.45, margin 0.15)" in text
    assert "has not been audited" not in text
    close_iteration(store, campaign)
    fakes.train(store, campaign)
    later = describe_methods(store, campaign)
    assert "of what iteration 1 predicts was measured by an audit" in later
    assert "Iteration 2, which the candidates come from, has not been audited" in later
    for one in store.all_queries(campaign.name):
        assert f"| {one.seed} |" in text


def test_the_command_writes_it_to_the_screen_or_to_a_file(store, campaign, score, tmp_path, capsys):
    score()
    expected = describe_methods(store, campaign)
    home = ["--home", str(store.home)]
    with pytest.raises(SystemExit, match="0"):
        main(["report", *home])
    assert capsys.readouterr().out.strip() == expected.strip()
    with pytest.raises(SystemExit, match="0"):
        main(["report", *home, "--out", str(tmp_path / "methods.md")])
    assert (tmp_path / "methods.md").read_text(encoding="utf-8") == expected


def test_the_source_of_a_search_is_among_the_references(store, campaign, score):
    score()
    assert describe_methods(store, campaign).count("A122") == 1
    other = replace(campaign, search=Search("x", source="Ji et al. (2016), ApJS, 226, 1"))
    assert "Ji et al. (2016), ApJS, 226, 1 (the search)" in describe_methods(store, other)
