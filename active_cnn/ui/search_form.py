"""The part of the form for a new campaign that says what marks the targets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from active_cnn.errors import CampaignError
from active_cnn.search import Band, Search, Sign, TargetLine
from active_cnn.ui.text import plain


def edit_search(search: Search, key: str) -> tuple[Search, str]:
    """Ask for the lines and bands that mark a target, folded away until somebody wants them.

    Parameters
    ----------
    search : Search
        What the tables are filled with; what they do not show stays.
    key : str
        Of the choice that it comes from.

    Returns
    -------
    Search, str
        As it was given, and why, where the tables hold none.
    """
    with st.expander("Change what marks the targets"):
        title = st.text_input("Looked for", search.title, key=f"title-{key}")
        left, right = st.columns(2, gap="medium")
        with left:
            st.markdown("**Lines**")
            lines = _edit_lines(search, key)
        with right:
            st.markdown("**Bands**")
            bands = _edit_bands(search, key)
        st.caption(
            "The first line is what the plain rule looks for and what is planted. Widths, "
            "strengths, frame and redshifts are given in a definition file (docs/formats.md)."
        )
        try:
            edited = read_search(search, title, lines, bands)
        except CampaignError as error:
            st.warning(plain(error))
            return search, str(error)
    return edited, ""


def _edit_lines(search: Search, key: str) -> pd.DataFrame:
    rows = [(one.name, one.wavelength, str(one.sign)) for one in search.lines]
    return st.data_editor(
        pd.DataFrame(rows, columns=["name", "wavelength", "sign"]).astype(
            {"name": object, "wavelength": float, "sign": object}
        ),
        num_rows="dynamic",
        hide_index=True,
        key=f"target-lines-{key}",
        column_config={
            "wavelength": st.column_config.NumberColumn("Å (vacuum, at rest)", format="%.3f"),
            "sign": st.column_config.SelectboxColumn("in", options=[str(one) for one in Sign]),
        },
    )


def _edit_bands(search: Search, key: str) -> pd.DataFrame:
    rows = [(one.name, one.start, one.end) for one in search.bands]
    return st.data_editor(
        pd.DataFrame(rows, columns=["name", "start", "end"]).astype(
            {"name": object, "start": float, "end": float}
        ),
        num_rows="dynamic",
        hide_index=True,
        key=f"bands-{key}",
        column_config={
            "start": st.column_config.NumberColumn("from (Å, vacuum)", format="%.1f"),
            "end": st.column_config.NumberColumn("to", format="%.1f"),
        },
    )


def read_search(search: Search, title: str, lines: pd.DataFrame, bands: pd.DataFrame) -> Search:
    """Turn the edited title and tables into a search.

    Parameters
    ----------
    search : Search
        That they were filled with: what a line has besides stays with it.
    title : str
        What is looked for.
    lines, bands : DataFrame
        With name, wavelength and sign; with name, start and end.

    Raises
    ------
    CampaignError
        If a row is no line or band.
    """
    known = {one.name: one for one in search.lines}
    edited = replace(
        search,
        title=title.strip(),
        lines=tuple(_read_line(row, known) for row in lines.to_dict("records")),
        bands=tuple(_read_band(row) for row in bands.to_dict("records")),
    )
    # What was published is the search as it was.
    same = (edited.lines, edited.bands) == (search.lines, search.bands)
    return edited if same else replace(edited, source="")


def _read_line(row: dict[Any, Any], known: dict[str, TargetLine]) -> TargetLine:
    name = _text(row["name"])
    if not name or pd.isna(row["wavelength"]) or not _text(row["sign"]):
        raise CampaignError(
            f"The target line {name!r} lacks its name, its wavelength or whether it is seen in "
            "emission or absorption: fill it in, or remove its row."
        )
    wavelength, sign = float(row["wavelength"]), Sign(_text(row["sign"]))
    line = known.get(name) or TargetLine(name, wavelength, sign)
    if line.wavelength != wavelength:
        line = replace(line, wavelength=wavelength, within=None)
    if line.sign is not sign:
        line = replace(line, sign=sign, equivalent_width=None, separation=None)
    return line


def _read_band(row: dict[Any, Any]) -> Band:
    name = _text(row["name"])
    if not name or pd.isna(row["start"]) or pd.isna(row["end"]):
        raise CampaignError(
            f"The band {name!r} lacks its name, its start or its end: fill it in, or remove its "
            "row."
        )
    return Band(name, float(row["start"]), float(row["end"]))


def _text(value: Any) -> str:
    return "" if pd.isna(value) else str(value).strip()
