"""Names, the team's password, its tokens, and where the server may listen."""

import os
import socket
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from active_cnn.access import (
    FAILURES_WITHIN,
    LONGEST_NAME,
    MOST_FAILURES,
    SECRET_FILE,
    AccessError,
    Attempts,
    Protection,
    Token,
    clean_name,
    decode_name,
    encode_name,
    is_loopback,
    is_name,
    name_from_claims,
    read_protection,
    read_token,
    sign_token,
    token_key,
)
from active_cnn.cli import main
from active_cnn.hosts import ANY_ADDRESS
from active_cnn.serve import APP, plan_start, require_free
from active_cnn.settings import Settings

NOW = 1_800_000_000.0
PROVIDER = {"client_id": "x", "client_secret": "y", "server_metadata_url": "https://id.test"}


def test_a_name_is_trimmed():
    assert clean_name("  Petr Škoda ") == "Petr Škoda"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("x" * (LONGEST_NAME + 1), "81 characters"),
        ("two\nlines", "cannot be seen"),
        ("right\u202eleft", "cannot be seen"),
        ("bell\a", "cannot be seen"),
    ],
)
def test_a_text_that_is_no_name_is_refused(text, said):
    with pytest.raises(AccessError, match=said):
        clean_name(text)


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=LONGEST_NAME))
def test_a_name_comes_back_from_a_cookie_that_needs_no_quoting(name):
    text = encode_name(name)
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
    assert decode_name(text) == name


@given(st.text())
def test_any_other_cookie_is_no_name_or_a_clean_one(text):
    name = decode_name(text)
    assert not name or clean_name(name) == name


@pytest.mark.parametrize(
    "text", ["", "=", "a", "Zm9vCg", encode_name("a\nb"), encode_name("x" * 81), "_w", "Zm9v;x"]
)
def test_a_damaged_cookie_is_no_name(text):
    assert decode_name(text) == "" or clean_name(decode_name(text)) == "foo"


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"sub": "7", "email": "ann@obs.test", "email_verified": True}, "ann@obs.test"),
        ({"sub": "7", "email": "ann@obs.test", "email_verified": "true"}, "ann@obs.test"),
        ({"sub": "7", "email": "bob@obs.test", "email_verified": False, "name": "Ann"}, "Ann (7)"),
        ({"sub": "7", "email": "bob@obs.test"}, "7"),
        ({"sub": "7", "name": "bob@obs.test"}, "bob@obs.test (7)"),
        ({"sub": "7", "name": "\u202eAnn"}, "7"),
    ],
)
def test_only_a_verified_address_stands_for_a_person_alone(claims, name):
    assert name_from_claims(claims) == name


def test_what_a_provider_says_at_length_is_a_name_all_the_same():
    people = [{"sub": f"{'7' * 250}{n}", "name": "Ann"} for n in (1, 2)]
    names = [name_from_claims(one) for one in people]
    assert len(set(names)) == 2
    assert all(len(one) == LONGEST_NAME and is_name(one) for one in names)
    assert names == [name_from_claims(one) for one in people]


def test_claims_without_any_identifier_are_refused():
    with pytest.raises(AccessError, match="scopes"):
        name_from_claims({"name": "Ann", "email": "ann@obs.test"})


@pytest.mark.parametrize(
    ("address", "is_own"),
    [
        ("localhost", True),
        ("LOCALHOST", True),
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        (None, False),
        ("192.168.1.7", False),
        ("localhost.example.org", False),
        ("unix:///run/active-cnn", False),
    ],
)
def test_only_addresses_of_the_machine_itself_are_loopback(address, is_own):
    assert is_loopback(address) is is_own


def test_a_token_carries_the_name_until_it_ends(tmp_path):
    key = token_key(tmp_path, "secret")
    token = Token("Petr Škoda", int(NOW) + 10)
    text = sign_token(key, token)
    assert read_token(key, text, NOW) == token
    assert read_token(key, text, NOW + 10) is None


def test_a_token_of_another_password_or_another_home_is_none(tmp_path):
    text = sign_token(token_key(tmp_path / "a", "secret"), Token("Ann", int(NOW) + 10))
    assert read_token(token_key(tmp_path / "a", "secret"), text, NOW)
    assert read_token(token_key(tmp_path / "a", "Secret"), text, NOW) is None
    assert read_token(token_key(tmp_path / "b", "secret"), text, NOW) is None


def test_a_token_that_was_changed_is_none(tmp_path):
    key = token_key(tmp_path, "secret")
    text = sign_token(key, Token("Ann", int(NOW) + 10))
    content, signature = text.split(".")
    other = sign_token(key, Token("Bob", int(NOW) + 99_999)).split(".")[0]
    for forged in ("", ".", content, f"{other}.{signature}", f"{content}.", text[:-2], "é.é"):
        assert read_token(key, forged, NOW) is None


def test_the_secret_is_made_once_and_for_its_owner_only(tmp_path):
    home = tmp_path / "new" / "home"
    key = token_key(home, "secret")
    path = home / SECRET_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in home.iterdir()] == [SECRET_FILE]
    path.chmod(0o644)
    assert token_key(home, "secret") == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_secret_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / SECRET_FILE).write_bytes(b"short")
    with pytest.raises(AccessError, match="5 bytes instead of 32"):
        token_key(tmp_path, "secret")
    (tmp_path / "file").touch()
    with pytest.raises(AccessError, match="cannot be read or made"):
        token_key(tmp_path / "file", "secret")


class Clock:
    """A time that passes only when it is told to."""

    def __init__(self):
        self.now, self.paused = 0.0, 0.0

    def __call__(self):
        return self.now

    def pause(self, seconds):
        self.paused += seconds


def test_the_password_is_taken_and_another_one_is_slow():
    clock = Clock()
    attempts = Attempts(clock, clock.pause)
    attempts.check("secret", "secret")
    assert clock.paused == 0
    with pytest.raises(AccessError, match="not the password"):
        attempts.check("secre", "secret")
    assert clock.paused > 0


def test_after_too_many_wrong_passwords_the_right_one_has_to_wait_too():
    clock = Clock()
    attempts = Attempts(clock, clock.pause)
    for _ in range(MOST_FAILURES):
        with pytest.raises(AccessError, match="not the password"):
            attempts.check("guess", "secret")
    with pytest.raises(AccessError, match="wait 60 s"):
        attempts.check("secret", "secret")
    clock.now = FAILURES_WITHIN
    attempts.check("secret", "secret")


def test_right_passwords_are_never_counted():
    attempts = Attempts(Clock(), lambda _: None)
    for _ in range(3 * MOST_FAILURES):
        attempts.check("secret", "secret")


def test_tries_at_the_same_time_are_counted_together():
    attempts = Attempts(Clock(), lambda _: None)

    def outcome(_):
        try:
            attempts.check("guess", "secret")
        except AccessError as error:
            return "not the password" in str(error)

    with ThreadPoolExecutor(8) as pool:
        compared = list(pool.map(outcome, range(50)))
    assert sum(compared) == MOST_FAILURES


def test_no_error_and_no_description_shows_the_password():
    protection = read_protection({"team": {"password": "open sesame"}})
    assert protection.password == "open sesame"
    shown = f"{protection!r} {protection} "
    shown += repr(Settings.from_environment({"ACTIVE_CNN_PASSWORD": "open sesame"}))
    with pytest.raises(AccessError) as refused:
        Attempts(pause=lambda _: None).check("a guess", "open sesame")
    shown += str(refused.value)
    assert "sesame" not in shown
    assert "guess" not in shown


def test_protection_is_read_from_both_tables():
    assert read_protection({}) == Protection()
    assert read_protection({"team": {"password": "a"}}, "b").password == "b"
    assert read_protection({"auth": {"cookie_secret": "c", **PROVIDER}}).providers == ("default",)
    both = read_protection({"auth": {"one": PROVIDER, "two": PROVIDER}, "team": {"password": "a"}})
    assert both == Protection("a", ("one", "two"))
    assert str(both) == "a login (OIDC) and the team's password"


@pytest.mark.parametrize(
    ("secrets", "said"),
    [
        ({"team": {"password": ""}}, "empty or no text"),
        ({"team": {"password": 1234}}, "empty or no text"),
        ({"team": "secret"}, "no table"),
        ({"auth": {}}, "no OIDC provider"),
        ({"auth": "x"}, "no OIDC provider"),
        ({"auth": {"cookie_secret": "x", "client_kwargs": {"prompt": "login"}}}, "no OIDC"),
    ],
)
def test_a_table_that_asks_nothing_is_a_mistake_and_no_open_door(secrets, said):
    with pytest.raises(AccessError, match=said):
        read_protection(secrets)


def test_settings_come_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folders = os.pathsep.join([f"{tmp_path}/a", "", "b"])
    settings = Settings.from_environment({"USER": "ann", "ACTIVE_CNN_FOLDERS": folders})
    assert settings == Settings(tmp_path / "data", "ann", folders=(tmp_path / "a", tmp_path / "b"))
    fixed = Settings.from_environment({"USER": "ann", "ACTIVE_CNN_ORACLE": "team"})
    assert (fixed.oracle, fixed.is_oracle_fixed, fixed.folders) == ("team", True, ())


@pytest.fixture
def no_secrets(tmp_path, monkeypatch):
    monkeypatch.setattr("active_cnn.serve.SECRETS", tmp_path / "none.toml")


@pytest.fixture
def secrets(tmp_path):
    path = tmp_path / "secrets.toml"
    path.write_text('[team]\npassword = "open sesame"\n')
    return path


@pytest.mark.usefixtures("no_secrets")
def test_the_server_listens_on_this_machine_only(tmp_path):
    plan = plan_start(tmp_path, environment={"ACTIVE_CNN_FOLDERS": str(tmp_path)})
    assert plan.command[:4] == (sys.executable, "-P", "-m", "active_cnn.ui.server")
    assert _option(plan.command, "--server.address") == ["localhost"]
    assert _option(plan.command, "--server.port") == ["8501"]
    # A page elsewhere whose name leads here is not served.
    assert _option(plan.command, "--allowed-host") == ["localhost", "127.0.0.1", "::1"]
    assert plan.environment["ACTIVE_CNN_HOME"] == str(tmp_path)
    assert plan.environment["ACTIVE_CNN_FOLDERS"] == str(tmp_path)
    assert plan.announcement == (
        "Active CNN listens on http://localhost:8501, for this machine only."
    )


def _option(command, name):
    return [after for here, after in zip(command, command[1:], strict=False) if here == name]


@pytest.mark.usefixtures("no_secrets")
@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.7", "survey.example.org", ""])
def test_without_protection_no_other_address_is_served(tmp_path, address):
    with pytest.raises(AccessError, match="ACTIVE_CNN_PASSWORD.*\\[team\\].*\\[auth\\]"):
        plan_start(tmp_path, address, environment={})


def test_with_protection_it_says_that_it_listens_beyond_and_what_is_asked(tmp_path, secrets):
    plan = plan_start(tmp_path, "0.0.0.0", 80, secrets, {})
    assert "http://0.0.0.0:80, beyond this machine" in plan.announcement
    assert "gives the team's password" in plan.announcement
    assert "TLS" in plan.announcement
    assert _option(plan.command, "--secrets.files") == [str(secrets)]
    assert "sesame" not in repr(plan)
    by_environment = plan_start(tmp_path, "::", environment={"ACTIVE_CNN_PASSWORD": "sesame"})
    assert "http://[::]:8501" in by_environment.announcement
    assert "sesame" not in repr(replace(by_environment, command=()))


def test_with_protection_its_own_names_any_address_and_those_that_are_given_are_answered(
    tmp_path, secrets
):
    with secrets.open("a") as file:
        file.write('[auth]\nclient_id = "x"\nredirect_uri = "https://Login.example.org/callback"\n')
    plan = plan_start(
        tmp_path, "survey.example.org", 80, secrets, {}, ["CNN.example.org.", "2001:db8::7"]
    )
    names = _option(plan.command, "--allowed-host")
    assert names == [
        *("localhost", "127.0.0.1", "::1", "cnn.example.org", "2001:db8::7", "survey.example.org"),
        *(socket.gethostname().lower(), "login.example.org", ANY_ADDRESS),
    ]
    assert f"calls it one of: {', '.join(names)}" in plan.announcement
    everywhere = plan_start(tmp_path, "0.0.0.0", secrets=secrets, environment={})
    assert "0.0.0.0" not in _option(everywhere.command, "--allowed-host")


@pytest.mark.usefixtures("no_secrets")
def test_without_protection_no_further_name_is_answered(tmp_path):
    with pytest.raises(AccessError, match=r"by the name 'cnn.example.org'.*ACTIVE_CNN_PASSWORD"):
        plan_start(tmp_path, environment={}, allowed_hosts=["cnn.example.org"])
    plan = plan_start(tmp_path, "127.0.0.5", environment={}, allowed_hosts=["127.0.0.9"])
    assert _option(plan.command, "--allowed-host")[3:] == ["127.0.0.9", "127.0.0.5"]


@pytest.mark.parametrize("name", ["", "https://cnn.example.org", "cnn.example.org:443", "*", "a b"])
def test_an_allowed_host_that_is_no_name_is_refused(tmp_path, secrets, name):
    with pytest.raises(AccessError, match="is no name of a machine"):
        plan_start(tmp_path, secrets=secrets, environment={}, allowed_hosts=[name])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[team\npassword = 'open sesame'", "cannot be read as TOML"),
        ("[team]\npassword = 5", "empty or no text"),
        ("[auth]\nclient = 'x'", "no OIDC provider"),
    ],
)
def test_a_wrong_file_of_secrets_starts_nothing(tmp_path, content, said):
    path = tmp_path / "secrets.toml"
    path.write_text(content)
    with pytest.raises(AccessError, match=said) as refused:
        plan_start(tmp_path, secrets=path, environment={})
    assert "sesame" not in str(refused.value)


def test_arguments_that_cannot_be_served_are_refused(tmp_path, secrets):
    with pytest.raises(AccessError, match="port is 70000"):
        plan_start(tmp_path, port=70_000)
    with pytest.raises(AccessError, match="no file of secrets"):
        plan_start(tmp_path, secrets=tmp_path / "nowhere.toml")
    with pytest.raises(AccessError, match=r"ends in \.toml"):
        plan_start(tmp_path, secrets=secrets.rename(tmp_path / "secrets.txt"))


@pytest.mark.usefixtures("no_secrets")
def test_a_port_that_is_taken_is_refused_and_a_free_one_is_not(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(AccessError, match=f"port {port} of localhost: another program"):
            require_free("localhost", port)
        with pytest.raises(SystemExit):
            main(["serve", "--home", str(tmp_path), "--port", str(port)])
        assert "another program does" in capsys.readouterr().err
    require_free("localhost", port)
    for address in ("192.0.2.7", "no-such-host.invalid", "a..b"):
        with pytest.raises(AccessError, match=f"of {address}: .*Give another"):
            require_free(address, port)


@pytest.mark.usefixtures("no_secrets")
def test_the_command_refuses_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("ACTIVE_CNN_PASSWORD", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--home", str(tmp_path), "--address", "0.0.0.0"])
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "docs/server.md" in said.err


def test_the_guide_that_messages_name_is_there():
    assert (Path(APP).parent / "docs" / "server.md").is_file()
