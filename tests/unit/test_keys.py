"""Keys of the labelling page: one for everything, none for two things."""

from dataclasses import replace

import pytest

from active_cnn.campaign.creation import DEFAULT_CLASSES, create_campaign
from active_cnn.errors import CampaignError
from active_cnn.keys import ACTIONS, assign_keys, check_keys
from active_cnn.records import OracleClass

CLASS_KEYS = [one.key for one in DEFAULT_CLASSES]
NAMED = [(one.name, one.key) for one in DEFAULT_CLASSES]


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
        ({"help": "e"}, "'e' is given to the answer 'emission' and to the action 'help'"),
        ({"help": "E"}, "'e' of the answer 'emission' and 'E' of the action 'help' are one"),
        ({"help": "q", "skip": "q"}, "'q' is given to the action 'help' and to the action 'skip'"),
        ({"help": "q", "skip": "Q"}, "are one to a keyboard"),
        ({"help": ""}, "give one character"),
        ({"help": "Tab"}, "give one character"),
        ({"help": "é"}, "give one character"),
        ({"help": "İ"}, "give one character"),
        ({"help": "ß"}, "give one character"),
        ({"help": "\N{KELVIN SIGN}"}, "give one character"),
    ],
)
def test_a_key_that_cannot_be_is_refused(chosen, message):
    with pytest.raises(CampaignError, match=message):
        check_keys(NAMED, chosen)


@pytest.mark.parametrize("key", ["A", "a"])
def test_classes_whose_keys_a_keyboard_cannot_tell_apart_are_refused_with_both(key):
    with pytest.raises(CampaignError, match=r"'a'.*'absorption'.*'other'"):
        check_keys([*NAMED, ("other", key)], {})


@pytest.mark.parametrize("key", ["İ", "ı", "ß", "\N{KELVIN SIGN}", "Å", "dd", "", " "])
def test_a_class_has_a_key_of_every_keyboard(key):
    with pytest.raises(CampaignError, match="give one letter or digit"):
        OracleClass("other", key, None)


def with_keys_of_an_earlier_version(store, campaign):
    """Give two classes one key, as version 0.2 let it pass."""
    store._db.execute(
        "UPDATE oracle_class SET key = 'E' WHERE campaign = ? AND name = 'noise'", [campaign.name]
    )
    store._db.execute("UPDATE campaign SET chosen_keys = ?", ['{"help": "e", "skip": "k"}'])
    return store.campaign(campaign.name)


def test_an_earlier_campaign_with_such_keys_opens_and_they_give_no_answer(store, campaign):
    stored = with_keys_of_an_earlier_version(store, campaign)
    assert stored.shared_keys == {"e": ["emission", "noise"]}
    assert (stored.class_keys["emission"], stored.class_keys["noise"]) == ("", "")
    assert stored.class_keys["absorption"] == "a"
    assert (stored.keys["help"], stored.keys["skip"]) == ("h", "k")
    with pytest.raises(CampaignError, match="are one to a keyboard"):
        store.change_answers(campaign.name, stored.classes, {})
    mended = tuple(replace(one, key="q") if one.name == "noise" else one for one in stored.classes)
    store.change_answers(campaign.name, mended, {})
    assert store.campaign(campaign.name).shared_keys == {}


def test_no_campaign_is_made_with_such_keys(store, survey):
    classes = (*DEFAULT_CLASSES, OracleClass("extra", "A", None))
    with pytest.raises(CampaignError, match="are one to a keyboard"):
        create_campaign(store, "mine", survey.training, survey.pool, classes=classes)
    with pytest.raises(CampaignError, match="are one to a keyboard"):
        create_campaign(store, "mine", survey.training, survey.pool, chosen_keys={"undo": "A"})
    assert store.campaign_names() == []


def test_more_answers_than_there_are_keys_are_refused_as_such():
    keys = [(f"class {i}", "abcdefghijklmnopqrstuvwxyz0123456789"[i % 36]) for i in range(60)]
    with pytest.raises(CampaignError, match="There are 60 answers, .* give 36 at most"):
        check_keys(keys, {})
