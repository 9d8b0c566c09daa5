"""Long tables a page at a time: the browser is never sent more than it can show."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

ROWS = 100  # of a page

# The browser would sort, search and download the page that it has as if it were the whole table,
# and Streamlit cannot be told not to: what lies over the headers takes the clicks on them, and the
# tools that take the page for the whole are hidden.
_WITHOUT_TOOLS = """<style>
[class*="st-key-page-of-"] [data-testid="stDataFrameResizable"]::before {
  content: ""; position: absolute; inset: 0 0 auto 0; height: 36px; z-index: 1;
}
[class*="st-key-page-of-"] [data-testid="stElementToolbarButton"]:has(
  [aria-label="Search"], [aria-label="Download as CSV"]
) { display: none; }
</style>"""


@contextmanager
def page_of(n_rows: int, key: str) -> Iterator[slice]:
    """Show one page of a table, and below it which; what is drawn within is that page.

    Of a table with several pages a page cannot be sorted, searched or downloaded by itself.

    Parameters
    ----------
    n_rows : int
        Of the whole table.
    key : str
        Its own among the page's.

    Yields
    ------
    slice
        The rows to show.
    """
    is_part = n_rows > ROWS
    place = st.container(key=f"page-of-{key}") if is_part else st.container()
    rows = _ask_page(n_rows, f"{key}-page")
    with place:
        if is_part:
            st.html(_WITHOUT_TOOLS)
        yield rows


def _ask_page(n_rows: int, key: str) -> slice:
    """Ask which page to show, where there are several; it is kept as long as the widget exists."""
    n_pages = math.ceil(n_rows / ROWS)
    if n_pages <= 1:
        return slice(0, n_rows)
    with st.container(horizontal=True, vertical_alignment="center"):
        # A key of its own for each number of pages: a page that is gone is not asked for.
        page = st.pagination(n_pages, key=f"{key}-{n_pages}", max_visible_pages=5)
        rows = slice(ROWS * (page - 1), min(ROWS * page, n_rows))
        st.caption(f"Rows {rows.start + 1:,} to {rows.stop:,} of {n_rows:,}")
    return rows
