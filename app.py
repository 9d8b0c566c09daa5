"""Home: the campaigns at a glance, and what to do next in each."""

from active_cnn.ui.campaign_list import show_campaigns, show_first_steps
from active_cnn.ui.page import bare_page, choose_campaign

LEAD = "Find rare objects in huge surveys: train, measure, relabel, and go round again."

with bare_page("Campaigns", lead=LEAD) as store:
    if choose_campaign(store) is None:
        show_first_steps()
    else:
        show_campaigns(store)
