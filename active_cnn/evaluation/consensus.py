"""What several people say together of one spectrum, and where they differ.

Opinions are a mapping: identifier of the spectrum -> {oracle -> class name}.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from active_cnn.records import Resolution

Opinions = Mapping[str, Mapping[str, str]]


def consensus(opinions_of_one: Mapping[str, str], rule: Resolution) -> str | None:
    """Tell which class people's opinions of one spectrum come to.

    Parameters
    ----------
    opinions_of_one : mapping of str to str
        Oracle -> class name, in the order of time.
    rule : Resolution
        Which opinion counts where people differ.

    Returns
    -------
    str or None
        None where the rule leaves it open, or nobody has judged.
    """
    if not opinions_of_one:
        return None
    if rule == Resolution.LATEST:
        return list(opinions_of_one.values())[-1]
    (name, n), *others = Counter(opinions_of_one.values()).most_common()
    if rule == Resolution.UNANIMOUS:
        return None if others else name
    return None if others and others[0][1] == n else name


def disagreements(opinions: Opinions) -> list[str]:
    """List the identifiers on which people differ, the most divided first, equal ones as given.

    How divided they are is the share of pairs of people who differ: 1 - P_i of Fleiss (1971),
    Psychological Bulletin, 76, 378.
    """
    divided = {identifier: _divided(judged) for identifier, judged in opinions.items()}
    return sorted((i for i in divided if divided[i]), key=lambda i: -divided[i])


def _divided(judged: Mapping[str, str]) -> float:
    if len(set(judged.values())) < 2:  # nearly always
        return 0.0
    n = len(judged)
    same = sum(count**2 for count in Counter(judged.values()).values())
    return (n**2 - same) / (n * (n - 1))
