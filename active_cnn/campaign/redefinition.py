"""Changing a campaign by an edited definition, as far as that is sound."""

from __future__ import annotations

from active_cnn.campaign.creation import assume_lines, check_resolution
from active_cnn.campaign.definition import Definition
from active_cnn.campaign.files import open_pool
from active_cnn.campaign.plain_answers import with_plain_answers
from active_cnn.campaign.store import Store
from active_cnn.errors import CampaignError
from active_cnn.records import Campaign


def redefine(store: Store, campaign: Campaign, definition: Definition) -> Campaign:
    """Change classes, keys, search and lines of a campaign; what is not given stays.

    Parameters
    ----------
    store, campaign : Store, Campaign
        Whose definition it is.
    definition : Definition
        As `write_definition` writes it, edited.

    Returns
    -------
    Campaign
        As it is now.

    Raises
    ------
    CampaignError
        If the window, its scaling, the classes of the network or what an answer trains would
        change, if the search would after something has been predicted
        (`Store.change_definition`), or if the pool is of another resolving power than the search
        asks for. Nothing is changed then.
    """
    if definition.grid != campaign.grid:
        raise CampaignError(
            f"Campaign {campaign.name!r} has the {campaign.grid.noun} {campaign.grid}, and its "
            f"pool and networks with that: it cannot have {definition.grid}. Create another "
            "campaign."
        )
    search = campaign.search if definition.search is None else definition.search
    if search.scaling is not campaign.search.scaling:
        raise CampaignError(
            f"Campaign {campaign.name!r} scales its windows by {campaign.search.scaling!s}, and "
            f"its networks expect that: it cannot become {search.scaling!s}. Write "
            f'scaling = "{campaign.search.scaling!s}" in [search], or create another campaign.'
        )
    search.check_windows(campaign.grid)
    check_resolution(search, open_pool(store, campaign))
    lines = assume_lines(campaign.grid, search) if definition.lines is None else definition.lines
    classes = with_plain_answers(definition.classes, definition.keys)
    store.change_definition(campaign.name, classes, definition.keys, search, lines)
    return store.campaign(campaign.name)
