"""Confirming what is not looked for says no more than that: the answer "other"."""

import pytest

from active_cnn.campaign.creation import DEFAULT_CLASSES, create_campaign
from active_cnn.campaign.plain_answers import with_plain_answers
from active_cnn.campaign.store import Store
from active_cnn.records import OracleClass


def classes(*named):
    return tuple(
        OracleClass(name, key, network_class, is_target=network_class == "star")
        for name, key, network_class in named
    )


def test_confirming_what_is_not_looked_for_stores_no_absorption(campaign):
    assert campaign.confirms("not-interesting").name == "other"
    assert campaign.confirms("emission").name == "emission"
    assert campaign.trains["other"] == "not-interesting"


@pytest.mark.parametrize(
    ("given", "added"),
    [
        ([("star", "s", "star"), ("galaxy", "g", "rest")], [("other", "c", "rest")]),
        ([("star", "s", "star"), ("rest", "g", "rest")], []),
        ([("star", "s", "star"), ("other", "g", "rest")], []),
        ([("star", "s", "star"), ("galaxy", "c", "rest")], [("other", "k", "rest")]),
        (
            [("star", "s", "star"), ("galaxy", "g", "far"), ("noise", "n", "near")],
            [("other", "c", "far"), ("other near", "k", "near")],
        ),
        (
            [("star", "s", "star"), ("galaxy", "g", "rest"), ("other", "o", None)],
            [("other rest", "c", "rest")],
        ),
    ],
)
def test_an_answer_is_added_where_none_is_plain(given, added):
    before = classes(*given)
    after = with_plain_answers(before, {})
    assert after[: len(before)] == before
    assert [(one.name, one.key, one.network_class) for one in after[len(before) :]] == added
    assert with_plain_answers(after, {}) == after


def test_no_key_that_a_person_has_chosen_is_taken():
    after = with_plain_answers(
        classes(("star", "s", "star"), ("galaxy", "g", "rest")), {"undo": "c", "skip": "K"}
    )
    assert after[-1].key == "q"


def test_a_campaign_of_an_earlier_version_gets_the_answer_and_keeps_its_own(store, survey):
    older = tuple(one for one in DEFAULT_CLASSES if one.name != "other")
    campaign = create_campaign(store, "old", survey.training, survey.pool, classes=older)
    with store._write():
        store._db.table("oracle_class").delete(("old", "other"))
        store._db.execute("DELETE FROM _sqlite_migrations WHERE name = 'm009_other'")
    assert [one.name for one in store.campaign("old").classes] == [one.name for one in older]
    with Store(store.home) as again:
        after = again.campaign("old")
    assert after.classes[: len(older)] == older
    assert after.classes[-1] == OracleClass("other", "c", "not-interesting")
    assert after.network_classes == campaign.network_classes
    assert after.confirms("not-interesting").name == "other"
