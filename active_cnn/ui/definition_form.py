"""The part of the form for a new campaign that says what is looked for, in which window."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd
import streamlit as st

from active_cnn.campaign.creation import assume_lines, assume_search
from active_cnn.campaign.definition import Definition, parse_definition
from active_cnn.campaign.overview import describe_assumed
from active_cnn.campaign.presets import preset_names, read_preset
from active_cnn.campaign.proposal import describe_labels, propose_for
from active_cnn.errors import ActiveCnnError, CampaignError
from active_cnn.grid import Grid
from active_cnn.keys import ACTIONS
from active_cnn.records import Line, OracleClass
from active_cnn.search import ScalingMethod, Search, TargetLine
from active_cnn.ui.early_reading import NamedTraining
from active_cnn.ui.search_form import edit_search
from active_cnn.ui.text import plain
from active_cnn.ui.window_form import edit_windows

TRAINING, PRESET, FILE = "the training set", "a preset", "a definition file"


@dataclass(frozen=True)
class Beginning:
    """What a campaign is begun with.

    Parameters
    ----------
    kind : str
        `TRAINING`, `PRESET` or `FILE`.
    choice : str
        Of what is chosen; whatever is drawn for another choice has other keys, so that nothing
        that was typed for one stays in the fields of another.
    definition : Definition or None
        What it says; None where it says nothing yet.
    problem : str
        Why it says nothing.
    """

    kind: str
    choice: str = ""
    definition: Definition | None = None
    problem: str = ""


@dataclass(frozen=True)
class Edited:
    """What the fields hold, as they were filled and edited.

    The grid is None where they hold none; `problem` says why, or why they hold no search. The
    tables are read by `read_classes` and `read_lines`.
    """

    grid: Grid | None
    problem: str
    classes: pd.DataFrame
    lines: pd.DataFrame
    search: Search | None
    keys: Mapping[str, str]


def ask_beginning(training: str = TRAINING) -> Beginning:
    """Ask what to begin with: the training set (called so), a preset or a definition file."""
    kind = str(
        st.segmented_control(
            "Begin with",
            [TRAINING, PRESET, FILE],
            default=TRAINING,
            format_func=lambda one: training if one == TRAINING else one,
            required=True,
            key="begin",
        )
    )
    if kind == PRESET:
        return _ask_preset()
    return _ask_file() if kind == FILE else Beginning(TRAINING)


def _ask_preset() -> Beginning:
    presets = _presets()
    name = st.selectbox(
        "Preset", presets, key="preset", format_func=lambda one: _search_of(presets[one]).title
    )
    st.caption(f"Source: {plain(_search_of(presets[name]).source)}.")
    return Beginning(PRESET, name, presets[name])


@st.cache_data
def _presets() -> dict[str, Definition]:
    return {name: read_preset(name) for name in preset_names()}


def _search_of(preset: Definition) -> Search:
    return preset.search or Search()


def _ask_file() -> Beginning:
    file = st.file_uploader(
        "Definition (TOML)",
        type="toml",
        key="definition-file",
        help="Written by `active-cnn definition`, under Settings, or by hand (docs/formats.md).",
    )
    if file is None:
        return Beginning(FILE, problem="No definition file is chosen: choose one.")
    content = file.getvalue()
    try:
        definition = parse_definition(content, file.name)
    except ActiveCnnError as error:
        st.warning(plain(error))
        return Beginning(FILE, problem=str(error))
    return Beginning(FILE, hashlib.sha256(content).hexdigest()[:12], definition)


def begin_with_training(training: NamedTraining) -> Beginning:
    """Propose a definition for a training set that was named; without one it says nothing."""
    if training.path is None or training.outline is None:
        problem = training.problem or "The path of the training set is empty: give a file."
        return Beginning(TRAINING, problem=problem)
    named = f"{training.path}|{training.state}".encode(errors="surrogatepass")
    choice = hashlib.sha256(named).hexdigest()[:12]
    try:
        return Beginning(TRAINING, choice, propose_for(training.path, training.outline))
    except ActiveCnnError as error:
        return Beginning(TRAINING, choice, problem=str(error))


def edit(beginning: Beginning, labels: Mapping[str, int]) -> Edited | None:
    """Show a definition in fields that can be edited; None where there is none yet.

    Parameters
    ----------
    beginning : Beginning
        Its definition is what the fields are filled with.
    labels : mapping of str to int
        Of the training set: how many examples each has; empty if that is not known yet.
    """
    definition = beginning.definition
    if definition is None:
        return None
    key = f"{beginning.kind}-{beginning.choice}"
    grid, problem = edit_windows(definition.grid, key)
    described = st.container()
    assumed = definition.search or assume_search(definition.grid)
    edited, fault = edit_search(assumed, key)
    edited = replace(edited, scaling=_edit_scaling(assumed.scaling, key))
    search = definition.search if edited == assumed else edited
    with described:
        _describe_search(search, grid)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.markdown("**What the oracle can say**")
        classes = _edit_classes(definition, key, labels if beginning.kind == TRAINING else {})
        _describe_left_over(classes, labels)
    with right:
        st.markdown("**Lines to mark**")
        lines = _edit_lines(definition, key)
    if definition.keys:
        keys = ", ".join(f"{ACTIONS[act][0]}: {key}" for act, key in definition.keys.items())
        st.caption(f"Keys of its own: {plain(keys)}.")
    lines = _with_lines_of(lines, [one for one in edited.lines if one not in assumed.lines])
    return Edited(grid, problem or fault, classes, lines, search, definition.keys)


def _describe_search(search: Search | None, grid: Grid | None) -> None:
    if search is not None:
        st.caption(f"What marks the targets: {plain(search.describe())}.")
    elif grid is not None:
        assumed = describe_assumed(assume_search(grid))
        st.caption(f"{plain(assumed)} It can be said below.")
    if search is not None and grid is not None:
        try:
            search.check_windows(grid)
        except CampaignError as error:
            st.warning(plain(error))


def _edit_scaling(scaling: ScalingMethod, key: str) -> ScalingMethod:
    methods = list(ScalingMethod)
    return st.selectbox(
        "Scale windows by",
        methods,
        methods.index(scaling),
        format_func=lambda one: f"{one}: {one.words}",
        key=f"scaling-{key}",
        help="How the network sees each spectrum. It cannot be changed later.",
    )


def _edit_classes(definition: Definition, key: str, examples: Mapping[str, int]) -> pd.DataFrame:
    # Of objects: a new row has no value yet in the column of truth values.
    table = pd.DataFrame([asdict(one) for one in definition.classes], dtype=object)
    # Only where the classes come from these: an editor that is given other values while somebody
    # edits it forgets what was edited.
    if examples:
        table["examples"] = [examples.get(one.name, 0) for one in definition.classes]
    return st.data_editor(
        table,
        num_rows="dynamic",
        hide_index=True,
        disabled=["examples"],
        placeholder="–",
        key=f"classes-{key}",
        column_config={
            "name": st.column_config.TextColumn("answer", required=True),
            "key": st.column_config.TextColumn("key", max_chars=1, help="One letter or digit."),
            "network_class": st.column_config.TextColumn(
                "trains the class", help="Empty: stored, never trained on."
            ),
            "is_target": st.column_config.CheckboxColumn(
                "target", default=False, help="What is looked for."
            ),
            "examples": st.column_config.NumberColumn(
                format="localized", help="Labelled spectra with that label."
            ),
        },
    )


def _describe_left_over(classes: pd.DataFrame, labels: Mapping[str, int]) -> None:
    trained = {
        _text(row["name"]) for row in classes.to_dict("records") if _text(row["network_class"])
    }
    left_over = {label: n for label, n in labels.items() if label not in trained}
    if left_over:
        st.warning(
            f"No answer that trains a class has the name of these labels of the labelled spectra: "
            f"{plain(describe_labels(left_over))}. Add a row for each."
        )


def _edit_lines(definition: Definition, key: str) -> pd.DataFrame:
    lines, grid = definition.lines, definition.grid
    if lines is None:
        lines = assume_lines(grid, definition.search or assume_search(grid))
    return st.data_editor(
        pd.DataFrame([asdict(line) for line in lines], columns=["name", "wavelength"]).astype(
            {"name": object, "wavelength": float}
        ),
        num_rows="dynamic",
        hide_index=True,
        key=f"lines-{key}",
        column_config={
            "name": st.column_config.TextColumn("name"),
            "wavelength": st.column_config.NumberColumn("Å (vacuum)", format="%.3f"),
        },
    )


def _with_lines_of(table: pd.DataFrame, added: Sequence[TargetLine]) -> pd.DataFrame:
    # A line that was added to the search is marked too.
    rows = [(one.name, one.wavelength) for one in added if one.name not in set(table["name"])]
    if not rows:
        return table
    return pd.concat([table, pd.DataFrame(rows, columns=table.columns)], ignore_index=True)


def read_classes(table: pd.DataFrame) -> tuple[OracleClass, ...]:
    """Turn the edited table into classes.

    Raises
    ------
    CampaignError
        If a row is no class.
    """
    classes = []
    for row in table.to_dict("records"):
        name, key = _text(row["name"]), _text(row["key"]).lower()
        is_target = row["is_target"] is True or row["is_target"] == 1
        classes.append(OracleClass(name, key, _text(row["network_class"]) or None, is_target))
    return tuple(classes)


def read_lines(table: pd.DataFrame) -> tuple[Line, ...]:
    """Turn the edited table into lines.

    Raises
    ------
    CampaignError
        If a row lacks its name or its wavelength.
    """
    lines = []
    for row in table.to_dict("records"):
        name = _text(row["name"])
        if not name or pd.isna(row["wavelength"]):
            raise CampaignError(
                f"The line {name!r} lacks its name or wavelength: fill it in, or remove its row."
            )
        lines.append(Line(name, float(row["wavelength"])))
    return tuple(lines)


def _text(value: Any) -> str:
    return "" if pd.isna(value) else str(value).strip()
