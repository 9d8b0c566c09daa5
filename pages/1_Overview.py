"""Overview: what a campaign holds, galleries, refused spectra, one spectrum, settings, creation."""

import streamlit as st

from active_cnn.ui import campaign_settings, creation, sections
from active_cnn.ui.page import View, bare_page, choose_campaign, choose_section
from active_cnn.ui.whats_next import show_next_step

SECTIONS = {
    "Summary": sections.show_summary,
    "Gallery": sections.show_gallery,
    "Refused": sections.show_refused,
    "One spectrum": sections.show_one_spectrum,
    "Settings": campaign_settings.show_settings,
    "New campaign": lambda view: creation.offer_creation(view.store),
}

LEAD = "What the campaign holds: its pool, its training set, its answers."

with bare_page("Overview", lead=LEAD) as store:
    campaign = choose_campaign(store)
    if campaign is None:
        st.info(f"There is no campaign in {store.home} yet. Make the demo or create your own.")
        creation.offer_creation(store)
        st.stop()

    view = View(store, campaign, "")
    # A link to one spectrum needs no more than its identifier.
    if "section" not in st.query_params and "identifier" in st.query_params:
        st.query_params["section"] = "One spectrum"
    section = choose_section(SECTIONS)
    SECTIONS[section](view)
    if section == "Summary":
        show_next_step(view)
