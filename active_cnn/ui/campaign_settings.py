"""What can be changed in a campaign: sharing, what people can say, the keys, the folders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import streamlit as st

from active_cnn.campaign.definition import parse_definition
from active_cnn.campaign.definition_text import write_definition
from active_cnn.campaign.folders import add_folder, remove_folder
from active_cnn.campaign.reach import browser_folders, locate
from active_cnn.campaign.redefinition import redefine
from active_cnn.errors import ActiveCnnError, CampaignError
from active_cnn.keys import ACTIONS, NAMED_KEYS
from active_cnn.records import Campaign, Resolution, Sharing, SharingMode
from active_cnn.settings import Settings
from active_cnn.times import read_time
from active_cnn.ui import identity
from active_cnn.ui.definition_form import read_classes
from active_cnn.ui.page import View, acting, say
from active_cnn.ui.text import moments, plain

MODES = {
    SharingMode.FREE: ("Free", "Everybody sees all that is open; nobody waits for anybody."),
    SharingMode.DIVIDE: ("Divide", "Each spectrum goes to one person: no work is done twice."),
    SharingMode.DOUBLE: (
        "Double",
        "Each spectrum goes to several people, who do not see each other's answers: "
        "their agreement can be measured.",
    ),
}
RESOLUTIONS = {
    Resolution.LATEST: ("Latest", "The last answer counts, whoever gave it."),
    Resolution.MAJORITY: (
        "Majority",
        "What more people say than anything else; a tie leaves the spectrum out.",
    ),
    Resolution.UNANIMOUS: ("Unanimous", "Only what all say; all else is left out."),
}

# A blank cannot be seen in a table.
_SPACE = "Space"


def show_settings(view: View) -> None:
    """Show the settings of a campaign, each part with a button that saves it."""
    _ask_sharing(view.campaign, view.store.sharing(view.campaign.name))
    _show_changes(view)
    _ask_answers(view)
    _show_definition(view)
    _ask_folders(view)


def _show_definition(view: View) -> None:
    campaign = view.campaign
    st.subheader("Definition", anchor=False)
    st.caption(f"Search: {plain(campaign.search.describe())}.")
    left, right = st.columns(2, gap="large")
    left.download_button(
        "Download the definition (TOML)",
        write_definition(campaign),
        file_name=f"{campaign.name}.toml",
        mime="application/toml",
        key="download-definition",
        on_click="ignore",
        help="To begin another campaign of the same kind, or to edit it.",
    )
    edited = right.file_uploader(
        "Take over an edited definition",
        type="toml",
        key=f"definition-{campaign.name}",
        help="Lines to mark, answers and keys can be changed at any time, what marks the targets "
        "until something has been predicted, windows and classes of the network never.",
    )
    if edited and right.button("Change the campaign", key="change-definition"):
        try:
            redefine(view.store, campaign, parse_definition(edited.getvalue(), edited.name))
        except ActiveCnnError as error:
            st.error(plain(error))
        else:
            say("The definition is taken over.")
            st.rerun()


def _ask_folders(view: View) -> None:
    campaign = view.campaign
    st.subheader("Folders of the spectra", anchor=False)
    st.caption(
        "Whole spectra are shown from files below these folders, the pool's own and the home."
    )
    for folder in campaign.folders:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(plain(folder))
            st.button(
                "Remove",
                key=f"remove-folder-{campaign.name}-{folder}",
                on_click=_remove_folder,
                args=(campaign.name, folder),
            )
    with st.form(f"folders-{campaign.name}", clear_on_submit=False, border=False):
        text = st.text_input("One more: path on the server", key=f"new-folder-{campaign.name}")
        if not st.form_submit_button("Add the folder", key="add-folder"):
            return
    reach = browser_folders(Settings.from_environment(), identity.protection_of_server())
    try:
        if not text.strip():
            raise CampaignError("The path of the folder is empty: give a folder on the server.")
        add_folder(view.store, campaign, locate("folder", text.strip(), reach))
    except ActiveCnnError as error:
        st.error(plain(error))
    else:
        say("The folder is added.")
        st.rerun()


@acting
def _remove_folder(view: View, folder: str) -> None:
    remove_folder(view.store, view.campaign, Path(folder))
    say("The folder is removed.")


def _ask_sharing(campaign: Campaign, current: Sharing) -> None:
    st.subheader("How people share the spectra", anchor=False)
    left, right = st.columns(2, gap="large")
    modes, resolutions = list(MODES), list(RESOLUTIONS)
    with left:
        mode = st.radio(
            "Mode",
            modes,
            modes.index(current.mode),
            format_func=lambda one: MODES[one][0],
            captions=[caption for _, caption in MODES.values()],
            key=f"sharing-mode-{campaign.name}",
        )
        n_judges = st.number_input(
            "People who judge each spectrum in the mode Double",
            2,
            20,
            current.n_judges,
            key=f"sharing-judges-{campaign.name}",
            disabled=mode is not SharingMode.DOUBLE,
            width=360,
        )
    with right:
        resolution = st.radio(
            "Where people differ and nobody has settled it",
            resolutions,
            resolutions.index(current.resolution),
            format_func=lambda one: RESOLUTIONS[one][0],
            captions=[caption for _, caption in RESOLUTIONS.values()],
            key=f"sharing-resolution-{campaign.name}",
        )
        st.caption(
            "It decides what is trained on from the next iteration on; no answer is changed by it."
        )
    chosen = Sharing(mode, int(n_judges), resolution)
    st.button(
        "Save how spectra are shared",
        key="save-sharing",
        disabled=chosen == current,
        on_click=_save_sharing,
        args=(campaign.name, chosen),
    )


def _show_changes(view: View) -> None:
    changes = view.store.sharing_log(view.campaign.name)
    if not changes:
        st.caption("Nobody has changed this since the campaign was created.")
        return
    with st.expander(f"Last changed by {plain(changes[0].oracle)}"):
        st.dataframe(
            pd.DataFrame(
                {
                    "when (UTC)": moments([read_time(one.at) for one in changes]),
                    "who": [one.oracle for one in changes],
                    "from then on": [describe_sharing(one.sharing) for one in changes],
                }
            ),
            hide_index=True,
            column_config={
                "when (UTC)": st.column_config.DatetimeColumn(
                    format="YYYY-MM-DD HH:mm", timezone="UTC"
                )
            },
        )


@acting
def _save_sharing(view: View, sharing: Sharing) -> None:
    view.store.set_sharing(view.campaign.name, sharing, view.oracle)
    say(f"From now on: {describe_sharing(sharing)}.")


def describe_sharing(sharing: Sharing) -> str:
    """Say in a few words how spectra are shared."""
    mode = MODES[sharing.mode][0].lower()
    if sharing.mode is SharingMode.DOUBLE:
        mode += f", {sharing.n_judges} people for each spectrum"
    return f"{mode}; {RESOLUTIONS[sharing.resolution][0].lower()} answer where people differ"


def _ask_answers(view: View) -> None:
    campaign = view.campaign
    with st.form(f"answers-{campaign.name}", enter_to_submit=False, border=False):
        left, right = st.columns([1.15, 1], gap="medium")
        with left:
            st.subheader("What the oracle can say", anchor=False)
            classes = _edit_classes(campaign)
        with right:
            st.subheader("Keys of the labelling page", anchor=False)
            actions = _edit_keys(campaign)
        is_wanted = st.form_submit_button("Save answers and keys", key="save-answers")
    if not is_wanted:
        return
    try:
        view.store.change_answers(campaign.name, read_classes(classes), read_keys(actions))
    except ActiveCnnError as error:
        st.error(plain(error))
    else:
        say("The answers and the keys are saved.")
        st.rerun()


def _edit_classes(campaign: Campaign) -> pd.DataFrame:
    table = st.data_editor(
        # Of objects: a new row has no value yet in the column of truth values.
        pd.DataFrame([asdict(one) for one in campaign.classes], dtype=object),
        num_rows="dynamic",
        hide_index=True,
        placeholder="–",
        key=f"classes-{campaign.name}",
        column_config={
            "name": st.column_config.TextColumn("answer", required=True),
            "key": st.column_config.TextColumn("key", max_chars=1, help="One letter or digit."),
            "network_class": st.column_config.SelectboxColumn(
                "trains the class",
                options=list(campaign.network_classes),
                help="Empty: stored, never trained on.",
            ),
            "is_target": st.column_config.CheckboxColumn("target", default=False),
        },
    )
    st.caption(
        "Add an answer in the last row: it trains a class that the network has, or nothing. "
        "What has been given as an answer stays, and so does what it trains."
    )
    return table


def _edit_keys(campaign: Campaign) -> pd.DataFrame:
    table = st.data_editor(
        key_table(campaign),
        hide_index=True,
        height=282,
        disabled=["action", "what", "used now"],
        column_order=["what", "used now", "key"],
        key=f"keys-{campaign.name}",
        column_config={
            "what": st.column_config.TextColumn("does", width=150),
            "key": st.column_config.TextColumn("your key", help="Empty: the usual one."),
        },
    )
    st.caption(f"One character or a named key: {_SPACE}, {', '.join(NAMED_KEYS)}.")
    return table


def key_table(campaign: Campaign) -> pd.DataFrame:
    """Put each action of the labelling page into a row, with its key."""
    return pd.DataFrame(
        {
            "action": list(ACTIONS),
            "what": [label for label, _ in ACTIONS.values()],
            "used now": [_shown(campaign.keys[action]) for action in ACTIONS],
            "key": [_shown(campaign.chosen_keys.get(action, "")) for action in ACTIONS],
        }
    )


def read_keys(table: pd.DataFrame) -> Mapping[str, str]:
    """Turn the edited table into keys by action; an action without one has the usual key."""
    named = {name.lower(): name for name in NAMED_KEYS} | {_SPACE.lower(): " "}
    keys = {}
    for row in table.to_dict("records"):
        given = "" if pd.isna(row["key"]) else str(row["key"])
        # A blank alone is a key, blanks around another one are not meant.
        key = given.strip() or given[:1]
        if key:
            keys[str(row["action"])] = named.get(key.lower(), key)
    return keys


def _shown(key: str) -> str:
    return _SPACE if key == " " else key
