"""Texts in CSV files that a spreadsheet shall show, not calculate."""

from __future__ import annotations

# What makes a spreadsheet take a cell for a formula, or move the next sign to its beginning:
# https://owasp.org/www-community/attacks/CSV_Injection. The apostrophe is there for `rearm`.
_TRIGGERS = tuple("=+-@\t\r\n＝＋－＠'")


def disarm(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet could take for a formula.

    Parameters
    ----------
    text : str
        A cell that holds text; a number is no text, whatever its sign.

    Returns
    -------
    str
        Which `rearm` turns back into `text`.

    References
    ----------
    OWASP, CSV Injection.
    """
    return f"'{text}" if text.startswith(_TRIGGERS) else text


def rearm(text: str) -> str:
    """Give the text that `disarm` has made this one of."""
    return text.removeprefix("'")
