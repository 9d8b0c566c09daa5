"""Starts the dashboard's server, which is open to other machines only when it asks who enters."""

from __future__ import annotations

import errno
import os
import socket
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from active_cnn.access import (
    HOW_TO_PROTECT,
    AccessError,
    Protection,
    is_loopback,
    read_protection,
)
from active_cnn.hosts import ANY_ADDRESS, clean_host
from active_cnn.lines import read_bounded
from active_cnn.settings import Settings, resolve

LOCALHOST, PORT = "localhost", 8501
APP = Path(__file__).resolve().parents[1] / "app.py"
SECRETS = APP.parent / ".streamlit" / "secrets.toml"
MOST_PORTS = 65_535
MOST_SECRETS = 2**20  # bytes

# What a browser on the same machine calls it. Another name may be a foreign page's that leads here.
OWN_NAMES = ("localhost", "127.0.0.1", "::1")
ALLOWED = "allowed-host"  # the option of the server's process
_EVERYWHERE = ("0.0.0.0", "::")


@dataclass(frozen=True)
class Start:
    """How the server is started.

    Parameters
    ----------
    command : tuple of str
        The program and its arguments.
    environment : mapping
        Its variables.
    announcement : str
        What to tell whoever starts it.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    announcement: str


def plan_start(
    home: Path,
    address: str = LOCALHOST,
    port: int = PORT,
    secrets: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    allowed_hosts: Sequence[str] = (),
) -> Start:
    """Decide how to start the server, or refuse to.

    Parameters
    ----------
    home : Path
        Folder of the campaigns.
    address, port : str, int
        Where the server listens.
    secrets : Path, optional
        File with the team's password or the OIDC login; by default `.streamlit/secrets.toml` next
        to app.py, which need not be there.
    environment : mapping
        Variables of the server.
    allowed_hosts : sequence of str
        Further names that browsers may call it by, such as that of a reverse proxy.

    Raises
    ------
    AccessError
        If other machines could reach it and nothing is asked of them, or if an argument or the
        file of secrets cannot be used.
    """
    if not APP.is_file():
        raise AccessError(
            f"The dashboard is not at {APP}: install Active CNN from a clone of its repository "
            "with `make install`."
        )
    if not 0 < port <= MOST_PORTS:
        raise AccessError(f"The port is {port}: give one from 1 to {MOST_PORTS}.")
    address = address.strip()
    settings = Settings.from_environment(environment)
    file = resolve("The file of secrets", secrets or SECRETS)
    if secrets is not None and (not os.path.isfile(file) or file.suffix != ".toml"):  # noqa: PTH113 - also of names too long
        raise AccessError(f"There is no file of secrets {file}: give one that ends in .toml.")
    content = _read(file)
    protection = read_protection(content, settings.password)
    is_local = is_loopback(address)
    if not is_local and not protection.is_configured:
        raise AccessError(
            f"Other machines could reach the address {address!r}, and nobody would be asked who "
            f"enters: {HOW_TO_PROTECT}, or listen on localhost."
        )
    command = [
        sys.executable, "-P", "-m", "active_cnn.ui.server",
        "--server.address", address,
        "--server.port", str(port),
        "--secrets.files", str(file),
    ]  # fmt: skip
    further = _further_names(allowed_hosts, protection)
    names = [*OWN_NAMES, *further]
    if address not in _EVERYWHERE:
        names.append(clean_host(address))
    if protection.is_configured:
        names += [clean_host(socket.gethostname()), _name_of_login(content), ANY_ADDRESS]
    names = [name for name in dict.fromkeys(names) if name]
    for name in names:
        command += [f"--{ALLOWED}", name]
    # The server works in another folder.
    variables = {**environment, "ACTIVE_CNN_HOME": str(resolve("The home", home))}
    if settings.folders:
        variables["ACTIVE_CNN_FOLDERS"] = os.pathsep.join(map(str, settings.folders))
    return Start(tuple(command), variables, _announce(address, port, protection, names))


def _further_names(given: Sequence[str], protection: Protection) -> list[str]:
    names = []
    for text in given:
        name = clean_host(text)
        if not name:
            raise AccessError(
                f"The allowed host {text!r} is no name of a machine: give one such as "
                "cnn.example.org, without http:// and without a port."
            )
        if not protection.is_configured and not is_loopback(name):
            raise AccessError(
                f"Other machines could reach the server by the name {name!r}, and nobody would be "
                f"asked who enters: {HOW_TO_PROTECT}, or leave out --allowed-host."
            )
        names.append(name)
    return names


def _name_of_login(secrets: Mapping[str, object]) -> str:
    auth = secrets.get("auth")
    address = auth.get("redirect_uri") if isinstance(auth, Mapping) else None
    try:
        return clean_host(urlsplit(str(address)).hostname or "")
    except ValueError:
        return ""


def _read(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(read_bounded(file, MOST_SECRETS).decode())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        # Not what is wrong in which line: that might show the secret.
        raise AccessError(
            f"The file of secrets {file} cannot be read as TOML: mend it, or remove it."
        ) from error


def _announce(address: str, port: int, protection: Protection, names: Sequence[str]) -> str:
    url = f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
    asked = ""
    if protection.is_configured:
        called = ", ".join(names)
        asked = f"Whoever enters gives {protection}, and calls it one of: {called}."
    if is_loopback(address):
        return f"Active CNN listens on {url}, for this machine only. {asked}".strip()
    return (
        f"Active CNN listens on {url}, beyond this machine. {asked} The connection is not "
        "encrypted: put a reverse proxy with TLS in front (docs/server.md)."
    )


def require_free(address: str, port: int) -> None:
    """Refuse to start where the server could not listen.

    Raises
    ------
    AccessError
        If something listens there already, the port is kept for the administrator, or the address
        is none of this machine's.
    """
    where = f"The server cannot listen on port {port} of {address}"
    refused = []
    try:
        places = socket.getaddrinfo(
            address.strip() or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        raise AccessError(f"{where}: no machine has that name. Give another address.") from error
    for family, _, _, _, place in places:
        try:
            socket.create_server(place, family=family).close()
        except OSError as error:
            refused.append(error)
    if any(error.errno == errno.EADDRINUSE for error in refused):
        raise AccessError(
            f"{where}: another program does, perhaps Active CNN itself. Open it in the browser, or "
            "give another port (--port, PORT=)."
        )
    # A machine may know itself by an address of a kind that it does not use.
    if len(refused) == len(places):
        raise AccessError(f"{where}: {refused[0].strerror}. Give another port or address.")


def start(plan: Start) -> NoReturn:
    """Become the server."""
    sys.stdout.flush()
    # Streamlit looks for its configuration in the working folder.
    os.chdir(APP.parent)
    os.execve(plan.command[0], plan.command, dict(plan.environment))
