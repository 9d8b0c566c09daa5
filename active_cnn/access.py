"""Who may enter the dashboard and how answers are signed: names, password, tokens, addresses.

Nothing here knows how the dashboard is drawn or served.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets as randomness
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

from active_cnn.errors import ActiveCnnError
from active_cnn.regular_file import open_regular

LONGEST_NAME = 80  # characters
TOKEN_LIFE = 30 * 24 * 3600  # s

# Wrong passwords that the whole server takes in a time; after that, further tries have to wait.
MOST_FAILURES = 10
FAILURES_WITHIN = 60.0  # s
PAUSE_AFTER_FAILURE = 1.0  # s

SECRET_FILE = "access.key"  # in the home folder
_SECRET_SIZE = 32  # bytes
_MOST_SECRET = 4096  # bytes that are looked at

DEFAULT_PROVIDER = "default"
_OF_A_PROVIDER = ("client_id", "server_metadata_url")

HOW_TO_PROTECT = (
    "set ACTIVE_CNN_PASSWORD, or write a password under [team] or an OIDC provider under [auth] "
    "into secrets.toml (docs/server.md tells how)"
)


class AccessError(ActiveCnnError, ValueError):
    """Somebody or something that is not let in, or a name that cannot sign answers."""


def clean_name(text: str) -> str:
    """Give a name as it signs answers.

    Parameters
    ----------
    text : str
        As it was typed or kept.

    Returns
    -------
    str
        1 to `LONGEST_NAME` printable characters, without spaces around them.

    Raises
    ------
    AccessError
        If it is empty, too long, or has characters that cannot be seen.
    """
    name = text.strip()
    if not name:
        raise AccessError(f"The name is empty: give one of 1 to {LONGEST_NAME} characters.")
    if len(name) > LONGEST_NAME:
        raise AccessError(
            f"The name has {len(name)} characters: give one of at most {LONGEST_NAME}."
        )
    if not name.isprintable():
        raise AccessError(
            f"The name {ascii(name)} has characters that cannot be seen: give one of letters, "
            "digits, signs and spaces."
        )
    return name


def is_name(text: str) -> bool:
    """Tell whether a text can sign answers as it stands."""
    try:
        return clean_name(text) == text
    except AccessError:
        return False


def encode_name(name: str) -> str:
    """Write a name in letters, digits, `-` and `_` only, as a cookie can hold it."""
    return base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")


def decode_name(text: str) -> str:
    """Read what `encode_name` wrote; anything else is no name and gives an empty text."""
    try:
        padded = text + "=" * (-len(text) % 4)
        return clean_name(base64.b64decode(padded, altchars=b"-_", validate=True).decode())
    except (AccessError, binascii.Error, ValueError):
        return ""


def name_from_claims(claims: Mapping[str, Any]) -> str:
    """Give the name that answers of a logged-in person are signed with.

    Parameters
    ----------
    claims : mapping
        What the OIDC provider says of the person.

    Returns
    -------
    str
        The e-mail address if the provider has verified it. Else the name with the provider's
        own identifier of the person, `sub`, since anybody can call himself anything; else `sub`.
        What is longer than `LONGEST_NAME` ends in a digest of the whole instead.

    Raises
    ------
    AccessError
        If the provider gives none of them.
    """
    email, name, subject = (_claim(claims, key) for key in ("email", "name", "sub"))
    # Some providers send the text.
    if email and claims.get("email_verified") in (True, "true"):
        return _shorten(email)
    if not subject:
        raise AccessError(
            "The provider of the login gives neither a verified e-mail address nor an identifier "
            "(`sub`): ask for the scopes `openid email profile`."
        )
    return _shorten(f"{name} ({subject})" if name else subject)


def _shorten(name: str) -> str:
    if len(name) <= LONGEST_NAME:
        return name
    # Who they are is still told apart, the same way every day.
    ending = f"…{_digest(name).hex()[:32]}"
    return name[: LONGEST_NAME - len(ending)] + ending


def _claim(claims: Mapping[str, Any], key: str) -> str:
    value = claims.get(key)
    text = value.strip() if isinstance(value, str) else ""
    return text if text.isprintable() else ""


def is_loopback(address: str | None) -> bool:
    """Tell whether an address can be reached from its own machine only; none means everywhere."""
    if address is None:
        return False
    if address.lower() == "localhost":
        return True
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Protection:
    """What is asked of whoever opens the dashboard.

    Parameters
    ----------
    password : str
        The team's; empty if none is asked.
    providers : tuple of str
        Of the OIDC login; empty if none is asked.
    """

    password: str = field(default="", repr=False)
    providers: tuple[str, ...] = ()

    @property
    def is_configured(self) -> bool:
        """Whether anything is asked."""
        return bool(self.password or self.providers)

    def __str__(self) -> str:
        asked = ["a login (OIDC)"] if self.providers else []
        asked += ["the team's password"] if self.password else []
        return " and ".join(asked) or "nothing"


def read_protection(secrets: Mapping[str, Any], password: str = "") -> Protection:
    """Read what is asked from the contents of secrets.toml and the environment's password.

    Parameters
    ----------
    secrets : mapping
        The tables `[auth]` and `[team]`, if there are any.
    password : str
        Of the environment; it comes before that of the table.

    Raises
    ------
    AccessError
        If a table is there but asks nothing that can be asked: that is a mistake, and nobody
        shall be let in by it.
    """
    team, auth = secrets.get("team", {}), secrets.get("auth")
    if not isinstance(team, Mapping):
        raise AccessError("`team` in secrets.toml is no table: write [team] and `password` in it.")
    if not password and "password" in team:
        password = team["password"]
        if not isinstance(password, str) or not password:
            raise AccessError(
                "The password under [team] in secrets.toml is empty or no text: write it in quotes."
            )
    return Protection(password, () if auth is None else _providers(auth))


def _providers(auth: Any) -> tuple[str, ...]:
    names: list[str] = []
    if isinstance(auth, Mapping):
        if any(key in auth for key in _OF_A_PROVIDER):
            names.append(DEFAULT_PROVIDER)
        names += [
            name
            for name, table in auth.items()
            if isinstance(table, Mapping) and any(key in table for key in _OF_A_PROVIDER)
        ]
    if not names:
        raise AccessError(
            "[auth] in secrets.toml names no OIDC provider: give client_id, client_secret and "
            "server_metadata_url."
        )
    return tuple(dict.fromkeys(names))


@dataclass(frozen=True)
class Token:
    """The proof that somebody has given the password.

    Parameters
    ----------
    name : str
        That signs the answers; empty before one has been given.
    until : int
        When it ends, in seconds since 1970.
    """

    name: str
    until: int


def token_key(home: Path, password: str) -> bytes:
    """Derive the key that tokens are signed with; another password makes every token void.

    Parameters
    ----------
    home : Path
        The folder of the campaigns; its random secret is made if there is none.
    password : str
        The team's.

    Raises
    ------
    AccessError
        If the secret can be neither read nor made.
    """
    # Without the file nobody who has a token can try out passwords on it.
    return hmac.digest(_secret(home), _bytes(password), hashlib.sha256)


def _secret(home: Path) -> bytes:
    path = home / SECRET_FILE
    try:
        if not path.exists():
            home.mkdir(parents=True, exist_ok=True)
            handle, made = tempfile.mkstemp(dir=home, prefix=SECRET_FILE, suffix=".tmp")
            with os.fdopen(handle, "wb") as file:
                file.write(randomness.token_bytes(_SECRET_SIZE))
            Path(made).replace(path)
        with open_regular(path) as file:
            # A copied home may have lost it.
            if os.fstat(file.fileno()).st_mode & 0o077:
                os.fchmod(file.fileno(), 0o600)
            secret: bytes = file.read(_MOST_SECRET)
    except OSError as error:
        raise AccessError(
            f"The secret {path} that tokens are signed with cannot be read or made: "
            f"{error.strerror}. Make it readable for whoever runs the server, or remove it."
        ) from error
    if len(secret) < _SECRET_SIZE:
        raise AccessError(
            f"The secret {path} has {len(secret)} bytes instead of {_SECRET_SIZE}: remove it, a "
            "new one is made."
        )
    return secret


def sign_token(key: bytes, token: Token) -> str:
    """Write a token as a text that a cookie can hold and nobody can change unnoticed."""
    return str(_serializer(key).dumps({"name": token.name, "until": token.until}))


def read_token(key: bytes, text: str, now: float) -> Token | None:
    """Read a token; one that is forged, damaged or has ended is none.

    Parameters
    ----------
    key : bytes
        Of `token_key`.
    text : str
        As it was kept.
    now : float
        In seconds since 1970.
    """
    try:
        content = _serializer(key).loads(text)
    except BadData:
        return None
    token = Token(content["name"], content["until"])
    return token if now < token.until else None


def _serializer(key: bytes) -> URLSafeSerializer:
    return URLSafeSerializer(
        key,
        salt="active-cnn access",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )


class Attempts:
    """The tries to give the password; one for the whole server, so that guessing is slow.

    Parameters
    ----------
    clock : callable
        Gives the time in seconds.
    pause : callable
        Waits some seconds.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock, self._pause = clock, pause
        self._lock = threading.Lock()
        self._failures: deque[float] = deque()

    def check(self, given: str, password: str) -> None:
        """Compare what was given with the password, in a time that tells nothing of it.

        Raises
        ------
        AccessError
            If it is another one, or if too many wrong ones have been given.
        """
        now = self._clock()
        with self._lock:
            while self._failures and now - self._failures[0] >= FAILURES_WITHIN:
                self._failures.popleft()
            if len(self._failures) >= MOST_FAILURES:
                wait = FAILURES_WITHIN - (now - self._failures[0])
                raise AccessError(
                    f"{MOST_FAILURES} wrong passwords were given within {FAILURES_WITHIN:.0f} s: "
                    f"wait {max(wait, 1):.0f} s, then try again."
                )
            # Counted before it is compared: tries at the same time cannot slip through together.
            self._failures.append(now)
        if not hmac.compare_digest(_digest(given), _digest(password)):
            self._pause(PAUSE_AFTER_FAILURE)
            raise AccessError("This is not the password. Try again, or ask your team for it.")
        with self._lock, suppress(ValueError):
            self._failures.remove(now)


def _digest(text: str) -> bytes:
    # Of one length whatever was given, so that the comparison does not tell the length either.
    return hashlib.sha256(_bytes(text)).digest()


def _bytes(text: str) -> bytes:
    # A variable of the environment may hold bytes that are no text.
    return text.encode(errors="surrogateescape")
