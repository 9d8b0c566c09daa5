"""Folders of whole spectra that a campaign gets later, or loses."""

import pytest

from active_cnn import cli
from active_cnn.campaign.files import spectrum_file
from active_cnn.campaign.folders import add_folder, remove_folder
from active_cnn.errors import CampaignError, SpectrumError


@pytest.fixture
def archive(tmp_path):
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "a.fits").touch()
    return folder


def test_files_below_a_folder_are_read_from_when_it_is_added_until_it_is_removed(
    store, campaign, archive
):
    file = str(archive / "a.fits")
    with pytest.raises(SpectrumError, match="active-cnn folders --add"):
        spectrum_file(store, campaign, file)
    campaign = add_folder(store, campaign, archive)
    assert spectrum_file(store, campaign, file) == archive / "a.fits"
    assert store.campaign(campaign.name).folders == (str(archive),)
    campaign = remove_folder(store, campaign, archive)
    with pytest.raises(SpectrumError, match="outside the folders"):
        spectrum_file(store, campaign, file)


def test_what_is_no_folder_and_what_is_there_already_are_refused(store, campaign, archive):
    for wrong in (archive / "none", archive / "a.fits", archive / ("x" * 300)):
        with pytest.raises(CampaignError, match="There is no folder"):
            add_folder(store, campaign, wrong)
    campaign = add_folder(store, campaign, archive)
    (archive.parent / "link").symlink_to(archive)
    for again in (archive, archive.parent / "link", archive / ".." / "archive"):
        with pytest.raises(CampaignError, match="already"):
            add_folder(store, campaign, again)
    with pytest.raises(CampaignError, match=f"has no folder {archive.parent}"):
        remove_folder(store, campaign, archive.parent)
    assert store.campaign(campaign.name).folders == (str(archive),)


def test_a_folder_that_has_gone_can_be_removed(store, campaign, archive):
    campaign = add_folder(store, campaign, archive)
    archive.rename(archive.parent / "elsewhere")
    assert remove_folder(store, campaign, archive).folders == ()


def test_the_command_tells_adds_and_removes(store, campaign, archive, capsys):
    def run(*options):
        with pytest.raises(SystemExit) as ended:
            cli.main(["folders", "--home", str(store.home), *map(str, options)])
        said = capsys.readouterr()
        return ended.value.code, said.out + said.err

    assert "below the pool's own folder and the home only" in run()[1]
    status, said = run("--add", archive)
    assert status == 0
    assert str(archive) in said
    assert run("--add", archive)[0] == 1
    assert run("--add", archive / "a.fits")[0] == 1
    assert run("--remove", archive)[0] == 0
    assert store.campaign(campaign.name).folders == ()
