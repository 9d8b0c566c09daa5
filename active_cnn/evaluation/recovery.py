"""Which planted lines are found again: completeness by equivalent width, S/N and shape."""

from __future__ import annotations

from math import nan

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from active_cnn.errors import EvaluationError
from active_cnn.evaluation.calibration import fit_logistic
from active_cnn.evaluation.proportions import describe_share, wilson_interval
from active_cnn.wording import percent

# What a map can be drawn against.
AXES = {
    "equivalent_width": "equivalent width (Å)",
    "snr": "S/N of a pixel",
    "fwhm": "FWHM (km/s)",
    "separation": "separation (km/s)",
}
N_BINS = 8
FEWEST_IN_CELL = 10
COMPLETE = 0.9
SNR_EDGES = (0, 10, 20, 40, np.inf)
FEWEST_FOR_LIMIT = 50


def map_recovery(
    table: pd.DataFrame, is_found: NDArray[np.bool_], x: str, y: str, n_bins: int = N_BINS
) -> pd.DataFrame:
    """Count what is found again by two of its properties.

    Parameters
    ----------
    table : pandas.DataFrame
        A row for each planted line, with the columns of `AXES`, all positive.
    is_found : ndarray of bool, shape (n_lines,)
        Which were found again.
    x, y : str
        Two different ones of `AXES`.
    n_bins : int
        Of each, equal in the logarithm.

    Returns
    -------
    pandas.DataFrame
        For each cell that holds a line x_from, x_to, y_from, y_to, n, n_found, share, low, high
        (Wilson's 95 % interval); the last three are NaN with fewer than `FEWEST_IN_CELL` lines.

    Raises
    ------
    EvaluationError
        If there is nothing to draw against, or one and the same twice.
    """
    if x == y or not {x, y} <= set(AXES):
        raise EvaluationError(
            f"No map of {x!r} against {y!r}: choose two different ones of {', '.join(AXES)}."
        )
    edges = {name: _edges(table[name].to_numpy(), n_bins) for name in (x, y)}
    place = {
        name: (np.searchsorted(edges[name], table[name], side="right") - 1).clip(0, n_bins - 1)
        for name in (x, y)
    }
    cell = place[x] * n_bins + place[y]
    n = np.bincount(cell, minlength=n_bins**2)
    n_found = np.bincount(cell[is_found], minlength=n_bins**2)
    rows = []
    for number in np.flatnonzero(n):
        i, j = divmod(int(number), n_bins)
        all_, found = int(n[number]), int(n_found[number])
        is_known = all_ >= FEWEST_IN_CELL
        low, high = wilson_interval(found, all_) if is_known else (nan, nan)
        rows.append(
            {
                "x_from": edges[x][i],
                "x_to": edges[x][i + 1],
                "y_from": edges[y][j],
                "y_to": edges[y][j + 1],
                "n": all_,
                "n_found": found,
                "share": found / all_ if is_known else nan,
                "low": low,
                "high": high,
            }
        )
    return pd.DataFrame(rows)


def _edges(values: NDArray[np.float64], n_bins: int) -> NDArray[np.float64]:
    # A few of extreme S/N would leave the map to themselves.
    low, high = np.quantile(values, [0.005, 0.995])
    return np.geomspace(low, max(high, low * 1.01), n_bins + 1)


def completeness_limit(
    equivalent_width: NDArray[np.float64], is_found: NDArray[np.bool_], share: float = COMPLETE
) -> float:
    """Give the equivalent width from which on a share of the lines is found.

    Parameters
    ----------
    equivalent_width : ndarray, shape (n_lines,)
        In angstrom.
    is_found : ndarray of bool, shape (n_lines,)
    share : float
        Between 0 and 1.

    Returns
    -------
    float
        Where a logistic curve in the logarithm of the equivalent width reaches the share; NaN
        with fewer than `FEWEST_FOR_LIMIT` lines, or where the curve does not reach it among those
        that were planted.
    """
    n_found = int(is_found.sum())
    if len(is_found) < FEWEST_FOR_LIMIT or not 0 < n_found < len(is_found):
        return nan
    curve = fit_logistic(np.log(equivalent_width), is_found)
    if curve.slope <= 0:
        return nan
    limit = float(np.exp((np.log(share / (1 - share)) - curve.intercept) / curve.slope))
    return limit if limit <= equivalent_width.max() else nan


def limits_by_snr(table: pd.DataFrame, is_found: NDArray[np.bool_]) -> pd.DataFrame:
    """Give the completeness limit of each range of S/N.

    Returns
    -------
    pandas.DataFrame
        snr_from, snr_to, n, share (found), limit (Å; NaN where it is not reached); ranges
        without a line are left out.
    """
    rows = []
    for low, high in zip(SNR_EDGES, SNR_EDGES[1:], strict=False):
        here = ((table["snr"] >= low) & (table["snr"] < high)).to_numpy()
        if here.any():
            limit = completeness_limit(table["equivalent_width"].to_numpy()[here], is_found[here])
            rows.append(
                {
                    "snr_from": low,
                    "snr_to": high,
                    "n": int(here.sum()),
                    "share": float(is_found[here].mean()),
                    "limit": limit,
                }
            )
    return pd.DataFrame(rows, columns=["snr_from", "snr_to", "n", "share", "limit"])


def name_lines(table: pd.DataFrame) -> str:
    """Name what was planted by its kinds: emission lines, absorption lines, or lines of both."""
    kinds = set(table["kind"])
    if kinds <= {"emission", "double-peak"}:
        return "emission lines"
    return "absorption lines" if kinds == {"absorption"} else "emission and absorption lines"


def describe_recovery(table: pd.DataFrame, is_found: NDArray[np.bool_], what: str) -> str:
    """Say in words what is found again of the planted lines.

    Parameters
    ----------
    table, is_found
        As for `map_recovery`.
    what : str
        What being found means, such as "predicted to be targets".
    """
    share = describe_share(float(is_found.mean()), len(is_found))
    # One spectrum may have got several lines at once: what is counted are spectra.
    text = (
        f"{name_lines(table).capitalize()} were planted into {len(table):,} spectra of the pool "
        f"that nobody has labelled and that are not predicted to be targets: with them, {share} "
        f"are {what}."
    )
    limits = limits_by_snr(table, is_found).dropna(subset="limit")
    if limits.empty:
        return f"{text} In no range of S/N does the share reach {percent(COMPLETE)}."
    parts = [
        f"{limit:.1f} Å at S/N {_range(low, high)}"
        for low, high, limit in limits[["snr_from", "snr_to", "limit"]].to_numpy()
    ]
    return (
        f"{text} {percent(COMPLETE)} are found from an equivalent width of {_join(parts)} on "
        "(S/N of a pixel of the continuum)."
    )


def _range(low: float, high: float) -> str:
    if not low:
        return f"below {high:g}"
    return f"above {low:g}" if np.isinf(high) else f"{low:g}–{high:g}"


def _join(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
