"""The folders below which the files of a campaign's spectra lie, besides the pool's own."""

from __future__ import annotations

from pathlib import Path

from active_cnn.campaign.creation import check_folder
from active_cnn.campaign.store import Store
from active_cnn.errors import CampaignError
from active_cnn.records import Campaign


def add_folder(store: Store, campaign: Campaign, folder: Path) -> Campaign:
    """Let a campaign read the files of its spectra below one more folder.

    Parameters
    ----------
    store, campaign : Store, Campaign
    folder : Path
        Links in its path are followed now: what it names later does not matter.

    Returns
    -------
    Campaign
        As it is from now on.

    Raises
    ------
    CampaignError
        If there is no such folder, or the campaign has it already.
    """
    check_folder(folder)
    store.add_folder(campaign.name, str(folder.resolve()))
    return store.campaign(campaign.name)


def remove_folder(store: Store, campaign: Campaign, folder: Path) -> Campaign:
    """Let a campaign read below a folder no more; the folder itself need not be there any more.

    Raises
    ------
    CampaignError
        If the campaign does not have it.
    """
    try:
        known = {str(folder), str(folder.resolve())}
    except (OSError, RuntimeError, ValueError):
        known = {str(folder)}
    for one in store.campaign(campaign.name).folders:
        if one in known:
            store.remove_folder(campaign.name, one)
            return store.campaign(campaign.name)
    raise CampaignError(
        f"Campaign {campaign.name!r} has no folder {folder}: {describe_folders(campaign)}"
    )


def describe_folders(campaign: Campaign) -> str:
    """Say below which folders files of spectra are read."""
    if not campaign.folders:
        return "its files are read below the pool's own folder and the home only."
    return (
        f"its files are read below {', '.join(campaign.folders)}, the pool's own folder and the "
        "home."
    )
