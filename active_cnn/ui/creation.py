"""Creating campaigns: the demo at one click, or one on files of the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import streamlit as st

from active_cnn.campaign import demo, jobs
from active_cnn.campaign.beginning import TARGET, begin_with_examples
from active_cnn.campaign.creation import LARGEST_SEED, check_new_name, create_campaign
from active_cnn.campaign.definition import Definition
from active_cnn.campaign.proposal import describe_labels, propose_name
from active_cnn.campaign.reach import browser_folders, locate, reader_of
from active_cnn.campaign.store import Store
from active_cnn.errors import ActiveCnnError, CampaignError
from active_cnn.recipes import DEFAULT_RECIPE, RECIPES
from active_cnn.records import Campaign
from active_cnn.settings import Settings
from active_cnn.ui import definition_form, examples_form, identity, labelled_form
from active_cnn.ui.definition_form import Beginning, Edited, read_classes, read_lines
from active_cnn.ui.early_reading import NamedPool, NamedTraining, look_at_pool, look_at_training
from active_cnn.ui.examples_form import Asked
from active_cnn.ui.page import open_created, say
from active_cnn.ui.text import plain
from active_cnn.wording import percent

_SUGGESTED = "suggested-name"


def offer_creation(store: Store) -> None:
    """Offer the demos and a form for a campaign on files of the server."""
    taken = store.campaign_names()
    left = [case for case in demo.DEMO_CASES if demo.demo_name(case) not in taken]
    if left:
        _offer_demo(store, left)
    _offer_own(store)


def _offer_demo(store: Store, cases: list[str]) -> None:
    with st.container(border=True):
        st.subheader("Demo", anchor=False)
        case = st.selectbox(
            "What is sought", cases, key="demo-case", format_func=demo.DEMO_CASES.__getitem__
        )
        targets = percent(demo.target_share(case), 1)
        st.markdown(
            f"A simulated survey of known truth: {demo.TRAINING_SIZE:,} labelled spectra and a "
            f"pool of {demo.POOL_SIZE:,}, {targets} of them targets, with "
            f"{demo.MOST_FILES:,} whole spectra. It takes some seconds; where the window is wide, "
            "half a minute."
        )
        if st.button("Make the demo", key="make-demo", type="primary"):
            with _progress("Simulating the survey") as report:
                campaign = demo.create_demo(store, case=case, progress=report)
            open_created(campaign.name)


def _offer_own(store: Store) -> None:
    reach = browser_folders(Settings.from_environment(), identity.protection_of_server())
    with st.container(border=True):
        st.subheader("Your own campaign", anchor=False)
        has_examples = examples_form.ask_kind()
        beginning = definition_form.ask_beginning(
            "the examples" if has_examples else "the training set"
        )
        training, asked, labelled = NamedTraining(), None, None
        if has_examples:
            asked = examples_form.ask()
        else:
            labelled_form.show_made("new_training")
            training = _ask_training(reach)
        about_training = st.empty()
        if asked is None:
            if beginning.kind == definition_form.TRAINING:
                beginning = definition_form.begin_with_training(training)
            labelled = labelled_form.ask()
        pool = _ask_pool(reach)
        about_pool = st.empty()
        if asked is not None and beginning.kind == definition_form.TRAINING:
            beginning = examples_form.begin(asked, pool)
        if reach is not None:
            below = " or ".join(plain(folder) for folder in reach)
            st.caption(f"On this server all files have to lie below {below}.")
        edited = definition_form.edit(beginning, asked.labels if asked else training.labels)
        if asked is None:
            with about_training:
                _describe_training(training, beginning, edited)
        with about_pool:
            _describe_pool(pool, edited)
        called = asked.label if asked and asked.label != TARGET else ""
        name, seed = _ask_name(store, training.path or Path(called))
        folders = st.text_area(
            "Folders of the spectra (optional)",
            key="new_folders",
            height=68,
            help="One per line. Whole spectra are shown from files below these folders, the "
            "pool's own and the home; name those where the pool's files lie, if elsewhere.",
        )
        with st.container(horizontal=True):
            trains = st.button(
                "Create the campaign and rank the pool"
                if asked
                else "Create the campaign and train its first network",
                key="create-and-train",
                type="primary",
                help="With the usual settings; without that, the page Train asks for them.",
            )
            is_wanted = st.button("Create the campaign", key="create-campaign") or trains
    if labelled and labelled.is_wanted:
        # Of a training set that says itself what the answers are, all labels are welcome.
        is_said = edited and beginning.kind != definition_form.TRAINING
        with _progress("Looking for the labelled spectra") as report:
            labelled_form.make(
                labelled,
                store,
                name,
                pool.checked_path,
                edited.grid if edited else None,
                read_classes(edited.classes) if edited and is_said else None,
                reach,
                report,
            )
    if is_wanted:
        definition = _read_definition(store, name, beginning, edited)
        located = _located(folders, reach)
        if asked:
            campaign = _begin(store, name, seed, asked, pool, definition, located, reach)
        else:
            campaign = _create(store, name, seed, training, pool, definition, located)
        labelled_form.forget()
        open_created(campaign.name, is_training=trains and _start_training(store, campaign))


def _start_training(store: Store, campaign: Campaign) -> bool:
    """Start the first training; where that is refused, the page that follows says so."""
    seed = store.iteration(campaign.name).seed
    try:
        jobs.start_training(store, campaign, replace(RECIPES[DEFAULT_RECIPE], seed=seed))
    except ActiveCnnError as error:
        say(plain(error), "error")
        return False
    return True


def _read_definition(
    store: Store, name: str, beginning: Beginning, edited: Edited | None
) -> Definition:
    check_new_name(store, name)
    if edited is None:
        raise CampaignError(beginning.problem)
    if edited.grid is None or edited.problem:
        raise CampaignError(edited.problem)
    return Definition(
        edited.grid,
        read_classes(edited.classes),
        read_lines(edited.lines),
        edited.search,
        dict(edited.keys),
    )


def _create(
    store: Store,
    name: str,
    seed: int,
    training: NamedTraining,
    pool: NamedPool,
    definition: Definition,
    folders: list[Path],
) -> Campaign:
    with _progress("Reading the pool") as report:
        return create_campaign(
            store,
            name,
            training.checked_path,
            pool.checked_path,
            grid=definition.grid,
            classes=definition.classes,
            lines=definition.lines,
            search=definition.search,
            chosen_keys=definition.keys,
            seed=seed,
            folders=folders,
            progress=report,
        )


def _begin(
    store: Store,
    name: str,
    seed: int,
    asked: Asked,
    pool: NamedPool,
    definition: Definition,
    folders: list[Path],
    reach: tuple[Path, ...] | None,
) -> Campaign:
    with asked.examples(reach) as examples, _progress("Looking for the examples") as report:
        begun = begin_with_examples(
            store,
            name,
            pool.checked_path,
            examples,
            definition=definition,
            label=asked.label if any(one.name == asked.label for one in definition.classes) else "",
            seed=seed,
            folders=folders,
            may_read=reader_of(reach),
            progress=lambda _, done, total: report(done, total),
        )
    # A table that was uploaded is known by its own name, not by where it lay meanwhile.
    said = "\n".join(begun.said)
    if examples.table:
        said = said.replace(str(examples.table), asked.table_name)
    say("  \n".join(map(plain, said.splitlines())), "info")
    return begun.campaign


def _ask_training(reach: tuple[Path, ...] | None) -> NamedTraining:
    text = st.text_input(
        "Training set: path of a CSV file on the server",
        key="new_training",
        help="Header: id, label and one column of flux for each wavelength of the window.",
    )
    return look_at_training(text, reach, labelled_form.made_path(text))


def _describe_training(
    training: NamedTraining, beginning: Beginning, edited: Edited | None
) -> None:
    is_read = beginning.kind == definition_form.TRAINING
    grid = edited.grid if edited else None
    problem = training.problem or (beginning.problem if is_read and training.path else "")
    if problem := problem or (training.find_conflict(grid) if grid else ""):
        st.warning(plain(problem))
    elif training.path:
        read = ""
        if is_read and beginning.definition:
            sought = [one.name for one in beginning.definition.classes if one.is_target]
            read = (
                " Window and answers below are proposed from them and the header; "
                f"looked for: {plain(', '.join(sought))}."
            )
        st.caption(f"Labels: {plain(describe_labels(training.labels))}.{read}")
    elif is_read:
        st.caption("Window and answers are read from its header and labels.")


def _ask_pool(reach: tuple[Path, ...] | None) -> NamedPool:
    text = st.text_input(
        "Pool: path of an HDF5 file on the server",
        key="new_pool",
        help="Made by `active-cnn ingest`. It is read where it is and never copied.",
    )
    return look_at_pool(text, reach)


def _describe_pool(pool: NamedPool, edited: Edited | None) -> None:
    grid, search = (edited.grid, edited.search) if edited else (None, None)
    if problem := pool.problem or pool.find_conflict(grid, search):
        st.warning(plain(problem))
    else:
        # The line is there before the pool is, so that the button below keeps its place.
        st.caption(plain(pool.describe()) or "Its window and resolving power are said here.")


def _ask_name(store: Store, named: Path) -> tuple[str, int]:
    typed, suggested = st.session_state.get("new_name", ""), st.session_state.get(_SUGGESTED)
    file = named if named.name else Path(st.session_state.get("new_labels", "").strip())
    # What a person has typed stays, whatever is chosen after it.
    if file.name and typed in ("", suggested):
        name = propose_name(file, store.campaign_names())
        st.session_state["new_name"] = st.session_state[_SUGGESTED] = name
    left, right = st.columns([3, 1])
    name = left.text_input("Name", key="new_name", placeholder="lamost-dr2")
    seed = right.number_input("Seed", 0, LARGEST_SEED, 1, key="new_seed")
    return name.strip(), int(seed)


def _located(lines: str, reach: tuple[Path, ...] | None) -> list[Path]:
    return [locate("folder", line.strip(), reach) for line in lines.splitlines() if line.strip()]


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    bar = st.progress(0.0, text=f"{what} …")

    def report(done: int, total: int) -> None:
        bar.progress(done / max(total, 1), text=f"{what}: {done:,} of {total:,} spectra")

    try:
        yield report
    finally:
        # Beside a refusal it would look as if the work went on.
        bar.empty()
