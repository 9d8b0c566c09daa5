"""What every spectrum of a survey really is, and an oracle that says so, nearly always."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from active_cnn.campaign.committee import target_positions
from active_cnn.errors import ExperimentError
from active_cnn.lines import open_lines
from active_cnn.names import trim
from active_cnn.records import Campaign
from active_cnn.spectra.pool import Pool

_COLUMNS = ("identifier", "label")
_VISIBLE = "is_visible"
_YES = ("1", "true", "yes")


@dataclass(frozen=True, eq=False)
class Truth:
    """The truth about a pool, row by row.

    Parameters
    ----------
    labels : tuple of str
        Name of the campaign's class that each spectrum is.
    positions : ndarray of int, shape (n_pool,)
        Position of the network's class of each.
    is_target : ndarray of bool, shape (n_pool,)
        Whether it is what the campaign looks for and a person can see that.
    is_hidden : ndarray of bool, shape (n_pool,)
        Whether it is what the campaign looks for, too faint for a person to see.
    """

    labels: tuple[str, ...]
    positions: NDArray[np.int64]
    is_target: NDArray[np.bool_]
    is_hidden: NDArray[np.bool_]


def read_truth(path: Path, campaign: Campaign, pool: Pool) -> Truth:
    """Read the truth about a pool.

    Parameters
    ----------
    path : Path
        CSV with the columns identifier and label (the name of a class of the campaign); where
        there is a column is_visible, spectra with 0 in it cannot be told by eye.
    campaign : Campaign
        Whose classes the labels are.
    pool : Pool
        Whose spectra they are of.

    Raises
    ------
    ExperimentError
        If the file cannot be read, lacks a spectrum of the pool, or names an unknown class.
    """
    try:
        with open_lines(path, encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise ExperimentError(
                    f"The truth {path} has no column {missing[0]!r}: it needs "
                    f"{' and '.join(_COLUMNS)}, and may have {_VISIBLE}."
                )
            rows = [
                (
                    trim(row["identifier"] or ""),
                    trim(row["label"] or ""),
                    (row.get(_VISIBLE) or "1").strip().lower(),
                )
                for row in reader
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ExperimentError(
            f"The truth {path} cannot be read: {error}. Give a CSV in UTF-8."
        ) from error
    unknown = {label for _, label, _ in rows} - set(campaign.trains)
    if unknown:
        raise ExperimentError(
            f"The truth {path} has the label {min(unknown)!r}, which is no class that the campaign "
            f"can tell: use {', '.join(campaign.trains)}."
        )
    found = pool.find([name for name, _, _ in rows])
    place = np.full(pool.n, -1)
    place[found[found >= 0]] = np.flatnonzero(found >= 0)
    without = np.flatnonzero((place < 0) & pool.usable)
    if without.size:
        raise ExperimentError(
            f"The truth {path} says nothing of {without.size} spectra of the pool, such as "
            f"{pool.identifiers(without[:1])[0]!r}. Give a row for each."
        )
    ordered = [rows[n] if n >= 0 else ("", next(iter(campaign.trains)), "1") for n in place]
    names = tuple(label for _, label, _ in ordered)
    position = {
        name: campaign.network_classes.index(trained) for name, trained in campaign.trains.items()
    }
    positions = np.array([position[name] for name in names])
    is_sought = np.isin(positions, target_positions(campaign))
    is_visible = np.array([visible in _YES for _, _, visible in ordered])
    usable = pool.usable
    return Truth(
        names, positions, is_sought & is_visible & usable, is_sought & ~is_visible & usable
    )


@dataclass(frozen=True)
class Oracle:
    """A person who is wrong now and then, and now and then says so.

    What is said of a spectrum depends on the seed and on the spectrum alone, so that every
    strategy meets the same person.

    Parameters
    ----------
    errors : float
        Share of the answers that are another class, drawn at random.
    unsure : float
        Share of the answers that are "unsure"; targets that cannot be seen always are.
    seed : int
        Which person.
    """

    errors: float = 0.02
    unsure: float = 0.03
    seed: int = 0

    def __post_init__(self) -> None:
        for name, share in (("errors", self.errors), ("unsure", self.unsure)):
            if not 0 <= share < 1:
                raise ExperimentError(
                    f"A share of {share:g} {name} is none: give a number from 0 to below 1."
                )

    def judge(
        self,
        campaign: Campaign,
        truth: Truth,
        named: Mapping[str, int],
        asked: Sequence[str],
        is_again: bool = False,
    ) -> dict[str, str]:
        """Say what some spectra are.

        Parameters
        ----------
        campaign : Campaign
            Whose classes are said.
        truth : Truth
            What they are.
        named : mapping of str to int
            Row of each identifier.
        asked : sequence of str
            Identifiers.
        is_again : bool
            Whether they are looked at once more, which is as likely to go wrong as the first time.

        Returns
        -------
        dict of str to str
            The answer to each.
        """
        untrained = [one.name for one in campaign.classes if one.name not in campaign.trains]
        said = {}
        for identifier in asked:
            row = named[identifier]
            look = f"{self.seed}\0{identifier}" + "\0again" * is_again
            digest = hashlib.sha256(look.encode()).digest()
            rng = np.random.default_rng(list(digest[:16]))
            chance, other = rng.random(), rng.random()
            right = truth.labels[row]
            if untrained and (truth.is_hidden[row] or chance < self.unsure):
                said[identifier] = untrained[-1]
            elif chance >= 1 - self.errors:
                wrong = [
                    name
                    for name, trained in campaign.trains.items()
                    if trained != campaign.trains[right]
                ]
                said[identifier] = wrong[int(other * len(wrong))]
            else:
                said[identifier] = right
        return said
