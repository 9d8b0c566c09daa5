"""The section Settings of the Overview page: sharing, answers and keys."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.records import AnswerEvent, Resolution, Sharing, SharingMode
from active_cnn.ui.campaign_settings import key_table, read_keys

PAGE = "1_Overview"


@pytest.fixture
def settings(campaign, open_page):
    """Give a function that opens the section."""
    return lambda: open_page(PAGE, campaign=campaign.name, section="Settings")


def save_edited(at, *, classes=None, keys=None):
    """Press the button as a browser does whose tables have been edited.

    AppTest knows no editing of tables: what the browser sends is put in beside the button.
    """
    states = at.button(key="save-answers").click().root.get_widget_states()
    for table, edits in (("classes", classes), ("keys", keys)):
        (editor,) = [one for one in at.dataframe if table in one.proto.id]
        given = {"edited_rows": {}, "added_rows": [], "deleted_rows": []} | (edits or {})
        states.widgets.add(id=editor.proto.id, string_value=json.dumps(given))
    return at._run(states)


def said(messages):
    return "\n".join(one.value for one in messages).replace("\\", "")


def test_sharing_is_saved_signed_by_who_saved_it(store, campaign, settings):
    at = settings()
    assert at.button(key="save-sharing").disabled
    at.radio(key="sharing-mode-small").set_value(SharingMode.DOUBLE).run()
    at.number_input(key="sharing-judges-small").set_value(3).run()
    at.radio(key="sharing-resolution-small").set_value(Resolution.UNANIMOUS).run()
    at.button(key="save-sharing").click().run()
    assert store.sharing(campaign.name) == Sharing(SharingMode.DOUBLE, 3, Resolution.UNANIMOUS)
    assert "double, 3 people for each spectrum" in said(at.success)
    assert at.button(key="save-sharing").disabled
    assert at.dataframe[0].value["who"].tolist() == ["tester"]
    (change,) = store.sharing_log(campaign.name)
    assert (change.oracle, change.sharing) == ("tester", store.sharing(campaign.name))


@pytest.mark.usefixtures("store")
def test_without_a_change_of_sharing_that_is_said(settings):
    assert "Nobody has changed this" in said(settings().caption)


@pytest.mark.usefixtures("store")
def test_the_number_of_people_is_asked_only_where_it_matters(settings):
    at = settings()
    assert at.number_input(key="sharing-judges-small").disabled
    at.radio(key="sharing-mode-small").set_value(SharingMode.DOUBLE).run()
    assert not at.number_input(key="sharing-judges-small").disabled


def test_a_new_answer_trains_a_class_of_the_network_or_nothing(store, campaign, settings):
    at = save_edited(
        settings(),
        classes={
            "added_rows": [
                {"name": "P Cygni", "key": "P", "network_class": "emission", "is_target": True},
                {"name": "later", "key": "q"},
            ]
        },
    )
    assert not at.exception
    assert "saved" in said(at.success)
    new = store.campaign(campaign.name).classes[-2:]
    assert [(c.name, c.key, c.network_class, c.is_target) for c in new] == [
        ("P Cygni", "p", "emission", True),
        ("later", "q", None, False),
    ]


def test_keys_of_answers_and_of_actions_are_saved_together(store, campaign, settings):
    actions = key_table(campaign)["action"].tolist()
    # "z" is taken from the undo, which takes its second one; the grid's selection takes the blank.
    at = save_edited(
        settings(),
        classes={"edited_rows": {"0": {"key": "z"}}},
        keys={"edited_rows": {str(actions.index("help")): {"key": "f1"}}},
    )
    assert not at.error
    after = store.campaign(campaign.name)
    assert after.classes[0].key == "z"
    assert after.keys["undo"] == "Backspace"
    assert (after.keys["help"], after.chosen_keys) == ("F1", {"help": "F1"})


def test_an_emptied_key_is_the_usual_one_again(store, campaign, settings):
    store.change_answers(campaign.name, campaign.classes, {"undo": "j"})
    row = key_table(campaign)["action"].tolist().index("undo")
    at = save_edited(settings(), keys={"edited_rows": {str(row): {"key": None}}})
    assert not at.error
    assert store.campaign(campaign.name).keys["undo"] == "z"


def test_a_key_that_does_two_things_is_a_message_and_changes_nothing(store, campaign, settings):
    at = save_edited(settings(), keys={"edited_rows": {"3": {"key": "e"}}})
    assert "is given to the answer 'emission' and to the action 'undo'" in said(at.error)
    assert store.campaign(campaign.name).classes == campaign.classes
    assert store.campaign(campaign.name).chosen_keys == {}


def test_a_class_that_has_been_given_as_an_answer_stays(store, campaign, settings):
    query = draw_relabel_query(store, campaign, size=1)
    act = AnswerEvent("e", query.number, query.items[0].identifier, "unsure")
    store.add_answers(campaign.name, [act], "ANN")
    at = save_edited(settings(), classes={"deleted_rows": [6]})
    assert "the class has to stay" in said(at.error)
    assert store.campaign(campaign.name).classes == campaign.classes


def test_an_answer_without_a_name_or_with_a_bad_key_is_a_message(store, campaign, settings):
    for row in ({"key": "q"}, {"name": "later", "key": "!"}, {"name": "later"}):
        at = save_edited(settings(), classes={"added_rows": [row]})
        assert not at.exception
        assert at.error
    assert store.campaign(campaign.name).classes == campaign.classes


def test_the_table_of_keys_shows_what_is_used_and_what_was_chosen(store, campaign):
    store.change_answers(campaign.name, campaign.classes, {"undo": "j"})
    table = key_table(store.campaign(campaign.name)).set_index("action")
    assert table.loc["undo", ["used now", "key"]].tolist() == ["j", "j"]
    assert table.loc["select", ["used now", "key"]].tolist() == ["Space", ""]


@pytest.mark.parametrize(
    ("given", "key"),
    [
        (" ", {"undo": " "}),
        ("space", {"undo": " "}),
        ("arrowup", {"undo": "ArrowUp"}),
        (" j ", {"undo": "j"}),
        ("", {}),
        (None, {}),
        (float("nan"), {}),
    ],
)
def test_keys_are_read_as_people_write_them(given, key):
    assert read_keys(pd.DataFrame({"action": ["undo"], "key": [given]})) == key


def test_a_folder_of_spectra_is_added_and_removed(store, campaign, settings, tmp_path):
    (tmp_path / "archive").mkdir()
    at = settings()

    def add(folder):
        at.text_input(key="new-folder-small").set_value(str(folder))
        at.button(key="add-folder").click().run()
        assert not at.exception

    for wrong, why in (
        ("", "The path of the folder is empty"),
        (tmp_path / "none", "There is no folder"),
        (__file__, "There is no folder"),
    ):
        add(wrong)
        assert why in said(at.error)
    add(tmp_path / "archive")
    assert store.campaign(campaign.name).folders == (str(tmp_path / "archive"),)
    add(tmp_path / "archive")
    assert "already" in said(at.error)
    at.button(key=f"remove-folder-small-{tmp_path / 'archive'}").click().run()
    assert store.campaign(campaign.name).folders == ()


def test_a_folder_that_creation_would_refuse_cannot_be_added_later(
    store, campaign, settings, tmp_path, monkeypatch
):
    monkeypatch.setenv("ACTIVE_CNN_FOLDERS", str(tmp_path / "allowed"))
    (tmp_path / "allowed").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "allowed" / "link").symlink_to(tmp_path / "other")
    at = settings()
    for folder in (tmp_path / "other", tmp_path / "allowed" / "link", tmp_path / "none"):
        at.text_input(key="new-folder-small").set_value(str(folder))
        at.button(key="add-folder").click().run()
        assert "has to lie below" in said(at.error)
    assert store.campaign(campaign.name).folders == ()
