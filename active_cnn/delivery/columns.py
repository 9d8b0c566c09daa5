"""Columns of the tables that others read: names that no program misreads, units and meaning."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

CALIBRATED = "p_calibrated"
RULE = "rule_sigma"

# A FITS keyword of one card has room for 68 characters; what makes a name unique comes behind.
_LONGEST = 60


@dataclass(frozen=True)
class Meaning:
    """What a column holds.

    Parameters
    ----------
    ucd : str
        UCD1+ of the IVOA.
    description : str
        For people.
    unit : str
        As the VO writes it; '' where there is none.
    """

    ucd: str
    description: str
    unit: str = ""


MEANINGS = {
    "identifier": Meaning("meta.id;meta.main", "Spectrum"),
    "ra": Meaning("pos.eq.ra;meta.main", "Right ascension (ICRS)", "deg"),
    "dec": Meaning("pos.eq.dec;meta.main", "Declination (ICRS)", "deg"),
    "label": Meaning("meta.code.class", "Class of the candidate"),
    "source": Meaning("meta.code", "Who says so: oracle or network"),
    "answer": Meaning("meta.code", "What the oracle answered, if anything"),
    CALIBRATED: Meaning("stat.probability", "Probability of being a target, by the answers"),
    "entropy": Meaning("stat.value", "Entropy of the probabilities (nats)"),
    RULE: Meaning("stat.snr", "Line over the continuum, in units of the noise"),
    "iteration": Meaning("meta.number", "Iteration that the label comes from"),
    "snr_r": Meaning("stat.snr", "Signal-to-noise ratio in r"),
    "designation": Meaning("meta.id.assoc", "Name of the object"),
    "pipeline_class": Meaning("src.class", "Class given by the survey's pipeline"),
    "oracle": Meaning("meta.id", "Who answered"),
    "note": Meaning("meta.note", "The oracle's note"),
    "path": Meaning("meta.id;meta.file", "File of the spectrum"),
}


def probability_columns(classes: Sequence[str]) -> dict[str, str]:
    """Name the columns of the probabilities of a network's classes.

    Parameters
    ----------
    classes : sequence of str
        Their names, each once.

    Returns
    -------
    dict of str to str
        The column of each class, in their order: letters of ASCII, digits and `_` only, since
        TOPCAT and ADQL take ``p_double-peak`` for a difference; unique also where capitals do not
        count, as in FITS and ADQL, and no other column of `MEANINGS`.

    References
    ----------
    FITS 4.0, sect. 7.3.2 (TTYPEn); ADQL 2.0, sect. 2.1.3 (regular identifiers).
    """
    taken = set(MEANINGS)
    columns = {}
    for name in classes:
        # Without their accents letters are still what they were; others have no ASCII.
        ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        plain = re.sub(r"[^0-9A-Za-z]+", "_", ascii_only).strip("_")[:_LONGEST]
        column, number = f"p_{plain or 'class'}", 1
        while column.lower() in taken:
            number += 1
            column = f"p_{plain or 'class'}_{number}"
        taken.add(column.lower())
        columns[name] = column
    return columns


def meanings(classes: Sequence[str]) -> dict[str, Meaning]:
    """Say what each column of a table of candidates holds, with the classes by their own names."""
    said = {
        column: Meaning(
            "stat.probability", f"Probability of the class {name!r}, by the newest network"
        )
        for name, column in probability_columns(classes).items()
    }
    return {**MEANINGS, **said}
