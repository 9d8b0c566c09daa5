"""Files of candidates that a server makes: the rows asked for, small or large."""

import csv
import io

import pytest

from active_cnn.delivery import files
from active_cnn.delivery.candidates import find_candidates, list_candidates
from active_cnn.delivery.files import make_file
from active_cnn.engine import open_engine
from active_cnn.errors import EngineError, StoreError


@pytest.fixture
def scored(campaign, score):
    score()
    return campaign


def identifiers(file):
    return [row["identifier"] for row in csv.DictReader(io.StringIO(file.decode()))]


def test_a_file_holds_the_rows_asked_for_in_their_order(store, scored):
    listed = list_candidates(store, scored).iloc[[7, 3, 5]]
    found = find_candidates(store, scored)["identifier"]
    assert identifiers(make_file(store.home, scored, listed, ".csv", "all")) == list(
        found[[7, 3, 5]]
    )


def test_a_large_file_is_made_elsewhere_and_is_the_same(store, scored, monkeypatch):
    listed = list_candidates(store, scored)
    here = make_file(store.home, scored, listed, ".csv", "all")
    asked = []
    monkeypatch.setattr(
        files,
        "open_engine",
        lambda processes: asked.append(processes) or open_engine(processes=processes),
    )
    monkeypatch.setattr(files, "LARGE", len(listed))
    assert make_file(store.home, scored, listed, ".csv", "all") == here
    assert asked == [2]


def test_a_process_that_is_killed_is_a_message(store, scored, monkeypatch):
    def refuse(**_):
        raise EngineError("died")

    monkeypatch.setattr(files, "LARGE", 0)
    monkeypatch.setattr(files, "open_engine", refuse)
    with pytest.raises(StoreError, match="Ask for fewer candidates"):
        make_file(store.home, scored, list_candidates(store, scored), ".csv", "all")
