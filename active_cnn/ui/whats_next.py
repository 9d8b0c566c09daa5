"""What comes next in the loop, with the way there."""

from __future__ import annotations

import streamlit as st

from active_cnn.campaign.overview import next_step
from active_cnn.ui.page import STEPS, View, link


def show_next_step(view: View) -> None:
    """Lead to the page where the loop goes on."""
    path, label = STEPS[next_step(view.store, view.campaign)]
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown("**Next**")
        link(path, label, view.campaign)
