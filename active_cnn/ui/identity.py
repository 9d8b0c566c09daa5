"""Who opens a page: whether this person may, and under which name the answers are stored.

Three ways, of which an administrator chooses (docs/server.md): a name that everybody gives, the
team's password before it, or a login at an OIDC provider, which then also says the name.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import streamlit as st
from streamlit.errors import StreamlitAPIException

from active_cnn import access
from active_cnn.access import AccessError, Attempts, Protection, Token
from active_cnn.settings import Settings
from active_cnn.ui.text import plain

NAME_COOKIE, TOKEN_COOKIE = "active-cnn-name", "active-cnn-token"
NAME_LIFE = 365 * 24 * 3600  # s

# Of the session. What stands in its cookies was read from the browser once, or is newer than that.
_COOKIES, _UNWRITTEN, _REFUSED = "access-cookies", "access-unwritten", "access-refused"
_PASSWORD = "access-password"

# Not in Streamlit's cache: every browser may have that emptied.
_attempts = Attempts()


@cache
def _cookie_writer() -> Any:
    # A file: the server's policy for browsers lets no other script run (front.py).
    return st.components.v2.component("active-cnn.cookie", js="cookie.js")


@dataclass(frozen=True)
class Visitor:
    """Whoever has opened the page.

    Parameters
    ----------
    name : str
        That signs the answers; empty before one has been given.
    may_choose : bool
        Whether this person may give another name.
    lacks : str
        What must be done before anything is shown; empty if nothing.
    protection : Protection
        What is asked of everybody.
    """

    name: str
    may_choose: bool
    lacks: Literal["", "login", "password"]
    protection: Protection


def enter() -> None:
    """Ask for what is missing before anything is shown, and end the run there."""
    try:
        visitor = _visitor()
    except AccessError as error:
        st.error(plain(error))
        st.stop()
    if visitor.lacks:
        st.title("Active CNN", anchor=False)
        _ask = {"login": _ask_login, "password": _ask_password}[visitor.lacks]
        _ask(visitor.protection)
        _write_cookies()
        st.stop()


def name_of_visitor() -> str:
    """Give the name that signs answers, empty before one has been given.

    Raises
    ------
    AccessError
        If the visitor may not enter, or no longer.
    """
    visitor = _visitor()
    if visitor.lacks:
        raise AccessError(
            f"You are no longer let in without the {visitor.lacks}: reload the page to give it."
        )
    return visitor.name


def signing_name() -> str:
    """Give the name that signs an answer now.

    Raises
    ------
    AccessError
        If the visitor may not enter, or has not given a name.
    """
    return checked(name_of_visitor())


def checked(name: str) -> str:
    """Refuse to sign with no name; a page that takes answers asks for it before."""
    if not name:
        raise AccessError("Nobody has said who is labelling: give your name in the sidebar.")
    return name


def require_name() -> str:
    """Give the name that signs answers; ask for it if there is none, and end the run there."""
    name = name_of_visitor()
    if not name:
        settings = Settings.from_environment()
        st.subheader("Who is labelling?", anchor=False)
        # On a server of a team the login name is that of its administrator.
        is_own = not _protection(settings).is_configured
        _offer_name("page", settings.oracle if is_own else "", "Go on")
        st.stop()
    return name


def protection_of_server() -> Protection:
    """Give what is asked of whoever opens a page.

    Raises
    ------
    AccessError
        If that cannot be told, or nothing is asked although other machines reach the server.
    """
    return _visitor().protection


def show_signature() -> None:
    """Show how answers are signed, with the ways to change that and to leave."""
    visitor = _visitor()
    signed = f"Answers are signed: {plain(visitor.name)}" if visitor.name else "No name given yet"
    st.caption(signed)
    if visitor.may_choose:
        # A key of its own for each name, so that it closes when another one has been given.
        key = f"sign-{access.encode_name(visitor.name)}"
        with st.popover("Change" if visitor.name else "Give a name", key=key, type="tertiary"):
            _offer_name("sidebar", visitor.name, "Sign with this name")
    if visitor.protection.is_configured:
        st.button("Log out", key="log-out", on_click=_leave, args=(visitor.protection,))
    _write_cookies()


def _visitor() -> Visitor:
    settings = Settings.from_environment()
    protection = _protection(settings)
    if not protection.is_configured and not access.is_loopback(st.get_option("server.address")):
        raise AccessError(
            "Other machines can reach this server, and nobody is asked who enters. Start it with "
            f"`active-cnn serve`, which listens on localhost; or {access.HOW_TO_PROTECT}."
        )
    lacks: Literal["", "login", "password"] = ""
    token = None
    if protection.providers and st.user.get("is_logged_in") is not True:
        lacks = "login"
    elif protection.password:
        key = access.token_key(settings.home, protection.password)
        token = access.read_token(key, _cookie(TOKEN_COOKIE), time.time())
        lacks = "" if token else "password"
    if lacks:
        return Visitor("", False, lacks, protection)
    if protection.providers:
        return Visitor(access.name_from_claims(st.user.to_dict()), False, "", protection)
    if settings.is_oracle_fixed:
        return Visitor(access.clean_name(settings.oracle), False, "", protection)
    name = token.name if token else access.decode_name(_cookie(NAME_COOKIE))
    return Visitor(name, True, "", protection)


def _protection(settings: Settings) -> Protection:
    try:
        secrets = st.secrets.to_dict()
    except (OSError, ValueError) as error:
        if any(Path(path).exists() for path in st.get_option("secrets.files")):
            # Streamlit itself would go on as if nothing was asked.
            raise AccessError(
                "secrets.toml cannot be read, so nobody is let in: mend or remove it, and start "
                "the server again."
            ) from error
        secrets = {}
    return access.read_protection(secrets, settings.password)


def _ask_login(protection: Protection) -> None:
    st.markdown("Log in to see the campaigns.")
    for provider in protection.providers:
        is_default = provider == access.DEFAULT_PROVIDER
        label = "Log in" if is_default else f"Log in with {plain(provider)}"
        if st.button(label, key=f"log-in-{provider}", type="primary"):
            try:
                st.login(None if is_default else provider)
            except StreamlitAPIException as error:
                st.error(f"The login is not set up right: {plain(error)}")


def _ask_password(_: Protection) -> None:
    with st.form("enter", width=420):
        st.text_input("The team's password", type="password", key=_PASSWORD)
        st.form_submit_button("Enter", key="enter-password", on_click=_try_password)
    _show_refusal("password")


def _try_password() -> None:
    given = st.session_state[_PASSWORD]
    # It stays nowhere but in the comparison.
    st.session_state[_PASSWORD] = ""
    settings = Settings.from_environment()

    def act() -> None:
        password = _protection(settings).password
        _attempts.check(given, password)
        name = access.decode_name(_cookie(NAME_COOKIE))
        token = Token(name, int(time.time()) + access.TOKEN_LIFE)
        _keep_token(settings, password, token)

    _or_refuse("password", act)


def _keep_token(settings: Settings, password: str, token: Token) -> None:
    key = access.token_key(settings.home, password)
    _keep(TOKEN_COOKIE, access.sign_token(key, token))


def _offer_name(place: str, proposed: str, label: str) -> None:
    key = f"name-{place}"
    with st.form(f"sign-{place}", border=place == "page", width=420):
        st.text_input("Your name", value=proposed, key=key, max_chars=access.LONGEST_NAME)
        st.caption("Your answers are stored under it. It is kept in this browser.")
        st.form_submit_button(label, key=f"give-{key}", on_click=_give_name, args=(place, key))
    _show_refusal(place)


def _give_name(place: str, key: str) -> None:
    given = st.session_state[key]

    def act() -> None:
        name = access.clean_name(given)
        visitor, settings = _visitor(), Settings.from_environment()
        password = visitor.protection.password
        if visitor.lacks or not visitor.may_choose:
            raise AccessError("The name cannot be changed here: reload the page.")
        if password:
            known = access.token_key(settings.home, password)
            token = access.read_token(known, _cookie(TOKEN_COOKIE), time.time())
            if token:
                # It ends when it would have ended.
                _keep_token(settings, password, replace(token, name=name))
        _keep(NAME_COOKIE, access.encode_name(name))

    _or_refuse(place, act)


def _or_refuse(place: str, act: Callable[[], None]) -> None:
    try:
        act()
    except AccessError as error:
        st.session_state[_REFUSED] = [place, str(error)]


def _show_refusal(place: str) -> None:
    refused = st.session_state.get(_REFUSED)
    if refused and refused[0] == place:
        st.error(plain(refused[1]))
        del st.session_state[_REFUSED]


def _leave(protection: Protection) -> None:
    if protection.password:
        _keep(TOKEN_COOKIE, "")
    if protection.providers:
        st.logout()


def _cookie(name: str) -> str:
    cookies: dict[str, str] = st.session_state.get(_COOKIES, {})
    if name in cookies:
        return cookies[name]
    value = st.context.cookies.get(name)
    if not isinstance(value, str) or not value:
        return ""
    # The browser tells its cookies once in a connection; the session may outlive that.
    st.session_state[_COOKIES] = {**cookies, name: value}
    return value


def _keep(name: str, value: str) -> None:
    """Keep a cookie in the session and have the browser write it; an empty one is removed."""
    for key in (_COOKIES, _UNWRITTEN):
        st.session_state[key] = {**st.session_state.get(key, {}), name: value}


@st.fragment
def _write_cookies() -> None:
    lives = {NAME_COOKIE: NAME_LIFE, TOKEN_COOKIE: access.TOKEN_LIFE}
    for name, value in st.session_state.get(_UNWRITTEN, {}).items():
        _cookie_writer()(
            key=f"cookie-{name}",
            data={"name": name, "value": value, "life": lives[name] if value else 0},
            on_written_change=partial(_forget_unwritten, name, value),
        )


def _forget_unwritten(name: str, value: str) -> None:
    unwritten = st.session_state.get(_UNWRITTEN, {})
    # Another one may have been given in the meantime.
    if unwritten.get(name) == value:
        st.session_state[_UNWRITTEN] = {n: v for n, v in unwritten.items() if n != name}
