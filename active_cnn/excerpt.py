"""Values from files, and what parsers say of them, as an error text shows them: in one line."""

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


def explain(error: BaseException) -> str:
    """Say what a parser of JSON or TOML did not like, in one line and without Python's advice."""
    text = " ".join(str(error).split())
    if isinstance(error, RecursionError):
        return "it has values of too many levels"
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is no UTF-8"
    return "it has a number of too many digits" if "set_int_max_str_digits" in text else text
