"""Changing a campaign by its edited definition."""

from dataclasses import replace

import pytest

from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.definition import parse_definition
from active_cnn.campaign.definition_text import write_definition
from active_cnn.campaign.redefinition import redefine
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.cli import main
from active_cnn.errors import CampaignError


@pytest.fixture
def edit(store, campaign):
    """Give a function that edits the definition's text and takes it over."""

    def edit(before, after):
        text = write_definition(store.campaign(campaign.name))
        assert before in text
        definition = parse_definition(text.replace(before, after).encode(), "edited.toml")
        return redefine(store, store.campaign(campaign.name), definition)

    return edit


def test_what_is_taken_over_unchanged_changes_nothing(store, campaign, edit):
    edit("", "")
    assert store.campaign(campaign.name) == campaign


def test_lines_keys_and_search_are_changed_before_anything_is_predicted(store, campaign, edit):
    edit("sigma = 13.0", "sigma = 5.0")
    assert store.campaign(campaign.name).search == replace(campaign.search, sigma=5.0)
    edit('name = "He I 6678"', 'name = "helium"')
    assert "helium" in [one.name for one in store.campaign(campaign.name).lines]
    edit('key = "u"', 'key = "j"')
    assert store.campaign(campaign.name).class_keys["unsure"] == "j"


def test_the_search_stays_once_something_has_been_predicted(store, campaign, edit, score):
    score()
    with pytest.raises(CampaignError, match="only its title, source and marked lines"):
        edit("sigma = 13.0", "sigma = 5.0")
    assert store.campaign(campaign.name) == campaign
    edit('title = "Hα emission"', 'title = "Be stars"')
    edit('name = "He I 6678"', 'name = "helium"')
    changed = store.campaign(campaign.name)
    assert changed.search.title == "Be stars"
    assert changed.search.lines == campaign.search.lines


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("end = 6732.0", "end = 6740.0", "it cannot have 6519-6740"),
        ("resolving_power = 1800.0", "resolving_power = 7500.0", "spectra of R = 7500"),
        ('network_class = "emission"', 'network_class = "not-interesting"', "not-interesting"),
        ("wavelength = 6564.614\nsign", "wavelength = 4000.0\nsign", "own range"),
    ],
)
def test_what_is_not_sound_changes_nothing(store, campaign, edit, before, after, words):
    with pytest.raises(CampaignError, match=words):
        edit(before, after)
    assert store.campaign(campaign.name) == campaign


def test_half_a_change_is_none(store, campaign, edit, score):
    score()
    query = draw_relabel_query(store, campaign, "random", 3)
    assert query.items
    with pytest.raises(CampaignError):
        edit('title = "Hα emission"', 'title = "Be"\nsigma = 4.0\n#')
    assert store.campaign(campaign.name) == campaign


def test_the_command_writes_and_changes(store, survey, tmp_path, capsys):
    create_campaign(store, "mine", survey.training, survey.pool)
    base = ["definition", "--home", str(store.home), "--campaign", "mine"]

    def run(*more):
        with pytest.raises(SystemExit) as ended:
            main([*base, *map(str, more)])
        return ended.value.code, *capsys.readouterr()

    status, text, _ = run()
    assert status == 0
    assert parse_definition(text.encode(), "x").search == store.campaign("mine").search
    out = tmp_path / "mine.toml"
    assert run("--out", out)[0] == 0
    assert out.read_text(encoding="utf-8").rstrip() == text.rstrip()
    out.write_text(text.replace("sigma = 13.0", "sigma = 6.0"), encoding="utf-8")
    assert run("--change", out)[0] == 0
    assert store.campaign("mine").search.sigma == 6.0
    out.write_text("[grid]\nstart = 1\nend = 2\nn = 40", encoding="utf-8")
    status, _, complaint = run("--change", out)
    assert status == 1
    assert complaint.count("\n") == 1
