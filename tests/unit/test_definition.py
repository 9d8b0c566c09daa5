"""The keys in the definition of a campaign."""

from __future__ import annotations

import pytest

from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.definition import Definition, read_definition
from active_cnn.errors import CampaignError


@pytest.fixture
def define(tmp_path):
    def define(text: str) -> Definition:
        path = tmp_path / "definition.toml"
        path.write_text(text, encoding="utf-8")
        return read_definition(path)

    return define


def test_a_definition_without_keys_leaves_them_as_they_are(define):
    assert define("").keys == {} == Definition().keys


def test_keys_are_taken_by_action(define):
    assert define('[keys]\nundo = "Backspace"\nzoom-in = "i"').keys == {
        "undo": "Backspace",
        "zoom-in": "i",
    }


def test_chosen_keys_belong_to_the_campaign_from_its_creation(store, survey, define):
    keys = define('[keys]\nundo = "Backspace"').keys
    create_campaign(store, "mine", survey.training, survey.pool, chosen_keys=keys)
    campaign = store.campaign("mine")
    assert campaign.chosen_keys == {"undo": "Backspace"}
    assert campaign.keys["undo"] == "Backspace"
    assert campaign.keys["confirm"] == "Enter"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('keys = "x"', "write them under [keys]"),
        ("[keys]\nundo = 3", "give a text of at most"),
        ('[keys]\njump = "j"', "no action 'jump'"),
        ('[keys]\nundo = "Escape"', "give one character"),
        ('[keys]\nundo = "a"', "the answer 'absorption' and to the action 'undo'"),
        ('[keys]\nundo = "A"', "are one to a keyboard"),
        (
            '[[class]]\nname = "x"\nkey = "j"\n[[class]]\nname = "y"\nkey = "J"',
            "'j' of the answer 'x' and 'J' of the answer 'y' are one to a keyboard",
        ),
        ('[keys]\nundo = "j"\nskip = "J"', "choose another"),
        (
            '[[class]]\nname = "x"\nkey = "j"\n[keys]\nundo = "j"',
            "the answer 'x' and to the action 'undo'",
        ),
    ],
)
def test_keys_that_cannot_be_are_refused_with_the_file_and_the_value(define, text, said):
    with pytest.raises(CampaignError, match="definition.toml") as refused:
        define(text)
    assert said in str(refused.value)
