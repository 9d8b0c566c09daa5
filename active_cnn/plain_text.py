"""Texts from files, which may hold anything, made fit to be stored and shown."""

from __future__ import annotations

import unicodedata

MOST_TEXT = 200  # characters of a name or a class


def plain(text: str, most: int | None = None) -> str:
    """Give a text without what no page, terminal or file format can show.

    Parameters
    ----------
    text : str
        From a file.
    most : int, optional
        Characters that are kept.

    Returns
    -------
    str
        In one line: every kind of space is a blank, what stands for undecodable bytes is U+FFFD,
        control characters (NUL among them) and their like are gone.
    """
    if not text.isprintable():
        text = "".join(map(_shown, text))
    return text if most is None or len(text) <= most else f"{text[: most - 1]}…"


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    if character.isspace():
        return " "
    return "\ufffd" if unicodedata.category(character) == "Cs" else ""
