"""Which positions of a pool are none: fill values, and a place that many objects seem to share.

Where a survey knows nothing it writes a number all the same, or the centre of a plate for each of
its fibres. Taken for a place, it would make one star of all of these.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_cnn.spectra.sky import is_place

# Spectra at exactly one position before it is doubted: the visits of a star are mostly fewer.
FEWEST = 10

NOT_GIVEN = "not given"
ZERO = "RA 0, Dec 0"
OFF_SKY = "off the sky (RA is 0 to 360°, Dec −90 to +90°)"


@dataclass(frozen=True, eq=False)
class PlaceDoubts:
    """Which positions of a pool's usable rows are not known.

    Parameters
    ----------
    shared : ndarray of float64, shape (n_shared, 2)
        Right ascension and declination (degrees) that are written for many objects.
    unknown : dict of str to int
        How many rows have no position, by reason.
    """

    shared: NDArray[np.float64]
    unknown: dict[str, int]

    def known(
        self, ra: NDArray[np.float64], dec: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give positions back, NaN where they are none."""
        doubted = self.shared[:, 0] + 1j * self.shared[:, 1]
        is_known = is_place(ra, dec) & ~np.isin(ra + 1j * dec, doubted)
        return np.where(is_known, ra, np.nan), np.where(is_known, dec, np.nan)


def count_unknown(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> Counter[str]:
    """Count by reason the positions that by themselves are none."""
    is_given = np.isfinite(ra) & np.isfinite(dec)
    is_zero = (ra == 0) & (dec == 0)
    is_off = is_given & ~is_zero & ~is_place(ra, dec)
    counts = {NOT_GIVEN: ~is_given, ZERO: is_zero, OFF_SKY: is_off}
    return Counter({reason: int(which.sum()) for reason, which in counts.items()})


def find_shared(
    places: Iterable[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]],
    n_places: int,
    designations: Callable[[NDArray[np.int64]], NDArray[np.object_]],
) -> tuple[NDArray[np.float64], Counter[str]]:
    """Find positions that more spectra have to the last digit than one object explains.

    That is so where more than half of these spectra bear different names; and where it is the
    position of more than half of the pool, unless all of them bear one name.

    Parameters
    ----------
    places : iterable of (ra, dec, row)
        Positions (degrees) and rows in pieces; equal declinations are in one piece.
    n_places : int
        How many there are in all.
    designations : callable
        Gives the names of the objects of rows; '' where not known.

    Returns
    -------
    shared : ndarray of float64, shape (n_shared, 2)
    counts : Counter of str
        How many rows have them, by reason.
    """
    shared: list[tuple[float, float]] = []
    sizes: list[int] = []
    for ra, dec, row in places:
        order = np.lexsort((ra, dec))
        is_other = (np.diff(dec[order]) != 0) | (np.diff(ra[order]) != 0)
        starts = np.append(0, np.flatnonzero(is_other) + 1)
        n_alike = np.diff(np.append(starts, len(order)))
        many = n_alike >= FEWEST
        if not many.any():
            continue
        suspects = [
            order[start : start + n] for start, n in zip(starts[many], n_alike[many], strict=True)
        ]
        names = designations(row[np.concatenate(suspects)])
        ends = np.cumsum([len(one) for one in suspects])
        for one, named in zip(suspects, np.split(names, ends[:-1]), strict=True):
            if _is_of_many(named, is_most=2 * len(one) > n_places):
                shared.append((float(ra[one[0]]), float(dec[one[0]])))
                sizes.append(len(one))
    where = np.array(shared, dtype=np.float64).reshape(-1, 2)
    return where, _describe(where, sizes)


def _is_of_many(names: NDArray[np.object_], *, is_most: bool) -> bool:
    different = set(names) - {""}
    if 2 * len(different) > len(names):
        return True
    is_one_object = len(different) == 1 and (names != "").all()
    return is_most and not is_one_object


def _describe(where: NDArray[np.float64], sizes: list[int]) -> Counter[str]:
    if len(sizes) == 1:
        ra, dec = where[0]
        place = f"RA {ra:.5f}°, Dec {'−' if dec < 0 else '+'}{abs(dec):.5f}°"
        return Counter({f"{place}, which many objects cannot share": sizes[0]})
    if not sizes:
        return Counter()
    return Counter({f"at {len(sizes)} positions that many objects cannot share": sum(sizes)})
