"""The judging of spectra one by one, the same for Performance and Relabel.

Which spectrum is open stands in the URL. A button knows its spectrum by its key and its callback's
arguments, and counts only while that spectrum is the one that is shown: a browser may still hold
the last spectrum's buttons under the next one's picture.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping

import pandas as pd
import streamlit as st

from active_cnn.campaign.campaign import record_answer
from active_cnn.campaign.overview import Question, questions
from active_cnn.records import Answer, Campaign, Purpose
from active_cnn.ui import cached
from active_cnn.ui.page import View, acting, say, show_messages, visiting
from active_cnn.ui.spectrum_view import show_metadata, show_probabilities, show_spectrum
from active_cnn.ui.text import plain

OPEN = "identifier"  # in the URL
_TRAIL = "trail"  # spectra seen in this tab, for the way back; may be lost
_SHOWN = "shown"  # the spectrum that this tab shows or is about to show

# Keys that a campaign's classes cannot have: these are letters and digits.
CONFIRM, SKIP, BACK = "Enter", "Right", "Left"
RESERVED_KEYS = "cr"  # by Streamlit itself


def judge(campaign: str, purpose: Purpose, extra: Callable[[View], None]) -> None:
    """Show one spectrum after the other and take the oracle's answers.

    Parameters
    ----------
    campaign : str
        Its name.
    purpose : Purpose
        Which of the open iteration's queries.
    extra : callable
        Draws what follows from the answers, below.
    """
    # The URL decides where a page begins. Between two clicks it comes from the browser, which may
    # not have heard of the last step yet: there the session knows better.
    st.session_state[_SHOWN] = st.query_params.get(OPEN)
    _loop(campaign, purpose, extra)


@st.fragment
@visiting
def _loop(view: View, purpose: Purpose, extra: Callable[[View], None]) -> None:
    asked = questions(view.store, view.campaign, purpose)
    if not asked:
        # The iteration has been closed or trained anew: the whole page is another one.
        st.rerun()
    show_messages()
    answers = view.store.current_answers(view.campaign.name)
    n_answered = sum(one.item.identifier in answers for one in asked)
    st.progress(n_answered / len(asked), text=f"{n_answered} of {len(asked)} spectra answered")
    question = _open_question(asked, answers)
    _open(question.item.identifier if question else None)
    if question is None:
        st.success(
            "Every spectrum has been answered. Select one in the list to correct its answer."
        )
    else:
        _show_question(view, purpose, asked, answers, question)
    _show_list(view.campaign, purpose, asked, answers, question)
    extra(view)


def _open_question(asked: list[Question], answers: Mapping[str, Answer]) -> Question | None:
    identifier = st.session_state.get(_SHOWN)
    named = (one for one in asked if one.item.identifier == identifier)
    unanswered = (one for one in asked if one.item.identifier not in answers)
    return next(named, None) or next(unanswered, None)


def _show_question(
    view: View,
    purpose: Purpose,
    asked: list[Question],
    answers: Mapping[str, Answer],
    question: Question,
) -> None:
    item, query = question.item, question.query
    answer = answers.get(item.identifier)
    key = f"{query.number}-{item.identifier}"
    position = f"Spectrum {asked.index(question) + 1} of {len(asked)}"
    said = f"answered: **{plain(answer.answer)}**" if answer else "not answered yet"
    st.markdown(f"{position}: **{plain(item.identifier)}**, {said}")
    _show_buttons(view.campaign, purpose, question, answer, key)
    spectra = cached.spectra(
        view.store, view.campaign, tuple(one.identifier for one in query.items)
    )
    spectrum = spectra[item.position]
    left, right = st.columns([3, 1.2], gap="medium")
    with left:
        show_spectrum(view.campaign, spectrum, f"judge-{key}")
    with right:
        st.markdown(f"**Predicted: {plain(item.predicted)}**")
        show_probabilities(view.campaign, item.probabilities, f"judge-{key}-probabilities")
        show_metadata(spectrum)
        st.caption(
            f"Query {query.number}: {query.strategy}, seed {query.seed}, "
            f"iteration {query.iteration}."
        )


def _show_buttons(
    campaign: Campaign, purpose: Purpose, question: Question, answer: Answer | None, key: str
) -> None:
    item = question.item
    note_key = f"note-{key}"

    def arguments(said: str | None) -> tuple[object, ...]:
        # The event is new in each run: the same click twice is stored once.
        return (
            campaign.name, purpose, question.query.number, item.identifier, said,
            uuid.uuid4().hex, note_key,
        )  # fmt: skip

    confirmed = campaign.confirms(item.predicted)
    with st.container(horizontal=True, key=f"buttons-{purpose.value}", gap="small"):
        st.button(
            f"Confirm {plain(confirmed.name)}",
            key=f"confirm-{key}",
            type="secondary" if answer else "primary",
            shortcut=CONFIRM,
            on_click=_answer,
            args=arguments(confirmed.name),
        )
        for one in campaign.classes:
            is_given = bool(answer and answer.answer == one.name)
            st.button(
                plain(one.name),
                key=f"answer-{key}-{one.name}",
                type="primary" if is_given else "secondary",
                shortcut=shortcut_of(one.key),
                on_click=_answer,
                args=arguments(one.name),
            )
    with st.container(horizontal=True, key=f"way-{purpose.value}", gap="small"):
        st.button(
            "Back",
            key=f"back-{key}",
            shortcut=BACK,
            on_click=_go_back,
            args=(campaign.name, purpose, item.identifier),
        )
        st.button(
            "Skip",
            key=f"skip-{key}",
            shortcut=SKIP,
            on_click=_skip,
            args=(campaign.name, purpose, item.identifier),
            help="It comes back at the end.",
        )
        if answer:
            st.button("Undo answer", key=f"undo-{key}", on_click=_answer, args=arguments(None))
        st.text_input(
            "Note",
            value=answer.note if answer else "",
            key=note_key,
            placeholder="Note: stored with the answer",
            label_visibility="collapsed",
            max_chars=500,
        )


def shortcut_of(key: str) -> str | None:
    """Give a class's key if the browser side can take it."""
    is_free = len(key) == 1 and key.isascii() and key.isalnum() and key.lower() not in RESERVED_KEYS
    return key if is_free else None


@acting
def _answer(
    view: View,
    purpose: Purpose,
    query: int,
    identifier: str,
    answer: str | None,
    event: str,
    note_key: str,
) -> None:
    if not _is_shown(identifier):
        return
    record_answer(
        view.store,
        view.store.query(query),
        identifier,
        answer,
        oracle=view.oracle,
        note=st.session_state.get(note_key, ""),
        event=event,
    )
    if answer is None:
        _open(identifier)
    else:
        _open_next(view, purpose, identifier)


def _is_shown(identifier: str) -> bool:
    is_shown = st.session_state.get(_SHOWN, identifier) == identifier
    if not is_shown:
        say("A click came before the next spectrum was shown: it was left out.", "toast")
    return is_shown


@acting
def _skip(view: View, purpose: Purpose, identifier: str) -> None:
    if _is_shown(identifier):
        _open_next(view, purpose, identifier)


def _open_next(view: View, purpose: Purpose, identifier: str) -> None:
    """Open the next unanswered spectrum after this one; what was skipped comes at the end."""
    names = [one.item.identifier for one in questions(view.store, view.campaign, purpose)]
    here = names.index(identifier) + 1 if identifier in names else 0
    answers = view.store.current_answers(view.campaign.name)
    following = (name for name in names[here:] + names[:here] if name not in answers)
    st.session_state[_TRAIL] = [*st.session_state.get(_TRAIL, []), identifier]
    _open(next(following, None))


@acting
def _go_back(view: View, purpose: Purpose, identifier: str) -> None:
    """Open the spectrum that was seen before this one, or the one that was answered before it."""
    if not _is_shown(identifier):
        return
    names = {one.item.identifier for one in questions(view.store, view.campaign, purpose)}
    trail = [name for name in st.session_state.get(_TRAIL, []) if name in names]
    while trail and trail[-1] == identifier:
        trail.pop()
    if trail:
        _open(trail.pop())
    else:
        answers = view.store.current_answers(view.campaign.name)
        here = answers[identifier].sequence if identifier in answers else float("inf")
        earlier = [n for n, a in answers.items() if n in names and a.sequence < here]
        _open(earlier[-1] if earlier else identifier)
    st.session_state[_TRAIL] = trail


def _open(identifier: str | None) -> None:
    # At once, not when it is drawn: the next click may come in between.
    st.session_state[_SHOWN] = identifier
    if identifier is None:
        st.query_params.pop(OPEN, None)
    elif st.query_params.get(OPEN) != identifier:
        st.query_params[OPEN] = identifier


def _show_list(
    campaign: Campaign,
    purpose: Purpose,
    asked: list[Question],
    answers: Mapping[str, Answer],
    question: Question | None,
) -> None:
    said = [answers.get(one.item.identifier) for one in asked]
    table = pd.DataFrame(
        {
            "identifier": [one.item.identifier for one in asked],
            "predicted": [one.item.predicted for one in asked],
            "probability": [max(one.item.probabilities) for one in asked],
            "answer": [answer.answer if answer else "" for answer in said],
            "note": [answer.note if answer else "" for answer in said],
            "oracle": [answer.oracle if answer else "" for answer in said],
            "query": [one.query.number for one in asked],
        }
    )
    place = question.item.identifier if question else ""
    with st.expander("All spectra asked about: select a row to open or correct it"):
        # A key of its own for each place: the selection that led here must not linger.
        key = f"list-{purpose.value}-{campaign.name}-{place}"
        selected = st.dataframe(
            table,
            key=key,
            hide_index=True,
            height=300,
            on_select="rerun",
            selection_mode="single-row",
            column_config={"probability": st.column_config.NumberColumn(format="percent")},
        )
    rows = selected["selection"]["rows"]
    if rows and table["identifier"].iloc[rows[0]] != place:
        st.session_state[_TRAIL] = [*st.session_state.get(_TRAIL, []), place]
        _open(table["identifier"].iloc[rows[0]])
        st.rerun()
