"""Words that go with a number in a sentence, and shares in percent."""

from __future__ import annotations


def one_or_many(n: int, one: str, many: str) -> str:
    """Give the words that go with a count: ``spectrum is`` with 1, ``spectra are`` with others."""
    return one if n == 1 else many


def percent(share: float, digits: int = 0) -> str:
    """Give a share in percent, such as ``95 %``."""
    return f"{100 * share:.{digits}f} %"
