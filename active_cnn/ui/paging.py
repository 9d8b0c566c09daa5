"""Long tables a page at a time: the browser is never sent more than it can show."""

from __future__ import annotations

import math

import streamlit as st

ROWS = 100  # of a page


def ask_page(n_rows: int, key: str) -> slice:
    """Ask which page of a table to show, where it has more than one.

    Parameters
    ----------
    n_rows : int
        Of the whole table.
    key : str
        Of the widget, whose page is kept as long as it exists.

    Returns
    -------
    slice
        The rows to show.
    """
    n_pages = math.ceil(n_rows / ROWS)
    if n_pages <= 1:
        return slice(0, n_rows)
    with st.container(horizontal=True, vertical_alignment="center"):
        # A key of its own for each number of pages: a page that is gone is not asked for.
        page = st.pagination(n_pages, key=f"{key}-{n_pages}", max_visible_pages=5)
        rows = slice(ROWS * (page - 1), min(ROWS * page, n_rows))
        st.caption(f"Rows {rows.start + 1:,} to {rows.stop:,} of {n_rows:,}")
    return rows
