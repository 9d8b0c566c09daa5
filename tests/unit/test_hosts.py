"""Which names of the server, and which origins of pages, are answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from active_cnn.hosts import ANY_ADDRESS, clean_host, read_place, refusal

OWN = ("localhost", "127.0.0.1", "::1", "cnn.example.org")


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:8501", None),
        ("localhost:8501", "http://localhost:8501"),
        # Through `ssh -L 9999:localhost:8501`: the browser knows the port of its own end only.
        ("localhost:9999", "http://localhost:9999"),
        # Behind a proxy that speaks TLS and passes on the Host.
        ("cnn.example.org", "https://cnn.example.org"),
        ("cnn.example.org:8443", "https://cnn.example.org:8443"),
        # A port that is the scheme's own may be left out.
        ("localhost:80", "http://localhost"),
        ("localhost", "http://localhost:80"),
        ("localhost:443", "https://localhost"),
        ("localhost:", "http://localhost"),
        ("LOCALHOST:8501", "http://localhost:8501"),
        ("cnn.example.org.:8501", "HTTP://CNN.example.org:8501"),
        ("127.0.0.1:8501", "http://127.0.0.1:8501"),
        ("[::1]:8501", "http://[::1]:8501"),
        ("[0:0:0:0:0:0:0:1]:8501", "http://[::1]:8501"),
    ],
)
def test_a_page_of_the_server_itself_is_answered(host, origin):
    assert refusal([host], [origin] if origin else [], OWN) == ""


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "https://evil.example:8501",
        "http://localhost",
        "http://localhost:3000",
        "https://localhost",
        "http://127.0.0.1:8501",
        "http://localhost.evil.example:8501",
        "http://evil.example/localhost:8501",
        "http://localhost:8501@evil.example",
        "http://evil.example@localhost:8501",
        "http://localhost:8501/",
        "http://localhost:8501#x",
        "http://localhost:+8501",
        "http://localhost:18501",
        "http://localhost:\u0668\u0665\u0660\u0661",
        "http://[localhost]:8501",
        "localhost:8501",
        "//localhost:8501",
        "ftp://localhost:8501",
        "file://",
        "null",
        "",
        " http://localhost:8501",
        "http://localhost:8501 http://localhost:8501",
    ],
)
def test_any_other_page_is_foreign(origin):
    said = refusal(["localhost:8501"], [origin], OWN)
    assert "may not use the server 'localhost:8501'" in said
    assert "\n" not in said


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8501",
        "localhost.evil.example",
        "a.localhost",
        "sub.cnn.example.org",
        "xcnn.example.org",
        "10.0.0.1",
        "[::2]:8501",
        "127.1:8501",
        "0.0.0.0:8501",
        "localhost..",
        ".",
    ],
)
def test_a_name_that_is_not_allowed_is_refused_whatever_the_origin(host):
    for origins in ([], [f"http://{host}"], ["http://localhost"]):
        assert "is not called" in refusal([host], origins, OWN)


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [""],
        ["localhost", "localhost"],
        ["localhost:8501", "evil.example"],
        ["localhost, evil.example"],
        ["evil.example@localhost"],
        ["localhost:8501@evil.example"],
        ["localhost/evil"],
        ["localhost:port"],
        ["localhost:123456"],
        ["::1"],
        ["[::1"],
        ["[127.0.0.1]:8501"],
        ["[::1%eth0]:8501"],
        ["b\xfccher.example"],
        ["localhost\n"],
        ["x" * 10_000 + " "],
    ],
)
def test_a_host_that_is_not_one_name_is_refused_in_a_short_line(hosts):
    said = refusal(hosts, ["http://localhost"], OWN)
    assert "One name of the server was expected" in said
    assert "\n" not in said
    assert len(said) < 200


def test_two_origins_are_foreign():
    both = ["http://localhost", "http://localhost"]
    assert "may not use" in refusal(["localhost"], both, OWN)


def test_any_address_but_no_name_is_allowed_where_that_is_said():
    allowed = ("localhost", ANY_ADDRESS)
    for host in ("192.0.2.7:8501", "[2001:db8::7]"):
        assert refusal([host], [f"http://{host}"], allowed) == ""
        assert refusal([host], [], OWN)
    for host in ("evil.example", "127.1", "192.0.2.7.evil.example", "0x7f.1"):
        assert "is not called" in refusal([host], [], allowed)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (" CNN.example.org. ", "cnn.example.org"),
        ("::1", "::1"),
        ("[2001:DB8:0::7]", "2001:db8::7"),
        ("192.0.2.7", "192.0.2.7"),
        ("b\xfccher.example", "xn--bcher-kva.example"),
        ("", ""),
        ("cnn.example.org:443", ""),
        ("cnn.example.org:", ""),
        ("https://cnn.example.org", ""),
        ("cnn.example.org/path", ""),
        ("*.example.org", ""),
        ("fe80::1%eth0", ""),
        ("\xfc" * 100, ""),
    ],
)
def test_names_that_are_given_are_cleaned_or_none(text, name):
    assert clean_host(text) == name


names = st.from_regex(r"[a-z][a-z0-9-]{0,12}(\.[a-z]{2,5})?", fullmatch=True)
ports = st.none() | st.integers(1, 65_535)
schemes = st.sampled_from(["http", "https"])


def written(name, port):
    return name if port is None else f"{name}:{port}"


@given(names, ports, names, ports, schemes)
def test_an_origin_is_answered_just_where_it_is_the_place_of_the_host(
    host, port, other, other_port, scheme
):
    default = {"http": 80, "https": 443}[scheme]
    is_same = (host, port or default) == (other, other_port or default)
    for origin_name, origin_port, same in ((other, other_port, is_same), (host, port, True)):
        origin = f"{scheme}://{written(origin_name, origin_port)}"
        assert (refusal([written(host, port)], [origin], [host]) == "") is same
    assert refusal([written(host, port)], [], [other]) == "" or host != other


@given(st.text(max_size=30))
def test_no_other_text_is_taken_for_a_place_of_the_server(text):
    place = read_place(text)
    assert (refusal([text], [], OWN) == "") is (place is not None and place.name in OWN)
    is_own = place is not None and (place.name, place.port) == ("localhost", 8501)
    assert (refusal(["localhost:8501"], [f"http://{text}"], OWN) == "") is is_own
