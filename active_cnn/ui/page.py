"""The frame of every page: one look, one campaign, one store per run, errors as messages."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Concatenate, Literal, ParamSpec

import streamlit as st

from active_cnn.campaign import jobs
from active_cnn.campaign.overview import Step
from active_cnn.campaign.store import Store, hold_open
from active_cnn.errors import ActiveCnnError
from active_cnn.records import Campaign, Iteration
from active_cnn.settings import Settings
from active_cnn.ui import cached, identity
from active_cnn.ui.outbox import store_what_waits
from active_cnn.ui.text import plain

HOME = "app.py"
OVERVIEW = "pages/1_Overview.py"
TRAIN = "pages/2_Train.py"
PERFORMANCE = "pages/3_Performance.py"
RELABEL = "pages/4_Relabel.py"
CANDIDATES = "pages/5_Candidates.py"
AGREEMENT = "pages/6_Agreement.py"

_NAMES = {
    HOME: "Campaigns",
    OVERVIEW: "Overview",
    TRAIN: "Train",
    PERFORMANCE: "Performance",
    RELABEL: "Relabel",
    CANDIDATES: "Candidates",
    AGREEMENT: "Agreement",
}

# Where each step of the loop is done, and what the link to it says.
STEPS = {
    Step.TRAIN: (TRAIN, "Train the network and predict the pool"),
    Step.WAIT: (TRAIN, "Watch the training"),
    Step.MEASURE: (PERFORMANCE, "Measure the precision of the predictions"),
    Step.RELABEL: (RELABEL, "Label the spectra that teach the network most"),
    Step.GO_ON: (RELABEL, "Go on to the next iteration"),
}

# Widgets and messages that outlive a run; all of it may be lost with the tab.
_CAMPAIGN, _MESSAGES = "campaign", "messages"

Arguments = ParamSpec("Arguments")


@dataclass(frozen=True, eq=False)
class View:
    """What one run of a page works with; it ends with the run."""

    store: Store
    campaign: Campaign
    # Empty while a visitor of a page that takes no answers has not given one.
    name: str

    @property
    def oracle(self) -> str:
        """The name that answers are stored under.

        Raises
        ------
        AccessError
            If none has been given: a page that takes answers asks for it (`page(signs=True)`).
        """
        return identity.checked(self.name)

    @property
    def iteration(self) -> Iteration:
        """The open iteration."""
        return self.store.iteration(self.campaign.name)


@contextmanager
def page(title: str, *, lead: str = "", signs: bool = False) -> Iterator[View]:
    """Frame a page about one campaign; without any campaign it says how to get one.

    Parameters
    ----------
    title : str
        Of the page.
    lead : str
        One sentence on what the page is for.
    signs : bool
        Whether it takes answers: then it asks for the name that these are signed with.

    Yields
    ------
    View
        Closed when the run ends. An error that is the user's to mend becomes a message.
    """
    with bare_page(title, lead=lead) as store:
        campaign = choose_campaign(store)
        if campaign is None:
            st.info(f"There is no campaign in {store.home} yet. Make the demo or create your own.")
            st.page_link(OVERVIEW, label="Create a campaign")
            st.stop()
        name = identity.require_name() if signs else identity.name_of_visitor()
        yield View(store, campaign, name)


@contextmanager
def bare_page(title: str, *, lead: str = "") -> Iterator[Store]:
    """Frame a page that needs no campaign: entry, look, title, store, errors as messages."""
    st.set_page_config(page_title=f"{title} · Active CNN", layout="wide")
    identity.enter()
    st.title(title, anchor=False)
    if lead:
        st.caption(lead)
    show_messages()
    _freeze()
    try:
        store = Store(Settings.from_environment().home)
    except ActiveCnnError as error:
        st.error(plain(error))
        st.stop()
    _hold_open(str(store.home))
    cached.sheet_maker()
    with store:
        try:
            yield store
        except ActiveCnnError as error:
            st.error(plain(error))


@st.cache_resource
def _freeze() -> bool:
    # What the imports made stays for ever; without this each full collection goes through all of it
    # and holds up everybody for that long.
    gc.collect()
    gc.freeze()
    return True


@st.cache_resource
def _hold_open(home: str) -> object:
    return hold_open(Path(home))


def choose_campaign(store: Store) -> Campaign | None:
    """Show the sidebar: the pages, the campaign, which the URL remembers, and who is there."""
    names = store.campaign_names()
    asked = st.query_params.get(_CAMPAIGN)
    if asked and asked not in names:
        newest = "Choose one in the sidebar; the newest is shown." if names else ""
        st.error(f"There is no campaign {plain(repr(asked))} in {plain(store.home)}. {newest}")
    with st.sidebar:
        name = None
        if names:
            take_from_url(_CAMPAIGN, names)
            name = st.selectbox(
                "Campaign", names, key=_CAMPAIGN, on_change=put_into_url, args=(_CAMPAIGN,)
            )
            st.query_params[_CAMPAIGN] = name
        for path, label in _NAMES.items():
            st.page_link(
                path, label=label, query_params={_CAMPAIGN: name} if name else None, width="stretch"
            )
        st.divider()
        campaign = store.campaign(name) if name else None
        if campaign:
            iteration = store.iteration(campaign.name)
            state = describe_state(store, campaign, iteration)
            st.caption(f"Iteration {iteration.number}: {state}")
        identity.show_signature()
        if names:
            store_what_waits()
    return campaign


def choose_section(names: Iterable[str]) -> str:
    """Ask which section of a page to show; the URL remembers it."""
    sections = list(names)
    take_from_url("section", sections)
    chosen = st.segmented_control(
        "Section",
        sections,
        required=True,
        key="section",
        on_change=put_into_url,
        args=("section",),
        label_visibility="collapsed",
    )
    return str(chosen)


def take_from_url(key: str, allowed: Sequence[str] | None = None) -> None:
    """Give a widget that is about to be drawn the value that the URL names.

    A widget's own binding to the URL keeps the value of the page that was left, also where a link
    names another one; here the URL always wins.
    """
    asked = st.query_params.get(key)
    if asked is not None and (allowed is None or asked in allowed):
        st.session_state[key] = asked
    elif allowed is not None and st.session_state.get(key) not in allowed:
        st.session_state[key] = allowed[0]


def put_into_url(key: str) -> None:
    """Write down in the URL what a widget has been changed to."""
    st.query_params[key] = st.session_state[key]


def describe_state(store: Store, campaign: Campaign, iteration: Iteration) -> str:
    """Say in words what can be done with an iteration."""
    job = jobs.refresh(store, campaign)
    if job and job.state.is_active and job.iteration == iteration.number:
        return "being trained"
    state = {"new": "to be trained", "scored": "scored, open", "closed": "closed"}[iteration.state]
    has_failed = iteration.result is not None and iteration.result.failure
    return f"{state}; its training has learned nothing" if has_failed else state


def link(path: str, label: str, campaign: Campaign | None = None, **more: str) -> None:
    """Lead to another page of the same campaign."""
    parameters = {_CAMPAIGN: campaign.name} if campaign else {}
    st.page_link(
        path, label=label, icon=":material/arrow_forward:", query_params={**parameters, **more}
    )


def open_created(name: str, *, is_training: bool = False) -> None:
    """Lead to the first step in a campaign that has just been created."""
    then = "Its first training is running." if is_training else "Start its first training."
    say(f"The campaign {plain(name)} is ready. {then}")
    st.switch_page(TRAIN, query_params={_CAMPAIGN: name})


def say(message: str, kind: Literal["success", "info", "error", "toast"] = "success") -> None:
    """Keep a message for the next run to show."""
    st.session_state[_MESSAGES] = [*st.session_state.get(_MESSAGES, []), (kind, message)]


def show_messages() -> None:
    """Show what was kept by `say`, once."""
    place = st.container()  # also without a message: expanders below it would close
    show: dict[str, Callable[[str], object]] = {
        "success": place.success,
        "info": place.info,
        "error": place.error,
        "toast": st.toast,
    }
    for kind, message in st.session_state.pop(_MESSAGES, []):
        show[kind](message)


def visiting(
    draw: Callable[Concatenate[View, Arguments], None],
) -> Callable[Concatenate[str, Arguments], None]:
    """Make a fragment open the store for itself: it outlives the run of its page.

    The function is called with the campaign's name in place of the view. An error becomes a
    message.
    """
    return _with_view(draw, lambda text: st.error(text))


def acting(
    callback: Callable[Concatenate[View, Arguments], None],
) -> Callable[Concatenate[str, Arguments], None]:
    """Make a callback open the store for itself, as `visiting` does.

    An error becomes a message of the run that follows.
    """
    return _with_view(callback, lambda text: say(text, "error"))


def _with_view(
    function: Callable[Concatenate[View, Arguments], None], tell: Callable[[str], object]
) -> Callable[Concatenate[str, Arguments], None]:
    @wraps(function)
    def wrapped(campaign: str, *args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        try:
            # Asked anew: a fragment or a button may outlive the right to enter.
            name = identity.name_of_visitor()
            with Store(Settings.from_environment().home) as store:
                function(View(store, store.campaign(campaign), name), *args, **kwargs)
        except ActiveCnnError as error:
            tell(plain(error))

    return wrapped


def rows_of_numbers(*columns: tuple[str, str]) -> None:
    """Show some numbers side by side, each under its name."""
    for place, (label, value) in zip(st.columns(len(columns)), columns, strict=True):
        place.metric(label, value)
