"""The process that makes sheets: what it gives, what it says, and that it is started anew."""

import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest

from active_cnn.campaign.files import open_pool
from active_cnn.campaign.sheet_maker import SheetMaker, answer
from active_cnn.campaign.sheets import make_sheets
from active_cnn.campaign.training_data import read_initial_set
from active_cnn.errors import SpectrumError


@pytest.fixture(scope="module")
def maker():
    made = SheetMaker()
    yield made
    made.close()


@pytest.fixture
def names(store, campaign):
    pool = open_pool(store, campaign)
    return pool.identifiers(np.flatnonzero(pool.usable)[:4])


def test_it_gives_what_is_made_here(store, campaign, maker, names):
    pool, training = open_pool(store, campaign), read_initial_set(store, campaign)
    here = make_sheets(store, campaign, pool, training, names)
    made = [json.loads(one) for one in maker.make(store.home, campaign, names)]
    assert made == json.loads(json.dumps(here))


def test_a_spectrum_that_is_not_in_the_pool_is_named_and_the_next_ones_come(
    store, campaign, maker, names
):
    with pytest.raises(SpectrumError, match=r"no spectrum 'nowhere\.fits'"):
        maker.make(store.home, campaign, ["nowhere.fits"])
    assert len(maker.make(store.home, campaign, names[:2])) == 2


def test_names_with_line_ends_and_any_letters_stay_one_request(store, campaign, maker, names):
    with pytest.raises(SpectrumError, match="no spectrum"):
        maker.make(store.home, campaign, ["two\nlines \u2028 Hα"])
    assert len(maker.make(store.home, campaign, names[:1])) == 1


def test_a_process_that_is_killed_is_started_anew(store, campaign, maker, names):
    before = _process_of(maker)
    os.kill(before, signal.SIGKILL)
    assert len(maker.make(store.home, campaign, names)) == 4
    assert _process_of(maker) != before


def test_a_campaign_that_is_gone_is_told(store, campaign, maker, names):
    with pytest.raises(SpectrumError, match="no campaign 'gone'"):
        maker.make(store.home, replace(campaign, name="gone"), names)


def test_it_ends_with_its_input():
    ended = SheetMaker()
    ended._process.stdin.close()
    assert ended._process.wait(60) == 0
    ended._process.stdout.close()


def test_answers_come_in_the_order_of_the_requests(store, campaign, names):
    requests = [
        json.dumps([str(store.home), campaign.name, campaign.created_at, some])
        for some in (names[:1], ["nowhere.fits"], names[1:3])
    ]
    lines = [json.loads(line) for line in answer(requests)]
    assert lines[0] == {"n": 1}
    assert lines[1]["identifier"] == names[0]
    assert "nowhere.fits" in lines[2]["trouble"]
    assert lines[3] == {"n": 2}
    assert [line["identifier"] for line in lines[4:]] == names[1:3]


def _process_of(maker):
    return maker._process.pid
