"""Which rows of a table of labels a spectrum is named by: by path, identifier or position."""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.names import unpacked
from active_cnn.spectra.label_table import LabelTable, Way
from active_cnn.spectra.sky import ARCSEC_A_DEGREE, is_place

RADIUS = 3.0  # arcsec, as for the visits of a star
MOST_RADIUS = 3600.0


class Known(NamedTuple):
    """What is known of a spectrum before it is prepared; what is not asked for may be left out.

    `path` is absolute, '' where a pool does not tell the file; `ra` and `dec` are in degrees.
    """

    path: str = ""
    identifier: str = ""
    ra: float = math.nan
    dec: float = math.nan
    designation: str = ""


class Match(NamedTuple):
    """A row that names a spectrum; of a path the ones of the highest rank are meant."""

    row: int
    rank: int = 0


class Matcher:
    """Finds the rows of a table that name spectra.

    Parameters
    ----------
    table : LabelTable
        Its rows with problems name nothing.
    radius : float
        Within which a row's position means a spectrum, arcsec.

    Raises
    ------
    SpectrumError
        If the radius is none.
    """

    def __init__(self, table: LabelTable, radius: float = RADIUS) -> None:
        if not 0 < radius <= MOST_RADIUS:
            raise SpectrumError(
                f"A radius of {radius:g} arcsec is none: give one above 0, at most "
                f"{MOST_RADIUS:g} arcsec."
            )
        self._way = table.way
        rows = [row for row in range(len(table.labels)) if row not in table.problems]
        self._by_name: defaultdict[str, list[int]] = defaultdict(list)
        self._paths: dict[int, tuple[str, str]] = {}
        self._tree: Any = None
        if table.way is Way.POSITION:
            self._rows = np.array(rows, dtype=np.int64)
            places = np.array([table.places[row] for row in rows], np.float64).reshape(-1, 2)
            self._chord = 2 * math.sin(math.radians(radius / ARCSEC_A_DEGREE) / 2)
            self._tree = _tree(_directions(places)) if rows else None
        elif table.way is Way.IDENTIFIER:
            for row in rows:
                self._by_name[unpacked(table.names[row])].append(row)
        else:
            folder = os.path.realpath(table.path.parent)
            for row in rows:
                path = os.path.normpath(table.names[row])
                self._paths[row] = path, os.path.normpath(os.path.join(folder, path))  # noqa: PTH118
                self._by_name[unpacked(os.path.basename(path))].append(row)  # noqa: PTH119

    def match(self, spectra: Sequence[Known]) -> list[list[Match]]:
        """Give for each spectrum the rows that name it."""
        if self._way is Way.POSITION:
            return self._by_place(spectra)
        if self._way is Way.IDENTIFIER:
            return [
                [Match(row) for row in self._by_name.get(unpacked(one.identifier), ())]
                for one in spectra
            ]
        return [self._by_path(one.path) for one in spectra]

    def _by_path(self, path: str) -> list[Match]:
        found = []
        for row in self._by_name.get(unpacked(os.path.basename(path)), ()) if path else ():  # noqa: PTH119
            written, absolute = self._paths[row]
            if absolute == path:
                found.append(Match(row, 3))
            elif unpacked(absolute) == unpacked(path):
                found.append(Match(row, 2))
            # A name alone, or a path that begins above the table's folder or below it.
            elif unpacked(path).endswith(f"/{unpacked(written)}"):
                found.append(Match(row, 1))
        return found

    def _by_place(self, spectra: Sequence[Known]) -> list[list[Match]]:
        found: list[list[Match]] = [[] for _ in spectra]
        places = np.array([(one.ra, one.dec) for one in spectra], np.float64).reshape(-1, 2)
        known = np.flatnonzero(is_place(*places.T))
        if self._tree is None or not known.size:
            return found
        near = self._tree.query_ball_point(_directions(places[known]), self._chord)
        for number, rows in zip(known.tolist(), near, strict=True):
            found[number] = [Match(int(row)) for row in self._rows[sorted(rows)]]
        return found


def _directions(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give unit vectors, shape (n, 3), of right ascensions and declinations in degrees."""
    ra, dec = np.radians(places.T)
    return np.column_stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])


def _tree(directions: NDArray[np.float64]) -> Any:
    # Imported here: slow to load, and most tables name files.
    from scipy.spatial import cKDTree

    return cKDTree(directions)
