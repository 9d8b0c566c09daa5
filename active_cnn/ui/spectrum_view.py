"""One spectrum on the page: the window, the whole of it, and what is known about it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import streamlit as st

from active_cnn.campaign.overview import View as SpectrumView
from active_cnn.campaign.store import Store
from active_cnn.errors import SpectrumError
from active_cnn.records import Campaign
from active_cnn.ui import cached, charts, spectrum_charts
from active_cnn.ui.palette import class_colours
from active_cnn.ui.text import plain


def show_spectrum(store: Store, campaign: Campaign, spectrum: SpectrumView, key: str) -> None:
    """Draw the window as the network sees it and, where its file is there, the whole spectrum."""
    st.markdown(f"**{campaign.grid.noun.capitalize()}, as the network sees it**")
    if spectrum.window is None:
        st.info("This spectrum cannot be used: it has no window. See Overview, Refused.")
    else:
        st.altair_chart(
            spectrum_charts.window(spectrum.window, campaign.grid, campaign.lines),
            key=f"{key}-window",
        )
    st.markdown("**Whole spectrum**")
    try:
        whole = cached.whole(store, campaign, str(spectrum.metadata["path"]))
    except SpectrumError as error:
        st.caption(plain(error))
        return
    st.altair_chart(spectrum_charts.whole(whole, campaign.lines), key=f"{key}-whole")


def show_probabilities(campaign: Campaign, probabilities: Sequence[float], key: str) -> None:
    """Draw what the network says."""
    if any(math.isnan(p) for p in probabilities):
        st.caption("The network has not predicted this spectrum: it cannot be used.")
        return
    colours = class_colours(campaign.network_classes, campaign.targets)
    st.altair_chart(
        charts.probability_bars(probabilities, campaign.network_classes, colours), key=key
    )


def show_metadata(spectrum: SpectrumView) -> None:
    """List what the pool knows about a spectrum."""
    known = spectrum.metadata
    facts = {
        "Object": known["designation"],
        "RA, Dec": _position(known["ra"], known["dec"]),
        "S/N in r": _number(known["snr_r"], ".1f"),
        "Pipeline class": known["pipeline_class"],
    }
    st.caption(
        "  \n".join(f"{name}: **{plain(value or 'not known')}**" for name, value in facts.items())
    )


def _number(value: object, form: str) -> str:
    return format(value, form) if isinstance(value, float) and math.isfinite(value) else ""


def _position(ra: object, dec: object) -> str:
    parts = [_number(ra, ".5f"), _number(dec, "+.5f")]
    return f"{parts[0]}°, {parts[1]}°" if all(parts) else ""
