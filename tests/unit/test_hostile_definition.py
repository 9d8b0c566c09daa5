"""A definition that is no definition is refused in one line, whatever stands in it."""

from __future__ import annotations

import os
import random

import pytest

from active_cnn.campaign import definition
from active_cnn.campaign.definition import Definition, read_definition
from active_cnn.errors import ActiveCnnError, CampaignError

SOUND = """\
# ............................................................ of a survey in the blue ...........
[grid]
start = 4000.0
end = 4200
n = 100

[[class]]
name = "emission, e.g. a.b.c.d"
key = "e"
network_class = "emission"
is_target = true

[[class]]
name = "other"
key = "o"
network_class = "other"

[[line]]
name = "H\u03b4"
wavelength = 4102.89

[keys]
undo = "Backspace"
"""


@pytest.fixture
def define(tmp_path):
    def define(text: str | bytes) -> Definition:
        path = tmp_path / "definition.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_definition(path)

    return define


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_sound_definition_is_read(define, mark):
    found = define(mark + SOUND)
    assert (found.grid.start, found.grid.end, found.grid.n) == (4000, 4200, 100)
    assert [one.name for one in found.classes] == ["emission, e.g. a.b.c.d", "other"]
    assert found.keys == {"undo": "Backspace"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = " + "9" * 5000, ": it has a number of too many digits. Give"),
        ("a = " + "[" * 50_000, "too many levels"),
        ("a = " + "{b = " * 20_000, "too many levels"),
        ("[grid]\nn = " + "9" * 5000, "Cannot read the definition .*digits"),
        (
            "[grid]\nstart = 1\nend = 2\nn = " + "9" * 4000,
            "more than 60 digits: give a whole number",
        ),
        ("[grid]\nstart = " + "9" * 4000 + "\nend = 2\nn = 100", "60 digits: give a number"),
        ("[grid]\nstart = 1e400\nend = 2\nn = 100", "window inf-2.0 .* is not a wavelength range"),
        ("[grid]\nstart = nan\nend = 2\nn = 100", "window nan-2.0 .* is not a wavelength range"),
        ("[grid]\nstart = 1\nend = 2\nn = 10000000000", "A grid of 10000000000 wavelengths"),
        ("[grid]\nstart = 1\nend = 2\nn = true", "n in .grid. is True: give a whole number"),
        ("[grid]\nstart = 1\nend = 2\nn = 1999-01-01", "give a whole number"),
        ("grid = 5", "is 5: give names"),
        ("class = 5", "class is 5: write each one under"),
        ("class = [[]]", "is .*: give names"),
        ("class = " + "[" * 300 + "]" * 300, "is a list of too many levels|is \\[\\[\\[.*…: give"),
        (".".join(["a"] * 20_000) + " = 1", "line 1 has a name of more than 32 parts"),
        ("[" + " . ".join(["a"] * 20_000) + "]", "line 1 has a name of more than 32 parts"),
        ("\n".join(f"a.b{n} = 1" for n in range(20_000)), "holds 'a': only"),
        ("[keys]\n" + "\n".join(f"a{n} = 'x'" for n in range(20_000)), "no action 'a0'"),
        ("[[class]]\n" * 20_000, r"has 20000 \[\[class\]\]: give 1000 at most"),
        (
            "[[class]]\nname = '" + "x" * 1000 + "'\nkey = 'e'",
            "name in .*…: give a text of at most",
        ),
        ("[[line]]\nname = 'x'\nwavelength = -inf", "'x' at -inf"),
        ("x" * 70_000 + " = 1", "holds 'xxx.*…: only"),
        ("#" * (2**20 + 1), "longer than 1048576 bytes"),
        (b"\xff\xfe", "Cannot read the definition .*no UTF-8"),
        (b"a = 1\0", "Cannot read the definition"),
    ],
)
def test_what_is_no_definition_is_refused_in_one_short_line(define, text, said):
    with pytest.raises(CampaignError, match=said) as caught:
        define(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_what_is_no_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.toml")
    for name, said in (
        ("pipe.toml", "it is a pipe, a socket or a device, not a file. Give a TOML file"),
        (".", "it is a folder, not a file"),
        ("none.toml", "No such file"),
        ("x" * 300, "File name too long"),
    ):
        with pytest.raises(CampaignError, match=said):
            read_definition(tmp_path / name)


def test_damage_anywhere_is_read_or_refused(define, monkeypatch):
    monkeypatch.setattr(definition, "MOST_BYTES", 4096)
    rng = random.Random(7)
    sound, said = SOUND.encode(), []
    for _ in range(300):
        damaged = bytearray(sound)
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(damaged))
            damaged[at : at + rng.randint(0, 3)] = rng.choice(
                [b"", bytes([rng.randrange(256)]), b"[", b'"', b"\n", b".", b"9" * 40, b"e999"]
            )
        try:
            assert isinstance(define(bytes(damaged)), Definition)
        except ActiveCnnError as error:
            said.append(str(error))
    assert not [text for text in said if "\n" in text]
    assert 100 < len(said) < 300
