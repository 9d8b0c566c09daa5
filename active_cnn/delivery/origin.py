"""What a table of candidates came from, for who meets the file without its campaign."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from active_cnn import __version__
from active_cnn.campaign.confidence import describe_confidence, find_confidence
from active_cnn.campaign.files import last_scored
from active_cnn.campaign.store import Store
from active_cnn.errors import CampaignError
from active_cnn.records import Campaign


@dataclass(frozen=True)
class Fact:
    """Something to know about a table: its name, FITS keyword, value and what that is."""

    name: str
    keyword: str
    value: str | int
    description: str


@dataclass(frozen=True)
class Origin:
    """What a table of candidates came from.

    Parameters
    ----------
    title : str
        What the table is.
    classes : tuple of str
        Of the network, in its order: they name the columns of probabilities.
    facts : tuple of Fact
        By which the table can be made again, or be told from another.
    """

    title: str
    classes: tuple[str, ...]
    facts: tuple[Fact, ...]


def trace_origin(store: Store, campaign: Campaign, selection: str) -> Origin:
    """Tell what the candidates of a campaign come from now.

    Parameters
    ----------
    store, campaign : Store, Campaign
        Read only.
    selection : str
        Which of the candidates the table holds.

    Raises
    ------
    CampaignError
        If nothing has been predicted yet.
    """
    iteration = last_scored(store, campaign.name)
    if iteration is None or iteration.result is None:
        raise CampaignError(
            f"Campaign {campaign.name!r} has no candidates yet: nothing has been predicted. "
            "Train its first iteration."
        )
    result = iteration.result
    facts = (
        Fact("campaign", "CAMPAIGN", campaign.name, "Campaign of the search"),
        Fact("network_iteration", "ITERATIO", iteration.number, "Iteration of the newest network"),
        Fact("network_sha256", "NETWSHA2", result.network_sha256, "SHA-256 of that network"),
        Fact(
            "pool_fingerprint",
            "POOLFING",
            result.pool_fingerprint,
            "SHA-256 of the pool's identifiers and fluxes",
        ),
        Fact("scaling", "SCALING", campaign.search.scaling.value, "How windows are scaled for it"),
        Fact("selection", "SELECTIO", selection, "Which candidates are listed"),
        Fact(
            "calibration",
            "CALIBRAT",
            describe_confidence(find_confidence(store, campaign, iteration)),
            "Where p_calibrated comes from",
        ),
        Fact("version", "VERSION", __version__, "Version of Active CNN"),
        Fact("created_at", "DATE", _now(), "When this file was made (UTC)"),
    )
    title = (
        f"Candidates of the search {campaign.name!r} for {', '.join(campaign.targets)}: spectra "
        "that people confirmed, and spectra that the networks predict"
    )
    return Origin(title, campaign.network_classes, facts)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
