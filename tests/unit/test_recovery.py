"""What becomes of planted lines: the map, the limit, the sentence, the file, a real network."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from active_cnn.campaign.campaign import record_answer
from active_cnn.campaign.files import iteration_folder, open_pool, open_predictions
from active_cnn.campaign.recovery import (
    probabilities_of,
    read_recovery,
    recover_planted,
)
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.errors import EvaluationError, SpectrumError, StoreError
from active_cnn.evaluation.recovery import (
    completeness_limit,
    describe_recovery,
    limits_by_snr,
    map_recovery,
)
from active_cnn.search import HALPHA, Band, Search, Sign, TargetLine
from active_cnn.spectra.rule import line_significance


@pytest.fixture
def table():
    rng = np.random.default_rng(3)
    n = 20_000
    return pd.DataFrame(
        {
            "equivalent_width": 0.3 * 100 ** rng.random(n),
            "snr": 5 * 16 ** rng.random(n),
            "fwhm": rng.uniform(100, 700, n),
            "separation": rng.uniform(100, 600, n),
            "kind": "emission",
        }
    )


def steep(table):
    """Find what has an equivalent width above 40 Å over its S/N."""
    return (table["equivalent_width"] > 40 / table["snr"]).to_numpy()


def test_a_map_shows_where_the_border_is(table):
    is_found = steep(table)
    cells = map_recovery(table, is_found, "snr", "equivalent_width")
    assert cells["n"].sum() == len(table)
    assert cells["n_found"].sum() == is_found.sum()
    above = cells["y_from"] > 40 / cells["x_from"]
    below = cells["y_to"] < 40 / cells["x_to"]
    assert (cells.loc[above, "share"] == 1).all()
    assert (cells.loc[below, "share"] == 0).all()
    assert ((cells["low"] <= cells["share"]) & (cells["share"] <= cells["high"])).all()
    assert above.sum() > 10 < below.sum()


def test_cells_with_few_lines_claim_nothing(table):
    few = table.head(60)
    cells = map_recovery(few, steep(few), "snr", "equivalent_width")
    assert cells.loc[cells["n"] < 10, "share"].isna().all()


@pytest.mark.parametrize("axes", [("snr", "snr"), ("snr", "colour")])
def test_a_map_needs_two_axes(table, axes):
    with pytest.raises(EvaluationError, match="choose two different ones"):
        map_recovery(table, steep(table), *axes)


def test_the_limit_is_where_nine_of_ten_are_found():
    rng = np.random.default_rng(5)
    width = 0.3 * 100 ** rng.random(30_000)
    share = 1 / (1 + (2.0 / width) ** 3)  # 90 % at 2 · 9^(1/3)
    is_found = rng.random(len(width)) < share
    assert completeness_limit(width, is_found) == pytest.approx(2 * 9 ** (1 / 3), rel=0.05)


def test_where_there_is_no_limit_none_is_given():
    width = np.linspace(0.3, 30, 100)
    assert np.isnan(completeness_limit(width, np.ones(100, bool)))
    assert np.isnan(completeness_limit(width, width < 3))  # the strong ones are missed
    assert np.isnan(completeness_limit(width, width > 29))
    assert np.isnan(completeness_limit(width[:40], width[:40] > 5))


def test_fainter_spectra_need_stronger_lines(table):
    limits = limits_by_snr(table, steep(table))
    assert limits["limit"].is_monotonic_decreasing
    assert limits["n"].sum() == len(table)
    words = describe_recovery(table, steep(table), "predicted to be targets")
    assert words.startswith("Emission lines were planted into 20,000 spectra of the pool")
    assert "at S/N below 10" in words
    assert "at S/N above 40" in words
    assert "In no range" in describe_recovery(table, np.zeros(len(table), bool), "found")


def rule(campaign):
    """Predict as a network would that calls a target what stands 10 σ above the continuum."""

    def predict(windows):
        found = line_significance(windows, campaign.grid.wavelength, HALPHA) > 10
        return np.where(found[:, None], [[0.1, 0.8, 0.1]], [[0.9, 0.05, 0.05]]).astype(np.float32)

    return predict


def test_strong_lines_are_found_again_and_faint_ones_are_not(store, campaign, score):
    iteration = score()
    labels = open_predictions(store, iteration).labels()
    table = recover_planted(store, campaign, iteration, labels, rule(campaign))
    assert 100 < len(table) <= 240
    is_found = probabilities_of(table, 3).argmax(axis=1) > 0
    strong = (table["equivalent_width"] > 15) & (table["snr"] > 20)
    faint = table["equivalent_width"] < 0.6
    assert is_found[strong].mean() > 0.9
    assert is_found[faint].mean() < 0.2
    again = recover_planted(store, campaign, iteration, labels, rule(campaign))
    pd.testing.assert_frame_equal(table, again)


def test_the_networks_that_judge_candidates_together_judge_planted_lines_together(
    store, campaign, score
):
    iteration = score()
    labels = open_predictions(store, iteration).labels()
    newest = rule(campaign)
    earlier = [lambda windows: np.float32([[0.5, 0.25, 0.25]] * len(windows))] * 2
    table = recover_planted(store, campaign, iteration, labels, newest, earlier)
    is_found = probabilities_of(table, 3).argmax(axis=1) > 0
    assert table["log_odds"][is_found].to_numpy() == pytest.approx(np.log(9) / 3, rel=1e-5)
    assert table["log_odds"][~is_found].to_numpy() == pytest.approx(-np.log(9) / 3, rel=1e-5)


def test_neither_labelled_spectra_nor_predicted_targets_are_hosts(store, campaign, score):
    iteration = score()
    query = draw_relabel_query(store, campaign, "random", 100)
    for item in query.items:
        record_answer(store, query, item.identifier, "absorption", oracle="ann")
    predictions = open_predictions(store, iteration)
    table = recover_planted(store, campaign, iteration, predictions.labels(), rule(campaign))
    assert not set(table["identifier"]) & {item.identifier for item in query.items}
    rows = open_pool(store, campaign).rows(list(table["identifier"]))
    assert (predictions.labels()[rows] == 0).all()


def test_a_pool_without_a_free_spectrum_is_refused(store, campaign, score):
    iteration = score()
    with pytest.raises(SpectrumError, match="none of the pool's spectra"):
        recover_planted(store, campaign, iteration, np.ones(300, np.uint8), rule(campaign))


def test_an_iteration_without_planted_lines_has_none(store, campaign, score):
    assert read_recovery(store, store.iteration(campaign.name)) is None
    assert read_recovery(store, score()) is None


@pytest.mark.parametrize("content", [None, b"", b"a,b\n1,2\n"])
def test_a_lost_or_damaged_file_is_told(store, score, content):
    iteration = score()
    object.__setattr__(iteration.result, "recovery_file", "recovery-1.csv")
    if content is not None:
        (iteration_folder(store, iteration) / "recovery-1.csv").write_bytes(content)
    with pytest.raises(StoreError, match="Train the iteration again"):
        read_recovery(store, iteration)


def test_what_is_planted_is_what_marks_the_targets(store, campaign, score):
    iteration = score()
    labels = open_predictions(store, iteration).labels()
    lithium = TargetLine("Li I 6708", 6709.66, Sign.ABSORPTION, fwhm=(150.0, 400.0))
    absorbed = replace(campaign, search=Search("Li-rich giants", (lithium,)))
    table = recover_planted(store, absorbed, iteration, labels, rule(campaign))
    assert set(table["kind"]) == {"absorption"}
    deep = (table["equivalent_width"] > 1.5) & (table["snr"] > 20)
    assert deep.sum() > 5
    assert table["rule"][deep].median() > 5
    assert describe_recovery(table, table["rule"] > 5, "found").startswith(
        f"Absorption lines were planted into {len(table):,} spectra of the pool"
    )


@pytest.mark.parametrize(
    "search",
    [
        Search(),
        Search("quasars", (HALPHA,), redshift=(0.0, 0.4)),
        Search("carbon stars", bands=(Band("C2 Swan", 6520.0, 6600.0),)),
    ],
    ids=str,
)
def test_where_no_line_can_be_planted_none_is(store, campaign, score, search):
    iteration = score()
    labels = open_predictions(store, iteration).labels()
    with pytest.raises(SpectrumError, match="names no line that could be planted"):
        recover_planted(store, replace(campaign, search=search), iteration, labels, rule(campaign))
