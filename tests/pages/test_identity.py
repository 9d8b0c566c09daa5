"""Who may see the pages, and under which name answers are stored."""

from __future__ import annotations

import time

import pytest
import streamlit as st
from streamlit import config
from streamlit.runtime.context import ContextProxy, StreamlitCookies
from streamlit.runtime.secrets import Secrets

from active_cnn.access import (
    LONGEST_NAME,
    MOST_FAILURES,
    AccessError,
    Attempts,
    Token,
    decode_name,
    encode_name,
    read_token,
    sign_token,
    token_key,
)
from active_cnn.campaign.store import Store
from active_cnn.records import Purpose
from active_cnn.ui import identity
from active_cnn.ui.identity import NAME_COOKIE, TOKEN_COOKIE
from active_cnn.ui.page import View
from active_cnn.ui.text import plain

PAGES = ("", "1_Overview", "2_Train", "3_Performance", "4_Relabel", "5_Candidates", "6_Agreement")
SIGNING = ("3_Performance", "4_Relabel")
PASSWORD = "open sesame"
AUTH = {"client_id": "x", "client_secret": "y", "server_metadata_url": "https://id.test"}


@pytest.fixture
def cookies(monkeypatch):
    """What the browser sends; AppTest has no browser."""
    sent: dict[str, str] = {}
    monkeypatch.setattr(ContextProxy, "cookies", property(lambda _: StreamlitCookies(sent)))
    return sent


@pytest.fixture(autouse=True)
def _environment(monkeypatch, cookies):  # noqa: ARG001
    monkeypatch.delenv("ACTIVE_CNN_ORACLE", raising=False)
    monkeypatch.delenv("ACTIVE_CNN_PASSWORD", raising=False)
    monkeypatch.setenv("USER", "login")
    monkeypatch.setattr(identity, "_attempts", Attempts(pause=lambda _: None))


@pytest.fixture
def anybody(new_store, monkeypatch):
    """The home of a campaign whose visitors are asked for their name only."""
    monkeypatch.delenv("ACTIVE_CNN_ORACLE")
    return new_store.home


@pytest.fixture
def scored(store, monkeypatch):
    """The same, with predictions."""
    monkeypatch.delenv("ACTIVE_CNN_ORACLE")
    return store


@pytest.fixture
def locked(anybody, monkeypatch):
    """The same, behind the team's password."""
    monkeypatch.setenv("ACTIVE_CNN_PASSWORD", PASSWORD)
    return anybody


def captions(at):
    return [one.value for one in at.caption]


def signed(at):
    return next(
        (c.removeprefix("Answers are signed: ") for c in captions(at) if "signed:" in c), ""
    )


def keys(at, kind):
    return [one.key for one in at.get(kind)]


def token(home, name="Ann", life=1000, password=PASSWORD):
    return sign_token(token_key(home, password), Token(name, int(time.time()) + life))


def give(at, key, text, button):
    at.text_input(key=key).set_value(text)
    return at.button(key=button).click().run()


@pytest.mark.usefixtures("anybody")
@pytest.mark.parametrize("page", SIGNING)
def test_a_page_that_takes_answers_asks_once_for_a_name(open_page, page):
    at = open_page(page)
    assert at.text_input(key="name-page").value == "login"
    assert not at.info
    give(at, "name-page", " Petr Škoda ", "give-name-page")
    assert not at.exception
    assert signed(at) == "Petr Škoda"
    assert "name-page" not in keys(at, "text_input")
    assert "has not been trained yet" in at.info[0].value
    # The browser is told to keep it.
    assert decode_name(at.session_state["access-unwritten"][NAME_COOKIE]) == "Petr Škoda"


@pytest.mark.usefixtures("anybody")
@pytest.mark.parametrize("page", sorted({*PAGES} - {*SIGNING}))
def test_other_pages_need_no_name(open_page, page):
    at = open_page(page)
    assert "name-page" not in keys(at, "text_input")
    assert "No name given yet" in captions(at)


@pytest.mark.usefixtures("anybody")
def test_the_browser_remembers_the_name(open_page, cookies):
    cookies[NAME_COOKIE] = encode_name("Petr *Škoda*")
    at = open_page("4_Relabel")
    assert signed(at) == r"Petr \*Škoda\*"
    assert at.text_input(key="name-sidebar").value == "Petr *Škoda*"


@pytest.mark.usefixtures("anybody")
@pytest.mark.parametrize(
    "kept", ["<script>", encode_name("a\nb"), encode_name("x" * 81), "%41%6e%6e", "\udcff", "é"]
)
def test_a_cookie_that_holds_no_name_is_as_none(open_page, cookies, kept):
    cookies[NAME_COOKIE] = kept
    at = open_page("4_Relabel")
    assert at.text_input(key="name-page").value == "login"


@pytest.mark.usefixtures("anybody")
def test_the_name_can_be_changed_in_the_sidebar(open_page, cookies):
    cookies[NAME_COOKIE] = encode_name("Ann")
    at = open_page("2_Train")
    give(at, "name-sidebar", "Bob", "give-name-sidebar")
    assert signed(at) == "Bob"
    # It stays on the next page, though the browser has said another one when it connected.
    at.switch_page("pages/4_Relabel.py").run()
    assert signed(at) == "Bob"


@pytest.mark.usefixtures("anybody")
@pytest.mark.parametrize(("text", "said"), [("  ", "is empty"), ("a\u202eb", "cannot be seen")])
def test_a_text_that_is_no_name_is_refused_with_the_reason(open_page, text, said):
    at = open_page("4_Relabel")
    give(at, "name-page", text, "give-name-page")
    assert said in at.error[0].value
    assert "name-page" in keys(at, "text_input")
    assert len(at.text_input(key="name-page").value) <= LONGEST_NAME + 1
    assert not signed(at)


@pytest.mark.usefixtures("anybody")
def test_the_environment_fixes_the_name(open_page, monkeypatch, cookies):
    monkeypatch.setenv("ACTIVE_CNN_ORACLE", "the team")
    cookies[NAME_COOKIE] = encode_name("Ann")
    at = open_page("4_Relabel")
    assert signed(at) == "the team"
    assert "name-sidebar" not in keys(at, "text_input")


def test_nothing_is_stored_without_a_name(scored):
    with pytest.raises(AccessError, match="give your name"):
        _ = View(scored, scored.campaign(), "").oracle


@pytest.mark.usefixtures("locked")
@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_shown_before_the_password(open_page, page):
    at = open_page(page, campaign="small")
    assert keys(at, "text_input") == ["access-password"]
    assert keys(at, "button") == ["enter-password"]
    assert not at.sidebar.children
    # Neither a campaign nor a word of a page.
    everything = repr(at._tree)
    for word in ("small", "Iteration", "Overview", "selectbox", "page_link", PASSWORD):
        assert word not in everything.replace("campaign=small", "")


def test_the_password_opens_the_pages_and_is_kept_as_a_token(locked, open_page):
    at = open_page("1_Overview")
    give(at, "access-password", PASSWORD, "enter-password")
    assert at.selectbox(key="campaign").value == "small"
    written = at.session_state["access-unwritten"]
    assert list(written) == [TOKEN_COOKIE]
    assert PASSWORD not in repr(at.session_state.to_dict())
    kept = read_token(token_key(locked, PASSWORD), written[TOKEN_COOKIE], time.time())
    assert kept.name == ""
    assert kept.until > time.time() + 24 * 3600


@pytest.mark.usefixtures("locked")
def test_the_password_of_secrets_toml_is_asked_too(open_page, monkeypatch):
    monkeypatch.delenv("ACTIVE_CNN_PASSWORD")
    at = _with_secrets(open_page, {"team": {"password": "of the file"}})
    assert keys(at, "text_input") == ["access-password"]
    give(at, "access-password", PASSWORD, "enter-password")
    assert "not the password" in at.error[0].value
    give(at, "access-password", "of the file", "enter-password")
    assert at.selectbox(key="campaign").value == "small"


def _with_secrets(open_page, secrets, user=None, page=""):
    at = open_page()
    at.secrets = secrets
    if user is not None:
        at.user = user
    at.run()
    if page:
        at.switch_page(f"pages/{page}.py").run()
    return at


@pytest.mark.usefixtures("locked")
def test_a_wrong_password_opens_nothing_and_too_many_have_to_wait(open_page):
    at = open_page("1_Overview")
    for _ in range(MOST_FAILURES):
        give(at, "access-password", "a guess", "enter-password")
        assert "not the password" in at.error[0].value
        assert "a guess" not in repr(at.session_state.to_dict())
    # Nor from another browser.
    other = open_page("1_Overview")
    give(other, "access-password", PASSWORD, "enter-password")
    assert "wait" in other.error[0].value
    assert keys(other, "text_input") == ["access-password"]


def test_a_token_lets_in_and_signs(locked, open_page, cookies):
    cookies[TOKEN_COOKIE] = token(locked)
    cookies[NAME_COOKIE] = encode_name("Bob")
    at = open_page("4_Relabel")
    assert signed(at) == "Ann"


@pytest.mark.parametrize(
    "kept",
    [
        lambda home: token(home, life=-1),
        lambda home: token(home, password="another"),
        lambda home: token(home.parent / "another"),
        lambda home: token(home)[:-3],
        lambda _: encode_name("Ann"),
    ],
    ids=["ended", "of another password", "of another home", "cut", "unsigned"],
)
def test_a_token_that_is_not_valid_is_as_none(locked, open_page, cookies, kept):
    cookies[TOKEN_COOKIE] = kept(locked)
    at = open_page("4_Relabel")
    assert keys(at, "text_input") == ["access-password"]


def test_a_new_name_does_not_lengthen_the_stay(locked, open_page, cookies):
    cookies[TOKEN_COOKIE] = token(locked, name="", life=1000)
    at = open_page("4_Relabel")
    # On a team's server the login name is nobody's who labels.
    assert at.text_input(key="name-page").value == ""
    give(at, "name-page", "Ann", "give-name-page")
    assert signed(at) == "Ann"
    written = at.session_state["access-unwritten"][TOKEN_COOKIE]
    kept = read_token(token_key(locked, PASSWORD), written, time.time())
    assert kept.name == "Ann"
    assert kept.until <= time.time() + 1000


def test_logging_out_shows_nothing_and_removes_the_cookie(locked, open_page, cookies):
    cookies[TOKEN_COOKIE] = token(locked)
    at = open_page("1_Overview")
    at.button(key="log-out").click().run()
    assert keys(at, "text_input") == ["access-password"]
    assert at.session_state["access-unwritten"] == {TOKEN_COOKIE: ""}


def test_a_button_of_a_page_that_was_left_open_does_nothing_when_the_token_has_ended(
    scored, open_page, cookies, monkeypatch
):
    monkeypatch.setenv("ACTIVE_CNN_PASSWORD", PASSWORD)
    cookies[TOKEN_COOKIE] = token(scored.home)
    at = open_page("3_Performance")
    draw = next(key for key in keys(at, "button") if key.startswith("draw-performance-"))
    at.session_state["access-cookies"] = {TOKEN_COOKIE: token(scored.home, life=-1)}
    at.button(key=draw).click().run()
    assert keys(at, "text_input") == ["access-password"]
    with Store(scored.home) as store:
        assert not store.queries(store.iteration("small"), Purpose.PERFORMANCE)


def test_a_login_is_asked_for_and_says_the_name(anybody, open_page, cookies):
    cookies[NAME_COOKIE] = encode_name("Bob")
    secrets = {"auth": AUTH}
    at = _with_secrets(open_page, secrets, {"is_logged_in": False}, "4_Relabel")
    assert keys(at, "button") == ["log-in-default"]
    assert not at.sidebar.children
    assert anybody.name not in repr(at._tree)
    user = {"is_logged_in": True, "sub": "7", "email": "ann@obs.test", "email_verified": True}
    at = _with_secrets(open_page, secrets, user, "4_Relabel")
    assert signed(at) == plain("ann@obs.test")
    assert "name-sidebar" not in keys(at, "text_input")
    at.button(key="log-out").click().run()
    assert keys(at, "button") == ["log-in-default"]


@pytest.mark.usefixtures("locked")
def test_a_login_does_not_stand_for_the_password(open_page):
    user = {"is_logged_in": True, "sub": "7", "name": "Ann"}
    at = _with_secrets(open_page, {"auth": {"one": AUTH}}, user)
    assert keys(at, "text_input") == ["access-password"]
    give(at, "access-password", PASSWORD, "enter-password")
    assert signed(at) == plain("Ann (7)")


@pytest.mark.usefixtures("anybody")
def test_a_login_that_is_not_set_up_right_is_a_message(open_page):
    at = _with_secrets(open_page, {"auth": {"one": AUTH}}, {"is_logged_in": False})
    at.button(key="log-in-one").click().run()
    assert not at.exception
    assert "not set up right" in at.error[0].value
    at = _with_secrets(open_page, {"auth": {}})
    assert "no OIDC provider" in at.error[0].value
    assert not keys(at, "button")


@pytest.fixture
def option():
    """Set options of the server; they are put back."""
    before = {}

    def put(name, value):
        before.setdefault(name, (config.get_option(name), config.get_where_defined(name)))
        config.set_option(name, value)

    yield put
    for name, (value, where) in before.items():
        config.set_option(name, value, where)


@pytest.mark.usefixtures("anybody")
@pytest.mark.parametrize("address", ["0.0.0.0", None])
def test_a_server_that_others_can_reach_shows_nothing_unless_it_asks(
    open_page, option, monkeypatch, address
):
    option("server.address", address)
    at = open_page("1_Overview")
    assert "nobody is asked who enters" in at.error[0].value
    assert not at.sidebar.children
    assert not at.get("button")
    monkeypatch.setenv("ACTIVE_CNN_PASSWORD", PASSWORD)
    assert keys(open_page("1_Overview"), "text_input") == ["access-password"]


@pytest.mark.usefixtures("anybody")
def test_secrets_that_cannot_be_read_let_nobody_in(open_page, option, monkeypatch, tmp_path):
    path = tmp_path / "secrets.toml"
    path.write_text("[team\npassword = 'open sesame'")
    option("secrets.files", [str(path)])
    monkeypatch.setattr(st, "secrets", Secrets())
    at = open_page("1_Overview")
    assert "cannot be read" in at.error[0].value
    assert not at.sidebar.children
    assert "sesame" not in repr(at._tree)
