"""Keys of the labelling page: one for everything, none for two things."""

import pytest

from active_cnn.campaign.campaign import DEFAULT_CLASSES
from active_cnn.errors import CampaignError
from active_cnn.keys import ACTIONS, assign_keys

CLASS_KEYS = [one.key for one in DEFAULT_CLASSES]


def test_every_action_of_the_default_campaign_has_a_key_of_its_own():
    keys = assign_keys(CLASS_KEYS, {})
    assert list(keys) == list(ACTIONS)
    assert all(keys.values())
    assert len({*keys.values(), *CLASS_KEYS}) == len(keys) + len(CLASS_KEYS)


def test_a_class_takes_its_key_from_an_action_which_gets_another_one():
    keys = assign_keys([*CLASS_KEYS, "s", "w"], {})
    assert (keys["skip"], keys["view"]) == ("PageDown", "1")


def test_a_chosen_key_wins_over_what_another_action_would_like():
    keys = assign_keys(CLASS_KEYS, {"help": "S"})
    assert (keys["help"], keys["skip"]) == ("s", "PageDown")


def test_an_action_whose_keys_are_all_taken_is_left_to_the_mouse():
    assert assign_keys([*CLASS_KEYS, "z"], {"help": "Backspace"})["undo"] == ""


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"fly": "f"}, "no action 'fly'"),
        ({"help": "e"}, "'e' is given to 'help' and to an answer"),
        ({"help": "q", "skip": "q"}, "'q' is given to 'skip' and to 'help'"),
        ({"help": ""}, "give one character"),
        ({"help": "Tab"}, "give one character"),
        ({"help": "é"}, "give one character"),
    ],
)
def test_a_key_that_cannot_be_is_refused(chosen, message):
    with pytest.raises(CampaignError, match=message):
        assign_keys(CLASS_KEYS, chosen)
