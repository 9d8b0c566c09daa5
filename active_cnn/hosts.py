"""Which browsers are answered: by the Host that they call the server, and the Origin of their page.

A page of somebody else may have its own name lead to this server, or open a connection to it from
wherever it comes. In both cases the browser says so in these two headers, and no page can change
that (RFC 9110, section 7.2; RFC 6454, section 7).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

# Among names that are allowed: whoever calls an address was led here by no name of somebody else.
ANY_ADDRESS = "any IP address"

_DEFAULT_PORTS = {"http": 80, "https": 443}
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{0,5}))?", re.ASCII)
_LONGEST_SHOWN = 80  # characters


@dataclass(frozen=True)
class Place:
    """Where a browser believes to be.

    Parameters
    ----------
    name : str
        Of the machine in small letters, or its address; an IPv6 one without brackets.
    port : int, optional
        If one was given.
    """

    name: str
    port: int | None

    def is_allowed(self, names: Collection[str]) -> bool:
        """Whether it is one of the names, or an address where any may be given."""
        return self.name in names or (ANY_ADDRESS in names and _is_address(self.name))


def read_place(text: str) -> Place | None:
    """Read what a Host header holds; anything else is none."""
    found = _AUTHORITY.fullmatch(text.lower())
    if not found:
        return None
    name, port = found[1], int(found[2]) if found[2] else None
    if name.startswith("["):
        try:
            name = IPv6Address(name[1:-1]).compressed
        except ValueError:
            return None
    return Place(name.removesuffix("."), port)


def clean_host(text: str) -> str:
    """Give a name or an address as `Place.name` has it; empty if it is neither."""
    bare = text.strip()
    if ":" in bare and _is_address(bare):
        bare = f"[{bare}]"
    try:
        # Browsers send names with other letters in this form.
        bare = bare if bare.isascii() else bare.encode("idna").decode()
    except UnicodeError:
        return ""
    place = read_place(bare)
    return place.name if place and place.port is None and not bare.endswith(":") else ""


def refusal(hosts: Sequence[str], origins: Sequence[str], allowed: Collection[str]) -> str:
    """Say in one line why a request is not answered.

    Parameters
    ----------
    hosts, origins : sequence of str
        The values of its headers of these names, as they came.
    allowed : collection of str
        Names that the server is called by, as `clean_host` gives them, or `ANY_ADDRESS`.

    Returns
    -------
    str
        Empty if it is answered: its Host is allowed, and its Origin, if it has one, is the same
        place. Only browsers act for a page of somebody else, and they always say its origin.
    """
    place = read_place(hosts[0]) if len(hosts) == 1 else None
    if place is None:
        return f"One name of the server was expected in the header Host, not {_shown(hosts)}."
    if not place.is_allowed(allowed):
        return (
            f"This server is not called {_shown([place.name])}. Whoever runs it can allow the "
            "name: active-cnn serve --allowed-host NAME."
        )
    if origins and (len(origins) > 1 or not _is_origin_of(place, origins[0])):
        return (
            f"A page of {_shown(origins)} may not use the server {_shown(hosts)}. Open the "
            "dashboard itself; a proxy before it has to pass on the header Host."
        )
    return ""


def _is_origin_of(place: Place, origin: str) -> bool:
    scheme, separator, rest = origin.partition("://")
    default, other = _DEFAULT_PORTS.get(scheme.lower()), read_place(rest)
    if not separator or default is None or other is None:
        return False
    ports = [default if port is None else port for port in (place.port, other.port)]
    return place.name == other.name and ports[0] == ports[1]


def _is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def _shown(values: Sequence[str]) -> str:
    text = ", ".join(ascii(value) for value in values) or "none"
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
