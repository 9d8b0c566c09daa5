"""What rehearsals show: learning curves, labels saved, and whether a difference is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t, ttest_rel, wilcoxon

CONFIDENCE = 0.95
MEASURES = ("precision", "recall", "average_precision", "share_found")


def learning_curves(results: pd.DataFrame, measures: tuple[str, ...] = MEASURES) -> pd.DataFrame:
    """Average over the seeds.

    Returns
    -------
    DataFrame
        arm, labels, measure, mean, low, high (the 95 % interval of the mean from Student's t; NaN
        with a single seed), n (seeds).
    """
    tall = results.melt(
        ["arm", "labels", "seed"], list(measures), var_name="measure", value_name="value"
    ).dropna(subset="value")
    grouped = tall.groupby(["arm", "labels", "measure"], sort=False)["value"]
    curves = grouped.agg(mean="mean", spread="std", n="count").reset_index()
    half = t.ppf((1 + CONFIDENCE) / 2, curves["n"] - 1) * curves["spread"] / np.sqrt(curves["n"])
    # All of them are shares.
    curves["low"] = (curves["mean"] - half).clip(0, 1)
    curves["high"] = (curves["mean"] + half).clip(0, 1)
    return curves.drop(columns="spread")


def labels_to_reach(
    results: pd.DataFrame, arm: str, goals: Mapping[int, Mapping[str, float]]
) -> pd.Series:
    """Tell after how many labels an arm has reached goals and keeps above them at that point.

    Parameters
    ----------
    results : DataFrame
        Of `rehearse`.
    arm : str
        Its title.
    goals : mapping of int to mapping of str to float
        By seed, the least value of each measure.

    Returns
    -------
    Series
        Labels by seed; NaN where the campaign ended before. Between iterations nothing is
        interpolated: it is the first iteration that has all of it.
    """
    found = {}
    mine = results[results["arm"] == arm].sort_values("labels")
    for seed in sorted(mine["seed"].unique().tolist()):
        rows = mine[mine["seed"] == seed]
        goal = goals.get(seed, {})
        has = np.ones(len(rows), dtype=bool)
        for measure, least in goal.items():
            has &= rows[measure].to_numpy() >= least
        found[seed] = float(rows["labels"].to_numpy()[has.argmax()]) if has.any() else np.nan
    return pd.Series(found, dtype=float, name=arm)


def final_goals(
    results: pd.DataFrame, arm: str, measures: tuple[str, ...]
) -> dict[int, dict[str, float]]:
    """Give what an arm has at its end, by seed."""
    mine = results[results["arm"] == arm].sort_values("labels")
    last = mine.groupby("seed").tail(1)
    return {
        row["seed"]: {measure: float(row[measure]) for measure in measures}
        for row in last.to_dict("records")
    }


@dataclass(frozen=True)
class Saving:
    """Labels that an arm needs for what another has at its end.

    Parameters
    ----------
    n_seeds, n_reached : int
        Campaigns, and those that got there.
    baseline, needed : float
        Labels of the other arm, and the median of this one's where all got there, else NaN.
    saved : float
        1 − needed / baseline.
    """

    n_seeds: int
    n_reached: int
    baseline: float
    needed: float
    saved: float


def label_saving(
    results: pd.DataFrame, arm: str, baseline: str, measures: tuple[str, ...]
) -> Saving:
    """Tell how many labels an arm saves against another."""
    goals = final_goals(results, baseline, measures)
    needed = labels_to_reach(results, arm, goals)
    spent = float(results.loc[results["arm"] == baseline, "labels"].max())
    middle = float(needed.fillna(np.inf).median()) if len(needed) else np.nan
    middle = middle if np.isfinite(middle) else np.nan
    return Saving(len(needed), int(needed.notna().sum()), spent, middle, 1 - middle / spent)


@dataclass(frozen=True)
class Difference:
    """A paired comparison of two arms over the seeds, at the same number of labels.

    Parameters
    ----------
    labels, n : int
        Where, and how many seeds.
    mean, low, high : float
        First minus second, with the 95 % interval from Student's t.
    p : float
        Of Wilcoxon's signed-rank test, two-sided; 1 where no seed differs.
    """

    labels: int
    n: int
    mean: float
    low: float
    high: float
    p: float


def compare(results: pd.DataFrame, first: str, second: str, measure: str) -> Difference | None:
    """Compare two arms at the largest number of labels that both have; None if there is none.

    References
    ----------
    Wilcoxon (1945), Biometrics Bulletin, 1, 80; Demšar (2006), JMLR, 7, 1.
    """
    one, other = (
        results[results["arm"] == arm].set_index(["labels", "seed"])[measure].dropna()
        for arm in (first, second)
    )
    shared = one.index.intersection(other.index)
    if not len(shared):
        return None
    labels = int(shared.get_level_values("labels").max())
    both = pd.concat([one, other], axis=1, join="inner", keys=["one", "other"]).loc[labels]
    gain = (both["one"] - both["other"]).to_numpy()
    if len(gain) < 2:
        return Difference(labels, len(gain), float(gain.mean()), np.nan, np.nan, np.nan)
    if not gain.any():
        return Difference(labels, len(gain), 0.0, 0.0, 0.0, 1.0)
    interval = ttest_rel(both["one"], both["other"]).confidence_interval(CONFIDENCE)
    p = float(wilcoxon(gain).pvalue)
    return Difference(
        labels, len(gain), float(gain.mean()), float(interval.low), float(interval.high), p
    )
