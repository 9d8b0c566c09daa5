"""Values from files as an error text shows them: short, in one line."""

from __future__ import annotations

LONGEST = 60  # characters


def shorten(value: object) -> str:
    """Give a value as an error text shows it, whatever it is."""
    if isinstance(value, int) and abs(value) >= 10**LONGEST:
        return f"a number of more than {LONGEST} digits"  # Python refuses to write very long ones
    try:
        text = repr(value)
    except RecursionError:
        return f"a {type(value).__name__} of too many levels"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
