"""How tables show whole numbers: with separators of thousands."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pandas as pd
import streamlit as st

NAMES = ("query", "iteration", "seed")  # are numbered, not counted


def counts_in(table: pd.DataFrame, but: Collection[str] = NAMES) -> dict[str, Any]:
    """Configure the columns of a table that hold counts, where some may be missing.

    Parameters
    ----------
    table : DataFrame
    but : collection of str
        Columns with whole numbers that are no counts.
    """
    counted = (
        name
        for name in table.select_dtypes("number").columns
        if name not in but and (table[name].dropna() % 1 == 0).all()
    )
    return {name: st.column_config.NumberColumn(format="localized") for name in counted}
