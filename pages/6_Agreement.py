"""Agreement: how far several people agree, what they have to settle, who has done what."""

import streamlit as st

from active_cnn.ui import activity, agreement
from active_cnn.ui.page import page, put_into_url, take_from_url

SECTIONS = {
    "Agreement": agreement.show_agreement,
    "Adjudicate": agreement.show_disagreements,
    "Activity": activity.show_activity,
}

LEAD = "How far the people who judge spectra agree, where they differ, and what they have done."

with page("Agreement", lead=LEAD) as view:
    take_from_url("section", list(SECTIONS))
    section = st.segmented_control(
        "Section",
        list(SECTIONS),
        required=True,
        key="section",
        on_change=put_into_url,
        args=("section",),
        label_visibility="collapsed",
    )
    SECTIONS[section](view)
