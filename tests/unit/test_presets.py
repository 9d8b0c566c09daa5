"""Presets: what a campaign can begin with; and a campaign's definition, written again."""

import tomllib

import numpy as np
import pytest

from active_cnn.campaign.creation import DEFAULT_CLASSES, create_campaign
from active_cnn.campaign.definition import parse_definition, read_definition
from active_cnn.campaign.definition_text import write_definition
from active_cnn.campaign.plain_answers import with_plain_answers
from active_cnn.campaign.presets import preset_names, preset_text, read_preset
from active_cnn.cli import main
from active_cnn.errors import CampaignError, SpectrumError
from active_cnn.grid import Grid
from active_cnn.search import HALPHA_EMISSION
from active_cnn.spectra.rule import place_bands

WANTED = {
    *("halpha-emission", "li-rich-giants", "carbon-stars", "cataclysmic-variables"),
    *("white-dwarfs", "ca-ii-activity", "quasars", "nebular-oiii"),
    "chromospheric-activity",
}


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main([str(one) for one in arguments])
    return ended.value.code, *capsys.readouterr()


def test_the_presets_are_there():
    assert set(preset_names()) == WANTED


@pytest.mark.parametrize("name", sorted(WANTED))
def test_each_preset_is_a_search_with_a_source_and_a_plain_answer(name):
    preset = read_preset(name)
    assert preset.search is not None
    assert preset.search.title
    assert any(year in preset.search.source for year in map(str, range(2000, 2027)))
    assert with_plain_answers(preset.classes, {}) == preset.classes
    targets = [one for one in preset.classes if one.is_target]
    assert targets
    # What it names can be looked for in its own window.
    for line in preset.search.fixed_lines:
        place_bands(preset.grid.wavelength, line.range, preset.grid.parts)


def test_the_preset_of_halpha_is_what_a_campaign_is_without_one():
    preset = read_preset("halpha-emission")
    assert preset.search == HALPHA_EMISSION
    assert preset.classes == DEFAULT_CLASSES
    assert preset.grid == Grid()


def test_a_window_of_a_preset_is_sampled_at_least_as_finely_as_its_lines_are_wide():
    for name in preset_names():
        preset = read_preset(name)
        step = max(np.diff(one.wavelength).max() for one in preset.grid.windows)
        for line in preset.search.lines:
            widest = line.fwhm[1] / 299_792.458 * line.wavelength
            assert step < widest / 2, (name, line.name)


def test_a_preset_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(CampaignError, match="no preset 'novae'. There is: ca-ii-activity"):
        read_preset("novae")
    with pytest.raises(CampaignError, match="no preset '../pyproject'"):
        preset_text("../pyproject")


def test_presets_are_listed_and_shown(capsys):
    status, said, _ = run(capsys, "presets")
    assert status == 0
    assert [line.split(":")[0] for line in said.splitlines()] == sorted(WANTED)
    status, said, _ = run(capsys, "presets", "show", "carbon-stars")
    assert status == 0
    assert tomllib.loads(said)["search"]["title"] == "carbon stars"
    status, _, complaint = run(capsys, "presets", "show", "novae")
    assert status == 1
    assert "no preset 'novae'" in complaint


def test_a_campaign_begins_with_a_preset(store, survey, capsys):
    given = ["--training", survey.training, "--pool", survey.pool]
    create = ["create", "--home", store.home, *given, "--name"]
    status, said, _ = run(capsys, *create, "mine", "--preset", "halpha-emission")
    assert status == 0
    assert "Assumed" not in said
    assert store.campaign("mine").search == HALPHA_EMISSION
    status, _, complaint = run(capsys, *create, "x", "--preset", "quasars")
    assert status == 1
    assert complaint.count("\n") == 1
    status, _, complaint = run(
        capsys, *create, "x", "--preset", "quasars", "--definition", "x.toml"
    )
    assert status == 1
    assert "choose one" in complaint


@pytest.mark.parametrize("name", sorted(WANTED))
def test_what_is_written_of_a_campaign_makes_the_same_one(store, survey, name):
    preset = read_preset(name)
    try:
        create_campaign(
            store, "mine", survey.training, survey.pool, search=preset.search,
            chosen_keys={"undo": "Backspace"},
        )  # fmt: skip
    except CampaignError as error:  # its lines are elsewhere
        assert "outside of the window" in str(error)  # noqa: PT017
        return
    campaign = store.campaign("mine")
    again = parse_definition(write_definition(campaign).encode(), "written")
    assert (again.grid, again.classes, again.lines) == (
        campaign.grid,
        campaign.classes,
        campaign.lines,
    )
    assert (again.search, again.keys) == (campaign.search, campaign.chosen_keys)


def test_a_pool_of_another_resolving_power_than_the_search_asks_for_is_refused(
    store, survey, tmp_path
):
    path = tmp_path / "sharp.toml"
    path.write_text("[search]\nresolving_power = 7500\n", encoding="utf-8")
    sharp = read_definition(path).search
    with pytest.raises(CampaignError, match="for spectra of R = 7500, and the pool .* R = 1800"):
        create_campaign(store, "sharp", survey.training, survey.pool, search=sharp)
    assert store.campaign_names() == []
    assert not (store.home / "sharp").exists()


def test_a_resolving_power_that_cannot_be_is_refused(tmp_path):
    path = tmp_path / "blind.toml"
    for value in ("0", "-1", "nan", "1e9"):
        path.write_text(f"[search]\nresolving_power = {value}\n", encoding="utf-8")
        with pytest.raises((CampaignError, SpectrumError), match="resolving_power"):
            read_definition(path)
